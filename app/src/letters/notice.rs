//! A reminder on a page, for a fax or a letter: who writes, the window for the address, the amount,
//! how to pay, how to check that it is real, and how to get no more of them. Plain paragraphs, so that
//! what is approved is what is printed.

use domain::money::Cents;
use jiff::civil::Date;

use super::Address;
use crate::{
    when,
    words::{Lang, Words},
};

#[derive(Clone, Debug)]
pub struct Notice {
    pub lang: Lang,
    pub alias: String,
    pub phone: String,
    pub from: Address,
    pub to: Address,
    pub written_on: Date,
    pub amount: Option<Cents>,
    pub pay_link: String,
    /// Where a page's code is typed, and the code.
    pub check_at: String,
    pub check_code: String,
}

impl Notice {
    /// Paragraphs with a blank line between; the first is the sender, the second the window.
    pub fn text(&self) -> String {
        let w = Words::new(self.lang);
        let with_phone = |key| w.with(key, &[("phone", self.phone.as_str().into())]);
        let sender: Vec<&str> = std::iter::once(self.alias.as_str())
            .chain(self.from.lines.iter().map(String::as_str))
            .chain([self.phone.as_str()])
            .filter(|line| !line.trim().is_empty())
            .collect();
        let amount = match self.amount {
            Some(amount) => w.with("paper-amount", &[("amount", amount.to_string().into())]),
            None => w.t("paper-bill").to_owned(),
        };
        let check = w.with(
            "paper-check",
            &[
                ("address", self.check_at.as_str().into()),
                ("code", self.check_code.as_str().into()),
            ],
        );
        [
            sender.join("\n"),
            self.to.lines.join("\n"),
            when::day(w, self.written_on),
            w.t("paper-heading").to_owned(),
            amount,
            w.t("paper-online").to_owned(),
            self.pay_link.clone(),
            with_phone("paper-other-ways"),
            w.t("paper-paid").to_owned(),
            check,
            with_phone("paper-stop"),
            with_phone("paper-wrong"),
        ]
        .into_iter()
        .filter(|paragraph| !paragraph.is_empty())
        .collect::<Vec<_>>()
        .join("\n\n")
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    pub(crate) fn notice(lang: Lang) -> Notice {
        Notice {
            lang,
            alias: "Lakeside Family".into(),
            phone: "(212) 555-0142".into(),
            from: Address { lines: vec!["12 Harbor Street".into(), "New York, NY 10004".into()] },
            to: Address { lines: vec!["Maria Peña".into(), "1 Elm St".into()] },
            written_on: date(2026, 3, 4),
            amount: Some(Cents(82_00)),
            pay_link: "https://pay.lakeside.example/p/EXAMPLEEXAMPLEEXAMPLE1".into(),
            check_at: "https://pay.lakeside.example/check-message".into(),
            check_code: "ABCDEFGH".into(),
        }
    }

    #[test]
    fn a_page_says_what_is_due_how_to_pay_and_how_to_get_no_more() {
        for lang in Lang::ALL {
            let text = notice(lang).text();
            for part in ["$82.00", "/p/EXAMPLE", "ABCDEFGH", "(212) 555-0142", "Maria Peña"] {
                assert!(text.contains(part), "{part} is not in {text}");
            }
            let window = text.split("\n\n").nth(1).expect("a window");
            assert_eq!(window, "Maria Peña\n1 Elm St");
        }
    }
}
