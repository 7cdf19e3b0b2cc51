//! `GET /staff/follow-ups` and `/{id}`: whom to call, what to print, what to decide.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web};
use app::{
    components::{Errors, Query},
    pages::staff::{
        FollowUpPage, FollowUpRow, FollowUps,
        follow_ups::{PATH, kind_name, outcome_name},
    },
};
use domain::{
    id::{FollowUpId, GuarantorId},
    money::Cents,
    practice::Practice,
    staff::Permission,
};
use store::{
    Db,
    follow_up::{self, FollowUp, Kind},
};

use crate::{
    failure::{Answer, Failure},
    house::House,
    naming::Names,
    session::Staff,
    spreadsheet,
    workspace::{self, refused, shown},
};

pub const SECTION: &str = PATH;
const LISTED: i64 = 50;
const EXPORTED: i64 = 10_000;

fn kind_of(query: &Query) -> Option<Kind> {
    query.get("kind").and_then(Kind::parse)
}

async fn dues(
    db: &mut Db,
    practice: &Practice,
    found: &[FollowUp],
) -> Result<BTreeMap<GuarantorId, Cents>, Failure> {
    let ids: Vec<GuarantorId> = found.iter().map(|one| one.guarantor.clone()).collect();
    let rows = store::balance::due_of_many(db, &practice.id, &ids).await?;
    Ok(rows.into_iter().map(|(id, row)| (id, row.due)).collect())
}

pub async fn list(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::View).await?;
    let query = Query::parse(request.query_string());
    let page: i64 = query.get("page").and_then(|p| p.parse().ok()).unwrap_or(1).clamp(1, 10_000);
    let mut db = house.store.read().await?;
    let practice = &staff.practice;
    let offset = (page - 1) * LISTED;
    let kind = kind_of(&query);
    let mut found =
        follow_up::list_open(&mut db, &practice.id, kind, None, LISTED + 1, offset).await?;
    let has_more = found.len() as i64 > LISTED;
    found.truncate(LISTED as usize);
    let due = dues(&mut db, practice, &found).await?;
    let counts = follow_up::count_open(&mut db, &practice.id).await?;
    let today = house.world.now().day_in(&practice.zone());
    let rows = found
        .into_iter()
        .map(|one| FollowUpRow {
            id: one.id.to_string(),
            kind: one.kind.as_str().to_owned(),
            due: due.get(&one.guarantor).copied().unwrap_or_default(),
            account: one.guarantor.to_string(),
            account_name: one.guarantor_name,
            reason: one.reason,
            due_on: one.due_on,
            is_late: one.due_on < today,
            is_urgent: one.is_urgent,
            tries: one.tries,
            outcome: one.outcome,
        })
        .collect();
    let more = has_more.then(|| query.with("page", &(page + 1).to_string()).href(PATH));
    let counts = counts.into_iter().map(|(kind, many)| (kind.as_str().to_owned(), many)).collect();
    let page = FollowUps { query, counts, rows, more };
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

/// The master status sheet: account, next action, due date (S-D13).
pub async fn export(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::View).await?;
    let query = Query::parse(request.query_string());
    let mut db = house.store.read().await?;
    let practice = &staff.practice;
    let kind = kind_of(&query);
    let found = follow_up::list_open(&mut db, &practice.id, kind, None, EXPORTED, 0).await?;
    let due = dues(&mut db, practice, &found).await?;
    let rows = found.iter().map(|one| {
        vec![
            one.guarantor_name.clone(),
            due.get(&one.guarantor).copied().unwrap_or_default().to_string(),
            kind_name(one.kind.as_str()).to_owned(),
            one.reason.clone(),
            one.due_on.to_string(),
            if one.is_urgent { "yes" } else { "no" }.to_owned(),
            one.tries.to_string(),
            one.outcome.as_deref().map(outcome_name).unwrap_or_default(),
        ]
    });
    let head =
        ["guarantor", "due", "next_action", "because_of", "on", "urgent", "tries", "last_outcome"];
    let body = spreadsheet::csv(&head, rows).map_err(Failure::broken)?;
    let many = found.len();
    drop(db);
    let entry = staff.entry("export", "follow_up", "list").with(format!("rows={many}"));
    let world = house.world.clone();
    house
        .store
        .write(move |db| {
            let (world, entry) = (world.clone(), entry.clone());
            Box::pin(async move { store::audit::insert(db, &world, &entry).await })
        })
        .await?;
    Ok(spreadsheet::download("follow-ups.csv", body))
}

/// A follow-up of this practice; anybody else's is not there.
pub async fn find(house: &House, staff: &Staff, id: &str) -> Result<FollowUp, Failure> {
    let id: FollowUpId = id.parse().map_err(|_| Failure::NotFound)?;
    let mut db = house.store.read().await?;
    let found = follow_up::load(&mut db, &staff.practice.id, &id).await?;
    found.ok_or(Failure::NotFound)
}

pub async fn get(house: web::Data<House>, staff: Staff, id: web::Path<String>) -> Answer {
    staff.require(&house, Permission::View).await?;
    show(&house, &staff, &id, Typed::default(), Errors::new()).await
}

/// What somebody has typed on the page.
#[derive(Default)]
pub struct Typed {
    pub outcome: String,
    pub next_on: String,
    pub note: String,
}

pub async fn show(house: &House, staff: &Staff, id: &str, typed: Typed, errors: Errors) -> Answer {
    let found = find(house, staff, id).await?;
    house.audit(staff.entry("view", "follow_up", id).about(&found.guarantor)).await?;
    let mut db = house.store.read().await?;
    let due = dues(&mut db, &staff.practice, std::slice::from_ref(&found)).await?;
    let names = Names::of(&mut db, found.closed_by.iter().map(String::as_str)).await?;
    drop(db);
    let is_refusal = !errors.is_empty();
    let is_proposal = found.kind == Kind::Collections;
    let page = FollowUpPage {
        zone: staff.practice.zone(),
        id: found.id.to_string(),
        kind: found.kind.as_str().to_owned(),
        account: found.guarantor.to_string(),
        due: due.get(&found.guarantor).copied().unwrap_or_default(),
        script: script(&staff.practice, &staff.name, &found),
        account_name: found.guarantor_name,
        reason: found.reason,
        due_on: found.due_on,
        is_urgent: found.is_urgent,
        tries: found.tries,
        outcome: found.outcome,
        note: found.note.filter(|_| staff.role.may(Permission::WriteNotes)),
        opened_at: found.opened_at,
        closed: found.closed_by.as_ref().map(|by| names.get(by)).zip(found.closed_at),
        may_note: staff.role.may(Permission::WriteNotes),
        may_decide: is_proposal && staff.role.may(Permission::DecideCollections),
        typed_outcome: typed.outcome,
        typed_next: typed.next_on,
        typed_note: typed.note,
        errors,
    };
    let html = page.html(&workspace::shell(house, staff, SECTION));
    Ok(if is_refusal { refused(html) } else { shown(html) })
}

/// What to say on the phone: who calls, whether it is the right person, and only then what about.
fn script(practice: &Practice, caller: &str, found: &FollowUp) -> Vec<String> {
    if found.kind != Kind::Call {
        return Vec::new();
    }
    let (alias, phone) = (practice.alias(), &practice.settings.phone);
    let first = found.guarantor_name.split_whitespace().next().unwrap_or_default();
    let purpose = match found.script.as_str() {
        "unresponsive" => {
            "We have sent you a message about your bill and want to make sure that you got it."
        }
        "courtesy_charge" => {
            "I am calling about the payment that is coming up on the card you left with us: what it \
             is, and on what day."
        }
        "failed_autopay" => {
            "I am calling because your automatic payment did not go through. Nothing was charged."
        }
        _ => "I am calling about your open balance. Is there anything about it I can explain?",
    };
    vec![
        format!(
            "\u{201c}Hello, this is {caller} from {alias}. May I speak with {first}?\u{201d} To \
             anybody else say only the name and {phone}; say nothing about a bill."
        ),
        "Make sure it is the right person: ask for the full name and the date of birth, and compare \
         them with the record."
            .to_owned(),
        format!("\u{201c}{purpose}\u{201d}"),
        "Offer what the practice offers: paying by the link or by phone, a smaller amount now, a \
         payment plan, financial assistance. Ask what day suits."
            .to_owned(),
        format!(
            "On an answering machine: \u{201c}This is {caller} from {alias}. Please call us at \
             {phone}.\u{201d} No amount, no word about a bill."
        ),
    ]
}
