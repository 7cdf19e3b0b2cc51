//! Accounts that a run of reminders may concern: those with a claim that is with the patient. What
//! they owe is for `balance`, whether they may be written to for the engine; here only what an index
//! finds.

use domain::{
    book::ClaimStatus,
    clock::UnixMs,
    id::{ClaimId, GuarantorId, PatientId, PracticeId},
};

use crate::{
    Db, Result, StoreError,
    backend::{LIST_LONGEST, padded, with_list},
};

/// `None` means any.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub ready: bool,
    pub pending_patient: bool,
    /// Folded names from this one on, and up to this one with everything it begins.
    pub name_from: Option<String>,
    pub name_to: Option<String>,
    /// A part of the folded name.
    pub name_holds: Option<String>,
    /// Never sent, or not since.
    pub last_sent_before: Option<UnixMs>,
    pub flagged_only: bool,
}

/// Ids of accounts that pass, in order of their ids, after one for paging.
pub async fn list(
    db: &mut Db,
    practice: &PracticeId,
    filter: &Filter,
    after: Option<&GuarantorId>,
    limit: i64,
) -> Result<Vec<GuarantorId>> {
    // Walks the open claims alone, by their own index: who owes nothing costs nothing.
    const LIST: &str = "select c.guarantor_id
        from claim c
        join guarantor g on g.practice_id = c.practice_id and g.id = c.guarantor_id
        where c.practice_id = $1 and c.guarantor_id > $2
        and c.status in ('ready', 'pending_patient')
        and ((c.status = 'ready' and $3 = 1) or (c.status = 'pending_patient' and $4 = 1))
        and c.patient_due_cents > 0
        and (cast($5 as text) is null or g.name_key >= $5)
        and (cast($6 as text) is null or g.name_key < $6)
        and (cast($7 as text) is null or g.name_key like $7 escape '!')
        and (cast($8 as bigint) is null or g.last_sent_at_ms is null or g.last_sent_at_ms < $8)
        and ($9 = 0 or g.flagged_at_ms is not null)
        group by c.guarantor_id
        order by c.guarantor_id
        limit $10";
    let holds = filter.name_holds.as_ref().map(|part| {
        let part = part.replace('!', "!!").replace('%', "!%").replace('_', "!_");
        format!("%{part}%")
    });
    let rows: Vec<(String,)> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(after.map_or("", GuarantorId::as_str))
        .bind(i64::from(filter.ready))
        .bind(i64::from(filter.pending_patient))
        .bind(&filter.name_from)
        .bind(filter.name_to.as_ref().map(|to| format!("{to}\u{10ffff}")))
        .bind(holds)
        .bind(filter.last_sent_before.map(|t| t.0))
        .bind(i64::from(filter.flagged_only))
        .bind(limit)
        .fetch_all(db.c())
        .await?;
    Ok(rows.into_iter().map(|(id,)| GuarantorId::trusted(id)).collect())
}

/// What a claim adds to a line of the list beyond its balance.
#[derive(Clone, Debug)]
pub struct ClaimLine {
    pub guarantor: GuarantorId,
    pub id: ClaimId,
    pub patient: PatientId,
    pub status: ClaimStatus,
    pub is_self_pay: bool,
    pub last_sent_at: Option<UnixMs>,
    pub has_returned_check: bool,
}

pub async fn list_claims(
    db: &mut Db,
    practice: &PracticeId,
    guarantors: &[GuarantorId],
) -> Result<Vec<ClaimLine>> {
    const LIST: &str = "select guarantor_id, id, patient_id, status, insurance_state,
        last_sent_at_ms, returned_check_on
        from claim
        where practice_id = $1 and guarantor_id in ($list)
        and status in ('ready', 'pending_patient')
        order by guarantor_id, id";
    type Row = (String, String, String, String, String, Option<i64>, Option<String>);
    let mut found = Vec::new();
    for chunk in guarantors.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query =
            sqlx::query_as::<_, Row>(with_list(LIST, 2, chunk.len())).bind(practice.as_str());
        for id in &chunk {
            query = query.bind(id.as_str());
        }
        let rows = query.fetch_all(db.c()).await?;
        for (guarantor, id, patient, status, insurance, sent, returned) in rows {
            found.push(ClaimLine {
                guarantor: GuarantorId::trusted(guarantor),
                id: ClaimId::trusted(id),
                patient: PatientId::trusted(patient),
                status: status.parse().map_err(|_| StoreError::Corrupt("claim.status"))?,
                is_self_pay: insurance == "self_pay",
                last_sent_at: sent.map(UnixMs),
                has_returned_check: returned.is_some(),
            });
        }
    }
    Ok(found)
}
