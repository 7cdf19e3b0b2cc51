//! A decision in sentences: what each rule saw, what came of it, and what to do about it. The rules
//! record codes; only here do they become English.

use domain::{
    clock::{DAY_MS, UnixMs},
    decide::{
        Channel, Decision, Fact, LineType, Outcome, PaymentUnderWay, Reach, Reason, RuleId,
        SuppressionReason, Verdict,
    },
    holds::HoldKind,
    window::Strictness,
    zones::Zone,
};
use jiff::tz::TimeZone;

use crate::{when, words::Words};

/// A kind of hold as staff read it.
pub const fn hold_name(kind: HoldKind) -> &'static str {
    match kind {
        HoldKind::Bankruptcy => "Bankruptcy",
        HoldKind::QmbDoNotBill => "QMB: do not bill",
        HoldKind::Deceased => "Deceased",
        HoldKind::Attorney => "Represented by an attorney",
        HoldKind::Litigation => "Litigation",
        HoldKind::Dispute => "Dispute",
        HoldKind::WrongNumber => "Wrong number",
        HoldKind::ConfidentialCommunication => "Confidential communication",
        HoldKind::Collections => "Collections",
        HoldKind::InsuranceReview => "Insurance review",
        HoldKind::FinancialAssistance => "Financial assistance",
        HoldKind::Pause => "Pause",
        HoldKind::Manual => "Manual hold",
        HoldKind::PaymentPlan => "Payment plan",
        HoldKind::Autopay => "Autopay",
    }
}

/// What a rule is about.
pub const fn rule_title(rule: RuleId) -> &'static str {
    match rule {
        RuleId::Bankruptcy => "Bankruptcy",
        RuleId::QmbDoNotBill => "QMB: do not bill",
        RuleId::Deceased => "Deceased",
        RuleId::Attorney => "Attorney",
        RuleId::Litigation => "Litigation",
        RuleId::Dispute => "Dispute",
        RuleId::RightContact => "The right contact",
        RuleId::WrongNumber => "Wrong number",
        RuleId::ConfidentialCommunication => "Confidential communication",
        RuleId::Minor => "Adults only",
        RuleId::Reachable => "Reachable",
        RuleId::NeutralName => "Neutral practice name",
        RuleId::OptOut => "Opt-out",
        RuleId::Consent => "Consent",
        RuleId::OneConfirmation => "One confirmation",
        RuleId::TextEnabled => "Texts enabled on the phone",
        RuleId::VoiceConsent => "Consent to automated calls",
        RuleId::ConsentInDc => "Consent in the District of Columbia",
        RuleId::ConsentInNyc => "Consent in New York City",
        RuleId::ConsentByRule => "Consent where they live",
        RuleId::WayOut => "Opt-out line",
        RuleId::CollectorDuties => "What a collector must say",
        RuleId::FinalNotice => "Final notice of a nonprofit hospital",
        RuleId::ChargeNotice => "Notice before a charge",
        RuleId::Reassigned => "Phone confirmed lately",
        RuleId::Live => "Practice is live",
        RuleId::HeldImport => "No held import",
        RuleId::PracticeTexting => "Texting switched on",
        RuleId::TextNumber => "Text number",
        RuleId::TextBilling => "Texting billing consent",
        RuleId::TextCampaign => "Registered campaign",
        RuleId::InstaMed => "InstaMed",
        RuleId::NameLength => "Practice name in texts",
        RuleId::Proof => "Approved proof",
        RuleId::EmailSender => "Tested email sender",
        RuleId::Complaints => "Spam complaints",
        RuleId::PracticeCalling => "Reminder calls switched on",
        RuleId::CallerNumber => "Number to call from",
        RuleId::PracticeFaxing => "Faxing switched on",
        RuleId::Collections => "Collections",
        RuleId::InsuranceReview => "Insurance review",
        RuleId::FinancialAssistance => "Financial assistance",
        RuleId::Pause => "Pause",
        RuleId::ManualHold => "Hold by staff",
        RuleId::NothingDue => "Something is due",
        RuleId::SmallBalance => "Minimum balance",
        RuleId::InsurancePending => "Insurance has answered",
        RuleId::PaymentUnderWay => "No payment under way",
        RuleId::PaidSinceApproval => "Not paid since approval",
        RuleId::Approval => "Approval",
        RuleId::FrozenContent => "As approved",
        RuleId::PaymentPlan => "Payment plan",
        RuleId::Autopay => "Autopay",
        RuleId::AsAgreed => "As agreed",
        RuleId::Stale => "On time",
        RuleId::OneAutoReply => "One automatic answer a day",
        RuleId::CapOnContact => "Messages to this contact",
        RuleId::CapOnGuarantor => "Messages to this guarantor",
        RuleId::Window => "Sending hours",
        RuleId::RateSlot => "Sender's turn",
        RuleId::PreferredChannel => "Preferred method",
        RuleId::FaxIsForTheUnreached => "Fax for whom nothing else reaches",
        RuleId::AskedToWait => "Payday or pause",
        RuleId::QuietHours => "Quiet hours",
    }
}

pub const fn opt_out_words(reason: SuppressionReason) -> &'static str {
    match reason {
        SuppressionReason::Stop => "by replying STOP",
        SuppressionReason::KeyPress => "by pressing 9 in a call",
        SuppressionReason::FreeText => "in their own words",
        SuppressionReason::Unsubscribe => "by the unsubscribe link or their account",
        SuppressionReason::Staff => "through staff",
        SuppressionReason::Carrier => "at their carrier",
        SuppressionReason::WrongNumber => "because it is a wrong number",
        SuppressionReason::Complaint => "by reporting us as spam",
    }
}

pub const fn line_name(line: LineType) -> &'static str {
    match line {
        LineType::Mobile => "Mobile",
        LineType::Voip => "Internet phone",
        LineType::Landline => "Landline",
        LineType::TollFree => "Toll-free",
        LineType::Unknown => "Unknown",
    }
}

pub const fn reach_words(reach: Reach) -> &'static str {
    match reach {
        Reach::Good => "works",
        Reach::Invalid => "is not a working number or address",
        Reach::HardBounced => "bounced for good",
        Reach::KeepsBouncing => "keeps bouncing",
        Reach::CarrierBlocked => "is blocked by the carrier",
        Reach::NotMobile => "takes no texts",
    }
}

const fn channel_word(channel: Channel) -> &'static str {
    match channel {
        Channel::Text => "text",
        Channel::Email => "email",
        Channel::Voice => "call",
        Channel::Fax => "fax",
        Channel::Letter => "letter",
    }
}

/// `America/New_York` as `New York`.
fn places(zones: &[Zone], known: bool) -> String {
    if !known {
        return "anywhere in the fifty states".to_owned();
    }
    let mut names: Vec<String> = zones
        .iter()
        .map(|zone| zone.name().rsplit('/').next().unwrap_or_default().replace('_', " "))
        .collect();
    names.dedup();
    match names.as_slice() {
        [] => "where they are".to_owned(),
        [one] => format!("in {one}"),
        [first, .., last] if names.len() == 2 => format!("in {first} and {last}"),
        [first, .., _] => format!("in {first} and {} more zones", names.len() - 1),
    }
}

const fn hours_word(strictness: Strictness) -> &'static str {
    match strictness {
        Strictness::Hard => "the legal hours",
        Strictness::Preferred => "the practice's sending hours",
    }
}

/// What a rule saw, as one sentence.
pub fn sentence(reason: &Reason, zone: &TimeZone) -> String {
    let w = Words::default();
    let day = |at: UnixMs| when::day(w, at.day_in(zone));
    let instant = |at: UnixMs| when::instant(w, at, zone);
    match &reason.fact {
        Fact::Fine => "Nothing stands in the way.".to_owned(),
        Fact::NoSuchHold { .. } => "No such hold.".to_owned(),
        Fact::HoldStands { kind, until: None } => {
            format!("On hold: {}.", hold_name(*kind).to_lowercase())
        }
        Fact::HoldStands { kind, until: Some(until) } => {
            format!("On hold until {}: {}.", day(*until), hold_name(*kind).to_lowercase())
        }
        Fact::OptedOut { reason, since } => {
            format!("Opted out on {} {}.", day(*since), opt_out_words(*reason))
        }
        Fact::OptedOutButAllowed { reason, since } => format!(
            "Opted out on {} {}, but this kind of message may still go.",
            day(*since),
            opt_out_words(*reason)
        ),
        Fact::AlreadyConfirmed { at } => format!("Confirmed already on {}.", day(*at)),
        Fact::TooLateToConfirm { since } => {
            format!("The opt-out of {} is too long ago to confirm.", day(*since))
        }
        Fact::AlreadyAnswered { at } => format!("Answered already on {}.", instant(*at)),
        Fact::ConsentGiven { at } => format!("Consent was given on {}.", day(*at)),
        Fact::ConsentRefused { at } => format!("Consent was refused on {}.", day(*at)),
        Fact::NotVerifiedSince { at: Some(at) } => {
            format!("Last confirmed as theirs on {}: too long ago.", day(*at))
        }
        Fact::NotVerifiedSince { at: None } => "Never confirmed as theirs.".to_owned(),
        Fact::PaidAfterApproval { paid_at } => {
            format!("A payment came in on {}, after the approval.", instant(*paid_at))
        }
        Fact::Approved { at } => format!("Approved on {}.", instant(*at)),
        Fact::AskedToWait { until } => {
            format!("They asked for no reminder before {}.", day(*until))
        }
        Fact::QuietHours { quiet } => format!(
            "They want nothing between {}:00 and {}:00 at their place.",
            quiet.from_hour, quiet.until_hour
        ),
        Fact::OnTime { slot_at } => format!("Meant for {}: on time.", instant(*slot_at)),
        Fact::Stale { slot_at } => {
            format!("Meant for {}: too old to send now.", instant(*slot_at))
        }
        Fact::WindowOpen { zones, known, strictness } => {
            format!("It is within {} {}.", hours_word(*strictness), places(zones, *known))
        }
        Fact::WindowClosed { zones, known, strictness } => {
            let until = match reason.verdict {
                Verdict::Defer(until) => format!(" They open {}.", instant(until)),
                Verdict::Pass | Verdict::Withhold => String::new(),
            };
            format!("It is outside {} {}.{until}", hours_word(*strictness), places(zones, *known))
        }
        Fact::WindowNeverOpens { zones, known, strictness } => format!(
            "There is no time within {} {}.",
            hours_word(*strictness),
            places(zones, *known)
        ),
        Fact::CapFull { cap, recent } => {
            let next = match reason.verdict {
                Verdict::Defer(until) => format!(" There is room again {}.", instant(until)),
                Verdict::Pass | Verdict::Withhold => String::new(),
            };
            let days = (cap.window_ms / DAY_MS).max(1);
            let span = if days == 1 { "24 hours".to_owned() } else { format!("{days} days") };
            let times = if *recent == 1 { "message" } else { "messages" };
            format!("{recent} {times} in the last {span}; at most {} may go.{next}", cap.max)
        }
        Fact::NoConsentOnFile if reason.rule == RuleId::VoiceConsent => {
            "No consent to automated calls is on file for this phone.".to_owned()
        }
        Fact::FirstBillTooRecent { at: Some(at) } => {
            format!("The first bill went on {}: a final notice waits.", day(*at))
        }
        Fact::WrittenNoticeTooRecent { at: Some(at) } => {
            format!("The written notice went on {}: a final notice waits.", day(*at))
        }
        Fact::PaidSinceAgreed { paid_at } => format!(
            "A payment came in on {}, after the practice's system last spoke of this one.",
            instant(*paid_at)
        ),
        Fact::AgreedDayOver { until } => {
            format!("It could go only after {}, when its day is over.", instant(*until))
        }
        Fact::ChargeNoticeInTime { by } => {
            format!("In time: it has to go by {}.", instant(*by))
        }
        Fact::ChargeNoticeLate { by } => format!(
            "Late: it should have gone by {}. It goes all the same, because the charge is still \
             to come.",
            instant(*by)
        ),
        Fact::ChargeNoticeTooRecent { at: Some(at) } => {
            format!("They were told of the charge on {}: it waits.", day(*at))
        }
        plain => plain_sentence(plain),
    }
}

/// Facts without an instant.
fn plain_sentence(fact: &Fact) -> String {
    let fixed = match fact {
        Fact::NobodyKnown => "No account is known for this contact.",
        Fact::OtherContact => "The contact on file is another one.",
        Fact::WrongNumber => "Somebody else answered: this is not their number.",
        Fact::ConfidentialElsewhere { channel: Channel::Text } => {
            "The patient asked to be reached by one phone only, which is another one."
        }
        Fact::ConfidentialElsewhere { channel: Channel::Email } => {
            "The patient asked to be reached by one email only, which is another one."
        }
        Fact::ConfidentialElsewhere { channel: Channel::Voice } => {
            "The patient asked to be called on one phone only, which is another one."
        }
        Fact::ConfidentialElsewhere { channel: Channel::Fax } => {
            "The patient asked to be reached by one fax only, which is another one."
        }
        Fact::ConfidentialElsewhere { channel: Channel::Letter } => {
            "The patient asked to be reached by letter only."
        }
        Fact::ConfidentialUnspecified => {
            "The patient asked for confidential communication, and no contact was named."
        }
        Fact::Adult => "The guarantor is an adult.",
        Fact::PresumedAdult => {
            "Named as responsible for somebody else's bill, so taken for an adult; the date of \
             birth is not on file."
        }
        Fact::BirthdayUnknown => {
            "The date of birth is not on file, so nobody knows whether this is an adult."
        }
        Fact::OutsideNumberingPlan => "Not a phone number of the United States or Canada.",
        Fact::NameTellsTooMuch => {
            "The practice's name would tell what somebody is treated for; a neutral custom name \
             is needed."
        }
        Fact::NotOptedOut => "Has not opted out.",
        Fact::NothingToConfirm => "There is nothing to confirm.",
        Fact::NoConsentOnFile => "No consent to texts is on file for this phone.",
        Fact::AskedForIt => "They asked for this message.",
        Fact::ConsentNotNeeded => "This way needs no recorded consent here.",
        Fact::TextsNotEnabled => "Texts are not enabled on this phone.",
        Fact::NotLive => "The practice is not live yet.",
        Fact::ImportHeld => "An import is held: balances are in doubt until a manager decides.",
        Fact::PlatformTextsOff => "Texting is not switched on for this practice by support.",
        Fact::PracticeTextsOff => "The practice has texting switched off.",
        Fact::NoNumberChosen => "No text number has been bought and chosen.",
        Fact::BillingNotAccepted => "The texting billing consent has not been accepted.",
        Fact::CampaignNotRegistered => "The texting campaign is not registered with the carriers.",
        Fact::InstaMedActive => "InstaMed is active on this account, which switches texts off.",
        Fact::ProofNotApproved => "No proof has been approved.",
        Fact::EmailNotTested => "The email sender has not been tested.",
        Fact::TooManyComplaints => "Too many spam complaints: reminders by email are paused.",
        Fact::NoWayOut => "The words do not say how to stop these messages.",
        Fact::NoCollectorNotice => "The words do not say that they come from a debt collector.",
        Fact::NoValidationNotice => "No validation notice has been sent.",
        Fact::FirstBillTooRecent { .. } => "Nobody knows when the first bill went.",
        Fact::WrittenNoticeTooRecent { .. } => {
            "No written notice that names the financial assistance is on file."
        }
        Fact::ChargeNotAuthorized => "No authorization for this card is on file.",
        Fact::ChargeStopped => "The authorization was taken back.",
        Fact::ChargeNoticeTooRecent { .. } => "They were not told of the charge.",
        Fact::VoiceOff => "The practice has reminder calls switched off.",
        Fact::NoCallerNumber => "There is no number to call from.",
        Fact::FaxOff => "The practice has faxing switched off.",
        Fact::BalanceUnknown => "What is due could not be computed.",
        Fact::InsurancePending => "Insurance has not answered yet.",
        Fact::InsuranceUnknown => "Nobody knows whether insurance has answered.",
        Fact::PaymentUnderWay { state: PaymentUnderWay::Open } => "A payment is being made.",
        Fact::PaymentUnderWay { state: PaymentUnderWay::Unknown } => {
            "A payment's outcome is not known yet."
        }
        Fact::PaymentUnderWay { state: PaymentUnderWay::No } => "No payment is under way.",
        Fact::NoApprovalNeeded => "This kind of message needs no approval.",
        Fact::NotApproved => "Waits for somebody's approval.",
        Fact::ContentChanged => "The words changed since the approval.",
        Fact::PlanKept => "A payment plan is being kept.",
        Fact::PlanBehind => "An installment of the payment plan was missed.",
        Fact::AutopayOn => "The card on file will be charged: no action is needed.",
        Fact::AsAgreed => "The practice's system says the same.",
        Fact::NothingAgreed => "Nobody knows of what the message speaks of.",
        Fact::AgreedOtherwise => {
            "The practice's system says something else by now, or takes it back."
        }
        Fact::GoesAtOnce => "Goes at any hour, because somebody waits for it.",
        Fact::SlotFresh => "The sender's turn is now.",
        Fact::SlotExpired => "The sender's turn had passed; it is asked again.",
        Fact::ChannelWelcome => "They welcome this method.",
        Fact::CarriersFilterUs => "Carriers filter our texts: reminders by text are paused.",
        Fact::PrefersOther { channel: Channel::Text } => "They prefer texts.",
        Fact::PrefersOther { channel: Channel::Email } => "They prefer email.",
        Fact::PrefersOther { channel: Channel::Voice } => "They prefer calls.",
        Fact::PrefersOther { channel: Channel::Fax } => "They prefer fax.",
        Fact::PrefersOther { channel: Channel::Letter } => "They prefer letters.",
        Fact::TakesTextOrEmail => "They take texts or email: a fax is for those who take neither.",
        counted => return counted_sentence(counted),
    };
    fixed.to_owned()
}

fn counted_sentence(fact: &Fact) -> String {
    match fact {
        Fact::Minor { years } => {
            format!("The guarantor is {years} years old, and no adult is responsible on file.")
        }
        Fact::Unreachable { reach } => format!("The contact {}.", reach_words(*reach)),
        Fact::NotAMobile { line } => {
            format!("Not a mobile number: {}.", line_name(*line).to_lowercase())
        }
        Fact::NameLength { chars, most } if chars > most => {
            format!("The custom practice name has {chars} characters; {most} are allowed.")
        }
        Fact::NameLength { chars, .. } => format!("The name in texts has {chars} characters."),
        Fact::Due { cents } => format!("{cents} is due."),
        Fact::NothingDue { .. } => "Nothing is due.".to_owned(),
        Fact::BelowMinimum { cents, minimum } => {
            format!("{cents} is due, below the minimum of {minimum} for a reminder.")
        }
        Fact::AmountChanged { approved, now } => {
            format!("{approved} was due when it was approved; now it is {now}.")
        }
        Fact::CapHasRoom { recent: 0 } => "No message lately.".to_owned(),
        Fact::CapHasRoom { recent } => format!("{recent} lately: within the limits."),
        _ => "Nothing more is known.".to_owned(),
    }
}

/// The answer in one sentence; `decision` is none when there is no contact at all.
pub fn outcome(
    decision: Option<&Decision>,
    channel: Channel,
    now: UnixMs,
    zone: &TimeZone,
) -> String {
    let by = channel_word(channel);
    let Some(decision) = decision else {
        return no_contact(channel).to_owned();
    };
    let because = decision.headline().map(|reason| sentence(reason, zone)).unwrap_or_default();
    match decision.outcome {
        Outcome::Send => format!("A reminder by {by} may go."),
        Outcome::Defer { until } => {
            format!("A reminder by {by} waits until {}. {because}", when::near(until, now, zone))
        }
        Outcome::Withhold => format!("No reminder by {by}. {because}"),
    }
}

/// The reason where nothing could be decided.
pub const fn no_contact(channel: Channel) -> &'static str {
    match channel {
        Channel::Text => "No phone number is on file.",
        Channel::Email => "No email address is on file.",
        Channel::Voice => "No phone number is on file.",
        Channel::Fax => "No fax number is on file.",
        Channel::Letter => "No postal address is on file.",
    }
}

/// Where somebody mends what a rule objects to: a label and an address.
pub fn mend(rule: Option<RuleId>, guarantor: &str) -> Option<(&'static str, String)> {
    let record = |part: &str| format!("/staff/patients/{guarantor}{part}");
    let Some(rule) = rule else { return Some(("Add a contact", record("#contacts"))) };
    Some(match rule {
        RuleId::Consent
        | RuleId::TextEnabled
        | RuleId::VoiceConsent
        | RuleId::ConsentInDc
        | RuleId::ConsentInNyc
        | RuleId::ConsentByRule => ("Record consent", record("#contacts")),
        RuleId::Reassigned | RuleId::Reachable | RuleId::RightContact | RuleId::WrongNumber => {
            ("Check the contact", record("#contacts"))
        }
        RuleId::OptOut => ("See the opt-out", record("#contacts")),
        RuleId::PreferredChannel | RuleId::AskedToWait | RuleId::QuietHours => {
            ("See the preferences", record("#preferences"))
        }
        RuleId::Minor => ("See the record", record("")),
        RuleId::HeldImport => ("Decide on the import", "/staff/imports".to_owned()),
        RuleId::Live => ("Go on with setting up", "/setup".to_owned()),
        RuleId::PracticeTexting
        | RuleId::TextNumber
        | RuleId::TextBilling
        | RuleId::TextCampaign
        | RuleId::InstaMed
        | RuleId::NameLength
        | RuleId::NeutralName
        | RuleId::Proof
        | RuleId::EmailSender
        | RuleId::PracticeCalling
        | RuleId::CallerNumber
        | RuleId::PracticeFaxing
        | RuleId::Complaints => ("Open the settings", "/staff/settings".to_owned()),
        RuleId::PaymentUnderWay | RuleId::PaidSinceApproval => {
            ("See the payments", "/staff/payments".to_owned())
        }
        RuleId::Bankruptcy
        | RuleId::QmbDoNotBill
        | RuleId::Deceased
        | RuleId::Attorney
        | RuleId::Litigation
        | RuleId::Dispute
        | RuleId::ConfidentialCommunication
        | RuleId::Collections
        | RuleId::InsuranceReview
        | RuleId::FinancialAssistance
        | RuleId::Pause
        | RuleId::ManualHold => ("See the hold", record("#holds")),
        RuleId::PaymentPlan | RuleId::Autopay | RuleId::AsAgreed => {
            ("See what was agreed", record("#arrangement"))
        }
        RuleId::CapOnContact | RuleId::CapOnGuarantor | RuleId::Stale | RuleId::OneAutoReply => {
            ("See what was sent", record("/timeline"))
        }
        _ => ("See why", record("/why")),
    })
}

/// The code of an ended message as a sentence: a rule's, or a word of the engine's.
pub fn end_words(code: &str) -> String {
    if let Some(rule) = RuleId::ALL.iter().find(|rule| rule.as_str() == code) {
        return format!("{} ({code})", rule_title(*rule));
    }
    let words = match code {
        "staff" => "Taken back by staff",
        "stop" => "They replied STOP",
        "key_press" => "They pressed 9 in a call",
        "free_text" => "They opted out in their own words",
        "unsubscribe" => "They unsubscribed",
        "carrier" => "Opted out at the carrier",
        "wrong_number" => "Wrong number",
        "complaint" => "Reported as spam",
        "wording" => "The words could not be put together",
        "undelivered" => "The carrier could not deliver it",
        "refused:opted_out" => "Refused: opted out at the carrier",
        "refused:bad_address" => "Refused: no such number or address",
        "refused:not_mobile" => "Refused: not a mobile number",
        "refused:sender_fault" => "Refused: our sender is not set up rightly",
        "refused:content" => "Refused: the carrier objects to the words",
        "refused:blocked" => "Refused: blocked by the carrier",
        "refused:filtered" => "Refused: the carrier's filter took it for spam",
        "refused:permanent" => "Refused for good",
        other => return other.replace(['_', ':'], " "),
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_and_hold_has_a_name_of_its_own() {
        let mut seen = std::collections::BTreeSet::new();
        for kind in HoldKind::ALL {
            assert!(seen.insert(hold_name(*kind)), "{kind}");
        }
        for rule in RuleId::ALL {
            assert!(!rule_title(*rule).is_empty());
        }
    }

    #[test]
    fn an_opt_out_says_when_and_how() {
        let since = UnixMs::parse_rfc3339("2026-03-02T15:00:00Z").expect("an instant");
        let fact = Fact::OptedOut { reason: SuppressionReason::Stop, since };
        let (rule, verdict) = (RuleId::OptOut, Verdict::Withhold);
        let reason = Reason { rule, verdict, fact, by: Vec::new() };
        assert_eq!(sentence(&reason, &TimeZone::UTC), "Opted out on Mar 2, 2026 by replying STOP.");
    }
}
