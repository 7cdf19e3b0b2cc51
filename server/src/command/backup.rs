//! `clearbill backup` and `clearbill restore`. A backup is one consistent file and a note that
//! names the key it needs; the key itself is backed up apart (journeys, Operations).

use std::{fs, path::PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};
use store::{Keys, Store, StoreOptions};

use super::{Where, opening};

#[derive(Args, Debug)]
pub struct Backup {
    #[command(flatten)]
    pub at: Where,
    /// Folder for the backup; a new subfolder is made in it.
    #[arg(long)]
    pub to: PathBuf,
}

/// What stands beside the copied database.
#[derive(Serialize, Deserialize)]
struct Note {
    taken_at: String,
    /// The key file with this fingerprint opens the sealed fields.
    key_fingerprint: String,
    version: String,
}

impl Backup {
    pub async fn run(self) -> Result<(), String> {
        let opened = opening::existing(&self.at).await?;
        let folder = take(&opened.store, &self.to).await?;
        println!("{}", folder.display());
        println!("Keep clearbill.key somewhere else: without it this backup cannot be read.");
        Ok(())
    }
}

/// Writes a backup into a new folder under `to` and returns that folder.
pub async fn take(store: &Store, to: &std::path::Path) -> Result<PathBuf, String> {
    let now = crate::clock::real_now();
    let name = now.to_string().replace([':', '.'], "-");
    let folder = to.join(format!("clearbill-{name}"));
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    store.copy_into(&folder.join("clearbill.sqlite")).await.map_err(|e| e.to_string())?;
    let note = Note {
        taken_at: now.to_string(),
        key_fingerprint: store.keys().fingerprint(),
        version: env!("CARGO_PKG_VERSION").into(),
    };
    let text = serde_json::to_string_pretty(&note).map_err(|e| e.to_string())?;
    // Written last: a folder without it is a backup that was cut short.
    fs::write(folder.join("backup.json"), text).map_err(|e| e.to_string())?;
    Ok(folder)
}

#[derive(Args, Debug)]
pub struct Restore {
    #[command(flatten)]
    pub at: Where,
    /// A folder that `clearbill backup` made.
    #[arg(long)]
    pub from: PathBuf,
}

impl Restore {
    /// Puts a backup in place of the data. Opt-outs made since the backup are kept (R72).
    pub async fn run(self) -> Result<(), String> {
        let config = self.at.config(None)?;
        if config.database_url.is_some() {
            return Err("use pg_restore to restore PostgreSQL".into());
        }
        let note = fs::read_to_string(self.from.join("backup.json"))
            .map_err(|_| format!("{} is not a whole backup", self.from.display()))?;
        let note: Note = serde_json::from_str(&note).map_err(|e| e.to_string())?;
        let key_file = config.data_dir.join("clearbill.key");
        let keys = Keys::load(&key_file).map_err(|e| {
            format!("{e}. Put the key file of this backup into {} first", config.data_dir.display())
        })?;
        if keys.fingerprint() != note.key_fingerprint {
            return Err("the key file in the data folder is not the one this backup needs".into());
        }
        let target = config.data_dir.join("clearbill.sqlite");
        let since = if target.exists() {
            suppressions_of(&config.data_dir, keys).await?
        } else {
            Vec::new()
        };
        fs::create_dir_all(&config.data_dir).map_err(|e| e.to_string())?;
        for ending in ["", "-wal", "-shm"] {
            let old = config.data_dir.join(format!("clearbill.sqlite{ending}"));
            if old.exists() {
                let aside = config.data_dir.join(format!("before-restore.sqlite{ending}"));
                fs::rename(&old, aside).map_err(|e| e.to_string())?;
            }
        }
        fs::copy(self.from.join("clearbill.sqlite"), &target).map_err(|e| e.to_string())?;
        let keys = Keys::load(&key_file).map_err(|e| e.to_string())?;
        let store = open(&config.data_dir, keys).await?;
        let kept = since.len();
        store
            .write(move |db| {
                let rows = since.clone();
                Box::pin(async move {
                    for row in &rows {
                        store::suppression::insert_kept(db, row).await?;
                    }
                    Ok(())
                })
            })
            .await
            .map_err(|e| e.to_string())?;
        println!("Restored the backup of {}; {kept} opt-outs checked and kept.", note.taken_at);
        Ok(())
    }
}

/// The server's lock is taken: restoring under a running server would tear its database apart.
async fn open(dir: &std::path::Path, keys: Keys) -> Result<Store, String> {
    let options = StoreOptions { database_url: None, data_dir: dir.to_owned(), is_server: true };
    Store::open(options, keys).await.map_err(|e| e.to_string())
}

async fn suppressions_of(
    dir: &std::path::Path,
    keys: Keys,
) -> Result<Vec<store::suppression::Kept>, String> {
    let store = open(dir, keys).await?;
    let rows = {
        let mut db = store.read().await.map_err(|e| e.to_string())?;
        store::suppression::list_kept(&mut db).await.map_err(|e| e.to_string())?
    };
    store.close().await;
    Ok(rows)
}
