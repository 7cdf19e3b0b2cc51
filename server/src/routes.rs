//! Every address of the server on one page, with who may use it. The authorization matrix in
//! `end2end` is generated from [`TABLE`]: a route that is not in it does not exist.
//!
//! They are tried in this order, and a path with a variable is a pattern to run: what crowds of
//! patients open stands first.

use actix_web::{
    middleware::from_fn,
    web::{self, ServiceConfig},
};
use domain::staff::Permission as P;

use crate::{actions, api, pacing, pages, sandbox_pages, webhooks};

/// Who a route answers. Handlers enforce it themselves; the matrix proves that they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Anyone,
    /// A valid pay pass, from a link.
    PayPass,
    /// A signed-in patient.
    Patient,
    /// A sign-in or first start that is half-way.
    HalfWay,
    /// Staff whose role has this permission.
    Staff(P),
    /// A vendor that signs.
    Vendor,
    ApiKey,
    /// Registered in the demo alone.
    Demo,
}

#[derive(Clone, Copy, Debug)]
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub access: Access,
}

macro_rules! routes {
    ($table:ident, $configure:ident; $($method:ident $path:literal $access:expr => $handler:path;)*) => {
        pub const $table: &[Route] = &[
            $(Route { method: stringify!($method), path: $path, access: $access },)*
        ];

        pub fn $configure(config: &mut ServiceConfig) {
            $(config.route($path, web::$method().to($handler).wrap(from_fn(pacing::guard)));)*
        }
    };
}

use Access::{Anyone, ApiKey, Demo, HalfWay, Patient, PayPass, Staff, Vendor};

routes! { TABLE, configure;
    get "/healthz" Anyone => pages::health::alive;
    get "/readyz" Anyone => pages::health::ready;
    get "/metrics" Anyone => pages::health::metrics;
    post "/reports/blocked" Anyone => actions::take_report::post;
    get "/favicon.ico" Anyone => pages::assets::no_icon;
    get "/assets/{file}" Anyone => pages::assets::get;
    get "/p/{token}" Anyone => actions::open_link::get;
    head "/p/{token}" Anyone => actions::open_link::get;
    get "/pay" PayPass => pages::pay::get;
    get "/create-account" Anyone => actions::create_account::get;
    post "/create-account" Anyone => actions::create_account::post;
    get "/sign-in" Anyone => actions::sign_in::get;
    post "/sign-in" Anyone => actions::sign_in::post;
    get "/code" HalfWay => actions::prove_contact::get;
    post "/code" HalfWay => actions::prove_contact::post;
    get "/office-code" Anyone => actions::use_office_code::get;
    post "/office-code" Anyone => actions::use_office_code::post;
    get "/forgot" Anyone => actions::reset_password::get_forgot;
    post "/forgot" Anyone => actions::reset_password::post_forgot;
    get "/forgot/sent" Anyone => actions::reset_password::get_sent;
    get "/reset/{token}" Anyone => actions::reset_password::get;
    post "/reset/{token}" Anyone => actions::reset_password::post;
    get "/confirm-email/{token}" Anyone => actions::confirm_email::get;
    post "/confirm-email/{token}" Anyone => actions::confirm_email::post;
    get "/account" Patient => pages::bill::get;
    get "/account/add" Patient => actions::add_account::get;
    post "/account/add" Patient => actions::add_account::post;
    post "/account/pay" Patient => actions::pay_visits::post;
    get "/account/receipts" Patient => pages::bill::receipts;
    get "/account/receipts/{payment}" Patient => pages::receipt::of_account;
    get "/account/notices" Patient => pages::notices::list;
    get "/account/notices/{message}" Patient => pages::notices::get;
    get "/account/preferences" Patient => actions::change_preferences::get;
    post "/account/preferences" Patient => actions::change_preferences::post;
    get "/account/question" Patient => actions::ask_question::get;
    post "/account/question" Patient => actions::ask_question::post;
    post "/account/sign-out" Patient => actions::sign_in::sign_out;
    get "/staff/sign-in" Anyone => actions::staff_sign_in::get;
    post "/staff/sign-in" Anyone => actions::staff_sign_in::post;
    get "/staff/sign-in/code" HalfWay => actions::staff_sign_in::get_code;
    post "/staff/sign-in/code" HalfWay => actions::staff_sign_in::post_code;
    post "/staff/sign-out" Staff(P::View) => actions::staff_sign_in::sign_out;
    post "/webhooks/stripe/{practice}" Vendor => webhooks::stripe::post;
    post "/webhooks/email/{practice}" Vendor => webhooks::email::post;
    post "/webhooks/twilio/{practice}/sms" Vendor => webhooks::twilio::reply;
    post "/webhooks/twilio/{practice}/status" Vendor => webhooks::twilio::status;
    post "/webhooks/twilio/{practice}/call/{message}" Vendor => webhooks::calls::answered;
    post "/webhooks/twilio/{practice}/call/{message}/key" Vendor => webhooks::calls::key;
    post "/webhooks/twilio/{practice}/call-status" Vendor => webhooks::calls::status;
    post "/webhooks/twilio/{practice}/menu" Vendor => webhooks::menu::answered;
    post "/webhooks/twilio/{practice}/menu/key" Vendor => webhooks::menu::key;
    post "/webhooks/twilio/{practice}/menu/code" Vendor => webhooks::menu::code;
    get "/api/v1/openapi.json" Anyone => api::openapi;
    post "/api/v1/imports" ApiKey => api::imports::post;
    get "/api/v1/imports/{id}" ApiKey => api::imports::get;
    get "/api/v1/imports/{id}/refusals.csv" ApiKey => api::imports::refusals;
    get "/api/v1/balances" ApiKey => api::balances::list;
    get "/api/v1/payments" ApiKey => api::payments::list;
    post "/api/v1/payments/{id}/posted" ApiKey => api::payments::mark_posted;
    get "/staff/statements/criteria" Staff(P::SendStatements) => pages::staff::statements::criteria;
    get "/staff/statements/preview" Staff(P::SendStatements) => pages::staff::statements::preview;
    get "/staff/statements/confirm" Staff(P::SendStatements) => pages::staff::statements::confirm;
    post "/staff/statements/selection" Staff(P::SendStatements) => actions::send_statements::select;
    get "/staff/statements/send/{draft}" Staff(P::SendStatements) => pages::staff::statements::question;
    post "/staff/statements/send/{draft}" Staff(P::SendStatements) => actions::send_statements::send;
    get "/staff/statements/sent/{job}" Staff(P::SendStatements) => pages::staff::statements::sent;
    post "/staff/statements/sent/{job}" Staff(P::SendStatements) => actions::send_statements::finish;
    get "/staff/encounters" Staff(P::View) => pages::staff::encounters::list;
    get "/staff/encounters/export.csv" Staff(P::View) => pages::staff::encounters::export;
    get "/staff/patients" Staff(P::View) => pages::staff::patients::list;
    get "/staff/patients/{guarantor}" Staff(P::View) => pages::staff::record::get;
    get "/staff/patients/{guarantor}/why" Staff(P::View) => pages::staff::record::why;
    get "/staff/patients/{guarantor}/timeline" Staff(P::View) => pages::staff::record::events;
    post "/staff/patients/{guarantor}/identity" Staff(P::SeeIdentity) => actions::change_record::identity;
    post "/staff/patients/{guarantor}/note" Staff(P::WriteNotes) => actions::change_record::note;
    post "/staff/patients/{guarantor}/flag" Staff(P::SendStatements) => actions::change_record::flag;
    post "/staff/patients/{guarantor}/preferences" Staff(P::EditContacts) => actions::change_record::preferences;
    get "/staff/patients/{guarantor}/hold" Staff(P::PlaceHolds) => pages::staff::record::hold;
    post "/staff/patients/{guarantor}/hold" Staff(P::PlaceHolds) => actions::change_record::hold;
    post "/staff/patients/{guarantor}/holds/{hold}/lift" Staff(P::LiftHolds) => actions::change_record::lift;
    post "/staff/patients/{guarantor}/contacts" Staff(P::EditContacts) => actions::change_contacts::add;
    post "/staff/patients/{guarantor}/contacts/save" Staff(P::EditContacts) => actions::change_contacts::save;
    get "/staff/patients/{guarantor}/contacts/{contact}/evidence.csv" Staff(P::ReadAudit) => pages::staff::evidence::get;
    post "/staff/patients/{guarantor}/contacts/{contact}/remove" Staff(P::EditContacts) => actions::change_contacts::remove;
    get "/staff/patients/{guarantor}/text" Staff(P::SendTexts) => pages::staff::record::text;
    post "/staff/patients/{guarantor}/text" Staff(P::SendTexts) => actions::send_text::post;
    get "/staff/patients/{guarantor}/access-code" Staff(P::IssueAccessCodes) => pages::staff::record::access_code;
    post "/staff/patients/{guarantor}/access-code" Staff(P::IssueAccessCodes) => actions::give_access_code::post;
    get "/staff/jobs" Staff(P::View) => pages::staff::jobs::list;
    get "/staff/jobs/{job}" Staff(P::View) => pages::staff::jobs::get;
    post "/staff/jobs/{job}/approve" Staff(P::SendStatements) => actions::change_job::approve;
    post "/staff/jobs/{job}/cancel" Staff(P::SendStatements) => actions::change_job::cancel;
    post "/staff/jobs/{job}/approve-some" Staff(P::SendStatements) => actions::change_job::approve_some;
    post "/staff/jobs/{job}/pause" Staff(P::SendStatements) => actions::change_job::pause;
    post "/staff/jobs/{job}/resume" Staff(P::SendStatements) => actions::change_job::resume;
    post "/staff/messages/{message}/edit" Staff(P::SendStatements) => actions::change_job::edit;
    post "/staff/jobs/{job}/messages/{message}/exclude" Staff(P::SendStatements) => actions::change_job::exclude;
    get "/staff/notifications" Staff(P::View) => pages::staff::notifications::list;
    get "/staff/messages/{message}" Staff(P::View) => pages::staff::notifications::get;
    post "/staff/messages/{message}/archive" Staff(P::WriteNotes) => actions::handle_error::archive;
    post "/staff/messages/{message}/opt-out" Staff(P::EditContacts) => actions::handle_error::opt_out;
    post "/staff/messages/{message}/instead" Staff(P::SendStatements) => actions::handle_error::instead;
    post "/staff/messages/{message}/handled/undo" Staff(P::WriteNotes) => actions::handle_error::undo;
    get "/staff/replies" Staff(P::View) => pages::staff::replies::list;
    post "/staff/replies/{reply}/reviewed" Staff(P::WriteNotes) => actions::close_task::reviewed;
    get "/staff/inbox" Staff(P::View) => pages::staff::inbox::list;
    get "/staff/inbox/live" Staff(P::View) => pages::staff::inbox::live;
    get "/staff/inbox/new" Staff(P::SendTexts) => pages::staff::inbox::new;
    get "/staff/inbox/canned" Staff(P::SendTexts) => pages::staff::canned_replies::list;
    post "/staff/inbox/canned" Staff(P::SendStatements) => actions::write_canned_reply::save;
    post "/staff/inbox/canned/{canned}/remove" Staff(P::SendStatements) => actions::write_canned_reply::remove;
    get "/staff/inbox/{conversation}" Staff(P::View) => actions::open_conversation::get;
    post "/staff/inbox/{conversation}/send" Staff(P::SendTexts) => actions::change_conversation::send;
    post "/staff/inbox/{conversation}/assign" Staff(P::SendTexts) => actions::change_conversation::assign;
    post "/staff/inbox/{conversation}/link" Staff(P::SendTexts) => actions::change_conversation::link;
    post "/staff/inbox/{conversation}/close" Staff(P::SendTexts) => actions::change_conversation::close;
    post "/staff/inbox/{conversation}/reopen" Staff(P::SendTexts) => actions::change_conversation::reopen;
    post "/staff/inbox/{conversation}/replies/{reply}/meaning" Staff(P::PlaceHolds) => actions::change_conversation::meaning;
    get "/staff/tasks" Staff(P::View) => pages::staff::tasks::list;
    get "/staff/tasks/unreachable" Staff(P::View) => pages::staff::tasks::unreachable;
    post "/staff/tasks/{task}/close" Staff(P::WriteNotes) => actions::close_task::close;
    get "/staff/profiles" Staff(P::View) => pages::staff::profiles::list;
    post "/staff/profiles" Staff(P::ManageProfiles) => actions::change_profile::create;
    get "/staff/profiles/{version}" Staff(P::View) => pages::staff::profiles::get;
    get "/staff/profiles/{version}/edit" Staff(P::ManageProfiles) => pages::staff::profiles::edit;
    post "/staff/profiles/{version}/edit" Staff(P::ManageProfiles) => actions::change_profile::edit;
    post "/staff/profiles/{version}/approve" Staff(P::ManageProfiles) => actions::change_profile::approve;
    post "/staff/profiles/{version}/activate" Staff(P::ManageProfiles) => actions::change_profile::activate;
    post "/staff/profiles/{version}/retire" Staff(P::ManageProfiles) => actions::change_profile::retire;
    post "/staff/profiles/{version}/copy" Staff(P::ManageProfiles) => actions::change_profile::copy;
    post "/staff/profiles/{version}/raise" Staff(P::ManageProfiles) => actions::change_profile::raise;
    post "/staff/profiles/{version}/simulate" Staff(P::ManageProfiles) => actions::change_profile::simulate;
    get "/staff/segments" Staff(P::View) => pages::staff::profiles::segments;
    post "/staff/segments" Staff(P::ManageProfiles) => actions::change_profile::save_segment;
    post "/staff/segments/{segment}/delete" Staff(P::ManageProfiles) => actions::change_profile::delete_segment;
    get "/staff/reports" Staff(P::View) => pages::staff::reports::get;
    get "/staff/reports/export.csv" Staff(P::View) => pages::staff::reports::export;
    get "/staff/follow-ups" Staff(P::View) => pages::staff::follow_ups::list;
    get "/staff/follow-ups/export.csv" Staff(P::View) => pages::staff::follow_ups::export;
    get "/staff/follow-ups/{follow_up}" Staff(P::View) => pages::staff::follow_ups::get;
    post "/staff/follow-ups/{follow_up}" Staff(P::WriteNotes) => actions::change_follow_up::post;
    post "/staff/follow-ups/{follow_up}/decide" Staff(P::DecideCollections) => actions::change_follow_up::decide;
    get "/staff/imports" Staff(P::Import) => pages::staff::imports::list;
    post "/staff/imports" Staff(P::Import) => actions::import_file::post;
    get "/staff/imports/{id}" Staff(P::Import) => pages::staff::imports::get;
    get "/staff/imports/{id}/progress" Staff(P::Import) => pages::staff::imports::progress;
    get "/staff/imports/{id}/refused.csv" Staff(P::Import) => pages::staff::imports::report;
    post "/staff/imports/{id}/decide" Staff(P::AcceptHeldImport) => actions::import_file::decide;
    get "/staff" Staff(P::View) => pages::staff::dashboard::get;
    get "/staff/me" Staff(P::View) => pages::staff::me::get;
    post "/staff/me/password" Staff(P::View) => actions::change_own_account::password;
    post "/staff/me/recovery" Staff(P::View) => actions::change_own_account::recovery;
    post "/staff/me/sessions" Staff(P::View) => actions::change_own_account::sessions;
    post "/staff/practice" Staff(P::View) => actions::change_own_account::practice;
    get "/staff/people" Staff(P::ManageStaff) => pages::staff::people::list;
    post "/staff/people" Staff(P::ManageStaff) => actions::invite_staff::post;
    get "/staff/people/{id}" Staff(P::ManageStaff) => pages::staff::people::get;
    post "/staff/people/{id}/role" Staff(P::ManageStaff) => actions::change_role::post;
    post "/staff/people/{id}/end" Staff(P::ManageStaff) => actions::change_role::end;
    post "/staff/people/{id}/invitation" Staff(P::ManageStaff) => actions::invite_staff::again_post;
    get "/staff/invitation/{token}" Anyone => pages::staff::invitation::get;
    post "/staff/invitation/{token}" Anyone => actions::accept_invitation::post;
    get "/staff/settings" Staff(P::ManageSettings) => pages::staff::settings::first;
    get "/staff/settings/connections" Staff(P::ManageSettings) => pages::staff::settings::connections;
    post "/staff/settings/connections/{vendor}" Staff(P::ManageSettings) => actions::connect_vendor::post;
    get "/staff/settings/numbers" Staff(P::ManageSettings) => pages::staff::numbers::list;
    get "/staff/settings/numbers/buy" Staff(P::ManageSettings) => pages::staff::numbers::buy;
    post "/staff/settings/numbers" Staff(P::ManageSettings) => actions::buy_number::post;
    post "/staff/settings/numbers/look" Staff(P::ManageSettings) => actions::buy_number::look;
    post "/staff/settings/numbers/use" Staff(P::ManageSettings) => actions::buy_number::select;
    get "/staff/settings/keys" Staff(P::ManageSettings) => pages::staff::settings::keys;
    post "/staff/settings/keys" Staff(P::ManageSettings) => actions::make_api_key::post;
    post "/staff/settings/keys/{id}/revoke" Staff(P::ManageSettings) => actions::make_api_key::revoke;
    get "/staff/settings/templates" Staff(P::ReadTemplates) => pages::staff::templates::list;
    get "/staff/settings/templates/{template}" Staff(P::ReadTemplates) => pages::staff::templates::get;
    post "/staff/settings/templates/{template}" Staff(P::ManageSettings) => actions::edit_template::post;
    post "/staff/settings/templates/{template}/default" Staff(P::ManageSettings) => actions::edit_template::put_back;
    get "/staff/settings/rules" Staff(P::ManageSettings) => pages::staff::rules::list;
    post "/staff/settings/rules/reviewed" Staff(P::ManageSettings) => actions::change_rule::reviewed;
    get "/staff/settings/rules/{rule}" Staff(P::ManageSettings) => pages::staff::rules::get;
    post "/staff/settings/rules/{rule}" Staff(P::ManageSettings) => actions::change_rule::post;
    post "/staff/settings/rules/{rule}/restore" Staff(P::ManageSettings) => actions::change_rule::restore;
    get "/staff/settings/{section}" Staff(P::ManageSettings) => pages::staff::settings::get;
    post "/staff/settings/{section}" Staff(P::ManageSettings) => actions::save_settings::post;
    get "/staff/health" Staff(P::ManageSettings) => pages::staff::health::get;
    get "/setup" Staff(P::ManageSettings) => pages::setup::list;
    get "/setup/link/{token}" Anyone => pages::setup::open;
    post "/setup/begin" Anyone => actions::set_up_account::begin;
    get "/setup/account" HalfWay => pages::setup::account;
    post "/setup/account" HalfWay => actions::set_up_account::post;
    get "/setup/proof/statement" Staff(P::ManageSettings) => pages::setup::statement;
    get "/setup/{step}" Staff(P::ManageSettings) => pages::setup::get;
    post "/setup/{step}" Staff(P::ManageSettings) => actions::set_up::post;
    get "/.well-known/clearbill/{nonce}" Anyone => pages::setup::reached;
    get "/staff/payments" Staff(P::View) => pages::staff::payments::list;
    get "/staff/payments/unposted.csv" Staff(P::MarkPosted) => pages::staff::payments::export;
    get "/staff/payments/exact" Staff(P::ApplyPayments) => pages::staff::payments::exact;
    post "/staff/payments/exact" Staff(P::ApplyPayments) => actions::apply_payment::exact;
    post "/staff/payments/posted" Staff(P::MarkPosted) => actions::mark_posted::several;
    get "/staff/payments/{id}" Staff(P::View) => pages::staff::payment::get;
    post "/staff/payments/{id}" Staff(P::ApplyPayments) => actions::apply_payment::post;
    post "/staff/payments/{id}/undo" Staff(P::ApplyPayments) => actions::undo_payment::post;
    get "/staff/payments/{id}/refund" Staff(P::Refund) => pages::staff::payment::refund;
    post "/staff/payments/{id}/refund" Staff(P::Refund) => actions::refund_payment::post;
    post "/staff/payments/{id}/posted" Staff(P::MarkPosted) => actions::mark_posted::post;
    get "/staff/audit" Staff(P::ReadAudit) => pages::staff::audit::get;
    get "/staff/audit/export.csv" Staff(P::ReadAudit) => pages::staff::audit::export;
    get "/" Anyone => pages::front::get;
    get "/at/{practice}" Anyone => pages::front::at;
    post "/pay" PayPass => actions::submit_payment::post;
    post "/pay/intent" PayPass => actions::submit_payment::intent;
    post "/pay/declined" PayPass => actions::note_decline::post;
    post "/pay/cancel" PayPass => actions::cancel_payment::post;
    get "/pay/return" PayPass => pages::pay::back;
    get "/pay/checking/{attempt}" PayPass => pages::pay::checking;
    get "/receipt/{attempt}" PayPass => pages::receipt::get;
    get "/link/new" Anyone => pages::link::new;
    post "/link/new" Anyone => actions::send_new_link::post;
    get "/not-me" PayPass => pages::not_me::get;
    post "/not-me" PayPass => actions::report_not_me::post;
    get "/check-message" Anyone => pages::message_check::get;
    post "/check-message" Anyone => actions::check_message::post;
    get "/unsubscribe/{token}" Anyone => pages::unsubscribe::get;
    post "/unsubscribe/{token}" Anyone => actions::unsubscribe::post;
    post "/language" Anyone => actions::choose_language::post;
}

routes! { DEMO_TABLE, configure_demo;
    get "/sandbox/mailbox" Demo => sandbox_pages::mailbox;
    get "/sandbox/clock" Demo => sandbox_pages::clock;
    post "/sandbox/clock" Demo => sandbox_pages::move_clock;
    get "/sandbox/faults" Demo => sandbox_pages::faults;
    post "/sandbox/faults" Demo => sandbox_pages::script_faults;
    delete "/sandbox/faults" Demo => sandbox_pages::clear_faults;
    post "/sandbox/sms" Demo => sandbox_pages::reply;
    post "/sandbox/calls" Demo => sandbox_pages::take_calls;
    get "/sandbox/faxes/{id}" Demo => sandbox_pages::fax;
}
