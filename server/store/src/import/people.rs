//! Guarantors, patients and responsibility of an import, a step at a time: one query finds what is
//! known of all of them, one statement writes what is new or different.

use std::collections::{BTreeSet, HashMap};

use domain::{
    book::{self, Address, Owner, RefusalReason},
    clock::World,
    id::{GuarantorId, PatientId, PracticeId},
};
use jiff::civil::Date;

use crate::{
    Db, Result, StoreError,
    backend::{LIST_LONGEST, padded, rows_of_values, with_list},
    guarantor::{self, name_key},
    keys::Place,
};

/// Rows of one insert. Measured with the claims' (see there).
const ROWS_AT_ONCE: usize = 64;

/// Who imports what, for whom, when.
pub(super) struct Scope<'a> {
    pub world: &'a World,
    pub practice: &'a PracticeId,
    pub source: &'a str,
    /// The file's day: when an undated consent counts from.
    pub said_on: Date,
}

/// What became of one staged row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Changed,
    Unchanged,
    Refused(&'static str, RefusalReason),
}

impl Fate {
    pub(super) fn of(changed: bool) -> Self {
        if changed { Self::Changed } else { Self::Unchanged }
    }
}

/// External ids to ids in our book, of the guarantors that are there.
pub(super) async fn find_guarantors(
    db: &mut Db,
    scope: &Scope<'_>,
    external_ids: &BTreeSet<&str>,
) -> Result<HashMap<String, String>> {
    const FIND: &str = "select external_id, id from guarantor
        where practice_id = $1 and source = $2 and external_id in ($list)";
    let wanted: Vec<&str> = external_ids.iter().copied().collect();
    let mut found = HashMap::with_capacity(wanted.len());
    for chunk in wanted.chunks(LIST_LONGEST) {
        let ids = padded(chunk);
        let mut query = sqlx::query_as(with_list(FIND, 3, ids.len()))
            .bind(scope.practice.as_str())
            .bind(scope.source);
        for id in ids {
            query = query.bind(id);
        }
        let rows: Vec<(String, String)> = query.fetch_all(db.c()).await?;
        found.extend(rows);
    }
    Ok(found)
}

async fn find_guarantor(
    db: &mut Db,
    scope: &Scope<'_>,
    external_id: &str,
) -> Result<Option<GuarantorId>> {
    let found = find_guarantors(db, scope, &BTreeSet::from([external_id])).await?;
    Ok(found.into_values().next().map(GuarantorId::trusted))
}

#[derive(sqlx::FromRow)]
struct KnownGuarantor {
    external_id: String,
    id: String,
    row_mac: String,
    address_sealed: Option<String>,
}

async fn known_guarantors(
    db: &mut Db,
    scope: &Scope<'_>,
    said: &[&book::Guarantor],
) -> Result<HashMap<String, KnownGuarantor>> {
    const FIND: &str = "select external_id, id, row_mac, address_sealed from guarantor
        where practice_id = $1 and source = $2 and external_id in ($list)";
    let mut found = HashMap::with_capacity(said.len());
    for chunk in said.chunks(LIST_LONGEST) {
        let ids: Vec<&str> = chunk.iter().map(|said| said.external_id.as_str()).collect();
        let ids = padded(&ids);
        let mut query = sqlx::query_as(with_list(FIND, 3, ids.len()))
            .bind(scope.practice.as_str())
            .bind(scope.source);
        for id in ids {
            query = query.bind(id);
        }
        let rows: Vec<KnownGuarantor> = query.fetch_all(db.c()).await?;
        found.extend(rows.into_iter().map(|row| (row.external_id.clone(), row)));
    }
    Ok(found)
}

/// The last word on each key; a file may say somebody twice.
fn last_of_each<T>(said: &[T], key: impl Fn(&T) -> &str) -> Vec<&T> {
    let mut at: HashMap<&str, usize> = HashMap::with_capacity(said.len());
    let mut last: Vec<&T> = Vec::with_capacity(said.len());
    for one in said {
        match at.get(key(one)) {
            Some(place) => last[*place] = one,
            None => {
                at.insert(key(one), last.len());
                last.push(one);
            }
        }
    }
    last
}

/// A guarantor on the way into the book.
struct Row<'a> {
    id: GuarantorId,
    said: &'a book::Guarantor,
    address: Address,
    mac: String,
}

/// Inserts or updates guarantors; returns each one's id and whether anything changed, by external
/// id.
pub(super) async fn keep_guarantors(
    db: &mut Db,
    scope: &Scope<'_>,
    said: &[book::Guarantor],
) -> Result<HashMap<String, (String, bool)>> {
    let said = last_of_each(said, |said| &said.external_id);
    let known = known_guarantors(db, scope, &said).await?;
    let keys = db.keys();
    let mut kept = HashMap::with_capacity(said.len());
    let mut rows = Vec::new();
    for said in said {
        let canonical = serde_json::to_string(said).expect("a book row is plain data");
        let mac = keys.row_mac(scope.practice.as_str(), "guarantor", &canonical);
        let known = known.get(&said.external_id);
        if let Some(known) = known.filter(|known| known.row_mac == mac) {
            kept.insert(said.external_id.clone(), (known.id.clone(), false));
            continue;
        }
        let id = known.map_or_else(|| scope.world.mint(), |k| GuarantorId::trusted(k.id.clone()));
        let before = match known {
            Some(known) => open_address(db, scope, known)?,
            None => Address::default(),
        };
        kept.insert(said.external_id.clone(), (id.to_string(), true));
        rows.push(Row { id, said, address: over(&said.address, before), mac });
    }
    write_guarantors(db, scope, &rows).await?;
    Ok(kept)
}

fn open_address(db: &Db, scope: &Scope<'_>, known: &KnownGuarantor) -> Result<Address> {
    let place = guarantor::place(scope.practice, &known.id, "address_sealed");
    let text = db.keys().open_option(place, known.address_sealed.as_deref())?;
    let address = text.map(|text| serde_json::from_str(&text)).transpose();
    Ok(address.map_err(|_| StoreError::Corrupt("guarantor.address"))?.unwrap_or_default())
}

/// What the source leaves out stays as it was.
fn over(said: &Address, before: Address) -> Address {
    Address {
        street: said.street.clone().or(before.street),
        city: said.city.clone().or(before.city),
        state: said.state.clone().or(before.state),
        zip: said.zip.clone().or(before.zip),
    }
}

/// Writes guarantors, each of them once, and has the engine look at them.
async fn write_guarantors(db: &mut Db, scope: &Scope<'_>, rows: &[Row<'_>]) -> Result<()> {
    const HEAD: &str = "insert into guarantor (id, practice_id, source, external_id, name,
        name_key, dob_sealed, match_verifier, address_sealed, state, language, lone_minor_at_ms,
        row_mac, next_check_at_ms, created_at_ms, updated_at_ms)";
    // What the source leaves out stays as it was.
    const TAIL: &str = "on conflict (practice_id, source, external_id) do update set
        name = excluded.name, name_key = excluded.name_key,
        dob_sealed = coalesce(excluded.dob_sealed, guarantor.dob_sealed),
        match_verifier = coalesce(excluded.match_verifier, guarantor.match_verifier),
        address_sealed = excluded.address_sealed,
        state = coalesce(excluded.state, guarantor.state),
        language = coalesce(excluded.language, guarantor.language),
        lone_minor_at_ms = case when excluded.lone_minor_at_ms is null then null
            else coalesce(guarantor.lone_minor_at_ms, excluded.lone_minor_at_ms) end,
        row_mac = excluded.row_mac,
        next_check_at_ms = case when guarantor.next_check_at_ms < excluded.next_check_at_ms
            then guarantor.next_check_at_ms else excluded.next_check_at_ms end,
        updated_at_ms = excluded.updated_at_ms, version = guarantor.version + 1";
    let keys = db.keys();
    let (now, practice) = (scope.world.now(), scope.practice.as_str());
    for chunk in rows.chunks(ROWS_AT_ONCE) {
        let mut query = sqlx::query(rows_of_values(db.kind, HEAD, 16, chunk.len(), TAIL));
        for Row { id, said, address, mac } in chunk {
            let place = |column| guarantor::place(scope.practice, id.as_str(), column);
            let dob = said.dob.map(|day| day.to_string());
            let verifier = match (&dob, &said.ssn4) {
                (Some(dob), Some(ssn4)) => {
                    Some(keys.match_verifier(practice, id.as_str(), dob, ssn4.expose()))
                }
                _ => None,
            };
            let address = serde_json::to_string(address).expect("an address is plain data");
            query = query
                .bind(id.as_str())
                .bind(practice)
                .bind(scope.source)
                .bind(&said.external_id)
                .bind(&said.name)
                .bind(name_key(&said.name))
                .bind(keys.seal_option(place("dob_sealed"), dob.as_deref()))
                .bind(verifier)
                .bind(keys.seal(place("address_sealed"), &address))
                .bind(said.address.state.as_deref())
                .bind(said.language.map(book::Language::as_str))
                .bind(said.is_minor.then_some(now.0))
                .bind(mac)
                .bind(now.0)
                .bind(now.0)
                .bind(now.0);
        }
        query.execute(db.c()).await?;
    }
    Ok(())
}

/// The engine looks at these accounts at its next step, or earlier if it was going to anyway.
pub(super) async fn mark_checks(
    db: &mut Db,
    scope: &Scope<'_>,
    guarantors: &BTreeSet<String>,
) -> Result<()> {
    const MARK: &str = "update guarantor set next_check_at_ms = $2
        where practice_id = $1 and (next_check_at_ms is null or next_check_at_ms > $2)
        and id in ($list)";
    let ids: Vec<&str> = guarantors.iter().map(String::as_str).collect();
    for chunk in ids.chunks(LIST_LONGEST) {
        let ids = padded(chunk);
        let mut query = sqlx::query(with_list(MARK, 3, ids.len()))
            .bind(scope.practice.as_str())
            .bind(scope.world.now().0);
        for id in ids {
            query = query.bind(id);
        }
        query.execute(db.c()).await?;
    }
    Ok(())
}

#[derive(Clone, sqlx::FromRow)]
pub(super) struct KnownPatient {
    external_id: String,
    pub(super) id: String,
    pub(super) guarantor_id: String,
    row_mac: String,
}

/// Those of these patients that are in the book, by external id.
pub(super) async fn find_patients(
    db: &mut Db,
    scope: &Scope<'_>,
    external_ids: &BTreeSet<&str>,
) -> Result<HashMap<String, KnownPatient>> {
    const FIND: &str = "select external_id, id, guarantor_id, row_mac from patient
        where practice_id = $1 and source = $2 and external_id in ($list)";
    let wanted: Vec<&str> = external_ids.iter().copied().collect();
    let mut found = HashMap::with_capacity(wanted.len());
    for chunk in wanted.chunks(LIST_LONGEST) {
        let ids = padded(chunk);
        let mut query = sqlx::query_as(with_list(FIND, 3, ids.len()))
            .bind(scope.practice.as_str())
            .bind(scope.source);
        for id in ids {
            query = query.bind(id);
        }
        let rows: Vec<KnownPatient> = query.fetch_all(db.c()).await?;
        found.extend(rows.into_iter().map(|row| (row.external_id.clone(), row)));
    }
    Ok(found)
}

/// Whose a row's contacts or arrangements are, or why nobody knows.
pub(super) async fn find_owners<'a>(
    db: &mut Db,
    scope: &Scope<'_>,
    owners: impl Iterator<Item = &'a Owner> + Clone,
) -> Result<Vec<std::result::Result<String, Fate>>> {
    let (mut named, mut patients) = (BTreeSet::new(), BTreeSet::new());
    for owner in owners.clone() {
        match owner {
            Owner::Guarantor(id) => named.insert(id.as_str()),
            Owner::GuarantorOfPatient(id) => patients.insert(id.as_str()),
        };
    }
    let guarantors = find_guarantors(db, scope, &named).await?;
    let patients = find_patients(db, scope, &patients).await?;
    let found = |owner: &Owner| match owner {
        Owner::Guarantor(id) => guarantors
            .get(id)
            .cloned()
            .ok_or(Fate::Refused("guarantor_id", RefusalReason::UnknownGuarantor)),
        Owner::GuarantorOfPatient(id) => patients
            .get(id)
            .map(|patient| patient.guarantor_id.clone())
            .ok_or(Fate::Refused("patient_id", RefusalReason::UnknownPatient)),
    };
    Ok(owners.map(found).collect())
}

/// A patient on the way into the book.
struct PatientRow<'a> {
    id: PatientId,
    guarantor: String,
    said: &'a book::Patient,
    mac: String,
}

/// Patients, each with the guarantor the source names, or the one known, or the patient themselves.
/// The fates are in the order said.
pub(super) async fn keep_patients(
    db: &mut Db,
    scope: &Scope<'_>,
    said: &[book::Patient],
) -> Result<Vec<Fate>> {
    let each = last_of_each(said, |said| &said.external_id);
    let own_ids: BTreeSet<&str> = each.iter().map(|said| said.external_id.as_str()).collect();
    let known = find_patients(db, scope, &own_ids).await?;
    let mut named = own_ids;
    named.extend(each.iter().filter_map(|said| said.guarantor_external_id.as_deref()));
    let guarantors = find_guarantors(db, scope, &named).await?;
    // Somebody else was made responsible since: a re-import leaves that.
    let answered_for = |said: &book::Patient| {
        let known = known.get(&said.external_id)?;
        let own = guarantors.get(&said.external_id);
        (own != Some(&known.guarantor_id)).then(|| known.guarantor_id.clone())
    };
    let own: Vec<book::Guarantor> = each
        .iter()
        .filter(|said| said.guarantor_external_id.is_none() && answered_for(said).is_none())
        .map(|said| said.as_own_guarantor())
        .collect();
    let own = keep_guarantors(db, scope, &own).await?;
    let keys = db.keys();
    let mut fates: HashMap<&str, Fate> = HashMap::with_capacity(each.len());
    let (mut rows, mut moved, mut checks) = (Vec::new(), Vec::new(), BTreeSet::new());
    for said in each {
        let (guarantor, mut changed) = match &said.guarantor_external_id {
            Some(named) => match guarantors.get(named) {
                Some(id) => (id.clone(), false),
                None => {
                    let refused = Fate::Refused("guarantor_id", RefusalReason::UnknownGuarantor);
                    fates.insert(&said.external_id, refused);
                    continue;
                }
            },
            None => match (answered_for(said), own.get(&said.external_id)) {
                (Some(other), _) => (other, false),
                (None, Some((id, changed))) => (id.clone(), *changed),
                (None, None) => return Err(StoreError::Corrupt("an account that was just kept")),
            },
        };
        let canonical = serde_json::to_string(said).expect("a book row is plain data");
        let mac = keys.row_mac(scope.practice.as_str(), "patient", &canonical);
        let known = known.get(&said.external_id);
        if known.is_none_or(|k| k.row_mac != mac || k.guarantor_id != guarantor) {
            let id = known.map_or_else(|| scope.world.mint(), |k| PatientId::trusted(k.id.clone()));
            if let Some(known) = known.filter(|known| known.guarantor_id != guarantor) {
                checks.insert(known.guarantor_id.clone());
                moved.push((id.clone(), known.guarantor_id.clone(), guarantor.clone()));
            }
            rows.push(PatientRow { id, guarantor: guarantor.clone(), said, mac });
            changed = true;
        }
        if changed {
            checks.insert(guarantor);
        }
        fates.insert(&said.external_id, Fate::of(changed));
    }
    write_patients(db, scope, &rows).await?;
    for (patient, from, to) in moved {
        mark_claims_moved(db, scope, &patient, &from, &to).await?;
    }
    mark_checks(db, scope, &checks).await?;
    Ok(said.iter().map(|said| fates[said.external_id.as_str()]).collect())
}

async fn write_patients(db: &mut Db, scope: &Scope<'_>, rows: &[PatientRow<'_>]) -> Result<()> {
    const HEAD: &str = "insert into patient (id, practice_id, guarantor_id, source, external_id,
        name, name_key, dob_sealed, deceased_on, row_mac, created_at_ms, updated_at_ms)";
    const TAIL: &str = "on conflict (practice_id, source, external_id) do update set
        guarantor_id = excluded.guarantor_id, name = excluded.name, name_key = excluded.name_key,
        dob_sealed = coalesce(excluded.dob_sealed, patient.dob_sealed),
        deceased_on = coalesce(excluded.deceased_on, patient.deceased_on),
        row_mac = excluded.row_mac, updated_at_ms = excluded.updated_at_ms";
    let keys = db.keys();
    let (now, practice) = (scope.world.now(), scope.practice.as_str());
    for chunk in rows.chunks(ROWS_AT_ONCE) {
        let mut query = sqlx::query(rows_of_values(db.kind, HEAD, 12, chunk.len(), TAIL));
        for PatientRow { id, guarantor, said, mac } in chunk {
            let place =
                Place { practice, table: "patient", column: "dob_sealed", row: id.as_str() };
            let dob = said.dob.map(|day| day.to_string());
            query = query
                .bind(id.as_str())
                .bind(practice)
                .bind(guarantor)
                .bind(scope.source)
                .bind(&said.external_id)
                .bind(&said.name)
                .bind(name_key(&said.name))
                .bind(keys.seal_option(place, dob.as_deref()))
                .bind(said.deceased_on.map(|day| day.to_string()))
                .bind(mac)
                .bind(now.0)
                .bind(now.0);
        }
        query.execute(db.c()).await?;
    }
    Ok(())
}

/// The patient's visits follow to the new guarantor, except those that name one of their own.
async fn mark_claims_moved(
    db: &mut Db,
    scope: &Scope<'_>,
    patient: &PatientId,
    from: &str,
    to: &str,
) -> Result<()> {
    const MARK: &str = "update claim set guarantor_id = $4, version = version + 1
        where practice_id = $1 and patient_id = $2 and guarantor_id = $3";
    sqlx::query(MARK)
        .bind(scope.practice.as_str())
        .bind(patient.as_str())
        .bind(from)
        .bind(to)
        .execute(db.c())
        .await?;
    Ok(())
}

/// A contacts file says who is responsible for a patient, or corrects what is known of them. What it
/// says stays when the balances, which do not know it, are imported again.
pub(super) async fn keep_responsible(
    db: &mut Db,
    scope: &Scope<'_>,
    said: &book::Responsible,
) -> Result<Fate> {
    let patients =
        find_patients(db, scope, &BTreeSet::from([said.patient_external_id.as_str()])).await?;
    let Some(patient) = patients.into_values().next() else {
        return Ok(Fate::Refused("patient_id", RefusalReason::UnknownPatient));
    };
    let target = match &said.guarantor_external_id {
        Some(id) => find_guarantor(db, scope, id).await?,
        None => Some(GuarantorId::trusted(patient.guarantor_id.clone())),
    };
    let before = match &target {
        Some(id) => guarantor::load(db, scope.practice, id).await?,
        None => None,
    };
    let name = said.name.clone().or_else(|| before.as_ref().map(|g| g.name.clone()));
    let Some(name) = name else {
        return Ok(Fate::Refused("guarantor_name", RefusalReason::Missing));
    };
    let known = before.as_ref().map(|g| g.address.clone()).unwrap_or_default();
    let said_of =
        Address { state: said.state.clone(), zip: said.zip.clone(), ..Address::default() };
    let is_minor = match said.dob {
        Some(_) => said.is_minor,
        None => before.as_ref().is_some_and(|g| g.lone_minor_at.is_some()),
    };
    let external_id = match (&said.guarantor_external_id, &before) {
        (Some(id), _) => id.clone(),
        (None, Some(g)) => g.external_id.clone(),
        (None, None) => said.patient_external_id.clone(),
    };
    let whole = book::Guarantor {
        external_id,
        name,
        dob: said.dob.or_else(|| before.as_ref().and_then(|g| g.born_on)),
        ssn4: said.ssn4.clone(),
        address: over(&said_of, known),
        language: said.language.or_else(|| before.as_ref().and_then(|g| g.language)),
        is_minor,
    };
    let id = before.as_ref().map_or_else(|| scope.world.mint(), |g| g.id.clone());
    let is_known = before.as_ref().is_some_and(|before| is_the_same(db, before, &whole));
    if !is_known {
        // The balances' own mac stays: what they say has not changed.
        let mac = find_mac(db, scope, &id).await?.unwrap_or_default();
        let address = whole.address.clone();
        write_guarantors(db, scope, &[Row { id: id.clone(), said: &whole, address, mac }]).await?;
    }
    let is_moved = id.as_str() != patient.guarantor_id;
    if is_moved {
        move_patient(db, scope, &patient, &id).await?;
    }
    Ok(Fate::of(!is_known || is_moved))
}

fn is_the_same(db: &Db, before: &guarantor::Guarantor, said: &book::Guarantor) -> bool {
    let has_verifier = match (&said.ssn4, said.dob) {
        (Some(ssn4), Some(dob)) => db.keys().matches(
            before.match_verifier.as_deref(),
            before.practice.as_str(),
            before.id.as_str(),
            &dob.to_string(),
            ssn4.expose(),
        ),
        _ => true,
    };
    has_verifier
        && before.name == said.name
        && before.born_on == said.dob
        && before.address == said.address
        && before.language == said.language
        && before.lone_minor_at.is_some() == said.is_minor
}

async fn find_mac(db: &mut Db, scope: &Scope<'_>, id: &GuarantorId) -> Result<Option<String>> {
    const FIND: &str = "select row_mac from guarantor where practice_id = $1 and id = $2";
    let row: Option<(String,)> = sqlx::query_as(FIND)
        .bind(scope.practice.as_str())
        .bind(id.as_str())
        .fetch_optional(db.c())
        .await?;
    Ok(row.map(|(mac,)| mac))
}

async fn move_patient(
    db: &mut Db,
    scope: &Scope<'_>,
    patient: &KnownPatient,
    to: &GuarantorId,
) -> Result<()> {
    const MARK: &str = "update patient set guarantor_id = $3, updated_at_ms = $4
        where practice_id = $1 and id = $2";
    sqlx::query(MARK)
        .bind(scope.practice.as_str())
        .bind(&patient.id)
        .bind(to.as_str())
        .bind(scope.world.now().0)
        .execute(db.c())
        .await?;
    let id = PatientId::trusted(patient.id.clone());
    mark_claims_moved(db, scope, &id, &patient.guarantor_id, to.as_str()).await?;
    let both = BTreeSet::from([patient.guarantor_id.clone(), to.to_string()]);
    mark_checks(db, scope, &both).await
}
