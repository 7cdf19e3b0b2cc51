//! One account as the patient record shows it, read for whoever may see it. Contacts come masked;
//! what identifies a person is opened only for a reader who asked.

use std::collections::{BTreeMap, BTreeSet};

use app::{
    components::{Errors, Tone},
    pages::staff::{
        Calls, ContactKind, ContactLine, NewContactForm, PatientRecord, RecordClaim, RecordHead,
        RecordHold, RecordIdentity, RecordNote, RecordPatient, RecordReply, RecordRights,
        decision_words::{end_words, reach_words},
        message_words::channel_name,
    },
};
use domain::{
    arrangement::Arrangement,
    balance::{AccountDue, Standing as ClaimStanding, due},
    book::ClaimStatus,
    clock::{DAY_MS, UnixMs},
    decide::{Channel, Consent, PlanStanding, Reach, Suppression, SuppressionReason},
    holds::HoldKind,
    id::{ClaimId, ContactId, GuarantorId, MessageId, PracticeId},
    money::Cents,
    practice::Practice,
    revocation::Inbound,
    staff::Permission,
};
use store::{
    Db,
    contact::{Contact, Kind},
    guarantor::Guarantor,
    hold::Hold,
};

use crate::{
    failure::Failure, house::House, naming::Names, pages::staff::encounters::days_between,
    session::Staff,
};

const REPLIES: i64 = 20;
const NOTES: i64 = 50;
/// A reminder that nobody answered for this long got no response.
const UNANSWERED_MS: i64 = 7 * DAY_MS;

/// What a page of the record has beside the account itself.
#[derive(Default)]
pub struct Extras {
    pub typed_note: String,
    pub new_contact: NewContactForm,
    /// The contact somebody asked to remove.
    pub removing: Option<String>,
    /// The message that failed and brought somebody here.
    pub mending: Option<String>,
    pub shows_identity: bool,
    pub errors: Errors,
}

/// The account behind an id from an address; anybody else's is not there (R06).
pub async fn find(db: &mut Db, practice: &Practice, id: &str) -> Result<Guarantor, Failure> {
    let id: GuarantorId = id.parse().map_err(|_| Failure::NotFound)?;
    let found = store::guarantor::load(db, &practice.id, &id).await?;
    found.ok_or(Failure::NotFound)
}

pub fn head_of(guarantor: &Guarantor) -> RecordHead {
    RecordHead {
        id: guarantor.id.to_string(),
        name: guarantor.name.clone(),
        number: guarantor.external_id.clone(),
    }
}

fn rights(staff: &Staff) -> RecordRights {
    let may = |permission| staff.role.may(permission);
    RecordRights {
        notes: may(Permission::WriteNotes),
        holds: may(Permission::PlaceHolds),
        lifts: may(Permission::LiftHolds),
        contacts: may(Permission::EditContacts),
        texts: may(Permission::SendTexts),
        codes: may(Permission::IssueAccessCodes),
        identity: may(Permission::SeeIdentity),
        flags: may(Permission::SendStatements),
        evidence: may(Permission::ReadAudit),
    }
}

pub async fn load(
    house: &House,
    staff: &Staff,
    db: &mut Db,
    guarantor: Guarantor,
    extras: Extras,
) -> Result<PatientRecord, Failure> {
    let practice = &staff.practice.id;
    let id = &guarantor.id;
    let (now, zone) = (house.world.now(), staff.practice.zone());
    let facts = store::balance::load(db, practice, id).await?;
    let account = due(&facts);
    let claims = claims(db, staff, id, &facts.claims, &account).await?;
    let contacts = store::contact::list(db, practice, id).await?;
    let holds = store::hold::list(db, practice, id).await?;
    let standing: Vec<&Hold> =
        holds.iter().filter(|h| h.lifted_at.is_none() && h.rule().stands_at(now)).collect();
    let replies = replies(db, staff, &contacts).await?;
    let last_paid = store::payment::list_by_guarantor(db, practice, id, 1).await?;
    let last_paid = last_paid.first().map(|payment| payment.received_at);
    let tasks = store::task::list_by_guarantor(db, practice, id).await?;
    let notes = store::note::list(db, practice, id, NOTES).await?;
    let labels = holds.iter().flat_map(|h| {
        [Some(&h.placed_by), h.lift_asked_by.as_ref(), h.lifted_by.as_ref()].into_iter().flatten()
    });
    let labels = labels.chain(notes.iter().map(|note| &note.written_by)).map(String::as_str);
    let names = Names::of(db, labels).await?;
    let age_days =
        account.oldest_due_since.map_or(0, |since| days_between(since, now.day_in(&zone)));
    let patients = store::guarantor::list_patients(db, practice, std::slice::from_ref(id)).await?;
    let lines = contact_lines(db, staff, &contacts, extras.shows_identity).await?;
    let masked: BTreeMap<&ContactId, &str> =
        contacts.iter().map(|c| (&c.id, c.masked.as_str())).collect();
    let numbers: BTreeMap<&ClaimId, &str> =
        claims.iter().map(|(id, claim)| (id, claim.number.as_str())).collect();
    let agreed = store::arrangement::load(db, practice, id).await?.arrangement;
    let last_reply = replies.first().map(|reply| reply.at);
    let removing = extras.removing.and_then(|wanted| {
        let found = contacts.iter().find(|contact| contact.id.as_str() == wanted)?;
        Some((found.id.to_string(), found.masked.clone()))
    });
    let mending = mending(db, practice, id, extras.mending.as_deref()).await?;
    Ok(PatientRecord {
        head: head_of(&guarantor),
        rights: rights(staff),
        sms_enabled: staff.practice.texts_are_enabled(),
        fax_enabled: staff.practice.settings.fax_is_on,
        standing: standing_words(&account, &guarantor, last_paid, last_reply, now),
        flags: flags(&guarantor, &account, age_days, &standing, &claims, &agreed),
        is_flagged: guarantor.flagged_at.is_some(),
        patients: patients
            .into_iter()
            .map(|one| RecordPatient {
                name: one.name,
                deceased_on: one.deceased_on,
                is_restricted: one.restricted_at_ms.is_some(),
            })
            .collect(),
        due: account.due,
        oldest_since: account.oldest_due_since,
        age_days,
        unapplied: account.unposted,
        credits: account.credits,
        waiting_for_insurance: account.waiting_for_insurance,
        agreed,
        in_collections: account.in_collections,
        last_sent_at: guarantor.last_sent_at,
        holds: holds.iter().map(|h| hold_line(h, &masked, &numbers, &names, now)).collect(),
        claims: claims.into_iter().map(|(_, claim)| claim).collect(),
        contacts: lines,
        new_contact: extras.new_contact,
        removing,
        mending,
        preferred: guarantor.preferred,
        language: guarantor.language,
        replies,
        notes: notes
            .into_iter()
            .map(|note| RecordNote {
                at: note.at,
                by: names.get(&note.written_by),
                text: note.text,
            })
            .collect(),
        typed_note: extras.typed_note,
        tasks: tasks.iter().filter(|task| task.closed_at.is_none()).count() as i64,
        identity: extras.shows_identity.then(|| RecordIdentity {
            born_on: guarantor.born_on,
            address: address_of(&guarantor),
        }),
        errors: extras.errors,
        zone,
    })
}

/// A message of this account that failed; anything else is nothing to mend.
async fn mending(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    named: Option<&str>,
) -> Result<Option<(String, String)>, Failure> {
    let Some(id) = named.and_then(|named| named.parse::<MessageId>().ok()) else {
        return Ok(None);
    };
    let found = store::message::load(db, practice, &id).await?;
    let found = found.filter(|m| m.guarantor.as_ref() == Some(guarantor));
    let found = found.filter(|m| m.state == store::message::State::Failed);
    Ok(found.map(|m| {
        let by = channel_name(m.channel).to_lowercase();
        let why = m.end_reason.as_deref().map(|code| format!(": {}", end_words(code)));
        (id.to_string(), format!("A {by} to {} failed{}.", m.masked, why.unwrap_or_default()))
    }))
}

fn address_of(guarantor: &Guarantor) -> String {
    let address = &guarantor.address;
    let zip = address.zip.as_ref().map(|zip| zip.as_str().to_owned());
    [address.street.clone(), address.city.clone(), address.state.clone(), zip]
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Newest visit first.
async fn claims(
    db: &mut Db,
    staff: &Staff,
    id: &GuarantorId,
    facts: &[domain::balance::ClaimFacts],
    account: &AccountDue,
) -> Result<Vec<(ClaimId, RecordClaim)>, Failure> {
    let practice = &staff.practice.id;
    let ids: Vec<ClaimId> = facts.iter().map(|claim| claim.id.clone()).collect();
    let mut labels = store::claim::list_labels(db, practice, &ids).await?;
    let sent = store::selection::list_claims(db, practice, std::slice::from_ref(id)).await?;
    let sent: BTreeMap<ClaimId, Option<UnixMs>> =
        sent.into_iter().map(|line| (line.id, line.last_sent_at)).collect();
    let owed: BTreeMap<&ClaimId, Cents> = account
        .claims
        .iter()
        .filter(|claim| claim.standing == ClaimStanding::Payable)
        .map(|claim| (&claim.id, claim.still_due))
        .collect();
    let mut claims: Vec<(ClaimId, RecordClaim)> = facts
        .iter()
        .filter_map(|claim| {
            let label = labels.remove(&claim.id)?;
            let line = RecordClaim {
                number: label.number,
                patient: label.patient_name,
                visit_on: claim.service_on,
                status: claim.status,
                bill: claim.patient_due,
                owed: owed.get(&claim.id).copied(),
                last_sent_at: sent.get(&claim.id).copied().flatten(),
            };
            Some((claim.id.clone(), line))
        })
        .collect();
    claims.sort_by(|(_, one), (_, other)| {
        (other.visit_on, &other.number).cmp(&(one.visit_on, &one.number))
    });
    Ok(claims)
}

/// Paid, pending, partial response, no response (S-I3).
fn standing_words(
    account: &AccountDue,
    guarantor: &Guarantor,
    last_paid: Option<UnixMs>,
    last_reply: Option<UnixMs>,
    now: UnixMs,
) -> (&'static str, Tone) {
    if !account.due.is_positive() {
        let words = if last_paid.is_some() { "Paid" } else { "Nothing due" };
        return (words, Tone::Good);
    }
    let Some(sent) = guarantor.last_sent_at else { return ("Not reminded yet", Tone::Plain) };
    if last_paid.is_some_and(|paid| paid >= sent) || last_reply.is_some_and(|said| said >= sent) {
        ("Partial response", Tone::Plain)
    } else if now.since(sent) >= UNANSWERED_MS {
        ("No response", Tone::Warn)
    } else {
        ("Pending", Tone::Plain)
    }
}

fn flags(
    guarantor: &Guarantor,
    account: &AccountDue,
    age_days: i64,
    standing: &[&Hold],
    claims: &[(ClaimId, RecordClaim)],
    agreed: &Arrangement,
) -> Vec<(&'static str, Tone)> {
    let is_top = account.due.is_positive()
        && (age_days > engine::TOP_PRIORITY_DAYS || account.due > engine::TOP_PRIORITY_CENTS);
    let open = claims.iter().filter(|(_, claim)| claim.owed.is_some_and(Cents::is_positive));
    let is_legal = standing.iter().any(|hold| hold.kind.is_legal());
    [
        (is_legal, "Legal hold", Tone::Danger),
        (!is_legal && !standing.is_empty(), "On hold", Tone::Warn),
        (guarantor.lone_minor_at.is_some(), "Minor without a guarantor", Tone::Danger),
        (guarantor.flagged_at.is_some(), "Flagged for a reminder", Tone::Warn),
        (is_top, "Top priority", Tone::Danger),
        (open.count() > 1, "Several bills", Tone::Warn),
        (agreed.plan_standing() == PlanStanding::Kept, "On a payment plan", Tone::Plain),
        (agreed.plan_standing() == PlanStanding::Behind, "Behind on a plan", Tone::Warn),
        (agreed.autopay_is_on(), "Autopay", Tone::Plain),
        (agreed.has_high_deductible == Some(true), "High deductible", Tone::Plain),
        (agreed.is_paperless(), "Paperless", Tone::Plain),
        (
            claims.iter().any(|(_, claim)| claim.status == ClaimStatus::Collections),
            "With an agency",
            Tone::Danger,
        ),
    ]
    .into_iter()
    .filter(|(is_so, ..)| *is_so)
    .map(|(_, words, tone)| (words, tone))
    .collect()
}

fn hold_line(
    hold: &Hold,
    masked: &BTreeMap<&ContactId, &str>,
    numbers: &BTreeMap<&ClaimId, &str>,
    names: &Names,
    now: UnixMs,
) -> RecordHold {
    let by = |label: &String| by_whom(names, label);
    RecordHold {
        id: hold.id.to_string(),
        kind: hold.kind,
        claim: hold.claim.as_ref().map(|id| {
            numbers.get(id).map_or_else(|| "no longer open".to_owned(), |n| (*n).to_owned())
        }),
        only_contact: hold.only_contact.as_ref().map(|id| {
            masked.get(id).map_or_else(|| "a removed contact".to_owned(), |m| (*m).to_owned())
        }),
        reason: hold.reason.clone(),
        until: hold.until,
        placed_by: by(&hold.placed_by),
        placed_at: hold.placed_at,
        lift_asked_by: hold.lift_asked_by.as_ref().map(by),
        lifted: hold.lifted_by.as_ref().map(by).zip(hold.lifted_at),
        has_run_out: !hold.rule().stands_at(now),
    }
}

/// Labels of the engine's own besides those of people.
pub fn by_whom(names: &Names, label: &str) -> String {
    match label.split_once(':') {
        Some(("patient", "text")) => "the patient, by text".to_owned(),
        Some(("patient", _)) => "the patient".to_owned(),
        _ => names.get(label),
    }
}

const fn opt_out_way(reason: SuppressionReason) -> &'static str {
    match reason {
        SuppressionReason::Stop => "by replying STOP",
        SuppressionReason::KeyPress => "by pressing 9 in a call",
        SuppressionReason::FreeText => "in their own words",
        SuppressionReason::Unsubscribe => "by the unsubscribe link or their account",
        SuppressionReason::Staff => "through staff",
        SuppressionReason::Carrier => "at their carrier",
        SuppressionReason::WrongNumber => "because it is a wrong number",
        SuppressionReason::Complaint => "by reporting us as spam",
    }
}

async fn contact_lines(
    db: &mut Db,
    staff: &Staff,
    contacts: &[Contact],
    shows_whole: bool,
) -> Result<Vec<ContactLine>, Failure> {
    let practice = &staff.practice.id;
    let values: Vec<String> = contacts.iter().map(|c| c.value_index.clone()).collect();
    let mut both = values.clone();
    both.extend(contacts.iter().map(|c| c.global_index.clone()));
    let consents = store::consent::load_many(db, practice, &values).await?;
    let stopped = store::suppression::load_many(db, practice, &both).await?;
    let holders = store::contact::list_holders(db, practice, &values).await?;
    Ok(contacts
        .iter()
        .map(|contact| {
            let channel = contact.kind.channel();
            let key = |index: &String| (index.clone(), channel);
            let out = stopped
                .get(&key(&contact.value_index))
                .or_else(|| stopped.get(&key(&contact.global_index)));
            let accounts: BTreeSet<&GuarantorId> =
                holders.get(&contact.value_index).into_iter().flatten().collect();
            let reach = contact.reach();
            ContactLine {
                id: contact.id.to_string(),
                kind: match contact.kind {
                    Kind::Phone => ContactKind::Phone,
                    Kind::Email => ContactKind::Email,
                    Kind::Fax | Kind::Address => ContactKind::Fax,
                },
                calls: (contact.kind == Kind::Phone && staff.practice.calls_are_enabled())
                    .then(|| calls_of(contact, &consents, &stopped)),
                masked: contact.masked.clone(),
                full: shows_whole.then(|| readable(contact)),
                line: contact.line,
                verified_on: contact.verified_on,
                texts_enabled: contact.text_enabled_at.is_some(),
                consent: consents
                    .get(&key(&contact.value_index))
                    .map(|consent| (consent.granted, consent.source, consent.at)),
                opted_out: out.map(|out| (out.since, opt_out_way(out.reason))),
                trouble: (reach != Reach::Good).then(|| reach_words(reach)),
                shared_with: accounts.len().saturating_sub(1),
            }
        })
        .collect())
}

/// What a person said about automated calls. A STOP to texts stops them too.
fn calls_of(
    contact: &Contact,
    consents: &BTreeMap<(String, Channel), Consent>,
    stopped: &BTreeMap<(String, Channel), Suppression>,
) -> Calls {
    let of = |channel| stopped.get(&(contact.value_index.clone(), channel));
    let stopped = of(Channel::Voice).or_else(|| of(Channel::Text));
    Calls {
        consent: consents
            .get(&(contact.value_index.clone(), Channel::Voice))
            .map(|consent| (consent.granted, consent.source, consent.at)),
        stopped: stopped.map(|stop| (stop.since, opt_out_way(stop.reason))),
    }
}

fn readable(contact: &Contact) -> String {
    domain::phone::E164::from_normalised(&contact.value)
        .map_or_else(|| contact.value.clone(), |number| number.display())
}

/// How a text was understood, in words.
pub fn meaning(class: &str) -> &'static str {
    match class {
        "stop" => "STOP: opted out",
        "stop_in_words" => "Opted out in their own words",
        "start" => "START: wants texts again",
        "help" => "Asked for help",
        "receipts_only" => "Wants receipts only",
        "wrong_number" => "Says it is a wrong number",
        "deceased" => "Says the person has died",
        "bankruptcy" => "Speaks of bankruptcy",
        "attorney" => "Speaks of an attorney",
        "already_paid" => "Says it is paid",
        "dispute" => "Disputes the bill",
        "insurance" => "Speaks of insurance",
        "hardship" => "Cannot pay now",
        "call_me" => "Wants a call",
        "mail_me" => "Wants a letter",
        "is_it_real" => "Asks whether it is real",
        "verify" => "VERIFY: asked for proof",
        _ => "Something else",
    }
}

/// The hold worth thinking about after a text, if one is. What pauses by itself does so already.
pub fn suggested_hold(class: &str) -> Option<HoldKind> {
    Inbound::parse(class).and_then(Inbound::suggested_hold)
}

async fn replies(
    db: &mut Db,
    staff: &Staff,
    contacts: &[Contact],
) -> Result<Vec<RecordReply>, Failure> {
    let practice = &staff.practice.id;
    let mut found = Vec::new();
    for phone in contacts.iter().filter(|c| c.kind == Kind::Phone) {
        let value = &phone.value_index;
        let holders =
            store::contact::list_holders(db, practice, std::slice::from_ref(value)).await?;
        let accounts: BTreeSet<&GuarantorId> = holders.values().flatten().collect();
        for reply in store::reply::list_by_value(db, practice, value, REPLIES).await? {
            found.push(RecordReply {
                at: reply.at,
                masked: reply.masked,
                body: reply.body,
                meaning: meaning(&reply.class),
                answered: reply.answered.is_some(),
                is_shared: accounts.len() > 1,
            });
        }
    }
    found.sort_by_key(|reply| std::cmp::Reverse(reply.at));
    Ok(found)
}
