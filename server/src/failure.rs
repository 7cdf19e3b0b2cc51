//! What a person sees when something is refused or broken: one sentence outside, the cause inside,
//! joined by a reference that is on the page and in the log.

use std::fmt;

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use app::pages::{NotFound, Problem, ProblemKind, staff::StaffProblem};
use store::StoreError;
use tracing::{error, warn};

use crate::{
    house::House,
    session::Staff,
    visit::{self, Visit},
    workspace,
};

/// The one error of HTTP handlers.
#[derive(Debug)]
pub enum Failure {
    /// There is no such thing, or it is not theirs: the same answer (R01).
    NotFound,
    /// Their role does not allow it.
    Forbidden,
    /// The form did not come from our page, or its page is too old (R43).
    Forgery,
    /// Too many tries from here; the number is seconds.
    TooMany(u64),
    TooLarge,
    /// The request cannot be understood; the words say what to do.
    Malformed(&'static str),
    /// The number of a card stood where none belongs: nothing was kept (R50).
    CardNumber,
    /// Not signed in: go there, and come back to this path.
    SignIn {
        at: &'static str,
        back: String,
    },
    /// Sent elsewhere, with 303.
    See(String),
    /// A finished page of ours with another status.
    Page(StatusCode, String),
    /// JSON for the API.
    Api(StatusCode, &'static str, String),
    Broken {
        reference: String,
        cause: String,
    },
}

pub type Answer = Result<HttpResponse, Failure>;

impl Failure {
    /// Something is broken inside; logged here, once.
    pub fn broken(cause: impl fmt::Display) -> Self {
        let reference = store::keys::new_token(6).replace(['-', '_'], "0");
        let cause = cause.to_string();
        error!(%reference, %cause, "a request failed");
        metrics::counter!("clearbill_requests_broken").increment(1);
        Self::Broken { reference, cause }
    }

    /// Counted, so that somebody sees when people are led to type cards where they must not.
    pub fn card_number() -> Self {
        metrics::counter!("clearbill_card_numbers_refused_total").increment(1);
        Self::CardNumber
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Forbidden | Self::Forgery => StatusCode::FORBIDDEN,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::CardNumber => StatusCode::UNPROCESSABLE_ENTITY,
            Self::SignIn { .. } | Self::See(_) => StatusCode::SEE_OTHER,
            Self::Page(status, _) | Self::Api(status, ..) => *status,
            Self::Broken { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::broken(error)
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    /// The bare answer; [`dress`] turns it into a page where the request is at hand.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status());
        match self {
            Self::SignIn { at, back } => {
                let back = serde_urlencoded::to_string([("return_to", back)]).unwrap_or_default();
                response.insert_header((header::LOCATION, format!("{at}?{back}"))).finish()
            }
            Self::See(to) => response.insert_header((header::LOCATION, to.as_str())).finish(),
            Self::Page(_, html) => {
                response.content_type("text/html; charset=utf-8").body(html.clone())
            }
            Self::Api(_, code, words) => response.json(serde_json::json!({
                "error": { "code": code, "message": words }
            })),
            Self::TooMany(seconds) => {
                response.insert_header((header::RETRY_AFTER, seconds.to_string())).finish()
            }
            _ => response.finish(),
        }
    }
}

/// The page for a failure, in the visitor's language and with the practice's phone where known.
pub async fn dress(house: &House, request: &HttpRequest, failure: &Failure) -> Option<String> {
    if request.path().starts_with("/api/") || request.path().starts_with("/webhooks/") {
        return None;
    }
    let kind = match failure {
        Failure::NotFound => None,
        Failure::Forbidden => Some(ProblemKind::NotAllowed),
        Failure::Forgery => Some(ProblemKind::FormExpired),
        Failure::TooMany(_) => Some(ProblemKind::TooMany),
        Failure::TooLarge => Some(ProblemKind::TooLarge),
        Failure::Malformed(_) => Some(ProblemKind::Malformed),
        Failure::CardNumber => Some(ProblemKind::CardNumber),
        Failure::Broken { .. } => Some(ProblemKind::Broken),
        Failure::SignIn { .. } | Failure::See(_) | Failure::Page(..) | Failure::Api(..) => {
            return None;
        }
    };
    let reference = match failure {
        Failure::Broken { reference, .. } => Some(reference.clone()),
        _ => None,
    };
    if matches!(failure, Failure::Forgery) {
        // The pattern, never the path: some paths hold the token of a link (R35).
        let route = request.match_pattern().unwrap_or_default();
        warn!(route, "a form was refused: not from our page");
    }
    if let Some(staff) = staff_at_work(house, request).await {
        let shell = workspace::shell(house, &staff, "");
        return Some(StaffProblem { kind, reference }.html(&shell));
    }
    let shell = visit::shell_for_failure(house, request).await;
    Some(match kind {
        None => NotFound {}.html(&shell),
        Some(kind) => Problem { kind, reference }.html(&shell),
    })
}

/// Who is signed in, on an address of the workspace. A failure here must not become another one.
async fn staff_at_work(house: &House, request: &HttpRequest) -> Option<Staff> {
    let in_workspace = ["/staff", "/setup"].iter().any(|part| request.path().starts_with(part));
    let visit = request.extensions().get::<Visit>().cloned()?;
    if !in_workspace {
        return None;
    }
    Staff::find(house, &visit).await.ok().flatten()
}
