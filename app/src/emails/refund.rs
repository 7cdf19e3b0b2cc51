//! Word that money went back, to whoever paid it: amount, day, card, reference. No names, no visits,
//! no reason: the payer may be anyone.

use domain::{clock::UnixMs, money::Cents};
use jiff::tz::TimeZone;

use super::{Block, Email, Parts, Sender};
use crate::{when, words::Lang};

#[derive(Clone, Debug)]
pub struct Refund {
    pub lang: Lang,
    pub sender: Sender,
    pub amount: Cents,
    pub at: UnixMs,
    pub zone: TimeZone,
    pub brand: String,
    pub last_four: String,
    /// Of the payment.
    pub reference: String,
    /// `None` for a payer who may not know what is left.
    pub remaining: Option<Cents>,
}

impl Email for Refund {
    fn lang(&self) -> Lang {
        self.lang
    }

    fn sender(&self) -> &Sender {
        &self.sender
    }

    fn subject(&self) -> String {
        let alias = self.sender.alias.as_str();
        self.words().with("mail-refund-subject", &[("alias", alias.into())])
    }

    fn blocks(&self) -> Parts {
        let w = self.words();
        let card = w.with(
            "receipt-card-ending",
            &[("brand", self.brand.as_str().into()), ("last", self.last_four.as_str().into())],
        );
        let mut facts = vec![
            (w.t("mail-refund-amount").to_owned(), self.amount.to_string()),
            (w.t("mail-refund-when").to_owned(), when::instant_full(w, self.at, &self.zone)),
            (w.t("mail-refund-from").to_owned(), self.sender.alias.clone()),
            (w.t("receipt-card").to_owned(), card),
            (w.t("receipt-reference").to_owned(), self.reference.clone()),
        ];
        if let Some(remaining) = self.remaining {
            facts.push((w.t("receipt-remaining").to_owned(), remaining.to_string()));
        }
        Parts(vec![Block::Paragraph(w.t("mail-refund-what").to_owned()), Block::Facts(facts)])
    }
}
