//! Choosing: radio groups, single checkboxes, selects.

use leptos::prelude::*;

use super::field::{described_by, under};

/// One answer of a group.
pub struct Radio {
    value: String,
    label: String,
    hint: Option<String>,
    /// Fields that belong to this answer and stand under it.
    inside: Option<AnyView>,
}

impl Radio {
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into(), hint: None, inside: None }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn inside(mut self, view: impl IntoRender<Output = AnyView>) -> Self {
        self.inside = Some(view.into_render());
        self
    }
}

/// A question with one answer.
pub struct RadioGroup {
    name: String,
    legend: String,
    chosen: String,
    answers: Vec<Radio>,
    error: Option<String>,
}

impl RadioGroup {
    pub fn new(name: impl Into<String>, legend: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            legend: legend.into(),
            chosen: String::new(),
            answers: Vec::new(),
            error: None,
        }
    }

    #[must_use]
    pub fn chosen(mut self, value: impl Into<String>) -> Self {
        self.chosen = value.into();
        self
    }

    #[must_use]
    pub fn answer(mut self, answer: Radio) -> Self {
        self.answers.push(answer);
        self
    }

    #[must_use]
    pub fn error(mut self, error: Option<String>) -> Self {
        self.error = error;
        self
    }

    pub fn view(self) -> AnyView {
        let group = format!("f-{}", self.name);
        let described = described_by(&group, false, self.error.is_some());
        let class = if self.error.is_some() { "choices bad" } else { "choices" };
        let answers: Vec<AnyView> = self
            .answers
            .into_iter()
            .enumerate()
            .map(|(at, answer)| {
                // The summary's link to the group lands on its first answer.
                let id = if at == 0 { group.clone() } else { format!("{group}-{at}") };
                let hint = answer.hint.map(|text| view! { <span class="hint">{text}</span> });
                let checked = answer.value == self.chosen;
                view! {
                    <div class="choice">
                        <label for=id.clone()>
                            <input
                                type="radio"
                                id=id.clone()
                                name=self.name.clone()
                                value=answer.value
                                checked=checked
                            />
                            <span>{answer.label}{hint}</span>
                        </label>
                        {answer.inside}
                    </div>
                }
                .into_any()
            })
            .collect();
        view! {
            <fieldset class=class aria-describedby=described>
                <legend>{self.legend}</legend>
                {under(&group, None, self.error)}
                {answers}
            </fieldset>
        }
        .into_any()
    }
}

renders!(RadioGroup);

/// One thing that can be so or not.
#[derive(Clone, Debug)]
pub struct Checkbox {
    name: String,
    value: String,
    label: String,
    hint: Option<String>,
    checked: bool,
    disabled: bool,
    id: Option<String>,
}

impl Checkbox {
    /// Sends `name=on` when it is so.
    pub fn new(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: "on".to_owned(),
            label: label.into(),
            hint: None,
            checked: false,
            disabled: false,
            id: None,
        }
    }

    /// For several boxes of one name; makes the id `f-{name}-{value}`.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self.id = Some(format!("f-{}-{}", self.name, self.value));
        self
    }

    #[must_use]
    pub const fn checked(mut self, checked: bool) -> Self {
        self.checked = checked;
        self
    }

    #[must_use]
    pub const fn disabled(mut self, disabled: bool) -> Self {
        self.disabled = disabled;
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub fn view(self) -> AnyView {
        let id = self.id.unwrap_or_else(|| format!("f-{}", self.name));
        let hint = self.hint.map(|text| view! { <span class="hint">{text}</span> });
        view! {
            <div class="choice">
                <label for=id.clone()>
                    <input
                        type="checkbox"
                        id=id.clone()
                        name=self.name
                        value=self.value
                        checked=self.checked
                        disabled=self.disabled
                    />
                    <span>{self.label}{hint}</span>
                </label>
            </div>
        }
        .into_any()
    }
}

renders!(Checkbox);

/// A list to choose one of.
#[derive(Clone, Debug)]
pub struct Select {
    name: String,
    label: String,
    options: Vec<(String, String)>,
    chosen: String,
    hint: Option<String>,
    error: Option<String>,
}

impl Select {
    pub fn new(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            label: label.into(),
            options: Vec::new(),
            chosen: String::new(),
            hint: None,
            error: None,
        }
    }

    #[must_use]
    pub fn option(mut self, value: impl Into<String>, label: impl Into<String>) -> Self {
        self.options.push((value.into(), label.into()));
        self
    }

    #[must_use]
    pub fn options<V: Into<String>, L: Into<String>>(
        mut self,
        options: impl IntoIterator<Item = (V, L)>,
    ) -> Self {
        self.options.extend(options.into_iter().map(|(v, l)| (v.into(), l.into())));
        self
    }

    #[must_use]
    pub fn chosen(mut self, value: impl Into<String>) -> Self {
        self.chosen = value.into();
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

    pub fn view(self) -> AnyView {
        let id = format!("f-{}", self.name);
        let described = described_by(&id, self.hint.is_some(), self.error.is_some());
        let invalid = self.error.is_some().then_some("true");
        let class = if self.error.is_some() { "field bad" } else { "field" };
        let options: Vec<AnyView> = self
            .options
            .into_iter()
            .map(|(value, label)| {
                let selected = value == self.chosen;
                view! { <option value=value selected=selected>{label}</option> }.into_any()
            })
            .collect();
        view! {
            <div class=class>
                <label for=id.clone()>{self.label}</label>
                {under(&id, self.hint, self.error)}
                <select id=id.clone() name=self.name aria-invalid=invalid aria-describedby=described>
                    {options}
                </select>
            </div>
        }
        .into_any()
    }
}

renders!(Select);
