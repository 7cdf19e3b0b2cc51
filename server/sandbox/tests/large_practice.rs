//! Memory while a large book is written and read. Alone in its process, so that it can be measured.

#![allow(clippy::unwrap_used, reason = "the test runner is the reader")]

use std::{fs, io::BufWriter};

use connect::source::{self, Format, Input, Options, Progress, Sink};
use jiff::civil::date;
use sandbox::practice::{SamplePractice, Size, write_csv};

fn resident_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).unwrap_or_default()
}

/// Writes and reads that many charge lines, keeping none; what is resident after.
fn resident_after(lines: u64) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.csv");
    let today = date(2026, 3, 4);
    let practice = SamplePractice { seed: 3, today, size: Size::Lines(lines) };
    let written = write_csv(&practice, &mut BufWriter::new(fs::File::create(&path).unwrap()));
    assert_eq!(written.unwrap().lines, lines);
    let options = Options { as_of: today, today, open_days: 0, scratch: folder.path().to_owned() };
    let mut said = 0;
    let mut say = |result| match result {
        Ok(_) => {
            said += 1;
            Ok(())
        }
        Err(refusal) => panic!("refused: {refusal}"),
    };
    let mut progress = |_: Progress| {};
    let mut sink = Sink::new(&mut say, &mut progress);
    let input = Input::open(&path).unwrap();
    let tally = source::read(&input, Format::Clearbill, &options, &mut sink).unwrap();
    assert_eq!((tally.rows, tally.refused), (lines, 0));
    assert!(said > lines / 4);
    resident_kb()
}

#[test]
fn twenty_thousand_lines_take_no_more_memory_than_two_thousand() {
    // The first run also pays for what the allocator keeps.
    resident_after(2_000);
    let small = resident_after(2_000);
    let large = resident_after(20_000);
    // The larger file has 7 MB more.
    assert!(large < small + 2 * 1024, "{small} kB, then {large} kB");
}
