//! Whether the practice may send: set up, live, and with a name a text can carry.

use super::{Case, Channel, Class, Fact, RuleId, Trace};
use crate::practice::NAME_LONGEST;

/// A longer custom name and the text is not sent (S-TP2).
const LONGEST_TEXT_NAME: u32 = NAME_LONGEST as u32;

pub(super) fn judge(case: &Case<'_>, trace: &mut Trace) {
    let practice = &case.facts.practice;
    let class = case.message.class;
    if class.is_outreach() {
        trace.require(RuleId::Live, practice.is_live, Fact::NotLive);
    }
    if class.is_reminder() {
        trace.require(RuleId::HeldImport, !practice.import_is_held, Fact::ImportHeld);
        trace.require(RuleId::Proof, practice.proof_approved, Fact::ProofNotApproved);
    }
    match case.message.channel {
        Channel::Text => text(case, trace),
        Channel::Email => email(case, trace),
        Channel::Voice => {
            let practice = &case.facts.practice;
            trace.require(RuleId::PracticeCalling, practice.voice_is_on, Fact::VoiceOff);
            let chosen = practice.caller_number_chosen;
            trace.require(RuleId::CallerNumber, chosen, Fact::NoCallerNumber);
        }
        Channel::Fax => {
            let is_on = case.facts.practice.fax_is_on;
            trace.require(RuleId::PracticeFaxing, is_on, Fact::FaxOff);
        }
        // Paper needs nothing set up: it waits in a queue for somebody to print it.
        Channel::Letter => {}
    }
    if class.needs_the_practice_set_up() {
        let neutral = !practice.is_sensitive || practice.text_name_is_custom;
        trace.require(RuleId::NeutralName, neutral, Fact::NameTellsTooMuch);
    }
}

fn text(case: &Case<'_>, trace: &mut Trace) {
    let practice = &case.facts.practice;
    let class = case.message.class;
    if class.is_reminder() {
        trace.require(RuleId::InstaMed, !practice.instamed_is_active, Fact::InstaMedActive);
    }
    if class.needs_the_practice_set_up() {
        let fact = if practice.platform_text_enabled {
            Fact::PracticeTextsOff
        } else {
            Fact::PlatformTextsOff
        };
        let enabled = practice.platform_text_enabled && practice.practice_text_enabled;
        trace.require(RuleId::PracticeTexting, enabled, fact);
        trace.require(
            RuleId::TextBilling,
            practice.text_billing_accepted,
            Fact::BillingNotAccepted,
        );
        trace.require(
            RuleId::TextCampaign,
            practice.text_campaign_registered,
            Fact::CampaignNotRegistered,
        );
        let chars = practice.text_name_chars;
        let fits = !practice.text_name_is_custom || chars <= LONGEST_TEXT_NAME;
        let fact = Fact::NameLength { chars, most: LONGEST_TEXT_NAME };
        trace.require(RuleId::NameLength, fits, fact);
    }
    if class.is_reminder() {
        let welcome = !practice.texts_paused_by_carriers;
        trace.require(RuleId::Complaints, welcome, Fact::CarriersFilterUs);
    }
    // A code may have a sender of its own; a reply goes out from where the text came in.
    let has_sender = practice.text_number_chosen
        || class.is_reply()
        || class == Class::Code && practice.code_sender_is_separate;
    trace.require(RuleId::TextNumber, has_sender, Fact::NoNumberChosen);
}

fn email(case: &Case<'_>, trace: &mut Trace) {
    let practice = &case.facts.practice;
    // Staff hear from the server's own sender, also while the practice's is being set up.
    if case.message.class != Class::StaffNotice {
        trace.require(RuleId::EmailSender, practice.email_sender_tested, Fact::EmailNotTested);
    }
    if case.message.class.is_reminder() {
        let calm = !practice.email_paused_for_complaints;
        trace.require(RuleId::Complaints, calm, Fact::TooManyComplaints);
    }
}
