//! Reads a template as a careful colleague would, before it is saved: what is refused, what costs
//! more than it must, and what is only worth knowing. Each finding says where (MS13).

use serde::{Deserialize, Serialize};

use super::{
    Filling, Form, Kind, Presence, Slot, Source, Template, Variable,
    source::{paragraphs_of, variables},
};
use crate::{
    practice::{NAME_LONGEST, Practice},
    sms::{self, Encoding, NameFit, Size},
};

mod reading;
mod text;
mod words;

pub use self::reading::{HARDEST_GRADE, Reading, reading};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It cannot be saved so.
    Refuse,
    /// It can, and somebody should know.
    Warn,
    Note,
}

/// Where in a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Subject,
    /// Counted from 0.
    Paragraph(usize),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "problem")]
pub enum Problem {
    Empty,
    TooLong {
        most: usize,
    },
    UnbalancedBrace,
    UnbalancedBracket,
    UnknownVariable {
        name: String,
    },
    /// A variable this kind or form never has.
    NotHere {
        variable: Variable,
    },
    /// Outside brackets, and not every message has it.
    MayBeMissing {
        variable: Variable,
    },
    Health {
        word: String,
    },
    MaybeHealth {
        word: String,
    },
    Provider {
        word: String,
    },
    TypedDay {
        day: String,
    },
    TypedAmount {
        amount: String,
    },
    TypedLink {
        link: String,
    },
    Threat {
        word: String,
    },
    Promotion {
        word: String,
    },
    HardToRead {
        reading: Reading,
    },
    NoIdentity,
    IdentityNotFirst,
    NoLink,
    LinkNotLast,
    /// Carriers and phones break what is split.
    LinkNotInFirstSegment,
    NoOptOut,
    /// Text after the way out.
    OptOutNotLast,
    NoCode,
    NoPhone,
    /// Sent in its plain form.
    Replaced {
        letter: char,
        instead: String,
    },
    /// Spanish letters sent without their accent, because it would cost another part.
    AccentDropped {
        letter: char,
        instead: String,
    },
    /// No plain form; the whole text costs more for it.
    Costly {
        letter: char,
    },
    Segments {
        size: Size,
        cost_micros: i64,
    },
    ManySegments {
        segments: usize,
    },
    TooLongForCarriers,
    NameTooLong {
        chars: usize,
    },
    NameLong {
        chars: usize,
    },
    NameUnprintable,
    /// A sensitive practice without a neutral name (M27).
    NameNotNeutral,
    NameTells {
        word: String,
    },
}

impl Problem {
    pub const fn severity(&self) -> Severity {
        match self {
            Self::MaybeHealth { .. }
            | Self::LinkNotLast
            | Self::IdentityNotFirst
            | Self::OptOutNotLast
            | Self::NoPhone
            | Self::AccentDropped { .. }
            | Self::Costly { .. }
            | Self::ManySegments { .. }
            | Self::NameLong { .. }
            | Self::NameTells { .. } => Severity::Warn,
            Self::Replaced { .. } | Self::Segments { .. } => Severity::Note,
            _ => Severity::Refuse,
        }
    }
}

/// One thing the linter says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// `None`: the template as a whole.
    pub part: Option<Part>,
    /// The words it is about, as they were typed; empty where the whole part is meant.
    pub excerpt: String,
    #[serde(flatten)]
    pub problem: Problem,
}

impl Finding {
    pub fn at(part: Part, excerpt: &str, problem: Problem) -> Self {
        Self { part: Some(part), excerpt: excerpt.to_owned(), problem }
    }

    pub fn overall(problem: Problem) -> Self {
        Self { part: None, excerpt: String::new(), problem }
    }

    pub const fn severity(&self) -> Severity {
        self.problem.severity()
    }
}

/// Everything the linter says of a template, the gravest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    pub findings: Vec<Finding>,
    pub reading: Option<Reading>,
}

impl Report {
    /// Whether the template cannot be saved.
    pub fn refuses(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity() == Severity::Refuse)
    }

    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity() == severity).count()
    }
}

/// Reads a template for one practice, whose name, switches and prices are part of the answer.
pub fn lint(slot: Slot, source: &Source, practice: &Practice) -> Report {
    let mut findings = Vec::new();
    let mut grade = None;
    match Template::parse(slot.form, &source.subject, &source.body) {
        Ok(template) => {
            grade = readable(slot, &template);
            if let Some(reading) = grade.filter(Reading::is_too_hard) {
                let hardest = hardest_sentence(slot, &template);
                let (at, excerpt) = hardest.unwrap_or((0, String::new()));
                let problem = Problem::HardToRead { reading };
                findings.push(Finding::at(Part::Paragraph(at), &excerpt, problem));
            }
            presence(slot, &template, &mut findings);
            duties(slot, &template, &mut findings);
            if slot.form == Form::Text {
                text::judge(slot, &template, practice, &mut findings);
            }
        }
        Err(faults) => findings.extend(faults),
    }
    wording(slot, source, &mut findings);
    name(slot, practice, &mut findings);
    findings.sort_by_key(|finding| (finding.severity(), finding.part));
    Report { findings, reading: grade }
}

/// Whether a message of this kind asks for money by a link, and reaches out unasked.
const fn asks_for_money(kind: Kind) -> bool {
    !matches!(kind, Kind::PaymentConfirmation | Kind::OptOutConfirmation | Kind::Help | Kind::Code)
}

/// Variables where they cannot be said, or not always.
fn presence(slot: Slot, template: &Template, findings: &mut Vec<Finding>) {
    let lines = template.subject.iter().map(|line| (Part::Subject, line));
    let paragraphs = template.paragraphs.iter().enumerate();
    let lines = lines.chain(paragraphs.map(|(at, line)| (Part::Paragraph(at), line)));
    for (part, line) in lines {
        for (variable, is_bracketed) in variables(line) {
            // Subjects show on locked screens: who writes, and nothing else.
            let is_subject = part == Part::Subject && variable != Variable::PracticeAlias;
            let problem = match variable.presence(slot.kind, slot.form) {
                _ if is_subject => Problem::NotHere { variable },
                Presence::Never => Problem::NotHere { variable },
                Presence::Sometimes if !is_bracketed => Problem::MayBeMissing { variable },
                Presence::Always | Presence::Sometimes => continue,
            };
            findings.push(Finding::at(part, &format!("{{{}}}", variable.name()), problem));
        }
    }
}

/// What must stand in a message of this kind and form. Emails and letters carry name, phone and the
/// way out in their frame.
fn duties(slot: Slot, template: &Template, findings: &mut Vec<Finding>) {
    let has = |variable| template.names(variable);
    let overheard = matches!(slot.form, Form::Text | Form::Voice);
    if overheard && !has(Variable::PracticeAlias) {
        findings.push(Finding::overall(Problem::NoIdentity));
    }
    if asks_for_money(slot.kind) && slot.form != Form::Voice && !has(Variable::PayLink) {
        findings.push(Finding::overall(Problem::NoLink));
    }
    if slot.kind == Kind::Code && !has(Variable::Code) {
        findings.push(Finding::overall(Problem::NoCode));
    }
    let wants_phone = asks_for_money(slot.kind) || slot.kind == Kind::Help;
    if overheard && wants_phone && !has(Variable::PracticePhone) {
        findings.push(Finding::overall(Problem::NoPhone));
    }
}

/// Words that must not be there.
fn wording(slot: Slot, source: &Source, findings: &mut Vec<Finding>) {
    let subject = (slot.form == Form::Email).then(|| (Part::Subject, source.subject.clone()));
    let paragraphs = paragraphs_of(&source.body).into_iter().enumerate();
    let parts = subject.into_iter().chain(paragraphs.map(|(at, p)| (Part::Paragraph(at), p)));
    for (part, text) in parts {
        let text = without_variables(&text);
        for (topic, word) in words::found(&text, slot.language) {
            findings.push(Finding::at(part, &word, topic.problem(&word)));
        }
        if let Some(day) = words::typed_day(&text) {
            findings.push(Finding::at(part, &day, Problem::TypedDay { day: day.clone() }));
        }
        if let Some(link) = words::typed_link(&text) {
            findings.push(Finding::at(part, link, Problem::TypedLink { link: link.to_owned() }));
        }
        if let Some(amount) = words::typed_amount(&text) {
            let problem = Problem::TypedAmount { amount: amount.to_owned() };
            findings.push(Finding::at(part, amount, problem));
        }
        let percent = text.split_whitespace().find(|w| {
            w.trim_end_matches(['.', ',', '!'])
                .strip_suffix('%')
                .is_some_and(|n| n.parse::<u8>().is_ok())
        });
        if let Some(word) = percent {
            let problem = Problem::Promotion { word: word.to_owned() };
            findings.push(Finding::at(part, word, problem));
        }
    }
}

/// The words around variables; a variable leaves a gap that no phrase reaches across.
fn without_variables(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        match c {
            '{' => {
                inside = true;
                plain.push_str(" \u{fffc} ");
            }
            '}' => inside = false,
            '[' | ']' | '|' => plain.push(' '),
            other if !inside => plain.push(other),
            _ => {}
        }
    }
    plain
}

/// The practice's name, as every message of this kind shows it.
fn name(slot: Slot, practice: &Practice, findings: &mut Vec<Finding>) {
    let alias = practice.alias();
    if slot.form == Form::Text {
        let problem = match sms::name_fit(alias) {
            NameFit::Fine => None,
            NameFit::LongerThanRecommended { chars } => Some(Problem::NameLong { chars }),
            NameFit::TooLong { chars } => Some(Problem::NameTooLong { chars }),
            NameFit::Empty | NameFit::Unprintable => Some(Problem::NameUnprintable),
        };
        findings.extend(problem.map(Finding::overall));
    }
    let tells = words::found(alias, slot.language)
        .into_iter()
        .find(|(topic, _)| *topic == words::Topic::Health)
        .map(|(_, word)| word);
    let settings = &practice.settings;
    let is_own = settings.custom_name.as_deref().is_some_and(|name| !name.trim().is_empty());
    if settings.is_sensitive && (!is_own || alias == practice.name || tells.is_some()) {
        findings.push(Finding::overall(Problem::NameNotNeutral));
    } else if let Some(word) = tells {
        findings.push(Finding::overall(Problem::NameTells { word }));
    }
}

/// How hard the whole is to read, with short plain words for every variable.
fn readable(slot: Slot, template: &Template) -> Option<Reading> {
    reading(&sentences_of(slot, template), slot.language)
}

fn sentences_of(slot: Slot, template: &Template) -> Vec<String> {
    let filling = Variable::ALL.iter().fold(Filling::new(), |filling, variable| {
        let plain = match variable {
            Variable::PracticeAlias => "us",
            Variable::DueDate | Variable::InstallmentDate => "May 3",
            Variable::FirstName => "Ann",
            // Figures and links are looked at, not read.
            _ => "0",
        };
        filling.with(*variable, plain)
    });
    let filled = template.fill(&filling).ok();
    let filled = filled.map(|filled| filled.paragraphs).unwrap_or_default();
    // A text's way out is the same in every text and is not what makes it hard.
    let is_way_out = |text: &str| slot.form == Form::Text && text::says_stop(text);
    filled.iter().map(|p| p.text().to_owned()).filter(|p| !is_way_out(p)).collect()
}

/// The longest sentence and the paragraph it stands in.
fn hardest_sentence(slot: Slot, template: &Template) -> Option<(usize, String)> {
    let paragraphs = sentences_of(slot, template).into_iter().enumerate();
    let sentences = paragraphs.flat_map(|(at, paragraph)| {
        let all: Vec<String> =
            paragraph.split_inclusive(['.', '!', '?', ':']).map(|s| s.trim().to_owned()).collect();
        all.into_iter().map(move |sentence| (at, sentence))
    });
    sentences.max_by_key(|(_, sentence)| sentence.split_whitespace().count())
}
