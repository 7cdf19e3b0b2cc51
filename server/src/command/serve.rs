//! `clearbill serve`.

use std::sync::Arc;

use clap::Args;
use domain::clock::World;
use store::{Keys, Store, StoreOptions, copy::Mark, keys::OsChance};

use super::{Where, demo};
use crate::{building, clock::SystemClock, first_start, serving};

#[derive(Args, Debug)]
pub struct Serve {
    #[command(flatten)]
    pub at: Where,
    /// Address and port; port 0 takes a free one.
    #[arg(long)]
    pub listen: Option<String>,
}

impl Serve {
    pub async fn run(self) -> Result<(), String> {
        let config = self.at.config(self.listen.clone())?;
        serving::start_logs(&config);
        if demo::is_demo_folder(&config) {
            return Err(format!(
                "{} belongs to `clearbill demo`; serve needs a folder of its own",
                config.data_dir.display()
            ));
        }
        let listener = serving::bind(&config.listen)?;
        let keys = Keys::load_or_make(&config.data_dir).map_err(|e| e.to_string())?;
        let options = StoreOptions {
            database_url: config.database_url.clone(),
            data_dir: config.data_dir.clone(),
            is_server: true,
        };
        let store = Store::open(options, keys).await.map_err(|e| e.to_string())?;
        refuse_left(&store).await?;
        let world = World { clock: Arc::new(SystemClock), chance: Arc::new(OsChance) };
        let address = listener.local_addr().map_err(|e| e.to_string())?;
        println!("Clearbill listens on http://{address}");
        let base = config.public_base.clone().unwrap_or_else(|| format!("http://{address}"));
        first_start::announce(&store, &base).await.map_err(|e| e.to_string())?;
        let house = Arc::new(building::house(config, store, world));
        serving::serve(house, listener).await
    }
}

/// A database that was copied elsewhere, or into which a copy did not reach its end, is nobody's to
/// serve from.
pub async fn refuse_left(store: &Store) -> Result<(), String> {
    let mut db = store.read().await.map_err(|e| e.to_string())?;
    match store::copy::find_mark(&mut db).await.map_err(|e| e.to_string())? {
        None => Ok(()),
        Some(Mark::Left) => Err("this database was copied to another, and two servers would remind \
             the same people. Start the server on the copy; if that is not used, run `clearbill copy \
             --forget` here first"
            .into()),
        Some(Mark::Unfinished) => Err("a copy into this database did not reach its end. Empty it and \
             copy again, or start the server where the copy came from"
            .into()),
    }
}
