//! Reads the rule files. Strict: an unknown key, kind or state is an error, not a rule that never
//! speaks.

use jiff::civil::Date;
use serde::{Deserialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::{
    AppliesWhen, Freedom, HASH_CHARS, Kind, Per, Requirement, Rule, Vector, rule::span_ms,
};
use crate::{
    caps::{Cap, HISTORY_MS},
    decide::{Channel, Class, RuleId, Sender},
    holds::HoldKind,
    window::{Hours, Week},
    zones,
};

const FILES: [&str; 7] = [
    include_str!("../../rules/people.toml"),
    include_str!("../../rules/consent.toml"),
    include_str!("../../rules/practice.toml"),
    include_str!("../../rules/money.toml"),
    include_str!("../../rules/frequency.toml"),
    include_str!("../../rules/hours.toml"),
    include_str!("../../rules/elsewhere.toml"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    rule: Vec<RawRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    id: String,
    title: String,
    words: String,
    speaks_as: Option<RuleId>,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default)]
    applies_when: RawApplies,
    kind: String,
    #[serde(default)]
    params: toml::Table,
    sources: Vec<String>,
    effective_from: Option<Date>,
    effective_to: Option<Date>,
    #[serde(default)]
    reviewed_by: String,
    reviewed_on: Option<Date>,
    #[serde(default)]
    may: Vec<May>,
    #[serde(default)]
    vectors: Vec<Vector>,
}

const fn yes() -> bool {
    true
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum May {
    Disable,
    Tighten,
    Loosen,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawApplies {
    any_state: Vec<String>,
    city: Option<String>,
    any_zip: Vec<(u32, u32)>,
    sender: Vec<Sender>,
    channel: Vec<Channel>,
    class: Vec<Class>,
    zone_unknown: bool,
    nonprofit_hospital: bool,
    final_notice: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CapParams {
    max: u16,
    window: String,
    per: RawPer,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawPer {
    Contact,
    Guarantor,
    Both,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HoursParams {
    /// `08:00-21:00`
    every_day: String,
    saturday: Option<String>,
    sunday: Option<String>,
    #[serde(default)]
    closed_on_holidays: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HoldParams {
    hold: HoldKind,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpanParams {
    max_age: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DaysParams {
    days: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct YearsParams {
    years: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FinalParams {
    after_first_bill_days: u16,
    after_written_notice_days: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequireParams {
    needs: Vec<RawRequirement>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawRequirement {
    WayOut,
    CollectorNotice,
    ValidationNotice,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AtParams {
    at: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoParams {}

/// Every rule of every file, in order.
pub(super) fn read_all() -> Result<Vec<Rule>, String> {
    let mut rules: Vec<Rule> = Vec::new();
    for text in FILES {
        for rule in read(text)? {
            if rules.iter().any(|known| known.id == rule.id) {
                return Err(format!("{} stands twice", rule.id));
            }
            rules.push(rule);
        }
    }
    Ok(rules)
}

/// The files' own version.
pub(super) fn hash() -> String {
    let mut hash = Sha256::new();
    for text in FILES {
        hash.update(text);
    }
    hex::encode(hash.finalize())[..HASH_CHARS].to_owned()
}

pub(super) fn read(text: &str) -> Result<Vec<Rule>, String> {
    let file: RawFile = toml::from_str(text).map_err(|e| e.to_string())?;
    file.rule
        .into_iter()
        .map(|raw| {
            let id = raw.id.clone();
            rule(raw).map_err(|why| format!("{id}: {why}"))
        })
        .collect()
}

fn rule(raw: RawRule) -> Result<Rule, String> {
    let kind = kind(&raw.kind, raw.params)?;
    let own_name = RuleId::ALL.iter().copied().find(|known| known.as_str() == raw.id);
    let may = |what| raw.may.contains(&what);
    let freedom = Freedom {
        may_disable: may(May::Disable),
        may_tighten: may(May::Tighten),
        may_loosen: may(May::Loosen),
    };
    if raw.words.trim().is_empty() || raw.sources.is_empty() {
        return Err("a rule needs words and a source".into());
    }
    Ok(Rule {
        speaks_as: raw.speaks_as.or(own_name),
        applies: applies(raw.applies_when)?,
        id: raw.id,
        title: raw.title,
        words: raw.words,
        enabled: raw.enabled,
        kind,
        sources: raw.sources,
        effective_from: raw.effective_from,
        effective_to: raw.effective_to,
        reviewed_by: raw.reviewed_by,
        reviewed_on: raw.reviewed_on,
        freedom,
        vectors: raw.vectors,
    })
}

fn applies(raw: RawApplies) -> Result<AppliesWhen, String> {
    if let Some(odd) = raw.any_state.iter().find(|s| zones::known_state(s) != Some(s.as_str())) {
        return Err(format!("{odd} is no state"));
    }
    if !raw.any_zip.is_empty() && raw.any_state.is_empty() {
        return Err("ZIPs need the states they lie in".into());
    }
    Ok(AppliesWhen {
        any_state: raw.any_state,
        city: raw.city,
        any_zip: raw.any_zip,
        sender: raw.sender,
        channel: raw.channel,
        class: raw.class,
        zone_unknown: raw.zone_unknown,
        nonprofit_hospital: raw.nonprofit_hospital,
        final_notice: raw.final_notice,
    })
}

fn kind(name: &str, params: toml::Table) -> Result<Kind, String> {
    Ok(match name {
        "frequency_cap" => {
            let CapParams { max, window, per } = take(params)?;
            let window_ms = span_ms(&window)
                .filter(|ms| *ms <= HISTORY_MS)
                .ok_or("a cap looks back at most thirty days")?;
            let per = match per {
                RawPer::Contact => Per::Contact,
                RawPer::Guarantor => Per::Guarantor,
                RawPer::Both => Per::Both,
            };
            Kind::FrequencyCap { cap: Cap { max, window_ms }, per }
        }
        "hours" => Kind::Hours(week(&take(params)?)?),
        "consent" => {
            let NoParams {} = take(params)?;
            Kind::Consent
        }
        "hold" => Kind::Hold(take::<HoldParams>(params)?.hold),
        "staleness" => {
            let span = take::<SpanParams>(params)?.max_age;
            Kind::Staleness { max_age_ms: span_ms(&span).ok_or("not a span of time")? }
        }
        "verified" => Kind::Verified { within_days: take::<DaysParams>(params)?.days },
        "requires" => Kind::Requires(
            take::<RequireParams>(params)?
                .needs
                .into_iter()
                .map(|need| match need {
                    RawRequirement::WayOut => Requirement::WayOut,
                    RawRequirement::CollectorNotice => Requirement::CollectorNotice,
                    RawRequirement::ValidationNotice => Requirement::ValidationNotice,
                })
                .collect(),
        ),
        "final_notice" => {
            let FinalParams { after_first_bill_days, after_written_notice_days } = take(params)?;
            Kind::FinalNotice { after_first_bill_days, after_written_notice_days }
        }
        "charge_notice" => Kind::ChargeNotice { ahead_days: take::<DaysParams>(params)?.days },
        "adult_age" => Kind::AdultAge { years: take::<YearsParams>(params)?.years },
        "built_in" => {
            let NoParams {} = take(params)?;
            Kind::BuiltIn
        }
        "elsewhere" => Kind::Elsewhere { at: take::<AtParams>(params)?.at },
        other => return Err(format!("{other} is no kind of rule")),
    })
}

fn take<T: DeserializeOwned>(params: toml::Table) -> Result<T, String> {
    params.try_into().map_err(|e: toml::de::Error| e.to_string())
}

fn week(raw: &HoursParams) -> Result<Week, String> {
    let every_day = hours(&raw.every_day)?;
    let saturday = raw.saturday.as_deref().map_or(Ok(every_day), hours)?;
    let sunday = raw.sunday.as_deref().map_or(Ok(every_day), hours)?;
    let mut days = [every_day; 7];
    [days[5], days[6]] = [saturday, sunday];
    Ok(Week { days, closed_on_holidays: raw.closed_on_holidays })
}

/// `08:00-21:00` or `closed`.
fn hours(text: &str) -> Result<Hours, String> {
    if text == "closed" {
        return Ok(Hours::CLOSED);
    }
    let minute = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        (hour <= 24 && minute < 60).then_some(hour * 60 + minute)
    };
    text.split_once('-')
        .and_then(|(from, until)| Some(Hours { open: minute(from)?, close: minute(until)? }))
        .filter(|hours| hours.open < hours.close)
        .ok_or_else(|| format!("{text} is not a stretch of hours"))
}
