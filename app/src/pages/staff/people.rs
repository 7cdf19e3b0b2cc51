//! The people of the practice: who may do what, who was invited, and who has left. Nobody is ever
//! deleted, because the audit names them.

use leptos::prelude::*;

use super::StaffShell;
use crate::components::{
    Badge, Button, ButtonLink, Column, Confirm, Errors, Facts, Field, Form, Notice, Radio,
    RadioGroup, Row, Select, Table, Tone, heading,
};

const PATH: &str = "/staff/people";

/// The roles as a person reads them: value, label, what it may do.
pub const ROLES: [(&str, &str, &str); 4] = [
    ("manager", "Manager", "Everything, with settings, staff and the audit log."),
    ("biller", "Biller", "Imports, sends, approves, applies payments and refunds up to the limit."),
    ("front_desk", "Front desk", "Contacts, notes, holds, access codes and single texts."),
    ("viewer", "Viewer", "Looks at balances, messages and payments. Changes nothing."),
];

fn role_label(value: &str) -> &'static str {
    ROLES.iter().find(|(role, ..)| *role == value).map_or("", |(_, label, _)| label)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Active,
    Invited,
    Left,
}

impl Standing {
    fn badge(self) -> Badge {
        match self {
            Self::Active => Badge::new("Active").tone(Tone::Good),
            Self::Invited => Badge::new("Invited").tone(Tone::Warn),
            Self::Left => Badge::new("No access"),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub email: String,
    /// `front_desk`
    pub role: String,
    pub standing: Standing,
    pub is_me: bool,
}

/// What was typed into the invitation form.
#[derive(Clone, Debug, Default)]
pub struct InviteForm {
    pub name: String,
    pub email: String,
    pub role: String,
}

/// `/staff/people`
#[derive(Clone, Debug)]
pub struct People {
    pub people: Vec<Person>,
    pub invite: InviteForm,
    pub errors: Errors,
}

impl People {
    pub fn html(self, shell: &StaffShell) -> String {
        let is_error = !self.errors.is_empty();
        let rows = self
            .people
            .into_iter()
            .map(|person| {
                let href = format!("{PATH}/{}", person.id);
                let me = person.is_me.then_some(" (you)");
                Row::new()
                    .cell(view! { <a href=href>{person.name}</a>{me} })
                    .cell(person.email)
                    .cell(role_label(&person.role))
                    .cell(person.standing.badge().view())
                    .class(if person.standing == Standing::Left { "muted" } else { "" })
            })
            .collect();
        let columns = ["Name", "Email", "Role", "State"].map(Column::new).to_vec();
        let table = Table::new("People of the practice", columns).rows(rows);
        let role = if self.invite.role.is_empty() { "biller".into() } else { self.invite.role };
        let form = Form::post(PATH, &shell.csrf).body(view! {
            {Field::text("name", "Name")
                .value(self.invite.name)
                .error(self.errors.of("name"))
                .autocomplete("off")
                .maxlength(80)
                .required()}
            {Field::email("email", "Email")
                .value(self.invite.email)
                .error(self.errors.of("email"))
                .autocomplete("off")
                .required()}
            {roles(&role, self.errors.of("role"))}
            <p>{Button::primary("Invite")}</p>
        });
        let body = view! {
            {heading("Staff", false)}
            {self.errors.summary("Nobody was invited")}
            {table}
            <section class="panel narrow-page" aria-labelledby="invite">
                <h2 id="invite">"Invite a colleague"</h2>
                <p class="hint">
                    "They get a link that works once, for 24 hours, to choose a password and set up \
                     an authenticator. Give every person an account of their own."
                </p>
                {form}
            </section>
        };
        if is_error { shell.error_page("Staff", body) } else { shell.page("Staff", body) }
    }
}

fn roles(chosen: &str, error: Option<String>) -> AnyView {
    ROLES
        .into_iter()
        .fold(RadioGroup::new("role", "Role").chosen(chosen).error(error), |group, role| {
            let (value, label, what) = role;
            group.answer(Radio::new(value, label).hint(what))
        })
        .view()
}

/// The invitation link, shown once.
#[derive(Clone, Debug)]
pub struct InvitationMade {
    pub name: String,
    pub email: String,
    /// None when the person has an account already and simply gained this practice, or has an open
    /// invitation from another one.
    pub link: Option<String>,
    /// The link was also sent by email.
    pub was_sent: bool,
    /// What happened where there is no link.
    pub note: String,
}

impl InvitationMade {
    pub fn html(self, shell: &StaffShell) -> String {
        let (title, body) = match self.link {
            Some(link) => {
                let sent = if self.was_sent {
                    format!("It was also sent to {}.", self.email)
                } else {
                    format!("Give it to {} yourself: no email was sent.", self.name)
                };
                let notice = Notice::status(Tone::Warn).body(view! {
                    <p>
                        "This link is shown once. It works for 24 hours and lets whoever opens it \
                         become this person."
                    </p>
                    <p>{sent}</p>
                });
                let view = view! { {notice} <p><code class="key">{link}</code></p> };
                ("The invitation is ready", view.into_any())
            }
            None => {
                let notice = Notice::status(Tone::Good).text(self.note);
                ("They have access now", notice.view())
            }
        };
        shell.page(
            title,
            view! {
                {heading(title, true)}
                {body}
                <p>{ButtonLink::secondary(PATH, "Back to Staff")}</p>
            },
        )
    }
}

/// `/staff/people/{id}`
#[derive(Clone, Debug)]
pub struct PersonPage {
    pub person: Person,
    /// The only manager left: neither role nor access can be taken.
    pub is_last_manager: bool,
    /// Works here only, so that this practice may hand out a new way in.
    pub may_reset: bool,
    pub errors: Errors,
    /// Asks "End access?" instead of showing the forms.
    pub asks_to_end: bool,
}

impl PersonPage {
    pub fn html(self, shell: &StaffShell) -> String {
        let title = "Member of staff";
        let is_error = !self.errors.is_empty();
        let person = self.person.clone();
        let facts = Facts::new()
            .row("Email", person.email.clone())
            .row("Role", role_label(&person.role))
            .row("State", person.standing.badge().view());
        let forms = if self.asks_to_end { self.end_question(shell) } else { self.forms(shell) };
        let body = view! {
            {heading(person.name, false)}
            {self.errors.summary("Nothing was changed")}
            {facts}
            {forms}
            <p>{ButtonLink::secondary(PATH, "Back to Staff")}</p>
        };
        if is_error { shell.error_page(title, body) } else { shell.page(title, body) }
    }

    fn end_question(&self, shell: &StaffShell) -> AnyView {
        let at = format!("{PATH}/{}", self.person.id);
        Confirm::new(
            "End this person's access?",
            Form::post(format!("{at}/end"), &shell.csrf).hidden("sure", "yes"),
            Button::danger("End access"),
            ButtonLink::secondary(at, "No, keep it"),
        )
        .detail("They are signed out everywhere at once. What they did stays in the audit log.")
        .view()
    }

    fn forms(&self, shell: &StaffShell) -> AnyView {
        let at = format!("{PATH}/{}", self.person.id);
        if self.person.is_me {
            let text = "Another manager can change your role or end your access.";
            return view! {
                {Notice::new(Tone::Plain).text(text)}
                <p>{ButtonLink::secondary("/staff/me", "Your own account")}</p>
            }
            .into_any();
        }
        let has_left = self.person.standing == Standing::Left;
        let role = Select::new("role", "Role")
            .options(ROLES.map(|(value, label, _)| (value, label)))
            .chosen(self.person.role.clone())
            .error(self.errors.of("role"));
        let label = if has_left { "Give access again" } else { "Change role" };
        let last = self.is_last_manager.then(|| {
            let text = "The last manager stays one. Add another first.";
            Notice::new(Tone::Plain).text(text).view()
        });
        let change = Form::post(format!("{at}/role"), &shell.csrf)
            .body(view! { {role} <p>{Button::secondary(label)}</p> });
        let what = match self.person.standing {
            Standing::Invited => "Makes a new link and ends the old one.",
            _ => {
                "For a lost phone or a forgotten password. Their old password and codes stop \
                 working once they use the link."
            }
        };
        let reset = (self.may_reset && !has_left).then(|| {
            let form = Form::post(format!("{at}/invitation"), &shell.csrf)
                .body(view! { <p>{Button::secondary("New invitation link")}</p> });
            view! {
                <section class="panel">
                    <h2>"New invitation"</h2>
                    <p>{what}</p>
                    {form}
                </section>
            }
        });
        let end = (!has_left && !self.is_last_manager).then(|| {
            view! {
                <section class="panel">
                    <h2>"End access"</h2>
                    <p>"Their next click is refused."</p>
                    <p><a class="button" href=format!("{at}?end=ask")>"End access…"</a></p>
                </section>
            }
        });
        view! {
            <div class="columns">
                <section class="panel">
                    <h2>"Role"</h2>
                    <p>"They are signed out and sign in again with the new role."</p>
                    {last}
                    {change}
                </section>
                {reset}
                {end}
            </div>
        }
        .into_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_is_explained() {
        for role in domain::staff::Role::ALL {
            assert!(!role_label(role.as_str()).is_empty(), "{role:?}");
        }
    }
}
