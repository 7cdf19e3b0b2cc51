//! A practice and the settings its manager decides. Stored as one document, edited in the
//! workspace; every field has the default of requirements.md, section 2.

use serde::{Deserialize, Serialize};

use crate::{clock::UnixMs, decide::Channel, id::PracticeId, money::Cents};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub legal_name: String,
    /// What patients read instead of the legal name. Over 50 characters is refused, over 30 warns
    /// (S-TP2).
    pub custom_name: Option<String>,
    /// Behavioural health, fertility, oncology and the like must set a neutral `custom_name` (M27).
    pub is_sensitive: bool,
    pub phone: String,
    pub hours: String,
    pub street: String,
    pub city: String,
    pub state: String,
    pub zip: String,
    /// IANA name, e.g. `America/New_York`.
    pub zone: String,
    /// `#rrggbb`.
    pub accent: String,
    /// `https://pay.example.org`, without a trailing slash; where links lead.
    pub public_base: String,

    pub minimum_balance: Cents,
    pub minimum_payment: Cents,
    pub overpayment_is_allowed: bool,
    /// Offer only the processor's page (no card form of ours).
    pub checkout_only: bool,
    /// Refunds above this need a manager.
    pub biller_refund_limit: Cents,

    pub approval_is_required: bool,
    /// Reminders of one job go at most this fast, so that calls about them do not flood the office.
    /// None: within the hour.
    pub messages_per_hour: Option<i64>,
    /// X1: on means the two-way inbox answers; off means the fixed auto-reply.
    pub inbox_is_on: bool,
    pub amount_in_texts: bool,
    pub first_name_in_email: bool,

    /// Switched by the platform's support, then by the practice (S-G3).
    pub texts_enabled_by_platform: bool,
    pub texts_enabled_by_practice: bool,
    /// Another processor on the account disables texts (S-G2).
    pub instamed_is_active: bool,
    pub billing_consent_at: Option<UnixMs>,
    pub billing_consent_by: Option<String>,
    /// The bought number, E.164 (S-NU2).
    pub text_number: Option<String>,
    /// The campaign under which carriers take the texts is registered (M25).
    pub text_campaign_registered: bool,
    /// What one part of a text costs the practice, carrier fees included, in millionths of a
    /// dollar: for the estimate before a send. 0 when nobody knows.
    pub text_price_micros: i64,
    /// What one email, one automated call, one faxed page and one printed and mailed letter cost, in
    /// millionths of a dollar, for estimates: a bulk mail service's, two minutes at a calling
    /// service's, a fax service's, and first-class postage with paper. 0 when nobody knows.
    pub email_price_micros: i64,
    pub call_price_micros: i64,
    pub fax_price_micros: i64,
    pub letter_price_micros: i64,
    /// How long somebody of the office is busy with one call they make.
    pub staff_call_minutes: i64,
    /// Codes go from this number, so that STOP locks nobody out (D-34). E.164.
    pub code_number: Option<String>,
    /// The carrier's keyword service confirms an opt-out; otherwise we do (decision 30).
    pub carrier_answers_stop: bool,
    pub proof_approved_at: Option<UnixMs>,
    pub email_tested_at: Option<UnixMs>,
    /// Too many complaints: reminders by email wait until somebody has looked (M30).
    pub email_paused_at: Option<UnixMs>,
    /// Carriers filter our texts as spam: reminders by text wait until somebody has looked (M25).
    pub texts_paused_at: Option<UnixMs>,
    pub email_from_name: String,
    pub email_from_address: String,

    /// Reminder calls with a recorded voice: off until a manager has read the consent notice (M38).
    pub voice_is_on: bool,
    /// The notice was accepted, when and by whom.
    pub voice_notice_at: Option<UnixMs>,
    pub voice_notice_by: Option<String>,
    /// The amount is said to a person who pressed a key for it, never to a machine.
    pub amount_in_calls: bool,
    /// Reminders by fax to those who take neither texts nor email (S-B10).
    pub fax_is_on: bool,

    /// Reminders go in the name of somebody who collects for others: other law looks at them.
    pub collects_for_others: bool,
    /// 26 CFR 1.501(r)-6 asks for waits before a final notice (M35).
    pub is_nonprofit_hospital: bool,
    pub skip_federal_holidays: bool,
    /// A phone not confirmed within this many days is not texted (M33).
    pub reverify_after_days: Option<u16>,
    /// Hours at the recipient within the legal window: Monday is 1.
    pub window_first_weekday: i8,
    pub window_last_weekday: i8,
    pub window_from_hour: i8,
    pub window_until_hour: i8,

    /// The breaker of MS6, in per cent of the practice's open accounts of one source.
    pub breaker_vanished_percent: i64,
    pub breaker_cleared_percent: i64,
    /// A balance that grew by this factor or more counts as jumped.
    pub breaker_jump_factor: i64,
    pub breaker_jumped_percent: i64,
    /// Books smaller than this many open accounts never trip the breaker.
    pub breaker_smallest_book: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            legal_name: String::new(),
            custom_name: None,
            is_sensitive: false,
            phone: String::new(),
            hours: String::new(),
            street: String::new(),
            city: String::new(),
            state: String::new(),
            zip: String::new(),
            zone: "America/New_York".into(),
            accent: "#0b6e6e".into(),
            public_base: String::new(),
            minimum_balance: Cents(10_00),
            minimum_payment: Cents(10_00),
            overpayment_is_allowed: false,
            checkout_only: false,
            biller_refund_limit: Cents(250_00),
            approval_is_required: true,
            messages_per_hour: None,
            inbox_is_on: false,
            amount_in_texts: false,
            first_name_in_email: false,
            texts_enabled_by_platform: false,
            texts_enabled_by_practice: false,
            instamed_is_active: false,
            billing_consent_at: None,
            billing_consent_by: None,
            text_number: None,
            text_campaign_registered: false,
            text_price_micros: 12_000,
            email_price_micros: 400,
            call_price_micros: 28_000,
            fax_price_micros: 110_000,
            letter_price_micros: 1_000_000,
            staff_call_minutes: 6,
            code_number: None,
            carrier_answers_stop: true,
            proof_approved_at: None,
            email_tested_at: None,
            email_paused_at: None,
            texts_paused_at: None,
            email_from_name: String::new(),
            email_from_address: String::new(),
            voice_is_on: false,
            voice_notice_at: None,
            voice_notice_by: None,
            amount_in_calls: false,
            fax_is_on: false,
            collects_for_others: false,
            is_nonprofit_hospital: false,
            skip_federal_holidays: false,
            reverify_after_days: None,
            window_first_weekday: 1,
            window_last_weekday: 6,
            window_from_hour: 9,
            window_until_hour: 18,
            breaker_vanished_percent: 20,
            breaker_cleared_percent: 40,
            breaker_jump_factor: 5,
            breaker_jumped_percent: 10,
            breaker_smallest_book: 5,
        }
    }
}

impl Settings {
    /// What one part of a text, one email, one call, one faxed page or one letter costs, in millionths
    /// of a dollar; 0 when nobody knows.
    pub const fn price_micros(&self, channel: Channel) -> i64 {
        match channel {
            Channel::Text => self.text_price_micros,
            Channel::Email => self.email_price_micros,
            Channel::Voice => self.call_price_micros,
            Channel::Fax => self.fax_price_micros,
            Channel::Letter => self.letter_price_micros,
        }
    }
}

/// Longest custom practice name that may be texted, and the longest that is recommended (S-TP2).
pub const NAME_LONGEST: usize = 50;
pub const NAME_RECOMMENDED: usize = 30;

#[derive(Clone, Debug)]
pub struct Practice {
    pub id: PracticeId,
    /// In addresses: `/at/{slug}`.
    pub slug: String,
    pub name: String,
    pub settings: Settings,
    pub version: i64,
    pub live_at: Option<UnixMs>,
    pub outreach_held_at: Option<UnixMs>,
    pub outreach_held_why: Option<String>,
}

impl Practice {
    /// What patients read: the custom name, else the legal one.
    pub fn alias(&self) -> &str {
        match &self.settings.custom_name {
            Some(name) if !name.trim().is_empty() => name,
            _ => &self.name,
        }
    }

    /// SMS menus and features are hidden while this is false (S-G5).
    pub fn texts_are_enabled(&self) -> bool {
        self.settings.texts_enabled_by_platform
            && self.settings.texts_enabled_by_practice
            && !self.settings.instamed_is_active
    }

    /// The words of calls and what has to do with them are hidden while this is false (M38).
    pub fn calls_are_enabled(&self) -> bool {
        self.settings.voice_is_on && self.settings.voice_notice_at.is_some()
    }

    /// The practice's own zone; a name the database does not know falls back to Eastern time.
    pub fn zone(&self) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::get(&self.settings.zone)
            .or_else(|_| jiff::tz::TimeZone::get("America/New_York"))
            .unwrap_or(jiff::tz::TimeZone::UTC)
    }
}
