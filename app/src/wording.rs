//! A practice's own wording of a message: paragraphs with a closed set of variables.
//!
//! Never HTML, never a placeholder we do not know (M26): a template with one is refused when it is
//! saved, so nothing can go out with `{{patient}}` in it.

/// What a practice may name in a message. Nothing about health, visits or people but the first
/// name, and that only by a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variable {
    PracticeAlias,
    PayLink,
    PracticePhone,
    Amount,
    FirstName,
}

impl Variable {
    pub const ALL: [Self; 5] =
        [Self::PracticeAlias, Self::PayLink, Self::PracticePhone, Self::Amount, Self::FirstName];

    /// As it stands between braces: `{pay_link}`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PracticeAlias => "practice_alias",
            Self::PayLink => "pay_link",
            Self::PracticePhone => "practice_phone",
            Self::Amount => "amount",
            Self::FirstName => "first_name",
        }
    }
}

/// Why a template is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadWording {
    Empty,
    /// Holds what stands between the braces.
    UnknownVariable(String),
    UnbalancedBrace,
    /// A reminder that cannot be paid from is none.
    NoPayLink,
    TooLong {
        most: usize,
    },
}

/// Longer than any message anyone reads.
pub const LONGEST: usize = 2_000;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Words(String),
    Variable(Variable),
}

/// A template that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording {
    parts: Vec<Part>,
}

/// What a message has to fill in. `None` where the practice's switches keep it out; the sentence
/// then simply lacks it.
#[derive(Clone, Debug, Default)]
pub struct Filling {
    pub practice_alias: String,
    pub pay_link: String,
    pub practice_phone: String,
    pub amount: Option<String>,
    pub first_name: Option<String>,
}

impl Wording {
    /// Reads a template. `needs_link` for those that ask for money.
    pub fn parse(template: &str, needs_link: bool) -> Result<Self, BadWording> {
        if template.trim().is_empty() {
            return Err(BadWording::Empty);
        }
        if template.chars().count() > LONGEST {
            return Err(BadWording::TooLong { most: LONGEST });
        }
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some(open) = rest.find(['{', '}']) {
            let (words, after) = rest.split_at(open);
            let Some(inside) = after.strip_prefix('{') else {
                return Err(BadWording::UnbalancedBrace);
            };
            let close = inside.find('}').ok_or(BadWording::UnbalancedBrace)?;
            let name = inside[..close].trim();
            let variable = Variable::ALL
                .into_iter()
                .find(|variable| variable.name() == name)
                .ok_or_else(|| BadWording::UnknownVariable(name.to_owned()))?;
            if !words.is_empty() {
                parts.push(Part::Words(words.to_owned()));
            }
            parts.push(Part::Variable(variable));
            rest = &inside[close + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Words(rest.to_owned()));
        }
        let wording = Self { parts };
        if needs_link && !wording.names(Variable::PayLink) {
            return Err(BadWording::NoPayLink);
        }
        Ok(wording)
    }

    pub fn names(&self, variable: Variable) -> bool {
        self.parts.contains(&Part::Variable(variable))
    }

    pub fn fill(&self, filling: &Filling) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Words(words) => text.push_str(words),
                Part::Variable(variable) => text.push_str(match variable {
                    Variable::PracticeAlias => &filling.practice_alias,
                    Variable::PayLink => &filling.pay_link,
                    Variable::PracticePhone => &filling.practice_phone,
                    Variable::Amount => filling.amount.as_deref().unwrap_or_default(),
                    Variable::FirstName => filling.first_name.as_deref().unwrap_or_default(),
                }),
            }
        }
        text
    }

    /// The filled text as paragraphs, which blank lines separate.
    pub fn paragraphs(&self, filling: &Filling) -> Vec<String> {
        self.fill(filling)
            .replace("\r\n", "\n")
            .split("\n\n")
            .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|paragraph| !paragraph.is_empty())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_with_what_it_names() {
        let wording = Wording::parse("{practice_alias}: pay {amount} at {pay_link}", true).unwrap();
        let filling = Filling {
            practice_alias: "Elm Clinic".into(),
            pay_link: "https://x/p/1".into(),
            amount: Some("$82.00".into()),
            ..Filling::default()
        };
        assert_eq!(wording.fill(&filling), "Elm Clinic: pay $82.00 at https://x/p/1");
    }

    #[test]
    fn a_name_that_holds_braces_is_only_text() {
        let wording = Wording::parse("Dear {first_name}, {pay_link}", true).unwrap();
        let filling = Filling {
            first_name: Some("{pay_link}<b>".into()),
            pay_link: "L".into(),
            ..Filling::default()
        };
        assert_eq!(wording.fill(&filling), "Dear {pay_link}<b>, L");
    }

    #[test]
    fn what_could_leak_or_break_is_refused_when_it_is_saved() {
        let parse = |text| Wording::parse(text, true);
        assert_eq!(
            parse("{diagnosis} {pay_link}"),
            Err(BadWording::UnknownVariable("diagnosis".into()))
        );
        assert_eq!(parse("{pay_link"), Err(BadWording::UnbalancedBrace));
        assert_eq!(parse("pay_link}"), Err(BadWording::UnbalancedBrace));
        assert_eq!(parse("Pay us."), Err(BadWording::NoPayLink));
        assert_eq!(parse("  "), Err(BadWording::Empty));
        assert!(parse(&format!("{{pay_link}}{}", "x".repeat(LONGEST))).is_err());
    }
}
