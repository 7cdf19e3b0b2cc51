//! The text inbox: one conversation for each phone of a practice, whoever shares it (D-4). What was
//! said stands in `reply` and `message`, sealed; here is where the conversation stands: open or
//! closed, whose it is, what nobody has opened yet.
//!
//! Every change takes the practice's next cursor number, so that a page asks for one number to learn
//! whether it is behind.

use domain::{
    clock::{UnixMs, World},
    id::{ConversationId, GuarantorId, PracticeId, StaffId},
};

use crate::{
    Db, Result, StoreError,
    backend::{LIST_LONGEST, padded, with_list},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    Closed,
}

impl State {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        match text {
            "open" => Ok(Self::Open),
            "closed" => Ok(Self::Closed),
            _ => Err(StoreError::Corrupt("conversation.state")),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Conversation {
    pub id: ConversationId,
    pub value_index: String,
    pub masked: String,
    pub state: State,
    pub assigned_to: Option<StaffId>,
    /// The account staff said it is about.
    pub guarantor: Option<GuarantorId>,
    pub unread: i64,
    pub last_at: UnixMs,
    pub last_is_ours: bool,
    pub seq: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    value_index: String,
    masked: String,
    state: String,
    assigned_to: Option<String>,
    guarantor_id: Option<String>,
    unread: i64,
    last_at_ms: i64,
    last_is_ours: i64,
    seq: i64,
}

impl Row {
    fn conversation(self) -> Result<Conversation> {
        Ok(Conversation {
            state: State::parse(&self.state)?,
            id: ConversationId::trusted(self.id),
            value_index: self.value_index,
            masked: self.masked,
            assigned_to: self.assigned_to.map(StaffId::trusted),
            guarantor: self.guarantor_id.map(GuarantorId::trusted),
            unread: self.unread,
            last_at: UnixMs(self.last_at_ms),
            last_is_ours: self.last_is_ours == 1,
            seq: self.seq,
        })
    }
}

/// The practice's next cursor number.
async fn next_seq(db: &mut Db, practice: &PracticeId) -> Result<i64> {
    const NEXT: &str = "insert into inbox_cursor (practice_id, seq) values ($1, 1)
        on conflict (practice_id) do update set seq = inbox_cursor.seq + 1
        returning seq";
    let (seq,): (i64,) = sqlx::query_as(NEXT).bind(practice.as_str()).fetch_one(db.c()).await?;
    Ok(seq)
}

/// The number of the last change in the practice's inbox.
pub async fn find_seq(db: &mut Db, practice: &PracticeId) -> Result<i64> {
    const FIND: &str = "select seq from inbox_cursor where practice_id = $1";
    let row: Option<(i64,)> =
        sqlx::query_as(FIND).bind(practice.as_str()).fetch_optional(db.c()).await?;
    Ok(row.map_or(0, |(seq,)| seq))
}

/// What was said just now, and what that does to the conversation.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    pub value_index: &'a str,
    pub masked: &'a str,
    pub is_ours: bool,
    /// Somebody has to read it: one more unread, and open again.
    pub waits: bool,
    /// What becomes of the state; `None` leaves it.
    pub state: Option<State>,
    /// The state of a conversation that begins here.
    pub begins: State,
}

/// Somebody said something: the conversation begins or goes on.
pub async fn mark_said(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    said: &Said<'_>,
) -> Result<ConversationId> {
    const MARK: &str = "insert into conversation (id, practice_id, value_index, masked, state,
        unread, last_at_ms, last_is_ours, seq, opened_at_ms)
        values ($1, $2, $3, $4, $10, $6, $7, $8, $9, $7)
        on conflict (practice_id, value_index) do update
        set state = coalesce(cast($5 as text), conversation.state),
            unread = conversation.unread + excluded.unread,
            masked = excluded.masked,
            last_at_ms = excluded.last_at_ms,
            last_is_ours = excluded.last_is_ours,
            seq = excluded.seq,
            closed_at_ms = case when cast($5 as text) = 'open' then null
                else conversation.closed_at_ms end
        returning id";
    let seq = next_seq(db, practice).await?;
    let (id,): (String,) = sqlx::query_as(MARK)
        .bind(world.mint::<ConversationId>().to_string())
        .bind(practice.as_str())
        .bind(said.value_index)
        .bind(said.masked)
        .bind(said.state.map(State::as_str))
        .bind(i64::from(said.waits))
        .bind(world.now().0)
        .bind(i64::from(said.is_ours))
        .bind(seq)
        .bind(said.begins.as_str())
        .fetch_one(db.c())
        .await?;
    Ok(ConversationId::trusted(id))
}

/// Something about a text of an existing conversation changed: how far it came, or how it was
/// understood. Phones without a conversation stay without one.
pub async fn mark_changed(db: &mut Db, practice: &PracticeId, value_index: &str) -> Result<()> {
    const MARK: &str = "update conversation set seq = $3
        where practice_id = $1 and value_index = $2";
    const KNOWN: &str = "select id from conversation where practice_id = $1 and value_index = $2";
    let known: Option<(String,)> = sqlx::query_as(KNOWN)
        .bind(practice.as_str())
        .bind(value_index)
        .fetch_optional(db.c())
        .await?;
    if known.is_none() {
        return Ok(());
    }
    let seq = next_seq(db, practice).await?;
    sqlx::query(MARK).bind(practice.as_str()).bind(value_index).bind(seq).execute(db.c()).await?;
    Ok(())
}

pub async fn load(
    db: &mut Db,
    practice: &PracticeId,
    id: &ConversationId,
) -> Result<Option<Conversation>> {
    const LOAD: &str = "select id, value_index, masked, state, assigned_to, guarantor_id, unread,
        last_at_ms, last_is_ours, seq
        from conversation
        where practice_id = $1 and id = $2";
    let row: Option<Row> = sqlx::query_as(LOAD)
        .bind(practice.as_str())
        .bind(id.as_str())
        .fetch_optional(db.c())
        .await?;
    row.map(Row::conversation).transpose()
}

pub async fn find_by_value(
    db: &mut Db,
    practice: &PracticeId,
    value_index: &str,
) -> Result<Option<ConversationId>> {
    const FIND: &str = "select id from conversation where practice_id = $1 and value_index = $2";
    let row: Option<(String,)> = sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(value_index)
        .fetch_optional(db.c())
        .await?;
    Ok(row.map(|(id,)| ConversationId::trusted(id)))
}

/// Newest first. `before` is the instant and id of the last one of the page before.
pub async fn list(
    db: &mut Db,
    practice: &PracticeId,
    state: Option<State>,
    assigned_to: Option<&StaffId>,
    before: Option<(UnixMs, &str)>,
    limit: i64,
) -> Result<Vec<Conversation>> {
    const LIST: &str = "select id, value_index, masked, state, assigned_to, guarantor_id, unread,
        last_at_ms, last_is_ours, seq
        from conversation
        where practice_id = $1
        and (cast($2 as text) is null or state = $2)
        and (cast($3 as text) is null or assigned_to = $3)
        and (cast($4 as bigint) is null or last_at_ms < $4 or (last_at_ms = $4 and id < $5))
        order by last_at_ms desc, id desc
        limit $6";
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(state.map(State::as_str))
        .bind(assigned_to.map(StaffId::as_str))
        .bind(before.map(|(at, _)| at.0))
        .bind(before.map(|(_, id)| id))
        .bind(limit)
        .fetch_all(db.c())
        .await?;
    rows.into_iter().map(Row::conversation).collect()
}

/// The conversations of these phones, newest first.
pub async fn list_by_values(
    db: &mut Db,
    practice: &PracticeId,
    values: &[String],
) -> Result<Vec<Conversation>> {
    const LIST: &str = "select id, value_index, masked, state, assigned_to, guarantor_id, unread,
        last_at_ms, last_is_ours, seq
        from conversation
        where practice_id = $1 and value_index in ($list)";
    let mut found = Vec::new();
    for chunk in values.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query =
            sqlx::query_as::<_, Row>(with_list(LIST, 2, chunk.len())).bind(practice.as_str());
        for value in &chunk {
            query = query.bind(value);
        }
        for row in query.fetch_all(db.c()).await? {
            found.push(row.conversation()?);
        }
    }
    found.sort_by(|one, other| (other.last_at, &other.id).cmp(&(one.last_at, &one.id)));
    Ok(found)
}

/// Conversations in which something waits to be read.
pub async fn count_unread(db: &mut Db, practice: &PracticeId) -> Result<i64> {
    const COUNT: &str = "select count(*) from conversation where practice_id = $1 and unread > 0";
    let (many,): (i64,) = sqlx::query_as(COUNT).bind(practice.as_str()).fetch_one(db.c()).await?;
    Ok(many)
}

/// Somebody has opened it as it stood at `seq`; what came since stays unread.
pub async fn mark_read(
    db: &mut Db,
    practice: &PracticeId,
    id: &ConversationId,
    seq: i64,
) -> Result<bool> {
    const MARK: &str = "update conversation set unread = 0, seq = $4
        where practice_id = $1 and id = $2 and seq = $3 and unread > 0";
    const UNREAD: &str = "select unread from conversation
        where practice_id = $1 and id = $2 and seq = $3 and unread > 0";
    let waiting: Option<(i64,)> = sqlx::query_as(UNREAD)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(seq)
        .fetch_optional(db.c())
        .await?;
    if waiting.is_none() {
        return Ok(false);
    }
    let next = next_seq(db, practice).await?;
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(seq)
        .bind(next)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Closed by somebody, or open again. Closing takes what is unread with it.
pub async fn mark_state(
    db: &mut Db,
    practice: &PracticeId,
    id: &ConversationId,
    state: State,
    by: &str,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update conversation set state = $3, seq = $4,
        unread = case when $3 = 'closed' then 0 else unread end,
        closed_at_ms = case when $3 = 'closed' then cast($5 as bigint) end,
        closed_by = case when $3 = 'closed' then cast($6 as text) end
        where practice_id = $1 and id = $2 and state <> $3";
    let seq = next_seq(db, practice).await?;
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(state.as_str())
        .bind(seq)
        .bind(now.0)
        .bind(by)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn mark_assigned(
    db: &mut Db,
    practice: &PracticeId,
    id: &ConversationId,
    to: Option<&StaffId>,
) -> Result<bool> {
    const MARK: &str = "update conversation set assigned_to = $3, seq = $4
        where practice_id = $1 and id = $2";
    let seq = next_seq(db, practice).await?;
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(to.map(StaffId::as_str))
        .bind(seq)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Staff say which account of the phone it is about; `None` takes that back.
pub async fn mark_linked(
    db: &mut Db,
    practice: &PracticeId,
    id: &ConversationId,
    guarantor: Option<&GuarantorId>,
) -> Result<bool> {
    const MARK: &str = "update conversation set guarantor_id = $3, seq = $4
        where practice_id = $1 and id = $2";
    let seq = next_seq(db, practice).await?;
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(guarantor.map(GuarantorId::as_str))
        .bind(seq)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}
