//! A labelled field with its hint, its error and what helps a phone's keyboard and memory.

use leptos::prelude::*;

use crate::document::escaped;

/// One `<input>`. Its id is `f-{name}`, which the error summary links to.
#[derive(Clone, Debug)]
pub struct Field {
    name: String,
    label: String,
    kind: &'static str,
    value: Option<String>,
    hint: Option<String>,
    error: Option<String>,
    autocomplete: Option<&'static str>,
    inputmode: Option<&'static str>,
    maxlength: Option<usize>,
    required: bool,
    width: &'static str,
    prefix: Option<&'static str>,
    disabled: bool,
}

impl Field {
    pub fn text(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            label: label.into(),
            kind: "text",
            value: None,
            hint: None,
            error: None,
            autocomplete: None,
            inputmode: None,
            maxlength: Some(200),
            required: false,
            width: "wide",
            prefix: None,
            disabled: false,
        }
    }

    fn of_kind(kind: &'static str, name: impl Into<String>, label: impl Into<String>) -> Self {
        Self { kind, ..Self::text(name, label) }
    }

    pub fn email(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::of_kind("email", name, label).autocomplete("email").maxlength(254)
    }

    /// Never shows what was typed before.
    pub fn password(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::of_kind("password", name, label).maxlength(128)
    }

    pub fn phone(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::of_kind("tel", name, label).autocomplete("tel").maxlength(40)
    }

    pub fn search(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::of_kind("search", name, label)
    }

    pub fn date(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::of_kind("date", name, label).narrow()
    }

    pub fn file(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self { maxlength: None, ..Self::of_kind("file", name, label) }
    }

    /// Dollars and cents as text: a number field would eat what it does not understand.
    pub fn amount(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self { prefix: Some("$"), ..Self::text(name, label) }
            .inputmode("decimal")
            .narrow()
            .maxlength(16)
    }

    /// Digits that are no quantity: a code, a day, the last four.
    pub fn digits(name: impl Into<String>, label: impl Into<String>, count: usize) -> Self {
        Self::text(name, label).inputmode("numeric").narrow().maxlength(count)
    }

    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into()).filter(|value| !value.is_empty());
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn error(mut self, error: Option<String>) -> Self {
        self.error = error;
        self
    }

    #[must_use]
    pub const fn autocomplete(mut self, token: &'static str) -> Self {
        self.autocomplete = Some(token);
        self
    }

    #[must_use]
    pub const fn inputmode(mut self, mode: &'static str) -> Self {
        self.inputmode = Some(mode);
        self
    }

    #[must_use]
    pub const fn maxlength(mut self, characters: usize) -> Self {
        self.maxlength = Some(characters);
        self
    }

    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    #[must_use]
    pub const fn disabled(mut self, disabled: bool) -> Self {
        self.disabled = disabled;
        self
    }

    /// As wide as a date or an amount.
    #[must_use]
    pub const fn narrow(mut self) -> Self {
        self.width = "narrow";
        self
    }

    pub fn view(self) -> AnyView {
        let id = format!("f-{}", self.name);
        let described = described_by(&id, self.hint.is_some(), self.error.is_some());
        let invalid = self.error.is_some().then_some("true");
        let class = if self.error.is_some() { "field bad" } else { "field" };
        let value = self.value.filter(|_| self.kind != "password" && self.kind != "file");
        let input = view! {
            <input
                id=id.clone()
                class=self.width
                name=self.name
                type=self.kind
                value=value
                autocomplete=self.autocomplete
                inputmode=self.inputmode
                maxlength=self.maxlength.map(|n| n.to_string())
                required=self.required
                disabled=self.disabled
                aria-invalid=invalid
                aria-describedby=described
            />
        };
        let input = match self.prefix {
            Some(prefix) => view! {
                <span class="prefixed"><span aria-hidden="true">{prefix}</span>{input}</span>
            }
            .into_any(),
            None => input.into_any(),
        };
        view! {
            <div class=class>
                <label for=id.clone()>{self.label}</label>
                {under(&id, self.hint, self.error)}
                {input}
            </div>
        }
        .into_any()
    }
}

renders!(Field);

/// Several lines of text.
#[derive(Clone, Debug)]
pub struct TextArea {
    name: String,
    label: String,
    value: Option<String>,
    hint: Option<String>,
    error: Option<String>,
    rows: u32,
    maxlength: usize,
    required: bool,
}

impl TextArea {
    pub fn new(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            label: label.into(),
            value: None,
            hint: None,
            error: None,
            rows: 4,
            maxlength: 2000,
            required: false,
        }
    }

    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into()).filter(|value| !value.is_empty());
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn error(mut self, error: Option<String>) -> Self {
        self.error = error;
        self
    }

    #[must_use]
    pub const fn rows(mut self, rows: u32) -> Self {
        self.rows = rows;
        self
    }

    #[must_use]
    pub const fn maxlength(mut self, characters: usize) -> Self {
        self.maxlength = characters;
        self
    }

    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub fn view(self) -> AnyView {
        let id = format!("f-{}", self.name);
        let described = described_by(&id, self.hint.is_some(), self.error.is_some());
        let invalid = self.error.is_some().then_some("true");
        let class = if self.error.is_some() { "field bad" } else { "field" };
        // Leptos does not escape the children of a `<textarea>`, so this is the only one there is.
        let value = self.value.map(|typed| escaped(&typed));
        view! {
            <div class=class>
                <label for=id.clone()>{self.label}</label>
                {under(&id, self.hint, self.error)}
                <textarea
                    id=id.clone()
                    class="wide"
                    name=self.name
                    rows=self.rows.to_string()
                    maxlength=self.maxlength.to_string()
                    required=self.required
                    aria-invalid=invalid
                    aria-describedby=described
                >
                    {value}
                </textarea>
            </div>
        }
        .into_any()
    }
}

renders!(TextArea);

/// Hint and error between the label and the input, where a phone's keyboard does not cover them.
pub(super) fn under(id: &str, hint: Option<String>, error: Option<String>) -> AnyView {
    let hint = hint.map(|text| {
        let id = format!("{id}-hint");
        view! { <p class="hint" id=id>{text}</p> }
    });
    let error = error.map(|text| {
        let id = format!("{id}-error");
        view! { <p class="error" id=id>{text}</p> }
    });
    view! { {hint}{error} }.into_any()
}

pub(super) fn described_by(id: &str, hint: bool, error: bool) -> Option<String> {
    match (hint, error) {
        (false, false) => None,
        (true, false) => Some(format!("{id}-hint")),
        (false, true) => Some(format!("{id}-error")),
        (true, true) => Some(format!("{id}-error {id}-hint")),
    }
}
