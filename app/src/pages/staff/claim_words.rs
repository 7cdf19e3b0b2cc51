//! Where a claim stands, in the words of the guides.

use domain::book::{ClaimStatus, InsuranceState, Language, Preferred};
use leptos::prelude::*;

use crate::components::{Badge, Tone};

pub const fn status_name(status: ClaimStatus) -> &'static str {
    match status {
        ClaimStatus::Ready => "Ready to send statements",
        ClaimStatus::PendingPatient => "Pending patient",
        ClaimStatus::InsurancePending => "Insurance pending",
        ClaimStatus::Settled => "Settled",
        ClaimStatus::Collections => "Collections",
    }
}

pub fn status_badge(status: ClaimStatus) -> Badge {
    let tone = match status {
        ClaimStatus::Ready => Tone::Warn,
        ClaimStatus::Settled => Tone::Good,
        ClaimStatus::Collections => Tone::Danger,
        ClaimStatus::PendingPatient | ClaimStatus::InsurancePending => Tone::Plain,
    };
    Badge::new(status_name(status)).tone(tone)
}

pub const fn insurance_name(state: InsuranceState) -> &'static str {
    match state {
        InsuranceState::Pending => "Waiting for insurance",
        InsuranceState::Finished => "Insurance answered",
        InsuranceState::SelfPay => "Self-pay",
    }
}

pub const fn language_name(language: Language) -> &'static str {
    match language {
        Language::English => "English",
        Language::Spanish => "Spanish",
    }
}

pub const fn preferred_name(preferred: Preferred) -> &'static str {
    match preferred {
        Preferred::Text => "Text",
        Preferred::Email => "Email",
        Preferred::Both => "Text and email",
    }
}

/// A claim's number in the practice's system: in one piece while it is short; some systems use 36
/// characters, which may break anywhere.
pub fn claim_number(number: &str) -> AnyView {
    const SHORT: usize = 16;
    let class = if number.chars().count() <= SHORT { "unbroken" } else { "breaks" };
    view! { <span class=class>{number.to_owned()}</span> }.into_any()
}

/// `12 days`, `1 day`.
pub fn counted(count: i64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}
