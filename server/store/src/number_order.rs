//! Numbers a practice wanted to buy. The intent stands here before the vendor is asked, so that a
//! purchase of unknown outcome is looked up and a form sent twice buys one number.

use domain::{
    clock::{UnixMs, World},
    id::{BillingConsentId, NumberOrderId, PracticeId},
};

use crate::{Db, Result, StoreError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The vendor is being asked, or nobody knows what it did.
    Buying,
    Bought,
    /// The vendor said no, or a look found that nothing was bought.
    Refused,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Buying => "buying",
            Self::Bought => "bought",
            Self::Refused => "refused",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        match text {
            "buying" => Ok(Self::Buying),
            "bought" => Ok(Self::Bought),
            "refused" => Ok(Self::Refused),
            _ => Err(StoreError::Corrupt("number_order.state")),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Order {
    pub id: NumberOrderId,
    /// E.164.
    pub number: String,
    pub state: State,
    pub wanted_at: UnixMs,
}

type Row = (String, String, String, i64);

fn order((id, number, state, wanted_at): Row) -> Result<Order> {
    let state = State::parse(&state)?;
    let id = NumberOrderId::trusted(id);
    Ok(Order { id, number, state, wanted_at: UnixMs(wanted_at) })
}

/// True when this order is the one that buys; false when one for that number stands, or this very
/// order was made before.
pub async fn insert(
    db: &mut Db,
    practice: &PracticeId,
    id: &NumberOrderId,
    number: &str,
    by: &str,
    now: UnixMs,
) -> Result<bool> {
    const INSERT: &str = "insert into number_order (id, practice_id, number, state, wanted_by,
        wanted_at_ms)
        values ($1, $2, $3, 'buying', $4, $5)
        on conflict do nothing";
    let done = sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(practice.as_str())
        .bind(number)
        .bind(by)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The order of a number that stands, if one does.
pub async fn find_standing(
    db: &mut Db,
    practice: &PracticeId,
    number: &str,
) -> Result<Option<Order>> {
    const FIND: &str = "select id, number, state, wanted_at_ms
        from number_order
        where practice_id = $1 and number = $2 and state in ('buying', 'bought')";
    let row: Option<Row> =
        sqlx::query_as(FIND).bind(practice.as_str()).bind(number).fetch_optional(db.c()).await?;
    row.map(order).transpose()
}

/// Numbers bought or of unknown outcome, oldest first.
pub async fn list_standing(db: &mut Db, practice: &PracticeId) -> Result<Vec<Order>> {
    const LIST: &str = "select id, number, state, wanted_at_ms
        from number_order
        where practice_id = $1 and state in ('buying', 'bought')
        order by wanted_at_ms, id";
    let rows: Vec<Row> = sqlx::query_as(LIST).bind(practice.as_str()).fetch_all(db.c()).await?;
    rows.into_iter().map(order).collect()
}

/// What became of an order that was being bought.
pub async fn mark_settled(
    db: &mut Db,
    practice: &PracticeId,
    id: &NumberOrderId,
    state: State,
    vendor_id: Option<&str>,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update number_order set state = $3, vendor_id = $4, settled_at_ms = $5
        where practice_id = $1 and id = $2 and state = 'buying'";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(state.as_str())
        .bind(vendor_id)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The prices of texting as somebody read and accepted them (S-G4). Append-only.
pub async fn insert_billing_consent(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    version: &str,
    wording: &str,
    by: &str,
    address: &str,
) -> Result<()> {
    const INSERT: &str = "insert into billing_consent (id, practice_id, version, wording,
        accepted_by, address, at_ms)
        values ($1, $2, $3, $4, $5, $6, $7)";
    sqlx::query(INSERT)
        .bind(world.mint::<BillingConsentId>().to_string())
        .bind(practice.as_str())
        .bind(version)
        .bind(wording)
        .bind(by)
        .bind(address)
        .bind(world.now().0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// The newest acceptance: version, who, when.
pub async fn find_billing_consent(
    db: &mut Db,
    practice: &PracticeId,
) -> Result<Option<(String, String, UnixMs)>> {
    const FIND: &str = "select version, accepted_by, at_ms
        from billing_consent
        where practice_id = $1
        order by at_ms desc, id desc
        limit 1";
    let row: Option<(String, String, i64)> =
        sqlx::query_as(FIND).bind(practice.as_str()).fetch_optional(db.c()).await?;
    Ok(row.map(|(version, by, at)| (version, by, UnixMs(at))))
}
