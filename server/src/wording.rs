//! The engine's words, written by `app`: English or Spanish, as a text, an email, a call or a page.

use app::{
    calls,
    emails::{self, Email, Sender},
    letters, texts, when,
    words::{Lang, Words},
};
use domain::{
    book::Language,
    decide::Channel,
    practice::Practice,
    sms,
    template::{Filled, Filling, Form, Kind, Slot, Trace, Variable, with_check_code},
};
use engine::{
    AccountMail, Letter, Mail, MailParts, OnPaper, Script, Spoken, StaffMail, Text, What, Wording,
};
use store::message::Rider;

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

fn mail(email: &impl Email) -> Mail {
    Mail {
        subject: email.subject(),
        text: email.text(),
        html: email.html(),
        picture_of: None,
        template: None,
    }
}

/// The kind of message a letter is and what it has to say, where a practice may write the words.
fn told(letter: &Letter<'_>) -> Option<(Kind, Filling)> {
    let ours = Filling::of_practice(letter.practice);
    let w = Words::new(lang_of(letter.language));
    Some(match &letter.what {
        What::Reminder {
            kind,
            amount,
            due_on,
            installment,
            card_last4,
            first_name,
            pay_link,
            check_code,
            ..
        } => {
            let amount = amount.map(|amount| amount.to_string());
            let due_on = due_on.map(|day| when::day(w, day));
            let part = installment.and_then(|next| next.amount).map(|part| part.to_string());
            let on = installment.map(|next| when::day(w, next.on));
            let filling = ours
                .with(Variable::PayLink, pay_link)
                .with(Variable::CheckCode, &texts::readable_code(check_code))
                .maybe(Variable::Amount, amount.as_deref())
                .maybe(Variable::DueDate, due_on.as_deref())
                .maybe(Variable::InstallmentAmount, part.as_deref())
                .maybe(Variable::InstallmentDate, on.as_deref())
                .maybe(Variable::CardLastFour, *card_last4)
                .maybe(Variable::FirstName, *first_name);
            (*kind, filling)
        }
        What::Receipt { amount, reference, last4, remaining, .. } => {
            let remaining = remaining.map(|rest| rest.to_string());
            let filling = ours
                .with(Variable::Amount, &amount.to_string())
                .with(Variable::Reference, reference)
                .maybe(Variable::CardLastFour, *last4)
                .maybe(Variable::Remaining, remaining.as_deref());
            (Kind::PaymentConfirmation, filling)
        }
        What::Code { code } => (Kind::Code, ours.with(Variable::Code, code)),
        What::NewLink { .. } | What::Refund { .. } | What::Account(_) | What::Staff(_) => {
            return None;
        }
    })
}

/// The words in force, filled. A kind that lacks what it must say, such as a day nobody gave, is
/// said as a plain reminder.
pub fn written(letter: &Letter<'_>, form: Form) -> Option<(Filled, Trace)> {
    let (kind, filling) = told(letter)?;
    // A call has no code that the practice's page would know.
    let filling = match form {
        Form::Voice => filling.without(Variable::CheckCode),
        Form::Text | Form::Email | Form::Letter => filling,
    };
    let link = filling.get(Variable::PayLink).unwrap_or_default().to_owned();
    let fits = |filled: &Filled| {
        let is_text = form == Form::Text;
        !is_text || link.is_empty() || sms::is_whole_in_first_segment(&filled.as_text(), &link)
    };
    let write = |kind| letter.book.write(Slot::new(kind, form, letter.language), &filling, fits);
    // A reminder of the balance is no notice of a charge, and no news of one that failed.
    let may_be_plain = match letter.what {
        What::Reminder { installment, card_last4, .. } => {
            kind != Kind::FailedAutopay && installment.is_none() && card_last4.is_none()
        }
        _ => false,
    };
    write(kind).or_else(|| write(Kind::ReminderPlain).filter(|_| may_be_plain))
}

impl Wording for AppWording {
    fn text(&self, letter: &Letter<'_>) -> Option<Text> {
        let lang = lang_of(letter.language);
        let alias = letter.practice.alias();
        let phone = &letter.practice.settings.phone;
        let ours = |body: String| Some(Text { body, template: None });
        match &letter.what {
            What::NewLink { pay_link } => return ours(texts::new_link(lang, alias, pay_link)),
            What::Refund { amount, reference, .. } => {
                return ours(texts::refund(lang, alias, *amount, reference));
            }
            What::Account(AccountMail::ContactChanged) => {
                return ours(texts::contact_changed(lang, alias, phone));
            }
            _ => {}
        }
        let (filled, trace) = written(letter, Form::Text)?;
        let body = filled.as_text();
        let body = match &letter.what {
            What::Reminder { check_code, .. } => {
                let code = texts::readable_code(check_code);
                if body.contains(&code) {
                    body
                } else {
                    with_check_code(&body, texts::check_label(lang), &code)
                }
            }
            _ => body,
        };
        Some(Text { body, template: Some(trace) })
    }

    fn email(&self, letter: &Letter<'_>) -> Option<Mail> {
        let lang = lang_of(letter.language);
        let sender = sender(letter.practice);
        match &letter.what {
            What::NewLink { pay_link } => {
                let link = (*pay_link).to_owned();
                return Some(mail(&emails::NewLink { lang, sender, link }));
            }
            What::Refund { amount, at, reference, brand, last4, remaining } => {
                return Some(mail(&emails::Refund {
                    lang,
                    sender,
                    amount: *amount,
                    at: *at,
                    zone: letter.practice.zone(),
                    brand: brand.unwrap_or_default().to_owned(),
                    last_four: last4.unwrap_or_default().to_owned(),
                    reference: (*reference).to_owned(),
                    remaining: *remaining,
                }));
            }
            What::Account(about) => return Some(account(lang, sender, about)),
            What::Staff(about) => return Some(staff(sender, about)),
            What::Reminder { .. } | What::Receipt { .. } | What::Code { .. } => {}
        }
        let (filled, trace) = written(letter, Form::Email)?;
        let email = templated(letter, filled);
        let picture_of = email.picture_of().map(str::to_owned);
        Some(Mail { picture_of, template: Some(trace), ..mail(&email) })
    }

    fn rider(&self, letter: &Letter<'_>, channel: Channel) -> Option<Rider> {
        let What::Reminder { amount, pay_link, .. } = &letter.what else { return None };
        let (lang, link) = (lang_of(letter.language), (*pay_link).to_owned());
        match channel {
            Channel::Text => Some(Rider { words: texts::rider(lang, *amount), link, html: None }),
            Channel::Email => {
                let accent = &letter.practice.settings.accent;
                let emails::Rider { words, html } =
                    emails::Rider::new(lang, *amount, &link, accent);
                Some(Rider { words, link, html: Some(html) })
            }
            Channel::Voice | Channel::Fax | Channel::Letter => None,
        }
    }

    fn with_riders(&self, mail: MailParts, riders: &[&Rider]) -> MailParts {
        let riders: Vec<(&str, &str, &str)> = riders
            .iter()
            .map(|one| {
                let html = one.html.as_deref().unwrap_or_default();
                (one.words.as_str(), one.link.as_str(), html)
            })
            .collect();
        let (text, html) = emails::with_riders(&mail.text, &mail.html, &riders);
        MailParts { text, html }
    }

    fn call(&self, letter: &Letter<'_>) -> Option<Spoken> {
        let What::Reminder { .. } = &letter.what else { return None };
        let (filled, trace) = written(letter, Form::Voice)?;
        let around = calls::Reminder {
            lang: lang_of(letter.language),
            alias: letter.practice.alias().to_owned(),
            phone: letter.practice.settings.phone.clone(),
        };
        let script = Script {
            answered: around.answered(),
            balance: filled.as_speech().join(" "),
            machine: around.machine(),
        };
        Some(Spoken { script, template: Some(trace) })
    }

    fn paper(&self, letter: &Letter<'_>) -> Option<Text> {
        let What::Reminder { check_code, on_paper: Some(paper), .. } = &letter.what else {
            return None;
        };
        let (filled, trace) = written(letter, Form::Letter)?;
        let settings = &letter.practice.settings;
        let from = address_lines(&settings.street, &settings.city, &settings.state, &settings.zip);
        let paper = letters::Paper {
            lang: lang_of(letter.language),
            alias: letter.practice.alias().to_owned(),
            phone: settings.phone.clone(),
            from: letters::Address { lines: from },
            to: window(paper),
            written_on: paper.written_on,
            paragraphs: filled.paragraphs,
            check_at: format!("{}/check-message", settings.public_base),
            check_code: texts::readable_code(check_code),
        };
        Some(Text { body: paper.text(), template: Some(trace) })
    }

    fn page(&self, language: Language, paper: &str) -> Vec<u8> {
        letters::page(lang_of(language), paper)
    }
}

/// The practice's words in our frame.
pub fn templated(letter: &Letter<'_>, filled: Filled) -> emails::Templated {
    let base = &letter.practice.settings.public_base;
    let paid = match &letter.what {
        What::Receipt { amount, received_at, reference, brand, last4, remaining } => {
            Some(emails::Paid {
                amount: *amount,
                at: *received_at,
                zone: letter.practice.zone(),
                brand: brand_name(*brand),
                last_four: last4.unwrap_or_default().to_owned(),
                reference: (*reference).to_owned(),
                remaining: *remaining,
            })
        }
        _ => None,
    };
    let (check, unsubscribe) = match &letter.what {
        What::Reminder { check_code, unsubscribe_url, .. } => {
            let address = format!("{base}/check-message");
            let check = emails::Check { code: texts::readable_code(check_code), address };
            (Some(check), unsubscribe_url.map(str::to_owned))
        }
        _ => (None, None),
    };
    emails::Templated {
        lang: lang_of(letter.language),
        sender: sender(letter.practice),
        subject: filled.subject.unwrap_or_default(),
        paragraphs: filled.paragraphs,
        paid,
        check,
        unsubscribe,
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
