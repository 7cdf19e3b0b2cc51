//! Texts and calls through Twilio's REST API, and the numbers they come from.
//!
//! Promises: one call, one request, with a timeout and without redirects; a recipient or a body is
//! never logged; a vendor code is kept and mapped by a table with a safe default (Twilio itself says
//! not to branch on its codes exhaustively). Refuses: plain http to anything but this machine.
//!
//! There is no idempotency key. When [`Twilio::send_text`] answers `Unknown`, [`Twilio::find_sent`]
//! tells whether the text exists.
//!
//! (unconfirmed) How soon a text shows up in the list, and the legacy error body: both forms are read.

use std::time::Duration;

use domain::{
    clock::{MINUTE_MS, UnixMs},
    decide::Channel,
    gate::SendPermit,
};
use reqwest::{Client, RequestBuilder, StatusCode, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Accepted, BadOptions, ChannelError, DeliveryStatus, RefusalCause, TextMessage, admit,
    is_loopback,
};

mod calls;
mod codes;
mod inbound;
mod numbers;
mod signature;
mod speech;

pub use calls::{
    AnsweredBy, CallPlan, CallReport, CallTurn, Placed, parse_call_report, parse_call_turn,
};
pub use codes::{CodeMeaning, meaning_of};
pub use inbound::{Inbound, OptOutType, StatusReport, parse_inbound, parse_status, twiml};
pub use numbers::{AvailableNumber, LineType, NewNumber, NumberSearch, OwnedNumber};
pub use signature::{verify_body_signature, verify_signature};
pub use speech::{Verb, Voice, call_twiml};

/// Twilio refuses longer bodies (21617).
const BODY_LIMIT_CHARS: usize = 1_600;
/// Answers are a few kilobytes; a list of a hundred texts stays well below.
const ANSWER_LIMIT_BYTES: usize = 1024 * 1024;
/// Texts to one recipient that a look-up reads, newest first. Our own caps allow a handful a month.
const LOOK_UP_LIMIT: u32 = 100;
/// How far Twilio's clock, which tells whole seconds, may be behind ours.
const CLOCKS_APART_MS: i64 = 5 * MINUTE_MS;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// One number of ours, E.164.
    From(String),
    /// A Messaging Service, `MG…`.
    Service(String),
}

#[derive(Clone, Debug)]
pub struct TwilioOptions {
    /// `https://api.twilio.com`; plain http only to this machine.
    pub base_url: String,
    pub account_sid: String,
    pub auth_token: SecretString,
    pub sender: Sender,
    /// Where delivery reports go, as the public sees it.
    pub status_callback: Option<String>,
    /// For one whole request, connecting included.
    pub timeout_ms: u64,
}

/// One account at Twilio. Cheap to clone.
#[derive(Clone)]
pub struct Twilio {
    http: Client,
    account_url: String,
    lookups_url: String,
    account_sid: String,
    auth_token: SecretString,
    sender: Sender,
    status_callback: Option<String>,
}

impl std::fmt::Debug for Twilio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Twilio").field("account_sid", &self.account_sid).finish_non_exhaustive()
    }
}

/// A text that Twilio has, found by looking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub provider_id: String,
    pub status: DeliveryStatus,
    pub error_code: Option<i64>,
    /// Twilio's own clock.
    pub created_at: UnixMs,
    pub segments: u32,
}

impl Twilio {
    pub fn new(options: TwilioOptions) -> Result<Self, BadOptions> {
        crate::install_tls();
        let base = options.base_url.trim_end_matches('/').to_owned();
        let url = reqwest::Url::parse(&base).map_err(|_| BadOptions("base address"))?;
        let local = is_loopback(&url);
        if url.scheme() != "https" && !local {
            return Err(BadOptions("base address must be https"));
        }
        let sid_is_plain = options.account_sid.bytes().all(|b| b.is_ascii_alphanumeric());
        if options.account_sid.is_empty() || !sid_is_plain {
            return Err(BadOptions("account sid"));
        }
        let timeout = Duration::from_millis(options.timeout_ms.max(1));
        let mut http = Client::builder()
            .timeout(timeout)
            .connect_timeout(timeout)
            // A redirect would lose the form or hand our credentials to somebody else.
            .redirect(Policy::none());
        if local {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|_| BadOptions("http client"))?;
        let lookups_url = if url.host_str() == Some("api.twilio.com") {
            "https://lookups.twilio.com".to_owned()
        } else {
            base.clone()
        };
        Ok(Self {
            http,
            account_url: format!("{base}/2010-04-01/Accounts/{}", options.account_sid),
            lookups_url,
            account_sid: options.account_sid,
            auth_token: options.auth_token,
            sender: options.sender,
            status_callback: options.status_callback,
        })
    }

    /// Hands one text over. `now` is the permit's clock.
    pub async fn send_text(
        &self,
        permit: SendPermit,
        now: UnixMs,
        message: &TextMessage,
    ) -> Result<Accepted, ChannelError> {
        admit(&permit, Channel::Text, now, &message.to_e164)?;
        let length = message.body.chars().count();
        if length == 0 || length > BODY_LIMIT_CHARS {
            return Err(ChannelError::refused(RefusalCause::Content));
        }
        let url = format!("{}/Messages.json", self.account_url);
        let sent: WireMessage =
            self.answer(self.http.post(url).form(&self.message_form(message))).await?;
        // The permit allowed this one try, whatever came of it.
        drop(permit);
        Ok(Accepted {
            status: status_of(&sent.status),
            segments: sent.segments(),
            provider_id: sent.sid,
        })
    }

    fn message_form<'a>(&'a self, message: &'a TextMessage) -> Vec<(&'static str, &'a str)> {
        let mut form = vec![("To", message.to_e164.as_str()), ("Body", message.body.as_str())];
        form.push(match &self.sender {
            Sender::From(number) => ("From", number),
            Sender::Service(sid) => ("MessagingServiceSid", sid),
        });
        if let Some(callback) = &self.status_callback {
            form.push(("StatusCallback", callback));
        }
        form
    }

    /// Texts of ours to this recipient, newest first, created since `since` on Twilio's clock or a
    /// little before. With `body`, only those that say exactly this: every message has its own link,
    /// so an equal body is the same message.
    pub async fn find_sent(
        &self,
        to_e164: &str,
        body: Option<&str>,
        since: UnixMs,
    ) -> Result<Vec<Sent>, ChannelError> {
        #[derive(Deserialize)]
        struct List {
            messages: Vec<WireMessage>,
        }
        let since = since.minus_ms(CLOCKS_APART_MS);
        // Not filtered by DateSent: a text that still waits at Twilio has none.
        let page = LOOK_UP_LIMIT.to_string();
        let query = [("To", to_e164), ("PageSize", page.as_str())];
        let url = format!("{}/Messages.json", self.account_url);
        let list: List = self.answer(self.http.get(url).query(&query)).await?;
        let ours = list.messages.into_iter().filter(|m| {
            m.direction.as_deref().is_none_or(|d| d.starts_with("outbound"))
                && body.is_none_or(|body| m.body.as_deref() == Some(body))
        });
        Ok(ours
            .filter_map(|m| {
                let created_at = m.created_at()?;
                (created_at >= since).then(|| Sent {
                    status: status_of(&m.status),
                    error_code: m.error_code,
                    created_at,
                    segments: m.segments(),
                    provider_id: m.sid,
                })
            })
            .collect())
    }

    /// Sends a request and reads its answer, deciding what a failure means.
    async fn answer<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<T, ChannelError> {
        let request = request.basic_auth(&self.account_sid, Some(self.auth_token.expose_secret()));
        let mut response = request.send().await.map_err(|error| {
            if error.is_builder() {
                ChannelError::refused(RefusalCause::SenderFault)
            } else if error.is_connect() {
                // Nothing left this machine.
                ChannelError::later()
            } else if error.is_timeout() {
                ChannelError::Unknown { cause: "timeout" }
            } else {
                ChannelError::Unknown { cause: "connection" }
            }
        })?;
        let status = response.status();
        let retry_after_ms = response
            .headers()
            .get(reqwest::header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok())
            .map(|seconds| seconds.saturating_mul(1_000));
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= ANSWER_LIMIT_BYTES => {
                    body.extend_from_slice(&chunk);
                }
                Ok(None) => break,
                Ok(Some(_)) => return Err(ChannelError::Unknown { cause: "answer too large" }),
                // A refusal is a refusal, even when its explanation is cut off.
                Err(_) if status.is_client_error() => break,
                Err(_) => return Err(ChannelError::Unknown { cause: "truncated answer" }),
            }
        }
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|_| ChannelError::Unknown { cause: "unreadable answer" });
        }
        Err(refusal(status, &body, retry_after_ms))
    }
}

/// What an answer other than 2xx means.
fn refusal(status: StatusCode, body: &[u8], after_ms: Option<u64>) -> ChannelError {
    let code = error_code(body);
    match status.as_u16() {
        401 | 403 => ChannelError::Refused { code, cause: RefusalCause::SenderFault },
        429 => ChannelError::Retry { code, after_ms },
        408 | 425 | 500.. => ChannelError::Unknown { cause: "server error" },
        400..500 => match code.map(meaning_of) {
            Some(CodeMeaning::Later) => ChannelError::Retry { code, after_ms },
            Some(CodeMeaning::Never(cause)) => ChannelError::Refused { code, cause },
            None => ChannelError::Refused { code, cause: RefusalCause::Permanent },
        },
        _ => ChannelError::Unknown { cause: "unexpected status" },
    }
}

/// The code of either error body: `{code, message, more_info, status}` and the RFC 9457 form
/// `{type, title, status, code, detail, …}` both carry it under the same name, as a number.
fn error_code(body: &[u8]) -> Option<i64> {
    #[derive(Deserialize)]
    struct ErrorBody {
        code: serde_json::Value,
    }
    let body: ErrorBody = serde_json::from_slice(body).ok()?;
    match body.code {
        serde_json::Value::Number(number) => number.as_i64(),
        serde_json::Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

#[derive(Deserialize)]
struct WireMessage {
    sid: String,
    status: String,
    body: Option<String>,
    /// A number in a string.
    num_segments: Option<String>,
    direction: Option<String>,
    error_code: Option<i64>,
    /// RFC 2822.
    date_created: Option<String>,
}

impl WireMessage {
    fn segments(&self) -> u32 {
        self.num_segments.as_deref().and_then(|n| n.parse().ok()).unwrap_or(1)
    }

    fn created_at(&self) -> Option<UnixMs> {
        let parser = jiff::fmt::rfc2822::DateTimeParser::new();
        let at = parser.parse_timestamp(self.date_created.as_deref()?).ok()?;
        Some(UnixMs(at.as_millisecond()))
    }
}

/// Twilio's words for how far a text came.
pub(crate) fn status_of(word: &str) -> DeliveryStatus {
    match word {
        "sent" | "partially_delivered" => DeliveryStatus::Sent,
        "delivered" | "read" => DeliveryStatus::Delivered,
        "undelivered" => DeliveryStatus::Undelivered,
        "failed" | "canceled" => DeliveryStatus::Failed,
        // accepted, scheduled, queued, sending, and what may be added: not yet on its way.
        _ => DeliveryStatus::Queued,
    }
}

/// Rank of Twilio's own status words; apply a callback only when it ranks higher (R27).
pub fn status_rank(word: &str) -> u8 {
    match word {
        "accepted" | "scheduled" | "receiving" => 1,
        "queued" => 2,
        "sending" => 3,
        "sent" | "received" => 4,
        "partially_delivered" => 5,
        "undelivered" => 6,
        "failed" | "canceled" => 7,
        "delivered" => 8,
        "read" => 9,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(base_url: &str) -> TwilioOptions {
        TwilioOptions {
            base_url: base_url.into(),
            account_sid: "AC00000000000000000000000000000001".into(),
            auth_token: "token_of_the_practice".into(),
            sender: Sender::From("+15125550199".into()),
            status_callback: None,
            timeout_ms: 1_000,
        }
    }

    #[test]
    fn the_token_is_never_sent_in_the_clear_nor_printed() {
        assert!(Twilio::new(options("http://api.twilio.com")).is_err());
        assert!(Twilio::new(options("http://127.0.0.1.evil.example")).is_err());
        let twilio = Twilio::new(options("http://127.0.0.1:1")).expect("loopback");
        assert!(!format!("{twilio:?}").contains("token_of_the_practice"));
        assert!(!format!("{:?}", options("x")).contains("token_of_the_practice"));
    }

    #[test]
    fn both_forms_of_error_give_their_code() {
        let legacy = br#"{"code":21610,"message":"Attempt to send to unsubscribed recipient","more_info":"https://www.twilio.com/docs/errors/21610","status":400}"#;
        let rfc9457 = br#"{"type":"https://www.twilio.com/docs/api/errors/21610","title":"Unsubscribed","status":400,"code":21610,"detail":"x","instance":"/y"}"#;
        for body in [legacy.as_slice(), rfc9457] {
            let error = refusal(StatusCode::BAD_REQUEST, body, None);
            let cause = RefusalCause::OptedOut;
            assert_eq!(error, ChannelError::Refused { code: Some(21610), cause });
        }
    }

    #[test]
    fn a_failure_says_whether_the_text_may_be_tried_again() {
        let at = |status: u16, body: &str| {
            refusal(StatusCode::from_u16(status).unwrap(), body.as_bytes(), Some(2_000))
        };
        let fault = RefusalCause::SenderFault;
        let auth = at(401, r#"{"code":20003,"status":401}"#);
        assert_eq!(auth, ChannelError::Refused { code: Some(20003), cause: fault });
        let busy = at(429, r#"{"code":20429,"status":429}"#);
        assert_eq!(busy, ChannelError::Retry { code: Some(20429), after_ms: Some(2_000) });
        for status in [500, 502, 503, 504] {
            assert!(matches!(at(status, "<html>"), ChannelError::Unknown { .. }), "{status}");
        }
        let permanent = RefusalCause::Permanent;
        assert_eq!(at(400, "<html>"), ChannelError::Refused { code: None, cause: permanent });
    }

    #[test]
    fn vendor_words_rank_like_the_neutral_ones() {
        let words = ["accepted", "queued", "sending", "sent", "undelivered", "failed", "delivered"];
        for pair in words.windows(2) {
            assert!(status_rank(pair[0]) < status_rank(pair[1]), "{pair:?}");
            assert!(status_of(pair[0]) <= status_of(pair[1]), "{pair:?}");
        }
        assert_eq!(status_rank("something new"), 0);
    }
}
