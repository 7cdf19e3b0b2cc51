//! Emails and text messages.

use app::{
    emails::{self, Email, Sender},
    texts::{self, Stage},
    wording::Wording,
    words::Lang,
};
use domain::{clock::UnixMs, money::Cents};
use jiff::tz::TimeZone;

const ALIAS: &str = "Elm Street Clinic";
const PHONE: &str = "(212) 555-0123";
const LINK: &str = "https://pay.elm.example/p/AbCdEfGhIjKlMnOpQrStUv";

/// GSM 03.38, basic and extension.
const GSM7: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                    ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà^{}\\[~]|€";

fn sender(words: &str) -> Sender {
    Sender {
        alias: format!("{ALIAS}{words}"),
        phone: PHONE.to_owned(),
        address: format!("1 Elm Street, New York, NY 10001{words}"),
        accent: "#0b6157".to_owned(),
    }
}

fn reminder(lang: Lang, amount: Option<Cents>, stage: Stage) -> texts::Reminder {
    texts::Reminder {
        lang,
        alias: ALIAS.to_owned(),
        phone: PHONE.to_owned(),
        link: LINK.to_owned(),
        amount,
        stage,
        thanks_for_part: false,
        check_code: String::new(),
        wording: None,
    }
}

const CODE: &str = "K7QF2M9X";

fn all_texts(lang: Lang) -> Vec<String> {
    let mut all = Vec::new();
    for stage in [Stage::First, Stage::Again, Stage::Final] {
        for amount in [None, Some(Cents(82_00))] {
            all.push(reminder(lang, amount, stage).body());
        }
    }
    let thanks = texts::Reminder { thanks_for_part: true, ..reminder(lang, None, Stage::Again) };
    let receipt = texts::Receipt {
        lang,
        alias: ALIAS.to_owned(),
        amount: Cents(82_00),
        reference: "CB-7K2M".to_owned(),
        remaining: Some(Cents(18_00)),
    };
    let checked =
        texts::Reminder { check_code: CODE.to_owned(), ..reminder(lang, None, Stage::First) };
    all.extend([
        checked.body(),
        thanks.body(),
        receipt.body(),
        texts::refund(lang, ALIAS, Cents(18_00), "CB-7K2M"),
        texts::code(lang, ALIAS, "123456"),
        texts::new_link(lang, ALIAS, LINK),
        texts::failed_autopay(lang, ALIAS, LINK, PHONE),
        texts::stopped(lang, ALIAS),
        texts::started(lang, ALIAS),
        texts::help(lang, ALIAS, PHONE),
        texts::not_recognized(lang),
        texts::contact_changed(lang, ALIAS, PHONE),
    ]);
    all
}

#[test]
fn no_text_costs_double_because_of_an_accent() {
    for lang in Lang::ALL {
        for text in all_texts(lang) {
            for c in text.chars() {
                assert!(GSM7.contains(c), "{c} in {text}");
            }
        }
    }
}

#[test]
fn a_first_reminder_is_one_segment_and_its_link_is_whole() {
    for lang in Lang::ALL {
        for amount in [None, Some(Cents(82_00))] {
            let text = reminder(lang, amount, Stage::First).body();
            assert!(text.len() <= 160, "{} {text}", text.len());
            let end = text.find(LINK).unwrap() + LINK.len();
            assert!(end <= 153, "{text}");
        }
    }
}

#[test]
fn a_text_carries_its_check_code_where_two_segments_hold_it() {
    for lang in Lang::ALL {
        let with_code = |alias: &str| {
            let plain = reminder(lang, Some(Cents(82_00)), Stage::First);
            texts::Reminder { alias: alias.to_owned(), check_code: CODE.to_owned(), ..plain }.body()
        };
        let text = with_code(ALIAS);
        assert!(text.contains("K7QF-2M9X"), "{text}");
        assert!(domain::sms::size(&text).segments <= 2, "{text}");
        assert!(domain::sms::is_whole_in_first_segment(&text, LINK), "{text}");
        assert!(text.contains("STOP"), "{text}");
        // A name this long leaves no room in the first segment for a whole link and a code.
        let text = with_code(&"A very long name of a practice ".repeat(4));
        assert!(!text.contains("K7QF"), "{text}");
    }
}

#[test]
fn every_reminder_names_the_practice_first_and_says_how_to_stop() {
    for lang in Lang::ALL {
        for stage in [Stage::First, Stage::Again, Stage::Final] {
            let text = reminder(lang, None, stage).body();
            assert!(text.starts_with(&format!("{ALIAS}: ")), "{text}");
            assert!(text.contains("STOP") && text.contains(PHONE) && text.contains(LINK));
            assert!(!text.contains('$'), "{text}");
        }
    }
}

#[test]
fn a_practice_that_forgets_its_name_or_the_way_out_gets_both() {
    let wording = Wording::parse("Please pay here: {pay_link}", true).unwrap();
    let text = texts::Reminder {
        wording: Some(wording),
        ..reminder(Lang::En, Some(Cents(82_00)), Stage::First)
    }
    .body();
    assert_eq!(text, format!("{ALIAS}: Please pay here: {LINK} Reply STOP to stop texts."));
}

#[test]
fn the_fixed_reply_is_exactly_the_one_of_the_guide() {
    assert_eq!(
        texts::not_recognized(Lang::En),
        "Sorry, we don't recognize this response. Please reach out to your health services \
         provider with any questions."
    );
}

#[test]
fn texts_read_as_agreed() {
    let all: Vec<String> = Lang::ALL.into_iter().flat_map(all_texts).collect();
    insta::assert_snapshot!("texts", all.join("\n"));
}

fn all_emails(lang: Lang, words: &str) -> Vec<Box<dyn Email>> {
    let said = |text: &str| format!("{text}{words}");
    let from = || sender(words);
    let link = || LINK.to_owned();
    vec![
        Box::new(emails::Reminder {
            lang,
            sender: from(),
            first_name: Some(said("Maria")),
            amount: Some(Cents(82_00)),
            link: link(),
            stage: Stage::Final,
            thanks_for_part: true,
            wording: None,
            check_code: CODE.to_owned(),
            check_at: "https://pay.elm.example/check-message".to_owned(),
            unsubscribe: "https://pay.elm.example/unsubscribe/t".to_owned(),
        }),
        Box::new(emails::Receipt {
            lang,
            sender: from(),
            amount: Cents(82_00),
            at: UnixMs(1_775_999_040_000),
            zone: TimeZone::get("America/New_York").expect("the zones are compiled in"),
            brand: said("Visa"),
            last_four: "4242".to_owned(),
            reference: said("CB-7K2M"),
            remaining: Some(Cents(0)),
        }),
        Box::new(emails::Refund {
            lang,
            sender: from(),
            amount: Cents(18_00),
            at: UnixMs(1_775_999_040_000),
            zone: TimeZone::get("America/New_York").expect("the zones are compiled in"),
            brand: said("Visa"),
            last_four: "4242".to_owned(),
            reference: said("CB-7K2M"),
            remaining: Some(Cents(18_00)),
        }),
        Box::new(emails::Code { lang, sender: from(), code: "123456".to_owned() }),
        Box::new(emails::NewLink { lang, sender: from(), link: link() }),
        Box::new(emails::Welcome { lang, sender: from(), link: link() }),
        Box::new(emails::AccountExists { lang, sender: from(), sign_in: link(), reset: link() }),
        Box::new(emails::ConfirmEmail { lang, sender: from(), link: link() }),
        Box::new(emails::PasswordReset { lang, sender: from(), link: link() }),
        Box::new(emails::PasswordChanged { lang, sender: from() }),
        Box::new(emails::ContactChanged { lang, sender: from() }),
        Box::new(emails::ApprovalPending { sender: from(), count: 12, link: link() }),
        Box::new(emails::Attention {
            sender: from(),
            what: said("An import waits."),
            link: link(),
        }),
        Box::new(emails::StaffInvitation { sender: from(), invited_by: said("Ana"), link: link() }),
    ]
}

#[test]
fn no_subject_tells_an_amount_a_code_or_a_name() {
    for lang in Lang::ALL {
        for email in all_emails(lang, "") {
            let subject = email.subject();
            for hidden in ["$", "82", "123456", "Maria"] {
                assert!(!subject.contains(hidden), "{subject}");
            }
            assert!(subject.contains(ALIAS), "{subject}");
        }
    }
}

#[test]
fn both_parts_of_an_email_carry_the_same_link_and_who_writes() {
    for lang in Lang::ALL {
        for email in all_emails(lang, "") {
            let (text, html) = (email.text(), email.html());
            assert_eq!(text.contains(LINK), html.contains(LINK));
            for part in [&text, &html] {
                assert!(part.contains("1 Elm Street") && part.contains(PHONE), "{part}");
            }
        }
    }
}

#[test]
fn only_reminders_can_be_unsubscribed() {
    let mut emails = all_emails(Lang::En, "").into_iter();
    let reminder = emails.next().unwrap();
    assert!(reminder.text().contains("/unsubscribe/t"));
    assert!(reminder.html().contains("/unsubscribe/t"));
    assert!(emails.all(|email| email.unsubscribe().is_none()));
}

#[test]
fn what_stands_in_a_record_cannot_become_markup_in_an_email() {
    let payload = "\"><script>alert(1)</script>&";
    for (clean, dirty) in all_emails(Lang::En, "").iter().zip(all_emails(Lang::En, payload)) {
        let (clean, dirty) = (clean.html(), dirty.html());
        assert!(!dirty.contains("<script"), "{dirty}");
        assert_eq!(clean.matches('<').count(), dirty.matches('<').count());
    }
}

#[test]
fn emails_read_as_agreed() {
    let texts: Vec<String> = Lang::ALL
        .into_iter()
        .flat_map(|lang| all_emails(lang, ""))
        .map(|email| format!("# {}\n\n{}", email.subject(), email.text()))
        .collect();
    insta::assert_snapshot!("emails", texts.join("\n\n"));
    insta::assert_snapshot!("reminder_html", all_emails(Lang::En, "").remove(0).html());
}
