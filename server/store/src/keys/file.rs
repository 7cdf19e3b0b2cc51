//! The key file: `clearbill.key`, mode 0400, one line a key, the newest last. Made on first start for
//! an empty database; `clearbill rekey` adds a line and takes none away (decision 27). It is written
//! aside and renamed, so that a crash leaves the old file or the new one.

use std::{
    fs,
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use zeroize::Zeroizing;

use super::{Generation, Keys, fill_random, new_token};
use crate::{Result, StoreError};

const KEY_FILE: &str = "clearbill.key";
const SECRET_BYTES: usize = 32;

impl Keys {
    /// Loads `clearbill.key` from `dir`, or makes it where none exists yet.
    pub fn load_or_make(dir: &Path) -> Result<Self> {
        let path = dir.join(KEY_FILE);
        if !path.exists() {
            fs::create_dir_all(dir).map_err(|e| fault(dir, &e.to_string()))?;
            write(&path, &new_line())?;
        }
        Self::load(&path)
    }

    /// Loads an existing key file; refuses one that others can read.
    pub fn load(path: &Path) -> Result<Self> {
        let text = read(path)?;
        let mut generations: Vec<Generation> = Vec::new();
        for line in text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
            let (kid, hex_secret) = line
                .split_once(' ')
                .ok_or_else(|| fault(path, "each line must hold a key id and a key"))?;
            let secret = Zeroizing::new(
                hex::decode(hex_secret.trim()).map_err(|_| fault(path, "a key is not hex"))?,
            );
            if secret.len() != SECRET_BYTES {
                return Err(fault(path, "a key must have 32 bytes"));
            }
            if generations.iter().any(|known| known.kid == kid) {
                return Err(fault(path, "two keys have the same id"));
            }
            generations.push(Generation::derive(kid, &secret));
        }
        if generations.is_empty() {
            return Err(fault(path, "the key file is empty"));
        }
        Ok(Self { generations })
    }

    /// Adds a key to the file in `dir`, which seals from the next load on.
    pub fn add(dir: &Path) -> Result<Self> {
        let path = dir.join(KEY_FILE);
        // Read as it is loaded: what cannot be loaded is not built upon.
        Self::load(&path)?;
        let mut text = Zeroizing::new(read(&path)?.trim_end().to_owned());
        text.push('\n');
        text.push_str(&new_line());
        write(&path, &text)?;
        Self::load(&path)
    }
}

fn read(path: &Path) -> Result<Zeroizing<String>> {
    let facts = fs::metadata(path).map_err(|e| fault(path, &e.to_string()))?;
    if facts.permissions().mode() & 0o077 != 0 {
        return Err(fault(path, "the key file can be read by others; chmod 0400 it"));
    }
    let text = fs::read_to_string(path).map_err(|e| fault(path, &e.to_string()))?;
    Ok(Zeroizing::new(text))
}

fn new_line() -> Zeroizing<String> {
    let mut secret = Zeroizing::new([0; SECRET_BYTES]);
    fill_random(&mut *secret);
    let kid = new_token(4).to_lowercase().replace(['-', '_'], "x");
    Zeroizing::new(format!("{kid} {}\n", hex::encode(*secret)))
}

fn write(path: &Path, text: &str) -> Result<()> {
    let broken = |e: std::io::Error| fault(path, &e.to_string());
    let aside = path.with_extension("tmp");
    if aside.exists() {
        fs::remove_file(&aside).map_err(broken)?;
    }
    let mut options = fs::OpenOptions::new();
    let mut file = options.create_new(true).write(true).mode(0o400).open(&aside).map_err(broken)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(broken)?;
    fs::rename(&aside, path).map_err(broken)?;
    let dir = path.parent().unwrap_or(path);
    fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(broken)
}

fn fault(path: &Path, words: &str) -> StoreError {
    StoreError::Setup(format!("{}: {words}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Place;

    const PLACE: Place<'static> =
        Place { practice: "prc_1", table: "guarantor", column: "dob_sealed", row: "gua_1" };

    fn file_with(dir: &Path, text: &str, mode: u32) -> std::path::PathBuf {
        let path = dir.join(KEY_FILE);
        let _ = fs::remove_file(&path);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_key_file_is_made_once_and_only_its_owner_may_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let made = Keys::load_or_make(dir.path()).unwrap();
        let mode = fs::metadata(dir.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o400);
        assert_eq!(Keys::load_or_make(dir.path()).unwrap().fingerprint(), made.fingerprint());
    }

    #[test]
    fn a_key_file_that_is_torn_wrong_or_open_to_others_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let good = format!("aaaa {}\n", "07".repeat(32));
        assert!(Keys::load(&file_with(dir.path(), &good, 0o400)).is_ok());
        for mode in [0o440, 0o404, 0o644] {
            assert!(Keys::load(&file_with(dir.path(), &good, mode)).is_err(), "{mode:o}");
        }
        let torn = &good[..good.len() - 9];
        let twice = format!("{good}{good}");
        for bad in ["", "# only words\n", "aaaa\n", "aaaa nothex\n", torn, twice.as_str()] {
            assert!(Keys::load(&file_with(dir.path(), bad, 0o400)).is_err(), "{bad}");
            assert!(Keys::add(dir.path()).is_err(), "nothing is built upon {bad}");
        }
        assert!(Keys::load(&dir.path().join("nowhere")).is_err());
    }

    #[test]
    fn after_a_new_key_what_the_old_one_sealed_opens_and_new_things_need_the_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let old = Keys::load_or_make(dir.path()).unwrap();
        let before = old.seal(PLACE, "1980-02-29");
        let code = old.short_hash("recovery", "stf_1", "123456");
        let match_before = old.match_verifier("p", "g", "1980-02-29", "1234");
        let new = Keys::add(dir.path()).unwrap();
        assert_eq!(new.fingerprint(), old.fingerprint(), "it is the same database's");
        assert_ne!(new.active_kid(), old.active_kid());
        assert_eq!(new.open(PLACE, &before).unwrap(), "1980-02-29");
        let after = new.reseal(PLACE, &before).unwrap().unwrap();
        assert_eq!(new.open(PLACE, &after).unwrap(), "1980-02-29");
        assert!(new.reseal(PLACE, &after).unwrap().is_none(), "once is enough");
        assert!(old.open(PLACE, &after).is_err());
        // What people hold in their hands goes on working.
        assert!(new.is_short_hash("recovery", "stf_1", "123456", &code));
        assert!(!new.is_short_hash("recovery", "stf_1", "123457", &code));
        assert!(new.matches(Some(&match_before), "p", "g", "1980-02-29", "1234"));
        assert!(new.is_old_verifier(&match_before));
        assert!(new.is_signed("pay", &["x"], &old.sign("pay", &["x"])));
        assert_eq!(new.blind("p", "phone", "+1"), old.blind("p", "phone", "+1"));
    }
}
