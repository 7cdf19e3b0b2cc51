//! Text messages whose words no practice can change; the others are `domain::template`'s. Each says
//! who writes, and nothing that anyone looking over a shoulder could use (M26, D-42).
//!
//! The words hold no letter outside GSM-7, in Spanish too: one á doubles what a text costs (D-43).
//! The gate normalises what practices write themselves.

use domain::money::Cents;

use crate::words::{Lang, Words};

/// Before the code that tells whether a text is real (MS1).
pub fn check_label(lang: Lang) -> &'static str {
    Words::new(lang).t("text-check")
}

/// `K7QF-2M9X`: two groups are easier to read out and to type. The hyphen is not part of it.
pub fn readable_code(code: &str) -> String {
    match code.split_at_checked(4) {
        Some((first, rest)) if !rest.is_empty() => format!("{first}-{rest}"),
        _ => code.to_owned(),
    }
}

/// Before the link of another account with the same phone (D-4). Not customisable: it names nobody.
pub fn rider(lang: Lang, amount: Option<Cents>) -> String {
    let w = Words::new(lang);
    match amount {
        Some(amount) => w.with("text-rider-amount", &[("amount", amount.to_string().into())]),
        None => w.t("text-rider").to_owned(),
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

/// The link somebody asked for.
pub fn new_link(lang: Lang, alias: &str, link: &str) -> String {
    Words::new(lang).with("text-new-link", &[("alias", alias.into()), ("link", link.into())])
}

/// The answer to START, UNSTOP, YES (M21).
pub fn started(lang: Lang, alias: &str) -> String {
    Words::new(lang).with("text-started", &[("alias", alias.into())])
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

#[cfg(test)]
mod tests {
    use domain::sms::{Encoding, size};

    use super::*;

    #[test]
    fn what_is_said_of_another_account_costs_no_accent_in_either_language() {
        for lang in [Lang::En, Lang::Es] {
            for amount in [None, Some(Cents(1_082_50))] {
                let words = rider(lang, amount);
                assert_eq!(size(&words).encoding, Encoding::Gsm7, "{words}");
                assert_eq!(words.contains("1,082.50"), amount.is_some(), "{words}");
                assert!(words.ends_with(':'), "{words}");
            }
        }
    }
}
