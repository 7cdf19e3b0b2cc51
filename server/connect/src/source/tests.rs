//! Exports as they are, and as an attacker or a tired biller would make them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use domain::{
    book::{
        Amounts, BookRow, Claim, ClaimStatus, InsuranceState, Owner, Patient, RefusalReason,
        RowRefusal, Said,
    },
    money::Cents,
};
use jiff::civil::{Date, date};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::*;

mod hostile;
mod own_csv;
mod synthea_ledger;
mod synthea_sample;

/// What a reader said, all of it.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    said: Vec<Said>,
    refused: Vec<RowRefusal>,
    tally: Tally,
}

impl Heard {
    fn claims(&self) -> Vec<&Claim> {
        self.said
            .iter()
            .filter_map(|said| match &said.row {
                BookRow::Claim(claim) => Some(claim),
                _ => None,
            })
            .collect()
    }

    fn patients(&self) -> Vec<&Patient> {
        self.said
            .iter()
            .filter_map(|said| match &said.row {
                BookRow::Patient(patient) => Some(patient),
                _ => None,
            })
            .collect()
    }

    /// Line, column and reason of each refusal.
    fn reasons(&self) -> Vec<(u64, String, RefusalReason)> {
        let column = |r: &RowRefusal| r.column.clone().unwrap_or_default().into_owned();
        self.refused.iter().map(|r| (r.line, column(r), r.reason)).collect()
    }
}

fn options(as_of: Date) -> Options {
    Options { as_of, today: as_of, open_days: 180, scratch: std::env::temp_dir() }
}

fn hear(path: &Path, format: Format, options: &Options) -> Result<Heard, SourceError> {
    let mut heard = Heard::default();
    let (mut said, mut refused) = (Vec::new(), Vec::new());
    let mut last = Progress::default();
    let tally = {
        let mut say = |result| {
            match result {
                Ok(row) => said.push(row),
                Err(refusal) => refused.push(refusal),
            }
            Ok(())
        };
        let mut progress = |at: Progress| {
            assert!(at.done >= last.done && at.done <= at.total, "progress goes forward");
            last = at;
        };
        let mut sink = Sink::new(&mut say, &mut progress);
        read(&Input::open(path)?, format, options, &mut sink)?
    };
    assert_eq!(last.done, last.total);
    (heard.said, heard.refused, heard.tally) = (said, refused, tally);
    Ok(heard)
}

/// A file with that text, in a folder that lives as long as the test.
fn file(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn zip_of(path: &Path, files: &[(&str, &[u8])]) {
    let mut zip = ZipWriter::new(fs::File::create(path).unwrap());
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

/// The folder of shared data next to a checkout, when there is one.
fn shared(what: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("shared").join(what))
        .find(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: no ../shared/{what}");
    }
    found
}
