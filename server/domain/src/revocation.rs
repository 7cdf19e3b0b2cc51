//! What a patient's text means: stop, start, help, the wrong person, or something for staff.
//!
//! An opt-out may be made by any reasonable means (M17): so beyond the keywords, free text, typing
//! mistakes and Spanish are understood, and where it is doubtful we stop first and let a person look
//! after. Coming back is the opposite: only the bare words START, UNSTOP and YES do that (M21).
//!
//! The short answers that go back at once stand here too, because their words are prescribed.

mod concerns;
mod phrases;

use jiff::civil::Date;
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
    /// VERIFY: was that really you? (MS1)
    Verify,
    /// Somebody else has this number: no details to them, ever (D-45).
    WrongNumber,
    Deceased,
    Bankruptcy,
    Attorney,
    Other(Topic),
}

/// What else a text is about, as far as words tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    AlreadyPaid,
    Dispute,
    Insurance,
    Hardship,
    CallMe,
    /// MAIL: a letter instead of a link (MS19).
    MailMe,
    /// "Is this a scam?"
    IsItReal,
    General,
}

/// Every meaning with the code it is stored under, in the order a list of choices has.
const CODES: [(Inbound, &str); 18] = [
    (Inbound::Other(Topic::General), "other"),
    (Inbound::Other(Topic::AlreadyPaid), "already_paid"),
    (Inbound::Other(Topic::Dispute), "dispute"),
    (Inbound::Other(Topic::Insurance), "insurance"),
    (Inbound::Other(Topic::Hardship), "hardship"),
    (Inbound::Other(Topic::CallMe), "call_me"),
    (Inbound::Other(Topic::MailMe), "mail_me"),
    (Inbound::Other(Topic::IsItReal), "is_it_real"),
    (Inbound::Stop { exact: false }, "stop_in_words"),
    (Inbound::WrongNumber, "wrong_number"),
    (Inbound::Deceased, "deceased"),
    (Inbound::Bankruptcy, "bankruptcy"),
    (Inbound::Attorney, "attorney"),
    (Inbound::Stop { exact: true }, "stop"),
    (Inbound::Start, "start"),
    (Inbound::Help, "help"),
    (Inbound::ReceiptsOnly, "receipts_only"),
    (Inbound::Verify, "verify"),
];

impl Inbound {
    /// How it is stored.
    pub fn code(self) -> &'static str {
        CODES.iter().find(|(known, _)| *known == self).map_or("other", |(_, code)| code)
    }

    pub fn parse(code: &str) -> Option<Self> {
        CODES.iter().find(|(_, known)| *known == code).map(|(inbound, _)| *inbound)
    }

    /// What staff may say a text means instead. Keywords speak for themselves.
    pub fn choices() -> impl Iterator<Item = Self> {
        CODES.iter().map(|(inbound, _)| *inbound).filter(|inbound| inbound.needs_a_person())
    }

    /// The opt-out to record at once, if it is one.
    pub const fn suppression(self) -> Option<SuppressionReason> {
        match self {
            Self::Stop { exact: true } => Some(SuppressionReason::Stop),
            Self::Stop { exact: false } | Self::Deceased | Self::Bankruptcy | Self::Attorney => {
                Some(SuppressionReason::FreeText)
            }
            Self::WrongNumber => Some(SuppressionReason::WrongNumber),
            Self::Start | Self::Help | Self::ReceiptsOnly | Self::Verify | Self::Other(_) => None,
        }
    }

    /// The hold to place at once on every account of the number, until staff have looked (MS7). A
    /// dispute only pauses: the legal hold of a dispute stops paying too, and is for staff to place.
    pub const fn hold(self) -> Option<HoldKind> {
        match self {
            Self::Deceased => Some(HoldKind::Deceased),
            Self::Bankruptcy => Some(HoldKind::Bankruptcy),
            Self::Attorney => Some(HoldKind::Attorney),
            Self::Other(Topic::Dispute | Topic::AlreadyPaid) => Some(HoldKind::Pause),
            Self::Other(Topic::Insurance) => Some(HoldKind::InsuranceReview),
            Self::Other(Topic::Hardship) => Some(HoldKind::FinancialAssistance),
            _ => None,
        }
    }

    /// How long that hold lasts by itself. A payment said to be made is here within two weeks, or
    /// it was not made; everything else waits for a person.
    pub const fn hold_days(self) -> Option<i64> {
        match self {
            Self::Other(Topic::AlreadyPaid) => Some(14),
            _ => None,
        }
    }

    /// The hold to propose to staff.
    pub const fn suggested_hold(self) -> Option<HoldKind> {
        match self {
            Self::Other(Topic::Dispute) => Some(HoldKind::Dispute),
            _ => None,
        }
    }

    /// Whether a person must read it. Only what a keyword settles needs nobody.
    pub const fn needs_a_person(self) -> bool {
        !matches!(
            self,
            Self::Stop { exact: true }
                | Self::Start
                | Self::Help
                | Self::ReceiptsOnly
                | Self::Verify
        )
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
        "call" | "llamar" => return Inbound::Other(Topic::CallMe),
        "mail" | "letter" | "carta" => return Inbound::Other(Topic::MailMe),
        _ => {}
    }
    if is_verify(&words, body) {
        return Inbound::Verify;
    }
    // Keywords stand alone; what people say is read without what their phones add.
    let body = phrases::without_signature(body);
    let words = phrases::fold(&body.chars().take(LONGEST_READ).collect::<String>());
    let message = words.join(" ");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if concerns::says_wrong_number(&words) {
        Inbound::WrongNumber
    } else if concerns::says_deceased(&words) {
        Inbound::Deceased
    } else if concerns::says_bankruptcy(&words) {
        Inbound::Bankruptcy
    } else if concerns::says_attorney(&words) {
        Inbound::Attorney
    } else if phrases::STOP_WORDS.contains(&message.as_str())
        || phrases::says_stop(&words)
        || phrases::is_mistyped_stop(&message)
        || body.split(SENTENCE_ENDS).take(LONGEST_READ).any(phrases::is_a_sentence_of_stop)
    {
        Inbound::Stop { exact: false }
    } else {
        Inbound::Other(concerns::topic(&words))
    }
}

/// VERIFY, alone or with a code.
fn is_verify(words: &[String], body: &str) -> bool {
    match words {
        [word] => word == "verify" || word == "verificar",
        [word, _] | [word, _, _] => {
            (word == "verify" || word == "verificar") && code_to_verify(body).is_some()
        }
        _ => false,
    }
}

/// The code after VERIFY, as messages are stored with it: `VERIFY abcd-2345` asks for `ABCD2345`.
pub fn code_to_verify(body: &str) -> Option<String> {
    let mut words = body.split_whitespace();
    words.next()?;
    let code: String = words.flat_map(str::chars).filter(char::is_ascii_alphanumeric).collect();
    (code.len() == CHECK_CODE_CHARS).then(|| code.to_ascii_uppercase())
}

/// Characters of the code a message carries (MS1).
pub const CHECK_CODE_CHARS: usize = 8;

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

/// What goes back at once to somebody whose words were understood, where staff read the inbox. It
/// promises only what happens by itself: reminders pause, and a task waits for a person (MS7, MS19).
pub fn acknowledgement(
    inbound: Inbound,
    practice: &str,
    phone: &str,
    language: Language,
) -> Option<String> {
    let Inbound::Other(topic) = inbound else { return None };
    let text = match (topic, language) {
        (Topic::AlreadyPaid, Language::English) => format!(
            "{practice}: Thank you. We look for your payment and pause reminders meanwhile. \
             Questions: {phone}"
        ),
        (Topic::AlreadyPaid, Language::Spanish) => format!(
            "{practice}: Gracias. Buscaremos su pago y pausamos los recordatorios. Preguntas: \
             {phone}"
        ),
        (Topic::Dispute | Topic::Insurance, Language::English) => format!(
            "{practice}: Thank you. We look into it and pause reminders meanwhile. Questions: \
             {phone}"
        ),
        (Topic::Dispute | Topic::Insurance, Language::Spanish) => format!(
            "{practice}: Gracias. Lo revisaremos y pausamos los recordatorios. Preguntas: {phone}"
        ),
        (Topic::Hardship, Language::English) => format!(
            "{practice}: Thank you for telling us. We pause reminders and get back to you about \
             your options. Or call {phone}"
        ),
        (Topic::Hardship, Language::Spanish) => format!(
            "{practice}: Gracias por avisarnos. Pausamos los recordatorios y le contactaremos \
             sobre sus opciones. O llame al {phone}"
        ),
        (Topic::CallMe, Language::English) => {
            format!("{practice}: We will call you back in office hours. Or call us: {phone}")
        }
        (Topic::CallMe, Language::Spanish) => {
            format!("{practice}: Le llamaremos en horario de oficina. O llame al {phone}")
        }
        (Topic::MailMe, Language::English) => {
            format!("{practice}: We will mail you a letter. Questions: {phone}")
        }
        (Topic::MailMe, Language::Spanish) => {
            format!("{practice}: Le enviaremos una carta. Preguntas: {phone}")
        }
        (Topic::IsItReal | Topic::General, _) => return None,
    };
    Some(sms::economise(&text))
}

/// What VERIFY found out about the texts to that phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The last text, or the one with the code asked for: its day where the practice is, and its
    /// code if it had one.
    Sent { on: Date, code: Option<String> },
    /// Nothing was texted to that phone lately, or nothing with that code.
    NotSent,
}

/// The answer to VERIFY and to "is this real?": that we sent it, and when; never what it was about
/// (MS1). `check_at` is where any message can be checked.
pub fn proof(
    proof: &Proof,
    practice: &str,
    phone: &str,
    check_at: &str,
    language: Language,
) -> String {
    sms::economise(&match (proof, language) {
        (Proof::Sent { on, code }, Language::English) => {
            let code = code.as_ref().map(|code| format!(", code {code}")).unwrap_or_default();
            let day = on.strftime("%b %-d");
            format!("{practice}: Yes, we texted you on {day}{code}. Check: {check_at} or {phone}")
        }
        (Proof::Sent { on, code }, Language::Spanish) => {
            let code = code.as_ref().map(|code| format!(", codigo {code}")).unwrap_or_default();
            let day = on.strftime("%-d/%-m");
            format!("{practice}: Si, le escribimos el {day}{code}. Verifique: {check_at} o {phone}")
        }
        (Proof::NotSent, Language::English) => format!(
            "{practice}: We did not send you that text. Please do not tap its link; call us: \
             {phone}"
        ),
        (Proof::NotSent, Language::Spanish) => {
            format!("{practice}: No le enviamos ese mensaje. No abra su enlace; llamenos: {phone}")
        }
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
