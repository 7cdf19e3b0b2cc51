//! Guarantors: who owes and who is addressed (D-1), with the state of their account that the engine
//! keeps. Names are clear and searchable by a folded key; date of birth and address are sealed.

use std::collections::BTreeMap;

use domain::{
    book::{Address, Language, Preferred},
    clock::UnixMs,
    id::{GuarantorId, PracticeId},
};
use jiff::civil::Date;

use crate::{
    Db, Result, StoreError,
    backend::{LIST_LONGEST, padded, with_list},
    keys::Place,
};

#[derive(Clone, Debug)]
pub struct Guarantor {
    pub id: GuarantorId,
    pub practice: PracticeId,
    pub source: String,
    pub external_id: String,
    pub name: String,
    pub born_on: Option<Date>,
    /// Keyed verifier of date of birth and SSN last four; for [`crate::Keys::matches`].
    pub match_verifier: Option<String>,
    pub address: Address,
    pub state: Option<String>,
    pub language: Option<Language>,
    pub preferred: Option<Preferred>,
    /// The zone the person named, by IANA name.
    pub zone: Option<String>,
    /// A minor without an adult who is responsible (D-3).
    pub lone_minor_at: Option<UnixMs>,
    /// False when one of the patients is this very person.
    pub is_separate_from_patients: bool,
    /// The patient who is this very person has died, says the practice's system (D-50).
    pub has_died: bool,
    pub last_sent_at: Option<UnixMs>,
    pub flagged_at: Option<UnixMs>,
    pub next_check_at: Option<UnixMs>,
    pub version: i64,
    pub created_at: UnixMs,
}

/// Where a guarantor's sealed columns live; the import seals for the same place.
pub fn place<'a>(practice: &'a PracticeId, id: &'a str, column: &'static str) -> Place<'a> {
    Place { practice: practice.as_str(), table: "guarantor", column, row: id }
}

/// How names are found: lower case, accents folded, one space between words (decision 19).
pub fn name_key(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    for word in name.split_whitespace() {
        if !key.is_empty() {
            key.push(' ');
        }
        for letter in word.chars().flat_map(char::to_lowercase) {
            key.push(unaccented(letter));
        }
    }
    key
}

fn unaccented(letter: char) -> char {
    const FOLDED: [(&str, char); 9] = [
        ("àáâãäåāăą", 'a'),
        ("çćč", 'c'),
        ("èéêëēėę", 'e'),
        ("ìíîïī", 'i'),
        ("ñńň", 'n'),
        ("òóôõöøō", 'o'),
        ("ùúûüū", 'u'),
        ("ýÿ", 'y'),
        ("\u{2018}\u{2019}\u{2bc}", '\''),
    ];
    let folded = FOLDED.iter().find(|(accented, _)| accented.contains(letter));
    folded.map_or(letter, |(_, plain)| *plain)
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    practice_id: String,
    source: String,
    external_id: String,
    name: String,
    dob_sealed: Option<String>,
    match_verifier: Option<String>,
    address_sealed: Option<String>,
    state: Option<String>,
    language: Option<String>,
    preferred: Option<String>,
    zone: Option<String>,
    lone_minor_at_ms: Option<i64>,
    own_patients: i64,
    own_deaths: i64,
    last_sent_at_ms: Option<i64>,
    flagged_at_ms: Option<i64>,
    next_check_at_ms: Option<i64>,
    version: i64,
    created_at_ms: i64,
}

impl Row {
    fn open(self, db: &Db) -> Result<Guarantor> {
        let keys = db.keys();
        let practice = PracticeId::trusted(self.practice_id);
        let open = |column, sealed: Option<&str>| {
            keys.open_option(place(&practice, &self.id, column), sealed)
        };
        let dob = open("dob_sealed", self.dob_sealed.as_deref())?;
        let address = open("address_sealed", self.address_sealed.as_deref())?;
        let born_on = dob.map(|d| d.parse()).transpose();
        let address = address.map(|a| serde_json::from_str(&a)).transpose();
        Ok(Guarantor {
            born_on: born_on.map_err(|_| StoreError::Corrupt("guarantor.dob"))?,
            address: address
                .map_err(|_| StoreError::Corrupt("guarantor.address"))?
                .unwrap_or_default(),
            id: GuarantorId::trusted(self.id.clone()),
            practice: practice.clone(),
            source: self.source,
            external_id: self.external_id,
            name: self.name,
            match_verifier: self.match_verifier,
            state: self.state,
            language: self.language.and_then(|l| l.parse().ok()),
            preferred: self.preferred.and_then(|p| p.parse().ok()),
            zone: self.zone,
            lone_minor_at: self.lone_minor_at_ms.map(UnixMs),
            is_separate_from_patients: self.lone_minor_at_ms.is_none() && self.own_patients == 0,
            has_died: self.own_deaths > 0,
            last_sent_at: self.last_sent_at_ms.map(UnixMs),
            flagged_at: self.flagged_at_ms.map(UnixMs),
            next_check_at: self.next_check_at_ms.map(UnixMs),
            version: self.version,
            created_at: UnixMs(self.created_at_ms),
        })
    }
}

pub async fn load(
    db: &mut Db,
    practice: &PracticeId,
    id: &GuarantorId,
) -> Result<Option<Guarantor>> {
    Ok(load_many(db, practice, std::slice::from_ref(id)).await?.remove(id))
}

/// Those of `ids` that exist in the practice.
pub async fn load_many(
    db: &mut Db,
    practice: &PracticeId,
    ids: &[GuarantorId],
) -> Result<BTreeMap<GuarantorId, Guarantor>> {
    const LOAD: &str = "select g.id, g.practice_id, g.source, g.external_id, g.name, g.dob_sealed,
        g.match_verifier, g.address_sealed, g.state, g.language, g.preferred, g.zone,
        g.lone_minor_at_ms,
        (select count(*) from patient p
            where p.practice_id = g.practice_id and p.guarantor_id = g.id
            and p.source = g.source and p.external_id = g.external_id) as own_patients,
        (select count(*) from patient p
            where p.practice_id = g.practice_id and p.guarantor_id = g.id
            and p.source = g.source and p.external_id = g.external_id
            and p.deceased_on is not null) as own_deaths,
        g.last_sent_at_ms, g.flagged_at_ms, g.next_check_at_ms, g.version, g.created_at_ms
        from guarantor g
        where g.practice_id = $1 and g.id in ($list)";
    let mut found = BTreeMap::new();
    for chunk in ids.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query =
            sqlx::query_as::<_, Row>(with_list(LOAD, 2, chunk.len())).bind(practice.as_str());
        for id in &chunk {
            query = query.bind(id.as_str());
        }
        for row in query.fetch_all(db.c()).await? {
            let guarantor = row.open(db)?;
            found.insert(guarantor.id.clone(), guarantor);
        }
    }
    Ok(found)
}

/// The language an account is written to in, without opening anything sealed.
pub async fn find_language(
    db: &mut Db,
    practice: &PracticeId,
    id: &GuarantorId,
) -> Result<Option<Language>> {
    const FIND: &str = "select language from guarantor where practice_id = $1 and id = $2";
    let row: Option<(Option<String>,)> = sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(id.as_str())
        .fetch_optional(db.c())
        .await?;
    Ok(row.and_then(|(language,)| language).and_then(|code| code.parse().ok()))
}

/// One line of a search.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Found {
    pub id: String,
    pub name: String,
    pub external_id: String,
    pub last_sent_at_ms: Option<i64>,
    pub flagged_at_ms: Option<i64>,
}

/// Guarantors whose folded name begins with `prefix`, by name; after `(name_key, id)` for paging.
pub async fn list_by_name(
    db: &mut Db,
    practice: &PracticeId,
    prefix: &str,
    after: Option<(&str, &str)>,
    limit: i64,
) -> Result<Vec<Found>> {
    const LIST: &str = "select id, name, external_id, last_sent_at_ms, flagged_at_ms
        from guarantor
        where practice_id = $1 and name_key >= $2 and name_key < $3
        and (name_key > $4 or (name_key = $4 and id > $5))
        order by name_key, id
        limit $6";
    let key = name_key(prefix);
    let (after_key, after_id) = after.unwrap_or(("", ""));
    Ok(sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(&key)
        .bind(format!("{key}\u{10ffff}"))
        .bind(after_key)
        .bind(after_id)
        .bind(limit)
        .fetch_all(db.c())
        .await?)
}

/// Patients of a guarantor: id, name, and whether their details stay off the bill page.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct PatientName {
    pub guarantor_id: String,
    pub id: String,
    pub name: String,
    pub deceased_on: Option<String>,
    pub restricted_at_ms: Option<i64>,
}

pub async fn list_patients(
    db: &mut Db,
    practice: &PracticeId,
    ids: &[GuarantorId],
) -> Result<Vec<PatientName>> {
    const LIST: &str = "select guarantor_id, id, name, deceased_on, restricted_at_ms
        from patient
        where practice_id = $1 and guarantor_id in ($list)
        order by guarantor_id, name_key, id";
    let mut found = Vec::new();
    for chunk in ids.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query = sqlx::query_as(with_list(LIST, 2, chunk.len())).bind(practice.as_str());
        for id in &chunk {
            query = query.bind(id.as_str());
        }
        found.extend(query.fetch_all(db.c()).await?);
    }
    Ok(found)
}

/// Replaces the verifier of a match, unless an import did meanwhile.
pub async fn mark_verifier(
    db: &mut Db,
    practice: &PracticeId,
    id: &GuarantorId,
    known: &str,
    anew: &str,
) -> Result<()> {
    const MARK: &str = "update guarantor set match_verifier = $4
        where practice_id = $1 and id = $2 and match_verifier = $3";
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(known)
        .bind(anew)
        .execute(db.c())
        .await?;
    Ok(())
}

pub async fn mark_preferred(
    db: &mut Db,
    practice: &PracticeId,
    id: &GuarantorId,
    preferred: Option<Preferred>,
) -> Result<bool> {
    const MARK: &str = "update guarantor set preferred = $3, version = version + 1
        where practice_id = $1 and id = $2";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(preferred.map(Preferred::as_str))
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn mark_language(
    db: &mut Db,
    practice: &PracticeId,
    id: &GuarantorId,
    language: Option<Language>,
) -> Result<bool> {
    const MARK: &str = "update guarantor set language = $3, version = version + 1
        where practice_id = $1 and id = $2";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(language.map(Language::as_str))
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The zone a person said they are in.
pub async fn mark_zone(
    db: &mut Db,
    practice: &PracticeId,
    id: &GuarantorId,
    zone: Option<&str>,
) -> Result<bool> {
    const MARK: &str = "update guarantor set zone = $3, version = version + 1
        where practice_id = $1 and id = $2";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(zone)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Flags an account for the next reminder, or takes the flag away (S-TR5).
pub async fn mark_flagged(
    db: &mut Db,
    practice: &PracticeId,
    id: &GuarantorId,
    at: Option<UnixMs>,
) -> Result<bool> {
    const MARK: &str = "update guarantor set flagged_at_ms = $3, version = version + 1
        where practice_id = $1 and id = $2";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(at.map(|t| t.0))
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn mark_sent(
    db: &mut Db,
    practice: &PracticeId,
    id: &GuarantorId,
    at: UnixMs,
) -> Result<()> {
    const MARK: &str = "update guarantor set last_sent_at_ms = $3, flagged_at_ms = null
        where practice_id = $1 and id = $2
        and (last_sent_at_ms is null or last_sent_at_ms < $3)";
    sqlx::query(MARK).bind(practice.as_str()).bind(id.as_str()).bind(at.0).execute(db.c()).await?;
    Ok(())
}

/// An event that matters (balance, payment, consent, hold): the engine looks again at `at`, or
/// earlier if it was going to anyway.
pub async fn mark_check(
    db: &mut Db,
    practice: &PracticeId,
    id: &GuarantorId,
    at: UnixMs,
) -> Result<()> {
    const MARK: &str = "update guarantor set next_check_at_ms = $3
        where practice_id = $1 and id = $2
        and (next_check_at_ms is null or next_check_at_ms > $3)";
    sqlx::query(MARK).bind(practice.as_str()).bind(id.as_str()).bind(at.0).execute(db.c()).await?;
    Ok(())
}

/// Every account that has a message waiting: after a held import is accepted or refused.
pub async fn mark_check_where_waiting(
    db: &mut Db,
    practice: &PracticeId,
    at: UnixMs,
) -> Result<u64> {
    const MARK: &str = "update guarantor set next_check_at_ms = $2
        where practice_id = $1
        and (next_check_at_ms is null or next_check_at_ms > $2)
        and id in (select m.guarantor_id from message m
            where m.practice_id = $1 and m.guarantor_id is not null
            and m.state in ('queued', 'pending_approval'))";
    let done = sqlx::query(MARK).bind(practice.as_str()).bind(at.0).execute(db.c()).await?;
    Ok(done.rows_affected())
}

/// Accounts that need a look by now, of all practices: the engine's own work, in order of time.
pub async fn list_to_check(
    db: &mut Db,
    now: UnixMs,
    limit: i64,
) -> Result<Vec<(PracticeId, GuarantorId)>> {
    const LIST: &str = "select practice_id, id
        from guarantor
        where next_check_at_ms is not null and next_check_at_ms <= $1
        order by next_check_at_ms, id
        limit $2";
    let rows: Vec<(String, String)> =
        sqlx::query_as(LIST).bind(now.0).bind(limit).fetch_all(db.c()).await?;
    Ok(rows.into_iter().map(|(p, g)| (PracticeId::trusted(p), GuarantorId::trusted(g))).collect())
}

/// Says when the next look is due, after one; nothing when an event came in since `looked_at`.
pub async fn mark_checked(
    db: &mut Db,
    practice: &PracticeId,
    id: &GuarantorId,
    looked_at: UnixMs,
    next: Option<UnixMs>,
) -> Result<()> {
    const MARK: &str = "update guarantor set next_check_at_ms = $4
        where practice_id = $1 and id = $2 and next_check_at_ms <= $3";
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(looked_at.0)
        .bind(next.map(|t| t.0))
        .execute(db.c())
        .await?;
    Ok(())
}

/// When the next look of any account is due.
pub async fn find_next_check(db: &mut Db) -> Result<Option<UnixMs>> {
    const FIND: &str = "select min(next_check_at_ms) as at_ms, count(practice_id) as due
        from guarantor
        where next_check_at_ms is not null";
    let row: (Option<i64>, i64) = sqlx::query_as(FIND).fetch_one(db.c()).await?;
    Ok(row.0.map(UnixMs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jose_is_found_with_and_without_his_accent() {
        assert_eq!(name_key("  José   NÚÑEZ "), "jose nunez");
        assert_eq!(name_key("O\u{2019}Brien"), name_key("O'Brien"));
    }
}

/// An account and its names elsewhere.
#[derive(Clone, Debug)]
pub struct Named {
    pub id: GuarantorId,
    pub source: String,
    pub external_id: String,
}

/// Accounts in the order of their ids, after `after`.
pub async fn list_ids(
    db: &mut Db,
    practice: &PracticeId,
    after: &str,
    limit: i64,
) -> Result<Vec<Named>> {
    const LIST: &str = "select id, source, external_id from guarantor
        where practice_id = $1 and id > $2
        order by id
        limit $3";
    let rows: Vec<(String, String, String)> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(after)
        .bind(limit)
        .fetch_all(db.c())
        .await?;
    Ok(rows
        .into_iter()
        .map(|(id, source, external_id)| Named {
            id: GuarantorId::trusted(id),
            source,
            external_id,
        })
        .collect())
}
