//! Facts for the one decision, gathered for many accounts in a handful of queries.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{
    arrangement::Known,
    balance::{self, AccountDue, Standing as ClaimStanding},
    book::Preferred,
    caps::HISTORY_MS,
    clock::UnixMs,
    decide::{
        AgreedPayment, Approval, Approved, BalanceFacts, Channel, Class, Consent, ContactFacts,
        Decision, Facts, GuarantorFacts, History, LineType, OnlyThisWay, PracticeFacts, Preference,
        Proposed, Reach, Rules, Says, Sender, Sent, Suppression, SuppressionReason, decide,
    },
    holds::{self as rule, HoldKind},
    id::{ClaimId, GuarantorId, JobId, MessageId},
    money::Cents,
    phone::E164,
    practice::Practice,
    rulebook::{Change, Rulebook},
    template,
    window::{Hours, Weekdays, Windows},
    wishes::Wishes,
    zones::Whereabouts,
};
use jiff::{civil::Weekday, tz::TimeZone};
use sha2::{Digest, Sha256};
use store::{
    Db, Keys,
    contact::{self, Contact, Kind},
    guarantor::Guarantor,
    hold::Hold,
    message::{Content, Message},
    standing::Standing,
    suppression,
};

/// One account with everything the rules look at.
#[derive(Clone)]
pub(crate) struct Account {
    pub guarantor: Guarantor,
    pub contacts: Vec<Contact>,
    pub holds: Vec<Hold>,
    pub due: AccountDue,
    pub standing: Standing,
    pub wishes: Wishes,
    pub arrangement: Known,
}

/// What was read, once, for some accounts of one practice.
pub(crate) struct Gathered {
    pub practice: Practice,
    pub rules: Rules,
    pub accounts: BTreeMap<GuarantorId, Account>,
    consents: BTreeMap<(String, Channel), Consent>,
    suppressions: BTreeMap<(String, Channel), Suppression>,
    marks: BTreeMap<String, Vec<(String, Sent)>>,
    /// When an answer of a kind last went to a phone.
    answered: BTreeMap<(String, String), UnixMs>,
    keys: Arc<Keys>,
    /// The moment the facts are for.
    now: UnixMs,
}

/// Somebody a message may go to: a contact on file, or an address that is on no file.
#[derive(Clone, Debug)]
pub(crate) struct Recipient {
    pub value: String,
    pub value_index: String,
    pub global_index: String,
    pub line: LineType,
    pub reach: Reach,
    pub text_enabled: bool,
    pub verified_at: Option<UnixMs>,
}

impl Recipient {
    pub fn on_file(contact: &Contact) -> Self {
        let verified = contact.verified_on.and_then(|day| day.to_zoned(TimeZone::UTC).ok());
        Self {
            value: contact.value.clone(),
            value_index: contact.value_index.clone(),
            global_index: contact.global_index.clone(),
            line: line_of(contact),
            reach: contact.reach(),
            text_enabled: contact.text_enabled_at.is_some(),
            verified_at: verified.map(|z| UnixMs(z.timestamp().as_millisecond())),
        }
    }

    /// A letter that people print: it needs no contact on file.
    pub fn on_paper(name: &str) -> Self {
        Self {
            value: name.to_owned(),
            value_index: String::new(),
            global_index: String::new(),
            line: LineType::Unknown,
            reach: Reach::Good,
            text_enabled: false,
            verified_at: None,
        }
    }

    pub fn stranger(keys: &Keys, practice: &Practice, kind: Kind, value: &str) -> Self {
        Self {
            value: value.to_owned(),
            value_index: contact::value_index(keys, &practice.id, kind, value),
            global_index: contact::global_index(keys, kind, value),
            line: LineType::Unknown,
            reach: Reach::Good,
            text_enabled: false,
            verified_at: None,
        }
    }
}

/// A toll-free number is nobody's pocket, whatever a look-up said.
fn line_of(contact: &Contact) -> LineType {
    match E164::from_normalised(&contact.value) {
        Some(number) if number.is_toll_free() => LineType::TollFree,
        _ => contact.line,
    }
}

/// Reads everything about these accounts, and about recipients on no file, in a fixed number of
/// queries for every few hundred.
pub(crate) async fn gather(
    db: &mut Db,
    practice: &Practice,
    ids: &[GuarantorId],
    strangers: &[Recipient],
    now: UnixMs,
) -> store::Result<Gathered> {
    let guarantors = store::guarantor::load_many(db, &practice.id, ids).await?;
    let mut contacts = contact::list_many(db, &practice.id, ids).await?;
    let mut holds = store::hold::load_many(db, &practice.id, ids).await?;
    let mut books = store::balance::load_many(db, &practice.id, ids).await?;
    let mut wishes = store::preference::load_many(db, &practice.id, ids).await?;
    let mut arrangements = store::arrangement::load_many(db, &practice.id, ids).await?;
    let mut standings = store::standing::load_many(db, &practice.id, ids).await?;
    let mut accounts = BTreeMap::new();
    for (id, guarantor) in guarantors {
        let account = Account {
            contacts: contacts.remove(&id).unwrap_or_default(),
            holds: holds.remove(&id).unwrap_or_default(),
            due: balance::due(&books.remove(&id).unwrap_or_default()),
            standing: standings.remove(&id).unwrap_or_default(),
            wishes: wishes.remove(&id).map(|known| known.wishes).unwrap_or_default(),
            arrangement: arrangements.remove(&id).unwrap_or_default(),
            guarantor,
        };
        accounts.insert(id, account);
    }
    let mut values: BTreeSet<String> = BTreeSet::new();
    let mut subjects: BTreeSet<String> = BTreeSet::new();
    for account in accounts.values() {
        subjects.insert(account.guarantor.id.as_str().to_owned());
        for contact in &account.contacts {
            values.extend([contact.value_index.clone(), contact.global_index.clone()]);
            subjects.insert(contact.value_index.clone());
        }
    }
    for stranger in strangers {
        values.extend([stranger.value_index.clone(), stranger.global_index.clone()]);
        subjects.insert(stranger.value_index.clone());
    }
    let values: Vec<String> = values.into_iter().collect();
    let subjects: Vec<String> = subjects.into_iter().collect();
    let since = now.minus_ms(HISTORY_MS);
    Ok(Gathered {
        practice: practice.clone(),
        rules: rules_of(practice, &store::rule_override::load(db, &practice.id).await?),
        accounts,
        consents: store::consent::load_many(db, &practice.id, &values).await?,
        suppressions: suppression::load_many(db, &practice.id, &values).await?,
        marks: store::message::marks::load_many(db, &practice.id, &subjects, since).await?,
        answered: store::reply::load_answered(db, &practice.id, &subjects).await?,
        keys: db.keys(),
        now,
    })
}

impl Gathered {
    /// The facts for one message. `message` leaves its own mark out of the history.
    pub fn facts(
        &self,
        guarantor: Option<&GuarantorId>,
        recipient: &Recipient,
        channel: Channel,
        claims: &[ClaimId],
        approval: Approval,
        message: Option<&MessageId>,
    ) -> Facts {
        let account = guarantor.and_then(|id| self.accounts.get(id));
        Facts {
            practice: practice_facts(&self.practice),
            contact: self.contact_facts(recipient, channel),
            guarantor: account.map(|a| self.guarantor_facts(a, recipient, channel)),
            balance: account.map(|a| balance_facts(a, claims)),
            approval,
            history: History {
                to_contact: self.sent(&recipient.value_index, message),
                to_guarantor: guarantor
                    .map(|id| self.sent(id.as_str(), message))
                    .unwrap_or_default(),
            },
        }
    }

    /// Takes a send into account that will have happened by then: the next of a shared phone.
    pub fn add_mark(&mut self, subject: &str, sent: Sent) {
        self.marks.entry(subject.to_owned()).or_default().push((String::new(), sent));
    }

    /// Takes what is marked from `from` on back out: what has not happened by then.
    pub fn take_marks(&mut self, subject: &str, from: UnixMs) -> Vec<Sent> {
        let Some(marks) = self.marks.get_mut(subject) else { return Vec::new() };
        let (later, before) =
            std::mem::take(marks).into_iter().partition(|(_, sent)| sent.at >= from);
        *marks = before;
        let later: Vec<(String, Sent)> = later;
        later.into_iter().map(|(_, sent)| sent).collect()
    }

    fn sent(&self, subject: &str, but: Option<&MessageId>) -> Vec<Sent> {
        let all = self.marks.get(subject).map(Vec::as_slice).unwrap_or_default();
        all.iter()
            .filter(|(message, _)| but.is_none_or(|but| but.as_str() != message))
            .map(|(_, sent)| sent.clone())
            .collect()
    }

    /// The contact a message was written for, as it is on file now. A contact that is gone has no
    /// value, and so is not the message's recipient any more.
    pub fn recipient_of(&self, message: &Message) -> Recipient {
        let account = message.guarantor.as_ref().and_then(|id| self.accounts.get(id));
        let on_file = message.contact.as_ref().and_then(|id| {
            account.and_then(|a| a.contacts.iter().find(|c| c.id == *id)).map(Recipient::on_file)
        });
        on_file.unwrap_or_else(|| {
            let mut stranger = stranger_of(&self.keys, &self.practice, message);
            if message.contact.is_some() && account.is_some() {
                stranger.value.clear();
            }
            stranger
        })
    }

    /// Where a letter to this account goes; none without a whole address.
    pub fn at_address(&self, account: &Account) -> Option<Recipient> {
        let address = &account.guarantor.address;
        let zip = address.zip.as_ref().map(|zip| zip.as_str().to_owned());
        let whole = [address.street.clone()?, address.city.clone()?, zip?].join(", ");
        Some(Recipient::stranger(&self.keys, &self.practice, Kind::Address, &whole))
    }

    pub fn is_opted_out(&self, recipient: &Recipient, channel: Channel) -> bool {
        self.suppression(recipient, channel).is_some()
    }

    /// A STOP to texts stops calls too: who takes consent back from one robot takes it from both.
    fn suppression(&self, recipient: &Recipient, channel: Channel) -> Option<Suppression> {
        let stands = self.suppression_of(recipient, channel);
        let texts = (channel == Channel::Voice)
            .then(|| self.suppression_of(recipient, Channel::Text))
            .flatten();
        match (stands, texts) {
            (Some(stands), Some(texts)) => Some(suppression::wider(stands, texts)),
            (one, other) => one.or(other),
        }
    }

    fn suppression_of(&self, recipient: &Recipient, channel: Channel) -> Option<Suppression> {
        let own = self.suppressions.get(&(recipient.value_index.clone(), channel)).copied();
        let global = self.suppressions.get(&(recipient.global_index.clone(), channel)).copied();
        match (own, global) {
            (Some(own), Some(global)) => Some(suppression::wider(own, global)),
            (one, other) => one.or(other),
        }
    }

    fn guarantor_facts(
        &self,
        account: &Account,
        recipient: &Recipient,
        channel: Channel,
    ) -> GuarantorFacts {
        let guarantor = &account.guarantor;
        let phone = if channel.rings() {
            Some(recipient.value.clone())
        } else {
            account.contacts.iter().find(|c| c.kind == Kind::Phone).map(|c| c.value.clone())
        };
        let only = account
            .holds
            .iter()
            .filter(|h| h.kind == HoldKind::ConfidentialCommunication)
            .filter_map(|h| h.only_contact.as_ref())
            .find_map(|id| account.contacts.iter().find(|c| c.id == *id));
        GuarantorFacts {
            born_on: guarantor.born_on,
            is_separate_from_patients: guarantor.is_separate_from_patients,
            holds: account
                .holds
                .iter()
                .map(Hold::rule)
                // What the practice's system says needs nobody to place a hold.
                .chain(guarantor.has_died.then(|| rule::Hold::on_account(HoldKind::Deceased, None)))
                .collect(),
            only_this_way: only.map(|contact| OnlyThisWay {
                channel: contact.kind.channel(),
                value: contact.value.clone(),
            }),
            preference: match guarantor.preferred {
                None => Preference::Either,
                Some(Preferred::Text) => Preference::Text,
                Some(Preferred::Email) => Preference::Email,
                Some(Preferred::Both) => Preference::Both,
            },
            takes_text_or_email: account.contacts.iter().any(|c| self.takes_messages(c)),
            whereabouts: Whereabouts {
                phone,
                zip: guarantor.address.zip.as_ref().map(|z| z.as_str().to_owned()),
                state: guarantor.state.clone().or_else(|| guarantor.address.state.clone()),
                stated_zone: guarantor.zone.clone(),
            },
            not_before: account.wishes.not_before(
                guarantor.last_sent_at,
                self.now,
                &self.practice.zone(),
            ),
            quiet: account.wishes.quiet,
        }
    }

    /// A phone that agreed to texts, or an email nobody unsubscribed: who has one needs no fax.
    fn takes_messages(&self, contact: &Contact) -> bool {
        let channel = contact.kind.channel();
        let consent = self.consents.get(&(contact.value_index.clone(), channel));
        let agreed = match contact.kind {
            Kind::Phone => {
                contact.text_enabled_at.is_some() && consent.is_some_and(|consent| consent.granted)
            }
            Kind::Email => consent.is_none_or(|consent| consent.granted),
            Kind::Fax | Kind::Address => false,
        };
        let recipient = Recipient::on_file(contact);
        let takes_texts = !matches!(recipient.line, LineType::Landline | LineType::TollFree);
        agreed
            && recipient.reach == Reach::Good
            && (contact.kind == Kind::Email || takes_texts)
            && self.suppression(&recipient, channel).is_none()
    }

    fn contact_facts(&self, recipient: &Recipient, channel: Channel) -> ContactFacts {
        let suppression = self.suppression(recipient, channel);
        let answered = |class: Class| {
            let key = (recipient.value_index.clone(), class.as_str().to_owned());
            self.answered.get(&key).copied()
        };
        ContactFacts {
            value: recipient.value.clone(),
            line: recipient.line,
            reach: recipient.reach,
            text_enabled: recipient.text_enabled,
            suppression,
            consent: self.consents.get(&(recipient.value_index.clone(), channel)).copied(),
            is_wrong_number: suppression
                .is_some_and(|s| s.reason == SuppressionReason::WrongNumber),
            verified_at: recipient.verified_at,
            opt_out_confirmed_at: answered(Class::OptOutConfirmation),
            auto_replied_at: answered(Class::AutoReply),
            asked_at: None,
        }
    }
}

/// The recipient of a message that went to nobody's contact on file.
fn stranger_of(keys: &Keys, practice: &Practice, message: &Message) -> Recipient {
    Recipient::stranger(keys, practice, Kind::reached_by(message.channel), &message.recipient)
}

/// Reads what decisions on these messages need, and the claims each is about.
pub(crate) async fn gather_for(
    db: &mut Db,
    practice: &Practice,
    messages: &[&Message],
    now: UnixMs,
) -> store::Result<(Gathered, BTreeMap<(JobId, GuarantorId), Vec<ClaimId>>)> {
    let mut ids: Vec<GuarantorId> = messages.iter().filter_map(|m| m.guarantor.clone()).collect();
    ids.sort();
    ids.dedup();
    let keys = db.keys();
    let strangers: Vec<Recipient> = messages
        .iter()
        .filter(|m| m.contact.is_none())
        .map(|m| stranger_of(&keys, practice, m))
        .collect();
    let gathered = gather(db, practice, &ids, &strangers, now).await?;
    let claims = claims_of(db, practice, messages).await?;
    Ok((gathered, claims))
}

/// The practice's rules as `decide` takes them, with its changes of the book.
pub fn rules_of(practice: &Practice, changes: &[Change]) -> Rules {
    let settings = &practice.settings;
    let hour = |h: i8| u16::from(h.clamp(0, 24).unsigned_abs());
    let days = (settings.window_first_weekday..=settings.window_last_weekday)
        .filter_map(|day| Weekday::from_monday_one_offset(day).ok());
    Rules {
        windows: Windows {
            preferred: Hours::new(
                hour(settings.window_from_hour),
                hour(settings.window_until_hour),
            ),
            preferred_days: Weekdays::of(days),
            skip_federal_holidays: settings.skip_federal_holidays,
            ..Windows::default()
        },
        minimum_balance: settings.minimum_balance,
        reverify_after_days: settings.reverify_after_days,
        sender: if settings.collects_for_others { Sender::ThirdParty } else { Sender::FirstParty },
        is_nonprofit_hospital: settings.is_nonprofit_hospital,
        book: Rulebook::product().with(changes),
    }
}

fn practice_facts(practice: &Practice) -> PracticeFacts {
    let settings = &practice.settings;
    let custom = settings.custom_name.as_deref().map(str::trim).filter(|n| !n.is_empty());
    let chars = practice.alias().trim().chars().count();
    PracticeFacts {
        is_live: practice.live_at.is_some(),
        import_is_held: practice.outreach_held_at.is_some(),
        platform_text_enabled: settings.texts_enabled_by_platform,
        practice_text_enabled: settings.texts_enabled_by_practice,
        text_number_chosen: settings.text_number.is_some(),
        text_billing_accepted: settings.billing_consent_at.is_some(),
        text_campaign_registered: settings.text_campaign_registered,
        code_sender_is_separate: settings
            .code_number
            .as_ref()
            .is_some_and(|code| settings.text_number.as_ref() != Some(code)),
        proof_approved: settings.proof_approved_at.is_some(),
        email_sender_tested: settings.email_tested_at.is_some(),
        email_paused_for_complaints: settings.email_paused_at.is_some(),
        voice_is_on: practice.calls_are_enabled(),
        caller_number_chosen: settings.text_number.is_some(),
        fax_is_on: settings.fax_is_on,
        texts_paused_by_carriers: settings.texts_paused_at.is_some(),
        instamed_is_active: settings.instamed_is_active,
        text_name_chars: u32::try_from(chars).unwrap_or(u32::MAX),
        text_name_is_custom: custom.is_some(),
        is_sensitive: settings.is_sensitive,
    }
}

fn balance_facts(account: &Account, claims: &[ClaimId]) -> BalanceFacts {
    let due = &account.due;
    let covered = |id: &ClaimId| claims.is_empty() || claims.contains(id);
    let about = due.claims.iter().filter(|c| covered(&c.id));
    let net_due: Cents = about.clone().map(|c| c.still_due).sum();
    let payable = about.clone().any(|c| c.standing == ClaimStanding::Payable);
    let waiting = about.clone().any(|c| c.standing == ClaimStanding::WaitingForInsurance);
    BalanceFacts {
        net_due: Some(net_due),
        insurance_pending: Some(waiting && !payable),
        payment: account.standing.payment,
        last_paid_at: account.standing.last_paid_at,
        plan: account.arrangement.arrangement.plan_standing(),
        autopay_is_on: account.arrangement.arrangement.autopay_is_on(),
        // Whoever asks about a message that speaks of one says so.
        agreed: AgreedPayment::Unknown,
        // Nobody records these yet; the rules that ask for them withhold until somebody does.
        first_billed_at: None,
        written_notice_at: None,
        validation_sent_at: None,
    }
}

/// What a collector has to say in every message, folded.
const COLLECTOR_WORDS: [&str; 2] = ["debt collector", "cobrador de deudas"];

/// What the words say, read off the words themselves.
pub(crate) fn says(kind: &str, channel: Channel, content: &Content) -> Says {
    let text = content.text.to_lowercase();
    Says {
        way_out: match channel {
            Channel::Email => content.unsubscribe_url.is_some(),
            _ => text.contains("stop"),
        },
        collector_notice: COLLECTOR_WORDS.iter().any(|words| text.contains(words)),
        is_final_notice: kind == template::Kind::FinalNotice.as_str(),
    }
}

/// What freezes a message: its words and its amount (D-39).
pub(crate) fn content_hash(content: &Content, amount: Option<Cents>) -> String {
    let mut hash = Sha256::new();
    let parts = [
        content.subject.as_deref().unwrap_or_default(),
        &content.text,
        content.html.as_deref().unwrap_or_default(),
    ];
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(amount.map_or(-1, |a| a.0).to_be_bytes());
    // Only where there is one: what was approved before there were pictures stays approved.
    if let Some(address) = &content.picture_of {
        hash.update(address.as_bytes());
    }
    if let Some(rider) = &content.rider {
        for part in [&rider.words, &rider.link, rider.html.as_ref().unwrap_or(&String::new())] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
    }
    hex::encode(hash.finalize())
}

/// A stored message as the rules see it. The hash is computed from the words at hand, so that what
/// was approved is what is sent.
pub fn proposal_of(message: &Message, claims: &[ClaimId]) -> Proposed {
    Proposed {
        message_id: message.id.clone(),
        recipient: message.recipient.clone(),
        class: message.class,
        channel: message.channel,
        notice: message.notice.clone(),
        claims: claims.to_vec(),
        slot_at: message.slot_at,
        content_hash: content_hash(&message.content, message.amount),
        says: says(&message.kind, message.channel, &message.content),
    }
}

/// The approval as stored with a message.
pub(crate) fn approval_of(practice: &Practice, message: &Message) -> Approval {
    Approval {
        is_required: practice.settings.approval_is_required && message.class == Class::Dunning,
        given: message.approved_at.map(|at| Approved {
            at,
            content_hash: message.content_hash.clone(),
            net_due: message.amount.unwrap_or_default(),
        }),
    }
}

/// Nobody has been asked yet, and that is not the question.
pub(crate) const fn no_approval() -> Approval {
    Approval { is_required: false, given: None }
}

/// The claims each message of these accounts is about.
async fn claims_of(
    db: &mut Db,
    practice: &Practice,
    messages: &[&Message],
) -> store::Result<BTreeMap<(JobId, GuarantorId), Vec<ClaimId>>> {
    let mut jobs: Vec<JobId> = messages.iter().filter_map(|m| m.job.clone()).collect();
    let mut ids: Vec<GuarantorId> = messages.iter().filter_map(|m| m.guarantor.clone()).collect();
    jobs.sort();
    jobs.dedup();
    ids.sort();
    ids.dedup();
    let mut found: BTreeMap<(JobId, GuarantorId), Vec<ClaimId>> = BTreeMap::new();
    if !jobs.is_empty() {
        for (job, guarantor, claim) in
            store::job::list_claims(db, &practice.id, &jobs, &ids).await?
        {
            found.entry((job, guarantor)).or_default().push(claim);
        }
    }
    Ok(found)
}

/// The decision on a message as it is stored, with the facts of now.
pub(crate) fn decide_stored(
    gathered: &Gathered,
    message: &Message,
    claims: &BTreeMap<(JobId, GuarantorId), Vec<ClaimId>>,
    now: UnixMs,
) -> Decision {
    let (proposal, facts) = case_of(gathered, message, claims);
    decide(&proposal, &facts, &gathered.rules, now)
}

/// What `decide` and `admit` are asked about a stored message.
pub(crate) fn case_of(
    gathered: &Gathered,
    message: &Message,
    claims: &BTreeMap<(JobId, GuarantorId), Vec<ClaimId>>,
) -> (Proposed, Facts) {
    let about = match (&message.job, &message.guarantor) {
        (Some(job), Some(guarantor)) => {
            claims.get(&(job.clone(), guarantor.clone())).cloned().unwrap_or_default()
        }
        _ => Vec::new(),
    };
    let recipient = gathered.recipient_of(message);
    let mut facts = gathered.facts(
        message.guarantor.as_ref(),
        &recipient,
        message.channel,
        &about,
        approval_of(&gathered.practice, message),
        Some(&message.id),
    );
    facts.contact.asked_at = crate::calls::asked_at(message);
    let account = message.guarantor.as_ref().and_then(|id| gathered.accounts.get(id));
    if let (Some(account), Some(balance)) = (account, &mut facts.balance) {
        let zone = gathered.practice.zone();
        balance.agreed = crate::agreed::standing(account, &message.notice, &zone);
    }
    (proposal_of(message, &about), facts)
}
