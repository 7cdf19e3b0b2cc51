//! `POST /staff/inbox/canned`: a canned reply is written, changed or removed. What a text cannot
//! carry, or what would tell too much, is refused with the reason.

use actix_web::web;
use app::components::Errors;
use domain::{
    id::CannedReplyId,
    sms::{self, Encoding},
    staff::Permission,
};

use super::choose_language::see_other;
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::{
        canned_replies::{Typed, refuse},
        inbox::require_inbox,
    },
    session::Staff,
};

const PATH: &str = "/staff/inbox/canned";
const TITLE_LONGEST: usize = 60;
/// With the practice's name before it. Longer texts cost more and are read less.
const SEGMENTS_MOST: usize = 2;

pub async fn save(house: web::Data<House>, staff: Staff, posted: Posted) -> Answer {
    require_inbox(&house, &staff, Permission::SendStatements).await?;
    let title = posted.text("title").trim().to_owned();
    let body = sms::economise(posted.text("body").trim());
    let id = posted.text("id").to_owned();
    let errors = faults(&title, &body, staff.practice.alias());
    if !errors.is_empty() {
        return refuse(&house, &staff, Typed { id, title, body, errors }).await;
    }
    let known: Option<CannedReplyId> = match id.as_str() {
        "" => None,
        id => Some(id.parse().map_err(|_| Failure::NotFound)?),
    };
    let (world, practice, by) =
        (house.world.clone(), staff.practice.id.clone(), staff.actor().label());
    let entry = staff.entry("write", "canned_reply", id);
    let written = house.store.write(move |db| {
        let (world, practice, by) = (world.clone(), practice.clone(), by.clone());
        let (title, body, known) = (title.clone(), body.clone(), known.clone());
        let mut entry = entry.clone();
        Box::pin(async move {
            let now = world.now();
            let is_there = match known {
                Some(id) => {
                    store::canned_reply::mark_written(db, &practice, &id, &title, &body, &by, now)
                        .await?
                }
                None => {
                    let id: CannedReplyId = world.mint();
                    store::canned_reply::insert(db, &practice, &id, &title, &body, &by, now)
                        .await?;
                    entry.object_id = id.to_string();
                    true
                }
            };
            if is_there {
                store::audit::insert(db, &world, &entry).await?;
            }
            Ok(is_there)
        })
    });
    if !written.await? {
        return Err(Failure::NotFound);
    }
    staff.visit.say("The canned reply was saved.");
    Ok(see_other(PATH))
}

/// Everything that is wrong with it at once.
fn faults(title: &str, body: &str, alias: &str) -> Errors {
    let mut errors = Errors::new();
    if title.is_empty() || title.chars().count() > TITLE_LONGEST {
        errors = errors.on("title", "Give it a title of at most 60 characters.");
    }
    if body.is_empty() {
        return errors.on("body", "Write the words.");
    }
    let size = sms::size(&format!("{alias}: {body}"));
    let words = if size.encoding != Encoding::Gsm7 {
        Some(
            "Some characters, such as emoji, do not fit into plain texts: each would cut the room \
             in half. Take them out."
                .to_owned(),
        )
    } else if size.segments > SEGMENTS_MOST {
        Some(format!(
            "With the practice's name this takes {} parts of a text; at most {SEGMENTS_MOST} are \
             allowed.",
            size.segments
        ))
    } else if body.contains(['{', '}']) {
        Some("Nothing is filled in here: take the braces out.".to_owned())
    } else if body.contains("://") || body.to_lowercase().contains("www.") {
        Some(
            "Links in texts are made by Clearbill for one patient each; write none here."
                .to_owned(),
        )
    } else {
        None
    };
    match words {
        Some(words) => errors.on("body", words),
        None => errors,
    }
}

pub async fn remove(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    _posted: Posted,
) -> Answer {
    require_inbox(&house, &staff, Permission::SendStatements).await?;
    let id: CannedReplyId = id.parse().map_err(|_| Failure::NotFound)?;
    let (world, practice) = (house.world.clone(), staff.practice.id.clone());
    let entry = staff.entry("remove", "canned_reply", id.as_str());
    let removed = house.store.write(move |db| {
        let (world, practice) = (world.clone(), practice.clone());
        let (id, entry) = (id.clone(), entry.clone());
        Box::pin(async move {
            let done = store::canned_reply::mark_removed(db, &practice, &id, world.now()).await?;
            if done {
                store::audit::insert(db, &world, &entry).await?;
            }
            Ok(done)
        })
    });
    if !removed.await? {
        return Err(Failure::NotFound);
    }
    staff.visit.say("The canned reply was removed.");
    Ok(see_other(PATH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_everybody_may_get_are_taken() {
        assert!(faults("Hours", "We are open until 5 PM. Call us any time.", "Hilltop").is_empty());
    }

    #[test]
    fn what_a_text_cannot_carry_is_refused_with_its_reason() {
        for body in
            ["", "Thank you 🙏", "Hello {name}", "See https://bit.ly/x", &"long words ".repeat(40)]
        {
            assert!(!faults("Title", body, "Hilltop").is_empty(), "{body}");
        }
        assert!(!faults("", "Fine.", "Hilltop").is_empty());
    }
}
