//! The examples that stand beside a rule, and the machine that runs them.
//!
//! A vector begins with a Wednesday noon on which nothing speaks against reminding Maria, changes
//! what it names, and says what must come of it. A rule with numbers is tried alone, so that an
//! answer is its own and not that of a stricter one beside it.

use jiff::civil::{Date, date};
use serde::Deserialize;

use super::{Kind, Rule, Rulebook};
use crate::{
    clock::{DAY_MS, HOUR_MS, MINUTE_MS, UnixMs},
    decide::{
        AgreedPayment, Approval, Approved, BalanceFacts, Channel, Class, Consent, ConsentSource,
        ContactFacts, Facts, GuarantorFacts, History, LineType, OnlyThisWay, Outcome,
        PaymentUnderWay, PlanStanding, PracticeFacts, Preference, Proposed, Reach, Rules, Says,
        Sender, Sent, Suppression, SuppressionReason, SuppressionScope, Verdict,
        charge::{ChargeFacts, may_charge},
        decide,
    },
    holds::{Hold, HoldKind},
    id::MessageId,
    money::Cents,
    window::{Hours, LEGAL_HOURS, Weekdays, Windows},
    wishes::QuietHours,
    zones::Whereabouts,
};

const PHONE: &str = "+12125550123";
const EMAIL: &str = "maria@patient.example";
/// Wednesday, 2026-03-04T12:00:00-05:00.
const NOON: UnixMs = UnixMs(1_772_643_600_000);

/// One example. Everything left out is as on the Wednesday.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vector {
    pub says: String,
    /// RFC 3339.
    pub now: Option<String>,
    pub class: Option<Class>,
    pub channel: Option<Channel>,
    pub sender: Option<Sender>,
    pub phone: Option<String>,
    pub state: Option<String>,
    pub zip: Option<String>,
    /// Earlier messages: `-6d`, `-23h`.
    pub sent: Vec<String>,
    /// A hold, and when it ends: `never` or `+2d`.
    pub hold: Option<HoldKind>,
    pub hold_ends: Option<String>,
    /// When the message was meant to go, the contact confirmed, the charge announced, the first
    /// bill and the written notice sent.
    pub slot: Option<String>,
    pub verified: Option<String>,
    pub noticed: Option<String>,
    pub first_billed: Option<String>,
    pub written_notice: Option<String>,
    pub born_on: Option<String>,
    /// Facts by name: see `change`.
    pub given: Vec<String>,
    /// `send`, `withhold`, `defer` (whenever), `defer:+1d` or `defer:` and an instant.
    pub expect: String,
}

/// What came of a vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcomes {
    pub says: String,
    pub expected: String,
    /// `Err` says what came instead.
    pub result: Result<(), String>,
}

impl Rulebook {
    /// Runs every vector of a rule, as the product ships it.
    pub fn run_vectors(&self, rule: &Rule) -> Vec<Outcomes> {
        rule.vectors
            .iter()
            .map(|vector| Outcomes {
                says: vector.says.clone(),
                expected: vector.expect.clone(),
                result: self.run(rule, vector),
            })
            .collect()
    }

    fn run(&self, rule: &Rule, vector: &Vector) -> Result<(), String> {
        let now = match &vector.now {
            None => NOON,
            Some(text) => UnixMs::parse_rfc3339(text).ok_or("`now` is no instant")?,
        };
        let expected = Expected::read(&vector.expect, now)?;
        let book = if rule.kind == Kind::BuiltIn { self.clone() } else { self.alone(rule) };
        let rules = Rules {
            windows: Windows {
                hard: LEGAL_HOURS,
                preferred: LEGAL_HOURS,
                preferred_days: Weekdays::EVERY_DAY,
                skip_federal_holidays: false,
                dispatch_lag_ms: 0,
            },
            minimum_balance: Cents(10_00),
            reverify_after_days: None,
            sender: vector.sender.unwrap_or_default(),
            is_nonprofit_hospital: vector.given.iter().any(|g| g == "nonprofit_hospital"),
            book,
        };
        if matches!(rule.kind, Kind::ChargeNotice { .. }) {
            let reason = may_charge(&charge(vector, now)?, &rules, now);
            return expected.meet(&outcome_of(reason.verdict), now);
        }
        let (message, facts, rules) = scenario(vector, rules, now)?;
        let decision = decide(&message, &facts, &rules, now);
        expected.meet(&decision.outcome, now)?;
        let Some(headline) = decision.headline() else { return Ok(()) };
        let is_its_own = rule.speaks_as == Some(headline.rule) || headline.by.contains(&rule.id);
        if is_its_own {
            Ok(())
        } else {
            Err(format!("another rule spoke first: {}", headline.rule))
        }
    }
}

const fn outcome_of(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Pass => Outcome::Send,
        Verdict::Defer(until) => Outcome::Defer { until },
        Verdict::Withhold => Outcome::Withhold,
    }
}

enum Expected {
    Send,
    Withhold,
    Defer,
    Until(UnixMs),
}

impl Expected {
    fn read(text: &str, now: UnixMs) -> Result<Self, String> {
        Ok(match text {
            "send" => Self::Send,
            "withhold" => Self::Withhold,
            "defer" => Self::Defer,
            other => {
                let until = other.strip_prefix("defer:").ok_or("no such outcome")?;
                match UnixMs::parse_rfc3339(until) {
                    Some(at) => Self::Until(at),
                    None => Self::Until(moment(until, now)?),
                }
            }
        })
    }

    fn meet(&self, outcome: &Outcome, now: UnixMs) -> Result<(), String> {
        match (self, outcome) {
            (Self::Send, Outcome::Send)
            | (Self::Withhold, Outcome::Withhold)
            | (Self::Defer, Outcome::Defer { .. }) => Ok(()),
            (Self::Until(at), Outcome::Defer { until }) if at == until => Ok(()),
            (_, Outcome::Defer { until }) => {
                Err(format!("waits until {until}, {} minutes on", until.since(now) / MINUTE_MS))
            }
            (_, Outcome::Send) => Err("goes".into()),
            (_, Outcome::Withhold) => Err("is withheld".into()),
        }
    }
}

/// `-6d`, `+1d`, `-23h`, `+30m` from `now`.
fn moment(text: &str, now: UnixMs) -> Result<UnixMs, String> {
    let wrong = || format!("`{text}` is no distance");
    let unit = match text.chars().last() {
        Some('d') => DAY_MS,
        Some('h') => HOUR_MS,
        Some('m') => MINUTE_MS,
        _ => return Err(wrong()),
    };
    let count: i64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    Ok(now.plus_ms(count * unit))
}

fn moments(text: Option<&String>, now: UnixMs) -> Result<Option<UnixMs>, String> {
    text.map(|text| moment(text, now)).transpose()
}

fn charge(vector: &Vector, now: UnixMs) -> Result<ChargeFacts, String> {
    let is = |name: &str| vector.given.iter().any(|given| given == name);
    Ok(ChargeFacts {
        authorized_at: (!is("not_authorized")).then(|| now.minus_ms(DAY_MS * 90)),
        is_stopped: is("stopped"),
        amount_is_fixed: Some(is("fixed_amount")),
        noticed_at: moments(vector.noticed.as_ref(), now)?,
    })
}

fn scenario(
    vector: &Vector,
    mut rules: Rules,
    now: UnixMs,
) -> Result<(Proposed, Facts, Rules), String> {
    let channel = vector.channel.unwrap_or(Channel::Text);
    let phone = vector.phone.as_deref().unwrap_or(PHONE);
    let recipient = if channel.rings() { phone } else { EMAIL };
    let mut message = Proposed {
        message_id: MessageId::trusted("msg_vector"),
        recipient: recipient.into(),
        class: vector.class.unwrap_or(Class::Dunning),
        channel,
        notice: "vector".into(),
        claims: Vec::new(),
        slot_at: moments(vector.slot.as_ref(), now)?.unwrap_or(now),
        content_hash: "as approved".into(),
        says: Says { way_out: true, collector_notice: true, is_final_notice: false },
    };
    let mut facts = wednesday(recipient, phone, now);
    facts.contact.verified_at = moments(vector.verified.as_ref(), now)?;
    let guarantor = facts.guarantor.as_mut().ok_or("nobody")?;
    if vector.state.is_some() || vector.zip.is_some() {
        guarantor.whereabouts.state.clone_from(&vector.state);
        guarantor.whereabouts.zip.clone_from(&vector.zip);
    }
    if let Some(day) = &vector.born_on {
        guarantor.born_on = Some(day.parse::<Date>().map_err(|e| e.to_string())?);
    }
    if let Some(kind) = vector.hold {
        let until = vector.hold_ends.as_ref().filter(|ends| *ends != "never");
        guarantor.holds.push(Hold::on_account(kind, moments(until, now)?));
    }
    let balance = facts.balance.as_mut().ok_or("no balance")?;
    balance.first_billed_at = moments(vector.first_billed.as_ref(), now)?;
    balance.written_notice_at = moments(vector.written_notice.as_ref(), now)?;
    for text in &vector.sent {
        let sent = Sent { at: moment(text, now)?, notice: text.clone() };
        facts.history.to_contact.push(sent.clone());
        facts.history.to_guarantor.push(sent);
    }
    for name in &vector.given {
        change(name, &mut message, &mut facts, &mut rules, now)?;
    }
    Ok((message, facts, rules))
}

/// Nothing speaks against it: set up, live, agreed, owed, approved.
fn wednesday(recipient: &str, phone: &str, now: UnixMs) -> Facts {
    Facts {
        practice: PracticeFacts {
            is_live: true,
            import_is_held: false,
            platform_text_enabled: true,
            practice_text_enabled: true,
            text_number_chosen: true,
            text_billing_accepted: true,
            text_campaign_registered: true,
            code_sender_is_separate: true,
            proof_approved: true,
            email_sender_tested: true,
            email_paused_for_complaints: false,
            voice_is_on: true,
            caller_number_chosen: true,
            fax_is_on: true,
            texts_paused_by_carriers: false,
            instamed_is_active: false,
            text_name_chars: 15,
            text_name_is_custom: true,
            is_sensitive: false,
        },
        contact: ContactFacts {
            value: recipient.into(),
            line: LineType::Mobile,
            reach: Reach::Good,
            text_enabled: true,
            suppression: None,
            consent: Some(Consent {
                granted: true,
                source: ConsentSource::Staff,
                at: now.minus_ms(DAY_MS),
            }),
            is_wrong_number: false,
            verified_at: None,
            opt_out_confirmed_at: None,
            auto_replied_at: None,
            asked_at: None,
        },
        guarantor: Some(GuarantorFacts {
            not_before: None,
            quiet: None,
            born_on: Some(date(1961, 5, 17)),
            is_separate_from_patients: false,
            holds: Vec::new(),
            only_this_way: None,
            preference: Preference::Either,
            takes_text_or_email: false,
            whereabouts: Whereabouts {
                phone: Some(phone.into()),
                zip: Some("12207".into()),
                state: Some("NY".into()),
                stated_zone: None,
            },
        }),
        balance: Some(BalanceFacts {
            net_due: Some(Cents(82_00)),
            insurance_pending: Some(false),
            payment: PaymentUnderWay::No,
            last_paid_at: None,
            plan: PlanStanding::NoPlan,
            autopay_is_on: false,
            agreed: AgreedPayment::Stands {
                until: Some(now.plus_ms(20 * DAY_MS)),
                charge_at: None,
            },
            first_billed_at: None,
            written_notice_at: None,
            validation_sent_at: Some(now.minus_ms(40 * DAY_MS)),
        }),
        approval: Approval {
            is_required: true,
            given: Some(Approved {
                at: now.minus_ms(HOUR_MS),
                content_hash: "as approved".into(),
                net_due: Cents(82_00),
            }),
        },
        history: History::default(),
    }
}

/// The facts a vector can name.
fn change(
    name: &str,
    message: &mut Proposed,
    facts: &mut Facts,
    rules: &mut Rules,
    now: UnixMs,
) -> Result<(), String> {
    let stop =
        |reason| Some(Suppression { reason, scope: SuppressionScope::Everything, since: now });
    let (practice, contact) = (&mut facts.practice, &mut facts.contact);
    let guarantor = facts.guarantor.as_mut().ok_or("nobody")?;
    let balance = facts.balance.as_mut().ok_or("no balance")?;
    match name {
        "no_consent" => contact.consent = None,
        "refused_consent" => contact.consent.as_mut().ok_or("no consent")?.granted = false,
        "opted_out" => contact.suppression = stop(SuppressionReason::Stop),
        "unsubscribed" => contact.suppression = stop(SuppressionReason::Unsubscribe),
        "confirmed_already" => contact.opt_out_confirmed_at = Some(now),
        "asked_by_key" => contact.asked_at = Some(now),
        "answered_today" => contact.auto_replied_at = Some(now.minus_ms(HOUR_MS)),
        "texts_not_enabled" => contact.text_enabled = false,
        "other_contact" => contact.value = "+12125550199".into(),
        "wrong_number" => contact.is_wrong_number = true,
        "landline" => contact.line = LineType::Landline,
        "bounced" => contact.reach = Reach::HardBounced,
        "another_way_only" => {
            guarantor.only_this_way =
                Some(OnlyThisWay { channel: Channel::Email, value: EMAIL.into() });
        }
        "birthday_unknown" => guarantor.born_on = None,
        "place_unknown" => guarantor.whereabouts = Whereabouts::default(),
        "asked_to_wait_two_days" => guarantor.not_before = Some(now.plus_ms(2 * DAY_MS)),
        "quiet_from_eleven_to_two" => guarantor.quiet = QuietHours::new(11, 14),
        "wants_email" => guarantor.preference = Preference::Email,
        "not_live" => practice.is_live = false,
        "import_held" => practice.import_is_held = true,
        "texts_off" => practice.practice_text_enabled = false,
        "no_number" => practice.text_number_chosen = false,
        "no_billing" => practice.text_billing_accepted = false,
        "no_campaign" => practice.text_campaign_registered = false,
        "instamed" => practice.instamed_is_active = true,
        "long_name" => practice.text_name_chars = 51,
        "telling_name" => (practice.is_sensitive, practice.text_name_is_custom) = (true, false),
        "no_proof" => practice.proof_approved = false,
        "email_untested" => practice.email_sender_tested = false,
        "calls_off" => practice.voice_is_on = false,
        "no_caller_number" => practice.caller_number_chosen = false,
        "fax_off" => practice.fax_is_on = false,
        "takes_texts" => guarantor.takes_text_or_email = true,
        "complaints" => practice.email_paused_for_complaints = true,
        "nothing_due" => balance.net_due = Some(Cents(0)),
        "due_unknown" => balance.net_due = None,
        "five_dollars_due" => {
            balance.net_due = Some(Cents(5_00));
            facts.approval.given.as_mut().ok_or("no approval")?.net_due = Cents(5_00);
        }
        "insurance_pending" => balance.insurance_pending = Some(true),
        "insurance_unknown" => balance.insurance_pending = None,
        "paying_now" => balance.payment = PaymentUnderWay::Open,
        "paid_since" => balance.last_paid_at = Some(now.minus_ms(MINUTE_MS)),
        "plan_kept" => balance.plan = PlanStanding::Kept,
        "autopay" => balance.autopay_is_on = true,
        "nothing_agreed" => balance.agreed = AgreedPayment::Unknown,
        "agreed_otherwise" => balance.agreed = AgreedPayment::Withdrawn,
        "paid_since_agreed" => {
            balance.agreed = AgreedPayment::Paid { at: now.minus_ms(MINUTE_MS) };
        }
        "agreed_day_over" => {
            balance.agreed = AgreedPayment::Stands { until: Some(now), charge_at: None };
        }
        // Told of late, and told all the same.
        "charge_in_nine_days" => {
            let charge_at = Some(now.plus_ms(9 * DAY_MS));
            balance.agreed = AgreedPayment::Stands { until: None, charge_at };
        }
        "no_validation" => balance.validation_sent_at = None,
        "not_approved" => facts.approval.given = None,
        "other_words" => message.content_hash = "changed".into(),
        "no_way_out" => message.says.way_out = false,
        "no_collector_notice" => message.says.collector_notice = false,
        "final_notice" => message.says.is_final_notice = true,
        "office_hours" => {
            rules.windows.preferred = Hours::new(9, 18);
            rules.windows.preferred_days = Weekdays::MONDAY_TO_SATURDAY;
        }
        "holidays_off" => rules.windows.skip_federal_holidays = true,
        // Read where the rules and charges are put together.
        "nonprofit_hospital" | "not_authorized" | "stopped" | "fixed_amount" => {}
        odd => return Err(format!("{odd} is no fact")),
    }
    Ok(())
}
