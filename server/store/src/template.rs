//! A practice's own words for its messages, version by version; the newest of each kind, form and
//! language is in force. Nothing is ever changed or deleted: going back to the words Clearbill comes
//! with is a version too.

use domain::{
    clock::{UnixMs, World},
    id::{PracticeId, TemplateId},
    template::{Book, Form, Kind, Slot, Source, lint::Finding},
};

use crate::{Db, Result, StoreError};

/// Versions that are shown of one template.
const HISTORY_MOST: i64 = 50;

#[derive(Clone, Debug)]
pub struct Version {
    pub slot: Slot,
    pub number: i64,
    /// `None`: the default was put back.
    pub source: Option<Source>,
    pub findings: Vec<Finding>,
    pub created_by: String,
    pub created_at: UnixMs,
}

/// What somebody saves.
#[derive(Clone, Debug)]
pub struct New<'a> {
    pub slot: Slot,
    pub source: Option<&'a Source>,
    pub findings: &'a [Finding],
    pub by: &'a str,
    /// The version the form was made from; 0 when there was none.
    pub seen: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    kind: String,
    form: String,
    language: String,
    version: i64,
    subject: String,
    body: Option<String>,
    findings: String,
    created_by: String,
    created_at_ms: i64,
}

impl Row {
    fn version(self) -> Result<Version> {
        let kind = Kind::parse(&self.kind).ok_or(StoreError::Corrupt("template.kind"))?;
        let form = Form::parse(&self.form).ok_or(StoreError::Corrupt("template.form"))?;
        let language =
            self.language.parse().map_err(|_| StoreError::Corrupt("template.language"))?;
        let subject = self.subject;
        Ok(Version {
            slot: Slot::new(kind, form, language),
            number: self.version,
            source: self.body.map(|body| Source { subject, body }),
            // Findings are kept for people; a kind of finding that is no more is no reason to fail.
            findings: serde_json::from_str(&self.findings).unwrap_or_default(),
            created_by: self.created_by,
            created_at: UnixMs(self.created_at_ms),
        })
    }
}

/// Saves the next version. `None` when somebody else saved since `seen`: nothing is overwritten.
pub async fn insert(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    new: &New<'_>,
) -> Result<Option<i64>> {
    const INSERT: &str = "insert into template (id, practice_id, kind, form, language, version,
        subject, body, findings, created_by, created_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        on conflict (practice_id, kind, form, language, version) do nothing";
    let findings = serde_json::to_string(new.findings).expect("findings are plain data");
    let number = new.seen + 1;
    let done = sqlx::query(INSERT)
        .bind(world.mint::<TemplateId>().to_string())
        .bind(practice.as_str())
        .bind(new.slot.kind.as_str())
        .bind(new.slot.form.as_str())
        .bind(new.slot.language.as_str())
        .bind(number)
        .bind(new.source.map(|source| source.subject.clone()).unwrap_or_default())
        .bind(new.source.map(|source| source.body.clone()))
        .bind(findings)
        .bind(new.by)
        .bind(world.now().0)
        .execute(db.c())
        .await?;
    Ok((done.rows_affected() == 1).then_some(number))
}

/// The newest version of everything the practice has ever changed.
pub async fn list_current(db: &mut Db, practice: &PracticeId) -> Result<Vec<Version>> {
    const LIST: &str =
        "select t.kind, t.form, t.language, t.version, t.subject, t.body, t.findings,
        t.created_by, t.created_at_ms
        from template t
        where t.practice_id = $1 and not exists (select 1 from template n
            where n.practice_id = t.practice_id and n.kind = t.kind and n.form = t.form
            and n.language = t.language and n.version > t.version)
        order by t.kind, t.form, t.language, t.id";
    let rows: Vec<Row> = sqlx::query_as(LIST).bind(practice.as_str()).fetch_all(db.c()).await?;
    rows.into_iter().map(Row::version).collect()
}

/// The words in force for the practice's messages.
pub async fn load_book(db: &mut Db, practice: &PracticeId) -> Result<Book> {
    let current = list_current(db, practice).await?;
    let edited = current.into_iter().filter_map(|v| Some((v.slot, v.number, v.source?)));
    Ok(Book::of(edited))
}

/// One template's versions, newest first.
pub async fn list_versions(db: &mut Db, practice: &PracticeId, slot: Slot) -> Result<Vec<Version>> {
    const LIST: &str = "select kind, form, language, version, subject, body, findings, created_by,
        created_at_ms
        from template
        where practice_id = $1 and kind = $2 and form = $3 and language = $4
        order by version desc, id
        limit $5";
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(slot.kind.as_str())
        .bind(slot.form.as_str())
        .bind(slot.language.as_str())
        .bind(HISTORY_MOST)
        .fetch_all(db.c())
        .await?;
    rows.into_iter().map(Row::version).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::{
        book::Language,
        clock::Clock,
        template::{Filling, lint::Problem},
    };

    use super::*;
    use crate::{keys::OsChance, scratch};

    const SLOT: Slot = Slot::new(Kind::ReminderGentle, Form::Text, Language::English);

    struct Still;

    impl Clock for Still {
        fn now(&self) -> UnixMs {
            UnixMs(1_772_618_400_000)
        }
    }

    fn source(body: &str) -> Source {
        Source { subject: String::new(), body: body.to_owned() }
    }

    async fn save(
        store: &crate::Store,
        world: &World,
        practice: &PracticeId,
        body: Option<&str>,
        seen: i64,
    ) -> Result<Option<i64>> {
        let (world, practice) = (world.clone(), practice.clone());
        let written = body.map(source);
        store
            .write(move |db| {
                let (world, practice, written) = (world.clone(), practice.clone(), written.clone());
                Box::pin(async move {
                    let findings = [Finding::overall(Problem::NoPhone)];
                    let new = New {
                        slot: SLOT,
                        source: written.as_ref(),
                        findings: &findings,
                        by: "staff:stf_ana",
                        seen,
                    };
                    insert(db, &world, &practice, &new).await
                })
            })
            .await
    }

    async fn words(store: &crate::Store, practice: &PracticeId) -> (String, String) {
        let mut db = store.read().await.unwrap();
        let book = load_book(&mut db, practice).await.unwrap();
        let filling = Filling::sample(SLOT, false);
        let (filled, trace) = book.write(SLOT, &filling, |_| true).unwrap();
        (filled.as_text(), trace.to_string())
    }

    #[tokio::test]
    async fn a_practice_s_newest_words_are_in_force_until_the_default_is_put_back() {
        let dir = tempfile::tempdir().unwrap();
        for store in scratch::both(dir.path()).await.unwrap() {
            let world = World { clock: Arc::new(Still), chance: Arc::new(OsChance) };
            let ours = scratch::insert_practice(&store, &world, "elm").await.unwrap();
            let theirs = scratch::insert_practice(&store, &world, "oak").await.unwrap();
            let (default, _) = words(&store, &ours).await;

            let first = save(&store, &world, &ours, Some("{practice_alias}: one"), 0).await;
            assert_eq!(first.unwrap(), Some(1));
            let second = save(&store, &world, &ours, Some("{practice_alias}: two"), 1).await;
            assert_eq!(second.unwrap(), Some(2));
            let late = save(&store, &world, &ours, Some("{practice_alias}: three"), 1).await;
            assert_eq!(late.unwrap(), None, "somebody else saved in between");
            let (text, trace) = words(&store, &ours).await;
            assert_eq!(text, "Your practice: two");
            assert_eq!(trace, "reminder_gentle.text.en v2");
            assert_eq!(words(&store, &theirs).await.0, default, "nobody else's words changed");

            assert_eq!(save(&store, &world, &ours, None, 2).await.unwrap(), Some(3));
            assert_eq!(words(&store, &ours).await.0, default);
            let mut db = store.read().await.unwrap();
            let versions = list_versions(&mut db, &ours, SLOT).await.unwrap();
            let numbers: Vec<i64> = versions.iter().map(|v| v.number).collect();
            assert_eq!(numbers, [3, 2, 1]);
            assert_eq!(versions[0].source, None);
            assert_eq!(versions[2].source, Some(source("{practice_alias}: one")));
            assert_eq!(versions[2].findings, [Finding::overall(Problem::NoPhone)]);
            assert_eq!(versions[2].created_by, "staff:stf_ana");
            assert_eq!(list_current(&mut db, &theirs).await.unwrap().len(), 0);
        }
    }

    #[tokio::test]
    async fn what_was_once_saved_cannot_be_changed_or_deleted() {
        let dir = tempfile::tempdir().unwrap();
        for store in scratch::both(dir.path()).await.unwrap() {
            let world = World { clock: Arc::new(Still), chance: Arc::new(OsChance) };
            let ours = scratch::insert_practice(&store, &world, "elm").await.unwrap();
            save(&store, &world, &ours, Some("{practice_alias}: one"), 0).await.unwrap();
            for statement in
                ["update template set body = 'x' where version = 1", "delete from template"]
            {
                let changed = store
                    .write(move |db| {
                        Box::pin(async move {
                            sqlx::query(statement).execute(db.c()).await?;
                            Ok(())
                        })
                    })
                    .await;
                assert!(changed.is_err(), "{statement}");
            }
            assert_eq!(words(&store, &ours).await.0, "Your practice: one");
        }
    }
}
