//! What vendors and carriers do wrong: single faults of money, texts, mail and webhooks; carriers that
//! lose, delay, repeat and reorder what they report; a vendor, or our own server, that is gone for
//! days.

use domain::clock::{DAY_MS, HOUR_MS};
use sandbox::{Channel, FaultKind, FaultRule, Vendor};

use crate::{
    facts::channel_name,
    town::{Done, Town},
};

/// Faults of money, of texts, of mail, of webhooks.
const FAULTS: [(Vendor, &str, FaultKind); 21] = [
    (Vendor::Stripe, "payment_intents.create", FaultKind::Timeout),
    (Vendor::Stripe, "payment_intents.create", FaultKind::TimeoutAfterSuccess),
    (Vendor::Stripe, "payment_intents.create", FaultKind::Truncate),
    (Vendor::Stripe, "payment_intents.cancel", FaultKind::TimeoutAfterSuccess),
    (Vendor::Stripe, "payment_intents.confirm", FaultKind::Processing),
    (Vendor::Stripe, "*", FaultKind::Error500),
    (Vendor::Stripe, "*", FaultKind::RateLimit),
    (Vendor::Stripe, "refunds.create", FaultKind::TimeoutAfterSuccess),
    (Vendor::Twilio, "messages.create", FaultKind::TimeoutAfterSuccess),
    (Vendor::Twilio, "messages.create", FaultKind::Timeout),
    (Vendor::Twilio, "messages.create", FaultKind::Error500),
    (Vendor::Twilio, "messages.create", FaultKind::RateLimit),
    (Vendor::Twilio, "calls.create", FaultKind::TimeoutAfterSuccess),
    (Vendor::Interfax, "faxes.create", FaultKind::TimeoutAfterSuccess),
    (Vendor::Smtp, "*", FaultKind::Reset),
    (Vendor::Smtp, "*", FaultKind::Error500),
    (Vendor::Webhook, "*", FaultKind::Duplicate),
    (Vendor::Webhook, "*", FaultKind::Reorder),
    (Vendor::Webhook, "*", FaultKind::Delay),
    (Vendor::Webhook, "*", FaultKind::Reset),
    (Vendor::Webhook, "*", FaultKind::Drop),
];
/// What carriers report of a text.
const REPORTS: [&str; 3] = ["messages.sent", "messages.delivered", "messages.undelivered"];
/// What they do to a report.
const TO_REPORTS: [FaultKind; 5] =
    [FaultKind::Drop, FaultKind::Duplicate, FaultKind::Reorder, FaultKind::Delay, FaultKind::Reset];
/// Why a text does not arrive: the phone is off, a landline, blocked, a filter, unknown, no number.
const UNDELIVERED: [&str; 6] = ["30003", "30004", "30005", "30006", "30007", "30008"];
/// What is down for days, and how it fails meanwhile. Mail whose fate nobody knows is lost, so a mail
/// server that hangs is left to the single faults.
const OUTAGES: [(Vendor, FaultKind, &[Channel]); 5] = [
    (Vendor::Twilio, FaultKind::Error500, &[Channel::Text, Channel::Call]),
    (Vendor::Twilio, FaultKind::Timeout, &[Channel::Text, Channel::Call]),
    (Vendor::Smtp, FaultKind::Error500, &[Channel::Email]),
    (Vendor::Stripe, FaultKind::Error500, &[]),
    (Vendor::Stripe, FaultKind::Timeout, &[]),
];
/// More requests than anybody makes in an outage.
const ALL: u32 = 1_000_000;

impl Town<'_> {
    pub fn fault(&mut self) -> Done {
        let Some((vendor, operation, kind)) = self.dice.pick(&FAULTS).copied() else {
            return Ok(());
        };
        let mut rule = FaultRule::new(vendor, operation, kind);
        if vendor == Vendor::Webhook || kind == FaultKind::Processing {
            rule.ms = Some(self.dice.roll(30 * 60 * 1_000));
        }
        rule.skip = self.few(3);
        self.script(rule)
    }

    /// Reports are lost, late, twice or out of order; texts are taken and never arrive.
    pub fn carrier_errs(&mut self) -> Done {
        let rule = match self.dice.roll(4) {
            0 => {
                let code = self.dice.pick(&UNDELIVERED).copied().unwrap_or("30008");
                let decline = FaultRule::new(Vendor::Twilio, "messages.create", FaultKind::Decline);
                FaultRule { times: 1 + self.few(3), ..decline.with_code(code) }
            }
            1 if self.dice.roll(2) == 0 => {
                FaultRule::new(Vendor::Twilio, "messages.create", FaultKind::Drop)
            }
            1 => return self.carrier_repeats(),
            _ => {
                let report = self.dice.pick(&REPORTS).copied().unwrap_or("messages.sent");
                let kind = self.dice.pick(&TO_REPORTS).copied().unwrap_or(FaultKind::Drop);
                let late_ms = self.dice.roll(3 * DAY_MS.unsigned_abs());
                let rule = FaultRule::new(Vendor::Webhook, report, kind).with_ms(late_ms);
                FaultRule { times: 1 + self.few(12), ..rule }
            }
        };
        let skip = self.few(3);
        self.script(FaultRule { skip, ..rule })
    }

    /// A status that a text had long before, or never had: the phone has shown it all the same.
    fn carrier_repeats(&mut self) -> Done {
        let mailbox = self.stage.sandbox.mailbox();
        let texts = mailbox.iter().filter(|item| item.channel == Channel::Text);
        let texts: Vec<&String> = texts.filter_map(|item| item.vendor_id.as_ref()).collect();
        let Some(text) = self.dice.pick(&texts) else { return Ok(()) };
        for _ in 0..=self.dice.roll(3) {
            let status = self.dice.pick(&["queued", "sent", "delivered", "undelivered"]);
            let status = status.copied().unwrap_or("sent");
            let said = self.stage.sandbox.carrier_repeats(text, status);
            said.map_err(|e| e.to_string())?;
        }
        self.facts.played.faults += 1;
        Ok(())
    }

    /// For one to four days nothing works there; then all of it does.
    pub async fn vendor_is_down(&mut self) -> Done {
        let Some((vendor, kind, channels)) = self.dice.pick(&OUTAGES).copied() else {
            return Ok(());
        };
        self.facts.were_down.extend(channels.iter().map(|channel| channel_name(*channel)));
        self.script(FaultRule::new(vendor, "*", kind).times(ALL))?;
        let days = i64::from(1 + self.few(4));
        self.settle().await?;
        self.advance(days * DAY_MS).await?;
        self.note_lost(&[vendor]);
        self.stage.sandbox.clear_faults_of(vendor).map_err(|e| e.to_string())
    }

    /// Nobody works here for longer than any grace.
    pub fn server_is_down(&mut self) -> Done {
        let hours = 73 + i64::try_from(self.dice.roll(120)).unwrap_or_default();
        self.facts.played.outages += 1;
        self.jump(hours * HOUR_MS)
    }

    fn few(&mut self, sides: u64) -> u32 {
        u32::try_from(self.dice.roll(sides)).unwrap_or_default()
    }

    fn script(&mut self, mut rule: FaultRule) -> Done {
        // Held connections end at once: the client's patience is not what is tested here.
        rule.ms = rule.ms.or(Some(1));
        self.facts.played.faults += 1;
        self.scripted.push(rule.clone());
        let added = self.stage.sandbox.add_faults(vec![rule]).map_err(|e| e.to_string())?;
        added.map_err(|e| e.to_string())
    }

    /// How many messages the script of these vendors may have lost for good. Mail whose fate nobody
    /// knows is not sent again, a text is tried a few times, and what a carrier drops is gone.
    pub fn note_lost(&mut self, vendors: &[Vendor]) {
        let waiting = self.stage.sandbox.faults();
        for (vendor, channel) in [(Vendor::Smtp, Channel::Email), (Vendor::Twilio, Channel::Text)] {
            let uses = |rules: &[FaultRule]| -> u32 {
                let of_vendor = rules.iter().filter(|rule| rule.vendor() == vendor);
                of_vendor.filter(|rule| loses(rule)).map(|rule| rule.times).sum()
            };
            if vendors.contains(&vendor) {
                let used = uses(&self.scripted).saturating_sub(uses(&waiting));
                let used = usize::try_from(used).unwrap_or(usize::MAX);
                *self.facts.lost.entry(channel_name(channel)).or_default() += used;
            }
        }
        self.scripted.retain(|rule| !vendors.contains(&rule.vendor()));
    }
}

const fn loses(rule: &FaultRule) -> bool {
    matches!(
        rule.kind,
        FaultKind::Reset | FaultKind::Timeout | FaultKind::Drop | FaultKind::Decline
    )
}
