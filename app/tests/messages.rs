//! Emails and text messages.

use app::{
    emails::{self, Email, Sender},
    texts,
    words::Lang,
};
use domain::{
    book::Language,
    clock::UnixMs,
    money::Cents,
    template::{Book, Filling, Form, Kind, Slot, Variable},
};
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

fn all_texts(lang: Lang) -> Vec<String> {
    vec![
        texts::refund(lang, ALIAS, Cents(18_00), "CB-7K2M"),
        texts::new_link(lang, ALIAS, LINK),
        texts::started(lang, ALIAS),
        texts::not_recognized(lang),
        texts::contact_changed(lang, ALIAS, PHONE),
        texts::check_label(lang).to_owned(),
    ]
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
    let language = match lang {
        Lang::En => Language::English,
        Lang::Es => Language::Spanish,
    };
    let filling = |kind| {
        Filling::sample(Slot::new(kind, Form::Email, language), true)
            .with(Variable::PracticeAlias, &said(ALIAS))
            .with(Variable::PracticePhone, PHONE)
    };
    let templated = |kind: Kind, filling: Filling| {
        let slot = Slot::new(kind, Form::Email, language);
        let (filled, _) = Book::standard().write(slot, &filling, |_| true).expect("default words");
        emails::Templated {
            lang,
            sender: from(),
            subject: filled.subject.unwrap_or_default(),
            paragraphs: filled.paragraphs,
            paid: None,
            check: None,
            unsubscribe: None,
        }
    };
    let final_notice = filling(Kind::FinalNotice)
        .with(Variable::FirstName, &said("Maria"))
        .with(Variable::Amount, "$82.00")
        .with(Variable::PayLink, LINK);
    vec![
        Box::new(emails::Templated {
            check: Some(emails::Check {
                code: "K7M2-P9QR".to_owned(),
                address: "https://pay.elm.example/check-message".to_owned(),
            }),
            unsubscribe: Some("https://pay.elm.example/unsubscribe/t".to_owned()),
            ..templated(Kind::FinalNotice, final_notice)
        }),
        Box::new(emails::Templated {
            paid: Some(emails::Paid {
                amount: Cents(82_00),
                at: UnixMs(1_775_999_040_000),
                zone: TimeZone::get("America/New_York").expect("the zones are compiled in"),
                brand: said("Visa"),
                last_four: "4242".to_owned(),
                reference: said("CB-7K2M"),
                remaining: Some(Cents(0)),
            }),
            ..templated(Kind::PaymentConfirmation, filling(Kind::PaymentConfirmation))
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
        Box::new(templated(Kind::Code, filling(Kind::Code))),
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
fn a_reminder_shows_its_link_as_a_picture_and_ends_with_the_code_that_proves_it() {
    for lang in Lang::ALL {
        let reminder = all_emails(lang, "").remove(0);
        let (text, html) = (reminder.text(), reminder.html());
        let picture = html.find("src=\"cid:link\"").expect("a picture");
        assert!(html[picture..].contains("alt=\""), "{html}");
        let words = text.split("-- \n").next().unwrap().trim_end().lines().last().unwrap();
        assert!(words.contains("K7M2-P9QR") && words.contains("/check-message"), "{words}");
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
