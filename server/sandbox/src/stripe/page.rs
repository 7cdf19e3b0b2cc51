//! The hosted pages: Checkout, and the bank's approval. Plain forms; they work without a script.

use super::{
    Ctx, cards,
    checkout::{self, Submitted},
    elements::is_spanish,
    error::ApiError,
    intents, methods,
    objects::{Billing, Intent, IntentStatus, Session},
    params::Params,
};
use crate::{
    faults::FaultRule,
    wire::{Call, Reply, escaped},
    world::World,
};

pub fn answer(world: &mut World, call: &Call, fault: Option<&FaultRule>) -> Reply {
    let ctx = Ctx { fault: fault.cloned(), request: world.mint("req_", 14), ..Ctx::default() };
    match (call.method.as_str(), call.segments().as_slice()) {
        ("GET", ["checkout", id]) => show(world, id, &ctx),
        ("POST", ["checkout", id]) => submit(world, call, id, &ctx),
        ("GET", ["checkout", id, "approve"]) => ask(world, id, &ctx),
        ("POST", ["checkout", id, "approve"]) => answer_bank(world, call, id, &ctx),
        _ => Reply::new(404, "text/plain; charset=utf-8", "Not found"),
    }
}

fn origin(url: &str) -> String {
    let end = url.find("://").map_or(0, |at| at + 3);
    let rest = url[end..].find(['/', '?', '#']).map_or(url.len(), |at| end + at);
    url[..rest].chars().filter(|c| !matches!(c, ' ' | ';' | ',' | '\'' | '"')).collect()
}

/// A page. `goes_to` is where its form may lead, which browsers check even for redirects.
fn page(status: u16, lang: &str, title: &str, main: &str, goes_to: &[&str]) -> Reply {
    let origins: Vec<String> = goes_to.iter().map(|url| origin(url)).collect();
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self' {}; base-uri 'none'; \
         frame-ancestors 'none'",
        origins.join(" ")
    );
    let html = format!(
        "<!doctype html><html lang=\"{lang}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{}</title>\
         <link rel=\"stylesheet\" href=\"/elements/sandbox.css\"></head>\
         <body class=\"page\"><main>{main}</main></body></html>",
        escaped(title)
    );
    Reply::html(status, html)
        .header("Content-Security-Policy", &policy)
        .header("Cache-Control", "no-store")
        .header("Referrer-Policy", "no-referrer")
}

fn money(cents: i64) -> String {
    let whole = cents / 100;
    let digits = whole.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("${grouped}.{:02}", cents % 100)
}

struct Words {
    lang: &'static str,
    title: &'static str,
    pay: &'static str,
    back: &'static str,
    email: &'static str,
    number: &'static str,
    expiry: &'static str,
    expiry_hint: &'static str,
    name: &'static str,
    zip: &'static str,
    hint: &'static str,
    over: &'static str,
    bank: &'static str,
    approve: &'static str,
    refuse: &'static str,
    processing: &'static str,
    gone: &'static str,
}

const ENGLISH: Words = Words {
    lang: "en",
    title: "Checkout (sandbox)",
    pay: "Pay",
    back: "Back",
    email: "Email",
    number: "Card number",
    expiry: "Expiration",
    expiry_hint: "Month and year, like 09 / 30",
    name: "Name on card",
    zip: "ZIP",
    hint: "This is a sandbox: use 4242 4242 4242 4242, any later date, any CVC. No money moves.",
    over: "This payment page has expired. Nothing was charged.",
    bank: "Your bank asks: do you approve this payment?",
    approve: "Approve",
    refuse: "Refuse",
    processing: "Your payment is being processed. Please do not pay again.",
    gone: "This payment page does not exist.",
};

const SPANISH: Words = Words {
    lang: "es",
    title: "Pago (prueba)",
    pay: "Pagar",
    back: "Volver",
    email: "Correo electrónico",
    number: "Número de tarjeta",
    expiry: "Vencimiento",
    expiry_hint: "Mes y año, como 09 / 30",
    name: "Nombre en la tarjeta",
    zip: "Código postal",
    hint: "Es una prueba: use 4242 4242 4242 4242, cualquier fecha futura y CVC. No se mueve dinero.",
    over: "Esta página de pago venció. No se hizo ningún cargo.",
    bank: "Su banco pregunta: ¿aprueba este pago?",
    approve: "Aprobar",
    refuse: "Rechazar",
    processing: "Su pago se está procesando. Por favor, no pague otra vez.",
    gone: "Esta página de pago no existe.",
};

fn words(session: &Session) -> &'static Words {
    if is_spanish(session.locale.as_deref().unwrap_or("en")) { &SPANISH } else { &ENGLISH }
}

fn back(session: &Session, words: &Words) -> String {
    let url = session.cancel_url.as_deref();
    url.map_or(String::new(), |url| {
        format!("<a class=\"button quiet\" href=\"{}\">{}</a>", escaped(url), words.back)
    })
}

/// What stands in place of the form once the session is not open.
fn closed(session: &Session) -> Option<Reply> {
    let words = words(session);
    match session.status.as_str() {
        "open" => None,
        "complete" => Some(Reply::see_other(&checkout::success_url(session))),
        _ => {
            let main = format!(
                "<h1>{}</h1><p role=\"status\">{}</p><div class=\"actions\">{}</div>",
                words.title,
                words.over,
                back(session, words)
            );
            Some(page(410, words.lang, words.title, &main, &[]))
        }
    }
}

fn missing() -> Reply {
    let main = format!("<h1>{}</h1><p>{}</p>", ENGLISH.title, ENGLISH.gone);
    page(404, ENGLISH.lang, ENGLISH.title, &main, &[])
}

fn show(world: &mut World, id: &str, ctx: &Ctx) -> Reply {
    match checkout::find(world, id, ctx) {
        Ok(session) => closed(&session).unwrap_or_else(|| form(&session, None)),
        Err(_) => missing(),
    }
}

fn input(id: &str, label: &str, value: &str, attributes: &str) -> String {
    format!(
        "<div class=\"field\"><label for=\"{id}\">{label}</label>\
         <input id=\"{id}\" name=\"{id}\" value=\"{}\" {attributes}></div>",
        escaped(value)
    )
}

fn form(session: &Session, declined: Option<&str>) -> Reply {
    let words = words(session);
    let mut lines = String::new();
    for line in &session.lines {
        let total = money(line.unit_amount.saturating_mul(line.quantity));
        lines.push_str(&format!("<dt>{}</dt><dd>{total}</dd>", escaped(&line.name)));
    }
    let alert = declined.map_or(String::new(), |text| {
        format!("<div class=\"alert\" role=\"alert\"><p>{}</p></div>", escaped(text))
    });
    let email = session.payer_email.as_ref().or(session.customer_email.as_ref());
    let email = email.map_or("", String::as_str);
    let name = session.payer_name.as_deref().unwrap_or_default();
    let fields = [
        input("email", words.email, email, "type=\"email\" autocomplete=\"email\""),
        input(
            "number",
            words.number,
            "",
            "inputmode=\"numeric\" autocomplete=\"cc-number\" maxlength=\"23\" required",
        ),
        "<div class=\"row\">".to_owned(),
        input(
            "expiry",
            words.expiry,
            "",
            "inputmode=\"numeric\" autocomplete=\"cc-exp\" maxlength=\"9\" required \
             aria-describedby=\"expiry-hint\"",
        ),
        input(
            "cvc",
            "CVC",
            "",
            "inputmode=\"numeric\" autocomplete=\"cc-csc\" maxlength=\"4\" required",
        ),
        input("zip", words.zip, "", "autocomplete=\"postal-code\" maxlength=\"10\""),
        format!("</div><p class=\"hint\" id=\"expiry-hint\">{}</p>", words.expiry_hint),
        input("name", words.name, name, "autocomplete=\"cc-name\" maxlength=\"100\""),
    ];
    let total = money(session.total());
    let main = format!(
        "{alert}<h1>{pay} {total}</h1><dl>{lines}</dl>\
         <form method=\"post\" action=\"/checkout/{id}\">{fields}\
         <p class=\"hint\">{hint}</p><div class=\"actions\">\
         <button type=\"submit\">{pay}</button>{back}</div></form>",
        pay = words.pay,
        id = escaped(&session.id),
        fields = fields.concat(),
        hint = words.hint,
        back = back(session, words),
    );
    let status = if declined.is_some() { 402 } else { 200 };
    let goes_to = [session.success_url.as_str()];
    page(status, words.lang, words.title, &main, &goes_to)
}

/// Month and year from `09 / 30`, `0930` or `09/2030`.
fn expiry(text: &str) -> (i64, i64) {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let (month, year) = digits.split_at(digits.len().min(2));
    (month.parse().unwrap_or(0), year.parse().unwrap_or(0))
}

fn submit(world: &mut World, call: &Call, id: &str, ctx: &Ctx) -> Reply {
    let session = match checkout::find(world, id, ctx) {
        Ok(session) => session,
        Err(_) => return missing(),
    };
    if let Some(reply) = closed(&session) {
        return reply;
    }
    let result = Params::parse(&call.form()).and_then(|params| {
        let text = |name: &str| params.text(name).unwrap_or_default();
        let (month, year) = expiry(text("expiry"));
        let today = methods::today(world);
        let card = cards::read(text("number"), month, year, Some(text("cvc")), today)?;
        let owned = |name: &str| params.text(name).map(|text| text.chars().take(200).collect());
        let billing = Billing {
            name: owned("name"),
            email: owned("email"),
            postal_code: owned("zip"),
            ..Billing::default()
        };
        checkout::pay(world, id, card, billing, ctx)
    });
    outcome(world, id, result, ctx)
}

fn outcome(world: &mut World, id: &str, result: Result<Submitted, ApiError>, ctx: &Ctx) -> Reply {
    match result {
        Ok(Submitted::Paid(session)) => Reply::see_other(&checkout::success_url(&session)),
        Ok(Submitted::Asks) => Reply::see_other(&format!("/checkout/{id}/approve")),
        Ok(Submitted::Processing(session)) => {
            let words = words(&session);
            let main =
                format!("<h1>{}</h1><p role=\"status\">{}</p>", words.title, words.processing);
            page(200, words.lang, words.title, &main, &[])
        }
        Err(error) => match checkout::find(world, id, ctx) {
            Ok(session) => closed(&session).unwrap_or_else(|| form(&session, Some(&error.message))),
            Err(_) => missing(),
        },
    }
}

fn approval_form(words: &Words, amount: i64, action: &str, goes_to: &[&str]) -> Reply {
    let main = format!(
        "<h1>{bank}</h1><p>{amount}</p><form method=\"post\" action=\"{action}\">\
         <div class=\"actions\"><button type=\"submit\" name=\"answer\" value=\"approve\">{approve}\
         </button><button type=\"submit\" name=\"answer\" value=\"refuse\" class=\"quiet\">{refuse}\
         </button></div></form>",
        bank = words.bank,
        amount = money(amount),
        action = escaped(action),
        approve = words.approve,
        refuse = words.refuse,
    );
    page(200, words.lang, words.title, &main, goes_to)
}

fn ask(world: &mut World, id: &str, ctx: &Ctx) -> Reply {
    let Ok(session) = checkout::find(world, id, ctx) else { return missing() };
    if let Some(reply) = closed(&session) {
        return reply;
    }
    let intent = session.intent.as_ref().and_then(|id| world.stripe.intents.get(id));
    match intent {
        Some(intent) if intent.status == IntentStatus::RequiresAction => {
            let action = format!("/checkout/{id}/approve");
            approval_form(words(&session), intent.amount, &action, &[&session.success_url])
        }
        _ => Reply::see_other(&format!("/checkout/{id}")),
    }
}

fn answer_bank(world: &mut World, call: &Call, id: &str, ctx: &Ctx) -> Reply {
    let approves = call.form().iter().any(|(name, value)| name == "answer" && value == "approve");
    let result = checkout::answer(world, id, approves, ctx);
    outcome(world, id, result, ctx)
}

/// The bank's page for an intent whose confirm asked to be redirected.
pub fn approve_intent(world: &mut World, call: &Call, id: &str) -> Reply {
    let ctx = Ctx { from_browser: true, ..Ctx::default() };
    let found =
        Params::parse(&call.query).and_then(|params| intents::find_for(world, id, &params, &ctx));
    let Ok(intent) = found else { return missing() };
    let Some(return_url) = intent.return_url.clone() else { return missing() };
    if call.method == "POST" {
        let approves =
            call.form().iter().any(|(name, value)| name == "answer" && value == "approve");
        let ended = intents::answer_approval(world, id, approves, &ctx);
        let status = if ended.is_ok() { "succeeded" } else { "failed" };
        return Reply::see_other(&returned(&return_url, &intent, status));
    }
    if intent.status != IntentStatus::RequiresAction {
        return Reply::see_other(&returned(&return_url, &intent, "succeeded"));
    }
    let action = format!("/elements/approve/{id}?client_secret={}", intent.client_secret);
    approval_form(&ENGLISH, intent.amount, &action, &[&return_url])
}

/// Stripe's own receipt, which charges link to.
pub fn receipt(world: &World, charge: &str) -> Reply {
    let charge = world.stripe.charges.get(charge).filter(|charge| charge.succeeded);
    let Some(charge) = charge else { return missing() };
    let main = format!(
        "<h1>{title}</h1><dl><dt>Paid</dt><dd>{paid}</dd><dt>Refunded</dt><dd>{refunded}</dd>\
         <dt>Card</dt><dd>{brand} {last4}</dd></dl>",
        title = "Receipt (sandbox)",
        paid = money(charge.amount),
        refunded = money(charge.refunded),
        brand = escaped(&charge.card.brand),
        last4 = escaped(&charge.card.last4),
    );
    page(200, ENGLISH.lang, "Receipt (sandbox)", &main, &[])
}

fn returned(return_url: &str, intent: &Intent, status: &str) -> String {
    let joint = if return_url.contains('?') { '&' } else { '?' };
    format!(
        "{return_url}{joint}payment_intent={}&payment_intent_client_secret={}&redirect_status={status}",
        intent.id, intent.client_secret
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_read_as_people_type_it() {
        assert_eq!(expiry("09 / 30"), (9, 30));
        assert_eq!(expiry("0930"), (9, 30));
        assert_eq!(expiry("9"), (9, 0));
        assert_eq!(expiry("12/2031"), (12, 2031));
    }

    #[test]
    fn an_origin_is_the_address_without_its_path() {
        assert_eq!(origin("http://127.0.0.1:3000/pay?x=1"), "http://127.0.0.1:3000");
        assert_eq!(origin("https://a.example"), "https://a.example");
    }

    #[test]
    fn money_is_written_with_commas() {
        assert_eq!(money(123_456_705), "$1,234,567.05");
        assert_eq!(money(8_200), "$82.00");
    }
}
