//! `/create-account`: only with a valid link in hand; everybody else signs in. An identity is matched
//! first (see [`crate::identity`]), then the contact has to be in hand: by the link itself while it
//! is young, else by a code. What anybody types gets one uniform answer (R38, R39).

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use app::{
    pages::{CreateAccount, TypedAccount},
    refusal::Refusal,
};
use domain::{phone::normalise_email, practice::Practice};
use serde::Deserialize;
use store::link::Link;

use super::choose_language::see_other;
use crate::{
    door::{Door, page},
    entering::{self, Entrance, enter},
    failure::{Answer, Failure},
    form::Posted,
    half_way::{self, Next, Way},
    house::House,
    identity,
    password::{self, Cost, Weakness},
    visit::Visit,
};

const PATH: &str = "/create-account";

#[derive(Deserialize)]
pub struct Query {
    /// From *Sign in*: really a new account, though this bill has one.
    #[serde(default)]
    new: String,
}

/// `GET /create-account`
pub async fn get(
    request: HttpRequest,
    house: web::Data<House>,
    visit: Visit,
    query: web::Query<Query>,
) -> Answer {
    let door = Door::find(&house, &request, &visit).await?;
    if let Some(to) = entering::already_in(&house, &door).await? {
        return Ok(see_other(to));
    }
    let Some(link) = &door.link else { return Ok(see_other("/sign-in")) };
    let has_login = {
        let mut db = house.store.read().await?;
        let known = store::login::list_by_guarantor(&mut db, &link.practice, &link.guarantor);
        !known.await?.is_empty()
    };
    if has_login && query.new.is_empty() {
        return Ok(see_other("/sign-in"));
    }
    let model = CreateAccount { pay_href: door.pay_href(), ..CreateAccount::default() };
    Ok(page(StatusCode::OK, model.html(&door.shell(&house, PATH))))
}

/// `POST /create-account`
pub async fn post(
    request: HttpRequest,
    house: web::Data<House>,
    visit: Visit,
    posted: Posted,
) -> Answer {
    house.limits.sign_ins.check(visit.address())?;
    let door = Door::find(&house, &request, &visit).await?;
    let Some(link) = door.link.clone() else { return Ok(see_other("/sign-in")) };
    let typed = identity::typed(&posted);
    let today = house.world.now().day_in(&door.practice.zone());
    let read = identity::read(&posted, today);
    let email = normalise_email(posted.text("email"));
    let password = posted.text("password");
    let mut refusals: Vec<Refusal> = refused_email(&email).into_iter().collect();
    refusals.extend(refused_password(&door.practice, password, &typed.email, true)?);
    let (answers, email) = match (read, email) {
        (Ok(answers), Ok(email)) if refusals.is_empty() => (answers, email.as_str().to_owned()),
        (read, _) => {
            refusals.extend(read.err().unwrap_or_default());
            return Ok(refused(&house, &door, typed, refusals));
        }
    };
    let login = {
        let mut db = house.store.read().await?;
        store::login::find_by_email(&mut db, &link.practice, &email).await?
    };
    // One argon2 of equal cost, whether the email is in use or new, the match right or wrong.
    let known = Credential::of(&house, login.as_ref(), password).await?;
    if !identity::matches(&house, &door, &link, &answers).await? {
        return Ok(refused(&house, &door, typed, vec![Refusal::IdentityUnconfirmed]));
    }
    let is_young = door.holds_contact(house.world.now());
    let next = match known {
        Credential::New(password_hash) => {
            Next::Create { email, password_hash, guarantor: link.guarantor.clone() }
        }
        Credential::Right => {
            let login = login.ok_or_else(|| Failure::broken("a right password of nobody"))?;
            return sign_in_and_add(&house, &door, &link, login, is_young).await;
        }
        Credential::Wrong => Next::Guest { email, guarantor: link.guarantor.clone() },
    };
    go_on(&house, &door, &link, next, is_young).await
}

/// What the typed password is to the typed email.
pub enum Credential {
    /// The email is new: this is the hash to keep.
    New(String),
    Right,
    Wrong,
}

impl Credential {
    pub async fn of(
        house: &House,
        login: Option<&store::login::Login>,
        password: &str,
    ) -> Result<Self, Failure> {
        let busy = |_| Failure::TooMany(5);
        match login {
            None => house.passwords.hash(Cost::Patient, password).await.map(Self::New),
            Some(login) => {
                let stored = Some(login.password_hash.as_str());
                let right = house.passwords.verify(Cost::Patient, stored, password).await;
                right.map(|right| if right { Self::Right } else { Self::Wrong })
            }
        }
        .map_err(busy)
    }
}

/// In at once while the link proves its contact, else by way of a code to a contact on file.
async fn go_on(
    house: &web::Data<House>,
    door: &Door,
    link: &Link,
    next: Next,
    is_young: bool,
) -> Answer {
    if is_young {
        let entrance = Entrance {
            practice: door.practice.clone(),
            next,
            lang: door.lang,
            return_to: String::new(),
            by_code: false,
            half: None,
            access_code: None,
        };
        let entered = enter(house, &door.visit, entrance).await?;
        return entered.ok_or(Failure::NotFound);
    }
    let way = Way {
        next,
        prove: vec![link.guarantor.clone()],
        first: link.contact.clone(),
        sent: None,
        return_to: String::new(),
        lang: door.lang.code().to_owned(),
    };
    half_way::begin(house, &door.visit, &door.practice, &way).await?;
    Ok(see_other("/code"))
}

/// Email and password are those of a login: sign in to it, with this account added where its own
/// link proves it. The login's own second factor is not waived by somebody else's link.
async fn sign_in_and_add(
    house: &web::Data<House>,
    door: &Door,
    link: &Link,
    login: store::login::Login,
    is_young: bool,
) -> Answer {
    let (accounts, device_is_known) = {
        let mut db = house.store.read().await?;
        let accounts = store::login::list_accounts(&mut db, &link.practice, &login.id).await?;
        let known =
            entering::device_is_known(&mut db, &door.visit, &door.practice, &login.id).await?;
        (accounts, known)
    };
    let is_theirs = accounts.contains(&link.guarantor);
    let add = (is_young && !is_theirs).then(|| link.guarantor.clone());
    let next = Next::SignIn { login: login.id, add };
    if device_is_known || (is_young && is_theirs) {
        return go_on(house, door, link, next, true).await;
    }
    let way = Way {
        next,
        prove: accounts,
        first: None,
        sent: None,
        return_to: String::new(),
        lang: door.lang.code().to_owned(),
    };
    half_way::begin(house, &door.visit, &door.practice, &way).await?;
    Ok(see_other("/code"))
}

fn refused(
    house: &House,
    door: &Door,
    typed: TypedAccount,
    refusals: Vec<Refusal>,
) -> HttpResponse {
    let model = CreateAccount { typed, refusals, pay_href: door.pay_href() };
    page(StatusCode::UNPROCESSABLE_ENTITY, model.html(&door.shell(house, PATH)))
}

pub fn refused_email(
    email: &Result<domain::phone::Email, domain::phone::BadEmail>,
) -> Option<Refusal> {
    match email {
        Ok(_) => None,
        Err(domain::phone::BadEmail::Empty) => Some(Refusal::EmailMissing),
        Err(_) => Some(Refusal::EmailMalformed),
    }
}

/// Eight characters where a code is the second factor, fifteen where the password stands alone
/// (R40).
pub fn refused_password(
    practice: &Practice,
    password: &str,
    email: &str,
    has_second_factor: bool,
) -> Result<Option<Refusal>, Failure> {
    if password.is_empty() {
        return Ok(Some(Refusal::PasswordMissing));
    }
    let least = if has_second_factor {
        password::SHORTEST_WITH_SECOND_FACTOR
    } else {
        password::SHORTEST_ALONE
    };
    let name = email.split('@').next().unwrap_or_default();
    let own_words = [practice.name.as_str(), practice.alias(), name];
    Ok(match password::weakness(password, least, &own_words) {
        None => None,
        Some(Weakness::TooLong) => return Err(Failure::TooLarge),
        Some(Weakness::Common) => Some(Refusal::PasswordTooCommon),
        Some(Weakness::TooShort) => {
            Some(Refusal::PasswordTooShort { least: u32::try_from(least).unwrap_or(u32::MAX) })
        }
    })
}
