//! Security headers, set in one place on every answer (R47).

use actix_web::{
    HttpMessage, HttpRequest,
    body::BoxBody,
    dev::ServiceResponse,
    http::header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY,
        STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    },
};

use crate::actions::take_report::PATH as BLOCKED;

/// What the pay page may load and where it may send, beyond ourselves. Put into the request's
/// extensions by its handler; every other page gets the strict policy.
#[derive(Clone, Debug)]
pub struct PayPolicy {
    /// `None` where the card is typed on the processor's page alone.
    card: Option<CardOrigins>,
    checkout: String,
}

#[derive(Clone, Debug)]
struct CardOrigins {
    script: String,
    frames: String,
    api: String,
}

impl PayPolicy {
    /// `script` is the address of the processor's script, `checkout` that of its own page.
    pub fn of(script: Option<&str>, checkout: &str) -> Self {
        let card = script.map(|script| {
            let script = origin(script);
            // The real script frames two hosts and talks to one; a stand-in does it all itself.
            if script == "https://js.stripe.com" {
                CardOrigins {
                    frames: "https://js.stripe.com https://hooks.stripe.com".to_owned(),
                    api: "https://api.stripe.com".to_owned(),
                    script,
                }
            } else {
                CardOrigins { frames: script.clone(), api: script.clone(), script }
            }
        });
        Self { card, checkout: origin(checkout) }
    }

    pub fn allow(self, request: &HttpRequest) {
        request.extensions_mut().insert(self);
    }
}

/// `https://host:port` of an address.
pub fn origin(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return String::new() };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    format!("{scheme}://{host}")
}

const NOSNIFF: &str = "nosniff";
const TWO_YEARS: &str = "max-age=63072000; includeSubDomains";
/// With no-referrer, browsers post `Origin: null` (decision 11).
const ORIGIN_ONLY: &str = "strict-origin";
const STRICT: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    object-src 'none'; frame-ancestors 'none'";

fn reporting(policy: &str) -> String {
    format!("{policy}; report-uri {BLOCKED}; report-to blocked")
}

/// What a page without a card form has to arrive with: see [`crate::tampering`].
pub fn guards(secure: bool) -> Vec<(&'static str, String)> {
    let mut guards = vec![
        ("content-security-policy", reporting(STRICT)),
        ("x-content-type-options", NOSNIFF.to_owned()),
        ("referrer-policy", ORIGIN_ONLY.to_owned()),
    ];
    if secure {
        guards.push(("strict-transport-security", TWO_YEARS.to_owned()));
    }
    guards
}

/// Completes an answer's headers.
pub fn finish(response: &mut ServiceResponse<BoxBody>, secure: bool, is_html: bool) {
    let pay = response.request().extensions().get::<PayPolicy>().cloned();
    let set = |response: &mut ServiceResponse<BoxBody>, name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value)
            && !response.headers().contains_key(&name)
        {
            response.headers_mut().insert(name, value);
        }
    };
    set(response, X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    if secure {
        set(response, STRICT_TRANSPORT_SECURITY, TWO_YEARS);
    }
    let policy = match &pay {
        Some(PayPolicy { card: Some(CardOrigins { script, frames, api }), checkout }) => format!(
            "default-src 'none'; script-src 'self' {script}; style-src 'self'; \
             img-src 'self' data:; connect-src 'self' {api}; frame-src {frames}; \
             form-action 'self' {checkout}; base-uri 'none'; object-src 'none'; \
             frame-ancestors 'none'"
        ),
        Some(PayPolicy { card: None, checkout }) => {
            STRICT.replace("form-action 'self'", &format!("form-action 'self' {checkout}"))
        }
        None => STRICT.to_owned(),
    };
    set(response, CONTENT_SECURITY_POLICY, &reporting(&policy));
    let endpoints = format!("blocked=\"{BLOCKED}\"");
    set(response, HeaderName::from_static("reporting-endpoints"), &endpoints);
    set(response, REFERRER_POLICY, ORIGIN_ONLY);
    let opener = if pay.is_some() { "same-origin-allow-popups" } else { "same-origin" };
    set(response, HeaderName::from_static("cross-origin-opener-policy"), opener);
    set(
        response,
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), payment=(self)",
    );
    if is_html {
        set(response, HeaderName::from_static("x-robots-tag"), "noindex");
    }
    set(response, CACHE_CONTROL, "no-store");
}
