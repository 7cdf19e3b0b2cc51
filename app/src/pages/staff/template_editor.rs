//! One template: its words, what the linter says of them, how they read to somebody, and every
//! version before. Managers edit, others read.

use domain::{
    clock::UnixMs,
    sms::{Encoding, Size},
    template::{
        Filled, Form as Shape, LONGEST_BODY, LONGEST_SUBJECT, Paragraph, Presence, Slot, Source,
        Variable,
        lint::{Finding, Reading},
    },
};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{
    StaffShell,
    settings::tabs,
    template_words::{finding_words, kind_hint, place, severity_badge, slot_name, variable_hint},
    templates::TEMPLATES,
};
use crate::{
    components::{
        Badge, Button, ButtonLink, Errors, Facts, Field, Form, Notice, Select, TextArea, Tone,
        heading, hidden, instant_full,
    },
    letters::letter_words,
    words::{Lang, Words},
};

/// How a message would read.
#[derive(Clone, Debug)]
pub enum ShownWords {
    Text {
        /// Exactly as it is sent.
        body: String,
        size: Size,
        cost: Option<String>,
    },
    /// An email, a call or a letter.
    Filled(Box<Filled>),
    /// It cannot be read yet.
    None,
}

#[derive(Clone, Debug)]
pub struct VersionLine {
    pub number: i64,
    pub by: String,
    pub at: UnixMs,
    /// `None`: the default was put back.
    pub source: Option<Source>,
    pub warnings: usize,
}

/// `/staff/settings/templates/{template}`
#[derive(Clone, Debug)]
pub struct TemplateEditor {
    pub zone: TimeZone,
    pub slot: Slot,
    /// The version the form was made from; 0 when nothing was ever changed.
    pub seen: i64,
    pub source: Source,
    /// The words in force are Clearbill's.
    pub is_default: bool,
    pub may_edit: bool,
    pub errors: Errors,
    pub changed_meanwhile: bool,
    pub findings: Vec<Finding>,
    pub reading: Option<Reading>,
    /// What one text of this size costs, as people say it.
    pub cost: Option<String>,
    pub shown: ShownWords,
    /// Accounts that owe something: id and name.
    pub accounts: Vec<(String, String)>,
    /// Whose message the preview shows; empty for nobody's.
    pub account: String,
    pub versions: Vec<VersionLine>,
}

impl TemplateEditor {
    fn path(&self) -> String {
        format!("{TEMPLATES}/{}", self.slot.code())
    }

    pub fn html(self, shell: &StaffShell) -> String {
        let is_error = !self.errors.is_empty() || self.changed_meanwhile;
        let title = slot_name(self.slot);
        let meanwhile = self.changed_meanwhile.then(|| {
            Notice::alert(Tone::Warn)
                .title("Somebody else saved this template in the meantime")
                .text("Nothing was overwritten. Open it again to see their words; yours are below.")
                .view()
        });
        let state = if self.is_default {
            Badge::new("Default words")
        } else {
            Badge::new("Your own words").tone(Tone::Good)
        };
        let tabs = self.may_edit.then(|| tabs("templates"));
        let work = if self.may_edit { self.editor(shell) } else { self.reader() };
        let back = (self.may_edit && !self.is_default).then(|| self.put_back(shell));
        let history = self.history();
        let body = view! {
            {heading(title, false)}
            {tabs}
            <p><a href=TEMPLATES>"All templates"</a></p>
            {self.errors.summary("The words were not saved")}
            {meanwhile}
            <p>{state}" "{kind_hint(self.slot.kind)}</p>
            {work}
            {back}
            {history}
        };
        if is_error {
            shell.error_page_with("Template", &["template.js"], body)
        } else {
            shell.page_with("Template", &["template.js"], body)
        }
    }

    fn editor(&self, shell: &StaffShell) -> AnyView {
        let subject = (self.slot.form == Shape::Email).then(|| {
            Field::text("subject", "Subject")
                .hint("Shows on locked screens: who writes, and that it is about a bill.")
                .value(self.source.subject.clone())
                .maxlength(LONGEST_SUBJECT)
                .error(self.errors.of("subject"))
                .view()
        });
        let form = Form::post(self.path(), &shell.csrf)
            .id("template")
            .class("columns")
            .hidden("seen", self.seen.to_string())
            .body(view! {
                <div class="panel">
                    {subject}
                    {TextArea::new("body", "Words")
                        .hint("A blank line begins a new paragraph.")
                        .value(self.source.body.clone())
                        .rows(12)
                        .maxlength(LONGEST_BODY)
                        .error(self.errors.of("body"))}
                    {self.choose_account()}
                    <div class="actions">
                        {Button::primary("Save").sends("do", "save")}
                        {Button::secondary("Preview").sends("do", "preview")}
                    </div>
                    {self.variables()}
                </div>
                <div>
                    {self.linter()}
                    {self.preview()}
                </div>
            });
        form.into_any()
    }

    /// For those who may not change it.
    fn reader(&self) -> AnyView {
        let subject = (!self.source.subject.is_empty()).then(|| {
            let subject = self.source.subject.clone();
            view! { <p><strong>"Subject: "</strong>{subject}</p> }
        });
        let words = self.source.body.clone();
        let ask = Form::get(self.path()).body(view! {
            {self.choose_account()}
            <div class="actions">{Button::secondary("Preview")}</div>
        });
        view! {
            <div class="columns">
                <div class="panel">
                    <h2>"Words"</h2>
                    {subject}
                    <pre class="template-words">{words}</pre>
                    {ask}
                    {self.variables()}
                </div>
                <div>{self.preview()}</div>
            </div>
        }
        .into_any()
    }

    fn choose_account(&self) -> AnyView {
        let nobody = std::iter::once((String::new(), "A made-up person".to_owned()));
        let options = nobody.chain(self.accounts.iter().cloned());
        options
            .fold(Select::new("account", "Show it as it would go to"), |select, (id, name)| {
                select.option(id, name)
            })
            .chosen(self.account.clone())
            .view()
    }

    fn variables(&self) -> AnyView {
        let rows = Variable::ALL.iter().filter_map(|variable| {
            let hint = match variable.presence(self.slot.kind, self.slot.form) {
                Presence::Always => variable_hint(*variable).to_owned(),
                Presence::Sometimes => {
                    format!("{}; not always there: in brackets", variable_hint(*variable))
                }
                Presence::Never => return None,
            };
            Some((format!("{{{}}}", variable.name()), hint))
        });
        let facts = rows.fold(Facts::new(), |facts, (name, hint)| facts.row(name, hint));
        view! {
            <h2>"What can be filled in"</h2>
            {facts}
            <p class="hint">
                "[first words|other words] says the first for which everything is known."
            </p>
        }
        .into_any()
    }

    fn linter(&self) -> AnyView {
        let items: Vec<AnyView> = self
            .findings
            .iter()
            .map(|finding| {
                let (name, tone) = severity_badge(finding.severity());
                let words = finding_words(&finding.problem, self.cost.as_deref());
                let place = place(finding).map(|place| view! { <p class="hint">{place}</p> });
                view! { <li>{Badge::new(name).tone(tone)}" "{words}{place}</li> }.into_any()
            })
            .collect();
        let grade = self.reading.as_ref().map(|reading| {
            let ease = reading.ease.map(|ease| format!(", reading ease {ease:.0}"));
            let words = format!(
                "Reads at grade {:.1}{}: {} words in {} sentences.",
                reading.grade,
                ease.unwrap_or_default(),
                reading.words,
                reading.sentences
            );
            view! { <p class="hint">{words}</p> }
        });
        let nothing =
            items.is_empty().then(|| view! { <p>"Nothing to say: these words are fine."</p> });
        view! {
            <section class="panel" aria-labelledby="findings-title">
                <h2 id="findings-title">"What the linter says"</h2>
                <div id="findings" aria-live="polite">
                    <ul class="findings">{items}</ul>
                    {nothing}
                    {grade}
                </div>
            </section>
        }
        .into_any()
    }

    fn preview(&self) -> AnyView {
        let words = match &self.shown {
            ShownWords::None => view! {
                <p>"There is nothing to show until the words can be read."</p>
            }
            .into_any(),
            ShownWords::Text { body, size, cost } => {
                let alphabet = match size.encoding {
                    Encoding::Gsm7 => "plain letters (GSM-7)",
                    Encoding::Ucs2 => "special letters (UCS-2): a part holds 70",
                };
                let facts = Facts::new()
                    .row("Parts", size.segments.to_string())
                    .row("Length", format!("{} units in {alphabet}", size.units))
                    .maybe("Costs", cost.clone());
                let body = body.clone();
                view! { <p class="preview-words">{body}</p>{facts} }.into_any()
            }
            ShownWords::Filled(filled) => shown(filled, self.slot),
        };
        view! {
            <section class="panel" aria-labelledby="preview-title">
                <h2 id="preview-title">"Preview"</h2>
                <div id="preview">
                    {words}
                    {hidden("previewed", self.account.clone())}
                </div>
            </section>
        }
        .into_any()
    }

    fn put_back(&self, shell: &StaffShell) -> AnyView {
        Form::post(format!("{}/default", self.path()), &shell.csrf)
            .hidden("seen", self.seen.to_string())
            .body(view! { <p>{Button::secondary("Put the default words back")}</p> })
    }

    fn history(&self) -> AnyView {
        if self.versions.is_empty() {
            return view! { <p class="hint">"Nobody has changed these words."</p> }.into_any();
        }
        let w = Words::default();
        let items: Vec<AnyView> = self
            .versions
            .iter()
            .map(|version| {
                let what = match (&version.source, version.warnings) {
                    (None, _) => "the default words put back".to_owned(),
                    (Some(_), 0) => "no warnings".to_owned(),
                    (Some(_), 1) => "1 warning".to_owned(),
                    (Some(_), many) => format!("{many} warnings"),
                };
                let at = instant_full(w, version.at, &self.zone);
                let line = format!("Version {} by {}, {what}, ", version.number, version.by);
                let words = version.source.as_ref().map(|source| {
                    let subject = (!source.subject.is_empty())
                        .then(|| format!("Subject: {}\n\n", source.subject));
                    let words = format!("{}{}", subject.unwrap_or_default(), source.body);
                    view! { <pre class="template-words">{words}</pre> }
                });
                view! { <details><summary>{line}{at}</summary>{words}</details> }.into_any()
            })
            .collect();
        view! { <section class="panel"><h2>"Versions"</h2>{items}</section> }.into_any()
    }
}

/// An email, a call or a letter as it reads.
fn shown(filled: &Filled, slot: Slot) -> AnyView {
    let lang = match slot.language {
        domain::book::Language::English => Lang::En,
        domain::book::Language::Spanish => Lang::Es,
    };
    let w = Words::new(lang);
    let code = lang.code();
    let subject = filled.subject.clone().map(|subject| {
        view! { <p><strong>{subject}</strong></p> }
    });
    let words = match slot.form {
        Shape::Voice => {
            let said: Vec<AnyView> = filled
                .as_speech()
                .into_iter()
                .map(|sentence| view! { <p>{sentence}</p> }.into_any())
                .collect();
            view! { {said} }.into_any()
        }
        Shape::Email => {
            let all: Vec<AnyView> = filled
                .paragraphs
                .iter()
                .map(|one| match one {
                    Paragraph::Words(words) => {
                        let words = words.clone();
                        view! { <p>{words}</p> }.into_any()
                    }
                    Paragraph::Code(code) => {
                        let code = code.clone();
                        view! { <p class="code-large"><code>{code}</code></p> }.into_any()
                    }
                    Paragraph::Link(link) => view! {
                        <p>{ButtonLink::primary("#preview-title", w.t("mail-reminder-action"))}</p>
                        {letter_words(w, &[Paragraph::Link(link.clone())])}
                    }
                    .into_any(),
                })
                .collect();
            view! { {all} }.into_any()
        }
        Shape::Letter | Shape::Text => letter_words(w, &filled.paragraphs),
    };
    view! { <div class="preview-words" lang=code>{subject}{words}</div> }.into_any()
}
