//! Checkout sessions: a page of Stripe's where the person pays. A session has no payment until its
//! form is submitted; expiring it is the only way to take it back.

use serde_json::Value;

use super::{
    Ctx,
    cards::Card,
    endpoints::emit,
    error::ApiError,
    intents::{self, check_amount, check_names, currency},
    methods,
    objects::{Billing, Intent, IntentStatus, LineItem, Session},
    params::Params,
};
use crate::world::World;

/// Stripe lets a session live from 30 minutes to 24 hours, measured from its creation. Clocks and
/// networks get a minute of leeway.
const SHORTEST_SECONDS: i64 = 30 * 60;
const LONGEST_SECONDS: i64 = 24 * 60 * 60;
const LEEWAY_SECONDS: i64 = 60;

const MAX_LINES: usize = 100;
const MAX_URL_CHARS: usize = 5_000;

const CREATE: &[&str] = &[
    "adaptive_pricing",
    "allowed_payment_method_types",
    "automatic_tax",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "currency",
    "custom_text",
    "customer",
    "customer_creation",
    "customer_email",
    "excluded_payment_method_types",
    "expand",
    "expires_at",
    "line_items",
    "locale",
    "metadata",
    "mode",
    "payment_intent_data",
    "payment_method_collection",
    "payment_method_options",
    "phone_number_collection",
    "saved_payment_method_options",
    "submit_type",
    "success_url",
    "ui_mode",
    "wallet_options",
];

fn owned(params: &Params, path: &str) -> Option<String> {
    params.text(path).map(str::to_owned)
}

fn url(params: &Params, name: &str) -> Result<Option<String>, ApiError> {
    let Some(text) = params.text(name) else { return Ok(None) };
    if text.len() > MAX_URL_CHARS || !(text.starts_with("http://") || text.starts_with("https://"))
    {
        return Err(ApiError::bad("Not a valid URL").code("url_invalid").param(name));
    }
    Ok(Some(text.to_owned()))
}

pub fn create(world: &mut World, params: &Params, ctx: &Ctx) -> Result<Value, ApiError> {
    check_names(params, CREATE)?;
    if params.required("mode")? != "payment" {
        let message = "The sandbox has Checkout in payment mode only.";
        return Err(ApiError::bad(message).param("mode"));
    }
    if !matches!(params.text("ui_mode"), None | Some("hosted_page")) {
        let message = "The sandbox has the hosted page only.";
        return Err(ApiError::bad(message).param("ui_mode"));
    }
    let success_url = url(params, "success_url")?;
    let success_url = success_url.ok_or_else(|| ApiError::missing("success_url"))?;
    let lines = lines(world, params)?;
    let created = world.now_seconds();
    let expires_at = expiry(params, created)?;
    let mut metadata = Default::default();
    params.merge_metadata("metadata", &mut metadata)?;
    let mut intent_metadata = Default::default();
    params.merge_metadata("payment_intent_data.metadata", &mut intent_metadata)?;
    let types = params.texts("allowed_payment_method_types");
    let session = Session {
        id: world.mint("cs_test_a1", 56),
        created,
        expires_at,
        status: "open".to_owned(),
        payment_status: "unpaid".to_owned(),
        currency: lines[0].currency.clone(),
        lines,
        success_url,
        cancel_url: url(params, "cancel_url")?,
        client_reference_id: owned(params, "client_reference_id"),
        customer: owned(params, "customer"),
        customer_email: owned(params, "customer_email"),
        payer_email: None,
        payer_name: None,
        locale: owned(params, "locale"),
        submit_type: owned(params, "submit_type"),
        allowed_types: Some(types).filter(|types| !types.is_empty()),
        metadata,
        intent: None,
        intent_metadata,
        intent_description: owned(params, "payment_intent_data.description"),
        intent_receipt_email: owned(params, "payment_intent_data.receipt_email"),
        intent_descriptor: owned(params, "payment_intent_data.statement_descriptor"),
        intent_descriptor_suffix: owned(params, "payment_intent_data.statement_descriptor_suffix"),
    };
    check_amount(session.total())?;
    let _ = ctx;
    world.stripe.sessions.put(&session.id, session.clone());
    Ok(session.json(world.base()))
}

fn lines(world: &World, params: &Params) -> Result<Vec<LineItem>, ApiError> {
    let items = params.items("line_items");
    if items.is_empty() {
        return Err(ApiError::missing("line_items"));
    }
    if items.len() > MAX_LINES {
        return Err(ApiError::bad("At most 100 line items.").param("line_items"));
    }
    items.into_iter().map(|item| line(world, item)).collect()
}

fn line(world: &World, item: &Params) -> Result<LineItem, ApiError> {
    if let Some(price) = item.text("price") {
        return Err(ApiError::no_such("price", price, "line_items[0][price]"));
    }
    let quantity = item.integer("quantity")?.ok_or_else(|| ApiError::missing("quantity"))?;
    if !(1..=999_999).contains(&quantity) {
        return Err(ApiError::bad("Quantity must be at least 1.").param("quantity"));
    }
    let amount = item.integer("price_data.unit_amount")?;
    let unit_amount =
        amount.ok_or_else(|| ApiError::missing("line_items[0][price_data][unit_amount]"))?;
    if unit_amount < 0 {
        let message = "Invalid non-negative integer";
        return Err(ApiError::bad(message).param("line_items[0][price_data][unit_amount]"));
    }
    Ok(LineItem {
        id: world.mint("li_", 24),
        price: world.mint("price_", 24),
        product: owned(item, "price_data.product").unwrap_or_else(|| world.mint("prod_", 14)),
        name: match item.text("price_data.product") {
            Some(_) => "Product".to_owned(),
            None => item.required("price_data.product_data.name")?.to_owned(),
        },
        currency: currency(item.required("price_data.currency")?)?,
        unit_amount,
        quantity,
    })
}

fn expiry(params: &Params, created: i64) -> Result<i64, ApiError> {
    let Some(at) = params.integer("expires_at")? else { return Ok(created + LONGEST_SECONDS) };
    let lives = at - created;
    if lives < SHORTEST_SECONDS - LEEWAY_SECONDS {
        let message = "The `expires_at` timestamp must be at least 30 minutes from Checkout \
                       Session creation.";
        return Err(ApiError::bad(message).param("expires_at"));
    }
    if lives > LONGEST_SECONDS + LEEWAY_SECONDS {
        let message = "The `expires_at` timestamp must be less than 24 hours from Checkout \
                       Session creation.";
        return Err(ApiError::bad(message).param("expires_at"));
    }
    Ok(at)
}

/// The session as of now: one past its expiry is expired by looking at it.
pub fn find(world: &mut World, id: &str, ctx: &Ctx) -> Result<Session, ApiError> {
    let session = world.stripe.sessions.get(id).cloned();
    let session = session.ok_or_else(|| ApiError::no_such("checkout.session", id, "session"))?;
    if session.status == "open" && session.expires_at <= world.now_seconds() {
        return Ok(close(world, session, ctx));
    }
    Ok(session)
}

pub fn expire_due(world: &mut World, ctx: &Ctx) {
    let now = world.now_seconds();
    let due: Vec<Session> = world
        .stripe
        .sessions
        .pending()
        .filter(|session| session.expires_at <= now)
        .cloned()
        .collect();
    for session in due {
        close(world, session, ctx);
    }
}

pub fn expire(world: &mut World, id: &str, params: &Params, ctx: &Ctx) -> Result<Value, ApiError> {
    check_names(params, &["expand"])?;
    let session = find(world, id, ctx)?;
    if session.status != "open" {
        let message = format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout \
             Session has a status of {}.",
            session.status
        );
        return Err(ApiError::bad(message).executed());
    }
    if payment(world, &session).is_some_and(|intent| !intent.status.is_open()) {
        let message = "This Checkout Session has a payment in progress and cannot be expired.";
        return Err(ApiError::bad(message).executed());
    }
    Ok(close(world, session, ctx).json(world.base()))
}

fn payment(world: &World, session: &Session) -> Option<Intent> {
    world.stripe.intents.get(session.intent.as_deref()?).cloned()
}

/// Expires the session, and cancels a payment that a declined card left open. A session whose
/// payment is still processing stays, whatever its clock says.
fn close(world: &mut World, mut session: Session, ctx: &Ctx) -> Session {
    match payment(world, &session) {
        Some(intent) if intent.status.is_open() => {
            intents::close(world, intent, Some("automatic".to_owned()), ctx);
        }
        Some(intent) if intent.status == IntentStatus::Processing => return session,
        _ => {}
    }
    session.status = "expired".to_owned();
    world.stripe.sessions.put(&session.id, session.clone());
    let object = session.json(world.base());
    emit(world, "checkout.session.expired", object, None, ctx);
    session
}

/// What happened when the person submitted the page's form.
#[derive(Debug)]
pub enum Submitted {
    Paid(Session),
    /// The bank asks for approval of this payment first.
    Asks,
    /// Not known yet; the page says to wait.
    Processing(Session),
}

/// The person submits the form with a card.
pub fn pay(
    world: &mut World,
    id: &str,
    card: Card,
    billing: Billing,
    ctx: &Ctx,
) -> Result<Submitted, ApiError> {
    let mut session = find(world, id, ctx)?;
    if session.status != "open" {
        return match session.status.as_str() {
            "complete" => Ok(Submitted::Paid(session)),
            _ => Err(ApiError::bad("This Checkout Session has expired.").executed()),
        };
    }
    session.payer_email = billing.email.clone().or(session.payer_email);
    session.payer_name = billing.name.clone().or(session.payer_name);
    let intent = match payment(world, &session) {
        Some(intent) => intent,
        None => {
            let intent = intent_of(world, &session);
            session.intent = Some(intent.id.clone());
            intents::open(world, &intent, ctx);
            intent
        }
    };
    world.stripe.sessions.put(id, session.clone());
    if !intent.status.is_open() {
        return Ok(Submitted::Processing(session));
    }
    let method = methods::keep(world, card, billing, Default::default());
    let intent = intents::charge(world, intent, &method, false, ctx)?;
    Ok(after(world, session, intent, ctx))
}

/// The person answered the bank's question about a session's payment.
pub fn answer(
    world: &mut World,
    id: &str,
    approves: bool,
    ctx: &Ctx,
) -> Result<Submitted, ApiError> {
    let session = find(world, id, ctx)?;
    let intent = session.intent.clone().ok_or_else(|| ApiError::bad("Nothing to approve."))?;
    let intent = intents::answer_approval(world, &intent, approves, ctx)?;
    Ok(after(world, session, intent, ctx))
}

fn after(world: &mut World, session: Session, intent: Intent, ctx: &Ctx) -> Submitted {
    match intent.status {
        IntentStatus::Succeeded => {
            complete(world, &session.id, ctx);
            let done = world.stripe.sessions.get(&session.id).cloned();
            Submitted::Paid(done.unwrap_or(session))
        }
        IntentStatus::RequiresAction => Submitted::Asks,
        _ => Submitted::Processing(session),
    }
}

/// The session's payment succeeded.
pub fn complete(world: &mut World, id: &str, ctx: &Ctx) {
    let Some(mut session) = world.stripe.sessions.get(id).cloned() else { return };
    if session.status == "complete" {
        return;
    }
    session.status = "complete".to_owned();
    session.payment_status = "paid".to_owned();
    world.stripe.sessions.put(id, session.clone());
    let object = session.json(world.base());
    emit(world, "checkout.session.completed", object, None, ctx);
}

fn intent_of(world: &World, session: &Session) -> Intent {
    let id = world.mint("pi_", 24);
    Intent {
        client_secret: world.mint(&format!("{id}_secret_"), 25),
        amount: session.total(),
        currency: session.currency.clone(),
        status: IntentStatus::RequiresPaymentMethod,
        created: world.now_seconds(),
        metadata: session.intent_metadata.clone(),
        description: session.intent_description.clone(),
        receipt_email: session.intent_receipt_email.clone(),
        statement_descriptor: session.intent_descriptor.clone(),
        statement_descriptor_suffix: session.intent_descriptor_suffix.clone(),
        setup_future_usage: None,
        customer: session.customer.clone(),
        automatic_methods: false,
        allow_redirects: "always".to_owned(),
        allowed_types: session.allowed_types.clone(),
        method: None,
        latest_charge: None,
        last_error: None,
        canceled_at: None,
        cancellation_reason: None,
        return_url: Some(format!("{}/checkout/{}/return", world.base(), session.id)),
        use_stripe_sdk: false,
        session: Some(session.id.clone()),
        settles_at_ms: None,
        settles_with: None,
        id,
    }
}

/// Where the person goes after paying.
pub fn success_url(session: &Session) -> String {
    session.success_url.replace("{CHECKOUT_SESSION_ID}", &session.id)
}
