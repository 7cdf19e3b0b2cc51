//! `clearbill rekey`: a new key, and everything sealed anew under it (decision 27). It works while no
//! server does, and goes on where it was when it was cut short: a run first completes the last
//! change of key, and only when nothing is left makes a new one.

use std::sync::Arc;

use clap::Args;
use domain::clock::World;
use store::{
    Keys, Kind, Store, StoreOptions,
    audit::{Actor, Entry, NOTARY_LEASE},
    keys::OsChance,
    rekey::{self, Resealed},
};

use super::{Where, demo::clock_of};
use crate::{clock::real_now, config::Config, serving};

#[derive(Args, Debug)]
pub struct Rekey {
    #[command(flatten)]
    pub at: Where,
}

impl Rekey {
    pub async fn run(self) -> Result<(), String> {
        let config = self.at.config(None)?;
        serving::start_logs(&config);
        let key_file = config.data_dir.join("clearbill.key");
        let store = open(&config, Keys::load(&key_file).map_err(|e| e.to_string())?).await?;
        refuse_while_busy(&store).await?;
        let finished = reseal(&store, &config).await?;
        if finished.values > 0 {
            println!("The last change of key is complete. Run it again for another key.");
            return tell(&store, finished).await;
        }
        close(store).await;
        let keys = Keys::add(&config.data_dir).map_err(|e| e.to_string())?;
        println!("{}: key {} added", key_file.display(), keys.active_kid());
        let store = open(&config, keys).await?;
        let done = reseal(&store, &config).await?;
        println!(
            "Keep a copy of the key file apart from the backups. Every server of this database \
             needs it: one with an older file does not start."
        );
        tell(&store, done).await
    }
}

/// With the server's lock, so that no server works on the same folder.
async fn open(config: &Config, keys: Keys) -> Result<Store, String> {
    let options = StoreOptions {
        database_url: config.database_url.clone(),
        data_dir: config.data_dir.clone(),
        is_server: true,
    };
    Store::open(options, keys).await.map_err(|e| e.to_string())
}

/// The lock and the last connection go with the last handle.
async fn close(store: Store) {
    store.close().await;
    drop(store);
}

async fn refuse_while_busy(store: &Store) -> Result<(), String> {
    let mut db = store.read().await.map_err(|e| e.to_string())?;
    let notary = store::lease::find_until(&mut db, NOTARY_LEASE).await;
    let notary = notary.map_err(|e| e.to_string())?;
    let staged = rekey::count_staged(&mut db).await.map_err(|e| e.to_string())?;
    drop(db);
    // On PostgreSQL there is no lock to take: a server that works holds the notary's lease.
    if store.kind() == Kind::Postgres && notary.is_some_and(|until| until > real_now()) {
        return Err("a server works on this database, or did a minute ago; stop all of them \
                    first, since none would open what a new key seals"
            .into());
    }
    if staged > 0 {
        return Err("an import is under way or held: let it end, or decide it under Imports".into());
    }
    Ok(())
}

async fn reseal(store: &Store, config: &Config) -> Result<Resealed, String> {
    let keys = store.keys().clone();
    let heard = |table: &str, values: u64| eprintln!("{table}: {values} sealed anew");
    let done = rekey::run(store, &keys, heard).await.map_err(|e| e.to_string())?;
    if done.values > 0 {
        let world = World { clock: clock_of(config), chance: Arc::new(OsChance) };
        let (kid, values) = (keys.active_kid().to_owned(), done.values);
        let noted = store.write(move |db| {
            let (world, kid) = (world.clone(), kid.clone());
            Box::pin(async move {
                for practice in store::practice::list(db).await? {
                    let actor = Actor::System("command");
                    let entry = Entry::new(&practice.id, actor, "rekeyed", "key", kid.as_str())
                        .with(format!("{values} values"));
                    store::audit::insert(db, &world, &entry).await?;
                }
                Ok(())
            })
        });
        noted.await.map_err(|e| e.to_string())?;
    }
    Ok(done)
}

async fn tell(store: &Store, done: Resealed) -> Result<(), String> {
    let mut db = store.read().await.map_err(|e| e.to_string())?;
    let kid = store.keys().active_kid().to_owned();
    let old = rekey::count_old_verifiers(&mut db, &kid).await.map_err(|e| e.to_string())?;
    drop(db);
    store.close().await;
    println!("{} values sealed anew", done.values);
    if old > 0 {
        println!(
            "{old} accounts are matched under an older key until they next match or are imported \
             anew; the older keys stay in the file."
        );
    }
    if done.unreadable > 0 {
        return Err(format!(
            "{} values open with no key at hand and were left as they are",
            done.unreadable
        ));
    }
    Ok(())
}
