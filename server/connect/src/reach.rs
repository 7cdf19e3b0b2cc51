//! Asking an address from outside: whether the practice's public address leads to this server, and
//! how far our clock is from somebody else's.
//!
//! One GET, no redirects, a bounded answer. Refuses plain http except to this machine. What comes back
//! is compared or measured, never shown.

use std::time::Duration;

use domain::clock::UnixMs;
use reqwest::{Client, Response, Url, redirect::Policy};

/// What is asked for is a line of text.
const ANSWER_LIMIT_BYTES: usize = 4 * 1024;
/// No page or script of ours is near it.
const PAGE_LIMIT_BYTES: usize = 512 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    #[error("the address is not one, or is not https")]
    BadAddress,
    #[error("nothing answers there, or its certificate is not valid")]
    NoAnswer,
    #[error("it took too long to answer")]
    TooSlow,
    #[error("it leads somewhere else")]
    Redirect,
    #[error("something else answers there")]
    Unexpected,
}

/// A short answer, and what the other side takes the time to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub text: String,
    pub their_now: Option<UnixMs>,
}

/// A whole page or file, as it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    pub status: u16,
    /// Names in small letters, in the order they came.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Fetches what a visitor without cookies would get.
pub async fn fetch(url: &str, timeout_ms: u64) -> Result<Arrived, Unreachable> {
    let answer = get(url, timeout_ms).await?;
    let status = answer.status().as_u16();
    let text = |value: &reqwest::header::HeaderValue| {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    };
    let headers = answer.headers().iter();
    let headers = headers.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    Ok(Arrived { status, headers, body: body_of(answer, PAGE_LIMIT_BYTES).await })
}

/// Fetches a line of text. With `any_status` a refusal is an answer too.
pub async fn ask(url: &str, timeout_ms: u64, any_status: bool) -> Result<Heard, Unreachable> {
    let answer = get(url, timeout_ms).await?;
    if answer.status().is_redirection() && !any_status {
        return Err(Unreachable::Redirect);
    }
    if !answer.status().is_success() && !any_status {
        return Err(Unreachable::Unexpected);
    }
    let date = answer.headers().get(reqwest::header::DATE).and_then(|value| value.to_str().ok());
    let their_now = date.and_then(|text| {
        let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
        Some(UnixMs(at.as_millisecond()))
    });
    let body = body_of(answer, ANSWER_LIMIT_BYTES).await;
    Ok(Heard { text: String::from_utf8_lossy(&body).trim().to_owned(), their_now })
}

async fn get(url: &str, timeout_ms: u64) -> Result<Response, Unreachable> {
    crate::install_tls();
    let url = Url::parse(url).map_err(|_| Unreachable::BadAddress)?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let is_local =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if !(url.scheme() == "https" || url.scheme() == "http" && is_local) {
        return Err(Unreachable::BadAddress);
    }
    let timeout = Duration::from_millis(timeout_ms.max(1));
    let mut client =
        Client::builder().timeout(timeout).connect_timeout(timeout).redirect(Policy::none());
    if is_local {
        client = client.no_proxy();
    }
    let client = client.build().map_err(|_| Unreachable::BadAddress)?;
    let answer = client.get(url).send().await;
    answer.map_err(|e| if e.is_timeout() { Unreachable::TooSlow } else { Unreachable::NoAnswer })
}

/// What arrives until it breaks off or is too much.
async fn body_of(mut answer: Response, limit: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > limit {
            body.truncate(limit);
            break;
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_https_or_this_machine_is_asked() {
        for address in ["http://pay.example.org/x", "ftp://127.0.0.1/", "file:///etc/passwd", "x"] {
            assert_eq!(ask(address, 50, false).await, Err(Unreachable::BadAddress), "{address}");
        }
        assert!(ask("http://127.0.0.1:9/", 200, false).await.is_err());
    }
}
