//! What becomes of a message once something is known: decided against, accepted, refused, reported.
//! Everything here runs inside the caller's transaction.

use std::collections::{BTreeMap, BTreeSet};

use connect::channel::{DeliveryStatus, RefusalCause};
use domain::{
    clock::{HOUR_MS, UnixMs},
    decide::{
        Channel, Class, Decision, LineType, Reach, RuleId, SuppressionReason, SuppressionScope,
        Verdict,
    },
    id::{GuarantorId, JobId, PracticeId},
    practice::Practice,
    template::Kind,
};
use store::{
    Db, audit,
    audit::{Actor, Entry},
    contact, conversation, guarantor, job, link,
    message::{
        Message, State, count_refused_phones, marks,
        queue::{self, Acceptance, Ended, TakenBack},
    },
    suppression, task,
};

use crate::{
    Engine,
    compose::{Occasion, link_for},
    facts::Gathered,
    intent::lock_accounts,
};

/// How soon a message that waits for the practice, not for the person, is looked at again.
const LOOK_AGAIN_MS: i64 = HOUR_MS;

/// Texts filtered at this many phones within a day pause the practice's reminders by text (M25):
/// one is bad luck, and filters that are ignored block the number.
const FILTERED_PHONES_MOST: i64 = 3;
const FILTERED_WITHIN_MS: i64 = 24 * HOUR_MS;

const ENGINE: Actor = Actor::System("engine");

pub(crate) const fn rank_of(status: DeliveryStatus) -> i64 {
    match status {
        DeliveryStatus::Queued => 1,
        DeliveryStatus::Sent => 2,
        DeliveryStatus::Undelivered => 3,
        DeliveryStatus::Failed => 4,
        DeliveryStatus::Delivered => 5,
    }
}

const fn cause_code(cause: RefusalCause) -> &'static str {
    match cause {
        RefusalCause::OptedOut => "refused:opted_out",
        RefusalCause::BadAddress => "refused:bad_address",
        RefusalCause::NotMobile => "refused:not_mobile",
        RefusalCause::SenderFault => "refused:sender_fault",
        RefusalCause::Content => "refused:content",
        RefusalCause::Blocked => "refused:blocked",
        RefusalCause::Filtered => "refused:filtered",
        RefusalCause::Permanent => "refused:permanent",
    }
}

/// Only the practice's own state stands in the way, and it passes: a held import is accepted, a
/// pause for complaints is lifted. The message waits, until it is stale.
fn passes_by_itself(decision: &Decision) -> bool {
    let mut against = decision.reasons.iter().filter(|r| r.verdict == Verdict::Withhold).peekable();
    against.peek().is_some()
        && against.all(|r| matches!(r.rule, RuleId::HeldImport | RuleId::Complaints))
}

/// Nothing to ask for any more: taken back rather than withheld.
const fn is_moot(rule: RuleId) -> bool {
    matches!(rule, RuleId::NothingDue | RuleId::SmallBalance | RuleId::PaidSinceApproval)
}

impl Engine {
    /// A decision against a message that waits for its slot or its yes.
    pub(crate) async fn end_decided(
        &self,
        db: &mut Db,
        practice: &Practice,
        gathered: &Gathered,
        message: &Message,
        decision: &Decision,
    ) -> store::Result<()> {
        let now = self.now();
        if decision.waits_for_approval_only() {
            if message.state == State::Queued {
                queue::mark_pending_again(db, &practice.id, &message.id, "D-39").await?;
            }
            return self.rewrite(db, practice, gathered, message).await;
        }
        if passes_by_itself(decision) {
            if message.state == State::Queued {
                let again = now.plus_ms(LOOK_AGAIN_MS);
                queue::mark_waiting(db, &practice.id, &message.id, again, false).await?;
            }
            return Ok(());
        }
        let rule = decision.headline().map(|r| r.rule);
        let state = if rule.is_some_and(is_moot) { State::Cancelled } else { State::Withheld };
        let why = rule.map_or("withheld", RuleId::as_str);
        self.end(db, &practice.id, message, state, why, None, now).await
    }

    /// Ends a message and what hangs on it: its link, and its job's mark on the claims (X7).
    #[allow(clippy::too_many_arguments, reason = "an end has exactly these parts")]
    pub(crate) async fn end(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &Message,
        state: State,
        why: &str,
        code: Option<&str>,
        now: UnixMs,
    ) -> store::Result<()> {
        if !queue::mark_ended(db, practice, &message.id, state, why, code, now).await? {
            return Ok(());
        }
        let ended = Ended {
            id: message.id.clone(),
            job: message.job.clone(),
            guarantor: message.guarantor.clone(),
            digest: message.digest.clone(),
        };
        self.after_end(db, practice, std::slice::from_ref(&ended)).await?;
        match state {
            State::Failed => self.slipped(db, practice, message).await?,
            _ => self.look_for_another_way(db, practice, message).await?,
        }
        let mut entry = Entry::new(practice, ENGINE, "end", "message", message.id.as_str())
            .with(format!("state={} why={why}", state.as_str()));
        entry.guarantor = message.guarantor.clone();
        audit::insert(db, self.world(), &entry).await
    }

    /// Links of messages that will never go are revoked; claims of a guarantor whom nothing of the
    /// job reached, or can reach, are Ready again (X7).
    pub(crate) async fn after_end(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        ended: &[Ended],
    ) -> store::Result<()> {
        let now = self.now();
        let mut by_job: BTreeMap<&JobId, BTreeSet<&GuarantorId>> = BTreeMap::new();
        for one in ended {
            link::mark_revoked_of_message(db, practice, &one.id, now).await?;
            if let (Some(job), Some(guarantor)) = (&one.job, &one.guarantor) {
                by_job.entry(job).or_default().insert(guarantor);
            }
        }
        for (job, guarantors) in by_job {
            let all: Vec<GuarantorId> = guarantors.into_iter().cloned().collect();
            let reached = queue::list_reached(db, practice, job, &all).await?;
            for guarantor in all.iter().filter(|g| !reached.contains(g)) {
                job::mark_claims_ready(db, practice, job, Some(guarantor), now).await?;
            }
        }
        // Whoever is left of a digest goes without them.
        let digests = ended.iter().filter_map(|one| one.digest.clone()).collect();
        self.recount(db, practice, &digests).await
    }

    /// New words for a message whose amount is not what was approved, for a new yes (D-39).
    async fn rewrite(
        &self,
        db: &mut Db,
        practice: &Practice,
        gathered: &Gathered,
        message: &Message,
    ) -> store::Result<()> {
        let now = self.now();
        let parts = (|| {
            let account = gathered.accounts.get(message.guarantor.as_ref()?)?;
            let id = message.contact.as_ref()?;
            let contact = account.contacts.iter().find(|c| c.id == *id)?;
            Some((account, contact, message.job.as_ref()?))
        })();
        let Some((account, contact, job)) = parts else { return Ok(()) };
        let book = store::template::load_book(db, &practice.id).await?;
        let occasion = Occasion {
            job,
            by: &message.created_by,
            notice: Some(&message.notice),
            kind: Kind::parse(&message.kind),
            due_on: None,
            book: &book,
        };
        let written = self.reminder(practice, account, contact, message.channel, &occasion, now);
        let Ok(draft) = written else {
            return self
                .end(db, &practice.id, message, State::Withheld, "wording", None, now)
                .await;
        };
        link::mark_revoked_of_message(db, &practice.id, &message.id, now).await?;
        if let Some(link) = draft.link {
            let link = link::New { message: Some(message.id.clone()), ..link };
            link::insert_many(db, &practice.id, &[link], now).await?;
        }
        let claims: Vec<_> =
            draft.claims.into_iter().map(|c| (account.guarantor.id.clone(), c)).collect();
        job::insert_claims(db, &practice.id, job, &claims).await?;
        queue::mark_rewritten(db, &practice.id, &message.id, &draft.message).await?;
        let digests = message.digest.iter().cloned().collect();
        self.recount(db, &practice.id, &digests).await
    }

    /// The provider has it, and with it every message it carries.
    pub(crate) async fn accept(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &Message,
        riders: &[Message],
        acceptance: &Acceptance<'_>,
    ) -> store::Result<bool> {
        if !riders.is_empty() {
            lock_accounts(db, practice, riders.iter().chain([message])).await?;
        }
        let carried = Acceptance { segments: 0, ..acceptance.clone() };
        for rider in riders {
            self.accept_one(db, practice, rider, &carried).await?;
        }
        if !self.accept_one(db, practice, message, acceptance).await? {
            return Ok(false);
        }
        let digests = message.digest.iter().cloned().collect();
        self.recount(db, practice, &digests).await?;
        self.take_early_reports(db, practice, &message.id, acceptance.provider_id).await?;
        Ok(true)
    }

    async fn accept_one(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &Message,
        acceptance: &Acceptance<'_>,
    ) -> store::Result<bool> {
        let now = self.now();
        if !queue::mark_accepted(db, practice, &message.id, acceptance, now).await? {
            return Ok(false);
        }
        link::mark_accepted(db, practice, &message.id, now).await?;
        self.climbed(db, practice, message).await?;
        if message.class == Class::StaffDirect {
            conversation::mark_changed(db, practice, &message.value_index).await?;
        }
        if message.channel == Channel::Fax {
            let next_at = Some(now.plus_ms(self.options().ask_every_ms));
            queue::mark_ask_again(db, practice, &message.id, next_at).await?;
        }
        if let Some(guarantor) = &message.guarantor
            && message.class.is_reminder()
        {
            guarantor::mark_sent(db, practice, guarantor, now).await?;
            if let Some(job) = &message.job {
                job::mark_claims_sent(db, practice, job, guarantor, now).await?;
            }
        }
        let mut entry = Entry::new(practice, ENGINE, "send", "message", message.id.as_str())
            .with(format!("channel={} class={}", message.channel.as_str(), message.class.as_str()));
        entry.guarantor = message.guarantor.clone();
        audit::insert(db, self.world(), &entry).await?;
        Ok(true)
    }

    /// A send counts for the phone or email and for the guarantor (M15); one that goes in another's
    /// message for its guarantor alone, because the phone rings once.
    pub(crate) async fn count(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &Message,
        is_carried: bool,
        now: UnixMs,
    ) -> store::Result<()> {
        let phone = (!is_carried).then_some(message.value_index.as_str());
        let guarantor = message.guarantor.as_ref().map(GuarantorId::as_str);
        let subjects: Vec<&str> = phone.into_iter().chain(guarantor).collect();
        marks::insert(db, practice, &subjects, &message.id, &message.notice, now).await
    }

    /// The provider refused it for good, now or in a later report: the contact learns from it.
    pub(crate) async fn learn(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &Message,
        cause: RefusalCause,
        code: Option<i64>,
    ) -> store::Result<()> {
        let now = self.now();
        match cause {
            RefusalCause::OptedOut => {
                self.suppress(
                    db,
                    practice,
                    &message.value_index,
                    message.channel,
                    SuppressionReason::Carrier,
                    "system:carrier",
                )
                .await?;
            }
            RefusalCause::BadAddress | RefusalCause::NotMobile | RefusalCause::Blocked => {
                let reach = match (cause, message.channel) {
                    (RefusalCause::Blocked, Channel::Text) => Reach::CarrierBlocked,
                    (RefusalCause::NotMobile, _) => Reach::NotMobile,
                    (_, Channel::Email) => Reach::HardBounced,
                    _ => Reach::Invalid,
                };
                let line = (cause == RefusalCause::NotMobile).then_some(LineType::Landline);
                let value = &message.value_index;
                contact::mark_bad(db, practice, value, reach, line, now).await?;
                let key = format!("unreachable:{value}");
                let detail = code.map(|c| c.to_string());
                self.open_task(db, practice, message, "unreachable", &key, detail).await?;
            }
            RefusalCause::Filtered => self.note_filtered(db, practice, message, code).await?,
            RefusalCause::SenderFault => {
                let key = format!("sender:{}:{}", message.channel.as_str(), now.0 / (24 * HOUR_MS));
                let detail = code.map(|c| c.to_string());
                self.open_task(db, practice, message, "sender_fault", &key, detail).await?;
            }
            RefusalCause::Content | RefusalCause::Permanent => {
                let key = format!("refused:{}", message.id);
                let detail = code.map(|c| c.to_string());
                self.open_task(db, practice, message, "refused", &key, detail).await?;
            }
        }
        Ok(())
    }

    /// The phone is off, the mailbox full: nothing is learnt from one. Three in fourteen days, and
    /// staff look (M32).
    pub(crate) async fn note_soft_bounce(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &Message,
        code: Option<i64>,
    ) -> store::Result<()> {
        let (value, now) = (&message.value_index, self.now());
        if !contact::mark_soft_bounced(db, practice, value, &message.id, now).await? {
            return Ok(());
        }
        // A later series of failures is a reason of its own.
        let key = format!("bouncing:{value}:{}", now.0 / contact::SOFT_BOUNCE_WINDOW_MS);
        let detail = code.map(|c| c.to_string());
        self.open_task(db, practice, message, "unreachable", &key, detail).await
    }

    /// A carrier's filter took the words for spam. That is about the sender, not the phone: when it
    /// happens at several phones within a day, reminders by text pause until staff have looked.
    async fn note_filtered(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &Message,
        code: Option<i64>,
    ) -> store::Result<()> {
        let now = self.now();
        let detail = code.map(|c| c.to_string());
        let since = now.minus_ms(FILTERED_WITHIN_MS);
        let phones = match &detail {
            Some(code) => count_refused_phones(db, practice, code, since).await?,
            None => 1,
        };
        let day = now.0 / FILTERED_WITHIN_MS;
        if phones < FILTERED_PHONES_MOST {
            let key = format!("filtered:{day}");
            return self.open_task(db, practice, message, "filtered", &key, detail).await;
        }
        let Some(mut paused) = store::practice::load(db, practice).await? else { return Ok(()) };
        if paused.settings.texts_paused_at.is_some() {
            return Ok(());
        }
        paused.settings.texts_paused_at = Some(now);
        let (version, name) = (paused.version, paused.name.as_str());
        let settings = &paused.settings;
        store::practice::mark_settings(db, practice, version, name, settings).await?;
        let entry = Entry::new(practice, ENGINE, "pause_texts", "practice", practice.as_str())
            .with(format!("filtered at {phones} phones"));
        audit::insert(db, self.world(), &entry).await?;
        let key = format!("texts_paused:{day}");
        self.open_task(db, practice, message, "texts_paused", &key, detail).await
    }

    async fn open_task(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &Message,
        kind: &str,
        key: &str,
        detail: Option<String>,
    ) -> store::Result<()> {
        let guarantor = message.guarantor.as_ref();
        task::insert(db, self.world(), practice, guarantor, kind, key, detail.as_deref()).await?;
        Ok(())
    }

    /// Records an opt-out and takes back at once what waits and may not go any more (D-48). True when
    /// it is new.
    pub(crate) async fn suppress(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        value_index: &str,
        channel: Channel,
        reason: SuppressionReason,
        actor: &str,
    ) -> store::Result<bool> {
        let new = suppression::New {
            practice: practice.as_str(),
            value_index,
            channel,
            reason,
            scope: SuppressionScope::Everything,
            actor,
        };
        let is_new = suppression::insert(db, self.world(), &new).await?;
        let why = suppression::reason_code(reason);
        // As the gate judges it: an email may be unsubscribed from reminders and get its receipts.
        let is_mild =
            !matches!(reason, SuppressionReason::WrongNumber | SuppressionReason::Complaint);
        let taken = match channel {
            Channel::Email if is_mild => TakenBack::Outreach,
            _ => TakenBack::Everything,
        };
        let now = self.now();
        let ended =
            queue::mark_value_cancelled(db, practice, value_index, channel, taken, why, now)
                .await?;
        self.after_end(db, practice, &ended).await?;
        for guarantor in ended.iter().filter_map(|one| one.guarantor.as_ref()) {
            store::arrangement::mark_next(db, practice, guarantor, Some(now)).await?;
        }
        let entry = Entry::new(practice, ENGINE, "suppress", "contact", value_index).with(format!(
            "channel={} reason={why} actor={actor} cancelled={}",
            channel.as_str(),
            ended.len()
        ));
        audit::insert(db, self.world(), &entry).await?;
        Ok(is_new)
    }

    /// The refusal of one hand-over, and so of every message in it.
    pub(crate) async fn refuse(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &Message,
        riders: &[Message],
        cause: RefusalCause,
        code: Option<i64>,
    ) -> store::Result<()> {
        let text = code.map(|c| c.to_string());
        let (why, now) = (cause_code(cause), self.now());
        for one in std::iter::once(message).chain(riders) {
            self.end(db, practice, one, State::Failed, why, text.as_deref(), now).await?;
        }
        self.learn(db, practice, message, cause, code).await
    }

    /// A fresh link for a message that is not a reminder.
    pub(crate) async fn insert_link(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &store::message::New,
        token: &str,
        now: UnixMs,
    ) -> store::Result<()> {
        let (Some(guarantor), Some(contact)) = (&message.guarantor, &message.contact) else {
            return Ok(());
        };
        let link = link_for(token, &message.id, guarantor, contact, message.amount, now);
        link::insert_many(db, practice, &[link], now).await
    }
}
