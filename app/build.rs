//! Assets: joins `style/*.css` into two stylesheets, and gives each stylesheet and each script of
//! `app/scripts` a name that holds its hash, so that it can be served as immutable.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// What every patient page carries, in this order. Each other file of `style/` belongs to the
/// staff workspace, which has these too.
const PATIENT: [&str; 9] = [
    "tokens.css",
    "base.css",
    "page.css",
    "field.css",
    "button.css",
    "notice.css",
    "pay.css",
    "bill.css",
    "print.css",
];

fn main() {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    let style = here.join("../style");
    let scripts = here.join("scripts");
    for watched in [&style, &scripts, &here.join("messages")] {
        println!("cargo::rerun-if-changed={}", watched.display());
    }

    let mut assets = vec![("patient.css".to_owned(), joined(&style, &PATIENT.map(String::from)))];
    let mut staff: Vec<String> = PATIENT.map(String::from).to_vec();
    staff.extend(names(&style, "css").into_iter().filter(|name| !PATIENT.contains(&&**name)));
    assets.push(("staff.css".to_owned(), joined(&style, &staff)));
    for name in names(&scripts, "js") {
        let text = lean_script(&read(&scripts.join(&name)));
        assets.push((name, text));
    }

    let mut table = String::from("pub(super) static ALL: &[Asset] = &[\n");
    for (name, text) in assets {
        let hash = hash(&text);
        let (stem, extension) = name.rsplit_once('.').expect("listed by extension");
        let file = format!("{stem}.{hash}.{extension}");
        let kind = if extension == "css" { "text/css" } else { "text/javascript" };
        fs::write(out.join(&file), text).expect("OUT_DIR is writable");
        let _ = writeln!(
            table,
            "    Asset {{ name: {name:?}, hash: {hash:?}, href: \"/assets/{file}\", \
             content_type: \"{kind}; charset=utf-8\", \
             bytes: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{file}\")) }},"
        );
    }
    table.push_str("];\n");
    fs::write(out.join("assets.rs"), table).expect("OUT_DIR is writable");
    fs::write(out.join("messages.rs"), messages(&here.join("messages")))
        .expect("OUT_DIR is writable");
}

/// The Fluent files of both languages as `(language, file, text)`.
fn messages(folder: &Path) -> String {
    let mut table = String::from("pub(super) static FILES: &[(&str, &str, &str)] = &[\n");
    for language in ["en", "es"] {
        for name in names(&folder.join(language), "ftl") {
            let path = folder.join(language).join(&name);
            let _ = writeln!(table, "    ({language:?}, {name:?}, include_str!({path:?})),");
        }
    }
    table.push_str("];\n");
    table
}

fn joined(folder: &Path, files: &[String]) -> String {
    files.iter().map(|name| lean(&read(&folder.join(name)))).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// File names of one kind, in order, so that the same tree gives the same bytes.
fn names(folder: &Path, extension: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(&format!(".{extension}")) && !name.starts_with('.'))
        .collect();
    names.sort();
    names
}

/// Without comments and indentation, which is most of what minifying would save.
fn lean(css: &str) -> String {
    let mut rest = css;
    let mut bare = String::with_capacity(css.len());
    while let Some(start) = rest.find("/*") {
        bare.push_str(&rest[..start]);
        rest = rest[start..].find("*/").map_or("", |end| &rest[start + end + 2..]);
    }
    bare.push_str(rest);
    let mut lean = String::with_capacity(bare.len());
    for line in bare.lines().map(str::trim).filter(|line| !line.is_empty()) {
        lean.push_str(line);
        // A selector list may go over lines; everything else ends in `{`, `}`, `;` or `,`.
        if !line.ends_with(['{', '}', ';', ',']) {
            lean.push(' ');
        }
    }
    lean.push('\n');
    lean
}

/// Without indentation and comment lines. Scripts here have no texts that go over lines.
fn lean_script(script: &str) -> String {
    script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//") && !line.starts_with("/**"))
        .fold(String::new(), |text, line| text + line + "\n")
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(6).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
