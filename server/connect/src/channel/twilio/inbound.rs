//! What Twilio tells us: replies of patients and reports about our texts.
//!
//! Only fields we act on are read, and fields we do not know are ignored: Twilio adds some without
//! notice. Check the signature first.

use super::{CodeMeaning, DeliveryStatus, meaning_of, speech::escape, status_of};

/// What Twilio did by itself with a reply. Only with Advanced Opt-Out; the body decides otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptOutType {
    Stop,
    Start,
    Help,
}

/// A reply. The body is not printed by `Debug`: people write about their health.
#[derive(Clone, PartialEq, Eq)]
pub struct Inbound {
    /// `SM…` or `MM…`: the key for duplicates.
    pub provider_id: String,
    pub account_sid: String,
    /// Who wrote, E.164.
    pub from: String,
    /// Our number.
    pub to: String,
    pub messaging_service: Option<String>,
    pub body: String,
    pub opt_out_type: Option<OptOutType>,
    pub media_count: u32,
}

impl std::fmt::Debug for Inbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("Inbound");
        debug.field("provider_id", &self.provider_id).finish_non_exhaustive()
    }
}

/// How far one of our texts came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusReport {
    pub provider_id: String,
    pub account_sid: String,
    pub status: DeliveryStatus,
    /// Twilio's own word, kept for the record; with the id the key for duplicates.
    pub raw_status: String,
    pub error_code: Option<i64>,
}

impl StatusReport {
    /// What the error code asks for, when there is one.
    pub fn meaning(&self) -> Option<CodeMeaning> {
        self.error_code.filter(|code| *code != 0).map(meaning_of)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is missing")]
pub struct MissingField(pub &'static str);

pub fn parse_inbound(form: &[(String, String)]) -> Result<Inbound, MissingField> {
    Ok(Inbound {
        provider_id: required(form, "MessageSid")?,
        account_sid: required(form, "AccountSid")?,
        from: required(form, "From")?,
        to: required(form, "To")?,
        messaging_service: field(form, "MessagingServiceSid").map(str::to_owned),
        // A picture without words has an empty body.
        body: find(form, "Body").unwrap_or_default().to_owned(),
        opt_out_type: match field(form, "OptOutType") {
            Some("STOP") => Some(OptOutType::Stop),
            Some("START") => Some(OptOutType::Start),
            Some("HELP") => Some(OptOutType::Help),
            _ => None,
        },
        media_count: field(form, "NumMedia").and_then(|n| n.parse().ok()).unwrap_or_default(),
    })
}

pub fn parse_status(form: &[(String, String)]) -> Result<StatusReport, MissingField> {
    let raw_status = required(form, "MessageStatus")?;
    Ok(StatusReport {
        provider_id: required(form, "MessageSid")?,
        account_sid: required(form, "AccountSid")?,
        status: status_of(&raw_status),
        raw_status,
        error_code: field(form, "ErrorCode").and_then(|code| code.parse().ok()),
    })
}

/// The answer to a reply: silence, or one text. Never answer a STOP with one: it would be refused.
pub fn twiml(reply: Option<&str>) -> String {
    let mut xml = String::from(r#"<?xml version="1.0" encoding="UTF-8"?>"#);
    match reply {
        None => xml.push_str("<Response/>"),
        Some(text) => {
            xml.push_str("<Response><Message>");
            escape(&mut xml, text);
            xml.push_str("</Message></Response>");
        }
    }
    xml
}

fn find<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}

pub(super) fn field<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    find(form, name).filter(|value| !value.is_empty())
}

pub(super) fn required(
    form: &[(String, String)],
    name: &'static str,
) -> Result<String, MissingField> {
    field(form, name).map(str::to_owned).ok_or(MissingField(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn a_patient_writes_stop() {
        let reply = parse_inbound(&form(&[
            ("MessageSid", "SM1"),
            ("AccountSid", "AC1"),
            ("From", "+15125550123"),
            ("To", "+15125550199"),
            ("Body", "STOP"),
            ("OptOutType", "STOP"),
            ("NumMedia", "0"),
            ("SomethingNew", "x"),
        ]))
        .expect("complete");
        assert_eq!(reply.opt_out_type, Some(OptOutType::Stop));
        assert_eq!((reply.from.as_str(), reply.body.as_str()), ("+15125550123", "STOP"));
        assert!(!format!("{reply:?}").contains("STOP"));
    }

    #[test]
    fn a_picture_without_words_is_still_a_reply() {
        let reply = parse_inbound(&form(&[
            ("MessageSid", "MM1"),
            ("AccountSid", "AC1"),
            ("From", "+15125550123"),
            ("To", "+15125550199"),
            ("Body", ""),
            ("NumMedia", "1"),
        ]))
        .expect("complete");
        assert_eq!((reply.media_count, reply.opt_out_type), (1, None));
    }

    #[test]
    fn a_report_without_its_message_is_refused() {
        let missing = parse_status(&form(&[("MessageStatus", "sent"), ("AccountSid", "AC1")]));
        assert_eq!(missing, Err(MissingField("MessageSid")));
    }

    #[test]
    fn a_landline_shows_up_in_the_report() {
        let report = parse_status(&form(&[
            ("MessageSid", "SM1"),
            ("AccountSid", "AC1"),
            ("MessageStatus", "undelivered"),
            ("ErrorCode", "30006"),
        ]))
        .expect("complete");
        assert_eq!(report.status, DeliveryStatus::Undelivered);
        let cause = super::super::RefusalCause::NotMobile;
        assert_eq!(report.meaning(), Some(CodeMeaning::Never(cause)));
    }

    #[test]
    fn an_answer_is_xml_whatever_the_text() {
        assert!(twiml(None).ends_with("?><Response/>"));
        let reply = twiml(Some("Smith & Sons <b>\u{0}\nbye"));
        assert!(reply.contains("<Message>Smith &amp; Sons &lt;b&gt;\nbye</Message>"), "{reply}");
    }
}
