//! Claims of an import, with their lines: whole claims, set-based where most of the time goes.

use std::collections::{BTreeSet, HashMap};

use domain::{
    book::{self, Amounts, ClaimStatus, InsuranceState, RefusalReason},
    id::{ChargeLineId, ClaimId, ImportId},
};

use super::people::{Fate, Scope, find_guarantors, find_patients, mark_checks};
use crate::{
    Db, Result,
    backend::{LIST_LONGEST, padded, rows_of_values, with_list},
    keys::Place,
};

/// Claims of one insert, lines of one: a few hundred values each; more adds little.
const CLAIMS_AT_ONCE: usize = 32;
const LINES_AT_ONCE: usize = 64;

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

/// A claim as the whole file says it, and what of it cannot be kept.
pub(super) struct Whole {
    pub claim: book::Claim,
    /// Line of the file, column and reason.
    pub refused: Vec<(book::ChargeLine, &'static str, RefusalReason)>,
}

/// All pieces together. Rows that stood apart could not be compared while the file was read, so a
/// line said twice and a piece of somebody else's claim are found only here.
pub(super) fn merged(pieces: Vec<book::Claim>) -> Option<Whole> {
    let mut pieces = pieces.into_iter();
    let mut claim = pieces.next()?;
    let mut refused = Vec::new();
    for mut piece in pieces {
        if let Some(column) = disagrees(&claim, &piece) {
            let reason = RefusalReason::ClaimDisagrees;
            refused.extend(piece.lines.drain(..).map(|line| (line, column, reason)));
        }
        claim.lines.append(&mut piece.lines);
        claim.has_refused_lines |= piece.has_refused_lines;
        claim.due_since_on = claim.due_since_on.min(piece.due_since_on).or(claim.due_since_on);
        if piece.insurance == InsuranceState::Pending {
            claim.insurance = InsuranceState::Pending;
        }
    }
    // Stable: of two with one id the one that stood first is kept.
    claim.lines.sort_by(|a, b| a.external_id.cmp(&b.external_id));
    let mut lines: Vec<book::ChargeLine> = Vec::with_capacity(claim.lines.len());
    for line in std::mem::take(&mut claim.lines) {
        if lines.last().is_some_and(|last| last.external_id == line.external_id) {
            refused.push((line, "line_id", RefusalReason::SaidTwice));
        } else {
            // Where a line stands in the file says nothing about the claim.
            lines.push(book::ChargeLine { line: 0, ..line });
        }
    }
    claim.lines = lines;
    claim.has_refused_lines |= !refused.is_empty();
    Some(Whole { claim, refused })
}

fn disagrees(claim: &book::Claim, piece: &book::Claim) -> Option<&'static str> {
    if claim.patient_external_id != piece.patient_external_id {
        Some("patient_id")
    } else if claim.guarantor_external_id != piece.guarantor_external_id {
        Some("guarantor_id")
    } else if claim.encounter_external_id != piece.encounter_external_id {
        Some("encounter_id")
    } else if claim.status != piece.status {
        Some("claim_status")
    } else {
        None
    }
}

/// A claim on the way into the book.
struct ClaimRow<'a> {
    id: ClaimId,
    said: &'a book::Claim,
    patient: &'a str,
    guarantor: &'a str,
    mac: String,
    status: ClaimStatus,
}

/// Applies a chunk of whole claims, each of them once; the fates are in their order.
pub(super) async fn keep_claims(
    db: &mut Db,
    scope: &Scope<'_>,
    import: &ImportId,
    claims: &[book::Claim],
) -> Result<Vec<Fate>> {
    let known = known_claims(db, scope, claims).await?;
    let patients: BTreeSet<&str> = claims.iter().map(|c| c.patient_external_id.as_str()).collect();
    let patients = find_patients(db, scope, &patients).await?;
    let named: BTreeSet<&str> =
        claims.iter().filter_map(|c| c.guarantor_external_id.as_deref()).collect();
    let guarantors = find_guarantors(db, scope, &named).await?;
    let keys = db.keys();
    let mut fates = Vec::with_capacity(claims.len());
    let (mut rows, mut back) = (Vec::new(), Vec::new());
    let (mut rewritten, mut checks) = (Vec::new(), BTreeSet::new());
    for said in claims {
        let Some(patient) = patients.get(&said.patient_external_id) else {
            fates.push(Fate::Refused("patient_id", RefusalReason::UnknownPatient));
            continue;
        };
        let guarantor = match &said.guarantor_external_id {
            None => Some(&patient.guarantor_id),
            Some(named) => guarantors.get(named),
        };
        let Some(guarantor) = guarantor else {
            fates.push(Fate::Refused("guarantor_id", RefusalReason::UnknownGuarantor));
            continue;
        };
        let canonical = serde_json::to_string(said).expect("a book row is plain data");
        let mac = keys.row_mac(scope.practice.as_str(), "claim", &canonical);
        let known = known.get(&said.external_id);
        let is_same = known.is_some_and(|k| k.row_mac == mac && k.guarantor_id == *guarantor);
        if let Some(known) = known.filter(|_| is_same) {
            if known.vanished_at_ms.is_some() {
                back.push(known.id.as_str());
            }
            fates.push(Fate::Unchanged);
            continue;
        }
        if let Some(known) = known {
            rewritten.push(known.id.as_str());
            checks.insert(known.guarantor_id.clone());
        }
        checks.insert(guarantor.clone());
        let status = status_of(db, scope, said, known).await?;
        let id = known.map_or_else(|| scope.world.mint(), |k| ClaimId::trusted(k.id.clone()));
        rows.push(ClaimRow { id, said, patient: &patient.id, guarantor, mac, status });
        fates.push(Fate::Changed);
    }
    mark_back(db, scope, &back).await?;
    delete_lines(db, scope, &rewritten).await?;
    write_claims(db, scope, import, &rows).await?;
    insert_lines(db, scope, &rows).await?;
    mark_checks(db, scope, &checks).await?;
    Ok(fates)
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
            query = query.bind(id);
        }
        let rows: Vec<Known> = query.fetch_all(db.c()).await?;
        known.extend(rows.into_iter().map(|row| (row.external_id.clone(), row)));
    }
    Ok(known)
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

async fn mark_back(db: &mut Db, scope: &Scope<'_>, claims: &[&str]) -> Result<()> {
    const MARK: &str = "update claim set vanished_at_ms = null, version = version + 1
        where practice_id = $1 and id in ($list)";
    for chunk in claims.chunks(LIST_LONGEST) {
        let ids = padded(chunk);
        let mut query = sqlx::query(with_list(MARK, 2, ids.len())).bind(scope.practice.as_str());
        for id in ids {
            query = query.bind(id);
        }
        query.execute(db.c()).await?;
    }
    Ok(())
}

async fn delete_lines(db: &mut Db, scope: &Scope<'_>, claims: &[&str]) -> Result<()> {
    const DELETE: &str = "delete from charge_line where practice_id = $1 and claim_id in ($list)";
    for chunk in claims.chunks(LIST_LONGEST) {
        let ids = padded(chunk);
        let mut query = sqlx::query(with_list(DELETE, 2, ids.len())).bind(scope.practice.as_str());
        for id in ids {
            query = query.bind(id);
        }
        query.execute(db.c()).await?;
    }
    Ok(())
}

fn description_place<'a>(scope: &'a Scope<'_>, table: &'static str, row: &'a str) -> Place<'a> {
    Place { practice: scope.practice.as_str(), table, column: "description_sealed", row }
}

async fn write_claims(
    db: &mut Db,
    scope: &Scope<'_>,
    import: &ImportId,
    rows: &[ClaimRow<'_>],
) -> Result<()> {
    const HEAD: &str = "insert into claim (id, practice_id, source, external_id, guarantor_id,
        patient_id, encounter_external_id, service_on, status, insurance_state, place,
        description_sealed, charged_cents, insurance_paid_cents, adjusted_cents,
        patient_paid_cents, patient_due_cents, due_since_on, first_statement_on, due_on,
        returned_check_on, visit_completed_on, row_mac, import_id, updated_at_ms, created_at_ms)";
    const TAIL: &str = "on conflict (practice_id, source, external_id) do update set
        guarantor_id = excluded.guarantor_id, patient_id = excluded.patient_id,
        encounter_external_id = excluded.encounter_external_id, service_on = excluded.service_on,
        status = excluded.status, insurance_state = excluded.insurance_state,
        place = excluded.place, description_sealed = excluded.description_sealed,
        charged_cents = excluded.charged_cents,
        insurance_paid_cents = excluded.insurance_paid_cents,
        adjusted_cents = excluded.adjusted_cents, patient_paid_cents = excluded.patient_paid_cents,
        patient_due_cents = excluded.patient_due_cents, due_since_on = excluded.due_since_on,
        first_statement_on = excluded.first_statement_on, due_on = excluded.due_on,
        returned_check_on = excluded.returned_check_on,
        visit_completed_on = excluded.visit_completed_on, row_mac = excluded.row_mac,
        import_id = excluded.import_id, updated_at_ms = excluded.updated_at_ms,
        vanished_at_ms = null, version = claim.version + 1";
    let (keys, now) = (db.keys(), scope.world.now());
    for chunk in rows.chunks(CLAIMS_AT_ONCE) {
        let mut query = sqlx::query(rows_of_values(db.kind, HEAD, 26, chunk.len(), TAIL));
        for ClaimRow { id, said, patient, guarantor, mac, status } in chunk {
            let Amounts { charged, insurance_paid, adjusted, patient_paid, due } = said.totals();
            let insurance =
                if said.has_refused_lines { InsuranceState::Pending } else { said.insurance };
            let day = |day: Option<jiff::civil::Date>| day.map(|d| d.to_string());
            // The anchor of the balance's age, never the day of the import (integrations, 0.5).
            let anchor = said.due_since_on.or(said.first_statement_on).unwrap_or(said.service_on);
            let place = description_place(scope, "claim", id.as_str());
            query = query
                .bind(id.as_str())
                .bind(scope.practice.as_str())
                .bind(scope.source)
                .bind(&said.external_id)
                .bind(*guarantor)
                .bind(*patient)
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
                .bind(now.0)
                .bind(now.0);
        }
        query.execute(db.c()).await?;
    }
    Ok(())
}

async fn insert_lines(db: &mut Db, scope: &Scope<'_>, rows: &[ClaimRow<'_>]) -> Result<()> {
    const HEAD: &str = "insert into charge_line (id, practice_id, claim_id, external_id,
        service_on, description_sealed, charged_cents, insurance_paid_cents, adjusted_cents,
        patient_paid_cents, patient_due_cents, row_mac)";
    let keys = db.keys();
    let lines: Vec<(&ClaimId, &book::ChargeLine)> = rows
        .iter()
        .flat_map(|row| row.said.lines.iter().map(move |line| (&row.id, line)))
        .collect();
    for chunk in lines.chunks(LINES_AT_ONCE) {
        let mut query = sqlx::query(rows_of_values(db.kind, HEAD, 12, chunk.len(), ""));
        for (claim, line) in chunk {
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
