//! Who did what to which object, with what result. Rows are written in the transaction they
//! describe, and chained afterwards by one leased notary (decision 24).

use domain::{
    clock::{UnixMs, World},
    id::{AuditId, GuarantorId, PracticeId},
};

use crate::{Db, Keys, Result};

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    Staff(String),
    /// A signed-in patient.
    Login(String),
    /// Whoever holds a link; named by a prefix of the token's hash.
    LinkHolder(String),
    /// An API key.
    Key(String),
    /// The engine, a sweep, a webhook.
    System(&'static str),
    /// Nobody who could be named yet.
    Visitor,
}

impl Actor {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Staff(_) => "staff",
            Self::Login(_) => "login",
            Self::LinkHolder(_) => "link",
            Self::Key(_) => "key",
            Self::System(_) => "system",
            Self::Visitor => "visitor",
        }
    }

    pub fn id(&self) -> &str {
        match self {
            Self::Staff(id) | Self::Login(id) | Self::LinkHolder(id) | Self::Key(id) => id,
            Self::System(part) => part,
            Self::Visitor => "",
        }
    }

    /// `kind:id`, as other tables store an actor.
    pub fn label(&self) -> String {
        format!("{}:{}", self.kind(), self.id())
    }
}

/// One thing that happened. `detail` holds ids, counts and amounts, never names or contacts.
#[derive(Clone, Debug)]
pub struct Entry {
    pub practice: PracticeId,
    pub actor: Actor,
    pub verb: &'static str,
    pub object_kind: &'static str,
    pub object_id: String,
    pub guarantor: Option<GuarantorId>,
    pub result: &'static str,
    pub detail: String,
    /// The client's address as the trusted proxy says, or empty.
    pub address: String,
}

impl Entry {
    pub fn new(
        practice: &PracticeId,
        actor: Actor,
        verb: &'static str,
        object_kind: &'static str,
        object_id: impl Into<String>,
    ) -> Self {
        Self {
            practice: practice.clone(),
            actor,
            verb,
            object_kind,
            object_id: object_id.into(),
            guarantor: None,
            result: "ok",
            detail: String::new(),
            address: String::new(),
        }
    }

    pub fn about(mut self, guarantor: &GuarantorId) -> Self {
        self.guarantor = Some(guarantor.clone());
        self
    }

    pub fn with(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    pub fn from_address(mut self, address: impl Into<String>) -> Self {
        self.address = address.into();
        self
    }

    pub fn denied(mut self) -> Self {
        self.result = "denied";
        self
    }
}

/// Writes the row, unchained, in the caller's transaction.
pub async fn insert(db: &mut Db, world: &World, entry: &Entry) -> Result<()> {
    const INSERT: &str = "insert into audit (id, practice_id, at_ms, actor_kind, actor_id, verb,
        object_kind, object_id, guarantor_id, result, detail, address)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    sqlx::query(INSERT)
        .bind(world.mint::<AuditId>().to_string())
        .bind(entry.practice.as_str())
        .bind(world.now().0)
        .bind(entry.actor.kind())
        .bind(entry.actor.id())
        .bind(entry.verb)
        .bind(entry.object_kind)
        .bind(&entry.object_id)
        .bind(entry.guarantor.as_ref().map(|g| g.as_str()))
        .bind(entry.result)
        .bind(&entry.detail)
        .bind(&entry.address)
        .execute(db.c())
        .await?;
    Ok(())
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Row {
    pub id: String,
    pub practice_id: String,
    pub at_ms: i64,
    pub actor_kind: String,
    pub actor_id: String,
    pub verb: String,
    pub object_kind: String,
    pub object_id: String,
    pub guarantor_id: Option<String>,
    pub result: String,
    pub detail: String,
    pub address: String,
    pub chain_no: Option<i64>,
    pub chain_hash: Option<String>,
}

impl Row {
    pub fn at(&self) -> UnixMs {
        UnixMs(self.at_ms)
    }

    /// The bytes the chain covers.
    fn canonical(&self) -> String {
        let parts = [
            self.id.as_str(),
            &self.practice_id,
            &self.at_ms.to_string(),
            &self.actor_kind,
            &self.actor_id,
            &self.verb,
            &self.object_kind,
            &self.object_id,
            self.guarantor_id.as_deref().unwrap_or_default(),
            &self.result,
            &self.detail,
            &self.address,
        ];
        parts.iter().map(|p| format!("{}:{p}", p.len())).collect()
    }
}

/// Rows chained in one go; a backlog takes several.
const NOTARY_BATCH: i64 = 500;
pub const NOTARY_LEASE: &str = "audit_notary";

/// Chains the oldest unchained rows; returns how many. Run under [`NOTARY_LEASE`]: two notaries at
/// once would meet the unique index on `chain_no`, and one of them would roll back.
pub async fn chain_next(db: &mut Db) -> Result<usize> {
    const NEXT: &str = "select id, practice_id, at_ms, actor_kind, actor_id, verb, object_kind,
        object_id, guarantor_id, result, detail, address, chain_no, chain_hash
        from audit
        where chain_no is null
        order by id
        limit $1";
    const MARK: &str = "update audit set chain_no = $2, chain_hash = $3
        where id = $1 and chain_no is null";
    let keys = db.keys();
    let (mut number, mut hash) = load_head(db).await?;
    let rows: Vec<Row> = sqlx::query_as(NEXT).bind(NOTARY_BATCH).fetch_all(db.c()).await?;
    for row in &rows {
        number += 1;
        hash = keys.chain(&hash, &row.canonical());
        sqlx::query(MARK).bind(&row.id).bind(number).bind(&hash).execute(db.c()).await?;
    }
    Ok(rows.len())
}

/// How many rows are chained, and the hash of the last one.
pub async fn load_head(db: &mut Db) -> Result<(i64, String)> {
    const HEAD: &str = "select chain_no, chain_hash from audit
        where chain_no is not null
        order by chain_no desc
        limit 1";
    let head: Option<(i64, String)> = sqlx::query_as(HEAD).fetch_optional(db.c()).await?;
    Ok(head.unwrap_or((0, String::new())))
}

/// What the check of the whole chain found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainReport {
    pub rows: i64,
    pub head: String,
    /// The number of the first row that does not fit: edited, removed or inserted.
    pub broken_at: Option<i64>,
}

/// Replays the chain from the first row to the head, a page at a time.
pub async fn verify_chain(db: &mut Db, keys: &Keys) -> Result<ChainReport> {
    const PAGE: &str = "select id, practice_id, at_ms, actor_kind, actor_id, verb, object_kind,
        object_id, guarantor_id, result, detail, address, chain_no, chain_hash
        from audit
        where chain_no > $1
        order by chain_no
        limit 1000";
    let (mut number, mut hash) = (0, String::new());
    loop {
        let rows: Vec<Row> = sqlx::query_as(PAGE).bind(number).fetch_all(db.c()).await?;
        if rows.is_empty() {
            return Ok(ChainReport { rows: number, head: hash, broken_at: None });
        }
        for row in rows {
            number += 1;
            hash = keys.chain(&hash, &row.canonical());
            if row.chain_no != Some(number) || row.chain_hash.as_deref() != Some(&hash) {
                return Ok(ChainReport { rows: number, head: hash, broken_at: Some(number) });
            }
        }
    }
}

/// Filters of the audit page; `None` means any.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub verb: Option<String>,
    pub actor_id: Option<String>,
    pub guarantor_id: Option<String>,
    pub from_ms: Option<i64>,
    pub until_ms: Option<i64>,
    /// Rows before this id, for paging backwards in time.
    pub before_id: Option<String>,
}

/// Newest first.
pub async fn list(
    db: &mut Db,
    practice: &PracticeId,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<Row>> {
    const LIST: &str = "select id, practice_id, at_ms, actor_kind, actor_id, verb, object_kind,
        object_id, guarantor_id, result, detail, address, chain_no, chain_hash
        from audit
        where practice_id = $1
        and (cast($2 as text) is null or verb = $2)
        and (cast($3 as text) is null or actor_id = $3)
        and (cast($4 as text) is null or guarantor_id = $4)
        and (cast($5 as bigint) is null or at_ms >= $5)
        and (cast($6 as bigint) is null or at_ms < $6)
        and (cast($7 as text) is null or id < $7)
        order by id desc
        limit $8";
    Ok(sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(&filter.verb)
        .bind(&filter.actor_id)
        .bind(&filter.guarantor_id)
        .bind(filter.from_ms)
        .bind(filter.until_ms)
        .bind(&filter.before_id)
        .bind(limit)
        .fetch_all(db.c())
        .await?)
}
