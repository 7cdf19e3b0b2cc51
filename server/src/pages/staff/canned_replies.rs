//! `GET /staff/inbox/canned`: the practice's canned replies.

use actix_web::{HttpRequest, web};
use app::{
    components::{Errors, Query},
    pages::staff::{CannedLine, CannedReplies},
};
use domain::{sms, staff::Permission};

use super::inbox::{SECTION, require_inbox};
use crate::{
    failure::{Answer, Failure},
    house::House,
    session::Staff,
    workspace::{self, refused, shown},
};

/// What was typed when it was refused; all empty before that.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    pub id: String,
    pub title: String,
    pub body: String,
    pub errors: Errors,
}

pub async fn list(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    require_inbox(&house, &staff, Permission::SendTexts).await?;
    let query = Query::parse(request.query_string());
    let edited = query.get("edit").unwrap_or_default().to_owned();
    let page = model(&house, &staff, Typed { id: edited, ..Typed::default() }).await?;
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

pub async fn refuse(house: &House, staff: &Staff, typed: Typed) -> Answer {
    let page = model(house, staff, typed).await?;
    Ok(refused(page.html(&workspace::shell(house, staff, SECTION))))
}

async fn model(house: &House, staff: &Staff, typed: Typed) -> Result<CannedReplies, Failure> {
    let mut db = house.store.read().await?;
    let all = store::canned_reply::list(&mut db, &staff.practice.id).await?;
    let edited = all.iter().find(|one| one.id == typed.id);
    let is_fresh = typed.errors.is_empty();
    let (id, title, body) = match edited {
        Some(one) if is_fresh => (one.id.clone(), one.title.clone(), one.body.clone()),
        Some(one) => (one.id.clone(), typed.title, typed.body),
        None => (String::new(), typed.title, typed.body),
    };
    let alias = staff.practice.alias();
    Ok(CannedReplies {
        lines: all
            .into_iter()
            .map(|one| CannedLine {
                segments: sms::size(&format!("{alias}: {}", one.body)).segments,
                id: one.id,
                title: one.title,
                body: one.body,
            })
            .collect(),
        may_edit: staff.role.may(Permission::SendStatements),
        id,
        title,
        body,
        errors: typed.errors,
    })
}
