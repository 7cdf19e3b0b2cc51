//! Random people, messages and practices: mostly fit to be written to, each with a few faults, so
//! that every rule gets its turn to be the only one that speaks.

use domain::{
    clock::{DAY_MS, HOUR_MS, MINUTE_MS, UnixMs},
    decide::{
        AgreedPayment, Approval, Approved, BalanceFacts, Channel, Class, Consent, ConsentSource,
        ContactFacts, Facts, GuarantorFacts, History, LineType, OnlyThisWay, PaymentUnderWay,
        PlanStanding, PracticeFacts, Preference, Proposed, Reach, Rules, Says, Sender, Sent,
        Suppression, SuppressionReason, SuppressionScope,
    },
    holds::{Hold, HoldKind},
    id::{ClaimId, MessageId},
    money::Cents,
    rulebook::{Change, Rulebook},
    window::{Hours, Weekdays, Windows},
    wishes::QuietHours,
    zones::Whereabouts,
};
use jiff::civil::{Date, Weekday};

/// SplitMix64: the same facts for the same seed, on every machine.
pub struct Seeded(u64);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x5eed_5eed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// True once in so many times.
    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap_or(0)]
    }

    fn between(&mut self, least: i64, most: i64) -> i64 {
        least + i64::try_from(self.below(u64::try_from(most - least + 1).unwrap_or(1))).unwrap_or(0)
    }
}

/// What a practice has set, as the oracle reads it.
#[derive(Clone, Debug)]
pub struct House {
    pub from_hour: i64,
    pub until_hour: i64,
    /// Monday is 1.
    pub first_day: i64,
    pub last_day: i64,
    pub skips_holidays: bool,
    pub minimum_cents: i64,
    pub reverify_days: Option<u16>,
    pub collects_for_others: bool,
    pub is_hospital: bool,
    /// The pack of state laws written for solicitation is switched on.
    pub is_strict: bool,
    pub number_check: bool,
    pub most_a_day: u16,
    pub most_a_week: u16,
    pub most_a_month: u16,
    pub stale_hours: u16,
    pub adult_age: u16,
}

pub struct Scenario {
    pub message: Proposed,
    pub facts: Facts,
    pub rules: Rules,
    pub house: House,
    pub now: UnixMs,
}

const PHONES: [&str; 30] = [
    "+12125550123",
    "+13125550123",
    "+13035550123",
    "+16025550123",
    "+13105550123",
    "+19075550123",
    "+18085550123",
    "+18005550123",
    "+17875550123",
    "+16715550123",
    "+16175550123",
    "+12025550123",
    "+13055550123",
    "+14055550123",
    "+12145550123",
    "+19155550123",
    "+14015550123",
    "+18605550123",
    "+12065550123",
    "+14155550123",
    "+12085550123",
    "+12082015555",
    "+18505550123",
    "+14235550123",
    "+17015550123",
    "+16055550123",
    "+13175550123",
    "+13135550123",
    "+19735550123",
    "+13402345678",
];
const ZIPS: [&str; 34] = [
    "10001",
    "12207",
    "10301",
    "11201",
    "11004",
    "11501",
    "02115",
    "20001",
    "33101",
    "32501",
    "73101",
    "75201",
    "79901",
    "06101",
    "02903",
    "98101",
    "94110",
    "60601",
    "80201",
    "85001",
    "96801",
    "99501",
    "99546",
    "99801",
    "46201",
    "46534",
    "47501",
    "58501",
    "49801",
    "83701",
    "00601",
    "96910",
    "00000",
    "07102-1234",
];
const STATES: [&str; 24] = [
    "NY", "NY", "MA", "DC", "FL", "OK", "TX", "CT", "RI", "WA", "CA", "IL", "CO", "AZ", "HI", "AK",
    "IN", "NJ", "MD", "MS", "PR", "ma", "ZZ", "AE",
];
const EMAIL: &str = "maria@patient.example";
const ADDRESS: &str = "1 Main Street, Albany NY 12207";

fn practice(c: &mut Seeded) -> PracticeFacts {
    PracticeFacts {
        is_live: !c.once_in(90),
        import_is_held: c.once_in(90),
        platform_text_enabled: !c.once_in(90),
        practice_text_enabled: !c.once_in(90),
        text_number_chosen: !c.once_in(60),
        text_billing_accepted: !c.once_in(90),
        text_campaign_registered: !c.once_in(90),
        code_sender_is_separate: !c.once_in(2),
        proof_approved: !c.once_in(90),
        email_sender_tested: !c.once_in(90),
        email_paused_for_complaints: c.once_in(90),
        voice_is_on: !c.once_in(6),
        caller_number_chosen: !c.once_in(30),
        fax_is_on: !c.once_in(6),
        texts_paused_by_carriers: c.once_in(90),
        instamed_is_active: c.once_in(90),
        text_name_chars: u32::try_from(c.between(5, 52)).unwrap_or(9),
        text_name_is_custom: !c.once_in(2),
        is_sensitive: c.once_in(40),
    }
}

fn class(c: &mut Seeded) -> Class {
    if c.once_in(2) { Class::Dunning } else { c.pick(&Class::ALL) }
}

fn channel(c: &mut Seeded) -> Channel {
    use Channel::{Email, Fax, Letter, Text, Voice};
    c.pick(&[Text, Text, Text, Text, Email, Email, Email, Voice, Voice, Fax, Letter])
}

/// From now to the end of 2037, and often near the hours at which something opens or closes.
fn instant(c: &mut Seeded) -> UnixMs {
    // 2026-01-01T00:00:00Z.
    let mut at = UnixMs(1_767_225_600_000 + c.between(0, 4_380) * DAY_MS);
    if c.once_in(2) {
        // The day in America, most of the time.
        at = at.plus_ms(c.between(13, 25) * HOUR_MS);
    } else {
        at = at.plus_ms(c.between(0, 23) * HOUR_MS);
    }
    match c.below(4) {
        0 => at,
        1 => at.minus_ms(1),
        _ => at.plus_ms(c.between(0, 3_599_999)),
    }
}

fn ago(c: &mut Seeded, now: UnixMs, most_days: i64) -> UnixMs {
    if c.once_in(5) {
        // To the millisecond.
        return now.minus_ms(c.pick(&[1, 7, 30, 120, 180]) * DAY_MS - c.between(-1, 1));
    }
    now.minus_ms(c.between(0, most_days * 24 * 60) * MINUTE_MS)
}

fn sends(c: &mut Seeded, now: UnixMs, notice: &str) -> Vec<Sent> {
    let count = if c.once_in(2) { 0 } else { c.between(0, 6) };
    (0..count)
        .map(|_| Sent {
            at: if c.once_in(40) { now.plus_ms(HOUR_MS) } else { ago(c, now, 32) },
            notice: if c.once_in(6) { notice.into() } else { c.pick(&["a", "b", "c", "d"]).into() },
        })
        .collect()
}

fn whereabouts(c: &mut Seeded, recipient: &str) -> Whereabouts {
    let phone = match c.below(8) {
        0 => None,
        1 => Some(c.pick(&PHONES).to_owned()),
        _ if recipient.starts_with('+') => Some(recipient.to_owned()),
        _ => Some("+12125550123".to_owned()),
    };
    let random_zip = format!("{:05}", c.below(100_000));
    let zip = match c.below(8) {
        0 => None,
        1 if random_zip != "00000" => Some(random_zip),
        2 => Some(c.pick(&["", "00000", "09001"]).to_owned()),
        _ => Some(c.pick(&ZIPS).to_owned()),
    };
    let state = (!c.once_in(4)).then(|| c.pick(&STATES).to_owned());
    let stated = ["America/Chicago", "Pacific/Honolulu", "Mars/Olympus", "America/New_York"];
    let stated_zone = c.once_in(15).then(|| c.pick(&stated).to_owned());
    Whereabouts { phone, zip, state, stated_zone }
}

fn holds(c: &mut Seeded, now: UnixMs) -> Vec<Hold> {
    let mut holds = Vec::new();
    while c.once_in(6) {
        let kind = c.pick(HoldKind::ALL);
        let until = match c.below(3) {
            0 => None,
            1 => Some(now.minus_ms(c.between(0, 48) * HOUR_MS)),
            _ => Some(now.plus_ms(c.between(1, 480) * HOUR_MS)),
        };
        holds.push(if c.once_in(4) {
            Hold::on_claim(kind, claim(c), until)
        } else {
            Hold::on_account(kind, until)
        });
    }
    holds
}

fn claim(c: &mut Seeded) -> ClaimId {
    ClaimId::trusted(c.pick(&["clm_1", "clm_2", "clm_3"]))
}

fn guarantor(c: &mut Seeded, recipient: &str, channel: Channel, now: UnixMs) -> GuarantorFacts {
    let year = i16::try_from(c.between(1930, 2014)).unwrap_or(1961);
    let (month, day) = (c.between(1, 12), c.between(1, 28));
    let born = Date::new(year, i8::try_from(month).unwrap_or(1), i8::try_from(day).unwrap_or(1));
    use Preference::{Both, Either, Email, Text};
    GuarantorFacts {
        born_on: if c.once_in(15) { None } else { born.ok() },
        is_separate_from_patients: c.once_in(2),
        holds: holds(c, now),
        only_this_way: c.once_in(20).then(|| OnlyThisWay {
            channel: if c.once_in(2) { channel } else { Channel::Fax },
            value: if c.once_in(4) { EMAIL.into() } else { recipient.into() },
        }),
        preference: c.pick(&[Either, Either, Either, Both, Both, Text, Email]),
        takes_text_or_email: c.once_in(3),
        whereabouts: whereabouts(c, recipient),
        not_before: c.once_in(25).then(|| now.plus_ms(c.between(-96, 240) * HOUR_MS)),
        quiet: if c.once_in(12) { quiet(c) } else { None },
    }
}

fn quiet(c: &mut Seeded) -> Option<QuietHours> {
    let mut hour = || i8::try_from(c.between(0, 23)).unwrap_or(12);
    QuietHours::new(hour(), hour())
}

fn contact(c: &mut Seeded, recipient: &str, now: UnixMs) -> ContactFacts {
    let reasons = [
        SuppressionReason::Stop,
        SuppressionReason::KeyPress,
        SuppressionReason::FreeText,
        SuppressionReason::Unsubscribe,
        SuppressionReason::Staff,
        SuppressionReason::Carrier,
        SuppressionReason::WrongNumber,
        SuppressionReason::Complaint,
    ];
    let lines = [LineType::Mobile, LineType::Voip, LineType::Unknown];
    let bad_lines = [LineType::Landline, LineType::TollFree];
    let bad = [
        Reach::Invalid,
        Reach::NotMobile,
        Reach::HardBounced,
        Reach::KeepsBouncing,
        Reach::CarrierBlocked,
    ];
    ContactFacts {
        value: if c.once_in(80) { "+12125550199".into() } else { recipient.into() },
        line: if c.once_in(30) { c.pick(&bad_lines) } else { c.pick(&lines) },
        reach: if c.once_in(30) { c.pick(&bad) } else { Reach::Good },
        text_enabled: !c.once_in(40),
        suppression: c.once_in(12).then(|| Suppression {
            reason: c.pick(&reasons),
            scope: c.pick(&[SuppressionScope::Everything, SuppressionScope::AllButReceipts]),
            since: now.minus_ms(c.between(0, 10) * MINUTE_MS),
        }),
        consent: (!c.once_in(15)).then(|| Consent {
            granted: !c.once_in(30),
            source: ConsentSource::Import,
            at: if c.once_in(50) { now.plus_ms(HOUR_MS) } else { ago(c, now, 900) },
        }),
        is_wrong_number: c.once_in(80),
        verified_at: (!c.once_in(4)).then(|| ago(c, now, 200)),
        opt_out_confirmed_at: c.once_in(6).then(|| now.minus_ms(c.between(0, 12) * MINUTE_MS)),
        auto_replied_at: c.once_in(3).then(|| ago(c, now, 2)),
        asked_at: c.once_in(3).then(|| now.minus_ms(c.between(-2, 14) * MINUTE_MS)),
    }
}

fn balance(c: &mut Seeded, now: UnixMs) -> BalanceFacts {
    let due = if c.once_in(25) { c.between(-500, 1_100) } else { c.between(1_000, 90_000) };
    BalanceFacts {
        net_due: (!c.once_in(60)).then_some(Cents(due)),
        insurance_pending: if c.once_in(40) { c.pick(&[None, Some(true)]) } else { Some(false) },
        payment: if c.once_in(30) {
            c.pick(&[PaymentUnderWay::Open, PaymentUnderWay::Unknown])
        } else {
            PaymentUnderWay::No
        },
        last_paid_at: c.once_in(3).then(|| ago(c, now, 60)),
        plan: plan(c),
        autopay_is_on: c.once_in(50),
        agreed: agreed(c, now),
        first_billed_at: (!c.once_in(6)).then(|| ago(c, now, 400)),
        written_notice_at: (!c.once_in(6)).then(|| ago(c, now, 100)),
        validation_sent_at: (!c.once_in(6)).then(|| ago(c, now, 100)),
    }
}

fn agreed(c: &mut Seeded, now: UnixMs) -> AgreedPayment {
    let near = |c: &mut Seeded| now.plus_ms(c.between(-3, 20) * DAY_MS);
    match c.below(12) {
        0 => AgreedPayment::Unknown,
        1 => AgreedPayment::Withdrawn,
        2 => AgreedPayment::Paid { at: ago(c, now, 30) },
        _ => AgreedPayment::Stands {
            until: (!c.once_in(3)).then(|| near(c)),
            charge_at: c.once_in(2).then(|| near(c)),
        },
    }
}

fn plan(c: &mut Seeded) -> PlanStanding {
    match c.below(40) {
        0 => PlanStanding::Kept,
        1 => PlanStanding::Behind,
        _ => PlanStanding::NoPlan,
    }
}

fn house(c: &mut Seeded) -> House {
    let from = c.between(8, 11);
    let first = if c.once_in(6) { 2 } else { 1 };
    let usual = c.once_in(2);
    House {
        from_hour: if usual { 9 } else { from },
        until_hour: if usual { 18 } else { c.between(from + 3, 21) },
        first_day: first,
        last_day: c.pick(&[5, 6, 6, 6, 7]),
        skips_holidays: c.once_in(2),
        minimum_cents: c.pick(&[1_000, 1_000, 500, 5_000]),
        reverify_days: c.once_in(12).then(|| c.pick(&[30, 180, 365])),
        collects_for_others: c.once_in(8),
        is_hospital: c.once_in(4),
        is_strict: c.once_in(5),
        number_check: c.once_in(25),
        most_a_day: 1,
        most_a_week: if c.once_in(8) { 1 } else { 2 },
        most_a_month: if c.once_in(8) { 3 } else { 4 },
        stale_hours: if c.once_in(8) { 6 } else { 24 },
        adult_age: if c.once_in(20) { 21 } else { 18 },
    }
}

fn rules(house: &House) -> Rules {
    let mut changes = Vec::new();
    let mut number = |rule: &str, name: &str, value: u16, usual: u16| {
        if value != usual {
            let numbers = [(name.to_owned(), value)].into();
            changes.push(Change { rule: rule.into(), enabled: None, numbers });
        }
    };
    number("M15.week", "max", house.most_a_week, 2);
    number("M15.month", "max", house.most_a_month, 4);
    number("M40", "hours", house.stale_hours, 24);
    number("D-3", "years", house.adult_age, 18);
    let mut switch = |rule: &str, on: bool| {
        if on {
            changes.push(Change { rule: rule.into(), enabled: Some(true), ..Change::default() });
        }
    };
    for rule in ["M12.early", "M12.CT", "M12.TX", "M12.RI", "M12.freq"] {
        switch(rule, house.is_strict);
    }
    switch("M33", house.number_check);
    let hour = |h: i64| u16::try_from(h).unwrap_or(9);
    let days = (house.first_day..=house.last_day)
        .filter_map(|d| Weekday::from_monday_one_offset(i8::try_from(d).ok()?).ok());
    Rules {
        windows: Windows {
            preferred: Hours::new(hour(house.from_hour), hour(house.until_hour)),
            preferred_days: Weekdays::of(days),
            skip_federal_holidays: house.skips_holidays,
            ..Windows::default()
        },
        minimum_balance: Cents(house.minimum_cents),
        reverify_after_days: house.reverify_days,
        sender: if house.collects_for_others { Sender::ThirdParty } else { Sender::FirstParty },
        is_nonprofit_hospital: house.is_hospital,
        book: Rulebook::product().with(&changes),
    }
}

pub fn scenario(c: &mut Seeded) -> Scenario {
    let now = instant(c);
    let (class, channel) = (class(c), channel(c));
    let recipient = match channel {
        Channel::Email => EMAIL.to_owned(),
        Channel::Letter => ADDRESS.to_owned(),
        _ if c.once_in(80) => "+442079460958".to_owned(),
        _ if c.once_in(2) => "+12125550123".to_owned(),
        _ => c.pick(&PHONES).to_owned(),
    };
    let balance = (!c.once_in(60)).then(|| balance(c, now));
    let due = balance.as_ref().and_then(|b| b.net_due).unwrap_or_default();
    let slot = match c.below(12) {
        0 => now.plus_ms(c.between(1, 72) * HOUR_MS),
        1 => ago(c, now, 2),
        _ => now.minus_ms(c.between(0, 5) * HOUR_MS),
    };
    let message = Proposed {
        message_id: MessageId::trusted("msg_oracle"),
        recipient: recipient.clone(),
        class,
        channel,
        notice: "mine".into(),
        claims: if c.once_in(2) { Vec::new() } else { vec![claim(c)] },
        slot_at: slot,
        content_hash: "as approved".into(),
        says: Says {
            way_out: !c.once_in(40),
            collector_notice: !c.once_in(6),
            is_final_notice: c.once_in(4),
        },
    };
    let facts = Facts {
        practice: practice(c),
        contact: contact(c, &recipient, now),
        guarantor: (!c.once_in(30)).then(|| guarantor(c, &recipient, channel, now)),
        approval: Approval {
            is_required: !c.once_in(3),
            given: (!c.once_in(15)).then(|| Approved {
                at: ago(c, now, 2),
                content_hash: if c.once_in(40) { "other".into() } else { "as approved".into() },
                net_due: if c.once_in(40) { Cents(due.0 + 1) } else { due },
            }),
        },
        balance,
        history: History { to_contact: sends(c, now, "mine"), to_guarantor: sends(c, now, "mine") },
    };
    let house = house(c);
    Scenario { rules: rules(&house), message, facts, house, now }
}

/// Somebody there against whom nothing speaks but the hour.
pub fn fit(class: Class, channel: Channel, place: Whereabouts, now: UnixMs) -> Scenario {
    let house = House {
        from_hour: 9,
        until_hour: 18,
        first_day: 1,
        last_day: 6,
        skips_holidays: true,
        minimum_cents: 1_000,
        reverify_days: None,
        collects_for_others: false,
        is_hospital: false,
        is_strict: false,
        number_check: false,
        most_a_day: 1,
        most_a_week: 2,
        most_a_month: 4,
        stale_hours: 24,
        adult_age: 18,
    };
    let message = Proposed {
        message_id: MessageId::trusted("msg_oracle"),
        recipient: EMAIL.into(),
        class,
        channel,
        notice: "mine".into(),
        claims: Vec::new(),
        slot_at: now,
        content_hash: "as approved".into(),
        says: Says { way_out: true, ..Says::default() },
    };
    let facts = Facts {
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
            text_name_chars: 12,
            text_name_is_custom: true,
            is_sensitive: false,
        },
        contact: ContactFacts {
            value: EMAIL.into(),
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
            born_on: Date::new(1961, 5, 17).ok(),
            is_separate_from_patients: false,
            holds: Vec::new(),
            only_this_way: None,
            preference: Preference::Either,
            takes_text_or_email: true,
            whereabouts: place,
            not_before: None,
            quiet: None,
        }),
        balance: Some(BalanceFacts {
            net_due: Some(Cents(82_00)),
            insurance_pending: Some(false),
            payment: PaymentUnderWay::No,
            last_paid_at: None,
            plan: PlanStanding::NoPlan,
            autopay_is_on: false,
            agreed: AgreedPayment::Stands { until: None, charge_at: None },
            first_billed_at: None,
            written_notice_at: None,
            validation_sent_at: None,
        }),
        approval: Approval { is_required: false, given: None },
        history: History::default(),
    };
    Scenario { rules: rules(&house), message, facts, house, now }
}
