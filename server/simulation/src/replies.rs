//! What people text back, in words of their own, and what a careful person reads in them. Written
//! without a look at the product's lists of phrases: whoever reads these aloud knows what is meant.

use crate::Dice;

/// What somebody who reads the text with care takes it for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// No more texts.
    Stop,
    /// It is somebody else's phone.
    Stranger,
    /// The law, or decency, ends reminders on every channel.
    Deceased,
    Bankruptcy,
    Attorney,
    /// Reminders pause until the payment is found.
    Paid,
    /// Reminders pause until staff have looked.
    Dispute,
    Insurance,
    Hardship,
    Start,
    /// Receipts stay welcome after a stop.
    Receipts,
    Help,
    Verify,
    /// Nothing that changes what may be sent.
    Other,
}

const STOP: [&str; 34] = [
    "STOP",
    "Stop",
    "stop.",
    "STOPALL",
    "Unsubscribe",
    "cancel",
    "QUIT",
    "end",
    "opt out",
    "Please stop texting me",
    "stop sending me these texts",
    "Do not text this number again",
    "dont message me anymore",
    "I want you to stop contacting me by text",
    "remove me from your list please",
    "take my number off your list",
    "no more texts",
    "I do not want to get these messages",
    "leave me alone",
    "Enough. Stop.",
    "plz stop",
    "STOP!!!! I told you already",
    "i already paid this, stop texting me",
    "You people need to stop messaging me",
    "I will pay on friday but stop the texts",
    "unsubscribe me from this",
    "No mas",
    "No más mensajes",
    "Por favor no me manden más mensajes",
    "ya no me escriban",
    "dejen de mandarme mensajes",
    "quiero cancelar los mensajes",
    "Alto por favor",
    "no quiero recibir más textos",
];
/// Slips of the thumb that everybody reads as the word they are next to.
const MISTYPED: [&str; 6] = ["Sotp", "stpo", "STPO", "stopp", "unsubcribe", "ubsubscribe"];
const STRANGER: [&str; 9] = [
    "Wrong number",
    "you have the wrong number",
    "Sorry wrong person",
    "I dont know who that is, wrong number",
    "This is not her number anymore",
    "numero equivocado",
    "Se equivocó de número",
    "There is nobody by that name here",
    "no soy esa persona",
];
const DECEASED: [&str; 5] = [
    "My husband passed away in January",
    "She is deceased",
    "he died last month, please have some respect",
    "mi mamá falleció",
    "The patient passed away. Stop sending bills",
];
const BANKRUPTCY: [&str; 4] = [
    "I filed for bankruptcy",
    "This debt is in my chapter 7",
    "we are in bankruptcy, ask the trustee",
    "me declaré en bancarrota",
];
const ATTORNEY: [&str; 4] = [
    "Talk to my lawyer",
    "Please contact my attorney about this bill",
    "my attorney will answer you",
    "hable con mi abogado",
];
const PAID: [&str; 6] = [
    "I already paid this",
    "already paid at the front desk",
    "I paid this last week",
    "I sent a check on monday",
    "Ya lo pagué",
    "ya pague esta cuenta",
];
const DISPUTE: [&str; 5] = [
    "I dispute this bill",
    "this is a mistake, I was never there",
    "I don't owe this",
    "you overcharged me",
    "yo no debo eso, es un error",
];
const INSURANCE: [&str; 4] = [
    "my insurance should cover this",
    "Did you bill my insurance?",
    "I have medicaid",
    "mi seguro lo paga",
];
const HARDSHIP: [&str; 4] =
    ["I can't afford this", "can i get a payment plan", "I lost my job", "no puedo pagar todo"];
const OTHER: [&str; 12] = [
    "thanks!",
    "ok 👍",
    "👍👍",
    "who is this?",
    "is this a scam?",
    "What are your hours on Saturday?",
    "I'll stop by the office tomorrow to pay",
    "Please call me",
    "when is my next appointment?",
    "gracias",
    "¿Cuánto debo?",
    "On my way",
];

/// Of a hundred texts so many of each; more of the words that everybody knows.
pub(crate) fn draw(dice: &mut Dice) -> (String, Meaning) {
    let (list, meaning): (&[&str], Meaning) = match dice.roll(100) {
        0..=29 => (&STOP[..], Meaning::Stop),
        30..=34 => return (pick(dice, &MISTYPED), Meaning::Stop),
        35..=39 => (&STRANGER[..], Meaning::Stranger),
        40..=43 => (&DECEASED[..], Meaning::Deceased),
        44..=46 => (&BANKRUPTCY[..], Meaning::Bankruptcy),
        47..=49 => (&ATTORNEY[..], Meaning::Attorney),
        50..=55 => (&PAID[..], Meaning::Paid),
        56..=59 => (&DISPUTE[..], Meaning::Dispute),
        60..=62 => (&INSURANCE[..], Meaning::Insurance),
        63..=65 => (&HARDSHIP[..], Meaning::Hardship),
        66..=78 => {
            return (pick(dice, &["START", "Start", "unstop", "YES", "yes"]), Meaning::Start);
        }
        79..=80 => return (pick(dice, &["RECEIPTS", "recibos"]), Meaning::Receipts),
        81..=86 => return (pick(dice, &["HELP", "help", "AYUDA", "info"]), Meaning::Help),
        87..=89 => return (pick(dice, &["VERIFY", "verify", "Verificar"]), Meaning::Verify),
        _ => (&OTHER[..], Meaning::Other),
    };
    let words = pick(dice, list);
    (dressed(dice, &words), meaning)
}

fn pick(dice: &mut Dice, from: &[&str]) -> String {
    dice.pick(from).copied().unwrap_or_default().to_owned()
}

/// The same words as phones send them: shouted, with emoji, with a signature, with a greeting.
fn dressed(dice: &mut Dice, words: &str) -> String {
    dressed_as(dice.roll(DRESSES + 2), words)
}

/// Ways to dress a text that change nothing of what it says.
const DRESSES: u64 = 7;

fn dressed_as(dress: u64, words: &str) -> String {
    match dress {
        0 => words.to_uppercase(),
        1 => words.to_lowercase(),
        2 => format!("{words} 🙏"),
        3 => format!("  {words}!!"),
        4 => format!("{words}\n\nSent from my phone"),
        5 => format!("Hi, {words}"),
        6 => format!("😡 {words}"),
        _ => words.to_owned(),
    }
}

impl Meaning {
    /// What staff choose for it in the inbox.
    pub const fn as_staff_read_it(self) -> Option<domain::revocation::Inbound> {
        use domain::revocation::{Inbound, Topic};
        Some(match self {
            Self::Stop => Inbound::Stop { exact: false },
            Self::Stranger => Inbound::WrongNumber,
            Self::Deceased => Inbound::Deceased,
            Self::Bankruptcy => Inbound::Bankruptcy,
            Self::Attorney => Inbound::Attorney,
            Self::Paid => Inbound::Other(Topic::AlreadyPaid),
            Self::Dispute => Inbound::Other(Topic::Dispute),
            Self::Insurance => Inbound::Other(Topic::Insurance),
            Self::Hardship => Inbound::Other(Topic::Hardship),
            Self::Other => Inbound::Other(Topic::General),
            // Keywords speak for themselves.
            Self::Start | Self::Receipts | Self::Help | Self::Verify => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::revocation::classify;

    use super::*;

    fn every(list: &[&str]) -> Vec<String> {
        let dressed = |words: &&str| {
            let words = (*words).to_owned();
            (0..=DRESSES).map(move |dress| dressed_as(dress, &words))
        };
        list.iter().flat_map(dressed).collect()
    }

    /// What would be missed is found here before a seed meets it by chance.
    #[test]
    fn what_a_careful_person_reads_the_product_reads_too() {
        let mut missed = Vec::new();
        for list in [&STOP[..], &STRANGER[..], &DECEASED[..], &BANKRUPTCY[..], &ATTORNEY[..]] {
            let unheard = |text: &String| classify(text).suppression().is_none();
            missed.extend(every(list).into_iter().filter(unheard));
        }
        for list in [&DECEASED[..], &BANKRUPTCY[..], &ATTORNEY[..], &PAID[..], &DISPUTE[..]] {
            let unheld = |text: &String| classify(text).hold().is_none();
            missed.extend(every(list).into_iter().filter(unheld));
        }
        for list in [&INSURANCE[..], &HARDSHIP[..]] {
            let unheld = |text: &String| classify(text).hold().is_none();
            missed.extend(every(list).into_iter().filter(unheld));
        }
        let unheard = |text: &&&str| classify(text).suppression().is_none();
        missed.extend(MISTYPED.iter().filter(unheard).map(|text| (*text).to_owned()));
        let too_much = |text: &String| classify(text).suppression().is_some();
        missed.extend(every(&OTHER).into_iter().filter(too_much));
        assert!(missed.is_empty(), "{missed:#?}");
    }
}
