//! `POST /webhooks/twilio/{practice}/call/{message}`, `…/key` and `/call-status`: what a call says when
//! somebody picks up, what a key does, and how far a call came.
//!
//! The provider may ask twice for the same turn: a turn only speaks, and a key counts once for a call.

use actix_web::{HttpRequest, HttpResponse, web};
use app::calls::Menu;
use connect::channel::twilio::{
    AnsweredBy, CallTurn, Verb, Voice, call_twiml, parse_call_report, parse_call_turn,
};
use domain::{book::Language, id::MessageId, phone, practice::Practice};
use engine::{Answered, DeliveryReport, EngineError, Key, Pressed};

use super::twilio::verified;
use crate::{
    failure::{Answer, Failure},
    house::House,
    wording::lang_of,
};

/// How long a person has to find a key.
const WAIT_S: u8 = 8;
/// The second time round: no key, no third.
const AGAIN: &str = "again=1";

/// A call of ours that Twilio speaks for.
struct Line {
    practice: Practice,
    message: MessageId,
    turn: CallTurn,
    answered: Answered,
    is_again: bool,
}

impl Line {
    async fn of(
        request: &HttpRequest,
        house: &House,
        path: &(String, String),
        payload: web::Payload,
    ) -> Result<Self, Failure> {
        let (practice, form) = verified(request, house, &path.0, payload).await?;
        let turn = parse_call_turn(&form).map_err(|_| Failure::Malformed("A field is missing."))?;
        let message: MessageId = path.1.parse().map_err(|_| Failure::NotFound)?;
        let answered = house.engine.call_answered(&practice.id, &message, &turn.to).await;
        let answered = answered.map_err(|error| match error {
            EngineError::Refused(_) => Failure::NotFound,
            broken => Failure::broken(broken),
        })?;
        let is_again = request.query_string() == AGAIN;
        Ok(Self { practice, message, turn, answered, is_again })
    }

    fn menu(&self) -> Menu {
        Menu {
            lang: lang_of(self.answered.language),
            alias: self.answered.alias.clone(),
            phone: self.practice.settings.phone.clone(),
        }
    }

    fn at(&self, part: &str) -> String {
        let base = self.practice.settings.public_base.trim_end_matches('/');
        format!("{base}/webhooks/twilio/{}/call/{}{part}", self.practice.slug, self.message)
    }

    fn says(&self, verbs: &[Verb]) -> HttpResponse {
        let voice = match self.answered.language {
            Language::English => Voice::English,
            Language::Spanish => Voice::Spanish,
        };
        let words = call_twiml(voice, verbs);
        HttpResponse::Ok().content_type("text/xml; charset=utf-8").body(words)
    }

    /// Who calls and what can be pressed; once more when nothing is, and then goodbye.
    fn ask(&self) -> Vec<Verb> {
        let menu = self.menu();
        let words = format!("{} {}", self.answered.script.answered, menu.keys());
        let key = if self.is_again { format!("/key?{AGAIN}") } else { "/key".to_owned() };
        let ask = Verb::Ask { words, action: self.at(&key), digits: 1, wait_s: WAIT_S };
        if self.is_again {
            vec![ask, Verb::Say(menu.goodbye().to_owned()), Verb::HangUp]
        } else {
            vec![ask, Verb::Redirect(self.at(&format!("?{AGAIN}")))]
        }
    }
}

/// The office, where its number is one that can be dialled.
pub(super) fn office(practice: &Practice, menu: &Menu) -> Vec<Verb> {
    let office = practice.settings.phone.to_ascii_lowercase();
    // An extension cannot be dialled from here; the number before it can.
    let number = office.split(['x', 'e', '#']).next().unwrap_or_default();
    match (phone::normalise_us(number), &practice.settings.text_number) {
        (Ok(number), Some(caller)) => vec![
            Verb::Say(menu.connecting().to_owned()),
            Verb::Connect { number_e164: number.as_str().to_owned(), caller_e164: caller.clone() },
        ],
        _ => vec![Verb::Say(menu.call_us()), Verb::HangUp],
    }
}

/// Somebody, or an answering machine, has picked up.
pub async fn answered(
    request: HttpRequest,
    house: web::Data<House>,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> Answer {
    let line = Line::of(&request, &house, &path, payload).await?;
    let verbs = match line.turn.answered_by {
        AnsweredBy::Machine => vec![Verb::Say(line.answered.script.machine.clone()), Verb::HangUp],
        AnsweredBy::Human | AnsweredBy::Unknown => line.ask(),
    };
    Ok(line.says(&verbs))
}

/// A key was pressed.
pub async fn key(
    request: HttpRequest,
    house: web::Data<House>,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> Answer {
    let line = Line::of(&request, &house, &path, payload).await?;
    let digits = line.turn.digits.clone().unwrap_or_default();
    let menu = line.menu();
    let Some(key) = Key::of(&digits) else {
        let verbs = if line.is_again {
            vec![Verb::Say(menu.goodbye().to_owned()), Verb::HangUp]
        } else {
            vec![Verb::Redirect(line.at(&format!("?{AGAIN}")))]
        };
        return Ok(line.says(&verbs));
    };
    let pressed =
        house.engine.call_key(&line.practice.id, &line.message, &line.turn.call_id, key).await;
    let pressed = pressed.map_err(Failure::broken)?;
    house.bell.notify_one();
    let verbs = match pressed {
        Pressed::Heard => vec![
            Verb::Ask {
                words: format!("{} {}", line.answered.script.balance, menu.keys_after()),
                action: line.at(&format!("/key?{AGAIN}")),
                digits: 1,
                wait_s: WAIT_S,
            },
            Verb::Say(menu.goodbye().to_owned()),
            Verb::HangUp,
        ],
        Pressed::LinkSent => vec![Verb::Say(menu.link_sent().to_owned()), Verb::HangUp],
        Pressed::NoLink => vec![Verb::Say(menu.no_link()), Verb::HangUp],
        Pressed::Stopped => vec![Verb::Say(menu.stopped()), Verb::HangUp],
        Pressed::Told => match &line.answered.check_code {
            Some(code) => vec![
                Verb::Ask {
                    words: format!("{} {}", menu.code(code), menu.keys_after()),
                    action: line.at(&format!("/key?{AGAIN}")),
                    digits: 1,
                    wait_s: WAIT_S,
                },
                Verb::Say(menu.goodbye().to_owned()),
                Verb::HangUp,
            ],
            // Called before calls had codes.
            None => vec![Verb::Say(menu.call_us()), Verb::HangUp],
        },
        Pressed::Connected => office(&line.practice, &menu),
    };
    Ok(line.says(&verbs))
}

/// How far a call came. May come twice, late, and in any order.
pub async fn status(
    request: HttpRequest,
    house: web::Data<House>,
    slug: web::Path<String>,
    payload: web::Payload,
) -> Answer {
    let (practice, form) = verified(&request, &house, &slug, payload).await?;
    let report = parse_call_report(&form).map_err(|_| Failure::Malformed("A field is missing."))?;
    let report = DeliveryReport {
        provider_id: report.call_id,
        status: report.status,
        word: report.word,
        code: report.error_code,
        cause: report.cause,
    };
    house.engine.record_report(&practice.id, report).await.map_err(Failure::broken)?;
    house.bell.notify_one();
    Ok(HttpResponse::NoContent().finish())
}
