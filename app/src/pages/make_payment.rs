//! Make a Payment (`/pay`): one screen with the amount and the card.
//!
//! Shows the practice, what is due, and nothing else (R33, D-56): whoever holds the link may pay,
//! not look. Works without its script: both buttons then lead to Stripe's page.

use domain::{clock::UnixMs, money::Cents};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::PatientShell;
use crate::{
    components::{
        Button, Errors, Field, Form, Notice, Radio, RadioGroup, Tone, heading, instant, money,
    },
    refusal::{Decline, Refusal, errors},
    words::{Lang, Words},
};

/// Why the figure is not the one in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyChanged {
    PaymentReceived,
    NewCharges,
    Corrected,
}

/// What the message said, where it said an amount that is no longer true.
#[derive(Clone, Debug)]
pub struct ToldAmount {
    pub amount: Cents,
    pub why: WhyChanged,
}

/// What somebody typed, given back after a refusal.
#[derive(Clone, Debug, Default)]
pub struct TypedPayment {
    pub is_other: bool,
    pub amount: String,
    pub email: String,
}

/// What the card frame needs. The token of the link is not among it.
#[derive(Clone, Debug)]
pub struct CardFrame {
    pub publishable_key: String,
    /// Address of Stripe's script.
    pub script: String,
    /// The practice's Connect account, where it has one.
    pub account: Option<String>,
}

#[derive(Clone, Debug)]
pub struct MakePayment {
    /// The sealed reference of the link, so that two links in two tabs cannot swap accounts.
    pub link: String,
    /// The attempt's id, minted with this form.
    pub attempt: String,
    /// Net: claims less unapplied payments, credits and payments not yet posted.
    pub due: Cents,
    pub as_of: UnixMs,
    pub zone: TimeZone,
    pub told: Option<ToldAmount>,
    /// How many people the bills are for; never their names.
    pub people: u32,
    /// A payment of the last hours, from any device.
    pub recent: Option<(Cents, UnixMs)>,
    pub least: Cents,
    pub most: Cents,
    pub typed: TypedPayment,
    pub refusals: Vec<Refusal>,
    /// The last decline, and how many there were.
    pub declined: Option<(Decline, u32)>,
    /// The page was open longer than its context lives; what was typed is kept.
    pub has_lapsed: bool,
    /// `None` where the practice wants Stripe's page only.
    pub card: Option<CardFrame>,
    /// Where *I want to see my statement before I pay* leads.
    pub statement_href: String,
    /// Only for the holder of a link.
    pub not_me_href: Option<String>,
}

/// What the processor's page calls the payment: nothing about the bill (D-28).
pub fn checkout_label(lang: Lang, alias: &str) -> String {
    Words::new(lang).with("pay-checkout-label", &[("alias", alias.to_owned().into())])
}

impl MakePayment {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("pay-title");
        let is_error = !self.refusals.is_empty() || self.declined.is_some();
        let errors = errors(shell, &self.refusals);
        let scripts: &[&str] = if self.card.is_some() { &["card.js"] } else { &[] };
        let not_me = self.not_me_href.clone().map(|href| {
            view! { <p class="beside"><a href=href>{w.t("pay-not-me")}</a></p> }
        });
        let body = view! {
            {heading(title, false)}
            {errors.summary(w.t("refused-summary"))}
            {self.notices(shell)}
            {self.amount_due(w)}
            <p class="links">
                <a href=self.statement_href.clone()>{w.t("pay-see-statement")}</a>
            </p>
            {self.form(shell, &errors)}
            {not_me}
        };
        shell.write(title, is_error, scripts, body.into_any())
    }

    fn notices(&self, shell: &PatientShell) -> AnyView {
        let w = shell.words();
        let declined = self.declined.map(|(decline, count)| {
            let sentence = decline.sentence(w, &shell.practice.phone);
            let more = (count >= 2).then(|| more_ways(shell));
            let notice = Notice::alert(Tone::Danger).body(view! { <p>{sentence}</p>{more} });
            if self.refusals.is_empty() { notice.view() } else { notice.unfocused().view() }
        });
        let lapsed = self.has_lapsed.then(|| {
            let notice = Notice::alert(Tone::Warn).text(w.t("pay-lapsed"));
            let is_first = self.refusals.is_empty() && self.declined.is_none();
            if is_first { notice.view() } else { notice.unfocused().view() }
        });
        let told = self.told.as_ref().map(|told| {
            let (then, now) = (told.amount.to_string(), self.due.to_string());
            let figures = [("then", then.into()), ("now", now.into())];
            let sentence = match told.why {
                WhyChanged::PaymentReceived => w.with("pay-told-payment", &figures),
                WhyChanged::NewCharges => w.with("pay-told-charges", &figures),
                WhyChanged::Corrected => w.with("pay-told-corrected", &figures),
            };
            Notice::new(Tone::Plain).text(sentence).view()
        });
        let recent = self.recent.map(|(amount, at)| {
            let when = crate::when::instant(w, at, &self.zone);
            let sentence = w.with(
                "pay-recent",
                &[("amount", amount.to_string().into()), ("when", when.into())],
            );
            Notice::new(Tone::Warn).text(sentence).view()
        });
        view! { {declined}{lapsed}{recent}{told} }.into_any()
    }

    fn amount_due(&self, w: Words) -> AnyView {
        let people = (self.people > 1)
            .then(|| w.with("pay-people", &[("count", i64::from(self.people).into())]));
        view! {
            <p class="due">
                <span>{w.t("amount-due")}</span>
                <strong id="due">{money(self.due)}</strong>
                <span class="as-of">
                    {w.t("as-of")} " " {instant(w, self.as_of, &self.zone)}
                </span>
            </p>
            {people.map(|text| view! { <p>{text}</p> })}
        }
        .into_any()
    }

    fn form(&self, shell: &PatientShell, errors: &Errors) -> AnyView {
        let w = shell.words();
        let range = w.with(
            "pay-range",
            &[("least", self.least.to_string().into()), ("most", self.most.to_string().into())],
        );
        let amount = Field::amount("amount", w.t("pay-amount"))
            .value(self.typed.amount.clone())
            .hint(range)
            .error(errors.of("amount"));
        let choice = RadioGroup::new("choice", w.t("pay-how-much"))
            .chosen(if self.typed.is_other { "other" } else { "full" })
            .answer(Radio::new("full", w.t("pay-full")))
            .answer(Radio::new("other", w.t("pay-other")).inside(amount))
            .error(errors.of("choice"));
        let email = Field::email("email", w.t("pay-receipt-email"))
            .value(self.typed.email.clone())
            .hint(w.t("pay-receipt-email-hint"))
            .error(errors.of("email"));
        let instead = self.card.as_ref().map(|_| {
            view! {
                <p class="or">{Button::quiet(w.t("pay-on-stripe")).sends("via", "checkout")}</p>
            }
        });
        let (via, before) = match &self.card {
            Some(card) => ("card", self.card_frame(shell, card)),
            None => ("checkout", view! { <p>{w.t("pay-card-on-stripe")}</p> }.into_any()),
        };
        Form::post("/pay", &shell.csrf)
            .id("pay")
            .hidden("link", &self.link)
            .hidden("attempt", &self.attempt)
            .hidden("shown_due_cents", self.due.0.to_string())
            .body(view! {
                {choice}
                {before}
                {email}
                <div id="pay-alert" role="alert"></div>
                <p>{Button::primary(w.t("pay-submit")).sends("via", via)}</p>
                <p id="pay-status" role="status"></p>
                {instead}
            })
    }

    /// The frame's place and everything the script needs to fill it.
    fn card_frame(&self, shell: &PatientShell, card: &CardFrame) -> AnyView {
        let w = shell.words();
        let promise = w.with("pay-card-promise", &[("alias", shell.practice.alias.clone().into())]);
        let declines: Vec<(&str, String)> = Decline::ALL
            .into_iter()
            .map(|decline| (script_code(decline), decline.sentence(w, &shell.practice.phone)))
            .collect();
        let declines = json_object(&declines);
        let running = format!("{} {}", w.t("running-what"), w.t("running-do"));
        view! {
            <div role="group" class="card-group" aria-labelledby="card-title">
                <p id="card-title" class="card-title">{w.t("pay-card")}</p>
                <div
                    id="card"
                    class="card-frame"
                    data-state="waiting"
                    data-key=card.publishable_key.clone()
                    data-account=card.account.clone()
                    data-script=card.script.clone()
                    data-intent="/pay/intent"
                    data-declined="/pay/declined"
                    data-currency="usd"
                    data-locale=shell.lang.code()
                    data-due=self.due.0.to_string()
                    data-least=self.least.0.to_string()
                    data-most=self.most.0.to_string()
                    data-declines=declines
                    data-sending=w.t("pay-sending")
                    data-offline=w.t("pay-offline")
                    data-failed=w.t("pay-card-failed")
                    data-running=running
                    data-error=w.t("title-error")
                    data-restart=w.t("running-cancel")
                >
                    <p>{w.t("pay-card-on-stripe")}</p>
                </div>
                <p class="hint">{promise}</p>
            </div>
            <div id="more-ways" hidden>{more_ways(shell)}</div>
        }
        .into_any()
    }
}

/// After the second decline: other ways to pay.
fn more_ways(shell: &PatientShell) -> AnyView {
    let w = shell.words();
    let call = w.with("pay-ways-call", &[("phone", shell.practice.phone.clone().into())]);
    view! {
        <p>{w.t("pay-ways")}</p>
        <ul>
            <li>{w.t("pay-ways-card")}</li>
            <li>{w.t("pay-ways-smaller")}</li>
            <li>{call}</li>
            <li>{w.t("pay-ways-check")}</li>
        </ul>
    }
    .into_any()
}

/// How the script names a decline; it maps Stripe's codes the way `Decline::from_codes` does.
const fn script_code(decline: Decline) -> &'static str {
    match decline {
        Decline::InsufficientFunds => "insufficient_funds",
        Decline::ExpiredCard => "expired_card",
        Decline::WrongCode => "incorrect_cvc",
        Decline::WrongNumber => "incorrect_number",
        Decline::NeedsApproval => "authentication_required",
        Decline::TryLater => "processing_error",
        Decline::Generic => "generic",
    }
}

/// A flat JSON object for a data attribute.
fn json_object(pairs: &[(&str, String)]) -> String {
    let quoted = |text: &str| {
        let mut out = String::from("\"");
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                c if (c as u32) < 0x20 => out.push(' '),
                c => out.push(c),
            }
        }
        out.push('"');
        out
    };
    let members: Vec<String> =
        pairs.iter().map(|(key, value)| format!("{}:{}", quoted(key), quoted(value))).collect();
    format!("{{{}}}", members.join(","))
}
