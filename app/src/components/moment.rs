//! Days and instants as `<time>`, so that machines can read them too.

use domain::clock::UnixMs;
use jiff::{civil::Date, tz::TimeZone};
use leptos::prelude::*;

use crate::{when, words::Words};

/// `Apr 12, 2026`
pub fn day(w: Words, day: Date) -> AnyView {
    view! { <time datetime=day.to_string()>{when::day(w, day)}</time> }.into_any()
}

/// `Apr 12, 9:04 AM`
pub fn instant(w: Words, at: UnixMs, zone: &TimeZone) -> AnyView {
    view! { <time datetime=when::machine(at)>{when::instant(w, at, zone)}</time> }.into_any()
}

/// `Apr 12, 2026, 9:04 AM EDT`
pub fn instant_full(w: Words, at: UnixMs, zone: &TimeZone) -> AnyView {
    view! { <time datetime=when::machine(at)>{when::instant_full(w, at, zone)}</time> }.into_any()
}
