//! What stands around every patient page: whose bill this is, how to call them, the language, and
//! how to find out whether the message was real.

use leptos::prelude::*;

use crate::{
    Document, accent, assets,
    components::{Button, Form},
    render,
    words::{Lang, Words},
};

/// How a practice shows itself to patients.
#[derive(Clone, Debug)]
pub struct PracticeFace {
    /// The custom name where there is one: the legal name itself may tell what care was given.
    pub alias: String,
    /// As people write it: `(555) 010-0123`; empty when unknown.
    pub phone: String,
    /// Opening hours in one line; empty when unknown.
    pub hours: String,
    /// `#0b6157`
    pub accent: String,
}

impl PracticeFace {
    /// `tel:+15550100123`
    pub fn phone_href(&self) -> String {
        let digits: String = self.phone.chars().filter(char::is_ascii_digit).collect();
        match digits.len() {
            10 => format!("tel:+1{digits}"),
            _ => format!("tel:+{digits}"),
        }
    }
}

/// Around a patient page.
#[derive(Clone, Debug)]
pub struct PatientShell {
    pub lang: Lang,
    pub practice: PracticeFace,
    pub csrf: String,
    /// The address to show again after the language was changed: a path that answers GET.
    pub path: String,
    pub is_signed_in: bool,
}

impl PatientShell {
    pub const fn words(&self) -> Words {
        Words::new(self.lang)
    }

    /// A page. `title` is the words of its `h1` or near them, never a name.
    pub fn page(&self, title: &str, body: impl IntoView + 'static) -> String {
        self.write(title, false, &[], body.into_any())
    }

    /// A page that refuses what was sent.
    pub fn error_page(&self, title: &str, body: impl IntoView + 'static) -> String {
        self.write(title, true, &[], body.into_any())
    }

    pub(crate) fn write(
        &self,
        title: &str,
        is_error: bool,
        scripts: &[&str],
        body: AnyView,
    ) -> String {
        render(Document {
            lang: self.lang,
            title: format!("{title} · {}", self.practice.alias),
            is_error,
            stylesheets: vec![
                assets::href("patient.css").to_owned(),
                accent::href(&self.practice.accent),
            ],
            scripts: scripts.iter().map(|name| assets::href(name).to_owned()).collect(),
            body_class: "patient",
            body: self.around(body),
        })
    }

    fn around(&self, body: AnyView) -> AnyView {
        let w = self.words();
        let face = self.practice.clone();
        let phone_href = face.phone_href();
        let account = self.is_signed_in.then(|| {
            view! {
                <nav class="account-links" aria-label=w.t("nav-account")>
                    <a href="/account">{w.t("nav-bill")}</a>
                    <a href="/account/notices">{w.t("nav-notices")}</a>
                    <a href="/account/receipts">{w.t("nav-receipts")}</a>
                    <a href="/account/preferences">{w.t("nav-preferences")}</a>
                    {Form::post("/account/sign-out", &self.csrf)
                        .body(Button::quiet(w.t("sign-out")).view())}
                </nav>
            }
        });
        let phone = (!face.phone.is_empty()).then(|| {
            view! { <a class="phone" href=phone_href.clone()>{face.phone.clone()}</a> }
        });
        let call = (!face.phone.is_empty()).then(|| {
            let call = w.with("foot-call", &[("alias", face.alias.clone().into())]);
            view! { <p>{call}" "<a href=phone_href>{face.phone}</a></p> }
        });
        let hours = (!face.hours.is_empty()).then(|| {
            // The practice wrote it, in English, whatever the language of the page.
            view! { <p lang="en">{face.hours}</p> }
        });
        view! {
            <a class="skip" href="#main">{w.t("skip-to-content")}</a>
            <header class="page-head">
                <p class="alias">{face.alias.clone()}</p>
                {phone}
                {self.languages()}
            </header>
            {account}
            <main id="main">{body}</main>
            <footer class="page-foot">
                <p><a href="/check-message">{w.t("is-this-message-real")}</a></p>
                {call}
                {hours}
            </footer>
        }
        .into_any()
    }

    fn languages(&self) -> AnyView {
        let names: Vec<AnyView> = [(Lang::En, "English"), (Lang::Es, "Español")]
            .into_iter()
            .map(|(lang, name)| {
                if lang == self.lang {
                    view! { <span aria-current="true">{name}</span> }.into_any()
                } else {
                    view! { <span lang=lang.code()>{Button::quiet(name).sends("lang", lang.code())}</span> }
                        .into_any()
                }
            })
            .collect();
        Form::post("/language", &self.csrf)
            .class("languages")
            .hidden("back", &self.path)
            .body(names)
    }
}
