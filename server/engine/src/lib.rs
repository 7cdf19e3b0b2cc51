//! The notification engine: who is reminded, when, through which channel, and why not.
//!
//! Promises:
//! - A message leaves only through [`Channels`] with a `SendPermit`, and the gate is asked in the
//!   same transaction that records the intent to send, on facts read there.
//! - The intent is durable before the call; no transaction is open during it. An outcome that nobody
//!   knows is looked up before anything else happens, and no message is sent twice (R64).
//! - Every decision is stored with its reasons; every send, end and change of consent is audited.
//! - A STOP takes effect in the transaction that stores the reply (R72).
//! - Accounts that share a phone or email get one message where they may (D-4): each is decided for
//!   itself at that moment, and what becomes of the one message becomes of each.
//!
//! It names no vendor, knows no HTTP and writes no words: [`Channels`] and [`Wording`] are given.
//!
//! # The API in one page
//!
//! | for | call |
//! |---|---|
//! | Send Patient Statements | [`Engine::confirm_list`], [`Engine::preview`], [`Engine::create_job`], [`Engine::approve_job`], [`Engine::mark_job`], [`Engine::cancel_job`], [`Engine::cancel_message`], [`Engine::approve_some`], [`Engine::pause_job`], [`Engine::resume_job`], [`Engine::edit_text`], [`Engine::job_page`] |
//! | the clock | [`Engine::tick`] does what is due; [`Engine::next_due`] says when more is |
//! | statement profiles | [`Engine::create_profile`], [`Engine::copy_profile`], [`Engine::save_profile`], [`Engine::approve_profile`], [`Engine::activate_profile`], [`Engine::retire_profile`], [`Engine::raise_profile`], [`Engine::start_forecast`], [`Engine::run_forecast`] |
//! | follow-ups | [`Engine::note_follow_up`], [`Engine::decide_collections`] |
//! | Manage Errors | [`Engine::ways_instead`], [`Engine::send_instead`], [`Engine::note_contact_fixed`], [`Engine::opt_out_after_error`], [`Engine::archive_error`], [`Engine::undo_error`] |
//! | webhooks | [`Engine::receive_reply`], [`Engine::record_report`], [`Engine::record_mail_event`], [`Engine::call_answered`], [`Engine::call_key`] |
//! | the inbox | [`Engine::send_direct_text`], [`Engine::reclassify_reply`] |
//! | patients | [`Engine::send_code`], [`Engine::send_new_link`], [`Engine::unsubscribe`], [`Engine::set_text_preference`], [`Engine::set_email_preference`], [`Engine::set_receipts`], [`Engine::set_wishes`], [`Engine::report_wrong_contact`], [`Engine::send_account_mail`] |
//! | the patient record | [`Engine::explain`], [`Engine::add_contact`], [`Engine::verify_contact`], [`Engine::enable_texts`], [`Engine::record_consent`], [`Engine::place_hold`], [`Engine::lift_hold`], [`Engine::flag_for_reminder`], [`Engine::set_preferred`], [`Engine::send_direct_text`] |
//! | imports and payments | `store::guarantor::mark_check` in their own transaction: the engine looks again |
//!
//! Lists and histories are read straight from `store::{message, decision, reply, hold, task, note}`.

mod accounts;
mod agreed;
mod answers;
mod approval;
mod calls;
mod channels;
mod checks;
mod compose;
mod corrections;
mod criteria;
mod delivery;
mod digest;
mod error;
mod explain;
mod facts;
mod failures;
mod follow_ups;
mod forecast;
mod inbound;
mod intent;
mod jobs;
mod ladder;
mod mail_events;
mod outcome;
mod paydays;
mod preferences;
mod profiles;
mod receipts;
mod reports;
mod script;
mod select;
mod tick;
mod transactional;
mod wording;
mod work_on_job;

use std::sync::Arc;

use domain::{
    clock::{Clock, SECOND_MS, UnixMs, World},
    id::PracticeId,
    points::{Point, Points},
    practice::Practice,
};
use store::Store;

pub use self::{
    accounts::{Lift, NewContact, NewHold},
    agreed::Coming,
    approval::Approved,
    calls::{Answered, Key, Pressed},
    channels::{Channels, DeliveryReport, Found},
    compose::Preview,
    corrections::{Corrected, takes_back},
    criteria::{Age, Criteria, Segment, TOP_PRIORITY_CENTS, TOP_PRIORITY_DAYS},
    digest::{Reads, Together},
    error::{EngineError, Refusal, Result},
    explain::{Explanation, Pending, WhatIf},
    facts::{proposal_of, rules_of},
    failures::ARCHIVE_REASONS,
    follow_ups::Noted,
    forecast::{DAYS as FORECAST_DAYS, Example, Outlook},
    inbound::{BY_TEXT, CarrierDid, Reply},
    jobs::{Drafted, JobPage, Selection},
    mail_events::{MailEvent, MailEventKind},
    script::Script,
    select::{Candidate, ClaimBrief, ConfirmList, Goes, Sizes},
    tick::TickReport,
    transactional::Delivered,
    wording::{
        AccountMail, Installment, Letter, Mail, MailParts, OnPaper, Spoken, StaffMail, Text, What,
        Wording,
    },
    work_on_job::{PAY_LINK, link_in},
};

/// How fast and how patiently the engine works.
#[derive(Clone, Debug)]
pub struct Options {
    /// Between two texts of one sender: a long code may send one a second.
    pub text_interval_ms: i64,
    /// Between two emails of one practice.
    pub email_interval_ms: i64,
    /// Messages taken in one go.
    pub batch: i64,
    /// Rounds of one tick, so that a tick ends.
    pub rounds: usize,
    /// Messages handed over at the same time.
    pub together: usize,
    /// How long a taken message stays taken if its worker dies, on the wall clock.
    pub lease_ms: i64,
    /// Hand-overs of one message at most, the first included.
    pub attempts: i64,
    /// Waits between tries after a refusal for now.
    pub backoff_ms: [i64; 3],
    /// Waits between looks for a message of unknown outcome; after the last it is settled.
    pub look_after_ms: [i64; 3],
    /// How often a fax under way is asked after, and for how long.
    pub ask_every_ms: i64,
    pub ask_for_ms: i64,
    /// An approved list goes within this time when its windows allow (S-SF4).
    pub spread_ms: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            text_interval_ms: SECOND_MS,
            email_interval_ms: 100,
            batch: 128,
            rounds: 64,
            together: 8,
            lease_ms: 60 * SECOND_MS,
            attempts: 4,
            backoff_ms: [60 * SECOND_MS, 5 * 60 * SECOND_MS, 30 * 60 * SECOND_MS],
            look_after_ms: [60 * SECOND_MS, 5 * 60 * SECOND_MS, 10 * 60 * SECOND_MS],
            ask_every_ms: 2 * 60 * SECOND_MS,
            // The vendor holds a fax for a day when the account is out of credit.
            ask_for_ms: 48 * 60 * 60 * SECOND_MS,
            // Some minutes are left for what the first try does not settle.
            spread_ms: 50 * 60 * SECOND_MS,
        }
    }
}

/// What an engine is made of.
pub struct Parts {
    pub store: Store,
    /// Business time and chance.
    pub world: World,
    /// The real clock: leases are counted on it, so that moving business time breaks none.
    pub wall: Arc<dyn Clock>,
    pub channels: Arc<dyn Channels>,
    pub wording: Arc<dyn Wording>,
    pub options: Options,
    /// Who is told of the points between two durable steps; nobody in `serve`.
    pub points: Points,
}

/// A handle; cheap to clone. Any number of engines may work on one database.
#[derive(Clone)]
pub struct Engine {
    parts: Arc<Parts>,
    /// Names this engine in leases.
    holder: Arc<str>,
}

impl Engine {
    pub fn new(parts: Parts) -> Self {
        let holder = format!("engine-{:016x}", parts.world.chance.next_u64());
        Self { parts: Arc::new(parts), holder: holder.into() }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.parts.store
    }

    pub(crate) fn world(&self) -> &World {
        &self.parts.world
    }

    pub(crate) fn now(&self) -> UnixMs {
        self.parts.world.now()
    }

    pub(crate) fn options(&self) -> &Options {
        &self.parts.options
    }

    /// Says that a point lies behind the last durable step. May not return.
    pub(crate) fn reach(&self, point: Point) {
        self.parts.points.reach(point);
    }

    pub(crate) fn wording(&self) -> &dyn Wording {
        &*self.parts.wording
    }

    pub(crate) async fn practice(&self, id: &PracticeId) -> Result<Practice> {
        let mut db = self.store().read().await?;
        store::practice::load(&mut db, id).await?.ok_or(Refusal::NotFound.into())
    }
}
