//! What files may be called, and what they must not carry.

use crate::{
    expect_none,
    source::{Finding, files_under, read},
};

/// A name that says nothing about what is inside collects everything.
const EMPTY_NAMES: [&str; 10] =
    ["util", "utils", "helper", "helpers", "common", "manager", "service", "core", "misc", "types"];

/// Readable kinds of files; pictures and archives are not searched.
const TEXTS: [&str; 15] = [
    "rs", "toml", "md", "sql", "css", "js", "mjs", "json", "ftl", "sh", "html", "csv", "txt",
    "yml", "yaml",
];

/// Folders where somebody keeps this checkout. Split, so that this file does not find itself.
const MACHINE_PATHS: [&str; 6] = [
    concat!("/wo", "rk/"),
    concat!("/fa", "rm/"),
    concat!("bash_", "jobs"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
];

#[test]
fn no_file_has_a_name_that_says_nothing() {
    let mut findings = Vec::new();
    for file in files_under("") {
        for part in file.split('/') {
            let stem = part.split('.').next().unwrap_or(part);
            if EMPTY_NAMES.contains(&stem) {
                let why = format!("`{part}` says nothing about what is inside");
                findings.push(Finding { file: file.clone(), line: 1, why });
            }
        }
    }
    expect_none(&findings);
}

#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    let mut findings = Vec::new();
    for file in files_under("") {
        let is_text = file.rsplit_once('.').is_some_and(|(_, kind)| TEXTS.contains(&kind));
        let is_script = [".ci/run", ".gitignore"].contains(&file.as_str());
        if !is_text && !is_script {
            continue;
        }
        for (number, line) in read(&file).lines().enumerate() {
            for path in MACHINE_PATHS {
                let Some(at) = line.find(path) else { continue };
                let inside_a_url = line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '}');
                if !inside_a_url {
                    let why = format!("names a path of a machine: {path}");
                    findings.push(Finding { file: file.clone(), line: number + 1, why });
                }
            }
        }
    }
    expect_none(&findings);
}

#[test]
fn nothing_large_is_kept_in_the_tree() {
    const LARGEST_BYTES: u64 = 1024 * 1024;
    let mut findings = Vec::new();
    for file in files_under("") {
        let size = std::fs::metadata(crate::source::root().join(&file)).map_or(0, |m| m.len());
        if size > LARGEST_BYTES {
            findings.push(Finding { file, line: 1, why: format!("{size} bytes") });
        }
    }
    expect_none(&findings);
}

#[test]
fn the_lock_files_name_no_registry_of_a_machine() {
    let cargo = read("Cargo.lock");
    for line in cargo.lines().filter(|l| l.starts_with("source = \"registry+")) {
        assert!(line.contains("github.com/rust-lang/crates.io-index"), "Cargo.lock: {line}");
    }
    let npm = read("end2end/browser/package-lock.json");
    assert!(!npm.contains("\"resolved\""), "package-lock.json records where it was fetched from");
}
