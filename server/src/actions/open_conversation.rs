//! `GET /staff/inbox/{conversation}`. Opening it is reading it, for those who may answer: the read
//! cursor moves to what the page shows, and what comes after stays unread.

use actix_web::{HttpRequest, web};
use app::components::Query;
use domain::{id::CannedReplyId, staff::Permission};
use store::conversation::{self, Conversation};

use crate::{
    failure::{Answer, Failure},
    house::House,
    pages::staff::{
        conversation::{Typed, find, show},
        inbox::{is_live_update, require_inbox},
    },
    session::Staff,
};

pub async fn get(
    request: HttpRequest,
    house: web::Data<House>,
    mut staff: Staff,
    id: web::Path<String>,
) -> Answer {
    require_inbox(&house, &staff, Permission::View).await?;
    let query = Query::parse(request.query_string());
    let (opened, canned) = {
        let mut db = house.store.read().await?;
        let opened = find(&mut db, &staff, &id).await?;
        let canned = match query.get("canned").and_then(|id| id.parse::<CannedReplyId>().ok()) {
            Some(id) => store::canned_reply::load(&mut db, &staff.practice.id, &id).await?,
            None => None,
        };
        (opened, canned)
    };
    let reads = opened.unread > 0 && staff.role.may(Permission::SendTexts);
    if reads && mark_read(&house, &staff, &opened).await? {
        staff.unread_texts -= 1;
    }
    if !is_live_update(&request) {
        house.audit(staff.entry("view", "conversation", opened.id.as_str())).await?;
    }
    let text = canned.map(|canned| canned.body).unwrap_or_default();
    show(&house, &staff, opened, Typed { text, ..Typed::default() }).await
}

async fn mark_read(house: &House, staff: &Staff, opened: &Conversation) -> Result<bool, Failure> {
    let (practice, id, seq) = (staff.practice.id.clone(), opened.id.clone(), opened.seq);
    let marked = house.store.write(move |db| {
        let (practice, id) = (practice.clone(), id.clone());
        Box::pin(async move { conversation::mark_read(db, &practice, &id, seq).await })
    });
    Ok(marked.await?)
}
