//! The cadence simulator (MS4): a version tried on the whole book for the next sixty days. Nothing
//! is written but the result; the same `next` and the same `decide` answer as on the day itself. It
//! assumes that nobody pays, answers or opts out, so it shows the most that would go.

use std::collections::BTreeMap;

use domain::{
    clock::{DAY_MS, HOUR_MS, UnixMs},
    decide::{Channel, Outcome, Sent},
    id::{ForecastId, GuarantorId, PracticeId, ProfileVersionId},
    practice::Practice,
    profile::{Action, Due, Skip, Step, is_held_out},
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use store::{
    audit::{self, Actor, Entry},
    ladder,
    profile::Version,
    selection,
};

use crate::{
    Engine, Refusal, Result,
    facts::{Gathered, gather},
    ladder::{Climber, Ground, notice_of, wants_no_paper},
    select::best_contact,
};

/// How far it looks.
pub const DAYS: i64 = 60;
/// Accounts looked at together.
const PAGE: i64 = 256;
/// Looks at one account; a ladder that wants more is cut short and said to be.
const LOOKS_MOST: usize = 400;
/// Accounts shown one by one.
const EXAMPLES: usize = 50;

/// What would happen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outlook {
    pub from: UnixMs,
    pub days: i64,
    /// Accounts with something due.
    pub accounts: i64,
    /// Accounts whose profile this is.
    pub theirs: i64,
    /// By day of the practice, then channel.
    pub by_day: BTreeMap<Date, BTreeMap<String, i64>>,
    /// By hour of the day at the practice, 0 to 23.
    pub by_hour: BTreeMap<i8, i64>,
    /// The most messages of one hour of one day, and when.
    pub busiest: Option<(Date, i8, i64)>,
    /// By step id, then what came of its turns.
    pub by_step: BTreeMap<u16, BTreeMap<String, i64>>,
    /// Turns for which nothing may be sent, by the rule that says so.
    pub withheld: BTreeMap<String, i64>,
    pub calls: i64,
    pub letters: i64,
    pub proposals: i64,
    pub held_out: i64,
    pub texts: i64,
    pub emails: i64,
    pub segments: i64,
    /// In millionths of a dollar, by the practice's price of a segment.
    pub cost_micros: i64,
    /// Messages put off because another account of the same phone or email had its turn.
    pub collisions: i64,
    pub examples: Vec<Example>,
}

/// What one account would get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    pub guarantor: GuarantorId,
    pub name: String,
    /// When, which step, and the channel or what a person would do.
    pub events: Vec<(UnixMs, u16, String)>,
}

impl Outlook {
    pub fn messages(&self) -> i64 {
        self.by_day.values().flat_map(BTreeMap::values).sum()
    }
}

impl Engine {
    /// Writes down that a version is tried; [`Engine::run_forecast`] does it.
    pub async fn start_forecast(
        &self,
        practice: &PracticeId,
        version: &ProfileVersionId,
        by: &Actor,
    ) -> Result<ForecastId> {
        let version = self.profile_version(practice, version).await?;
        let (world, practice, by) = (self.world().clone(), practice.clone(), by.clone());
        let id = self
            .store()
            .write(move |db| {
                let (world, practice) = (world.clone(), practice.clone());
                let (version, by) = (version.clone(), by.clone());
                Box::pin(async move {
                    let label = by.label();
                    let id =
                        store::forecast::insert(db, &world, &practice, &version.id, &label).await?;
                    let entry =
                        Entry::new(&practice, by, "try", "profile_version", version.id.as_str());
                    audit::insert(db, &world, &entry).await?;
                    Ok(id)
                })
            })
            .await?;
        Ok(id)
    }

    /// Tries the version on the book and keeps what it found, or why it found nothing.
    pub async fn run_forecast(
        &self,
        practice: &PracticeId,
        id: &ForecastId,
        version: &ProfileVersionId,
    ) -> Result<()> {
        let outcome = self.forecast(practice, id, version).await;
        let (world, practice, id) = (self.world().clone(), practice.clone(), id.clone());
        let text = match &outcome {
            Ok(outlook) => Ok(serde_json::to_string(outlook).expect("an outlook is plain data")),
            Err(_) => Err("The book could not be read to its end. Try again.".to_owned()),
        };
        self.store()
            .write(move |db| {
                let (world, practice) = (world.clone(), practice.clone());
                let (id, text) = (id.clone(), text.clone());
                Box::pin(async move {
                    let outcome = text.as_deref().map_err(String::as_str);
                    store::forecast::mark_finished(db, &practice, &id, outcome, world.now()).await
                })
            })
            .await?;
        outcome.map(|_| ())
    }

    async fn forecast(
        &self,
        practice: &PracticeId,
        id: &ForecastId,
        version: &ProfileVersionId,
    ) -> Result<Outlook> {
        let practice = self.practice(practice).await?;
        let mut version = self.profile_version(&practice.id, version).await?;
        let now = self.now();
        // As if activated now, in the place its profile has.
        version.activated_at = Some(now);
        let mut db = self.store().read().await?;
        let mut rivals = store::profile::list_active(&mut db, &practice.id).await?;
        rivals.retain(|other| other.profile != version.profile);
        rivals.push(version.clone());
        rivals.sort_by_key(|v| (v.place, v.profile.clone()));
        let book = store::template::load_book(&mut db, &practice.id).await?;
        let sample = self.sample(&practice, &book, Channel::Text, now);
        let segments = sample.map_or(1, |sample| sample.segments);
        let mut trial = Trial {
            practice: &practice,
            version: &version,
            rivals: &rivals,
            segments,
            outlook: Outlook { from: now, days: DAYS, ..Outlook::default() },
            hours: BTreeMap::new(),
            taken: BTreeMap::new(),
        };
        let filter = selection::Filter {
            ready: true,
            pending_patient: true,
            ..selection::Filter::default()
        };
        let mut after: Option<GuarantorId> = None;
        let mut seen = 0;
        loop {
            let page =
                selection::list(&mut db, &practice.id, &filter, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            seen += i64::try_from(page.len()).unwrap_or(0);
            trial.page(&mut db, &page, now).await?;
            self.note_progress(&practice.id, id, seen).await?;
        }
        Ok(trial.finish())
    }

    async fn note_progress(&self, practice: &PracticeId, id: &ForecastId, seen: i64) -> Result<()> {
        let (practice, id) = (practice.clone(), id.clone());
        self.store()
            .write(move |db| {
                let (practice, id) = (practice.clone(), id.clone());
                Box::pin(async move {
                    store::forecast::mark_progress(db, &practice, &id, seen, seen).await
                })
            })
            .await?;
        Ok(())
    }

    /// The newest trial of a version, and what it found.
    pub async fn latest_forecast(
        &self,
        practice: &PracticeId,
        version: &ProfileVersionId,
    ) -> Result<Option<(store::forecast::Forecast, Option<Outlook>)>> {
        let mut db = self.store().read().await?;
        let Some(found) = store::forecast::find_latest(&mut db, practice, version).await? else {
            return Ok(None);
        };
        let outlook = found.result.as_deref().and_then(|text| serde_json::from_str(text).ok());
        if found.state == "done" && outlook.is_none() {
            return Err(Refusal::NotFound.into());
        }
        Ok(Some((found, outlook)))
    }
}

/// A trial under way.
struct Trial<'a> {
    practice: &'a Practice,
    version: &'a Version,
    rivals: &'a [Version],
    /// Of one text, by the sample.
    segments: i64,
    outlook: Outlook,
    hours: BTreeMap<(Date, i8), i64>,
    /// When a phone or email was last written to, whatever the account.
    taken: BTreeMap<String, UnixMs>,
}

impl Trial<'_> {
    async fn page(
        &mut self,
        db: &mut store::Db,
        page: &[GuarantorId],
        now: UnixMs,
    ) -> store::Result<()> {
        let mut gathered = gather(db, self.practice, page, &[], now).await?;
        let ground = Ground::read(db, &self.practice.id, page, now).await?;
        for id in page {
            // A copy: the marks of the trial go into what was gathered.
            let Some(account) = gathered.accounts.get(id).cloned() else { continue };
            let Some(mut climber) = Climber::of(self.practice, &account, &ground, now) else {
                continue;
            };
            self.outlook.accounts += 1;
            let is_theirs =
                climber.version(self.rivals).is_some_and(|found| found.id == self.version.id);
            if !is_theirs {
                continue;
            }
            self.outlook.theirs += 1;
            let events = self.climb(&mut gathered, &mut climber, now);
            if !events.is_empty() && self.outlook.examples.len() < EXAMPLES {
                let guarantor = &account.guarantor;
                let name = guarantor.name.clone();
                self.outlook.examples.push(Example {
                    guarantor: guarantor.id.clone(),
                    name,
                    events,
                });
            }
        }
        Ok(())
    }

    /// Plays the days that come for one account.
    fn climb(
        &mut self,
        gathered: &mut Gathered,
        climber: &mut Climber<'_>,
        now: UnixMs,
    ) -> Vec<(UnixMs, u16, String)> {
        let end = now.plus_ms(DAYS * DAY_MS);
        let zone = self.practice.zone();
        let mut events = Vec::new();
        let mut at = now;
        for _ in 0..LOOKS_MOST {
            if climber.ends_at(self.practice, self.version).is_some_and(|over| over <= at) {
                break;
            }
            let today = at.day_in(&zone);
            let since = climber.anchors.responsibility;
            climber.view.age_days = since
                .and_then(|day| day.until(today).ok())
                .map_or(0, |span| i64::from(span.get_days()));
            let next = climber.next(self.practice, self.version, at);
            for (due, why) in &next.skipped {
                self.count_step(due.turn.step, why.as_str());
                self.note(climber, due, why.as_str(), None, at);
                if *why == Skip::Missed {
                    *self.outlook.withheld.entry("missed".into()).or_default() += 1;
                }
            }
            for due in &next.due {
                let Some(step) =
                    self.version.document.steps.iter().find(|s| s.id == due.turn.step).cloned()
                else {
                    continue;
                };
                let what = self.take(gathered, climber, due, &step, at);
                if let Some((when, what)) = what {
                    events.push((when, due.turn.step, what));
                }
            }
            // What was sent may have begun other steps, as an acceptance does on the day itself.
            let soonest = match next.due.is_empty() {
                true => next.look_at.unwrap_or(end),
                false => at,
            };
            at = soonest.max(at.plus_ms(HOUR_MS));
            if at >= end {
                break;
            }
        }
        events
    }

    fn take(
        &mut self,
        gathered: &mut Gathered,
        climber: &mut Climber<'_>,
        due: &Due,
        step: &Step,
        at: UnixMs,
    ) -> Option<(UnixMs, String)> {
        let account = climber.account;
        let guarantor = account.guarantor.id.clone();
        if is_held_out(&guarantor, self.version.profile.as_str(), step) {
            self.outlook.held_out += 1;
            self.count_step(step.id, "held_out");
            self.note(climber, due, "held_out", None, at);
            return None;
        }
        let person = match &step.action {
            Action::Remind { channels, with_call, .. } => {
                self.outlook.calls += i64::from(*with_call);
                return self.remind(gathered, climber, due, step, channels, at);
            }
            Action::Call => {
                self.outlook.calls += 1;
                "call"
            }
            Action::Letter if wants_no_paper(self.version, account) => {
                self.count_step(step.id, "paperless");
                self.note(climber, due, "paperless", None, at);
                return None;
            }
            Action::Letter => {
                self.outlook.letters += 1;
                "letter"
            }
            Action::ProposeCollections => {
                self.outlook.proposals += 1;
                "collections"
            }
            Action::Review => "review",
        };
        self.count_step(step.id, person);
        self.note(climber, due, person, None, at);
        Some((at, person.to_owned()))
    }

    fn remind(
        &mut self,
        gathered: &mut Gathered,
        climber: &mut Climber<'_>,
        due: &Due,
        step: &Step,
        channels: &[Channel],
        at: UnixMs,
    ) -> Option<(UnixMs, String)> {
        let account = climber.account;
        let mut against = None;
        let mut sent = None;
        for channel in channels {
            let Some((contact, decision)) = best_contact(gathered, account, *channel, at) else {
                continue;
            };
            let when = match decision.outcome {
                Outcome::Send => at,
                Outcome::Defer { until } => until,
                Outcome::Withhold => {
                    against = against.or(decision.headline().map(|r| r.rule.as_str()));
                    continue;
                }
            };
            sent = Some((*channel, contact.value_index.clone(), when));
            break;
        }
        let Some((channel, value_index, when)) = sent else {
            let why = against.unwrap_or("no contact");
            *self.outlook.withheld.entry(why.to_owned()).or_default() += 1;
            self.count_step(step.id, "withheld");
            // Tried again within the grace on the day itself; counted once here.
            self.note(climber, due, "withheld", None, at);
            return None;
        };
        let earlier = self.taken.insert(value_index.clone(), when);
        if earlier.is_some_and(|earlier| (0..DAY_MS).contains(&when.since(earlier)) && when > at) {
            self.outlook.collisions += 1;
        }
        let guarantor = &account.guarantor.id;
        let notice = notice_of(guarantor, self.version, &climber.cycle, due);
        for subject in [value_index.as_str(), guarantor.as_str()] {
            gathered.add_mark(subject, Sent { at: when, notice: notice.clone() });
        }
        self.count_message(channel, when);
        self.count_step(step.id, "sent");
        self.note(climber, due, "written", Some(notice), when);
        climber.view.reminders += 1;
        let day = when.day_in(&self.practice.zone());
        climber.anchors.first_reminder.get_or_insert(day);
        climber.anchors.latest_reminder = Some(day);
        Some((when, channel.as_str().to_owned()))
    }

    fn note(
        &self,
        climber: &mut Climber<'_>,
        due: &Due,
        outcome: &str,
        notice: Option<String>,
        at: UnixMs,
    ) {
        climber.steps.push(ladder::Step {
            profile: self.version.profile.clone(),
            version: self.version.id.clone(),
            cycle: climber.cycle.clone(),
            turn: due.turn,
            outcome: outcome.to_owned(),
            slot_at: due.slot,
            at,
            notice,
            accepted_at: None,
            failed: Vec::new(),
        });
    }

    fn count_step(&mut self, step: u16, what: &str) {
        *self.outlook.by_step.entry(step).or_default().entry(what.to_owned()).or_default() += 1;
    }

    fn count_message(&mut self, channel: Channel, when: UnixMs) {
        let zoned = when.timestamp().to_zoned(self.practice.zone());
        let (day, hour) = (zoned.date(), zoned.hour());
        let code = channel.as_str().to_owned();
        *self.outlook.by_day.entry(day).or_default().entry(code).or_default() += 1;
        *self.outlook.by_hour.entry(hour).or_default() += 1;
        *self.hours.entry((day, hour)).or_default() += 1;
        match channel {
            Channel::Text => {
                self.outlook.texts += 1;
                self.outlook.segments += self.segments;
                let price = self.practice.settings.text_price_micros;
                self.outlook.cost_micros += self.segments.saturating_mul(price);
            }
            Channel::Email => self.outlook.emails += 1,
            Channel::Voice | Channel::Fax | Channel::Letter => {}
        }
    }

    fn finish(mut self) -> Outlook {
        let busiest =
            self.hours.iter().max_by_key(|(when, count)| (**count, std::cmp::Reverse(*when)));
        self.outlook.busiest = busiest.map(|((day, hour), count)| (*day, *hour, *count));
        self.outlook
    }
}
