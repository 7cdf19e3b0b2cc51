//! `GET /account/notices` and `/account/notices/{message}`: every reminder that went out, in the account
//! of the patient it went to (S-SF11). Opening one marks it read for this login; another's is the same
//! 404 as one that does not exist, and the denial is in the audit (R01).

use actix_web::{http::StatusCode, web};
use app::{
    pages::{NoticeLine, NoticePage, Notices},
    texts,
};
use domain::{decide::Channel, id::MessageId};
use engine::Script;
use store::{message::Message, notice::Notice};

use super::{
    bill::{denied, shell},
    staff::notifications::without_tokens,
};
use crate::{
    door::page,
    failure::{Answer, Failure},
    house::House,
    session::Patient,
    wording::lang_of,
};

const PATH: &str = "/account/notices";

pub async fn list(house: web::Data<House>, patient: Patient) -> Answer {
    let practice = &patient.practice.id;
    let (login, accounts) = (&patient.login, &patient.guarantors);
    let mut db = house.store.read().await?;
    let found =
        store::notice::list(&mut db, practice, login, accounts, store::notice::MOST).await?;
    let names = store::guarantor::load_many(&mut db, practice, accounts).await?;
    drop(db);
    house.audit(patient.entry("view_notices", "login", login.as_str())).await?;
    let has_several = accounts.len() > 1;
    let lines = found
        .into_iter()
        .map(|notice| {
            let name = names.get(&notice.guarantor).map(|one| one.name.clone());
            line(notice, name.filter(|_| has_several))
        })
        .collect();
    let model = Notices { zone: patient.practice.zone(), lines };
    Ok(page(StatusCode::OK, model.html(&shell(&house, &patient, PATH))))
}

fn line(notice: Notice, account: Option<String>) -> NoticeLine {
    let claim = notice.claim.as_ref().map(|claim| format!("&marked={claim}"));
    NoticeLine {
        message: notice.message.to_string(),
        at: notice.at,
        ways: notice.ways,
        amount: notice.amount,
        check_codes: notice.check_codes.iter().map(|code| texts::readable_code(code)).collect(),
        bill: format!("/account?of={}{}", notice.guarantor, claim.unwrap_or_default()),
        account,
        is_read: notice.is_read,
    }
}

pub async fn get(house: web::Data<House>, patient: Patient, id: web::Path<String>) -> Answer {
    let Ok(wanted) = id.parse::<MessageId>() else {
        return Err(denied(&house, &patient, "message", &id).await);
    };
    let practice = &patient.practice.id;
    let (login, accounts) = (&patient.login, &patient.guarantors);
    let mut db = house.store.read().await?;
    let found = store::notice::find(&mut db, practice, login, accounts, &wanted).await?;
    let Some(notice) = found else {
        drop(db);
        return Err(denied(&house, &patient, "message", &id).await);
    };
    let message = store::message::load(&mut db, practice, &notice.message).await?;
    let message = message.ok_or(Failure::NotFound)?;
    drop(db);
    mark_read(&house, &patient, &notice).await?;
    let path = format!("{PATH}/{}", notice.message);
    let model = NoticePage {
        zone: patient.practice.zone(),
        words: words_of(&message),
        lang: lang_of(message.language),
        line: line(notice, None),
    };
    Ok(page(StatusCode::OK, model.html(&shell(&house, &patient, &path))))
}

async fn mark_read(house: &House, patient: &Patient, notice: &Notice) -> Result<(), Failure> {
    let (world, practice) = (house.world.clone(), patient.practice.id.clone());
    let (login, notice) = (patient.login.clone(), notice.clone());
    let entry = patient.entry("view", "message", notice.message.as_str()).about(&notice.guarantor);
    let done = house.store.write(move |db| {
        let (world, practice, login) = (world.clone(), practice.clone(), login.clone());
        let (notice, entry) = (notice.clone(), entry.clone());
        Box::pin(async move {
            store::notice::mark_read(db, &practice, &login, &notice, world.now()).await?;
            store::audit::insert(db, &world, &entry).await
        })
    });
    Ok(done.await?)
}

/// The words as they went; its links pay, and the account has a button of its own for that. Of a call
/// what a person heard, not what was left on a machine.
fn words_of(message: &Message) -> Vec<String> {
    let text = match message.channel {
        Channel::Voice => {
            Script::parse(&message.content.text).map(|script| script.balance).unwrap_or_default()
        }
        _ => without_tokens(&message.content.text),
    };
    text.split("\n\n").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}
