//! `/confirm-email/{token}`: the page asks, only the button confirms (D-55).

use actix_web::{HttpRequest, http::StatusCode, web};
use app::pages::ConfirmEmail;
use store::{
    audit::{Actor, Entry},
    mail_token::{self, Purpose},
};

use super::choose_language::see_other;
use crate::{
    clock::real_now,
    door::{Door, page},
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    visit::Visit,
};

/// Where the confirmation leads; no token is as short.
const DONE: &str = "done";

/// `GET /confirm-email/{token}`
pub async fn get(
    request: HttpRequest,
    house: web::Data<House>,
    visit: Visit,
    token: web::Path<String>,
) -> Answer {
    let token = token.into_inner();
    let model = if token == DONE {
        ConfirmEmail::Done
    } else {
        house.limits.links.check(visit.address())?;
        let mut db = house.store.read().await?;
        let purpose = Purpose::ConfirmEmail;
        match mail_token::find(&mut db, purpose, &token, real_now()).await? {
            Some(_) => ConfirmEmail::Ask { token },
            None => ConfirmEmail::Gone,
        }
    };
    answer(&request, &house, &visit, model).await
}

async fn answer(
    request: &HttpRequest,
    house: &House,
    visit: &Visit,
    model: ConfirmEmail,
) -> Answer {
    let door = Door::find(house, request, visit).await?;
    Ok(page(StatusCode::OK, model.html(&door.shell(house, visit.path()))))
}

/// `POST /confirm-email/{token}`
pub async fn post(
    request: HttpRequest,
    house: web::Data<House>,
    visit: Visit,
    token: web::Path<String>,
    _posted: Posted,
) -> Answer {
    house.limits.sign_ins.check(visit.address())?;
    if confirm(&house, &visit, token.into_inner()).await? {
        return Ok(see_other("/confirm-email/done"));
    }
    answer(&request, &house, &visit, ConfirmEmail::Gone).await
}

async fn confirm(house: &House, visit: &Visit, token: String) -> Result<bool, Failure> {
    let (world, address, now) = (house.world.clone(), visit.address().to_owned(), real_now());
    let confirmed = house.store.write(move |db| {
        let (world, address, token) = (world.clone(), address.clone(), token.clone());
        Box::pin(async move {
            let purpose = Purpose::ConfirmEmail;
            let Some((practice, login)) = mail_token::claim(db, purpose, &token, now).await? else {
                return Ok(false);
            };
            store::login::mark_confirmed(db, &practice, &login, now).await?;
            let actor = Actor::Login(login.to_string());
            let entry = Entry::new(&practice, actor, "confirm_email", "login", login.as_str())
                .from_address(address);
            store::audit::insert(db, &world, &entry).await?;
            Ok(true)
        })
    });
    Ok(confirmed.await?)
}
