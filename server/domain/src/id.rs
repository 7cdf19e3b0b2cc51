//! Typed, prefixed ids: `pay_0198c…`. A prefix says in every log line what an id names, and the
//! type keeps one kind from standing in for another.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::clock::{Chance, UnixMs};

/// The text is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {0} id")]
pub struct BadId(pub &'static str);

fn mint(prefix: &str, now: UnixMs, chance: &dyn Chance) -> String {
    let mut random = [0; 10];
    chance.fill(&mut random);
    let millis = u64::try_from(now.0).unwrap_or_default();
    format!(
        "{prefix}_{}",
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid().simple()
    )
}

fn parse(prefix: &'static str, text: &str) -> Result<String, BadId> {
    let rest = text.strip_prefix(prefix).and_then(|r| r.strip_prefix('_')).ok_or(BadId(prefix))?;
    let well_formed = rest.len() == 32 && Uuid::try_parse(rest).is_ok();
    if well_formed && !rest.bytes().any(|b| b.is_ascii_uppercase()) {
        Ok(text.to_owned())
    } else {
        Err(BadId(prefix))
    }
}

/// What every id kind can do, for [`crate::clock::World::mint`].
pub trait Mint: Sized {
    fn mint(now: UnixMs, chance: &dyn Chance) -> Self;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            /// A new UUIDv7 id: sorts by creation time.
            pub fn mint(now: UnixMs, chance: &dyn Chance) -> Self {
                Self(mint($prefix, now, chance))
            }

            /// An id read back from our own database, which only ever holds minted ids.
            pub fn trusted(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Mint for $name {
            fn mint(now: UnixMs, chance: &dyn Chance) -> Self {
                Self::mint(now, chance)
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                parse($prefix, text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    PracticeId = "prc";
    /// The account of the person responsible for a bill (D-1).
    GuarantorId = "gua";
    PatientId = "pat";
    ClaimId = "clm";
    ChargeLineId = "chl";
    /// A phone or an email of a guarantor.
    ContactId = "con";
    ConsentId = "cns";
    SuppressionId = "sup";
    HoldId = "hld";
    /// A run of reminders: what staff call a job.
    JobId = "job";
    MessageId = "msg";
    /// A list of reminders that somebody is still ticking.
    DraftId = "dft";
    DecisionId = "dec";
    ReplyId = "rpl";
    /// Everything said with one phone.
    ConversationId = "cnv";
    CannedReplyId = "can";
    /// What staff did about a message that failed.
    HandledErrorId = "her";
    /// A number a practice wants to buy.
    NumberOrderId = "nbo";
    BillingConsentId = "bcs";
    /// A key pressed in a call.
    CallKeyId = "ckp";
    NoteId = "not";
    /// One try to pay. Also the processor's idempotency key (D-23).
    AttemptId = "att";
    /// Money captured.
    PaymentId = "pay";
    RefundId = "ref";
    /// What follows from a payment: a receipt to send.
    EffectId = "eff";
    JournalId = "jrn";
    PostingId = "pst";
    ImportId = "imp";
    StaffId = "stf";
    /// A patient's login.
    LoginId = "lgn";
    CodeId = "otc";
    /// What a practice changed in a rule about messages.
    RuleChangeId = "rch";
    RuleReviewId = "rrv";
    AuditId = "aud";
    ApiKeyId = "key";
    AccessCodeId = "acc";
    TaskId = "tsk";
    SessionId = "ses";
    LinkAccessId = "lac";
    /// One version of a practice's words.
    TemplateId = "tpl";
    /// A saved filter over accounts.
    SegmentId = "seg";
    /// A statement profile; its versions are what is approved and climbed.
    ProfileId = "prf";
    ProfileVersionId = "prv";
    /// What a person does next about an account: a call, a letter, a proposal.
    FollowUpId = "fup";
    FollowUpTryId = "fut";
    /// A draft tried on the whole book.
    ForecastId = "fct";
}
