//! `GET /staff/tasks`: what needs a person; `/staff/tasks/unreachable`: whom nothing reaches.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web};
use app::{
    components::{Errors, Query},
    pages::staff::{
        Closing, TaskRow, Unreachable, UnreachableRow, WorkList,
        decision_words::{line_name, reach_words},
    },
};
use domain::{
    decide::{Channel, LineType, Reach},
    id::{ClaimId, GuarantorId},
    staff::Permission,
};
use store::{
    Db,
    contact::{Contact, Kind},
    task::Task,
};

use super::encounters::days_between;
use crate::{
    failure::{Answer, Failure},
    house::House,
    record::meaning,
    session::Staff,
    workspace::{self, refused, shown},
};

pub const SECTION: &str = "/staff/tasks";
const LISTED: i64 = 200;
const UNREACHABLE: i64 = 50;

/// A kind of task in words.
pub fn what(kind: &str) -> String {
    let words = match kind {
        "unreachable" => "Check the contact: a message could not be delivered",
        "sender_fault" => "Our sender was refused: check the connection",
        "refused" => "A message was refused for good",
        "filtered" => "A carrier's filter took a text for spam",
        "texts_paused" => "Reminders by text are paused: carriers filter them",
        "complaints" => "Reminders by email are paused: too many spam complaints",
        "reply_call_me" => "Call back: asked for by text",
        "reply_mail_me" => "Mail a letter: asked for by text",
        "wrong_contact" => "\u{201c}This isn't me\u{201d}: find the right contact",
        "question" => "A question about a bill",
        "processor_refused" => "Stripe refused a request",
        "card_testing" => "Many cards were declined on one link",
        "payment_quarantined" => "A payment nobody can place",
        "payment_unknown" => "A payment with an unknown outcome",
        "payment_after_close" => "Possibly paid twice",
        "refund_failed" => "A refund failed",
        "payment_disputed" => "A payment is disputed",
        "payment_overdrawn" => "More was refunded than was unapplied",
        "webhook_stuck" => "A notice from Stripe could not be worked off",
        other => {
            return match other.strip_prefix("reply_") {
                Some(class) => format!("A reply by text: {}", meaning(class).to_lowercase()),
                None => other.replace('_', " "),
            };
        }
    };
    words.to_owned()
}

/// Where the work of a kind is done, when there is no account to open.
fn place(kind: &str) -> Option<(String, &'static str)> {
    let (href, label) = match kind {
        "sender_fault" | "filtered" | "complaints" => ("/staff/settings", "Open the settings"),
        "texts_paused" => ("/staff/settings/texting", "SMS settings"),
        "processor_refused" | "payment_quarantined" | "payment_unknown" => {
            ("/staff/payments", "Find Payment")
        }
        "webhook_stuck" => ("/staff/health", "Health"),
        other if other.starts_with("reply_") => ("/staff/replies?open=1", "See the reply"),
        _ => return None,
    };
    Some((href.to_owned(), label))
}

pub async fn list(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::View).await?;
    let query = Query::parse(request.query_string());
    show(&house, &staff, query, String::new(), Errors::new()).await
}

/// The list; 422 when closing a task was refused.
pub async fn show(
    house: &House,
    staff: &Staff,
    query: Query,
    typed: String,
    errors: Errors,
) -> Answer {
    let practice = &staff.practice.id;
    let mut db = house.store.read().await?;
    let kind = query.get("kind").filter(|kind| !kind.is_empty());
    let mut tasks = store::task::list_open(&mut db, practice, kind, LISTED + 1).await?;
    let is_cut = tasks.len() as i64 > LISTED;
    tasks.truncate(LISTED as usize);
    let kinds = store::task::count_open(&mut db, practice).await?;
    let accounts: Vec<GuarantorId> =
        tasks.iter().filter_map(|task| task.guarantor.clone()).collect();
    let names: BTreeMap<String, String> = store::search::list_many(&mut db, practice, &accounts)
        .await?
        .into_iter()
        .map(|one| (one.id, one.name))
        .collect();
    let details = details(&mut db, staff, &tasks).await?;
    let lines: Vec<TaskRow> = tasks
        .iter()
        .zip(details)
        .map(|(task, detail)| {
            let account = task
                .guarantor
                .as_ref()
                .and_then(|id| Some((id.to_string(), names.get(id.as_str())?.clone())));
            TaskRow {
                id: task.id.to_string(),
                opened_at: task.opened_at,
                what: what(&task.kind),
                detail,
                link: account.is_none().then(|| place(&task.kind)).flatten(),
                account,
            }
        })
        .collect();
    let may_close = staff.role.may(Permission::WriteNotes);
    let closing = query
        .get("close")
        .filter(|_| may_close)
        .and_then(|id| lines.iter().find(|line| line.id == id))
        .map(|line| Closing {
            id: line.id.clone(),
            what: line.what.clone(),
            account: line.account.as_ref().map(|(_, name)| name.clone()),
            typed,
        });
    let is_refusal = !errors.is_empty();
    let page = WorkList {
        zone: staff.practice.zone(),
        query,
        kinds: kinds.into_iter().map(|(kind, many)| (kind.clone(), what(&kind), many)).collect(),
        lines,
        is_cut,
        may_close,
        closing,
        errors,
    };
    let html = page.html(&workspace::shell(house, staff, SECTION));
    Ok(if is_refusal { refused(html) } else { shown(html) })
}

/// A question names its claim by id; people know it by visit.
async fn details(
    db: &mut Db,
    staff: &Staff,
    tasks: &[Task],
) -> Result<Vec<Option<String>>, Failure> {
    let split = |task: &Task| -> Option<(ClaimId, String)> {
        let (id, text) = task.detail.as_deref()?.strip_prefix("About ")?.split_once(": ")?;
        Some((id.parse().ok()?, text.to_owned()))
    };
    let claims: Vec<ClaimId> = tasks.iter().filter_map(split).map(|(id, _)| id).collect();
    let labels = store::claim::list_labels(db, &staff.practice.id, &claims).await?;
    Ok(tasks
        .iter()
        .map(|task| match split(task) {
            Some((id, text)) => Some(match labels.get(&id) {
                Some(label) => format!("Visit of {}: {text}", label.service_on),
                None => text,
            }),
            None if task.kind == "unreachable" => {
                task.detail.as_ref().map(|code| format!("Provider's code {code}"))
            }
            None => task.detail.clone(),
        })
        .collect())
}

pub async fn unreachable(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::View).await?;
    let query = Query::parse(request.query_string());
    let practice = &staff.practice.id;
    let after: Option<GuarantorId> = query.get("after").and_then(|id| id.parse().ok());
    let mut db = house.store.read().await?;
    let mut ids =
        store::search::list_unreachable(&mut db, practice, after.as_ref(), UNREACHABLE + 1).await?;
    let has_more = ids.len() as i64 > UNREACHABLE;
    ids.truncate(UNREACHABLE as usize);
    house.audit(staff.entry("view", "guarantors", "unreachable")).await?;
    let accounts = store::guarantor::load_many(&mut db, practice, &ids).await?;
    let dues = store::balance::due_of_many(&mut db, practice, &ids).await?;
    let contacts = store::contact::list_many(&mut db, practice, &ids).await?;
    let values: Vec<String> =
        contacts.values().flatten().map(|contact| contact.value_index.clone()).collect();
    let stopped = store::suppression::load_many(&mut db, practice, &values).await?;
    let consents = store::consent::load_many(&mut db, practice, &values).await?;
    let today = house.world.now().day_in(&staff.practice.zone());
    let lines = ids
        .iter()
        .filter_map(|id| {
            let account = accounts.get(id)?;
            let due = dues.get(id)?;
            let none = Vec::new();
            let own = contacts.get(id).unwrap_or(&none);
            let is_out = |contact: &Contact, channel| {
                stopped.contains_key(&(contact.value_index.clone(), channel))
            };
            let agreed = |contact: &Contact| {
                consents
                    .get(&(contact.value_index.clone(), Channel::Text))
                    .is_some_and(|consent| consent.granted)
            };
            let phones = own.iter().filter(|c| c.kind == Kind::Phone);
            let emails = own.iter().filter(|c| c.kind == Kind::Email);
            let no_text = phones
                .map(|c| why_no_text(c, is_out(c, Channel::Text), agreed(c)))
                .next()
                .unwrap_or_else(|| "No phone on file".to_owned());
            let no_email = emails
                .map(|c| why_no_email(c, is_out(c, Channel::Email)))
                .next()
                .unwrap_or_else(|| "No email on file".to_owned());
            due.due.is_positive().then(|| UnreachableRow {
                id: id.to_string(),
                name: account.name.clone(),
                due: due.due,
                age_days: due.oldest_due_since.map(|since| days_between(since, today)),
                why_no_text: no_text,
                why_no_email: no_email,
                has_address: account.address.street.is_some() && account.address.zip.is_some(),
            })
        })
        .collect();
    let page = Unreachable {
        query,
        sms_enabled: staff.practice.texts_are_enabled(),
        lines,
        after: ids.last().filter(|_| has_more).map(ToString::to_string),
    };
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

fn why_no_text(phone: &Contact, is_out: bool, agreed: bool) -> String {
    let reach = phone.reach();
    if reach != Reach::Good {
        return format!("{} {}", phone.masked, reach_words(reach));
    }
    let words = match phone.line {
        LineType::Landline | LineType::TollFree => {
            return format!("{} is no mobile: {}", phone.masked, line_name(phone.line));
        }
        _ if is_out => "opted out",
        _ if !agreed => "has no consent",
        _ => "is not enabled for texts",
    };
    format!("{} {words}", phone.masked)
}

fn why_no_email(email: &Contact, is_out: bool) -> String {
    let reach = email.reach();
    if reach != Reach::Good {
        return format!("{} {}", email.masked, reach_words(reach));
    }
    format!("{} {}", email.masked, if is_out { "unsubscribed" } else { "works" })
}
