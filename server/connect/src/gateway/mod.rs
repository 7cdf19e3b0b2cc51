//! Card payments. One vendor so far, so the vendor's crate already speaks our words and this module
//! only gives them their place: `payments` names `connect::gateway`, never Stripe.

pub use connect_stripe::{
    API_VERSION, Account, Card, Checkout, CheckoutStatus, Decline, Dispute, Gateway, GatewayError,
    GatewayOptions, Intent, IntentStatus, NewCheckout, NewIntent, NewRefund, Page, Refund,
    RefundReason, RefundStatus, WebhookEndpoint, webhook,
};
