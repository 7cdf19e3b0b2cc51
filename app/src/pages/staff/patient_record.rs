//! The patient record: one account at a glance, and everything staff may do about it. Dates of birth
//! and whole contacts stay hidden until somebody asks, which is audited.

use domain::{
    arrangement::Arrangement,
    book::{ClaimStatus, Language, Preferred},
    clock::UnixMs,
    holds::HoldKind,
    money::Cents,
};
use jiff::{civil::Date, tz::TimeZone};
use leptos::prelude::*;

use super::{
    StaffShell,
    claim_words::{claim_number, counted, language_name, preferred_name, status_badge},
    decision_words::hold_name,
    record_agreed,
    record_contacts::{ContactLine, NewContactForm, contacts, removal},
};
use crate::{
    components::{
        Badge, Button, ButtonLink, Column, Errors, Facts, Form, Moment, Row, Select, Table, Tabs,
        TextArea, Timeline, Tone, day, heading, instant, instant_full, money,
    },
    words::Words,
};

pub const PATH: &str = "/staff/patients";

/// Who the record is about, on each of its pages.
#[derive(Clone, Debug)]
pub struct RecordHead {
    pub id: String,
    pub name: String,
    /// In the practice's system.
    pub number: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordTab {
    Account,
    Why,
    Timeline,
}

impl RecordHead {
    pub fn at(&self, part: &str) -> String {
        format!("{PATH}/{}{part}", self.id)
    }

    /// The heading and the ways to the other pages of the record.
    pub fn view(&self, tab: RecordTab, focus: bool) -> AnyView {
        let number = format!("Account {}", self.number);
        let tabs = Tabs::new("Record")
            .tab(self.at(""), "Account", tab == RecordTab::Account)
            .tab(self.at("/why"), "Why, why not, what next", tab == RecordTab::Why)
            .tab(self.at("/timeline"), "Timeline", tab == RecordTab::Timeline);
        view! {
            <div class="record-head">
                {heading(self.name.clone(), focus)}
                <span class="hint">{number}</span>
            </div>
            {tabs}
        }
        .into_any()
    }
}

#[derive(Clone, Debug)]
pub struct RecordPatient {
    pub name: String,
    pub deceased_on: Option<String>,
    pub is_restricted: bool,
}

#[derive(Clone, Debug)]
pub struct RecordClaim {
    pub number: String,
    pub patient: String,
    pub visit_on: Date,
    pub status: ClaimStatus,
    pub bill: Cents,
    /// None where the patient is not asked for it.
    pub owed: Option<Cents>,
    pub last_sent_at: Option<UnixMs>,
}

#[derive(Clone, Debug)]
pub struct RecordHold {
    pub id: String,
    pub kind: HoldKind,
    /// The claim it covers; none for the whole account.
    pub claim: Option<String>,
    /// The one contact the patient allows.
    pub only_contact: Option<String>,
    pub reason: String,
    pub until: Option<UnixMs>,
    pub placed_by: String,
    pub placed_at: UnixMs,
    pub lift_asked_by: Option<String>,
    pub lifted: Option<(String, UnixMs)>,
    pub has_run_out: bool,
}

#[derive(Clone, Debug)]
pub struct RecordReply {
    pub at: UnixMs,
    pub masked: String,
    pub body: String,
    /// How it was understood.
    pub meaning: &'static str,
    pub answered: bool,
    /// Other accounts have this phone too.
    pub is_shared: bool,
}

#[derive(Clone, Debug)]
pub struct RecordNote {
    pub at: UnixMs,
    pub by: String,
    pub text: String,
}

/// Shown once, after somebody asked.
#[derive(Clone, Debug)]
pub struct RecordIdentity {
    pub born_on: Option<Date>,
    pub address: String,
}

/// What the reader's role may do here.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordRights {
    pub notes: bool,
    pub holds: bool,
    pub lifts: bool,
    pub contacts: bool,
    pub texts: bool,
    pub codes: bool,
    pub identity: bool,
    pub flags: bool,
    pub evidence: bool,
}

#[derive(Clone, Debug)]
pub struct PatientRecord {
    pub zone: TimeZone,
    pub head: RecordHead,
    pub rights: RecordRights,
    pub sms_enabled: bool,
    /// The practice faxes those whom nothing else reaches.
    pub fax_enabled: bool,
    pub patients: Vec<RecordPatient>,
    pub due: Cents,
    pub oldest_since: Option<Date>,
    pub age_days: i64,
    /// Received online and not on any claim yet.
    pub unapplied: Cents,
    pub credits: Cents,
    pub waiting_for_insurance: Cents,
    /// As the practice's system says it.
    pub agreed: Arrangement,
    pub in_collections: Cents,
    /// `No response`, and how it is meant.
    pub standing: (&'static str, Tone),
    pub flags: Vec<(&'static str, Tone)>,
    pub is_flagged: bool,
    pub last_sent_at: Option<UnixMs>,
    pub claims: Vec<RecordClaim>,
    pub holds: Vec<RecordHold>,
    pub contacts: Vec<ContactLine>,
    pub new_contact: NewContactForm,
    /// The contact somebody asked to remove, and how it reads.
    pub removing: Option<(String, String)>,
    /// The message that failed and brought somebody here, and what it was.
    pub mending: Option<(String, String)>,
    pub preferred: Option<Preferred>,
    pub language: Option<Language>,
    pub replies: Vec<RecordReply>,
    pub notes: Vec<RecordNote>,
    /// A note that was refused.
    pub typed_note: String,
    /// Open tasks about this account.
    pub tasks: i64,
    pub identity: Option<RecordIdentity>,
    pub errors: Errors,
}

impl PatientRecord {
    pub fn html(self, shell: &StaffShell) -> String {
        let is_error = !self.errors.is_empty();
        let focus = self.identity.is_some();
        let body = view! {
            {self.head.view(RecordTab::Account, focus)}
            {self.errors.summary("Nothing was changed")}
            {removal(&self, &shell.csrf)}
            {self.badges()}
            {self.actions(&shell.csrf)}
            <div class="columns">
                {self.balance()}
                {self.people(&shell.csrf)}
            </div>
            {record_agreed::panel(&self.agreed)}
            {self.claims()}
            {self.holds(&shell.csrf)}
            {contacts(&self, &shell.csrf)}
            {self.preferences(&shell.csrf)}
            {self.replies()}
            {self.notes(&shell.csrf)}
        };
        let title = "Patient record";
        if is_error { shell.error_page(title, body) } else { shell.page(title, body) }
    }

    fn badges(&self) -> AnyView {
        let (words, tone) = self.standing;
        let flags: Vec<AnyView> =
            self.flags.iter().map(|(words, tone)| Badge::new(*words).tone(*tone).view()).collect();
        let tasks = (self.tasks > 0).then(|| {
            let words = format!("{} on the work list", counted(self.tasks, "task", "tasks"));
            view! { <a href="/staff/tasks">{words}</a> }
        });
        view! { <p class="flags">{Badge::new(words).tone(tone)}{flags}{tasks}</p> }.into_any()
    }

    fn actions(&self, csrf: &str) -> AnyView {
        let at = |part: &str| self.head.at(part);
        let hold = self.rights.holds.then(|| ButtonLink::secondary(at("/hold"), "Hold").view());
        let text = (self.rights.texts && self.sms_enabled)
            .then(|| ButtonLink::secondary(at("/text"), "Send text").view());
        let code = self
            .rights
            .codes
            .then(|| ButtonLink::secondary(at("/access-code"), "Give access code").view());
        let note = self
            .rights
            .notes
            .then(|| ButtonLink::secondary("#notes".to_owned(), "Add note").view());
        let flag = self.rights.flags.then(|| {
            let (label, value) = if self.is_flagged {
                ("Take the flag away", "off")
            } else {
                ("Flag for reminder", "on")
            };
            Form::post(at("/flag"), csrf)
                .hidden("flag", value)
                .body(Button::secondary(label).view())
        });
        view! { <div class="record-actions">{note}{hold}{flag}{text}{code}</div> }.into_any()
    }

    fn balance(&self) -> AnyView {
        let w = Words::default();
        let some = |cents: Cents| cents.is_positive().then(|| money(cents));
        let oldest = self.oldest_since.map(|since| {
            view! { {day(w, since)}" "{format!("({})", counted(self.age_days, "day", "days"))} }
        });
        let sent = match self.last_sent_at {
            Some(at) => instant_full(w, at, &self.zone),
            None => view! { "Never" }.into_any(),
        };
        let facts = Facts::new()
            .row("Amount due", money(self.due))
            .maybe("Oldest open bill since", oldest)
            .maybe("Received online, not applied yet", some(self.unapplied))
            .maybe("Credits", some(self.credits))
            .maybe("Waiting for insurance, not counted", some(self.waiting_for_insurance))
            .maybe("With an agency, not counted", some(self.in_collections))
            .row("Last reminder", sent);
        view! {
            <section class="panel" aria-labelledby="balance">
                <h2 id="balance">"Balance"</h2>
                {facts}
            </section>
        }
        .into_any()
    }

    fn people(&self, csrf: &str) -> AnyView {
        let w = Words::default();
        let patients: Vec<AnyView> = self
            .patients
            .iter()
            .map(|one| {
                let deceased = one
                    .deceased_on
                    .clone()
                    .map(|on| Badge::new(format!("Deceased {on}")).tone(Tone::Danger).view());
                let restricted = one
                    .is_restricted
                    .then(|| Badge::new("Details restricted").tone(Tone::Warn).view());
                view! { <li>{one.name.clone()}" "{deceased}{restricted}</li> }.into_any()
            })
            .collect();
        let identity = match &self.identity {
            Some(shown) => {
                let born = shown
                    .born_on
                    .map_or_else(|| "Not on file".to_owned(), |date| crate::when::day(w, date));
                let address = if shown.address.is_empty() {
                    "Not on file".to_owned()
                } else {
                    shown.address.clone()
                };
                Facts::new().row("Guarantor's date of birth", born).row("Address", address).view()
            }
            None if self.rights.identity => {
                Form::post(self.head.at("/identity"), csrf).body(view! {
                    <p class="hint">"Date of birth, address and whole contacts are hidden."</p>
                    {Button::secondary("Show identity (audited)")}
                })
            }
            None => view! {
                <p class="hint">"Date of birth, address and whole contacts are hidden."</p>
            }
            .into_any(),
        };
        view! {
            <section class="panel" aria-labelledby="people">
                <h2 id="people">"Guarantor and patients"</h2>
                <p>{format!("Responsible: {}", self.head.name)}</p>
                <ul>{patients}</ul>
                {identity}
            </section>
        }
        .into_any()
    }

    fn claims(&self) -> AnyView {
        let w = Words::default();
        let columns = vec![
            Column::new("Visit"),
            Column::new("Claim"),
            Column::new("Patient"),
            Column::new("Status"),
            Column::new("Bill").number(),
            Column::new("Owed now").number(),
            Column::new("Last sent"),
        ];
        let rows = self
            .claims
            .iter()
            .map(|claim| {
                let owed = claim.owed.map(money);
                let sent = match claim.last_sent_at {
                    Some(at) => instant(w, at, &self.zone),
                    None => view! { "Never" }.into_any(),
                };
                Row::new()
                    .cell(day(w, claim.visit_on))
                    .cell(claim_number(&claim.number))
                    .cell(claim.patient.clone())
                    .cell(status_badge(claim.status).view())
                    .cell(money(claim.bill))
                    .cell(owed)
                    .cell(sent)
                    .class(if claim.status == ClaimStatus::Settled { "muted" } else { "" })
            })
            .collect();
        let table = Table::new("Claims of this account", columns)
            .rows(rows)
            .empty(view! { <p>"No claims are on file."</p> });
        view! { <h2 id="claims">"Claims"</h2>{table} }.into_any()
    }

    fn holds(&self, csrf: &str) -> AnyView {
        let rows = self.holds.iter().map(|hold| self.hold(hold, csrf)).collect();
        let columns = ["Hold", "Covers", "Reason", "Until", "Placed", "Lifted", ""];
        let labels =
            columns.map(|label| Column::new(if label.is_empty() { "What to do" } else { label }));
        let table = Table::new("Holds", labels.to_vec())
            .rows(rows)
            .empty(view! { <p>"No hold stands or stood on this account."</p> });
        view! { <h2 id="holds">"Holds"</h2>{table} }.into_any()
    }

    fn hold(&self, hold: &RecordHold, csrf: &str) -> Row {
        let w = Words::default();
        let covers = match (&hold.claim, &hold.only_contact) {
            (Some(claim), _) => format!("Claim {claim}"),
            (None, Some(contact)) => format!("All but {contact}"),
            (None, None) => "The account".to_owned(),
        };
        let until = match hold.until {
            Some(at) => instant_full(w, at, &self.zone),
            None => view! { "Lifted" }.into_any(),
        };
        let until = if hold.has_run_out && hold.lifted.is_none() {
            view! { {until}" "{Badge::new("Has ended")} }.into_any()
        } else {
            until
        };
        let placed = view! {
            {instant(w, hold.placed_at, &self.zone)}
            <br/><span class="hint">{format!("by {}", hold.placed_by)}</span>
        };
        let lifted = match (&hold.lifted, &hold.lift_asked_by) {
            (Some((by, at)), _) => view! {
                {instant(w, *at, &self.zone)}
                <br/><span class="hint">{format!("by {by}")}</span>
            }
            .into_any(),
            (None, Some(by)) => {
                let words = format!("Asked by {by}; a second person has to agree");
                view! { {words} }.into_any()
            }
            (None, None) => ().into_any(),
        };
        let lift = (self.rights.lifts && hold.lifted.is_none()).then(|| {
            let label = match (hold.kind.one_person_may_lift(), &hold.lift_asked_by) {
                (true, _) => "Lift",
                (false, None) => "Ask to lift",
                (false, Some(_)) => "Agree to lift",
            };
            let named = format!("{label}: {}", hold_name(hold.kind));
            Form::post(self.head.at(&format!("/holds/{}/lift", hold.id)), csrf)
                .body(Button::quiet(label).named(named).view())
        });
        Row::new()
            .cell(hold_name(hold.kind))
            .cell(covers)
            .cell(hold.reason.clone())
            .cell(until)
            .cell(placed)
            .cell(lifted)
            .cell(lift)
            .class(if hold.lifted.is_some() || hold.has_run_out { "muted" } else { "" })
    }

    fn preferences(&self, csrf: &str) -> AnyView {
        let preferred = self.preferred.map_or("", Preferred::as_str);
        let language = self.language.map_or("", Language::as_str);
        let body = if self.rights.contacts {
            Form::post(self.head.at("/preferences"), csrf).body(view! {
                <div class="pairs">
                    {Select::new("preferred", "Preferred method")
                        .option("", "Not asked")
                        .options(Preferred::ALL.iter().map(|p| (p.as_str(), preferred_name(*p))))
                        .chosen(preferred)}
                    {Select::new("language", "Language")
                        .option("", "Not known: English")
                        .options(Language::ALL.iter().map(|l| (l.as_str(), language_name(*l))))
                        .chosen(language)}
                </div>
                <div class="actions">
                    {Button::secondary("Save").named("Save method and language")}
                </div>
            })
        } else {
            Facts::new()
                .row("Preferred method", self.preferred.map_or("Not asked", preferred_name))
                .row("Language", self.language.map_or("Not known: English", language_name))
                .view()
        };
        view! {
            <section class="panel" aria-labelledby="preferences">
                <h2 id="preferences">"Method and language"</h2>
                {body}
            </section>
        }
        .into_any()
    }

    fn replies(&self) -> AnyView {
        if !self.sms_enabled && self.replies.is_empty() {
            return ().into_any();
        }
        let w = Words::default();
        let moments = self
            .replies
            .iter()
            .map(|reply| {
                let shared = reply.is_shared.then(|| {
                    view! { <p class="hint">"Other accounts have this phone too."</p> }
                });
                let answered = if reply.answered { "Answered automatically." } else { "" };
                let from = format!("{} from {}. {answered}", reply.meaning, reply.masked);
                Moment::new(
                    instant(w, reply.at, &self.zone),
                    format!("\u{201c}{}\u{201d}", reply.body),
                )
                .body(view! { <p class="hint">{from.trim_end().to_owned()}</p>{shared} })
            })
            .collect();
        let list = Timeline::new(moments, "Nothing was texted back.");
        view! { <h2 id="replies">"Replies"</h2>{list} }.into_any()
    }

    fn notes(&self, csrf: &str) -> AnyView {
        let w = Words::default();
        let moments = self
            .notes
            .iter()
            .map(|note| {
                Moment::new(instant(w, note.at, &self.zone), note.text.clone())
                    .body(view! { <p class="hint">{note.by.clone()}</p> })
            })
            .collect();
        let form = self.rights.notes.then(|| {
            Form::post(self.head.at("/note"), csrf).body(view! {
                {TextArea::new("note", "Note")
                    .rows(3)
                    .value(self.typed_note.clone())
                    .error(self.errors.of("note"))}
                <div class="actions">{Button::secondary("Add note")}</div>
            })
        });
        let list = Timeline::new(moments, "No notes yet.");
        view! { <h2 id="notes">"Notes"</h2>{form}{list} }.into_any()
    }
}
