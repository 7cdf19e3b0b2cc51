//! Applying a payment to claims, and taking it back (D-21). Applying never changes what was
//! captured; a claim with nothing left is settled, and opens again when the match is undone.

use std::collections::BTreeSet;

use domain::{
    balance::{ClaimFacts, is_with_patient},
    book::ClaimStatus,
    id::{ClaimId, JournalId, PaymentId, PracticeId},
    money::Cents,
    payment::Refusal,
    proposal::Proposal,
};
use store::{
    Db,
    audit::{self, Actor, Entry as AuditEntry},
    balance,
    payment::{self, Filter, Found, Payment, Stage},
    posting::{self, Entry, JournalKind, NewJournal, Posted},
};

use crate::{FoundPayment, PayError, Payments, Result, alert::Alert, answer};

/// More lines than any account has open bills.
const LINES_MOST: usize = 500;
/// Payments that one press of "Apply exact matches" takes.
pub(crate) const BULK_MOST: usize = 500;
const BULK_PAGE: i64 = 100;

/// The person who acts, as the audit log names them.
#[derive(Clone, Debug)]
pub struct Staff {
    pub actor: Actor,
    pub address: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplyLine {
    pub claim: ClaimId,
    pub amount: Cents,
}

/// What "Apply N exact matches" did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppliedInBulk {
    pub payments: usize,
    pub cents: Cents,
    /// Changed while we looked: still in the list.
    pub left: usize,
}

impl Payments {
    /// `expected_version` is the one the page showed.
    pub async fn apply(
        &self,
        practice: &PracticeId,
        payment: &PaymentId,
        lines: &[ApplyLine],
        expected_version: i64,
        staff: &Staff,
    ) -> Result<JournalId> {
        let payment = self.find_payment(practice, payment).await?;
        check_lines(lines)?;
        let (me, lines, staff) = (self.clone(), lines.to_vec(), staff.clone());
        let journal = self
            .store()
            .write(move |db| {
                let (me, payment) = (me.clone(), payment.clone());
                let (lines, staff) = (lines.clone(), staff.clone());
                Box::pin(async move {
                    answer(me.write_apply(db, &payment, &lines, expected_version, &staff).await)
                })
            })
            .await??;
        self.wake();
        Ok(journal)
    }

    /// Everything is checked before the first write.
    async fn write_apply(
        &self,
        db: &mut Db,
        payment: &Payment,
        lines: &[ApplyLine],
        expected_version: i64,
        staff: &Staff,
    ) -> Result<JournalId> {
        let payment = self.take(db, payment, expected_version).await?;
        let practice = &payment.practice;
        let total: Cents = lines.iter().map(|l| l.amount).sum();
        let free = posting::load_totals(db, practice, &payment.id).await?.free();
        if total > free {
            return Err(Refusal::OnlyUnapplied { cents: free.at_least_zero() }.into());
        }
        let facts = balance::load(db, practice, &payment.guarantor).await?;
        for line in lines {
            let claim = facts.claims.iter().find(|c| c.id == line.claim);
            let remaining = claim.ok_or(Refusal::NotFound)?.remaining();
            if line.amount > remaining {
                return Err(Refusal::MoreThanClaim { claim: line.claim.clone(), remaining }.into());
            }
        }

        payment::mark_version(db, practice, &payment.id, payment.version).await?;
        let mut entries = vec![Entry::unapplied(total)];
        entries.extend(lines.iter().map(|l| Entry::applied(&l.claim, -l.amount)));
        let journal = self
            .write_journal(db, &payment, JournalKind::Apply, None, &staff.actor, entries)
            .await?;
        self.write_statuses(db, &payment, lines.iter().map(|l| &l.claim)).await?;
        let entry = AuditEntry::new(
            practice,
            staff.actor.clone(),
            "payment.apply",
            "payment",
            payment.id.as_str(),
        )
        .about(&payment.guarantor)
        .with(format!("{} cents to {} claims, {journal}", total.0, lines.len()))
        .from_address(&staff.address);
        audit::insert(db, self.world(), &entry).await?;
        Ok(journal)
    }

    /// Undo of one match.
    pub async fn unapply(
        &self,
        practice: &PracticeId,
        journal: &JournalId,
        expected_version: i64,
        staff: &Staff,
    ) -> Result<JournalId> {
        let mut db = self.store().read().await?;
        let payment = posting::find_payment(&mut db, practice, journal).await?;
        drop(db);
        let payment = self.find_payment(practice, &payment.ok_or(Refusal::NotFound)?).await?;
        let (me, journal, staff) = (self.clone(), journal.clone(), staff.clone());
        let undone = self
            .store()
            .write(move |db| {
                let (me, payment) = (me.clone(), payment.clone());
                let (journal, staff) = (journal.clone(), staff.clone());
                Box::pin(async move {
                    answer(me.write_unapply(db, &payment, &journal, expected_version, &staff).await)
                })
            })
            .await??;
        self.wake();
        Ok(undone)
    }

    async fn write_unapply(
        &self,
        db: &mut Db,
        payment: &Payment,
        journal: &JournalId,
        expected_version: i64,
        staff: &Staff,
    ) -> Result<JournalId> {
        let payment = self.take(db, payment, expected_version).await?;
        let posted = posting::list(db, &payment.practice, &payment.id).await?;
        if posted.iter().any(|p| p.reverses.as_ref() == Some(journal)) {
            return Err(Refusal::AlreadyUndone.into());
        }
        let lines = lines_of(&posted, journal);
        if lines.is_empty() {
            return Err(Refusal::NotFound.into());
        }
        payment::mark_version(db, &payment.practice, &payment.id, payment.version).await?;
        let undone = self.write_reversal(db, &payment, journal, &lines, &staff.actor).await?;
        let entry = AuditEntry::new(
            &payment.practice,
            staff.actor.clone(),
            "payment.unapply",
            "payment",
            payment.id.as_str(),
        )
        .about(&payment.guarantor)
        .with(format!("{journal}"))
        .from_address(&staff.address);
        audit::insert(db, self.world(), &entry).await?;
        Ok(undone)
    }

    /// Takes the payment for a change: everybody who changes one takes the guarantor first, so what
    /// is read afterwards holds until the commit.
    async fn take(&self, db: &mut Db, payment: &Payment, expected_version: i64) -> Result<Payment> {
        let (practice, now) = (&payment.practice, self.now());
        balance::lock(db, practice, &payment.guarantor, Some(now)).await?;
        let fresh = payment::find(db, practice, &payment.id).await?.ok_or(Refusal::NotFound)?;
        if fresh.version != expected_version {
            return Err(changed_meanwhile(db, &fresh).await?);
        }
        if fresh.posted_at.is_some() {
            return Err(Refusal::AlreadyPosted.into());
        }
        Ok(fresh)
    }

    /// Takes matches back, newest first, until so much is unapplied: the bank or the processor has
    /// taken the money already. What then is still missing is told to a person.
    pub(crate) async fn free_up(
        &self,
        db: &mut Db,
        payment: &Payment,
        needed: Cents,
        cause: &'static str,
    ) -> store::Result<()> {
        let practice = &payment.practice;
        // As it is under the lock: staff may have marked it posted a moment ago.
        let Some(fresh) = payment::find(db, practice, &payment.id).await? else { return Ok(()) };
        let posted = posting::list(db, practice, &payment.id).await?;
        let reversed: BTreeSet<&JournalId> =
            posted.iter().filter_map(|p| p.reverses.as_ref()).collect();
        let mut journals: Vec<&JournalId> = Vec::new();
        for line in posted.iter().rev() {
            let is_match = line.kind == JournalKind::Apply.as_str();
            if is_match && !reversed.contains(&line.journal) && !journals.contains(&&line.journal) {
                journals.push(&line.journal);
            }
        }
        let mut undone = false;
        for journal in journals {
            let free = posting::load_totals(db, practice, &payment.id).await?.free();
            if free >= needed {
                break;
            }
            let actor = Actor::System("payments");
            self.write_reversal(db, &fresh, journal, &lines_of(&posted, journal), &actor).await?;
            undone = true;
        }
        if undone {
            payment::mark_version(db, practice, &payment.id, fresh.version).await?;
            self.write_alert(db, &Alert::overdrawn(payment, cause)).await?;
        }
        Ok(())
    }

    async fn write_reversal(
        &self,
        db: &mut Db,
        payment: &Payment,
        journal: &JournalId,
        lines: &[ApplyLine],
        actor: &Actor,
    ) -> store::Result<JournalId> {
        let total: Cents = lines.iter().map(|l| l.amount).sum();
        let mut entries = vec![Entry::unapplied(-total)];
        entries.extend(lines.iter().map(|l| Entry::applied(&l.claim, l.amount)));
        let undone = self
            .write_journal(db, payment, JournalKind::Unapply, Some(journal), actor, entries)
            .await?;
        if crate::post::is_by_staff(payment) {
            for line in lines {
                let (practice, now) = (&payment.practice, self.now());
                balance::mark_taken_off(db, practice, &line.claim, -line.amount, now).await?;
            }
        }
        self.write_statuses(db, payment, lines.iter().map(|l| &l.claim)).await?;
        Ok(undone)
    }

    async fn write_journal(
        &self,
        db: &mut Db,
        payment: &Payment,
        kind: JournalKind,
        reverses: Option<&JournalId>,
        actor: &Actor,
        entries: Vec<Entry>,
    ) -> store::Result<JournalId> {
        let journal = NewJournal {
            practice: &payment.practice,
            guarantor: &payment.guarantor,
            payment: &payment.id,
            kind,
            reverses,
            actor: &actor.label(),
            entries,
        };
        posting::insert(db, self.world(), &journal).await
    }

    /// Settled when nothing is left, open again when something is (D-9). A claim at an insurer or an
    /// agency keeps the status the practice's system gave it.
    async fn write_statuses(
        &self,
        db: &mut Db,
        payment: &Payment,
        claims: impl Iterator<Item = &ClaimId> + Send,
    ) -> store::Result<()> {
        let touched: BTreeSet<&ClaimId> = claims.collect();
        let facts = balance::load(db, &payment.practice, &payment.guarantor).await?;
        for claim in facts.claims.iter().filter(|c| touched.contains(&c.id)) {
            let now = self.now();
            match step_of(claim) {
                Some(Step::Settle) => {
                    balance::mark_settled(db, &payment.practice, &claim.id, now).await?;
                }
                Some(Step::Reopen) => {
                    balance::mark_reopened(db, &payment.practice, &claim.id, now).await?;
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Applies every payment of the unapplied list whose proposal leaves no doubt. Each is a
    /// transaction of its own: what changed meanwhile stays in the list.
    pub async fn apply_exact_matches(
        &self,
        practice: &PracticeId,
        staff: &Staff,
    ) -> Result<AppliedInBulk> {
        let filter = Filter { stage: Stage::Unapplied, ..Filter::default() };
        let mut done = AppliedInBulk::default();
        for found in self.find_exact_matches(practice, &filter).await? {
            let row = &found.row;
            let lines = found.proposal.map(lines_of_proposal).unwrap_or_default();
            self.apply_one(practice, row, &lines, staff, &mut done).await?;
        }
        Ok(done)
    }

    /// As above, of the payments somebody saw and confirmed, as they were then: `seen` names their
    /// versions. One whose claims changed meanwhile has no exact proposal any more and is left.
    pub async fn apply_seen_matches(
        &self,
        practice: &PracticeId,
        seen: &[(PaymentId, i64)],
        staff: &Staff,
    ) -> Result<AppliedInBulk> {
        if seen.len() > BULK_MOST {
            return Err(Refusal::BadLines.into());
        }
        let mut done = AppliedInBulk::default();
        for (id, version) in seen {
            let detail = self.payment_detail(practice, id).await?;
            match detail.proposal.filter(Proposal::is_exact) {
                Some(proposal) if detail.row.version == *version => {
                    let lines = lines_of_proposal(proposal);
                    self.apply_one(practice, &detail.row, &lines, staff, &mut done).await?;
                }
                _ => done.left += 1,
            }
        }
        Ok(done)
    }

    async fn apply_one(
        &self,
        practice: &PracticeId,
        row: &Found,
        lines: &[ApplyLine],
        staff: &Staff,
        done: &mut AppliedInBulk,
    ) -> Result<()> {
        match self.apply(practice, &row.id, lines, row.version, staff).await {
            Ok(_) => {
                done.payments += 1;
                done.cents += row.unapplied;
                Ok(())
            }
            Err(PayError::Refused(_)) => {
                done.left += 1;
                Ok(())
            }
            Err(cause) => Err(cause),
        }
    }

    /// The payments of a list whose proposal leaves no doubt, in the order of the list. Looks at no
    /// more than one press of the button takes.
    pub async fn find_exact_matches(
        &self,
        practice: &PracticeId,
        filter: &Filter,
    ) -> Result<Vec<FoundPayment>> {
        let mut filter = filter.clone();
        let (mut seen, mut found) = (0, Vec::new());
        while seen < BULK_MOST {
            let page = self.find_payments(practice, &filter, BULK_PAGE).await?;
            seen += page.len();
            let is_last = page.len() < BULK_PAGE as usize;
            filter.after = page.last().map(|last| last.row.id.clone());
            found.extend(
                page.into_iter().filter(|f| f.proposal.as_ref().is_some_and(Proposal::is_exact)),
            );
            if is_last {
                break;
            }
        }
        Ok(found)
    }
}

fn lines_of_proposal(proposal: Proposal) -> Vec<ApplyLine> {
    let line = |l: domain::proposal::Line| ApplyLine { claim: l.claim, amount: l.amount };
    proposal.lines.into_iter().map(line).collect()
}

enum Step {
    Settle,
    Reopen,
}

fn step_of(claim: &ClaimFacts) -> Option<Step> {
    let is_left = claim.remaining().is_positive();
    if !is_left && is_with_patient(claim.status) {
        Some(Step::Settle)
    } else if is_left && claim.status == ClaimStatus::Settled {
        Some(Step::Reopen)
    } else {
        None
    }
}

fn check_lines(lines: &[ApplyLine]) -> Result<()> {
    let claims: BTreeSet<&ClaimId> = lines.iter().map(|l| &l.claim).collect();
    if lines.is_empty() || lines.len() > LINES_MOST || claims.len() != lines.len() {
        return Err(Refusal::BadLines.into());
    }
    if lines.iter().any(|l| !l.amount.is_positive() || l.amount > domain::money::LARGEST) {
        return Err(Refusal::AmountMissing.into());
    }
    Ok(())
}

/// What a match gave to which claim.
fn lines_of(posted: &[Posted], journal: &JournalId) -> Vec<ApplyLine> {
    posted
        .iter()
        .filter(|p| &p.journal == journal && p.kind == JournalKind::Apply.as_str())
        .filter_map(|p| Some(ApplyLine { claim: p.claim.clone()?, amount: -p.amount }))
        .collect()
}

/// Who was it, and when: the newest trace of the payment. Its arrival changed nothing that a form
/// could have shown before.
pub(crate) async fn changed_meanwhile(db: &mut Db, payment: &Payment) -> Result<PayError> {
    let posted = posting::list(db, &payment.practice, &payment.id).await?;
    let refunds = store::refund::list(db, &payment.practice, &payment.id).await?;
    let changes = posted.into_iter().filter(|p| p.kind != JournalKind::Capture.as_str());
    let mut traces: Vec<_> = changes.map(|p| (p.at, p.actor)).collect();
    traces.extend(refunds.into_iter().map(|r| (r.requested_at, r.requested_by)));
    traces.extend(payment.posted_at.zip(payment.posted_by.clone()));
    let (at, by) = traces.into_iter().max_by_key(|(at, _)| *at).unwrap_or_default();
    Ok(Refusal::ChangedMeanwhile { by, at }.into())
}
