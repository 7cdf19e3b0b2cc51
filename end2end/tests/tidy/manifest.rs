//! The dependency table: each crate has a reason, a use, and one version.

use crate::{
    expect_none,
    source::{Finding, files_under, read},
};

const ROOT: &str = "Cargo.toml";

struct Line {
    number: usize,
    name: String,
    text: String,
    /// The comment line directly above, or a comment at the end of the line.
    has_reason: bool,
    is_ours: bool,
}

/// The lines of `[workspace.dependencies]`.
fn dependencies() -> Vec<Line> {
    let text = read(ROOT);
    let mut lines = Vec::new();
    let mut inside = false;
    let mut above = "";
    for (index, line) in text.lines().enumerate() {
        if line.starts_with('[') {
            inside = line == "[workspace.dependencies]";
        } else if let Some((name, value)) =
            line.split_once('=').filter(|_| inside && !line.starts_with('#'))
        {
            lines.push(Line {
                number: index + 1,
                name: name.trim().to_owned(),
                text: line.to_owned(),
                has_reason: above.starts_with('#') || value.contains("# "),
                is_ours: value.contains("path ="),
            });
        }
        above = line;
    }
    lines
}

/// A reason stands above a crate, or above the one whose family it is: `serde`, then `serde_json`.
#[test]
fn every_dependency_has_its_reason() {
    let mut findings = Vec::new();
    let mut explained: Vec<String> = Vec::new();
    for line in dependencies().into_iter().filter(|l| !l.is_ours) {
        let of_a_family = |head: &String| {
            line.name.strip_prefix(head.as_str()).is_some_and(|rest| rest.starts_with(['-', '_']))
        };
        if line.has_reason {
            explained.push(line.name);
        } else if !explained.iter().any(of_a_family) {
            let why = format!("`{}` has no reason above it", line.name);
            findings.push(Finding { file: ROOT.to_owned(), line: line.number, why });
        }
    }
    expect_none(&findings);
}

#[test]
fn no_dependency_is_a_wildcard_or_a_branch() {
    let mut findings = Vec::new();
    for line in dependencies() {
        if line.text.contains("\"*\"") || line.text.contains("git =") {
            let why = format!("`{}` is not pinned to a published version", line.name);
            findings.push(Finding { file: ROOT.to_owned(), line: line.number, why });
        }
    }
    expect_none(&findings);
}

#[test]
fn crates_take_their_versions_from_the_one_table() {
    let mut findings = Vec::new();
    for file in manifests() {
        let mut inside = false;
        for (index, line) in read(&file).lines().enumerate() {
            if line.starts_with('[') {
                inside = line.ends_with("dependencies]");
            } else if inside
                && line.contains('=')
                && !line.starts_with('#')
                && !line.contains("workspace")
            {
                let why = "a version of its own".to_owned();
                findings.push(Finding { file: file.clone(), line: index + 1, why });
            }
        }
    }
    expect_none(&findings);
}

#[test]
fn every_dependency_in_the_table_is_used_by_a_crate() {
    let used: Vec<String> = manifests().iter().map(|file| format!("\n{}", read(file))).collect();
    let mut findings = Vec::new();
    for line in dependencies().into_iter().filter(|l| !l.is_ours) {
        let wanted = [format!("\n{}.workspace", line.name), format!("\n{} =", line.name)];
        if !used.iter().any(|text| wanted.iter().any(|w| text.contains(w))) {
            let why = format!("no crate uses `{}`", line.name);
            findings.push(Finding { file: ROOT.to_owned(), line: line.number, why });
        }
    }
    expect_none(&findings);
}

/// One TLS stack in the tree, one certificate set, no system library for either.
#[test]
fn there_is_one_tls_stack() {
    let lock = read("Cargo.lock");
    for refused in ["native-tls", "openssl-sys", "aws-lc-rs", "aws-lc-sys"] {
        assert!(!lock.contains(&format!("name = \"{refused}\"")), "{refused} came into the tree");
    }
}

/// The oldest versions without a defect that security.md names. No list of advisories: that needs a
/// network, and is asked with `clearbill sbom` (see the README).
const OLDEST: [(&str, [u64; 3], &str); 3] = [
    ("h2", [0, 4, 16], "RUSTSEC-2026-0258"),
    ("sqlx", [0, 8, 1], "RUSTSEC-2024-0363"),
    ("libsqlite3-sys", [0, 37, 0], "SQLite before 3.51.3 can corrupt its write-ahead log"),
];

#[test]
fn no_crate_is_older_than_the_cure_of_its_known_defect() {
    let lock = read("Cargo.lock");
    let field = |package: &str, name: &str| {
        let line = package.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(" = "));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    for package in lock.split("[[package]]").skip(1) {
        let (name, version) = (field(package, "name"), field(package, "version"));
        let numbers: Vec<u64> =
            version.split(['.', '-', '+']).filter_map(|n| n.parse().ok()).collect();
        for (_, oldest, why) in OLDEST.iter().filter(|(known, ..)| *known == name) {
            assert!(numbers.as_slice() >= oldest.as_slice(), "{name} {version}: {why}");
        }
    }
    for needed in ["sqlx", "libsqlite3-sys"] {
        assert!(
            lock.contains(&format!("name = \"{needed}\"\n")),
            "{needed} is gone: drop its line"
        );
    }
}

/// A crate from anywhere else has no checksum that a registry vouches for.
#[test]
fn every_crate_comes_from_the_registry_with_its_checksum() {
    for package in read("Cargo.lock").split("[[package]]").skip(1) {
        if let Some(source) = package.lines().find_map(|line| line.strip_prefix("source = ")) {
            assert!(source.contains("crates.io-index"), "{package}");
            assert!(package.contains("\nchecksum = \""), "{package}");
        }
    }
}

fn manifests() -> Vec<String> {
    files_under("").into_iter().filter(|f| f.ends_with("/Cargo.toml")).collect()
}
