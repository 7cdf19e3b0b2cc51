//! `/office-code`: a code from the front desk, which has checked who somebody is. It stands for the
//! match and for the contact; the password is a new one, or that of the login with this email.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use app::{pages::OfficeCode, refusal::Refusal};
use domain::{
    id::{AccessCodeId, GuarantorId},
    phone::normalise_email,
};
use store::{access_code, tries};

use super::{
    choose_language::see_other,
    create_account::{Credential, refused_email, refused_password},
};
use crate::{
    clock::real_now,
    door::{Door, page},
    entering::{self, Entrance, enter},
    failure::{Answer, Failure},
    form::Posted,
    half_way::{self, Next, Way},
    house::House,
    visit::Visit,
};

const PATH: &str = "/office-code";

/// `GET /office-code`
pub async fn get(request: HttpRequest, house: web::Data<House>, visit: Visit) -> Answer {
    let door = Door::find(&house, &request, &visit).await?;
    Ok(page(StatusCode::OK, OfficeCode::default().html(&door.shell(&house, PATH))))
}

/// `POST /office-code`
pub async fn post(
    request: HttpRequest,
    house: web::Data<House>,
    visit: Visit,
    posted: Posted,
) -> Answer {
    house.limits.sign_ins.check(visit.address())?;
    let door = Door::find(&house, &request, &visit).await?;
    let typed: String = posted.text("email").trim().chars().take(254).collect();
    let refuse = |refusals| refused(&house, &door, typed.clone(), refusals);
    let email = normalise_email(&typed);
    let password = posted.text("password");
    let mut refusals = Vec::new();
    if posted.filled("code").is_none() {
        refusals.push(Refusal::OfficeCodeWrong);
    }
    refusals.extend(refused_email(&email));
    refusals.extend(refused_password(&door.practice, password, &typed, true)?);
    let email = match email {
        Ok(email) if refusals.is_empty() => email.as_str().to_owned(),
        _ => return Ok(refuse(refusals)),
    };
    let login = {
        let mut db = house.store.read().await?;
        store::login::find_by_email(&mut db, &door.practice.id, &email).await?
    };
    let known = Credential::of(&house, login.as_ref(), password).await?;
    let Some((code, guarantor)) = find(&house, &door, posted.text("code")).await? else {
        return Ok(refuse(vec![Refusal::OfficeCodeWrong]));
    };
    let next = match (known, login) {
        (Credential::New(password_hash), _) => {
            // Without a contact for codes the password has to stand alone.
            let proves = half_way::can_prove(&house, &door.practice, &guarantor).await?;
            if let Some(refusal) = refused_password(&door.practice, password, &typed, proves)? {
                return Ok(refuse(vec![refusal]));
            }
            Next::Create { email, password_hash, guarantor: guarantor.clone() }
        }
        (Credential::Right, Some(login)) => {
            return sign_in(&house, &door, login, code, guarantor).await;
        }
        _ => Next::Guest { email, guarantor: guarantor.clone() },
    };
    let entered = enter(&house, &visit, entrance(&door, next, code)).await?;
    Ok(entered.unwrap_or_else(|| refuse(vec![Refusal::OfficeCodeWrong])))
}

fn entrance(door: &Door, next: Next, code: AccessCodeId) -> Entrance {
    Entrance {
        practice: door.practice.clone(),
        next,
        lang: door.lang,
        return_to: String::new(),
        by_code: true,
        half: None,
        access_code: Some(code),
    }
}

fn refused(house: &House, door: &Door, email: String, refusals: Vec<Refusal>) -> HttpResponse {
    let model = OfficeCode { email, refusals };
    page(StatusCode::UNPROCESSABLE_ENTITY, model.html(&door.shell(house, PATH)))
}

/// The account the code is for. The try is counted first; a right one is given back.
async fn find(
    house: &House,
    door: &Door,
    typed: &str,
) -> Result<Option<(AccessCodeId, GuarantorId)>, Failure> {
    let (practice, typed, now) = (door.practice.id.clone(), typed.to_owned(), real_now());
    let (world, entry) = (house.world.clone(), door.entry("office_code", "access_code", ""));
    let found = house.store.write(move |db| {
        let (practice, typed) = (practice.clone(), typed.clone());
        let (world, mut entry) = (world.clone(), entry.clone());
        Box::pin(async move {
            let (limit, subject) = (&access_code::PRACTICE_TRIES, practice.as_str());
            let may = tries::claim(db, limit, subject, now).await?;
            let found = access_code::find(db, &practice, &typed, now).await?.filter(|_| may);
            entry = match &found {
                Some((id, guarantor)) => {
                    tries::release(db, limit, subject, now).await?;
                    entry.object_id = id.to_string();
                    entry.about(guarantor)
                }
                None => entry.denied(),
            };
            store::audit::insert(db, &world, &entry).await?;
            Ok(found)
        })
    });
    Ok(found.await?)
}

/// A login of their own, with the account added. Where the account is new to that login and the
/// device is, too, the login's own contact is proved first: the desk has checked one person, not
/// the owner of every account of that login.
async fn sign_in(
    house: &web::Data<House>,
    door: &Door,
    login: store::login::Login,
    code: AccessCodeId,
    guarantor: GuarantorId,
) -> Answer {
    let (accounts, device_is_known) = {
        let mut db = house.store.read().await?;
        let practice = &door.practice;
        let accounts = store::login::list_accounts(&mut db, &practice.id, &login.id).await?;
        let known = entering::device_is_known(&mut db, &door.visit, practice, &login.id).await?;
        (accounts, known)
    };
    let is_theirs = accounts.contains(&guarantor);
    let next = Next::SignIn { login: login.id, add: (!is_theirs).then_some(guarantor) };
    if is_theirs || device_is_known {
        let entered = enter(house, &door.visit, entrance(door, next, code)).await?;
        let again = || refused(house, door, login.email, vec![Refusal::OfficeCodeWrong]);
        return Ok(entered.unwrap_or_else(again));
    }
    let way = Way {
        next,
        prove: accounts,
        first: None,
        sent: None,
        return_to: String::new(),
        lang: door.lang.code().to_owned(),
    };
    if !use_up(house, door, &code).await? {
        return Ok(refused(house, door, login.email, vec![Refusal::OfficeCodeWrong]));
    }
    half_way::begin(house, &door.visit, &door.practice, &way).await?;
    Ok(see_other("/code"))
}

async fn use_up(house: &House, door: &Door, code: &AccessCodeId) -> Result<bool, Failure> {
    let (practice, code, now) = (door.practice.id.clone(), code.clone(), real_now());
    let used = house.store.write(move |db| {
        let (practice, code) = (practice.clone(), code.clone());
        Box::pin(async move { access_code::claim(db, &practice, &code, now).await })
    });
    Ok(used.await?)
}
