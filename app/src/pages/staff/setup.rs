//! The first start, from the first account to Go live. Each step is done, skipped or failed with the
//! vendor's own reason and the fix, and all of it can be interrupted.

use domain::clock::UnixMs;
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{
    StaffShell,
    connections::Vendor,
    settings::{Fields, Typed, consent_sources},
};
use crate::{
    components::{
        Badge, Button, ButtonLink, Checkbox, Column, Errors, Facts, Field, Form, Notice, Row,
        Table, Tone, heading, instant,
    },
    words::Words,
};

const PATH: &str = "/setup";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Practice,
    Address,
    Stripe,
    Email,
    Texting,
    Consent,
    Proof,
    Import,
    Backups,
    Staff,
    Test,
    Live,
}

impl Step {
    pub const ALL: [Self; 12] = [
        Self::Practice,
        Self::Address,
        Self::Stripe,
        Self::Email,
        Self::Texting,
        Self::Consent,
        Self::Proof,
        Self::Import,
        Self::Backups,
        Self::Staff,
        Self::Test,
        Self::Live,
    ];

    pub const fn slug(self) -> &'static str {
        match self {
            Self::Practice => "practice",
            Self::Address => "address",
            Self::Stripe => "stripe",
            Self::Email => "email",
            Self::Texting => "texting",
            Self::Consent => "consent",
            Self::Proof => "proof",
            Self::Import => "import",
            Self::Backups => "backups",
            Self::Staff => "staff",
            Self::Test => "test",
            Self::Live => "live",
        }
    }

    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.slug() == slug)
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::Practice => "The practice",
            Self::Address => "Public address",
            Self::Stripe => "Card payments",
            Self::Email => "Email",
            Self::Texting => "Texts",
            Self::Consent => "Where consent comes from",
            Self::Proof => "Proofs",
            Self::Import => "Balances",
            Self::Backups => "Backups and the key",
            Self::Staff => "Colleagues",
            Self::Test => "A test to yourself",
            Self::Live => "Go live",
        }
    }

    /// The step after this one.
    pub fn next(self) -> Option<Self> {
        let at = Self::ALL.iter().position(|step| *step == self)?;
        Self::ALL.get(at + 1).copied()
    }

    const fn can_be_skipped(self) -> bool {
        !matches!(self, Self::Practice | Self::Live)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StepState {
    #[default]
    Open,
    /// Something has to arrive from outside: a webhook, a text.
    Waiting,
    Done,
    Skipped,
    Failed,
}

impl StepState {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }

    pub fn from_code(code: &str) -> Self {
        [Self::Waiting, Self::Done, Self::Skipped, Self::Failed]
            .into_iter()
            .find(|state| state.code() == code)
            .unwrap_or_default()
    }

    fn badge(self) -> Badge {
        match self {
            Self::Open => Badge::new("To do"),
            Self::Waiting => Badge::new("Waiting").tone(Tone::Warn),
            Self::Done => Badge::new("Done").tone(Tone::Good),
            Self::Skipped => Badge::new("Skipped").tone(Tone::Warn),
            Self::Failed => Badge::new("Failed").tone(Tone::Danger),
        }
    }
}

#[derive(Clone, Debug)]
pub struct StepLine {
    pub step: Step,
    pub state: StepState,
    /// What was found, or the vendor's reason and the fix.
    pub detail: String,
    pub at: Option<UnixMs>,
}

/// `/setup`
#[derive(Clone, Debug)]
pub struct SetupList {
    pub zone: TimeZone,
    pub lines: Vec<StepLine>,
    pub live_at: Option<UnixMs>,
}

impl SetupList {
    pub fn html(self, shell: &StaffShell) -> String {
        let w = Words::default();
        let next = self
            .lines
            .iter()
            .find(|line| !matches!(line.state, StepState::Done | StepState::Skipped))
            .map(|line| line.step);
        let go_on = next.map(|step| {
            let label = format!("Go on: {}", step.title());
            view! { <p>{ButtonLink::primary(format!("{PATH}/{}", step.slug()), label)}</p> }
        });
        let live = self.live_at.map(|at| {
            let at = instant(w, at, &self.zone);
            Notice::new(Tone::Good).body(view! { <p>"Live since "{at}"."</p> }).view()
        });
        let zone = self.zone;
        let rows = self
            .lines
            .into_iter()
            .map(|line| {
                let href = format!("{PATH}/{}", line.step.slug());
                let at = line.at.map(|at| instant(w, at, &zone));
                Row::new()
                    .cell(view! { <a href=href>{line.step.title()}</a> })
                    .cell(line.state.badge().view())
                    .cell(line.detail)
                    .cell(at)
            })
            .collect();
        let columns = ["Step", "State", "Found", "When"].map(Column::new).to_vec();
        shell.page(
            "Setting up",
            view! {
                {heading("Setting up", false)}
                {live}
                <p>"In any order; each step can be repeated, and what was done stays done."</p>
                {go_on}
                {Table::new("Steps of the first start", columns).rows(rows)}
            },
        )
    }
}

/// What patients will read, for approval (S-G8).
#[derive(Clone, Debug)]
pub struct Proof {
    pub text: String,
    pub email_subject: String,
    pub email_text: String,
    /// The printed statement, on a page of its own.
    pub statement_href: String,
}

/// `/setup/{step}`
#[derive(Clone, Debug)]
pub struct SetupStep {
    pub step: Step,
    pub state: StepState,
    pub detail: String,
    pub typed: Typed,
    pub errors: Errors,
    pub facts: Vec<(String, String)>,
    pub warnings: Vec<String>,
    pub proof: Option<Proof>,
    /// What keeps the practice from going live; on the last step.
    pub blockers: Vec<(String, String)>,
    /// Something is stored already, so that it can be tried again without entering it anew.
    pub is_stored: bool,
}

impl SetupStep {
    pub fn html(self, shell: &StaffShell) -> String {
        let is_error = !self.errors.is_empty();
        let title = self.step.title();
        let state = self.state_notice();
        let warnings: Vec<AnyView> = self
            .warnings
            .iter()
            .map(|text| Notice::new(Tone::Warn).text(text.clone()).view())
            .collect();
        let facts = (!self.facts.is_empty()).then(|| {
            self.facts
                .iter()
                .fold(Facts::new(), |facts, (name, value)| facts.row(name.clone(), value.clone()))
                .view()
        });
        let body = view! {
            {heading(title, false)}
            {self.errors.summary("This step is not done yet")}
            {state}
            {warnings}
            {facts}
            <div class="narrow-page">{self.body(shell)}</div>
            {self.ways_on(shell)}
        };
        if is_error { shell.error_page(title, body) } else { shell.page(title, body) }
    }

    fn state_notice(&self) -> AnyView {
        let (notice, title) = match self.state {
            StepState::Open => return ().into_any(),
            StepState::Waiting => (Notice::status(Tone::Warn), "Waiting"),
            StepState::Done => (Notice::status(Tone::Good), "Done"),
            StepState::Skipped => (Notice::status(Tone::Warn), "Skipped"),
            StepState::Failed => (Notice::alert(Tone::Danger), "It did not work"),
        };
        let notice = notice.title(title);
        if self.detail.is_empty() { notice.view() } else { notice.text(self.detail.clone()).view() }
    }

    fn form(&self, shell: &StaffShell) -> Form {
        Form::post(format!("{PATH}/{}", self.step.slug()), &shell.csrf)
    }

    fn body(&self, shell: &StaffShell) -> AnyView {
        let fields = Fields { typed: &self.typed, errors: &self.errors };
        let form = self.form(shell);
        let save = |label: &'static str| Button::primary(label).sends("do", "save");
        match self.step {
            Step::Practice => form.body(view! {
                {fields.about()}
                {fields.naming()}
                <p>{save("Save")}</p>
            }),
            Step::Address => form.body(view! {
                {fields.address()}
                <p>{save("Save and check")}</p>
            }),
            Step::Stripe => self.stripe(shell),
            Step::Email => self.email(shell),
            Step::Texting => self.texting(shell),
            Step::Consent => form.body(view! {
                {consent_sources(&self.typed.text("consent_source"), self.errors.of("consent_source"))}
                <p>{save("Save")}</p>
            }),
            Step::Proof => self.proofs(shell),
            Step::Import => view! {
                <p>
                    "Bring in what patients owe: Clearbill's own CSV, or an export of the practice's \
                     system. Then look through the result, and come back."
                </p>
                <p>{ButtonLink::secondary("/staff/imports", "Open imports")}</p>
                {form.body(view! { <p>{save("The balances are right")}</p> })}
            }
            .into_any(),
            Step::Backups => self.backups(shell),
            Step::Staff => view! {
                <p>
                    "Everybody who works here gets an account of their own, with the smallest role \
                     that does. A second manager keeps you from being locked out."
                </p>
                <p>{ButtonLink::secondary("/staff/people", "Invite colleagues")}</p>
                {form.body(view! { <p>{save("Everybody is invited")}</p> })}
            }
            .into_any(),
            Step::Test => form.body(view! {
                <p>"One text and one email, by the same way reminders go. Leave out what you skipped."</p>
                {Field::phone("phone", "Your mobile number")
                    .value(self.typed.text("phone"))
                    .error(self.errors.of("phone"))}
                {Field::email("email", "Your email")
                    .value(self.typed.text("email"))
                    .error(self.errors.of("email"))}
                <p>{save("Send the test")}</p>
            }),
            Step::Live => self.live(shell),
        }
    }

    fn stripe(&self, shell: &StaffShell) -> AnyView {
        let check = self.is_stored.then(|| {
            self.form(shell).body(view! {
                <p>
                    {Button::secondary("Check the webhook").sends("do", "check")}
                </p>
            })
        });
        let form = self.form(shell).body(view! {
            {Vendor::Stripe.fields(&self.typed, &self.errors)}
            <p>{Button::primary("Connect Stripe").sends("do", "save")}</p>
        });
        view! {
            <p>
                "From the Stripe dashboard, Developers, API keys. A restricted key needs write on \
                 Payment Intents, Refunds, Checkout Sessions and Webhook Endpoints, and read on \
                 Charges and Account."
            </p>
            {check}
            {form}
            <p class="hint">
                "For Apple Pay and Google Pay, add the public address under Settings, Payment \
                 method domains, in the Stripe dashboard."
            </p>
        }
        .into_any()
    }

    fn email(&self, shell: &StaffShell) -> AnyView {
        let fields = Fields { typed: &self.typed, errors: &self.errors };
        let again = self.is_stored.then(|| {
            self.form(shell).body(view! {
                <p>{Button::secondary("Send the test again").sends("do", "check")}</p>
            })
        });
        let form = self.form(shell).body(view! {
            {fields.sender()}
            {Vendor::Smtp.fields(&self.typed, &self.errors)}
            <p>{Button::primary("Save and send a test to me").sends("do", "save")}</p>
        });
        view! { {again}{form} }.into_any()
    }

    fn texting(&self, shell: &StaffShell) -> AnyView {
        let fields = Fields { typed: &self.typed, errors: &self.errors };
        let check = self.is_stored.then(|| {
            self.form(shell).body(view! {
                <h2>"Inbound test"</h2>
                <p>"Text any word from your own phone to the number, then check."</p>
                <p>{Button::secondary("Check for my text").sends("do", "check")}</p>
            })
        });
        let choose = self.is_stored.then(|| {
            self.form(shell).body(view! {
                <h2>"Number and billing"</h2>
                {fields.enabling()}
                {fields.number_chosen()}
                <p>{Button::primary("Save").sends("do", "choose")}</p>
            })
        });
        let label = if self.is_stored { "Replace the account" } else { "Connect Twilio" };
        let button = if self.is_stored { Button::secondary(label) } else { Button::primary(label) };
        let form = self.form(shell).body(view! {
            <h2>"Account"</h2>
            {Vendor::Twilio.fields(&self.typed, &self.errors)}
            <p>{button.sends("do", "save")}</p>
        });
        view! {
            {choose}
            {check}
            {form}
            <p class="hint">
                "In Twilio, under Advanced Opt-Out, set the words that confirm STOP. Twilio answers \
                 its own keywords; Clearbill answers only what Twilio does not know."
            </p>
        }
        .into_any()
    }

    fn proofs(&self, shell: &StaffShell) -> AnyView {
        let Some(proof) = self.proof.clone() else { return ().into_any() };
        let email: Vec<AnyView> = proof
            .email_text
            .split("\n\n")
            .map(|part| view! { <p>{part.to_owned()}</p> }.into_any())
            .collect();
        let form = self.form(shell).body(view! {
            <p>{Button::primary("Approve these proofs").sends("do", "save")}</p>
        });
        view! {
            <section class="panel">
                <h2>"Text"</h2>
                <p>{proof.text}</p>
            </section>
            <section class="panel">
                <h2>"Email"</h2>
                <p><strong>{proof.email_subject}</strong></p>
                {email}
            </section>
            <section class="panel">
                <h2>"Printed statement"</h2>
                <p><a href=proof.statement_href>"Open the statement"</a></p>
            </section>
            <p>"No reminder goes out before somebody approved how it looks."</p>
            {form}
        }
        .into_any()
    }

    fn backups(&self, shell: &StaffShell) -> AnyView {
        self.form(shell).body(view! {
            <p>
                "A backup holds the database; the key file opens it. Keep the two in different \
                 places: either alone is of no use to a thief, and both are needed to restore."
            </p>
            {Checkbox::new("key_copied", "I copied the key file to a safe place away from this server")
                .checked(self.typed.is_on("key_copied"))}
            {Checkbox::new("backups_known", "I know where the backups go and how to restore one")
                .checked(self.typed.is_on("backups_known"))}
            <p>{Button::primary("Save").sends("do", "save")}</p>
        })
    }

    fn live(&self, shell: &StaffShell) -> AnyView {
        if self.state == StepState::Done {
            return view! { <p>{ButtonLink::primary("/staff", "Open the workspace")}</p> }
                .into_any();
        }
        if !self.blockers.is_empty() {
            let items: Vec<AnyView> = self
                .blockers
                .iter()
                .map(|(text, href)| {
                    view! { <li><a href=href.clone()>{text.clone()}</a></li> }.into_any()
                })
                .collect();
            return view! { <p>"Before that:"</p> <ul class="links">{items}</ul> }.into_any();
        }
        self.form(shell).body(view! {
            <p>
                "From then on, reminders that somebody approves are sent to patients. Nothing is \
                 sent by itself before that."
            </p>
            <p>{Button::primary("Go live").sends("do", "save")}</p>
        })
    }

    fn ways_on(&self, shell: &StaffShell) -> AnyView {
        let is_open = !matches!(self.state, StepState::Done);
        let skip = (self.step.can_be_skipped() && is_open).then(|| {
            self.form(shell).body(Button::quiet("Skip for now").sends("do", "skip").view())
        });
        let next = self.step.next().map(|next| {
            let label = format!("Next: {}", next.title());
            ButtonLink::secondary(format!("{PATH}/{}", next.slug()), label).view()
        });
        view! {
            <div class="actions">
                {next}
                {ButtonLink::secondary(PATH, "All steps")}
                {skip}
            </div>
        }
        .into_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_lead_from_the_practice_to_go_live() {
        let mut step = Step::Practice;
        let mut seen = 1;
        while let Some(next) = step.next() {
            assert_eq!(Step::from_slug(next.slug()), Some(next));
            step = next;
            seen += 1;
        }
        assert_eq!((step, seen), (Step::Live, Step::ALL.len()));
    }
}
