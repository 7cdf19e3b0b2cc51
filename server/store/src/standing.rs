//! What else stands between an account and its next reminder: a payment under way, and when the
//! last one arrived.

use std::collections::BTreeMap;

use domain::{
    clock::UnixMs,
    decide::PaymentUnderWay,
    id::{GuarantorId, PracticeId},
};

use crate::{
    Db, Result,
    backend::{LIST_LONGEST, padded, with_list},
};

#[derive(Clone, Copy, Debug)]
pub struct Standing {
    pub payment: PaymentUnderWay,
    pub last_paid_at: Option<UnixMs>,
}

impl Default for Standing {
    fn default() -> Self {
        Self { payment: PaymentUnderWay::No, last_paid_at: None }
    }
}

/// For each of these accounts; one without payments is not in the map.
pub async fn load_many(
    db: &mut Db,
    practice: &PracticeId,
    guarantors: &[GuarantorId],
) -> Result<BTreeMap<GuarantorId, Standing>> {
    const OPEN: &str = "select guarantor_id, state
        from attempt
        where practice_id = $1 and state in ('draft', 'open', 'processing', 'unknown')
        and guarantor_id in ($list)";
    const PAID: &str = "select guarantor_id, max(received_at_ms)
        from payment
        where practice_id = $1 and guarantor_id in ($list)
        group by guarantor_id";
    let mut found: BTreeMap<GuarantorId, Standing> = BTreeMap::new();
    for chunk in guarantors.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut open = sqlx::query_as::<_, (String, String)>(with_list(OPEN, 2, chunk.len()))
            .bind(practice.as_str());
        let mut paid = sqlx::query_as::<_, (String, i64)>(with_list(PAID, 2, chunk.len()))
            .bind(practice.as_str());
        for id in &chunk {
            open = open.bind(id.as_str());
            paid = paid.bind(id.as_str());
        }
        for (guarantor, state) in open.fetch_all(db.c()).await? {
            let payment = if matches!(state.as_str(), "unknown" | "processing") {
                PaymentUnderWay::Unknown
            } else {
                PaymentUnderWay::Open
            };
            found.entry(GuarantorId::trusted(guarantor)).or_default().payment = payment;
        }
        for (guarantor, at) in paid.fetch_all(db.c()).await? {
            found.entry(GuarantorId::trusted(guarantor)).or_default().last_paid_at =
                Some(UnixMs(at));
        }
    }
    Ok(found)
}
