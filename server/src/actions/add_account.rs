//! `/account/add`: somebody who is signed in opened a link of another account of theirs. It takes its
//! own match, and its contact in hand: a young link, or a code (D-6).

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use app::{
    pages::{AddAccount, PatientShell, TypedAccount},
    refusal::Refusal,
};
use store::link::Link;

use super::choose_language::see_other;
use crate::{
    door::{Door, page},
    entering::{Entrance, enter},
    failure::{Answer, Failure},
    form::Posted,
    half_way::{self, Next, Way},
    house::House,
    identity,
    session::Patient,
    visit::patient_shell,
};

const PATH: &str = "/account/add";

/// The link in hand, when it is of an account that this login does not have yet.
fn link_of<'a>(door: &'a Door, patient: &Patient) -> Option<&'a Link> {
    door.link.as_ref().filter(|link| {
        link.practice == patient.practice.id && !patient.guarantors.contains(&link.guarantor)
    })
}

fn shell(house: &House, door: &Door, patient: &Patient) -> PatientShell {
    let mut shell = patient_shell(house, &patient.visit, &patient.practice, door.lang, true);
    PATH.clone_into(&mut shell.path);
    shell
}

/// `GET /account/add`
pub async fn get(request: HttpRequest, house: web::Data<House>, patient: Patient) -> Answer {
    let door = Door::find(&house, &request, &patient.visit).await?;
    if link_of(&door, &patient).is_none() {
        return Ok(see_other("/account"));
    }
    let html = AddAccount::default().html(&shell(&house, &door, &patient));
    Ok(page(StatusCode::OK, html))
}

/// `POST /account/add`
pub async fn post(
    request: HttpRequest,
    house: web::Data<House>,
    patient: Patient,
    posted: Posted,
) -> Answer {
    house.limits.sign_ins.check(patient.visit.address())?;
    let door = Door::find(&house, &request, &patient.visit).await?;
    let Some(link) = link_of(&door, &patient).cloned() else {
        return Ok(see_other("/account"));
    };
    let typed = identity::typed(&posted);
    let today = house.world.now().day_in(&patient.practice.zone());
    let answers = match identity::read(&posted, today) {
        Ok(answers) => answers,
        Err(refusals) => return Ok(refused(&house, &door, &patient, typed, refusals)),
    };
    if !identity::matches(&house, &door, &link, &answers).await? {
        let refusals = vec![Refusal::IdentityUnconfirmed];
        return Ok(refused(&house, &door, &patient, typed, refusals));
    }
    let next = Next::Add { login: patient.login.clone(), guarantor: link.guarantor.clone() };
    if door.holds_contact(house.world.now()) {
        let entrance = Entrance {
            practice: patient.practice.clone(),
            next,
            lang: door.lang,
            return_to: String::new(),
            by_code: false,
            half: None,
            access_code: None,
        };
        let entered = enter(&house, &patient.visit, entrance).await?;
        return entered.ok_or(Failure::NotFound);
    }
    let way = Way {
        next,
        prove: vec![link.guarantor],
        first: link.contact,
        sent: None,
        return_to: String::new(),
        lang: door.lang.code().to_owned(),
    };
    half_way::begin(&house, &patient.visit, &patient.practice, &way).await?;
    Ok(see_other("/code"))
}

fn refused(
    house: &House,
    door: &Door,
    patient: &Patient,
    typed: TypedAccount,
    refusals: Vec<Refusal>,
) -> HttpResponse {
    let html = AddAccount { typed, refusals }.html(&shell(house, door, patient));
    page(StatusCode::UNPROCESSABLE_ENTITY, html)
}
