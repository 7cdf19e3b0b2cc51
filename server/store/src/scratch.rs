//! Throw-away databases, for the simulation and for tests that must hold on both databases.

use std::path::Path;

use sqlx::{ConnectOptions, Executor, any::AnyConnectOptions};

use crate::{Keys, Result, Store, StoreError, StoreOptions};

/// Where tests find a PostgreSQL in which they may create databases.
pub const POSTGRES_VARIABLE: &str = "CLEARBILL_TEST_POSTGRES";

/// A fresh SQLite store in `dir`.
pub async fn sqlite(dir: &Path) -> Result<Store> {
    let options = StoreOptions { database_url: None, data_dir: dir.to_owned(), is_server: false };
    Store::open(options, Keys::for_tests()).await
}

/// A fresh database on the PostgreSQL at `server_url`; returns its store and URL.
pub async fn postgres(server_url: &str, dir: &Path) -> Result<(Store, String)> {
    sqlx::any::install_default_drivers();
    let name = format!("clearbill_{}", crate::keys::new_token(9).to_lowercase().replace('-', "_"));
    let options: AnyConnectOptions = server_url.parse()?;
    let mut conn = options.connect().await?;
    conn.execute(sqlx::AssertSqlSafe(format!("create database {name}"))).await?;
    let mut url = options.to_url_lossy();
    url.set_path(&name);
    let url = url.to_string();
    let options = StoreOptions {
        database_url: Some(url.clone()),
        data_dir: dir.to_owned(),
        is_server: false,
    };
    Ok((Store::open(options, Keys::for_tests()).await?, url))
}

/// One store of each kind for a test. Without [`POSTGRES_VARIABLE`] it says so loudly and gives
/// SQLite alone; under `CI` that is an error.
pub async fn both(dir: &Path) -> Result<Vec<Store>> {
    let mut stores = vec![sqlite(dir).await?];
    match std::env::var(POSTGRES_VARIABLE) {
        Ok(url) => stores.push(postgres(&url, dir).await?.0),
        Err(_) if std::env::var_os("CI").is_some() => {
            return Err(StoreError::Setup(format!("{POSTGRES_VARIABLE} must be set in CI")));
        }
        Err(_) => {
            eprintln!("SKIPPED on PostgreSQL: set {POSTGRES_VARIABLE} to run this test there")
        }
    }
    Ok(stores)
}
