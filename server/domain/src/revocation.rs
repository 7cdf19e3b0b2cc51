//! What a patient's text means: stop, start, help, the wrong person, or something for staff.
//!
//! An opt-out may be made by any reasonable means (M17): so beyond the keywords, free text, typing
//! mistakes and Spanish are understood, and where it is doubtful we stop first and let a person look
//! after. Coming back is the opposite: only the bare words START, UNSTOP and YES do that (M21).
//!
//! The short answers that go back at once stand here too, because their words are prescribed.

mod concerns;
mod phrases;

use serde::{Deserialize, Serialize};

use crate::{book::Language, decide::SuppressionReason, holds::HoldKind, sms};

/// What an inbound text asks of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inbound {
    /// No more texts. `exact` when the whole message is one of the words; otherwise somebody looks
    /// at it after the opt-out has been made.
    Stop {
        exact: bool,
    },
    /// START, UNSTOP or YES and nothing else. Means nothing from someone who has not opted out.
    Start,
    Help,
    /// The answer to the confirmation of an opt-out: receipts stay welcome.
    ReceiptsOnly,
    /// Somebody else has this number: no details to them, ever (D-45).
    WrongNumber,
    Deceased,
    Bankruptcy,
    Attorney,
    Other(Topic),
}

/// What else a text is about, as far as words tell. For sorting the inbox, never for answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    AlreadyPaid,
    Dispute,
    Insurance,
    Hardship,
    CallMe,
    /// "Is this a scam?"
    IsItReal,
    General,
}

impl Inbound {
    /// The opt-out to record at once, if it is one.
    pub const fn suppression(self) -> Option<SuppressionReason> {
        match self {
            Self::Stop { exact: true } => Some(SuppressionReason::Stop),
            Self::Stop { exact: false } | Self::Deceased | Self::Bankruptcy | Self::Attorney => {
                Some(SuppressionReason::FreeText)
            }
            Self::WrongNumber => Some(SuppressionReason::WrongNumber),
            Self::Start | Self::Help | Self::ReceiptsOnly | Self::Other(_) => None,
        }
    }

    /// The hold to place at once on every account of the number, until staff have looked.
    pub const fn hold(self) -> Option<HoldKind> {
        match self {
            Self::Deceased => Some(HoldKind::Deceased),
            Self::Bankruptcy => Some(HoldKind::Bankruptcy),
            Self::Attorney => Some(HoldKind::Attorney),
            _ => None,
        }
    }

    /// The hold to propose to staff.
    pub const fn suggested_hold(self) -> Option<HoldKind> {
        match self {
            Self::Other(Topic::Dispute) => Some(HoldKind::Dispute),
            Self::Other(Topic::Insurance) => Some(HoldKind::InsuranceReview),
            Self::Other(Topic::Hardship) => Some(HoldKind::FinancialAssistance),
            Self::Other(Topic::AlreadyPaid) => Some(HoldKind::Pause),
            _ => None,
        }
    }

    /// Whether a person must read it. Only what a keyword settles needs nobody.
    pub const fn needs_a_person(self) -> bool {
        !matches!(self, Self::Stop { exact: true } | Self::Start | Self::Help | Self::ReceiptsOnly)
    }
}

/// Only this much of a text is read: what matters is said by then, and a flood costs nothing.
const LONGEST_READ: usize = 1_600;

const SENTENCE_ENDS: &[char] = &['.', '!', '?', ';', ',', '\n', '\u{2014}'];

/// What a text means. Case, punctuation, emoji and accents make no difference.
pub fn classify(body: &str) -> Inbound {
    let words = phrases::fold(&body.chars().take(LONGEST_READ).collect::<String>());
    let message = words.join(" ");
    if phrases::STOP_WORDS.contains(&message.as_str()) {
        return Inbound::Stop { exact: true };
    }
    match message.as_str() {
        "start" | "unstop" | "yes" => return Inbound::Start,
        "help" | "info" | "ayuda" => return Inbound::Help,
        "receipts" | "receipt" | "recibos" | "recibo" => return Inbound::ReceiptsOnly,
        _ => {}
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if concerns::says_wrong_number(&words) {
        Inbound::WrongNumber
    } else if concerns::says_deceased(&words) {
        Inbound::Deceased
    } else if concerns::says_bankruptcy(&words) {
        Inbound::Bankruptcy
    } else if concerns::says_attorney(&words) {
        Inbound::Attorney
    } else if phrases::says_stop(&words)
        || phrases::is_mistyped_stop(&message)
        || body.split(SENTENCE_ENDS).take(LONGEST_READ).any(phrases::is_a_sentence_of_stop)
    {
        Inbound::Stop { exact: false }
    } else {
        Inbound::Other(concerns::topic(&words))
    }
}

/// The words a carrier's keyword service acts on by itself, by what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CarrierWord {
    Stop,
    Start,
    Help,
}

/// Whether the carrier answers this text itself, and as what. It matches the whole message, blanks
/// and case aside; "STOP PLEASE" and "Stop." are ours. Toll-free numbers know fewer words. Where it
/// answers STOP, it has also blocked the sender: an answer of ours would be refused (21610).
pub fn carrier_answers(body: &str, sender_is_toll_free: bool) -> Option<CarrierWord> {
    let word = body.trim().to_ascii_uppercase();
    let known = match word.as_str() {
        "STOP" => CarrierWord::Stop,
        "UNSTOP" => CarrierWord::Start,
        "STOPALL" | "UNSUBSCRIBE" | "CANCEL" | "END" | "QUIT" | "REVOKE" | "OPTOUT"
            if !sender_is_toll_free =>
        {
            CarrierWord::Stop
        }
        "START" | "YES" if !sender_is_toll_free => CarrierWord::Start,
        "HELP" | "INFO" if !sender_is_toll_free => CarrierWord::Help,
        _ => return None,
    };
    Some(known)
}

/// The fixed answer to replies nobody reads (S-R2), its apostrophe made plain (X8). Not a setting.
pub const FIXED_REPLY: &str = "Sorry, we don't recognize this response. Please reach out to your \
                               health services provider with any questions.";

/// The same for someone who reads Spanish.
const FIXED_REPLY_ES: &str = "Lo sentimos, no reconocemos esta respuesta. Si tiene preguntas, \
                              comuníquese con su proveedor de servicios de salud.";

pub fn fixed_reply(language: Language) -> String {
    match language {
        Language::English => FIXED_REPLY.to_owned(),
        Language::Spanish => sms::economise(FIXED_REPLY_ES),
    }
}

/// The answer to START, UNSTOP or YES.
pub fn opt_in_confirmation(practice: &str, language: Language) -> String {
    sms::economise(&match language {
        Language::English => format!(
            "{practice}: You will get texts about your bills again. Reply HELP for help, STOP to \
             opt out."
        ),
        Language::Spanish => format!(
            "{practice}: Volverá a recibir mensajes sobre sus facturas. Responda AYUDA para \
             ayuda, STOP para cancelar."
        ),
    })
}

/// The line that ends a reminder (M23).
pub const fn stop_line(language: Language) -> &'static str {
    match language {
        Language::English => "Reply STOP to opt out.",
        Language::Spanish => "Responda STOP para cancelar.",
    }
}

#[cfg(test)]
mod tests;
