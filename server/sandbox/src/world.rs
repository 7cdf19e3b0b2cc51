//! All that the stand-ins know, in one place and behind one lock. A request is answered by one
//! synchronous change to it; what changed is in the journal before the answer leaves.

use std::{collections::BTreeSet, io, path::Path, sync::Arc};

use domain::clock::{Chance, Clock, UnixMs};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    delivery::Outgoing,
    faults::FaultRule,
    interfax::{self, Fax},
    journal::Journal,
    mailbox::Delivered,
    stripe::StripeTables,
    table::{Change, Table},
    twilio::TwilioTables,
};

/// Letters and digits of vendor ids.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Delivered messages the mailbox keeps.
const MAILBOX_KEEPS: usize = 100_000;
/// Deliveries that may wait at a time; beyond it the oldest are lost, as vendors lose them.
const OUTBOX_KEEPS: usize = 100_000;

/// What stays the same over restarts: keys and ports, so that whoever was configured against the
/// sandbox finds it again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Starts on this folder. Goes into minted ids: a seeded `Chance` begins anew at each start,
    /// and must not mint the ids of the last one again.
    pub starts: u64,
    pub http_port: u16,
    pub smtp_port: u16,
    pub account: String,
    pub secret_key: String,
    pub publishable_key: String,
    pub webhook_secret: String,
    pub twilio_account: String,
    pub twilio_token: String,
    pub sender: String,
    pub code_sender: String,
    pub service: String,
    pub interfax_user: String,
    pub interfax_password: String,
    /// Where texts to our numbers are posted.
    pub sms_webhook: String,
}

/// The journal could not be written; nothing is acknowledged any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sandbox journal cannot be written")]
pub struct JournalBroken;

pub struct World {
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    settings: Table<Settings>,
    pub faults: Table<FaultRule>,
    pub stripe: StripeTables,
    pub twilio: TwilioTables,
    pub faxes: Table<Fax>,
    pub mailbox: Table<Delivered>,
    pub outbox: Table<Outgoing>,
    /// Idempotency keys whose request is being held by a fault.
    pub keys_in_flight: BTreeSet<String>,
    /// Where the listener is, e.g. `http://127.0.0.1:4010`; set once it listens.
    base: String,
    journal: Option<Journal>,
    broken: bool,
}

/// Applies `$what` to each table. The list stands once, so that no table is left out of the journal.
macro_rules! each_table {
    ($world:expr, $table:ident => $what:expr) => {{
        let world = $world;
        {
            let $table = &mut world.settings;
            $what;
        }
        {
            let $table = &mut world.faults;
            $what;
        }
        {
            let $table = &mut world.stripe.intents;
            $what;
        }
        {
            let $table = &mut world.stripe.charges;
            $what;
        }
        {
            let $table = &mut world.stripe.refunds;
            $what;
        }
        {
            let $table = &mut world.stripe.methods;
            $what;
        }
        {
            let $table = &mut world.stripe.sessions;
            $what;
        }
        {
            let $table = &mut world.stripe.events;
            $what;
        }
        {
            let $table = &mut world.stripe.endpoints;
            $what;
        }
        {
            let $table = &mut world.stripe.disputes;
            $what;
        }
        {
            let $table = &mut world.stripe.keys;
            $what;
        }
        {
            let $table = &mut world.twilio.messages;
            $what;
        }
        {
            let $table = &mut world.twilio.numbers;
            $what;
        }
        {
            let $table = &mut world.twilio.opt_outs;
            $what;
        }
        {
            let $table = &mut world.twilio.calls;
            $what;
        }
        {
            let $table = &mut world.twilio.manners;
            $what;
        }
        {
            let $table = &mut world.faxes;
            $what;
        }
        {
            let $table = &mut world.mailbox;
            $what;
        }
        {
            let $table = &mut world.outbox;
            $what;
        }
    }};
}

impl World {
    pub fn open(
        dir: Option<&Path>,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
    ) -> io::Result<Self> {
        let mut world = Self {
            clock,
            chance,
            settings: Table::new("settings"),
            faults: Table::new("faults"),
            stripe: StripeTables::new(),
            twilio: TwilioTables::new(),
            faxes: interfax::table(),
            mailbox: Table::new("mailbox"),
            outbox: Table::new("outbox"),
            keys_in_flight: BTreeSet::new(),
            base: String::new(),
            journal: None,
            broken: false,
        };
        if let Some(dir) = dir {
            let mut journal = Journal::open(dir, |change| world.load(change))?;
            let mut state = Vec::new();
            each_table!(&mut world, table => table.dump(&mut state));
            journal.compact(&state)?;
            world.journal = Some(journal);
        }
        Ok(world)
    }

    fn load(&mut self, change: Change) {
        let mut change = Some(change);
        each_table!(self, table => {
            if change.as_ref().is_some_and(|change| change.table == table.name())
                && let Some(change) = change.take()
            {
                table.load(change);
            }
        });
    }

    /// Writes what changed. After a failure everything is refused: an answer that would be
    /// forgotten is worse than none.
    pub fn commit(&mut self) -> Result<(), JournalBroken> {
        self.mailbox.retain_newest(MAILBOX_KEEPS);
        self.outbox.retain_newest(OUTBOX_KEEPS);
        self.stripe.forget_old();
        let mut changes = Vec::new();
        each_table!(&mut *self, table => table.drain(&mut changes));
        if let Err(error) = self.write(&changes) {
            tracing::error!(%error, "the sandbox journal cannot be written");
            self.broken = true;
        }
        if self.broken { Err(JournalBroken) } else { Ok(()) }
    }

    fn write(&mut self, changes: &[Change]) -> io::Result<()> {
        let Some(mut journal) = self.journal.take().filter(|_| !self.broken) else {
            return Ok(());
        };
        if !changes.is_empty() {
            journal.append(changes)?;
        }
        if journal.is_overgrown() {
            let mut state = Vec::new();
            each_table!(&mut *self, table => table.dump(&mut state));
            journal.compact(&state)?;
        }
        self.journal = Some(journal);
        Ok(())
    }

    pub fn is_durable(&self) -> bool {
        self.journal.is_some()
    }

    pub fn settings(&self) -> Settings {
        self.settings.get("only").cloned().unwrap_or_default()
    }

    pub fn set_settings(&mut self, settings: Settings) {
        self.settings.put("only", settings);
    }

    /// The address vendors' own pages are at, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn set_base(&mut self, base: String) {
        self.base = base;
    }

    pub fn now(&self) -> UnixMs {
        self.clock.now()
    }

    pub fn now_seconds(&self) -> i64 {
        self.now().0.div_euclid(1_000)
    }

    /// `prefix` and `length` letters and digits.
    pub fn mint(&self, prefix: &str, length: usize) -> String {
        let random = self.random(length);
        let letters = random.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % 62]));
        prefix.chars().chain(letters).collect()
    }

    /// `prefix` and `bytes` random bytes in hex.
    pub fn mint_hex(&self, prefix: &str, bytes: usize) -> String {
        format!("{prefix}{}", hex::encode(self.random(bytes)))
    }

    fn random(&self, length: usize) -> Vec<u8> {
        let mut seed = [0; 32];
        self.chance.fill(&mut seed);
        let starts = self.settings.get("only").map_or(0, |settings| settings.starts);
        let mut bytes = Vec::with_capacity(length + 32);
        for block in 0_u64.. {
            if bytes.len() >= length {
                break;
            }
            let digest = Sha256::new()
                .chain_update(seed)
                .chain_update(starts.to_le_bytes())
                .chain_update(block.to_le_bytes())
                .finalize();
            bytes.extend_from_slice(&digest);
        }
        bytes.truncate(length);
        bytes
    }
}
