//! The ways out, as the engine sees them. The server gives the real ones, one account per practice.

use connect::channel::{
    Accepted, CallMessage, ChannelError, DeliveryStatus, EmailMessage, FaxMessage, RefusalCause,
    TextMessage,
};
use domain::{clock::UnixMs, decide::Class, gate::SendPermit, practice::Practice};
use futures_util::future::BoxFuture;

/// A message that the provider has, found by looking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub provider_id: String,
    pub status: DeliveryStatus,
    pub code: Option<i64>,
    pub segments: u32,
}

/// What a provider says later about a message it took; ranked by `status`, so that reports may come
/// twice and in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryReport {
    pub provider_id: String,
    pub status: DeliveryStatus,
    /// The provider's own word and code, for the record.
    pub word: String,
    pub code: Option<i64>,
    /// What the code asks for, when it is for good.
    pub cause: Option<RefusalCause>,
}

/// Hands messages over. An implementation never retries, and answers `Unknown` when in doubt.
pub trait Channels: Send + Sync {
    /// `permit.class()` says which sender: codes may have one of their own.
    fn send_text<'a>(
        &'a self,
        practice: &'a Practice,
        permit: SendPermit,
        now: UnixMs,
        message: &'a TextMessage,
    ) -> BoxFuture<'a, Result<Accepted, ChannelError>>;

    /// Looks for a text with exactly this body to this number.
    fn find_text<'a>(
        &'a self,
        practice: &'a Practice,
        class: Class,
        message: &'a TextMessage,
    ) -> BoxFuture<'a, Result<Option<Found>, ChannelError>>;

    fn place_call<'a>(
        &'a self,
        practice: &'a Practice,
        permit: SendPermit,
        now: UnixMs,
        call: &'a CallMessage,
    ) -> BoxFuture<'a, Result<Accepted, ChannelError>>;

    /// Calls of ours to this phone that may be this one, newest first: a list of calls holds no words.
    fn find_calls<'a>(
        &'a self,
        practice: &'a Practice,
        call: &'a CallMessage,
    ) -> BoxFuture<'a, Result<Vec<Found>, ChannelError>>;

    fn send_fax<'a>(
        &'a self,
        practice: &'a Practice,
        permit: SendPermit,
        now: UnixMs,
        fax: &'a FaxMessage,
    ) -> BoxFuture<'a, Result<Accepted, ChannelError>>;

    /// Looks for the fax under our own reference.
    fn find_fax<'a>(
        &'a self,
        practice: &'a Practice,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<Found>, ChannelError>>;

    /// How far a fax came: nobody tells us by itself.
    fn load_fax<'a>(
        &'a self,
        practice: &'a Practice,
        provider_id: &'a str,
    ) -> BoxFuture<'a, Result<DeliveryReport, ChannelError>>;

    fn send_email<'a>(
        &'a self,
        practice: &'a Practice,
        permit: SendPermit,
        now: UnixMs,
        message: &'a EmailMessage,
    ) -> BoxFuture<'a, Result<Accepted, ChannelError>>;
}
