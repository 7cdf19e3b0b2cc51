//! What only texts must keep: the order in which they are read, letters that carriers take as they
//! are, and how many parts are paid for (M23, D-43).

use super::{
    Encoding, Filling, Finding, Kind, NAME_LONGEST, Part, Practice, Problem, Slot, Template,
    Variable, asks_for_money, sms,
};

/// More parts than this are read by few and paid for by somebody.
const SEGMENTS_RECOMMENDED: usize = 2;

pub(super) fn judge(
    slot: Slot,
    template: &Template,
    practice: &Practice,
    found: &mut Vec<Finding>,
) {
    order(slot, template, found);
    let Some(longest) = filled(slot, template, practice, true) else { return };
    letters(template, &longest, found);
    size(slot, template, practice, &longest, found);
}

/// The practice's own name, phone and address, and values as long as real ones.
fn filled(slot: Slot, template: &Template, practice: &Practice, all: bool) -> Option<String> {
    Some(template.fill(&filling(slot, practice, all)).ok()?.as_text())
}

fn filling(slot: Slot, practice: &Practice, all: bool) -> Filling {
    let settings = &practice.settings;
    let filling = Filling::sample(slot, all)
        .without(Variable::CheckCode)
        .with(Variable::PracticeAlias, practice.alias());
    let phone = Some(settings.phone.as_str()).filter(|phone| !phone.is_empty());
    let filling = filling.maybe(Variable::PracticePhone, phone);
    match filling.get(Variable::PayLink) {
        Some(_) if !settings.public_base.is_empty() => {
            let link = format!("{}/p/EXAMPLEEXAMPLEEXAMPLE1", settings.public_base);
            filling.with(Variable::PayLink, &link)
        }
        _ => filling,
    }
}

fn order(slot: Slot, template: &Template, found: &mut Vec<Finding>) {
    let Ok(sample) = template.fill(&Filling::sample(slot, true)) else { return };
    let text = sample.as_text();
    let alias = Variable::PracticeAlias.sample(slot.language);
    if template.names(Variable::PracticeAlias) && !text.starts_with(alias) {
        found.push(Finding::overall(Problem::IdentityNotFirst));
    }
    let last = template.paragraphs.len().saturating_sub(1);
    let wants_stop = asks_for_money(slot.kind) || slot.kind == Kind::Help;
    let stop_at = stop_sentence(&text);
    match stop_at {
        None if wants_stop => found.push(Finding::overall(Problem::NoOptOut)),
        Some((_, end)) if wants_stop && !text[end..].trim().is_empty() => {
            found.push(Finding::at(Part::Paragraph(last), "", Problem::OptOutNotLast));
        }
        _ => {}
    }
    let link = Variable::PayLink.sample(slot.language);
    if let Some(at) = text.find(link) {
        let after = at + link.len();
        let until = stop_at.map_or(text.len(), |(start, _)| start.max(after));
        if text[after..until].chars().any(char::is_alphanumeric) {
            let excerpt = text[after..until].trim();
            found.push(Finding::at(Part::Paragraph(0), excerpt, Problem::LinkNotLast));
        }
    }
}

/// Whether a text says how to stop: the word as carriers know it.
pub(super) fn says_stop(text: &str) -> bool {
    stop_word(text).is_some()
}

fn stop_word(text: &str) -> Option<usize> {
    let is_letter = |c: char| c.is_alphanumeric();
    text.match_indices("STOP")
        .map(|(at, _)| at)
        .find(|at| !text[..*at].ends_with(is_letter) && !text[at + 4..].starts_with(is_letter))
}

/// Where the sentence with STOP begins and ends. A link has no full stop of its own at its end, so
/// a capital after a blank begins a sentence too.
fn stop_sentence(text: &str) -> Option<(usize, usize)> {
    let word = stop_word(text)?;
    let before = &text[..word];
    let by_mark = before.rfind(['.', '!', '?']).filter(|at| before[at + 1..].starts_with(' '));
    let by_link = before.rfind("/p/").and_then(|at| before[at..].find(' ').map(|n| at + n));
    let start = by_mark.map(|at| at + 1).max(by_link).unwrap_or(0);
    let end = text[word..].find(['.', '!', '?']).map_or(text.len(), |n| word + n + 1);
    Some((start, end))
}

/// Letters outside GSM-7, each once, with what is sent instead.
fn letters(template: &Template, sent: &str, found: &mut Vec<Finding>) {
    for (at, line) in template.paragraphs.iter().enumerate() {
        let mut seen: Vec<char> = Vec::new();
        for letter in words_of(line).chars() {
            let alone = letter.to_string();
            if seen.contains(&letter) || sms::size(&alone).encoding == Encoding::Gsm7 {
                continue;
            }
            seen.push(letter);
            let instead = sms::normalise(&alone);
            let problem = if sms::size(&instead).encoding == Encoding::Gsm7 {
                Problem::Replaced { letter, instead }
            } else if let Some(plain) = sms::plain_form(letter) {
                if sent.contains(letter) {
                    continue;
                }
                Problem::AccentDropped { letter, instead: plain.to_string() }
            } else {
                Problem::Costly { letter }
            };
            found.push(Finding::at(Part::Paragraph(at), &alone, problem));
        }
    }
}

fn words_of(line: &[super::super::source::Part]) -> String {
    use super::super::source::Part as Piece;
    let word = |piece: &Piece| match piece {
        Piece::Words(words) => words.clone(),
        Piece::Variable(_) => String::new(),
        Piece::Choice(choices) => choices.iter().map(|choice| words_of(choice)).collect(),
    };
    line.iter().map(word).collect()
}

fn size(
    slot: Slot,
    template: &Template,
    practice: &Practice,
    longest: &str,
    found: &mut Vec<Finding>,
) {
    let shortest = filled(slot, template, practice, false);
    // What is usual: without the amount where the practice keeps it out.
    let usual = match practice.settings.amount_in_texts {
        true => longest,
        false => shortest.as_deref().unwrap_or(longest),
    };
    let size = sms::size(usual);
    let segments = i64::try_from(size.segments).unwrap_or(i64::MAX);
    let cost_micros = practice.settings.text_price_micros.saturating_mul(segments);
    found.push(Finding::overall(Problem::Segments { size, cost_micros }));
    if size.segments > SEGMENTS_RECOMMENDED {
        found.push(Finding::overall(Problem::ManySegments { segments: size.segments }));
    }
    if longest.chars().count() + NAME_LONGEST > sms::LONGEST_TEXT_CHARS {
        found.push(Finding::overall(Problem::TooLongForCarriers));
    }
    let link = filling(slot, practice, true);
    if let Some(link) = link.get(Variable::PayLink)
        && template.names(Variable::PayLink)
        && [Some(longest), shortest.as_deref()]
            .into_iter()
            .flatten()
            .any(|text| !sms::is_whole_in_first_segment(text, link))
    {
        found.push(Finding::overall(Problem::LinkNotInFirstSegment));
    }
}
