//! `clearbill migrate`: brings the database to this program's schema and says where it stands, for
//! those who want that as a step of its own before servers start. `serve` does the same at its start.

use clap::Args;

use super::{Where, opening};

#[derive(Args, Debug)]
pub struct Migrate {
    #[command(flatten)]
    pub at: Where,
}

impl Migrate {
    pub async fn run(self) -> Result<(), String> {
        let config = self.at.config(None)?;
        let opened = opening::open(config).await?;
        let mut db = opened.store.read().await.map_err(|e| e.to_string())?;
        let there = store::migrate::load_version(&mut db).await.map_err(|e| e.to_string())?;
        drop(db);
        opened.store.close().await;
        println!("The database is at schema version {there}, the newest this program knows.");
        Ok(())
    }
}
