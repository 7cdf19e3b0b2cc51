//! PaymentIntents: created, confirmed, canceled; one capture at most.

use serde_json::Value;

use super::{
    Ctx,
    cards::{Behaviour, Decline},
    charges::{self, Attempt},
    endpoints::emit,
    error::ApiError,
    methods,
    objects::{Intent, IntentStatus, Method},
    params::Params,
};
use crate::{faults::FaultKind, world::World};

/// Stripe's bounds for one charge in US dollars, in cents.
const LEAST_CENTS: i64 = 50;
const MOST_CENTS: i64 = 99_999_999;

/// How long a scripted `processing` lasts when the script does not say.
const PROCESSING_MS: u64 = 60_000;

const CREATE: &[&str] = &[
    "allowed_payment_method_types",
    "amount",
    "amount_details",
    "automatic_payment_methods",
    "capture_method",
    "confirm",
    "confirmation_method",
    "confirmation_token",
    "currency",
    "customer",
    "description",
    "error_on_requires_action",
    "excluded_payment_method_types",
    "expand",
    "metadata",
    "off_session",
    "payment_details",
    "payment_method",
    "payment_method_configuration",
    "payment_method_data",
    "payment_method_options",
    "radar_options",
    "receipt_email",
    "return_url",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "use_stripe_sdk",
];

const UPDATE: &[&str] = &[
    "allowed_payment_method_types",
    "amount",
    "currency",
    "customer",
    "description",
    "expand",
    "metadata",
    "payment_method",
    "payment_method_data",
    "payment_method_options",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
];

const CONFIRM: &[&str] = &[
    "client_attribution_metadata",
    "client_secret",
    "confirmation_token",
    "error_on_requires_action",
    "expand",
    "expected_payment_method_type",
    "key",
    "mandate_data",
    "off_session",
    "payment_method",
    "payment_method_data",
    "payment_method_options",
    "radar_options",
    "receipt_email",
    "return_url",
    "setup_future_usage",
    "shipping",
    "use_stripe_sdk",
];

pub fn check_names(params: &Params, known: &[&str]) -> Result<(), ApiError> {
    match params.names().find(|name| !known.contains(name)) {
        Some(name) => Err(ApiError::unknown_param(name)),
        None => Ok(()),
    }
}

pub fn find(world: &World, id: &str) -> Result<Intent, ApiError> {
    let intent = world.stripe.intents.get(id).cloned();
    intent.ok_or_else(|| ApiError::no_such("payment_intent", id, "intent"))
}

/// The intent, for a browser only with its own client secret.
pub fn find_for(world: &World, id: &str, params: &Params, ctx: &Ctx) -> Result<Intent, ApiError> {
    let intent = find(world, id);
    if !ctx.from_browser {
        return intent;
    }
    let intent = intent.map_err(|_| ApiError::no_such("payment_intent", id, "intent"))?;
    if params.required("client_secret")? != intent.client_secret {
        let message = "The client_secret provided does not match any associated PaymentIntent.";
        return Err(ApiError::bad(message)
            .code("payment_intent_invalid_parameter")
            .param("client_secret"));
    }
    Ok(intent)
}

pub fn amount(params: &Params) -> Result<i64, ApiError> {
    let text = params.required("amount")?;
    let amount: i64 = text.parse().map_err(|_| ApiError::bad_integer("amount", text))?;
    check_amount(amount)?;
    Ok(amount)
}

pub fn check_amount(amount: i64) -> Result<(), ApiError> {
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(ApiError::bad(message).code("parameter_invalid_integer").param("amount"));
    }
    if amount < LEAST_CENTS {
        let message = "Amount must be at least $0.50 usd";
        return Err(ApiError::bad(message).code("amount_too_small").param("amount"));
    }
    if amount > MOST_CENTS {
        let message = "Amount must be no more than $999,999.99";
        return Err(ApiError::bad(message).code("amount_too_large").param("amount"));
    }
    Ok(())
}

pub fn currency(text: &str) -> Result<String, ApiError> {
    let lower = text.to_ascii_lowercase();
    if lower.len() == 3 && lower.bytes().all(|b| b.is_ascii_lowercase()) {
        return Ok(lower);
    }
    let shown: String = text.chars().take(20).collect();
    Err(ApiError::bad(format!("Invalid currency: {shown}.")).param("currency"))
}

fn only_automatic_capture(params: &Params) -> Result<(), ApiError> {
    match params.text("capture_method") {
        None | Some("automatic" | "automatic_async") => Ok(()),
        Some(_) => {
            let message = "The sandbox captures automatically; manual capture is not supported.";
            Err(ApiError::bad(message).param("capture_method"))
        }
    }
}

fn emails_ok(params: &Params) -> Result<(), ApiError> {
    match params.text("receipt_email") {
        Some(email) if !email.contains('@') || email.len() > 512 => {
            let shown: String = email.chars().take(80).collect();
            let message = format!("Invalid email address: {shown}");
            Err(ApiError::bad(message).code("email_invalid").param("receipt_email"))
        }
        _ => Ok(()),
    }
}

fn owned(params: &Params, name: &str) -> Option<String> {
    params.text(name).map(str::to_owned)
}

pub fn create(world: &mut World, params: &Params, ctx: &Ctx) -> Result<Value, ApiError> {
    check_names(params, CREATE)?;
    let amount = amount(params)?;
    let currency = currency(params.required("currency")?)?;
    only_automatic_capture(params)?;
    emails_ok(params)?;
    let mut metadata = Default::default();
    params.merge_metadata("metadata", &mut metadata)?;
    let types = params.texts("allowed_payment_method_types");
    let confirms = params.flag("confirm");
    let method = methods::given(world, params)?;
    if confirms && method.is_none() {
        let message =
            "You cannot confirm this PaymentIntent because it's missing a payment method.";
        return Err(ApiError::bad(message).code("parameter_missing").param("payment_method"));
    }
    let id = world.mint("pi_", 24);
    let client_secret = world.mint(&format!("{id}_secret_"), 25);
    let explicit = params.text("automatic_payment_methods.enabled");
    let intent = Intent {
        client_secret,
        amount,
        currency,
        status: if method.is_some() {
            IntentStatus::RequiresConfirmation
        } else {
            IntentStatus::RequiresPaymentMethod
        },
        created: world.now_seconds(),
        metadata,
        description: owned(params, "description"),
        receipt_email: owned(params, "receipt_email"),
        statement_descriptor: owned(params, "statement_descriptor"),
        statement_descriptor_suffix: owned(params, "statement_descriptor_suffix"),
        setup_future_usage: owned(params, "setup_future_usage"),
        customer: owned(params, "customer"),
        automatic_methods: types.is_empty() && explicit.is_none_or(|text| text == "true"),
        allow_redirects: owned(params, "automatic_payment_methods.allow_redirects")
            .unwrap_or_else(|| "always".to_owned()),
        allowed_types: Some(types).filter(|types| !types.is_empty()),
        method: method.as_ref().map(|method| method.id.clone()),
        latest_charge: None,
        last_error: None,
        canceled_at: None,
        cancellation_reason: None,
        return_url: None,
        use_stripe_sdk: false,
        session: None,
        settles_at_ms: None,
        settles_with: None,
        id,
    };
    open(world, &intent, ctx);
    if confirms {
        return confirm(world, intent, params, ctx);
    }
    Ok(intent.json(world.base()))
}

/// Puts a new intent and says so.
pub fn open(world: &mut World, intent: &Intent, ctx: &Ctx) {
    world.stripe.intents.put(&intent.id, intent.clone());
    say(world, intent, "created", ctx);
}

fn say(world: &mut World, intent: &Intent, what: &str, ctx: &Ctx) {
    let object = intent.json(world.base());
    emit(world, &format!("payment_intent.{what}"), object, None, ctx);
}

pub fn update(world: &mut World, id: &str, params: &Params, _ctx: &Ctx) -> Result<Value, ApiError> {
    check_names(params, UPDATE)?;
    let mut intent = find(world, id)?;
    let money_changes = params.has("amount") || params.has("currency");
    if money_changes && !intent.status.is_open() {
        return Err(unexpected_state(world, &intent, "update"));
    }
    emails_ok(params)?;
    if params.has("amount") {
        intent.amount = amount(params)?;
    }
    if let Some(text) = params.text("currency") {
        intent.currency = currency(text)?;
    }
    params.merge_metadata("metadata", &mut intent.metadata)?;
    let texts = [
        ("description", &mut intent.description),
        ("receipt_email", &mut intent.receipt_email),
        ("statement_descriptor", &mut intent.statement_descriptor),
        ("statement_descriptor_suffix", &mut intent.statement_descriptor_suffix),
        ("setup_future_usage", &mut intent.setup_future_usage),
        ("customer", &mut intent.customer),
    ];
    for (name, field) in texts {
        if params.has(name) {
            *field = owned(params, name);
        }
    }
    if let Some(method) = methods::given(world, params)?
        && intent.status.is_open()
    {
        intent.method = Some(method.id);
        intent.status = IntentStatus::RequiresConfirmation;
    }
    world.stripe.intents.put(id, intent.clone());
    Ok(intent.json(world.base()))
}

fn unexpected_state(world: &World, intent: &Intent, verb: &str) -> ApiError {
    let message = format!(
        "You cannot {verb} this PaymentIntent because it has a status of {}.",
        intent.status.word()
    );
    ApiError::bad(message)
        .code("payment_intent_unexpected_state")
        .with_intent(intent.json(world.base()))
        .executed()
}

pub fn cancel(world: &mut World, id: &str, params: &Params, ctx: &Ctx) -> Result<Value, ApiError> {
    check_names(params, &["cancellation_reason", "expand"])?;
    let intent = find(world, id)?;
    let reason = params.text("cancellation_reason");
    const REASONS: &[&str] = &["duplicate", "fraudulent", "requested_by_customer", "abandoned"];
    if reason.is_some_and(|reason| !REASONS.contains(&reason)) {
        let message = "Invalid cancellation_reason: must be one of duplicate, fraudulent, \
                       requested_by_customer, or abandoned";
        return Err(ApiError::bad(message).param("cancellation_reason"));
    }
    if intent.session.is_some() && intent.status.is_open() {
        let message = "You cannot cancel this PaymentIntent because it was created by a Checkout \
                       Session. Expire the Checkout Session instead.";
        let intent = intent.json(world.base());
        return Err(ApiError::bad(message)
            .code("payment_intent_unexpected_state")
            .with_intent(intent)
            .executed());
    }
    if !intent.status.is_open() {
        return Err(unexpected_state(world, &intent, "cancel"));
    }
    let reason = reason.map(str::to_owned);
    Ok(close(world, intent, reason, ctx).json(world.base()))
}

/// Cancels an open intent.
pub fn close(world: &mut World, mut intent: Intent, reason: Option<String>, ctx: &Ctx) -> Intent {
    intent.status = IntentStatus::Canceled;
    intent.canceled_at = Some(world.now_seconds());
    intent.cancellation_reason = reason;
    world.stripe.intents.put(&intent.id, intent.clone());
    say(world, &intent, "canceled", ctx);
    intent
}

/// `POST …/confirm`.
pub fn confirm_by_id(
    world: &mut World,
    id: &str,
    params: &Params,
    ctx: &Ctx,
) -> Result<Value, ApiError> {
    check_names(params, CONFIRM)?;
    let intent = find_for(world, id, params, ctx)?;
    if ctx.from_browser && intent.session.is_some() {
        return Err(ApiError::bad("This PaymentIntent belongs to a Checkout Session."));
    }
    confirm(world, intent, params, ctx)
}

fn confirm(
    world: &mut World,
    mut intent: Intent,
    params: &Params,
    ctx: &Ctx,
) -> Result<Value, ApiError> {
    if !intent.status.is_open() {
        return Err(unexpected_state(world, &intent, "confirm"));
    }
    emails_ok(params)?;
    let method = match methods::given(world, params)? {
        Some(method) => method,
        None => match intent.method.as_ref().and_then(|id| world.stripe.methods.get(id)) {
            Some(method) => method.clone(),
            None => {
                let message = "You cannot confirm this PaymentIntent because it's missing a \
                               payment method. You can either update the PaymentIntent with a \
                               payment method and then confirm it again, or confirm it again \
                               directly with a payment method or ConfirmationToken.";
                let intent = intent.json(world.base());
                return Err(ApiError::bad(message)
                    .code("payment_intent_unexpected_state")
                    .with_intent(intent));
            }
        },
    };
    if params.has("return_url") {
        intent.return_url = owned(params, "return_url");
    } else if intent.automatic_methods
        && intent.allow_redirects == "always"
        && !ctx.from_browser
        && !params.flag("off_session")
    {
        let message = "This PaymentIntent is configured to accept payment methods enabled in your \
                       Dashboard. Because some of these payment methods might redirect your \
                       customer off of your page, you must provide a `return_url`. If you don't \
                       want to accept redirect-based payment methods, set \
                       `automatic_payment_methods[enabled]` to `true` and \
                       `automatic_payment_methods[allow_redirects]` to `never` when creating \
                       Setup Intents and Payment Intents.";
        return Err(ApiError::bad(message));
    }
    if params.has("receipt_email") {
        intent.receipt_email = owned(params, "receipt_email");
    }
    intent.use_stripe_sdk = ctx.from_browser || params.flag("use_stripe_sdk");
    let no_person = params.flag("off_session") || params.flag("error_on_requires_action");
    let intent = charge(world, intent, &method, no_person, ctx)?;
    Ok(intent.json(world.base()))
}

/// Tries the card. On a decline the intent stays payable, and the error carries it.
pub fn charge(
    world: &mut World,
    mut intent: Intent,
    method: &Method,
    no_person: bool,
    ctx: &Ctx,
) -> Result<Intent, ApiError> {
    intent.method = Some(method.id.clone());
    intent.last_error = None;
    if let Some(fault) = &ctx.fault {
        if fault.kind == FaultKind::Decline {
            let decline = Decline::of(fault.code.as_deref().unwrap_or_default());
            return Err(declined(world, intent, method, &decline, ctx));
        }
        if fault.kind == FaultKind::Processing {
            let ms = i64::try_from(fault.ms.unwrap_or(PROCESSING_MS)).unwrap_or(i64::MAX);
            let settles_with = fault.code.clone();
            return Ok(process(world, intent, ms, settles_with, ctx));
        }
    }
    match &method.card.behaviour {
        Behaviour::Pays | Behaviour::Disputes | Behaviour::RefundFails => {
            Ok(succeed(world, intent, method, ctx))
        }
        Behaviour::Declines(code) => {
            let decline = Decline::of(code);
            Err(declined(world, intent, method, &decline, ctx))
        }
        Behaviour::AsksApproval | Behaviour::AsksThenDeclines if no_person => {
            let decline = Decline::of("authentication_required");
            Err(declined(world, intent, method, &decline, ctx))
        }
        Behaviour::AsksApproval | Behaviour::AsksThenDeclines => {
            intent.status = IntentStatus::RequiresAction;
            world.stripe.intents.put(&intent.id, intent.clone());
            say(world, &intent, "requires_action", ctx);
            Ok(intent)
        }
    }
}

fn succeed(world: &mut World, mut intent: Intent, method: &Method, ctx: &Ctx) -> Intent {
    let charge = charges::record(world, &intent, method, Attempt::Captured, ctx);
    intent.status = IntentStatus::Succeeded;
    intent.latest_charge = Some(charge.id.clone());
    intent.settles_at_ms = None;
    world.stripe.intents.put(&intent.id, intent.clone());
    say(world, &intent, "succeeded", ctx);
    if method.card.behaviour == Behaviour::Disputes {
        // The charge was recorded a moment ago, so it is there to dispute.
        let _ = charges::dispute(world, &charge.id, "fraudulent", false, ctx);
    }
    intent
}

fn declined(
    world: &mut World,
    mut intent: Intent,
    method: &Method,
    decline: &Decline,
    ctx: &Ctx,
) -> ApiError {
    let charge = charges::record(world, &intent, method, Attempt::Declined(decline), ctx);
    let mut error = ApiError::card(&decline.code, &decline.message, "");
    error.param = match decline.code.as_str() {
        "incorrect_cvc" => Some("cvc".to_owned()),
        "expired_card" => Some("exp_month".to_owned()),
        _ => None,
    };
    error.decline_code = decline.decline_code.clone();
    error.advice_code = decline.advice_code().map(str::to_owned);
    error.network_decline_code = Some(decline.network_code().to_owned());
    error.charge = Some(charge.id.clone());
    error.payment_method = Some(method.json());
    intent.latest_charge = Some(charge.id);
    fail(world, intent, error, ctx)
}

fn fail(world: &mut World, mut intent: Intent, error: ApiError, ctx: &Ctx) -> ApiError {
    intent.status = IntentStatus::RequiresPaymentMethod;
    intent.method = None;
    intent.settles_at_ms = None;
    intent.last_error = Some(error.fields(false));
    world.stripe.intents.put(&intent.id, intent.clone());
    say(world, &intent, "payment_failed", ctx);
    error.with_intent(intent.json(world.base())).executed()
}

fn process(
    world: &mut World,
    mut intent: Intent,
    ms: i64,
    settles_with: Option<String>,
    ctx: &Ctx,
) -> Intent {
    intent.status = IntentStatus::Processing;
    intent.settles_at_ms = Some(world.now().plus_ms(ms).0);
    intent.settles_with = settles_with;
    world.stripe.intents.put(&intent.id, intent.clone());
    say(world, &intent, "processing", ctx);
    intent
}

/// Settles what was processing and is due.
pub fn settle_due(world: &mut World, ctx: &Ctx) {
    let now = world.now().0;
    let due: Vec<Intent> = world
        .stripe
        .intents
        .pending()
        .filter(|intent| intent.settles_at_ms.is_some_and(|at| at <= now))
        .cloned()
        .collect();
    for intent in due {
        let method = intent.method.as_ref().and_then(|id| world.stripe.methods.get(id)).cloned();
        let Some(method) = method else { continue };
        let session = intent.session.clone();
        match intent.settles_with.clone() {
            Some(code) => {
                declined(world, intent, &method, &Decline::of(&code), ctx);
            }
            None => {
                succeed(world, intent, &method, ctx);
                if let Some(session) = session {
                    super::checkout::complete(world, &session, ctx);
                }
            }
        }
    }
}

/// The person answered the bank's question.
pub fn answer_approval(
    world: &mut World,
    id: &str,
    approves: bool,
    ctx: &Ctx,
) -> Result<Intent, ApiError> {
    let intent = find(world, id)?;
    if intent.status != IntentStatus::RequiresAction {
        return Ok(intent);
    }
    let method = intent.method.as_ref().and_then(|id| world.stripe.methods.get(id)).cloned();
    let method = method.ok_or_else(|| ApiError::api("the payment method is gone"))?;
    if !approves {
        let message = "We are unable to authenticate your payment method. Please choose a \
                       different payment method and try again.";
        let mut error = ApiError::card("payment_intent_authentication_failure", message, "");
        error.param = None;
        error.kind = "invalid_request_error";
        error.payment_method = Some(method.json());
        return Err(fail(world, intent, error, ctx));
    }
    if method.card.behaviour == Behaviour::AsksThenDeclines {
        let decline = Decline::of("generic_decline");
        return Err(declined(world, intent, &method, &decline, ctx));
    }
    Ok(succeed(world, intent, &method, ctx))
}

/// What Stripe.js is given: the intent without what only the merchant may see.
pub fn browser_view(mut intent: Value) -> Value {
    const HIDDEN: &[&str] = &[
        "application",
        "application_fee_amount",
        "customer",
        "customer_account",
        "latest_charge",
        "metadata",
        "on_behalf_of",
        "review",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "transfer_data",
        "transfer_group",
        "amount_received",
        "amount_capturable",
    ];
    if let Some(fields) = intent.as_object_mut() {
        fields.retain(|name, _| !HIDDEN.contains(&name.as_str()));
    }
    intent
}
