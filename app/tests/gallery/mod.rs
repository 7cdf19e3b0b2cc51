//! Every patient page once, filled with given words, so that tests can look at all of them.

pub mod workspace;

use app::{
    components::Errors,
    pages::*,
    refusal::{Decline, Refusal},
    words::Lang,
};
use domain::{
    clock::{MINUTE_MS, UnixMs},
    money::Cents,
};
use jiff::{civil::date, tz::TimeZone};

pub fn now() -> UnixMs {
    UnixMs(1_775_999_040_000)
}

pub fn zone() -> TimeZone {
    TimeZone::get("America/New_York").expect("the zones are compiled in")
}

/// Around every page; `words` stand where a practice may write what it likes.
pub fn shell(lang: Lang, words: &str) -> PatientShell {
    PatientShell {
        lang,
        practice: PracticeFace {
            alias: format!("Elm Street Clinic{words}"),
            phone: "(212) 555-0123".to_owned(),
            hours: format!("Monday to Friday 8 to 5{words}"),
            accent: "#0b6157".to_owned(),
        },
        csrf: "csrf-token".to_owned(),
        path: "/pay".to_owned(),
        is_signed_in: false,
    }
}

pub fn make_payment(words: &str) -> MakePayment {
    MakePayment {
        link: format!("sealed-link{words}"),
        attempt: "att_1".to_owned(),
        due: Cents(82_00),
        as_of: now(),
        zone: zone(),
        told: None,
        people: 3,
        recent: None,
        least: Cents(10_00),
        most: Cents(82_00),
        typed: TypedPayment::default(),
        refusals: Vec::new(),
        declined: None,
        has_lapsed: false,
        card: Some(CardFrame {
            publishable_key: "pk_test_1".to_owned(),
            script: "https://js.stripe.com/v3/".to_owned(),
            account: None,
        }),
        statement_href: "/create-account".to_owned(),
        not_me_href: Some("/not-me".to_owned()),
    }
}

pub fn refused_payment(words: &str) -> MakePayment {
    MakePayment {
        told: Some(ToldAmount { amount: Cents(100_00), why: WhyChanged::PaymentReceived }),
        recent: Some((Cents(18_00), now().minus_ms(6 * MINUTE_MS))),
        typed: TypedPayment {
            is_other: true,
            amount: format!("900{words}"),
            email: format!("me@example.org{words}"),
        },
        refusals: vec![
            Refusal::AmountOutOfRange { least: Cents(10_00), most: Cents(82_00) },
            Refusal::EmailMalformed,
        ],
        declined: Some((Decline::InsufficientFunds, 2)),
        has_lapsed: true,
        ..make_payment(words)
    }
}

pub fn bill(words: &str) -> BillDetails {
    let visit = |claim: &str, is_marked| VisitLine {
        claim: claim.to_owned(),
        on: date(2026, 3, 3),
        place: Some(format!("Elm Street Clinic, 2nd floor{words}")),
        services: vec![format!("Office visit{words}"), format!("Blood test{words}")],
        charged: Cents(240_00),
        insurance_paid: Cents(120_00),
        adjusted: Cents(58_00),
        you_paid: Cents(0),
        you_owe: Cents(62_00),
        is_marked,
    };
    BillDetails {
        account: String::new(),
        due: Cents(82_00),
        as_of: now(),
        zone: zone(),
        patients: vec![
            PatientLines {
                name: Some(format!("Maria Lopez{words}")),
                visits: vec![visit("clm_1", true), visit("clm_2", false)],
                unseen_owed: Cents(0),
            },
            PatientLines { name: None, visits: Vec::new(), unseen_owed: Cents(20_00) },
        ],
        unposted: vec![(now(), Cents(10_00))],
        credits: Cents(5_00),
        in_collections: Cents(45_00),
        waiting: vec![WaitingVisit {
            on: date(2026, 4, 1),
            name: Some(format!("Maria Lopez{words}")),
            charged: Cents(95_00),
        }],
        can_pay_online: true,
        refusals: vec![Refusal::NoVisitChosen],
        checking: Some("att_1".to_owned()),
        other_accounts: vec![(format!("Oak Clinic{words}"), "/account?of=2".to_owned())],
    }
}

pub fn receipt(words: &str) -> Receipt {
    Receipt {
        amount: Cents(82_00),
        at: now(),
        zone: zone(),
        brand: format!("Visa{words}"),
        last_four: "4242".to_owned(),
        reference: format!("CB-7K2M{words}"),
        remaining: Cents(18_00),
        refunded: Cents(5_00),
        sent_to: vec![format!("m•••@example.org{words}")],
        offers_account: true,
        pay_href: Some("/pay".to_owned()),
    }
}

/// Every patient page with `words` in each place that takes some.
pub fn all(lang: Lang, words: &str) -> Vec<(&'static str, String)> {
    let out = shell(lang, words);
    let within = PatientShell { is_signed_in: true, ..out.clone() };
    let said = |text: &str| format!("{text}{words}");
    let form = || vec![Refusal::EmailMalformed, Refusal::FormExpired];
    let mut pages = payment_pages(&out, words);
    pages.extend([
        ("link_gone", LinkGone.html(&out)),
        (
            "new_link",
            NewLink { typed: said("x"), refusals: vec![Refusal::ContactMalformed], is_sent: false }
                .html(&out),
        ),
        ("new_link_sent", NewLink { is_sent: true, ..NewLink::default() }.html(&out)),
        ("not_me", NotMe::Ask { link: said("sealed") }.html(&out)),
        ("not_me_done", NotMe::Done.html(&out)),
        (
            "message_check",
            MessageCheck {
                typed: said("https://x/p/1"),
                refusals: vec![Refusal::MessageCodeMissing],
                verdict: Some(MessageVerdict::Ours(date(2026, 4, 2))),
                senders: vec![said("(212) 555-0100")],
            }
            .html(&out),
        ),
        (
            "message_not_ours",
            MessageCheck { verdict: Some(MessageVerdict::NotOurs), ..MessageCheck::default() }
                .html(&out),
        ),
        ("front", Front { address: said("1 Elm St"), senders: vec![said("s")] }.html(&out)),
        ("no_practice", NoPractice.html(&out)),
        (
            "create_account",
            CreateAccount {
                typed: TypedAccount {
                    email: said("a@b.c"),
                    dob_month: said("4"),
                    dob_day: said("1"),
                    dob_year: said("1971"),
                },
                refusals: vec![
                    Refusal::PasswordTooShort { least: 8 },
                    Refusal::BirthIncomplete,
                    Refusal::Ssn4Malformed,
                    Refusal::IdentityUnconfirmed,
                ],
                pay_href: Some("/pay".to_owned()),
            }
            .html(&out),
        ),
        (
            "add_account",
            AddAccount {
                typed: TypedAccount { dob_month: said("4"), ..TypedAccount::default() },
                refusals: vec![Refusal::BirthIncomplete, Refusal::IdentityUnconfirmed],
            }
            .html(&within),
        ),
        ("check_your_email", CheckYourEmail { email: said("a@b.c") }.html(&out)),
        (
            "sign_in",
            SignIn {
                email: said("a@b.c"),
                refusals: vec![Refusal::SignInFailed],
                why: WhySignIn::Idle,
                return_to: said("/account/receipts"),
                offers_account: true,
                pay_href: Some("/pay".to_owned()),
            }
            .html(&out),
        ),
        ("code_entry", code_entry(&out, words)),
        ("forgot", Forgot { email: said("a@b.c"), refusals: form(), is_sent: false }.html(&out)),
        ("forgot_sent", Forgot { is_sent: true, ..Forgot::default() }.html(&out)),
        (
            "reset",
            Reset::Ask { token: "t".to_owned(), refusals: vec![Refusal::PasswordsDiffer] }
                .html(&out),
        ),
        ("reset_gone", Reset::Gone.html(&out)),
        ("confirm_email", ConfirmEmail::Ask { token: "t".to_owned() }.html(&out)),
        ("confirm_email_done", ConfirmEmail::Done.html(&out)),
        ("confirm_email_gone", ConfirmEmail::Gone.html(&out)),
        (
            "office_code",
            OfficeCode { email: said("a@b.c"), refusals: vec![Refusal::OfficeCodeWrong] }
                .html(&out),
        ),
        ("unsubscribe", ask_unsubscribe(words).html(&out)),
        ("unsubscribe_done", Unsubscribe::Done { contact: said("m•••@x.org") }.html(&out)),
        ("unsubscribe_gone", Unsubscribe::Gone.html(&out)),
        ("not_found", NotFound {}.html(&out)),
        ("problem", Problem { kind: ProblemKind::Broken, reference: Some(said("R1")) }.html(&out)),
    ]);
    pages.extend(account_pages(&within, words));
    pages
}

fn payment_pages(shell: &PatientShell, words: &str) -> Vec<(&'static str, String)> {
    let running = PayStopped::AlreadyInProgress {
        link: format!("sealed{words}"),
        attempt: "att_1".to_owned(),
    };
    let elsewhere = MakePayment { card: None, ..make_payment(words) };
    vec![
        ("make_payment", make_payment(words).html(shell)),
        ("make_payment_refused", refused_payment(words).html(shell)),
        ("make_payment_on_stripe", elsewhere.html(shell)),
        ("already_in_progress", running.html(shell)),
        ("nothing_due", PayStopped::NothingDue.html(shell)),
        ("not_online", PayStopped::NotOnline.html(shell)),
        (
            "checking",
            Checking { attempt: "att_1".to_owned(), told_at: Some(format!("m•••{words}")) }
                .html(shell),
        ),
        ("receipt", receipt(words).html(shell)),
    ]
}

fn account_receipt(words: &str) -> AccountReceipt {
    let said = |text: &str| format!("{text}{words}");
    AccountReceipt {
        practice: vec![said("Elm Street Clinic, P.C."), said("1 Elm Street, New York, NY 10001")],
        payer: said("Maria Lopez"),
        account: said("G-1001"),
        amount: Cents(82_00),
        at: now(),
        zone: zone(),
        brand: said("Visa"),
        last_four: "4242".to_owned(),
        reference: said("CB-7K2M"),
        refunded: Cents(5_00),
        remaining: Cents(18_00),
        visits: vec![
            PaidVisit {
                visit: Some((date(2026, 1, 20), said("Leo Lopez"), Some(said("Main Street")))),
                amount: Cents(60_00),
            },
            PaidVisit { visit: None, amount: Cents(17_00) },
        ],
    }
}

fn account_pages(shell: &PatientShell, words: &str) -> Vec<(&'static str, String)> {
    let said = |text: &str| format!("{text}{words}");
    vec![
        ("bill_details", bill(words).html(shell)),
        (
            "bill_empty",
            BillDetails { due: Cents(0), patients: Vec::new(), ..bill(words) }.html(shell),
        ),
        ("bill_not_online", BillDetails { can_pay_online: false, ..bill(words) }.html(shell)),
        (
            "receipts",
            Receipts {
                zone: zone(),
                lines: vec![ReceiptLine {
                    payment: "pay_1".to_owned(),
                    at: now(),
                    amount: Cents(82_00),
                    refunded: Cents(5_00),
                    card: said("Visa 4242"),
                    reference: said("CB-7K2M"),
                }],
            }
            .html(shell),
        ),
        ("account_receipt", account_receipt(words).html(shell)),
        (
            "account_receipt_unmatched",
            AccountReceipt { visits: Vec::new(), ..account_receipt(words) }.html(shell),
        ),
        ("receipts_empty", Receipts { zone: zone(), lines: Vec::new() }.html(shell)),
        (
            "preferences",
            Preferences {
                contacts: vec![
                    ContactChoice {
                        id: "con_1".to_owned(),
                        label: said("(•••) •••-0123"),
                        is_phone: true,
                        is_on: false,
                        receipts_on: true,
                        start_number: Some(said("(212) 555-0100")),
                    },
                    ContactChoice {
                        id: "con_2".to_owned(),
                        label: said("m•••@example.org"),
                        is_phone: false,
                        is_on: true,
                        receipts_on: false,
                        start_number: None,
                    },
                ],
                timing: TimingChoice {
                    when: "monthly".to_owned(),
                    payday: "15".to_owned(),
                    quiet_from: "8".to_owned(),
                    quiet_until: "12".to_owned(),
                    ..TimingChoice::default()
                },
                nothing: false,
                lang: Lang::Es,
                is_saved: true,
                errors: Errors::new(),
            }
            .html(shell),
        ),
        (
            "question",
            Question {
                typed: said("Why?</textarea>"),
                claims: vec![("clm_1".to_owned(), said("Mar 3"))],
                chosen: String::new(),
                is_disputed: true,
                refusals: vec![Refusal::QuestionMissing],
                is_sent: false,
            }
            .html(shell),
        ),
        ("question_sent", Question { is_sent: true, ..Question::default() }.html(shell)),
    ]
}

fn code_entry(shell: &PatientShell, words: &str) -> String {
    CodeEntry {
        contacts: vec![
            MaskedContact {
                id: "con_1".to_owned(), label: format!("(•••) •••-0123{words}")
            },
            MaskedContact { id: "con_2".to_owned(), label: format!("m•••@x.org{words}") },
        ],
        chosen: "con_1".to_owned(),
        sent_to: Some(format!("(•••) •••-0123{words}")),
        refusals: vec![Refusal::CodeWrong],
    }
    .html(shell)
}

fn ask_unsubscribe(words: &str) -> Unsubscribe {
    Unsubscribe::Ask { token: "t".to_owned(), contact: format!("m•••@x.org{words}") }
}
