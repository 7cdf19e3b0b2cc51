use super::*;
use crate::{
    book::Language,
    id::PracticeId,
    practice::{Practice, Settings},
    sms,
};

mod lint_tests;

pub(super) fn practice() -> Practice {
    Practice {
        id: PracticeId::trusted("prc_1"),
        slug: "elm".into(),
        name: "Elm Street Office".into(),
        settings: Settings {
            phone: "(212) 555-0123".into(),
            public_base: "https://pay.elm.example".into(),
            ..Settings::default()
        },
        version: 1,
        live_at: None,
        outreach_held_at: None,
        outreach_held_why: None,
    }
}

fn read(body: &str) -> Template {
    Template::parse(Form::Text, "", body).unwrap()
}

#[test]
fn every_code_of_a_kind_a_form_or_a_slot_leads_back_to_it() {
    for kind in Kind::ALL {
        assert_eq!(Kind::parse(kind.as_str()), Some(*kind));
        assert!(!kind.forms().is_empty());
    }
    for form in Form::ALL {
        assert_eq!(Form::parse(form.as_str()), Some(*form));
    }
    for slot in Slot::all() {
        assert_eq!(Slot::parse(&slot.code()), Some(slot));
    }
    assert_eq!((Kind::parse("reminder"), Form::parse("sms")), (None, None));
    assert_eq!(Slot::parse("help.letter.en"), None, "nobody gets HELP by post");
}

#[test]
fn the_first_choice_that_can_be_said_is_said() {
    let template =
        read("Hi: [You owe {amount}.|You have a bill.] [Before {due_date}.] Pay {pay_link}");
    let link = Filling::new().with(Variable::PayLink, "https://x/p/1");
    let said = |filling: &Filling| template.fill(filling).unwrap().as_text();
    assert_eq!(said(&link), "Hi: You have a bill. Pay https://x/p/1");
    let known = link.with(Variable::Amount, "$5.00").with(Variable::DueDate, "May 3");
    assert_eq!(said(&known), "Hi: You owe $5.00. Before May 3. Pay https://x/p/1");
}

#[test]
fn a_hole_is_an_error_and_never_an_empty_place() {
    let template = read("Pay {amount} at {pay_link}");
    let filling = Filling::new().with(Variable::PayLink, "https://x/p/1");
    assert_eq!(template.fill(&filling), Err(Missing(Variable::Amount)));
    assert_eq!(
        template.fill(&filling.with(Variable::Amount, " \n")),
        Err(Missing(Variable::Amount))
    );
}

#[test]
fn a_value_is_one_line_of_words_whatever_somebody_is_called() {
    let template = Template::parse(Form::Email, "For {first_name}", "{first_name}\n\n{pay_link}");
    let filling = Filling::new()
        .with(Variable::FirstName, "Ann\r\nBcc: all@example.org {pay_link} [x|y]")
        .with(Variable::PayLink, "https://x/p/1");
    let filled = template.unwrap().fill(&filling).unwrap();
    let words = "Ann Bcc: all@example.org {pay_link} [x|y]";
    assert_eq!(filled.subject.as_deref(), Some(format!("For {words}").as_str()));
    assert_eq!(
        filled.paragraphs,
        [Paragraph::Words(words.into()), Paragraph::Link("https://x/p/1".into())]
    );
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    use lint::{Part, Problem};
    let first = |body: &str| {
        let faults = Template::parse(Form::Text, "", body).unwrap_err();
        (faults[0].part, faults[0].problem.clone())
    };
    let second = Some(Part::Paragraph(1));
    for (body, part, problem) in [
        ("", None, Problem::Empty),
        ("a\n\nb {diagnosis}", second, Problem::UnknownVariable { name: "diagnosis".into() }),
        ("a\n\nb {pay_link", second, Problem::UnbalancedBrace),
        ("a\n\nb }", second, Problem::UnbalancedBrace),
        ("a\n\nb [x", second, Problem::UnbalancedBracket),
        ("a\n\nb x]", second, Problem::UnbalancedBracket),
        ("a\n\nb [x [y] z]", second, Problem::UnbalancedBracket),
    ] {
        assert_eq!(first(body), (part, problem), "{body}");
    }
    assert!(Template::parse(Form::Text, "", &"x".repeat(LONGEST_BODY + 1)).is_err());
    assert!(Template::parse(Form::Email, " ", "words").is_err(), "an email needs a subject");
}

#[test]
fn a_practice_s_own_words_are_used_while_they_can_be() {
    let slot = Slot::new(Kind::ReminderGentle, Form::Text, Language::English);
    let own = |body: &str| {
        let source = Source { subject: String::new(), body: body.into() };
        Book::of([(slot, 3, source)])
    };
    let filling = Filling::sample(slot, false);
    let write = |book: &Book| book.write(slot, &filling, |_| true).unwrap();
    let (filled, trace) = write(&own("{practice_alias}: Please pay {pay_link}"));
    assert!(filled.as_text().starts_with("Your practice: Please pay https"));
    assert_eq!(trace.to_string(), "reminder_gentle.text.en v3");
    assert_eq!(Trace::parse(&trace.to_string()), Some(trace));
    for unusable in ["{amount} is due: {pay_link}", "{no_longer_known}"] {
        let (filled, trace) = write(&own(unusable));
        assert!(filled.as_text().contains("You have a bill to pay."));
        assert!(matches!(trace.version, Version::Default { .. }));
        assert_eq!(Trace::parse(&trace.to_string()), Some(trace));
    }
    let (_, trace) = own("{practice_alias}: {pay_link}").write(slot, &filling, |_| false).unwrap();
    assert!(matches!(trace.version, Version::Default { .. }), "too long for this message");
}

#[test]
fn there_are_words_for_every_slot_with_and_without_what_may_be_missing() {
    for slot in Slot::all() {
        for sometimes in [true, false] {
            let filling = Filling::sample(slot, sometimes);
            let written = Book::default().write(slot, &filling, |_| true);
            assert!(written.is_some(), "{} {sometimes}", slot.code());
        }
    }
}

#[test]
fn no_default_is_refused_or_warned_about_for_names_of_recommended_length() {
    let mut practice = practice();
    practice.settings.custom_name = Some("Lakeside and Hillside Office 1".into());
    assert_eq!(practice.alias().chars().count(), crate::practice::NAME_RECOMMENDED);
    for slot in Slot::all() {
        let source = default_source(slot).unwrap();
        let report = lint::lint(slot, source, &practice);
        let worse: Vec<_> = report
            .findings
            .iter()
            .filter(|finding| finding.severity() != lint::Severity::Note)
            .collect();
        assert!(worse.is_empty(), "{}: {worse:#?}", slot.code());
    }
}

#[test]
fn the_answers_to_stop_and_help_fit_one_part_with_a_name_of_recommended_length() {
    let mut practice = practice();
    practice.settings.custom_name = Some("n".repeat(crate::practice::NAME_RECOMMENDED));
    for kind in [Kind::OptOutConfirmation, Kind::Help] {
        for language in Language::ALL {
            let slot = Slot::new(kind, Form::Text, *language);
            let filling = Filling::of_practice(&practice);
            let (filled, _) = Book::standard().write(slot, &filling, |_| true).unwrap();
            assert_eq!(sms::size(&filled.as_text()).segments, 1, "{}", filled.as_text());
        }
    }
}

#[test]
fn default_texts_need_no_letter_that_doubles_their_price() {
    for slot in Slot::all().filter(|slot| slot.form == Form::Text) {
        let source = default_source(slot).unwrap();
        let size = sms::size(&source.body);
        assert_eq!(size.encoding, sms::Encoding::Gsm7, "{}", slot.code());
    }
}

#[test]
fn the_defaults_read_as_agreed() {
    let mut all = String::new();
    for slot in Slot::all() {
        for sometimes in [false, true] {
            let filling = Filling::sample(slot, sometimes);
            let (filled, _) = Book::default().write(slot, &filling, |_| true).unwrap();
            let words = match slot.form {
                Form::Text => {
                    let text = filled.as_text();
                    format!("{text}\n({} parts)", sms::size(&text).segments)
                }
                Form::Voice => filled.as_speech().join("\n"),
                Form::Email | Form::Letter => {
                    let subject = filled.subject.map(|subject| format!("Subject: {subject}\n"));
                    let all: Vec<_> = filled.paragraphs.iter().map(Paragraph::text).collect();
                    format!("{}{}", subject.unwrap_or_default(), all.join("\n"))
                }
            };
            let which = if sometimes { "everything known" } else { "the least known" };
            all.push_str(&format!("## {}, {which}\n{words}\n\n", slot.code()));
        }
    }
    insta::assert_snapshot!("defaults", all);
}
