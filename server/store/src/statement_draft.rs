//! Whom somebody has ticked on a Confirm Patient List and not sent to yet. One open draft a person
//! and criteria; sending uses it up, so that the same list goes once however often Yes is pressed.

use std::collections::BTreeSet;

use domain::{
    clock::{DAY_MS, UnixMs},
    id::{DraftId, GuarantorId, JobId, PracticeId, StaffId},
};

use crate::{Db, Result, StoreError};

/// Nobody comes back to a list after this.
const KEPT_MS: i64 = 30 * DAY_MS;

/// Everybody but some, or nobody but some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticks {
    everybody: bool,
    changed: BTreeSet<GuarantorId>,
}

impl Default for Ticks {
    fn default() -> Self {
        Self::all()
    }
}

impl Ticks {
    pub const fn all() -> Self {
        Self { everybody: true, changed: BTreeSet::new() }
    }

    pub const fn none() -> Self {
        Self { everybody: false, changed: BTreeSet::new() }
    }

    pub fn hold(&self, id: &GuarantorId) -> bool {
        self.everybody != self.changed.contains(id)
    }

    pub fn set(&mut self, id: GuarantorId, wanted: bool) {
        if wanted == self.everybody {
            self.changed.remove(&id);
        } else {
            self.changed.insert(id);
        }
    }

    /// `Ok`: all but these; `Err`: only these.
    pub fn parts(&self) -> std::result::Result<&BTreeSet<GuarantorId>, &BTreeSet<GuarantorId>> {
        if self.everybody { Ok(&self.changed) } else { Err(&self.changed) }
    }
}

#[derive(Clone, Debug)]
pub struct Draft {
    pub id: DraftId,
    /// The query of the list's address.
    pub criteria: String,
    pub ticks: Ticks,
    pub used_at: Option<UnixMs>,
    /// What it became.
    pub job: Option<JobId>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    criteria: String,
    base: String,
    changed: String,
    used_at_ms: Option<i64>,
    job_id: Option<String>,
}

impl Row {
    fn draft(self) -> Result<Draft> {
        let changed = serde_json::from_str(&self.changed);
        Ok(Draft {
            id: DraftId::trusted(self.id),
            criteria: self.criteria,
            ticks: Ticks {
                everybody: self.base == "all",
                changed: changed.map_err(|_| StoreError::Corrupt("statement_draft.changed"))?,
            },
            used_at: self.used_at_ms.map(UnixMs),
            job: self.job_id.map(JobId::trusted),
        })
    }
}

/// Keeps the ticks of a list; returns the id under which they stand. Lists nobody came back to go.
pub async fn insert(
    db: &mut Db,
    practice: &PracticeId,
    staff: &StaffId,
    id: &DraftId,
    criteria: &str,
    ticks: &Ticks,
    now: UnixMs,
) -> Result<DraftId> {
    const FORGET: &str = "delete from statement_draft
        where practice_id = $1 and staff_id = $2 and at_ms < $3";
    const INSERT: &str = "insert into statement_draft (id, practice_id, staff_id, criteria, base,
        changed, at_ms)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (practice_id, staff_id, criteria) where used_at_ms is null
            do update set base = excluded.base, changed = excluded.changed,
            at_ms = excluded.at_ms
        returning id";
    sqlx::query(FORGET)
        .bind(practice.as_str())
        .bind(staff.as_str())
        .bind(now.minus_ms(KEPT_MS).0)
        .execute(db.c())
        .await?;
    let changed = serde_json::to_string(&ticks.changed).expect("ids are plain data");
    let (id,): (String,) = sqlx::query_as(INSERT)
        .bind(id.as_str())
        .bind(practice.as_str())
        .bind(staff.as_str())
        .bind(criteria)
        .bind(if ticks.everybody { "all" } else { "none" })
        .bind(changed)
        .bind(now.0)
        .fetch_one(db.c())
        .await?;
    Ok(DraftId::trusted(id))
}

/// The open draft of this person for a list.
pub async fn find_open(
    db: &mut Db,
    practice: &PracticeId,
    staff: &StaffId,
    criteria: &str,
) -> Result<Option<Draft>> {
    const FIND: &str = "select id, criteria, base, changed, used_at_ms, job_id
        from statement_draft
        where practice_id = $1 and staff_id = $2 and criteria = $3 and used_at_ms is null";
    let row: Option<Row> = sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(staff.as_str())
        .bind(criteria)
        .fetch_optional(db.c())
        .await?;
    row.map(Row::draft).transpose()
}

pub async fn load(
    db: &mut Db,
    practice: &PracticeId,
    staff: &StaffId,
    id: &DraftId,
) -> Result<Option<Draft>> {
    const LOAD: &str = "select id, criteria, base, changed, used_at_ms, job_id
        from statement_draft
        where practice_id = $1 and staff_id = $2 and id = $3";
    let row: Option<Row> = sqlx::query_as(LOAD)
        .bind(practice.as_str())
        .bind(staff.as_str())
        .bind(id.as_str())
        .fetch_optional(db.c())
        .await?;
    row.map(Row::draft).transpose()
}

/// Uses it up; false for the second of two clicks.
pub async fn claim(
    db: &mut Db,
    practice: &PracticeId,
    staff: &StaffId,
    id: &DraftId,
    now: UnixMs,
) -> Result<bool> {
    const CLAIM: &str = "update statement_draft set used_at_ms = $4
        where practice_id = $1 and staff_id = $2 and id = $3 and used_at_ms is null";
    let done = sqlx::query(CLAIM)
        .bind(practice.as_str())
        .bind(staff.as_str())
        .bind(id.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// What it became; without a job it was refused, and is open again.
pub async fn mark_job(
    db: &mut Db,
    practice: &PracticeId,
    staff: &StaffId,
    id: &DraftId,
    job: Option<&JobId>,
) -> Result<()> {
    const MARK: &str = "update statement_draft set job_id = $4
        where practice_id = $1 and staff_id = $2 and id = $3";
    // Another draft of the same list may have been begun meanwhile: then that one stands.
    const REOPEN: &str = "update statement_draft set used_at_ms = null
        where practice_id = $1 and staff_id = $2 and id = $3 and job_id is null
        and not exists (select 1 from statement_draft o
            where o.practice_id = $1 and o.staff_id = $2 and o.used_at_ms is null
            and o.criteria = statement_draft.criteria)";
    let query = match job {
        Some(_) => sqlx::query(MARK),
        None => sqlx::query(REOPEN),
    };
    let query = query.bind(practice.as_str()).bind(staff.as_str()).bind(id.as_str());
    let query = match job {
        Some(job) => query.bind(job.as_str()),
        None => query,
    };
    query.execute(db.c()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(n: u8) -> GuarantorId {
        GuarantorId::trusted(format!("gua_{n:032x}"))
    }

    #[test]
    fn clearing_one_box_leaves_everybody_else_ticked() {
        let mut ticks = Ticks::all();
        ticks.set(account(1), false);
        assert!(!ticks.hold(&account(1)));
        assert!(ticks.hold(&account(2)));
        ticks.set(account(1), true);
        assert_eq!(ticks, Ticks::all());
    }

    #[test]
    fn after_clearing_all_only_the_ticked_ones_go() {
        let mut ticks = Ticks::none();
        ticks.set(account(1), true);
        assert!(ticks.hold(&account(1)));
        assert!(!ticks.hold(&account(2)));
        assert_eq!(ticks.parts().unwrap_err().len(), 1);
    }
}
