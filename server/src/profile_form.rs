//! Statement profiles and filters between what is typed and what is kept. Everything wrong is said
//! beside its field; nothing typed is lost.

use app::{
    components::Errors,
    pages::staff::{FilterFields, StepFields},
};
use domain::{
    book::Language,
    decide::Channel,
    money::Cents,
    practice::Practice,
    profile::{Action, Anchor, Paper, Profile, Repeat, Step},
    segment::{Filter, Trait, Wanted},
    template::Kind,
};

use crate::form::Posted;

/// More steps are refused by the profile's own checks; this bounds what is read.
const STEPS_MOST: usize = 60;

/// A profile as typed.
pub struct Typed {
    pub paper: String,
    pub ends_after: String,
    pub applies_to: FilterFields,
    pub steps: Vec<StepFields>,
}

/// Channels the practice may choose from, with their names.
pub fn channels(practice: &Practice) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if practice.texts_are_enabled() {
        found.push((Channel::Text, "Text"));
    }
    found.push((Channel::Email, "Email"));
    if practice.calls_are_enabled() {
        found.push((Channel::Voice, "Automated call"));
    }
    if practice.settings.fax_is_on {
        found.push((Channel::Fax, "Fax"));
    }
    found.into_iter().map(|(c, name)| (c.as_str().to_owned(), name.to_owned())).collect()
}

pub fn anchors() -> Vec<(String, String)> {
    Anchor::ALL
        .iter()
        .map(|one| {
            let words = one.in_words();
            let words = words.strip_prefix("the ").unwrap_or(words);
            let mut letters = words.chars();
            let upper = letters.next().map(|c| c.to_uppercase().collect::<String>());
            (one.as_str().to_owned(), upper.unwrap_or_default() + letters.as_str())
        })
        .collect()
}

pub fn typed_of(profile: &Profile) -> Typed {
    Typed {
        paper: match profile.paper {
            Paper::InAddition => "in_addition".into(),
            Paper::InLieu => "in_lieu".into(),
        },
        ends_after: profile.ends_after_days.to_string(),
        applies_to: filter_fields(&profile.applies_to),
        steps: profile.steps.iter().map(step_fields).collect(),
    }
}

fn step_fields(step: &Step) -> StepFields {
    let mut fields = StepFields {
        id: step.id.to_string(),
        name: step.name.clone(),
        days: step.days.to_string(),
        anchor: step.anchor.as_str().into(),
        hour: step.hour.map(|hour| hour.to_string()).unwrap_or_default(),
        only_if: filter_fields(&step.only_if),
        ..StepFields::default()
    };
    if step.hold_out_percent > 0 {
        fields.hold_out = step.hold_out_percent.to_string();
    }
    if let Some(repeat) = step.repeat {
        fields.every = repeat.every_days.to_string();
        fields.times = repeat.times.to_string();
    }
    fields.action = match &step.action {
        Action::Remind { channels, words, with_call } => {
            for (place, channel) in fields.channels.iter_mut().zip(channels) {
                *place = channel.as_str().into();
            }
            fields.words = words.map(|kind| kind.as_str().to_owned()).unwrap_or_default();
            fields.with_call = *with_call;
            "remind"
        }
        Action::Call => "call",
        Action::Letter => "letter",
        Action::ProposeCollections => "collections",
        Action::Review => "review",
    }
    .into();
    fields
}

fn filter_fields(filter: &Filter) -> FilterFields {
    let number = |n: Option<i64>| n.map(|n| n.to_string()).unwrap_or_default();
    let cents = |c: Option<Cents>| {
        c.map(|c| c.to_string().trim_start_matches('$').to_owned()).unwrap_or_default()
    };
    let mut fields = FilterFields {
        age_from: number(filter.age_at_least),
        age_to: number(filter.age_at_most),
        due_from: cents(filter.due_at_least),
        due_to: cents(filter.due_at_most),
        bills_from: number(filter.bills_at_least.map(i64::from)),
        reminders_from: number(filter.reminders_at_least.map(i64::from)),
        reminders_to: number(filter.reminders_at_most.map(i64::from)),
        language: filter.language.map(|l| l.as_str().to_owned()).unwrap_or_default(),
        states: filter.states.join(", "),
        ..FilterFields::default()
    };
    for (place, wanted) in fields.traits.iter_mut().zip(&filter.traits) {
        let is = if wanted.is { "yes" } else { "no" };
        *place = format!("{}:{is}", wanted.of.as_str());
    }
    fields
}

/// The form as it was sent.
pub fn typed_in(posted: &Posted) -> Typed {
    let many = posted.text("steps").parse::<usize>().unwrap_or(0).min(STEPS_MOST);
    Typed {
        paper: posted.text("paper").to_owned(),
        ends_after: posted.text("ends_after").trim().to_owned(),
        applies_to: filter_in(posted, "who-"),
        steps: (0..many).map(|at| step_in(posted, at)).collect(),
    }
}

fn step_in(posted: &Posted, at: usize) -> StepFields {
    let text = |part: &str| posted.text(&format!("s{at}-{part}")).trim().to_owned();
    StepFields {
        id: text("id"),
        name: text("name"),
        days: text("days"),
        anchor: text("anchor"),
        action: text("action"),
        channels: ["channel0", "channel1", "channel2"].map(text),
        words: text("words"),
        with_call: posted.has(&format!("s{at}-with_call")),
        hour: text("hour"),
        every: text("every"),
        times: text("times"),
        hold_out: text("hold_out"),
        only_if: filter_in(posted, &format!("s{at}-if-")),
    }
}

pub fn filter_in(posted: &Posted, prefix: &str) -> FilterFields {
    let text = |part: &str| posted.text(&format!("{prefix}{part}")).trim().to_owned();
    FilterFields {
        age_from: text("age_from"),
        age_to: text("age_to"),
        due_from: text("due_from"),
        due_to: text("due_to"),
        bills_from: text("bills_from"),
        reminders_from: text("reminders_from"),
        reminders_to: text("reminders_to"),
        language: text("language"),
        states: text("states"),
        traits: ["trait0", "trait1", "trait2"].map(text),
    }
}

/// Reads numbers and codes, collecting what is wrong with them.
struct Reader {
    errors: Errors,
}

impl Reader {
    fn refuse(&mut self, field: String, sentence: &str) {
        self.errors = std::mem::take(&mut self.errors).on(field, sentence);
    }

    fn number(&mut self, field: String, typed: &str, least: i64, most: i64) -> Option<i64> {
        if typed.is_empty() {
            return None;
        }
        let found = typed.parse().ok().filter(|n| (least..=most).contains(n));
        if found.is_none() {
            self.refuse(field, &format!("Enter a whole number from {least} to {most}."));
        }
        found
    }

    fn cents(&mut self, field: String, typed: &str) -> Option<Cents> {
        if typed.is_empty() {
            return None;
        }
        match Cents::parse_typed(typed) {
            Ok(cents) => Some(cents),
            Err(why) => {
                self.refuse(field, &format!("Write dollars and cents: {why}."));
                None
            }
        }
    }

    fn filter(&mut self, prefix: &str, typed: &FilterFields) -> Filter {
        let name = |part: &str| format!("{prefix}{part}");
        let mut small = |part: &str, typed: &str| {
            self.number(name(part), typed, 0, 3_650).and_then(|n| u32::try_from(n).ok())
        };
        let bills_at_least = small("bills_from", &typed.bills_from);
        let reminders_at_least = small("reminders_from", &typed.reminders_from);
        let reminders_at_most = small("reminders_to", &typed.reminders_to);
        let filter = Filter {
            age_at_least: self.number(name("age_from"), &typed.age_from, 0, 3_650),
            age_at_most: self.number(name("age_to"), &typed.age_to, 0, 3_650),
            due_at_least: self.cents(name("due_from"), &typed.due_from),
            due_at_most: self.cents(name("due_to"), &typed.due_to),
            bills_at_least,
            reminders_at_least,
            reminders_at_most,
            language: typed.language.parse::<Language>().ok(),
            states: self.states(name("states"), &typed.states),
            traits: typed.traits.iter().filter_map(|code| wanted(code)).collect(),
        };
        if let Some(sentence) = filter.contradiction() {
            self.refuse(name("age_from"), sentence);
        }
        filter
    }

    fn states(&mut self, field: String, typed: &str) -> Vec<String> {
        let found: Vec<String> = typed
            .split([',', ' ', ';'])
            .map(|part| part.trim().to_ascii_uppercase())
            .filter(|part| !part.is_empty())
            .collect();
        let fits = |one: &String| one.len() == 2 && one.bytes().all(|b| b.is_ascii_alphabetic());
        if !found.iter().all(fits) {
            self.refuse(field, "Write each state as two letters, with commas between them.");
        }
        found
    }

    fn step(&mut self, at: usize, typed: &StepFields, fresh_id: u16) -> Step {
        let name = |part: &str| format!("s{at}-{part}");
        let days = self.number(name("days"), &typed.days, -365, 730);
        if days.is_none() && typed.days.is_empty() {
            self.refuse(name("days"), "Enter a number of days; 0 is the day itself.");
        }
        let repeat = self.repeat(at, typed);
        let hold_out = self.number(name("hold_out"), &typed.hold_out, 0, 50);
        Step {
            id: typed.id.parse().unwrap_or(fresh_id),
            name: typed.name.clone(),
            anchor: Anchor::parse(&typed.anchor).unwrap_or(Anchor::Responsibility),
            days: days.and_then(|n| i32::try_from(n).ok()).unwrap_or(0),
            repeat,
            action: self.action(at, typed),
            hour: typed.hour.parse().ok(),
            only_if: self.filter(&name("if-"), &typed.only_if),
            hold_out_percent: hold_out.and_then(|n| u8::try_from(n).ok()).unwrap_or(0),
        }
    }

    fn repeat(&mut self, at: usize, typed: &StepFields) -> Option<Repeat> {
        let every = self.number(format!("s{at}-every"), &typed.every, 1, 365);
        let times = self.number(format!("s{at}-times"), &typed.times, 2, 52);
        match (every, times) {
            (Some(every), Some(times)) => Some(Repeat {
                every_days: u16::try_from(every).ok()?,
                times: u16::try_from(times).ok()?,
            }),
            (None, None) => None,
            _ => {
                let sentence = "A repeat needs both: how many days between, and how often in all.";
                self.refuse(format!("s{at}-every"), sentence);
                None
            }
        }
    }

    fn action(&mut self, at: usize, typed: &StepFields) -> Action {
        match typed.action.as_str() {
            "call" => Action::Call,
            "letter" => Action::Letter,
            "collections" => Action::ProposeCollections,
            "review" => Action::Review,
            _ => {
                let channels: Vec<Channel> =
                    typed.channels.iter().filter_map(|code| Channel::parse(code)).collect();
                if channels.is_empty() {
                    let sentence = "Choose how the reminder goes first.";
                    self.refuse(format!("s{at}-channel0"), sentence);
                }
                let words = Kind::parse(&typed.words);
                Action::Remind { channels, words, with_call: typed.with_call }
            }
        }
    }
}

fn wanted(code: &str) -> Option<Wanted> {
    let (of, is) = code.split_once(':')?;
    Some(Wanted { of: Trait::parse(of)?, is: is == "yes" })
}

/// The profile that was typed, and what is wrong with it.
pub fn read(typed: &Typed) -> (Profile, Errors) {
    let mut reader = Reader { errors: Errors::new() };
    let ends_after = reader.number("ends_after".into(), &typed.ends_after, 1, 1_095);
    if ends_after.is_none() && typed.ends_after.is_empty() {
        reader.refuse("ends_after".into(), "Enter after how many days the ladder ends.");
    }
    let known = typed.steps.iter().filter_map(|step| step.id.parse::<u16>().ok());
    let mut fresh = known.max().unwrap_or(0);
    let applies_to = reader.filter("who-", &typed.applies_to);
    let steps = typed
        .steps
        .iter()
        .enumerate()
        .map(|(at, step)| {
            if step.id.parse::<u16>().is_err() {
                fresh = fresh.saturating_add(1);
            }
            reader.step(at, step, fresh)
        })
        .collect();
    let profile = Profile {
        paper: if typed.paper == "in_lieu" { Paper::InLieu } else { Paper::InAddition },
        applies_to,
        steps,
        ends_after_days: ends_after.and_then(|n| u16::try_from(n).ok()).unwrap_or(180),
    };
    (profile, reader.errors)
}

/// A filter that was typed, and what is wrong with it.
pub fn read_filter(typed: &FilterFields) -> (Filter, Errors) {
    let mut reader = Reader { errors: Errors::new() };
    let filter = reader.filter("", typed);
    (filter, reader.errors)
}

#[cfg(test)]
mod tests {
    use domain::profile::{problems, standard};

    use super::*;

    #[test]
    fn a_profile_comes_back_from_its_own_form_unchanged() {
        let mut profile = standard();
        profile.applies_to = Filter {
            age_at_least: Some(31),
            due_at_least: Some(Cents(120_50)),
            states: vec!["MA".into(), "NY".into()],
            language: Some(Language::Spanish),
            traits: vec![Wanted { of: Trait::OnPlan, is: false }],
            ..Filter::default()
        };
        profile.steps[0].hold_out_percent = 10;
        profile.steps[1].hour = Some(14);
        let (back, errors) = read(&typed_of(&profile));
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(back, profile);
        assert!(problems(&back).is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_said_beside_its_field() {
        let mut typed = typed_of(&standard());
        typed.ends_after = "soon".into();
        typed.steps[0].days = "seven".into();
        typed.steps[1].every = "7".into();
        typed.steps[2].only_if.due_from = "much".into();
        typed.steps[3].only_if.states = "Mass".into();
        let (_, errors) = read(&typed);
        for field in ["ends_after", "s0-days", "s1-every", "s2-if-due_from", "s3-if-states"] {
            assert!(errors.of(field).is_some(), "{field}");
        }
    }

    #[test]
    fn a_new_step_gets_a_number_that_no_step_has_had() {
        let mut typed = typed_of(&standard());
        typed.steps.push(StepFields {
            name: "One more".into(),
            days: "10".into(),
            anchor: "responsibility".into(),
            action: "call".into(),
            ..StepFields::default()
        });
        let (profile, errors) = read(&typed);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(profile.steps.last().map(|step| step.id), Some(10));
    }
}
