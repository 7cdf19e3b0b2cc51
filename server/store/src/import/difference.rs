//! What a file would change, before it changes anything: the breaker that keeps a truncated or
//! doubled file from silencing or flooding everyone (MS6).

use domain::{
    clock::UnixMs,
    id::{ImportId, PracticeId},
    practice::Settings,
};
use serde::{Deserialize, Serialize};

use super::Import;
use crate::{Db, Result};

/// Examples shown of each kind.
const EXAMPLES: i64 = 5;
/// Claims looked at in one step of finding what is missing.
const CLAIMS_A_STRETCH: i64 = 10_000;

/// The comparison of a staged file with the book of its source, in claims.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Claims of this source with something due, before.
    pub open_before: i64,
    pub new: i64,
    /// Open before, and not in this full file.
    pub vanished: i64,
    /// Open before, and nothing due now.
    pub cleared: i64,
    /// Open before, and due grew by the breaker's factor or more.
    pub jumped: i64,
    pub examples: Vec<Example>,
    /// Why it is held; empty when it is plausible.
    pub held_because: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// `new`, `vanished`, `cleared` or `jumped`.
    pub kind: String,
    pub claim_external_id: String,
    pub before_cents: Option<i64>,
    pub after_cents: Option<i64>,
}

/// What is implausible, in per cent of the claims open before.
#[derive(Clone, Copy, Debug)]
pub struct Breaker {
    pub vanished_percent: i64,
    pub cleared_percent: i64,
    pub jumped_percent: i64,
    pub jump_factor: i64,
    pub smallest_book: i64,
}

impl From<&Settings> for Breaker {
    fn from(settings: &Settings) -> Self {
        Self {
            vanished_percent: settings.breaker_vanished_percent,
            cleared_percent: settings.breaker_cleared_percent,
            jumped_percent: settings.breaker_jumped_percent,
            jump_factor: settings.breaker_jump_factor.max(2),
            smallest_book: settings.breaker_smallest_book,
        }
    }
}

/// Compares what is staged with what the book has of the same source.
pub async fn compare(
    db: &mut Db,
    practice: &PracticeId,
    id: &ImportId,
    source: &str,
    is_full: bool,
    breaker: Breaker,
) -> Result<Difference> {
    let mut difference = Difference {
        open_before: count_open(db, practice, source).await?,
        ..Difference::default()
    };
    count_staged(db, practice, id, source, breaker, &mut difference).await?;
    if is_full {
        difference.vanished = count_vanished(db, practice, id, source).await?;
    }
    add_examples(db, practice, id, source, is_full, breaker, &mut difference).await?;
    judge(&mut difference, breaker);
    Ok(difference)
}

async fn count_open(db: &mut Db, practice: &PracticeId, source: &str) -> Result<i64> {
    const COUNT: &str = "select count(*) from claim
        where practice_id = $1 and source = $2 and patient_due_cents > 0
        and vanished_at_ms is null and status in ('ready', 'pending_patient')";
    let (count,): (i64,) =
        sqlx::query_as(COUNT).bind(practice.as_str()).bind(source).fetch_one(db.c()).await?;
    Ok(count)
}

async fn count_staged(
    db: &mut Db,
    practice: &PracticeId,
    id: &ImportId,
    source: &str,
    breaker: Breaker,
    difference: &mut Difference,
) -> Result<()> {
    const COUNT: &str = "select
        cast(coalesce(sum(case when c.id is null then 1 else 0 end), 0) as bigint),
        cast(coalesce(sum(case when c.patient_due_cents > 0 and s.due <= 0
            and c.vanished_at_ms is null and c.status in ('ready', 'pending_patient')
            then 1 else 0 end), 0) as bigint),
        cast(coalesce(sum(case when c.patient_due_cents > 0
            and c.vanished_at_ms is null and c.status in ('ready', 'pending_patient')
            and s.due >= c.patient_due_cents * $4 then 1 else 0 end), 0) as bigint)
        from (select external_id, sum(due_cents) as due from import_row
            where practice_id = $1 and import_id = $2 and kind = 'claim'
            group by external_id) s
        left join claim c on c.practice_id = $1 and c.source = $3
            and c.external_id = s.external_id";
    let (new, cleared, jumped): (i64, i64, i64) = sqlx::query_as(COUNT)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(source)
        .bind(breaker.jump_factor)
        .fetch_one(db.c())
        .await?;
    difference.new = new;
    difference.cleared = cleared;
    difference.jumped = jumped;
    Ok(())
}

async fn count_vanished(
    db: &mut Db,
    practice: &PracticeId,
    id: &ImportId,
    source: &str,
) -> Result<i64> {
    const COUNT: &str = "select count(*) from claim
        where practice_id = $1 and source = $3 and patient_due_cents > 0
        and vanished_at_ms is null and status in ('ready', 'pending_patient')
        and not exists (select 1 from import_row s
            where s.import_id = $2 and s.practice_id = $1 and s.kind = 'claim'
            and s.external_id = claim.external_id)";
    let (count,): (i64,) = sqlx::query_as(COUNT)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(source)
        .fetch_one(db.c())
        .await?;
    Ok(count)
}

async fn add_examples(
    db: &mut Db,
    practice: &PracticeId,
    id: &ImportId,
    source: &str,
    is_full: bool,
    breaker: Breaker,
    difference: &mut Difference,
) -> Result<()> {
    const CHANGED: &str = "select c.external_id, c.patient_due_cents, s.due,
        case when s.due <= 0 then 'cleared' else 'jumped' end
        from (select external_id, cast(sum(due_cents) as bigint) as due from import_row
            where practice_id = $1 and import_id = $2 and kind = 'claim'
            group by external_id) s
        join claim c on c.practice_id = $1 and c.source = $3 and c.external_id = s.external_id
        where c.patient_due_cents > 0 and c.vanished_at_ms is null
        and c.status in ('ready', 'pending_patient')
        and (s.due <= 0 or s.due >= c.patient_due_cents * $4)
        order by c.patient_due_cents desc, c.id
        limit $5";
    const VANISHED: &str = "select external_id, patient_due_cents from claim
        where practice_id = $1 and source = $3 and patient_due_cents > 0
        and vanished_at_ms is null and status in ('ready', 'pending_patient')
        and not exists (select 1 from import_row s
            where s.import_id = $2 and s.practice_id = $1 and s.kind = 'claim'
            and s.external_id = claim.external_id)
        order by patient_due_cents desc, id
        limit $4";
    let changed: Vec<(String, i64, i64, String)> = sqlx::query_as(CHANGED)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(source)
        .bind(breaker.jump_factor)
        .bind(EXAMPLES * 2)
        .fetch_all(db.c())
        .await?;
    let example = |kind: String, claim: String, before, after| Example {
        kind,
        claim_external_id: claim,
        before_cents: before,
        after_cents: after,
    };
    for (claim, before, after, kind) in changed {
        difference.examples.push(example(kind, claim, Some(before), Some(after)));
    }
    if is_full {
        let vanished: Vec<(String, i64)> = sqlx::query_as(VANISHED)
            .bind(practice.as_str())
            .bind(id.as_str())
            .bind(source)
            .bind(EXAMPLES)
            .fetch_all(db.c())
            .await?;
        for (claim, before) in vanished {
            difference.examples.push(example("vanished".into(), claim, Some(before), None));
        }
    }
    Ok(())
}

fn judge(difference: &mut Difference, breaker: Breaker) {
    let open = difference.open_before;
    if open < breaker.smallest_book {
        return;
    }
    let mut hold = |count: i64, percent: i64, what: &str| {
        if count > 0 && count * 100 >= open * percent {
            let share = count * 100 / open;
            difference
                .held_because
                .push(format!("{count} of {open} open claims ({share} %) {what}"));
        }
    };
    let (vanished, cleared, jumped) = (difference.vanished, difference.cleared, difference.jumped);
    hold(vanished, breaker.vanished_percent, "are missing from this full file");
    hold(cleared, breaker.cleared_percent, "would have nothing left to pay");
    hold(jumped, breaker.jumped_percent, "would be several times as large as before");
}

/// Marks claims that a full file no longer has, a stretch of external ids at a time, and returns the
/// last id of the stretch; `None` when nothing is left. A missing row is not a zero (D-12): the
/// amount stays.
pub(super) async fn mark_vanished(
    db: &mut Db,
    import: &Import,
    after: &str,
    now: UnixMs,
) -> Result<Option<String>> {
    const LAST: &str = "select max(external_id) from (select external_id from claim
        where practice_id = $1 and source = $2 and external_id > $3
        order by external_id
        limit $4) stretch";
    const MARK: &str = "update claim set vanished_at_ms = $4, version = version + 1
        where practice_id = $1 and source = $3 and patient_due_cents <> 0
        and external_id > $5 and external_id <= $6
        and vanished_at_ms is null
        and not exists (select 1 from import_row s
            where s.import_id = $2 and s.practice_id = $1 and s.kind = 'claim'
            and s.external_id = claim.external_id)";
    let (last,): (Option<String>,) = sqlx::query_as(LAST)
        .bind(import.practice.as_str())
        .bind(&import.source)
        .bind(after)
        .bind(CLAIMS_A_STRETCH)
        .fetch_one(db.c())
        .await?;
    let Some(last) = last else { return Ok(None) };
    sqlx::query(MARK)
        .bind(import.practice.as_str())
        .bind(import.id.as_str())
        .bind(&import.source)
        .bind(now.0)
        .bind(after)
        .bind(&last)
        .execute(db.c())
        .await?;
    Ok(Some(last))
}
