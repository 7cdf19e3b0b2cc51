//! The calls, one method each.

use std::{collections::HashMap, time::Duration};

use domain::{id::AttemptId, money::Cents};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use stripe::{Client, ClientBuilder, IdempotencyKey, RequestStrategy, StripeRequest};
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionAdaptivePricing,
    CreateCheckoutSessionAllowedPaymentMethodTypes as CheckoutMethod,
    CreateCheckoutSessionLineItems, CreateCheckoutSessionLineItemsPriceData,
    CreateCheckoutSessionPaymentIntentData, ExpireCheckoutSession, ProductData,
    RetrieveCheckoutSession,
};
use stripe_client_core::{RequestBuilder, StripeMethod};
use stripe_core::{
    payment_intent::{
        CancelPaymentIntent, CreatePaymentIntent, ListPaymentIntent, RetrievePaymentIntent,
    },
    refund::{CreateRefund, CreateRefundReason, ListRefund, RetrieveRefund},
};
use stripe_shared::{
    CheckoutSessionLocale, CheckoutSessionMode,
    PaymentIntentAllowedPaymentMethodTypes as IntentMethod,
};
use stripe_types::{Currency, RangeQueryTs};

use crate::{
    API_VERSION, ATTEMPT_KEY, REFUND_KEY,
    answer::{Account, Checkout, Dispute, Intent, Page, Refund, RefundReason, WebhookEndpoint},
    failure::{GatewayError, from_stripe},
    wire::{
        Answer, WireAccount, WireCheckout, WireDispute, WireIntent, WireList, WireRefund,
        WireWebhookEndpoint,
    },
};

/// The largest page the processor gives.
const PAGE_LIMIT: i64 = 100;
const CHARGE: &str = "latest_charge";

#[derive(Clone, Debug)]
pub struct GatewayOptions {
    /// `https://api.stripe.com`; plain http only to this machine, because the key travels with it.
    pub base_url: String,
    pub secret_key: SecretString,
    /// A connected account (`acct_…`) on whose behalf to act.
    pub account: Option<String>,
    /// For one whole request, connecting included.
    pub timeout_ms: u64,
}

#[derive(Clone, Debug)]
pub struct NewIntent {
    /// Also the idempotency key.
    pub attempt_id: AttemptId,
    pub amount: Cents,
    /// Lower case ISO code.
    pub currency: String,
}

#[derive(Clone, Debug)]
pub struct NewCheckout {
    pub attempt_id: AttemptId,
    pub amount: Cents,
    pub currency: String,
    /// What the payer reads beside the amount: "Payment to {alias}". Nothing about the bill.
    pub label: String,
    pub success_url: String,
    pub cancel_url: String,
    /// Between 30 minutes and 24 hours from now.
    pub expires_at_unix_s: i64,
    /// `en`, `es`; anything the processor does not speak becomes the browser's language.
    pub locale: String,
}

#[derive(Clone, Debug)]
pub struct NewRefund {
    /// `{attempt}:refund:{n}`: the idempotency key, and kept as metadata to find the refund again.
    pub key: String,
    pub intent_id: String,
    pub amount: Cents,
    pub reason: RefundReason,
}

/// One account at the processor. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    client: Client,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}

impl Gateway {
    pub fn new(options: GatewayOptions) -> Result<Self, GatewayError> {
        crate::install_tls();
        // The client glues `v1/…` onto the address.
        let base = format!("{}/", options.base_url.trim_end_matches('/'));
        if !is_safe_to_send_keys_to(&base) {
            return Err(GatewayError::Misconfigured("base address must be https"));
        }
        if options.timeout_ms == 0 {
            return Err(GatewayError::Misconfigured("timeout must not be zero"));
        }
        let mut builder = ClientBuilder::new(options.secret_key.expose_secret())
            .url(base)
            .request_strategy(RequestStrategy::Once)
            .timeout(Duration::from_millis(options.timeout_ms));
        if let Some(account) = options.account {
            builder = builder.account_id(account.into());
        }
        let client =
            builder.build().map_err(|_| GatewayError::Misconfigured("key, account or address"))?;
        Ok(Self { client })
    }

    /// Key: the attempt id. Cards and the wallets that ride on them, nothing that settles later.
    pub async fn create_intent(&self, new: NewIntent) -> Result<Intent, GatewayError> {
        let request = CreatePaymentIntent::new(new.amount.0, currency(&new.currency))
            .allowed_payment_method_types(vec![IntentMethod::Card])
            .metadata(metadata(ATTEMPT_KEY, new.attempt_id.as_str()));
        self.post::<WireIntent>(request.build(), new.attempt_id.as_str().to_owned()).await
    }

    /// With its latest charge: card, refunds and disputes are known.
    pub async fn fetch_intent(&self, id: &str) -> Result<Intent, GatewayError> {
        let request = RetrievePaymentIntent::new(checked(id)?).expand(vec![CHARGE.to_owned()]);
        let intent = self.get::<WireIntent>(request.build()).await?;
        same(&intent.id, id)?;
        Ok(intent)
    }

    /// Key: `{attempt}:cancel`. [`GatewayError::WrongState`] when it can no longer be cancelled:
    /// fetch it, it may have succeeded.
    pub async fn cancel_intent(
        &self,
        id: &str,
        attempt_id: &AttemptId,
    ) -> Result<Intent, GatewayError> {
        let request = CancelPaymentIntent::new(checked(id)?);
        let intent =
            self.post::<WireIntent>(request.build(), format!("{attempt_id}:cancel")).await?;
        same(&intent.id, id)?;
        Ok(intent)
    }

    /// A cancel without a key. The processor repeats its first answer to a key for a day, also a 500
    /// or "wrong state", so a keyed cancel that met either is of no use to an intent that is open
    /// now: after fetching one that [can be cancelled](crate::IntentStatus::can_be_cancelled), use
    /// this. A cancel ends the same however often it is sent, so it needs no key to be safe.
    pub async fn cancel_intent_anew(&self, id: &str) -> Result<Intent, GatewayError> {
        let request = CancelPaymentIntent::new(checked(id)?);
        let intent = self.send::<WireIntent>(request.build(), RequestStrategy::Once).await?;
        same(&intent.id, id)?;
        Ok(intent)
    }

    /// Key: `{attempt}:checkout`. The intent it makes later carries the attempt id as well.
    pub async fn create_checkout(&self, new: NewCheckout) -> Result<Checkout, GatewayError> {
        let tag = metadata(ATTEMPT_KEY, new.attempt_id.as_str());
        let mut price = CreateCheckoutSessionLineItemsPriceData::new(currency(&new.currency));
        price.unit_amount = Some(new.amount.0);
        price.product_data = Some(ProductData::new(new.label));
        let mut line = CreateCheckoutSessionLineItems::new();
        line.price_data = Some(price);
        line.quantity = Some(1);
        let mut intent = CreateCheckoutSessionPaymentIntentData::new();
        intent.metadata = Some(tag.clone());
        // A payer abroad pays the bill's own currency: the settled amount must equal the attempt's.
        let mut pricing = CreateCheckoutSessionAdaptivePricing::new();
        pricing.enabled = Some(false);
        let request = CreateCheckoutSession::new()
            .mode(CheckoutSessionMode::Payment)
            .allowed_payment_method_types(vec![CheckoutMethod::Card])
            .line_items(vec![line])
            .payment_intent_data(intent)
            .metadata(tag)
            .adaptive_pricing(pricing)
            .success_url(new.success_url)
            .cancel_url(new.cancel_url)
            .expires_at(new.expires_at_unix_s)
            .locale(locale(&new.locale));
        let key = format!("{}:checkout", new.attempt_id);
        self.post::<WireCheckout>(request.build(), key).await
    }

    pub async fn fetch_checkout(&self, id: &str) -> Result<Checkout, GatewayError> {
        let request = RetrieveCheckoutSession::new(checked(id)?);
        let checkout = self.get::<WireCheckout>(request.build()).await?;
        same(&checkout.id, id)?;
        Ok(checkout)
    }

    /// Key: `{attempt}:expire`. [`GatewayError::WrongState`] when it is no longer open.
    pub async fn expire_checkout(
        &self,
        id: &str,
        attempt_id: &AttemptId,
    ) -> Result<Checkout, GatewayError> {
        let key = idempotency_key(format!("{attempt_id}:expire"))?;
        self.expire(id, RequestStrategy::Idempotent(key)).await
    }

    /// An expiry without a key, for the reason of [`Gateway::cancel_intent_anew`].
    pub async fn expire_checkout_anew(&self, id: &str) -> Result<Checkout, GatewayError> {
        self.expire(id, RequestStrategy::Once).await
    }

    async fn expire(&self, id: &str, strategy: RequestStrategy) -> Result<Checkout, GatewayError> {
        let request = ExpireCheckoutSession::new(checked(id)?);
        let answer = self.send::<WireCheckout>(request.build(), strategy).await;
        let checkout = answer.map_err(|error| match error {
            // The request has no parameters: when it is invalid, the session's state is at fault.
            // The processor gives this case no code of its own.
            GatewayError::Refused { code, param: None } => GatewayError::WrongState { code },
            other => other,
        })?;
        same(&checkout.id, id)?;
        Ok(checkout)
    }

    pub async fn refund(&self, new: NewRefund) -> Result<Refund, GatewayError> {
        let request = CreateRefund::new()
            .payment_intent(new.intent_id)
            .amount(new.amount.0)
            .reason(match new.reason {
                RefundReason::RequestedByPayer => CreateRefundReason::RequestedByCustomer,
                RefundReason::Duplicate => CreateRefundReason::Duplicate,
                RefundReason::Fraudulent => CreateRefundReason::Fraudulent,
            })
            .metadata(metadata(REFUND_KEY, &new.key));
        self.post::<WireRefund>(request.build(), new.key).await
    }

    pub async fn fetch_refund(&self, id: &str) -> Result<Refund, GatewayError> {
        let request = RetrieveRefund::new(checked(id)?);
        let refund = self.get::<WireRefund>(request.build()).await?;
        same(&refund.id, id)?;
        Ok(refund)
    }

    /// The newest hundred refunds of an intent, ours and those made at the processor's dashboard.
    pub async fn list_refunds(&self, intent_id: &str) -> Result<Page<Refund>, GatewayError> {
        let request = ListRefund::new().payment_intent(intent_id).limit(PAGE_LIMIT);
        self.get::<WireList<WireRefund>>(request.build()).await
    }

    /// Every dispute of an intent: there may be several, one after the other.
    pub async fn list_disputes_of(&self, intent_id: &str) -> Result<Page<Dispute>, GatewayError> {
        #[derive(Serialize)]
        struct Query<'a> {
            payment_intent: &'a str,
            limit: i64,
        }
        let query = Query { payment_intent: checked(intent_id)?, limit: PAGE_LIMIT };
        let request = RequestBuilder::new(StripeMethod::Get, "/disputes").query(&query);
        self.get::<WireList<WireDispute>>(request).await
    }

    /// Disputes that began since then, newest first: for reconciliation.
    pub async fn list_disputes(
        &self,
        created_gte_unix_s: i64,
        cursor: Option<&str>,
    ) -> Result<Page<Dispute>, GatewayError> {
        #[derive(Serialize)]
        struct Query<'a> {
            created: RangeQueryTs,
            limit: i64,
            #[serde(skip_serializing_if = "Option::is_none")]
            starting_after: Option<&'a str>,
        }
        let query = Query {
            created: RangeQueryTs::gte(created_gte_unix_s),
            limit: PAGE_LIMIT,
            starting_after: cursor.map(checked).transpose()?,
        };
        let request = RequestBuilder::new(StripeMethod::Get, "/disputes").query(&query);
        self.get::<WireList<WireDispute>>(request).await
    }

    /// Intents created since then, newest first, with their charges: for reconciliation.
    pub async fn list_intents(
        &self,
        created_gte_unix_s: i64,
        cursor: Option<&str>,
    ) -> Result<Page<Intent>, GatewayError> {
        let mut request = ListPaymentIntent::new()
            .created(RangeQueryTs::gte(created_gte_unix_s))
            .expand(vec![format!("data.{CHARGE}")])
            .limit(PAGE_LIMIT);
        if let Some(cursor) = cursor {
            request = request.starting_after(checked(cursor)?);
        }
        self.get::<WireList<WireIntent>>(request.build()).await
    }

    /// The account behind the key: does the key work, may it take money.
    pub async fn retrieve_account(&self) -> Result<Account, GatewayError> {
        self.get::<WireAccount>(RequestBuilder::new(StripeMethod::Get, "/account")).await
    }

    /// Registers our address for webhooks, pinned to [`API_VERSION`]. Registering the same address
    /// twice makes two endpoints, so the key is derived from the address.
    pub async fn create_webhook_endpoint(
        &self,
        url: &str,
        events: &[&str],
    ) -> Result<WebhookEndpoint, GatewayError> {
        #[derive(Serialize)]
        struct Form<'a> {
            url: &'a str,
            enabled_events: &'a [&'a str],
            api_version: &'a str,
        }
        let form = Form { url, enabled_events: events, api_version: API_VERSION };
        let request = RequestBuilder::new(StripeMethod::Post, "/webhook_endpoints").form(&form);
        let key = crate::webhook::fingerprint(&[url, &events.join(","), API_VERSION]);
        self.post::<WireWebhookEndpoint>(request, format!("webhook:{key}")).await
    }

    async fn post<A: Answer>(
        &self,
        request: RequestBuilder,
        key: String,
    ) -> Result<A::Ours, GatewayError> {
        self.send::<A>(request, RequestStrategy::Idempotent(idempotency_key(key)?)).await
    }

    async fn get<A: Answer>(&self, request: RequestBuilder) -> Result<A::Ours, GatewayError> {
        self.send::<A>(request, RequestStrategy::Once).await
    }

    async fn send<A: Answer>(
        &self,
        request: RequestBuilder,
        strategy: RequestStrategy,
    ) -> Result<A::Ours, GatewayError> {
        let answer = request.customize::<A>().request_strategy(strategy).send(&self.client).await;
        answer.map_err(from_stripe)?.into_ours()
    }
}

fn idempotency_key(text: String) -> Result<IdempotencyKey, GatewayError> {
    IdempotencyKey::new(text)
        .map_err(|_| GatewayError::Misconfigured("idempotency key longer than 255"))
}

fn currency(code: &str) -> Currency {
    match code.to_ascii_lowercase().parse() {
        Ok(currency) => currency,
        Err(never) => match never {},
    }
}

fn locale(language: &str) -> CheckoutSessionLocale {
    match language.parse() {
        Ok(CheckoutSessionLocale::Unknown(_)) => CheckoutSessionLocale::Auto,
        Ok(known) => known,
        Err(never) => match never {},
    }
}

fn metadata(key: &str, value: &str) -> HashMap<String, String> {
    HashMap::from([(key.to_owned(), value.to_owned())])
}

/// Ids become part of a path, and some arrive by webhook: a path is not theirs to write.
fn checked(id: &str) -> Result<&str, GatewayError> {
    let plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain && !id.is_empty() && id.len() <= 255 { Ok(id) } else { Err(GatewayError::NotFound) }
}

fn same(answered: &str, asked: &str) -> Result<(), GatewayError> {
    if answered == asked { Ok(()) } else { Err(GatewayError::Unknown("another object answered")) }
}

/// https, or plain http to a loopback address.
fn is_safe_to_send_keys_to(base: &str) -> bool {
    if base.starts_with("https://") {
        return true;
    }
    let Some(rest) = base.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(base_url: &str) -> GatewayOptions {
        GatewayOptions {
            base_url: base_url.into(),
            secret_key: "sk_test_secret_of_the_practice".into(),
            account: None,
            timeout_ms: 1_000,
        }
    }

    #[test]
    fn a_key_is_never_sent_in_the_clear_over_a_network() {
        for bad in
            ["http://api.stripe.com", "http://localhost.evil.example", "http://a@127.0.0.1:1", ""]
        {
            assert!(Gateway::new(options(bad)).is_err(), "{bad}");
        }
        for good in [
            "https://api.stripe.com/",
            "http://127.0.0.1:12111",
            "http://[::1]:9",
            "http://localhost:1",
        ] {
            assert!(Gateway::new(options(good)).is_ok(), "{good}");
        }
    }

    #[test]
    fn neither_options_nor_gateway_print_the_key() {
        let options = options("https://api.stripe.com");
        assert!(!format!("{options:?}").contains("secret_of_the_practice"));
        let gateway = Gateway::new(options).expect("valid options");
        assert!(!format!("{gateway:?}").contains("secret_of_the_practice"));
    }

    #[test]
    fn an_id_cannot_leave_its_place_in_the_path() {
        for bad in ["", "pi_1/cancel", "../account", "pi_1?expand[]=customer", "pi 1"] {
            assert!(checked(bad).is_err(), "{bad}");
        }
        assert!(checked("cs_test_a1B2").is_ok());
    }

    #[test]
    fn a_language_the_processor_does_not_speak_is_left_to_the_browser() {
        assert_eq!(locale("es").as_str(), "es");
        assert_eq!(locale("tlh").as_str(), "auto");
    }
}
