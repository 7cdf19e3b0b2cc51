//! `/v1`: who asks, which operation it is, whether its key was used before, and the answer.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    API_VERSION, Ctx, UsedKey, charges, checkout, endpoints, error::ApiError, expand, intents,
    methods, params::Params, refunds,
};
use crate::{
    faults::FaultRule,
    wire::{Call, Reply},
    world::World,
};

/// Stripe's limit on an idempotency key.
const MAX_KEY_CHARS: usize = 255;

/// Objects on a page of a list, by default and at most.
const PAGE_DEFAULT: i64 = 10;
const PAGE_MOST: i64 = 100;

/// The operation's name, as fault scripts use it: `payment_intents.create`.
pub fn operation(call: &Call) -> String {
    let segments: Vec<&str> = call.segments().into_iter().skip(1).collect();
    let (noun, rest) = match segments.as_slice() {
        ["checkout", "sessions", rest @ ..] => ("checkout.sessions", rest),
        [noun, rest @ ..] => (*noun, rest),
        [] => return "unknown".to_owned(),
    };
    let verb = match (call.method.as_str(), rest) {
        ("POST", []) => "create",
        ("GET", []) => "list",
        ("GET", [_]) => "retrieve",
        ("POST", [_]) => "update",
        ("DELETE", [_]) => "delete",
        (_, [_, verb, ..]) => verb,
        _ => "unknown",
    };
    format!("{noun}.{verb}")
}

/// The idempotency key, unless it cannot be one.
pub fn key_of(call: &Call) -> Option<String> {
    let key = call.header("idempotency-key")?.trim();
    let usable = call.method == "POST" && !key.is_empty() && key.len() <= MAX_KEY_CHARS;
    usable.then(|| key.to_owned())
}

pub fn answer(world: &mut World, call: &Call, fault: Option<&FaultRule>) -> Reply {
    let request = world.mint("req_", 14);
    let key = key_of(call);
    let ctx = Ctx {
        request: request.clone(),
        idempotency_key: key.clone(),
        fault: fault.cloned(),
        from_browser: false,
    };
    let reply = match authorized(world, call, ctx) {
        Ok((ctx, params)) => execute(world, call, &params, &ctx),
        Err(error) => failed(&error),
    };
    let reply = reply.header("Request-Id", &request).header("Stripe-Version", API_VERSION);
    match key {
        Some(key) => reply.header("Idempotency-Key", &key),
        None => reply,
    }
}

/// A scripted 500. Its key keeps it, as Stripe's does.
pub fn broken(world: &mut World, call: &Call) -> Reply {
    let request = world.mint("req_", 14);
    let error = ApiError::api("An unknown error occurred in the sandbox, as its script says.");
    if let (Some(key), Ok(params)) = (key_of(call), params_of(call)) {
        let used = UsedKey {
            fingerprint: fingerprint(call, &params),
            status: error.status,
            body: error.body(),
            request: request.clone(),
        };
        world.stripe.keys.put(&key, used);
    }
    failed(&error).header("Request-Id", &request)
}

pub fn failed(error: &ApiError) -> Reply {
    let reply = Reply::json(error.status, &error.body());
    match error.status {
        409 => reply.header("Stripe-Should-Retry", "true"),
        status if status < 500 => reply.header("Stripe-Should-Retry", "false"),
        _ => reply,
    }
}

fn params_of(call: &Call) -> Result<Params, ApiError> {
    let mut pairs = call.query.clone();
    if call.method == "POST" {
        if !call.body.is_empty() && call.is_json() {
            let message = "Invalid request: use application/x-www-form-urlencoded.";
            return Err(ApiError::bad(message));
        }
        pairs.extend(call.form());
    }
    Params::parse(&pairs)
}

/// Checks the key; the publishable one may do what a browser may.
fn authorized(world: &World, call: &Call, mut ctx: Ctx) -> Result<(Ctx, Params), ApiError> {
    let params = params_of(call)?;
    let given = call.bearer().or_else(|| call.basic().map(|(user, _)| user));
    let given = given.or_else(|| params.text("key").map(str::to_owned));
    let Some(given) = given else {
        let message = "You did not provide an API key. You need to provide your API key in the \
                       Authorization header, using Bearer auth (e.g. 'Authorization: Bearer \
                       YOUR_SECRET_KEY').";
        return Err(ApiError::unauthorized(message));
    };
    let settings = world.settings();
    if given == settings.secret_key {
        return Ok((ctx, params));
    }
    if given != settings.publishable_key {
        let start: String = given.chars().take(8).collect();
        let message = format!("Invalid API Key provided: {start}{}", "*".repeat(12));
        return Err(ApiError::unauthorized(message));
    }
    ctx.from_browser = true;
    let segments = call.segments();
    let allowed = matches!(
        (call.method.as_str(), &segments[1..]),
        ("GET", ["payment_intents", _])
            | ("POST", ["payment_intents", _, "confirm"])
            | ("POST", ["payment_methods" | "confirmation_tokens"])
    );
    if allowed {
        return Ok((ctx, params));
    }
    let message = "This API call cannot be made with a publishable API key. Please use a secret \
                   API key.";
    Err(ApiError::unauthorized(message).code("secret_key_required"))
}

fn execute(world: &mut World, call: &Call, params: &Params, ctx: &Ctx) -> Reply {
    if call.header("idempotency-key").is_some_and(|key| key.len() > MAX_KEY_CHARS) {
        let message = "Idempotency keys are at most 255 characters long.";
        return failed(&ApiError::idempotency(message));
    }
    let Some(key) = ctx.idempotency_key.as_deref() else {
        return finish(run(world, call, params, ctx)).0;
    };
    let fingerprint = fingerprint(call, params);
    if let Some(used) = world.stripe.keys.get(key) {
        if used.fingerprint != fingerprint {
            let message = format!(
                "Keys for idempotent requests can only be used with the same parameters they were \
                 first used with. Try using a key other than '{key}' if you meant to execute a \
                 different request."
            );
            return failed(&ApiError::idempotency(message));
        }
        return Reply::json(used.status, &used.body)
            .header("Idempotent-Replayed", "true")
            .header("Original-Request", &used.request);
    }
    if world.keys_in_flight.contains(key) {
        return failed(&ApiError::key_in_use());
    }
    let (reply, keeps) = finish(run(world, call, params, ctx));
    if let Some(body) = keeps {
        let request = ctx.request.clone();
        let used = UsedKey { fingerprint, status: reply.status, body, request };
        world.stripe.keys.put(key, used);
    }
    reply
}

/// The reply, and its body if a key is to keep it.
fn finish(result: Result<Value, ApiError>) -> (Reply, Option<Value>) {
    match result {
        Ok(body) => (Reply::json(200, &body), Some(body)),
        Err(error) => {
            let keeps = (error.keeps_key || error.status == 402).then(|| error.body());
            (failed(&error), keeps)
        }
    }
}

/// Digest of what was asked. Card fields stay out: neither a number nor its digest is kept.
fn fingerprint(call: &Call, params: &Params) -> String {
    let mut digest = Sha256::new();
    digest.update(call.method.as_bytes());
    digest.update(call.path.as_bytes());
    params.digest(&mut digest);
    hex::encode(digest.finalize())
}

fn run(world: &mut World, call: &Call, params: &Params, ctx: &Ctx) -> Result<Value, ApiError> {
    let creates = call.method == "POST";
    if creates && (world.stripe.intents.is_full() || world.stripe.methods.is_full()) {
        return Err(ApiError::api("The sandbox is full; start it with an empty folder."));
    }
    let body = dispatch(world, call, params, ctx)?;
    let body = expand::apply(world, body, &params.texts("expand"))?;
    Ok(if ctx.from_browser && call.segments().contains(&"payment_intents") {
        intents::browser_view(body)
    } else {
        body
    })
}

fn dispatch(world: &mut World, call: &Call, params: &Params, ctx: &Ctx) -> Result<Value, ApiError> {
    let segments = call.segments();
    let base = world.base().to_owned();
    match (call.method.as_str(), &segments[1..]) {
        ("POST", ["payment_intents"]) => intents::create(world, params, ctx),
        ("GET", ["payment_intents", id]) => {
            Ok(intents::find_for(world, id, params, ctx)?.json(&base))
        }
        ("POST", ["payment_intents", id]) => intents::update(world, id, params, ctx),
        ("POST", ["payment_intents", id, "confirm"]) => {
            intents::confirm_by_id(world, id, params, ctx)
        }
        ("POST", ["payment_intents", id, "cancel"]) => intents::cancel(world, id, params, ctx),
        ("POST", ["payment_methods"]) => methods::create(world, params),
        ("GET", ["payment_methods", id]) => Ok(methods::find(world, id)?.json()),
        ("POST", ["confirmation_tokens"]) => confirmation_token(world, params),
        ("GET", ["charges", id]) => Ok(charges::find(world, id)?.json(&base)),
        ("POST", ["refunds"]) => refunds::create(world, params, ctx),
        ("GET", ["refunds", id]) => Ok(refunds::find(world, id)?.json()),
        ("POST", ["refunds", id]) => refunds::update(world, id, params, ctx),
        ("POST", ["refunds", id, "cancel"]) => refunds::cancel(world, id),
        ("POST", ["checkout", "sessions"]) => checkout::create(world, params, ctx),
        ("GET", ["checkout", "sessions", id]) => Ok(checkout::find(world, id, ctx)?.json(&base)),
        ("POST", ["checkout", "sessions", id, "expire"]) => {
            checkout::expire(world, id, params, ctx)
        }
        ("GET", ["checkout", "sessions", id, "line_items"]) => {
            expand::line_items(&checkout::find(world, id, ctx)?)
        }
        ("GET", ["events", id]) => event(world, id),
        ("POST", ["webhook_endpoints"]) => endpoints::create(world, params),
        ("GET", ["webhook_endpoints", id]) => Ok(endpoints::find(world, id)?.json(false)),
        ("POST", ["webhook_endpoints", id]) => endpoints::update(world, id, params),
        ("DELETE", ["webhook_endpoints", id]) => endpoints::delete(world, id),
        ("GET", ["disputes", id]) => Ok(charges::find_dispute(world, id)?.json()),
        ("POST", ["disputes", id, "close"]) => {
            Ok(charges::close_dispute(world, id, false, ctx)?.json())
        }
        ("GET", ["balance"]) => Ok(charges::balance(world)),
        ("GET", ["account"]) => Ok(account(world)),
        ("GET", ["accounts", id]) if *id == world.settings().account => Ok(account(world)),
        ("POST", ["payment_method_domains"]) => domain(world, params),
        ("GET", _) => list(world, &segments[1..], params),
        _ => Err(ApiError::unrecognized(&call.method, &call.path)),
    }
}

fn event(world: &World, id: &str) -> Result<Value, ApiError> {
    let event = world.stripe.events.get(id);
    let event = event.ok_or_else(|| ApiError::no_such("event", id, "id"))?;
    Ok(endpoints::event_json(world, event))
}

/// An object of a list: rendered only if its page is asked for.
type Row<'a> = (&'a str, Box<dyn Fn() -> Value + 'a>);

/// A list's rows, newest first, filtered by what Stripe lets one filter by.
fn list(world: &World, path: &[&str], params: &Params) -> Result<Value, ApiError> {
    let base = world.base();
    let stripe = &world.stripe;
    let (intent, charge) = (params.text("payment_intent"), params.text("charge"));
    let wanted = |filter: Option<&str>, value: &str| filter.is_none_or(|filter| filter == value);
    let created = Range::read(params)?;
    let rows: Vec<Row<'_>> = match path {
        ["payment_intents"] => stripe
            .intents
            .newest_first()
            .filter(|(_, row)| created.holds(row.created))
            .filter(|(_, row)| {
                params.text("customer").is_none()
                    || params.text("customer") == row.customer.as_deref()
            })
            .map(|(id, row)| -> Row<'_> { (id, Box::new(move || row.json(base))) })
            .collect(),
        ["charges"] => stripe
            .charges
            .newest_first()
            .filter(|(_, row)| created.holds(row.created) && wanted(intent, &row.intent))
            .map(|(id, row)| -> Row<'_> { (id, Box::new(move || row.json(base))) })
            .collect(),
        ["refunds"] => stripe
            .refunds
            .newest_first()
            .filter(|(_, row)| created.holds(row.created))
            .filter(|(_, row)| wanted(intent, &row.intent) && wanted(charge, &row.charge))
            .map(|(id, row)| -> Row<'_> { (id, Box::new(move || row.json())) })
            .collect(),
        ["checkout", "sessions"] => stripe
            .sessions
            .newest_first()
            .filter(|(_, row)| created.holds(row.created))
            .filter(|(_, row)| intent.is_none() || intent == row.intent.as_deref())
            .filter(|(_, row)| wanted(params.text("status"), &row.status))
            .map(|(id, row)| -> Row<'_> { (id, Box::new(move || row.json(base))) })
            .collect(),
        ["events"] => {
            let kinds = params.texts("types");
            let of_kind = |kind: &str| {
                wanted_pattern(params.text("type"), kind)
                    && (kinds.is_empty()
                        || kinds.iter().any(|wanted| wanted_pattern(Some(wanted), kind)))
            };
            stripe
                .events
                .newest_first()
                .filter(|(_, row)| created.holds(row.created) && of_kind(&row.kind))
                .map(|(id, row)| -> Row<'_> { (id, Box::new(move || row.json(API_VERSION, 0))) })
                .collect()
        }
        ["webhook_endpoints"] => stripe
            .endpoints
            .newest_first()
            .map(|(id, row)| -> Row<'_> { (id, Box::new(move || row.json(false))) })
            .collect(),
        ["disputes"] => stripe
            .disputes
            .newest_first()
            .filter(|(_, row)| created.holds(row.created))
            .filter(|(_, row)| wanted(intent, &row.intent) && wanted(charge, &row.charge))
            .map(|(id, row)| -> Row<'_> { (id, Box::new(move || row.json())) })
            .collect(),
        _ => return Err(ApiError::unrecognized("GET", &format!("/v1/{}", path.join("/")))),
    };
    page(rows, &format!("/v1/{}", path.join("/")), params)
}

/// `charge.*` matches every event of charges.
fn wanted_pattern(pattern: Option<&str>, kind: &str) -> bool {
    match pattern {
        None | Some("*") => true,
        Some(pattern) => match pattern.strip_suffix('*') {
            Some(head) => kind.starts_with(head),
            None => pattern == kind,
        },
    }
}

#[derive(Default)]
struct Range {
    from: Option<i64>,
    until: Option<i64>,
}

impl Range {
    fn read(params: &Params) -> Result<Self, ApiError> {
        if let Some(at) = params.integer("created")? {
            return Ok(Self { from: Some(at), until: Some(at) });
        }
        let after = params.integer("created.gt")?.map(|at| at + 1);
        let before = params.integer("created.lt")?.map(|at| at - 1);
        Ok(Self {
            from: params.integer("created.gte")?.or(after),
            until: params.integer("created.lte")?.or(before),
        })
    }

    fn holds(&self, at: i64) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at <= until)
    }
}

/// One page: rows come newest first, `starting_after` goes towards older ones.
fn page(mut rows: Vec<Row<'_>>, url: &str, params: &Params) -> Result<Value, ApiError> {
    let limit = params.integer("limit")?.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_MOST).contains(&limit) {
        let message = "This value must be between 1 and 100.";
        return Err(ApiError::bad(message).code("parameter_invalid_integer").param("limit"));
    }
    let limit = usize::try_from(limit).unwrap_or(1);
    let place = |rows: &[Row<'_>], name: &str| match params.text(name) {
        None => Ok(None),
        Some(id) => match rows.iter().position(|(row, _)| *row == id) {
            Some(place) => Ok(Some(place)),
            None => Err(ApiError::no_such("object", id, name)),
        },
    };
    let mut backwards = false;
    if let Some(place) = place(&rows, "starting_after")? {
        rows.drain(..=place);
    } else if let Some(place) = place(&rows, "ending_before")? {
        rows.truncate(place);
        backwards = true;
    }
    let has_more = rows.len() > limit;
    if backwards {
        let surplus = rows.len().saturating_sub(limit);
        rows.drain(..surplus);
    } else {
        rows.truncate(limit);
    }
    let data: Vec<Value> = rows.into_iter().map(|(_, render)| render()).collect();
    Ok(json!({ "object": "list", "data": data, "has_more": has_more, "url": url }))
}

fn confirmation_token(world: &mut World, params: &Params) -> Result<Value, ApiError> {
    let method = methods::given(world, params)?;
    let method = method.ok_or_else(|| ApiError::missing("payment_method_data"))?;
    Ok(json!({
        "id": method.id.replacen("pm_", "ctoken_", 1),
        "object": "confirmation_token",
        "created": method.created,
        "expires_at": method.created + 12 * 60 * 60,
        "livemode": false,
        "mandate_data": null,
        "payment_intent": null,
        "payment_method_options": null,
        "payment_method_preview": {
            "billing_details": method.billing.json(),
            "card": method.json()["card"],
            "type": "card",
        },
        "return_url": params.text("return_url"),
        "setup_future_usage": null,
        "setup_intent": null,
        "shipping": null,
        "use_stripe_sdk": true,
    }))
}

fn account(world: &World) -> Value {
    json!({
        "id": world.settings().account,
        "object": "account",
        "business_profile": {
            "mcc": "8011",
            "name": "Sandbox practice",
            "support_email": null,
            "support_phone": null,
            "url": null,
        },
        "business_type": "company",
        "capabilities": { "card_payments": "active", "transfers": "active" },
        "charges_enabled": true,
        "country": "US",
        "created": 1_700_000_000,
        "default_currency": "usd",
        "details_submitted": true,
        "email": "sandbox@example.org",
        "external_accounts": {
            "object": "list",
            "data": [],
            "has_more": false,
            "url": "/v1/accounts/external_accounts",
        },
        "metadata": {},
        "payouts_enabled": true,
        "settings": {
            "branding": {
                "icon": null,
                "logo": null,
                "primary_color": null,
                "secondary_color": null,
            },
            "dashboard": { "display_name": "Sandbox practice", "timezone": "Etc/UTC" },
            "payments": { "statement_descriptor": "SANDBOX" },
        },
        "type": "standard",
    })
}

/// Registers a domain for wallets. In the stand-in every wallet is at once active.
fn domain(world: &World, params: &Params) -> Result<Value, ApiError> {
    let name = params.required("domain_name")?;
    let active = json!({ "status": "active" });
    Ok(json!({
        "id": world.mint("pmd_", 24),
        "object": "payment_method_domain",
        "amazon_pay": active,
        "apple_pay": active,
        "created": world.now_seconds(),
        "domain_name": name,
        "enabled": true,
        "google_pay": active,
        "klarna": active,
        "link": active,
        "livemode": false,
        "paypal": active,
    }))
}
