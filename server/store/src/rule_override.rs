//! What a practice changed in the rules about messages, and when somebody last read each rule. Both
//! are evidence: a change is replaced by the next one and stays readable.

use std::collections::BTreeMap;

use domain::{
    clock::UnixMs,
    id::{PracticeId, RuleChangeId, RuleReviewId},
    rulebook::Change,
};

use crate::{Db, Result, StoreError};

/// A change as somebody made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub id: RuleChangeId,
    pub change: Change,
    pub reason: String,
    pub reviewed_by: String,
    pub reviewed_at: UnixMs,
    /// `None` while it stands.
    pub replaced_at: Option<UnixMs>,
    pub replaced_by: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    rule_id: String,
    enabled: Option<i64>,
    numbers: String,
    reason: String,
    reviewed_by: String,
    reviewed_at_ms: i64,
    replaced_at_ms: Option<i64>,
    replaced_by: Option<String>,
}

impl Row {
    fn stored(self) -> Result<Stored> {
        let numbers = serde_json::from_str(&self.numbers)
            .map_err(|_| StoreError::Corrupt("rule_override.numbers"))?;
        Ok(Stored {
            id: RuleChangeId::trusted(self.id),
            change: Change {
                rule: self.rule_id,
                enabled: self.enabled.map(|enabled| enabled == 1),
                numbers,
            },
            reason: self.reason,
            reviewed_by: self.reviewed_by,
            reviewed_at: UnixMs(self.reviewed_at_ms),
            replaced_at: self.replaced_at_ms.map(UnixMs),
            replaced_by: self.replaced_by,
        })
    }
}

/// The changes that stand, for the rulebook. There are never more of them than rules.
pub async fn load(db: &mut Db, practice: &PracticeId) -> Result<Vec<Change>> {
    Ok(list(db, practice).await?.into_iter().map(|stored| stored.change).collect())
}

/// The changes that stand, with who made them.
pub async fn list(db: &mut Db, practice: &PracticeId) -> Result<Vec<Stored>> {
    const LIST: &str = "select id, rule_id, enabled, numbers, reason, reviewed_by, reviewed_at_ms,
        replaced_at_ms, replaced_by
        from rule_override
        where practice_id = $1 and replaced_at_ms is null
        order by rule_id, id";
    let rows: Vec<Row> = sqlx::query_as(LIST).bind(practice.as_str()).fetch_all(db.c()).await?;
    rows.into_iter().map(Row::stored).collect()
}

/// Everything ever changed about one rule, newest first.
pub async fn list_by_rule(
    db: &mut Db,
    practice: &PracticeId,
    rule: &str,
    most: i64,
) -> Result<Vec<Stored>> {
    const LIST: &str = "select id, rule_id, enabled, numbers, reason, reviewed_by, reviewed_at_ms,
        replaced_at_ms, replaced_by
        from rule_override
        where practice_id = $1 and rule_id = $2
        order by reviewed_at_ms desc, id desc
        limit $3";
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(rule)
        .bind(most)
        .fetch_all(db.c())
        .await?;
    rows.into_iter().map(Row::stored).collect()
}

pub struct New<'a> {
    pub id: &'a RuleChangeId,
    pub change: &'a Change,
    pub reason: &'a str,
    pub reviewed_by: &'a str,
    pub at: UnixMs,
}

/// Puts a change in place of the one that stood when the form was made (`seen`); false when another
/// stands by now.
pub async fn insert(
    db: &mut Db,
    practice: &PracticeId,
    seen: Option<&RuleChangeId>,
    new: &New<'_>,
) -> Result<bool> {
    const INSERT: &str = "insert into rule_override (id, practice_id, rule_id, enabled, numbers,
        reason, reviewed_by, reviewed_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (practice_id, rule_id) where replaced_at_ms is null do nothing";
    if let Some(seen) = seen
        && !mark_replaced(db, practice, &new.change.rule, seen, new.reviewed_by, new.at).await?
    {
        return Ok(false);
    }
    let numbers = serde_json::to_string(&new.change.numbers).expect("numbers are plain data");
    let done = sqlx::query(INSERT)
        .bind(new.id.as_str())
        .bind(practice.as_str())
        .bind(&new.change.rule)
        .bind(new.change.enabled.map(i64::from))
        .bind(numbers)
        .bind(new.reason)
        .bind(new.reviewed_by)
        .bind(new.at.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Back to the product's rule; false when `seen` does not stand any more.
pub async fn mark_replaced(
    db: &mut Db,
    practice: &PracticeId,
    rule: &str,
    seen: &RuleChangeId,
    by: &str,
    at: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update rule_override set replaced_at_ms = $4, replaced_by = $5
        where practice_id = $1 and rule_id = $2 and id = $3 and replaced_at_ms is null";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(rule)
        .bind(seen.as_str())
        .bind(at.0)
        .bind(by)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Somebody read a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    pub ruleset: String,
    pub by: String,
    pub at: UnixMs,
}

#[derive(sqlx::FromRow)]
struct ReviewRow {
    rule_id: String,
    ruleset: String,
    reviewed_by: String,
    reviewed_at_ms: i64,
}

/// Writes down that somebody read these rules now.
pub async fn insert_reviews(
    db: &mut Db,
    practice: &PracticeId,
    rules: &[(RuleReviewId, String)],
    review: &Review,
) -> Result<()> {
    const INSERT: &str = "insert into rule_review (id, practice_id, rule_id, ruleset, reviewed_by,
        reviewed_at_ms)
        values ($1, $2, $3, $4, $5, $6)";
    for (id, rule) in rules {
        sqlx::query(INSERT)
            .bind(id.as_str())
            .bind(practice.as_str())
            .bind(rule)
            .bind(&review.ruleset)
            .bind(&review.by)
            .bind(review.at.0)
            .execute(db.c())
            .await?;
    }
    Ok(())
}

/// The last time each rule was read.
pub async fn list_reviews(db: &mut Db, practice: &PracticeId) -> Result<BTreeMap<String, Review>> {
    const LIST: &str = "select rule_id, ruleset, reviewed_by, reviewed_at_ms
        from rule_review
        where practice_id = $1 and reviewed_at_ms = (
            select max(newer.reviewed_at_ms) from rule_review newer
            where newer.practice_id = rule_review.practice_id
                and newer.rule_id = rule_review.rule_id)
        order by rule_id, id";
    let rows: Vec<ReviewRow> =
        sqlx::query_as(LIST).bind(practice.as_str()).fetch_all(db.c()).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let review = Review {
                ruleset: row.ruleset,
                by: row.reviewed_by,
                at: UnixMs(row.reviewed_at_ms),
            };
            (row.rule_id, review)
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::clock::{Clock, DAY_MS, World};

    use super::*;
    use crate::{keys::OsChance, scratch};

    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> UnixMs {
            UnixMs(1_772_640_000_000)
        }
    }

    fn weekly() -> Change {
        let numbers = [("max".to_owned(), 1)].into();
        Change { rule: "M15.week".into(), enabled: None, numbers }
    }

    fn new<'a>(id: &'a RuleChangeId, change: &'a Change) -> New<'a> {
        let at = UnixMs(1_772_640_000_000);
        New { id, change, reason: "We write less", reviewed_by: "staff:dana", at }
    }

    #[tokio::test]
    async fn the_newest_change_of_a_rule_stands_and_the_older_ones_stay_readable() {
        let dir = tempfile::tempdir().unwrap();
        let world = World { clock: Arc::new(Noon), chance: Arc::new(OsChance) };
        for store in scratch::both(dir.path()).await.unwrap() {
            let here = scratch::insert_practice(&store, &world, "here").await.unwrap();
            let there = scratch::insert_practice(&store, &world, "there").await.unwrap();
            let world = world.clone();
            let done = store.write(move |db| {
                let (here, there, world) = (here.clone(), there.clone(), world.clone());
                Box::pin(async move {
                    let (one, two, late): (RuleChangeId, RuleChangeId, RuleChangeId) =
                        (world.mint(), world.mint(), world.mint());
                    let change = weekly();
                    assert!(insert(db, &here, None, &new(&one, &change)).await?);
                    let slower = insert(db, &here, None, &new(&late, &change)).await?;
                    assert!(!slower, "somebody was quicker");
                    assert!(insert(db, &here, Some(&one), &new(&two, &change)).await?);
                    let stale = insert(db, &here, Some(&one), &new(&late, &change)).await?;
                    assert!(!stale, "that one was replaced");
                    assert_eq!(load(db, &here).await?, std::slice::from_ref(&change));
                    assert!(load(db, &there).await?.is_empty());
                    let all = list_by_rule(db, &here, "M15.week", 10).await?;
                    assert_eq!(all.len(), 2);
                    assert!(all.iter().any(|s| s.id == one && s.replaced_at.is_some()));
                    let now = world.now();
                    assert!(!mark_replaced(db, &there, "M15.week", &two, "dana", now).await?);
                    assert!(mark_replaced(db, &here, "M15.week", &two, "dana", now).await?);
                    assert!(load(db, &here).await?.is_empty());
                    Ok(())
                })
            });
            done.await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_rule_was_read_when_it_was_read_last() {
        let dir = tempfile::tempdir().unwrap();
        let world = World { clock: Arc::new(Noon), chance: Arc::new(OsChance) };
        for store in scratch::both(dir.path()).await.unwrap() {
            let here = scratch::insert_practice(&store, &world, "here").await.unwrap();
            let world = world.clone();
            let done = store.write(move |db| {
                let (here, world) = (here.clone(), world.clone());
                Box::pin(async move {
                    for days in [0, 90, 10] {
                        let rules = [(world.mint(), "M01".to_owned())];
                        let at = world.now().plus_ms(days * DAY_MS);
                        let review = Review { ruleset: "3.x".into(), by: "staff:dana".into(), at };
                        insert_reviews(db, &here, &rules, &review).await?;
                    }
                    let reviews = list_reviews(db, &here).await?;
                    let last = world.now().plus_ms(90 * DAY_MS);
                    assert_eq!(reviews.get("M01").map(|r| r.at), Some(last));
                    assert_eq!(reviews.len(), 1);
                    Ok(())
                })
            });
            done.await.unwrap();
        }
    }
}
