//! Posting in the practice's own system: what it shows, we no longer net (D-11).

use std::collections::BTreeMap;

use domain::{
    clock::UnixMs,
    id::{ClaimId, PaymentId, PracticeId},
    money::Cents,
    payment::Refusal,
};
use store::{
    Db,
    audit::{self, Entry as AuditEntry},
    balance,
    payment::{self, Payment, UnpostedLine},
    posting,
};

use crate::{Payments, Result, Staff, answer};

/// How a member of staff is written in `posted_by`.
const BY_STAFF: &str = "staff:";

/// Posted on the word of staff: the applied parts were taken off the book by us, not by an import.
pub(crate) fn is_by_staff(payment: &Payment) -> bool {
    payment.posted_by.as_deref().is_some_and(|by| by.starts_with(BY_STAFF))
}

impl Payments {
    /// Staff have posted these in the practice's system. Returns how many were not so marked
    /// before; a payment of another practice is [`Refusal::NotFound`], and the others are marked.
    pub async fn mark_posted(
        &self,
        practice: &PracticeId,
        payments: &[PaymentId],
        staff: &Staff,
    ) -> Result<usize> {
        let mut marked = 0;
        for id in payments {
            marked += usize::from(self.set_posted(practice, id, true, staff).await?);
        }
        Ok(marked)
    }

    /// It was a mistake: net it again.
    pub async fn mark_unposted(
        &self,
        practice: &PracticeId,
        payment: &PaymentId,
        staff: &Staff,
    ) -> Result<bool> {
        self.set_posted(practice, payment, false, staff).await
    }

    async fn set_posted(
        &self,
        practice: &PracticeId,
        id: &PaymentId,
        is_posted: bool,
        staff: &Staff,
    ) -> Result<bool> {
        let payment = self.find_payment(practice, id).await?;
        let (me, staff) = (self.clone(), staff.clone());
        let changed = self
            .store()
            .write(move |db| {
                let (me, payment, staff) = (me.clone(), payment.clone(), staff.clone());
                Box::pin(
                    async move { answer(me.write_posted(db, &payment, is_posted, &staff).await) },
                )
            })
            .await??;
        self.wake();
        Ok(changed)
    }

    async fn write_posted(
        &self,
        db: &mut Db,
        payment: &Payment,
        is_posted: bool,
        staff: &Staff,
    ) -> Result<bool> {
        let (practice, now) = (&payment.practice, self.now());
        balance::lock(db, practice, &payment.guarantor, Some(now)).await?;
        let fresh = payment::find(db, practice, &payment.id).await?.ok_or(Refusal::NotFound)?;
        let by = staff.actor.label();
        let changed = if is_posted {
            payment::mark_posted(db, practice, &payment.id, &by, now).await?
        } else {
            payment::mark_unposted(db, practice, &payment.id).await?
        };
        if !changed {
            return Ok(false);
        }
        // What ends netting must not make the bill rise until the next import: the book shows the
        // applied parts at once. What an import reported is in the book already.
        if is_posted && by.starts_with(BY_STAFF) {
            self.write_book(db, &fresh, 1, now).await?;
        } else if !is_posted && is_by_staff(&fresh) {
            self.write_book(db, &fresh, -1, now).await?;
        }
        let verb = if is_posted { "payment.post" } else { "payment.unpost" };
        let entry =
            AuditEntry::new(practice, staff.actor.clone(), verb, "payment", payment.id.as_str())
                .about(&payment.guarantor)
                .from_address(&staff.address);
        audit::insert(db, self.world(), &entry).await?;
        Ok(true)
    }

    async fn write_book(
        &self,
        db: &mut Db,
        payment: &Payment,
        sign: i64,
        now: UnixMs,
    ) -> Result<()> {
        let mut parts: BTreeMap<ClaimId, Cents> = BTreeMap::new();
        for line in posting::list(db, &payment.practice, &payment.id).await? {
            if let Some(claim) = line.claim {
                *parts.entry(claim).or_default() -= line.amount;
            }
        }
        for (claim, part) in parts.into_iter().filter(|(_, part)| *part != Cents::ZERO) {
            let part = Cents(part.0 * sign);
            balance::mark_taken_off(db, &payment.practice, &claim, part, now).await?;
        }
        Ok(())
    }

    /// A page of the export: what the practice's system does not show yet, oldest first. `limit`
    /// counts payments; the next page begins after the last line's payment.
    pub async fn export_unposted(
        &self,
        practice: &PracticeId,
        after: Option<(UnixMs, &PaymentId)>,
        limit: i64,
    ) -> Result<Vec<UnpostedLine>> {
        let mut db = self.store().read().await?;
        Ok(payment::list_unposted(&mut db, practice, after, limit).await?)
    }
}
