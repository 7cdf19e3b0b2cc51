//! What patients text back. Stored before anything else is done with it, sealed, once per vendor id.

use std::collections::BTreeMap;

use domain::{
    clock::{UnixMs, World},
    id::{PracticeId, ReplyId},
};

use crate::{
    Db, Result,
    backend::{LIST_LONGEST, padded, with_list},
    keys::Place,
};

#[derive(Clone, Debug)]
pub struct Reply {
    pub id: ReplyId,
    pub from: String,
    pub masked: String,
    pub body: String,
    /// How it was understood: `stop`, `start`, `help`, `wrong_number`, …
    pub class: String,
    pub at: UnixMs,
    /// The kind of answer that went back, if one did.
    pub answered: Option<String>,
    /// How it was understood before staff said otherwise, and who did.
    pub reclassified: Option<(String, String)>,
}

#[derive(Clone, Debug)]
pub struct New<'a> {
    pub value_index: &'a str,
    pub from: &'a str,
    pub masked: &'a str,
    pub body: &'a str,
    pub class: &'a str,
    /// The vendor's id: the same reply twice is one.
    pub provider_id: &'a str,
}

fn place<'a>(practice: &'a PracticeId, id: &'a str, column: &'static str) -> Place<'a> {
    Place { practice: practice.as_str(), table: "reply", column, row: id }
}

/// `None` when this very reply is stored already.
pub async fn insert(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    new: &New<'_>,
) -> Result<Option<ReplyId>> {
    const INSERT: &str = "insert into reply (id, practice_id, value_index, from_sealed, masked,
        body_sealed, class, provider_id, at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict (practice_id, provider_id) do nothing";
    let id = world.mint::<ReplyId>();
    let keys = db.keys();
    let done = sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(practice.as_str())
        .bind(new.value_index)
        .bind(keys.seal(place(practice, id.as_str(), "from_sealed"), new.from))
        .bind(new.masked)
        .bind(keys.seal(place(practice, id.as_str(), "body_sealed"), new.body))
        .bind(new.class)
        .bind(new.provider_id)
        .bind(world.now().0)
        .execute(db.c())
        .await?;
    Ok((done.rows_affected() == 1).then_some(id))
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    from_sealed: String,
    masked: String,
    body_sealed: String,
    class: String,
    at_ms: i64,
    answered: Option<String>,
    reclassified_from: Option<String>,
    reclassified_by: Option<String>,
}

impl Row {
    fn open(self, db: &Db, practice: &PracticeId) -> Result<Reply> {
        let keys = db.keys();
        Ok(Reply {
            from: keys.open(place(practice, &self.id, "from_sealed"), &self.from_sealed)?,
            body: keys.open(place(practice, &self.id, "body_sealed"), &self.body_sealed)?,
            id: ReplyId::trusted(self.id),
            masked: self.masked,
            class: self.class,
            at: UnixMs(self.at_ms),
            answered: self.answered,
            reclassified: self.reclassified_from.zip(self.reclassified_by),
        })
    }
}

/// Replies from one phone, newest first: on the record of every account that shares it.
pub async fn list_by_value(
    db: &mut Db,
    practice: &PracticeId,
    value_index: &str,
    limit: i64,
) -> Result<Vec<Reply>> {
    const LIST: &str = "select id, from_sealed, masked, body_sealed, class, at_ms, answered,
        reclassified_from, reclassified_by
        from reply
        where practice_id = $1 and value_index = $2
        order by at_ms desc, id desc
        limit $3";
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(value_index)
        .bind(limit)
        .fetch_all(db.c())
        .await?;
    rows.into_iter().map(|r| r.open(db, practice)).collect()
}

/// All replies of the practice, newest first, before an id for paging.
pub async fn list(
    db: &mut Db,
    practice: &PracticeId,
    before_id: Option<&str>,
    limit: i64,
) -> Result<Vec<Reply>> {
    const LIST: &str = "select id, from_sealed, masked, body_sealed, class, at_ms, answered,
        reclassified_from, reclassified_by
        from reply
        where practice_id = $1 and (cast($2 as text) is null or id < $2)
        order by id desc
        limit $3";
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(before_id)
        .bind(limit)
        .fetch_all(db.c())
        .await?;
    rows.into_iter().map(|r| r.open(db, practice)).collect()
}

/// One reply, with the phone it came from as its blind index.
pub async fn load(
    db: &mut Db,
    practice: &PracticeId,
    id: &ReplyId,
) -> Result<Option<(Reply, String)>> {
    const LOAD: &str = "select id, from_sealed, masked, body_sealed, class, at_ms, answered,
        reclassified_from, reclassified_by
        from reply
        where practice_id = $1 and id = $2";
    let row: Option<Row> = sqlx::query_as(LOAD)
        .bind(practice.as_str())
        .bind(id.as_str())
        .fetch_optional(db.c())
        .await?;
    let Some(row) = row else { return Ok(None) };
    let reply = row.open(db, practice)?;
    let mut values = list_values(db, practice, std::slice::from_ref(id)).await?;
    Ok(values.remove(id).map(|value| (reply, value)))
}

/// The newest reply of each of these phones.
pub async fn list_newest(
    db: &mut Db,
    practice: &PracticeId,
    values: &[String],
) -> Result<BTreeMap<String, Reply>> {
    const LIST: &str = "select value_index, max(id)
        from reply
        where practice_id = $1 and value_index in ($list)
        group by value_index";
    let mut found = BTreeMap::new();
    for chunk in values.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query = sqlx::query_as::<_, (String, String)>(with_list(LIST, 2, chunk.len()))
            .bind(practice.as_str());
        for value in &chunk {
            query = query.bind(value);
        }
        for (value, id) in query.fetch_all(db.c()).await? {
            if let Some((reply, _)) = load(db, practice, &ReplyId::trusted(id)).await? {
                found.insert(value, reply);
            }
        }
    }
    Ok(found)
}

/// Staff say what a text meant. The first reading is kept.
pub async fn mark_reclassified(
    db: &mut Db,
    practice: &PracticeId,
    id: &ReplyId,
    class: &str,
    by: &str,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update reply set class = $3, reclassified_by = $4, reclassified_at_ms = $5,
        reclassified_from = coalesce(reclassified_from, class)
        where practice_id = $1 and id = $2 and class <> $3";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(class)
        .bind(by)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Which phones wrote these replies, as their blind indexes.
pub async fn list_values(
    db: &mut Db,
    practice: &PracticeId,
    ids: &[ReplyId],
) -> Result<BTreeMap<ReplyId, String>> {
    const LIST: &str = "select id, value_index from reply
        where practice_id = $1 and id in ($list)";
    let mut found = BTreeMap::new();
    for chunk in ids.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query = sqlx::query_as::<_, (String, String)>(with_list(LIST, 2, chunk.len()))
            .bind(practice.as_str());
        for id in &chunk {
            query = query.bind(id.as_str());
        }
        for (id, value) in query.fetch_all(db.c()).await? {
            found.insert(ReplyId::trusted(id), value);
        }
    }
    Ok(found)
}

/// When an answer of each kind last went to each of these phones, as `(value, kind)`.
pub async fn load_answered(
    db: &mut Db,
    practice: &PracticeId,
    values: &[String],
) -> Result<BTreeMap<(String, String), UnixMs>> {
    const LOAD: &str = "select value_index, answered, max(at_ms)
        from reply
        where practice_id = $1 and value_index in ($list) and answered is not null
        group by value_index, answered";
    let mut found = BTreeMap::new();
    for chunk in values.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query = sqlx::query_as::<_, (String, String, i64)>(with_list(LOAD, 2, chunk.len()))
            .bind(practice.as_str());
        for value in &chunk {
            query = query.bind(value);
        }
        for (value, answered, at) in query.fetch_all(db.c()).await? {
            found.insert((value, answered), UnixMs(at));
        }
    }
    Ok(found)
}

pub async fn mark_answered(
    db: &mut Db,
    practice: &PracticeId,
    id: &ReplyId,
    answered: &str,
) -> Result<()> {
    const MARK: &str = "update reply set answered = $3 where practice_id = $1 and id = $2";
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(answered)
        .execute(db.c())
        .await?;
    Ok(())
}
