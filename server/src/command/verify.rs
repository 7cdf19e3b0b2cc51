//! `clearbill verify`: the database, the ledger, the audit chain and the chains of consent, read only.

use clap::Args;

use super::{Where, opening};

#[derive(Args, Debug)]
pub struct Verify {
    #[command(flatten)]
    pub at: Where,
    /// Print one line of JSON.
    #[arg(long)]
    pub json: bool,
}

impl Verify {
    /// An error, so that the exit code says it, when anything does not hold.
    pub async fn run(self) -> Result<(), String> {
        let opened = opening::existing(&self.at).await?;
        let store = &opened.store;
        let database = store.integrity_faults().await.map_err(|e| e.to_string())?;
        let mut db = store.read().await.map_err(|e| e.to_string())?;
        let chain = store::audit::verify_chain(&mut db, store.keys()).await;
        let chain = chain.map_err(|e| e.to_string())?;
        let consent = store::consent::verify_chains(&mut db, store.keys()).await;
        let consent = consent.map_err(|e| e.to_string())?;
        let ledger = store::ledger::list_faults(&mut db).await.map_err(|e| e.to_string())?;
        let ledger: Vec<String> = ledger.into_iter().map(|fault| format!("{fault:?}")).collect();
        let is_whole = database.is_empty()
            && ledger.is_empty()
            && chain.broken_at.is_none()
            && consent.broken_at.is_none();
        if self.json {
            println!(
                "{}",
                serde_json::json!({
                    "whole": is_whole,
                    "database": database,
                    "ledger": ledger,
                    "audit": { "rows": chain.rows, "head": chain.head, "broken_at": chain.broken_at },
                    "consent": { "rows": consent.rows, "broken_at": consent.broken_at },
                })
            );
        } else {
            println!(
                "database: {}",
                if database.is_empty() { "whole".into() } else { database.join("; ") }
            );
            println!(
                "ledger:   {}",
                if ledger.is_empty() { "balanced".into() } else { ledger.join("; ") }
            );
            match chain.broken_at {
                None => println!("audit:    {} rows, head {}", chain.rows, chain.head),
                Some(number) => println!("audit:    broken at row {number}"),
            }
            match &consent.broken_at {
                None => println!("consent:  {} rows", consent.rows),
                Some(id) => println!("consent:  broken at {id}"),
            }
        }
        if is_whole { Ok(()) } else { Err("something does not hold; see above".into()) }
    }
}
