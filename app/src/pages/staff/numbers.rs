//! Get a Number (S-NU1): search, confirm the purchase, buy, select, save. Nothing is sent before a
//! number is selected (S-NU2).

use leptos::prelude::*;

use super::{StaffShell, settings::tabs};
use crate::components::{
    Button, ButtonLink, Column, Confirm, Errors, Field, Form, Notice, Query, Radio, RadioGroup,
    Row, Table, Tone, heading,
};

pub const PATH: &str = "/staff/settings/numbers";

/// A number that can be bought.
#[derive(Clone, Debug)]
pub struct NumberOffer {
    pub e164: String,
    /// `(512) 555-0123`
    pub friendly: String,
    pub place: String,
}

/// A number of the practice's.
#[derive(Clone, Debug)]
pub struct OwnNumber {
    pub e164: String,
    pub friendly: String,
    /// Nobody knows yet whether it was bought.
    pub is_uncertain: bool,
}

/// `/staff/settings/numbers`
#[derive(Clone, Debug)]
pub struct Numbers {
    pub area: String,
    pub contains: String,
    /// None before a search.
    pub offers: Option<Vec<NumberOffer>>,
    pub own: Vec<OwnNumber>,
    /// The number in use, E.164.
    pub current: Option<String>,
    pub errors: Errors,
}

impl Numbers {
    pub fn html(self, shell: &StaffShell) -> String {
        let is_error = !self.errors.is_empty();
        let search = Form::get(PATH).class("filters").body(view! {
            {Field::digits("area", "Area code", 3).value(self.area.clone())}
            {Field::text("contains", "Digits it should contain")
                .value(self.contains.clone())
                .narrow()
                .maxlength(10)}
            <div class="actions">{Button::secondary("Search")}</div>
        });
        let body = view! {
            {heading("Get a Number", false)}
            {tabs("texting")}
            {self.errors.summary("That did not work")}
            {self.uncertain(shell)}
            {self.selection(shell)}
            <h2>"Find a number to buy"</h2>
            <p>
                "By area code or preferred digits. The number is bought on the practice's Twilio \
                 account, and its replies and calls are pointed here: who calls it can check a \
                 message or reach the office. Before it is bought you are asked once more."
            </p>
            {search}
            {self.offers()}
        };
        if is_error {
            shell.error_page("Get a Number", body)
        } else {
            shell.page("Get a Number", body)
        }
    }

    /// Select and Save: only then is SMS ready.
    fn selection(&self, shell: &StaffShell) -> AnyView {
        let bought: Vec<&OwnNumber> = self.own.iter().filter(|one| !one.is_uncertain).collect();
        if bought.is_empty() {
            return Notice::new(Tone::Plain)
                .text("No number has been bought here yet, so nothing can be texted.")
                .view();
        }
        let none = self.current.is_none().then(|| {
            Notice::new(Tone::Warn)
                .text("No number is selected, so nothing can be texted. Select one and save.")
                .view()
        });
        let group = bought.iter().fold(
            RadioGroup::new("number", "Number we text from")
                .chosen(self.current.clone().unwrap_or_default()),
            |group, one| group.answer(Radio::new(one.e164.clone(), one.friendly.clone())),
        );
        let form =
            Form::post(format!("{PATH}/use"), &shell.csrf).class("panel narrow-page").body(view! {
                {group.error(self.errors.of("number"))}
                <div class="actions">{Button::primary("Save")}</div>
            });
        view! { <h2>"Your numbers"</h2>{none}{form} }.into_any()
    }

    fn uncertain(&self, shell: &StaffShell) -> AnyView {
        let rows: Vec<AnyView> = self
            .own
            .iter()
            .filter(|one| one.is_uncertain)
            .map(|one| {
                let words = format!(
                    "Nobody knows yet whether {} was bought. It is looked up, not bought again.",
                    one.friendly
                );
                let look = Form::post(format!("{PATH}/look"), &shell.csrf)
                    .hidden("number", one.e164.clone())
                    .body(
                        Button::secondary("Look it up")
                            .named(format!("Look it up: {}", one.friendly))
                            .view(),
                    );
                Notice::new(Tone::Warn).body(view! { <p>{words}</p>{look} }).view()
            })
            .collect();
        view! { {rows} }.into_any()
    }

    fn offers(&self) -> AnyView {
        let Some(offers) = &self.offers else { return ().into_any() };
        let rows = offers
            .iter()
            .map(|offer| {
                let query = Query::default().with("number", &offer.e164);
                let href = query.href(&format!("{PATH}/buy"));
                let choose = ButtonLink::secondary(href, format!("Choose {}", offer.friendly));
                Row::new()
                    .cell(offer.friendly.clone())
                    .cell(offer.place.clone())
                    .cell(choose.view())
            })
            .collect();
        let columns = ["Number", "Place", "Choose"].map(Column::new).to_vec();
        Table::new("Numbers to choose from", columns)
            .rows(rows)
            .empty(view! { <p>"No number fits. Try another area code or fewer digits."</p> })
            .view()
    }
}

/// `/staff/settings/numbers/buy`: the last question.
#[derive(Clone, Debug)]
pub struct BuyNumber {
    pub e164: String,
    pub friendly: String,
    /// Minted with this page: sent twice, it buys once.
    pub order: String,
}

impl BuyNumber {
    pub fn html(self, shell: &StaffShell) -> String {
        let form =
            Form::post(PATH, &shell.csrf).hidden("number", self.e164).hidden("order", self.order);
        let confirm = Confirm::new(
            format!("Purchase {}?", self.friendly),
            form,
            Button::primary("Purchase"),
            ButtonLink::secondary(PATH, "Back"),
        )
        .detail(
            "The provider bills the practice's account each month until the number is released \
             there. Nothing is sent from it before you select it and save.",
        );
        shell.page(
            "Purchase a number",
            view! {
                {heading("Purchase a number", false)}
                {tabs("texting")}
                {confirm}
            },
        )
    }
}
