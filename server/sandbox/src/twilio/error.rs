//! Twilio's errors in both of its body forms: the older one of the 2010 API, and the problem
//! details (RFC 9457) of the newer ones.

use serde_json::json;

use crate::wire::Reply;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwilioError {
    pub status: u16,
    pub code: u32,
    pub message: String,
}

impl TwilioError {
    pub fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// The words for a code, as a script or a magic number asks for it.
    pub fn of(code: u32, phone: &str) -> Self {
        let (status, message) = match code {
            20003 => (401, "Authenticate".to_owned()),
            20404 => (404, "The requested resource was not found".to_owned()),
            20429 => (429, "Too Many Requests".to_owned()),
            21211 => (400, format!("Invalid 'To' Phone Number: {phone}")),
            21210 => (400, format!("'From' phone number not verified: {phone}")),
            21217 => (400, format!("Phone number does not appear to be valid: {phone}")),
            21212 => (400, format!("Invalid 'From' Number: {phone}")),
            21408 => (
                400,
                "Permission to send an SMS has not been enabled for the region indicated by the \
                 'To' number"
                    .to_owned(),
            ),
            21606 => (
                400,
                format!(
                    "The 'From' phone number provided ({phone}) is not a valid message-capable \
                     Twilio phone number for this destination"
                ),
            ),
            21610 => (400, "Attempt to send to unsubscribed recipient".to_owned()),
            21611 => (
                429,
                format!(
                    "This 'From' number {phone} has exceeded the maximum number of queued messages"
                ),
            ),
            21612 => (
                400,
                format!(
                    "Message cannot be sent with the current combination of 'To' ({phone}) and \
                     'From' parameters"
                ),
            ),
            21614 => (400, format!("'To' number is not a valid mobile number: {phone}")),
            21617 => {
                (400, "The concatenated message body exceeds the 1600 character limit".to_owned())
            }
            _ => (400, "The request was refused by the sandbox's script".to_owned()),
        };
        Self { status, code, message }
    }

    /// `{code, message, more_info, status}`.
    pub fn reply(&self) -> Reply {
        let body = json!({
            "code": self.code,
            "message": self.message,
            "more_info": self.page(),
            "status": self.status,
        });
        self.dressed(Reply::json(self.status, &body))
    }

    /// `application/problem+json`.
    pub fn problem(&self) -> Reply {
        let body = json!({
            "type": self.page(),
            "title": self.message,
            "status": self.status,
            "code": self.code,
            "detail": self.message,
            "instance": null,
        });
        let text = serde_json::to_vec(&body).unwrap_or_default();
        self.dressed(Reply::new(self.status, "application/problem+json", text))
    }

    fn page(&self) -> String {
        format!("https://www.twilio.com/docs/errors/{}", self.code)
    }

    fn dressed(&self, reply: Reply) -> Reply {
        match self.status {
            401 => reply.header("WWW-Authenticate", "Basic realm=\"Twilio API\""),
            429 => reply.header("Retry-After", "1"),
            _ => reply,
        }
    }
}
