//! Attempts to pay. One open attempt a guarantor, by unique index: that index, not an idempotency
//! key, is the lock against paying twice (security.md, decision 1). Ranks only rise.

use domain::{
    clock::UnixMs,
    id::{AttemptId, ClaimId, GuarantorId, PracticeId},
    money::Cents,
    payment::{AttemptState, Flow, RANK_CLOSED, RANK_SUCCEEDED, Source},
};

use crate::{Db, Result, StoreError, keys::Place};

#[derive(Clone, Debug)]
pub struct NewAttempt {
    pub id: AttemptId,
    pub practice: PracticeId,
    pub guarantor: GuarantorId,
    pub flow: Flow,
    pub source: Source,
    pub amount: Cents,
    pub currency: String,
    pub shown_due: Cents,
    pub link_hash: Option<String>,
    pub login: Option<String>,
    pub chosen_claims: Vec<ClaimId>,
    pub receipt_email: Option<String>,
    pub language: String,
    pub expires_at: UnixMs,
    pub next_look_at: UnixMs,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub id: AttemptId,
    pub practice: PracticeId,
    pub guarantor: GuarantorId,
    pub flow: Flow,
    pub source: Source,
    pub state: AttemptState,
    pub amount: Cents,
    pub currency: String,
    pub shown_due: Cents,
    /// `pi_…` or `cs_…`.
    pub processor_id: Option<String>,
    pub intent_id: Option<String>,
    pub link_hash: Option<String>,
    pub login: Option<String>,
    pub chosen_claims: Vec<ClaimId>,
    pub language: String,
    pub decline_code: Option<String>,
    pub looks: i64,
    pub next_look_at: Option<UnixMs>,
    pub created_at: UnixMs,
    pub expires_at: UnixMs,
    pub settled_at: Option<UnixMs>,
    pub closed_at: Option<UnixMs>,
}

macro_rules! select {
    () => {
        "select id, practice_id, guarantor_id, flow, source, state, amount_cents, currency,
        shown_due_cents, processor_id, intent_id, link_hash, login_id, chosen_claims, language,
        decline_code, looks, next_look_at_ms, created_at_ms, expires_at_ms, settled_at_ms,
        closed_at_ms
        from attempt"
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    practice_id: String,
    guarantor_id: String,
    flow: String,
    source: String,
    state: String,
    amount_cents: i64,
    currency: String,
    shown_due_cents: i64,
    processor_id: Option<String>,
    intent_id: Option<String>,
    link_hash: Option<String>,
    login_id: Option<String>,
    chosen_claims: Option<String>,
    language: String,
    decline_code: Option<String>,
    looks: i64,
    next_look_at_ms: Option<i64>,
    created_at_ms: i64,
    expires_at_ms: i64,
    settled_at_ms: Option<i64>,
    closed_at_ms: Option<i64>,
}

impl Row {
    fn attempt(self) -> Result<Attempt> {
        let bad = |_| StoreError::Corrupt("attempt");
        Ok(Attempt {
            id: AttemptId::trusted(self.id),
            practice: PracticeId::trusted(self.practice_id),
            guarantor: GuarantorId::trusted(self.guarantor_id),
            flow: self.flow.parse().map_err(bad)?,
            source: self.source.parse().map_err(bad)?,
            state: self.state.parse().map_err(bad)?,
            amount: Cents(self.amount_cents),
            currency: self.currency,
            shown_due: Cents(self.shown_due_cents),
            processor_id: self.processor_id,
            intent_id: self.intent_id,
            link_hash: self.link_hash,
            login: self.login_id,
            chosen_claims: claims_of(self.chosen_claims.as_deref()),
            language: self.language,
            decline_code: self.decline_code,
            looks: self.looks,
            next_look_at: self.next_look_at_ms.map(UnixMs),
            created_at: UnixMs(self.created_at_ms),
            expires_at: UnixMs(self.expires_at_ms),
            settled_at: self.settled_at_ms.map(UnixMs),
            closed_at: self.closed_at_ms.map(UnixMs),
        })
    }
}

/// Ids joined by spaces, as `chosen_claims` keeps them.
pub(crate) fn claims_of(text: Option<&str>) -> Vec<ClaimId> {
    text.unwrap_or_default().split_whitespace().map(ClaimId::trusted).collect()
}

fn email_place<'a>(practice: &'a str, id: &'a str) -> Place<'a> {
    Place { practice, table: "attempt", column: "receipt_email_sealed", row: id }
}

/// [`StoreError::Duplicate`] when the guarantor has an open attempt already.
pub async fn insert(db: &mut Db, new: &NewAttempt, now: UnixMs) -> Result<()> {
    const INSERT: &str = "insert into attempt (id, practice_id, guarantor_id, flow, source, state,
        rank, amount_cents, currency, shown_due_cents, link_hash, login_id, chosen_claims,
        receipt_email_sealed, language, next_look_at_ms, created_at_ms, expires_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";
    let chosen: Vec<&str> = new.chosen_claims.iter().map(ClaimId::as_str).collect();
    let place = email_place(new.practice.as_str(), new.id.as_str());
    let email = db.keys().seal_option(place, new.receipt_email.as_deref());
    sqlx::query(INSERT)
        .bind(new.id.as_str())
        .bind(new.practice.as_str())
        .bind(new.guarantor.as_str())
        .bind(new.flow.as_str())
        .bind(new.source.as_str())
        .bind(AttemptState::Draft.as_str())
        .bind(AttemptState::Draft.rank())
        .bind(new.amount.0)
        .bind(&new.currency)
        .bind(new.shown_due.0)
        .bind(&new.link_hash)
        .bind(&new.login)
        .bind((!chosen.is_empty()).then(|| chosen.join(" ")))
        .bind(email)
        .bind(&new.language)
        .bind(new.next_look_at.0)
        .bind(now.0)
        .bind(new.expires_at.0)
        .execute(db.c())
        .await?;
    Ok(())
}

pub async fn find(db: &mut Db, practice: &PracticeId, id: &AttemptId) -> Result<Option<Attempt>> {
    const FIND: &str = concat!(
        select!(),
        "
        where practice_id = $1 and id = $2"
    );
    let row: Option<Row> = sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(id.as_str())
        .fetch_optional(db.c())
        .await?;
    row.map(Row::attempt).transpose()
}

/// The guarantor's open attempt; there is one at most.
pub async fn find_open(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
) -> Result<Option<Attempt>> {
    const FIND: &str = concat!(
        select!(),
        "
        where practice_id = $1 and guarantor_id = $2
        and state in ('draft', 'open', 'processing', 'unknown')"
    );
    let row: Option<Row> = sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .fetch_optional(db.c())
        .await?;
    row.map(Row::attempt).transpose()
}

/// By what the processor calls it: an intent or a checkout session.
pub async fn find_by_processor(
    db: &mut Db,
    practice: &PracticeId,
    processor_id: &str,
) -> Result<Option<Attempt>> {
    const FIND: &str = concat!(
        select!(),
        "
        where practice_id = $1 and (processor_id = $2 or intent_id = $2)
        order by id
        limit 1"
    );
    let row: Option<Row> = sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(processor_id)
        .fetch_optional(db.c())
        .await?;
    row.map(Row::attempt).transpose()
}

/// Newest first: the patient record's timeline. Declines are here and nowhere else (D-25).
pub async fn list(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    limit: i64,
) -> Result<Vec<Attempt>> {
    const LIST: &str = concat!(
        select!(),
        "
        where practice_id = $1 and guarantor_id = $2
        order by created_at_ms desc, id desc
        limit $3"
    );
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(limit)
        .fetch_all(db.c())
        .await?;
    rows.into_iter().map(Row::attempt).collect()
}

/// Declines of a guarantor since then: after the second, other ways to pay are offered.
pub async fn count_declined(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    since: UnixMs,
) -> Result<i64> {
    const COUNT: &str = "select count(*) from attempt
        where practice_id = $1 and guarantor_id = $2 and created_at_ms >= $3
        and state = 'declined'";
    let (count,): (i64,) = sqlx::query_as(COUNT)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(since.0)
        .fetch_one(db.c())
        .await?;
    Ok(count)
}

/// Declines on one link since then (R76).
pub async fn count_declined_on_link(
    db: &mut Db,
    practice: &PracticeId,
    link_hash: &str,
    since: UnixMs,
) -> Result<i64> {
    const COUNT: &str = "select count(*) from attempt
        where practice_id = $1 and link_hash = $2 and created_at_ms >= $3
        and state = 'declined'";
    let (count,): (i64,) = sqlx::query_as(COUNT)
        .bind(practice.as_str())
        .bind(link_hash)
        .bind(since.0)
        .fetch_one(db.c())
        .await?;
    Ok(count)
}

/// The email typed for the receipt, if any.
pub async fn find_receipt_email(
    db: &mut Db,
    practice: &PracticeId,
    id: &AttemptId,
) -> Result<Option<String>> {
    const FIND: &str = "select receipt_email_sealed from attempt
        where practice_id = $1 and id = $2";
    let row: Option<(Option<String>,)> = sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(id.as_str())
        .fetch_optional(db.c())
        .await?;
    let keys = db.keys();
    let sealed = row.and_then(|(sealed,)| sealed);
    keys.open_option(email_place(practice.as_str(), id.as_str()), sealed.as_deref())
}

/// Keeps what the processor calls it, before anyone may confirm it. False when the attempt was
/// closed meanwhile, or is called otherwise: then nobody gets the client secret.
pub async fn mark_created(
    db: &mut Db,
    practice: &PracticeId,
    id: &AttemptId,
    processor_id: &str,
    intent_id: Option<&str>,
    next_look_at: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update attempt set processor_id = $3,
        intent_id = coalesce(intent_id, $4),
        state = case when state in ('draft', 'unknown') then 'open' else state end,
        rank = $5, next_look_at_ms = $6
        where practice_id = $1 and id = $2 and rank < $7
        and (processor_id is null or processor_id = $3)";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(processor_id)
        .bind(intent_id)
        .bind(AttemptState::Open.rank())
        .bind(next_look_at.0)
        .bind(RANK_CLOSED)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The processor did not say whether it made it. False when somebody else got its answer.
pub async fn mark_unknown(
    db: &mut Db,
    practice: &PracticeId,
    id: &AttemptId,
    next_look_at: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update attempt set state = 'unknown', rank = $3, next_look_at_ms = $4
        where practice_id = $1 and id = $2 and rank < $5 and processor_id is null";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(AttemptState::Unknown.rank())
        .bind(next_look_at.0)
        .bind(RANK_CLOSED)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Moves an open attempt among the open states; false when it is closed or settled.
pub async fn mark_open(
    db: &mut Db,
    practice: &PracticeId,
    id: &AttemptId,
    state: AttemptState,
    next_look_at: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update attempt set state = $3,
        rank = case when rank < $4 then $4 else rank end,
        next_look_at_ms = $5
        where practice_id = $1 and id = $2 and rank < $6";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(state.as_str())
        .bind(state.rank())
        .bind(next_look_at.0)
        .bind(RANK_CLOSED)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Why an attempt ended without money.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    pub decline_code: Option<String>,
    pub failure: Option<String>,
}

/// Ends an open attempt without money, which frees the guarantor for the next. `seen` is what the
/// processor called it when it was found dead: an attempt that got its id since may be about to be
/// paid, and stays. False then, and when it had ended before.
pub async fn mark_closed(
    db: &mut Db,
    practice: &PracticeId,
    id: &AttemptId,
    seen: Option<&str>,
    state: AttemptState,
    ending: &Ending,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update attempt set state = $3, rank = $4, closed_at_ms = $5,
        decline_code = $6, failure = $7, next_look_at_ms = null
        where practice_id = $1 and id = $2 and rank < $4
        and coalesce(processor_id, '') = $8";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(state.as_str())
        .bind(RANK_CLOSED)
        .bind(now.0)
        .bind(&ending.decline_code)
        .bind(&ending.failure)
        .bind(seen.unwrap_or_default())
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The money is here, also for an attempt that had been closed (R16). False when it was settled
/// before: the one who gets true books the payment.
pub async fn mark_succeeded(
    db: &mut Db,
    practice: &PracticeId,
    id: &AttemptId,
    intent_id: &str,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update attempt set state = 'succeeded', rank = $3, settled_at_ms = $4,
        intent_id = $5, next_look_at_ms = null
        where practice_id = $1 and id = $2 and rank < $3";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(RANK_SUCCEEDED)
        .bind(now.0)
        .bind(intent_id)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Attempts of all practices that want a look now, oldest first.
pub async fn list_due(db: &mut Db, now: UnixMs, limit: i64) -> Result<Vec<Attempt>> {
    const LIST: &str = concat!(
        select!(),
        "
        where next_look_at_ms <= $1
        order by next_look_at_ms, id
        limit $2"
    );
    let rows: Vec<Row> = sqlx::query_as(LIST).bind(now.0).bind(limit).fetch_all(db.c()).await?;
    rows.into_iter().map(Row::attempt).collect()
}

/// Takes an attempt for a look until `until`, when it comes up again by itself; false when somebody
/// else was faster.
pub async fn claim_look(db: &mut Db, attempt: &Attempt, until: UnixMs) -> Result<bool> {
    const CLAIM: &str = "update attempt set next_look_at_ms = $4, looks = looks + 1
        where practice_id = $1 and id = $2 and next_look_at_ms = $3";
    let done = sqlx::query(CLAIM)
        .bind(attempt.practice.as_str())
        .bind(attempt.id.as_str())
        .bind(attempt.next_look_at.map(|t| t.0))
        .bind(until.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Since when the oldest payment is unknown, for the Health page.
pub async fn find_oldest_unknown(db: &mut Db) -> Result<Option<UnixMs>> {
    const FIND: &str = "select min(created_at_ms) from attempt
        where next_look_at_ms is not null and state = 'unknown'";
    let (oldest,): (Option<i64>,) = sqlx::query_as(FIND).fetch_one(db.c()).await?;
    Ok(oldest.map(UnixMs))
}

/// The earliest instant at which an attempt, a refund or a webhook of any practice is due.
pub async fn find_next_due(db: &mut Db) -> Result<Option<UnixMs>> {
    const FIND: &str = "select min(at_ms) from (
        select min(next_look_at_ms) as at_ms from attempt where next_look_at_ms is not null
        union all
        select min(next_look_at_ms) from refund where next_look_at_ms is not null
        union all
        select min(next_at_ms) from webhook_event where next_at_ms is not null) due";
    let (at,): (Option<i64>,) = sqlx::query_as(FIND).fetch_one(db.c()).await?;
    Ok(at.map(UnixMs))
}

/// Attempts of a practice that are not over.
pub async fn count_open(db: &mut Db, practice: &PracticeId) -> Result<i64> {
    const COUNT: &str = "select count(*) from attempt
        where practice_id = $1 and state in ('draft', 'open', 'processing', 'unknown')";
    let (count,): (i64,) = sqlx::query_as(COUNT).bind(practice.as_str()).fetch_one(db.c()).await?;
    Ok(count)
}
