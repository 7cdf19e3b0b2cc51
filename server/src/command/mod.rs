//! The commands, one file each.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::config::{Config, Flags};

pub mod demo;
pub mod serve;

/// Where the data is; the same for every command (decision 35).
#[derive(Args, Clone, Debug, Default)]
pub struct Where {
    /// Folder of the database, the keys and everything else.
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// PostgreSQL instead of SQLite: postgres://user:password@host/database
    #[arg(long, env = "CLEARBILL_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
}

impl Where {
    pub fn config(&self, listen: Option<String>) -> Result<Config, String> {
        Config::read(&Flags {
            data_dir: self.data_dir.clone(),
            listen,
            database_url: self.database_url.clone(),
        })
    }
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// The portal, the workspace, the webhooks and the engine.
    Serve(serve::Serve),
    /// The same with a sample practice, stand-ins for every vendor, a mailbox and a movable clock.
    Demo(demo::Demo),
}

pub async fn run(command: Command) -> Result<(), String> {
    match command {
        Command::Serve(serve) => serve.run().await,
        Command::Demo(demo) => demo.run().await,
    }
}
