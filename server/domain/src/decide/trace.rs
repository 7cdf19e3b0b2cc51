//! The answer and its reasons, in words a program can turn into sentences in any language.
//!
//! Promises that a stored decision can be read back years later: rule ids and fact names are stable
//! codes, never prose.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

use super::facts::{Channel, LineType, PaymentUnderWay, Reach, SuppressionReason};
use crate::{
    caps::Cap,
    clock::UnixMs,
    holds::{HoldKind, Precedence},
    money::Cents,
    window::Strictness,
    wishes::QuietHours,
    zones::Zone,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    /// Not before this instant, as far as this rule can tell.
    Defer(UnixMs),
    Withhold,
}

impl Verdict {
    pub(super) const fn severity(self) -> u8 {
        match self {
            Self::Withhold => 0,
            Self::Defer(_) => 1,
            Self::Pass => 2,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    Send,
    /// Every rule that waits has stopped waiting by then, and the window is open.
    Defer {
        until: UnixMs,
    },
    Withhold,
}

macro_rules! rule_ids {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $class:ident;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum RuleId {
            $($(#[$doc])* #[serde(rename = $code)] $name,)*
        }

        impl RuleId {
            /// In the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As in the reference: `M15`, `D-49`, `S-TP2`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            pub const fn precedence(self) -> Precedence {
                match self { $(Self::$name => Precedence::$class,)* }
            }
        }
    };
}

rule_ids! {
    Bankruptcy = "D-49", LegalBlock;
    QmbDoNotBill = "D-19", LegalBlock;
    Deceased = "D-50", LegalBlock;
    Attorney = "M34.attorney", LegalBlock;
    Litigation = "M34.litigation", LegalBlock;
    Dispute = "D-20", LegalBlock;
    /// The recipient is the contact whose facts were read.
    RightContact = "D-1", Safety;
    WrongNumber = "D-45", Safety;
    ConfidentialCommunication = "M28", Safety;
    Minor = "D-3", Safety;
    Reachable = "M32", Safety;
    NeutralName = "M27", Safety;
    OptOut = "M18", Consent;
    Consent = "M01", Consent;
    OneConfirmation = "M19", Consent;
    TextEnabled = "S-B2", Consent;
    /// A recorded voice needs a consent of its own, apart from that to texts.
    VoiceConsent = "D-47", Consent;
    ConsentInDc = "M09", Consent;
    ConsentInNyc = "M10", Consent;
    /// A consent that some other rule of the book asks for.
    ConsentByRule = "M01.local", Consent;
    Reassigned = "M33", Consent;
    Live = "S-G1", Hold;
    HeldImport = "MS6", Hold;
    PracticeTexting = "S-G3", Hold;
    TextNumber = "S-NU2", Hold;
    TextBilling = "S-G4", Hold;
    TextCampaign = "M25", Hold;
    InstaMed = "S-G2", Hold;
    NameLength = "S-TP2", Hold;
    Proof = "S-G8", Hold;
    EmailSender = "D-46", Hold;
    Complaints = "M30", Hold;
    PracticeCalling = "M38", Hold;
    CallerNumber = "M38.number", Hold;
    PracticeFaxing = "S-SF11", Hold;
    Collections = "D-51", Hold;
    InsuranceReview = "M34.review", Hold;
    FinancialAssistance = "M34.assistance", Hold;
    Pause = "D-52", Hold;
    ManualHold = "M34.manual", Hold;
    NothingDue = "D-15", Hold;
    SmallBalance = "D-16", Hold;
    InsurancePending = "D-8", Hold;
    PaymentUnderWay = "M34.payment", Hold;
    PaidSinceApproval = "D-36", Hold;
    Approval = "M39", Hold;
    FrozenContent = "D-39", Hold;
    PaymentPlan = "D-30", Plan;
    Autopay = "D-30.autopay", Plan;
    /// What a message says of an agreed payment is what the practice's system says.
    AsAgreed = "D-30.agreed", Plan;
    Stale = "M40", Cadence;
    /// The words say how to stop them.
    WayOut = "M23", Safety;
    /// What a collector must have said and sent.
    CollectorDuties = "M14", Safety;
    FinalNotice = "M35", Hold;
    ChargeNotice = "M36", Hold;
    OneAutoReply = "S-R2", Cadence;
    CapOnContact = "M15", Cadence;
    CapOnGuarantor = "M15.guarantor", Cadence;
    Window = "M03", Cadence;
    RateSlot = "decision-31", Cadence;
    PreferredChannel = "S-SF10", Preference;
    FaxIsForTheUnreached = "S-B10", Preference;
    AskedToWait = "MS11", Preference;
    QuietHours = "S-R3", Preference;
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<HoldKind> for RuleId {
    fn from(kind: HoldKind) -> Self {
        match kind {
            HoldKind::Bankruptcy => Self::Bankruptcy,
            HoldKind::QmbDoNotBill => Self::QmbDoNotBill,
            HoldKind::Deceased => Self::Deceased,
            HoldKind::Attorney => Self::Attorney,
            HoldKind::Litigation => Self::Litigation,
            HoldKind::Dispute => Self::Dispute,
            HoldKind::WrongNumber => Self::WrongNumber,
            HoldKind::ConfidentialCommunication => Self::ConfidentialCommunication,
            HoldKind::Collections => Self::Collections,
            HoldKind::InsuranceReview => Self::InsuranceReview,
            HoldKind::FinancialAssistance => Self::FinancialAssistance,
            HoldKind::Pause => Self::Pause,
            HoldKind::Manual => Self::ManualHold,
            HoldKind::PaymentPlan => Self::PaymentPlan,
            HoldKind::Autopay => Self::Autopay,
        }
    }
}

/// What a rule saw. Holds no name, number or address: a trace may be shown and kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Fact {
    /// The rule found nothing to object to, and there is nothing more to say.
    Fine,
    NoSuchHold {
        kind: HoldKind,
    },
    HoldStands {
        kind: HoldKind,
        until: Option<UnixMs>,
    },
    NobodyKnown,
    OtherContact,
    WrongNumber,
    ConfidentialElsewhere {
        channel: Channel,
    },
    ConfidentialUnspecified,
    Adult,
    /// Named as responsible for somebody else's bill; the birthday is not on file.
    PresumedAdult,
    Minor {
        years: i16,
    },
    BirthdayUnknown,
    Unreachable {
        reach: Reach,
    },
    NotAMobile {
        line: LineType,
    },
    OutsideNumberingPlan,
    NameTellsTooMuch,
    NotOptedOut,
    OptedOut {
        reason: SuppressionReason,
        since: UnixMs,
    },
    /// Opted out, and this kind of message may go all the same.
    OptedOutButAllowed {
        reason: SuppressionReason,
        since: UnixMs,
    },
    NothingToConfirm,
    AlreadyConfirmed {
        at: UnixMs,
    },
    TooLateToConfirm {
        since: UnixMs,
    },
    AlreadyAnswered {
        at: UnixMs,
    },
    ConsentGiven {
        at: UnixMs,
    },
    ConsentRefused {
        at: UnixMs,
    },
    NoConsentOnFile,
    AskedForIt,
    /// Email, fax and letters need no consent row here.
    ConsentNotNeeded,
    TextsNotEnabled,
    NotVerifiedSince {
        at: Option<UnixMs>,
    },
    NotLive,
    ImportHeld,
    PlatformTextsOff,
    PracticeTextsOff,
    NoNumberChosen,
    BillingNotAccepted,
    CampaignNotRegistered,
    InstaMedActive,
    NameLength {
        chars: u32,
        most: u32,
    },
    ProofNotApproved,
    EmailNotTested,
    TooManyComplaints,
    VoiceOff,
    NoCallerNumber,
    FaxOff,
    CarriersFilterUs,
    Due {
        cents: Cents,
    },
    BalanceUnknown,
    NothingDue {
        cents: Cents,
    },
    BelowMinimum {
        cents: Cents,
        minimum: Cents,
    },
    InsurancePending,
    InsuranceUnknown,
    PaymentUnderWay {
        state: PaymentUnderWay,
    },
    PaidAfterApproval {
        paid_at: UnixMs,
    },
    Approved {
        at: UnixMs,
    },
    NoApprovalNeeded,
    NotApproved,
    ContentChanged,
    AmountChanged {
        approved: Cents,
        now: Cents,
    },
    PlanKept,
    PlanBehind,
    AutopayOn,
    AsAgreed,
    NothingAgreed,
    AgreedOtherwise,
    PaidSinceAgreed {
        paid_at: UnixMs,
    },
    AgreedDayOver {
        until: UnixMs,
    },
    OnTime {
        slot_at: UnixMs,
    },
    Stale {
        slot_at: UnixMs,
    },
    CapHasRoom {
        recent: u32,
    },
    CapFull {
        cap: Cap,
        recent: u32,
    },
    WindowOpen {
        zones: Vec<Zone>,
        known: bool,
        strictness: Strictness,
    },
    WindowClosed {
        zones: Vec<Zone>,
        known: bool,
        strictness: Strictness,
    },
    WindowNeverOpens {
        zones: Vec<Zone>,
        known: bool,
        strictness: Strictness,
    },
    GoesAtOnce,
    NoWayOut,
    NoCollectorNotice,
    NoValidationNotice,
    FirstBillTooRecent {
        at: Option<UnixMs>,
    },
    WrittenNoticeTooRecent {
        at: Option<UnixMs>,
    },
    ChargeNotAuthorized,
    ChargeStopped,
    ChargeNoticeTooRecent {
        at: Option<UnixMs>,
    },
    /// The notice goes so long before the charge as it has to.
    ChargeNoticeInTime {
        by: UnixMs,
    },
    /// It should have gone by then. It goes all the same: the charge is still to come.
    ChargeNoticeLate {
        by: UnixMs,
    },
    SlotFresh,
    SlotExpired,
    ChannelWelcome,
    PrefersOther {
        channel: Channel,
    },
    TakesTextOrEmail,
    /// A payday, or a pause they chose.
    AskedToWait {
        until: UnixMs,
    },
    QuietHours {
        quiet: QuietHours,
    },
}

/// One rule's word on the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub rule: RuleId,
    pub verdict: Verdict,
    pub fact: Fact,
    /// The rules of the book that made it so, where the name above does not say it all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
}

/// What a rule answers, before its name is put to it.
pub(crate) struct Finding {
    pub verdict: Verdict,
    pub fact: Fact,
    pub by: Vec<String>,
}

impl Finding {
    pub(super) const fn pass(fact: Fact) -> Self {
        Self { verdict: Verdict::Pass, fact, by: Vec::new() }
    }

    pub(super) const fn withhold(fact: Fact) -> Self {
        Self { verdict: Verdict::Withhold, fact, by: Vec::new() }
    }

    pub(super) const fn defer(until: UnixMs, fact: Fact) -> Self {
        Self { verdict: Verdict::Defer(until), fact, by: Vec::new() }
    }

    pub(super) fn by(mut self, rule: &str) -> Self {
        self.by.push(rule.to_owned());
        self
    }
}

/// What to do with a message, and why. Stored with the message and shown to staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Every rule that applies to the class and channel. First the ones that object, in the
    /// precedence of domain rules 5.5, so that the first is the headline; then the ones that pass.
    pub reasons: Vec<Reason>,
    pub ruleset_version: Cow<'static, str>,
    /// Lowercase hex SHA-256 over message, facts and rules; the instant is left out.
    pub inputs_hash: String,
}

impl Decision {
    /// The reason to name when there is room for one; `None` when the message may go.
    pub fn headline(&self) -> Option<&Reason> {
        self.reasons.first().filter(|reason| reason.verdict != Verdict::Pass)
    }

    pub fn sends(&self) -> bool {
        self.outcome == Outcome::Send
    }

    pub fn reason(&self, rule: RuleId) -> Option<&Reason> {
        self.reasons.iter().find(|reason| reason.rule == rule)
    }

    /// Nothing but the approval stands in the way: back to pending, not away (D-39).
    pub fn waits_for_approval_only(&self) -> bool {
        let mut withheld =
            self.reasons.iter().filter(|r| r.verdict == Verdict::Withhold).peekable();
        withheld.peek().is_some()
            && withheld.all(|r| matches!(r.rule, RuleId::Approval | RuleId::FrozenContent))
    }
}
