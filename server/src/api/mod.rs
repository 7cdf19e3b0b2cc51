//! `/api/v1`: balances in, payments out, by a practice's API key. Described by
//! `/api/v1/openapi.json`, which is generated from the handlers.

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::{StatusCode, header},
};
use domain::{id::ApiKeyId, practice::Practice};
use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use store::audit::{Actor, Entry};
use utoipa::{
    Modify, OpenApi, ToSchema,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use crate::{failure::Failure, visit::house_of};

pub mod balances;
pub mod imports;
pub mod payments;

/// The practice whose key came with the request.
pub struct Caller {
    pub key: ApiKeyId,
    pub practice: Practice,
    pub address: String,
}

impl Caller {
    pub fn entry(
        &self,
        verb: &'static str,
        object_kind: &'static str,
        object_id: impl Into<String>,
    ) -> Entry {
        let actor = Actor::Key(self.key.to_string());
        Entry::new(&self.practice.id, actor, verb, object_kind, object_id)
            .from_address(self.address.clone())
    }
}

impl FromRequest for Caller {
    type Error = Failure;
    type Future = LocalBoxFuture<'static, Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let house = house_of(&request);
            let visit = crate::visit::Visit::extract(&request).await?;
            let refused = || {
                let words = "Send a practice's API key as `Authorization: Bearer …`.";
                Failure::Api(StatusCode::UNAUTHORIZED, "unauthorized", words.into())
            };
            let sent = request.headers().get(header::AUTHORIZATION);
            let key = sent.and_then(|value| value.to_str().ok());
            let key = key.and_then(|value| value.strip_prefix("Bearer ")).ok_or_else(refused)?;
            house.limits.api.check(&store::keys::token_hash(key))?;
            let mut db = house.store.read().await?;
            let found = store::api_key::find(&mut db, key.trim()).await?.ok_or_else(refused)?;
            let practice = store::practice::load(&mut db, &found.1).await?.ok_or_else(refused)?;
            Ok(Self { key: found.0, practice, address: visit.address().to_owned() })
        })
    }
}

/// Every refusal of the API.
#[derive(Serialize, ToSchema)]
pub struct ErrorBody {
    pub error: ErrorDetail,
}

#[derive(Serialize, ToSchema)]
pub struct ErrorDetail {
    /// Stable, for programs.
    pub code: String,
    /// What to do, for people.
    pub message: String,
}

pub fn not_found() -> Failure {
    let words = "There is no such thing in this practice.";
    Failure::Api(StatusCode::NOT_FOUND, "not_found", words.into())
}

pub fn invalid(words: impl Into<String>) -> Failure {
    Failure::Api(StatusCode::UNPROCESSABLE_ENTITY, "invalid", words.into())
}

struct Keys;

impl Modify for Keys {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = api.components.get_or_insert_with(Default::default);
        components.add_security_scheme("key", SecurityScheme::Http(scheme));
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Clearbill",
        description = "Balances in, payments out. Amounts are integer cents, US dollars.",
        version = "1"
    ),
    paths(
        imports::post,
        imports::get,
        imports::refusals,
        balances::list,
        payments::list,
        payments::mark_posted,
    ),
    components(schemas(ErrorBody)),
    modifiers(&Keys),
    security(("key" = []))
)]
struct Description;

/// `GET /api/v1/openapi.json`
pub async fn openapi() -> HttpResponse {
    HttpResponse::Ok().json(Description::openapi())
}
