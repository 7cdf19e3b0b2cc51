//! What the bill page shows of one account: people, visits with their charge lines opened, and the
//! payments of the account's receipts. A handful of queries however many visits there are; what is
//! due comes from `balance` and `domain::balance`, never from here.

use std::collections::BTreeMap;

use domain::{
    balance::AccountFacts,
    book::is_minor_on,
    clock::UnixMs,
    id::{AttemptId, ClaimId, GuarantorId, PatientId, PaymentId, PracticeId},
    money::Cents,
};
use jiff::civil::Date;

use crate::{
    Db, Result, StoreError,
    backend::{LIST_LONGEST, padded, with_list},
    balance,
    guarantor::Guarantor,
    keys::Place,
};

/// A person whose visits are on the bill.
#[derive(Clone, Debug)]
pub struct BillPatient {
    pub id: PatientId,
    pub name: String,
    pub name_key: String,
    pub born_on: Option<Date>,
    pub is_restricted: bool,
    /// The same record in the practice's system as the guarantor's.
    pub is_guarantors_record: bool,
}

impl BillPatient {
    /// Whether the guarantor may read what a visit was for, or its amount only: their own visits
    /// and those of minors in their care, unless somebody restricted them (D-2, D-3). Of an adult,
    /// and of somebody whose age is unknown, only the amount.
    pub fn may_be_read_by(&self, guarantor: &Guarantor, today: Date) -> bool {
        let is_the_same_person = self.is_guarantors_record
            || (self.name_key == crate::guarantor::name_key(&guarantor.name)
                && self.born_on.is_none_or(|born| guarantor.born_on.is_none_or(|own| own == born)));
        let is_minor = self.born_on.is_some_and(|born| is_minor_on(born, today));
        !self.is_restricted && (is_the_same_person || is_minor)
    }
}

/// A visit that is not settled.
#[derive(Clone, Debug)]
pub struct BillClaim {
    pub id: ClaimId,
    pub patient: PatientId,
    pub service_on: Date,
    pub place: Option<String>,
    /// What for, one entry a charge line; else the claim's own description.
    pub services: Vec<String>,
    pub charged: Cents,
    pub insurance_paid: Cents,
    pub adjusted: Cents,
    pub patient_paid: Cents,
    pub patient_due: Cents,
}

#[derive(Clone, Debug, Default)]
pub struct Bill {
    pub facts: AccountFacts,
    pub patients: BTreeMap<PatientId, BillPatient>,
    /// Oldest visit first.
    pub claims: Vec<BillClaim>,
}

pub async fn load(db: &mut Db, practice: &PracticeId, guarantor: &Guarantor) -> Result<Bill> {
    let facts = balance::load(db, practice, &guarantor.id).await?;
    let mut claims = load_claims(db, practice, &guarantor.id).await?;
    let mut lines = load_lines(db, practice, &guarantor.id).await?;
    for claim in &mut claims {
        if let Some(services) = lines.remove(&claim.id) {
            claim.services = services;
        }
    }
    let ids: Vec<PatientId> = claims.iter().map(|claim| claim.patient.clone()).collect();
    let patients = load_patients(db, practice, guarantor, ids).await?;
    Ok(Bill { facts, patients, claims })
}

#[derive(sqlx::FromRow)]
struct ClaimRow {
    id: String,
    patient_id: String,
    service_on: String,
    place: Option<String>,
    description_sealed: Option<String>,
    charged_cents: i64,
    insurance_paid_cents: i64,
    adjusted_cents: i64,
    patient_paid_cents: i64,
    patient_due_cents: i64,
}

fn day(text: &str) -> Result<Date> {
    text.parse().map_err(|_| StoreError::Corrupt("claim: a day"))
}

async fn load_claims(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
) -> Result<Vec<BillClaim>> {
    const LOAD: &str = "select id, patient_id, service_on, place, description_sealed,
        charged_cents, insurance_paid_cents, adjusted_cents, patient_paid_cents,
        patient_due_cents
        from claim
        where practice_id = $1 and guarantor_id = $2 and status <> 'settled'
        order by service_on, id";
    let rows: Vec<ClaimRow> = sqlx::query_as(LOAD)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .fetch_all(db.c())
        .await?;
    let keys = db.keys();
    rows.into_iter()
        .map(|row| {
            let place = sealed_at(practice, "claim", "description_sealed", &row.id);
            let description = keys.open_option(place, row.description_sealed.as_deref())?;
            Ok(BillClaim {
                service_on: day(&row.service_on)?,
                id: ClaimId::trusted(row.id),
                patient: PatientId::trusted(row.patient_id),
                place: row.place,
                services: description.into_iter().collect(),
                charged: Cents(row.charged_cents),
                insurance_paid: Cents(row.insurance_paid_cents),
                adjusted: Cents(row.adjusted_cents),
                patient_paid: Cents(row.patient_paid_cents),
                patient_due: Cents(row.patient_due_cents),
            })
        })
        .collect()
}

/// The opened descriptions of the charge lines of claims the patient is asked for.
async fn load_lines(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
) -> Result<BTreeMap<ClaimId, Vec<String>>> {
    const LOAD: &str = "select l.claim_id, l.id, l.description_sealed
        from claim c
        join charge_line l on l.practice_id = c.practice_id and l.claim_id = c.id
        where c.practice_id = $1 and c.guarantor_id = $2
        and c.status in ('ready', 'pending_patient')
        and l.description_sealed is not null
        order by l.claim_id, l.service_on, l.id";
    let rows: Vec<(String, String, String)> = sqlx::query_as(LOAD)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .fetch_all(db.c())
        .await?;
    let keys = db.keys();
    let mut found: BTreeMap<ClaimId, Vec<String>> = BTreeMap::new();
    for (claim, line, sealed) in rows {
        let place = sealed_at(practice, "charge_line", "description_sealed", &line);
        let words = keys.open(place, &sealed)?;
        let services = found.entry(ClaimId::trusted(claim)).or_default();
        // The same service twice on one visit reads as a mistake; its amounts are in the sums.
        if !services.contains(&words) {
            services.push(words);
        }
    }
    Ok(found)
}

fn sealed_at<'a>(
    practice: &'a PracticeId,
    table: &'static str,
    column: &'static str,
    row: &'a str,
) -> Place<'a> {
    Place { practice: practice.as_str(), table, column, row }
}

#[derive(sqlx::FromRow)]
struct PatientRow {
    id: String,
    source: String,
    external_id: String,
    name: String,
    name_key: String,
    dob_sealed: Option<String>,
    restricted_at_ms: Option<i64>,
}

async fn load_patients(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &Guarantor,
    mut ids: Vec<PatientId>,
) -> Result<BTreeMap<PatientId, BillPatient>> {
    // By the claims of this guarantor, not by the patient's own: responsibility sits on the visit.
    const LOAD: &str = "select p.id, p.source, p.external_id, p.name, p.name_key, p.dob_sealed,
        p.restricted_at_ms
        from patient p
        where p.practice_id = $1 and p.id in ($list)
        and exists (select 1 from claim c
            where c.practice_id = p.practice_id and c.patient_id = p.id and c.guarantor_id = $2)";
    ids.sort();
    ids.dedup();
    let mut found = BTreeMap::new();
    for chunk in ids.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query = sqlx::query_as::<_, PatientRow>(with_list(LOAD, 3, chunk.len()))
            .bind(practice.as_str())
            .bind(guarantor.id.as_str());
        for id in &chunk {
            query = query.bind(id.as_str());
        }
        for row in query.fetch_all(db.c()).await? {
            let place = sealed_at(practice, "patient", "dob_sealed", &row.id);
            let born = db.keys().open_option(place, row.dob_sealed.as_deref())?;
            let id = PatientId::trusted(row.id);
            let patient = BillPatient {
                id: id.clone(),
                is_guarantors_record: row.source == guarantor.source
                    && row.external_id == guarantor.external_id,
                name: row.name,
                name_key: row.name_key,
                born_on: born.as_deref().map(day).transpose()?,
                is_restricted: row.restricted_at_ms.is_some(),
            };
            found.insert(id, patient);
        }
    }
    Ok(found)
}

/// A visit by its day and place, settled or not, with whose it was.
#[derive(Clone, Debug)]
pub struct PastVisit {
    pub claim: ClaimId,
    pub service_on: Date,
    pub place: Option<String>,
    pub patient: Option<BillPatient>,
}

/// Those of `claims` that are this guarantor's, oldest visit first.
pub async fn list_visits(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &Guarantor,
    claims: &[ClaimId],
) -> Result<Vec<PastVisit>> {
    const LIST: &str = "select id, patient_id, service_on, place
        from claim
        where practice_id = $1 and guarantor_id = $2 and id in ($list)
        order by service_on, id";
    type Row = (String, String, String, Option<String>);
    let mut rows: Vec<Row> = Vec::new();
    for chunk in claims.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query = sqlx::query_as::<_, Row>(with_list(LIST, 3, chunk.len()))
            .bind(practice.as_str())
            .bind(guarantor.id.as_str());
        for id in &chunk {
            query = query.bind(id.as_str());
        }
        rows.extend(query.fetch_all(db.c()).await?);
    }
    let ids = rows.iter().map(|(_, patient, ..)| PatientId::trusted(patient.clone())).collect();
    let patients = load_patients(db, practice, guarantor, ids).await?;
    rows.into_iter()
        .map(|(claim, patient, service_on, place)| {
            Ok(PastVisit {
                claim: ClaimId::trusted(claim),
                service_on: day(&service_on)?,
                place,
                patient: patients.get(&PatientId::trusted(patient)).cloned(),
            })
        })
        .collect()
}

/// A line of the list of receipts: a settled payment and what went back of it.
#[derive(Clone, Debug)]
pub struct ReceiptRow {
    pub payment: PaymentId,
    pub attempt: AttemptId,
    pub guarantor: GuarantorId,
    pub received_at: UnixMs,
    pub captured: Cents,
    pub refunded: Cents,
    pub brand: Option<String>,
    pub last4: Option<String>,
    pub reference: String,
}

#[derive(sqlx::FromRow)]
struct PaymentRow {
    id: String,
    attempt_id: String,
    guarantor_id: String,
    received_at_ms: i64,
    captured_cents: i64,
    kept_cents: i64,
    brand: Option<String>,
    last4: Option<String>,
    reference: String,
}

/// The payments of these accounts, newest first.
pub async fn list_receipts(
    db: &mut Db,
    practice: &PracticeId,
    guarantors: &[GuarantorId],
    limit: i64,
) -> Result<Vec<ReceiptRow>> {
    const LIST: &str = "select p.id, p.attempt_id, p.guarantor_id, p.received_at_ms,
        p.captured_cents, coalesce((select cast(sum(o.amount_cents) as bigint)
            from posting o
            where o.practice_id = p.practice_id and o.payment_id = p.id
            and o.account = 'processor'), 0) as kept_cents,
        p.brand, p.last4, p.reference
        from payment p
        where p.practice_id = $1 and p.guarantor_id in ($list)
        order by p.received_at_ms desc, p.id desc
        limit $2";
    let mut found = Vec::new();
    for chunk in guarantors.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query = sqlx::query_as::<_, PaymentRow>(with_list(LIST, 3, chunk.len()))
            .bind(practice.as_str())
            .bind(limit);
        for id in &chunk {
            query = query.bind(id.as_str());
        }
        found.extend(query.fetch_all(db.c()).await?.into_iter().map(|row| ReceiptRow {
            payment: PaymentId::trusted(row.id),
            attempt: AttemptId::trusted(row.attempt_id),
            guarantor: GuarantorId::trusted(row.guarantor_id),
            received_at: UnixMs(row.received_at_ms),
            captured: Cents(row.captured_cents),
            refunded: Cents(row.captured_cents - row.kept_cents),
            brand: row.brand,
            last4: row.last4,
            reference: row.reference,
        }));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::clock::{Clock, World};
    use jiff::civil::date;

    use super::*;
    use crate::{
        keys::OsChance,
        scratch::{self, ScratchClaim},
    };

    fn maria() -> Guarantor {
        Guarantor {
            id: GuarantorId::trusted("gua_1"),
            practice: PracticeId::trusted("prc_1"),
            source: "elm".into(),
            external_id: "G1".into(),
            name: "María Lopez".into(),
            born_on: Some(date(1980, 2, 29)),
            match_verifier: None,
            address: domain::book::Address::default(),
            state: None,
            language: None,
            preferred: None,
            zone: None,
            lone_minor_at: None,
            is_separate_from_patients: false,
            has_died: false,
            last_sent_at: None,
            flagged_at: None,
            next_check_at: None,
            version: 1,
            created_at: UnixMs(0),
        }
    }

    fn patient(name: &str, born_on: Option<Date>) -> BillPatient {
        BillPatient {
            id: PatientId::trusted("pat_1"),
            name: name.into(),
            name_key: crate::guarantor::name_key(name),
            born_on,
            is_restricted: false,
            is_guarantors_record: false,
        }
    }

    struct Still;

    impl Clock for Still {
        fn now(&self) -> UnixMs {
            UnixMs(1_772_000_000_000)
        }
    }

    #[tokio::test]
    async fn a_bill_holds_the_open_visits_of_its_own_account_and_nobody_elses() {
        let dir = tempfile::tempdir().unwrap();
        let world = World { clock: Arc::new(Still), chance: Arc::new(OsChance) };
        for store in scratch::both(dir.path()).await.unwrap() {
            let practice = scratch::insert_practice(&store, &world, "elm").await.unwrap();
            let [maria, walter]: [GuarantorId; 2] = [world.mint(), world.mint()];
            let [leo, ana]: [PatientId; 2] = [world.mint(), world.mint()];
            let claim = |patient, cents, day| ScratchClaim::ready(patient, Cents(cents), day);
            let mut settled = claim(&leo, 900, date(2026, 1, 2));
            settled.status = "settled";
            let owed =
                [claim(&leo, 8200, date(2026, 2, 1)), claim(&ana, 500, date(2026, 1, 5)), settled];
            let ids = scratch::insert_account(&store, &world, &practice, &maria, "Maria", &owed);
            let ids = ids.await.unwrap();
            let other = [claim(&world.mint(), 7000, date(2026, 1, 1))];
            let walters =
                scratch::insert_account(&store, &world, &practice, &walter, "Walter", &other);
            let walters = walters.await.unwrap();
            let mut db = store.read().await.unwrap();
            let owner = crate::guarantor::load(&mut db, &practice, &maria).await.unwrap().unwrap();
            let bill = load(&mut db, &practice, &owner).await.unwrap();
            let shown: Vec<&ClaimId> = bill.claims.iter().map(|claim| &claim.id).collect();
            assert_eq!(shown, [&ids[1], &ids[0]], "oldest visit first, settled ones not");
            assert_eq!(bill.patients.len(), 2);
            assert!(bill.patients.contains_key(&leo) && bill.patients.contains_key(&ana));
            assert_eq!(domain::balance::due(&bill.facts).due, Cents(8700));
            let all: Vec<ClaimId> = ids.iter().chain(&walters).cloned().collect();
            let past = list_visits(&mut db, &practice, &owner, &all).await.unwrap();
            let listed: Vec<&ClaimId> = past.iter().map(|visit| &visit.claim).collect();
            assert_eq!(listed, [&ids[2], &ids[1], &ids[0]], "settled ones too, nobody else's");
            assert_eq!(past[0].patient.as_ref().map(|one| &one.id), Some(&leo));
            assert!(list_visits(&mut db, &practice, &owner, &[]).await.unwrap().is_empty());
            let accounts = [maria.clone(), walter.clone()];
            assert!(list_receipts(&mut db, &practice, &accounts, 10).await.unwrap().is_empty());
        }
    }

    #[test]
    fn maria_reads_her_own_visits_and_her_young_sons_and_of_her_grown_daughter_the_amount_only() {
        let (maria, today) = (maria(), date(2026, 3, 4));
        let reads = |patient: &BillPatient| patient.may_be_read_by(&maria, today);
        assert!(reads(&patient("Maria Lopez", Some(date(1980, 2, 29)))));
        assert!(reads(&patient("Leo Lopez", Some(date(2008, 3, 5)))));
        assert!(!reads(&patient("Leo Lopez", Some(date(2008, 3, 4)))));
        assert!(!reads(&patient("Ana Lopez", Some(date(2001, 1, 1)))));
        assert!(!reads(&patient("Ana Lopez", None)));
    }

    #[test]
    fn a_grown_daughter_of_the_same_name_is_another_person() {
        let daughter = patient("Maria Lopez", Some(date(2003, 7, 1)));
        assert!(!daughter.may_be_read_by(&maria(), date(2026, 3, 4)));
    }

    #[test]
    fn a_restricted_visit_stays_closed_whoevers_it_is() {
        let mut own = patient("Maria Lopez", Some(date(1980, 2, 29)));
        own.is_guarantors_record = true;
        own.is_restricted = true;
        assert!(!own.may_be_read_by(&maria(), date(2026, 3, 4)));
    }
}
