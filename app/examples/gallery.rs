//! Writes every patient page in both languages, and the parts of the workspace, with their assets, into a folder, to be looked at in
//! a browser: `cargo run -p app --example gallery -- DIR`, then serve DIR as a root.

#[path = "../tests/gallery/mod.rs"]
mod gallery;

use std::{env, fs, io, path::PathBuf};

use app::{accent, assets, words::Lang};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::args().nth(1).unwrap_or_else(|| "gallery".to_owned()));
    fs::create_dir_all(folder.join("assets"))?;
    for asset in assets::all() {
        fs::write(folder.join(asset.href.trim_start_matches('/')), asset.bytes)?;
    }
    let accent_href = accent::href("#0b6157");
    fs::write(folder.join(accent_href.trim_start_matches('/')), accent::stylesheet("#0b6157"))?;
    let mut index = String::from("<!DOCTYPE html><title>Gallery</title><ul>");
    for lang in Lang::ALL {
        for (name, html) in gallery::all(lang, "") {
            let file = format!("{name}.{}.html", lang.code());
            fs::write(folder.join(&file), html)?;
            index.push_str(&format!("<li><a href=\"{file}\">{file}</a>"));
        }
    }
    fs::write(folder.join("workspace.html"), gallery::workspace::sample(""))?;
    index.push_str("<li><a href=\"workspace.html\">workspace.html</a>");
    fs::write(folder.join("index.html"), index)
}
