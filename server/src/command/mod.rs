//! The commands, one file each.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::config::{Config, Flags};

pub mod backup;
pub mod config;
pub mod copy;
pub mod demo;
pub mod import;
pub mod migrate;
pub mod opening;
pub mod practice;
pub mod rekey;
pub mod sbom;
pub mod serve;
pub mod simulate;
pub mod staff;
pub mod verify;

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
    /// Balances into a practice.
    Import(import::Import),
    /// People's ways in, for whoever runs the server.
    Staff(staff::Staff),
    /// Practices, and whether they may send texts.
    Practice(practice::Practices),
    /// The configuration: shown, and checked for production.
    Config(config::Config),
    /// Seeded people, faults and clock jumps; checks what must hold after each step.
    Simulate(simulate::Simulate),
    /// Checks database, ledger and audit chain, read only.
    Verify(verify::Verify),
    /// Copies the data, beside a running server.
    Backup(backup::Backup),
    /// Puts a backup in place of the data; opt-outs made since are kept.
    Restore(backup::Restore),
    /// Everything into an empty database of the other kind, and a check of both; while no server works.
    Copy(copy::Copy),
    /// A new key, and everything sealed anew under it; while no server works.
    Rekey(rekey::Rekey),
    /// What this program is made of, as CycloneDX.
    Sbom(sbom::Sbom),
    /// Brings the database to this program's schema.
    Migrate(migrate::Migrate),
}

pub async fn run(command: Command) -> Result<(), String> {
    match command {
        Command::Serve(serve) => serve.run().await,
        Command::Demo(demo) => demo.run().await,
        Command::Import(import) => import.run().await,
        Command::Staff(staff) => staff.run().await,
        Command::Practice(practice) => practice.run().await,
        Command::Config(config) => config.run().await,
        Command::Simulate(simulate) => simulate.run().await,
        Command::Verify(verify) => verify.run().await,
        Command::Backup(backup) => backup.run().await,
        Command::Restore(restore) => restore.run().await,
        Command::Copy(copy) => copy.run().await,
        Command::Rekey(rekey) => rekey.run().await,
        Command::Sbom(sbom) => sbom.run(),
        Command::Migrate(migrate) => migrate.run().await,
    }
}
