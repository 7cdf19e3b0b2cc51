//! What a delivered message is, by its own words: people have nothing else to go by.

use std::collections::BTreeSet;

use sandbox::{Channel, Delivered};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Asks for money, with a link to pay.
    Reminder,
    /// A call or a fax: nobody is rung for anything but a reminder.
    Ringing,
    /// Says that a payment arrived.
    Receipt,
    /// Anything else: an answer to a text, a refund's notice.
    Other,
}

pub(crate) fn kind(item: &Delivered) -> Kind {
    if matches!(item.channel, Channel::Call | Channel::Fax) {
        Kind::Ringing
    } else if is_receipt(item) {
        Kind::Receipt
    } else if token(item).is_some() {
        Kind::Reminder
    } else {
        Kind::Other
    }
}

/// Words with single blanks between them: mail breaks its lines as it likes.
pub(crate) fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words as they were written; a call's depend on what the person presses, a fax's are drawn.
pub(crate) fn written(item: &Delivered) -> Option<&str> {
    matches!(item.channel, Channel::Text | Channel::Email).then_some(item.body.as_str())
}

/// Of the link to pay, if there is one.
pub(crate) fn token(item: &Delivered) -> Option<&str> {
    let (_, token) = item.link.as_deref()?.split_once("/p/")?;
    Some(token)
}

/// Of every link to pay, each once: accounts with one phone get one message.
pub(crate) fn tokens(item: &Delivered) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, mark) in item.body.match_indices("/p/") {
        let rest = &item.body[at + mark.len()..];
        let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
        let token = rest.split(ends).next().unwrap_or_default();
        if !token.is_empty() && !found.contains(&token) {
            found.push(token);
        }
    }
    found
}

/// Where a mail program posts to unsubscribe.
pub(crate) fn unsubscribe_token(item: &Delivered) -> Option<&str> {
    let header = item.headers.iter().find(|(name, _)| name == "List-Unsubscribe");
    let (_, rest) = header?.1.split_once("/unsubscribe/")?;
    rest.split('>').next()
}

/// A refund's notice names the payment's reference too.
fn is_receipt(item: &Delivered) -> bool {
    let says = |words: [&str; 2]| {
        let said = item.subject.as_deref().unwrap_or(&item.body);
        words.iter().any(|start| said.contains(start))
    };
    match item.channel {
        Channel::Email => says(["Your payment to", "Su pago a"]),
        Channel::Text => says(["received your payment", "ecibimos su pago"]),
        Channel::Call | Channel::Fax => false,
    }
}

/// The references of payments that a message names, each once.
pub(crate) fn references(item: &Delivered) -> BTreeSet<String> {
    let words = item.body.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.filter(|word| is_reference(word)).map(str::to_owned).collect()
}

/// The form of a payment's reference, `4F7K-2M9P`.
fn is_reference(word: &str) -> bool {
    let bytes = word.as_bytes();
    let letter = |b: &u8| b.is_ascii_digit() || b.is_ascii_uppercase();
    bytes.len() == 9
        && bytes[4] == b'-'
        && bytes[..4].iter().all(letter)
        && bytes[5..].iter().all(letter)
}
