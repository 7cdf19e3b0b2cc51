//! What a person does next about an account: calls, letters to print, proposals for collections,
//! accounts to look at. One open follow-up for one reason, by its key; every try is kept.

use domain::{
    clock::{UnixMs, World},
    id::{FollowUpId, FollowUpTryId, GuarantorId, PracticeId},
};
use jiff::civil::Date;

use crate::{Db, Result, StoreError, keys::Place};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text { $($code => Some(Self::$name),)* _ => None }
            }
        }
    };
}

kinds! {
    Call = "call",
    /// In the print queue.
    Letter = "letter",
    /// Waits for a manager's yes (D-51).
    Collections = "collections",
    Review = "review",
}

#[derive(Clone, Debug)]
pub struct FollowUp {
    pub id: FollowUpId,
    pub guarantor: GuarantorId,
    pub guarantor_name: String,
    pub kind: Kind,
    /// Which words to open with.
    pub script: String,
    pub reason: String,
    pub due_on: Date,
    pub is_urgent: bool,
    pub assigned_to: Option<String>,
    pub tries: i64,
    pub opened_at: UnixMs,
    pub closed_at: Option<UnixMs>,
    pub closed_by: Option<String>,
    pub outcome: Option<String>,
    pub note: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    guarantor_id: String,
    name: String,
    kind: String,
    script: String,
    reason: String,
    due_on: String,
    is_urgent: i64,
    assigned_to: Option<String>,
    tries: i64,
    opened_at_ms: i64,
    closed_at_ms: Option<i64>,
    closed_by: Option<String>,
    outcome: Option<String>,
    note_sealed: Option<String>,
}

fn place<'a>(practice: &'a PracticeId, id: &'a str) -> Place<'a> {
    Place { practice: practice.as_str(), table: "follow_up", column: "note_sealed", row: id }
}

impl Row {
    fn open(self, db: &Db, practice: &PracticeId) -> Result<FollowUp> {
        let note = db.keys().open_option(place(practice, &self.id), self.note_sealed.as_deref())?;
        Ok(FollowUp {
            note,
            kind: Kind::parse(&self.kind).ok_or(StoreError::Corrupt("follow_up.kind"))?,
            due_on: self.due_on.parse().map_err(|_| StoreError::Corrupt("follow_up.due_on"))?,
            id: FollowUpId::trusted(self.id),
            guarantor: GuarantorId::trusted(self.guarantor_id),
            guarantor_name: self.name,
            script: self.script,
            reason: self.reason,
            is_urgent: self.is_urgent != 0,
            assigned_to: self.assigned_to,
            tries: self.tries,
            opened_at: UnixMs(self.opened_at_ms),
            closed_at: self.closed_at_ms.map(UnixMs),
            closed_by: self.closed_by,
            outcome: self.outcome,
        })
    }
}

#[derive(Clone, Debug)]
pub struct New<'a> {
    pub guarantor: &'a GuarantorId,
    pub kind: Kind,
    pub script: &'a str,
    pub reason: &'a str,
    pub due_on: Date,
    pub is_urgent: bool,
    /// One for one reason.
    pub dedupe_key: &'a str,
}

/// Opens a follow-up unless there was one for the same reason; true when it is new.
pub async fn insert(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    new: &New<'_>,
) -> Result<bool> {
    const INSERT: &str =
        "insert into follow_up (id, practice_id, guarantor_id, kind, script, reason,
        due_on, is_urgent, opened_at_ms, dedupe_key)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        on conflict (practice_id, dedupe_key) do nothing";
    let done = sqlx::query(INSERT)
        .bind(world.mint::<FollowUpId>().as_str())
        .bind(practice.as_str())
        .bind(new.guarantor.as_str())
        .bind(new.kind.as_str())
        .bind(new.script)
        .bind(new.reason)
        .bind(new.due_on.to_string())
        .bind(i64::from(new.is_urgent))
        .bind(world.now().0)
        .bind(new.dedupe_key)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Open ones that are due by a day, urgent first, then the oldest; of one kind when it is given.
pub async fn list_open(
    db: &mut Db,
    practice: &PracticeId,
    kind: Option<Kind>,
    due_by: Option<Date>,
    limit: i64,
    offset: i64,
) -> Result<Vec<FollowUp>> {
    const LIST: &str = "select f.id, f.guarantor_id, g.name, f.kind, f.script, f.reason, f.due_on,
        f.is_urgent, f.assigned_to, f.tries, f.opened_at_ms, f.closed_at_ms, f.closed_by,
        f.outcome, f.note_sealed
        from follow_up f
        join guarantor g on g.practice_id = f.practice_id and g.id = f.guarantor_id
        where f.practice_id = $1 and f.closed_at_ms is null
        and (cast($2 as text) is null or f.kind = $2)
        and (cast($3 as text) is null or f.due_on <= $3)
        order by f.is_urgent desc, f.due_on, f.id
        limit $4 offset $5";
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(kind.map(Kind::as_str))
        .bind(due_by.map(|day| day.to_string()))
        .bind(limit)
        .bind(offset)
        .fetch_all(db.c())
        .await?;
    rows.into_iter().map(|row| row.open(db, practice)).collect()
}

/// Open ones by kind.
pub async fn count_open(db: &mut Db, practice: &PracticeId) -> Result<Vec<(Kind, i64)>> {
    const COUNT: &str = "select kind, count(*)
        from follow_up
        where practice_id = $1 and closed_at_ms is null
        group by kind
        order by kind";
    let rows: Vec<(String, i64)> =
        sqlx::query_as(COUNT).bind(practice.as_str()).fetch_all(db.c()).await?;
    let read = |(kind, count): (String, i64)| Some((Kind::parse(&kind)?, count));
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Of one account, open and closed, the newest first.
pub async fn list_by_guarantor(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
) -> Result<Vec<FollowUp>> {
    const LIST: &str = "select f.id, f.guarantor_id, g.name, f.kind, f.script, f.reason, f.due_on,
        f.is_urgent, f.assigned_to, f.tries, f.opened_at_ms, f.closed_at_ms, f.closed_by,
        f.outcome, f.note_sealed
        from follow_up f
        join guarantor g on g.practice_id = f.practice_id and g.id = f.guarantor_id
        where f.practice_id = $1 and f.guarantor_id = $2
        order by f.opened_at_ms desc, f.id desc";
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .fetch_all(db.c())
        .await?;
    rows.into_iter().map(|row| row.open(db, practice)).collect()
}

pub async fn load(db: &mut Db, practice: &PracticeId, id: &FollowUpId) -> Result<Option<FollowUp>> {
    const LOAD: &str = "select f.id, f.guarantor_id, g.name, f.kind, f.script, f.reason, f.due_on,
        f.is_urgent, f.assigned_to, f.tries, f.opened_at_ms, f.closed_at_ms, f.closed_by,
        f.outcome, f.note_sealed
        from follow_up f
        join guarantor g on g.practice_id = f.practice_id and g.id = f.guarantor_id
        where f.practice_id = $1 and f.id = $2";
    let row: Option<Row> = sqlx::query_as(LOAD)
        .bind(practice.as_str())
        .bind(id.as_str())
        .fetch_optional(db.c())
        .await?;
    row.map(|row| row.open(db, practice)).transpose()
}

/// A try: with a next day the follow-up stays open until then, without one it is closed. False when
/// somebody closed it before.
#[allow(clippy::too_many_arguments, reason = "a try has exactly these parts")]
pub async fn mark_tried(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    id: &FollowUpId,
    outcome: &str,
    next_on: Option<Date>,
    note: Option<&str>,
    by: &str,
) -> Result<bool> {
    const MARK: &str = "update follow_up set tries = tries + 1, outcome = $3,
        due_on = coalesce($4, due_on),
        note_sealed = coalesce($5, note_sealed),
        closed_at_ms = case when cast($4 as text) is null then $6 else null end,
        closed_by = case when cast($4 as text) is null then $7 else null end
        where practice_id = $1 and id = $2 and closed_at_ms is null";
    const INSERT: &str =
        "insert into follow_up_try (id, practice_id, follow_up_id, outcome, next_on,
        by_whom, at_ms)
        values ($1, $2, $3, $4, $5, $6, $7)";
    let now = world.now();
    let next_on = next_on.map(|day| day.to_string());
    let sealed = db.keys().seal_option(place(practice, id.as_str()), note);
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(outcome)
        .bind(&next_on)
        .bind(sealed)
        .bind(now.0)
        .bind(by)
        .execute(db.c())
        .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query(INSERT)
        .bind(world.mint::<FollowUpTryId>().as_str())
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(outcome)
        .bind(&next_on)
        .bind(by)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(true)
}

/// Whoever asked for it does not want it any more; false when it is closed or was tried.
pub async fn mark_taken_back(
    db: &mut Db,
    practice: &PracticeId,
    dedupe_key: &str,
    by: &str,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update follow_up set closed_at_ms = $4, closed_by = $3,
        outcome = 'taken_back'
        where practice_id = $1 and dedupe_key = $2 and closed_at_ms is null and tries = 0";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(dedupe_key)
        .bind(by)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Calls and letters of an account that nobody needs any more: it was paid, or put on hold.
pub async fn mark_moot(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    outcome: &str,
    now: UnixMs,
) -> Result<u64> {
    const MARK: &str = "update follow_up set closed_at_ms = $4, closed_by = 'system:engine',
        outcome = $3
        where practice_id = $1 and guarantor_id = $2 and closed_at_ms is null";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(outcome)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected())
}
