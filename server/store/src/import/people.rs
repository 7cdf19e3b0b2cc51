//! Guarantors, patients, responsibility and contacts of an import.

use domain::{
    book::{self, Owner, RefusalReason, TextConsent},
    clock::{UnixMs, World},
    decide::{Channel, ConsentSource, LineType},
    id::{ContactId, GuarantorId, PatientId, PracticeId},
};

use crate::{
    Db, Result, consent, contact,
    guarantor::{self, name_key},
    keys::Place,
};

/// Who imports what, for whom, when.
pub(super) struct Scope<'a> {
    pub world: &'a World,
    pub practice: &'a PracticeId,
    pub source: &'a str,
    /// Noon of the file's day: when an undated consent counts from.
    pub said_at: UnixMs,
}

/// What became of one staged row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Changed,
    Unchanged,
    Refused(&'static str, RefusalReason),
}

/// Somebody's id in our book, by the source's.
pub(super) async fn find_guarantor(
    db: &mut Db,
    scope: &Scope<'_>,
    external_id: &str,
) -> Result<Option<GuarantorId>> {
    const FIND: &str = "select id from guarantor
        where practice_id = $1 and source = $2 and external_id = $3";
    let row: Option<(String,)> = sqlx::query_as(FIND)
        .bind(scope.practice.as_str())
        .bind(scope.source)
        .bind(external_id)
        .fetch_optional(db.c())
        .await?;
    Ok(row.map(|(id,)| GuarantorId::trusted(id)))
}

/// Inserts or updates a guarantor; true when anything changed.
pub(super) async fn keep_guarantor(
    db: &mut Db,
    scope: &Scope<'_>,
    said: &book::Guarantor,
) -> Result<(GuarantorId, bool)> {
    const FIND: &str = "select id, row_mac from guarantor
        where practice_id = $1 and source = $2 and external_id = $3";
    let keys = db.keys();
    let canonical = serde_json::to_string(said).expect("a book row is plain data");
    let mac = keys.row_mac(scope.practice.as_str(), "guarantor", &canonical);
    let known: Option<(String, String)> = sqlx::query_as(FIND)
        .bind(scope.practice.as_str())
        .bind(scope.source)
        .bind(&said.external_id)
        .fetch_optional(db.c())
        .await?;
    match known {
        Some((id, known_mac)) if known_mac == mac => Ok((GuarantorId::trusted(id), false)),
        Some((id, _)) => {
            let id = GuarantorId::trusted(id);
            write_guarantor(db, scope, &id, said, &mac, true).await?;
            Ok((id, true))
        }
        None => {
            let id: GuarantorId = scope.world.mint();
            write_guarantor(db, scope, &id, said, &mac, false).await?;
            Ok((id, true))
        }
    }
}

async fn write_guarantor(
    db: &mut Db,
    scope: &Scope<'_>,
    id: &GuarantorId,
    said: &book::Guarantor,
    mac: &str,
    exists: bool,
) -> Result<()> {
    const INSERT: &str = "insert into guarantor (id, practice_id, source, external_id, name,
        name_key, dob_sealed, match_verifier, address_sealed, state, language, lone_minor_at_ms,
        row_mac, created_at_ms, updated_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)";
    // What the source leaves out stays as it was.
    const UPDATE: &str = "update guarantor set name = $5, name_key = $6,
        dob_sealed = coalesce($7, dob_sealed), match_verifier = coalesce($8, match_verifier),
        address_sealed = $9, state = coalesce($10, state), language = coalesce($11, language),
        lone_minor_at_ms = $12, row_mac = $13, updated_at_ms = $14, version = version + 1
        where id = $1 and practice_id = $2 and source = $3 and external_id = $4";
    let keys = db.keys();
    let now = scope.world.now();
    let place = |column| guarantor::place(scope.practice, id.as_str(), column);
    let dob = said.dob.map(|day| day.to_string());
    let verifier = match (&dob, &said.ssn4) {
        (Some(dob), Some(ssn4)) => {
            Some(keys.match_verifier(scope.practice.as_str(), id.as_str(), dob, ssn4.expose()))
        }
        _ => None,
    };
    let address = serde_json::to_string(&said.address).expect("an address is plain data");
    sqlx::query(if exists { UPDATE } else { INSERT })
        .bind(id.as_str())
        .bind(scope.practice.as_str())
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
        .execute(db.c())
        .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct KnownPatient {
    id: String,
    guarantor_id: String,
    row_mac: String,
}

async fn find_patient(
    db: &mut Db,
    scope: &Scope<'_>,
    external_id: &str,
) -> Result<Option<KnownPatient>> {
    const FIND: &str = "select id, guarantor_id, row_mac from patient
        where practice_id = $1 and source = $2 and external_id = $3";
    Ok(sqlx::query_as(FIND)
        .bind(scope.practice.as_str())
        .bind(scope.source)
        .bind(external_id)
        .fetch_optional(db.c())
        .await?)
}

/// A patient, with the guarantor the source names, or the one known, or the patient themselves.
pub(super) async fn keep_patient(
    db: &mut Db,
    scope: &Scope<'_>,
    said: &book::Patient,
) -> Result<Fate> {
    let known = find_patient(db, scope, &said.external_id).await?;
    let own = find_guarantor(db, scope, &said.external_id).await?;
    let mut changed = false;
    let guarantor = match (&said.guarantor_external_id, &known) {
        (Some(named), _) => match find_guarantor(db, scope, named).await? {
            Some(id) => id,
            None => return Ok(Fate::Refused("guarantor_id", RefusalReason::UnknownGuarantor)),
        },
        // Somebody else was made responsible since: a re-import leaves that.
        (None, Some(known))
            if own.as_ref().is_none_or(|own| own.as_str() != known.guarantor_id) =>
        {
            GuarantorId::trusted(known.guarantor_id.clone())
        }
        (None, _) => {
            let (id, touched) = keep_guarantor(db, scope, &said.as_own_guarantor()).await?;
            changed |= touched;
            id
        }
    };
    let keys = db.keys();
    let canonical = serde_json::to_string(said).expect("a book row is plain data");
    let mac = keys.row_mac(scope.practice.as_str(), "patient", &canonical);
    match known {
        Some(known) if known.row_mac == mac && known.guarantor_id == guarantor.as_str() => {}
        Some(known) => {
            let id = PatientId::trusted(known.id);
            write_patient(db, scope, &id, &guarantor, said, &mac, true).await?;
            if known.guarantor_id != guarantor.as_str() {
                let from = GuarantorId::trusted(known.guarantor_id);
                mark_claims_moved(db, scope, &id, &from, &guarantor).await?;
            }
            changed = true;
        }
        None => {
            let id: PatientId = scope.world.mint();
            write_patient(db, scope, &id, &guarantor, said, &mac, false).await?;
            changed = true;
        }
    }
    if changed {
        guarantor::mark_check(db, scope.practice, &guarantor, scope.world.now()).await?;
    }
    Ok(if changed { Fate::Changed } else { Fate::Unchanged })
}

async fn write_patient(
    db: &mut Db,
    scope: &Scope<'_>,
    id: &PatientId,
    guarantor: &GuarantorId,
    said: &book::Patient,
    mac: &str,
    exists: bool,
) -> Result<()> {
    const INSERT: &str = "insert into patient (id, practice_id, guarantor_id, source, external_id,
        name, name_key, dob_sealed, deceased_on, row_mac, created_at_ms, updated_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)";
    const UPDATE: &str = "update patient set guarantor_id = $3, name = $6, name_key = $7,
        dob_sealed = coalesce($8, dob_sealed), deceased_on = coalesce($9, deceased_on),
        row_mac = $10, updated_at_ms = $11
        where id = $1 and practice_id = $2 and source = $4 and external_id = $5";
    let place = Place {
        practice: scope.practice.as_str(),
        table: "patient",
        column: "dob_sealed",
        row: id.as_str(),
    };
    let dob = said.dob.map(|day| day.to_string());
    let sealed = db.keys().seal_option(place, dob.as_deref());
    sqlx::query(if exists { UPDATE } else { INSERT })
        .bind(id.as_str())
        .bind(scope.practice.as_str())
        .bind(guarantor.as_str())
        .bind(scope.source)
        .bind(&said.external_id)
        .bind(&said.name)
        .bind(name_key(&said.name))
        .bind(sealed)
        .bind(said.deceased_on.map(|day| day.to_string()))
        .bind(mac)
        .bind(scope.world.now().0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// The patient's visits follow to the new guarantor, except those that name one of their own.
async fn mark_claims_moved(
    db: &mut Db,
    scope: &Scope<'_>,
    patient: &PatientId,
    from: &GuarantorId,
    to: &GuarantorId,
) -> Result<()> {
    const MARK: &str = "update claim set guarantor_id = $4, version = version + 1
        where practice_id = $1 and patient_id = $2 and guarantor_id = $3";
    sqlx::query(MARK)
        .bind(scope.practice.as_str())
        .bind(patient.as_str())
        .bind(from.as_str())
        .bind(to.as_str())
        .execute(db.c())
        .await?;
    Ok(())
}

/// A contacts file says who is responsible for a patient, or corrects what is known of them.
pub(super) async fn keep_responsible(
    db: &mut Db,
    scope: &Scope<'_>,
    said: &book::Responsible,
) -> Result<Fate> {
    let Some(patient) = find_patient(db, scope, &said.patient_external_id).await? else {
        return Ok(Fate::Refused("patient_id", RefusalReason::UnknownPatient));
    };
    let now =
        guarantor::load(db, scope.practice, &GuarantorId::trusted(patient.guarantor_id.clone()))
            .await?;
    let target = match &said.guarantor_external_id {
        Some(id) => find_guarantor(db, scope, id).await?,
        None => now.as_ref().map(|g| g.id.clone()),
    };
    let before = match &target {
        Some(id) => guarantor::load(db, scope.practice, id).await?,
        None => None,
    };
    let name = said.name.clone().or_else(|| before.as_ref().map(|g| g.name.clone()));
    let Some(name) = name else {
        return Ok(Fate::Refused("guarantor_name", RefusalReason::Missing));
    };
    let mut address = before.as_ref().map(|g| g.address.clone()).unwrap_or_default();
    address.state = said.state.clone().or(address.state);
    address.zip = said.zip.clone().or(address.zip);
    let dob = said.dob.or_else(|| before.as_ref().and_then(|g| g.born_on));
    let is_minor = match said.dob {
        Some(_) => said.is_minor,
        None => before.as_ref().is_some_and(|g| g.lone_minor_at.is_some()),
    };
    let external_id = match (&said.guarantor_external_id, &before) {
        (Some(id), _) => id.clone(),
        (None, Some(g)) => g.external_id.clone(),
        (None, None) => said.patient_external_id.clone(),
    };
    let language = said.language.or_else(|| before.as_ref().and_then(|g| g.language));
    let ssn4 = said.ssn4.clone();
    let whole = book::Guarantor { external_id, name, dob, ssn4, address, language, is_minor };
    let (id, mut changed) = keep_guarantor(db, scope, &whole).await?;
    if id.as_str() != patient.guarantor_id {
        const MARK: &str = "update patient set guarantor_id = $3, updated_at_ms = $4
            where practice_id = $1 and id = $2";
        sqlx::query(MARK)
            .bind(scope.practice.as_str())
            .bind(&patient.id)
            .bind(id.as_str())
            .bind(scope.world.now().0)
            .execute(db.c())
            .await?;
        let from = GuarantorId::trusted(patient.guarantor_id);
        mark_claims_moved(db, scope, &PatientId::trusted(patient.id), &from, &id).await?;
        guarantor::mark_check(db, scope.practice, &from, scope.world.now()).await?;
        changed = true;
    }
    if changed {
        guarantor::mark_check(db, scope.practice, &id, scope.world.now()).await?;
    }
    Ok(if changed { Fate::Changed } else { Fate::Unchanged })
}

/// Phones, emails and what was agreed to. Never clears a suppression (M21).
pub(super) async fn keep_contact(
    db: &mut Db,
    scope: &Scope<'_>,
    said: &book::Contact,
) -> Result<Fate> {
    let guarantor = match &said.owner {
        Owner::Guarantor(id) => find_guarantor(db, scope, id).await?,
        Owner::GuarantorOfPatient(id) => find_patient(db, scope, id)
            .await?
            .map(|patient| GuarantorId::trusted(patient.guarantor_id)),
    };
    let Some(guarantor) = guarantor else {
        return Ok(match &said.owner {
            Owner::Guarantor(_) => Fate::Refused("guarantor_id", RefusalReason::UnknownGuarantor),
            Owner::GuarantorOfPatient(_) => {
                Fate::Refused("patient_id", RefusalReason::UnknownPatient)
            }
        });
    };
    let mut changed = false;
    if let Some(phone) = &said.phone {
        let (value, masked) = (phone.as_str(), phone.masked());
        let (id, added) =
            keep_value(db, scope, &guarantor, contact::Kind::Phone, value, masked).await?;
        changed |= added;
        changed |= keep_consents(db, scope, &guarantor, &id, value, said).await?;
    }
    if let Some(email) = &said.email {
        let (value, masked) = (email.as_str(), email.masked());
        let (_, added) =
            keep_value(db, scope, &guarantor, contact::Kind::Email, value, masked).await?;
        changed |= added;
    }
    if let Some(preferred) = said.preferred {
        let known = guarantor::load(db, scope.practice, &guarantor).await?;
        if known.and_then(|g| g.preferred) != Some(preferred) {
            guarantor::mark_preferred(db, scope.practice, &guarantor, Some(preferred)).await?;
            changed = true;
        }
    }
    if changed {
        guarantor::mark_check(db, scope.practice, &guarantor, scope.world.now()).await?;
    }
    Ok(if changed { Fate::Changed } else { Fate::Unchanged })
}

async fn keep_value(
    db: &mut Db,
    scope: &Scope<'_>,
    guarantor: &GuarantorId,
    kind: contact::Kind,
    value: &str,
    masked: String,
) -> Result<(ContactId, bool)> {
    let index = contact::value_index(&db.keys(), scope.practice, kind, value);
    let known = contact::list(db, scope.practice, guarantor).await?;
    if let Some(known) = known.into_iter().find(|c| c.kind == kind && c.value_index == index) {
        return Ok((known.id, false));
    }
    let new = contact::New {
        id: scope.world.mint(),
        guarantor: guarantor.clone(),
        kind,
        value: value.to_owned(),
        masked,
        line: LineType::Unknown,
        source: format!("import:{}", scope.source),
    };
    let id = contact::insert(db, scope.practice, &new, scope.world.now()).await?;
    Ok((id, true))
}

/// Writes what the file says about texts to this phone, unless the ledger says it already or
/// something newer.
async fn keep_consents(
    db: &mut Db,
    scope: &Scope<'_>,
    guarantor: &GuarantorId,
    id: &ContactId,
    phone: &str,
    said: &book::Contact,
) -> Result<bool> {
    let index = contact::value_index(&db.keys(), scope.practice, contact::Kind::Phone, phone);
    let latest = consent::load_many(db, scope.practice, std::slice::from_ref(&index)).await?;
    let latest = latest.get(&(index.clone(), Channel::Text)).cloned();
    let by_call = TextConsent { is_granted: true, on: None, source: None };
    let (text, source) = match (&said.text_consent, said.call_opt_in) {
        (Some(text), _) => (text, ConsentSource::Import),
        (None, Some(true)) => (&by_call, ConsentSource::PhoneReminders),
        (None, _) => return Ok(false),
    };
    let at = text.on.map_or(scope.said_at, noon);
    let is_known = latest.is_some_and(|known| known.granted == text.is_granted || known.at > at);
    if is_known {
        return Ok(false);
    }
    let wording = text.source.as_deref().unwrap_or("as recorded by the practice");
    let actor = format!("import:{}", scope.source);
    let new = consent::New {
        value_index: &index,
        channel: Channel::Text,
        granted: text.is_granted,
        source,
        wording,
        actor: &actor,
        at,
    };
    consent::insert(db, scope.world, scope.practice, &new).await?;
    let by = text.is_granted.then_some(("import", scope.world.now()));
    contact::mark_text_enabled(db, scope.practice, guarantor, id, by).await?;
    Ok(true)
}

/// A recorded day counts from its noon, UTC: inside that day in every US zone.
pub(super) fn noon(day: jiff::civil::Date) -> UnixMs {
    let at = day.at(17, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC);
    UnixMs(at.map_or(0, |zoned| zoned.timestamp().as_millisecond()))
}
