//! Around every handler: a body that comes at no human pace is given up, and a handler that panics is
//! one broken request and nothing more.
//!
//! A slow sender holds a connection and whatever its handler has taken, so the time for a body grows
//! only with what has arrived (R69). After a panic the worker goes on, the visitor sees the page for
//! what is broken on our side, and the log says where it was and not what was in hand (R70).

use std::{panic::AssertUnwindSafe, pin::Pin, time::Duration};

use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    error::PayloadError,
    middleware::Next,
    web::Bytes,
};
use futures_util::{FutureExt, Stream, StreamExt, stream};
use tokio::time::{Instant, timeout_at};
use tracing::error;

use crate::failure::Failure;

/// Nothing arrives for so long: the sender has gone, or wants us to think so.
const SILENCE_LONGEST: Duration = Duration::from_secs(15);
/// A whole form arrives within this on the worst of phones.
const GRACE: Duration = Duration::from_secs(30);
/// Beyond it an upload has to keep up: slower than any modem.
const BYTES_PER_SECOND: u64 = 1_000;

/// How long bodies may take; tests take less.
#[derive(Clone, Copy, Debug)]
struct Pace {
    silence: Duration,
    grace: Duration,
    bytes_per_second: u64,
}

const PACE: Pace =
    Pace { silence: SILENCE_LONGEST, grace: GRACE, bytes_per_second: BYTES_PER_SECOND };

/// Wraps one route.
pub async fn guard<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<actix_web::body::EitherBody<B>>, Error> {
    // A page that is fetched has no body to wait for.
    if !matches!(request.parts().1, Payload::None) {
        let body: Pin<Box<dyn Stream<Item = _>>> = Box::pin(paced(request.take_payload(), PACE));
        request.set_payload(Payload::from(body));
    }
    let asked = request.request().clone();
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(answer) => answer.map(ServiceResponse::map_into_left_body),
        Err(_) => {
            let broken = Failure::broken("the handler panicked");
            Ok(ServiceResponse::from_err(broken, asked).map_into_right_body())
        }
    }
}

/// `body`, until it is too slow.
fn paced(body: Payload, pace: Pace) -> impl Stream<Item = Result<Bytes, PayloadError>> {
    let begun = now();
    stream::unfold(Some((body, 0u64)), move |state| async move {
        let (mut body, received) = state?;
        let earned = Duration::from_millis(received.saturating_mul(1000) / pace.bytes_per_second);
        let until = (now() + pace.silence).min(begun + pace.grace + earned);
        match timeout_at(until, body.next()).await {
            Ok(Some(Ok(chunk))) => {
                let received = received + chunk.len() as u64;
                Some((Ok(chunk), Some((body, received))))
            }
            Ok(Some(Err(cause))) => Some((Err(cause), None)),
            Ok(None) => None,
            Err(_) => {
                metrics::counter!("clearbill_slow_bodies_total").increment(1);
                let slow = std::io::Error::from(std::io::ErrorKind::TimedOut);
                Some((Err(PayloadError::Io(slow)), None))
            }
        }
    })
    // Readers of forms in parts ask once more after the end.
    .fuse()
}

#[allow(clippy::disallowed_methods, reason = "measures how long a body takes")]
fn now() -> Instant {
    Instant::now()
}

/// From here on a panic is logged by its place alone: its words may quote what was in hand, as those of
/// a string that is cut in the middle of a letter do.
pub fn log_panics_by_place() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        error!(place, "a panic");
    }));
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use actix_web::{App, HttpResponse, middleware::from_fn, test, web};

    use super::*;

    type Body = Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>;

    const GENEROUS: Pace = Pace {
        silence: Duration::from_secs(60),
        grace: Duration::from_secs(60),
        bytes_per_second: 1,
    };

    async fn received(body: Body, pace: Pace) -> Result<usize, PayloadError> {
        let mut received = 0;
        let mut body = pin!(paced(Payload::from(body), pace));
        while let Some(chunk) = body.next().await {
            received += chunk?.len();
        }
        Ok(received)
    }

    /// One byte after the other, for ever.
    fn drip() -> Body {
        Box::pin(stream::repeat_with(|| Ok(Bytes::from_static(b"x"))).then(|byte| async move {
            tokio::task::yield_now().await;
            byte
        }))
    }

    #[actix_web::test]
    async fn a_body_that_keeps_coming_arrives_whole() {
        let body = drip().take(10_000).boxed_local();
        assert_eq!(received(body, GENEROUS).await.unwrap(), 10_000);
    }

    #[actix_web::test]
    async fn a_body_that_stops_half_way_is_given_up() {
        let pace = Pace { silence: Duration::from_millis(20), ..GENEROUS };
        let body = drip().take(10).chain(stream::pending()).boxed_local();
        assert!(received(body, pace).await.is_err());
    }

    #[actix_web::test]
    async fn a_body_that_only_drips_is_given_up_although_it_never_stops() {
        let grace = Duration::from_millis(20);
        let pace = Pace { grace, bytes_per_second: u64::MAX, ..GENEROUS };
        assert!(received(drip(), pace).await.is_err());
    }

    #[actix_web::test]
    async fn a_handler_that_panics_is_answered_and_the_next_request_too() {
        async fn breaks(text: String) -> HttpResponse {
            let Some(first) = text.get(..1).filter(|first| *first != "x") else {
                panic!("the words of {text}")
            };
            HttpResponse::Ok().body(first.to_owned())
        }
        let app = App::new().route("/", web::post().to(breaks).wrap(from_fn(guard)));
        let app = test::init_service(app).await;
        for (body, expected) in [("x4111", 500), ("a", 200), ("x", 500), ("b", 200)] {
            let request = test::TestRequest::post().set_payload(body).to_request();
            let answer = test::call_service(&app, request).await;
            assert_eq!(answer.status().as_u16(), expected, "{body}");
            let said = test::read_body(answer).await;
            assert!(!String::from_utf8_lossy(&said).contains("4111"));
        }
    }
}
