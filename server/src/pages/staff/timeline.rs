//! What happened on an account, gathered from where each thing is kept: imports, messages, views,
//! payments, declines, replies, holds, notes.

use app::{
    components::Tone,
    pages::staff::{
        Event, RecordTimeline, decision_words::hold_name, message_words::sent_sentence,
    },
};
use domain::{clock::UnixMs, payment::AttemptState, staff::Permission};
use store::{Db, audit, contact::Kind, guarantor::Guarantor, message};

use super::jobs::sent_of;
use crate::{
    failure::Failure,
    naming::Names,
    record::{by_whom, head_of, meaning},
    session::Staff,
};

/// Of each kind of thing.
const EACH: i64 = 100;
const SHOWN: usize = 200;

fn event(at: UnixMs, title: impl Into<String>, tone: Tone) -> Event {
    Event { at, title: title.into(), detail: String::new(), link: None, tone }
}

pub async fn load(
    staff: &Staff,
    db: &mut Db,
    guarantor: &Guarantor,
) -> Result<RecordTimeline, Failure> {
    let mut events = Vec::new();
    imports(staff, db, guarantor, &mut events).await?;
    messages(staff, db, guarantor, &mut events).await?;
    money(staff, db, guarantor, &mut events).await?;
    views(staff, db, guarantor, &mut events).await?;
    said(staff, db, guarantor, &mut events).await?;
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    let is_cut = events.len() > SHOWN;
    events.truncate(SHOWN);
    let audit = staff
        .role
        .may(Permission::ReadAudit)
        .then(|| format!("/staff/audit?account={}", guarantor.id));
    Ok(RecordTimeline {
        zone: staff.practice.zone(),
        head: head_of(guarantor),
        events,
        is_cut,
        audit,
    })
}

async fn imports(
    staff: &Staff,
    db: &mut Db,
    guarantor: &Guarantor,
    events: &mut Vec<Event>,
) -> Result<(), Failure> {
    let practice = &staff.practice.id;
    let may_open = staff.role.may(Permission::Import);
    for (id, file, at, claims) in
        store::import::list_by_guarantor(db, practice, &guarantor.id).await?
    {
        let many = if claims == 1 { "1 claim".to_owned() } else { format!("{claims} claims") };
        events.push(Event {
            detail: file,
            link: may_open.then(|| (format!("/staff/imports/{id}"), "See the import")),
            ..event(at, format!("An import brought or changed {many}."), Tone::Plain)
        });
    }
    Ok(())
}

async fn messages(
    staff: &Staff,
    db: &mut Db,
    guarantor: &Guarantor,
    events: &mut Vec<Event>,
) -> Result<(), Failure> {
    let filter =
        message::Filter { guarantor: Some(guarantor.id.clone()), ..message::Filter::default() };
    for line in message::list(db, &staff.practice.id, &filter, EACH).await? {
        let one = sent_of(&line);
        let (words, tone) = sent_sentence(&one);
        let link = Some((format!("/staff/messages/{}", one.id), "See the message"));
        events.push(Event { link, ..event(one.at, words, tone) });
    }
    Ok(())
}

/// Payments, and declines, which are attempts and no payments (D-25).
async fn money(
    staff: &Staff,
    db: &mut Db,
    guarantor: &Guarantor,
    events: &mut Vec<Event>,
) -> Result<(), Failure> {
    let practice = &staff.practice.id;
    let id = &guarantor.id;
    for payment in store::payment::list_by_guarantor(db, practice, id, EACH).await? {
        let card = match (&payment.brand, &payment.last4) {
            (Some(brand), Some(last4)) => format!("{brand} ending in {last4}, "),
            _ => String::new(),
        };
        events.push(Event {
            detail: format!("{card}reference {}", payment.reference),
            link: Some((format!("/staff/payments/{}", payment.id), "See the payment")),
            ..event(payment.received_at, format!("Paid {} online.", payment.captured), Tone::Good)
        });
        if let Some(at) = payment.disputed_at {
            let words = format!("The payment of {} was disputed.", payment.captured);
            events.push(event(at, words, Tone::Danger));
        }
        if let Some(at) = payment.posted_at {
            let words = format!("The payment of {} was posted.", payment.captured);
            events.push(event(at, words, Tone::Plain));
        }
    }
    for attempt in store::attempt::list(db, practice, id, EACH).await? {
        let (words, tone) = match attempt.state {
            AttemptState::Declined => ("was declined; nothing was charged.", Tone::Warn),
            AttemptState::Expired => ("was begun and not finished.", Tone::Plain),
            AttemptState::Cancelled => ("was begun and taken back.", Tone::Plain),
            AttemptState::Refused => ("could not be made at the card processor.", Tone::Warn),
            AttemptState::Unknown => ("has an outcome nobody knows yet.", Tone::Warn),
            AttemptState::Draft | AttemptState::Open | AttemptState::Processing => {
                ("is under way.", Tone::Plain)
            }
            AttemptState::Succeeded => continue,
        };
        let at = attempt.closed_at.unwrap_or(attempt.created_at);
        let detail = attempt.decline_code.map(|code| code.replace('_', " ")).unwrap_or_default();
        let title = format!("A payment of {} {words}", attempt.amount);
        events.push(Event { detail, ..event(at, title, tone) });
    }
    Ok(())
}

/// What patients looked at. What staff looked at is the audit's.
async fn views(
    staff: &Staff,
    db: &mut Db,
    guarantor: &Guarantor,
    events: &mut Vec<Event>,
) -> Result<(), Failure> {
    let practice = &staff.practice.id;
    for (kind, at) in store::link::list_views(db, practice, &guarantor.id, EACH).await? {
        let words = match kind.as_str() {
            "viewed" => "Somebody acted on the page behind a link.",
            _ => "A link was opened, by a person or by a scanner on the way.",
        };
        events.push(event(at, words, Tone::Plain));
    }
    let filter =
        audit::Filter { guarantor_id: Some(guarantor.id.to_string()), ..audit::Filter::default() };
    for row in audit::list(db, practice, &filter, EACH * 2).await? {
        let words = match (row.actor_kind.as_str(), row.verb.as_str()) {
            ("login", "view_bill") => "The bill was viewed in the patient's account.",
            ("login", "create_account" | "account_created") => "An account was created.",
            ("login", "ask_question") => "A question about the bill was asked.",
            _ => continue,
        };
        events.push(event(row.at(), words, Tone::Plain));
    }
    Ok(())
}

/// Replies, holds and notes.
async fn said(
    staff: &Staff,
    db: &mut Db,
    guarantor: &Guarantor,
    events: &mut Vec<Event>,
) -> Result<(), Failure> {
    let practice = &staff.practice.id;
    for phone in store::contact::list(db, practice, &guarantor.id).await? {
        if phone.kind != Kind::Phone {
            continue;
        }
        for reply in store::reply::list_by_value(db, practice, &phone.value_index, EACH).await? {
            let title = format!("Texted back: \u{201c}{}\u{201d}", reply.body);
            let detail = meaning(&reply.class).to_owned();
            events.push(Event { detail, ..event(reply.at, title, Tone::Plain) });
        }
    }
    let holds = store::hold::list(db, practice, &guarantor.id).await?;
    let notes = store::note::list(db, practice, &guarantor.id, EACH).await?;
    let labels = holds
        .iter()
        .flat_map(|h| std::iter::once(&h.placed_by).chain(h.lifted_by.as_ref()))
        .chain(notes.iter().map(|n| &n.written_by))
        .map(String::as_str);
    let names = Names::of(db, labels).await?;
    for hold in holds {
        let title = format!("Hold placed: {}.", hold_name(hold.kind));
        let detail = format!("{} By {}.", hold.reason, by_whom(&names, &hold.placed_by));
        events.push(Event { detail, ..event(hold.placed_at, title, Tone::Warn) });
        if let (Some(at), Some(by)) = (hold.lifted_at, &hold.lifted_by) {
            let title = format!("Hold lifted: {}.", hold_name(hold.kind));
            let detail = format!("By {}.", by_whom(&names, by));
            events.push(Event { detail, ..event(at, title, Tone::Plain) });
        }
    }
    for note in notes {
        let detail = note.text;
        let title = format!("Note by {}.", names.get(&note.written_by));
        events.push(Event { detail, ..event(note.at, title, Tone::Plain) });
    }
    Ok(())
}
