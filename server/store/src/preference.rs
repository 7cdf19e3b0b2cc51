//! What a person asked for about the time of reminders, and which contacts want no receipts.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    clock::UnixMs,
    id::{GuarantorId, PracticeId},
    wishes::{Payday, QuietHours, Wishes},
};
use jiff::civil::Date;

use crate::{
    Db, Result, StoreError,
    backend::{LIST_LONGEST, padded, with_list},
};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub wishes: Wishes,
    /// The payday whose reminder has been asked for.
    pub reminded_for: Option<Date>,
}

#[derive(sqlx::FromRow)]
struct Row {
    guarantor_id: String,
    quiet_from_hour: Option<i64>,
    quiet_until_hour: Option<i64>,
    payday_of_month: Option<i64>,
    remind_on: Option<String>,
    snoozed_until_on: Option<String>,
    reminded_for_on: Option<String>,
}

impl Row {
    fn known(self) -> Result<(GuarantorId, Known)> {
        let day = |text: Option<String>| {
            text.map(|text| text.parse::<Date>())
                .transpose()
                .map_err(|_| StoreError::Corrupt("preference day"))
        };
        let hour = |hour: i64| i8::try_from(hour).unwrap_or(-1);
        let quiet = self
            .quiet_from_hour
            .zip(self.quiet_until_hour)
            .and_then(|(from, until)| QuietHours::new(hour(from), hour(until)));
        let monthly = self.payday_of_month.and_then(|day| i8::try_from(day).ok());
        let payday = match day(self.remind_on)? {
            Some(day) => Some(Payday::Once(day)),
            None => monthly.map(Payday::Monthly),
        };
        let wishes = Wishes { quiet, payday, snoozed_until: day(self.snoozed_until_on)? };
        let known = Known { wishes, reminded_for: day(self.reminded_for_on)? };
        Ok((GuarantorId::trusted(self.guarantor_id), known))
    }
}

pub async fn load_many(
    db: &mut Db,
    practice: &PracticeId,
    guarantors: &[GuarantorId],
) -> Result<BTreeMap<GuarantorId, Known>> {
    const LOAD: &str = "select guarantor_id, quiet_from_hour, quiet_until_hour, payday_of_month,
        remind_on, snoozed_until_on, reminded_for_on
        from preference
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

/// Replaces what the account asked for. What was reminded for stays with the same payday.
pub async fn mark_wishes(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    wishes: &Wishes,
    by: &str,
    now: UnixMs,
) -> Result<()> {
    const MARK: &str = "insert into preference (practice_id, guarantor_id, quiet_from_hour,
        quiet_until_hour, payday_of_month, remind_on, snoozed_until_on, set_by, set_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict (practice_id, guarantor_id) do update
        set quiet_from_hour = excluded.quiet_from_hour,
            quiet_until_hour = excluded.quiet_until_hour,
            payday_of_month = excluded.payday_of_month,
            remind_on = excluded.remind_on,
            snoozed_until_on = excluded.snoozed_until_on,
            set_by = excluded.set_by,
            set_at_ms = excluded.set_at_ms";
    let (monthly, once) = match wishes.payday {
        Some(Payday::Monthly(day)) => (Some(i64::from(day)), None),
        Some(Payday::Once(day)) => (None, Some(day.to_string())),
        None => (None, None),
    };
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(wishes.quiet.map(|quiet| i64::from(quiet.from_hour)))
        .bind(wishes.quiet.map(|quiet| i64::from(quiet.until_hour)))
        .bind(monthly)
        .bind(once)
        .bind(wishes.snoozed_until.map(|day| day.to_string()))
        .bind(by)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// The reminder of this payday has been asked for; false when it was before.
pub async fn mark_reminded_for(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    day: Date,
) -> Result<bool> {
    const MARK: &str = "update preference set reminded_for_on = $3
        where practice_id = $1 and guarantor_id = $2
        and (reminded_for_on is null or reminded_for_on <> $3)";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(day.to_string())
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Which of these phones and emails want no receipts.
pub async fn list_without_receipts(
    db: &mut Db,
    practice: &PracticeId,
    values: &[String],
) -> Result<BTreeSet<String>> {
    const LIST: &str = "select value_index, set_by from unwanted_receipt
        where practice_id = $1 and value_index in ($list)";
    let mut found = BTreeSet::new();
    for chunk in values.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query = sqlx::query_as::<_, (String, String)>(with_list(LIST, 2, chunk.len()))
            .bind(practice.as_str());
        for value in &chunk {
            query = query.bind(value);
        }
        found.extend(query.fetch_all(db.c()).await?.into_iter().map(|(value, _)| value));
    }
    Ok(found)
}

/// Receipts to one phone or email, wanted or not.
pub async fn mark_receipts(
    db: &mut Db,
    practice: &PracticeId,
    value_index: &str,
    wanted: bool,
    by: &str,
    now: UnixMs,
) -> Result<()> {
    const FORGET: &str = "delete from unwanted_receipt where practice_id = $1 and value_index = $2";
    const INSERT: &str =
        "insert into unwanted_receipt (practice_id, value_index, set_by, set_at_ms)
        values ($1, $2, $3, $4)
        on conflict (practice_id, value_index) do nothing";
    if wanted {
        sqlx::query(FORGET).bind(practice.as_str()).bind(value_index).execute(db.c()).await?;
    } else {
        sqlx::query(INSERT)
            .bind(practice.as_str())
            .bind(value_index)
            .bind(by)
            .bind(now.0)
            .execute(db.c())
            .await?;
    }
    Ok(())
}
