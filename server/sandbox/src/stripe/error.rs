//! Errors in Stripe's envelope.

use std::ops::{Deref, DerefMut};

use serde_json::{Map, Value, json};

/// Boxed, so that results stay small.
#[derive(Clone, Debug, Default)]
pub struct ApiError(Box<Problem>);

impl Deref for ApiError {
    type Target = Problem;
    fn deref(&self) -> &Problem {
        &self.0
    }
}

impl DerefMut for ApiError {
    fn deref_mut(&mut self) -> &mut Problem {
        &mut self.0
    }
}

#[derive(Clone, Debug, Default)]
pub struct Problem {
    pub status: u16,
    pub kind: &'static str,
    pub code: Option<String>,
    pub decline_code: Option<String>,
    pub advice_code: Option<String>,
    pub network_decline_code: Option<String>,
    pub message: String,
    pub param: Option<String>,
    pub charge: Option<String>,
    pub payment_intent: Option<Value>,
    pub payment_method: Option<Value>,
    /// The request was understood and its execution began, so its idempotency key keeps this
    /// answer. Refused parameters leave the key free.
    pub keeps_key: bool,
}

impl ApiError {
    fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Problem { status, kind, message: message.into(), ..Problem::default() }))
    }

    fn invalid(status: u16, message: impl Into<String>) -> Self {
        Self::new(status, "invalid_request_error", message)
    }

    pub fn bad(message: impl Into<String>) -> Self {
        Self::invalid(400, message)
    }

    pub fn missing(param: &str) -> Self {
        let message = format!("Missing required param: {param}.");
        Self::bad(message).code("parameter_missing").param(param)
    }

    pub fn unknown_param(param: &str) -> Self {
        let message = format!("Received unknown parameter: {param}");
        Self::bad(message).code("parameter_unknown").param(param)
    }

    pub fn bad_integer(param: &str, given: &str) -> Self {
        Self::bad(format!("Invalid integer: {given}"))
            .code("parameter_invalid_integer")
            .param(param)
    }

    pub fn no_such(noun: &str, id: &str, param: &str) -> Self {
        let shown: String = id.chars().take(80).collect();
        let message = format!("No such {noun}: '{shown}'");
        Self::invalid(404, message).code("resource_missing").param(param)
    }

    pub fn unrecognized(method: &str, path: &str) -> Self {
        let shown: String = path.chars().take(200).collect();
        Self::invalid(404, format!("Unrecognized request URL ({method}: {shown})."))
    }

    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::invalid(401, message)
    }

    /// What the card form shows beside a field: the card could not even be read.
    pub fn card(code: &str, message: &str, param: &str) -> Self {
        Self::new(402, "card_error", message).code(code).param(param)
    }

    pub fn idempotency(message: impl Into<String>) -> Self {
        Self::new(400, "idempotency_error", message)
    }

    pub fn key_in_use() -> Self {
        let message = "There is currently another in-progress request using this Idempotent Key \
                       (that probably means you submitted twice, and the other request is still \
                       going through). Please try again later.";
        Self::new(409, "idempotency_error", message).code("idempotency_key_in_use")
    }

    pub fn api(message: impl Into<String>) -> Self {
        Self::new(500, "api_error", message).executed()
    }

    pub fn rate_limit() -> Self {
        let message = "Too many requests in the sandbox. Please slow down.";
        Self::invalid(429, message).code("rate_limit")
    }

    #[must_use]
    pub fn code(mut self, code: &str) -> Self {
        self.code = Some(code.to_owned());
        self
    }

    #[must_use]
    pub fn param(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned());
        self
    }

    #[must_use]
    pub fn executed(mut self) -> Self {
        self.keeps_key = true;
        self
    }

    #[must_use]
    pub fn with_intent(mut self, intent: Value) -> Self {
        self.payment_intent = Some(intent);
        self
    }

    pub fn body(&self) -> Value {
        json!({ "error": self.fields(true) })
    }

    /// The same facts as `last_payment_error` carries them.
    pub fn fields(&self, with_intent: bool) -> Value {
        let mut out = Map::new();
        let texts = [
            ("advice_code", &self.advice_code),
            ("charge", &self.charge),
            ("code", &self.code),
            ("decline_code", &self.decline_code),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                out.insert(name.into(), text.clone().into());
            }
        }
        if let Some(code) = &self.code {
            let url = format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-"));
            out.insert("doc_url".into(), url.into());
        }
        out.insert("message".into(), self.message.clone().into());
        if let Some(code) = &self.network_decline_code {
            out.insert("network_decline_code".into(), code.clone().into());
        }
        if let Some(param) = &self.param {
            out.insert("param".into(), param.clone().into());
        }
        if let Some(intent) = self.payment_intent.as_ref().filter(|_| with_intent) {
            out.insert("payment_intent".into(), intent.clone());
        }
        if let Some(method) = &self.payment_method {
            out.insert("payment_method".into(), method.clone());
        }
        out.insert("type".into(), self.kind.into());
        Value::Object(out)
    }
}
