//! `clearbill sbom`: the bill of materials of this program, as CycloneDX, from the lock file it was
//! built with. It needs neither the source nor a network, so whoever runs the program can hold it
//! against a list of known vulnerabilities on any day (R82).
//!
//! It names more than is linked: the lock file also has what only tests, other platforms and the build
//! itself need. C code inside a crate (SQLite in libsqlite3-sys, ring's assembly) stands under the
//! crate's own version.

use std::collections::BTreeMap;

use clap::Args;
use figment::{
    Figment,
    providers::{Format, Toml},
};
use serde::Deserialize;
use serde_json::{Value, json};

const LOCK: &str = include_str!("../../../Cargo.lock");
/// The one registry that crates come from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[derive(Args, Debug)]
pub struct Sbom {}

impl Sbom {
    pub fn run(self) -> Result<(), String> {
        let text = serde_json::to_string_pretty(&of_lock(LOCK)?).map_err(|e| e.to_string())?;
        println!("{text}");
        Ok(())
    }
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    /// Ours have none.
    source: Option<String>,
    checksum: Option<String>,
    /// `name`, or `name version` where there are several.
    #[serde(default)]
    dependencies: Vec<String>,
}

impl Package {
    fn purl(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version)
    }

    fn component(&self) -> Result<Value, String> {
        let mut component = json!({
            "type": "library",
            "bom-ref": self.purl(),
            "name": self.name,
            "version": self.version,
            "purl": self.purl(),
        });
        match (self.source.as_deref(), &self.checksum) {
            (None, None) => {}
            (Some(REGISTRY), Some(checksum)) => {
                component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
            }
            _ => return Err(format!("{} comes from nowhere that can be checked", self.purl())),
        }
        Ok(component)
    }
}

fn of_lock(text: &str) -> Result<Value, String> {
    let lock: Lock =
        Figment::from(Toml::string(text)).extract().map_err(|e| format!("the lock file: {e}"))?;
    let mut by_name: BTreeMap<&str, Vec<&Package>> = BTreeMap::new();
    for package in &lock.package {
        by_name.entry(&package.name).or_default().push(package);
    }
    // `name version source` where even the version is not enough: only the first two can differ here.
    let find = |wanted: &str| {
        let mut words = wanted.split(' ');
        let all = by_name.get(words.next().unwrap_or_default())?;
        match words.next() {
            Some(version) => all.iter().find(|package| package.version == version).copied(),
            None => all.first().filter(|_| all.len() == 1).copied(),
        }
    };
    let (mut components, mut dependencies, mut this) = (Vec::new(), Vec::new(), None);
    for package in &lock.package {
        let mut needs = Vec::new();
        for wanted in &package.dependencies {
            let found = find(wanted).ok_or_else(|| format!("{wanted} is not in the lock file"))?;
            needs.push(found.purl());
        }
        dependencies.push(json!({ "ref": package.purl(), "dependsOn": needs }));
        if package.name == env!("CARGO_PKG_NAME") && package.source.is_none() {
            this = Some(package);
        } else {
            components.push(package.component()?);
        }
    }
    let this = this.ok_or("the program itself is not in the lock file")?;
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": {
            "type": "application",
            "bom-ref": this.purl(),
            "name": "clearbill",
            "version": this.version,
            "purl": this.purl(),
        }},
        "components": components,
        "dependencies": dependencies,
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn texts<'a>(list: &'a Value, name: &str) -> Vec<&'a str> {
        list.as_array().unwrap().iter().map(|item| item[name].as_str().unwrap()).collect()
    }

    #[test]
    fn everything_in_the_lock_file_is_named_once_with_the_hash_of_its_archive() {
        let bill = of_lock(LOCK).unwrap();
        let names = texts(&bill["components"], "bom-ref");
        // The program itself is described apart.
        assert_eq!(names.len() + 1, LOCK.matches("[[package]]").count());
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        let hashed = bill["components"].as_array().unwrap().iter().filter(|component| {
            let hash = component["hashes"][0]["content"].as_str().unwrap_or_default();
            hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit())
        });
        // All but the crates of this repository, which come from no archive.
        assert_eq!(hashed.count(), LOCK.matches("\nsource = ").count());
        assert!(names.iter().any(|name| name.starts_with("pkg:cargo/store@")));
    }

    #[test]
    fn every_dependency_is_a_component_and_the_program_leads_to_what_it_is_built_on() {
        let bill = of_lock(LOCK).unwrap();
        let this = bill["metadata"]["component"]["bom-ref"].as_str().unwrap();
        let mut known: BTreeSet<&str> = texts(&bill["components"], "bom-ref").into_iter().collect();
        known.insert(this);
        let mut edges: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for entry in bill["dependencies"].as_array().unwrap() {
            let needs = entry["dependsOn"].as_array().unwrap();
            let needs: Vec<&str> = needs.iter().map(|need| need.as_str().unwrap()).collect();
            assert!(needs.iter().all(|need| known.contains(need)), "{entry}");
            edges.insert(entry["ref"].as_str().unwrap(), needs);
        }
        assert_eq!(edges.len(), known.len());
        let (mut reached, mut next) = (BTreeSet::new(), vec![this]);
        while let Some(package) = next.pop() {
            if reached.insert(package) {
                next.extend(&edges[package]);
            }
        }
        for built_on in ["actix-web", "leptos", "sqlx", "libsqlite3-sys", "rustls", "ring"] {
            let name = format!("pkg:cargo/{built_on}@");
            assert!(reached.iter().any(|package| package.starts_with(&name)), "{built_on}");
        }
    }

    #[test]
    fn a_crate_from_anywhere_else_than_the_registry_is_refused() {
        let of = |source: &str| {
            format!(
                "[[package]]\nname = \"server\"\nversion = \"1.0.0\"\ndependencies = [\"x\"]\n\
                 [[package]]\nname = \"x\"\nversion = \"1.0.0\"\n{source}\n"
            )
        };
        for source in [
            "source = \"git+https://example.org/x#0123\"".to_owned(),
            format!("source = \"{REGISTRY}\""),
            "checksum = \"00\"".to_owned(),
        ] {
            assert!(of_lock(&of(&source)).is_err(), "{source}");
        }
        let good = format!("source = \"{REGISTRY}\"\nchecksum = \"00\"");
        assert!(of_lock(&of(&good)).is_ok());
        assert!(of_lock(&of(&good).replace("[\"x\"]", "[\"y\"]")).is_err(), "a part is missing");
    }
}
