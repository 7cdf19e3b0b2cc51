//! Text messages. Each says who writes, and nothing that anyone looking over a shoulder could use:
//! practice name, link, phone, and the amount only by the practice's switch (M26, D-42).
//!
//! The words hold no letter outside GSM-7, in Spanish too: one á doubles what a text costs (D-43).
//! The gate normalises what practices write themselves.

use domain::{money::Cents, sms};

pub use crate::emails::Stage;
use crate::{
    wording::{Filling, Wording},
    words::{Lang, Words},
};

/// A reminder of a balance. Ends in the way out (M23).
#[derive(Clone, Debug)]
pub struct Reminder {
    pub lang: Lang,
    pub alias: String,
    pub phone: String,
    pub link: String,
    /// Only where the practice switched amounts on.
    pub amount: Option<Cents>,
    pub stage: Stage,
    pub thanks_for_part: bool,
    /// Eight characters for *Is this message real?*; empty for none.
    pub check_code: String,
    pub wording: Option<Wording>,
}

/// A check code is worth a second segment, never a third.
const SEGMENTS_WITH_CODE: usize = 2;

impl Reminder {
    /// With the check code where there is room for it (MS1): nothing may be cut or cost a third
    /// segment for its sake.
    pub fn body(&self) -> String {
        let plain = self.body_with("");
        if self.check_code.is_empty() {
            return plain;
        }
        let code = readable_code(&self.check_code);
        let check = Words::new(self.lang).with("text-check", &[("code", code.into())]);
        let full = self.body_with(&format!("{check} "));
        let fits = sms::size(&full).segments <= SEGMENTS_WITH_CODE
            && sms::is_whole_in_first_segment(&full, &self.link);
        if fits { full } else { plain }
    }

    /// `check` stands before the way out, which comes last (M23).
    fn body_with(&self, check: &str) -> String {
        let w = Words::new(self.lang);
        let stop = w.t("text-stop");
        if let Some(wording) = &self.wording {
            let filled = wording.fill(&Filling {
                practice_alias: self.alias.clone(),
                pay_link: self.link.clone(),
                practice_phone: self.phone.clone(),
                amount: self.amount.map(|amount| amount.to_string()),
                first_name: None,
            });
            let body = filled.split_whitespace().collect::<Vec<_>>().join(" ");
            let names_itself = body.contains(&self.alias);
            let body = if names_itself { body } else { format!("{}: {body}", self.alias) };
            let has_way_out = body.to_ascii_uppercase().contains("STOP");
            let ended = if has_way_out { String::new() } else { stop.to_owned() };
            return format!("{body} {check}{ended}").trim_end().to_owned();
        }
        let what = match (self.stage, self.amount) {
            (Stage::First, Some(amount)) => with_amount(w, "text-reminder-amount", amount),
            (Stage::First, None) => w.t("text-reminder").to_owned(),
            (Stage::Again, Some(amount)) => with_amount(w, "text-reminder-again-amount", amount),
            (Stage::Again, None) => w.t("text-reminder-again").to_owned(),
            (Stage::Final, Some(amount)) => with_amount(w, "text-reminder-final-amount", amount),
            (Stage::Final, None) => w.t("text-reminder-final").to_owned(),
        };
        let what = match self.thanks_for_part {
            true => format!("{} {what}", w.t("text-thanks")),
            false => what,
        };
        let pay = w.with("text-pay", &[("link", self.link.as_str().into())]);
        let ask = w.with("text-questions", &[("phone", self.phone.as_str().into())]);
        format!("{}: {what} {pay} {ask} {check}{stop}", self.alias)
    }
}

/// `K7QF-2M9X`: two groups are easier to read out and to type. The hyphen is not part of it.
pub(crate) fn readable_code(code: &str) -> String {
    match code.split_at_checked(4) {
        Some((first, rest)) if !rest.is_empty() => format!("{first}-{rest}"),
        _ => code.to_owned(),
    }
}

fn with_amount(w: Words, key: &'static str, amount: Cents) -> String {
    w.with(key, &[("amount", amount.to_string().into())])
}

/// A settled payment.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub lang: Lang,
    pub alias: String,
    pub amount: Cents,
    pub reference: String,
    pub remaining: Option<Cents>,
}

impl Receipt {
    pub fn body(&self) -> String {
        let w = Words::new(self.lang);
        let received = w.with(
            "text-receipt",
            &[
                ("alias", self.alias.as_str().into()),
                ("amount", self.amount.to_string().into()),
                ("reference", self.reference.as_str().into()),
            ],
        );
        match self.remaining {
            Some(rest) => format!("{received} {}", with_amount(w, "text-receipt-rest", rest)),
            None => received,
        }
    }
}

/// Money went back to the card it came from.
pub fn refund(lang: Lang, alias: &str, amount: Cents, reference: &str) -> String {
    Words::new(lang).with(
        "text-refund",
        &[
            ("alias", alias.into()),
            ("amount", amount.to_string().into()),
            ("reference", reference.into()),
        ],
    )
}

/// A one-time code, from a sender of its own (D-34).
pub fn code(lang: Lang, alias: &str, code: &str) -> String {
    Words::new(lang).with("text-code", &[("alias", alias.into()), ("code", code.into())])
}

/// The link somebody asked for.
pub fn new_link(lang: Lang, alias: &str, link: &str) -> String {
    Words::new(lang).with("text-new-link", &[("alias", alias.into()), ("link", link.into())])
}

/// The automatic payment failed (S-PY3, S-SF9).
pub fn failed_autopay(lang: Lang, alias: &str, link: &str, phone: &str) -> String {
    Words::new(lang).with(
        "text-failed-autopay",
        &[("alias", alias.into()), ("link", link.into()), ("phone", phone.into())],
    )
}

/// The one confirmation of an opt-out (M19).
pub fn stopped(lang: Lang, alias: &str) -> String {
    Words::new(lang).with("text-stopped", &[("alias", alias.into())])
}

/// The answer to START, UNSTOP, YES (M21).
pub fn started(lang: Lang, alias: &str) -> String {
    Words::new(lang).with("text-started", &[("alias", alias.into())])
}

/// The answer to HELP, INFO (M22).
pub fn help(lang: Lang, alias: &str, phone: &str) -> String {
    Words::new(lang).with("text-help", &[("alias", alias.into()), ("phone", phone.into())])
}

/// The fixed answer to any other reply (S-R2). Not customisable.
pub fn not_recognized(lang: Lang) -> String {
    Words::new(lang).t("text-not-recognized").to_owned()
}

/// A phone of the account was changed; to the old one.
pub fn contact_changed(lang: Lang, alias: &str, phone: &str) -> String {
    Words::new(lang)
        .with("text-contact-changed", &[("alias", alias.into()), ("phone", phone.into())])
}

/// To a manager's own phone, while setting up.
pub fn staff_test(alias: &str) -> String {
    format!("{alias}: a test of our texts. It works. No reply is needed.")
}
