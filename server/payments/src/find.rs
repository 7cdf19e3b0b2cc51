//! Find Payment: what stands there, and for which visits it probably is.

use domain::{
    balance::AccountFacts,
    id::{GuarantorId, PaymentId, PracticeId},
    payment::Refusal,
    proposal::{Hints, Proposal, propose},
};
use store::{
    balance,
    payment::{self, Filter, Found, Payment},
    posting::{self, Posted, Totals},
    refund::{self, Refund},
};

use crate::{Payments, Result};

/// A row of the list.
#[derive(Clone, Debug)]
pub struct FoundPayment {
    pub row: Found,
    /// `None` when nothing of it is left to apply.
    pub proposal: Option<Proposal>,
}

/// An opened row.
#[derive(Clone, Debug)]
pub struct Detail {
    pub payment: Payment,
    pub totals: Totals,
    pub row: Found,
    pub proposal: Option<Proposal>,
    /// The account's claims, to edit the lines and to choose others.
    pub account: AccountFacts,
    /// Oldest first; a match that can be undone is an `apply` no other line reverses.
    pub history: Vec<Posted>,
    pub refunds: Vec<Refund>,
}

impl Payments {
    /// Newest first. Three queries for a page, whatever its length.
    pub async fn find_payments(
        &self,
        practice: &PracticeId,
        filter: &Filter,
        limit: i64,
    ) -> Result<Vec<FoundPayment>> {
        let mut db = self.store().read().await?;
        let rows = payment::list(&mut db, practice, filter, limit).await?;
        let mut guarantors: Vec<GuarantorId> =
            rows.iter().filter(|r| is_open(r)).map(|r| r.guarantor.clone()).collect();
        guarantors.sort();
        guarantors.dedup();
        let accounts = balance::load_many(&mut db, practice, &guarantors).await?;
        let nothing = AccountFacts::default();
        Ok(rows
            .into_iter()
            .map(|row| {
                let account = accounts.get(&row.guarantor).unwrap_or(&nothing);
                FoundPayment { proposal: proposal_of(&row, account), row }
            })
            .collect())
    }

    pub async fn payment_detail(&self, practice: &PracticeId, id: &PaymentId) -> Result<Detail> {
        let mut db = self.store().read().await?;
        let payment = payment::find(&mut db, practice, id).await?.ok_or(Refusal::NotFound)?;
        let filter = Filter { reference: Some(payment.reference.clone()), ..Filter::default() };
        let row = payment::list(&mut db, practice, &filter, 1).await?.pop();
        let row = row.ok_or(Refusal::NotFound)?;
        let account = balance::load(&mut db, practice, &payment.guarantor).await?;
        Ok(Detail {
            totals: posting::load_totals(&mut db, practice, id).await?,
            proposal: proposal_of(&row, &account),
            history: posting::list(&mut db, practice, id).await?,
            refunds: refund::list(&mut db, practice, id).await?,
            payment,
            row,
            account,
        })
    }
}

fn is_open(row: &Found) -> bool {
    row.unapplied.is_positive() && row.posted_at.is_none()
}

fn proposal_of(row: &Found, account: &AccountFacts) -> Option<Proposal> {
    let hints = Hints { chosen: row.chosen_claims.clone(), named: row.named_claim.clone() };
    is_open(row).then(|| propose(row.unapplied, &account.claims, &hints))
}
