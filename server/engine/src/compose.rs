//! Puts messages together: words, link, check code, and the hash that freezes them.

use domain::{
    book::Language,
    check_code,
    clock::{DAY_MS, UnixMs},
    decide::{Channel, Class},
    id::{ClaimId, ContactId, GuarantorId, JobId, MessageId, PracticeId},
    money::Cents,
    practice::Practice,
    sms::{self, NameFit},
    template::{Book, Kind, reminder_for},
};
use store::{
    Keys,
    keys::{LINK_TOKEN_BYTES, new_token, token_hash},
    link,
    message::{Content, New, State},
};

use crate::{
    Engine, Installment, Letter, Mail, OnPaper, Refusal, Sizes, What,
    facts::{Account, Recipient, content_hash},
};

/// A message ready to be stored, with its link.
pub(crate) struct Draft {
    pub message: New,
    pub link: Option<link::New>,
    pub claims: Vec<ClaimId>,
}

/// How a message would read.
#[derive(Clone, Debug)]
pub struct Preview {
    pub text: Option<String>,
    pub mail: Option<Mail>,
    /// Parts the text is charged as.
    pub segments: i64,
    /// The same for one that several accounts of one phone get together.
    pub sizes: Sizes,
    /// How it reads for two accounts; none where two do not fit.
    pub together: Option<String>,
    /// The practice's name as patients will read it.
    pub name: String,
    /// Longer than recommended: sent, but staff are warned (S-TP2).
    pub name_is_long: bool,
}

/// Who gets a message.
pub(crate) struct Addressee<'a> {
    pub guarantor: Option<&'a GuarantorId>,
    pub contact: Option<&'a ContactId>,
    pub recipient: &'a Recipient,
    pub masked: &'a str,
    pub language: Language,
}

/// Everything of a message that is not its words.
pub(crate) struct Frame<'a> {
    pub class: Class,
    pub kind: &'static str,
    pub channel: Channel,
    pub job: Option<&'a JobId>,
    pub amount: Option<Cents>,
    pub notice: String,
    pub dedupe_key: String,
    pub state: State,
    pub created_by: &'a str,
}

/// What a reminder belongs to, and what it is meant to be.
pub(crate) struct Occasion<'a> {
    pub job: &'a JobId,
    pub by: &'a str,
    /// Of a ladder's turn; otherwise the job and the account make one.
    pub notice: Option<&'a str>,
    /// None named: by the age of the balance and what was paid lately.
    pub kind: Option<Kind>,
    /// When what is owed is due, where somebody said so.
    pub due_on: Option<jiff::civil::Date>,
    /// The practice's words.
    pub book: &'a Book,
}

/// The practice under the name a job gave it.
pub(crate) fn under_name(practice: &Practice, custom_name: Option<&str>) -> Practice {
    let mut named = practice.clone();
    if let Some(name) = custom_name.map(str::trim).filter(|n| !n.is_empty()) {
        named.settings.custom_name = Some(name.to_owned());
    }
    named
}

/// Refuses a custom name that no text may carry; true when it is longer than recommended.
pub(crate) fn check_name(custom_name: Option<&str>) -> Result<bool, Refusal> {
    let Some(name) = custom_name.map(str::trim).filter(|n| !n.is_empty()) else {
        return Ok(false);
    };
    match sms::name_fit(name) {
        NameFit::Fine | NameFit::Empty => Ok(false),
        NameFit::LongerThanRecommended { .. } => Ok(true),
        NameFit::TooLong { chars } => Err(Refusal::NameTooLong { chars }),
        NameFit::Unprintable => Err(Refusal::NameUnprintable),
    }
}

/// The address of one-click unsubscribe: names practice and contact, and nobody else can make it.
pub(crate) fn unsubscribe_token(keys: &Keys, practice: &PracticeId, contact: &ContactId) -> String {
    let signature = keys.sign("unsubscribe", &[practice.as_str(), contact.as_str()]);
    format!("{practice}.{contact}.{signature}")
}

/// Whom a token from [`unsubscribe_token`] names.
pub(crate) fn read_unsubscribe_token(keys: &Keys, token: &str) -> Option<(PracticeId, ContactId)> {
    let mut parts = token.splitn(3, '.');
    let (practice, contact, signature) = (parts.next()?, parts.next()?, parts.next()?);
    keys.is_signed("unsubscribe", &[practice, contact], signature)
        .then(|| (PracticeId::trusted(practice), ContactId::trusted(contact)))
}

impl Engine {
    /// The words of a letter for a channel, ready to be frozen.
    pub(crate) fn words(&self, letter: &Letter<'_>, channel: Channel) -> Result<Content, Refusal> {
        match channel {
            Channel::Text => {
                let text = self.wording().text(letter).ok_or(Refusal::Wording("no text form"))?;
                let body = sms::economise(&text.body);
                if body.trim().is_empty() || body.chars().count() > sms::LONGEST_TEXT_CHARS {
                    return Err(Refusal::BadBody);
                }
                let template = text.template.map(|trace| trace.to_string());
                Ok(Content { text: body, template, ..Content::default() })
            }
            Channel::Voice => {
                let spoken =
                    self.wording().call(letter).ok_or(Refusal::Wording("no spoken form"))?;
                let template = spoken.template.map(|trace| trace.to_string());
                Ok(Content { text: spoken.script.to_string(), template, ..Content::default() })
            }
            Channel::Fax | Channel::Letter => {
                let paper =
                    self.wording().paper(letter).ok_or(Refusal::Wording("no printed form"))?;
                let template = paper.template.map(|trace| trace.to_string());
                Ok(Content { text: paper.body, template, ..Content::default() })
            }
            Channel::Email => {
                let mail = self.wording().email(letter).ok_or(Refusal::Wording("no email form"))?;
                let unsubscribe_url = match &letter.what {
                    What::Reminder { unsubscribe_url, .. } => unsubscribe_url.map(str::to_owned),
                    _ => None,
                };
                Ok(Content {
                    text: mail.text,
                    subject: Some(mail.subject),
                    html: Some(mail.html),
                    unsubscribe_url,
                    picture_of: mail.picture_of,
                    template: mail.template.map(|trace| trace.to_string()),
                    rider: None,
                })
            }
        }
    }

    /// A message row for these words.
    pub(crate) fn message(
        &self,
        to: &Addressee<'_>,
        frame: Frame<'_>,
        content: Content,
        now: UnixMs,
    ) -> New {
        let segments = match frame.channel {
            Channel::Text => i64::try_from(sms::size(&content.text).segments).unwrap_or(i64::MAX),
            Channel::Email | Channel::Voice | Channel::Fax | Channel::Letter => 1,
        };
        New {
            id: self.world().mint(),
            guarantor: to.guarantor.cloned(),
            job: frame.job.cloned(),
            class: frame.class,
            kind: frame.kind.to_owned(),
            channel: frame.channel,
            contact: to.contact.cloned(),
            recipient: to.recipient.value.clone(),
            value_index: to.recipient.value_index.clone(),
            masked: to.masked.to_owned(),
            language: to.language,
            content_hash: content_hash(&content, frame.amount),
            content,
            amount: frame.amount,
            segments,
            link_hash: None,
            check_code: None,
            notice: frame.notice,
            dedupe_key: frame.dedupe_key,
            digest: None,
            next_at: (frame.state == State::Queued).then_some(now),
            state: frame.state,
            slot_at: now,
            created_by: frame.created_by.to_owned(),
            created_at: now,
        }
    }

    /// A reminder of everything an account owes, waiting for its yes.
    pub(crate) fn reminder(
        &self,
        practice: &Practice,
        account: &Account,
        contact: &store::contact::Contact,
        channel: Channel,
        occasion: &Occasion<'_>,
        now: UnixMs,
    ) -> Result<Draft, Refusal> {
        let guarantor = &account.guarantor;
        let claims: Vec<ClaimId> = account
            .due
            .claims
            .iter()
            .filter(|c| c.still_due.is_positive())
            .map(|c| c.id.clone())
            .collect();
        let language = guarantor.language.unwrap_or(Language::English);
        let token = new_token(LINK_TOKEN_BYTES);
        let check_code = self.check_code();
        let amount = account.due.due;
        let keys = self.store().keys().clone();
        let unsubscribe = (channel == Channel::Email).then(|| {
            let token = unsubscribe_token(&keys, &practice.id, &contact.id);
            format!("{}/unsubscribe/{token}", practice.settings.public_base)
        });
        let pay_link = format!("{}/p/{token}", practice.settings.public_base);
        let links =
            Links { pay: &pay_link, check_code: &check_code, unsubscribe: unsubscribe.as_deref() };
        let words = (occasion.book, occasion.kind);
        let mut letter = reminder_letter(practice, account, language, channel, words, links, now);
        let plan = account.arrangement.arrangement.plan;
        if let What::Reminder { due_on, amount, installment, .. } = &mut letter.what {
            *due_on = occasion.due_on;
            // Words about a plan name its next payment, not the balance (D-30).
            if occasion.kind == Some(Kind::PaymentPlan)
                && let Some(next) = plan.and_then(|plan| plan.next)
            {
                let said = amount.take().map(|_| next.amount);
                *installment = Some(Installment { amount: said, on: next.on });
            }
        }
        let mut content = self.words(&letter, channel)?;
        content.rider = self.wording().rider(&letter, channel);
        if channel == Channel::Text && !sms::is_whole_in_first_segment(&content.text, &pay_link) {
            return Err(Refusal::Wording("the link would be split"));
        }
        let recipient = Recipient::on_file(contact);
        let to = Addressee {
            guarantor: Some(&guarantor.id),
            contact: Some(&contact.id),
            recipient: &recipient,
            masked: &contact.masked,
            language,
        };
        let notice = match occasion.notice {
            Some(notice) => notice.to_owned(),
            None => format!("{}:{}", occasion.job, guarantor.id),
        };
        let frame = Frame {
            class: Class::Dunning,
            kind: occasion.kind.map_or("reminder", Kind::as_str),
            channel,
            job: Some(occasion.job),
            amount: Some(amount),
            dedupe_key: format!("reminder:{notice}:{}", channel.as_str()),
            notice,
            state: State::PendingApproval,
            created_by: occasion.by,
        };
        let mut message = self.message(&to, frame, content, now);
        let link = link_for(&token, &message.id, &guarantor.id, &contact.id, Some(amount), now);
        message.check_code = Some(check_code);
        // A call has no link to give before somebody asks for one.
        if channel == Channel::Voice {
            return Ok(Draft { message, link: None, claims });
        }
        message.link_hash = Some(link.token_hash.clone());
        let link = link::New { claim: claims.first().cloned(), ..link };
        Ok(Draft { message, link: Some(link), claims })
    }

    pub(crate) fn check_code(&self) -> String {
        check_code::of(self.world().chance.next_u64())
    }
}

pub(crate) fn link_for(
    token: &str,
    message: &MessageId,
    guarantor: &GuarantorId,
    contact: &ContactId,
    advertised: Option<Cents>,
    now: UnixMs,
) -> link::New {
    link::New {
        token_hash: token_hash(token),
        guarantor: guarantor.clone(),
        contact: Some(contact.clone()),
        message: Some(message.clone()),
        advertised,
        claim: None,
        expires_at: now.plus_ms(link::LASTS_MS),
    }
}

/// What a reminder leads to.
#[derive(Clone, Copy)]
pub(crate) struct Links<'a> {
    pub pay: &'a str,
    pub check_code: &'a str,
    /// Of an email.
    pub unsubscribe: Option<&'a str>,
}

/// A reminder in the words of `words`: the practice's, of the kind that was named or else of the one
/// that fits the age of the balance and what was paid lately.
pub(crate) fn reminder_letter<'a>(
    practice: &'a Practice,
    account: &'a Account,
    language: Language,
    channel: Channel,
    (book, kind): (&'a Book, Option<Kind>),
    links: Links<'a>,
    now: UnixMs,
) -> Letter<'a> {
    let settings = &practice.settings;
    let by_email = channel == Channel::Email;
    let says_amount = match channel {
        // Closed until somebody opens it, or asks for it.
        Channel::Email | Channel::Fax | Channel::Letter => true,
        // A text shows on a locked screen (M26).
        Channel::Text => settings.amount_in_texts,
        Channel::Voice => settings.amount_in_calls,
    };
    let is_paper = matches!(channel, Channel::Fax | Channel::Letter);
    let first_name = account.guarantor.name.split_whitespace().next();
    let today = now.day_in(&practice.zone());
    let days_old = account.due.oldest_due_since.map_or(0, |since| days_between(since, today));
    let paid_days_ago = account.standing.last_paid_at.map(|at| now.since(at) / DAY_MS);
    Letter {
        practice,
        language,
        book,
        what: What::Reminder {
            kind: kind.unwrap_or(reminder_for(days_old, paid_days_ago)),
            amount: says_amount.then_some(account.due.due),
            due_on: None,
            installment: None,
            card_last4: None,
            first_name: first_name.filter(|_| by_email && settings.first_name_in_email),
            pay_link: links.pay,
            check_code: links.check_code,
            unsubscribe_url: links.unsubscribe,
            on_paper: is_paper.then(|| OnPaper {
                name: &account.guarantor.name,
                address: &account.guarantor.address,
                written_on: today,
            }),
        },
    }
}

fn days_between(from: jiff::civil::Date, until: jiff::civil::Date) -> i64 {
    from.until(until).map_or(0, |span| i64::from(span.get_days()))
}
