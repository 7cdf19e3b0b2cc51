//! The parts of the workspace on one page, so that tests and people can look at them together.

use app::{
    components::{
        Badge, Button, ButtonLink, Checkbox, Column, Confirm, Errors, Facts, Field, FilterBar,
        Form, Meter, Moment, Notice, Pager, Query, Radio, RadioGroup, Row, Select, Table, Tabs,
        TextArea, Timeline, Tone, heading, instant, money,
    },
    pages::staff::{NavEntry, StaffShell},
    words::Words,
};
use domain::money::Cents;
use leptos::prelude::*;

use super::{now, zone};

pub fn shell(words: &str) -> StaffShell {
    StaffShell {
        practice: format!("Elm Street Clinic{words}"),
        accent: "#0b6157".to_owned(),
        staff_name: format!("Ana Ruiz{words}"),
        role: "Biller".to_owned(),
        csrf: "csrf-token".to_owned(),
        section: "/staff/payments".to_owned(),
        navigation: vec![
            NavEntry::new("Dashboard", "/staff"),
            NavEntry::new("Find Payment", "/staff/payments"),
            NavEntry::new("Work list", "/staff/tasks").waiting(3),
        ],
        sms_enabled: true,
        fax_enabled: true,
        idle_minutes: 15,
        flash: Some(format!("Applied $82.00{words}")),
        alarm: Some((format!("No reminders go out{words}"), "/staff/imports".to_owned())),
    }
}

/// Every component once, with `words` in what comes from records.
pub fn sample(words: &str) -> String {
    let said = |text: &str| format!("{text}{words}");
    let query = Query::parse("sort=-due&name=lopez&page=2");
    let errors = Errors::new().on("amount", said("Only $40.00 of this payment is unapplied."));
    let (summary, amount_error) = (errors.summary("Not applied"), errors.of("amount"));
    let w = Words::default();
    let rows = vec![
        Row::new()
            .checkbox("gua_1", said("Include Maria Lopez, $82.00"), true)
            .cell(said("Maria Lopez"))
            .cell(money(Cents(82_00)))
            .cell(Badge::new(said("Held")).tone(Tone::Warn).view()),
        Row::new()
            .class("muted")
            .cell(said("Jo Park"))
            .cell(money(Cents(1_250_00)))
            .cell(Badge::new("Ready").tone(Tone::Good).view()),
    ];
    let table = Table::new(
        "Online payments",
        vec![
            Column::new("Guarantor").sort("name"),
            Column::new("Due").sort("due").number(),
            Column::new("Status"),
        ],
    )
    .sorted("/staff/payments", &query, "-due")
    .checkboxes("include", "Include")
    .rows(rows);
    let confirm = Confirm::new(
        "Send 212 texts?",
        Form::post("/staff/send", "csrf-token").hidden("job", "job_1"),
        Button::primary("Yes"),
        ButtonLink::secondary("/staff", "No"),
    )
    .detail("9 wait until tomorrow 9:00.");
    let form = Form::post("/staff/apply", "csrf-token").body(view! {
        {Field::amount("amount", "Amount").value(said("900")).error(amount_error)}
        {Select::new("claim", "Claim").option("clm_1", said("Mar 3")).hint("Oldest first")}
        {RadioGroup::new("mark", "Mark claims as Pending patient?")
            .chosen("yes")
            .answer(Radio::new("yes", "Yes"))
            .answer(Radio::new("no", "No"))}
        {TextArea::new("reason", "Reason").value(said("Duplicate</textarea>"))}
        {Checkbox::new("notify", "Tell the patient").checked(true)}
        <div class="actions">{Button::primary("Apply")}{Button::danger("Refund")}</div>
    });
    let timeline = Timeline::new(
        vec![
            Moment::new(instant(w, now(), &zone()), said("Payment received")).tone(Tone::Good),
            Moment::new(instant(w, now(), &zone()), said("Text sent")).body(said("Delivered")),
        ],
        "Nothing happened yet.",
    );
    shell(words).error_page(
        "Find Payment",
        view! {
            {heading("Find Payment", false)}
            {summary}
            {Tabs::new("Kinds of payment")
                .tab("/staff/payments", "Online", true)
                .tab("/staff/payments/desk", "Desk", false)}
            {FilterBar::new("/staff/payments", &query, &["name"])
                .field(Field::search("name", "Name").value(said("lopez")))}
            {table}
            {Pager::new("/staff/payments", &query, 50, 212, "payments")}
            {confirm}
            <div class="columns">
                <section class="panel"><h2>"Apply"</h2>{form}</section>
                <section class="panel">
                    <h2>"Facts"</h2>
                    {Facts::new()
                        .row("Captured", money(Cents(82_00)))
                        .row("Reference", said("CB-7K2M"))}
                    {Meter::new("Older than 60 days", 12, 40, "12 of 40")}
                    {Meter::progress("Rows", 5, 10, "5 of 10")}
                    {Notice::new(Tone::Warn).title(said("Held")).text("Until Friday.")}
                    {timeline}
                </section>
            </div>
        },
    )
}
