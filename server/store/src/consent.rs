//! Append-only evidence of who agreed to what, when, and how we know (D-32). Keyed by phone or
//! email, never by patient (D-4). The newest row counts. Chained afterwards by the notary of the audit
//! log, one chain a phone or email, so that the evidence of one proves itself (MS15).

use std::collections::BTreeMap;

use domain::{
    clock::{UnixMs, World},
    decide::{Channel, Consent, ConsentSource},
    id::{ConsentId, GuarantorId, PracticeId},
};

use crate::{
    Db, Keys, Result, StoreError,
    backend::{LIST_LONGEST, padded, with_list},
};

/// Something a person said, or a practice's system says they said.
#[derive(Clone, Debug)]
pub struct New<'a> {
    pub value_index: &'a str,
    pub channel: Channel,
    pub granted: bool,
    pub source: ConsentSource,
    /// The words agreed to, or their version; free text of a source's own.
    pub wording: &'a str,
    /// `staff:stf_…`, `login:…`, `system:import`.
    pub actor: &'a str,
    /// When it was given, which may be before now.
    pub at: UnixMs,
}

pub const fn source_code(source: ConsentSource) -> &'static str {
    match source {
        ConsentSource::Import => "import",
        ConsentSource::PhoneReminders => "phone_reminders",
        ConsentSource::Staff => "staff",
        ConsentSource::Portal => "portal",
        ConsentSource::Keyword => "keyword",
    }
}

fn source_of(code: &str) -> ConsentSource {
    match code {
        "phone_reminders" => ConsentSource::PhoneReminders,
        "staff" => ConsentSource::Staff,
        "portal" => ConsentSource::Portal,
        "keyword" => ConsentSource::Keyword,
        _ => ConsentSource::Import,
    }
}

pub async fn insert(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    new: &New<'_>,
) -> Result<()> {
    insert_as(db, world, practice, new, new.channel.as_str()).await
}

async fn insert_as(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    new: &New<'_>,
    way: &str,
) -> Result<()> {
    const INSERT: &str = "insert into consent (id, practice_id, value_index, channel, granted,
        source, wording, actor, at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    sqlx::query(INSERT)
        .bind(world.mint::<ConsentId>().to_string())
        .bind(practice.as_str())
        .bind(new.value_index)
        .bind(way)
        .bind(i64::from(new.granted))
        .bind(source_code(new.source))
        .bind(new.wording)
        .bind(new.actor)
        .bind(new.at.0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// The way of bills without paper, beside the channels.
pub const PAPERLESS: &str = "paperless";
/// What somebody is held to have agreed to when their practice's system says so.
const PAPERLESS_WORDING: &str = "bills without paper, as recorded by the practice";

/// Under what the evidence about an account itself stands, rather than about a phone or email.
pub fn account_index(keys: &Keys, practice: &PracticeId, guarantor: &GuarantorId) -> String {
    keys.blind(practice.as_str(), "account", guarantor.as_str())
}

/// A person agreed to bills without paper, or took it back (S-TR10).
pub(crate) async fn insert_paperless(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    granted: bool,
    actor: &str,
    at: UnixMs,
) -> Result<()> {
    let index = account_index(&db.keys(), practice, guarantor);
    let new = New {
        value_index: &index,
        channel: Channel::Letter,
        granted,
        source: ConsentSource::Import,
        wording: PAPERLESS_WORDING,
        actor,
        at,
    };
    insert_as(db, world, practice, &new, PAPERLESS).await
}

#[derive(sqlx::FromRow)]
struct Row {
    value_index: String,
    channel: String,
    granted: i64,
    source: String,
    at_ms: i64,
}

/// The newest consent of each value and channel. Of two at one instant the refusal counts.
pub async fn load_many(
    db: &mut Db,
    practice: &PracticeId,
    values: &[String],
) -> Result<BTreeMap<(String, Channel), Consent>> {
    const LOAD: &str = "select c.value_index, c.channel, c.granted, c.source, c.at_ms
        from consent c
        where c.practice_id = $1 and c.value_index in ($list)
        and c.at_ms = (select max(n.at_ms) from consent n
            where n.practice_id = c.practice_id and n.value_index = c.value_index
            and n.channel = c.channel)";
    let mut found: BTreeMap<(String, Channel), Consent> = BTreeMap::new();
    for chunk in values.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query =
            sqlx::query_as::<_, Row>(with_list(LOAD, 2, chunk.len())).bind(practice.as_str());
        for value in &chunk {
            query = query.bind(value);
        }
        for row in query.fetch_all(db.c()).await? {
            let channel =
                Channel::parse(&row.channel).ok_or(StoreError::Corrupt("consent.channel"))?;
            let consent = Consent {
                granted: row.granted == 1,
                source: source_of(&row.source),
                at: UnixMs(row.at_ms),
            };
            found
                .entry((row.value_index, channel))
                .and_modify(|stands| {
                    if !consent.granted {
                        *stands = consent;
                    }
                })
                .or_insert(consent);
        }
    }
    Ok(found)
}

/// One row of the evidence of a phone or email.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Evidence {
    pub id: String,
    pub practice_id: String,
    pub value_index: String,
    pub channel: String,
    pub granted: i64,
    pub source: String,
    pub wording: String,
    pub actor: String,
    pub at_ms: i64,
    /// Its place among the rows of the same phone or email; none until the notary has been there.
    pub chain_no: Option<i64>,
    pub chain_hash: Option<String>,
}

impl Evidence {
    /// The bytes the chain covers.
    fn canonical(&self) -> String {
        let parts = [
            self.id.as_str(),
            &self.practice_id,
            &self.value_index,
            &self.channel,
            &self.granted.to_string(),
            &self.source,
            &self.wording,
            &self.actor,
            &self.at_ms.to_string(),
        ];
        parts.iter().map(|p| format!("{}:{p}", p.len())).collect()
    }
}

/// The whole evidence of one phone or email, newest first: for the patient record and for an export.
pub async fn list(db: &mut Db, practice: &PracticeId, value_index: &str) -> Result<Vec<Evidence>> {
    const LIST: &str = "select id, practice_id, value_index, channel, granted, source, wording,
        actor, at_ms, chain_no, chain_hash
        from consent
        where practice_id = $1 and value_index = $2
        order by at_ms desc, id desc";
    Ok(sqlx::query_as(LIST).bind(practice.as_str()).bind(value_index).fetch_all(db.c()).await?)
}

/// Rows chained in one go; a large import takes several.
const NOTARY_BATCH: i64 = 500;

/// Chains the oldest unchained rows, each behind the last one of its phone or email; returns how
/// many. Run under [`crate::audit::NOTARY_LEASE`].
pub async fn chain_next(db: &mut Db) -> Result<usize> {
    const NEXT: &str = "select id, practice_id, value_index, channel, granted, source, wording,
        actor, at_ms, chain_no, chain_hash
        from consent
        where chain_no is null
        order by id
        limit $1";
    const HEAD: &str = "select chain_no, chain_hash from consent
        where practice_id = $1 and value_index = $2 and chain_no is not null
        order by chain_no desc
        limit 1";
    const MARK: &str = "update consent set chain_no = $3, chain_hash = $4
        where practice_id = $1 and id = $2 and chain_no is null";
    let keys = db.keys();
    let rows: Vec<Evidence> = sqlx::query_as(NEXT).bind(NOTARY_BATCH).fetch_all(db.c()).await?;
    for row in &rows {
        let head: Option<(i64, String)> = sqlx::query_as(HEAD)
            .bind(&row.practice_id)
            .bind(&row.value_index)
            .fetch_optional(db.c())
            .await?;
        let (number, hash) = head.unwrap_or_default();
        sqlx::query(MARK)
            .bind(&row.practice_id)
            .bind(&row.id)
            .bind(number + 1)
            .bind(keys.chain(&hash, &row.canonical()))
            .execute(db.c())
            .await?;
    }
    Ok(rows.len())
}

/// What the check of all chains found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainReport {
    /// Rows that were looked at.
    pub rows: i64,
    /// The id of the first row that does not fit: edited, or with one removed before it.
    pub broken_at: Option<String>,
}

/// Replays every chain from its first row, a page at a time.
pub async fn verify_chains(db: &mut Db, keys: &Keys) -> Result<ChainReport> {
    const PAGE: &str = "select id, practice_id, value_index, channel, granted, source, wording,
        actor, at_ms, chain_no, chain_hash
        from consent
        where chain_no is not null
        and (practice_id, value_index, chain_no) > ($1, $2, $3)
        order by practice_id, value_index, chain_no
        limit 1000";
    let mut report = ChainReport::default();
    let (mut practice, mut value, mut number) = (String::new(), String::new(), 0_i64);
    let mut hash = String::new();
    loop {
        let rows: Vec<Evidence> = sqlx::query_as(PAGE)
            .bind(&practice)
            .bind(&value)
            .bind(number)
            .fetch_all(db.c())
            .await?;
        if rows.is_empty() {
            return Ok(report);
        }
        for row in rows {
            if row.practice_id != practice || row.value_index != value {
                (practice, value) = (row.practice_id.clone(), row.value_index.clone());
                (number, hash) = (0, String::new());
            }
            number += 1;
            hash = keys.chain(&hash, &row.canonical());
            report.rows += 1;
            if row.chain_no != Some(number) || row.chain_hash.as_deref() != Some(&hash) {
                report.broken_at = Some(row.id);
                return Ok(report);
            }
        }
    }
}

/// Whether the rows of one phone or email, in any order, are a whole chain. Rows that the notary
/// has not reached yet do not count.
pub fn is_whole(keys: &Keys, evidence: &[Evidence]) -> bool {
    let mut chained: Vec<&Evidence> =
        evidence.iter().filter(|row| row.chain_no.is_some()).collect();
    chained.sort_by_key(|row| row.chain_no);
    let mut hash = String::new();
    chained.iter().zip(1..).all(|(row, number)| {
        hash = keys.chain(&hash, &row.canonical());
        row.chain_no == Some(number) && row.chain_hash.as_deref() == Some(&hash)
    })
}
