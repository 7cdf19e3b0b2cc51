//! Opening the store for a command that works beside a running server.

use std::sync::Arc;

use domain::clock::World;
use store::{Keys, Store, StoreOptions, keys::OsChance};

use super::{Where, demo::clock_of};
use crate::{config::Config, serving};

/// The configuration, the store and the world of a command.
pub struct Opened {
    pub config: Config,
    pub store: Store,
    pub world: World,
}

/// Opens what is there. A folder without a key file holds no data; a typo in `--data-dir` must not
/// make an empty practice of its own.
pub async fn existing(at: &Where) -> Result<Opened, String> {
    let config = at.config(None)?;
    refuse_missing(&config)?;
    open(config).await
}

pub fn refuse_missing(config: &Config) -> Result<(), String> {
    if config.database_url.is_none() && !config.data_dir.join("clearbill.sqlite").exists() {
        return Err(format!(
            "{} holds no Clearbill data; name the folder with --data-dir",
            config.data_dir.display()
        ));
    }
    Ok(())
}

/// Business time and chance, as a command has them.
pub fn world_of(config: &Config) -> World {
    World { clock: clock_of(config), chance: Arc::new(OsChance) }
}

/// Opens, making an empty database where there is none.
pub async fn open(config: Config) -> Result<Opened, String> {
    serving::start_logs(&config);
    let keys = Keys::load_or_make(&config.data_dir).map_err(|e| e.to_string())?;
    let options = StoreOptions {
        database_url: config.database_url.clone(),
        data_dir: config.data_dir.clone(),
        is_server: false,
    };
    let store = Store::open(options, keys).await.map_err(|e| e.to_string())?;
    let world = world_of(&config);
    Ok(Opened { config, store, world })
}
