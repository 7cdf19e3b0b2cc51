//! `GET /staff/inbox`: conversations, their search, and the number that tells a page whether it is
//! behind. Not there while texting is off or nobody reads replies (S-G6, X1).

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{HttpRequest, HttpResponse, web};
use app::{
    components::Query,
    pages::staff::{ConversationLine, Inbox, NewConversation, Shown},
};
use domain::{
    clock::UnixMs,
    id::{GuarantorId, StaffId},
    staff::Permission,
};
use store::{
    Db,
    contact::{self, Kind},
    conversation::{self, Conversation, State},
};

use crate::{
    failure::{Answer, Failure},
    house::House,
    naming::Names,
    session::Staff,
    workspace::{self, shown},
};

pub const SECTION: &str = "/staff/inbox";
const LISTED: i64 = 25;
/// Texts each way whose words a search opens: they are stored sealed.
const SEARCHED: i64 = 500;
const FOUND_MOST: i64 = 50;
const SAID_CHARS: usize = 120;

/// Whoever may look, while there is an inbox.
pub async fn require_inbox(
    house: &House,
    staff: &Staff,
    permission: Permission,
) -> Result<(), Failure> {
    staff.require(house, permission).await?;
    if staff.has_inbox() { Ok(()) } else { Err(Failure::NotFound) }
}

/// Asked by `inbox.js`: nobody looks at anything new by it.
pub fn is_live_update(request: &HttpRequest) -> bool {
    request.headers().contains_key("x-live-update")
}

pub async fn live(house: web::Data<House>, staff: Staff) -> Answer {
    require_inbox(&house, &staff, Permission::View).await?;
    let mut db = house.store.read().await?;
    let seq = conversation::find_seq(&mut db, &staff.practice.id).await?;
    Ok(HttpResponse::Ok().json(serde_json::json!({ "seq": seq, "unread": staff.unread_texts })))
}

pub async fn list(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    require_inbox(&house, &staff, Permission::View).await?;
    let query = Query::parse(request.query_string());
    let search = query.get("q").unwrap_or_default().trim().to_owned();
    let which = Shown::parse(query.get("show").unwrap_or_default());
    if !is_live_update(&request) {
        house.audit(staff.entry("view", "inbox", "list")).await?;
    }
    let mut db = house.store.read().await?;
    let seq = conversation::find_seq(&mut db, &staff.practice.id).await?;
    let (found, older) = if search.is_empty() {
        page_of(&mut db, &staff, which, &query).await?
    } else {
        (find(&mut db, &staff, &search).await?, None)
    };
    let lines = lines(&mut db, &staff, found).await?;
    let page = Inbox {
        zone: staff.practice.zone(),
        query,
        shown: which,
        seq,
        lines,
        older,
        search,
        searched: SEARCHED,
        may_write: staff.role.may(Permission::SendTexts),
        may_edit_canned: staff.role.may(Permission::SendStatements),
    };
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

/// Conversations of one tab, and the address of the next page.
async fn page_of(
    db: &mut Db,
    staff: &Staff,
    which: Shown,
    query: &Query,
) -> Result<(Vec<Conversation>, Option<String>), Failure> {
    let (state, mine) = match which {
        Shown::Open => (Some(State::Open), None),
        Shown::Mine => (Some(State::Open), Some(&staff.id)),
        Shown::Closed => (Some(State::Closed), None),
        Shown::All => (None, None),
    };
    let before = query.get("before").and_then(|text| {
        let (at, id) = text.split_once('.')?;
        Some((UnixMs(at.parse().ok()?), id))
    });
    let practice = &staff.practice.id;
    let mut found = conversation::list(db, practice, state, mine, before, LISTED + 1).await?;
    let has_more = found.len() as i64 > LISTED;
    found.truncate(LISTED as usize);
    let older = found
        .last()
        .filter(|_| has_more)
        .map(|last| query.with("before", &format!("{}.{}", last.last_at.0, last.id)).href(SECTION));
    Ok((found, older))
}

/// By whole number, by name, and by the words of the newest texts.
async fn find(db: &mut Db, staff: &Staff, search: &str) -> Result<Vec<Conversation>, Failure> {
    let practice = &staff.practice.id;
    let mut values: BTreeSet<String> = BTreeSet::new();
    if let Ok(number) = domain::phone::normalise_us(search) {
        values.insert(contact::value_index(&db.keys(), practice, Kind::Phone, number.as_str()));
    } else {
        let named = store::search::list_by_words(db, practice, search, FOUND_MOST, 0).await?;
        let ids: Vec<GuarantorId> =
            named.into_iter().map(|one| GuarantorId::trusted(one.id)).collect();
        let contacts = contact::list_many(db, practice, &ids).await?;
        let phones = contacts.into_values().flatten().filter(|c| c.kind == Kind::Phone);
        values.extend(phones.map(|phone| phone.value_index));
        values.extend(values_with_words(db, staff, search).await?);
    }
    let values: Vec<String> = values.into_iter().collect();
    let mut found = conversation::list_by_values(db, practice, &values).await?;
    found.truncate(FOUND_MOST as usize);
    Ok(found)
}

async fn values_with_words(
    db: &mut Db,
    staff: &Staff,
    search: &str,
) -> Result<BTreeSet<String>, Failure> {
    let practice = &staff.practice.id;
    let wanted = search.to_lowercase();
    let replies = store::reply::list(db, practice, None, SEARCHED).await?;
    let ids: Vec<_> = replies
        .into_iter()
        .filter(|reply| reply.body.to_lowercase().contains(&wanted))
        .map(|reply| reply.id)
        .collect();
    let mut values: BTreeSet<String> =
        store::reply::list_values(db, practice, &ids).await?.into_values().collect();
    let written = store::message::list_written(db, practice, SEARCHED).await?;
    values.extend(
        written
            .into_iter()
            .filter(|message| message.content.text.to_lowercase().contains(&wanted))
            .map(|message| message.value_index),
    );
    Ok(values)
}

async fn lines(
    db: &mut Db,
    staff: &Staff,
    found: Vec<Conversation>,
) -> Result<Vec<ConversationLine>, Failure> {
    let practice = &staff.practice.id;
    let values: Vec<String> = found.iter().map(|one| one.value_index.clone()).collect();
    let names = names_behind(db, staff, &values).await?;
    let said = store::reply::list_newest(db, practice, &values).await?;
    let labels: Vec<String> =
        found.iter().filter_map(|one| label_of(one.assigned_to.as_ref())).collect();
    let staff_names = Names::of(db, labels.iter().map(String::as_str)).await?;
    Ok(found
        .into_iter()
        .map(|one| ConversationLine {
            names: names.get(&one.value_index).cloned().unwrap_or_default(),
            said: said.get(&one.value_index).map(|reply| cut(&reply.body)),
            assigned_to: label_of(one.assigned_to.as_ref()).map(|label| staff_names.get(&label)),
            id: one.id.to_string(),
            masked: one.masked,
            unread: one.unread,
            is_closed: one.state == State::Closed,
            at: one.last_at,
            last_is_ours: one.last_is_ours,
        })
        .collect())
}

fn label_of(id: Option<&StaffId>) -> Option<String> {
    id.map(|id| format!("staff:{id}"))
}

/// The names of every account of each phone (D-4).
async fn names_behind(
    db: &mut Db,
    staff: &Staff,
    values: &[String],
) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let practice = &staff.practice.id;
    let holders = contact::list_holders(db, practice, values).await?;
    let all: Vec<GuarantorId> = holders.values().flatten().cloned().collect();
    let named: BTreeMap<String, String> = store::search::list_many(db, practice, &all)
        .await?
        .into_iter()
        .map(|one| (one.id, one.name))
        .collect();
    Ok(holders
        .into_iter()
        .map(|(value, ids)| {
            let mut names: Vec<String> =
                ids.iter().filter_map(|id| named.get(id.as_str()).cloned()).collect();
            names.sort();
            names.dedup();
            (value, names)
        })
        .collect())
}

fn cut(text: &str) -> String {
    let mut short: String = text.chars().take(SAID_CHARS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// `GET /staff/inbox/new`
pub async fn new(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    require_inbox(&house, &staff, Permission::SendTexts).await?;
    let query = Query::parse(request.query_string());
    let search = query.get("q").unwrap_or_default().trim().to_owned();
    let found = if search.is_empty() {
        None
    } else {
        let mut db = house.store.read().await?;
        let practice = &staff.practice.id;
        let mut found =
            store::search::list_by_number(&mut db, practice, &search, FOUND_MOST).await?;
        if found.is_empty() {
            found = store::search::list_by_words(&mut db, practice, &search, FOUND_MOST, 0).await?;
        }
        Some(found.into_iter().map(|one| (one.id, one.name, one.external_id)).collect())
    };
    let page = NewConversation { search, found };
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}
