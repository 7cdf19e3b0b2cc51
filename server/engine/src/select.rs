//! The Confirm Patient List: who would be reminded, when, and who not and why.

use std::collections::BTreeMap;

use domain::{
    book::{ClaimStatus, Language, Preferred},
    clock::{DAY_MS, HOUR_MS, UnixMs},
    decide::{
        AgreedPayment, Channel, Class, Decision, Outcome, Proposed, Says, Sent, Verdict, decide,
    },
    id::{ClaimId, ContactId, GuarantorId, MessageId, PracticeId},
    money::Cents,
    practice::Practice,
    sms::ACCOUNTS_MOST,
    template::Book,
    window::{floor_lifts_at, is_below_the_floor},
};
use jiff::civil::Date;
use store::{
    Db,
    contact::{Contact, Kind},
    guarantor::name_key,
    message::{Content, Rider},
    selection,
};

use crate::{
    Criteria, Engine, Preview, Refusal, Result, Segment,
    compose::{Links, check_name, reminder_letter, under_name},
    criteria::{RECENT_DAYS, TOP_PRIORITY_CENTS, TOP_PRIORITY_DAYS},
    facts::{Account, Gathered, Recipient, gather, no_approval},
    ladder::{Climber, Ground},
};

/// Accounts looked at together.
const PAGE: i64 = 512;
/// No practice's list is longer; a longer one wants narrower criteria.
pub(crate) const LIST_LONGEST: usize = 200_000;

/// When an approved message would go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goes {
    WithinTheHour,
    /// The window, a cap or a pause ends then.
    At(UnixMs),
    Not,
}

#[derive(Clone, Debug)]
pub struct ClaimBrief {
    pub id: ClaimId,
    pub status: ClaimStatus,
    pub still_due: Cents,
    pub since: Date,
    pub has_returned_check: bool,
}

/// One line of the list.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub guarantor: GuarantorId,
    pub name: String,
    pub patients: Vec<String>,
    pub language: Language,
    /// Net of everything received.
    pub due: Cents,
    pub oldest_since: Option<Date>,
    pub age_days: i64,
    pub claims: Vec<ClaimBrief>,
    pub is_self_pay: bool,
    pub has_several_bills: bool,
    pub is_top_priority: bool,
    pub is_flagged: bool,
    /// Chose text and email: the same notice goes on the other one too, where it may.
    pub chose_both: bool,
    pub last_sent_at: Option<UnixMs>,
    /// Within the last seven days: staff are warned.
    pub was_sent_lately: bool,
    pub contact: Option<ContactId>,
    pub masked: Option<String>,
    /// The same for accounts that share this phone or email; `None` when nobody shares it.
    pub shared_contact: Option<String>,
    /// The same for accounts that get one message together (D-4); `None` for one by itself.
    pub goes_with: Option<usize>,
    pub goes: Goes,
    /// What speaks against it, if anything. `None` when there is no phone or email at all.
    pub decision: Option<Decision>,
}

#[derive(Clone, Debug)]
pub struct ConfirmList {
    pub method: Channel,
    /// By what is due, accounts that share a contact together.
    pub eligible: Vec<Candidate>,
    pub not_eligible: Vec<Candidate>,
    pub total_due: Cents,
    /// Parts of one text, by the sample; a text's cost is per part.
    pub sizes: Sizes,
    /// How many wait longer than the hour.
    pub waiting: usize,
    /// Midnight to three somewhere in the fifty states: nothing can be started until then (S-SF5).
    pub floor_until: Option<UnixMs>,
    /// The criteria match more accounts than one run takes.
    pub is_cut: bool,
}

/// Parts of one message by how many accounts it is for, as far as they fit into one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes(Vec<i64>);

impl Default for Sizes {
    fn default() -> Self {
        Self(vec![1])
    }
}

impl Sizes {
    /// For more than fit: as many messages as it takes.
    pub fn of(&self, accounts: usize) -> i64 {
        let most = self.most();
        let whole = i64::try_from(accounts / most).unwrap_or(0) * self.0[most - 1];
        whole + (accounts % most).checked_sub(1).map_or(0, |place| self.0[place])
    }

    /// Accounts that fit into one message.
    pub fn most(&self) -> usize {
        self.0.len()
    }
}

impl Engine {
    /// "Show Patients": everybody the criteria match, decided as if approved now.
    pub async fn confirm_list(
        &self,
        practice: &PracticeId,
        criteria: &Criteria,
    ) -> Result<ConfirmList> {
        let practice = self.practice(practice).await?;
        let mut db = self.store().read().await?;
        let now = self.now();
        let (candidates, is_cut) = self.candidates(&mut db, &practice, criteria, now).await?;
        let (eligible, not_eligible): (Vec<_>, Vec<_>) =
            candidates.into_iter().partition(|c| c.goes != Goes::Not);
        let sizes = self.sizes(&mut db, &practice, criteria.method, now).await?;
        Ok(ConfirmList {
            method: criteria.method,
            total_due: eligible.iter().map(|c| c.due).sum(),
            waiting: eligible.iter().filter(|c| c.goes != Goes::WithinTheHour).count(),
            sizes,
            eligible,
            not_eligible,
            floor_until: is_below_the_floor(now).then(|| floor_lifts_at(now)),
            is_cut,
        })
    }

    /// "Preview": a sample message under the name that would be used.
    pub async fn preview(
        &self,
        practice: &PracticeId,
        method: Channel,
        custom_name: Option<&str>,
    ) -> Result<Preview> {
        let name_is_long = check_name(custom_name)?;
        let practice = under_name(&self.practice(practice).await?, custom_name);
        let mut db = self.store().read().await?;
        let book = store::template::load_book(&mut db, &practice.id).await?;
        drop(db);
        let mut preview = self.sample(&practice, &book, method, self.now())?;
        preview.name_is_long = name_is_long;
        Ok(preview)
    }

    pub(crate) fn sample(
        &self,
        practice: &Practice,
        book: &Book,
        method: Channel,
        now: UnixMs,
    ) -> std::result::Result<Preview, Refusal> {
        // As long as a real one.
        let settings = &practice.settings;
        let link = format!("{}/p/EXAMPLEEXAMPLEEXAMPLE1", settings.public_base);
        let unsubscribe = format!("{}/unsubscribe/EXAMPLE", settings.public_base);
        let account = sample_account(practice, now);
        let unsubscribe = (method == Channel::Email).then_some(unsubscribe.as_str());
        let links = Links { pay: &link, check_code: "EXAMPLE1", unsubscribe };
        let (language, words) = (Language::English, (book, None));
        let letter = reminder_letter(practice, &account, language, method, words, links, now);
        let content = self.words(&letter, method)?;
        let riders: Vec<Rider> = (2..=ACCOUNTS_MOST)
            .filter_map(|place| {
                let link = format!("{}/p/EXAMPLEEXAMPLEEXAMPLE{place}", settings.public_base);
                let links = Links { pay: &link, check_code: "EXAMPLE2", unsubscribe };
                let its = reminder_letter(practice, &account, language, method, words, links, now);
                self.wording().rider(&its, method)
            })
            .collect();
        if method == Channel::Text && !domain::sms::is_whole_in_first_segment(&content.text, &link)
        {
            return Err(Refusal::Wording("the link would be split"));
        }
        let parts = |content: &Content| match method {
            Channel::Text => {
                i64::try_from(domain::sms::size(&content.text).segments).unwrap_or(i64::MAX)
            }
            Channel::Email | Channel::Voice | Channel::Fax | Channel::Letter => 1,
        };
        let segments = parts(&content);
        let joined: Vec<Content> = (1..=riders.len())
            .map_while(|many| {
                let riders: Vec<&Rider> = riders.iter().take(many).collect();
                self.joined(method, &content, &riders)
            })
            .collect();
        let sizes = Sizes(std::iter::once(segments).chain(joined.iter().map(parts)).collect());
        Ok(Preview {
            sizes,
            together: joined.into_iter().next().map(|content| content.text),
            text: content.subject.is_none().then(|| content.text.clone()),
            mail: content.subject.map(|subject| crate::Mail {
                subject,
                text: content.text,
                html: content.html.unwrap_or_default(),
                picture_of: content.picture_of,
                template: None,
            }),
            segments,
            name: practice.alias().to_owned(),
            name_is_long: false,
        })
    }

    pub(crate) async fn sizes(
        &self,
        db: &mut Db,
        practice: &Practice,
        method: Channel,
        now: UnixMs,
    ) -> store::Result<Sizes> {
        let book = store::template::load_book(db, &practice.id).await?;
        let sample = self.sample(practice, &book, method, now);
        Ok(sample.map(|sample| sample.sizes).unwrap_or_default())
    }

    pub(crate) async fn candidates(
        &self,
        db: &mut Db,
        practice: &Practice,
        criteria: &Criteria,
        now: UnixMs,
    ) -> Result<(Vec<Candidate>, bool)> {
        let filter = filter_of(criteria);
        let mut found = Vec::new();
        let mut after: Option<GuarantorId> = None;
        let mut is_cut = false;
        while !is_cut {
            let page = selection::list(db, &practice.id, &filter, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            let gathered = gather(db, practice, &page, &[], now).await?;
            found.extend(lines(db, &gathered, &page, criteria, now).await?);
            is_cut = found.len() >= LIST_LONGEST;
        }
        let mut found = in_order(found);
        let most = self.sizes(db, practice, criteria.method, now).await?.most();
        wait_for_each_other(db, practice, &mut found, criteria.method, most, now).await?;
        Ok((found, is_cut))
    }
}

fn filter_of(criteria: &Criteria) -> selection::Filter {
    let key = |text: &Option<String>| text.as_deref().map(name_key).filter(|key| !key.is_empty());
    selection::Filter {
        ready: criteria.statuses.contains(&ClaimStatus::Ready),
        pending_patient: criteria.statuses.contains(&ClaimStatus::PendingPatient),
        name_from: key(&criteria.name_from),
        name_to: key(&criteria.name_to),
        name_holds: key(&criteria.search),
        last_sent_before: criteria.last_sent_before,
        flagged_only: criteria.segment == Some(Segment::Flagged),
    }
}

async fn lines(
    db: &mut Db,
    gathered: &Gathered,
    page: &[GuarantorId],
    criteria: &Criteria,
    now: UnixMs,
) -> store::Result<Vec<Candidate>> {
    let practice = &gathered.practice.id;
    let mut patients: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for patient in store::guarantor::list_patients(db, practice, page).await? {
        patients.entry(patient.guarantor_id).or_default().push(patient.name);
    }
    let mut extras: BTreeMap<ClaimId, selection::ClaimLine> = BTreeMap::new();
    for claim in selection::list_claims(db, practice, page).await? {
        extras.insert(claim.id.clone(), claim);
    }
    let today = now.day_in(&gathered.practice.zone());
    let ground = match &criteria.filter {
        Some(_) => Some(Ground::read(db, practice, page, now).await?),
        None => None,
    };
    let mut found = Vec::new();
    for account in gathered.accounts.values() {
        if let (Some(filter), Some(ground)) = (&criteria.filter, &ground)
            && !Climber::of(&gathered.practice, account, ground, now)
                .is_some_and(|climber| filter.holds(&climber.view))
        {
            continue;
        }
        let names = patients.remove(account.guarantor.id.as_str()).unwrap_or_default();
        let line = line(gathered, account, names, &extras, criteria.method, today, now);
        if passes(&line, criteria) {
            found.push(line);
        }
    }
    Ok(found)
}

fn passes(line: &Candidate, criteria: &Criteria) -> bool {
    // Who owes nothing is on no list; everybody else is, if need be with the reason why not.
    line.due.is_positive()
        && criteria.age.is_none_or(|age| age.holds(line.age_days))
        && criteria.amount_at_least.is_none_or(|least| line.due >= least)
        && criteria.amount_at_most.is_none_or(|most| line.due <= most)
        && match criteria.segment {
            None | Some(Segment::Flagged) => true,
            Some(Segment::SelfPay) => line.is_self_pay,
            Some(Segment::Insurance) => !line.is_self_pay,
            Some(Segment::MultipleBills) => line.has_several_bills,
            Some(Segment::TopPriority) => line.is_top_priority,
        }
}

fn line(
    gathered: &Gathered,
    account: &Account,
    patients: Vec<String>,
    extras: &BTreeMap<ClaimId, selection::ClaimLine>,
    method: Channel,
    today: Date,
    now: UnixMs,
) -> Candidate {
    let guarantor = &account.guarantor;
    let claims: Vec<ClaimBrief> = account
        .due
        .claims
        .iter()
        .filter(|c| c.still_due.is_positive())
        .map(|c| ClaimBrief {
            id: c.id.clone(),
            status: extras.get(&c.id).map_or(ClaimStatus::Ready, |e| e.status),
            still_due: c.still_due,
            since: c.since,
            has_returned_check: extras.get(&c.id).is_some_and(|e| e.has_returned_check),
        })
        .collect();
    let oldest_since = account.due.oldest_due_since;
    let age_days = oldest_since.map_or(0, |since| days_between(since, today));
    let best = best_contact(gathered, account, method, now);
    let (contact, decision) = match best {
        Some((contact, decision)) => (Some(contact), Some(decision)),
        None => (None, None),
    };
    Candidate {
        guarantor: guarantor.id.clone(),
        name: guarantor.name.clone(),
        patients,
        language: guarantor.language.unwrap_or(Language::English),
        due: account.due.due,
        oldest_since,
        age_days,
        is_self_pay: claims.iter().all(|c| extras.get(&c.id).is_none_or(|e| e.is_self_pay)),
        has_several_bills: claims.len() > 1,
        is_top_priority: age_days > TOP_PRIORITY_DAYS || account.due.due > TOP_PRIORITY_CENTS,
        is_flagged: guarantor.flagged_at.is_some(),
        chose_both: guarantor.preferred == Some(Preferred::Both),
        last_sent_at: guarantor.last_sent_at,
        was_sent_lately: guarantor
            .last_sent_at
            .is_some_and(|at| now.since(at) < RECENT_DAYS * DAY_MS),
        contact: contact.map(|c| c.id.clone()),
        masked: contact.map(|c| c.masked.clone()),
        shared_contact: contact.map(|c| c.value_index.clone()),
        goes_with: None,
        goes: goes(decision.as_ref(), now),
        decision: decision.map(objections),
        claims,
    }
}

/// A decision of a list of thousands keeps only what speaks against it.
fn objections(mut decision: Decision) -> Decision {
    decision.reasons.retain(|reason| reason.verdict != Verdict::Pass);
    decision.reasons.shrink_to_fit();
    decision
}

pub(crate) fn goes(decision: Option<&Decision>, now: UnixMs) -> Goes {
    match decision.map(|d| d.outcome) {
        None | Some(Outcome::Withhold) => Goes::Not,
        Some(Outcome::Send) => Goes::WithinTheHour,
        Some(Outcome::Defer { until }) if until.since(now) <= HOUR_MS => Goes::WithinTheHour,
        Some(Outcome::Defer { until }) => Goes::At(until),
    }
}

/// Of the contacts a channel reaches, the one that would be written to soonest; of equals the one
/// known longest.
pub(crate) fn best_contact<'a>(
    gathered: &Gathered,
    account: &'a Account,
    channel: Channel,
    now: UnixMs,
) -> Option<(&'a Contact, Decision)> {
    best_by(gathered, account, channel, &Question::default(), now)
}

/// The same for a notice of which something was sent before: together they count once.
pub(crate) fn best_contact_for<'a>(
    gathered: &Gathered,
    account: &'a Account,
    channel: Channel,
    notice: &str,
    now: UnixMs,
) -> Option<(&'a Contact, Decision)> {
    best_by(gathered, account, channel, &Question::about(notice), now)
}

/// What would be proposed: unless something is said, a reminder of everything due.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub class: Class,
    pub notice: String,
    pub agreed: AgreedPayment,
}

impl Question {
    fn about(notice: &str) -> Self {
        Self { notice: notice.to_owned(), ..Self::default() }
    }
}

impl Default for Question {
    fn default() -> Self {
        Self { class: Class::Dunning, notice: String::new(), agreed: AgreedPayment::Unknown }
    }
}

/// As [`best_contact`], for any message.
pub(crate) fn best_by<'a>(
    gathered: &Gathered,
    account: &'a Account,
    channel: Channel,
    question: &Question,
    now: UnixMs,
) -> Option<(&'a Contact, Decision)> {
    let rank = |decision: &Decision| match decision.outcome {
        Outcome::Send => (0, UnixMs(0)),
        Outcome::Defer { until } => (1, until),
        Outcome::Withhold => (2, UnixMs(0)),
    };
    let mut best: Option<(&Contact, Decision)> = None;
    for contact in account.contacts.iter().filter(|c| c.kind == Kind::reached_by(channel)) {
        let recipient = Recipient::on_file(contact);
        let decision = hypothetical(gathered, account, &recipient, channel, question, now);
        if best.as_ref().is_none_or(|(_, known)| rank(&decision) < rank(known)) {
            best = Some((contact, decision));
        }
    }
    best
}

/// What would be said to a message, if it were proposed at `at`.
pub(crate) fn hypothetical(
    gathered: &Gathered,
    account: &Account,
    recipient: &Recipient,
    channel: Channel,
    question: &Question,
    at: UnixMs,
) -> Decision {
    let proposal = Proposed {
        message_id: MessageId::trusted("msg_hypothetical"),
        recipient: recipient.value.clone(),
        class: question.class,
        channel,
        notice: question.notice.clone(),
        claims: Vec::new(),
        slot_at: at,
        content_hash: String::new(),
        // The words of a reminder end in the way out.
        says: Says { way_out: true, ..Says::default() },
    };
    let mut facts =
        gathered.facts(Some(&account.guarantor.id), recipient, channel, &[], no_approval(), None);
    if let Some(balance) = &mut facts.balance {
        balance.agreed = question.agreed;
    }
    decide(&proposal, &facts, &gathered.rules, at)
}

/// A letter to the address on file: where it goes, and what would be said to it. None without one.
pub(crate) fn by_letter(
    gathered: &Gathered,
    account: &Account,
    notice: &str,
    at: UnixMs,
) -> Option<(String, Decision)> {
    let recipient = gathered.at_address(account)?;
    let masked = account.guarantor.address.city.clone();
    let about = Question::about(notice);
    let decision = hypothetical(gathered, account, &recipient, Channel::Letter, &about, at);
    Some((masked.unwrap_or_else(|| "the address on file".to_owned()), decision))
}

fn days_between(since: Date, today: Date) -> i64 {
    since.until(today).map_or(0, |span| i64::from(span.get_days()))
}

/// By what is due, the largest first, accounts of one phone together.
fn in_order(mut found: Vec<Candidate>) -> Vec<Candidate> {
    let mut largest: BTreeMap<String, (Cents, usize)> = BTreeMap::new();
    for line in &found {
        if let Some(shared) = &line.shared_contact {
            let entry = largest.entry(shared.clone()).or_insert((line.due, 0));
            entry.0 = entry.0.max(line.due);
            entry.1 += 1;
        }
    }
    let group = |line: &Candidate| {
        let due =
            line.shared_contact.as_ref().and_then(|s| largest.get(s)).map_or(line.due, |g| g.0);
        (std::cmp::Reverse(due), line.shared_contact.clone())
    };
    found.sort_by_cached_key(|line| {
        (group(line), std::cmp::Reverse(line.due), line.guarantor.clone())
    });
    for line in &mut found {
        let alone = |shared| largest.get(shared).is_none_or(|(_, count)| *count < 2);
        if line.shared_contact.as_ref().is_some_and(alone) {
            line.shared_contact = None;
        }
    }
    found
}

/// Of several accounts with one phone as many go in one message as fit, and the others wait for the
/// cap of the phone (D-4): decided as if the ones before had gone.
async fn wait_for_each_other(
    db: &mut Db,
    practice: &Practice,
    found: &mut [Candidate],
    method: Channel,
    most: usize,
    now: UnixMs,
) -> store::Result<()> {
    let mut phones: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, line) in found.iter().enumerate().filter(|(_, c)| c.goes != Goes::Not) {
        if let Some(shared) = &line.shared_contact {
            phones.entry(shared.clone()).or_default().push(place);
        }
    }
    let sharing: Vec<GuarantorId> =
        phones.values().flatten().map(|place| found[*place].guarantor.clone()).collect();
    if sharing.is_empty() {
        return Ok(());
    }
    let mut gathered = gather(db, practice, &sharing, &[], now).await?;
    let mut groups = 0;
    for (shared, mut waiting) in phones {
        let mut is_first = true;
        while !waiting.is_empty() {
            if !is_first {
                for place in &waiting {
                    decide_again(&gathered, &mut found[*place], method, now);
                }
                waiting.retain(|place| found[*place].goes != Goes::Not);
            }
            is_first = false;
            let Some(first) = waiting.first().copied() else { break };
            let (goes, language) = (found[first].goes, found[first].language);
            let of_one: Vec<usize> = waiting
                .iter()
                .copied()
                .filter(|place| (found[*place].goes, found[*place].language) == (goes, language))
                .take(most)
                .collect();
            if of_one.len() > 1 {
                groups += 1;
                of_one.iter().for_each(|place| found[*place].goes_with = Some(groups));
            }
            waiting.retain(|place| !of_one.contains(place));
            let at = match goes {
                Goes::At(at) => at,
                Goes::WithinTheHour | Goes::Not => now,
            };
            gathered.add_mark(&shared, Sent { at, notice: found[first].guarantor.to_string() });
        }
    }
    Ok(())
}

fn decide_again(gathered: &Gathered, line: &mut Candidate, method: Channel, now: UnixMs) {
    let Some(account) = gathered.accounts.get(&line.guarantor) else { return };
    if let Some((_, decision)) = best_contact(gathered, account, method, now) {
        line.goes = goes(Some(&decision), now);
        line.decision = Some(objections(decision));
    }
}

/// An account for previews: nobody's.
fn sample_account(practice: &Practice, now: UnixMs) -> Account {
    use domain::balance::{AccountFacts, due};
    let id = GuarantorId::trusted("gua_sample");
    let mut balance = due(&AccountFacts::default());
    balance.due = Cents(82_00);
    Account {
        guarantor: store::guarantor::Guarantor {
            id,
            practice: practice.id.clone(),
            source: String::new(),
            external_id: String::new(),
            name: "Alex Sample".into(),
            born_on: None,
            match_verifier: None,
            address: domain::book::Address::default(),
            state: None,
            language: None,
            preferred: None,
            zone: None,
            lone_minor_at: None,
            is_separate_from_patients: true,
            has_died: false,
            last_sent_at: None,
            flagged_at: None,
            next_check_at: None,
            version: 1,
            created_at: now,
        },
        contacts: Vec::new(),
        holds: Vec::new(),
        due: balance,
        standing: store::standing::Standing::default(),
        wishes: domain::wishes::Wishes::default(),
        arrangement: domain::arrangement::Known::default(),
    }
}
