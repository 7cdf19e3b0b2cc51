//! A practice's office: its files, its import, and what the book says afterwards.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use connect::source::{Format, Input};
use domain::{
    book::Mode,
    clock::{Chance, Clock, UnixMs, World},
    id::{ImportId, PracticeId},
    practice::Practice,
};
use jiff::civil::{Date, date};
use server::importing::{self, Report, Request, Verdict, Watch};
use store::{Store, audit, encounter, scratch};

/// Wednesday, 4 March 2026, 10:00 in New York: five hours before what an import calls noon.
pub const MORNING: i64 = 1_772_636_400_000;
pub const TODAY: Date = date(2026, 3, 4);

#[derive(Clone)]
pub struct MovableClock(Arc<AtomicI64>);

impl Clock for MovableClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.load(Ordering::SeqCst))
    }
}

#[derive(Default)]
struct Counting(AtomicU64);

impl Chance for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
            chunk.copy_from_slice(&mixed[..chunk.len()]);
        }
    }
}

pub struct Office {
    pub store: Store,
    pub world: World,
    pub practice: PracticeId,
    clock: MovableClock,
    files: PathBuf,
    written: AtomicU64,
}

/// One office for each database.
pub async fn offices(dir: &std::path::Path) -> Vec<Office> {
    let mut offices = Vec::new();
    std::fs::create_dir_all(dir).unwrap();
    for store in scratch::both(dir).await.unwrap() {
        offices.push(Office::open(store, dir).await);
    }
    offices
}

impl Office {
    pub async fn open(store: Store, files: &std::path::Path) -> Self {
        let clock = MovableClock(Arc::new(AtomicI64::new(MORNING)));
        let chance: Arc<dyn Chance> = Arc::new(Counting::default());
        let world = World { clock: Arc::new(clock.clone()), chance };
        let practice = scratch::insert_practice(&store, &world, "north").await.unwrap();
        Self { store, world, practice, clock, files: files.to_owned(), written: AtomicU64::new(0) }
    }

    pub fn advance_hours(&self, hours: i64) {
        self.clock.0.fetch_add(hours * 3_600_000, Ordering::SeqCst);
    }

    /// The text as a file on disk, under a name of its own.
    pub fn file(&self, text: &str) -> PathBuf {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let path = self.files.join(format!("{}-{number}.csv", self.practice));
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn request(&self, text: &str, mode: Mode) -> Request {
        let path = self.file(text);
        Request {
            practice: self.practice.clone(),
            input: Input::open(&path).unwrap(),
            format: Format::Clearbill,
            mode,
            source: "clearbill".into(),
            file_name: "book.csv".into(),
            as_of: TODAY,
            open_days: 0,
            started_by: "system:command".into(),
        }
    }

    pub async fn run(&self, request: Request) -> Report {
        let watch: Watch = Arc::new(|_| {});
        self.advance_hours(1);
        importing::run(&self.store, &self.world, request, watch).await.unwrap()
    }

    /// The whole book.
    pub async fn full(&self, lines: &[Line]) -> Report {
        self.run(self.request(&csv(lines), Mode::Full)).await
    }

    pub async fn delta(&self, lines: &[Line]) -> Report {
        self.run(self.request(&csv(lines), Mode::Delta)).await
    }

    pub async fn contacts(&self, text: &str) -> Report {
        let request = Request { format: Format::Contacts, ..self.request(text, Mode::Delta) };
        self.run(request).await
    }

    pub async fn decide(&self, id: &ImportId, verdict: Verdict) -> bool {
        let actor = audit::Actor::System("test");
        let entry = audit::Entry::new(&self.practice, actor, "decide", "import", id.as_str());
        let why = "looked at it with the biller";
        importing::decide(&self.store, &self.world, entry, id, verdict, why).await.unwrap()
    }

    pub async fn state(&self, id: &ImportId) -> store::import::State {
        let mut db = self.store.read().await.unwrap();
        store::import::load(&mut db, &self.practice, id).await.unwrap().unwrap().state
    }

    async fn practice_row(&self) -> Practice {
        let mut db = self.store.read().await.unwrap();
        store::practice::load(&mut db, &self.practice).await.unwrap().unwrap()
    }

    /// Why no reminder goes out, if none does.
    pub async fn outreach_stops_because(&self) -> Option<String> {
        self.practice_row().await.outreach_held_why
    }

    /// Claims by number: status, what is due, whether it was missing in the last full file.
    pub async fn book(&self) -> Vec<(String, &'static str, i64, bool)> {
        let mut db = self.store.read().await.unwrap();
        let every = encounter::Filter { standing: encounter::Standing::Any, ..Default::default() };
        let lines = encounter::list(&mut db, &self.practice, &every, 10_000, 0).await.unwrap();
        let mut book: Vec<_> = lines
            .into_iter()
            .map(|line| (line.number, line.status.as_str(), line.bill.0, line.is_missing))
            .collect();
        book.sort();
        book
    }

    pub async fn missing(&self) -> Vec<String> {
        let book = self.book().await;
        book.into_iter().filter(|(_, _, _, missing)| *missing).map(|(id, ..)| id).collect()
    }

    pub async fn report_of_refused_rows(&self, id: &ImportId) -> String {
        let body = importing::refusals_csv(&self.store, &self.practice, id).await.unwrap();
        String::from_utf8(body).unwrap()
    }
}

/// A charge line of a file.
#[derive(Clone)]
pub struct Line {
    pub patient: String,
    pub guarantor: &'static str,
    pub phone: &'static str,
    pub consent: &'static str,
    pub consent_on: &'static str,
    pub zip: &'static str,
    pub claim: String,
    pub status: &'static str,
    pub line: &'static str,
    pub due: String,
    pub posted: String,
}

/// $20.00 for one visit of one patient, both with that number.
pub fn line(number: u32) -> Line {
    Line {
        patient: format!("p{number:05}"),
        guarantor: "",
        phone: "",
        consent: "",
        consent_on: "",
        zip: "",
        claim: format!("c{number:05}"),
        status: "ready",
        line: "1",
        due: "20.00".into(),
        posted: String::new(),
    }
}

pub fn lines(numbers: std::ops::Range<u32>) -> Vec<Line> {
    numbers.map(line).collect()
}

pub fn csv(lines: &[Line]) -> String {
    let mut text = "patient_id,patient_name,guarantor_id,guarantor_name,phone,phone_text_consent,\
        phone_consent_on,zip,claim_id,claim_status,line_id,service_on,description,charged,\
        insurance_paid,patient_due,insurance_state,posted_payment_ref\n"
        .to_owned();
    for l in lines {
        let guarantor_name = if l.guarantor.is_empty() { "" } else { "Gail Guarantor" };
        let cells = [
            &l.patient,
            "Pat Patient",
            l.guarantor,
            guarantor_name,
            l.phone,
            l.consent,
            l.consent_on,
            l.zip,
            &l.claim,
            l.status,
            l.line,
            "2026-01-15",
            "Office visit",
            "120.00",
            "100.00",
            &l.due,
            "finished",
            &l.posted,
        ];
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}
