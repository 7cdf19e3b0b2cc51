//! Messages that answer something a person did: codes, new links, account mails, a text staff write.
//! They pass the same gate and leave at once when it lets them; the window may make some wait.

use domain::{
    book::Language,
    decide::{Channel, Class, Decision, Outcome},
    id::{ContactId, GuarantorId, MessageId, PracticeId},
    practice::Practice,
    sms,
    template::Book,
};
use store::{
    Db,
    audit::Actor,
    contact::{self, Kind},
    conversation, decision, guarantor,
    keys::{LINK_TOKEN_BYTES, new_token, token_hash},
    message::{self, Content, New, State, queue},
};

use crate::{
    AccountMail, Engine, Letter, Refusal, Result, StaffMail, What,
    compose::{Addressee, Frame},
    delivery::Step,
    facts::Recipient,
};

/// What became of a message that somebody waits for.
#[derive(Clone, Debug)]
pub enum Delivered {
    /// The provider has it.
    Sent(MessageId),
    /// It goes by itself: at the next turn, or when the window opens.
    Later(MessageId),
    /// The gate said no.
    Withheld(MessageId, Box<Decision>),
    /// The provider refused, or nobody knows.
    Failed(MessageId),
}

impl Delivered {
    pub fn message(&self) -> &MessageId {
        match self {
            Self::Sent(id) | Self::Later(id) | Self::Withheld(id, _) | Self::Failed(id) => id,
        }
    }
}

/// A contact of a guarantor with what a message to it needs.
struct OnFile {
    practice: Practice,
    guarantor: GuarantorId,
    contact: contact::Contact,
    language: Language,
    book: Book,
}

impl OnFile {
    const fn channel(&self) -> Channel {
        self.contact.kind.channel()
    }
}

impl Engine {
    /// A one-time code to a contact on file (R75: nowhere else), at once and outside the caps.
    pub async fn send_code(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        contact: &ContactId,
        code: &str,
        language: Language,
    ) -> Result<Delivered> {
        let mut to = self.on_file(practice, guarantor, contact).await?;
        to.language = language;
        let content = self.words(&letter(&to, What::Code { code }), to.channel())?;
        self.send_to(to, Class::Code, "code", content, None, "system:code").await
    }

    /// The pay link somebody asked for again; only ever to a contact on file.
    pub async fn send_new_link(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        contact: &ContactId,
    ) -> Result<Delivered> {
        let to = self.on_file(practice, guarantor, contact).await?;
        let token = new_token(LINK_TOKEN_BYTES);
        let pay_link = format!("{}/p/{token}", to.practice.settings.public_base);
        let what = What::NewLink { pay_link: &pay_link };
        let content = self.words(&letter(&to, what), to.channel())?;
        self.send_to(to, Class::NewLink, "new_link", content, Some(token), "patient:link").await
    }

    /// The pay link, for a person on the line who pressed the key for it: a text to the phone that was
    /// called, to which the key is consent this once.
    pub(crate) async fn send_asked_link(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        contact: &ContactId,
        language: Language,
    ) -> Result<Delivered> {
        let mut to = self.on_file(practice, guarantor, contact).await?;
        to.language = language;
        let token = new_token(LINK_TOKEN_BYTES);
        let pay_link = format!("{}/p/{token}", to.practice.settings.public_base);
        let content =
            self.words(&letter(&to, What::NewLink { pay_link: &pay_link }), Channel::Text)?;
        let (class, by) = (Class::NewLink, "patient:call");
        self.send_to(to, class, crate::calls::LINK_BY_KEY, content, Some(token), by).await
    }

    /// A text that a member of staff writes to one patient, any time and without approval (S-SF8).
    /// The practice's name is put before it when the words do not have it.
    pub async fn send_direct_text(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        contact: &ContactId,
        body: &str,
        by: &Actor,
    ) -> Result<Delivered> {
        let to = self.on_file(practice, guarantor, contact).await?;
        let body = body.trim();
        if body.is_empty() || to.contact.kind != Kind::Phone {
            return Err(Refusal::BadBody.into());
        }
        let alias = to.practice.alias();
        let named = if body.contains(alias) { body.to_owned() } else { format!("{alias}: {body}") };
        let text = sms::economise(&named);
        if text.chars().count() > sms::LONGEST_TEXT_CHARS {
            return Err(Refusal::BadBody.into());
        }
        let content = Content { text, ..Content::default() };
        self.send_to(to, Class::StaffDirect, "staff_direct", content, None, &by.label()).await
    }

    /// About a patient's own login, to the login's email.
    pub async fn send_account_mail(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        email: &str,
        language: Language,
        mail: AccountMail,
    ) -> Result<Delivered> {
        let practice = self.practice(practice).await?;
        let book = Book::standard();
        let letter = Letter { practice: &practice, language, book, what: What::Account(mail) };
        let content = self.words(&letter, Channel::Email)?;
        let class = Class::AccountNotice;
        self.send_mail(&practice, Some(guarantor), email, language, class, "account", content).await
    }

    /// To a member of staff: approvals that wait, an invitation, something to look at (S-SF7).
    pub async fn send_staff_mail(
        &self,
        practice: &PracticeId,
        email: &str,
        mail: StaffMail,
    ) -> Result<Delivered> {
        let practice = self.practice(practice).await?;
        let language = Language::English;
        let book = Book::standard();
        let letter = Letter { practice: &practice, language, book, what: What::Staff(mail) };
        let content = self.words(&letter, Channel::Email)?;
        let class = Class::StaffNotice;
        self.send_mail(&practice, None, email, language, class, "staff", content).await
    }

    /// A text that shows a manager, on their own phone, that the sender works. Texts to patients
    /// have other doors: each of those asks for consent.
    pub async fn send_staff_text(
        &self,
        practice: &PracticeId,
        phone: &str,
        body: &str,
        by: &Actor,
    ) -> Result<Delivered> {
        let practice = self.practice(practice).await?;
        let phone = domain::phone::normalise_us(phone).map_err(Refusal::BadPhone)?;
        let content = Content { text: sms::economise(body), ..Content::default() };
        let keys = self.store().keys();
        let recipient = Recipient::stranger(keys, &practice, Kind::Phone, phone.as_str());
        let masked = phone.masked();
        let addressee = Addressee {
            guarantor: None,
            contact: None,
            recipient: &recipient,
            masked: &masked,
            language: Language::English,
        };
        let (class, channel, by) = (Class::StaffNotice, Channel::Text, by.label());
        let message = self.at_once(&addressee, class, "staff", channel, content, None, &by);
        self.insert_and_deliver(&practice, message, None).await
    }

    async fn on_file(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        contact: &ContactId,
    ) -> Result<OnFile> {
        let practice = self.practice(practice).await?;
        let mut db = self.store().read().await?;
        let owner =
            guarantor::load(&mut db, &practice.id, guarantor).await?.ok_or(Refusal::NotFound)?;
        let contact = contact::load(&mut db, &practice.id, guarantor, contact)
            .await?
            .ok_or(Refusal::NotFound)?;
        let language = owner.language.unwrap_or(Language::English);
        let book = store::template::load_book(&mut db, &practice.id).await?;
        Ok(OnFile { practice, guarantor: owner.id, contact, language, book })
    }

    async fn send_to(
        &self,
        to: OnFile,
        class: Class,
        kind: &'static str,
        content: Content,
        token: Option<String>,
        by: &str,
    ) -> Result<Delivered> {
        let recipient = Recipient::on_file(&to.contact);
        let addressee = Addressee {
            guarantor: Some(&to.guarantor),
            contact: Some(&to.contact.id),
            recipient: &recipient,
            masked: &to.contact.masked,
            language: to.language,
        };
        let message =
            self.at_once(&addressee, class, kind, to.channel(), content, token.as_deref(), by);
        self.insert_and_deliver(&to.practice, message, token).await
    }

    #[allow(clippy::too_many_arguments, reason = "to whom, as what, with which words")]
    async fn send_mail(
        &self,
        practice: &Practice,
        guarantor: Option<&GuarantorId>,
        email: &str,
        language: Language,
        class: Class,
        kind: &'static str,
        content: Content,
    ) -> Result<Delivered> {
        let email = domain::phone::normalise_email(email).map_err(Refusal::BadEmail)?;
        let keys = self.store().keys();
        let recipient = Recipient::stranger(keys, practice, Kind::Email, email.as_str());
        let masked = email.masked();
        let addressee = Addressee {
            guarantor,
            contact: None,
            recipient: &recipient,
            masked: &masked,
            language,
        };
        let by = "system:account";
        let message = self.at_once(&addressee, class, kind, Channel::Email, content, None, by);
        self.insert_and_deliver(practice, message, None).await
    }

    #[allow(clippy::too_many_arguments, reason = "to whom, as what, with which words")]
    fn at_once(
        &self,
        to: &Addressee<'_>,
        class: Class,
        kind: &'static str,
        channel: Channel,
        content: Content,
        token: Option<&str>,
        by: &str,
    ) -> New {
        let frame = Frame {
            class,
            kind,
            channel,
            job: None,
            amount: None,
            notice: String::new(),
            dedupe_key: String::new(),
            state: State::Queued,
            created_by: by,
        };
        let mut message = self.message(to, frame, content, self.now());
        message.notice = message.id.to_string();
        message.dedupe_key = format!("{kind}:{}", message.id);
        message.link_hash = token.map(token_hash);
        message
    }

    /// What staff write belongs to the conversation of that phone, and opens it.
    async fn note_written(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &New,
    ) -> store::Result<()> {
        let said = conversation::Said {
            value_index: &message.value_index,
            masked: &message.masked,
            is_ours: true,
            waits: false,
            state: Some(conversation::State::Open),
            begins: conversation::State::Open,
        };
        conversation::mark_said(db, self.world(), practice, &said).await?;
        Ok(())
    }

    /// Stored and taken in one transaction, so that no other worker comes in between; then sent.
    async fn insert_and_deliver(
        &self,
        practice: &Practice,
        message: New,
        token: Option<String>,
    ) -> Result<Delivered> {
        let (engine, pid, id) = (self.clone(), practice.id.clone(), message.id.clone());
        let wall = self.parts.wall.now();
        let until = wall.plus_ms(self.options().lease_ms);
        self.store()
            .write(move |db| {
                let (engine, pid) = (engine.clone(), pid.clone());
                let (message, token) = (message.clone(), token.clone());
                Box::pin(async move {
                    let now = engine.now();
                    message::insert_many(db, &pid, std::slice::from_ref(&message)).await?;
                    if message.class == Class::StaffDirect {
                        engine.note_written(db, &pid, &message).await?;
                    }
                    if let Some(token) = &token {
                        engine.insert_link(db, &pid, &message, token, now).await?;
                    }
                    let holder = &engine.holder;
                    queue::claim_one(db, &pid, &message.id, holder, wall, until).await?;
                    Ok(())
                })
            })
            .await?;
        let step = self.deliver(practice, &id).await?;
        Ok(match step {
            Step::Sent => Delivered::Sent(id),
            Step::Deferred | Step::NoTurn(_) | Step::Retried => Delivered::Later(id),
            Step::Refused | Step::Unknown | Step::Gone | Step::AskedAfter => Delivered::Failed(id),
            Step::Withheld => {
                let mut db = self.store().read().await?;
                let decision = newest_decision(&mut db, practice, &id).await?;
                match decision {
                    Some(decision) => Delivered::Withheld(id, Box::new(decision)),
                    None => Delivered::Failed(id),
                }
            }
        })
    }
}

fn letter<'a>(to: &'a OnFile, what: What<'a>) -> Letter<'a> {
    Letter { practice: &to.practice, language: to.language, book: &to.book, what }
}

async fn newest_decision(
    db: &mut Db,
    practice: &Practice,
    id: &MessageId,
) -> store::Result<Option<Decision>> {
    let stored = decision::list_by_message(db, &practice.id, id).await?;
    Ok(stored.into_iter().find(|d| d.outcome == Outcome::Withhold).map(|d| Decision {
        outcome: d.outcome,
        reasons: d.reasons,
        ruleset_version: d.ruleset.into(),
        inputs_hash: d.inputs_hash,
    }))
}
