//! Lookup v2 with line type: deterministic, by the number itself.

use serde_json::json;

use super::{api::Answer, error::TwilioError, is_e164, is_landline};
use crate::wire::Call;

pub fn answer(call: &Call, phone: &str) -> Answer {
    let phone = phone.replace("%2B", "+").replace("%2b", "+");
    if !phone.starts_with('+') || phone.len() > 20 {
        let shown: String = phone.chars().take(20).collect();
        let message = format!("The requested resource /PhoneNumbers/{shown} was not found");
        return Err(TwilioError::new(404, 20404, message));
    }
    let fields = call.query_text("Fields").unwrap_or_default();
    let wants_line_type = fields.split(',').any(|field| field.trim() == "line_type_intelligence");
    let is_american = is_e164(&phone) && phone.len() == 12 && phone.starts_with("+1");
    let valid = is_e164(&phone) && (is_american || !phone.starts_with("+1"));
    let line_type = (wants_line_type && valid).then(|| {
        let landline = is_landline(&phone);
        json!({
            "carrier_name": if landline { "Sandbox Wireline" } else { "Sandbox Wireless" },
            "error_code": null,
            "mobile_country_code": if landline { None } else { Some("311") },
            "mobile_network_code": if landline { None } else { Some("480") },
            "type": if landline { "landline" } else { "mobile" },
        })
    });
    let national =
        is_american.then(|| format!("({}) {}-{}", &phone[2..5], &phone[5..8], &phone[8..]));
    Ok((
        200,
        json!({
            "calling_country_code": is_american.then_some("1"),
            "country_code": is_american.then_some("US"),
            "phone_number": phone,
            "national_format": national,
            "valid": valid,
            "validation_errors": if valid { json!([]) } else { json!(["TOO_SHORT"]) },
            "caller_name": null,
            "sim_swap": null,
            "call_forwarding": null,
            "line_status": null,
            "line_type_intelligence": line_type,
            "identity_match": null,
            "reassigned_number": null,
            "sms_pumping_risk": null,
            "phone_number_quality_score": null,
            "pre_fill": null,
            "url": format!("https://lookups.twilio.com/v2/PhoneNumbers/{phone}"),
        }),
    ))
}
