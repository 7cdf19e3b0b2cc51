//! How a call can fail, and how an answer of the processor becomes one of these.

use stripe::{ApiErrors, ApiErrorsCode, ApiErrorsType, StripeError};

use crate::answer::Decline;

/// Carries codes and causes, never a key, an amount or a payer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// The issuer or the processor refused the card. The only outcome that means "not charged".
    #[error("declined ({})", .0.decline_code.as_deref().or(.0.code.as_deref()).unwrap_or("no code"))]
    Declined(Decline),
    /// Nobody knows whether it happened. Ask, do not repeat under another key.
    #[error("outcome unknown: {0}")]
    Unknown(&'static str),
    /// The object is in a state that forbids the call, e.g. cancelling what has succeeded. Fetch it
    /// and act on what it is.
    #[error("the object is in another state ({code})")]
    WrongState { code: String },
    /// No such object on this account.
    #[error("no such object")]
    NotFound,
    /// The request is wrong and will be wrong again.
    #[error("refused ({code})")]
    Refused {
        /// The processor's code, or its error type where there is no code.
        code: String,
        /// The parameter at fault, where the processor names one.
        param: Option<String>,
    },
    /// Not executed; safe to repeat under the same key, later.
    #[error("too many requests")]
    RateLimited,
    /// The key is wrong, revoked or lacks a permission.
    #[error("the processor refused the key")]
    Unauthorized,
    /// The options given to [`crate::Gateway::new`] cannot work.
    #[error("gateway settings: {0}")]
    Misconfigured(&'static str),
}

pub(crate) fn from_stripe(error: StripeError) -> GatewayError {
    match error {
        StripeError::Stripe(answer, status) => from_answer(&answer, status),
        StripeError::JSONDeserialize(_) => GatewayError::Unknown("unreadable answer"),
        StripeError::ClientError(_) => GatewayError::Unknown("connection"),
        StripeError::Timeout => GatewayError::Unknown("timeout"),
        StripeError::ConfigError(_) => GatewayError::Misconfigured("account id or address"),
    }
}

fn from_answer(answer: &ApiErrors, status: u16) -> GatewayError {
    match status {
        402 if answer.type_ == ApiErrorsType::CardError => {
            return GatewayError::Declined(Decline {
                code: answer.code.as_ref().map(|c| c.as_str().to_owned()),
                decline_code: answer.decline_code.clone(),
            });
        }
        401 | 403 => return GatewayError::Unauthorized,
        409 => return GatewayError::Unknown("key in use"),
        424 => return GatewayError::Unknown("a party behind the processor failed"),
        429 => return GatewayError::RateLimited,
        400..500 => {}
        _ => return GatewayError::Unknown("server error"),
    }
    let code = answer.code.as_ref().map_or(answer.type_.as_str(), ApiErrorsCode::as_str).to_owned();
    if is_about_state(&code) {
        GatewayError::WrongState { code }
    } else if status == 404 {
        GatewayError::NotFound
    } else {
        GatewayError::Refused { code, param: answer.param.clone() }
    }
}

/// Codes that say "not now, look at what it is", rather than "never".
fn is_about_state(code: &str) -> bool {
    matches!(
        code,
        "payment_intent_unexpected_state"
            | "intent_invalid_state"
            | "charge_already_refunded"
            | "charge_already_captured"
            | "charge_disputed"
            | "checkout_session_not_open"
            | "resource_not_open"
    )
}
