//! "Is this message real?": the answer tells the day and nothing about whom it was for.

use actix_web::{HttpRequest, http::StatusCode, web};
use app::{
    pages::{MessageCheck, MessageVerdict, NoPractice},
    refusal::Refusal,
};
use domain::{clock::UnixMs, practice::Practice};
use store::keys::token_hash;

use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::{
        front::senders,
        pay::{html, strangers_shell},
    },
    visit::{self, Visit},
};

const CODE_CHARS: usize = 8;

/// `POST /check-message`
pub async fn post(
    request: HttpRequest,
    house: web::Data<House>,
    visit: Visit,
    posted: Posted,
) -> Answer {
    let shell = strangers_shell(&house, &request, &visit, "/check-message").await;
    let Some(practice) = visit::practice_at_hand(&house, &request, &visit).await? else {
        return Ok(html(StatusCode::NOT_FOUND, NoPractice.html(&shell)));
    };
    let typed: String = posted.text("code").trim().chars().take(300).collect();
    let senders = senders(&practice);
    if typed.is_empty() {
        let refusals = vec![Refusal::MessageCodeMissing];
        let model = MessageCheck { senders, refusals, ..MessageCheck::default() };
        return Ok(html(StatusCode::UNPROCESSABLE_ENTITY, model.html(&shell)));
    }
    // Counted before it is looked for: a code is short, and the one that is right must not be told past
    // the limit either (R29).
    house.limits.links.check(visit.address())?;
    let found = find(&house, &practice, &typed).await?;
    let verdict = found
        .map_or(MessageVerdict::NotOurs, |at| MessageVerdict::Ours(at.day_in(&practice.zone())));
    // The link is not given back: this page may stay open on a shared screen.
    let model = MessageCheck { verdict: Some(verdict), senders, ..MessageCheck::default() };
    Ok(html(StatusCode::OK, model.html(&shell)))
}

/// When the message with this link or check code went.
async fn find(house: &House, practice: &Practice, typed: &str) -> Result<Option<UnixMs>, Failure> {
    let mut db = house.store.read().await?;
    if let Some(token) = token_in(practice, typed) {
        return Ok(store::link::find_sent_at(&mut db, &practice.id, &token_hash(token)).await?);
    }
    let code = typed.to_ascii_uppercase().replace([' ', '-'], "");
    if code.len() != CODE_CHARS {
        return Ok(None);
    }
    let found = store::message::find_by_check_code(&mut db, &practice.id, &code).await?;
    Ok(found.map(|(_, at)| at))
}

/// The token of a pasted link, if the link leads to us: the same token behind another address is
/// exactly what this page is for.
fn token_in<'a>(practice: &Practice, typed: &'a str) -> Option<&'a str> {
    let base = practice.settings.public_base.trim_end_matches('/');
    let without_scheme = |text: &'a str| text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = base.split_once("://").map_or(base, |(_, rest)| rest);
    let (authority, path) = without_scheme(typed).split_once("/p/")?;
    let token = path.split(['?', '#', '/']).next()?;
    authority.eq_ignore_ascii_case(host).then_some(token)
}

#[cfg(test)]
mod tests {
    use domain::{id::PracticeId, practice::Settings};

    use super::*;

    fn practice() -> Practice {
        let settings =
            Settings { public_base: "https://pay.elm.example".into(), ..Settings::default() };
        Practice {
            id: PracticeId::trusted("prc_1"),
            slug: "elm".into(),
            name: "Elm".into(),
            settings,
            version: 1,
            live_at: None,
            outreach_held_at: None,
            outreach_held_why: None,
        }
    }

    #[test]
    fn a_link_copied_from_a_message_is_found_with_or_without_its_scheme() {
        for typed in [
            "https://pay.elm.example/p/abc",
            "pay.elm.example/p/abc",
            "HTTPS://PAY.ELM.EXAMPLE/p/abc?x=1",
        ] {
            assert_eq!(token_in(&practice(), typed), Some("abc"), "{typed}");
        }
    }

    #[test]
    fn our_token_behind_somebody_elses_address_is_not_ours() {
        for typed in [
            "https://pay.elm.example.evil.example/p/abc",
            "https://evil.example/pay.elm.example/p/abc",
            "https://pay.elm.example@evil.example/p/abc",
        ] {
            assert_eq!(token_in(&practice(), typed), None, "{typed}");
        }
    }
}
