//! Messages: the outbox and the history in one table. Content and recipient are sealed; the state
//! says how far a message came, and why it ended.
//!
//! `queue` holds what the engine does with waiting messages, `digest` those of them that go as one,
//! `marks` the counters that caps read.

use std::collections::BTreeMap;

use domain::{
    book::Language,
    check_code,
    clock::UnixMs,
    decide::{Channel, Class},
    id::{ContactId, GuarantorId, JobId, MessageId, PracticeId},
    money::Cents,
};
use serde::{Deserialize, Serialize};

use crate::{
    Db, Result, StoreError,
    backend::{LIST_LONGEST, padded, rows_of_values, with_list},
    keys::Place,
};

pub mod digest;
pub mod marks;
pub mod queue;
pub mod reports;

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum State { $($(#[$doc])* $name,)* }

        impl State {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            pub fn parse(text: &str) -> Result<Self> {
                match text {
                    $($code => Ok(Self::$name),)*
                    _ => Err(StoreError::Corrupt("message.state")),
                }
            }
        }
    };
}

states! {
    PendingApproval = "pending_approval",
    /// Waits for its slot, its window or its turn.
    Queued = "queued",
    /// About to be handed over, or handed over without an answer yet.
    Sending = "sending",
    /// Nobody knows whether the provider has it; it is being looked up.
    Unknown = "unknown",
    /// The provider has it. That is not yet delivered (D-41).
    Accepted = "accepted",
    Delivered = "delivered",
    /// Refused by the provider, undelivered, or given up.
    Failed = "failed",
    /// The engine decided against it.
    Withheld = "withheld",
    /// Taken back by a person, a reply, or a payment.
    Cancelled = "cancelled",
}

impl State {
    pub const fn is_open(self) -> bool {
        matches!(self, Self::PendingApproval | Self::Queued | Self::Sending | Self::Unknown)
    }
}

/// What is sent, exactly as approved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The text's body, or the email's plain part.
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// One-click unsubscribe of a reminder by email.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsubscribe_url: Option<String>,
    /// Of an email: the address of which it shows a picture code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture_of: Option<String>,
    /// Which words these are: `reminder_gentle.text.en v3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// What another account's message says of this one when it carries it (D-4). Approved with the
    /// rest. None: it goes in its own words, and nobody else's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rider: Option<Rider>,
}

/// One account in the message of another: words that name nobody, and its own link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rider {
    pub words: String,
    pub link: String,
    /// The two as the HTML part of an email shows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}

#[derive(Clone, Debug)]
pub struct New {
    pub id: MessageId,
    pub guarantor: Option<GuarantorId>,
    pub job: Option<JobId>,
    pub class: Class,
    /// The template: `reminder`, `receipt`, `code`, …
    pub kind: String,
    pub channel: Channel,
    pub contact: Option<ContactId>,
    pub recipient: String,
    pub value_index: String,
    pub masked: String,
    pub language: Language,
    pub content: Content,
    pub content_hash: String,
    pub amount: Option<Cents>,
    /// What it is charged as; none for one that goes in another's.
    pub segments: i64,
    pub link_hash: Option<String>,
    pub check_code: Option<String>,
    pub notice: String,
    pub dedupe_key: String,
    /// Messages with the same one may go as one (D-4).
    pub digest: Option<String>,
    pub state: State,
    pub slot_at: UnixMs,
    pub next_at: Option<UnixMs>,
    pub created_by: String,
    pub created_at: UnixMs,
}

fn place<'a>(practice: &'a str, id: &'a str, column: &'static str) -> Place<'a> {
    Place { practice, table: "message", column, row: id }
}

const ROWS_TOGETHER: usize = 24;

/// Inserts those whose key is new; returns how many were.
pub async fn insert_many(db: &mut Db, practice: &PracticeId, messages: &[New]) -> Result<u64> {
    const INSERT: &str = "insert into message (id, practice_id, guarantor_id, job_id, class, kind,
        channel, contact_id, recipient_sealed, value_index, masked, language, content_sealed,
        content_hash, amount_cents, segments, link_hash, check_code, check_keys, notice, dedupe_key,
        digest,
        state, slot_at_ms, next_at_ms, created_by, created_at_ms)";
    const TAIL: &str = "on conflict (practice_id, dedupe_key) do nothing";
    let keys = db.keys();
    let mut inserted = 0;
    for chunk in messages.chunks(ROWS_TOGETHER) {
        let mut query = sqlx::query(rows_of_values(db.kind, INSERT, 27, chunk.len(), TAIL));
        for new in chunk {
            let at = |column| place(practice.as_str(), new.id.as_str(), column);
            let content = serde_json::to_string(&new.content).expect("content is plain data");
            query = query
                .bind(new.id.as_str().to_owned())
                .bind(practice.as_str().to_owned())
                .bind(new.guarantor.as_ref().map(|g| g.as_str().to_owned()))
                .bind(new.job.as_ref().map(|j| j.as_str().to_owned()))
                .bind(new.class.as_str())
                .bind(new.kind.clone())
                .bind(new.channel.as_str())
                .bind(new.contact.as_ref().map(|c| c.as_str().to_owned()))
                .bind(keys.seal(at("recipient_sealed"), &new.recipient))
                .bind(new.value_index.clone())
                .bind(new.masked.clone())
                .bind(new.language.as_str())
                .bind(keys.seal(at("content_sealed"), &content))
                .bind(new.content_hash.clone())
                .bind(new.amount.map(|a| a.0))
                .bind(new.segments)
                .bind(new.link_hash.clone())
                .bind(new.check_code.clone())
                .bind(new.check_code.as_deref().map(check_code::keys))
                .bind(new.notice.clone())
                .bind(new.dedupe_key.clone())
                .bind(new.digest.clone())
                .bind(new.state.as_str())
                .bind(new.slot_at.0)
                .bind(new.next_at.map(|t| t.0))
                .bind(new.created_by.clone())
                .bind(new.created_at.0);
        }
        inserted += query.execute(db.c()).await?.rows_affected();
    }
    Ok(inserted)
}

/// A message with everything opened.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: MessageId,
    pub practice: PracticeId,
    pub guarantor: Option<GuarantorId>,
    pub job: Option<JobId>,
    pub class: Class,
    pub kind: String,
    pub channel: Channel,
    pub contact: Option<ContactId>,
    pub recipient: String,
    pub value_index: String,
    pub masked: String,
    pub language: Language,
    pub content: Content,
    pub content_hash: String,
    pub amount: Option<Cents>,
    pub segments: i64,
    pub link_hash: Option<String>,
    pub check_code: Option<String>,
    pub notice: String,
    pub digest: Option<String>,
    /// The message in which it went, or is going.
    pub carried_by: Option<MessageId>,
    pub state: State,
    pub slot_at: UnixMs,
    pub next_at: Option<UnixMs>,
    pub attempts: i64,
    pub looks: i64,
    pub approved_by: Option<String>,
    pub approved_at: Option<UnixMs>,
    pub provider_id: Option<String>,
    pub provider_status: Option<String>,
    pub provider_code: Option<String>,
    pub accepted_at: Option<UnixMs>,
    pub delivered_at: Option<UnixMs>,
    pub ended_at: Option<UnixMs>,
    /// A rule's code (`D-36`, `M18`), or `stop`, `staff`, `refused:bad_address`, …
    pub end_reason: Option<String>,
    pub created_by: String,
    pub created_at: UnixMs,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    practice_id: String,
    guarantor_id: Option<String>,
    job_id: Option<String>,
    class: String,
    kind: String,
    channel: String,
    contact_id: Option<String>,
    recipient_sealed: String,
    value_index: String,
    masked: String,
    language: String,
    content_sealed: String,
    content_hash: String,
    amount_cents: Option<i64>,
    segments: i64,
    link_hash: Option<String>,
    check_code: Option<String>,
    notice: String,
    digest: Option<String>,
    carried_by: Option<String>,
    state: String,
    slot_at_ms: i64,
    next_at_ms: Option<i64>,
    attempts: i64,
    looks: i64,
    approved_by: Option<String>,
    approved_at_ms: Option<i64>,
    provider_id: Option<String>,
    provider_status: Option<String>,
    provider_code: Option<String>,
    accepted_at_ms: Option<i64>,
    delivered_at_ms: Option<i64>,
    ended_at_ms: Option<i64>,
    end_reason: Option<String>,
    created_by: String,
    created_at_ms: i64,
}

impl Row {
    fn open(self, db: &Db) -> Result<Message> {
        let keys = db.keys();
        let open =
            |column, sealed: &str| keys.open(place(&self.practice_id, &self.id, column), sealed);
        let content = open("content_sealed", &self.content_sealed)?;
        Ok(Message {
            recipient: open("recipient_sealed", &self.recipient_sealed)?,
            content: serde_json::from_str(&content)
                .map_err(|_| StoreError::Corrupt("message.content"))?,
            id: MessageId::trusted(self.id),
            practice: PracticeId::trusted(self.practice_id),
            guarantor: self.guarantor_id.map(GuarantorId::trusted),
            job: self.job_id.map(JobId::trusted),
            class: Class::parse(&self.class).ok_or(StoreError::Corrupt("message.class"))?,
            kind: self.kind,
            channel: channel_of(&self.channel)?,
            contact: self.contact_id.map(ContactId::trusted),
            value_index: self.value_index,
            masked: self.masked,
            language: self.language.parse().map_err(|_| StoreError::Corrupt("message.language"))?,
            content_hash: self.content_hash,
            amount: self.amount_cents.map(Cents),
            segments: self.segments,
            link_hash: self.link_hash,
            check_code: self.check_code,
            notice: self.notice,
            digest: self.digest,
            carried_by: self.carried_by.map(MessageId::trusted),
            state: State::parse(&self.state)?,
            slot_at: UnixMs(self.slot_at_ms),
            next_at: self.next_at_ms.map(UnixMs),
            attempts: self.attempts,
            looks: self.looks,
            approved_by: self.approved_by,
            approved_at: self.approved_at_ms.map(UnixMs),
            provider_id: self.provider_id,
            provider_status: self.provider_status,
            provider_code: self.provider_code,
            accepted_at: self.accepted_at_ms.map(UnixMs),
            delivered_at: self.delivered_at_ms.map(UnixMs),
            ended_at: self.ended_at_ms.map(UnixMs),
            end_reason: self.end_reason,
            created_by: self.created_by,
            created_at: UnixMs(self.created_at_ms),
        })
    }
}

pub(crate) fn channel_of(code: &str) -> Result<Channel> {
    Channel::parse(code).ok_or(StoreError::Corrupt("message.channel"))
}

pub async fn load(db: &mut Db, practice: &PracticeId, id: &MessageId) -> Result<Option<Message>> {
    Ok(load_many(db, practice, std::slice::from_ref(id)).await?.remove(id))
}

pub async fn load_many(
    db: &mut Db,
    practice: &PracticeId,
    ids: &[MessageId],
) -> Result<BTreeMap<MessageId, Message>> {
    const LOAD: &str = "select id, practice_id, guarantor_id, job_id, class, kind, channel,
        contact_id, recipient_sealed, value_index, masked, language, content_sealed, content_hash,
        amount_cents, segments, link_hash, check_code, notice, digest, carried_by, state,
        slot_at_ms, next_at_ms, attempts, looks, approved_by, approved_at_ms, provider_id, provider_status, provider_code,
        accepted_at_ms, delivered_at_ms, ended_at_ms, end_reason, created_by, created_at_ms
        from message
        where practice_id = $1 and id in ($list)";
    let mut found = BTreeMap::new();
    for chunk in ids.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query =
            sqlx::query_as::<_, Row>(with_list(LOAD, 2, chunk.len())).bind(practice.as_str());
        for id in &chunk {
            query = query.bind(id.as_str());
        }
        for row in query.fetch_all(db.c()).await? {
            let message = row.open(db)?;
            found.insert(message.id.clone(), message);
        }
    }
    Ok(found)
}

/// The message that stands for this reason already.
pub async fn find_by_key(
    db: &mut Db,
    practice: &PracticeId,
    dedupe_key: &str,
) -> Result<Option<MessageId>> {
    const FIND: &str = "select id from message where practice_id = $1 and dedupe_key = $2";
    let row: Option<(String,)> = sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(dedupe_key)
        .fetch_optional(db.c())
        .await?;
    Ok(row.map(|(id,)| MessageId::trusted(id)))
}

/// How many messages of each practice have waited for somebody's yes since before an instant.
pub async fn list_waiting_for_yes(db: &mut Db, before: UnixMs) -> Result<Vec<(PracticeId, i64)>> {
    const LIST: &str = "select practice_id, count(*)
        from message
        where state = 'pending_approval' and created_at_ms <= $1
        group by practice_id
        order by practice_id";
    let rows: Vec<(String, i64)> = sqlx::query_as(LIST).bind(before.0).fetch_all(db.c()).await?;
    Ok(rows.into_iter().map(|(id, count)| (PracticeId::trusted(id), count)).collect())
}

/// The messages of a notice in the order in which they were written: on which channel, and how each
/// stands.
pub async fn list_by_notice(
    db: &mut Db,
    practice: &PracticeId,
    notice: &str,
) -> Result<Vec<(Channel, State)>> {
    const LIST: &str = "select channel, state
        from message
        where practice_id = $1 and notice = $2
        order by id";
    let rows: Vec<(String, String)> =
        sqlx::query_as(LIST).bind(practice.as_str()).bind(notice).fetch_all(db.c()).await?;
    rows.into_iter()
        .map(|(channel, state)| Ok((channel_of(&channel)?, State::parse(&state)?)))
        .collect()
}

/// The message that a provider knows by this id; of several that went as one, the one that carried.
pub async fn find_by_provider(
    db: &mut Db,
    practice: &PracticeId,
    provider_id: &str,
) -> Result<Option<MessageId>> {
    const FIND: &str = "select id
        from message
        where practice_id = $1 and provider_id = $2 and carried_by is null";
    let row: Option<(String,)> = sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(provider_id)
        .fetch_optional(db.c())
        .await?;
    Ok(row.map(|(id,)| MessageId::trusted(id)))
}

/// "Is this message real?": when we sent one with this code, and through which channel.
pub async fn find_by_check_code(
    db: &mut Db,
    practice: &PracticeId,
    code: &str,
) -> Result<Option<(Channel, UnixMs)>> {
    const FIND: &str = "select channel, accepted_at_ms
        from message
        where practice_id = $1 and check_code = $2 and accepted_at_ms is not null
        order by accepted_at_ms desc, id
        limit 1";
    let row: Option<(String, i64)> =
        sqlx::query_as(FIND).bind(practice.as_str()).bind(code).fetch_optional(db.c()).await?;
    row.map(|(channel, at)| Ok((channel_of(&channel)?, UnixMs(at)))).transpose()
}

/// The same for a code typed on the keys of a phone, of which each stands for several letters: only
/// messages since then, so that few of the ten million codes are taken.
pub async fn find_by_check_keys(
    db: &mut Db,
    practice: &PracticeId,
    typed: &str,
    since: UnixMs,
) -> Result<Option<(Channel, UnixMs)>> {
    const FIND: &str = "select channel, accepted_at_ms
        from message
        where practice_id = $1 and check_keys = $2 and accepted_at_ms >= $3
        order by accepted_at_ms desc, id
        limit 1";
    let row: Option<(String, i64)> = sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(typed)
        .bind(since.0)
        .fetch_optional(db.c())
        .await?;
    row.map(|(channel, at)| Ok((channel_of(&channel)?, UnixMs(at)))).transpose()
}

/// The messages to one phone or email, of one channel or of all, newest first, opened: one side of
/// a conversation, and its evidence.
pub async fn list_to(
    db: &mut Db,
    practice: &PracticeId,
    value_index: &str,
    channel: Option<Channel>,
    limit: i64,
) -> Result<Vec<Message>> {
    const LIST: &str = "select id
        from message
        where practice_id = $1 and value_index = $2
        and (cast($3 as text) is null or channel = $3)
        order by id desc
        limit $4";
    let rows: Vec<(String,)> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(value_index)
        .bind(channel.map(Channel::as_str))
        .bind(limit)
        .fetch_all(db.c())
        .await?;
    let ids: Vec<MessageId> = rows.into_iter().map(|(id,)| MessageId::trusted(id)).collect();
    let mut all: Vec<Message> = load_many(db, practice, &ids).await?.into_values().collect();
    all.sort_by(|one, other| other.id.cmp(&one.id));
    Ok(all)
}

/// The newest text that staff wrote by hand, for the search of the inbox: newest first.
pub async fn list_written(db: &mut Db, practice: &PracticeId, limit: i64) -> Result<Vec<Message>> {
    const LIST: &str = "select id
        from message
        where practice_id = $1 and class = 'staff_direct' and channel = 'text'
        order by created_at_ms desc, id desc
        limit $2";
    let rows: Vec<(String,)> =
        sqlx::query_as(LIST).bind(practice.as_str()).bind(limit).fetch_all(db.c()).await?;
    let ids: Vec<MessageId> = rows.into_iter().map(|(id,)| MessageId::trusted(id)).collect();
    Ok(load_many(db, practice, &ids).await?.into_values().collect())
}

/// When we last texted a phone on our own account, and with which code; with `code` the text that
/// carried it (MS1). Answers to the person's own texts prove nothing.
pub async fn find_proof(
    db: &mut Db,
    practice: &PracticeId,
    value_index: &str,
    code: Option<&str>,
    since: UnixMs,
) -> Result<Option<(UnixMs, Option<String>)>> {
    const FIND: &str = "select accepted_at_ms, check_code
        from message
        where practice_id = $1 and value_index = $2 and channel = 'text'
        and (cast($3 as text) is null or check_code = $3)
        and accepted_at_ms >= $4
        and class not in ('opt_out_confirmation', 'opt_in_confirmation', 'help', 'auto_reply')
        order by accepted_at_ms desc, id desc
        limit 1";
    let row: Option<(i64, Option<String>)> = sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(value_index)
        .bind(code)
        .bind(since.0)
        .fetch_optional(db.c())
        .await?;
    Ok(row.map(|(at, code)| (UnixMs(at), code)))
}

/// Different phones at which the carrier refused our texts with this code since then.
pub async fn count_refused_phones(
    db: &mut Db,
    practice: &PracticeId,
    code: &str,
    since: UnixMs,
) -> Result<i64> {
    const COUNT: &str = "select count(distinct value_index)
        from message
        where practice_id = $1 and created_at_ms >= $3 and channel = 'text'
        and provider_code = $2 and state = 'failed'";
    let (many,): (i64,) = sqlx::query_as(COUNT)
        .bind(practice.as_str())
        .bind(code)
        .bind(since.0)
        .fetch_one(db.c())
        .await?;
    Ok(many)
}

/// Emails that a provider took since then.
pub async fn count_emails(db: &mut Db, practice: &PracticeId, since: UnixMs) -> Result<i64> {
    const COUNT: &str = "select count(*)
        from message
        where practice_id = $1 and created_at_ms >= $2 and channel = 'email'
        and accepted_at_ms is not null and carried_by is null";
    let (many,): (i64,) =
        sqlx::query_as(COUNT).bind(practice.as_str()).bind(since.0).fetch_one(db.c()).await?;
    Ok(many)
}

/// Filters of the history; `None` means any.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub guarantor: Option<GuarantorId>,
    pub job: Option<JobId>,
    pub channel: Option<Channel>,
    pub state: Option<State>,
    /// Only what failed: "Manage Errors" (S-H1).
    pub errors_only: bool,
    /// Only what somebody has handled, or only what nobody has.
    pub handled: Option<bool>,
    /// Written in this stretch of time.
    pub from: Option<UnixMs>,
    pub until: Option<UnixMs>,
    /// Rows before this id, for paging backwards in time.
    pub before_id: Option<String>,
}

/// One line of the history. Content and recipient stay sealed.
#[derive(Clone, Debug)]
pub struct Line {
    pub id: MessageId,
    pub guarantor: Option<GuarantorId>,
    pub guarantor_name: Option<String>,
    pub job: Option<JobId>,
    pub class: Class,
    pub kind: String,
    pub channel: Channel,
    pub masked: String,
    pub amount: Option<Cents>,
    pub segments: i64,
    pub digest: Option<String>,
    /// How many other accounts went in the same message.
    pub others: i64,
    pub state: State,
    pub slot_at: UnixMs,
    pub next_at: Option<UnixMs>,
    pub provider_status: Option<String>,
    pub provider_code: Option<String>,
    pub accepted_at: Option<UnixMs>,
    pub delivered_at: Option<UnixMs>,
    pub ended_at: Option<UnixMs>,
    pub end_reason: Option<String>,
    pub created_at: UnixMs,
}

#[derive(sqlx::FromRow)]
struct LineRow {
    id: String,
    guarantor_id: Option<String>,
    guarantor_name: Option<String>,
    job_id: Option<String>,
    class: String,
    kind: String,
    channel: String,
    masked: String,
    amount_cents: Option<i64>,
    segments: i64,
    digest: Option<String>,
    others: i64,
    state: String,
    slot_at_ms: i64,
    next_at_ms: Option<i64>,
    provider_status: Option<String>,
    provider_code: Option<String>,
    accepted_at_ms: Option<i64>,
    delivered_at_ms: Option<i64>,
    ended_at_ms: Option<i64>,
    end_reason: Option<String>,
    created_at_ms: i64,
}

impl LineRow {
    fn line(self) -> Result<Line> {
        Ok(Line {
            id: MessageId::trusted(self.id),
            guarantor: self.guarantor_id.map(GuarantorId::trusted),
            guarantor_name: self.guarantor_name,
            job: self.job_id.map(JobId::trusted),
            class: Class::parse(&self.class).ok_or(StoreError::Corrupt("message.class"))?,
            kind: self.kind,
            channel: channel_of(&self.channel)?,
            masked: self.masked,
            amount: self.amount_cents.map(Cents),
            segments: self.segments,
            digest: self.digest,
            others: self.others,
            state: State::parse(&self.state)?,
            slot_at: UnixMs(self.slot_at_ms),
            next_at: self.next_at_ms.map(UnixMs),
            provider_status: self.provider_status,
            provider_code: self.provider_code,
            accepted_at: self.accepted_at_ms.map(UnixMs),
            delivered_at: self.delivered_at_ms.map(UnixMs),
            ended_at: self.ended_at_ms.map(UnixMs),
            end_reason: self.end_reason,
            created_at: UnixMs(self.created_at_ms),
        })
    }
}

/// Newest first.
pub async fn list(
    db: &mut Db,
    practice: &PracticeId,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<Line>> {
    const BY_GUARANTOR: &str = "select m.id, m.guarantor_id, g.name as guarantor_name, m.job_id,
        m.class, m.kind, m.channel, m.masked, m.amount_cents, m.segments, m.state, m.slot_at_ms,
        m.next_at_ms, m.provider_status, m.provider_code, m.accepted_at_ms, m.delivered_at_ms,
        m.ended_at_ms, m.end_reason, m.created_at_ms, m.digest,
        (select count(*) from message o where o.practice_id = m.practice_id
            and o.carried_by = coalesce(m.carried_by, m.id)) as others
        from message m
        left join guarantor g on g.practice_id = m.practice_id and g.id = m.guarantor_id
        where m.practice_id = $1 and m.guarantor_id = $2
        and (cast($3 as text) is null or m.job_id = $3)
        and (cast($4 as text) is null or m.channel = $4)
        and (cast($5 as text) is null or m.state = $5)
        and ($6 = 0 or m.state in ('failed', 'unknown'))
        and (cast($7 as text) is null or m.id < $7)
        and (cast($9 as bigint) is null or m.created_at_ms >= $9)
        and (cast($10 as bigint) is null or m.created_at_ms < $10)
        and ($11 = 0 or $11 = (select 1 + count(*) from handled_error h
            where h.practice_id = m.practice_id and h.message_id = m.id
            and h.undone_at_ms is null))
        order by m.id desc
        limit $8";
    const BY_JOB: &str = "select m.id, m.guarantor_id, g.name as guarantor_name, m.job_id,
        m.class, m.kind, m.channel, m.masked, m.amount_cents, m.segments, m.state, m.slot_at_ms,
        m.next_at_ms, m.provider_status, m.provider_code, m.accepted_at_ms, m.delivered_at_ms,
        m.ended_at_ms, m.end_reason, m.created_at_ms, m.digest,
        (select count(*) from message o where o.practice_id = m.practice_id
            and o.carried_by = coalesce(m.carried_by, m.id)) as others
        from message m
        left join guarantor g on g.practice_id = m.practice_id and g.id = m.guarantor_id
        where m.practice_id = $1 and m.job_id = $3
        and (cast($2 as text) is null or m.guarantor_id = $2)
        and (cast($4 as text) is null or m.channel = $4)
        and (cast($5 as text) is null or m.state = $5)
        and ($6 = 0 or m.state in ('failed', 'unknown'))
        and (cast($7 as text) is null or m.id < $7)
        and (cast($9 as bigint) is null or m.created_at_ms >= $9)
        and (cast($10 as bigint) is null or m.created_at_ms < $10)
        and ($11 = 0 or $11 = (select 1 + count(*) from handled_error h
            where h.practice_id = m.practice_id and h.message_id = m.id
            and h.undone_at_ms is null))
        order by m.id desc
        limit $8";
    const ALL: &str = "select m.id, m.guarantor_id, g.name as guarantor_name, m.job_id,
        m.class, m.kind, m.channel, m.masked, m.amount_cents, m.segments, m.state, m.slot_at_ms,
        m.next_at_ms, m.provider_status, m.provider_code, m.accepted_at_ms, m.delivered_at_ms,
        m.ended_at_ms, m.end_reason, m.created_at_ms, m.digest,
        (select count(*) from message o where o.practice_id = m.practice_id
            and o.carried_by = coalesce(m.carried_by, m.id)) as others
        from message m
        left join guarantor g on g.practice_id = m.practice_id and g.id = m.guarantor_id
        where m.practice_id = $1
        and (cast($2 as text) is null or m.guarantor_id = $2)
        and (cast($3 as text) is null or m.job_id = $3)
        and (cast($4 as text) is null or m.channel = $4)
        and (cast($5 as text) is null or m.state = $5)
        and ($6 = 0 or m.state in ('failed', 'unknown'))
        and (cast($7 as text) is null or m.id < $7)
        and (cast($9 as bigint) is null or m.created_at_ms >= $9)
        and (cast($10 as bigint) is null or m.created_at_ms < $10)
        and ($11 = 0 or $11 = (select 1 + count(*) from handled_error h
            where h.practice_id = m.practice_id and h.message_id = m.id
            and h.undone_at_ms is null))
        order by m.id desc
        limit $8";
    let text = match filter {
        Filter { guarantor: Some(_), .. } => BY_GUARANTOR,
        Filter { job: Some(_), .. } => BY_JOB,
        _ => ALL,
    };
    let rows: Vec<LineRow> = sqlx::query_as(text)
        .bind(practice.as_str())
        .bind(filter.guarantor.as_ref().map(GuarantorId::as_str))
        .bind(filter.job.as_ref().map(JobId::as_str))
        .bind(filter.channel.map(Channel::as_str))
        .bind(filter.state.map(State::as_str))
        .bind(i64::from(filter.errors_only))
        .bind(&filter.before_id)
        .bind(limit)
        .bind(filter.from.map(|at| at.0))
        .bind(filter.until.map(|at| at.0))
        // None stands, one stands.
        .bind(filter.handled.map_or(0, |handled| 1 + i64::from(handled)))
        .fetch_all(db.c())
        .await?;
    rows.into_iter().map(LineRow::line).collect()
}

/// Messages of a job in one state, ended for one reason.
#[derive(Clone, Debug)]
pub struct Counted {
    pub state: State,
    pub end_reason: Option<String>,
    pub messages: i64,
    /// Of them, those that go in another account's message.
    pub riding: i64,
    pub segments: i64,
    pub amount: Cents,
}

/// How many messages of a job are in which state, for which reason, and what they would cost and
/// collect.
pub async fn count_by_job(db: &mut Db, practice: &PracticeId, job: &JobId) -> Result<Vec<Counted>> {
    const COUNT: &str = "select state, end_reason, count(*),
        cast(sum(case when segments = 0 then 1 else 0 end) as bigint),
        cast(sum(segments) as bigint), cast(coalesce(sum(amount_cents), 0) as bigint)
        from message
        where practice_id = $1 and job_id = $2
        group by state, end_reason
        order by state, end_reason";
    let rows: Vec<(String, Option<String>, i64, i64, i64, i64)> =
        sqlx::query_as(COUNT).bind(practice.as_str()).bind(job.as_str()).fetch_all(db.c()).await?;
    rows.into_iter()
        .map(|(state, end_reason, messages, riding, segments, cents)| {
            let (state, amount) = (State::parse(&state)?, Cents(cents));
            Ok(Counted { state, end_reason, messages, riding, segments, amount })
        })
        .collect()
}

/// When the waiting messages of a job go: how many, the first and the last instant.
pub async fn find_slots(
    db: &mut Db,
    practice: &PracticeId,
    job: &JobId,
) -> Result<(i64, Option<UnixMs>, Option<UnixMs>)> {
    const FIND: &str = "select count(*), min(next_at_ms), max(next_at_ms)
        from message
        where practice_id = $1 and job_id = $2 and state = 'queued'";
    let row: (i64, Option<i64>, Option<i64>) =
        sqlx::query_as(FIND).bind(practice.as_str()).bind(job.as_str()).fetch_one(db.c()).await?;
    Ok((row.0, row.1.map(UnixMs), row.2.map(UnixMs)))
}

/// How many messages of a job wait for an instant after `then`: longer than the hour.
pub async fn count_later(
    db: &mut Db,
    practice: &PracticeId,
    job: &JobId,
    then: UnixMs,
) -> Result<(i64, Option<UnixMs>)> {
    const COUNT: &str = "select count(*), min(next_at_ms)
        from message
        where practice_id = $1 and job_id = $2 and state = 'queued' and next_at_ms > $3";
    let row: (i64, Option<i64>) = sqlx::query_as(COUNT)
        .bind(practice.as_str())
        .bind(job.as_str())
        .bind(then.0)
        .fetch_one(db.c())
        .await?;
    Ok((row.0, row.1.map(UnixMs)))
}
