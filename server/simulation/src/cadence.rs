//! Statement profiles on an old book: a manager drafts, proofs and activates them, puts a new version
//! in the place of an old one, and retires them. What a step's day is, is reckoned here a second
//! time, from the file and by other code than the product's.

use domain::{
    clock::UnixMs,
    decide::Channel,
    profile::{Action, Anchor, Paper, Profile, Repeat, Step},
    segment::Filter,
    template::Kind,
};
use jiff::{ToSpan, tz::TimeZone};
use store::{audit::Actor, profile::Version};

use crate::{
    book::Bill,
    facts::Activated,
    office::said_no,
    town::{Done, Town},
};

/// The practice's zone, in which a step has its hour.
const ZONE: &str = "America/New_York";
/// The hour of a step that names none.
const USUAL_HOUR: i8 = 9;

fn manager() -> Actor {
    Actor::Staff("stf_manager".into())
}

/// When a turn of a step falls for one bill.
pub(crate) fn slot_of(step: &Step, occurrence: u16, bill: &Bill) -> Option<UnixMs> {
    let every = step.repeat.map_or(0, |repeat| i64::from(repeat.every_days));
    let days = i64::from(step.days) + every * i64::from(occurrence);
    let day = bill.day(step.anchor)?.checked_add(days.days()).ok()?;
    let zone = TimeZone::get(ZONE).ok()?;
    let at = day.at(step.hour.unwrap_or(USUAL_HOUR), 0, 0, 0).to_zoned(zone).ok()?;
    Some(UnixMs(at.timestamp().as_millisecond()))
}

impl Town<'_> {
    pub async fn change_profiles(&mut self) -> Done {
        let mut db = self.stage.store.read().await.map_err(|e| e.to_string())?;
        let active = store::profile::list_active(&mut db, &self.stage.practice).await;
        drop(db);
        let active = active.map_err(|e| e.to_string())?;
        let version = self.dice.pick(&active).cloned();
        match (self.dice.roll(6), version) {
            (0, Some(version)) => {
                let (engine, practice) = (&self.engine, &self.stage.practice);
                said_no(engine.retire_profile(practice, &version, &manager()).await).map(|_| ())
            }
            (1..=3, Some(version)) => self.replace(&version).await,
            _ => self.activate_profile().await,
        }
    }

    /// From a name to the first accounts that climb it.
    pub async fn activate_profile(&mut self) -> Done {
        let name = format!("Cadence {}", self.facts.activated.len() + 1);
        let document = self.draw_profile(None);
        let (engine, practice) = (&self.engine, &self.stage.practice);
        let drafted = engine.create_profile(practice, &name, &manager()).await;
        let Some(id) = said_no(drafted)? else { return Ok(()) };
        self.put_to_work(&id, document).await
    }

    /// The next version of a profile: some steps stay, others move.
    async fn replace(&mut self, version: &Version) -> Done {
        let document = self.draw_profile(Some(&version.document));
        let (engine, practice) = (&self.engine, &self.stage.practice);
        let copied = engine.copy_profile(practice, &version.id, &manager()).await;
        let Some(id) = said_no(copied)? else { return Ok(()) };
        self.put_to_work(&id, document).await
    }

    async fn put_to_work(&mut self, id: &domain::id::ProfileVersionId, document: Profile) -> Done {
        let (engine, practice, by) = (&self.engine, &self.stage.practice, manager());
        let seen = async || engine.profile_version(practice, id).await.map_err(|e| e.to_string());
        let draft = seen().await?;
        if said_no(engine.save_profile(practice, &draft, &document, &by).await)?.is_none() {
            return Ok(());
        }
        let draft = seen().await?;
        if said_no(engine.approve_profile(practice, &draft, &by).await)?.is_none() {
            return Ok(());
        }
        let version = seen().await?;
        if said_no(engine.activate_profile(practice, &version, &by).await)?.is_some() {
            let at = self.stage.world.now();
            self.facts.activated.insert(id.clone(), Activated { document, at });
            self.facts.played.activations += 1;
        }
        Ok(())
    }

    /// Steps around the age that some bill of the book has now: behind it, on it, and soon after.
    fn draw_profile(&mut self, from: Option<&Profile>) -> Profile {
        let mut steps = Vec::new();
        for id in 1..=u16::try_from(2 + self.dice.roll(4)).unwrap_or(2) {
            let kept = from.and_then(|old| old.steps.iter().find(|step| step.id == id));
            match kept {
                Some(step) if self.dice.roll(2) == 0 => steps.push(step.clone()),
                _ => steps.extend(self.draw_step(id)),
            }
        }
        let ends_after_days = if self.dice.roll(4) == 0 { 120 } else { 700 };
        let (paper, applies_to) = (Paper::InAddition, Filter::default());
        Profile { paper, applies_to, steps, ends_after_days }
    }

    fn draw_step(&mut self, id: u16) -> Option<Step> {
        let anchors = [Anchor::Responsibility, Anchor::FirstStatement, Anchor::DueDate];
        let anchor = self.dice.pick(&anchors).copied()?;
        let accounts = self.facts.book.accounts.values();
        let days: Vec<_> =
            accounts.flat_map(|account| &account.bills).filter_map(|b| b.day(anchor)).collect();
        let today = self.stage.world.now().day_in(&TimeZone::get(ZONE).ok()?);
        let age = self.dice.pick(&days)?.until(today).ok()?.get_days();
        let days = age + i32::try_from(self.dice.roll(10)).ok()? - 3;
        // Only the due date is known before it comes.
        let days = if anchor == Anchor::DueDate { days } else { days.max(0) };
        let (text, email) = (Channel::Text, Channel::Email);
        let channels = match self.dice.roll(6) {
            0 => vec![email, text],
            1 => vec![text],
            2 => vec![text, email, Channel::Voice],
            3 => vec![email, Channel::Fax],
            _ => vec![text, email],
        };
        let action = match self.dice.roll(8) {
            0 => Action::Call,
            1 => Action::Letter,
            _ => {
                let words = [None, Some(Kind::ReminderGentle), Some(Kind::ReminderPlain)];
                let words = self.dice.pick(&words).copied().flatten();
                Action::Remind { channels, words, with_call: self.dice.roll(5) == 0 }
            }
        };
        // Often enough that somebody's day comes while the town is looked at.
        let every_days = u16::try_from(1 + self.dice.roll(3)).ok()?;
        let times = u16::try_from(2 + self.dice.roll(20)).ok()?;
        let repeat = (self.dice.roll(2) == 0).then_some(Repeat { every_days, times });
        let hour = (self.dice.roll(3) == 0).then_some(14);
        let hold_out_percent = [0, 0, 30, 50][usize::try_from(self.dice.roll(4)).ok()?];
        Some(Step {
            id,
            name: format!("Step {id}"),
            anchor,
            days,
            repeat,
            action,
            hour,
            only_if: Filter::default(),
            hold_out_percent,
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_turn_has_its_hour_at_the_practice_whatever_the_clocks_do() {
        let bill = Bill {
            cents: 8_200,
            since: date(2026, 3, 1),
            first_statement: None,
            due_on: Some(date(2026, 3, 31)),
        };
        let step = Step {
            id: 1,
            name: "Soon".into(),
            anchor: Anchor::DueDate,
            days: -2,
            repeat: Some(Repeat { every_days: 7, times: 2 }),
            action: Action::Call,
            hour: None,
            only_if: Filter::default(),
            hold_out_percent: 0,
        };
        let at = |text| UnixMs::parse_rfc3339(text);
        assert_eq!(slot_of(&step, 0, &bill), at("2026-03-29T09:00:00-04:00"));
        assert_eq!(slot_of(&step, 1, &bill), at("2026-04-05T09:00:00-04:00"));
        let winter = Step { anchor: Anchor::Responsibility, hour: Some(14), ..step.clone() };
        assert_eq!(slot_of(&winter, 0, &bill), at("2026-02-27T14:00:00-05:00"));
        let unknown = Step { anchor: Anchor::FirstStatement, ..step };
        assert_eq!(slot_of(&unknown, 0, &bill), None);
    }
}
