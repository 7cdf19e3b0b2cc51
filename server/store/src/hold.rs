//! Holds on an account or one of its claims, with who placed and who lifted them. Ended holds stay
//! as evidence.

use std::collections::BTreeMap;

use domain::{
    clock::UnixMs,
    holds::{self, HoldKind, HoldScope},
    id::{ClaimId, ContactId, GuarantorId, HoldId, PracticeId},
};

use crate::{
    Db, Result, StoreError,
    backend::{LIST_LONGEST, padded, with_list},
};

#[derive(Clone, Debug)]
pub struct Hold {
    pub id: HoldId,
    pub guarantor: GuarantorId,
    pub kind: HoldKind,
    pub claim: Option<ClaimId>,
    /// For confidential communication: the one contact the patient allows.
    pub only_contact: Option<ContactId>,
    pub reason: String,
    pub until: Option<UnixMs>,
    pub placed_by: String,
    pub placed_at: UnixMs,
    pub lift_asked_by: Option<String>,
    pub lift_asked_at: Option<UnixMs>,
    pub lifted_at: Option<UnixMs>,
    pub lifted_by: Option<String>,
}

impl Hold {
    /// As the rules see it.
    pub fn rule(&self) -> holds::Hold {
        let scope = self.claim.as_ref().map_or(HoldScope::Account, |c| HoldScope::Claim(c.clone()));
        holds::Hold { kind: self.kind, scope, until: self.until }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    guarantor_id: String,
    claim_id: Option<String>,
    kind: String,
    reason: String,
    contact_id: Option<String>,
    until_ms: Option<i64>,
    placed_by: String,
    placed_at_ms: i64,
    lift_asked_by: Option<String>,
    lift_asked_at_ms: Option<i64>,
    lifted_at_ms: Option<i64>,
    lifted_by: Option<String>,
}

impl Row {
    fn hold(self) -> Result<Hold> {
        Ok(Hold {
            id: HoldId::trusted(self.id),
            guarantor: GuarantorId::trusted(self.guarantor_id),
            kind: self.kind.parse().map_err(|_| StoreError::Corrupt("hold.kind"))?,
            claim: self.claim_id.map(ClaimId::trusted),
            only_contact: self.contact_id.map(ContactId::trusted),
            reason: self.reason,
            until: self.until_ms.map(UnixMs),
            placed_by: self.placed_by,
            placed_at: UnixMs(self.placed_at_ms),
            lift_asked_by: self.lift_asked_by,
            lift_asked_at: self.lift_asked_at_ms.map(UnixMs),
            lifted_at: self.lifted_at_ms.map(UnixMs),
            lifted_by: self.lifted_by,
        })
    }
}

pub async fn insert(db: &mut Db, practice: &PracticeId, hold: &Hold) -> Result<()> {
    const INSERT: &str = "insert into hold (id, practice_id, guarantor_id, claim_id, kind, reason,
        contact_id, until_ms, placed_by, placed_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    sqlx::query(INSERT)
        .bind(hold.id.as_str())
        .bind(practice.as_str())
        .bind(hold.guarantor.as_str())
        .bind(hold.claim.as_ref().map(ClaimId::as_str))
        .bind(hold.kind.as_str())
        .bind(&hold.reason)
        .bind(hold.only_contact.as_ref().map(ContactId::as_str))
        .bind(hold.until.map(|t| t.0))
        .bind(&hold.placed_by)
        .bind(hold.placed_at.0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// Holds that nobody has lifted; some may have run out.
pub async fn load_many(
    db: &mut Db,
    practice: &PracticeId,
    guarantors: &[GuarantorId],
) -> Result<BTreeMap<GuarantorId, Vec<Hold>>> {
    const LOAD: &str = "select id, guarantor_id, claim_id, kind, reason, contact_id, until_ms,
        placed_by, placed_at_ms, lift_asked_by, lift_asked_at_ms, lifted_at_ms, lifted_by
        from hold
        where practice_id = $1 and guarantor_id in ($list) and lifted_at_ms is null
        order by placed_at_ms, id";
    let mut found: BTreeMap<GuarantorId, Vec<Hold>> = BTreeMap::new();
    for chunk in guarantors.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query =
            sqlx::query_as::<_, Row>(with_list(LOAD, 2, chunk.len())).bind(practice.as_str());
        for id in &chunk {
            query = query.bind(id.as_str());
        }
        for row in query.fetch_all(db.c()).await? {
            let hold = row.hold()?;
            found.entry(hold.guarantor.clone()).or_default().push(hold);
        }
    }
    Ok(found)
}

/// All holds of one account, ended ones too, newest first.
pub async fn list(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
) -> Result<Vec<Hold>> {
    const LIST: &str = "select id, guarantor_id, claim_id, kind, reason, contact_id, until_ms,
        placed_by, placed_at_ms, lift_asked_by, lift_asked_at_ms, lifted_at_ms, lifted_by
        from hold
        where practice_id = $1 and guarantor_id = $2
        order by placed_at_ms desc, id desc";
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .fetch_all(db.c())
        .await?;
    rows.into_iter().map(Row::hold).collect()
}

/// The first of two people says that a legal hold may go.
pub async fn mark_lift_asked(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    id: &HoldId,
    by: &str,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update hold set lift_asked_by = $4, lift_asked_at_ms = $5
        where practice_id = $1 and guarantor_id = $2 and id = $3
        and lifted_at_ms is null and lift_asked_by is null";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(id.as_str())
        .bind(by)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Lifts a hold. With `after_another` only if somebody else than `by` has asked for it before: that
/// is in the statement, so that no race makes one person two.
pub async fn mark_lifted(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    id: &HoldId,
    by: &str,
    after_another: bool,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update hold set lifted_at_ms = $6, lifted_by = $4
        where practice_id = $1 and guarantor_id = $2 and id = $3 and lifted_at_ms is null
        and ($5 = 0 or (lift_asked_by is not null and lift_asked_by <> $4))";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(id.as_str())
        .bind(by)
        .bind(i64::from(after_another))
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}
