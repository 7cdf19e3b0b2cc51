//! `clearbill copy`: everything of this database into an empty one of the other kind, from a folder to
//! PostgreSQL or back, and then the check of `clearbill verify` on both sides. It works while no server
//! does. Afterwards no server starts on the old database, because two would remind the same people;
//! `--forget` takes that back when the copy is not used.

use std::path::{Path, PathBuf};

use clap::Args;
use store::{
    Keys, Kind, Store, StoreOptions,
    audit::{Actor, Entry, NOTARY_LEASE},
    copy,
};

use super::{
    Where, opening,
    verify::{self, Found},
};
use crate::{clock::real_now, config::Config, serving};

const KEY_FILE: &str = "clearbill.key";

#[derive(Args, Debug)]
pub struct Copy {
    #[command(flatten)]
    pub at: Where,
    /// Where to: postgres://user:password@host/database, or a new folder.
    // Under a name that is no key of the configuration: those are CLEARBILL_….
    #[arg(long, env = "TARGET_DATABASE_URL", hide_env_values = true)]
    pub to: Option<String>,
    /// A copy that was made is not used: servers may start on this database again.
    #[arg(long, conflicts_with = "to")]
    pub forget: bool,
}

impl Copy {
    pub async fn run(self) -> Result<(), String> {
        let config = self.at.config(None)?;
        serving::start_logs(&config);
        opening::refuse_missing(&config)?;
        let source = open(&config.data_dir, config.database_url.as_deref()).await?;
        if self.forget {
            copy::delete_mark_left(&source).await.map_err(words)?;
            println!("Servers may start on this database again. Do not start one on the copy.");
            return Ok(());
        }
        let to = self.to.ok_or("say where to with --to: a PostgreSQL URL, or a new folder")?;
        refuse_while_busy(&source).await?;
        let target = open_target(&config, source.kind(), &to).await?;
        note(&source, &config).await?;
        let heard = |table: &str, rows: u64| eprintln!("{table}: {rows} rows");
        let done = copy::run(&source, &target, heard).await.map_err(words)?;
        println!("{} rows of {} tables copied and compared.", done.rows, done.tables);
        check(&source, &target).await?;
        copy::finish(&source, &target).await.map_err(words)?;
        source.close().await;
        target.close().await;
        println!(
            "Start the servers on the copy, with the same key file. None starts on the old database \
             from now on; if the copy is not used, `clearbill copy --forget` takes that back."
        );
        Ok(())
    }
}

fn words(cause: impl ToString) -> String {
    cause.to_string()
}

/// With the server's lock, so that no server works on the same folder.
async fn open(data_dir: &Path, database_url: Option<&str>) -> Result<Store, String> {
    let keys = Keys::load(&data_dir.join(KEY_FILE)).map_err(words)?;
    let database_url = database_url.map(str::to_owned);
    let options = StoreOptions { database_url, data_dir: data_dir.to_owned(), is_server: true };
    Store::open(options, keys).await.map_err(words)
}

async fn refuse_while_busy(source: &Store) -> Result<(), String> {
    let mut db = source.read().await.map_err(words)?;
    if copy::find_mark(&mut db).await.map_err(words)? == Some(copy::Mark::Unfinished) {
        return Err("this is itself a copy that did not reach its end; copy from the other".into());
    }
    // On PostgreSQL there is no lock to take: a server that works holds the notary's lease.
    let notary = store::lease::find_until(&mut db, NOTARY_LEASE).await.map_err(words)?;
    if source.kind() == Kind::Postgres && notary.is_some_and(|until| until > real_now()) {
        return Err(
            "a server works on this database, or did a minute ago; stop all of them first: \
                    what they write meanwhile would be missing from the copy"
                .into(),
        );
    }
    Ok(())
}

async fn open_target(config: &Config, source: Kind, to: &str) -> Result<Store, String> {
    let is_url = to.starts_with("postgres://") || to.starts_with("postgresql://");
    match (source, is_url) {
        (Kind::Sqlite, true) => open(&config.data_dir, Some(to)).await,
        (Kind::Postgres, false) => {
            let folder = PathBuf::from(to);
            if folder.join("clearbill.sqlite").exists() {
                return Err(format!("{to} holds data already; name a new folder"));
            }
            bring_key(&config.data_dir, &folder)?;
            open(&folder, None).await
        }
        (Kind::Sqlite, false) => Err("a folder is copied with `clearbill backup`".into()),
        (Kind::Postgres, true) => Err("PostgreSQL is copied to PostgreSQL with pg_dump".into()),
    }
}

/// A folder of its own needs the key file that opens what is sealed.
fn bring_key(from: &Path, folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let (from, to) = (from.join(KEY_FILE), folder.join(KEY_FILE));
    if !to.exists() {
        // Its permissions come along: a key that others may read is refused.
        std::fs::copy(&from, &to).map_err(|e| format!("{}: {e}", to.display()))?;
    }
    Ok(())
}

/// Into the audit of both sides, as it is written before the first row is read.
async fn note(source: &Store, config: &Config) -> Result<(), String> {
    let world = opening::world_of(config);
    let noted = source.write(move |db| {
        let world = world.clone();
        Box::pin(async move {
            for practice in store::practice::list(db).await? {
                let actor = Actor::System("command");
                let object = practice.slug.as_str();
                let entry = Entry::new(&practice.id, actor, "copied", "practice", object);
                store::audit::insert(db, &world, &entry).await?;
            }
            Ok(())
        })
    });
    noted.await.map_err(words)
}

async fn check(source: &Store, target: &Store) -> Result<(), String> {
    let (here, there) = (verify::look(source).await?, verify::look(target).await?);
    for (side, found) in [("This database", &here), ("The copy", &there)] {
        println!("{side}:");
        found.print();
    }
    let same_chain =
        |a: &Found, b: &Found| (a.chain.rows, &a.chain.head) == (b.chain.rows, &b.chain.head);
    if !same_chain(&here, &there) {
        return Err("the audit of the copy ends elsewhere than the audit here".into());
    }
    if here.is_whole() && there.is_whole() {
        Ok(())
    } else {
        Err("something does not hold; see above. The old database stays the one in use".into())
    }
}

#[cfg(test)]
mod tests {
    use store::{keys::OsChance, scratch};

    use super::*;
    use crate::{clock::SystemClock, command::serve::refuse_left};

    fn at(data_dir: &Path, database_url: Option<&str>) -> Where {
        let database_url = database_url.map(str::to_owned);
        Where { data_dir: Some(data_dir.to_owned()), database_url }
    }

    async fn copied(from: Where, to: &str) -> Result<(), String> {
        Copy { at: from, to: Some(to.to_owned()), forget: false }.run().await
    }

    /// A folder with one practice in it, as `serve` leaves one behind.
    async fn office(dir: &Path) {
        let keys = Keys::load_or_make(dir).unwrap();
        let options = StoreOptions { database_url: None, data_dir: dir.into(), is_server: true };
        let store = Store::open(options, keys).await.unwrap();
        let world = domain::clock::World {
            clock: std::sync::Arc::new(SystemClock),
            chance: std::sync::Arc::new(OsChance),
        };
        scratch::insert_practice(&store, &world, "elm").await.unwrap();
        store.close().await;
    }

    async fn slugs(data_dir: &Path, database_url: Option<&str>) -> Vec<String> {
        let store = open(data_dir, database_url).await.unwrap();
        let mut db = store.read().await.unwrap();
        let practices = store::practice::list(&mut db).await.unwrap();
        drop(db);
        store.close().await;
        practices.into_iter().map(|practice| practice.slug).collect()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_office_moves_to_postgresql_and_home_again_and_the_old_places_stay_shut() {
        let Ok(server) = std::env::var(scratch::POSTGRES_VARIABLE) else {
            assert!(std::env::var_os("CI").is_none(), "PostgreSQL is missing");
            eprintln!("SKIPPED: set {} to run this test", scratch::POSTGRES_VARIABLE);
            return;
        };
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("old"), dir.path().join("new"));
        office(&old).await;
        let url = scratch::database_on_server(&server).await.unwrap();
        copied(at(&old, None), &url).await.unwrap();
        assert_eq!(slugs(&old, Some(&url)).await, ["elm"]);
        let shut = open(&old, None).await.unwrap();
        assert!(refuse_left(&shut).await.unwrap_err().contains("was copied"));
        shut.close().await;
        drop(shut);
        let open_here = open(&old, Some(&url)).await.unwrap();
        refuse_left(&open_here).await.unwrap();
        open_here.close().await;
        drop(open_here);
        // Once is enough, and never over something.
        let again = copied(at(&old, None), &url).await.unwrap_err();
        assert!(again.contains("not empty"), "{again}");

        copied(at(&old, Some(&url)), new.to_str().unwrap()).await.unwrap();
        assert_eq!(slugs(&new, None).await, ["elm"]);
        let over = copied(at(&old, Some(&url)), new.to_str().unwrap()).await.unwrap_err();
        assert!(over.contains("holds data already"), "{over}");
        Copy { at: at(&old, None), to: None, forget: true }.run().await.unwrap();
        let back = open(&old, None).await.unwrap();
        refuse_left(&back).await.unwrap();
        back.close().await;
        scratch::drop_on_server(&server, &url).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_another_command_does_is_pointed_to_it_and_a_working_server_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let missing = copied(at(&dir.path().join("none"), None), "postgres://x/y").await;
        assert!(missing.unwrap_err().contains("holds no Clearbill data"));
        office(dir.path()).await;
        let folder = copied(at(dir.path(), None), "/tmp/elsewhere").await.unwrap_err();
        assert!(folder.contains("clearbill backup"), "{folder}");
        let server = open(dir.path(), None).await.unwrap();
        let busy = copied(at(dir.path(), None), "postgres://127.0.0.1/x").await.unwrap_err();
        assert!(busy.contains("another server is running"), "{busy}");
        server.close().await;
    }
}
