//! What a profile would do in the next sixty days, beside another one when two are compared (MS4).

use domain::clock::UnixMs;
use jiff::{civil::Date, tz::TimeZone};
use leptos::prelude::*;

use crate::{
    components::{Badge, Column, Notice, Row, Table, Tone, instant, instant_full},
    words::Words,
};

/// One trial's sums.
#[derive(Clone, Debug, Default)]
pub struct OutlookSums {
    pub title: String,
    pub accounts: i64,
    pub theirs: i64,
    pub messages: i64,
    pub texts: i64,
    pub emails: i64,
    pub robot_calls: i64,
    pub faxes: i64,
    pub segments: i64,
    /// Everything together, and by channel: text, email, call, fax, letter.
    pub cost: String,
    pub costs: [String; 5],
    pub calls: i64,
    /// What those calls take the office: `4 h 30 min`.
    pub call_time: String,
    pub letters: i64,
    pub proposals: i64,
    pub held_out: i64,
    pub together: i64,
    pub collisions: i64,
    pub busiest: Option<String>,
}

/// An account's address, its name, and what it would get when.
pub type Told = (String, String, Vec<(UnixMs, String)>);

#[derive(Clone, Debug)]
pub struct Outlook {
    pub is_running: bool,
    pub accounts_done: i64,
    pub failure: Option<String>,
    pub as_of: UnixMs,
    pub sums: Vec<OutlookSums>,
    /// Other versions one may compare with: address and name.
    pub compare: Vec<(String, String)>,
    pub days: Vec<(Date, i64)>,
    pub hours: Vec<(i8, i64)>,
    /// Calls that people make, by day.
    pub calls: Vec<(Date, i64)>,
    /// The fullest hours of all days.
    pub fullest: Vec<(Date, i8, i64)>,
    /// The step's name, what came of its turns, how many.
    pub steps: Vec<(String, String, i64)>,
    /// The reason in words.
    pub withheld: Vec<(String, i64)>,
    pub examples: Vec<Told>,
}

/// The section of a proof; nothing before the first trial.
pub fn outlook(outlook: Option<&Outlook>, zone: &TimeZone) -> AnyView {
    let Some(found) = outlook else { return ().into_any() };
    if found.is_running {
        let words = format!("{} accounts looked at so far.", found.accounts_done);
        return view! {
            <section aria-labelledby="outlook">
                <h2 id="outlook">"The next 60 days"</h2>
                <p role="status">{words}" "<a href="">"Look again"</a></p>
            </section>
        }
        .into_any();
    }
    if let Some(failure) = &found.failure {
        return Notice::alert(Tone::Danger).title("The trial failed").text(failure.clone()).view();
    }
    let as_of = instant_full(Words::default(), found.as_of, zone);
    view! {
        <section aria-labelledby="outlook">
            <h2 id="outlook">"The next 60 days"</h2>
            <p class="hint">
                "As of "{as_of}", if nobody paid, answered or opted out: the most that would go. \
                 Nothing was sent. Costs are by the prices under "
                <a href="/staff/settings/prices">"Settings, Prices"</a>
                " and of texts under SMS Settings."
            </p>
            {sums(&found.sums)}
            {compare(&found.compare)}
            {bars("Messages by day", "Day", "Messages", days(&found.days))}
            {bars("Messages by hour of the day", "Hour", "Messages", hours(&found.hours))}
            {bars("The fullest hours", "Hour", "Messages", fullest(&found.fullest))}
            {bars("Calls for the office to make, by day", "Day", "Calls", days(&found.calls))}
            {steps(&found.steps)}
            {withheld(&found.withheld)}
            {examples(&found.examples, zone)}
        </section>
    }
    .into_any()
}

fn sums(sums: &[OutlookSums]) -> AnyView {
    let mut columns = vec![Column::new("What")];
    columns.extend(sums.iter().map(|one| Column::new(one.title.clone()).number()));
    type Figure = fn(&OutlookSums) -> String;
    let figures: [(&str, Figure); 22] = [
        ("Cost of everything", |s| s.cost.clone()),
        ("Accounts that owe something", |s| s.accounts.to_string()),
        ("Accounts of this profile", |s| s.theirs.to_string()),
        ("Messages", |s| s.messages.to_string()),
        ("Texts", |s| s.texts.to_string()),
        ("Text parts", |s| s.segments.to_string()),
        ("Cost of texts", |s| s.costs[0].clone()),
        ("Emails", |s| s.emails.to_string()),
        ("Cost of emails", |s| s.costs[1].clone()),
        ("Automated calls", |s| s.robot_calls.to_string()),
        ("Cost of automated calls", |s| s.costs[2].clone()),
        ("Faxes", |s| s.faxes.to_string()),
        ("Cost of faxes", |s| s.costs[3].clone()),
        ("Letters", |s| s.letters.to_string()),
        ("Cost of letters", |s| s.costs[4].clone()),
        ("Calls for the office to make", |s| s.calls.to_string()),
        ("What those calls take", |s| s.call_time.clone()),
        ("Proposals for collections", |s| s.proposals.to_string()),
        ("Left out on purpose", |s| s.held_out.to_string()),
        ("Accounts in the message of another with the same contact", |s| s.together.to_string()),
        ("Put off for another account of the same phone", |s| s.collisions.to_string()),
        ("Busiest hour", |s| s.busiest.clone().unwrap_or_else(|| "none".into())),
    ];
    let rows = figures
        .iter()
        .map(|(name, figure)| {
            sums.iter().fold(Row::new().cell(*name), |row, one| row.cell(figure(one)))
        })
        .collect();
    Table::new("What would happen", columns).rows(rows).view()
}

fn compare(others: &[(String, String)]) -> AnyView {
    if others.is_empty() {
        return ().into_any();
    }
    let links: Vec<AnyView> = others
        .iter()
        .map(|(href, name)| {
            let label = format!("Compare with {name}");
            view! { <li><a href=href.clone()>{label}</a></li> }.into_any()
        })
        .collect();
    view! { <ul class="plain">{links}</ul> }.into_any()
}

fn days(days: &[(Date, i64)]) -> Vec<(String, i64)> {
    days.iter().map(|(day, count)| (day.strftime("%a, %b %-d").to_string(), *count)).collect()
}

fn hours(hours: &[(i8, i64)]) -> Vec<(String, i64)> {
    hours.iter().map(|(hour, count)| (format!("{hour}:00"), *count)).collect()
}

fn fullest(hours: &[(Date, i8, i64)]) -> Vec<(String, i64)> {
    let label = |day: &Date, hour: i8| format!("{} at {hour}:00", day.strftime("%a, %b %-d"));
    hours.iter().map(|(day, hour, count)| (label(day, *hour), *count)).collect()
}

/// A chart that is a table: bars are meters, figures stand beside them.
fn bars(
    title: &'static str,
    what: &'static str,
    counted: &'static str,
    values: Vec<(String, i64)>,
) -> AnyView {
    if values.is_empty() {
        return ().into_any();
    }
    let most = values.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
    let rows = values
        .into_iter()
        .map(|(label, count)| {
            let (whole, value, named) = (most.to_string(), count.to_string(), label.clone());
            let bar = view! {
                <div class="meter">
                    <meter aria-label=named min="0" max=whole value=value.clone()></meter>
                    <span>{value}</span>
                </div>
            };
            Row::new().cell(label).cell(bar)
        })
        .collect();
    let columns = vec![Column::new(what), Column::new(counted)];
    let table = Table::new(title, columns).rows(rows).view();
    view! { <details open><summary>{title}</summary>{table}</details> }.into_any()
}

fn steps(steps: &[(String, String, i64)]) -> AnyView {
    let rows = steps
        .iter()
        .map(|(step, what, count)| {
            Row::new()
                .cell(step.clone())
                .cell(Badge::new(what.clone()).view())
                .cell(count.to_string())
        })
        .collect();
    let columns = vec![Column::new("Step"), Column::new("What"), Column::new("Times").number()];
    Table::new("By step", columns).caption_seen().rows(rows).view()
}

fn withheld(reasons: &[(String, i64)]) -> AnyView {
    if reasons.is_empty() {
        return ().into_any();
    }
    let rows = reasons
        .iter()
        .map(|(reason, count)| Row::new().cell(reason.clone()).cell(count.to_string()))
        .collect();
    let columns = vec![Column::new("Why nothing would go"), Column::new("Turns").number()];
    Table::new("Turns without a message", columns).caption_seen().rows(rows).view()
}

fn examples(examples: &[Told], zone: &TimeZone) -> AnyView {
    if examples.is_empty() {
        return ().into_any();
    }
    let rows = examples
        .iter()
        .map(|(href, name, events)| {
            let events: Vec<AnyView> = events
                .iter()
                .map(|(at, what)| {
                    let what = format!(": {what}");
                    view! { <li>{instant(Words::default(), *at, zone)}{what}</li> }.into_any()
                })
                .collect();
            Row::new()
                .cell(view! { <a href=href.clone()>{name.clone()}</a> })
                .cell(view! { <ul class="plain">{events}</ul> })
        })
        .collect();
    let columns = vec![Column::new("Account"), Column::new("Would get")];
    let table = Table::new("The first accounts, one by one", columns).rows(rows).view();
    view! {
        <details>
            <summary>"The first accounts, one by one"</summary>
            {table}
        </details>
    }
    .into_any()
}
