//! The one HTTP listener: Stripe's API and pages, Twilio's and InterFAX's APIs. Scripted faults happen here, where
//! a network would cause them, so that the stand-ins themselves stay plain functions.

use std::{io, net::TcpListener, os::fd::AsFd, sync::Arc, time::Duration};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    body::SizedStream,
    dev::{Extensions, ServerHandle},
    http::StatusCode,
    rt::net::TcpStream,
    web,
};
use futures_util::{StreamExt, stream};

use crate::{
    faults::{self, FaultKind, FaultRule, Vendor},
    interfax,
    shared::Shared,
    stripe, twilio, wall,
    wire::{Call, MAX_BODY_BYTES, Reply},
    world::JournalBroken,
};

/// One worker is plenty for a stand-in on a developer's machine.
const WORKERS: usize = 1;
const MAX_CONNECTIONS: usize = 1_024;

/// The connection's socket, kept so that a fault can cut it.
struct Line(std::net::TcpStream);

impl Line {
    fn cut(&self) {
        // Already closed by the other side is just as cut.
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}

pub fn serve(listener: TcpListener, shared: Arc<Shared>) -> io::Result<ServerHandle> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::from(Arc::clone(&shared)))
            .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
            .default_service(web::to(handle))
    })
    .on_connect(|connection, extensions: &mut Extensions| {
        let socket = connection.downcast_ref::<TcpStream>();
        if let Some(Ok(fd)) = socket.map(|socket| socket.as_fd().try_clone_to_owned()) {
            extensions.insert(Line(fd.into()));
        }
    })
    .workers(WORKERS)
    .max_connections(MAX_CONNECTIONS)
    .client_request_timeout(Duration::from_secs(20))
    .shutdown_timeout(1)
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    StripeApi,
    StripePage,
    Twilio,
    Interfax,
}

fn part(call: &Call) -> Part {
    match call.segments().first() {
        Some(&"v1") => Part::StripeApi,
        Some(&("2010-04-01" | "v2")) => Part::Twilio,
        Some(&("outbound" | "accounts")) => Part::Interfax,
        _ => Part::StripePage,
    }
}

fn operation(part: Part, call: &Call) -> (Vendor, String) {
    match part {
        Part::StripeApi => (Vendor::Stripe, stripe::api::operation(call)),
        Part::Twilio => (Vendor::Twilio, twilio::api::operation(call)),
        Part::Interfax => (Vendor::Interfax, interfax::operation(call)),
        Part::StripePage => {
            let operation = match (call.method.as_str(), call.segments().as_slice()) {
                ("POST", ["checkout", _]) => "checkout.sessions.confirm",
                ("GET", ["checkout", _]) => "checkout.page",
                ("GET", ["endive", ..]) => "script",
                ("POST", ["elements", ..]) => "elements.answer",
                _ => "elements",
            };
            (Vendor::Stripe, operation.to_owned())
        }
    }
}

async fn handle(shared: web::Data<Shared>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let call = call(&request, &body);
    let part = part(&call);
    if part == Part::StripeApi && call.method == "OPTIONS" {
        return respond(with_cors(Reply::empty(204)));
    }
    let shared = shared.into_inner();
    match faulted(&shared, part, call).await {
        Ok(Outcome::Answer(reply)) => respond(dressed(part, reply)),
        Ok(Outcome::HalfAnswer(reply)) => respond_half(dressed(part, reply)),
        Ok(Outcome::Silence(ms)) => {
            wall::hold(ms).await;
            if let Some(line) = request.conn_data::<Line>() {
                line.cut();
            }
            HttpResponse::InternalServerError().finish()
        }
        Err(JournalBroken) => {
            let text = "The sandbox cannot write its journal.";
            respond(Reply::new(500, "text/plain; charset=utf-8", text))
        }
    }
}

enum Outcome {
    Answer(Reply),
    HalfAnswer(Reply),
    Silence(u64),
}

/// Answers the call, unless the script says otherwise.
async fn faulted(shared: &Arc<Shared>, part: Part, call: Call) -> Result<Outcome, JournalBroken> {
    let (vendor, operation) = operation(part, &call);
    let asked =
        move |world: &mut crate::world::World| faults::take(&mut world.faults, vendor, &operation);
    let fault = work(shared, asked).await?;
    let kind = fault.as_ref().map(|fault| fault.kind);
    let hold_ms = fault.as_ref().map_or(0, FaultRule::hold_ms);
    match kind {
        Some(FaultKind::Timeout) => return Ok(Outcome::Silence(hold_ms)),
        Some(FaultKind::Reset) => return Ok(Outcome::Silence(0)),
        Some(FaultKind::Drop) if !matches!(part, Part::Twilio | Part::Interfax) => {
            return Ok(Outcome::Silence(hold_ms));
        }
        Some(FaultKind::RateLimit) => return Ok(Outcome::Answer(limited(part))),
        Some(FaultKind::Error500) => {
            let reply = work(shared, move |world| match part {
                Part::Twilio => twilio::api::broken(),
                Part::Interfax => interfax::broken(),
                _ => stripe::api::broken(world, &call),
            });
            return Ok(Outcome::Answer(reply.await?));
        }
        Some(FaultKind::Delay) => delayed(shared, part, &call, hold_ms).await?,
        _ => {}
    }
    let reply = work(shared, move |world| match part {
        Part::StripeApi => stripe::api::answer(world, &call, fault.as_ref()),
        Part::Twilio => twilio::api::answer(world, &call, fault.as_ref()),
        Part::Interfax => interfax::answer(world, &call, fault.as_ref()),
        Part::StripePage if call.segments().first() == Some(&"checkout") => {
            stripe::page::answer(world, &call, fault.as_ref())
        }
        Part::StripePage => stripe::elements::answer(world, &call),
    });
    let reply = reply.await?;
    shared.bell.notify_one();
    Ok(match kind {
        Some(FaultKind::TimeoutAfterSuccess) => Outcome::Silence(hold_ms),
        Some(FaultKind::Truncate) => Outcome::HalfAnswer(reply),
        _ => Outcome::Answer(reply),
    })
}

/// Holds a request back; meanwhile its idempotency key is in use, as it would be at Stripe.
async fn delayed(
    shared: &Arc<Shared>,
    part: Part,
    call: &Call,
    ms: u64,
) -> Result<(), JournalBroken> {
    let key = stripe::api::key_of(call).filter(|_| part == Part::StripeApi);
    if let Some(key) = key.clone() {
        shared.change(|world| world.keys_in_flight.insert(key))?;
    }
    wall::hold(ms).await;
    if let Some(key) = key {
        shared.change(|world| world.keys_in_flight.remove(&key))?;
    }
    Ok(())
}

fn limited(part: Part) -> Reply {
    match part {
        Part::Twilio => twilio::error::TwilioError::of(20429, "").reply(),
        Part::Interfax => interfax::limited(),
        _ => stripe::api::failed(&stripe::error::ApiError::rate_limit()),
    }
}

/// A change, off the event loop when it waits for a disk.
async fn work<R: Send + 'static>(
    shared: &Arc<Shared>,
    change: impl FnOnce(&mut crate::world::World) -> R + Send + 'static,
) -> Result<R, JournalBroken> {
    if !shared.look(|world| world.is_durable()) {
        return shared.change(change);
    }
    let shared = Arc::clone(shared);
    let done = tokio::task::spawn_blocking(move || shared.change(change)).await;
    done.unwrap_or(Err(JournalBroken))
}

fn call(request: &HttpRequest, body: &[u8]) -> Call {
    let query = serde_urlencoded::from_str(request.query_string()).unwrap_or_default();
    let headers = request.headers().iter();
    let headers = headers
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect();
    Call {
        method: request.method().as_str().to_owned(),
        path: request.path().to_owned(),
        query,
        headers,
        body: body.to_vec(),
    }
}

/// Browsers of any page may use the API: the publishable key limits what they can do.
fn with_cors(reply: Reply) -> Reply {
    reply
        .header("Access-Control-Allow-Origin", "*")
        .header("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS")
        .header(
            "Access-Control-Allow-Headers",
            "Authorization, Content-Type, Idempotency-Key, Stripe-Version",
        )
        .header("Access-Control-Expose-Headers", "Request-Id, Stripe-Should-Retry")
        .header("Access-Control-Max-Age", "300")
}

fn dressed(part: Part, reply: Reply) -> Reply {
    let reply = reply.header("X-Content-Type-Options", "nosniff");
    if part == Part::StripeApi { with_cors(reply) } else { reply }
}

fn head(reply: &Reply) -> actix_web::HttpResponseBuilder {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for (name, value) in &reply.headers {
        response.insert_header((name.as_str(), value.as_str()));
    }
    response
}

fn respond(reply: Reply) -> HttpResponse {
    let mut response = head(&reply);
    response.body(reply.body)
}

/// Announces the whole body, sends half of it, and breaks off.
fn respond_half(reply: Reply) -> HttpResponse {
    let whole = reply.body.len() as u64;
    let half = web::Bytes::copy_from_slice(&reply.body[..reply.body.len() / 2]);
    let parts = stream::iter([Ok(half), Err(io::Error::other("cut off by the script"))]);
    let mut response = head(&reply);
    response.body(SizedStream::new(whole.max(1), parts.boxed_local()))
}
