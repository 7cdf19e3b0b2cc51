//! What staff did about messages that failed: at most one outcome of a message stands, and the ones
//! that were undone stay on the record.

use std::collections::BTreeMap;

use domain::{
    clock::UnixMs,
    id::{GuarantorId, HandledErrorId, MessageId, PracticeId},
};

use crate::{
    Db, Result, StoreError,
    backend::{LIST_LONGEST, padded, with_list},
    keys::Place,
};

macro_rules! outcomes {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Outcome { $($(#[$doc])* $name,)* }

        impl Outcome {
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text { $($code => Some(Self::$name),)* _ => None }
            }
        }
    };
}

outcomes! {
    /// A contact of the account was put right.
    Contact = "contact",
    /// The notice goes another way; the detail names the channel.
    Channel = "channel",
    /// The guarantor is not written to any more: there (`this`) or anywhere (`all`).
    OptOut = "opt_out",
    /// Nothing is to be done; the detail is the reason.
    Archive = "archive",
}

#[derive(Clone, Debug)]
pub struct Handled {
    pub id: HandledErrorId,
    pub message: MessageId,
    pub outcome: Outcome,
    pub detail: String,
    pub note: Option<String>,
    pub other: Option<MessageId>,
    pub by: String,
    pub at: UnixMs,
    pub undone: Option<(String, UnixMs)>,
}

#[derive(Clone, Debug)]
pub struct New<'a> {
    pub id: &'a HandledErrorId,
    pub message: &'a MessageId,
    pub guarantor: Option<&'a GuarantorId>,
    pub outcome: Outcome,
    pub detail: &'a str,
    pub note: Option<&'a str>,
    pub other: Option<&'a MessageId>,
    pub by: &'a str,
    pub at: UnixMs,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    message_id: String,
    outcome: String,
    detail: String,
    note_sealed: Option<String>,
    other_message_id: Option<String>,
    handled_by: String,
    at_ms: i64,
    undone_by: Option<String>,
    undone_at_ms: Option<i64>,
}

fn place<'a>(practice: &'a PracticeId, id: &'a str) -> Place<'a> {
    Place { practice: practice.as_str(), table: "handled_error", column: "note_sealed", row: id }
}

impl Row {
    fn open(self, db: &Db, practice: &PracticeId) -> Result<Handled> {
        let note = db.keys().open_option(place(practice, &self.id), self.note_sealed.as_deref())?;
        let outcome = Outcome::parse(&self.outcome);
        Ok(Handled {
            note,
            outcome: outcome.ok_or(StoreError::Corrupt("handled_error.outcome"))?,
            id: HandledErrorId::trusted(self.id),
            message: MessageId::trusted(self.message_id),
            detail: self.detail,
            other: self.other_message_id.map(MessageId::trusted),
            by: self.handled_by,
            at: UnixMs(self.at_ms),
            undone: self.undone_by.zip(self.undone_at_ms.map(UnixMs)),
        })
    }
}

/// Records an outcome unless one stands; false when somebody was faster.
pub async fn insert(db: &mut Db, practice: &PracticeId, new: &New<'_>) -> Result<bool> {
    const INSERT: &str = "insert into handled_error (id, practice_id, message_id, guarantor_id,
        outcome, detail, note_sealed, other_message_id, handled_by, at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        on conflict (practice_id, message_id) where undone_at_ms is null do nothing";
    let id = new.id;
    let sealed = db.keys().seal_option(place(practice, id.as_str()), new.note);
    let done = sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(practice.as_str())
        .bind(new.message.as_str())
        .bind(new.guarantor.map(GuarantorId::as_str))
        .bind(new.outcome.as_str())
        .bind(new.detail)
        .bind(sealed)
        .bind(new.other.map(MessageId::as_str))
        .bind(new.by)
        .bind(new.at.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Everything that was ever done about a message, oldest first.
pub async fn list(db: &mut Db, practice: &PracticeId, message: &MessageId) -> Result<Vec<Handled>> {
    const LIST: &str = "select id, message_id, outcome, detail, note_sealed, other_message_id,
        handled_by, at_ms, undone_by, undone_at_ms
        from handled_error
        where practice_id = $1 and message_id = $2
        order by at_ms, id";
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(message.as_str())
        .fetch_all(db.c())
        .await?;
    rows.into_iter().map(|row| row.open(db, practice)).collect()
}

/// The outcomes that stand, of these messages.
pub async fn load_many(
    db: &mut Db,
    practice: &PracticeId,
    messages: &[MessageId],
) -> Result<BTreeMap<MessageId, Handled>> {
    const LOAD: &str = "select id, message_id, outcome, detail, note_sealed, other_message_id,
        handled_by, at_ms, undone_by, undone_at_ms
        from handled_error
        where practice_id = $1 and undone_at_ms is null and message_id in ($list)";
    let mut found = BTreeMap::new();
    for chunk in messages.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query =
            sqlx::query_as::<_, Row>(with_list(LOAD, 2, chunk.len())).bind(practice.as_str());
        for id in &chunk {
            query = query.bind(id.as_str());
        }
        for row in query.fetch_all(db.c()).await? {
            let handled = row.open(db, practice)?;
            found.insert(handled.message.clone(), handled);
        }
    }
    Ok(found)
}

/// Back to the queue; false when it was undone before.
pub async fn mark_undone(
    db: &mut Db,
    practice: &PracticeId,
    id: &HandledErrorId,
    by: &str,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update handled_error set undone_by = $3, undone_at_ms = $4
        where practice_id = $1 and id = $2 and undone_at_ms is null";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(by)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Messages that failed and wait for somebody.
pub async fn count_open(db: &mut Db, practice: &PracticeId) -> Result<i64> {
    const COUNT: &str = "select count(*)
        from message m
        where m.practice_id = $1 and m.state in ('failed', 'unknown')
        and not exists (select 1 from handled_error h
            where h.practice_id = m.practice_id and h.message_id = m.id
            and h.undone_at_ms is null)";
    let (many,): (i64,) = sqlx::query_as(COUNT).bind(practice.as_str()).fetch_one(db.c()).await?;
    Ok(many)
}
