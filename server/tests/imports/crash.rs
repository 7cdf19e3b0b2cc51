//! An import that is cut short anywhere leaves nothing, or something that goes on where it was.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use domain::{
    book::{BookRow, Mode, Patient, Said},
    id::{ImportId, PracticeId},
};
use server::{
    clock::real_now,
    importing::{self, Report, Step, Watch},
};
use store::{
    Db,
    import::{self, Phase, State},
    lease, scratch,
};

use crate::office::{Line, Office, csv, line, offices};

/// A little more than one step of claims.
const LONG: u32 = 1_050;
const SHORT: u32 = 60;

/// So many claims of a few patients, and a piece of a claim far from the rest of it.
fn file(claims: u32) -> Vec<Line> {
    let mut file: Vec<Line> =
        (0..claims).map(|n| Line { patient: format!("p{}", n % 7), ..line(n) }).collect();
    file[3].phone = "(212) 555-0123";
    for line in &mut file {
        if line.patient == "p3" {
            line.phone = "(212) 555-0123";
        }
    }
    file.push(Line { line: "2", patient: "p0".into(), ..line(0) });
    file
}

/// What an import that was never cut short comes to.
async fn undisturbed(
    office: &Office,
    claims: u32,
) -> (Report, Vec<(String, &'static str, i64, bool)>) {
    (office.full(&file(claims)).await, office.book().await)
}

/// The process that held it is gone: its lease has run out.
async fn expire_lease(office: &Office) {
    let name = format!("import:{}", office.practice);
    let write = office.store.write(move |db| {
        let name = name.clone();
        Box::pin(async move {
            let later = real_now().plus_ms(600_000);
            lease::claim(db, &name, "nobody", later, -1_200_000).await
        })
    });
    assert!(write.await.unwrap());
}

async fn newest(office: &Office) -> Option<import::Import> {
    let mut db = office.store.read().await.unwrap();
    import::list(&mut db, &office.practice, 1).await.unwrap().pop()
}

async fn staged(office: &Office) -> i64 {
    scratch::count(&office.store, "import_row").await.unwrap()
}

/// A restart: what was applying goes on; what was not is imported again.
async fn restart(office: &Office, claims: u32) -> Report {
    expire_lease(office).await;
    importing::resume(&office.store, &office.world).await.unwrap();
    match newest(office).await.filter(|import| import.state == State::Applied) {
        Some(applied) => {
            importing::report(&office.store, &office.practice, &applied.id).await.unwrap()
        }
        None => office.full(&file(claims)).await,
    }
}

fn assert_same(report: &Report, expected: &Report) {
    let counts = |r: &Report| (r.rows, r.accepted, r.refused, r.unchanged, r.book);
    assert_eq!(counts(report), counts(expected));
}

/// Panics when it is called for the `nth` time while applying, as a killed process would.
fn dies_at(nth: usize) -> (Watch, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = calls.clone();
    let watch: Watch = Arc::new(move |step| {
        if matches!(step, Step::Applying(_)) && seen.fetch_add(1, Ordering::SeqCst) == nth {
            panic!("the process dies here");
        }
    });
    (watch, calls)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_killed_after_any_step_of_applying_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let mut expected = None;
    for nth in 0.. {
        let mut reached_the_end = true;
        for office in offices(&dir.path().join(format!("killed-{nth}"))).await {
            let request = office.request(&csv(&file(LONG)), Mode::Full);
            let (watch, calls) = dies_at(nth);
            let (store, world) = (office.store.clone(), office.world.clone());
            let run =
                tokio::spawn(async move { importing::run(&store, &world, request, watch).await });
            let died = run.await.is_err();
            reached_the_end &= !died;
            if died {
                assert_eq!(newest(&office).await.unwrap().state, State::Applying);
                assert!(office.outreach_stops_because().await.is_some(), "reminders wait for it");
            } else {
                assert!(calls.load(Ordering::SeqCst) <= nth);
            }
            let report = if died {
                restart(&office, LONG).await
            } else {
                undisturbed(&office, LONG).await.0
            };
            let book = office.book().await;
            let (whole, whole_book) = match &expected {
                Some(known) => known,
                None => {
                    let other = offices(&dir.path().join("undisturbed")).await.remove(0);
                    expected.insert(undisturbed(&other, LONG).await)
                }
            };
            assert_eq!(&book, whole_book, "killed after step {nth}");
            if died {
                assert_same(&report, whole);
            }
            assert_eq!(staged(&office).await, 0);
            assert_eq!(office.outreach_stops_because().await, None);
        }
        if reached_the_end {
            assert!(nth > 8, "every phase was interrupted, some of them twice: {nth}");
            return;
        }
    }
}

/// Lets a future be polled so many times and then drops it.
struct Cut<F> {
    inner: Pin<Box<F>>,
    left: usize,
}

impl<F: Future> Future for Cut<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        match self.inner.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_dropped_at_any_moment_leaves_nothing_or_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    // On PostgreSQL a dropped caller's last statement runs on beside the restart; a process that
    // died has none.
    let office = offices(dir.path()).await.remove(0);
    let (whole, whole_book) = undisturbed(&office, SHORT).await;
    for polls in (1..60).chain((60..).step_by(7)) {
        let folder = dir.path().join(format!("cut-{polls}"));
        let office = Office::open(scratch::sqlite(&folder).await.unwrap(), dir.path()).await;
        let request = office.request(&csv(&file(SHORT)), Mode::Full);
        let watch: Watch = Arc::new(|_| {});
        let run = importing::run(&office.store, &office.world, request, watch);
        let ended = pin!(Cut { inner: Box::pin(run), left: polls }).await.is_some();
        let before = newest(&office).await.map(|import| import.state);
        if matches!(before, None | Some(State::Waiting | State::Staging)) {
            assert_eq!(office.book().await, [], "nothing of a file that was not read to its end");
        }
        let report = restart(&office, SHORT).await;
        assert_eq!(office.book().await, whole_book, "cut after {polls} polls, {before:?}");
        if before != Some(State::Applied) {
            assert_same(&report, &whole);
        }
        expire_lease(&office).await;
        let again = office.full(&file(SHORT)).await;
        assert_eq!((again.unchanged, staged(&office).await), (again.rows, 0));
        if ended {
            return;
        }
    }
}

/// The same, one cursor at a time, by the store alone.
#[tokio::test(flavor = "multi_thread")]
async fn every_step_moves_the_cursor_in_its_own_transaction() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        let id = stage_by_hand(&office, 2_500).await;
        let mut seen = Vec::new();
        loop {
            let phase = step(&office, &id, false).await;
            // A step whose transaction is lost has done nothing.
            let before = newest(&office).await.unwrap();
            step(&office, &id, true).await;
            let after = newest(&office).await.unwrap();
            assert_eq!((before.phase, before.cursor), (after.phase, after.cursor));
            seen.push(phase);
            if phase == Phase::Done {
                break;
            }
        }
        assert_eq!(seen.iter().filter(|phase| **phase == Phase::Patient).count(), 4, "{seen:?}");
        assert_eq!(scratch::count(&office.store, "patient").await.unwrap(), 2_500);
        assert_eq!(step(&office, &id, false).await, Phase::Done, "and again: nothing to do");
    }
}

async fn step(office: &Office, id: &ImportId, fails: bool) -> Phase {
    let (world, practice, id) = (office.world.clone(), office.practice.clone(), id.clone());
    let write = office.store.write(move |db| {
        let (world, practice, id) = (world.clone(), practice.clone(), id.clone());
        Box::pin(async move {
            let phase = import::apply_next(db, &world, &practice, &id).await?;
            if fails { Err(store::StoreError::Refused("the power goes".into())) } else { Ok(phase) }
        })
    });
    write.await.unwrap_or(Phase::Done)
}

fn patient(number: usize) -> Said {
    let row = BookRow::Patient(Patient {
        external_id: format!("p{number:05}"),
        guarantor_external_id: None,
        name: "Pat Patient".into(),
        dob: None,
        ssn4: None,
        address: Default::default(),
        language: None,
        deceased_on: None,
        is_minor: false,
    });
    Said { line: number as u64 + 2, row }
}

async fn insert(
    db: &mut Db,
    practice: &PracticeId,
    id: &ImportId,
    said: &[Said],
) -> store::Result<()> {
    let keys = db.keys();
    let sealed: Vec<_> = said.iter().map(|said| import::seal(&keys, practice, id, said)).collect();
    import::insert_rows(db, practice, id, 0, &sealed).await
}

/// An import of patients alone that is staged and about to be applied.
async fn stage_by_hand(office: &Office, patients: usize) -> ImportId {
    let request = office.request("", Mode::Delta);
    let id = importing::announce(&office.store, &office.world, &request).await.unwrap();
    let said: Arc<Vec<Said>> = Arc::new((0..patients).map(patient).collect());
    let (practice, kept) = (office.practice.clone(), id.clone());
    let write = office.store.write(move |db| {
        let (practice, id, said) = (practice.clone(), kept.clone(), said.clone());
        Box::pin(async move {
            insert(db, &practice, &id, &said).await?;
            import::mark_state(db, &practice, &id, State::Waiting, State::Staging).await?;
            import::mark_state(db, &practice, &id, State::Staging, State::Applying).await
        })
    });
    assert!(write.await.unwrap());
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_half_read_is_closed_by_the_next_import_and_its_rows_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        let request = office.request("", Mode::Full);
        let id = importing::announce(&office.store, &office.world, &request).await.unwrap();
        let (practice, kept) = (office.practice.clone(), id.clone());
        let write = office.store.write(move |db| {
            let (practice, id) = (practice.clone(), kept.clone());
            Box::pin(async move {
                import::mark_state(db, &practice, &id, State::Waiting, State::Staging).await?;
                insert(db, &practice, &id, &[patient(1), patient(2)]).await
            })
        });
        write.await.unwrap();
        let report = office.full(&[line(7)]).await;
        assert_eq!((report.accepted, report.book.patients), (1, 1));
        assert_eq!(office.state(&id).await, State::Failed);
        assert_eq!(staged(&office).await, 0);
    }
}
