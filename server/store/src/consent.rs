//! Append-only evidence of who agreed to what, when, and how we know (D-32). Keyed by phone or
//! email, never by patient (D-4). The newest row counts.

use std::collections::BTreeMap;

use domain::{
    clock::{UnixMs, World},
    decide::{Channel, Consent, ConsentSource},
    id::{ConsentId, PracticeId},
};

use crate::{
    Db, Result, StoreError,
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
    const INSERT: &str = "insert into consent (id, practice_id, value_index, channel, granted,
        source, wording, actor, at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    sqlx::query(INSERT)
        .bind(world.mint::<ConsentId>().to_string())
        .bind(practice.as_str())
        .bind(new.value_index)
        .bind(new.channel.as_str())
        .bind(i64::from(new.granted))
        .bind(source_code(new.source))
        .bind(new.wording)
        .bind(new.actor)
        .bind(new.at.0)
        .execute(db.c())
        .await?;
    Ok(())
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

/// The whole evidence of one phone or email, newest first: for the patient record and for an export.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Evidence {
    pub id: String,
    pub channel: String,
    pub granted: i64,
    pub source: String,
    pub wording: String,
    pub actor: String,
    pub at_ms: i64,
}

pub async fn list(db: &mut Db, practice: &PracticeId, value_index: &str) -> Result<Vec<Evidence>> {
    const LIST: &str = "select id, channel, granted, source, wording, actor, at_ms
        from consent
        where practice_id = $1 and value_index = $2
        order by at_ms desc, id desc";
    Ok(sqlx::query_as(LIST).bind(practice.as_str()).bind(value_index).fetch_all(db.c()).await?)
}
