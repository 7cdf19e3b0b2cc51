//! `POST /webhooks/twilio/{practice}/menu`, `…/key` and `…/code`: what somebody hears who calls the
//! number that reminders come from. They can find out whether a message was ours by typing its code
//! (MS1), or speak with the office.
//!
//! The answer tells the day and nothing about whom the message was for. It never depends on the number
//! somebody calls from: that is theirs to invent, and would tell who is a patient here.

use actix_web::{HttpRequest, HttpResponse, web};
use app::{
    calls::Menu,
    when,
    words::{Lang, Words},
};
use connect::channel::twilio::{CallTurn, Verb, Voice, call_twiml, parse_call_turn};
use domain::{check_code, clock::DAY_MS, practice::Practice};

use super::{calls::office, twilio::verified};
use crate::{
    failure::{Answer, Failure},
    house::House,
};

/// How long a person has to find a key, and to type a code from a paper or another phone.
const WAIT_S: u8 = 8;
const CODE_WAIT_S: u8 = 15;
/// Codes tried in one call.
const TRIES_MOST: u8 = 3;
/// Longer than any reminder is acted on; a code typed on a phone is short, so few may be taken.
const SENT_WITHIN_MS: i64 = 120 * DAY_MS;

/// Where a call stands, kept in the addresses it is led through.
#[derive(Clone, Copy, Default)]
struct Place {
    lang: Lang,
    /// Codes tried so far.
    tries: u8,
    /// Asked a second time: no key, no third.
    is_again: bool,
}

impl Place {
    fn of(request: &HttpRequest) -> Self {
        let query = app::components::Query::parse(request.query_string());
        Self {
            lang: query.get("lang").and_then(Lang::from_code).unwrap_or_default(),
            tries: query.get("tries").and_then(|tries| tries.parse().ok()).unwrap_or(0),
            is_again: query.get("again").is_some(),
        }
    }
}

struct Line {
    practice: Practice,
    turn: CallTurn,
    place: Place,
}

impl Line {
    async fn of(
        request: &HttpRequest,
        house: &House,
        slug: &str,
        payload: web::Payload,
    ) -> Result<Self, Failure> {
        let (practice, form) = verified(request, house, slug, payload).await?;
        let turn = parse_call_turn(&form).map_err(|_| Failure::Malformed("A field is missing."))?;
        Ok(Self { practice, turn, place: Place::of(request) })
    }

    fn menu(&self) -> Menu {
        Menu {
            lang: self.place.lang,
            alias: self.practice.alias().to_owned(),
            phone: self.practice.settings.phone.clone(),
        }
    }

    fn at(&self, part: &str, place: Place) -> String {
        let base = self.practice.settings.public_base.trim_end_matches('/');
        let again = if place.is_again { "&again=1" } else { "" };
        let (slug, lang, tries) = (&self.practice.slug, place.lang.code(), place.tries);
        format!("{base}/webhooks/twilio/{slug}/menu{part}?lang={lang}&tries={tries}{again}")
    }

    fn says(&self, verbs: &[Verb]) -> HttpResponse {
        let voice = match self.place.lang {
            Lang::En => Voice::English,
            Lang::Es => Voice::Spanish,
        };
        let words = call_twiml(voice, verbs);
        HttpResponse::Ok().content_type("text/xml; charset=utf-8").body(words)
    }

    /// One key, and then goodbye.
    fn ask(&self, words: String, place: Place) -> Vec<Verb> {
        let action = self.at("/key", place);
        let ask = Verb::Ask { words, action, digits: 1, wait_s: WAIT_S };
        vec![ask, Verb::Say(self.menu().goodbye().to_owned()), Verb::HangUp]
    }
}

/// Somebody calls.
pub async fn answered(
    request: HttpRequest,
    house: web::Data<House>,
    slug: web::Path<String>,
    payload: web::Payload,
) -> Answer {
    let line = Line::of(&request, &house, &slug, payload).await?;
    let verbs = if line.place.is_again {
        line.ask(line.menu().welcome(), line.place)
    } else {
        let again = Place { is_again: true, ..line.place };
        let action = line.at("/key", line.place);
        vec![
            Verb::Ask { words: line.menu().welcome(), action, digits: 1, wait_s: WAIT_S },
            Verb::Redirect(line.at("", again)),
        ]
    };
    Ok(line.says(&verbs))
}

/// A key was pressed.
pub async fn key(
    request: HttpRequest,
    house: web::Data<House>,
    slug: web::Path<String>,
    payload: web::Payload,
) -> Answer {
    let line = Line::of(&request, &house, &slug, payload).await?;
    let menu = line.menu();
    let verbs = match line.turn.digits.as_deref() {
        Some("1") if line.place.tries < TRIES_MOST => vec![
            Verb::Ask {
                words: menu.ask_code().to_owned(),
                action: line.at("/code", line.place),
                digits: 8,
                wait_s: CODE_WAIT_S,
            },
            Verb::Say(menu.goodbye().to_owned()),
            Verb::HangUp,
        ],
        Some("1") => vec![Verb::Say(menu.call_us()), Verb::HangUp],
        Some("2") => {
            let other = if line.place.lang == Lang::En { Lang::Es } else { Lang::En };
            vec![Verb::Redirect(line.at("", Place { lang: other, ..line.place }))]
        }
        Some("0") => office(&line.practice, &menu),
        _ if line.place.is_again => vec![Verb::Say(menu.goodbye().to_owned()), Verb::HangUp],
        _ => vec![Verb::Redirect(line.at("", Place { is_again: true, ..line.place }))],
    };
    Ok(line.says(&verbs))
}

/// A code was typed.
pub async fn code(
    request: HttpRequest,
    house: web::Data<House>,
    slug: web::Path<String>,
    payload: web::Payload,
) -> Answer {
    let line = Line::of(&request, &house, &slug, payload).await?;
    let menu = line.menu();
    let typed: String = line.turn.digits.as_deref().unwrap_or_default().chars().take(16).collect();
    let found = if typed.len() == check_code::LENGTH {
        let since = house.world.now().minus_ms(SENT_WITHIN_MS);
        let mut db = house.store.read().await?;
        let id = &line.practice.id;
        store::message::find_by_check_keys(&mut db, id, &typed, since).await?
    } else {
        None
    };
    let Some((_, at)) = found else {
        // Guessing codes here is as slow as on the page (R29), and ends after a few in one call.
        let place = Place { tries: line.place.tries.saturating_add(1), ..line.place };
        let is_over = place.tries >= TRIES_MOST
            || house.limits.links.check(&format!("call:{}", line.turn.from)).is_err();
        if is_over {
            let words = format!("{} {}", menu.not_ours(), menu.call_us());
            return Ok(line.says(&[Verb::Say(words), Verb::HangUp]));
        }
        let words = format!("{} {}", menu.not_ours(), menu.another());
        return Ok(line.says(&line.ask(words, place)));
    };
    let day = when::day(Words::new(line.place.lang), at.day_in(&line.practice.zone()));
    let words = format!("{} {}", menu.ours(&day), menu.another());
    Ok(line.says(&line.ask(words, line.place)))
}
