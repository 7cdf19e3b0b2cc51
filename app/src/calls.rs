//! What automated calls say. Whoever picks up may be anybody: who calls is said at once, what it is
//! about only after a key was pressed for it, and a machine hears name and phone alone (D-42, M38).

use crate::words::{Lang, Words};

/// What a call about a balance says around the practice's own words about it, which are a template's.
#[derive(Clone, Debug)]
pub struct Reminder {
    pub lang: Lang,
    pub alias: String,
    pub phone: String,
}

impl Reminder {
    /// To whoever picks up.
    pub fn answered(&self) -> String {
        Words::new(self.lang).with("call-answered", &[("alias", self.alias.as_str().into())])
    }

    /// To an answering machine.
    pub fn machine(&self) -> String {
        Words::new(self.lang).with(
            "call-machine",
            &[("alias", self.alias.as_str().into()), ("phone", spoken(&self.phone).into())],
        )
    }
}

/// What stands around the message: the keys, and what they come to.
#[derive(Clone, Debug)]
pub struct Menu {
    pub lang: Lang,
    pub alias: String,
    pub phone: String,
}

impl Menu {
    pub fn keys(&self) -> &'static str {
        Words::new(self.lang).t("call-keys")
    }

    /// Once the message was heard.
    pub fn keys_after(&self) -> &'static str {
        Words::new(self.lang).t("call-keys-after")
    }

    pub fn link_sent(&self) -> &'static str {
        Words::new(self.lang).t("call-link-sent")
    }

    pub fn no_link(&self) -> String {
        self.with_phone("call-no-link")
    }

    pub fn stopped(&self) -> String {
        Words::new(self.lang).with("call-stopped", &[("alias", self.alias.as_str().into())])
    }

    pub fn connecting(&self) -> &'static str {
        Words::new(self.lang).t("call-connecting")
    }

    /// Where the call cannot be connected.
    pub fn call_us(&self) -> String {
        self.with_phone("call-us")
    }

    /// What somebody hears who calls the number that reminders come from.
    pub fn welcome(&self) -> String {
        Words::new(self.lang).with("menu-welcome", &[("alias", self.alias.as_str().into())])
    }

    pub fn ask_code(&self) -> &'static str {
        Words::new(self.lang).t("menu-ask-code")
    }

    pub fn ours(&self, day: &str) -> String {
        let alias = self.alias.as_str();
        let variables = [("alias", alias.into()), ("day", day.into())];
        Words::new(self.lang).with("menu-ours", &variables)
    }

    pub fn not_ours(&self) -> &'static str {
        Words::new(self.lang).t("menu-not-ours")
    }

    pub fn another(&self) -> &'static str {
        Words::new(self.lang).t("menu-another")
    }

    /// The code of this very call, sign by sign.
    pub fn code(&self, code: &str) -> String {
        Words::new(self.lang).with("call-code", &[("code", spelled(code).into())])
    }

    pub fn goodbye(&self) -> &'static str {
        Words::new(self.lang).t("call-goodbye")
    }

    fn with_phone(&self, key: &'static str) -> String {
        Words::new(self.lang).with(key, &[("phone", spoken(&self.phone).into())])
    }
}

/// A code sign by sign: a voice reads "ABCD2345" as a word. `A, B, C, D, 2, 3, 4, 5`.
fn spelled(code: &str) -> String {
    let signs: Vec<String> = code.chars().map(String::from).collect();
    signs.join(", ")
}

/// A number digit by digit with a rest between its parts: a voice reads "(212) 555-0142" as one
/// large number. `2 1 2, 5 5 5, 0 1 4 2`.
fn spoken(phone: &str) -> String {
    let parts = phone.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            if part.bytes().all(|b| b.is_ascii_digit()) {
                part.chars().map(String::from).collect::<Vec<_>>().join(" ")
            } else {
                part.to_owned()
            }
        })
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reminder(lang: Lang) -> Reminder {
        Reminder { lang, alias: "Lakeside Family".into(), phone: "(212) 555-0142".into() }
    }

    #[test]
    fn a_machine_hears_who_called_and_nothing_about_money() {
        for lang in Lang::ALL {
            let said = reminder(lang).machine();
            assert!(said.contains("Lakeside Family") && said.contains("2 1 2, 5 5 5, 0 1 4 2"));
            for word in ["$", "82", "bill", "balance", "pay", "factura", "saldo", "pag", "debe"] {
                assert!(!said.to_lowercase().contains(word), "{said}");
            }
        }
    }

    #[test]
    fn whoever_picks_up_hears_who_calls_and_nothing_about_money() {
        for lang in Lang::ALL {
            let said = reminder(lang).answered().to_lowercase();
            assert!(said.contains("lakeside family"), "{said}");
            for word in ["$", "bill", "balance", "pay", "factura", "saldo", "pag", "debe"] {
                assert!(!said.contains(word), "{said}");
            }
        }
    }

    #[test]
    fn the_menu_says_that_we_sent_it_and_when_and_nothing_else() {
        for lang in Lang::ALL {
            let menu = Menu { lang, alias: "Lakeside Family".into(), phone: String::new() };
            let said = menu.ours("March 4, 2026");
            assert!(said.contains("Lakeside Family") && said.contains("March 4, 2026"), "{said}");
            for word in ["$", "bill", "balance", "pay", "factura", "saldo", "pag", "debe"] {
                assert!(!said.to_lowercase().contains(word), "{said}");
            }
            assert!(menu.code("ABCD2345").contains("A, B, C, D, 2, 3, 4, 5"));
        }
    }

    #[test]
    fn an_extension_is_read_after_the_number() {
        assert_eq!(spoken("(212) 555-0142 ext. 3"), "2 1 2, 5 5 5, 0 1 4 2, ext, 3");
    }
}
