//! The engine's words, written by `app`: English or Spanish, text or email.

use app::{
    calls,
    emails::{self, Email, Sender},
    letters, texts,
    words::Lang,
};
use domain::{book::Language, practice::Practice};
use engine::{AccountMail, Letter, Mail, OnPaper, Script, StaffMail, Stage, What, Wording};

use crate::pages::receipt::brand_name;

pub struct AppWording;

pub fn lang_of(language: Language) -> Lang {
    match language {
        Language::English => Lang::En,
        Language::Spanish => Lang::Es,
    }
}

pub fn language_of(lang: Lang) -> Language {
    match lang {
        Lang::En => Language::English,
        Lang::Es => Language::Spanish,
    }
}

fn stage_of(stage: Stage) -> emails::Stage {
    match stage {
        Stage::First => emails::Stage::First,
        Stage::Again => emails::Stage::Again,
        Stage::Final => emails::Stage::Final,
    }
}

/// The practice's address in one line; empty when unknown.
pub fn address(practice: &Practice) -> String {
    let settings = &practice.settings;
    let state = format!("{} {}", settings.state, settings.zip);
    let parts = [settings.street.as_str(), settings.city.as_str(), state.trim()];
    let filled: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    filled.join(", ")
}

/// Who writes, at the foot of every email.
pub fn sender(practice: &Practice) -> Sender {
    let settings = &practice.settings;
    Sender {
        alias: practice.alias().to_owned(),
        phone: settings.phone.clone(),
        address: address(practice),
        accent: settings.accent.clone(),
    }
}

/// Where anybody may ask whether a message is the practice's.
pub fn check_address(public_base: &str) -> String {
    format!("{public_base}/check-message")
}

fn mail(email: &impl Email) -> Mail {
    Mail { subject: email.subject(), text: email.text(), html: email.html() }
}

impl Wording for AppWording {
    fn text(&self, letter: &Letter<'_>) -> Option<String> {
        let lang = lang_of(letter.language);
        let alias = letter.practice.alias();
        let phone = &letter.practice.settings.phone;
        Some(match &letter.what {
            What::Reminder { stage, amount, pay_link, thanks_for_part, check_code, .. } => {
                texts::Reminder {
                    lang,
                    alias: alias.to_owned(),
                    phone: phone.clone(),
                    link: (*pay_link).to_owned(),
                    amount: *amount,
                    stage: stage_of(*stage),
                    thanks_for_part: *thanks_for_part,
                    check_code: (*check_code).to_owned(),
                    wording: None,
                }
                .body()
            }
            What::FailedAutopay { pay_link } => texts::failed_autopay(lang, alias, pay_link, phone),
            What::NewLink { pay_link } => texts::new_link(lang, alias, pay_link),
            What::Receipt { amount, reference, remaining, .. } => texts::Receipt {
                lang,
                alias: alias.to_owned(),
                amount: *amount,
                reference: (*reference).to_owned(),
                remaining: *remaining,
            }
            .body(),
            What::Refund { amount, reference, .. } => {
                texts::refund(lang, alias, *amount, reference)
            }
            What::Code { code } => texts::code(lang, alias, code),
            What::Account(AccountMail::ContactChanged) => {
                texts::contact_changed(lang, alias, phone)
            }
            What::Account(_) | What::Staff(_) => return None,
        })
    }

    fn email(&self, letter: &Letter<'_>) -> Option<Mail> {
        let lang = lang_of(letter.language);
        let sender = sender(letter.practice);
        Some(match &letter.what {
            What::Reminder {
                stage,
                amount,
                first_name,
                pay_link,
                thanks_for_part,
                check_code,
                unsubscribe_url,
            } => mail(&emails::Reminder {
                lang,
                sender,
                first_name: first_name.map(str::to_owned),
                amount: *amount,
                link: (*pay_link).to_owned(),
                stage: stage_of(*stage),
                thanks_for_part: *thanks_for_part,
                wording: None,
                check_code: (*check_code).to_owned(),
                check_at: check_address(&letter.practice.settings.public_base),
                unsubscribe: unsubscribe_url.unwrap_or_default().to_owned(),
            }),
            What::NewLink { pay_link } | What::FailedAutopay { pay_link } => {
                mail(&emails::NewLink { lang, sender, link: (*pay_link).to_owned() })
            }
            What::Receipt { amount, received_at, reference, brand, last4, remaining } => {
                mail(&emails::Receipt {
                    lang,
                    sender,
                    amount: *amount,
                    at: *received_at,
                    zone: letter.practice.zone(),
                    brand: brand_name(*brand),
                    last_four: last4.unwrap_or_default().to_owned(),
                    reference: (*reference).to_owned(),
                    remaining: *remaining,
                })
            }
            What::Refund { amount, at, reference, brand, last4, remaining } => {
                mail(&emails::Refund {
                    lang,
                    sender,
                    amount: *amount,
                    at: *at,
                    zone: letter.practice.zone(),
                    brand: brand.unwrap_or_default().to_owned(),
                    last_four: last4.unwrap_or_default().to_owned(),
                    reference: (*reference).to_owned(),
                    remaining: *remaining,
                })
            }
            What::Code { code } => mail(&emails::Code { lang, sender, code: (*code).to_owned() }),
            What::Account(about) => account(lang, sender, about),
            What::Staff(about) => staff(sender, about),
        })
    }

    fn call(&self, letter: &Letter<'_>) -> Option<Script> {
        let What::Reminder { amount, .. } = &letter.what else { return None };
        let words = calls::Reminder {
            lang: lang_of(letter.language),
            alias: letter.practice.alias().to_owned(),
            phone: letter.practice.settings.phone.clone(),
            amount: *amount,
        };
        Some(Script {
            answered: words.answered(),
            balance: words.balance(),
            machine: words.machine(),
        })
    }

    fn paper(&self, letter: &Letter<'_>) -> Option<String> {
        let What::Reminder { amount, pay_link, check_code, on_paper: Some(paper), .. } =
            &letter.what
        else {
            return None;
        };
        let settings = &letter.practice.settings;
        let notice = letters::Notice {
            lang: lang_of(letter.language),
            alias: letter.practice.alias().to_owned(),
            phone: settings.phone.clone(),
            from: letters::Address {
                lines: address_lines(
                    &settings.street,
                    &settings.city,
                    &settings.state,
                    &settings.zip,
                ),
            },
            to: window(paper),
            written_on: paper.written_on,
            amount: *amount,
            pay_link: (*pay_link).to_owned(),
            check_at: format!("{}/check-message", settings.public_base),
            check_code: (*check_code).to_owned(),
        };
        Some(notice.text())
    }

    fn page(&self, language: Language, paper: &str) -> Vec<u8> {
        letters::page(lang_of(language), paper)
    }
}

/// The guarantor's name and address, as they stand in the window of an envelope.
fn window(paper: &OnPaper<'_>) -> letters::Address {
    let part = |text: &Option<String>| text.clone().unwrap_or_default();
    let zip = paper.address.zip.as_ref().map(|zip| zip.as_str().to_owned()).unwrap_or_default();
    let (street, city) = (part(&paper.address.street), part(&paper.address.city));
    let mut lines = vec![paper.name.to_owned()];
    lines.extend(address_lines(&street, &city, &part(&paper.address.state), &zip));
    letters::Address { lines }
}

fn address_lines(street: &str, city: &str, state: &str, zip: &str) -> Vec<String> {
    let place = [city, state].into_iter().filter(|part| !part.is_empty());
    let place = place.collect::<Vec<_>>().join(", ");
    let last = [place.as_str(), zip].into_iter().filter(|part| !part.is_empty());
    let last = last.collect::<Vec<_>>().join(" ");
    [street.to_owned(), last].into_iter().filter(|line| !line.is_empty()).collect()
}

fn account(lang: Lang, sender: Sender, about: &AccountMail) -> Mail {
    match about.clone() {
        AccountMail::Welcome { link } => mail(&emails::Welcome { lang, sender, link }),
        AccountMail::AccountExists { sign_in, reset } => {
            mail(&emails::AccountExists { lang, sender, sign_in, reset })
        }
        AccountMail::ConfirmEmail { link } => mail(&emails::ConfirmEmail { lang, sender, link }),
        AccountMail::PasswordReset { link } => mail(&emails::PasswordReset { lang, sender, link }),
        AccountMail::PasswordChanged => mail(&emails::PasswordChanged { lang, sender }),
        AccountMail::ContactChanged => mail(&emails::ContactChanged { lang, sender }),
    }
}

fn staff(sender: Sender, about: &StaffMail) -> Mail {
    match about.clone() {
        StaffMail::ApprovalPending { count, link } => {
            mail(&emails::ApprovalPending { sender, count, link })
        }
        StaffMail::Attention { what, link } => mail(&emails::Attention { sender, what, link }),
        StaffMail::Invitation { invited_by, link } => {
            mail(&emails::StaffInvitation { sender, invited_by, link })
        }
    }
}
