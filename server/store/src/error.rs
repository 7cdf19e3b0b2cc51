//! What can go wrong between us and the database.

/// Outside sentences are chosen by `server`; this is the inside cause, for the log.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique index said that this row exists already. Callers that race on purpose match this.
    #[error("a row with this key exists already")]
    Duplicate,
    /// A check, trigger or foreign key refused the row.
    #[error("the database refused the row: {0}")]
    Refused(String),
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    #[error("database error: {0}")]
    Sql(String),
    /// Sealed data did not open: wrong key, or somebody moved or changed it (R81).
    #[error("sealed data in {table}.{column} does not open with the keys at hand")]
    Sealed { table: &'static str, column: &'static str },
    /// A row holds something our own code never writes.
    #[error("unreadable value in {0}")]
    Corrupt(&'static str),
    #[error("{0}")]
    Setup(String),
    /// The database failed to make a write durable; nothing is accepted until a restart (R61).
    #[error("the store has halted after a failed commit")]
    Halted,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) if database.is_unique_violation() => Self::Duplicate,
            sqlx::Error::Database(database)
                if database.is_check_violation() || database.is_foreign_key_violation() =>
            {
                Self::Refused(database.message().to_owned())
            }
            sqlx::Error::Database(database) => Self::Sql(database.message().to_owned()),
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Io(_)
            | sqlx::Error::Tls(_) => Self::Unreachable(error.to_string()),
            _ => Self::Sql(error.to_string()),
        }
    }
}
