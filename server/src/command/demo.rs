//! `clearbill demo`: the server with a sample practice and a stand-in for every vendor. The folder
//! carries a mark that `serve` refuses; with an existing folder the demo goes on where it was.

use std::{fs, path::Path, sync::Arc};

use app::pages::staff::Step;
use clap::Args;
use domain::{
    clock::{Clock, UnixMs, World},
    id::{ApiKeyId, PracticeId, StaffId},
    practice::{Practice, Settings},
    staff::Role,
};
use serde::{Deserialize, Serialize};
use store::{Keys, Store, StoreOptions, keys::OsChance};

use super::Where;
use crate::{
    building,
    clock::{MovableClock, real_now},
    config::{Config, DEFAULT_LISTEN},
    house::House,
    password::Cost,
    second_factor, serving,
};

/// The mark of a demo's folder (decision 35).
pub const MARK: &str = "this-is-a-demo";
/// The sample practice's name in addresses.
pub const PRACTICE: &str = "demo";
/// A Wednesday at ten in New York, where the sample practice is.
const DEFAULT_CLOCK: &str = "2026-03-04T10:00:00-05:00";
const DEFAULT_ACCOUNTS: u32 = 60;
const DEFAULT_SEED: u64 = 1;

#[derive(Args, Debug)]
pub struct Demo {
    #[command(flatten)]
    pub at: Where,
    /// Address and port; port 0 takes a free one.
    #[arg(long, default_value = DEFAULT_LISTEN)]
    pub listen: String,
    /// Where the clock of a new demo stands, RFC 3339.
    #[arg(long)]
    pub clock: Option<String>,
    /// Guarantor accounts of a new sample practice.
    #[arg(long, default_value_t = DEFAULT_ACCOUNTS)]
    pub accounts: u32,
    /// Seed of a new sample practice.
    #[arg(long, default_value_t = DEFAULT_SEED)]
    pub seed: u64,
    /// Print one line of JSON when ready.
    #[arg(long)]
    pub json: bool,
}

/// What a demo remembers of itself, in its folder: its sign-ins are no secret worth the name.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Memory {
    api_key: String,
    staff: Vec<Person>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Person {
    role: String,
    email: String,
    password: String,
    totp_secret: String,
}

impl Demo {
    pub async fn run(self) -> Result<(), String> {
        let config = self.at.config(Some(self.listen.clone()))?;
        serving::start_logs(&config);
        let start = self.clock.as_deref().unwrap_or(DEFAULT_CLOCK);
        let start = UnixMs::parse_rfc3339(start)
            .ok_or_else(|| format!("--clock {start} is not a time like {DEFAULT_CLOCK}"))?;
        claim_folder(&config.data_dir)?;
        let listener = serving::bind(&config.listen)?;
        let address = listener.local_addr().map_err(|e| e.to_string())?;
        let base = format!("http://{address}");
        let clock = MovableClock::open(&config.data_dir, start);
        let clock = Arc::new(clock.map_err(|e| format!("{}: {e}", config.data_dir.display()))?);
        let world = World { clock: clock.clone(), chance: Arc::new(OsChance) };
        let keys = Keys::load_or_make(&config.data_dir).map_err(|e| e.to_string())?;
        let options = StoreOptions {
            database_url: config.database_url.clone(),
            data_dir: config.data_dir.clone(),
            is_server: true,
        };
        let store = Store::open(options, keys).await.map_err(|e| e.to_string())?;
        let sandbox = building::sandbox(&config, &world, &base).await?;
        let house = Arc::new(building::demo_house(config, store, world, sandbox, clock));
        let memory = self.seed_practice(&house, &base).await?;
        if let Some(demo) = &house.demo {
            building::connect(&house, &demo.sandbox, &base, PRACTICE).await?;
        }
        self.announce(&house, &base, &memory);
        serving::serve(house, listener).await
    }

    /// Makes the sample practice on first start; a start that was cut short goes on.
    async fn seed_practice(&self, house: &House, base: &str) -> Result<Memory, String> {
        let found = {
            let mut db = house.store.read().await.map_err(|e| e.to_string())?;
            store::practice::find_by_slug(&mut db, PRACTICE).await.map_err(|e| e.to_string())?
        };
        let practice = match found {
            Some(practice) => practice.id,
            None => insert_practice(house, base).await?,
        };
        let memory = remember(house, &practice).await?;
        building::seed_book(house, &practice, self.accounts, self.seed).await?;
        Ok(memory)
    }

    fn announce(&self, house: &House, base: &str, memory: &Memory) {
        let Some(demo) = &house.demo else { return };
        let sandbox = &demo.sandbox;
        let smtp = sandbox.smtp_addr();
        if self.json {
            let line = serde_json::json!({
                "base": base,
                "mailbox": format!("{base}/sandbox/mailbox"),
                "clock": format!("{base}/sandbox/clock"),
                "practice": PRACTICE,
                "api_key": memory.api_key,
                "staff": memory.staff,
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
                },
                "smtp": { "host": smtp.ip().to_string(), "port": smtp.port() },
            });
            println!("{line}");
            return;
        }
        println!(
            "Clearbill demo. Every vendor is a stand-in on this machine; nothing leaves it.\n"
        );
        println!("  Workspace   {base}/staff");
        println!("  Mailbox     {base}/sandbox/mailbox");
        println!("  Clock       {base}/sandbox/clock   now {}\n", house.world.now());
        println!("  Staff sign-in (email, password, authenticator secret):");
        for person in &memory.staff {
            println!(
                "    {:<11} {}  {}  {}",
                person.role, person.email, person.password, person.totp_secret
            );
        }
        println!(
            "\n  The authenticator's current codes are on the mailbox page. Stop with Ctrl-C."
        );
    }
}

/// A new folder gets the mark; a folder of `serve` is not touched.
fn claim_folder(dir: &Path) -> Result<(), String> {
    let shown = dir.display();
    fs::create_dir_all(dir).map_err(|e| format!("{shown}: {e}"))?;
    let mark = dir.join(MARK);
    if mark.exists() {
        return Ok(());
    }
    if dir.join("clearbill.sqlite").exists() {
        return Err(format!(
            "{shown} belongs to `clearbill serve`; give the demo its own folder with --data-dir"
        ));
    }
    fs::write(&mark, "Made by `clearbill demo`. `clearbill serve` refuses this folder.\n")
        .map_err(|e| format!("{shown}: {e}"))
}

fn sample_settings(base: &str, now: UnixMs) -> Settings {
    Settings {
        legal_name: "Lakeside Family Practice, P.C.".into(),
        custom_name: Some("Lakeside Family".into()),
        phone: "(212) 555-0142".into(),
        hours: "Monday to Friday, 8:00 AM to 5:00 PM".into(),
        street: "12 Harbor Street".into(),
        city: "New York".into(),
        state: "NY".into(),
        zip: "10004".into(),
        public_base: base.to_owned(),
        texts_enabled_by_platform: true,
        texts_enabled_by_practice: true,
        billing_consent_at: Some(now),
        billing_consent_by: Some("demo".into()),
        text_campaign_registered: true,
        carrier_answers_stop: true,
        proof_approved_at: Some(now),
        email_tested_at: Some(now),
        email_from_name: "Lakeside Family".into(),
        email_from_address: "billing@lakeside.example.org".into(),
        ..Settings::default()
    }
}

/// The sample practice, live and set up, without a book.
pub async fn insert_practice(house: &House, base: &str) -> Result<PracticeId, String> {
    let now = house.world.now();
    let practice = Practice {
        id: house.world.mint(),
        slug: PRACTICE.into(),
        name: "Lakeside Family Practice".into(),
        settings: sample_settings(base, now),
        version: 1,
        live_at: Some(now),
        outreach_held_at: None,
        outreach_held_why: None,
    };
    let id = practice.id.clone();
    let written = house.store.write(move |db| {
        let practice = practice.clone();
        Box::pin(async move {
            store::practice::insert(db, &practice, now).await?;
            // Live means that every screen of the first start was gone through.
            for step in Step::ALL {
                let (state, detail) = match step {
                    Step::Backups | Step::Test => ("skipped", "Not needed in the demo"),
                    _ => ("done", "Came with the sample practice"),
                };
                let (id, slug) = (&practice.id, step.slug());
                store::setup::mark_step(db, id, slug, state, detail, now).await?;
            }
            Ok(())
        })
    });
    written.await.map_err(|e| e.to_string())?;
    Ok(id)
}

/// The demo's people and API key: made once, kept in the folder.
async fn remember(house: &House, practice: &PracticeId) -> Result<Memory, String> {
    let file = house.config.data_dir.join("demo.json");
    if let Ok(text) = fs::read_to_string(&file) {
        return serde_json::from_str(&text).map_err(|e| format!("{}: {e}", file.display()));
    }
    let mut staff = Vec::new();
    for (role, name) in [
        (Role::Manager, "Dana Reed"),
        (Role::Biller, "Sam Ortiz"),
        (Role::FrontDesk, "Kim Novak"),
        (Role::Viewer, "Lee Park"),
    ] {
        staff.push(insert_person(house, practice, role, name).await?);
    }
    let api_key = format!("cbk_{}", store::keys::new_token(store::keys::TOKEN_BYTES));
    let (key, owner, now) = (api_key.clone(), practice.clone(), house.world.now());
    let id: ApiKeyId = house.world.mint();
    let written = house.store.write(move |db| {
        let (key, owner, id) = (key.clone(), owner.clone(), id.clone());
        Box::pin(async move {
            store::api_key::insert(db, &owner, &id, "demo", &key, "system:demo", now).await
        })
    });
    written.await.map_err(|e| e.to_string())?;
    let memory = Memory { api_key, staff };
    let text = serde_json::to_string_pretty(&memory).map_err(|e| e.to_string())?;
    fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))?;
    Ok(memory)
}

async fn insert_person(
    house: &House,
    practice: &PracticeId,
    role: Role,
    name: &'static str,
) -> Result<Person, String> {
    let email = format!("{}@lakeside.example.org", role.as_str().replace('_', ""));
    let password = format!("demo-{}", store::keys::new_token(9));
    let secret = second_factor::new_secret();
    let hash = house.passwords.hash(Cost::Staff, &password).await.map_err(|e| e.to_string())?;
    let id: StaffId = house.world.mint();
    let (_, recovery) = second_factor::new_recovery(house.store.keys(), id.as_str());
    let (owner, at, kept_email, kept_secret) =
        (practice.clone(), house.world.now(), email.clone(), secret.clone());
    let written = house.store.write(move |db| {
        let (id, owner, email, secret, hash, recovery) = (
            id.clone(),
            owner.clone(),
            kept_email.clone(),
            kept_secret.clone(),
            hash.clone(),
            recovery.clone(),
        );
        Box::pin(async move {
            // A first start that was cut short left this one behind.
            let known = store::staff::find_by_email(db, &email).await?.map(|m| m.id);
            let id = match known {
                Some(known) => known,
                None => {
                    store::staff::insert(db, &id, &email, name, None, at).await?;
                    id
                }
            };
            store::staff::mark_credentials(db, &id, &hash, &secret, &recovery).await?;
            store::staff::mark_membership(db, &id, &owner, role, at).await
        })
    });
    written.await.map_err(|e| e.to_string())?;
    Ok(Person { role: role.as_str().into(), email, password, totp_secret: secret })
}

/// The codes that the demo's authenticators show now, for the mailbox page: (email, code).
pub fn current_codes(house: &House) -> Vec<(String, String)> {
    let file = house.config.data_dir.join("demo.json");
    let text = fs::read_to_string(file).unwrap_or_default();
    let memory: Option<Memory> = serde_json::from_str(&text).ok();
    let people = memory.map(|m| m.staff).unwrap_or_default();
    people
        .into_iter()
        .filter_map(|person| {
            let code = second_factor::current_code(&person.totp_secret, real_now())?;
            Some((person.email, code))
        })
        .collect()
}

/// True for a folder that `clearbill demo` made.
pub fn is_demo_folder(config: &Config) -> bool {
    config.data_dir.join(MARK).exists()
}

/// Business time for a command beside the server: the demo's clock where there is one.
pub fn clock_of(config: &Config) -> Arc<dyn Clock> {
    match MovableClock::find(&config.data_dir) {
        Some(clock) => Arc::new(clock),
        None => Arc::new(crate::clock::SystemClock),
    }
}
