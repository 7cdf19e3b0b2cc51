//! Claims of an import, with their lines: whole claims, set-based where most of the time goes.

use std::collections::HashMap;

use domain::{
    book::{self, Amounts, ClaimStatus, InsuranceState, RefusalReason},
    id::{ChargeLineId, ClaimId, GuarantorId, ImportId},
};

use super::people::{Fate, Scope, find_guarantor};
use crate::{
    Db, Result,
    backend::{LIST_LONGEST, padded, rows_of_values, with_list},
    guarantor,
    keys::Place,
};

/// Lines of one insert.
const LINES_AT_ONCE: usize = 32;

#[derive(sqlx::FromRow)]
struct Known {
    id: String,
    external_id: String,
    guarantor_id: String,
    status: String,
    patient_due_cents: i64,
    row_mac: String,
    vanished_at_ms: Option<i64>,
}

/// A claim as the whole file says it: all pieces together.
pub(super) fn merged(mut pieces: Vec<book::Claim>) -> Option<book::Claim> {
    let mut rest = pieces.split_off(1.min(pieces.len()));
    let mut whole = pieces.pop()?;
    for piece in &mut rest {
        whole.lines.append(&mut piece.lines);
        whole.has_refused_lines |= piece.has_refused_lines;
        whole.due_since_on = whole.due_since_on.min(piece.due_since_on).or(whole.due_since_on);
    }
    // Where a line stands in the file says nothing about the claim.
    for line in &mut whole.lines {
        line.line = 0;
    }
    whole.lines.sort_by(|a, b| a.external_id.cmp(&b.external_id));
    Some(whole)
}

/// Applies a chunk of whole claims; the fates are in their order.
pub(super) async fn keep_claims(
    db: &mut Db,
    scope: &Scope<'_>,
    import: &ImportId,
    claims: &[book::Claim],
) -> Result<Vec<Fate>> {
    let known = known_claims(db, scope, claims).await?;
    let patients = known_patients(db, scope, claims).await?;
    let mut fates = Vec::with_capacity(claims.len());
    for said in claims {
        let Some((patient, own)) = patients.get(said.patient_external_id.as_str()) else {
            fates.push(Fate::Refused("patient_id", RefusalReason::UnknownPatient));
            continue;
        };
        let guarantor = match &said.guarantor_external_id {
            None => own.clone(),
            Some(named) => match find_guarantor(db, scope, named).await? {
                Some(id) => id.as_str().to_owned(),
                None => {
                    fates.push(Fate::Refused("guarantor_id", RefusalReason::UnknownGuarantor));
                    continue;
                }
            },
        };
        let owners = Owners { patient, guarantor: &guarantor };
        fates.push(
            keep_claim(db, scope, import, said, known.get(&said.external_id), &owners).await?,
        );
    }
    Ok(fates)
}

struct Owners<'a> {
    patient: &'a str,
    guarantor: &'a str,
}

async fn known_claims(
    db: &mut Db,
    scope: &Scope<'_>,
    claims: &[book::Claim],
) -> Result<HashMap<String, Known>> {
    const FIND: &str = "select id, external_id, guarantor_id, status, patient_due_cents, row_mac,
        vanished_at_ms
        from claim
        where practice_id = $1 and source = $2 and external_id in ($list)";
    let mut known = HashMap::new();
    for chunk in claims.chunks(LIST_LONGEST) {
        let ids: Vec<&str> = chunk.iter().map(|c| c.external_id.as_str()).collect();
        let ids = padded(&ids);
        let mut query = sqlx::query_as(with_list(FIND, 3, ids.len()))
            .bind(scope.practice.as_str())
            .bind(scope.source);
        for id in ids {
            query = query.bind(id.to_owned());
        }
        let rows: Vec<Known> = query.fetch_all(db.c()).await?;
        known.extend(rows.into_iter().map(|row| (row.external_id.clone(), row)));
    }
    Ok(known)
}

/// External id of a patient to (patient, guarantor).
async fn known_patients(
    db: &mut Db,
    scope: &Scope<'_>,
    claims: &[book::Claim],
) -> Result<HashMap<String, (String, String)>> {
    const FIND: &str = "select external_id, id, guarantor_id from patient
        where practice_id = $1 and source = $2 and external_id in ($list)";
    let mut known = HashMap::new();
    for chunk in claims.chunks(LIST_LONGEST) {
        let mut ids: Vec<&str> = chunk.iter().map(|c| c.patient_external_id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        let ids = padded(&ids);
        let mut query = sqlx::query_as(with_list(FIND, 3, ids.len()))
            .bind(scope.practice.as_str())
            .bind(scope.source);
        for id in ids {
            query = query.bind(id.to_owned());
        }
        let rows: Vec<(String, String, String)> = query.fetch_all(db.c()).await?;
        known.extend(rows.into_iter().map(|(external, id, owner)| (external, (id, owner))));
    }
    Ok(known)
}

async fn keep_claim(
    db: &mut Db,
    scope: &Scope<'_>,
    import: &ImportId,
    said: &book::Claim,
    known: Option<&Known>,
    owners: &Owners<'_>,
) -> Result<Fate> {
    let canonical = serde_json::to_string(said).expect("a book row is plain data");
    let mac = db.keys().row_mac(scope.practice.as_str(), "claim", &canonical);
    let same = known.is_some_and(|k| k.row_mac == mac && k.guarantor_id == owners.guarantor);
    if let Some(known) = known.filter(|_| same) {
        if known.vanished_at_ms.is_some() {
            mark_back(db, scope, &known.id).await?;
        }
        return Ok(Fate::Unchanged);
    }
    let id = known.map_or_else(|| scope.world.mint(), |k| ClaimId::trusted(k.id.clone()));
    let status = status_of(db, scope, said, known).await?;
    write_claim(db, scope, import, &id, said, owners, &mac, status, known.is_some()).await?;
    if known.is_some() {
        delete_lines(db, scope, &id).await?;
    }
    insert_lines(db, scope, &id, &said.lines).await?;
    let owner = GuarantorId::trusted(owners.guarantor);
    guarantor::mark_check(db, scope.practice, &owner, scope.world.now()).await?;
    if let Some(before) = known.filter(|k| k.guarantor_id != owners.guarantor) {
        let before = GuarantorId::trusted(before.guarantor_id.clone());
        guarantor::mark_check(db, scope.practice, &before, scope.world.now()).await?;
    }
    Ok(Fate::Changed)
}

/// The practice's system is the authority on money, but it does not know that we sent a statement
/// or that a payment was applied here and is not posted there yet (D-9, D-11).
async fn status_of(
    db: &mut Db,
    scope: &Scope<'_>,
    said: &book::Claim,
    known: Option<&Known>,
) -> Result<ClaimStatus> {
    let due = said.totals().due;
    if said.has_refused_lines {
        // Until a later file has all of its rows: shown, never counted as a patient's debt.
        return Ok(ClaimStatus::InsurancePending);
    }
    if said.status != ClaimStatus::Ready {
        return Ok(said.status);
    }
    if !due.is_positive() {
        return Ok(ClaimStatus::Settled);
    }
    let Some(known) = known else { return Ok(ClaimStatus::Ready) };
    if known.status == ClaimStatus::PendingPatient.as_str() && known.patient_due_cents == due.0 {
        return Ok(ClaimStatus::PendingPatient);
    }
    if known.status == ClaimStatus::Settled.as_str()
        && applied_here(db, scope, &known.id).await? >= due.0
    {
        return Ok(ClaimStatus::Settled);
    }
    Ok(ClaimStatus::Ready)
}

/// What was applied to a claim here and the practice's system has not posted.
async fn applied_here(db: &mut Db, scope: &Scope<'_>, claim: &str) -> Result<i64> {
    const SUM: &str = "select cast(coalesce(sum(p.amount_cents), 0) as bigint) from posting p
        join payment on payment.id = p.payment_id
        where p.practice_id = $1 and p.claim_id = $2 and p.account = 'applied'
        and payment.posted_at_ms is null";
    let (sum,): (i64,) =
        sqlx::query_as(SUM).bind(scope.practice.as_str()).bind(claim).fetch_one(db.c()).await?;
    Ok(sum.abs())
}

async fn mark_back(db: &mut Db, scope: &Scope<'_>, claim: &str) -> Result<()> {
    const MARK: &str = "update claim set vanished_at_ms = null, version = version + 1
        where practice_id = $1 and id = $2";
    sqlx::query(MARK).bind(scope.practice.as_str()).bind(claim).execute(db.c()).await?;
    Ok(())
}

fn description_place<'a>(scope: &'a Scope<'_>, table: &'static str, row: &'a str) -> Place<'a> {
    Place { practice: scope.practice.as_str(), table, column: "description_sealed", row }
}

#[expect(clippy::too_many_arguments, reason = "one row of one table, written in one place")]
async fn write_claim(
    db: &mut Db,
    scope: &Scope<'_>,
    import: &ImportId,
    id: &ClaimId,
    said: &book::Claim,
    owners: &Owners<'_>,
    mac: &str,
    status: ClaimStatus,
    exists: bool,
) -> Result<()> {
    const INSERT: &str = "insert into claim (id, practice_id, source, external_id, guarantor_id,
        patient_id, encounter_external_id, service_on, status, insurance_state, place,
        description_sealed, charged_cents, insurance_paid_cents, adjusted_cents,
        patient_paid_cents, patient_due_cents, due_since_on, first_statement_on, due_on,
        returned_check_on, visit_completed_on, row_mac, import_id, updated_at_ms, created_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
            $19, $20, $21, $22, $23, $24, $25, $25)";
    const UPDATE: &str = "update claim set guarantor_id = $5, patient_id = $6,
        encounter_external_id = $7, service_on = $8, status = $9, insurance_state = $10,
        place = $11, description_sealed = $12, charged_cents = $13, insurance_paid_cents = $14,
        adjusted_cents = $15, patient_paid_cents = $16, patient_due_cents = $17,
        due_since_on = $18, first_statement_on = $19, due_on = $20, returned_check_on = $21,
        visit_completed_on = $22, row_mac = $23, import_id = $24, updated_at_ms = $25,
        vanished_at_ms = null, version = version + 1
        where id = $1 and practice_id = $2 and source = $3 and external_id = $4";
    let keys = db.keys();
    let Amounts { charged, insurance_paid, adjusted, patient_paid, due } = said.totals();
    let insurance = if said.has_refused_lines { InsuranceState::Pending } else { said.insurance };
    let day = |day: Option<jiff::civil::Date>| day.map(|d| d.to_string());
    // The anchor of the balance's age, never the day of the import (integrations, 0.5).
    let anchor = said.due_since_on.or(said.first_statement_on).unwrap_or(said.service_on);
    let place = description_place(scope, "claim", id.as_str());
    sqlx::query(if exists { UPDATE } else { INSERT })
        .bind(id.as_str())
        .bind(scope.practice.as_str())
        .bind(scope.source)
        .bind(&said.external_id)
        .bind(owners.guarantor)
        .bind(owners.patient)
        .bind(said.encounter_external_id.as_deref())
        .bind(said.service_on.to_string())
        .bind(status.as_str())
        .bind(insurance.as_str())
        .bind(said.place.as_deref())
        .bind(keys.seal_option(place, said.description.as_deref()))
        .bind(charged.0)
        .bind(insurance_paid.0)
        .bind(adjusted.0)
        .bind(patient_paid.0)
        .bind(due.0)
        .bind(anchor.to_string())
        .bind(day(said.first_statement_on))
        .bind(day(said.due_on))
        .bind(day(said.returned_check_on))
        .bind(day(said.visit_completed_on))
        .bind(mac)
        .bind(import.as_str())
        .bind(scope.world.now().0)
        .execute(db.c())
        .await?;
    Ok(())
}

async fn delete_lines(db: &mut Db, scope: &Scope<'_>, claim: &ClaimId) -> Result<()> {
    const DELETE: &str = "delete from charge_line where practice_id = $1 and claim_id = $2";
    sqlx::query(DELETE).bind(scope.practice.as_str()).bind(claim.as_str()).execute(db.c()).await?;
    Ok(())
}

async fn insert_lines(
    db: &mut Db,
    scope: &Scope<'_>,
    claim: &ClaimId,
    lines: &[book::ChargeLine],
) -> Result<()> {
    const HEAD: &str = "insert into charge_line (id, practice_id, claim_id, external_id,
        service_on, description_sealed, charged_cents, insurance_paid_cents, adjusted_cents,
        patient_paid_cents, patient_due_cents, row_mac)";
    let keys = db.keys();
    for chunk in lines.chunks(LINES_AT_ONCE) {
        let mut query = sqlx::query(rows_of_values(HEAD, 12, chunk.len(), ""));
        for line in chunk {
            let id: ChargeLineId = scope.world.mint();
            let place = description_place(scope, "charge_line", id.as_str());
            query = query
                .bind(id.to_string())
                .bind(scope.practice.as_str())
                .bind(claim.as_str())
                .bind(&line.external_id)
                .bind(line.service_on.to_string())
                .bind(keys.seal_option(place, line.description.as_deref()))
                .bind(line.amounts.charged.0)
                .bind(line.amounts.insurance_paid.0)
                .bind(line.amounts.adjusted.0)
                .bind(line.amounts.patient_paid.0)
                .bind(line.amounts.due.0)
                .bind("");
        }
        query.execute(db.c()).await?;
    }
    Ok(())
}
