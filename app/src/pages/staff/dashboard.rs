//! The first page of the workspace: balances at a glance, and what waits for somebody.

use domain::{clock::UnixMs, money::Cents};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::StaffShell;
use crate::{
    components::{ButtonLink, Facts, Meter, Notice, Tone, heading, instant, money},
    words::Words,
};

/// Something that waits: how many, in words, and where.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub count: i64,
    /// `2 held imports`
    pub label: String,
    pub href: String,
    pub is_urgent: bool,
}

/// What went out today.
#[derive(Clone, Copy, Debug, Default)]
pub struct Notifications {
    pub went: i64,
    pub delivered: i64,
    pub waiting: i64,
    pub failed: i64,
    pub withheld: i64,
}

/// `/staff`
#[derive(Clone, Debug)]
pub struct Dashboard {
    pub zone: TimeZone,
    pub at: UnixMs,
    pub accounts: i64,
    pub owed: Cents,
    /// Up to 30 days, 31 to 60, older.
    pub by_age: [Cents; 3],
    pub unposted: Cents,
    pub unapplied: (i64, Cents),
    /// Nobody has ever paid online.
    pub nothing_paid_yet: bool,
    pub last_import: Option<UnixMs>,
    pub waiting: Vec<Waiting>,
    pub notifications: Notifications,
    /// Not live yet; managers get the way to the setup screens.
    pub is_live: bool,
    pub may_set_up: bool,
    pub may_send: bool,
    pub may_import: bool,
}

impl Dashboard {
    pub fn html(self, shell: &StaffShell) -> String {
        shell.page(
            "Dashboard",
            view! {
                {heading("Dashboard", false)}
                {self.live_notice()}
                <div class="columns board">
                    {self.balances()}
                    {self.work()}
                    {self.notification_panel()}
                    {self.money_in()}
                </div>
            },
        )
    }

    fn live_notice(&self) -> AnyView {
        if self.is_live {
            return ().into_any();
        }
        let link = self
            .may_set_up
            .then(|| view! { <p>{ButtonLink::primary("/setup", "Go on with setting up")}</p> });
        Notice::new(Tone::Warn)
            .title("This practice is not live")
            .body(view! { <p>"Nothing is sent to patients until a manager presses Go live."</p>{link} })
            .view()
    }

    fn balances(&self) -> AnyView {
        if self.accounts == 0 {
            let import = self.may_import.then(
                || view! { <p>{ButtonLink::primary("/staff/imports", "Import balances")}</p> },
            );
            let words = match self.last_import {
                None => "Nothing was imported yet. Balances come with the first file.",
                Some(_) => "No account owes anything, as far as the last import says.",
            };
            return panel("Balances", view! { <p>{words}</p>{import} });
        }
        let whole = self.owed.0.max(1);
        let bars: Vec<AnyView> = ["30 days or newer", "31 to 60 days", "Over 60 days"]
            .into_iter()
            .zip(self.by_age)
            .map(|(label, cents)| Meter::new(label, cents.0, whole, cents.to_string()).view())
            .collect();
        let noun = if self.accounts == 1 { "account owes" } else { "accounts owe" };
        let w = Words::default();
        let imported = self.last_import.map(|at| instant(w, at, &self.zone));
        let facts = Facts::new()
            .row("Payments received, not yet posted", money(self.unposted))
            .maybe("Last import", imported);
        let send = self.may_send.then(|| {
            view! {
                <p>
                    {ButtonLink::secondary("/staff/statements/criteria", "Send Patient Statements")}
                </p>
            }
        });
        panel(
            "Balances",
            view! {
                <p class="figure">{self.owed.to_string()}</p>
                <p>{format!("{} {noun}", self.accounts)}</p>
                {bars}
                {facts}
                {send}
            },
        )
    }

    fn work(&self) -> AnyView {
        let items: Vec<AnyView> = self
            .waiting
            .iter()
            .filter(|one| one.count > 0)
            .map(|one| {
                let (href, label) = (one.href.clone(), one.label.clone());
                let class = one.is_urgent.then_some("urgent");
                view! { <li class=class><a href=href>{label}</a></li> }.into_any()
            })
            .collect();
        let list = if items.is_empty() {
            view! { <p>"Nothing waits for you."</p> }.into_any()
        } else {
            view! { <ul class="links">{items}</ul> }.into_any()
        };
        panel("Waiting for somebody", list)
    }

    /// The Notification panel with its two links (S-H2).
    fn notification_panel(&self) -> AnyView {
        let n = self.notifications;
        let facts = Facts::new()
            .row("Went out", n.went.to_string())
            .row("Delivered", n.delivered.to_string())
            .row("Waiting for their hour", n.waiting.to_string())
            .row("Failed", n.failed.to_string())
            .row("Withheld", n.withheld.to_string());
        panel(
            "Notifications today",
            view! {
                {facts}
                <ul class="links">
                    <li><a href="/staff/notifications">"Balance Notification History"</a></li>
                    <li><a href="/staff/notifications?errors=1">"Manage Errors"</a></li>
                </ul>
            },
        )
    }

    fn money_in(&self) -> AnyView {
        let (count, sum) = self.unapplied;
        let body = if count == 0 {
            let words = match self.nothing_paid_yet {
                true => "Nobody has paid online yet.",
                false => "All online payments are applied.",
            };
            view! { <p>{words}</p> }.into_any()
        } else {
            let noun = if count == 1 { "payment waits" } else { "payments wait" };
            view! {
                <p class="figure">{sum.to_string()}</p>
                <p>{format!("{count} {noun} to be applied")}</p>
            }
            .into_any()
        };
        panel(
            "Online payments",
            view! {
                {body}
                <p>{ButtonLink::secondary("/staff/payments?status=unapplied", "Find Payment")}</p>
            },
        )
    }
}

fn panel(title: &'static str, body: impl IntoView + 'static) -> AnyView {
    view! { <section class="panel"><h2>{title}</h2>{body}</section> }.into_any()
}
