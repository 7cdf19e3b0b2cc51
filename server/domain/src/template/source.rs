//! A template as it is typed: paragraphs of plain words, variables in braces, and choices in
//! brackets. Never HTML.
//!
//! `[Your balance is {amount}.|You have a bill.]` says the first of its choices for which every
//! variable is known, and nothing when there is none: so one template serves whether or not the
//! practice lets an amount be named.

use super::{
    Form, Variable,
    fill::{Filled, Paragraph},
    lint::{Finding, Part as Place, Problem},
    variable::Filling,
};

/// Longer than any message anyone reads.
pub const LONGEST_BODY: usize = 2_000;
/// Longer than any mail program shows.
pub const LONGEST_SUBJECT: usize = 120;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Words(String),
    Variable(Variable),
    Choice(Vec<Vec<Part>>),
}

pub(super) type Line = Vec<Part>;

/// A template that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pub(super) subject: Option<Line>,
    pub(super) paragraphs: Vec<Line>,
}

/// A message has nothing to say for a variable that stands outside brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing to say for {{{}}}", .0.name())]
pub struct Missing(pub Variable);

impl Template {
    /// Reads a template; every fault with its place. Only an email has a subject.
    pub fn parse(form: Form, subject: &str, body: &str) -> Result<Self, Vec<Finding>> {
        let mut faults = Vec::new();
        let subject = (form == Form::Email).then(|| {
            if subject.trim().is_empty() {
                faults.push(Finding::at(Place::Subject, "", Problem::Empty));
            }
            if subject.chars().count() > LONGEST_SUBJECT {
                let problem = Problem::TooLong { most: LONGEST_SUBJECT };
                faults.push(Finding::at(Place::Subject, "", problem));
            }
            line(subject, Place::Subject, &mut faults)
        });
        if body.trim().is_empty() {
            faults.push(Finding::overall(Problem::Empty));
        }
        if body.chars().count() > LONGEST_BODY {
            faults.push(Finding::overall(Problem::TooLong { most: LONGEST_BODY }));
        }
        let paragraphs = paragraphs_of(body)
            .iter()
            .enumerate()
            .map(|(at, text)| line(text, Place::Paragraph(at), &mut faults))
            .collect();
        if faults.is_empty() { Ok(Self { subject, paragraphs }) } else { Err(faults) }
    }

    /// Whether a variable stands anywhere in the body.
    pub fn names(&self, variable: Variable) -> bool {
        self.paragraphs.iter().any(|line| variables(line).any(|(v, _)| v == variable))
    }

    /// The words of one message.
    pub fn fill(&self, filling: &Filling) -> Result<Filled, Missing> {
        let subject = match &self.subject {
            Some(line) => Some(said(line, filling)?),
            None => None,
        };
        let mut paragraphs = Vec::new();
        for line in &self.paragraphs {
            let paragraph = match line.as_slice() {
                [Part::Variable(v @ Variable::PayLink)] => Paragraph::Link(value(*v, filling)?),
                [Part::Variable(v @ Variable::Code)] => Paragraph::Code(value(*v, filling)?),
                _ => Paragraph::Words(said(line, filling)?),
            };
            if !paragraph.text().is_empty() {
                paragraphs.push(paragraph);
            }
        }
        Ok(Filled { subject, paragraphs })
    }
}

/// Blank lines separate paragraphs; a paragraph is one line, whatever its line breaks.
pub(super) fn paragraphs_of(body: &str) -> Vec<String> {
    let mut paragraphs = vec![Vec::new()];
    for line in body.lines() {
        let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
        match (words.is_empty(), paragraphs.last_mut()) {
            (false, Some(open)) => open.push(words),
            _ => paragraphs.push(Vec::new()),
        }
    }
    paragraphs.into_iter().filter(|p| !p.is_empty()).map(|p| p.join(" ")).collect()
}

/// Each variable of a line, and whether it stands inside brackets.
pub(super) fn variables(line: &[Part]) -> Box<dyn Iterator<Item = (Variable, bool)> + '_> {
    Box::new(line.iter().flat_map(|part| -> Box<dyn Iterator<Item = (Variable, bool)> + '_> {
        match part {
            Part::Words(_) => Box::new(std::iter::empty()),
            Part::Variable(variable) => Box::new(std::iter::once((*variable, false))),
            Part::Choice(choices) => {
                Box::new(choices.iter().flat_map(|c| variables(c)).map(|(v, _)| (v, true)))
            }
        }
    }))
}

fn line(text: &str, place: Place, faults: &mut Vec<Finding>) -> Line {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find(['[', ']']) {
        let (words, after) = rest.split_at(open);
        parts.extend(pieces(words, place, faults));
        let Some(inside) = after.strip_prefix('[') else {
            faults.push(Finding::at(place, text, Problem::UnbalancedBracket));
            return parts;
        };
        match inside.find(['[', ']']) {
            Some(close) if inside[close..].starts_with(']') => {
                let choices = inside[..close].split('|');
                let choices = choices.map(|choice| pieces(choice, place, faults)).collect();
                parts.push(Part::Choice(choices));
                rest = &inside[close + 1..];
            }
            _ => {
                faults.push(Finding::at(place, text, Problem::UnbalancedBracket));
                return parts;
            }
        }
    }
    parts.extend(pieces(rest, place, faults));
    parts
}

fn pieces(text: &str, place: Place, faults: &mut Vec<Finding>) -> Line {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find(['{', '}']) {
        let (words, after) = rest.split_at(open);
        if !words.is_empty() {
            parts.push(Part::Words(words.to_owned()));
        }
        let closed = after.strip_prefix('{').and_then(|inside| inside.split_once('}'));
        let Some((name, behind)) = closed else {
            faults.push(Finding::at(place, text, Problem::UnbalancedBrace));
            return parts;
        };
        match Variable::parse(name.trim()) {
            Some(variable) => parts.push(Part::Variable(variable)),
            None => {
                let problem = Problem::UnknownVariable { name: name.trim().to_owned() };
                faults.push(Finding::at(place, &format!("{{{name}}}"), problem));
            }
        }
        rest = behind;
    }
    if !rest.is_empty() {
        parts.push(Part::Words(rest.to_owned()));
    }
    parts
}

fn said(line: &[Part], filling: &Filling) -> Result<String, Missing> {
    let mut text = String::new();
    for part in line {
        match part {
            Part::Words(words) => text.push_str(words),
            Part::Variable(variable) => text.push_str(&value(*variable, filling)?),
            Part::Choice(choices) => {
                let first = choices.iter().find_map(|choice| said(choice, filling).ok());
                text.push_str(&first.unwrap_or_default());
            }
        }
    }
    Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn value(variable: Variable, filling: &Filling) -> Result<String, Missing> {
    filling.get(variable).map(str::to_owned).ok_or(Missing(variable))
}
