//! The words of one call, frozen like those of any message and readable as they are: staff approve
//! exactly what will be said.

use std::fmt;

const ANSWERED: &str = "When answered: ";
const BALANCE: &str = "Key 1: ";
const MACHINE: &str = "Answering machine: ";

/// What a call says. The menu around it is not part of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// To whoever picks up: who calls, and nothing about money.
    pub answered: String,
    /// To a person who pressed 1 for it.
    pub balance: String,
    /// To a machine, whose owner may not be the first to listen: name and phone only (D-42).
    pub machine: String,
}

impl Script {
    /// Reads back what [`fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let part = |name: &str| {
            text.split("\n\n").find_map(|part| part.strip_prefix(name)).map(str::to_owned)
        };
        Some(Self { answered: part(ANSWERED)?, balance: part(BALANCE)?, machine: part(MACHINE)? })
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A blank line inside a part would end it.
        let flat = |words: &str| words.split_whitespace().collect::<Vec<_>>().join(" ");
        write!(
            f,
            "{ANSWERED}{}\n\n{BALANCE}{}\n\n{MACHINE}{}",
            flat(&self.answered),
            flat(&self.balance),
            flat(&self.machine)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_reads_back_as_it_was_approved() {
        let script = Script {
            answered: "Hello. This is Lakeside.".into(),
            balance: "You have a bill.".into(),
            machine: "Please call us.".into(),
        };
        assert_eq!(Script::parse(&script.to_string()), Some(script.clone()));
        let odd = Script { answered: "Lakeside\n\nKey 1: nothing is due".into(), ..script };
        let read = Script::parse(&odd.to_string()).expect("a script");
        assert_eq!(read.balance, "You have a bill.", "a name cannot say what key 1 says");
        assert_eq!(Script::parse("Hello"), None);
    }
}
