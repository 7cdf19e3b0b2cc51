//! The words and turns of phrase behind `classify`, English and Spanish.
//!
//! A text is folded to plain lower-case words first, so the lists need no accents and no case. Every
//! list that stops errs on the side of stopping; its known innocent look-alikes are excluded by name.

/// A message that is exactly one of these stops everything (M16, D-33), with the carrier's list.
pub(super) const STOP_WORDS: &[&str] = &[
    "stop",
    "quit",
    "end",
    "revoke",
    "opt out",
    "optout",
    "cancel",
    "unsubscribe",
    "stopall",
    "stop all",
    "remove",
    "arret",
    "td",
    "alto",
    "parar",
    "pare",
    "no mas",
    "nomas",
    "basta",
    "cancelar",
    "baja",
    "detener",
];

/// Words whose slips of one letter still mean stop, when they are the whole message.
const MISTYPED: &[&str] = &[
    "stop",
    "quit",
    "cancel",
    "unsubscribe",
    "stopall",
    "stop all",
    "revoke",
    "opt out",
    "optout",
    "cancelar",
];

/// One letter away from a stop word and meaning something else.
const NOT_MISTYPED: &[&str] = &["quite", "quiet", "shop", "step", "suit", "canceled", "stoop"];

/// Words that add nothing to "stop": with nothing else around, it is still just stop.
const FILLER: &[&str] = &[
    "please",
    "pls",
    "plz",
    "now",
    "it",
    "this",
    "that",
    "these",
    "those",
    "all",
    "the",
    "me",
    "my",
    "to",
    "text",
    "texts",
    "texting",
    "message",
    "messages",
    "messaging",
    "msg",
    "msgs",
    "sms",
    "thanks",
    "thank",
    "you",
    "u",
    "ok",
    "okay",
    "already",
    "immediately",
    "asap",
    "today",
    "forever",
    "anymore",
    "any",
    "more",
    "everything",
    "from",
    "and",
    "hi",
    "hello",
    "sir",
    "just",
    "reminders",
    "sending",
    "notifications",
    "alerts",
    "subscription",
    "number",
    "phone",
    "cell",
    "bill",
    "billing",
    "por",
    "favor",
    "ya",
    "gracias",
    "los",
    "mensajes",
    "de",
    "textos",
    "sus",
    "estos",
    "esto",
    "ahora",
    "mis",
    "hola",
    "suscripcion",
];

/// The words of a text: lower case, without accents, apostrophes, punctuation and emoji.
pub(super) fn fold(text: &str) -> Vec<String> {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars().flat_map(char::to_lowercase) {
        match letter {
            'a'..='z' | '0'..='9' => plain.push(letter),
            'á' | 'à' | 'ä' | 'â' | 'ã' => plain.push('a'),
            'é' | 'è' | 'ë' | 'ê' => plain.push('e'),
            'í' | 'ì' | 'ï' | 'î' => plain.push('i'),
            'ó' | 'ò' | 'ö' | 'ô' | 'õ' => plain.push('o'),
            'ú' | 'ù' | 'ü' | 'û' => plain.push('u'),
            'ñ' => plain.push('n'),
            'ç' => plain.push('c'),
            // Full-width letters of some keyboards.
            'ａ'..='ｚ' | '０'..='９' => {
                plain.extend(char::from_u32(letter as u32 - 0xfee0));
            }
            // "don't" is one word however its apostrophe is typed; so is a letter with a loose accent.
            '\''
            | '\u{2018}'
            | '\u{2019}'
            | '\u{02bc}'
            | '`'
            | '\u{00b4}'
            | '\u{0300}'..='\u{036f}'
            | '\u{200b}'..='\u{200d}'
            | '\u{fe0e}'
            | '\u{fe0f}'
            | '\u{2060}'
            | '\u{feff}'
            | '\u{00ad}' => {}
            _ => plain.push(' '),
        }
    }
    plain.split_whitespace().map(str::to_owned).collect()
}

/// Only so much of a last line is looked at.
const LONGEST_SIGNATURE: usize = 60;

/// A text without the last line that phones write below it by themselves.
pub(super) fn without_signature(body: &str) -> &str {
    const SIGNATURES: &[&str] =
        &["sent from my", "sent via", "get outlook for", "enviado desde mi", "enviado de mi"];
    let body = body.trim_end();
    let Some(at) = body.rfind('\n') else { return body };
    let last = fold(&body[at..].chars().take(LONGEST_SIGNATURE).collect::<String>()).join(" ");
    if SIGNATURES.iter().any(|signature| last.starts_with(signature)) { &body[..at] } else { body }
}

pub(super) fn any(words: &[&str], list: &[&str]) -> bool {
    words.iter().any(|word| list.contains(word))
}

/// Whether the phrase occurs, word for word.
pub(super) fn has(words: &[&str], phrase: &str) -> bool {
    let phrase: Vec<&str> = phrase.split(' ').collect();
    words.windows(phrase.len()).any(|window| window == phrase)
}

pub(super) fn has_any(words: &[&str], phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| has(words, phrase))
}

pub(super) fn begins(word: &str, stems: &[&str]) -> bool {
    stems.iter().any(|stem| word.starts_with(stem))
}

/// The `reach` words after position `at`.
fn after<'w, 'a>(words: &'w [&'a str], at: usize, reach: usize) -> &'w [&'a str] {
    let from = (at + 1).min(words.len());
    &words[from..(from + reach).min(words.len())]
}

const NOT: &[&str] = &["dont", "not", "didnt", "never", "cannot", "cant", "havent", "no"];

/// Somebody wants the texts to end, in words of their own.
pub(super) fn says_stop(words: &[&str]) -> bool {
    says_only_stop(words)
        || begins_or_ends_with_stop(words)
        || stops_an_activity(words)
        || forbids_an_activity(words)
        || declines_texts(words)
        || leaves_a_list(words)
        || says_stop_in_spanish(words)
}

/// "please stop", "cancel all texts".
fn says_only_stop(words: &[&str]) -> bool {
    const BARE: &[&str] = &[
        "stop",
        "quit",
        "end",
        "cancel",
        "unsubscribe",
        "stopall",
        "revoke",
        "optout",
        "remove",
        "pare",
        "paren",
        "parar",
        "alto",
        "basta",
        "cancelar",
        "cancele",
    ];
    any(words, BARE) && words.iter().all(|word| BARE.contains(word) || FILLER.contains(word))
}

/// One sentence of several, or a signature below: "Stop. I told you", "I paid. STOP". Only words that
/// mean nothing else: "Cancel" could be about an appointment in the next sentence.
pub(super) fn is_a_sentence_of_stop(sentence: &str) -> bool {
    const BARE: &[&str] = &["stop", "stopall", "unsubscribe", "optout", "alto", "basta", "paren"];
    let words = fold(sentence);
    ["opt out", "no mas"].contains(&words.join(" ").as_str())
        || words.iter().any(|word| BARE.contains(&word.as_str()))
            && words.iter().all(|w| BARE.contains(&w.as_str()) || FILLER.contains(&w.as_str()))
}

/// "STOP NOW OR I WILL REPORT YOU", "I said stop": the word at either end, unless it is about a visit
/// or about charging a card.
fn begins_or_ends_with_stop(words: &[&str]) -> bool {
    let about_money = words.iter().any(|word| {
        begins(word, &["charg", "autopay", "automatic", "payment", "card", "withdraw", "debit"])
    });
    let begins_so = words.first() == Some(&"stop")
        && !matches!(words.get(1), Some(&("by" | "in" | "at" | "over" | "off" | "into" | "sign")));
    let ends_so = words.last() == Some(&"stop")
        && !matches!(
            words.iter().nth_back(1),
            Some(&("bus" | "a" | "the" | "full" | "next" | "dont" | "not" | "cant" | "cannot"))
        );
    !about_money && (begins_so || ends_so)
}

/// "stop sending me these", "quit bothering us", "cease and desist".
fn stops_an_activity(words: &[&str]) -> bool {
    const VERBS: &[&str] = &["stop", "quit", "cease", "discontinue", "halt"];
    const ACTIVITIES: &[&str] = &[
        "text",
        "texts",
        "texting",
        "txt",
        "txts",
        "txting",
        "message",
        "messages",
        "messaging",
        "msg",
        "msgs",
        "sms",
        "contacting",
        "contact",
        "calling",
        "calls",
        "sending",
        "send",
        "bothering",
        "harassing",
        "harass",
        "spamming",
        "spam",
        "pestering",
        "reminders",
        "reminding",
        "notifications",
        "alerts",
        "emailing",
        "emails",
        "communication",
        "communications",
        "blowing",
    ];
    words.iter().enumerate().any(|(at, word)| {
        let refused = at > 0 && ["dont", "not", "cant", "cannot", "didnt"].contains(&words[at - 1]);
        let visits = matches!(words.get(at + 1), Some(&("by" | "in" | "at" | "over" | "payment")));
        VERBS.contains(word) && !refused && !visits && any(after(words, at, 4), ACTIVITIES)
    }) || has(words, "cease and desist")
}

/// "don't text me", "do not ever contact this number again".
fn forbids_an_activity(words: &[&str]) -> bool {
    const VERBS: &[&str] = &[
        "text",
        "texting",
        "txt",
        "message",
        "messaging",
        "msg",
        "contact",
        "contacting",
        "send",
        "sending",
        "bother",
        "bothering",
        "email",
        "sms",
        "call",
        "calling",
        "harass",
        "write",
    ];
    let asks_for_texts = has_any(
        words,
        &["text me instead", "just text", "text instead", "only text", "please text me"],
    );
    let speaks_of_collections = any(words, &["collections", "collection", "agency", "collector"]);
    words.iter().enumerate().any(|(at, word)| {
        let not = match *word {
            "dont" | "never" => true,
            "not" => at > 0 && ["do", "please", "should", "must", "could"].contains(&words[at - 1]),
            _ => false,
        };
        // "I don't text", "they do not send": about oneself or others, unless it has an object.
        let about_others = at > 0 && ["they", "we", "she", "he"].contains(&words[at - 1])
            || at > 1 && ["they", "we", "she", "he"].contains(&words[at - 2]);
        let next: Vec<&str> = after(words, at, 3)
            .iter()
            .copied()
            .skip_while(|w| ["ever", "please", "keep", "you", "be"].contains(w))
            .collect();
        let Some(verb) = next.first() else { return false };
        let object = after(words, at, 6);
        not && !about_others
            && VERBS.contains(verb)
            && !(speaks_of_collections && verb.starts_with("send"))
            && !(asks_for_texts && (verb.starts_with("call") || verb.starts_with("email")))
            && any(
                object,
                &[
                    "me",
                    "us",
                    "this",
                    "my",
                    "here",
                    "again",
                    "anymore",
                    "texts",
                    "text",
                    "messages",
                    "message",
                    "more",
                    "anything",
                    "him",
                    "her",
                    "sms",
                    "texting",
                    "messaging",
                ],
            )
    })
}

/// "I don't want any more texts", "no more messages", "not interested", "I do not consent".
fn declines_texts(words: &[&str]) -> bool {
    const NOUNS: &[&str] = &[
        "text",
        "texts",
        "message",
        "messages",
        "msgs",
        "sms",
        "reminders",
        "reminder",
        "contacted",
        "texted",
        "messaged",
        "notifications",
        "alerts",
        "texting",
    ];
    let unwilling = words.iter().enumerate().any(|(at, word)| {
        ["want", "wish", "like", "need", "wanna"].contains(word)
            && at > 0
            && (["dont", "not", "never", "longer"].contains(&words[at - 1]))
            && any(after(words, at, 7), NOUNS)
            && !any(after(words, at, 7), &["miss", "lose", "stop"])
    });
    let no_more = words.iter().enumerate().any(|(at, word)| {
        *word == "no" && words.get(at + 1) == Some(&"more") && any(after(words, at, 4), NOUNS)
    });
    let opts_out = words.windows(2).enumerate().any(|(at, pair)| {
        let out = pair == ["opt", "out"]
            || pair == ["opting", "out"]
            || pair == ["opt", "me"] && words.get(at + 2) == Some(&"out");
        out && !(at > 0 && NOT.contains(&words[at - 1]))
    });
    unwilling
        || no_more
        || opts_out
        || has_any(
            words,
            &[
                "not interested",
                "go away",
                "leave me alone",
                "leave us alone",
                "fuck off",
                "f off",
                "piss off",
                "get lost",
                "lose my number",
                "lose this number",
                "do not consent",
                "dont consent",
                "no consent",
                "withdraw consent",
                "revoke consent",
                "take me off",
                "revoke my consent",
                "withdraw my consent",
                "unwanted texts",
                "unwanted messages",
                "i revoke",
                "never consented",
                "did not consent",
                "didnt consent",
            ],
        )
}

/// "take me off your list", "remove my number", "unsubscribe me".
fn leaves_a_list(words: &[&str]) -> bool {
    words.iter().enumerate().any(|(at, word)| {
        let refused = at > 0 && NOT.contains(&words[at - 1]);
        let next = after(words, at, 4);
        match *word {
            "unsubscribe" | "unsubscribed" => !refused,
            "remove" | "delete" | "erase" => {
                !refused
                    && (next.first() == Some(&"me")
                        || any(next, &["number", "phone", "cell", "contact"])
                            && any(next, &["my", "this"]))
            }
            "take" | "get" => {
                !refused
                    && any(next, &["me", "my", "us", "this"])
                    && next.contains(&"off")
                    && any(
                        after(words, at, 8),
                        &["list", "lists", "texts", "messages", "texting", "this"],
                    )
            }
            _ => false,
        }
    })
}

fn says_stop_in_spanish(words: &[&str]) -> bool {
    const VERBS: &[&str] =
        &["mand", "envi", "escrib", "contact", "llame", "molest", "texte", "text"];
    let forbids = words.iter().enumerate().any(|(at, word)| {
        // "no me mande mas", "ya no me escriban": the asking forms end in e, en, es or a, an, as.
        let asks = |w: &str| {
            begins(w, VERBS)
                && ["e", "en", "es", "a", "an", "as"].iter().any(|end| w.ends_with(end))
                && !w.ends_with("aba")
        };
        *word == "no"
            && (words.get(at + 1) == Some(&"me") && words.get(at + 2).is_some_and(|w| asks(w))
                || words.get(at + 1) == Some(&"nos") && words.get(at + 2).is_some_and(|w| asks(w)))
    });
    let ceases = words.windows(3).any(|three| {
        begins(three[0], &["deje", "deja", "dejen", "dejar", "dejad", "pare", "paren"])
            && three[1] == "de"
            && begins(three[2], VERBS)
    });
    let unwilling = words.windows(2).enumerate().any(|(at, two)| {
        two[0] == "no"
            && ["quiero", "deseo", "necesito", "queremos"].contains(&two[1])
            && any(
                after(words, at, 6),
                &["mensajes", "mensaje", "textos", "texto", "recordatorios", "sms"],
            )
            && !any(after(words, at, 6), &["perder", "perderme"])
    });
    let cancels = words.iter().enumerate().any(|(at, word)| {
        begins(word, &["cancel"])
            && !words[at.saturating_sub(2)..at].contains(&"no")
            && any(
                after(words, at, 3),
                &["mensajes", "mensaje", "textos", "sms", "recordatorios", "suscripcion"],
            )
    });
    let no_more = words.windows(3).any(|three| {
        three[..2] == ["no", "mas"]
            && ["mensajes", "mensaje", "textos", "sms", "recordatorios", "por", "gracias"]
                .contains(&three[2])
    });
    let leaves = words.iter().any(|word| {
        [
            "quiteme",
            "quitenme",
            "quitame",
            "saqueme",
            "saquenme",
            "sacame",
            "borreme",
            "borrenme",
            "eliminenme",
            "elimineme",
            "borrame",
        ]
        .contains(word)
    });
    forbids
        || ceases
        || unwilling
        || cancels
        || no_more
        || leaves
        || has_any(
            words,
            &[
                "darme de baja",
                "deme de baja",
                "denme de baja",
                "dar de baja",
                "dejenme en paz",
                "dejeme en paz",
                "dejame en paz",
                "borre mi numero",
                "borren mi numero",
                "elimine mi numero",
                "eliminen mi numero",
                "quite mi numero",
                "quiten mi numero",
                "no autorizo",
                "no molestar",
                "no estoy interesado",
                "no estoy interesada",
                "no me interesa",
            ],
        )
}

/// One letter wrong, missing, doubled or swapped in a stop word that is the whole message.
pub(super) fn is_mistyped_stop(message: &str) -> bool {
    !NOT_MISTYPED.contains(&message)
        && MISTYPED.iter().any(|word| is_one_slip_away(message.as_bytes(), word.as_bytes()))
}

fn is_one_slip_away(typed: &[u8], meant: &[u8]) -> bool {
    let same_head = typed.iter().zip(meant).take_while(|(a, b)| a == b).count();
    let (typed, meant) = (&typed[same_head..], &meant[same_head..]);
    match (typed, meant) {
        ([], []) => true,
        ([_, t @ ..], [_, m @ ..]) if t == m => true,
        ([_, t @ ..], m) if t == m => true,
        (t, [_, m @ ..]) if t == m => true,
        ([a, b, t @ ..], [c, d, m @ ..]) => a == d && b == c && t == m,
        _ => false,
    }
}
