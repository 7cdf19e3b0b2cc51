//! What else people answer: that they are someone else, that the law protects them, or a question.
//!
//! The first kind stops at once and a person looks after; the questions are only sorted.

use super::{
    Topic,
    phrases::{any, begins, has, has_any},
};

/// Somebody else answers.
pub(super) fn says_wrong_number(words: &[&str]) -> bool {
    let wrong = words.windows(2).enumerate().any(|(at, pair)| {
        let is_wrong = pair[0] == "wrong"
            && ["number", "person", "phone", "num", "guy", "lady", "cell", "recipient"]
                .contains(&pair[1])
            || pair == ["wrong", "nbr"];
        // "I gave the wrong number for my insurance."
        let their_slip = words[at.saturating_sub(3)..at].iter().any(|w| {
            ["gave", "given", "entered", "typed", "put", "wrote", "dialed", "called"].contains(w)
        });
        is_wrong && !their_slip
    });
    let whole = words.join(" ");
    let not_me = [
        "not me",
        "this isnt me",
        "this is not me",
        "thats not me",
        "that isnt me",
        "that is not me",
        "im not him",
        "im not her",
        "i am not him",
        "i am not her",
        "equivocado",
        "no soy yo",
        "isnt me",
        "its not me",
    ]
    .contains(&whole.as_str());
    wrong
        || not_me
        || has_any(
            words,
            &[
                "this isnt me",
                "this is not me",
                "thats not me",
                "that is not me",
                "you have the wrong",
                "you got the wrong",
                "not the right person",
                "not the right number",
                "not the person you",
                "isnt the person",
                "not his number",
                "not her number",
                "not their number",
                "not his phone",
                "not her phone",
                "isnt his number",
                "isnt her number",
                "isnt his phone",
                "isnt her phone",
                "no longer his number",
                "no longer her number",
                "no longer has this number",
                "no longer have this number",
                "doesnt have this number",
                "no one by that name",
                "nobody by that name",
                "no one here by",
                "dont know this person",
                "dont know that person",
                "dont know him",
                "dont know her",
                "do not know this person",
                "do not know him",
                "do not know her",
                "numero equivocado",
                "numero incorrecto",
                "numero erroneo",
                "persona equivocada",
                "persona incorrecta",
                "no soy esa persona",
                "no soy la persona",
                "no soy el",
                "no soy ella",
                "no la conozco",
                "no lo conozco",
                "no conozco a",
                "se equivoco de numero",
                "este no es su numero",
                "este no es el numero de",
            ],
        )
}

pub(super) fn says_deceased(words: &[&str]) -> bool {
    let thing = any(
        words,
        &["battery", "car", "laptop", "computer", "tablet", "phone", "bateria", "telefono"],
    );
    any(words, &["deceased", "fallecio", "fallecido", "fallecida", "difunto", "difunta"])
        || has_any(words, &["passed away", "has passed on", "rest in peace"])
        || !thing
            && (any(words, &["died", "murio"])
                || has_any(
                    words,
                    &["is dead", "esta muerto", "esta muerta", "hes dead", "shes dead"],
                ))
}

pub(super) fn says_bankruptcy(words: &[&str]) -> bool {
    words.iter().any(|w| begins(w, &["bankrupt"]) || ["bancarrota", "quiebra"].contains(w))
        || has_any(words, &["chapter 7", "chapter 13", "chapter 11", "capitulo 7", "capitulo 13"])
}

pub(super) fn says_attorney(words: &[&str]) -> bool {
    // Someone's agent is not someone's litigator.
    if has(words, "power of attorney") {
        return false;
    }
    words.iter().any(|w| begins(w, &["attorney", "lawyer", "lawsuit", "abogad"]))
        || has_any(
            words,
            &[
                "legal counsel",
                "law firm",
                "legal action",
                "sue you",
                "suing you",
                "accion legal",
                "see you in court",
            ],
        )
}

/// The first of the lists that speaks; for sorting only.
pub(super) fn topic(words: &[&str]) -> Topic {
    if has_any(
        words,
        &[
            "already paid",
            "i paid",
            "have paid",
            "was paid",
            "been paid",
            "just paid",
            "paid this",
            "paid it",
            "paid that",
            "payment sent",
            "sent payment",
            "sent the payment",
            "in the mail",
            "mailed a check",
            "mailed the check",
            "sent a check",
            "ya pague",
            "ya lo pague",
            "ya esta pagado",
            "ya pagamos",
            "pague ayer",
            "mande el pago",
        ],
    ) {
        Topic::AlreadyPaid
    } else if any(
        words,
        &[
            "dispute",
            "disputing",
            "incorrect",
            "overcharged",
            "overcharge",
            "mistake",
            "error",
            "disputa",
            "incorrecto",
        ],
    ) || has_any(
        words,
        &[
            "not my bill",
            "dont owe",
            "do not owe",
            "wrong amount",
            "wrong bill",
            "never went",
            "never saw",
            "wasnt there",
            "no debo",
            "no es mi cuenta",
            "not right",
        ],
    ) {
        Topic::Dispute
    } else if any(
        words,
        &[
            "insurance",
            "medicaid",
            "medicare",
            "insurer",
            "seguro",
            "aseguranza",
            "aseguradora",
            "eob",
            "claim",
        ],
    ) {
        Topic::Insurance
    } else if has_any(
        words,
        &[
            "mail me",
            "by mail",
            "send me a letter",
            "paper bill",
            "paper statement",
            "por correo postal",
            "mandeme una carta",
            "envieme una carta",
        ],
    ) {
        Topic::MailMe
    } else if any(
        words,
        &["hardship", "afford", "unemployed", "installments", "installment", "disability"],
    ) || has_any(
        words,
        &[
            "payment plan",
            "payment plans",
            "financial assistance",
            "charity care",
            "lost my job",
            "no puedo pagar",
            "plan de pago",
            "plan de pagos",
            "no tengo dinero",
            "dont have the money",
            "no money",
            "pay monthly",
            "make payments",
        ],
    ) {
        Topic::Hardship
    } else if any(
        words,
        &["scam", "spam", "fraud", "phishing", "estafa", "fraude", "legit", "legitimate"],
    ) || has_any(
        words,
        &[
            "who is this",
            "whos this",
            "who are you",
            "is this real",
            "quien es",
            "quien eres",
            "is this a real",
        ],
    ) {
        Topic::IsItReal
    } else if has_any(
        words,
        &[
            "call me",
            "give me a call",
            "please call",
            "can someone call",
            "llameme",
            "llamenme",
            "me llame",
            "me puede llamar",
            "me pueden llamar",
        ],
    ) || any(words, &["llameme", "llamenme"])
    {
        Topic::CallMe
    } else {
        Topic::General
    }
}
