//! A pay link, opened: by the person it was sent to, or by a scanner, which nobody can tell yet. It
//! changes no row but the append-only access log (D-55, R30), and signs nobody in.

use actix_web::{HttpRequest, http::Method, web};
use store::link::Link;

use super::choose_language::see_other;
use crate::{
    choice::Choice,
    failure::{Answer, Failure},
    house::House,
    pages::pay::link_gone,
    session::Patient,
    visit::{Jar, Visit},
};

/// The practice a link led to is the one at hand afterwards, for as long.
const PRACTICE_KEPT_MS: i64 = 365 * domain::clock::DAY_MS;

/// `GET` and `HEAD /p/{token}`
pub async fn get(
    request: HttpRequest,
    house: web::Data<House>,
    visit: Visit,
    token: web::Path<String>,
) -> Answer {
    let found = {
        let mut db = house.store.read().await?;
        let link = store::link::find_by_token(&mut db, &token, house.world.now()).await?;
        match link {
            Some(link) => {
                let practice = store::practice::load(&mut db, &link.practice).await?;
                practice.map(|practice| (link, practice.slug))
            }
            None => None,
        }
    };
    let Some((link, slug)) = found else {
        // Only misses count: a scanner may fetch a real link as often as it likes (R29).
        house.limits.links.check(visit.address())?;
        return link_gone(&house, &request, &visit).await;
    };
    let kind = if request.method() == Method::HEAD { "head" } else { "get" };
    note_access(&house, &link, kind).await?;
    visit.keep(Jar::Practice, slug, Some(PRACTICE_KEPT_MS));
    if let Some(patient) = Patient::find(&house, &visit).await? {
        // Only the same account's own session: a relative's would see another's bill (D-6).
        if patient.practice.id == link.practice && patient.guarantors.contains(&link.guarantor) {
            return Ok(see_other(&bill_of(&link)));
        }
    }
    visit.grant_pay(&house, &link.token_hash);
    Choice::forget(&visit);
    Ok(see_other("/pay"))
}

/// The bill, with what the message was about marked.
fn bill_of(link: &Link) -> String {
    let marked = link.claim.as_ref().map(|claim| format!("&marked={claim}")).unwrap_or_default();
    format!("/account?of={}{marked}", link.guarantor)
}

async fn note_access(house: &House, link: &Link, kind: &'static str) -> Result<(), Failure> {
    let (world, practice, hash) =
        (house.world.clone(), link.practice.clone(), link.token_hash.clone());
    house
        .store
        .write(move |db| {
            let (world, practice, hash) = (world.clone(), practice.clone(), hash.clone());
            Box::pin(
                async move { store::link::insert_access(db, &world, &practice, &hash, kind).await },
            )
        })
        .await?;
    Ok(())
}
