//! The stand-ins without Clearbill, to try another program (or a vendor's own library) against them:
//! `cargo run -p sandbox --example alone [FOLDER]` prints where they listen and their keys.

use std::sync::Arc;

use domain::clock::{Chance, Clock, UnixMs};
use sandbox::{Sandbox, SandboxOptions};
use sha2::{Digest, Sha256};

struct Wall;

impl Clock for Wall {
    #[allow(clippy::disallowed_methods, reason = "alone, the sandbox lives in real time")]
    fn now(&self) -> UnixMs {
        UnixMs(jiff::Timestamp::now().as_millisecond())
    }
}

/// Enough for ids: digests of a counter and the start time.
struct Ids(std::sync::atomic::AtomicU64);

impl Chance for Ids {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let next = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            chunk.copy_from_slice(&Sha256::digest(next.to_le_bytes())[..chunk.len()]);
        }
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seed = Wall.now().0.unsigned_abs() << 20;
    let mut options = SandboxOptions::new(Arc::new(Wall), Arc::new(Ids(seed.into())));
    options.dir = std::env::args().nth(1).map(Into::into);
    options.pump = true;
    let sandbox = Sandbox::start(options).await?;
    let line = serde_json::json!({
        "stripe": {
            "base": sandbox.stripe_base(),
            "secret_key": sandbox.stripe_secret_key(),
            "publishable_key": sandbox.stripe_publishable_key(),
            "webhook_secret": sandbox.webhook_secret(),
        },
        "twilio": {
            "base": sandbox.twilio_base(),
            "account_sid": sandbox.account_sid(),
            "auth_token": sandbox.auth_token(),
            "from": sandbox.sender(),
        },
        "smtp": sandbox.smtp_addr().to_string(),
    });
    println!("{line}");
    tokio::signal::ctrl_c().await?;
    Ok(())
}
