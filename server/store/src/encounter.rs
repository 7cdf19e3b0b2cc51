//! The claims of a practice as staff browse them: by status, age, amount and name, in every order.
//! What is owed on one after payments is `balance`'s; amounts here are the practice system's.

use domain::{
    book::{ClaimStatus, InsuranceState},
    clock::UnixMs,
    id::{ClaimId, GuarantorId, PracticeId},
    money::Cents,
};
use jiff::civil::Date;

use crate::{Db, Result, StoreError, guarantor::name_key};

/// Which claims; the codes are those of the address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// With the patient: ready, or pending patient.
    #[default]
    Open,
    Any,
    Only(ClaimStatus),
}

impl Standing {
    const fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Any => "any",
            Self::Only(status) => status.as_str(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    Oldest,
    Newest,
    Largest,
    Smallest,
    NameUp,
    NameDown,
    VisitNewest,
    VisitOldest,
    SentLast,
    SentFirst,
}

/// `None` means any.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub standing: Standing,
    /// The balance became the patient's on this day or before, or after.
    pub since_until: Option<Date>,
    pub since_from: Option<Date>,
    pub amount_at_least: Option<Cents>,
    pub amount_at_most: Option<Cents>,
    /// A part of the guarantor's or the patient's name.
    pub name: Option<String>,
    pub order: Order,
}

#[derive(Clone, Debug)]
pub struct Line {
    pub id: ClaimId,
    pub guarantor: GuarantorId,
    pub guarantor_name: String,
    pub patient_name: String,
    pub visit_on: Date,
    /// Since when it is the patient's.
    pub since: Date,
    pub status: ClaimStatus,
    pub insurance: InsuranceState,
    pub place: Option<String>,
    /// In the practice's system.
    pub number: String,
    /// As the practice's system says.
    pub bill: Cents,
    pub last_sent_at: Option<UnixMs>,
    pub has_returned_check: bool,
    /// Missing in the last full file (D-12).
    pub is_missing: bool,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    guarantor_id: String,
    guarantor_name: String,
    patient_name: String,
    service_on: String,
    since_on: String,
    status: String,
    insurance_state: String,
    place: Option<String>,
    external_id: String,
    patient_due_cents: i64,
    last_sent_at_ms: Option<i64>,
    returned_check_on: Option<String>,
    vanished_at_ms: Option<i64>,
}

impl Row {
    fn line(self) -> Result<Line> {
        let day = |text: &str| text.parse().map_err(|_| StoreError::Corrupt("claim: a day"));
        Ok(Line {
            visit_on: day(&self.service_on)?,
            since: day(&self.since_on)?,
            id: ClaimId::trusted(self.id),
            guarantor: GuarantorId::trusted(self.guarantor_id),
            guarantor_name: self.guarantor_name,
            patient_name: self.patient_name,
            status: self.status.parse().map_err(|_| StoreError::Corrupt("claim.status"))?,
            insurance: self
                .insurance_state
                .parse()
                .map_err(|_| StoreError::Corrupt("claim.insurance_state"))?,
            place: self.place,
            number: self.external_id,
            bill: Cents(self.patient_due_cents),
            last_sent_at: self.last_sent_at_ms.map(UnixMs),
            has_returned_check: self.returned_check_on.is_some(),
            is_missing: self.vanished_at_ms.is_some(),
        })
    }
}

macro_rules! passing {
    () => {
        "from claim c
        join guarantor g on g.practice_id = c.practice_id and g.id = c.guarantor_id
        join patient t on t.practice_id = c.practice_id and t.id = c.patient_id
        where c.practice_id = $1
        and (c.status = $2 or $2 = 'any'
            or ($2 = 'open' and c.status in ('ready', 'pending_patient')))
        and (cast($3 as text) is null or coalesce(c.due_since_on, c.service_on) <= $3)
        and (cast($4 as text) is null or coalesce(c.due_since_on, c.service_on) >= $4)
        and (cast($5 as bigint) is null or c.patient_due_cents >= $5)
        and (cast($6 as bigint) is null or c.patient_due_cents <= $6)
        and (cast($7 as text) is null or g.name_key like $7 escape '!'
            or t.name_key like $7 escape '!')"
    };
}

macro_rules! listing {
    ($order:literal) => {
        concat!(
            "select c.id, c.guarantor_id, g.name as guarantor_name, t.name as patient_name,
        c.service_on, coalesce(c.due_since_on, c.service_on) as since_on, c.status,
        c.insurance_state, c.place, c.external_id, c.patient_due_cents, c.last_sent_at_ms,
        c.returned_check_on, c.vanished_at_ms
        ",
            passing!(),
            "
        order by ",
            $order,
            ", c.id
        limit $8 offset $9"
        )
    };
}

const fn text_of(order: Order) -> &'static str {
    match order {
        Order::Oldest => listing!("coalesce(c.due_since_on, c.service_on)"),
        Order::Newest => listing!("coalesce(c.due_since_on, c.service_on) desc"),
        Order::Largest => listing!("c.patient_due_cents desc"),
        Order::Smallest => listing!("c.patient_due_cents"),
        Order::NameUp => listing!("g.name_key"),
        Order::NameDown => listing!("g.name_key desc"),
        Order::VisitNewest => listing!("c.service_on desc"),
        Order::VisitOldest => listing!("c.service_on"),
        Order::SentLast => listing!("coalesce(c.last_sent_at_ms, 0) desc"),
        Order::SentFirst => listing!("coalesce(c.last_sent_at_ms, 0)"),
    }
}

/// A part of a folded name, for `like … escape '!'`.
pub(crate) fn holding(name: &str) -> String {
    let part = name_key(name).replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("%{part}%")
}

pub async fn list(
    db: &mut Db,
    practice: &PracticeId,
    filter: &Filter,
    limit: i64,
    offset: i64,
) -> Result<Vec<Line>> {
    let rows: Vec<Row> = sqlx::query_as(text_of(filter.order))
        .bind(practice.as_str())
        .bind(filter.standing.code())
        .bind(filter.since_until.map(|day| day.to_string()))
        .bind(filter.since_from.map(|day| day.to_string()))
        .bind(filter.amount_at_least.map(|cents| cents.0))
        .bind(filter.amount_at_most.map(|cents| cents.0))
        .bind(filter.name.as_deref().map(holding))
        .bind(limit)
        .bind(offset)
        .fetch_all(db.c())
        .await?;
    rows.into_iter().map(Row::line).collect()
}

/// How many there are, and what they come to.
pub async fn count(db: &mut Db, practice: &PracticeId, filter: &Filter) -> Result<(i64, Cents)> {
    const COUNT: &str = concat!(
        "select count(*), cast(coalesce(sum(c.patient_due_cents), 0) as bigint)
        ",
        passing!()
    );
    let (count, cents): (i64, i64) = sqlx::query_as(COUNT)
        .bind(practice.as_str())
        .bind(filter.standing.code())
        .bind(filter.since_until.map(|day| day.to_string()))
        .bind(filter.since_from.map(|day| day.to_string()))
        .bind(filter.amount_at_least.map(|cents| cents.0))
        .bind(filter.amount_at_most.map(|cents| cents.0))
        .bind(filter.name.as_deref().map(holding))
        .fetch_one(db.c())
        .await?;
    Ok((count, Cents(cents)))
}
