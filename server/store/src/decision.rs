//! Every decision as it was made: outcome, headline, all reasons, the hash of what it saw and the
//! ruleset. Kept as evidence; never changed.

use domain::{
    clock::{UnixMs, World},
    decide::{Channel, Decision, Outcome, Reason},
    id::{DecisionId, GuarantorId, MessageId, PracticeId},
};

use crate::{Db, Result, StoreError, backend::rows_of_values};

/// Rows of one insert; more did not go faster.
const ROWS_TOGETHER: usize = 32;

#[derive(Clone, Debug)]
pub struct New<'a> {
    pub guarantor: Option<&'a GuarantorId>,
    pub message: Option<&'a MessageId>,
    pub decision: &'a Decision,
    pub at: UnixMs,
}

/// A decision read back.
#[derive(Clone, Debug)]
pub struct Stored {
    pub id: DecisionId,
    pub message: Option<MessageId>,
    /// Of the message.
    pub channel: Option<Channel>,
    pub at: UnixMs,
    pub outcome: Outcome,
    /// The rule to name when there is room for one; empty when the message may go.
    pub headline: String,
    pub reasons: Vec<Reason>,
    pub inputs_hash: String,
    pub ruleset: String,
}

const fn outcome_code(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Send => "send",
        Outcome::Defer { .. } => "defer",
        Outcome::Withhold => "withhold",
    }
}

pub async fn insert_many(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    rows: &[New<'_>],
) -> Result<()> {
    const INSERT: &str = "insert into decision (id, practice_id, guarantor_id, message_id, at_ms,
        outcome, until_ms, headline, reasons, inputs_hash, ruleset)";
    for chunk in rows.chunks(ROWS_TOGETHER) {
        let mut query = sqlx::query(rows_of_values(db.kind, INSERT, 11, chunk.len(), ""));
        for row in chunk {
            let decision = row.decision;
            let until = match decision.outcome {
                Outcome::Defer { until } => Some(until.0),
                Outcome::Send | Outcome::Withhold => None,
            };
            let reasons = serde_json::to_string(&decision.reasons).expect("reasons are plain data");
            query = query
                .bind(world.mint::<DecisionId>().to_string())
                .bind(practice.as_str().to_owned())
                .bind(row.guarantor.map(|g| g.as_str().to_owned()))
                .bind(row.message.map(|m| m.as_str().to_owned()))
                .bind(row.at.0)
                .bind(outcome_code(decision.outcome))
                .bind(until)
                .bind(decision.headline().map_or("", |r| r.rule.as_str()))
                .bind(reasons)
                .bind(decision.inputs_hash.clone())
                .bind(decision.ruleset_version.to_string());
        }
        query.execute(db.c()).await?;
    }
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    message_id: Option<String>,
    channel: Option<String>,
    at_ms: i64,
    outcome: String,
    until_ms: Option<i64>,
    headline: String,
    reasons: String,
    inputs_hash: String,
    ruleset: String,
}

impl Row {
    fn stored(self) -> Result<Stored> {
        let outcome = match (self.outcome.as_str(), self.until_ms) {
            ("send", _) => Outcome::Send,
            ("defer", Some(until)) => Outcome::Defer { until: UnixMs(until) },
            ("withhold", _) => Outcome::Withhold,
            _ => return Err(StoreError::Corrupt("decision.outcome")),
        };
        let reasons = serde_json::from_str(&self.reasons);
        Ok(Stored {
            id: DecisionId::trusted(self.id),
            message: self.message_id.map(MessageId::trusted),
            channel: self.channel.as_deref().and_then(Channel::parse),
            at: UnixMs(self.at_ms),
            outcome,
            headline: self.headline,
            reasons: reasons.map_err(|_| StoreError::Corrupt("decision.reasons"))?,
            inputs_hash: self.inputs_hash,
            ruleset: self.ruleset,
        })
    }
}

/// Newest first.
pub async fn list_by_guarantor(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    limit: i64,
) -> Result<Vec<Stored>> {
    list_between(db, practice, guarantor, (None, None), limit).await
}

/// Newest first, of a stretch of time: what was decided on a day.
pub async fn list_between(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    (from, until): (Option<UnixMs>, Option<UnixMs>),
    limit: i64,
) -> Result<Vec<Stored>> {
    const LIST: &str = "select d.id, d.message_id, m.channel, d.at_ms, d.outcome, d.until_ms,
        d.headline, d.reasons, d.inputs_hash, d.ruleset
        from decision d
        left join message m on m.practice_id = d.practice_id and m.id = d.message_id
        where d.practice_id = $1 and d.guarantor_id = $2
        and (cast($3 as bigint) is null or d.at_ms >= $3)
        and (cast($4 as bigint) is null or d.at_ms < $4)
        order by d.at_ms desc, d.id desc
        limit $5";
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(from.map(|at| at.0))
        .bind(until.map(|at| at.0))
        .bind(limit)
        .fetch_all(db.c())
        .await?;
    rows.into_iter().map(Row::stored).collect()
}

/// Newest first: why this message went, waits, or did not go.
pub async fn list_by_message(
    db: &mut Db,
    practice: &PracticeId,
    message: &MessageId,
) -> Result<Vec<Stored>> {
    const LIST: &str = "select d.id, d.message_id, m.channel, d.at_ms, d.outcome, d.until_ms,
        d.headline, d.reasons, d.inputs_hash, d.ruleset
        from decision d
        left join message m on m.practice_id = d.practice_id and m.id = d.message_id
        where d.practice_id = $1 and d.message_id = $2
        order by d.at_ms desc, d.id desc";
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(message.as_str())
        .fetch_all(db.c())
        .await?;
    rows.into_iter().map(Row::stored).collect()
}
