//! The demo's own pages: the mailbox, the clock, faults, a patient's reply, how calls are taken. Not
//! in `serve`.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::clock::{Clock, UnixMs};
use jiff::{SignedDuration, Span};
use serde::Deserialize;

use crate::{
    command::demo::current_codes,
    failure::{Answer, Failure},
    house::{Demo, House},
    jobs,
};

/// Nobody demonstrates decades; a typo must not run a year of engine time a million times.
const FARTHEST_DAYS: i64 = 800;

fn demo(house: &House) -> Result<&Demo, Failure> {
    house.demo.as_ref().ok_or(Failure::NotFound)
}

#[derive(Deserialize)]
pub struct Format {
    #[serde(default)]
    format: String,
}

/// `GET /sandbox/mailbox`, a page, or with `?format=json` the same as data.
pub async fn mailbox(
    house: web::Data<House>,
    request: HttpRequest,
    query: web::Query<Format>,
) -> Answer {
    let delivered = demo(&house)?.sandbox.mailbox();
    let wants_json = query.format == "json"
        || request
            .headers()
            .get("accept")
            .is_some_and(|accept| accept.as_bytes().starts_with(b"application/json"));
    if wants_json {
        return Ok(HttpResponse::Ok().json(delivered));
    }
    let page = app::pages::sandbox::Mailbox {
        now: house.world.now().to_string(),
        codes: current_codes(&house),
        letters: delivered
            .into_iter()
            .rev()
            .map(|item| app::pages::sandbox::Letter {
                channel: match item.channel {
                    sandbox::Channel::Text => "text".into(),
                    sandbox::Channel::Email => "email".into(),
                    sandbox::Channel::Call => "call".into(),
                    sandbox::Channel::Fax => "fax".into(),
                },
                keys: item.keys.filter(|keys| !keys.is_empty()),
                answered_by: item.answered_by,
                document: item.document.map(|_| format!("/sandbox/faxes/{}", item.id)),
                at: item.at,
                to: item.to,
                from: item.from,
                subject: item.subject,
                body: item.body,
                link: item.link,
            })
            .collect(),
    };
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page.html()))
}

/// `GET /sandbox/clock`
pub async fn clock(house: web::Data<House>) -> Answer {
    demo(&house)?;
    Ok(HttpResponse::Ok().json(serde_json::json!({ "now": house.world.now().to_string() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    advance: Option<String>,
    now: Option<String>,
}

/// `POST /sandbox/clock` with `{"advance":"PT26H"}` or `{"now":"2026-03-05T09:00:00-05:00"}`.
/// Steps through every due instant on the way; due work is done before it answers.
pub async fn move_clock(house: web::Data<House>, wanted: web::Json<Move>) -> Answer {
    let demo = demo(&house)?;
    let _one_at_a_time = demo.moving.lock().await;
    let from = demo.clock.now();
    let target = target_of(&wanted, from).ok_or(Failure::Malformed(
        "Send {\"advance\":\"PT26H\"} or {\"now\":\"2026-03-05T09:00:00-05:00\"}.",
    ))?;
    if target.since(from) > FARTHEST_DAYS * domain::clock::DAY_MS {
        return Err(Failure::Malformed("Move the clock by at most 800 days at a time."));
    }
    jobs::advance(&house, demo, target).await?;
    Ok(HttpResponse::Ok().json(serde_json::json!({ "now": house.world.now().to_string() })))
}

fn target_of(wanted: &Move, from: UnixMs) -> Option<UnixMs> {
    match (&wanted.advance, &wanted.now) {
        (Some(by), None) => {
            let span: Span = by.parse().ok()?;
            let start = from.timestamp().to_zoned(jiff::tz::TimeZone::UTC);
            let by: SignedDuration = start.checked_add(span).ok()?.duration_since(&start);
            let millis = i64::try_from(by.as_millis()).ok()?;
            (millis >= 0).then(|| from.plus_ms(millis))
        }
        (None, Some(now)) => UnixMs::parse_rfc3339(now),
        _ => None,
    }
}

/// `GET /sandbox/faults`
pub async fn faults(house: web::Data<House>) -> Answer {
    Ok(HttpResponse::Ok().json(demo(&house)?.sandbox.faults()))
}

/// `POST /sandbox/faults`: what the vendors do wrong next.
pub async fn script_faults(
    house: web::Data<House>,
    script: web::Json<sandbox::FaultScript>,
) -> Answer {
    let sandbox = &demo(&house)?.sandbox;
    match sandbox.add_faults(script.into_inner().into_rules()).map_err(Failure::broken)? {
        Ok(()) => Ok(HttpResponse::Ok().json(sandbox.faults())),
        Err(bad) => Ok(HttpResponse::UnprocessableEntity()
            .json(serde_json::json!({ "error": bad.to_string() }))),
    }
}

/// `DELETE /sandbox/faults`: the vendors behave again.
pub async fn clear_faults(house: web::Data<House>) -> Answer {
    demo(&house)?.sandbox.clear_faults().map_err(Failure::broken)?;
    Ok(HttpResponse::NoContent().finish())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sms {
    /// The patient's number.
    from: String,
    /// The practice's number; its own when left out.
    to: Option<String>,
    body: String,
}

/// `POST /sandbox/sms`: a patient writes back.
pub async fn reply(house: web::Data<House>, sms: web::Json<Sms>) -> Answer {
    let sandbox = &demo(&house)?.sandbox;
    let to = sms.to.clone().filter(|to| !to.is_empty());
    let to = to.unwrap_or_else(|| sandbox.sender().to_owned());
    let answer = sandbox.patient_texts(&sms.from, &to, &sms.body).await;
    let answer = answer.map_err(Failure::broken)?;
    jobs::settle_down(&house).await?;
    Ok(HttpResponse::Ok().json(serde_json::json!({
        "message_sid": answer.message_sid,
        "status": answer.status,
        "automatic_reply": answer.automatic_reply,
        "replies": answer.replies,
        "refused_replies": answer.refused_replies,
    })))
}

/// How the next call to a phone is taken: exactly one of these. With `from`, somebody calls us.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taking {
    /// The patient's phone; our number, its own when left out, where they call us.
    #[serde(default)]
    to: String,
    from: Option<String>,
    /// A person, who presses these keys one at each question.
    digits: Option<String>,
    #[serde(default)]
    machine: bool,
    #[serde(default)]
    busy: bool,
    #[serde(default, rename = "no-answer")]
    no_answer: bool,
    #[serde(default)]
    failed: bool,
}

impl Taking {
    fn manner(&self) -> Option<sandbox::Manner> {
        let digits = self.digits.clone().map(|digits| sandbox::Manner::Person { digits });
        let ways = [
            digits,
            self.machine.then_some(sandbox::Manner::Machine),
            self.busy.then_some(sandbox::Manner::Busy),
            self.no_answer.then_some(sandbox::Manner::NoAnswer),
            self.failed.then_some(sandbox::Manner::Failed),
        ];
        let mut chosen = ways.into_iter().flatten();
        let manner = chosen.next()?;
        chosen.next().is_none().then_some(manner)
    }
}

/// `POST /sandbox/calls` with `{"to":"+1…","digits":"12"}` or `"machine"`, `"busy"`, `"no-answer"` or
/// `"failed"` set to true; or `{"from":"+1…","digits":"1"}` for somebody who calls us.
pub async fn take_calls(house: web::Data<House>, taking: web::Json<Taking>) -> Answer {
    let sandbox = &demo(&house)?.sandbox;
    if let Some(from) = taking.from.as_deref().filter(|from| !from.is_empty()) {
        let to = if taking.to.is_empty() { sandbox.sender() } else { taking.to.as_str() };
        let digits = taking.digits.as_deref().unwrap_or_default();
        let heard = sandbox.patient_calls(from, to, digits).await.map_err(Failure::broken)?;
        return Ok(HttpResponse::Ok().json(serde_json::json!({ "heard": heard })));
    }
    let manner = taking.manner().filter(|_| !taking.to.is_empty());
    let manner = manner.ok_or(Failure::Malformed(
        "Send {\"to\":\"+1…\"} with \"digits\":\"12\", or one of \"machine\", \"busy\", \"no-answer\" and \
         \"failed\" as true.",
    ))?;
    sandbox.takes_calls(&taking.to, manner).map_err(Failure::broken)?;
    Ok(HttpResponse::NoContent().finish())
}

/// `GET /sandbox/faxes/{id}`: the page as it came out of the machine.
pub async fn fax(house: web::Data<House>, id: web::Path<String>) -> Answer {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let faxes = demo(&house)?.sandbox.mailbox();
    let fax = faxes.into_iter().find(|item| item.id == *id).and_then(|item| item.document);
    let page = fax.and_then(|text| STANDARD.decode(text).ok()).ok_or(Failure::NotFound)?;
    Ok(HttpResponse::Ok().content_type("application/pdf").body(page))
}
