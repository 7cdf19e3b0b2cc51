//! `clearbill verify`: the database, the ledger, the audit chain and the chains of consent, read
//! only.

use clap::Args;
use store::{Store, audit, consent};

use super::{Where, opening};

#[derive(Args, Debug)]
pub struct Verify {
    #[command(flatten)]
    pub at: Where,
    /// Print one line of JSON.
    #[arg(long)]
    pub json: bool,
}

/// What a look at everything found.
pub struct Found {
    pub database: Vec<String>,
    pub ledger: Vec<String>,
    pub chain: audit::ChainReport,
    pub consent: consent::ChainReport,
}

/// Reads the database, the ledger and the chains, and changes nothing.
pub async fn look(store: &Store) -> Result<Found, String> {
    let database = store.integrity_faults().await.map_err(|e| e.to_string())?;
    let mut db = store.read().await.map_err(|e| e.to_string())?;
    let chain = audit::verify_chain(&mut db, store.keys()).await;
    let chain = chain.map_err(|e| e.to_string())?;
    let consent = consent::verify_chains(&mut db, store.keys()).await;
    let consent = consent.map_err(|e| e.to_string())?;
    let ledger = store::ledger::list_faults(&mut db).await.map_err(|e| e.to_string())?;
    let ledger = ledger.into_iter().map(|fault| format!("{fault:?}")).collect();
    Ok(Found { database, ledger, chain, consent })
}

impl Found {
    pub fn is_whole(&self) -> bool {
        self.database.is_empty()
            && self.ledger.is_empty()
            && self.chain.broken_at.is_none()
            && self.consent.broken_at.is_none()
    }

    pub fn print(&self) {
        let said = |faults: &[String], good: &str| {
            if faults.is_empty() { good.to_owned() } else { faults.join("; ") }
        };
        println!("database: {}", said(&self.database, "whole"));
        println!("ledger:   {}", said(&self.ledger, "balanced"));
        match self.chain.broken_at {
            None => println!("audit:    {} rows, head {}", self.chain.rows, self.chain.head),
            Some(number) => println!("audit:    broken at row {number}"),
        }
        match &self.consent.broken_at {
            None => println!("consent:  {} rows", self.consent.rows),
            Some(id) => println!("consent:  broken at {id}"),
        }
    }
}

impl Verify {
    /// An error, so that the exit code says it, when anything does not hold.
    pub async fn run(self) -> Result<(), String> {
        let opened = opening::existing(&self.at).await?;
        let found = look(&opened.store).await?;
        let (chain, consent) = (&found.chain, &found.consent);
        if self.json {
            println!(
                "{}",
                serde_json::json!({
                    "whole": found.is_whole(),
                    "database": found.database,
                    "ledger": found.ledger,
                    "audit": { "rows": chain.rows, "head": chain.head, "broken_at": chain.broken_at },
                    "consent": { "rows": consent.rows, "broken_at": consent.broken_at },
                })
            );
        } else {
            found.print();
        }
        if found.is_whole() { Ok(()) } else { Err("something does not hold; see above".into()) }
    }
}
