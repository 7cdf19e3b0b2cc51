use proptest::prelude::*;

use super::*;
use crate::sms::size;

const EXACT: Inbound = Inbound::Stop { exact: true };
const FREE: Inbound = Inbound::Stop { exact: false };

fn all(expected: Inbound, texts: &[&str]) {
    for text in texts {
        assert_eq!(classify(text), expected, "{text}");
    }
}

#[test]
fn every_prescribed_word_stops_by_itself() {
    all(
        EXACT,
        &[
            "STOP",
            "QUIT",
            "END",
            "REVOKE",
            "OPT OUT",
            "OPTOUT",
            "OPT-OUT",
            "CANCEL",
            "UNSUBSCRIBE",
            "STOPALL",
            "STOP ALL",
            "REMOVE",
            "ARRET",
            "TD",
            "ALTO",
            "PARAR",
            "NO MAS",
            "BASTA",
        ],
    );
}

#[test]
fn case_punctuation_emoji_and_accents_make_no_difference() {
    all(
        EXACT,
        &[
            "stop",
            " Stop. ",
            "STOP!!!",
            "\"stop\"",
            "Stop 🛑",
            "🛑 stop 🛑",
            "s\u{200b}top",
            "no más",
            "No más!",
            "¡Basta!",
            "Arrêt",
            "ＳＴＯＰ",
            "opt—out",
            "Opt\nout",
            "Stop\u{fe0f}",
            "*stop*",
            "no ma\u{301}s",
        ],
    );
}

#[test]
fn a_slip_of_the_thumb_still_stops() {
    all(
        FREE,
        &[
            "stpo",
            "sotp",
            "stp",
            "stopp",
            "dtop",
            "stoo",
            "unsubscibe",
            "unsuscribe",
            "cancle",
            "opt oit",
            "stop al",
            "stip",
            "quitt",
            "revok",
            "atop",
        ],
    );
}

#[test]
fn people_stop_in_words_of_their_own() {
    all(
        FREE,
        &[
            "please stop texting me",
            "STOP PLEASE",
            "Please stop",
            "stop it now",
            "stop sending me these messages!!",
            "quit bothering us",
            "Don't text me again",
            "Do not contact this number",
            "do not ever text me",
            "dont send me any more texts",
            "never message me again",
            "I don't want these texts",
            "I do not wish to receive any more reminders",
            "I no longer want to be contacted",
            "No more messages please",
            "take me off your list",
            "Remove me from this list",
            "please remove my number",
            "delete my number from your system",
            "unsubscribe me please",
            "How do I opt out of this?",
            "opt me out",
            "I revoke my consent",
            "leave me alone",
            "not interested",
            "cease and desist",
            "you wont stop texting me",
            "Why won't you stop texting me",
            "cancel all texts",
            "Stop. I already told you",
            "Stop\n\nSent from my phone",
            "QUIT\n\nSent from my iPhone",
            "end\nSent from my Galaxy",
            "Cancel\n\nGet Outlook for Android",
            "I already paid. STOP",
            "hi, stop, thanks",
            "STOP NOW OR I WILL REPORT YOU",
            "I said stop",
            "make it STOP",
        ],
    );
}

#[test]
fn spanish_speakers_stop_in_words_of_their_own() {
    all(
        FREE,
        &[
            "no me mande mas mensajes",
            "No me manden más mensajes por favor",
            "ya no me escriban",
            "no me envíen textos",
            "dejen de mandarme mensajes",
            "Deje de escribirme",
            "no quiero más mensajes",
            "no deseo recibir mensajes de ustedes",
            "no más mensajes",
            "quítenme de la lista",
            "quiero darme de baja",
            "basta por favor",
            "paren por favor",
            "no me molesten",
            "borren mi número",
            "no me contacte",
            "Hola, no más",
            "quiero cancelar los mensajes",
            "cancelen sus recordatorios",
            "Baja\n\nEnviado desde mi iPhone",
        ],
    );
}

#[test]
fn innocent_texts_do_not_stop_anything() {
    for text in [
        "I stopped by your office yesterday",
        "I can't stop by today",
        "can I stop by to pay?",
        "I'll stop at the front desk and text you",
        "cancel my appointment on Friday please",
        "when does the promotion end",
        "I did not get a text message",
        "at the end of the month I can pay",
        "I don't want to miss any text messages",
        "please do not send this to collections",
        "don't send me to collections",
        "don't call me, just text me",
        "I put a stop payment on the check",
        "don't stop sending reminders",
        "did not opt out",
        "yes I paid",
        "Yes please",
        "ok",
        "👍",
        "",
        "   ",
        "I'm not sure",
        "this is not my bill",
        "This is not correct",
        "Stop charging my card",
        "stop in and pay tomorrow?",
        "the office is at the bus stop",
        "Cancel. I mean my appointment",
        "pagar",
        "Quiero pagar",
        "no me llegó el mensaje",
        "no me mandaron el recibo",
        "el próximo mes pago",
        "my phone died, sorry",
        "quiero cancelar mi cita",
        "no me cancelen los recordatorios",
        "Cancel my appointment\n\nSent from my iPhone",
        "my visit end\nsent from the lake",
        "I have power of attorney for my mother and will pay",
        "can you remove the late fee",
        "quite",
        "who is this?",
        "I need help paying this",
        "start a payment plan",
        "We do not text while driving lol",
        "I gave you the wrong number for my insurance",
    ] {
        let meaning = classify(text);
        assert!(matches!(meaning, Inbound::Other(_)), "{text}: {meaning:?}");
        assert_eq!(meaning.suppression(), None);
        assert!(meaning.needs_a_person());
    }
}

#[test]
fn only_the_bare_words_bring_somebody_back() {
    all(Inbound::Start, &["START", "start!", "Unstop", "UNSTOP", "yes", "Yes.", "YES 👍"]);
    for text in [
        "yes please",
        "start texting me again",
        "si",
        "sure",
        "resume",
        "strat",
        "START\n\nSent from my iPhone",
    ] {
        assert_ne!(classify(text), Inbound::Start, "{text}");
    }
}

#[test]
fn help_is_help_only_when_it_stands_alone() {
    all(Inbound::Help, &["HELP", "help?", "Info", "AYUDA", "¿Ayuda?"]);
    all(Inbound::ReceiptsOnly, &["RECEIPTS", "receipt", "Recibos"]);
    assert!(matches!(classify("help me with my bill"), Inbound::Other(_)));
}

#[test]
fn a_stranger_is_left_alone_everywhere() {
    all(
        Inbound::WrongNumber,
        &[
            "wrong number",
            "Wrong number!!",
            "you have the wrong number",
            "you have the wrong person, stop texting",
            "this isn't me",
            "Not me",
            "not his number anymore",
            "no one by that name here",
            "I don't know this person",
            "número equivocado",
            "No soy esa persona",
            "se equivocó de número",
        ],
    );
    assert_eq!(Inbound::WrongNumber.suppression(), Some(SuppressionReason::WrongNumber));
}

#[test]
fn what_the_law_protects_stops_and_places_a_hold() {
    all(
        Inbound::Deceased,
        &[
            "She passed away in March",
            "my husband died last year",
            "he died last month\n\nSent from my phone",
            "He is deceased",
            "mi mamá falleció",
        ],
    );
    all(Inbound::Bankruptcy, &["I filed for bankruptcy", "chapter 13, talk to the court"]);
    all(Inbound::Attorney, &["talk to my lawyer", "contact my attorney", "hable con mi abogado"]);
    for (meaning, hold) in [
        (Inbound::Deceased, HoldKind::Deceased),
        (Inbound::Bankruptcy, HoldKind::Bankruptcy),
        (Inbound::Attorney, HoldKind::Attorney),
    ] {
        assert_eq!(meaning.hold(), Some(hold));
        assert!(meaning.suppression().is_some() && meaning.needs_a_person());
    }
}

#[test]
fn the_rest_is_sorted_for_staff() {
    for (text, topic) in [
        ("I already paid this", Topic::AlreadyPaid),
        ("ya pagué", Topic::AlreadyPaid),
        ("I don't owe this much, it's a mistake", Topic::Dispute),
        ("did you bill my insurance?", Topic::Insurance),
        ("can I get a payment plan", Topic::Hardship),
        ("No puedo pagar", Topic::Hardship),
        ("is this a scam?", Topic::IsItReal),
        ("please call me", Topic::CallMe),
        ("CALL", Topic::CallMe),
        ("Mail", Topic::MailMe),
        ("send it by mail please", Topic::MailMe),
        ("thanks", Topic::General),
    ] {
        assert_eq!(classify(text), Inbound::Other(topic), "{text}");
    }
}

#[test]
fn verify_asks_for_proof_and_other_words_with_it_do_not() {
    all(
        Inbound::Verify,
        &["VERIFY", "verify!", "Verificar", "VERIFY ABCD-2345", "verify abcd2345"],
    );
    assert_eq!(code_to_verify("Verify abcd-2345"), Some("ABCD2345".to_owned()));
    assert_eq!(code_to_verify("VERIFY"), None);
    for text in ["verify my insurance", "please verify", "verify AB12"] {
        assert_ne!(classify(text), Inbound::Verify, "{text}");
    }
}

#[test]
fn every_meaning_has_a_code_that_leads_back_to_it() {
    for (inbound, code) in CODES {
        assert_eq!(inbound.code(), code);
        assert_eq!(Inbound::parse(code), Some(inbound));
    }
    assert!(Inbound::choices().all(|choice| choice.needs_a_person()));
    assert_eq!(Inbound::choices().count(), 13);
}

#[test]
fn what_is_understood_pauses_and_only_the_law_stops_for_good() {
    for (inbound, hold) in [
        (Inbound::Other(Topic::AlreadyPaid), Some(HoldKind::Pause)),
        (Inbound::Other(Topic::Dispute), Some(HoldKind::Pause)),
        (Inbound::Other(Topic::Insurance), Some(HoldKind::InsuranceReview)),
        (Inbound::Other(Topic::Hardship), Some(HoldKind::FinancialAssistance)),
        (Inbound::Other(Topic::CallMe), None),
        (Inbound::Other(Topic::MailMe), None),
        (Inbound::Other(Topic::IsItReal), None),
        (Inbound::Other(Topic::General), None),
    ] {
        assert_eq!(inbound.hold(), hold, "{inbound:?}");
        assert_eq!(inbound.suppression(), None, "{inbound:?}");
        assert!(hold.is_none_or(|kind| !kind.is_legal()), "paying stays possible: {inbound:?}");
    }
}

#[test]
fn the_carrier_answers_its_own_words_and_we_answer_the_rest() {
    assert_eq!(carrier_answers(" stop ", false), Some(CarrierWord::Stop));
    assert_eq!(carrier_answers("Yes", false), Some(CarrierWord::Start));
    assert_eq!(carrier_answers("INFO", false), Some(CarrierWord::Help));
    for ours in ["STOP PLEASE", "opt out", "ALTO", "no mas", "basta", "remove", "stpo", "Stop."] {
        assert_eq!(carrier_answers(ours, false), None, "{ours}");
        assert!(classify(ours).suppression().is_some(), "{ours}");
    }
    assert_eq!(carrier_answers("STOP", true), Some(CarrierWord::Stop));
    assert_eq!(carrier_answers("UNSTOP", true), Some(CarrierWord::Start));
    assert_eq!(carrier_answers("START", true), None);
    assert_eq!(carrier_answers("CANCEL", true), None);
}

#[test]
fn the_fixed_reply_has_the_guides_words_in_one_segment() {
    let guide = "Sorry, we don\u{2019}t recognize this response. Please reach out to your health \
                 services provider with any questions.";
    assert_eq!(sms::normalise(guide), FIXED_REPLY);
    assert_eq!(FIXED_REPLY.chars().count(), 110);
    assert_eq!(size(FIXED_REPLY).segments, 1);
    assert_eq!(size(&fixed_reply(Language::Spanish)).segments, 1);
}

#[test]
fn every_short_answer_fits_one_segment_with_a_recommended_name() {
    let name = "Lakeside Family Medicine Group"; // thirty letters
    for language in [Language::English, Language::Spanish] {
        for text in [
            opt_in_confirmation(name, language),
            proof(&Proof::NotSent, name, "(212) 555-0123", "", language),
            proof(
                &Proof::Sent { on: jiff::civil::date(2026, 12, 23), code: Some("ABCD2345".into()) },
                name,
                "(212) 555-0123",
                "https://pay.lakeside.example/check-message",
                language,
            ),
        ]
        .into_iter()
        .chain(
            Inbound::choices()
                .filter_map(|inbound| acknowledgement(inbound, name, "(212) 555-0123", language)),
        ) {
            assert_eq!(size(&text).segments, 1, "{text} {:?}", size(&text));
            assert!(text.starts_with(name));
        }
        assert_eq!(size(stop_line(language)).segments, 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_a_phone_can_send_breaks_us(text in "\\PC{0,300}") {
        let _ = classify(&text);
    }

    #[test]
    fn decoration_never_hides_a_stop(
        word in prop::sample::select(phrases::STOP_WORDS),
        before in "[ .!*🙏😡\u{fe0f}]{0,4}",
        after in "[ .!?*🙏😡\n]{0,4}",
    ) {
        prop_assert_eq!(classify(&format!("{before}{}{after}", word.to_uppercase())), EXACT);
    }

    #[test]
    fn one_slip_in_unsubscribe_still_stops(at in 0usize..11, letter in "[a-z]") {
        let mut typed = "unsubscribe".to_owned();
        typed.replace_range(at..=at, &letter);
        prop_assert!(classify(&typed).suppression().is_some());
    }
}
