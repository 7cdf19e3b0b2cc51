//! What `decide` looks at: the message proposed, the facts of the moment, and the practice's rules.
//!
//! Whoever loads facts fills every field; there are no defaults, because a forgotten field must not
//! read as "fine". A fact nobody knows is `None`, and `None` does not send.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    clock::UnixMs,
    holds::Hold,
    id::{ClaimId, MessageId},
    money::Cents,
    rulebook::Rulebook,
    window::{Strictness, Windows},
    wishes::QuietHours,
    zones::{self, Whereabouts},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Text,
    Email,
    /// A call with a recorded or synthesised voice.
    Voice,
    Fax,
    /// Printed and mailed by the practice.
    Letter,
}

impl Channel {
    pub const ALL: [Self; 5] = [Self::Text, Self::Email, Self::Voice, Self::Fax, Self::Letter];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Email => "email",
            Self::Voice => "voice",
            Self::Fax => "fax",
            Self::Letter => "letter",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == code)
    }

    /// Goes to a telephone number, and makes something ring where that number is.
    pub const fn rings(self) -> bool {
        matches!(self, Self::Text | Self::Voice | Self::Fax)
    }
}

/// What a message is for (X3). Anything promotional has no class here, so it cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A reminder of a balance: everything applies.
    Dunning,
    /// A payment that was agreed to is coming: an instalment of a plan, a charge of the card on file.
    /// Its day was agreed to, so it waits for no approval, which might come after it.
    Agreed,
    /// The card on file was declined. Needs no approval (S-SF9).
    FailedAutopay,
    /// A staff member writes to one patient (S-SF8).
    StaffDirect,
    /// The patient asked for a new pay link.
    NewLink,
    /// A settled payment is confirmed.
    Receipt,
    /// A one-time code somebody waits for.
    Code,
    /// About the patient's own login: confirm the address, password changed.
    AccountNotice,
    /// The one confirmation of an opt-out (M19).
    OptOutConfirmation,
    /// The answer to START, UNSTOP or YES (M21).
    OptInConfirmation,
    /// The answer to HELP or INFO (M22).
    Help,
    /// The fixed answer to a reply nobody reads (S-R2).
    AutoReply,
    /// To a member of staff, never to a patient: pending approvals, alarms, a test of the sender.
    StaffNotice,
}

impl Class {
    pub const ALL: [Self; 13] = [
        Self::Dunning,
        Self::Agreed,
        Self::FailedAutopay,
        Self::StaffDirect,
        Self::NewLink,
        Self::Receipt,
        Self::Code,
        Self::AccountNotice,
        Self::OptOutConfirmation,
        Self::OptInConfirmation,
        Self::Help,
        Self::AutoReply,
        Self::StaffNotice,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dunning => "dunning",
            Self::Agreed => "agreed",
            Self::FailedAutopay => "failed_autopay",
            Self::StaffDirect => "staff_direct",
            Self::NewLink => "new_link",
            Self::Receipt => "receipt",
            Self::Code => "code",
            Self::AccountNotice => "account_notice",
            Self::OptOutConfirmation => "opt_out_confirmation",
            Self::OptInConfirmation => "opt_in_confirmation",
            Self::Help => "help",
            Self::AutoReply => "auto_reply",
            Self::StaffNotice => "staff_notice",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }

    /// Asks for money: the balance, the caps and the age of the message matter.
    pub const fn is_reminder(self) -> bool {
        matches!(self, Self::Dunning | Self::Agreed | Self::FailedAutopay)
    }

    /// Answers a text the person has just sent.
    pub const fn is_reply(self) -> bool {
        matches!(
            self,
            Self::OptOutConfirmation | Self::OptInConfirmation | Self::Help | Self::AutoReply
        )
    }

    /// Begins with the practice or its books rather than with the person.
    pub const fn is_outreach(self) -> bool {
        matches!(self, Self::Dunning | Self::Agreed | Self::FailedAutopay | Self::StaffDirect)
    }

    /// Goes to a patient's contact outside a conversation of that very minute.
    pub const fn needs_the_practice_set_up(self) -> bool {
        !self.is_reply() && !matches!(self, Self::Code | Self::StaffNotice)
    }

    /// Counts towards the caps and waits for them. Codes and receipts are outside (journeys, Time);
    /// so is paper, which nobody has to answer.
    pub const fn is_capped_on(self, channel: Channel) -> bool {
        self.is_reminder() && !matches!(channel, Channel::Letter)
    }

    /// The window that binds it on `channel`; `None` goes at once.
    pub const fn window_on(self, channel: Channel) -> Option<Strictness> {
        match (self, channel) {
            (_, Channel::Letter) => None,
            (Self::Dunning | Self::Agreed, _) => Some(Strictness::Preferred),
            (Self::FailedAutopay, _) => Some(Strictness::Hard),
            (Self::StaffDirect | Self::Receipt | Self::AccountNotice, ringing)
                if ringing.rings() =>
            {
                Some(Strictness::Hard)
            }
            _ => None,
        }
    }
}

/// A message somebody would like to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    pub message_id: MessageId,
    /// A number in E.164, a folded email address, or the address on a letter; the permit is for this
    /// one and no other.
    pub recipient: String,
    pub class: Class,
    pub channel: Channel,
    /// Shared by the text and the email of one notice, so that both together count once for a
    /// guarantor who chose both.
    pub notice: String,
    /// The claims it is about; empty for the account as a whole.
    pub claims: Vec<ClaimId>,
    /// When it was meant to go. After a deferral, the instant deferred to.
    pub slot_at: UnixMs,
    /// Lowercase hex SHA-256 over body and amount, as frozen by the approval (D-39).
    pub content_hash: String,
    pub says: Says,
}

/// What the rules want to know about the words, read off the words themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Says {
    /// How to stop these messages (M14, M23): STOP in a text, one-click unsubscribe in an email.
    pub way_out: bool,
    /// That this is from a debt collector (M14).
    pub collector_notice: bool,
    /// It is the notice that ends the reminders (M35).
    pub is_final_notice: bool,
}

/// In whose name a message goes, which decides what law looks at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sender {
    /// The practice, in its own name.
    #[default]
    FirstParty,
    /// Somebody who collects for others.
    ThirdParty,
    /// Nothing here sends marketing; rules may still speak of it.
    Marketing,
}

/// All that is known, at one moment, about the message's practice, recipient and balance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub practice: PracticeFacts,
    pub contact: ContactFacts,
    /// `None` for a reply to a number that belongs to nobody, and for staff.
    pub guarantor: Option<GuarantorFacts>,
    /// `None` where no balance is at stake or it could not be computed.
    pub balance: Option<BalanceFacts>,
    pub approval: Approval,
    pub history: History,
}

/// Whether the practice may send at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PracticeFacts {
    /// Go live was pressed and not taken back.
    pub is_live: bool,
    /// An import waits for a manager: balances are in doubt (MS6).
    pub import_is_held: bool,
    pub platform_text_enabled: bool,
    pub practice_text_enabled: bool,
    pub text_number_chosen: bool,
    pub text_billing_accepted: bool,
    /// The campaign under which US carriers take the texts (M25).
    pub text_campaign_registered: bool,
    /// Codes go from another sender than reminders, so that STOP locks nobody out (D-34).
    pub code_sender_is_separate: bool,
    pub proof_approved: bool,
    pub email_sender_tested: bool,
    /// Too many complaints: reminders by email are paused (M30).
    pub email_paused_for_complaints: bool,
    /// Reminders by recorded voice, which nobody gets unless a manager switched them on (M38).
    pub voice_is_on: bool,
    /// The number that calls come from.
    pub caller_number_chosen: bool,
    /// Reminders by fax, to those whom neither text nor email may reach (S-B10).
    pub fax_is_on: bool,
    /// Carriers take our texts for spam: reminders by text are paused (M25).
    pub texts_paused_by_carriers: bool,
    pub instamed_is_active: bool,
    /// Characters of the name a text will carry: custom name, else the practice's.
    pub text_name_chars: u32,
    /// The length above is of a custom name: only those can be too long (S-TP2).
    pub text_name_is_custom: bool,
    /// The name alone would tell what somebody is treated for (M27).
    pub is_sensitive: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineType {
    Mobile,
    Voip,
    Landline,
    TollFree,
    /// Nobody has looked it up.
    Unknown,
}

/// What earlier deliveries taught about a contact (M32, D-41).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    Good,
    Invalid,
    /// A telephone that takes no texts: it may still be called.
    NotMobile,
    HardBounced,
    /// Three soft bounces in 14 days.
    KeepsBouncing,
    CarrierBlocked,
}

/// Why a contact does not want to hear from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    /// STOP or one of its words.
    Stop,
    /// The 9 in a call: calls to that phone end at once (D-47).
    KeyPress,
    /// Free text, voicemail, a letter: any reasonable means (M17).
    FreeText,
    /// One-click unsubscribe or the toggle in the patient's account.
    Unsubscribe,
    Staff,
    /// The carrier told us: 21610 (D-34).
    Carrier,
    /// "This isn't me", or "wrong number": for every practice on the server (decision 30).
    WrongNumber,
    Complaint,
}

/// How much an opt-out covers (M20, MS8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionScope {
    Everything,
    /// The person answered RECEIPTS: receipts stay welcome.
    AllButReceipts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Suppression {
    pub reason: SuppressionReason,
    pub scope: SuppressionScope,
    pub since: UnixMs,
}

/// How a consent came to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentSource {
    /// From the practice's own system, by import or contacts file.
    Import,
    /// The opt-in to automated phone calls, which S-B1 accepts.
    PhoneReminders,
    Staff,
    Portal,
    /// START, UNSTOP or YES from that very number.
    Keyword,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Consent {
    /// False when the person was asked and said no.
    pub granted: bool,
    pub source: ConsentSource,
    pub at: UnixMs,
}

/// The one phone or email the message is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactFacts {
    /// As on file, normalised. Must equal the message's recipient.
    pub value: String,
    pub line: LineType,
    pub reach: Reach,
    /// Staff enabled texting on this phone (S-B2). Ignored for email.
    pub text_enabled: bool,
    pub suppression: Option<Suppression>,
    /// The newest consent row of this contact and channel.
    pub consent: Option<Consent>,
    /// Somebody at this contact said they are someone else (D-45).
    pub is_wrong_number: bool,
    /// When it was last confirmed to belong to the guarantor (M33).
    pub verified_at: Option<UnixMs>,
    /// When the last confirmation of an opt-out went to it: there is one for each (M19).
    pub opt_out_confirmed_at: Option<UnixMs>,
    /// When the fixed answer last went to it: once in 24 hours (X1).
    pub auto_replied_at: Option<UnixMs>,
    /// When the person on the line pressed the key for this very text. It is consent to this one.
    pub asked_at: Option<UnixMs>,
}

/// Which channels a guarantor asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preference {
    /// Never asked.
    Either,
    Text,
    Email,
    /// The same notice on both counts as one contact.
    Both,
}

/// A patient may bind us to one contact (M28).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnlyThisWay {
    pub channel: Channel,
    pub value: String,
}

/// The person responsible for the bill (D-1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuarantorFacts {
    pub born_on: Option<Date>,
    /// Named as somebody else than the patients: taken for an adult while the birthday is unknown.
    pub is_separate_from_patients: bool,
    pub holds: Vec<Hold>,
    pub only_this_way: Option<OnlyThisWay>,
    pub preference: Preference,
    /// A phone that agreed to texts or an email that takes reminders is on file: no fax then.
    pub takes_text_or_email: bool,
    pub whereabouts: Whereabouts,
    /// The person asked for no reminder before this instant: a payday, a pause (MS11).
    pub not_before: Option<UnixMs>,
    /// Hours of the day in which the person wants nothing.
    pub quiet: Option<QuietHours>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentUnderWay {
    No,
    /// An attempt is open.
    Open,
    /// The processor has not told us how one ended.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanStanding {
    NoPlan,
    Kept,
    /// An installment was missed: a reminder of it may go.
    Behind,
}

/// How a payment that a message speaks of stands by now: an instalment, a charge of the card on
/// file, a charge that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgreedPayment {
    /// The message speaks of none, or nobody knows of it.
    #[default]
    Unknown,
    /// The practice's system says what the message says.
    Stands {
        /// From then on its day is over.
        until: Option<UnixMs>,
        /// When the day of a charge begins; `None` where nothing will be charged.
        charge_at: Option<UnixMs>,
    },
    /// A newer file says something else, or that there is nothing.
    Withdrawn,
    /// Something was paid since the practice's system said it: by now it may be this.
    Paid { at: UnixMs },
}

/// What is due on the claims of the message, net of everything received (D-11, D-15).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceFacts {
    /// `None` when it could not be computed.
    pub net_due: Option<Cents>,
    /// Still with an insurer (D-8). `None` when the practice's system did not say.
    pub insurance_pending: Option<bool>,
    pub payment: PaymentUnderWay,
    pub last_paid_at: Option<UnixMs>,
    pub plan: PlanStanding,
    /// A card on file will be charged.
    pub autopay_is_on: bool,
    /// What a message about an agreed payment speaks of.
    pub agreed: AgreedPayment,
    /// When the first bill for this balance went out (M35). `None` when nobody knows.
    pub first_billed_at: Option<UnixMs>,
    /// When a written notice named the assistance and what may follow (M35).
    pub written_notice_at: Option<UnixMs>,
    /// When the validation notice of a collector went (M14).
    pub validation_sent_at: Option<UnixMs>,
}

/// A person's yes to one exact message (D-39, M39).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub is_required: bool,
    pub given: Option<Approved>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    pub at: UnixMs,
    pub content_hash: String,
    /// What was due when it was approved.
    pub net_due: Cents,
}

/// An earlier message that counts towards the caps: accepted by a provider (D-40).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    pub at: UnixMs,
    pub notice: String,
}

/// Capped messages of at least the last 30 days, in any order, this message itself left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// To this phone or email, whatever the account (D-4).
    pub to_contact: Vec<Sent>,
    /// To this guarantor, whatever the channel.
    pub to_guarantor: Vec<Sent>,
}

/// What a practice has set. `Default` is the product's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rules {
    pub windows: Windows,
    pub minimum_balance: Cents,
    /// A phone not confirmed within this many days is not texted (M33). Off unless the practice
    /// subscribes to a number check; the rule M33 may ask for less.
    pub reverify_after_days: Option<u16>,
    pub sender: Sender,
    /// The waits of 26 CFR 1.501(r)-6 apply (M35).
    pub is_nonprofit_hospital: bool,
    pub book: Rulebook,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            windows: Windows::default(),
            minimum_balance: Cents(10_00),
            reverify_after_days: None,
            sender: Sender::FirstParty,
            is_nonprofit_hospital: false,
            book: Rulebook::product(),
        }
    }
}

impl Rules {
    /// Which rules decide: theirs, and the version of the zone database, as `3.9f3a1c20/tz2025b`.
    pub fn version(&self) -> String {
        format!("{}/tz{}", self.book.version(), zones::rules_of_daylight_saving())
    }
}
