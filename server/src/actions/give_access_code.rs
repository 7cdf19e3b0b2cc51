//! `POST /staff/patients/{guarantor}/access-code`: for somebody whose identity the front desk has
//! checked. The code is on this answer and nowhere else.

use actix_web::{HttpRequest, web};
use app::{
    components::Errors,
    pages::staff::{AccessCodeMade, AccessCodePage},
    when,
    words::Words,
};
use domain::{id::AccessCodeId, staff::Permission};
use store::access_code;

use crate::{
    clock::real_now,
    failure::Answer,
    form::Posted,
    house::House,
    pages::staff::record::SECTION,
    record::{find, head_of},
    session::Staff,
    workspace::{self, base_of, refused, shown},
};

pub async fn post(
    request: HttpRequest,
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::IssueAccessCodes).await?;
    let about = {
        let mut db = house.store.read().await?;
        find(&mut db, &staff.practice, &id).await?
    };
    let shell = workspace::shell(&house, &staff, SECTION);
    if !posted.has("checked") {
        let errors = Errors::new().on("checked", "Check who this is first, and say so.");
        let page = AccessCodePage { head: head_of(&about), errors };
        return Ok(refused(page.html(&shell)));
    }
    let code = access_code::new_code();
    let (world, practice, now) = (house.world.clone(), staff.practice.id.clone(), real_now());
    let row: AccessCodeId = world.mint();
    let entry = staff.entry("issue", "access_code", row.as_str()).about(&about.id);
    let (by, made, account) = (staff.actor().label(), code.clone(), about.id.clone());
    let done = house.store.write(move |db| {
        let (world, practice, entry) = (world.clone(), practice.clone(), entry.clone());
        let (row, account) = (row.clone(), account.clone());
        let (made, by) = (made.clone(), by.clone());
        Box::pin(async move {
            access_code::insert(db, &practice, &row, &account, &made, &by, now).await?;
            store::audit::insert(db, &world, &entry).await
        })
    });
    done.await?;
    let until = now.plus_ms(access_code::LASTS_MS);
    let page = AccessCodeMade {
        head: head_of(&about),
        code,
        address: format!("{}/office-code", base_of(&house, &staff.practice, &request)),
        until: when::instant_full(Words::default(), until, &staff.practice.zone()),
    };
    Ok(shown(page.html(&shell)))
}
