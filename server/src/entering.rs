//! The last step of every way in: what was matched and proved becomes a login, an account it may
//! see, and a session under a new token (R42). Written in one transaction; mails follow.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use app::words::Lang;
use domain::{
    clock::{DAY_MS, UnixMs, World},
    id::{AccessCodeId, GuarantorId, LoginId, PracticeId},
    practice::Practice,
};
use engine::AccountMail;
use store::{
    Db, StoreError,
    audit::{Actor, Entry},
    keys::{TOKEN_BYTES, new_token, token_hash},
    login,
    mail_token::{self, Purpose},
    session::{self, Kind},
    tries::{self, Limit},
};

use crate::{
    actions::choose_language::see_other,
    choice::Choice,
    clock::real_now,
    door::Door,
    failure::Failure,
    half_way::Next,
    house::House,
    sending::{address, post_account_mail},
    session::{Patient, local_path},
    visit::{Jar, Visit},
};

/// A device that has proved a contact is not asked again for this long.
const DEVICE_LASTS_MS: i64 = 365 * DAY_MS;
/// One phone serves a family: so many logins are remembered on one device.
const DEVICE_LOGINS_MOST: usize = 4;
const YEAR_MS: i64 = 365 * DAY_MS;
/// Reminders to confirm an address, at sign-in.
const CONFIRM_MAILS: Limit = Limit { scope: "confirm_mail", most: 1, per_ms: DAY_MS };

/// Somebody who has proved enough.
pub struct Entrance {
    pub practice: Practice,
    pub next: Next,
    pub lang: Lang,
    pub return_to: String,
    /// The contact was proved by a code, here and now: the device is remembered.
    pub by_code: bool,
    /// The half-way session that ends with this.
    pub half: Option<String>,
    /// The front desk's code that is used up by this.
    pub access_code: Option<AccessCodeId>,
}

/// What was written, for the mails and the way on.
#[derive(Clone, Debug)]
struct Entered {
    login: LoginId,
    guarantor: Option<GuarantorId>,
    mail: Mail,
}

#[derive(Clone, Debug)]
enum Mail {
    None,
    Welcome { email: String, token: String },
    Confirm { email: String, token: String },
    Exists { email: String },
}

/// Lets them in. `None` when the front desk's code was used up by somebody faster.
pub async fn enter(
    house: &web::Data<House>,
    visit: &Visit,
    mut entrance: Entrance,
) -> Result<Option<HttpResponse>, Failure> {
    let tokens = Tokens::new(&entrance);
    let entered = match write(house, visit, &entrance, &tokens).await {
        Err(StoreError::Duplicate) => {
            // Two tabs, one email: the slower one finds it in use.
            let next = guest_of(&entrance.next);
            entrance.next = next.ok_or_else(|| Failure::broken("a row twice"))?;
            write(house, visit, &entrance, &tokens).await?
        }
        other => other?,
    };
    let Some(entered) = entered else { return Ok(None) };
    tokens.keep(visit);
    visit.drop_cookie(Jar::PatientHalf);
    Choice::forget(visit);
    if visit.chosen_lang().is_none() {
        visit.keep(Jar::Lang, entrance.lang.code(), Some(YEAR_MS));
    }
    send(house, &entrance.practice, &entered, entrance.lang);
    let to = way_on(house, visit, &entrance, &entered).await?;
    Ok(Some(see_other(&to)))
}

fn guest_of(next: &Next) -> Option<Next> {
    match next {
        Next::Create { email, guarantor, .. } => {
            Some(Next::Guest { email: email.clone(), guarantor: guarantor.clone() })
        }
        _ => None,
    }
}

/// The secrets the browser gets.
#[derive(Clone)]
struct Tokens {
    /// None when the session goes on.
    session: Option<String>,
    device: Option<String>,
    mail: String,
}

impl Tokens {
    fn new(entrance: &Entrance) -> Self {
        let goes_on = matches!(entrance.next, Next::Add { .. });
        Self {
            session: (!goes_on).then(|| new_token(TOKEN_BYTES)),
            // A guest's too, of no use to them: an email in use sets the same cookies as a new one.
            device: (entrance.by_code && !goes_on).then(|| new_token(TOKEN_BYTES)),
            mail: new_token(TOKEN_BYTES),
        }
    }

    fn keep(&self, visit: &Visit) {
        if let Some(token) = &self.session {
            visit.keep(Jar::Patient, token.as_str(), Some(session::ABSOLUTE_MS));
        }
        if let Some(token) = &self.device {
            let known = visit.device_token().unwrap_or_default();
            let tokens: Vec<&str> = std::iter::once(token.as_str())
                .chain(known.split('.').filter(|known| !known.is_empty()))
                .take(DEVICE_LOGINS_MOST)
                .collect();
            visit.keep(Jar::Device, tokens.join("."), Some(DEVICE_LASTS_MS));
        }
    }
}

/// True when one of this device's tokens is of this login.
pub async fn device_is_known(
    db: &mut Db,
    visit: &Visit,
    practice: &Practice,
    login: &LoginId,
) -> Result<bool, Failure> {
    let tokens = visit.device_token().unwrap_or_default();
    for token in tokens.split('.').filter(|t| !t.is_empty()).take(DEVICE_LOGINS_MOST) {
        if login::device_is_known(db, &practice.id, login, token).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn write(
    house: &House,
    visit: &Visit,
    entrance: &Entrance,
    tokens: &Tokens,
) -> store::Result<Option<Entered>> {
    let entry = Arc::new(Writing {
        world: house.world.clone(),
        practice: entrance.practice.id.clone(),
        next: entrance.next.clone(),
        lang: entrance.lang,
        tokens: tokens.clone(),
        new_login: house.world.mint(),
        half: entrance.half.clone(),
        access_code: entrance.access_code.clone(),
        session_before: visit.patient_token().map(token_hash),
        address: visit.address().to_owned(),
        now: real_now(),
    });
    let written = house.store.write(move |db| {
        let entry = entry.clone();
        Box::pin(async move { entry.write(db).await })
    });
    written.await
}

/// Everything one transaction needs.
struct Writing {
    world: World,
    practice: PracticeId,
    next: Next,
    lang: Lang,
    tokens: Tokens,
    new_login: LoginId,
    half: Option<String>,
    access_code: Option<AccessCodeId>,
    session_before: Option<String>,
    address: String,
    now: UnixMs,
}

impl Writing {
    async fn write(&self, db: &mut Db) -> store::Result<Option<Entered>> {
        let (practice, now) = (&self.practice, self.now);
        if let Some(code) = &self.access_code
            && !store::access_code::claim(db, practice, code, now).await?
        {
            return Ok(None);
        }
        if let Some(half) = &self.half {
            session::mark_ended(db, half, now).await?;
        }
        let mut entered = self.login(db).await?;
        let login = entered.login.clone();
        if let Some(guarantor) = &entered.guarantor {
            login::insert_account(db, practice, &login, guarantor, now).await?;
            let added = self.entry(&login, "add_account", "guarantor", guarantor.as_str());
            store::audit::insert(db, &self.world, &added.about(guarantor)).await?;
        }
        if let Some(device) = &self.tokens.device {
            login::insert_device(db, practice, &login, device, now).await?;
        }
        if let Some(token) = &self.tokens.session {
            if let Some(before) = &self.session_before {
                session::mark_ended(db, before, now).await?;
            }
            let (kind, lasts) = (Kind::Patient, session::ABSOLUTE_MS);
            session::insert(db, kind, token, login.as_str(), practice, None, now, lasts).await?;
            let signed_in = self.entry(&login, "sign_in", "login", login.as_str());
            store::audit::insert(db, &self.world, &signed_in).await?;
            entered.mail = self.mail(db, &login, entered.mail).await?;
        }
        Ok(Some(entered))
    }

    /// The login that enters, made where it is new.
    async fn login(&self, db: &mut Db) -> store::Result<Entered> {
        let (practice, id, now) = (&self.practice, &self.new_login, self.now);
        let lang = self.lang.code();
        Ok(match &self.next {
            Next::SignIn { login, add } => {
                Entered { login: login.clone(), guarantor: add.clone(), mail: Mail::None }
            }
            Next::Add { login, guarantor } => Entered {
                login: login.clone(),
                guarantor: Some(guarantor.clone()),
                mail: Mail::None,
            },
            Next::Create { email, password_hash, guarantor } => {
                login::insert(db, practice, id, email, password_hash, lang, now).await?;
                let token = self.tokens.mail.clone();
                mail_token::insert(db, practice, id, Purpose::ConfirmEmail, &token, now).await?;
                let mail = Mail::Welcome { email: email.clone(), token };
                Entered { login: id.clone(), guarantor: Some(guarantor.clone()), mail }
            }
            Next::Guest { email, guarantor } => {
                login::insert_guest(db, practice, id, email, lang, now).await?;
                let mail = Mail::Exists { email: email.clone() };
                Entered { login: id.clone(), guarantor: Some(guarantor.clone()), mail }
            }
        })
    }

    /// An address that was never confirmed gets a new link at sign-in, once a day.
    async fn mail(&self, db: &mut Db, login: &LoginId, mail: Mail) -> store::Result<Mail> {
        let (practice, now) = (&self.practice, self.now);
        if !matches!(mail, Mail::None) {
            tries::claim(db, &CONFIRM_MAILS, login.as_str(), now).await?;
            return Ok(mail);
        }
        let login = login::load(db, practice, login).await?;
        let Some(login) = login.filter(|login| login.email_confirmed_at.is_none()) else {
            return Ok(Mail::None);
        };
        if !tries::claim(db, &CONFIRM_MAILS, login.id.as_str(), now).await? {
            return Ok(Mail::None);
        }
        let token = self.tokens.mail.clone();
        mail_token::insert(db, practice, &login.id, Purpose::ConfirmEmail, &token, now).await?;
        Ok(Mail::Confirm { email: login.email, token })
    }

    fn entry(
        &self,
        login: &LoginId,
        verb: &'static str,
        kind: &'static str,
        object: &str,
    ) -> Entry {
        Entry::new(&self.practice, Actor::Login(login.to_string()), verb, kind, object)
            .from_address(self.address.as_str())
    }
}

fn send(house: &web::Data<House>, practice: &Practice, entered: &Entered, lang: Lang) {
    let link = |token: &str| address(house, practice, &format!("/confirm-email/{token}"));
    let (email, mail) = match &entered.mail {
        Mail::None => return,
        Mail::Welcome { email, token } => (email, AccountMail::Welcome { link: link(token) }),
        Mail::Confirm { email, token } => (email, AccountMail::ConfirmEmail { link: link(token) }),
        Mail::Exists { email } => {
            let sign_in = address(house, practice, "/sign-in");
            let reset = address(house, practice, "/forgot");
            (email, AccountMail::AccountExists { sign_in, reset })
        }
    };
    let (house, practice, email) = (house.clone(), practice.id.clone(), email.clone());
    let (login, guarantor) = (entered.login.clone(), entered.guarantor.clone());
    actix_web::rt::spawn(async move {
        let guarantor = match guarantor {
            Some(guarantor) => Some(guarantor),
            None => first_account(&house, &practice, &login).await,
        };
        if let Some(guarantor) = guarantor {
            post_account_mail(&house, &practice, &guarantor, &email, lang, mail);
        }
    });
}

async fn first_account(
    house: &House,
    practice: &PracticeId,
    login: &LoginId,
) -> Option<GuarantorId> {
    let mut db = house.store.read().await.ok()?;
    login::list_accounts(&mut db, practice, login).await.ok()?.into_iter().next()
}

/// Where they were going; a link of an account that is not theirs yet leads to adding it.
async fn way_on(
    house: &House,
    visit: &Visit,
    entrance: &Entrance,
    entered: &Entered,
) -> Result<String, Failure> {
    match (&entrance.next, &entered.guarantor) {
        (Next::Create { .. } | Next::Guest { .. }, _) => return Ok("/account".into()),
        (_, Some(guarantor)) => return Ok(format!("/account?of={guarantor}")),
        _ => {}
    }
    let wanted = local_path(&entrance.return_to, "/account")
        .or_else(|| local_path(&entrance.return_to, "/pay"))
        .or_else(|| local_path(&entrance.return_to, "/receipt"));
    if let Some(path) = wanted {
        return Ok(path);
    }
    let Some(pass) = visit.pay_pass() else { return Ok("/account".into()) };
    let mut db = house.store.read().await?;
    let link = store::link::find_by_hash(&mut db, &pass.link_hash, house.world.now()).await?;
    let Some(link) = link.filter(|link| link.practice == entrance.practice.id) else {
        return Ok("/account".into());
    };
    let mine = login::list_accounts(&mut db, &entrance.practice.id, &entered.login).await?;
    Ok(if mine.contains(&link.guarantor) { "/account" } else { "/account/add" }.into())
}

/// Where somebody who is signed in belongs when they come to a form of the door: their bill, or
/// adding the account of the link in hand (D-6).
pub async fn already_in(house: &House, door: &Door) -> Result<Option<&'static str>, Failure> {
    let Some(patient) = Patient::find(house, &door.visit).await? else { return Ok(None) };
    let other = door.link.as_ref().is_some_and(|link| {
        link.practice == patient.practice.id && !patient.guarantors.contains(&link.guarantor)
    });
    Ok(Some(if other { "/account/add" } else { "/account" }))
}
