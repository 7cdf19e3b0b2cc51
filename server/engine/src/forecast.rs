//! The cadence simulator (MS4): a version tried on the whole book for the next sixty days. Nothing
//! is written but the result; the same `next` and the same `decide` answer as on the day itself. It
//! assumes that nobody pays, answers or opts out, so it shows the most that would go.

use std::collections::BTreeMap;

use domain::{
    book::Language,
    clock::{DAY_MS, HOUR_MS, UnixMs},
    decide::{Channel, Outcome, Sent},
    id::{ForecastId, GuarantorId, PracticeId, ProfileVersionId},
    practice::Practice,
    profile::{Action, Due, Skip, Step, is_held_out},
    template::Kind,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use store::{
    audit::{self, Actor, Entry},
    contact::Contact,
    ladder,
    profile::Version,
    selection,
};

use crate::{
    Engine, Refusal, Result, Sizes,
    facts::{Account, Gathered, Recipient, gather},
    ladder::{Climber, Ground, notice_of, wants_no_paper},
    select::{Question, best_contact, hypothetical},
};

/// How far it looks.
pub const DAYS: i64 = 60;
/// Accounts looked at together.
const PAGE: i64 = 256;
/// Looks at one account; a ladder that wants more is cut short and said to be.
const LOOKS_MOST: usize = 400;
/// Accounts shown one by one.
const EXAMPLES: usize = 50;
/// Hours of days listed by how much would go in them.
const HOURS_SHOWN: usize = 24;

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
    /// Automated calls and faxed pages.
    pub robot_calls: i64,
    pub faxes: i64,
    pub segments: i64,
    /// In millionths of a dollar, by the practice's prices: everything together, and by channel.
    pub cost_micros: i64,
    /// Accounts told of in another account's message, because their phone or email is the same.
    pub together: i64,
    pub costs: BTreeMap<String, i64>,
    /// Calls that people of the office make, by day, and how long that takes them.
    pub calls_by_day: BTreeMap<Date, i64>,
    pub call_minutes: i64,
    /// Messages of one hour of one day, the fullest first.
    pub fullest_hours: Vec<(Date, i8, i64)>,
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
        let sample = |channel| self.sample(&practice, &book, channel, now);
        let sizes = [Channel::Text, Channel::Email]
            .map(|channel| sample(channel).map(|sample| sample.sizes).unwrap_or_default());
        let [texts, emails] = sizes;
        let mut trial = Trial {
            practice: &practice,
            version: &version,
            rivals: &rivals,
            texts,
            emails,
            shared: BTreeMap::new(),
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
    /// Of one message, by the sample.
    texts: Sizes,
    emails: Sizes,
    /// The messages of a day to a phone or email, which other accounts of it may join.
    shared: BTreeMap<Shared, Joint>,
    outlook: Outlook,
    hours: BTreeMap<(Date, i8), i64>,
    /// When a phone or email was last written to, whatever the account.
    taken: BTreeMap<String, UnixMs>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shared {
    value_index: String,
    channel: Channel,
    language: Language,
    words: Option<Kind>,
    /// On which it is written.
    day: Date,
}

struct Joint {
    when: UnixMs,
    accounts: usize,
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
                if *with_call {
                    self.count_call(at);
                }
                return self.remind(gathered, climber, due, step, channels, at);
            }
            Action::Call => {
                self.count_call(at);
                "call"
            }
            Action::Letter if wants_no_paper(self.version, account) => {
                self.count_step(step.id, "paperless");
                self.note(climber, due, "paperless", None, at);
                return None;
            }
            Action::Letter => {
                self.outlook.letters += 1;
                self.count_cost(Channel::Letter, 1);
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
            let key = self.shared_of(account, contact, *channel, step, at);
            if let Some(when) = self.join(gathered, account, contact, &key, at) {
                return Some(self.joined(gathered, climber, due, step, (key, when)));
            }
            let when = match decision.outcome {
                Outcome::Send => at,
                Outcome::Defer { until } => until,
                Outcome::Withhold => {
                    against = against.or(decision.headline().map(|r| r.rule.as_str()));
                    continue;
                }
            };
            sent = Some((*channel, key, when));
            break;
        }
        let Some((channel, key, when)) = sent else {
            let why = against.unwrap_or("no contact");
            *self.outlook.withheld.entry(why.to_owned()).or_default() += 1;
            self.count_step(step.id, "withheld");
            // Tried again within the grace on the day itself; counted once here.
            self.note(climber, due, "withheld", None, at);
            return None;
        };
        let value_index = key.value_index.clone();
        let earlier = self.taken.insert(value_index.clone(), when);
        if earlier.is_some_and(|earlier| (0..DAY_MS).contains(&when.since(earlier)) && when > at) {
            self.outlook.collisions += 1;
        }
        let guarantor = &account.guarantor.id;
        let notice = notice_of(guarantor, self.version, &climber.cycle, due);
        for subject in [value_index.as_str(), guarantor.as_str()] {
            gathered.add_mark(subject, Sent { at: when, notice: notice.clone() });
        }
        self.shared.insert(key, Joint { when, accounts: 1 });
        self.count_message(channel, when);
        self.reminded(climber, due, step, notice, when);
        Some((when, channel.as_str().to_owned()))
    }

    fn reminded(
        &mut self,
        climber: &mut Climber<'_>,
        due: &Due,
        step: &Step,
        notice: String,
        when: UnixMs,
    ) {
        self.count_step(step.id, "sent");
        self.note(climber, due, "written", Some(notice), when);
        climber.view.reminders += 1;
        let day = when.day_in(&self.practice.zone());
        climber.anchors.first_reminder.get_or_insert(day);
        climber.anchors.latest_reminder = Some(day);
    }

    /// What messages must have in common to go as one.
    fn shared_of(
        &self,
        account: &Account,
        contact: &Contact,
        channel: Channel,
        step: &Step,
        at: UnixMs,
    ) -> Shared {
        let words = match &step.action {
            Action::Remind { words, .. } => *words,
            _ => None,
        };
        Shared {
            value_index: contact.value_index.clone(),
            channel,
            language: account.guarantor.language.unwrap_or(Language::English),
            words,
            day: at.day_in(&self.practice.zone()),
        }
    }

    /// When a message of that day goes which this account may join: one that has room, and goes when
    /// this account's own might.
    fn join(
        &self,
        gathered: &mut Gathered,
        account: &Account,
        contact: &Contact,
        key: &Shared,
        at: UnixMs,
    ) -> Option<UnixMs> {
        let most = match key.channel {
            Channel::Text => self.texts.most(),
            Channel::Email => self.emails.most(),
            Channel::Voice | Channel::Fax | Channel::Letter => 1,
        };
        let joint = self.shared.get(key).filter(|joint| joint.accounts < most)?;
        // The phone's mark of it is no reason against going in it. Nor are those of later days, which
        // the account before this one has left there.
        let later = gathered.take_marks(&key.value_index, at);
        let recipient = Recipient::on_file(contact);
        let decision =
            hypothetical(gathered, account, &recipient, key.channel, &Question::default(), at);
        for sent in later {
            gathered.add_mark(&key.value_index, sent);
        }
        let may_go = match decision.outcome {
            Outcome::Send => at,
            Outcome::Defer { until } => until,
            Outcome::Withhold => return None,
        };
        (may_go <= joint.when).then_some(joint.when)
    }

    /// The account goes in the message of another: one contact for the phone, one for each.
    fn joined(
        &mut self,
        gathered: &mut Gathered,
        climber: &mut Climber<'_>,
        due: &Due,
        step: &Step,
        (key, when): (Shared, UnixMs),
    ) -> (UnixMs, String) {
        let guarantor = climber.account.guarantor.id.clone();
        let notice = notice_of(&guarantor, self.version, &climber.cycle, due);
        gathered.add_mark(guarantor.as_str(), Sent { at: when, notice: notice.clone() });
        self.outlook.together += 1;
        let channel = key.channel;
        if let Some(joint) = self.shared.get_mut(&key) {
            joint.accounts += 1;
            if channel == Channel::Text {
                let more = self.texts.of(joint.accounts) - self.texts.of(joint.accounts - 1);
                self.outlook.segments += more;
                self.count_cost(channel, more);
            }
        }
        self.reminded(climber, due, step, notice, when);
        (when, channel.as_str().to_owned())
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
        let parts = match channel {
            Channel::Text => self.texts.of(1),
            Channel::Email | Channel::Voice | Channel::Fax | Channel::Letter => 1,
        };
        match channel {
            Channel::Text => {
                self.outlook.texts += 1;
                self.outlook.segments += parts;
            }
            Channel::Email => self.outlook.emails += 1,
            Channel::Voice => self.outlook.robot_calls += 1,
            Channel::Fax => self.outlook.faxes += 1,
            Channel::Letter => self.outlook.letters += 1,
        }
        self.count_cost(channel, parts);
    }

    fn count_cost(&mut self, channel: Channel, parts: i64) {
        let cost = self.practice.settings.price_micros(channel).saturating_mul(parts);
        self.outlook.cost_micros += cost;
        *self.outlook.costs.entry(channel.as_str().to_owned()).or_default() += cost;
    }

    /// A call that somebody of the office makes.
    fn count_call(&mut self, at: UnixMs) {
        self.outlook.calls += 1;
        self.outlook.call_minutes += self.practice.settings.staff_call_minutes;
        let day = at.day_in(&self.practice.zone());
        *self.outlook.calls_by_day.entry(day).or_default() += 1;
    }

    fn finish(mut self) -> Outlook {
        let busiest =
            self.hours.iter().max_by_key(|(when, count)| (**count, std::cmp::Reverse(*when)));
        self.outlook.busiest = busiest.map(|((day, hour), count)| (*day, *hour, *count));
        let mut hours: Vec<(Date, i8, i64)> =
            self.hours.iter().map(|((day, hour), count)| (*day, *hour, *count)).collect();
        hours.sort_by_key(|(day, hour, count)| (std::cmp::Reverse(*count), *day, *hour));
        hours.truncate(HOURS_SHOWN);
        self.outlook.fullest_hours = hours;
        self.outlook
    }
}
