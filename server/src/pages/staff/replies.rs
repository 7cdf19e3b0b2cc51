//! `GET /staff/replies`: what patients text back. Not there while texting is off (S-G5, S-G6).

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web};
use app::{
    components::Query,
    pages::staff::{Replies, ReplyRow, Review},
};
use domain::{
    id::{GuarantorId, ReplyId},
    revocation::Inbound,
    staff::Permission,
};
use store::{Db, reply::Reply, task::Task};

use crate::{
    failure::{Answer, Failure},
    house::House,
    naming::Names,
    record::{meaning, suggested_hold},
    session::Staff,
    workspace::{self, shown},
};

pub const SECTION: &str = "/staff/replies";
const LISTED: i64 = 50;
/// Pages of replies looked through for open ones.
const LOOKED_THROUGH: usize = 20;

/// The task that a reply opened, if a person has to look at it.
pub fn task_key(id: &ReplyId) -> String {
    format!("reply:{id}")
}

pub async fn list(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::View).await?;
    if !staff.practice.texts_are_enabled() {
        return Err(Failure::NotFound);
    }
    let query = Query::parse(request.query_string());
    let open_only = query.get("open") == Some("1");
    house.audit(staff.entry("view", "replies", "list")).await?;
    let mut db = house.store.read().await?;
    let mut before = query.get("before").map(str::to_owned);
    let mut lines = Vec::new();
    let mut older = None;
    for _ in 0..LOOKED_THROUGH {
        let practice = &staff.practice.id;
        let mut found =
            store::reply::list(&mut db, practice, before.as_deref(), LISTED + 1).await?;
        let has_more = found.len() as i64 > LISTED;
        found.truncate(LISTED as usize);
        older = found.last().filter(|_| has_more).map(|last| last.id.to_string());
        let rows = rows(&mut db, &staff, found).await?;
        lines.extend(rows.into_iter().filter(|row| !open_only || row.review == Review::Open));
        if older.is_none() || !open_only || lines.len() as i64 >= LISTED {
            break;
        }
        before = older.clone();
    }
    let page = Replies {
        zone: staff.practice.zone(),
        query,
        open_only,
        lines,
        older,
        may_review: staff.role.may(Permission::WriteNotes),
    };
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

async fn rows(db: &mut Db, staff: &Staff, found: Vec<Reply>) -> Result<Vec<ReplyRow>, Failure> {
    let practice = &staff.practice.id;
    let ids: Vec<ReplyId> = found.iter().map(|reply| reply.id.clone()).collect();
    let keys: Vec<String> = ids.iter().map(task_key).collect();
    let tasks = store::task::load_many(db, practice, &keys).await?;
    let values = store::reply::list_values(db, practice, &ids).await?;
    let all: Vec<String> = values.values().cloned().collect();
    let holders = store::contact::list_holders(db, practice, &all).await?;
    let accounts: Vec<GuarantorId> = holders.values().flatten().cloned().collect();
    let named: BTreeMap<String, String> = store::search::list_many(db, practice, &accounts)
        .await?
        .into_iter()
        .map(|one| (one.id, one.name))
        .collect();
    let closers = tasks.values().filter_map(|task| task.closed_by.as_deref());
    let names = Names::of(db, closers).await?;
    Ok(found
        .into_iter()
        .map(|reply| {
            let mut behind: Vec<(String, String)> = values
                .get(&reply.id)
                .and_then(|value| holders.get(value))
                .into_iter()
                .flatten()
                .filter_map(|id| Some((id.to_string(), named.get(id.as_str())?.clone())))
                .collect();
            behind.sort();
            behind.dedup();
            ReplyRow {
                review: review_of(tasks.get(&task_key(&reply.id)), &names),
                id: reply.id.to_string(),
                at: reply.at,
                masked: reply.masked,
                body: reply.body,
                meaning: meaning(&reply.class),
                answered: reply.answered.is_some(),
                accounts: behind,
                placed_hold: Inbound::parse(&reply.class).and_then(Inbound::hold),
                suggested_hold: suggested_hold(&reply.class),
            }
        })
        .collect())
}

fn review_of(task: Option<&Task>, names: &Names) -> Review {
    match task {
        None => Review::NotNeeded,
        Some(Task { closed_at: Some(at), closed_by, .. }) => {
            let by = closed_by.as_deref().map(|by| names.get(by)).unwrap_or_default();
            Review::Done { by, at: *at }
        }
        Some(_) => Review::Open,
    }
}
