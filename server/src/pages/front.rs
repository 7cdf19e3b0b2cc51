//! The practice's front page: who sends these messages, and how to get on.

use actix_web::{HttpRequest, http::StatusCode, web};
use app::pages::{Front, NoPractice};
use domain::{clock::DAY_MS, phone::E164, practice::Practice};

use super::pay::{html, strangers_shell};
use crate::{
    failure::{Answer, Failure},
    house::House,
    session::Patient,
    visit::{self, Jar, Visit},
    wording,
};

const PRACTICE_KEPT_MS: i64 = 365 * DAY_MS;

/// `GET /`
pub async fn get(request: HttpRequest, house: web::Data<House>, visit: Visit) -> Answer {
    let patient = Patient::find(&house, &visit).await?;
    let practice = match &patient {
        Some(patient) => Some(patient.practice.clone()),
        None => visit::practice_at_hand(&house, &request, &visit).await?,
    };
    match practice {
        Some(practice) => Ok(page(&house, &visit, &practice, patient.is_some())),
        None => {
            let shell = strangers_shell(&house, &request, &visit, "/").await;
            Ok(html(StatusCode::OK, NoPractice.html(&shell)))
        }
    }
}

/// `GET /at/{practice}`: the practice at hand, where one address serves several.
pub async fn at(house: web::Data<House>, visit: Visit, slug: web::Path<String>) -> Answer {
    let practice = {
        let mut db = house.store.read().await?;
        store::practice::find_by_slug(&mut db, &slug).await?
    };
    let practice = practice.ok_or(Failure::NotFound)?;
    visit.keep(Jar::Practice, practice.slug.clone(), Some(PRACTICE_KEPT_MS));
    Ok(page(&house, &visit, &practice, false))
}

fn page(
    house: &House,
    visit: &Visit,
    practice: &Practice,
    is_signed_in: bool,
) -> actix_web::HttpResponse {
    let lang = visit.lang().unwrap_or_default();
    let mut shell = visit::patient_shell(house, visit, practice, lang, is_signed_in);
    shell.path = "/".into();
    let model = Front { address: wording::address(practice), senders: senders(practice) };
    html(StatusCode::OK, model.html(&shell))
}

/// The numbers and addresses this practice writes from.
pub fn senders(practice: &Practice) -> Vec<String> {
    let settings = &practice.settings;
    let shown = |number: &String| {
        E164::from_normalised(number).map_or_else(|| number.clone(), |number| number.display())
    };
    let numbers = [&settings.text_number, &settings.code_number].into_iter().flatten().map(shown);
    let email = Some(settings.email_from_address.clone()).filter(|address| !address.is_empty());
    let mut senders: Vec<String> = numbers.chain(email).collect();
    senders.dedup();
    senders
}
