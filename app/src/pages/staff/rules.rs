//! Settings: Rules. Every rule about messages in words, with its source, its examples and who read
//! it last; and, for one rule, what the practice may change.

use domain::{
    clock::UnixMs,
    rulebook::{Kind, Rule, vector::Outcomes},
};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{
    StaffShell,
    rule_words::{kind_name, number_name, numbers, where_and_when},
    settings::{Typed, tabs},
};
use crate::{
    components::{
        Badge, Button, ButtonLink, Column, Errors, Facts, Field, Form, Notice, Radio, RadioGroup,
        Row, Table, TextArea, Tone, heading, instant_full,
    },
    when,
    words::Words,
};

const PATH: &str = "/staff/settings/rules";
/// A reason is a sentence or two.
pub const REASON_LONGEST: usize = 500;

/// Who read a rule last, and whether that is too long ago (S-C4).
#[derive(Clone, Debug)]
pub struct Read {
    pub at: Option<UnixMs>,
    pub by: String,
    pub is_due: bool,
}

#[derive(Clone, Debug)]
pub struct RuleLine {
    pub rule: Rule,
    pub is_changed: bool,
    pub read: Read,
    pub examples: usize,
    pub examples_held: usize,
}

/// `/staff/settings/rules`
#[derive(Clone, Debug)]
pub struct Rules {
    pub zone: TimeZone,
    pub version: String,
    pub lines: Vec<RuleLine>,
}

impl Rules {
    pub fn html(self, shell: &StaffShell) -> String {
        let due = self.lines.iter().filter(|line| line.read.is_due).count();
        let broken = self.lines.iter().filter(|line| line.examples_held < line.examples).count();
        let alarm = (broken > 0).then(|| {
            Notice::alert(Tone::Danger)
                .text(format!("{broken} rules do not do what their examples say. Call support."))
                .view()
        });
        let review = if due == 0 {
            Notice::new(Tone::Good).text("Every rule was read within the last 90 days.").view()
        } else {
            let form = Form::post(format!("{PATH}/reviewed"), &shell.csrf).body(view! {
                {self.lines.iter().filter(|line| line.read.is_due).map(|line| {
                    crate::components::hidden("rule", line.rule.id.clone())
                }).collect::<Vec<_>>()}
                <p>{Button::secondary(format!("I have read these {due} rules"))}</p>
            });
            Notice::new(Tone::Warn)
                .title("Quarterly review")
                .body(view! {
                    <p>{format!("{due} rules were not read by anybody within the last 90 days.")}</p>
                    {form}
                })
                .view()
        };
        let zone = self.zone;
        let rows = self.lines.into_iter().map(|line| row(line, &zone)).collect();
        let columns = ["Rule", "What it asks", "State", "Read last", "Examples"];
        let table = Table::new("Rules", columns.map(Column::new).to_vec()).rows(rows);
        let body = view! {
            {heading("Settings: Rules", false)}
            {tabs("rules")}
            <p>
                "Every message is measured against all of these at the moment it would go. The \
                 strictest wins, and what nobody knows speaks against sending."
            </p>
            {alarm}
            {review}
            <p class="hint">{format!("Rules {}", self.version)}</p>
            {table}
        };
        shell.page("Rules", body)
    }
}

fn row(line: RuleLine, zone: &TimeZone) -> Row {
    let RuleLine { rule, is_changed, read, examples, examples_held } = line;
    let href = format!("{PATH}/{}", rule.id);
    let state = state(&rule, is_changed);
    let told = if examples == 0 {
        view! { <span class="muted">"–"</span> }.into_any()
    } else if examples_held == examples {
        view! { {format!("{examples} hold")} }.into_any()
    } else {
        let words = format!("{} of {examples} do not hold", examples - examples_held);
        Badge::new(words).tone(Tone::Danger).view()
    };
    Row::new()
        .cell(view! { <a href=href>{rule.title}</a>" "<span class="muted">{rule.id}</span> })
        .cell(rule.words)
        .cell(state)
        .cell(last_read(&read, zone))
        .cell(told)
}

fn state(rule: &Rule, is_changed: bool) -> AnyView {
    let badge = match (&rule.kind, rule.enabled, is_changed) {
        (Kind::Elsewhere { .. } | Kind::BuiltIn, _, _) => Badge::new("Always"),
        (_, true, true) => Badge::new("On, changed").tone(Tone::Good),
        (_, true, false) => Badge::new("On").tone(Tone::Good),
        (_, false, true) => Badge::new("Switched off").tone(Tone::Warn),
        (_, false, false) => Badge::new("Off"),
    };
    badge.view()
}

fn last_read(read: &Read, zone: &TimeZone) -> AnyView {
    let due = read.is_due.then(|| Badge::new("Due").tone(Tone::Warn).view());
    let when = match read.at {
        Some(at) => format!("{}, {}", when::day(Words::default(), at.day_in(zone)), read.by),
        None => "By nobody here yet".to_owned(),
    };
    view! { {when}" "{due} }.into_any()
}

/// A change that stands or stood.
#[derive(Clone, Debug)]
pub struct ChangeLine {
    pub at: UnixMs,
    pub by: String,
    pub words: String,
    pub reason: String,
    pub replaced_at: Option<UnixMs>,
}

/// `/staff/settings/rules/{rule}`
#[derive(Clone, Debug)]
pub struct RulePage {
    pub zone: TimeZone,
    /// As it binds this practice.
    pub rule: Rule,
    /// As the product has it.
    pub product: Rule,
    pub read: Read,
    pub examples: Vec<Outcomes>,
    /// The id of the change that stands, empty without one.
    pub seen: String,
    pub changes: Vec<ChangeLine>,
    pub typed: Typed,
    pub errors: Errors,
}

impl RulePage {
    pub fn html(self, shell: &StaffShell) -> String {
        let is_error = !self.errors.is_empty();
        let title = self.rule.title.clone();
        let body = view! {
            {heading(format!("Rule: {title}"), false)}
            {tabs("rules")}
            <p><a href=PATH>"All rules"</a></p>
            {self.errors.summary("Nothing was changed")}
            <p>{self.rule.words.clone()}</p>
            {self.facts()}
            {self.reviewing(shell)}
            {self.examples_table()}
            {self.form(shell)}
            {self.history()}
        };
        if is_error { shell.error_page("Rule", body) } else { shell.page("Rule", body) }
    }

    fn facts(&self) -> AnyView {
        let rule = &self.rule;
        let w = Words::default();
        let reviewer = match (rule.reviewed_by.is_empty(), rule.reviewed_on) {
            (false, Some(on)) => format!("{} on {}", rule.reviewed_by, when::day(w, on)),
            _ => "Nobody outside the practice has put a name to it yet".to_owned(),
        };
        let place = match &rule.kind {
            Kind::Elsewhere { at } => Some(at.clone()),
            _ => None,
        };
        let numbers = numbers(&rule.kind);
        Facts::new()
            .row("Number", rule.id.clone())
            .row("Kind", kind_name(&rule.kind))
            .row("Applies to", where_and_when(&rule.applies))
            .maybe("Kept by", place)
            .maybe("Numbers", (!numbers.is_empty()).then_some(numbers))
            .maybe("From", rule.effective_from.map(|day| when::day(w, day)))
            .maybe("Until", rule.effective_to.map(|day| when::day(w, day)))
            .row("Source", rule.sources.join("; "))
            .row("Reviewed by", reviewer)
            .row("State", state(rule, !self.seen.is_empty()))
            .row("Read here", last_read(&self.read, &self.zone))
            .view()
    }

    fn reviewing(&self, shell: &StaffShell) -> AnyView {
        Form::post(format!("{PATH}/reviewed"), &shell.csrf)
            .hidden("rule", self.rule.id.clone())
            .hidden("back", self.rule.id.clone())
            .body(view! { <p>{Button::secondary("I have read this rule")}</p> })
    }

    fn examples_table(&self) -> AnyView {
        if self.examples.is_empty() {
            return ().into_any();
        }
        let rows = self
            .examples
            .iter()
            .map(|example| {
                let result = match &example.result {
                    Ok(()) => Badge::new("Holds").tone(Tone::Good),
                    Err(instead) => Badge::new(format!("No: {instead}")).tone(Tone::Danger),
                };
                Row::new()
                    .cell(example.says.clone())
                    .cell(expectation(&example.expected))
                    .cell(result.view())
            })
            .collect();
        let columns = ["Example", "What must come of it", "Tried just now"];
        Table::new("Examples, as the product has the rule", columns.map(Column::new).to_vec())
            .rows(rows)
            .view()
    }

    fn form(&self, shell: &StaffShell) -> AnyView {
        let freedom = self.product.freedom;
        let may_enable = !self.product.enabled;
        let may_number = freedom.may_tighten || freedom.may_loosen;
        if !(freedom.may_disable || may_enable || may_number) {
            return view! {
                <p class="hint">"This rule binds every practice as it stands."</p>
            }
            .into_any();
        }
        let switch = (freedom.may_disable || may_enable).then(|| {
            let as_is = if self.product.enabled { "on" } else { "off" };
            RadioGroup::new("enabled", "Does it bind here?")
                .chosen(self.typed.text("enabled"))
                .error(self.errors.of("enabled"))
                .answer(Radio::new("", format!("As the product has it: {as_is}")))
                .answer(Radio::new("on", "On"))
                .answer(Radio::new("off", "Off"))
                .view()
        });
        let fields: Vec<AnyView> = if may_number {
            self.product.kind.numbers().into_iter().map(|number| self.number(number)).collect()
        } else {
            Vec::new()
        };
        let back = (!self.seen.is_empty()).then(|| {
            Form::post(format!("{PATH}/{}/restore", self.rule.id), &shell.csrf)
                .hidden("seen", self.seen.clone())
                .body(view! { <p>{Button::quiet("Back to the product's rule")}</p> })
        });
        let form = Form::post(format!("{PATH}/{}", self.rule.id), &shell.csrf)
            .hidden("seen", self.seen.clone())
            .body(view! {
                {switch}
                {fields}
                {TextArea::new("reason", "Why")
                    .value(self.typed.text("reason"))
                    .error(self.errors.of("reason"))
                    .hint("Kept with your name and the day.")
                    .rows(3)
                    .maxlength(REASON_LONGEST)
                    .required()}
                <p>{Button::primary("Save the change")}" "{ButtonLink::secondary(PATH, "Cancel")}</p>
            });
        view! {
            <section class="panel narrow-page">
                <h2>"Change it for this practice"</h2>
                {form}
                {back}
            </section>
        }
        .into_any()
    }

    fn number(&self, (name, usual): (&'static str, u16)) -> AnyView {
        let freedom = self.product.freedom;
        let side = if freedom.may_loosen { "" } else { " It can only be made stricter." };
        Field::digits(format!("number_{name}"), number_name(name), 4)
            .value(self.typed.text(&format!("number_{name}")))
            .error(self.errors.of(&format!("number_{name}")))
            .hint(format!("The product's number is {usual}.{side}"))
            .view()
    }

    fn history(&self) -> AnyView {
        let w = Words::default();
        if self.changes.is_empty() {
            return ().into_any();
        }
        let rows = self
            .changes
            .iter()
            .map(|change| {
                let state = match change.replaced_at {
                    None => Badge::new("Stands").tone(Tone::Good).view(),
                    Some(at) => view! { "Until "{instant_full(w, at, &self.zone)} }.into_any(),
                };
                Row::new()
                    .cell(instant_full(w, change.at, &self.zone))
                    .cell(change.by.clone())
                    .cell(change.words.clone())
                    .cell(change.reason.clone())
                    .cell(state)
            })
            .collect();
        let columns = ["When", "Who", "What", "Why", "State"];
        Table::new("Changes of this practice", columns.map(Column::new).to_vec()).rows(rows).view()
    }
}

/// `defer:+1d` as a person reads it.
fn expectation(code: &str) -> String {
    match code {
        "send" => "It goes.".to_owned(),
        "withhold" => "It is withheld.".to_owned(),
        "defer" => "It waits.".to_owned(),
        other => match other.strip_prefix("defer:") {
            Some(until) => match until.strip_prefix('+') {
                Some(distance) => format!("It waits {}.", spelled(distance)),
                None => format!("It waits until {until}."),
            },
            None => other.to_owned(),
        },
    }
}

fn spelled(distance: &str) -> String {
    let split = distance.len().saturating_sub(1);
    let (count, unit) = distance.split_at_checked(split).unwrap_or((distance, ""));
    let unit = match unit {
        "d" => "day",
        "h" => "hour",
        "m" => "minute",
        other => other,
    };
    if count == "1" { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_example_expects_is_said_in_words() {
        assert_eq!(expectation("send"), "It goes.");
        assert_eq!(expectation("defer:+1d"), "It waits 1 day.");
        assert_eq!(expectation("defer:+23h"), "It waits 23 hours.");
        assert_eq!(expectation("defer"), "It waits.");
    }
}
