//! Calls through Twilio: placed with an address that says what to speak, reported step by step.
//!
//! A call's words are not in the request: Twilio asks our server for them once somebody, or an
//! answering machine, has picked up, and tells which of the two it was. A list of calls holds no
//! words either, so a call of unknown outcome is found by the two numbers and the time: our own caps
//! leave a day between two calls to one phone.

use domain::{clock::UnixMs, decide::Channel, gate::SendPermit};
use serde::Deserialize;

use super::{
    Accepted, ChannelError, DeliveryStatus, RefusalCause, Twilio, admit,
    inbound::{MissingField, field, required},
};
use crate::channel::CallMessage;

/// Rings: about six, long enough for a voicemail to take over.
const RING_S: &str = "30";
/// A call that somebody forgot to hang up ends.
const LONGEST_S: &str = "600";
/// Calls to one recipient that a look-up reads, newest first.
const LOOK_UP_LIMIT: &str = "50";
/// How far Twilio's clock, which tells whole seconds, may be behind ours.
const CLOCKS_APART_MS: i64 = 5 * domain::clock::MINUTE_MS;

/// Where a call comes from and who is asked for its words.
#[derive(Clone, Debug)]
pub struct CallPlan {
    /// E.164, one of ours.
    pub from_e164: String,
    /// Answers with TwiML, as the public sees it.
    pub words_url: String,
    pub status_callback: String,
}

/// A call that Twilio has, found by looking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub provider_id: String,
    pub status: DeliveryStatus,
    pub created_at: UnixMs,
}

/// Who picked up, as far as Twilio can hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnsweredBy {
    Human,
    /// An answering machine, or a fax: whoever hears it later may be anybody.
    Machine,
    Unknown,
}

/// Twilio asks what to say next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallTurn {
    /// `CA…`
    pub call_id: String,
    /// E.164; for a call of ours the patient's phone.
    pub to: String,
    pub from: String,
    /// Somebody called us rather than we them.
    pub is_inbound: bool,
    pub answered_by: AnsweredBy,
    /// The keys pressed since the last turn.
    pub digits: Option<String>,
}

/// How far a call came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallReport {
    pub call_id: String,
    pub status: DeliveryStatus,
    /// Twilio's word, with who answered: `completed by machine`.
    pub word: String,
    pub error_code: Option<i64>,
    /// What it asks for, when the call never came about.
    pub cause: Option<RefusalCause>,
}

#[derive(Deserialize)]
struct WireCall {
    sid: String,
    status: String,
    direction: Option<String>,
    /// RFC 2822.
    date_created: Option<String>,
}

impl Twilio {
    /// Places one call. `now` is the permit's clock.
    pub async fn place_call(
        &self,
        permit: SendPermit,
        now: UnixMs,
        call: &CallMessage,
        plan: &CallPlan,
    ) -> Result<Accepted, ChannelError> {
        admit(&permit, Channel::Voice, now, &call.to_e164)?;
        let form = [
            ("To", call.to_e164.as_str()),
            ("From", &plan.from_e164),
            ("Url", &plan.words_url),
            ("Method", "POST"),
            ("StatusCallback", &plan.status_callback),
            ("StatusCallbackMethod", "POST"),
            ("StatusCallbackEvent", "answered"),
            ("StatusCallbackEvent", "completed"),
            // Waits until the machine's greeting is over: the message is then heard whole.
            ("MachineDetection", "DetectMessageEnd"),
            ("Timeout", RING_S),
            ("TimeLimit", LONGEST_S),
        ];
        let url = format!("{}/Calls.json", self.account_url);
        let placed: WireCall = self.answer(self.http.post(url).form(&form)).await?;
        drop(permit);
        Ok(Accepted { status: call_status(&placed.status), segments: 1, provider_id: placed.sid })
    }

    /// Calls of ours between these numbers, newest first, created since `since` on Twilio's clock or
    /// a little before.
    pub async fn find_calls(
        &self,
        to_e164: &str,
        from_e164: &str,
        since: UnixMs,
    ) -> Result<Vec<Placed>, ChannelError> {
        #[derive(Deserialize)]
        struct List {
            calls: Vec<WireCall>,
        }
        let since = since.minus_ms(CLOCKS_APART_MS);
        let query = [("To", to_e164), ("From", from_e164), ("PageSize", LOOK_UP_LIMIT)];
        let url = format!("{}/Calls.json", self.account_url);
        let list: List = self.answer(self.http.get(url).query(&query)).await?;
        let ours = list
            .calls
            .into_iter()
            .filter(|call| call.direction.as_deref().is_none_or(|d| d.starts_with("outbound")));
        Ok(ours
            .filter_map(|call| {
                let created_at = created_at(call.date_created.as_deref()?)?;
                (created_at >= since).then(|| Placed {
                    status: call_status(&call.status),
                    created_at,
                    provider_id: call.sid,
                })
            })
            .collect())
    }
}

fn created_at(rfc2822: &str) -> Option<UnixMs> {
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(rfc2822).ok()?;
    Some(UnixMs(at.as_millisecond()))
}

/// Twilio's words for how far a call came. Answered is delivered, whoever answered.
fn call_status(word: &str) -> DeliveryStatus {
    match word {
        "in-progress" | "answered" => DeliveryStatus::Sent,
        "completed" => DeliveryStatus::Delivered,
        "busy" | "no-answer" => DeliveryStatus::Undelivered,
        "failed" | "canceled" => DeliveryStatus::Failed,
        // queued, initiated, ringing, and what may be added.
        _ => DeliveryStatus::Queued,
    }
}

fn answered_by(form: &[(String, String)]) -> AnsweredBy {
    match field(form, "AnsweredBy") {
        Some("human") => AnsweredBy::Human,
        Some("fax") => AnsweredBy::Machine,
        Some(word) if word.starts_with("machine") => AnsweredBy::Machine,
        _ => AnsweredBy::Unknown,
    }
}

pub fn parse_call_turn(form: &[(String, String)]) -> Result<CallTurn, MissingField> {
    Ok(CallTurn {
        call_id: required(form, "CallSid")?,
        to: required(form, "To")?,
        from: required(form, "From")?,
        is_inbound: field(form, "Direction") == Some("inbound"),
        answered_by: answered_by(form),
        digits: field(form, "Digits").map(str::to_owned),
    })
}

pub fn parse_call_report(form: &[(String, String)]) -> Result<CallReport, MissingField> {
    let word = required(form, "CallStatus")?;
    let status = call_status(&word);
    Ok(CallReport {
        call_id: required(form, "CallSid")?,
        status,
        error_code: field(form, "ErrorCode").and_then(|code| code.parse().ok()),
        // "Most likely the number does not exist", says Twilio, and most likely is not enough to
        // condemn a phone that may still take texts: staff look.
        cause: (word == "failed").then_some(RefusalCause::Permanent),
        word: match answered_by(form) {
            AnsweredBy::Machine => format!("{word} by machine"),
            AnsweredBy::Human | AnsweredBy::Unknown => word,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn a_machine_is_told_from_a_person_and_a_doubt_stays_a_doubt() {
        for (word, who) in [
            ("human", AnsweredBy::Human),
            ("machine_start", AnsweredBy::Machine),
            ("machine_end_beep", AnsweredBy::Machine),
            ("machine_end_other", AnsweredBy::Machine),
            ("fax", AnsweredBy::Machine),
            ("unknown", AnsweredBy::Unknown),
            ("", AnsweredBy::Unknown),
        ] {
            let turn = parse_call_turn(&form(&[
                ("CallSid", "CA1"),
                ("To", "+12125550123"),
                ("From", "+15125550100"),
                ("AnsweredBy", word),
            ]))
            .expect("complete");
            assert_eq!(turn.answered_by, who, "{word}");
        }
    }

    #[test]
    fn a_busy_line_is_undelivered_and_nobodys_fault() {
        let report = |word| {
            parse_call_report(&form(&[("CallSid", "CA1"), ("CallStatus", word)])).expect("complete")
        };
        for word in ["busy", "no-answer"] {
            assert_eq!(report(word).status, DeliveryStatus::Undelivered);
            assert_eq!(report(word).cause, None);
        }
        assert_eq!(report("completed").status, DeliveryStatus::Delivered);
        assert_eq!(report("failed").cause, Some(RefusalCause::Permanent));
        assert_eq!(report("ringing").status, DeliveryStatus::Queued);
    }

    #[test]
    fn a_call_that_only_a_machine_heard_says_so() {
        let report = parse_call_report(&form(&[
            ("CallSid", "CA1"),
            ("CallStatus", "completed"),
            ("AnsweredBy", "machine_end_beep"),
        ]));
        assert_eq!(report.expect("complete").word, "completed by machine");
    }
}
