//! `POST /staff/invitation/{token}`: password, authenticator, recovery codes, and signed in.

use actix_web::{http::StatusCode, web};
use app::{
    components::Errors,
    pages::staff::{AcceptInvitation, DeadInvitation},
};
use store::{
    audit::{Actor, Entry},
    keys::{TOKEN_BYTES, new_token, token_hash},
    session::{ABSOLUTE_MS, Kind},
};

use crate::{
    clock::real_now,
    enrolment::{self, Chosen},
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::invitation,
    visit::{Jar, Visit},
    workspace::{refused, shown},
};

pub async fn post(
    house: web::Data<House>,
    visit: Visit,
    token: web::Path<String>,
    posted: Posted,
) -> Answer {
    house.limits.sign_ins.check(visit.address())?;
    let (member, practice) = invitation::find(&house, &token).await?;
    let hash = token_hash(&token);
    let own_words = [member.name.as_str(), member.email.as_str(), practice.name.as_str()];
    let id = member.id.as_str();
    let read = enrolment::read(&house, &hash, id, &posted, &own_words, Errors::new()).await?;
    let chosen = match read {
        Ok(chosen) => chosen,
        Err(errors) => {
            let page = AcceptInvitation {
                enrolment: enrolment::offer_again(&house, &hash, &member.email, &posted),
                token: token.into_inner(),
                practice: practice.name,
                name: member.name,
                email: member.email,
                errors,
            };
            return Ok(refused(page.html(&visit.csrf(&house))));
        }
    };
    let entry =
        Entry::new(&practice.id, Actor::Staff(id.to_owned()), "invitation_accepted", "staff", id)
            .from_address(visit.address());
    let session = new_token(TOKEN_BYTES);
    let kept = std::sync::Arc::new((chosen, hash, session, practice.id, entry));
    let (accepted, world, now) = (kept.clone(), house.world.clone(), real_now());
    let done = house.store.write(move |db| {
        let (accepted, world) = (accepted.clone(), world.clone());
        Box::pin(async move {
            let (chosen, hash, session, practice, entry) = &*accepted;
            // Again, inside: two browsers may hold the same link.
            let Some(member) = store::staff::find_by_invitation(db, hash, now).await? else {
                return Ok(false);
            };
            mark_credentials(db, &member.id, chosen).await?;
            let id = member.id.as_str();
            store::session::mark_all_ended(db, Kind::Staff, id, None, now).await?;
            let lasts = ABSOLUTE_MS;
            let kind = Kind::Staff;
            store::session::insert(db, kind, session, id, practice, None, now, lasts).await?;
            store::audit::insert(db, &world, entry).await?;
            Ok(true)
        })
    });
    if !done.await? {
        let html = DeadInvitation { is_setup: false }.html();
        return Err(Failure::Page(StatusCode::NOT_FOUND, html));
    }
    visit.keep(Jar::Staff, kept.2.clone(), Some(ABSOLUTE_MS));
    Ok(shown(kept.0.page("/staff", "Open the workspace").html()))
}

/// Stores what was chosen, and uses up the code that proved it.
pub async fn mark_credentials(
    db: &mut store::Db,
    id: &domain::id::StaffId,
    chosen: &Chosen,
) -> Result<(), store::StoreError> {
    let (hash, secret) = (&chosen.password_hash, &chosen.secret);
    store::staff::mark_credentials(db, id, hash, secret, &chosen.recovery_stored).await?;
    store::staff::mark_totp_step(db, id, chosen.step).await?;
    Ok(())
}
