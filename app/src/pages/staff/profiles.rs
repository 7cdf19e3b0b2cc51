//! Statement profiles: the list, one version as its proof, and its editor (S-D1, S-G8).

use domain::{clock::UnixMs, profile::WORDS, template::Kind};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{FilterFields, Outlook, StaffShell, outlook};
use crate::{
    components::{
        Badge, Button, ButtonLink, Checkbox, Column, Confirm, Errors, Facts, Field, Form, Notice,
        Radio, RadioGroup, Row, Select, Table, TextArea, Tone, heading, instant_full,
    },
    words::Words,
};

pub const PATH: &str = "/staff/profiles";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileState {
    Draft,
    Approved,
    Active,
    Retired,
}

impl ProfileState {
    fn badge(self) -> Badge {
        match self {
            Self::Draft => Badge::new("Draft"),
            Self::Approved => Badge::new("Proof approved").tone(Tone::Warn),
            Self::Active => Badge::new("Active").tone(Tone::Good),
            Self::Retired => Badge::new("Retired"),
        }
    }
}

/// A kind of message as staff name it.
pub const fn kind_words(kind: Option<Kind>) -> &'static str {
    match kind {
        None => "reminder, its tone by the age of the balance",
        Some(Kind::Invoice) => "invoice",
        Some(Kind::ReminderGentle) => "gentle reminder",
        Some(Kind::ReminderPlain) => "plain reminder",
        Some(Kind::ReminderFirm) => "firm reminder",
        Some(Kind::PartPaymentThanks) => "thanks for a part payment",
        Some(Kind::PaymentPlan) => "payment plan",
        Some(Kind::PaymentConfirmation) => "payment confirmation",
        Some(Kind::FailedAutopay) => "failed autopay",
        Some(Kind::CourtesyCharge) => "notice before a charge",
        Some(Kind::DueSoon) => "due soon",
        Some(Kind::FinalNotice) => "final notice",
        Some(Kind::OptOutConfirmation) => "opt-out confirmation",
        Some(Kind::Help) => "help",
        Some(Kind::Code) => "code",
    }
}

#[derive(Clone, Debug)]
pub struct ProfileLine {
    /// Of the version.
    pub id: String,
    pub profile: String,
    pub name: String,
    pub number: i64,
    pub state: ProfileState,
    /// Whose it is, in words.
    pub applies_to: String,
    pub steps: usize,
    pub active_since: Option<UnixMs>,
    pub is_enrolling: bool,
    /// The newest version of the first profile of the list has nowhere to rise to.
    pub may_rise: bool,
}

#[derive(Clone, Debug)]
pub struct Profiles {
    pub zone: TimeZone,
    pub lines: Vec<ProfileLine>,
    pub may_manage: bool,
    pub typed_name: String,
    pub errors: Errors,
}

impl Profiles {
    pub fn html(self, shell: &StaffShell) -> String {
        let w = Words::default();
        let is_error = !self.errors.is_empty();
        let rows = self
            .lines
            .iter()
            .map(|line| {
                let href = format!("{PATH}/{}", line.id);
                let title = format!("{}, version {}", line.name, line.number);
                let since = line.active_since.map(|at| instant_full(w, at, &self.zone));
                let enrolling = line
                    .is_enrolling
                    .then(|| view! { <p class="hint">"Taking the accounts in"</p> });
                let rise = (self.may_manage && line.may_rise).then(|| {
                    Form::post(format!("{PATH}/{}/raise", line.id), &shell.csrf).body(
                        Button::quiet("Ask earlier")
                            .named(format!("Ask earlier: {}", line.name))
                            .view(),
                    )
                });
                Row::new()
                    .cell(view! { <a href=href>{title}</a> })
                    .cell(view! { {line.state.badge()}{enrolling} })
                    .cell(line.applies_to.clone())
                    .cell(line.steps.to_string())
                    .cell(since)
                    .cell(rise)
            })
            .collect();
        let columns = vec![
            Column::new("Profile"),
            Column::new("State"),
            Column::new("Accounts"),
            Column::new("Steps").number(),
            Column::new("Active since"),
            Column::new("Order"),
        ];
        let table = Table::new("Statement profiles, in the order in which they are asked", columns)
            .rows(rows)
            .empty(view! {
                <p>
                    "There is no profile yet: reminders go only when staff send them. A profile \
                     reminds by itself, step by step."
                </p>
            });
        let create = self.may_manage.then(|| {
            let body = view! {
                {Field::text("name", "Name of a new profile")
                    .hint("It begins with the usual steps, as a draft.")
                    .value(self.typed_name.clone())
                    .error(self.errors.of("name"))
                    .maxlength(60)
                    .required()}
                <div class="actions">{Button::primary("Make a draft")}</div>
            };
            Form::post(PATH, &shell.csrf).class("panel").body(body)
        });
        let body = view! {
            {heading("Statement profiles", false)}
            <p class="hint">
                "An account follows the first active profile that holds for it. Nothing is sent by \
                 a version before somebody has approved its proof."
            </p>
            {self.errors.summary("Nothing was made")}
            {table}
            {create}
        };
        let title = "Statement profiles";
        if is_error { shell.error_page(title, body) } else { shell.page(title, body) }
    }
}

/// A step as the proof reads it.
#[derive(Clone, Debug)]
pub struct ProofStep {
    pub id: u16,
    pub name: String,
    pub when: String,
    pub what: String,
    pub only_if: String,
    pub held_out: u8,
    /// What the message says, for a made-up account.
    pub sample: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileQuestion {
    Approve,
    Activate,
    Retire,
}

impl ProfileQuestion {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Activate => "activate",
            Self::Retire => "retire",
        }
    }
}

/// One version, to be read before anything is sent by it.
pub struct ProfileProof {
    pub zone: TimeZone,
    pub id: String,
    pub name: String,
    pub number: i64,
    pub state: ProfileState,
    pub applies_to: String,
    pub paper: String,
    pub ends_after: u16,
    pub steps: Vec<ProofStep>,
    /// The step's name and what is wrong.
    pub problems: Vec<(Option<String>, String)>,
    pub made: (String, UnixMs),
    pub approved: Option<(String, UnixMs)>,
    pub activated: Option<(String, UnixMs)>,
    /// What a change of the draft is checked against.
    pub seen: i64,
    pub may_manage: bool,
    pub asks: Option<ProfileQuestion>,
    pub outlook: Option<Outlook>,
    pub errors: Errors,
}

impl ProfileProof {
    pub fn html(self, shell: &StaffShell) -> String {
        let is_error = !self.errors.is_empty();
        let title = "Statement profile";
        let body = view! {
            {heading(format!("{}, version {}", self.name, self.number), false)}
            {self.errors.summary("Nothing was changed")}
            {self.question(&shell.csrf)}
            {self.actions(&shell.csrf)}
            {self.problem_list()}
            {self.facts()}
            {self.step_list()}
            {outlook(self.outlook.as_ref(), &self.zone)}
            <p><a href=PATH>"All profiles"</a></p>
        };
        if is_error { shell.error_page(title, body) } else { shell.page(title, body) }
    }

    fn at(&self, part: &str) -> String {
        format!("{PATH}/{}{part}", self.id)
    }

    fn question(&self, csrf: &str) -> AnyView {
        let (question, detail, yes) = match self.asks {
            None => return ().into_any(),
            Some(ProfileQuestion::Approve) => (
                "Approve this proof?",
                "You have read whom it concerns, each step and its sample. An approved version \
                 cannot be changed; a copy of it can.",
                Button::primary("Yes, approve"),
            ),
            Some(ProfileQuestion::Activate) => (
                "Activate this version?",
                "Accounts are reminded by it from now on. Steps whose day has passed are not made \
                 up for. An active version of the same profile ends.",
                Button::primary("Yes, activate"),
            ),
            Some(ProfileQuestion::Retire) => (
                "Retire this version?",
                "Nothing more is written by it. What waits for approval stays in its jobs.",
                Button::danger("Yes, retire"),
            ),
        };
        let verb = self.asks.map_or("", ProfileQuestion::code);
        let form =
            Form::post(self.at(&format!("/{verb}")), csrf).hidden("seen", self.seen.to_string());
        Confirm::new(question, form, yes, ButtonLink::secondary(self.at(""), "No"))
            .detail(detail)
            .view()
    }

    fn actions(&self, csrf: &str) -> AnyView {
        if !self.may_manage {
            return ().into_any();
        }
        let is_draft = self.state == ProfileState::Draft;
        let ask = |verb: &str, label: &str, is_main: bool| {
            let href = self.at(&format!("?ask={verb}"));
            if is_main {
                ButtonLink::primary(href, label)
            } else {
                ButtonLink::secondary(href, label)
            }
        };
        let edit = is_draft.then(|| ButtonLink::secondary(self.at("/edit"), "Edit").view());
        let approve = (is_draft && self.problems.is_empty())
            .then(|| ask("approve", "Approve the proof", true).view());
        let activate = (self.state == ProfileState::Approved)
            .then(|| ask("activate", "Activate", true).view());
        let retire =
            (self.state != ProfileState::Retired).then(|| ask("retire", "Retire", false).view());
        let copy = (!is_draft).then(|| {
            Form::post(self.at("/copy"), csrf).body(Button::secondary("Edit a copy").view())
        });
        let simulate = Form::post(self.at("/simulate"), csrf)
            .body(Button::secondary("Simulate the next 60 days").view());
        view! { <div class="record-actions">{approve}{activate}{edit}{copy}{simulate}{retire}</div> }
            .into_any()
    }

    fn problem_list(&self) -> AnyView {
        if self.problems.is_empty() {
            return ().into_any();
        }
        let items: Vec<AnyView> = self
            .problems
            .iter()
            .map(|(step, sentence)| {
                let place = step.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
                view! { <li>{format!("{place}{sentence}")}</li> }.into_any()
            })
            .collect();
        Notice::new(Tone::Warn)
            .title("To put right before the proof can be approved")
            .body(view! { <ul>{items}</ul> })
            .view()
    }

    fn facts(&self) -> AnyView {
        let w = Words::default();
        let by = |(by, at): &(String, UnixMs)| {
            let by = format!(" by {by}");
            view! { {instant_full(w, *at, &self.zone)}{by} }
        };
        Facts::new()
            .row("State", self.state.badge().view())
            .row("Accounts", self.applies_to.clone())
            .row("Paper statements", self.paper.clone())
            .row("Ends", format!("{} days after the bill became the patient's", self.ends_after))
            .row("Made", by(&self.made))
            .maybe("Proof approved", self.approved.as_ref().map(by))
            .maybe("Activated", self.activated.as_ref().map(by))
            .view()
    }

    fn step_list(&self) -> AnyView {
        let steps: Vec<AnyView> = self
            .steps
            .iter()
            .map(|step| {
                let only_if = (step.only_if != "everybody").then(|| {
                    view! { <p>"Only: "{step.only_if.clone()}</p> }
                });
                let held_out = (step.held_out > 0).then(|| {
                    let words = format!(
                        "{} of 100 accounts are left out, to see what the step adds.",
                        step.held_out
                    );
                    view! { <p class="hint">{words}</p> }
                });
                let sample = step.sample.clone().map(|text| {
                    view! {
                        <details>
                            <summary>{format!("Sample of {}", step.name)}</summary>
                            <div class="letter-sample">{text}</div>
                        </details>
                    }
                });
                view! {
                    <li class="panel" id=format!("step-{}", step.id)>
                        <h3>{step.name.clone()}</h3>
                        <p>{step.when.clone()}</p>
                        <p>{step.what.clone()}</p>
                        {only_if}
                        {held_out}
                        {sample}
                    </li>
                }
                .into_any()
            })
            .collect();
        view! { <h2>"Steps"</h2><ol class="steps">{steps}</ol> }.into_any()
    }
}

/// A step as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepFields {
    pub id: String,
    pub name: String,
    pub days: String,
    pub anchor: String,
    pub action: String,
    /// In the order in which they are tried; empty for none.
    pub channels: [String; 3],
    pub words: String,
    pub with_call: bool,
    pub hour: String,
    pub every: String,
    pub times: String,
    pub hold_out: String,
    pub only_if: FilterFields,
}

/// Actions by their code in the form.
pub const ACTIONS: [(&str, &str); 5] = [
    ("remind", "Send a reminder"),
    ("call", "A person calls"),
    ("letter", "A letter to print"),
    ("collections", "Propose for collections"),
    ("review", "A person looks at the account"),
];

#[derive(Clone, Debug)]
pub struct ProfileForm {
    pub id: String,
    pub name: String,
    pub number: i64,
    pub seen: i64,
    pub paper: String,
    pub ends_after: String,
    pub applies_to: FilterFields,
    pub steps: Vec<StepFields>,
    /// Channels the practice has switched on: code and name.
    pub channels: Vec<(String, String)>,
    /// Anchors: code and words.
    pub anchors: Vec<(String, String)>,
    pub errors: Errors,
}

impl ProfileForm {
    pub fn html(self, shell: &StaffShell) -> String {
        let is_error = !self.errors.is_empty();
        let steps: Vec<AnyView> =
            self.steps.iter().enumerate().map(|(at, step)| self.step(at, step)).collect();
        let action = format!("{PATH}/{}/edit", self.id);
        let back = format!("{PATH}/{}", self.id);
        let body = view! {
            <section class="panel" aria-labelledby="whole">
                <h2 id="whole">"The profile"</h2>
                {RadioGroup::new("paper", "Paper statements")
                    .chosen(self.paper.clone())
                    .answer(Radio::new("in_addition", "Reminders come in addition to paper"))
                    .answer(Radio::new("in_lieu", "Reminders come in lieu of paper"))}
                {Field::digits("ends_after", "Ends this many days after the bill became theirs", 3)
                    .value(self.ends_after.clone())
                    .error(self.errors.of("ends_after"))}
                <h3>"Whose profile it is"</h3>
                {self.applies_to.view("who-", &self.errors)}
            </section>
            <h2>"Steps"</h2>
            {steps}
            <div class="actions">
                {Button::primary("Save the draft").sends("do", "save")}
                {Button::secondary("Add a step").sends("do", "add")}
                <a href=back>"Back to the proof"</a>
            </div>
        };
        let form = Form::post(action, &shell.csrf)
            .hidden("seen", self.seen.to_string())
            .hidden("steps", self.steps.len().to_string())
            .body(body);
        let page = view! {
            {heading(format!("Edit {}, version {}", self.name, self.number), false)}
            {self.errors.summary("The draft was not saved")}
            {form}
        };
        let title = "Edit profile";
        if is_error { shell.error_page(title, page) } else { shell.page(title, page) }
    }

    fn step(&self, at: usize, step: &StepFields) -> AnyView {
        let name = |part: &str| format!("s{at}-{part}");
        let error = |part: &str| self.errors.of(&name(part));
        let digits = |part: &str, label: &str, value: &str| {
            Field::digits(name(part), label, 4).value(value).error(error(part))
        };
        let title = if step.name.is_empty() {
            format!("Step {}", at + 1)
        } else {
            format!("Step {}: {}", at + 1, step.name)
        };
        let channel = |place: usize, label: &str| {
            Select::new(name(&format!("channel{place}")), label)
                .option("", "None")
                .options(self.channels.iter().cloned())
                .chosen(step.channels[place].clone())
                .error(if place == 0 { error("channel0") } else { None })
        };
        let hours = (8..=20).map(|hour| (hour.to_string(), format!("{hour}:00")));
        let words = WORDS
            .iter()
            .map(|kind| (kind.as_str().to_owned(), upper_first(kind_words(Some(*kind)))));
        let move_up = (at > 0).then(|| {
            Button::quiet("Move up")
                .named(format!("Move up: {title}"))
                .sends("do", format!("up-{at}"))
                .view()
        });
        let legend = title.clone();
        let has_conditions = !step.only_if.is_empty() || !step.hold_out.is_empty();
        view! {
            <fieldset class="panel step-fields" id=format!("step-{at}")>
                <legend>{legend}</legend>
                <input type="hidden" name=name("id") value=step.id.clone()/>
                <div class="pairs">
                    {Field::text(name("name"), "Name")
                        .value(step.name.clone())
                        .error(error("name"))
                        .maxlength(60)}
                    {Select::new(name("action"), "What happens")
                        .options(ACTIONS)
                        .chosen(step.action.clone())}
                    {Field::text(name("days"), "Days")
                        .hint("After the day chosen beside; with a minus sign, before it")
                        .inputmode("text")
                        .narrow()
                        .maxlength(5)
                        .value(step.days.clone())
                        .error(error("days"))}
                    {Select::new(name("anchor"), "Counted from")
                        .options(self.anchors.iter().cloned())
                        .chosen(step.anchor.clone())}
                    {channel(0, "First by")}
                    {channel(1, "When that fails, by")}
                    {channel(2, "When that fails too, by")}
                    {Select::new(name("words"), "Words")
                        .option("", "By the age of the balance")
                        .options(words)
                        .chosen(step.words.clone())
                        .error(error("words"))}
                </div>
                {Checkbox::new(name("with_call"), "And a person calls").checked(step.with_call)}
                <details open=has_conditions>
                    <summary>{format!("Time, repeats and conditions of step {}", at + 1)}</summary>
                    <div class="pairs">
                        {Select::new(name("hour"), "Not before")
                            .option("", "9:00, as usual")
                            .options(hours)
                            .chosen(step.hour.clone())
                            .error(error("hour"))}
                        {digits("every", "Again every so many days", &step.every)}
                        {digits("times", "Times in all", &step.times)}
                        {digits("hold_out", "Accounts of 100 to leave out", &step.hold_out)}
                    </div>
                    {step.only_if.view(&name("if-"), &self.errors)}
                </details>
                <div class="actions">
                    {move_up}
                    {Button::quiet("Remove this step")
                        .named(format!("Remove this step: {title}"))
                        .sends("do", format!("remove-{at}"))}
                </div>
            </fieldset>
        }
        .into_any()
    }
}

fn upper_first(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

/// Saved filters.
#[derive(Clone, Debug)]
pub struct SegmentLine {
    pub id: String,
    pub name: String,
    pub words: String,
    /// Select Criteria with this segment.
    pub send: String,
}

#[derive(Clone, Debug)]
pub struct Segments {
    pub lines: Vec<SegmentLine>,
    pub may_manage: bool,
    pub typed_name: String,
    pub typed: FilterFields,
    pub errors: Errors,
}

pub const SEGMENTS_PATH: &str = "/staff/segments";

impl Segments {
    pub fn html(self, shell: &StaffShell) -> String {
        let is_error = !self.errors.is_empty();
        let rows = self
            .lines
            .iter()
            .map(|line| {
                let send = line.send.clone();
                let delete = self.may_manage.then(|| {
                    Form::post(format!("{SEGMENTS_PATH}/{}/delete", line.id), &shell.csrf)
                        .body(Button::quiet("Delete").named(format!("Delete {}", line.name)).view())
                });
                Row::new()
                    .cell(line.name.clone())
                    .cell(line.words.clone())
                    .cell(view! { <a href=send>{format!("Send to {}", line.name)}</a> })
                    .cell(delete)
            })
            .collect();
        let columns = ["Segment", "Accounts", "Use", "What to do"].map(Column::new).to_vec();
        let table = Table::new("Saved segments", columns).rows(rows).empty(view! {
            <p>"No segment is saved yet. A segment is a filter with a name, used by jobs and profiles."</p>
        });
        let form = self.may_manage.then(|| {
            let body = view! {
                {Field::text("name", "Name of a new segment")
                    .value(self.typed_name.clone())
                    .error(self.errors.of("name"))
                    .maxlength(60)
                    .required()}
                {self.typed.view("", &self.errors)}
                <div class="actions">{Button::primary("Save the segment")}</div>
            };
            Form::post(SEGMENTS_PATH, &shell.csrf).class("panel").body(body)
        });
        let body = view! {
            {heading("Segments", false)}
            {self.errors.summary("The segment was not saved")}
            {table}
            {form}
        };
        if is_error { shell.error_page("Segments", body) } else { shell.page("Segments", body) }
    }
}

/// A note field that several pages of this folder share.
pub(super) fn note_field(value: &str, error: Option<String>) -> AnyView {
    TextArea::new("note", "Note").rows(2).maxlength(500).value(value).error(error).view()
}
