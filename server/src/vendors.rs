//! A practice's own accounts at its vendors: read from a form, tried, and stored sealed. Nothing here
//! is ever given back.

use app::components::Errors;
use connect::{
    channel::{
        ChannelError, RefusalCause,
        sendgrid::EventKey,
        twilio::{Sender, Twilio, TwilioOptions},
    },
    gateway::{Gateway, GatewayError, NewIntent},
};
use domain::{id::AttemptId, money::Cents, practice::Practice};
use payments::ready_gateway;
use secrecy::ExposeSecret;
use store::{
    merchant::Merchant,
    sender::{FaxAccount, MailServer, TextAccount},
};

use crate::{channels, failure::Failure, form::Posted, house::House};

/// What the processor is asked to tell us about.
const EVENTS: [&str; 14] = [
    "payment_intent.succeeded",
    "payment_intent.processing",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
];
/// While an endpoint is replaced, events signed with the older secret still arrive (R28).
const SECRETS_KEPT: usize = 2;
/// The round trip asks for a dollar and takes it back at once; nobody is charged.
const ROUND_TRIP: Cents = Cents(1_00);
/// A number nobody owns, to see whether the account answers.
const ANY_NUMBER: &str = "+15005550006";

/// A vendor said no, or could not be reached: the field at fault and a sentence with the fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    pub field: &'static str,
    pub words: String,
}

impl Unfit {
    fn new(field: &'static str, words: impl Into<String>) -> Self {
        Self { field, words: words.into() }
    }

    pub fn errors(&self) -> Errors {
        Errors::new().on(self.field, self.words.clone())
    }
}

type Tried<T> = Result<Result<T, Unfit>, Failure>;

/// What trying a merchant account showed.
#[derive(Clone, Debug)]
pub struct Shop {
    pub merchant: Merchant,
    /// `acct_…`
    pub account: String,
    pub may_charge: bool,
}

fn key_is(text: &str, kinds: &[&str]) -> bool {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    plain && text.len() <= 255 && kinds.iter().any(|kind| text.starts_with(kind))
}

/// Reads the keys, asks the processor about the account, and registers our address for its events.
pub async fn try_stripe(
    house: &House,
    practice: &Practice,
    posted: &Posted,
    base: &str,
) -> Tried<Shop> {
    let secret = posted.text("stripe_secret_key").trim();
    let public = posted.text("stripe_publishable_key").trim();
    if !key_is(secret, &["sk_live_", "rk_live_", "sk_test_", "rk_test_"]) {
        let words =
            "Enter the secret key: it begins with sk_live_, rk_live_, sk_test_ or rk_test_.";
        return Ok(Err(Unfit::new("stripe_secret_key", words)));
    }
    let livemode = secret.contains("_live_");
    let wanted = if livemode { "pk_live_" } else { "pk_test_" };
    if !key_is(public, &[wanted]) {
        let words = format!("Enter the publishable key of the same mode: it begins with {wanted}.");
        return Ok(Err(Unfit::new("stripe_publishable_key", words)));
    }
    let before = {
        let mut db = house.store.read().await?;
        store::merchant::load(&mut db, &practice.id).await?
    };
    let mut merchant = bare_merchant(house, secret, public, livemode);
    let timeout = house.config.vendors.timeout_ms;
    let gateway = match ready_gateway(&merchant, timeout) {
        Ok(gateway) => gateway,
        Err(cause) => return Ok(Err(shop_fault(&cause))),
    };
    let account = match gateway.retrieve_account().await {
        Ok(account) => account,
        Err(cause) => return Ok(Err(shop_fault(&cause))),
    };
    let hook = format!("{base}/webhooks/stripe/{}", practice.slug);
    let endpoint = match gateway.create_webhook_endpoint(&hook, &EVENTS).await {
        Ok(endpoint) => endpoint,
        Err(cause) => return Ok(Err(hook_fault(&cause, &hook))),
    };
    merchant.webhook_secrets = vec![endpoint.secret.expose_secret().to_owned()];
    for old in before.map(|m| m.webhook_secrets).unwrap_or_default() {
        if !merchant.webhook_secrets.contains(&old) && merchant.webhook_secrets.len() < SECRETS_KEPT
        {
            merchant.webhook_secrets.push(old);
        }
    }
    Ok(Ok(Shop { merchant, account: account.id, may_charge: account.charges_enabled }))
}

/// In the demo the stand-in, whatever was configured.
fn bare_merchant(house: &House, secret: &str, public: &str, livemode: bool) -> Merchant {
    let vendors = &house.config.vendors;
    let (base_url, js_url, checkout_origin) = match &house.demo {
        Some(demo) => {
            let base = demo.sandbox.stripe_base();
            (base.clone(), format!("{base}/endive/stripe.js"), base)
        }
        None => (
            vendors.stripe_base.clone(),
            vendors.stripe_js.clone(),
            vendors.stripe_checkout.clone(),
        ),
    };
    Merchant {
        base_url,
        secret_key: secret.to_owned(),
        publishable_key: public.to_owned(),
        webhook_secrets: Vec::new(),
        js_url,
        checkout_origin,
        account: None,
        livemode,
    }
}

fn shop_fault(cause: &GatewayError) -> Unfit {
    let words = match cause {
        GatewayError::Unauthorized => {
            "Stripe refused this key. Copy it again from Developers, API keys; a restricted key \
             needs read on Account."
                .to_owned()
        }
        GatewayError::RateLimited => "Stripe is busy. Try again in a minute.".to_owned(),
        GatewayError::Unknown(_) => {
            "Stripe could not be reached. Check that this server may open connections to \
             api.stripe.com, and try again."
                .to_owned()
        }
        other => format!("Stripe said no: {other}."),
    };
    Unfit::new("stripe_secret_key", words)
}

fn hook_fault(cause: &GatewayError, hook: &str) -> Unfit {
    let words = match cause {
        GatewayError::Unauthorized => {
            "The key works, but may not make webhook endpoints. Give it write on Webhook \
             Endpoints."
                .to_owned()
        }
        GatewayError::Refused { .. } => format!(
            "The key works, but Stripe cannot send to {hook}. Set the public address first: Stripe \
             needs https."
        ),
        other => format!("The key works, but the webhook was not made: {other}. Try again."),
    };
    Unfit::new("stripe_secret_key", words)
}

/// Makes something happen at the processor that it will tell us about: an intent nobody confirms,
/// taken back at once.
pub async fn round_trip(house: &House, merchant: &Merchant) -> Result<(), Unfit> {
    let gateway: Gateway = ready_gateway(merchant, house.config.vendors.timeout_ms)
        .map_err(|cause| shop_fault(&cause))?;
    let attempt_id: AttemptId = house.world.mint();
    let new =
        NewIntent { attempt_id: attempt_id.clone(), amount: ROUND_TRIP, currency: "usd".into() };
    let intent = gateway.create_intent(new).await.map_err(|cause| shop_fault(&cause))?;
    let cancelled = gateway.cancel_intent(&intent.id, &attempt_id).await;
    cancelled.map(|_| ()).map_err(|cause| shop_fault(&cause))
}

/// Reads a mail server and says hello to it.
pub async fn try_mail(house: &House, posted: &Posted, from: &str) -> Tried<MailServer> {
    let text = |field: &str| posted.filled(field).map(str::to_owned);
    let Some(host) = text("smtp_host").filter(|h| h.len() <= 253 && !h.contains(['/', '@', ' ']))
    else {
        return Ok(Err(Unfit::new("smtp_host", "Enter the mail server's name.")));
    };
    let Some(port) = posted.text("smtp_port").trim().parse::<u16>().ok().filter(|p| *p > 0) else {
        return Ok(Err(Unfit::new("smtp_port", "Enter a port, usually 587 or 465.")));
    };
    let tls = match posted.text("smtp_tls") {
        tls @ ("none" | "implicit" | "starttls") => tls.to_owned(),
        _ => return Ok(Err(Unfit::new("smtp_tls", "Choose the kind of encryption."))),
    };
    let server = MailServer {
        host,
        port,
        tls,
        username: text("smtp_username"),
        password: Some(posted.text("smtp_password").to_owned()).filter(|p| !p.is_empty()),
        dkim_selector: text("dkim_selector"),
        dkim_key: text("dkim_key"),
    };
    if server.dkim_selector.is_some() != server.dkim_key.is_some() {
        return Ok(Err(Unfit::new("dkim_key", "Selector and key go together.")));
    }
    let answered = hello(&server, from, house.config.vendors.timeout_ms).await;
    Ok(answered.map(|()| server))
}

/// Connects and signs in; sends nothing.
async fn hello(server: &MailServer, from: &str, timeout_ms: u64) -> Result<(), Unfit> {
    let smtp = channels::smtp(server, from, timeout_ms)
        .map_err(|cause| Unfit::new("smtp_host", format!("That cannot work: {}.", cause.0)))?;
    smtp.test_connection().await.map_err(|cause| match cause {
        ChannelError::Refused { code, cause: RefusalCause::SenderFault } => {
            let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
            let words = format!("The mail server refused the user name or password{code}.");
            Unfit::new("smtp_password", words)
        }
        ChannelError::Refused { code, .. } => {
            let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
            Unfit::new("smtp_host", format!("The mail server refused us{code}."))
        }
        ChannelError::Retry { .. } | ChannelError::Unknown { .. } => Unfit::new(
            "smtp_host",
            "The mail server does not answer. Check its name, the port and the encryption.",
        ),
    })
}

/// Reads a texting account and asks it something.
pub async fn try_texts(house: &House, posted: &Posted) -> Tried<TextAccount> {
    let sid = posted.text("twilio_account_sid").trim();
    if !(sid.starts_with("AC") && sid.len() == 34 && sid.bytes().all(|b| b.is_ascii_alphanumeric()))
    {
        let words = "Enter the Account SID: AC and 32 characters.";
        return Ok(Err(Unfit::new("twilio_account_sid", words)));
    }
    let token = posted.text("twilio_auth_token").trim();
    if token.is_empty() {
        return Ok(Err(Unfit::new("twilio_auth_token", "Enter the auth token.")));
    }
    let service = posted.filled("twilio_service_sid");
    if service.is_some_and(|s| !s.starts_with("MG") || s.len() != 34) {
        let words = "Enter the service's SID: MG and 32 characters, or leave it empty.";
        return Ok(Err(Unfit::new("twilio_service_sid", words)));
    }
    let account = TextAccount {
        base_url: match &house.demo {
            Some(demo) => demo.sandbox.twilio_base(),
            None => house.config.vendors.twilio_base.clone(),
        },
        account_sid: sid.to_owned(),
        auth_token: token.to_owned(),
        service_sid: service.map(str::to_owned),
    };
    let twilio = match twilio(house, &account) {
        Ok(twilio) => twilio,
        Err(unfit) => return Ok(Err(unfit)),
    };
    let asked = twilio.find_number(ANY_NUMBER).await;
    Ok(asked.map(|_| account).map_err(|cause| texts_fault(&cause)))
}

/// The key with which an email service signs what it reports. There is nobody to ask: it either is
/// such a key or not.
pub fn try_mail_events(posted: &Posted) -> Result<String, Unfit> {
    let key = posted.text("mail_events_key").trim();
    match EventKey::parse(key) {
        Some(_) => Ok(key.to_owned()),
        None => Err(Unfit::new(
            "mail_events_key",
            "That is no verification key. It begins with MFkw and is 124 characters long.",
        )),
    }
}

/// Reads a fax account and asks it something; sends nothing.
pub async fn try_faxes(house: &House, posted: &Posted) -> Tried<FaxAccount> {
    let Some(username) = posted.filled("interfax_username") else {
        return Ok(Err(Unfit::new("interfax_username", "Enter the user name.")));
    };
    let password = posted.text("interfax_password");
    if password.is_empty() {
        return Ok(Err(Unfit::new("interfax_password", "Enter the password.")));
    }
    let account = FaxAccount {
        base_url: match &house.demo {
            Some(demo) => demo.sandbox.interfax_base(),
            None => house.config.vendors.interfax_base.clone(),
        },
        username: username.to_owned(),
        password: password.to_owned(),
    };
    let made = channels::interfax(&account, house.config.vendors.timeout_ms);
    let made = match made {
        Ok(made) => made,
        Err(cause) => {
            let words = format!("That cannot work: {}.", cause.0);
            return Ok(Err(Unfit::new("interfax_username", words)));
        }
    };
    let asked = made.check().await;
    Ok(asked.map(|()| account).map_err(|cause| match cause {
        ChannelError::Refused { cause: RefusalCause::SenderFault, .. } => Unfit::new(
            "interfax_password",
            "InterFAX refused the user name or the password. Enter both again.",
        ),
        ChannelError::Refused { code, .. } => {
            let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
            Unfit::new("interfax_username", format!("InterFAX said no{code}."))
        }
        ChannelError::Retry { .. } | ChannelError::Unknown { .. } => Unfit::new(
            "interfax_username",
            "InterFAX could not be reached. Check that this server may open connections to \
             rest.interfax.net, and try again.",
        ),
    }))
}

/// The account as something that can be asked; it sends nothing here.
pub fn twilio(house: &House, account: &TextAccount) -> Result<Twilio, Unfit> {
    let made = Twilio::new(TwilioOptions {
        base_url: account.base_url.clone(),
        account_sid: account.account_sid.clone(),
        auth_token: account.auth_token.clone().into(),
        sender: Sender::From(String::new()),
        status_callback: None,
        timeout_ms: house.config.vendors.timeout_ms,
    });
    made.map_err(|cause| {
        Unfit::new("twilio_account_sid", format!("That cannot work: {}.", cause.0))
    })
}

pub fn texts_fault(cause: &ChannelError) -> Unfit {
    let said = |code: &Option<i64>| code.map(|code| format!(" ({code})")).unwrap_or_default();
    match cause {
        ChannelError::Refused { code, cause: RefusalCause::SenderFault } => Unfit::new(
            "twilio_auth_token",
            format!("Twilio refused the account SID or the token{}. Copy both again.", said(code)),
        ),
        ChannelError::Refused { code, .. } => {
            Unfit::new("twilio_account_sid", format!("Twilio said no{}.", said(code)))
        }
        ChannelError::Retry { .. } | ChannelError::Unknown { .. } => Unfit::new(
            "twilio_account_sid",
            "Twilio could not be reached. Check that this server may open connections to \
             api.twilio.com, and try again.",
        ),
    }
}

/// `Live mode` or `Test mode`.
pub fn mode(merchant: &Merchant) -> &'static str {
    if merchant.livemode { "Live mode" } else { "Test mode" }
}
