//! A message in the practice's words: its paragraphs inside our frame. A paragraph that is only the
//! pay link becomes a button, with a picture code of it; one that is only a code stands large.
//!
//! Facts of a payment, and how to tell whether the message is real, are ours: no template can leave
//! them out.

use domain::{clock::UnixMs, money::Cents, template::Paragraph};
use jiff::tz::TimeZone;

use super::{Block, Email, Parts, Sender};
use crate::{
    when,
    words::{Lang, Words},
};

/// "Is this message real?" (MS1)
#[derive(Clone, Debug)]
pub struct Check {
    pub code: String,
    /// The page that knows the code.
    pub address: String,
}

/// The payment that is confirmed. No names, no visits: the payer may be anyone.
#[derive(Clone, Debug)]
pub struct Paid {
    pub amount: Cents,
    pub at: UnixMs,
    pub zone: TimeZone,
    pub brand: String,
    pub last_four: String,
    pub reference: String,
    /// `None` for a payer who may not know what is left.
    pub remaining: Option<Cents>,
}

#[derive(Clone, Debug)]
pub struct Templated {
    pub lang: Lang,
    pub sender: Sender,
    pub subject: String,
    pub paragraphs: Vec<Paragraph>,
    pub paid: Option<Paid>,
    pub check: Option<Check>,
    /// Where one click stops these emails; only for reminders.
    pub unsubscribe: Option<String>,
}

impl Email for Templated {
    fn lang(&self) -> Lang {
        self.lang
    }

    fn sender(&self) -> &Sender {
        &self.sender
    }

    fn subject(&self) -> String {
        self.subject.clone()
    }

    fn unsubscribe(&self) -> Option<&str> {
        self.unsubscribe.as_deref()
    }

    fn blocks(&self) -> Parts {
        let w = self.words();
        let mut blocks = Vec::new();
        for paragraph in &self.paragraphs {
            match paragraph {
                Paragraph::Words(words) => blocks.push(Block::Paragraph(words.clone())),
                Paragraph::Code(code) => blocks.push(Block::Code(code.clone())),
                Paragraph::Link(href) => {
                    let label = w.t("mail-reminder-action").to_owned();
                    blocks.push(Block::Action(label, href.clone()));
                    blocks.push(Block::Picture(w.t("mail-picture").to_owned()));
                }
            }
        }
        if let Some(paid) = &self.paid {
            blocks.push(Block::Facts(facts(w, &self.sender.alias, paid)));
        }
        if let Some(check) = &self.check {
            let (code, address) = (check.code.as_str(), check.address.as_str());
            let ask = [("code", code.into()), ("address", address.into())];
            blocks.push(Block::Paragraph(w.with("mail-check", &ask)));
        }
        Parts(blocks)
    }
}

impl Templated {
    /// The address of which the HTML part shows a picture code.
    pub fn picture_of(&self) -> Option<&str> {
        self.paragraphs.iter().find_map(|paragraph| match paragraph {
            Paragraph::Link(href) => Some(href.as_str()),
            _ => None,
        })
    }
}

fn facts(w: Words, alias: &str, paid: &Paid) -> Vec<(String, String)> {
    let card = w.with(
        "receipt-card-ending",
        &[("brand", paid.brand.as_str().into()), ("last", paid.last_four.as_str().into())],
    );
    let mut facts = vec![
        (w.t("receipt-amount").to_owned(), paid.amount.to_string()),
        (w.t("receipt-when").to_owned(), when::instant_full(w, paid.at, &paid.zone)),
        (w.t("receipt-to").to_owned(), alias.to_owned()),
        (w.t("receipt-card").to_owned(), card),
        (w.t("receipt-reference").to_owned(), paid.reference.clone()),
    ];
    if let Some(remaining) = paid.remaining {
        facts.push((w.t("receipt-remaining").to_owned(), remaining.to_string()));
    }
    facts
}
