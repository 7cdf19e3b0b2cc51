//! The linter, one row a finding.

use super::practice;
use crate::{
    book::Language,
    template::{
        Form, Kind, Slot, Source, Variable,
        lint::{Part, Problem, Report, Severity, lint},
    },
};

const TEXT: &str = "{practice_alias}: You have a bill to pay. Questions? {practice_phone}. See and \
                    pay: {pay_link}\n\nReply STOP to stop texts.";

fn judged(form: Form, subject: &str, body: &str) -> Report {
    let slot = Slot::new(Kind::ReminderGentle, form, Language::English);
    lint(slot, &Source { subject: subject.into(), body: body.into() }, &practice())
}

fn text(body: &str) -> Report {
    judged(Form::Text, "", body)
}

fn problems(report: &Report) -> Vec<Problem> {
    let telling = report.findings.iter().filter(|f| f.severity() != Severity::Note);
    telling.map(|finding| finding.problem.clone()).collect()
}

#[test]
fn a_plain_reminder_is_fine_and_its_price_is_told() {
    let report = text(TEXT);
    assert_eq!(problems(&report), []);
    let Problem::Segments { size, cost_micros } = &report.findings[0].problem else {
        panic!("{report:?}")
    };
    assert_eq!((size.segments, *cost_micros), (1, 12_000));
    assert!(report.reading.unwrap().grade <= 8.0);
}

#[test]
fn each_fault_of_a_text_is_found_and_only_it() {
    let word = |word: &str| word.to_owned();
    let with = |words: &str| TEXT.replace("You have a bill to pay.", words);
    for (body, problem) in [
        (with("You owe {ssn}."), Problem::UnknownVariable { name: word("ssn") }),
        (with("Hello {first_name}."), Problem::NotHere { variable: Variable::FirstName }),
        (with("Card {card_last_four}."), Problem::NotHere { variable: Variable::CardLastFour }),
        (with("You owe {amount}."), Problem::MayBeMissing { variable: Variable::Amount }),
        (with("For your surgery."), Problem::Health { word: word("surgery") }),
        (with("For your visit."), Problem::MaybeHealth { word: word("visit") }),
        (with("Dr. Lee sends a bill."), Problem::Provider { word: word("Dr") }),
        (with("A bill from 3/14."), Problem::TypedDay { day: word("3/14") }),
        (with("You owe $82.00 now."), Problem::TypedAmount { amount: word("$82.00") }),
        (with("See bit.ly/x."), Problem::TypedLink { link: word("bit.ly/x.") }),
        (with("Pay or go to court."), Problem::Threat { word: word("court") }),
        (with("Pay now, get a discount."), Problem::Promotion { word: word("discount") }),
        (with("Pay now and save 20%."), Problem::Promotion { word: word("20%.") }),
        (TEXT.replace("{practice_alias}: ", ""), Problem::NoIdentity),
        (format!("Hello. {TEXT}"), Problem::IdentityNotFirst),
        (TEXT.replace(" {pay_link}", " us."), Problem::NoLink),
        (TEXT.replace("{pay_link}", "{pay_link} Thank you."), Problem::LinkNotLast),
        (TEXT.replace("\n\nReply STOP to stop texts.", ""), Problem::NoOptOut),
        (TEXT.replace("Reply STOP to stop texts", ""), Problem::NoOptOut),
        (format!("{TEXT} Thank you."), Problem::OptOutNotLast),
        (TEXT.replace(" {practice_phone}.", " Ask."), Problem::NoPhone),
    ] {
        let report = text(&body);
        assert_eq!(problems(&report), [problem], "{body}");
    }
}

#[test]
fn a_link_that_slips_into_the_second_part_is_refused() {
    let long = "It is still open and we would like to help you with it. ".repeat(2);
    let body = TEXT.replace("You have a bill to pay. ", &long);
    assert!(problems(&text(&body)).contains(&Problem::LinkNotInFirstSegment));
    let first =
        body.replace("See and pay: {pay_link}", "Thank you.").replace(": ", ": {pay_link} ");
    assert!(!problems(&text(&first)).contains(&Problem::LinkNotInFirstSegment), "{first}");
}

#[test]
fn a_text_of_many_parts_is_warned_about_and_one_no_carrier_takes_is_refused() {
    let body = TEXT.replace("Reply", &format!("{} Reply", "We can help. ".repeat(25)));
    let report = text(&body);
    assert!(problems(&report).contains(&Problem::ManySegments { segments: 4 }), "{report:?}");
    let body = TEXT.replace("Reply", &format!("{} Reply", "We can help. ".repeat(125)));
    assert!(problems(&text(&body)).contains(&Problem::TooLongForCarriers));
}

#[test]
fn typographic_signs_are_replaced_and_accents_go_where_they_would_cost() {
    let report = text(&TEXT.replace("You have", "You\u{2019}ve got"));
    assert_eq!(problems(&report), []);
    let replaced = Problem::Replaced { letter: '\u{2019}', instead: "'".into() };
    assert!(report.findings.iter().any(|f| f.problem == replaced), "{report:?}");

    let slot = Slot::new(Kind::ReminderGentle, Form::Text, Language::Spanish);
    let body = "{practice_alias}: Su factura está lista. Dudas: {practice_phone}. Vea y pague: \
                {pay_link}\n\nResponda STOP para parar.";
    let report = lint(slot, &Source { subject: String::new(), body: body.into() }, &practice());
    let dropped = Problem::AccentDropped { letter: 'á', instead: "a".into() };
    assert_eq!(problems(&report), [dropped]);
}

#[test]
fn a_smiley_triples_the_price_and_pushes_the_link_out_of_the_first_part() {
    let all = problems(&text(&TEXT.replace("to pay", "😀")));
    assert!(all.contains(&Problem::Costly { letter: '😀' }), "{all:?}");
    assert!(all.contains(&Problem::ManySegments { segments: 3 }), "{all:?}");
    assert!(all.contains(&Problem::LinkNotInFirstSegment), "{all:?}");
}

#[test]
fn lawyers_language_is_refused_with_its_longest_sentence() {
    let hard = "Hello.\n\nNotwithstanding previous correspondence regarding outstanding \
                obligations, remittance of the aforementioned remaining balance is respectfully \
                requested.\n\n{pay_link}";
    let report = judged(Form::Email, "Your bill from {practice_alias}", hard);
    assert!(report.refuses());
    let found = report.findings.iter().find(|f| matches!(f.problem, Problem::HardToRead { .. }));
    let found = found.unwrap();
    assert_eq!(found.part, Some(Part::Paragraph(1)));
    assert!(found.excerpt.starts_with("Notwithstanding"), "{found:?}");
}

#[test]
fn a_subject_tells_who_writes_and_nothing_else() {
    let report = judged(Form::Email, "{amount} for your therapy", "Please pay.\n\n{pay_link}");
    let all = problems(&report);
    assert!(all.contains(&Problem::NotHere { variable: Variable::Amount }), "{all:?}");
    assert!(all.contains(&Problem::Health { word: "therapy".into() }), "{all:?}");
    assert!(report.findings.iter().all(|f| f.part == Some(Part::Subject)), "{report:?}");
}

#[test]
fn a_link_is_not_read_out_and_a_code_must_stand_in_its_message() {
    let report = judged(Form::Voice, "", "This is {practice_alias}, {practice_phone}. {pay_link}");
    assert_eq!(problems(&report), [Problem::NotHere { variable: Variable::PayLink }]);
    let slot = Slot::new(Kind::Code, Form::Text, Language::English);
    let source = Source { subject: String::new(), body: "{practice_alias}: Hello.".into() };
    assert_eq!(problems(&lint(slot, &source, &practice())), [Problem::NoCode]);
}

#[test]
fn a_sensitive_practice_needs_a_neutral_name_and_others_are_warned() {
    let slot = Slot::new(Kind::ReminderGentle, Form::Text, Language::English);
    let source = Source { subject: String::new(), body: TEXT.into() };
    let judge = |name: &str, custom: Option<&str>, is_sensitive: bool| {
        let mut practice = practice();
        practice.name = name.into();
        practice.settings.custom_name = custom.map(str::to_owned);
        practice.settings.is_sensitive = is_sensitive;
        problems(&lint(slot, &source, &practice))
    };
    assert_eq!(judge("Elm Oncology", None, true), [Problem::NameNotNeutral]);
    assert_eq!(judge("Elm Oncology", Some("Elm Fertility"), true), [Problem::NameNotNeutral]);
    assert_eq!(judge("Elm Oncology", Some("Elm Billing"), true), []);
    assert_eq!(
        judge("Elm Oncology", None, false),
        [Problem::NameTells { word: "Oncology".into() }]
    );
    let long = "n".repeat(31);
    assert_eq!(judge("Elm", Some(&long), false), [Problem::NameLong { chars: 31 }]);
    let too_long = "n".repeat(51);
    let judged = judge("Elm", Some(&too_long), false);
    assert!(judged.contains(&Problem::NameTooLong { chars: 51 }), "{judged:?}");
}

#[test]
fn a_report_is_kept_as_it_was_said() {
    let report = text(&TEXT.replace("You have", "For your surgery you\u{2019}ve"));
    let kept = serde_json::to_string(&report.findings).unwrap();
    assert_eq!(serde_json::from_str::<Vec<super::lint::Finding>>(&kept).unwrap(), report.findings);
}
