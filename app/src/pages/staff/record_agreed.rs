//! What an account agreed to about paying, as the practice's system says it: on the patient record, and
//! with what is told of it on the page that says why, why not and what next.

use domain::{
    arrangement::{Arrangement, Autopay, Occasion, Paperless, Plan},
    clock::UnixMs,
    decide::{Channel, Decision, Outcome, PlanStanding},
};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{
    decision_words::sentence,
    message_words::{Progress, channel_name},
    record_why::rules,
};
use crate::{
    components::{Facts, Notice, Tone},
    when,
    words::Words,
};

fn plan(plan: &Plan) -> String {
    let w = Words::default();
    let next = plan
        .next
        .map(|next| format!(" Next installment: {} on {}.", next.amount, when::day(w, next.on)));
    let standing = match plan.standing {
        PlanStanding::NoPlan => "None.",
        PlanStanding::Kept => "Kept.",
        PlanStanding::Behind => "An installment was missed.",
    };
    format!("{standing}{}", next.unwrap_or_default())
}

fn autopay(autopay: &Autopay) -> String {
    let card = autopay.card.map(|card| format!(", card ending in {}", card.as_str()));
    format!("{}{}", if autopay.is_on { "On" } else { "Off" }, card.unwrap_or_default())
}

fn paper(paperless: &Paperless) -> String {
    let w = Words::default();
    match (paperless.is_wanted, paperless.consent_on) {
        (true, Some(on)) => format!("None: agreed to on {}", when::day(w, on)),
        (true, None) => "Goes on: no consent to do without it is recorded".to_owned(),
        (false, Some(on)) => format!("Wanted, since {}", when::day(w, on)),
        (false, None) => "Wanted".to_owned(),
    }
}

/// The panel on the patient record.
pub(super) fn panel(agreed: &Arrangement) -> AnyView {
    let w = Words::default();
    let body = if agreed.says_nothing() {
        view! {
            <p>"The practice\u{2019}s system says nothing of a plan, a card on file or paper."</p>
        }
        .into_any()
    } else {
        let charge = agreed.autopay.and_then(|autopay| autopay.charge);
        let failed = agreed.autopay.and_then(|autopay| autopay.failed_on);
        let deductible = agreed.has_high_deductible.map(|yes| if yes { "Yes" } else { "No" });
        view! {
            {Facts::new()
                .maybe("Payment plan", agreed.plan.as_ref().map(plan))
                .maybe("Autopay", agreed.autopay.as_ref().map(autopay))
                .maybe(
                    "Next charge",
                    charge.map(|next| format!("{} on {}", next.amount, when::day(w, next.on))),
                )
                .maybe("Charge declined", failed.map(|on| when::day(w, on)))
                .maybe("High-deductible plan", deductible)
                .maybe("Paper", agreed.paperless.as_ref().map(paper))}
            <p class="hint">
                "As the practice\u{2019}s system says. Clearbill charges no card on file."
            </p>
        }
        .into_any()
    };
    view! {
        <section class="panel" aria-labelledby="arrangement">
            <h2 id="arrangement">"Plan, card and paper"</h2>
            {body}
        </section>
    }
    .into_any()
}

/// One thing they are told of, or will be.
#[derive(Clone, Debug)]
pub struct WhyAgreed {
    pub occasion: Occasion,
    /// `None`: too late for it.
    pub slot: Option<UnixMs>,
    /// How far the newest notice of it came.
    pub progress: Option<Progress>,
    pub decision: Option<(Channel, Decision)>,
}

fn title(occasion: &Occasion) -> String {
    let w = Words::default();
    match occasion {
        Occasion::Instalment(one) => {
            format!("Installment of {} on {}", one.amount, when::day(w, one.on))
        }
        Occasion::Charge(one) => format!(
            "Charge of {} to the card ending in {} on {}",
            one.amount,
            one.card.as_str(),
            when::day(w, one.on)
        ),
        Occasion::Failed(day) => format!("Automatic payment declined on {}", when::day(w, *day)),
    }
}

impl WhyAgreed {
    fn words(&self, now: UnixMs, zone: &TimeZone) -> (String, Tone) {
        let told = self.progress.filter(|p| !matches!(p, Progress::Withheld | Progress::Failed));
        if let Some(progress) = told {
            return (format!("Their notice: {}.", progress.name().to_lowercase()), progress.tone());
        }
        let Some(slot) = self.slot else {
            return ("It is too late to tell them of it.".to_owned(), Tone::Warn);
        };
        let Some((channel, decision)) = &self.decision else {
            return ("They cannot be told: no contact is on file.".to_owned(), Tone::Warn);
        };
        let by = channel_name(*channel).to_lowercase();
        let because = decision.headline().map(|reason| sentence(reason, zone)).unwrap_or_default();
        match decision.outcome {
            Outcome::Withhold => (format!("They are not told by {by}. {because}"), Tone::Warn),
            Outcome::Send if slot > now => {
                (format!("They are told by {by} {}.", when::near(slot, now, zone)), Tone::Good)
            }
            Outcome::Send => (format!("They are told by {by} at the next step."), Tone::Good),
            Outcome::Defer { until } => {
                let at = when::near(until, now, zone);
                (format!("They are told by {by} {at}. {because}"), Tone::Good)
            }
        }
    }

    pub(super) fn view(&self, now: UnixMs, zone: &TimeZone) -> AnyView {
        let title = title(&self.occasion);
        let (words, tone) = self.words(now, zone);
        let table = self
            .decision
            .as_ref()
            .map(|(_, decision)| rules(&decision.reasons, zone, &format!("Rules: {title}")));
        view! {
            <section class="panel" aria-label=title.clone()>
                <h3>{title.clone()}</h3>
                {Notice::new(tone).text(words)}
                {table}
            </section>
        }
        .into_any()
    }
}
