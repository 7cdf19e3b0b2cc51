//! d1, d3, d4: charge lines into the book, against bare multi-row inserts of as many rows and, where
//! it is installed, against `sqlite3 .import` of the same file.
//!
//! `cargo bench -p end2end --bench import -- --lines 1000000`; `--database postgres://…` for the
//! other database. The import reads, validates, seals, stages, compares, matches and applies; the
//! baseline does none of it.

use std::{
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use connect::source::{Format, Input};
use domain::{book::Mode, clock::World, id::PracticeId};
use end2end::measure::{Comparison, Goal, Wanted, memory_mib, report, seconds};
use jiff::civil::date;
use sandbox::practice::{SamplePractice, Size, write_csv};
use server::{
    clock::SystemClock,
    importing::{self, Report, Request, Watch},
};
use store::{Store, keys::OsChance, scratch};

const LINES: u64 = 1_000_000;

fn sample(dir: &Path, lines: u64) -> PathBuf {
    let path = dir.join("sample.csv");
    let practice = SamplePractice { seed: 1, today: date(2026, 3, 4), size: Size::Lines(lines) };
    let mut out = BufWriter::new(std::fs::File::create(&path).expect("a file"));
    write_csv(&practice, &mut out).expect("a sample");
    out.flush().expect("room on the disk");
    path
}

fn world() -> World {
    World { clock: Arc::new(SystemClock), chance: Arc::new(OsChance) }
}

async fn open(database: Option<&String>, dir: &Path) -> Store {
    match database {
        Some(url) => scratch::on_server(url, dir).await.expect("a database").0,
        None => scratch::sqlite(dir).await.expect("a database"),
    }
}

async fn import(store: &Store, practice: &PracticeId, file: &Path) -> Report {
    let request = Request {
        practice: practice.clone(),
        input: Input::open(file).expect("the sample"),
        format: Format::Clearbill,
        mode: Mode::Full,
        source: "sample".into(),
        file_name: "sample.csv".into(),
        as_of: date(2026, 3, 4),
        open_days: 0,
        started_by: "system:bench".into(),
    };
    let watch: Watch = Arc::new(|_| {});
    importing::run(store, &world(), request, watch).await.expect("an import")
}

/// As many rows of a charge line's size as the file has.
fn bare_rows(lines: u64) -> impl Iterator<Item = [String; scratch::baseline::COLUMNS]> {
    (0..lines).map(|n| {
        let id = format!("chl_{n:032x}");
        let of = |what: &str| format!("{what}_{n:032x}");
        let seal = "x".repeat(70);
        let number = |k: u64| (n * k % 100_000).to_string();
        [
            id,
            "prac_0198c0ffee".into(),
            of("clm"),
            n.to_string(),
            "2026-01-12".into(),
            seal,
            number(7),
            number(11),
            number(13),
            number(17),
            number(19),
            String::new(),
        ]
    })
}

fn shell_import(dir: &Path, file: &Path) -> bool {
    let script = format!(".mode csv\n.import {} bare\n", file.display());
    let input = dir.join("script.sql");
    std::fs::write(&input, script).expect("a script");
    let database = dir.join("shell.sqlite");
    let _ = std::fs::remove_file(&database);
    let stdin = std::fs::File::open(&input).expect("the script");
    Command::new("sqlite3").arg(&database).stdin(stdin).status().is_ok_and(|s| s.success())
}

#[tokio::main]
async fn main() -> Result<(), String> {
    let wanted = Wanted::parse(std::env::args().skip(1))?;
    let lines = wanted.number("lines", LINES);
    let database = wanted.words.get("database");
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let file = sample(dir.path(), lines);
    let unit = "lines per second";
    let what = format!("import of {lines} lines / bare multi-row inserts");
    let mut first = Comparison::new("d1", what, unit, Goal::AtLeast, 0.4);
    let what = format!("import of {lines} lines / sqlite3 .import");
    let mut shell = Comparison::new("d1", what, unit, Goal::AtLeast, 0.4);
    let what = "the same file again / the first time";
    let mut again = Comparison::new("d3", what, "seconds", Goal::AtMost, 1.0);
    let what = "memory above idle at its highest / 64 MiB";
    let mut memory = Comparison::new("d4", what, "MiB", Goal::AtMost, 1.0);
    let per_second = |seconds: f64| lines as f64 / seconds;
    for round in 0..wanted.rounds {
        let folder = dir.path().join(format!("round-{round}"));
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        let bare = open(database, &folder.join("bare")).await;
        let (bare_s, rows) =
            seconds(scratch::baseline::insert_bare_rows(&bare, bare_rows(lines))).await;
        assert_eq!(rows.map_err(|e| e.to_string())?, lines);
        bare.close().await;

        let store = open(database, &folder.join("book")).await;
        let practice = scratch::insert_practice(&store, &world(), "bench").await;
        let practice = practice.map_err(|e| e.to_string())?;
        let pid = std::process::id();
        // The highest so far is forgotten, so that what is read below is the import's.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        let idle = memory_mib(pid).map_err(|e| e.to_string())?.0;
        let (first_s, report) = seconds(import(&store, &practice, &file)).await;
        let highest = memory_mib(pid).map_err(|e| e.to_string())?.1;
        assert_eq!(report.accepted + report.refused, report.rows);
        assert_eq!(report.rows, i64::try_from(lines).unwrap_or_default());
        let (again_s, report) = seconds(import(&store, &practice, &file)).await;
        assert_eq!((report.accepted, report.unchanged), (0, report.rows - report.refused));
        store.close().await;

        first.add(per_second(first_s), per_second(bare_s));
        again.add(again_s, first_s);
        memory.add(highest - idle, 64.0);
        if database.is_none() {
            let (shell_s, ran) = seconds(async { shell_import(&folder, &file) }).await;
            if ran {
                shell.add(per_second(first_s), per_second(shell_s));
            }
        }
        std::fs::remove_dir_all(&folder).map_err(|e| e.to_string())?;
    }
    let mut lines_of_table = vec![first];
    if !shell.baseline.rounds.is_empty() {
        lines_of_table.push(shell);
    }
    lines_of_table.extend([again, memory]);
    let command = format!("cargo bench -p end2end --bench import -- --lines {lines}");
    println!("{}", report(&wanted, &command, &lines_of_table));
    Ok(())
}
