//! Amounts of money.

use domain::money::Cents;
use leptos::prelude::*;

/// `$1,082.50`, in figures of equal width.
pub fn money(amount: Cents) -> AnyView {
    view! { <span class="money">{amount.to_string()}</span> }.into_any()
}
