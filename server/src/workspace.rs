//! The frame of a staff page: navigation for the role, alarms, and what was just done.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use app::pages::staff::{NavEntry, StaffShell};
use domain::{
    practice::Practice,
    staff::{Permission, Role},
};

use crate::{
    house::House,
    session::Staff,
    visit::{self, Reached},
};

const IDLE_MINUTES: u32 = (store::session::IDLE_MS / 60_000) as u32;

/// The frame around a page under the navigation entry `section` (its address).
pub fn shell(house: &House, staff: &Staff, section: &str) -> StaffShell {
    StaffShell {
        practice: staff.practice.name.clone(),
        accent: staff.practice.settings.accent.clone(),
        staff_name: staff.name.clone(),
        role: role_name(staff.role).to_owned(),
        csrf: staff.visit.csrf(house),
        section: section.to_owned(),
        navigation: navigation(staff),
        sms_enabled: staff.practice.texts_are_enabled(),
        idle_minutes: IDLE_MINUTES,
        flash: staff.visit.said(),
        alarm: alarm(staff),
    }
}

/// A page of ours.
pub fn shown(html: String) -> HttpResponse {
    with_status(StatusCode::OK, html)
}

/// A form given back with what is wrong with it.
pub fn refused(html: String) -> HttpResponse {
    with_status(StatusCode::UNPROCESSABLE_ENTITY, html)
}

pub fn with_status(status: StatusCode, html: String) -> HttpResponse {
    HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html)
}

/// Where people reach this server: as the practice says, else the deployment, else as this request
/// came in. Only for links that are shown to the person who asks, or sent on their behalf.
pub fn base_of(house: &House, practice: &Practice, request: &HttpRequest) -> String {
    let set = Some(practice.settings.public_base.as_str()).filter(|base| !base.is_empty());
    let set = set.or(house.config.public_base.as_deref()).map(str::to_owned);
    let base = set.unwrap_or_else(|| {
        let Reached { scheme, host } = visit::reached(request, house);
        format!("{scheme}://{host}")
    });
    base.trim_end_matches('/').to_owned()
}

pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Manager => "Manager",
        Role::Biller => "Biller",
        Role::FrontDesk => "Front desk",
        Role::Viewer => "Viewer",
    }
}

/// Only what the role may open; texting pages only while SMS is on (S-G5).
fn navigation(staff: &Staff) -> Vec<NavEntry> {
    let may = |permission| staff.role.may(permission);
    let mut entries = vec![
        NavEntry::new("Dashboard", "/staff"),
        NavEntry::new("Patients", "/staff/patients"),
        NavEntry::new("Encounters", "/staff/encounters"),
    ];
    if may(Permission::SendStatements) {
        entries.push(NavEntry::new("Send Patient Statements", "/staff/statements/criteria"));
    }
    entries.push(NavEntry::new("Jobs", "/staff/jobs"));
    entries.push(NavEntry::new("Notification history", "/staff/notifications"));
    if staff.has_inbox() {
        let unread = u64::try_from(staff.unread_texts).unwrap_or(0);
        entries.push(NavEntry::new("Text Inbox", "/staff/inbox").waiting(unread));
    } else if staff.practice.texts_are_enabled() {
        entries.push(NavEntry::new("Replies", "/staff/replies"));
    }
    entries.push(NavEntry::new("Find Payment", "/staff/payments"));
    entries.push(NavEntry::new("Follow-ups", "/staff/follow-ups"));
    entries.push(NavEntry::new("Work list", "/staff/tasks"));
    entries.push(NavEntry::new("Reports", "/staff/reports"));
    entries.push(NavEntry::new("Statement profiles", "/staff/profiles"));
    entries.push(NavEntry::new("Segments", "/staff/segments"));
    if may(Permission::Import) {
        entries.push(NavEntry::new("Imports", "/staff/imports"));
    }
    if may(Permission::ReadAudit) {
        entries.push(NavEntry::new("Audit", "/staff/audit"));
    }
    if may(Permission::ManageStaff) {
        entries.push(NavEntry::new("Staff", "/staff/people"));
    }
    if may(Permission::ReadTemplates) && !may(Permission::ManageSettings) {
        entries.push(NavEntry::new("Templates", app::pages::staff::TEMPLATES));
    }
    if may(Permission::ManageSettings) {
        entries.push(NavEntry::new("Settings", "/staff/settings"));
        entries.push(NavEntry::new("Health", "/staff/health"));
        if staff.practice.live_at.is_none() {
            entries.push(NavEntry::new("Setting up", "/setup"));
        }
    }
    entries.push(NavEntry::new("Your account", "/staff/me"));
    entries
}

fn alarm(staff: &Staff) -> Option<(String, String)> {
    let why = staff.practice.outreach_held_why.as_deref()?;
    Some((format!("No reminders go out: {why}"), "/staff/imports".to_owned()))
}
