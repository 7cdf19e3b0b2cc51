//! What guarantors agreed with their practice about paying, as its system last said it, and when the
//! engine looks at each next.

use std::collections::BTreeMap;

use domain::{
    arrangement::{Arrangement, Autopay, Charge, Instalment, Known, LastFour, Paperless, Plan},
    clock::UnixMs,
    decide::PlanStanding,
    id::{GuarantorId, PracticeId},
    money::Cents,
};
use jiff::civil::Date;

use crate::{
    Db, Result, StoreError,
    backend::{LIST_LONGEST, padded, rows_of_values, with_list},
};

/// Rows of one insert; see `import::claims`.
const ROWS_AT_ONCE: usize = 64;

const fn plan_code(standing: PlanStanding) -> &'static str {
    match standing {
        PlanStanding::NoPlan => "no",
        PlanStanding::Kept => "kept",
        PlanStanding::Behind => "behind",
    }
}

fn plan_of(code: &str) -> Result<PlanStanding> {
    match code {
        "no" => Ok(PlanStanding::NoPlan),
        "kept" => Ok(PlanStanding::Kept),
        "behind" => Ok(PlanStanding::Behind),
        _ => Err(StoreError::Corrupt("arrangement.plan")),
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    guarantor_id: String,
    plan: Option<String>,
    plan_cents: Option<i64>,
    plan_next_on: Option<String>,
    plan_said_at_ms: Option<i64>,
    autopay: Option<i64>,
    card_last4: Option<String>,
    charge_cents: Option<i64>,
    charge_on: Option<String>,
    failed_on: Option<String>,
    autopay_said_at_ms: Option<i64>,
    high_deductible: Option<i64>,
    paperless: Option<i64>,
    paperless_consent_on: Option<String>,
}

fn day(text: Option<&str>) -> Result<Option<Date>> {
    let parsed = text.map(|text| text.parse()).transpose();
    parsed.map_err(|_| StoreError::Corrupt("a day of an arrangement"))
}

impl Row {
    fn known(self) -> Result<(GuarantorId, Known)> {
        let arrangement = Arrangement {
            plan: self.plan()?,
            autopay: self.autopay()?,
            has_high_deductible: self.high_deductible.map(|yes| yes == 1),
            paperless: match self.paperless {
                Some(yes) => Some(Paperless {
                    is_wanted: yes == 1,
                    consent_on: day(self.paperless_consent_on.as_deref())?,
                }),
                None => None,
            },
        };
        let known = Known {
            arrangement,
            plan_said_at: self.plan_said_at_ms.map(UnixMs),
            autopay_said_at: self.autopay_said_at_ms.map(UnixMs),
        };
        Ok((GuarantorId::trusted(self.guarantor_id), known))
    }

    fn plan(&self) -> Result<Option<Plan>> {
        let Some(code) = self.plan.as_deref() else { return Ok(None) };
        let on = day(self.plan_next_on.as_deref())?;
        let next = self.plan_cents.zip(on);
        let next = next.map(|(cents, on)| Instalment { amount: Cents(cents), on });
        Ok(Some(Plan { standing: plan_of(code)?, next }))
    }

    fn autopay(&self) -> Result<Option<Autopay>> {
        let Some(is_on) = self.autopay else { return Ok(None) };
        let card = match self.card_last4.as_deref() {
            Some(text) => {
                Some(LastFour::parse(text).ok_or(StoreError::Corrupt("arrangement.card_last4"))?)
            }
            None => None,
        };
        let on = day(self.charge_on.as_deref())?;
        let charge = match (card, self.charge_cents, on) {
            (Some(card), Some(cents), Some(on)) => Some(Charge { card, amount: Cents(cents), on }),
            _ => None,
        };
        let failed_on = day(self.failed_on.as_deref())?;
        Ok(Some(Autopay { is_on: is_on == 1, card, charge, failed_on }))
    }
}

pub async fn load(db: &mut Db, practice: &PracticeId, id: &GuarantorId) -> Result<Known> {
    let found = load_many(db, practice, std::slice::from_ref(id)).await?.remove(id);
    Ok(found.unwrap_or_default())
}

/// Those of these accounts of which anything was ever said.
pub async fn load_many(
    db: &mut Db,
    practice: &PracticeId,
    guarantors: &[GuarantorId],
) -> Result<BTreeMap<GuarantorId, Known>> {
    const LOAD: &str = "select guarantor_id, plan, plan_cents, plan_next_on, plan_said_at_ms,
        autopay, card_last4, charge_cents, charge_on, failed_on, autopay_said_at_ms,
        high_deductible, paperless, paperless_consent_on
        from arrangement
        where practice_id = $1 and guarantor_id in ($list)";
    let mut found = BTreeMap::new();
    for chunk in guarantors.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query =
            sqlx::query_as::<_, Row>(with_list(LOAD, 2, chunk.len())).bind(practice.as_str());
        for id in &chunk {
            query = query.bind(id.as_str());
        }
        for row in query.fetch_all(db.c()).await? {
            let (id, known) = row.known()?;
            found.insert(id, known);
        }
    }
    Ok(found)
}

/// Writes what is known by now of these accounts, each of them once, and has the engine look at them.
pub(crate) async fn insert_or_replace(
    db: &mut Db,
    practice: &PracticeId,
    known: &[(GuarantorId, Known)],
    now: UnixMs,
) -> Result<()> {
    const HEAD: &str = "insert into arrangement (guarantor_id, practice_id, plan, plan_cents,
        plan_next_on, plan_said_at_ms, autopay, card_last4, charge_cents, charge_on, failed_on,
        autopay_said_at_ms, high_deductible, paperless, paperless_consent_on, next_at_ms,
        updated_at_ms)";
    const TAIL: &str = "on conflict (guarantor_id) do update set
        plan = excluded.plan, plan_cents = excluded.plan_cents,
        plan_next_on = excluded.plan_next_on, plan_said_at_ms = excluded.plan_said_at_ms,
        autopay = excluded.autopay, card_last4 = excluded.card_last4,
        charge_cents = excluded.charge_cents, charge_on = excluded.charge_on,
        failed_on = excluded.failed_on, autopay_said_at_ms = excluded.autopay_said_at_ms,
        high_deductible = excluded.high_deductible, paperless = excluded.paperless,
        paperless_consent_on = excluded.paperless_consent_on, next_at_ms = excluded.next_at_ms,
        updated_at_ms = excluded.updated_at_ms";
    let text = |day: Option<Date>| day.map(|day| day.to_string());
    for chunk in known.chunks(ROWS_AT_ONCE) {
        let mut query = sqlx::query(rows_of_values(db.kind, HEAD, 17, chunk.len(), TAIL));
        for (guarantor, known) in chunk {
            let Arrangement { plan, autopay, has_high_deductible, paperless } = known.arrangement;
            let next = plan.and_then(|plan| plan.next);
            let charge = autopay.and_then(|autopay| autopay.charge);
            let card = autopay.and_then(|autopay| autopay.card);
            query = query
                .bind(guarantor.as_str())
                .bind(practice.as_str())
                .bind(plan.map(|plan| plan_code(plan.standing)))
                .bind(next.map(|next| next.amount.0))
                .bind(text(next.map(|next| next.on)))
                .bind(known.plan_said_at.map(|at| at.0))
                .bind(autopay.map(|autopay| i64::from(autopay.is_on)))
                .bind(card.map(|card| card.as_str().to_owned()))
                .bind(charge.map(|charge| charge.amount.0))
                .bind(text(charge.map(|charge| charge.on)))
                .bind(text(autopay.and_then(|autopay| autopay.failed_on)))
                .bind(known.autopay_said_at.map(|at| at.0))
                .bind(has_high_deductible.map(i64::from))
                .bind(paperless.map(|paperless| i64::from(paperless.is_wanted)))
                .bind(text(paperless.and_then(|paperless| paperless.consent_on)))
                .bind(now.0)
                .bind(now.0);
        }
        query.execute(db.c()).await?;
    }
    Ok(())
}

/// Accounts to look at, of all practices that may remind anybody now, the longest waiting first. While
/// an import is held or being applied, what it said waits.
pub async fn list_due(
    db: &mut Db,
    now: UnixMs,
    limit: i64,
) -> Result<Vec<(PracticeId, GuarantorId)>> {
    const LIST: &str = "select a.practice_id, a.guarantor_id
        from arrangement a
        join practice p on p.id = a.practice_id
        where a.next_at_ms is not null and a.next_at_ms <= $1
        and p.live_at_ms is not null and p.outreach_held_at_ms is null
        order by a.next_at_ms, a.guarantor_id
        limit $2";
    let rows: Vec<(String, String)> =
        sqlx::query_as(LIST).bind(now.0).bind(limit).fetch_all(db.c()).await?;
    let read = |(practice, guarantor): (String, String)| {
        (PracticeId::trusted(practice), GuarantorId::trusted(guarantor))
    };
    Ok(rows.into_iter().map(read).collect())
}

/// The earliest instant at which some account of those practices wants a look.
pub async fn find_next(db: &mut Db) -> Result<Option<UnixMs>> {
    const FIND: &str = "select min(a.next_at_ms) as at_ms, count(a.practice_id) as due
        from arrangement a
        join practice p on p.id = a.practice_id
        where a.next_at_ms is not null
        and p.live_at_ms is not null and p.outreach_held_at_ms is null";
    let row: (Option<i64>, i64) = sqlx::query_as(FIND).fetch_one(db.c()).await?;
    Ok(row.0.map(UnixMs))
}

/// When the account is looked at next; never again by itself where there is nothing more to tell.
pub async fn mark_next(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    next_at: Option<UnixMs>,
) -> Result<()> {
    const MARK: &str = "update arrangement set next_at_ms = $3
        where practice_id = $1 and guarantor_id = $2";
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(next_at.map(|at| at.0))
        .execute(db.c())
        .await?;
    Ok(())
}
