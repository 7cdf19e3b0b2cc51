//! What the browser loads from the stand-in: its script, and the frames with the card fields.

use serde_json::{Value, json};

use super::{Ctx, error::ApiError, intents, page, params::Params};
use crate::{
    wire::{Call, Reply, escaped},
    world::World,
};

const SCRIPT: &str = include_str!("../assets/stripe.js");
const FRAME_SCRIPT: &str = include_str!("../assets/frame.js");
const STYLE: &str = include_str!("../assets/sandbox.css");

/// The frames run nothing but their own script and may stand on any page.
const FRAME_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                            connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *";

pub fn answer(world: &mut World, call: &Call) -> Reply {
    match (call.method.as_str(), call.segments().as_slice()) {
        ("GET", ["endive", "stripe.js"]) => asset("text/javascript", SCRIPT),
        ("GET", ["elements", "frame.js"]) => asset("text/javascript", FRAME_SCRIPT),
        ("GET", ["elements", "sandbox.css"]) => asset("text/css", STYLE),
        ("GET", ["elements", kind @ ("payment" | "wallets" | "email" | "controller")]) => {
            frame(kind, call.query_text("locale").unwrap_or("en"))
        }
        ("GET", ["receipts", charge]) => page::receipt(world, charge),
        ("POST", ["elements", "answer"]) => approval(world, call),
        ("GET" | "POST", ["elements", "approve", id]) => page::approve_intent(world, call, id),
        _ => Reply::new(404, "text/plain; charset=utf-8", "Not found"),
    }
}

fn asset(kind: &str, text: &'static str) -> Reply {
    Reply::new(200, &format!("{kind}; charset=utf-8"), text)
        .header("Cache-Control", "no-cache")
        .header("Access-Control-Allow-Origin", "*")
        .header("Cross-Origin-Resource-Policy", "cross-origin")
}

/// The person's answer to the bank, from the card form's own frame.
fn approval(world: &mut World, call: &Call) -> Reply {
    let result = Params::parse(&call.form()).and_then(|params| {
        let ctx = Ctx { from_browser: true, ..Ctx::default() };
        let id = params.required("payment_intent")?.to_owned();
        if params.text("key") != Some(world.settings().publishable_key.as_str()) {
            return Err(ApiError::unauthorized("Invalid API Key provided."));
        }
        intents::find_for(world, &id, &params, &ctx)?;
        let approves = params.text("answer") == Some("approve");
        let intent = intents::answer_approval(world, &id, approves, &ctx)?;
        Ok(intents::browser_view(intent.json(world.base())))
    });
    match result {
        Ok(body) => Reply::json(200, &body),
        Err(error) => super::api::failed(&error),
    }
}

pub fn is_spanish(locale: &str) -> bool {
    locale == "es" || locale.starts_with("es-")
}

fn words(spanish: bool) -> Value {
    if spanish {
        return json!({
            "incomplete_number": "El número de su tarjeta está incompleto.",
            "invalid_number": "El número de su tarjeta no es válido.",
            "incomplete_expiry": "La fecha de vencimiento está incompleta.",
            "invalid_expiry_month": "El mes de vencimiento no es válido.",
            "incomplete_cvc": "El código de seguridad está incompleto.",
            "incomplete_zip": "El código postal está incompleto.",
            "connection": "No se pudo conectar. No se hizo ningún cargo.",
        });
    }
    json!({
        "incomplete_number": "Your card number is incomplete.",
        "invalid_number": "Your card number is invalid.",
        "incomplete_expiry": "Your card's expiration date is incomplete.",
        "invalid_expiry_month": "Your card's expiration month is invalid.",
        "incomplete_cvc": "Your card's security code is incomplete.",
        "incomplete_zip": "Your ZIP code is incomplete.",
        "connection": "The connection failed.",
    })
}

struct Labels {
    number: &'static str,
    expiry: &'static str,
    zip: &'static str,
    email: &'static str,
    wallet: &'static str,
    bank: &'static str,
    approve: &'static str,
    refuse: &'static str,
    hint: &'static str,
}

const ENGLISH: Labels = Labels {
    number: "Card number",
    expiry: "Expiration",
    zip: "ZIP",
    email: "Email",
    wallet: "Pay with Google Pay (sandbox)",
    bank: "Your bank asks: do you approve this payment?",
    approve: "Approve",
    refuse: "Refuse",
    hint: "Sandbox: 4242 4242 4242 4242, any later date, any CVC and ZIP.",
};

const SPANISH: Labels = Labels {
    number: "Número de tarjeta",
    expiry: "Vencimiento",
    zip: "Código postal",
    email: "Correo electrónico",
    wallet: "Pagar con Google Pay (prueba)",
    bank: "Su banco pregunta: ¿aprueba este pago?",
    approve: "Aprobar",
    refuse: "Rechazar",
    hint: "Prueba: 4242 4242 4242 4242, cualquier fecha futura, CVC y código postal.",
};

fn frame(kind: &str, locale: &str) -> Reply {
    let spanish = is_spanish(locale);
    let labels = if spanish { SPANISH } else { ENGLISH };
    let body = match kind {
        "payment" => payment_fields(&labels),
        "wallets" => format!(
            "<button type=\"button\" class=\"wallet\" id=\"wallet\">{}</button>",
            labels.wallet
        ),
        "email" => format!(
            "<div class=\"field\"><label for=\"email\">{}</label>\
             <input id=\"email\" type=\"email\" autocomplete=\"email\"></div>",
            labels.email
        ),
        _ => approval_box(&labels),
    };
    let title = if spanish { "Pago" } else { "Payment" };
    let class = if kind == "controller" { "controller" } else { "frame" };
    let words = words(spanish).to_string().replace('<', "\\u003c");
    let html = format!(
        "<!doctype html><html lang=\"{lang}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title>\
         <link rel=\"stylesheet\" href=\"/elements/sandbox.css\"></head>\
         <body class=\"{class}\" data-kind=\"{kind}\">{body}\
         <script type=\"application/json\" id=\"words\">{words}</script>\
         <script src=\"/elements/frame.js\" defer></script></body></html>",
        lang = if spanish { "es" } else { "en" },
    );
    Reply::html(200, html)
        .header("Content-Security-Policy", FRAME_POLICY)
        .header("Cache-Control", "no-store")
        .header("Referrer-Policy", "no-referrer")
}

fn field(id: &str, label: &str, attributes: &str) -> String {
    format!(
        "<div class=\"field\"><label for=\"{id}\">{label}</label>\
         <input id=\"{id}\" type=\"text\" {attributes} aria-describedby=\"{id}-error\" required>\
         <p class=\"error\" id=\"{id}-error\" hidden></p></div>",
        label = escaped(label)
    )
}

/// The decline is shown here without an alert role: the page around it announces it in its own words.
fn payment_fields(labels: &Labels) -> String {
    const DIGITS: &str = "inputmode=\"numeric\" autocapitalize=\"off\" spellcheck=\"false\"";
    let number = field(
        "number",
        labels.number,
        &format!(
            "{DIGITS} autocomplete=\"cc-number\" placeholder=\"1234 1234 1234 1234\" maxlength=\"23\""
        ),
    );
    let expiry = field(
        "expiry",
        labels.expiry,
        &format!("{DIGITS} autocomplete=\"cc-exp\" placeholder=\"MM / YY\" maxlength=\"7\""),
    );
    let cvc = field(
        "cvc",
        "CVC",
        &format!("{DIGITS} autocomplete=\"cc-csc\" placeholder=\"CVC\" maxlength=\"4\""),
    );
    let zip = field(
        "zip",
        labels.zip,
        "inputmode=\"numeric\" autocomplete=\"postal-code\" placeholder=\"12345\" maxlength=\"10\"",
    );
    format!(
        "<div id=\"fields\"><p class=\"error\" id=\"decline\" hidden></p>\
         {number}<div class=\"row\">{expiry}{cvc}{zip}</div><p class=\"hint\">{}</p></div>{}",
        labels.hint,
        approval_box(labels)
    )
}

fn approval_box(labels: &Labels) -> String {
    format!(
        "<div id=\"approval\" class=\"approval\" role=\"group\" aria-labelledby=\"bank\" \
         tabindex=\"-1\" hidden><p id=\"bank\">{}</p><div class=\"actions\">\
         <button type=\"button\" id=\"approve\">{}</button>\
         <button type=\"button\" class=\"quiet\" id=\"refuse\">{}</button></div></div>",
        labels.bank, labels.approve, labels.refuse
    )
}
