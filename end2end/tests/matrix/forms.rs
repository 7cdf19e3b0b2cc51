//! The filled form of every action, with the ids of whoever's things are meant in it: a request that
//! is refused for its empty form proves nothing about whose it was.

use domain::id::{AttemptId, ClaimId, ContactId, GuarantorId, JournalId, MessageId, PaymentId};
use server::routes::Route;
use store::keys::token_hash;

use crate::{
    callers::Caller,
    things::Whose,
    town::{Office, SESSION_MS, Town, protocol_now},
};

/// Fields beside the token, and which of their values are ids of things.
#[derive(Default)]
pub struct Form {
    pub fields: Vec<(String, String)>,
    pub ids: Vec<String>,
}

impl Form {
    fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.fields.push((name.to_owned(), value.into()));
        self
    }

    /// A thing of somebody's.
    fn naming(mut self, name: &str, id: String) -> Self {
        self.ids.push(id.clone());
        self.with(name, id)
    }
}

/// The things that may stand in a form.
struct Named {
    guarantor: String,
    claim: String,
    contact: String,
    payment: String,
    attempt: String,
    journal: String,
    message: String,
}

impl Named {
    fn of(town: &Town, whose: Whose) -> Self {
        let account = Self::of_office;
        match whose {
            Whose::Own => account(&town.alder),
            Whose::Foreign | Whose::Smuggled => account(&town.birch),
            Whose::Nobodys | Whose::Missing => {
                let world = &town.house.world;
                Self {
                    guarantor: world.mint::<GuarantorId>().to_string(),
                    claim: world.mint::<ClaimId>().to_string(),
                    contact: world.mint::<ContactId>().to_string(),
                    payment: world.mint::<PaymentId>().to_string(),
                    attempt: world.mint::<AttemptId>().to_string(),
                    journal: world.mint::<JournalId>().to_string(),
                    message: world.mint::<MessageId>().to_string(),
                }
            }
        }
    }

    fn of_office(office: &Office) -> Self {
        let account = &office.accounts[0];
        let text = |id: Option<String>| id.unwrap_or_default();
        Self {
            guarantor: account.guarantor.to_string(),
            claim: account.claim.to_string(),
            contact: account.contacts[0].to_string(),
            payment: text(account.payment.as_ref().map(ToString::to_string)),
            attempt: text(account.attempt.as_ref().map(ToString::to_string)),
            journal: text(account.journal.as_ref().map(ToString::to_string)),
            message: text(office.message.as_ref().map(ToString::to_string)),
        }
    }
}

/// Whether the form itself names things, so that another's can stand in it.
pub fn names_things(town: &Town, route: &Route, caller: Caller) -> bool {
    route.method == "post" && !form_of(town, route, caller, Whose::Own).ids.is_empty()
}

/// The sealed reference of the caller's own link, as their pay page has it.
fn reference(town: &Town, caller: Caller) -> String {
    let [own, other] = town.alder.accounts.as_slice() else { panic!("alder has two accounts") };
    let account = match caller {
        Caller::LinkOther | Caller::PatientOther => other,
        _ => own,
    };
    let hash = token_hash(&account.token);
    let until = protocol_now().plus_ms(SESSION_MS).0.to_string();
    let signature = town.house.store.keys().sign("pay form of a link", &[&hash, &until]);
    format!("l.{hash}.{until}.{signature}")
}

/// What somebody would have filled in. Panics at an action nobody has described: its cells would
/// prove nothing.
pub fn form_of(town: &Town, route: &Route, caller: Caller, whose: Whose) -> Form {
    let named = Named::of(town, whose);
    let email = town.alder.accounts[0].email;
    let form = Form::default();
    let password = "a long enough phrase for anybody";
    let birthday = |form: Form| {
        form.with("dob_month", "4")
            .with("dob_day", "1")
            .with("dob_year", "1971")
            .with("ssn4", "1234")
    };
    match route.path {
        "/create-account" => {
            birthday(form.with("email", "new@patient.example").with("password", password))
        }
        "/sign-in" => form.with("email", email).with("password", password),
        "/code" => form.with("action", "send").naming("contact", named.contact),
        "/office-code" => form.with("code", "AAAA-2222"),
        "/forgot" => form.with("email", "nobody@patient.example"),
        "/reset/{token}" => form.with("password", password).with("password_again", password),
        "/confirm-email/{token}" | "/unsubscribe/{token}" | "/account/sign-out" => form,
        "/account/add" => birthday(form),
        "/account/pay" => form.naming("claim", named.claim),
        "/account/preferences" => form.with("on", "text").with("lang", "en"),
        "/account/question" => {
            form.naming("claim", named.claim).with("question", "what is this for?")
        }
        "/staff/sign-in" => {
            form.with("email", "hawthorne.manager@staff.example").with("password", password)
        }
        "/staff/sign-in/code" => form.with("code", "123456"),
        "/staff/sign-out" => form,
        "/webhooks/stripe/{practice}" => form.with("id", "evt_1").with("object", "event"),
        "/webhooks/twilio/{practice}/sms" | "/webhooks/twilio/{practice}/status" => {
            form.with("MessageSid", "SM1").with("From", "+12125550161").with("Body", "STOP")
        }
        "/webhooks/twilio/{practice}/call/{message}"
        | "/webhooks/twilio/{practice}/call/{message}/key" => {
            let turn = form.with("CallSid", "CA1").with("AnsweredBy", "human").with("Digits", "9");
            turn.with("To", "+12125550161").with("From", "+12125550142")
        }
        "/webhooks/twilio/{practice}/menu"
        | "/webhooks/twilio/{practice}/menu/key"
        | "/webhooks/twilio/{practice}/menu/code" => form
            .with("CallSid", "CA1")
            .with("From", "+12125550161")
            .with("To", "+12125550142")
            .with("Digits", "22232345"),
        "/webhooks/twilio/{practice}/call-status" => {
            form.with("CallSid", "CA1").with("CallStatus", "completed")
        }
        "/webhooks/email/{practice}" => form.with("event", "bounce").with("email", email),
        "/staff/inbox/canned" => {
            form.with("title", "Hours").with("body", "We are open until five.")
        }
        "/staff/inbox/canned/{canned}/remove"
        | "/staff/inbox/{conversation}/close"
        | "/staff/inbox/{conversation}/reopen"
        | "/staff/settings/rules/reviewed"
        | "/staff/settings/rules/{rule}/restore" => form,
        "/staff/inbox/{conversation}/send" => {
            form.with("text", "Please call us.").naming("account", named.guarantor)
        }
        "/staff/inbox/{conversation}/assign" => form.with("staff", ""),
        "/staff/inbox/{conversation}/link" => form.naming("account", named.guarantor),
        "/staff/inbox/{conversation}/replies/{reply}/meaning" => form.with("meaning", "dispute"),
        "/staff/settings/numbers/look" | "/staff/settings/numbers/use" => {
            form.with("number", "+12125550199").with("order", "")
        }
        "/staff/settings/templates/{template}" => form.with("seen", "0").with("body", "Hello."),
        "/staff/settings/templates/{template}/default" => form.with("seen", "0"),
        "/staff/settings/rules/{rule}" => form.with("reason", "stricter here"),
        "/api/v1/imports" => form,
        "/api/v1/payments/{id}/posted" => form.with("posted", "true"),
        "/staff/statements/selection" => form.with("criteria", "method=text").with("do", "none"),
        "/staff/statements/send/{draft}" => form.with("do", "send").with("confirmed", "yes"),
        "/staff/statements/sent/{job}" => form.with("mark", "yes"),
        "/staff/patients/{guarantor}/identity" => form,
        "/staff/patients/{guarantor}/note" => form.with("note", "rang, nobody there"),
        "/staff/patients/{guarantor}/flag" => form.with("flag", "on"),
        "/staff/patients/{guarantor}/preferences" => {
            form.with("preferred", "email").with("language", "es")
        }
        "/staff/patients/{guarantor}/hold" => form
            .with("kind", "pause")
            .naming("claim", named.claim)
            .with("reason", "asked for time")
            .with("until", ""),
        "/staff/patients/{guarantor}/holds/{hold}/lift" => form.with("reason", "over"),
        "/staff/patients/{guarantor}/contacts" => {
            form.with("kind", "email").with("value", "second@patient.example")
        }
        "/staff/patients/{guarantor}/contacts/save" => {
            let id = named.contact;
            form.naming(&format!("shown-{id}"), id.clone()).with(&format!("line-{id}"), "landline")
        }
        "/staff/patients/{guarantor}/contacts/{contact}/remove" => form.with("confirmed", "yes"),
        "/staff/patients/{guarantor}/text" => {
            form.naming("phone", named.contact).with("text", "Please call us.")
        }
        "/staff/patients/{guarantor}/access-code" => form.with("checked", "1"),
        "/staff/jobs/{job}/approve-some" => form.naming("message", named.message),
        "/staff/messages/{message}/edit" => form
            .with("subject", "Your bill")
            .with("text", "A few other words.")
            .with("version", "1"),
        "/staff/messages/{message}/archive" => form.with("reason", "paid").with("note", ""),
        "/staff/messages/{message}/opt-out" => form.with("where", "this"),
        "/staff/messages/{message}/instead" => form.with("channel", "email"),
        "/staff/messages/{message}/handled/undo" => form,
        "/staff/profiles" | "/staff/segments" => {
            form.with("name", format!("{caller:?}'s")).with("kind", "dunning")
        }
        "/staff/profiles/{version}/edit" => form.with("name", "Another name").with("seen", "1"),
        "/staff/profiles/{version}/approve"
        | "/staff/profiles/{version}/activate"
        | "/staff/profiles/{version}/retire"
        | "/staff/profiles/{version}/copy"
        | "/staff/profiles/{version}/raise"
        | "/staff/profiles/{version}/simulate"
        | "/staff/segments/{segment}/delete" => form.with("confirmed", "yes"),
        "/staff/follow-ups/{follow_up}" => form.with("outcome", "reached").with("note", "rang"),
        "/staff/follow-ups/{follow_up}/decide" => form.with("verdict", "yes").with("reason", "due"),
        "/staff/jobs/{job}/pause"
        | "/staff/jobs/{job}/resume"
        | "/staff/jobs/{job}/approve"
        | "/staff/jobs/{job}/cancel"
        | "/staff/jobs/{job}/messages/{message}/exclude"
        | "/staff/replies/{reply}/reviewed" => form,
        "/staff/tasks/{task}/close" => form.with("outcome", "done"),
        "/staff/imports" => form.with("format", "clearbill").with("mode", "full"),
        "/staff/imports/{id}/decide" => form.with("verdict", "accept").with("reason", "checked"),
        "/staff/me/password" => form
            .with("current", "not the password at all")
            .with("password", password)
            .with("password_again", password),
        "/staff/me/recovery" => form.with("recovery_current", "not the password at all"),
        "/staff/me/sessions" => form,
        "/staff/practice" => form.with("practice", town.birch.practice.to_string()),
        "/staff/people" => form
            .with("name", "Rosalind Marchbanks")
            .with("email", format!("{caller:?}@people.example").replace(['(', ')'], ""))
            .with("role", "viewer"),
        "/staff/people/{id}/role" => form.with("role", "biller"),
        "/staff/people/{id}/end" => form.with("confirmed", "yes"),
        "/staff/people/{id}/invitation" | "/staff/settings/keys/{id}/revoke" => form,
        "/staff/invitation/{token}" => {
            form.with("password", password).with("password_again", password).with("code", "123456")
        }
        "/staff/settings/connections/{vendor}" => form.with("secret_key", "sk_test_of_nobody"),
        "/staff/settings/numbers" => form.with("number", "+12125550199"),
        "/staff/settings/keys" => form.with("name", "books"),
        "/staff/settings/{section}" | "/setup/{step}" => form.with("version", "0"),
        "/setup/begin" => form.with("token", "no-such-token"),
        "/setup/account" => form
            .with("practice", "Another Practice")
            .with("name", "Rosalind Marchbanks")
            .with("email", "rosalind@people.example")
            .with("password", password)
            .with("code", "123456"),
        "/staff/payments/exact" => {
            let version = format!("version.{}", named.payment);
            let mut form = form.with(&version, "1");
            form.ids.push(named.payment);
            form
        }
        "/staff/payments/posted" => form.naming("payment", named.payment),
        "/staff/payments/{id}" => {
            let amount = format!("amount.{}", named.claim);
            let mut form = form.with("do", "apply").with("version", "1").with(&amount, "1.00");
            form.ids.push(named.claim);
            form
        }
        "/staff/payments/{id}/undo" => form.naming("journal", named.journal),
        "/staff/payments/{id}/refund" => {
            form.with("amount", "1.00").with("reason", "overpaid").with("confirmed", "yes")
        }
        "/staff/payments/{id}/posted" => form.with("posted", "yes"),
        "/pay" | "/pay/intent" => pay_form(town, caller, form),
        "/pay/declined" => {
            form.with("link", reference(town, caller)).naming("started", named.attempt)
        }
        "/pay/cancel" => {
            form.with("link", reference(town, caller)).naming("attempt", named.attempt)
        }
        "/link/new" => form.with("contact", "nobody@patient.example"),
        "/not-me" => form.with("link", reference(town, caller)),
        "/check-message" => form.with("code", "AAAA"),
        "/reports/blocked" => form.with("blocked-uri", "https://evil.example/skim.js"),
        "/language" => form.with("lang", "es").with("back", "/"),
        other => panic!("{other}: say in forms.rs what somebody would fill in"),
    }
}

fn pay_form(town: &Town, caller: Caller, form: Form) -> Form {
    let [own, other] = town.alder.accounts.as_slice() else { panic!("alder has two accounts") };
    let account = match caller {
        Caller::LinkOther | Caller::PatientOther => other,
        _ => own,
    };
    let attempt = town.house.payments.mint_form(&town.alder.practice, &account.guarantor);
    form.with("link", reference(town, caller))
        .with("attempt", attempt.to_string())
        .with("shown_due_cents", "19120")
        .with("choice", "other")
        .with("amount", "1.00")
}
