//! Every text, email, call and fax as it was delivered to a person, for the demo's mailbox page and for tests.

use serde::{Deserialize, Serialize};

use crate::world::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Text,
    Email,
    Call,
    Fax,
}

/// One message on one person's phone or in one person's inbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    pub id: String,
    pub channel: Channel,
    /// When it was accepted, RFC 3339, business time.
    pub at: String,
    pub to: String,
    pub from: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
    /// The text, an email's text part, what was said in a call line by line, or a fax's words.
    pub body: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub html: Option<String>,
    /// An email's headers in order, names as sent.
    pub headers: Vec<(String, String)>,
    /// The first web address in the body.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub link: Option<String>,
    /// Twilio's words for a text; `delivered` for an email.
    pub status: String,
    /// Twilio's message id, or the email's Message-ID.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub vendor_id: Option<String>,
    /// The keys a person pressed in a call, in order.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub keys: Option<String>,
    /// Twilio's word for who picked up.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub answered_by: Option<String>,
    /// A fax's document, in base64.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub document: Option<String>,
    /// The carrier's keyword service wrote it, not the practice.
    #[serde(default)]
    pub automatic: bool,
}

impl Delivered {
    /// A text or email accepted now.
    pub fn new(world: &World, channel: Channel, from: &str, to: &str, body: &str) -> Self {
        let prefix = match channel {
            Channel::Text => "text_",
            Channel::Email => "email_",
            Channel::Call => "call_",
            Channel::Fax => "fax_",
        };
        Self {
            id: world.mint(prefix, 16),
            channel,
            at: world.now().to_string(),
            to: to.to_owned(),
            from: from.to_owned(),
            subject: None,
            body: body.to_owned(),
            html: None,
            headers: Vec::new(),
            link: first_link(body),
            status: "delivered".to_owned(),
            vendor_id: None,
            keys: None,
            answered_by: None,
            document: None,
            automatic: false,
        }
    }
}

/// The first `http(s)` address in a text, without the punctuation a sentence ends in.
pub fn first_link(text: &str) -> Option<String> {
    let starts = ["http://", "https://"].into_iter().filter_map(|scheme| text.find(scheme));
    let rest = &text[starts.min()?..];
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>');
    let link = rest.split(ends).next().unwrap_or_default();
    let link = link.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']']);
    Some(link.to_owned()).filter(|link| link.len() > "https://".len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_found_without_the_full_stop_after_it() {
        let text = "Pay at http://127.0.0.1:3000/p/abc-1. Reply STOP to end.";
        assert_eq!(first_link(text).as_deref(), Some("http://127.0.0.1:3000/p/abc-1"));
        assert_eq!(first_link("nothing here"), None);
    }
}
