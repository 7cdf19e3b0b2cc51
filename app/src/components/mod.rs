//! The parts pages are made of. Each is a small owned value that can stand in a `view!` block:
//! `{Field::email("email", w.t("email")).hint(…)}`. Texts come in finished, escaped on the way out.

/// Lets a component stand in a `view!` block without a call.
macro_rules! renders {
    ($name:ty) => {
        impl leptos::prelude::IntoRender for $name {
            type Output = leptos::prelude::AnyView;
            fn into_render(self) -> leptos::prelude::AnyView {
                self.view()
            }
        }
    };
}

mod badge;
mod button;
mod choice;
mod confirm;
mod errors;
mod facts;
mod field;
mod filter;
mod form;
mod meter;
mod moment;
mod money;
mod notice;
mod pager;
mod picture_code;
mod query;
mod table;
mod tabs;
mod timeline;

pub use badge::Badge;
pub use button::{Button, ButtonLink};
pub use choice::{Checkbox, Radio, RadioGroup, Select};
pub use confirm::Confirm;
pub use errors::Errors;
pub use facts::Facts;
pub use field::{Field, TextArea};
pub use filter::FilterBar;
pub use form::{Form, hidden};
pub use meter::Meter;
pub use moment::{day, instant, instant_full};
pub use money::money;
pub use notice::Notice;
pub use pager::Pager;
pub use picture_code::picture_code;
pub use query::Query;
pub use table::{Column, Row, Table};
pub use tabs::Tabs;
pub use timeline::{Moment, Timeline};

use leptos::prelude::*;

/// How a thing is meant. Colour never says it alone: the words do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Plain,
    Good,
    Warn,
    Danger,
}

impl Tone {
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Danger => "danger",
        }
    }
}

/// The page's only `h1`. With `focus`, where a page answers a POST, the reader is put there.
pub fn heading(text: impl Into<String>, focus: bool) -> AnyView {
    let text: String = text.into();
    view! { <h1 tabindex="-1" autofocus=focus>{text}</h1> }.into_any()
}

/// Words for a screen reader only.
pub fn unseen(text: impl Into<String>) -> AnyView {
    let text: String = text.into();
    view! { <span class="unseen">{text}</span> }.into_any()
}

/// A paragraph, or nothing where the text is empty.
pub fn paragraph(text: impl Into<String>) -> AnyView {
    let text: String = text.into();
    (!text.is_empty()).then(|| view! { <p>{text}</p> }).into_any()
}
