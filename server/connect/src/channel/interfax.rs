//! Faxes through InterFAX's REST service: the document is the body, everything else is in the query.
//!
//! Promises: one call, one request, with a timeout and without redirects; a number or a page is never
//! logged. There is no idempotency key: our message id travels as the `reference`, which is not
//! transmitted to the person, and [`Interfax::find_sent`] looks for it when an outcome is unknown.
//! Refuses: plain http to anything but this machine.
//!
//! (unconfirmed) The reasons behind the vendor's status numbers: only "out of credit" is told from the
//! rest, and everything else is for staff to look at. Its callback is unsigned, so it is not used:
//! how far a fax came is asked for.

use std::time::Duration;

use domain::{clock::UnixMs, decide::Channel, gate::SendPermit};
use reqwest::{Client, RequestBuilder, Response, StatusCode, header, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};

use super::{Accepted, BadOptions, ChannelError, DeliveryStatus, FaxMessage, RefusalCause, admit};

/// The vendor takes up to 20 MB; ours are one page of text.
const DOCUMENT_LIMIT_BYTES: usize = 2 * 1024 * 1024;
const ANSWER_LIMIT_BYTES: usize = 1024 * 1024;
/// The account ran out of credit, and the vendor gave up waiting for more.
const OUT_OF_CREDIT: i64 = 205_000;

#[derive(Clone, Debug)]
pub struct InterfaxOptions {
    /// `https://rest.interfax.net`; plain http only to this machine.
    pub base_url: String,
    pub username: String,
    pub password: SecretString,
    /// For one whole request, connecting included.
    pub timeout_ms: u64,
}

/// One account. Cheap to clone.
#[derive(Clone)]
pub struct Interfax {
    http: Client,
    base_url: String,
    username: String,
    password: SecretString,
}

impl std::fmt::Debug for Interfax {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interfax").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// How far a fax came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaxReport {
    pub provider_id: String,
    pub status: DeliveryStatus,
    /// The vendor's number: 0 is sent, below is under way, above is failed for good.
    pub code: i64,
    pub cause: Option<RefusalCause>,
}

/// As in the vendor's answers; fields we do not act on are ignored.
#[derive(Deserialize)]
struct WireFax {
    /// A number, or a number in a string.
    id: serde_json::Value,
    status: i64,
}

impl WireFax {
    fn report(self) -> FaxReport {
        let provider_id = match self.id {
            serde_json::Value::String(id) => id,
            other => other.to_string(),
        };
        let (status, cause) = match self.status {
            0 => (DeliveryStatus::Delivered, None),
            ..0 => (DeliveryStatus::Queued, None),
            OUT_OF_CREDIT => (DeliveryStatus::Failed, Some(RefusalCause::SenderFault)),
            _ => (DeliveryStatus::Failed, Some(RefusalCause::Permanent)),
        };
        FaxReport { provider_id, status, code: self.status, cause }
    }
}

impl Interfax {
    pub fn new(options: InterfaxOptions) -> Result<Self, BadOptions> {
        crate::install_tls();
        let base_url = options.base_url.trim_end_matches('/').to_owned();
        let url = reqwest::Url::parse(&base_url).map_err(|_| BadOptions("base address"))?;
        let is_local = super::is_loopback(&url);
        if url.scheme() != "https" && !is_local {
            return Err(BadOptions("base address must be https"));
        }
        if options.username.is_empty() || options.username.contains(':') {
            return Err(BadOptions("user name"));
        }
        let timeout = Duration::from_millis(options.timeout_ms.max(1));
        let mut http =
            Client::builder().timeout(timeout).connect_timeout(timeout).redirect(Policy::none());
        if is_local {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|_| BadOptions("http client"))?;
        Ok(Self { http, base_url, username: options.username, password: options.password })
    }

    /// Hands one fax over. `now` is the permit's clock.
    pub async fn send_fax(
        &self,
        permit: SendPermit,
        now: UnixMs,
        fax: &FaxMessage,
    ) -> Result<Accepted, ChannelError> {
        admit(&permit, Channel::Fax, now, &fax.to_e164)?;
        if fax.document.is_empty() || fax.document.len() > DOCUMENT_LIMIT_BYTES {
            return Err(ChannelError::refused(RefusalCause::Content));
        }
        let query = [
            ("faxNumber", fax.to_e164.as_str()),
            ("reference", &fax.reference),
            ("pageSize", "letter"),
        ];
        let request = self
            .http
            .post(format!("{}/outbound/faxes", self.base_url))
            .query(&query)
            .header(header::CONTENT_TYPE, "application/pdf")
            .body(fax.document.clone());
        let answer = self.ask(request).await?;
        drop(permit);
        let location = answer.headers().get(header::LOCATION).and_then(|l| l.to_str().ok());
        let id = location.and_then(|url| url.trim_end_matches('/').rsplit('/').next());
        match id.filter(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric())) {
            Some(id) => Ok(Accepted {
                provider_id: id.to_owned(),
                status: DeliveryStatus::Queued,
                segments: 1,
            }),
            // It says that it took the fax, but not under which id: found by our reference.
            None => Err(ChannelError::Unknown { cause: "no id in the answer" }),
        }
    }

    /// The fax of ours under this reference, if the vendor has it.
    pub async fn find_sent(&self, reference: &str) -> Result<Option<FaxReport>, ChannelError> {
        let url = format!("{}/outbound/search", self.base_url);
        let found: Vec<WireFax> =
            self.read(self.http.get(url).query(&[("reference", reference)])).await?;
        Ok(found.into_iter().next().map(WireFax::report))
    }

    /// How far a fax came.
    pub async fn load(&self, provider_id: &str) -> Result<FaxReport, ChannelError> {
        if provider_id.is_empty() || !provider_id.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(ChannelError::refused(RefusalCause::Permanent));
        }
        let url = format!("{}/outbound/faxes/{provider_id}", self.base_url);
        let fax: WireFax = self.read(self.http.get(url)).await?;
        Ok(fax.report())
    }

    /// Whether the account answers; sends nothing.
    pub async fn check(&self) -> Result<(), ChannelError> {
        let url = format!("{}/accounts/self/ppcards/balance", self.base_url);
        self.ask(self.http.get(url)).await.map(|_| ())
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Response, ChannelError> {
        let request = request.basic_auth(&self.username, Some(self.password.expose_secret()));
        let response = request.send().await.map_err(|error| {
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
        if status.is_success() {
            return Ok(response);
        }
        let retry_after_ms = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok())
            .map(|seconds| seconds.saturating_mul(1_000));
        let body = body_of(response).await.unwrap_or_default();
        Err(refusal(status, &body, retry_after_ms))
    }

    async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ChannelError> {
        let body = body_of(self.ask(request).await?).await?;
        serde_json::from_slice(&body)
            .map_err(|_| ChannelError::Unknown { cause: "unreadable answer" })
    }
}

async fn body_of(mut response: Response) -> Result<Vec<u8>, ChannelError> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= ANSWER_LIMIT_BYTES => {
                body.extend_from_slice(&chunk);
            }
            Ok(None) => return Ok(body),
            Ok(Some(_)) => return Err(ChannelError::Unknown { cause: "answer too large" }),
            Err(_) => return Err(ChannelError::Unknown { cause: "truncated answer" }),
        }
    }
}

/// What an answer other than 2xx means.
fn refusal(status: StatusCode, body: &[u8], after_ms: Option<u64>) -> ChannelError {
    #[derive(Deserialize)]
    struct ErrorBody {
        code: i64,
    }
    let code = serde_json::from_slice(body).ok().map(|body: ErrorBody| body.code);
    match status.as_u16() {
        401 | 403 => ChannelError::Refused { code, cause: RefusalCause::SenderFault },
        429 => ChannelError::Retry { code, after_ms },
        408 | 425 | 500.. => ChannelError::Unknown { cause: "server error" },
        400..500 => ChannelError::Refused { code, cause: cause_of(code) },
        _ => ChannelError::Unknown { cause: "unexpected status" },
    }
}

/// The few codes that are documented; the rest is for good and for staff.
const fn cause_of(code: Option<i64>) -> RefusalCause {
    match code {
        // No number, or not one that can be faxed.
        Some(-112 | -1062) => RefusalCause::BadAddress,
        // A developer's account faxes only its owner; wrong user name or password.
        Some(-111 | -1003) => RefusalCause::SenderFault,
        // No document.
        Some(-123) => RefusalCause::Content,
        _ => RefusalCause::Permanent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_below_zero_is_under_way_and_above_is_over() {
        let report = |status| WireFax { id: serde_json::json!(667_457_707), status }.report();
        for under_way in [-1, -2, -3, -11, -22] {
            assert_eq!(report(under_way).status, DeliveryStatus::Queued);
        }
        assert_eq!(report(0).status, DeliveryStatus::Delivered);
        assert_eq!(report(0).provider_id, "667457707");
        assert_eq!(report(6_001).cause, Some(RefusalCause::Permanent));
        assert_eq!(report(205_000).cause, Some(RefusalCause::SenderFault));
    }

    #[test]
    fn the_password_is_never_sent_in_the_clear_nor_printed() {
        let options = |base: &str| InterfaxOptions {
            base_url: base.into(),
            username: "practice".into(),
            password: "secret_of_the_practice".into(),
            timeout_ms: 1_000,
        };
        assert!(Interfax::new(options("http://rest.interfax.net")).is_err());
        let fax = Interfax::new(options("http://127.0.0.1:1")).expect("loopback");
        assert!(!format!("{fax:?} {:?}", options("x")).contains("secret_of_the_practice"));
    }

    #[test]
    fn a_wrong_password_stops_and_a_wrong_number_is_the_numbers_fault() {
        let at = |status: u16, body: &str| {
            refusal(StatusCode::from_u16(status).expect("a status"), body.as_bytes(), None)
        };
        let refused = |code, cause| ChannelError::Refused { code: Some(code), cause };
        let body = r#"{"code":-1003,"message":"Authentication failed","moreInfo":null}"#;
        assert_eq!(at(401, body), refused(-1003, RefusalCause::SenderFault));
        let body = r#"{"code":-112,"message":"No valid recipients","moreInfo":null}"#;
        assert_eq!(at(400, body), refused(-112, RefusalCause::BadAddress));
        assert!(matches!(at(500, body), ChannelError::Unknown { .. }));
    }
}
