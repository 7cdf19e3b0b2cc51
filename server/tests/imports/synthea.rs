//! The real export in ../shared through the program itself, as somebody at a terminal would.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_clearbill");

fn export() -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("shared/data/synthea-csv"))
        .find(|path| path.exists());
    if found.is_none() {
        eprintln!("SKIPPED: there is no ../shared/data/synthea-csv to import");
    }
    found
}

/// A demo that runs until it is dropped.
struct Demo(Child);

impl Demo {
    fn start(data_dir: &Path) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["demo", "--accounts", "0", "--listen", "127.0.0.1:0", "--json", "--data-dir"])
            .arg(data_dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with('{'), "the demo says when it is ready: {line}");
        Self(child)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn import(data_dir: &Path, export: &Path) -> serde_json::Value {
    let out = Command::new(PROGRAM)
        .args(["import", "--practice", "demo", "--format", "synthea", "--as-of", "2024-04-12"])
        .args(["--open-days", "180", "--json", "--data-dir"])
        .args([data_dir, export])
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

#[test]
fn five_of_syntheas_patients_owe_2085_dollars_and_88_cents_over_six_claims() {
    let Some(export) = export() else { return };
    let dir = tempfile::tempdir().unwrap();
    let _demo = Demo::start(dir.path());
    let first = import(dir.path(), &export);
    assert_eq!(
        (&first["patients_owing"], &first["open_claims"]),
        (&5.into(), &6.into()),
        "{first}"
    );
    assert_eq!((&first["open_cents"], &first["held"]), (&208_588.into(), &false.into()));
    assert_eq!((&first["rows"], &first["refused"]), (&5_567.into(), &0.into()));
    assert_eq!((&first["accepted"], &first["patients"]), (&5_567.into(), &11.into()));
    let again = import(dir.path(), &export);
    assert_eq!((&again["accepted"], &again["unchanged"]), (&0.into(), &5_567.into()), "{again}");
    assert_eq!(again["open_cents"], first["open_cents"]);
}
