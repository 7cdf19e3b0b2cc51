//! How claims are named to staff: whose visit, when, where, and its number in the practice's
//! system. What is owed on one is `balance`'s.

use std::collections::BTreeMap;

use domain::id::{ClaimId, PracticeId};
use jiff::civil::Date;

use crate::{
    Db, Result, StoreError,
    backend::{LIST_LONGEST, padded, with_list},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub service_on: Date,
    pub place: Option<String>,
    pub patient_name: String,
    /// In the practice's system.
    pub number: String,
}

/// Those of `claims` that are the practice's.
pub async fn list_labels(
    db: &mut Db,
    practice: &PracticeId,
    claims: &[ClaimId],
) -> Result<BTreeMap<ClaimId, Label>> {
    const LIST: &str = "select c.id, c.service_on, c.place, t.name, c.external_id
        from claim c
        join patient t on t.id = c.patient_id and t.practice_id = c.practice_id
        where c.practice_id = $1 and c.id in ($list)";
    type Row = (String, String, Option<String>, String, String);
    let mut found = BTreeMap::new();
    for chunk in claims.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query =
            sqlx::query_as::<_, Row>(with_list(LIST, 2, chunk.len())).bind(practice.as_str());
        for id in &chunk {
            query = query.bind(id.as_str());
        }
        for (id, service_on, place, patient_name, number) in query.fetch_all(db.c()).await? {
            let service_on =
                service_on.parse().map_err(|_| StoreError::Corrupt("claim.service_on"))?;
            let label = Label { service_on, place, patient_name, number };
            found.insert(ClaimId::trusted(id), label);
        }
    }
    Ok(found)
}
