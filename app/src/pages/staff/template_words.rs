//! Templates in words: what a kind of message is called, and what the linter's findings mean and ask
//! for.

use domain::{
    book::Language,
    template::{
        Form, Kind, Slot, Variable,
        lint::{Finding, HARDEST_GRADE, Part, Problem, Severity},
    },
};

use crate::components::Tone;

pub const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Invoice => "New bill",
        Kind::ReminderGentle => "Reminder, gentle",
        Kind::ReminderPlain => "Reminder, plain",
        Kind::ReminderFirm => "Reminder, firm",
        Kind::PartPaymentThanks => "Thanks for a part payment",
        Kind::PaymentPlan => "Payment plan",
        Kind::PaymentConfirmation => "Payment confirmation",
        Kind::FailedAutopay => "Failed automatic payment",
        Kind::CourtesyCharge => "Notice before a card is charged",
        Kind::DueSoon => "Due soon",
        Kind::FinalNotice => "Final notice",
        Kind::OptOutConfirmation => "Opt-out confirmation",
        Kind::Help => "Answer to HELP",
        Kind::Code => "Sign-in code",
    }
}

/// When a message of this kind goes out.
pub const fn kind_hint(kind: Kind) -> &'static str {
    match kind {
        Kind::Invoice => "The first word about a new bill, where a profile asks for it.",
        Kind::ReminderGentle => "Reminders of a debt of up to 30 days.",
        Kind::ReminderPlain => "Reminders of a debt of 31 to 60 days.",
        Kind::ReminderFirm => "Reminders of a debt of more than 60 days.",
        Kind::PartPaymentThanks => "Reminders to somebody who paid a part in the last 14 days.",
        Kind::PaymentPlan => "The next payment of a plan.",
        Kind::PaymentConfirmation => "Goes out when a payment has arrived.",
        Kind::FailedAutopay => "A card on file was declined.",
        Kind::CourtesyCharge => "Some days before a card on file is charged.",
        Kind::DueSoon => "Before, or just after, the day a bill is due.",
        Kind::FinalNotice => "The last step of a profile.",
        Kind::OptOutConfirmation => "The one answer to STOP.",
        Kind::Help => "The answer to HELP.",
        Kind::Code => "To sign in, or to prove that a contact is theirs.",
    }
}

pub const fn form_name(form: Form) -> &'static str {
    match form {
        Form::Text => "Text",
        Form::Email => "Email",
        Form::Voice => "Call",
        Form::Letter => "Letter",
    }
}

pub const fn language_name(language: Language) -> &'static str {
    match language {
        Language::English => "English",
        Language::Spanish => "Spanish",
    }
}

/// "Reminder, gentle: text in English"
pub fn slot_name(slot: Slot) -> String {
    let form = form_name(slot.form).to_lowercase();
    format!("{}: {form} in {}", kind_name(slot.kind), language_name(slot.language))
}

pub const fn variable_hint(variable: Variable) -> &'static str {
    match variable {
        Variable::PracticeAlias => "what patients call the practice",
        Variable::PayLink => "the link that pays",
        Variable::PracticePhone => "the office phone",
        Variable::Amount => "the amount",
        Variable::DueDate => "the day",
        Variable::FirstName => "the first name",
        Variable::InstallmentAmount => "the next payment of the plan",
        Variable::InstallmentDate => "when that payment is due",
        Variable::CardLastFour => "the last four digits of the card",
        Variable::Reference => "the reference of the payment",
        Variable::Remaining => "what is left to pay",
        Variable::CheckCode => "the code that tells that a message is real",
        Variable::Code => "the sign-in code",
    }
}

pub const fn severity_badge(severity: Severity) -> (&'static str, Tone) {
    match severity {
        Severity::Refuse => ("Refused", Tone::Danger),
        Severity::Warn => ("Warning", Tone::Warn),
        Severity::Note => ("Note", Tone::Plain),
    }
}

/// "Paragraph 2", "Subject".
pub fn place(finding: &Finding) -> Option<String> {
    let part = match finding.part? {
        Part::Subject => "Subject".to_owned(),
        Part::Paragraph(at) => format!("Paragraph {}", at + 1),
    };
    let excerpt = finding.excerpt.trim();
    Some(if excerpt.is_empty() { part } else { format!("{part}: \u{201c}{excerpt}\u{201d}") })
}

fn braced(variable: Variable) -> String {
    format!("{{{}}}", variable.name())
}

/// What is the matter, and what to do.
pub fn finding_words(problem: &Problem, cost: Option<&str>) -> String {
    structure(problem)
        .or_else(|| tact(problem))
        .or_else(|| order(problem))
        .unwrap_or_else(|| size(problem, cost))
}

fn structure(problem: &Problem) -> Option<String> {
    Some(match problem {
        Problem::Empty => {
            "Nothing is written here. Write some words, or put the default back.".into()
        }
        Problem::TooLong { most } => format!("Longer than {most} characters. Shorten it."),
        Problem::UnbalancedBrace => "A brace has no partner. Write variables as {pay_link}.".into(),
        Problem::UnbalancedBracket => "A bracket has no partner, or stands inside another. Write \
            choices as [first|second]."
            .into(),
        Problem::UnknownVariable { name } => format!(
            "There is no variable {{{name}}}. Use only the variables listed beside the words; \
             nothing about visits, people or treatment can be filled in."
        ),
        Problem::NotHere { variable } => {
            format!("{} cannot be said here. Take it out.", braced(*variable))
        }
        Problem::MayBeMissing { variable } => {
            let name = braced(*variable);
            format!(
                "Not every message has {name}. Put the words with it in brackets, with others for \
                 when it is missing: [\u{2026} {name}.|\u{2026}]"
            )
        }
        _ => return None,
    })
}

fn tact(problem: &Problem) -> Option<String> {
    Some(match problem {
        Problem::Health { word } => format!(
            "\u{201c}{word}\u{201d} tells of somebody\u{2019}s health. Others may read this \
             message. Say \u{201c}your bill\u{201d} instead."
        ),
        Problem::MaybeHealth { word } => format!(
            "\u{201c}{word}\u{201d} can tell of somebody\u{2019}s health. Keep it only when it \
             says nothing about why they came."
        ),
        Problem::Provider { word } => format!(
            "\u{201c}{word}\u{201d} points to who treated somebody. Leave people out; the \
             practice\u{2019}s name is enough."
        ),
        Problem::TypedDay { day } => format!(
            "\u{201c}{day}\u{201d} would go to everybody, and reads like the day of a visit. Take \
             it out, or write {{due_date}} where there is one."
        ),
        Problem::TypedAmount { amount } => {
            format!("\u{201c}{amount}\u{201d} would go to everybody. Write {{amount}}.")
        }
        Problem::TypedLink { link } => format!(
            "\u{201c}{link}\u{201d} is a typed address. Write {{pay_link}}: each person gets their \
             own, on the practice\u{2019}s own domain."
        ),
        Problem::Threat { word } => format!(
            "\u{201c}{word}\u{201d} can be read as a threat. Say what helps: to call, to pay a \
             part, to find a way together."
        ),
        Problem::Promotion { word } => format!(
            "\u{201c}{word}\u{201d} advertises. A message about a bill may not; take it out."
        ),
        Problem::HardToRead { reading } => format!(
            "Hard to read: grade {:.0}, and {HARDEST_GRADE:.0} is the most. Make the longest \
             sentence two, and long words short.",
            reading.grade
        ),
        _ => return None,
    })
}

fn order(problem: &Problem) -> Option<String> {
    Some(match problem {
        Problem::NoIdentity => {
            "Nobody can tell who writes. Begin with {practice_alias}.".to_owned()
        }
        Problem::IdentityNotFirst => {
            "Who writes comes first, or people take it for fraud. Begin with {practice_alias}."
                .to_owned()
        }
        Problem::NoLink => "There is no way to pay. Add {pay_link}.".to_owned(),
        Problem::LinkNotLast => {
            "Words follow the link. Put the link last, before the line with STOP.".to_owned()
        }
        Problem::LinkNotInFirstSegment => "The link would stand in the second part of the text, \
            where phones break it. Shorten what comes before it."
            .to_owned(),
        Problem::NoOptOut => {
            "The law wants a way out. End with: Reply STOP to stop texts.".to_owned()
        }
        Problem::OptOutNotLast => "Words follow the line with STOP. Put that line last.".to_owned(),
        Problem::NoCode => "The code is missing. Add {code}.".to_owned(),
        Problem::NoPhone => {
            "There is nobody to ask. Add {practice_phone}, for those who do not trust a link."
                .to_owned()
        }
        Problem::NameTooLong { chars } => format!(
            "The practice\u{2019}s name has {chars} characters; with more than 50 no text is \
             sent. Shorten it under Statement Options."
        ),
        Problem::NameLong { chars } => format!(
            "The practice\u{2019}s name has {chars} characters; 30 or fewer leave room for the \
             link. Shorten it under Statement Options."
        ),
        Problem::NameUnprintable => {
            "The practice\u{2019}s name is empty or has signs no text can carry. Change it under \
             Statement Options."
                .to_owned()
        }
        Problem::NameNotNeutral => "Your name alone would tell what somebody is treated for. Set \
            a neutral custom name under Statement Options first."
            .to_owned(),
        Problem::NameTells { word } => format!(
            "The practice\u{2019}s name says \u{201c}{word}\u{201d}. Think of a neutral custom \
             name under Statement Options."
        ),
        _ => return None,
    })
}

fn size(problem: &Problem, cost: Option<&str>) -> String {
    match problem {
        Problem::Replaced { letter, instead } => {
            format!("{letter} is sent as {instead}, which costs nothing.")
        }
        Problem::AccentDropped { letter, instead } => format!(
            "{letter} is sent as {instead}: with the accent every text would need more parts. \
             Choose another word to be exact."
        ),
        Problem::Costly { letter } => format!(
            "{letter} has no plain form. With it a part holds 70 characters instead of 160; take it \
             out."
        ),
        Problem::Segments { size, .. } => {
            let parts = if size.segments == 1 { "part" } else { "parts" };
            let cost = cost.map(|cost| format!(", {cost}")).unwrap_or_default();
            format!("{} {parts}{cost}, with {} characters.", size.segments, size.units)
        }
        Problem::ManySegments { segments } => {
            format!("{segments} parts: few people read so far, and each is paid for. Shorten it.")
        }
        Problem::TooLongForCarriers => {
            "Longer than carriers take. Shorten it to under 1,600 characters.".to_owned()
        }
        _ => "Something is wrong here.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use domain::{sms, template::lint::Reading};

    use super::*;

    #[test]
    fn every_finding_has_words_of_its_own() {
        let word = || "word".to_owned();
        let reading = Reading { grade: 11.0, words: 20, sentences: 1, ease: None };
        let all = [
            Problem::Empty,
            Problem::TooLong { most: 9 },
            Problem::UnbalancedBrace,
            Problem::UnbalancedBracket,
            Problem::UnknownVariable { name: word() },
            Problem::NotHere { variable: Variable::Amount },
            Problem::MayBeMissing { variable: Variable::Amount },
            Problem::Health { word: word() },
            Problem::MaybeHealth { word: word() },
            Problem::Provider { word: word() },
            Problem::TypedDay { day: word() },
            Problem::TypedAmount { amount: word() },
            Problem::TypedLink { link: word() },
            Problem::Threat { word: word() },
            Problem::Promotion { word: word() },
            Problem::HardToRead { reading },
            Problem::NoIdentity,
            Problem::IdentityNotFirst,
            Problem::NoLink,
            Problem::LinkNotLast,
            Problem::LinkNotInFirstSegment,
            Problem::NoOptOut,
            Problem::OptOutNotLast,
            Problem::NoCode,
            Problem::NoPhone,
            Problem::Replaced { letter: '\u{2019}', instead: "\'".into() },
            Problem::AccentDropped { letter: 'á', instead: "a".into() },
            Problem::Costly { letter: '😀' },
            Problem::Segments { size: sms::size("words"), cost_micros: 12_000 },
            Problem::ManySegments { segments: 3 },
            Problem::TooLongForCarriers,
            Problem::NameTooLong { chars: 51 },
            Problem::NameLong { chars: 31 },
            Problem::NameUnprintable,
            Problem::NameNotNeutral,
            Problem::NameTells { word: word() },
        ];
        let words: Vec<String> = all.iter().map(|p| finding_words(p, Some("1.2 cents"))).collect();
        let mut distinct = words.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), words.len());
        assert!(!words.iter().any(|words| words == "Something is wrong here."));
    }
}
