//! Ways to reach a person: a text, an email, a call, a fax.
//!
//! The only way in is a [`SendPermit`], taken by value: the gate made it a moment ago for one
//! message to one recipient, and it is gone after one try. A channel refuses a permit that has
//! expired or names somebody else. There is no idempotency key at these vendors, so an outcome that
//! nobody knows is [`ChannelError::Unknown`], and the caller looks before it sends again (R64).

use domain::{clock::UnixMs, decide::Channel, gate::SendPermit};

pub mod email;
pub mod interfax;
mod picture;
pub mod sendgrid;
pub mod smtp;
pub mod twilio;

/// A text to one phone. The body is what the person reads; the vendor splits it into segments.
#[derive(Clone, PartialEq, Eq)]
pub struct TextMessage {
    /// E.164: `+15125550123`.
    pub to_e164: String,
    pub body: String,
}

/// What kind of email this is. Reminders and the rest go out as separate streams (D-46).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailClass {
    /// Asks for money; carries the one-click unsubscribe.
    Reminder,
    /// Answers something the person did: a receipt, a code.
    Transactional,
}

impl EmailClass {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reminder => "reminder",
            Self::Transactional => "transactional",
        }
    }
}

/// An email to one address, both parts written.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailMessage {
    pub from_name: String,
    pub from_address: String,
    pub reply_to: Option<String>,
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// An address of which the HTML part shows a picture code, as `cid:link` (S-TP8).
    pub picture_of: Option<String>,
    /// https address that unsubscribes by one POST without asking (RFC 8058).
    pub list_unsubscribe_url: Option<String>,
    /// Our message id; becomes `Message-ID: <id@sender's domain>`, so that a copy is recognisable.
    pub message_id: String,
    pub class: EmailClass,
}

/// A call to one phone. Its words are asked for when somebody picks up.
#[derive(Clone, PartialEq, Eq)]
pub struct CallMessage {
    /// E.164.
    pub to_e164: String,
    /// Names it in the address that is asked for its words.
    pub message_id: String,
    /// No earlier call to this phone can be this one.
    pub since: UnixMs,
}

/// A page to one fax machine.
#[derive(Clone, PartialEq, Eq)]
pub struct FaxMessage {
    /// E.164.
    pub to_e164: String,
    /// A PDF.
    pub document: Vec<u8>,
    /// Our message id, to find it again; never transmitted.
    pub reference: String,
}

impl std::fmt::Debug for CallMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallMessage").field("message_id", &self.message_id).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for FaxMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaxMessage").field("reference", &self.reference).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for TextMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextMessage").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for EmailMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("EmailMessage");
        debug.field("message_id", &self.message_id).field("class", &self.class);
        debug.finish_non_exhaustive()
    }
}

/// The provider has it. That is not yet delivered (D-41).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The provider's id of the message; for email, our Message-ID without brackets.
    pub provider_id: String,
    pub status: DeliveryStatus,
    /// Parts the text was split into; 1 for anything else.
    pub segments: u32,
}

/// How far a message came, in rank order: a report never moves a message backwards (R27).
///
/// `Delivered` ranks above the failures, because a carrier's receipt outlives its own doubts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryStatus {
    Queued,
    Sent,
    Undelivered,
    Failed,
    Delivered,
}

impl DeliveryStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
        }
    }

    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Sent)
    }

    /// Whether a report of `self` may replace what is stored.
    pub fn supersedes(self, stored: Self) -> bool {
        self > stored
    }
}

/// Why it will not be sent, and so what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalCause {
    /// The carrier knows of an opt-out: record it, never try again (D-34).
    OptedOut,
    /// There is nobody at this number or address: the contact needs staff.
    BadAddress,
    /// A landline or the like: another channel may do.
    NotMobile,
    /// Our side is at fault: credentials, sender, permit. Stop and alert.
    SenderFault,
    /// This message is at fault: too long, forbidden header.
    Content,
    /// Blocked on the way: this recipient does not get our messages.
    Blocked,
    /// A filter took it for spam: the words or the sender, not the recipient.
    Filtered,
    /// For good, for a reason the table does not know: staff decide.
    Permanent,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// Not sent, and this message to this recipient never will be.
    #[error("refused: {cause:?} ({code:?})")]
    Refused {
        /// The vendor's code, for the record.
        code: Option<i64>,
        cause: RefusalCause,
    },
    /// Not sent; the same message may be tried later.
    #[error("try later ({code:?})")]
    Retry {
        code: Option<i64>,
        /// When the vendor said how long to wait.
        after_ms: Option<u64>,
    },
    /// Nobody knows whether it was sent: look it up, and if that cannot be done, let it be.
    #[error("outcome unknown: {cause}")]
    Unknown { cause: &'static str },
}

impl ChannelError {
    /// Refused on our side, before any vendor was asked.
    pub const fn refused(cause: RefusalCause) -> Self {
        Self::Refused { code: None, cause }
    }

    pub(crate) const fn later() -> Self {
        Self::Retry { code: None, after_ms: None }
    }
}

/// The settings of a channel cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("channel settings: {0}")]
pub struct BadOptions(pub &'static str);

/// This machine: the only place that plain http may lead to.
pub(crate) fn is_loopback(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The last look before the wire: a live permit, for this way and this recipient.
pub(crate) fn admit(
    permit: &SendPermit,
    channel: Channel,
    now: UnixMs,
    to: &str,
) -> Result<(), ChannelError> {
    if permit.is_valid_at(now) && permit.channel() == channel && permit.recipient() == to {
        Ok(())
    } else {
        Err(ChannelError::refused(RefusalCause::SenderFault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_never_moves_a_message_backwards() {
        use DeliveryStatus::{Delivered, Failed, Queued, Sent, Undelivered};
        assert!(Sent.supersedes(Queued) && Delivered.supersedes(Sent) && Failed.supersedes(Sent));
        for (late, stored) in
            [(Sent, Delivered), (Failed, Delivered), (Queued, Sent), (Sent, Failed), (Sent, Sent)]
        {
            assert!(!late.supersedes(stored), "{late:?} after {stored:?}");
        }
        assert!(Delivered.supersedes(Undelivered));
    }

    #[test]
    fn neither_recipient_nor_body_is_ever_printed() {
        let text = TextMessage { to_e164: "+15125550123".into(), body: "You owe".into() };
        assert_eq!(format!("{text:?}"), "TextMessage { .. }");
    }
}
