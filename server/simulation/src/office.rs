//! The office: how the practice is set up, and staff who approve at once, late or twice, edit, leave
//! out, pause, resume and cancel, read the inbox, and write to one patient.

use std::collections::BTreeMap;

use domain::{
    decide::{Channel, LineType},
    id::{GuarantorId, JobId, MessageId},
    practice::Practice,
};
use engine::{Criteria, EngineError, Lift, NewContact, PAY_LINK, Selection};
use sandbox::Manner;
use store::{
    audit::Actor,
    contact::Kind,
    message::{self, State},
};

use crate::{
    letter,
    town::{Done, Town},
};

/// Jobs that staff still look at.
const JOBS_SHOWN: i64 = 20;
/// Messages of one job in a small practice.
const MESSAGES_MOST: i64 = 1_000;
/// Keys that people press when they are called.
const KEYS: [&str; 9] = ["", "", "1", "12", "2", "9", "19", "0", "5"];

fn biller() -> Actor {
    Actor::Staff("stf_biller".into())
}

fn manager() -> Actor {
    Actor::Staff("stf_manager".into())
}

/// The business may say no; only a broken inside is a fault.
pub(crate) fn said_no<T>(answer: Result<T, EngineError>) -> Result<Option<T>, String> {
    match answer {
        Ok(done) => Ok(Some(done)),
        Err(EngineError::Refused(_)) => Ok(None),
        Err(cause) => Err(cause.to_string()),
    }
}

impl Town<'_> {
    /// What this practice has switched on.
    pub async fn settle_in(&mut self) -> Done {
        let mut practice = self.practice().await?;
        let settings = &mut practice.settings;
        settings.approval_is_required = self.dice.roll(2) == 0;
        settings.inbox_is_on = self.dice.roll(2) == 0;
        settings.carrier_answers_stop = self.dice.roll(2) == 0;
        settings.messages_per_hour = (self.dice.roll(4) == 0).then_some(20);
        settings.amount_in_texts = self.dice.roll(2) == 0;
        settings.voice_is_on = self.dice.roll(2) == 0;
        settings.voice_notice_at = settings.voice_is_on.then(|| self.stage.world.now());
        settings.amount_in_calls = self.dice.roll(2) == 0;
        settings.fax_is_on = self.dice.roll(2) == 0;
        self.facts.asks_for_yes = settings.approval_is_required;
        let has_keywords = settings.carrier_answers_stop;
        let ours = self.stage.sandbox.sender().to_owned();
        self.stage.sandbox.own_number(&ours, has_keywords).map_err(|e| e.to_string())?;
        let written = self.stage.store.write(move |db| {
            let practice = practice.clone();
            Box::pin(async move {
                let (id, version) = (&practice.id, practice.version);
                let (name, settings) = (practice.name.as_str(), &practice.settings);
                store::practice::mark_settings(db, id, version, name, settings).await
            })
        });
        written.await.map_err(|e| e.to_string())?;
        // Most have a cadence from the start, on a book that is years old.
        if self.dice.roll(3) == 0 { Ok(()) } else { self.activate_profile().await }
    }

    async fn practice(&self) -> Result<Practice, String> {
        let mut db = self.stage.store.read().await.map_err(|e| e.to_string())?;
        let found = store::practice::load(&mut db, &self.stage.practice).await;
        found.map_err(|e| e.to_string())?.ok_or_else(|| "the practice is gone".to_owned())
    }

    pub async fn send_reminders(&mut self) -> Done {
        let method = match self.dice.roll(8) {
            0..=1 => Channel::Email,
            2 => Channel::Voice,
            3 => Channel::Fax,
            _ => Channel::Text,
        };
        let criteria = Criteria { method, ..Criteria::default() };
        let (engine, practice) = (&self.engine, &self.stage.practice);
        let drafted =
            engine.create_job(practice, &criteria, &Selection::All, None, &biller()).await;
        // Nobody to send to, or the middle of the night: the business said no.
        let Some(drafted) = said_no(drafted)? else { return Ok(()) };
        // Some look at it later, and some days later.
        if self.dice.roll(3) == 0 { Ok(()) } else { self.approve(&drafted.job).await }
    }

    /// Somebody opens one of the newest jobs and does something about it.
    pub async fn work_on_a_job(&mut self) -> Done {
        let mut db = self.stage.store.read().await.map_err(|e| e.to_string())?;
        let jobs = store::job::list(&mut db, &self.stage.practice, None, JOBS_SHOWN).await;
        drop(db);
        let jobs = jobs.map_err(|e| e.to_string())?;
        let Some(job) = self.dice.pick(&jobs).map(|job| job.id.clone()) else { return Ok(()) };
        match self.dice.roll(10) {
            0..=3 => self.approve(&job).await,
            4 => self.approve_some(&job).await,
            5 => self.edit(&job).await,
            6 => self.leave_one_out(&job).await,
            7..=8 => self.rest_or_go_on(&job).await,
            _ => self.cancel(&job).await,
        }
    }

    /// What waits for a yes, as it stands on the screen.
    async fn waiting(&self, job: &JobId) -> Result<BTreeMap<MessageId, message::Message>, String> {
        let mut db = self.stage.store.read().await.map_err(|e| e.to_string())?;
        let practice = &self.stage.practice;
        let ids = message::queue::list_pending(&mut db, practice, job, None, MESSAGES_MOST).await;
        let ids = ids.map_err(|e| e.to_string())?;
        let loaded = message::load_many(&mut db, practice, &ids).await;
        loaded.map_err(|e| e.to_string())
    }

    fn note_yes<'m>(&mut self, read: impl Iterator<Item = &'m message::Message>) {
        for message in read {
            let words = self.facts.approved_words.entry(message.id.clone()).or_default();
            words.insert(letter::plain(&message.content.text));
        }
    }

    /// Now and then two people press the button.
    async fn approve(&mut self, job: &JobId) -> Done {
        let read = self.waiting(job).await?;
        let (engine, practice) = (&self.engine, &self.stage.practice);
        let yes = if self.dice.roll(4) == 0 {
            let (by, with) = (biller(), manager());
            let (one, two) = futures_util::join!(
                engine.approve_job(practice, job, &by),
                engine.approve_job(practice, job, &with)
            );
            said_no(one)?.is_some() | said_no(two)?.is_some()
        } else {
            said_no(engine.approve_job(practice, job, &biller()).await)?.is_some()
        };
        if yes {
            self.note_yes(read.values());
        }
        Ok(())
    }

    async fn approve_some(&mut self, job: &JobId) -> Done {
        let mut read = self.waiting(job).await?;
        read.retain(|_, _| self.dice.roll(2) == 0);
        let chosen = read.keys().cloned().collect();
        let (engine, practice) = (&self.engine, &self.stage.practice);
        if said_no(engine.approve_some(practice, job, &chosen, &biller()).await)?.is_some() {
            self.note_yes(read.values());
        }
        Ok(())
    }

    async fn edit(&mut self, job: &JobId) -> Done {
        let read: Vec<MessageId> = self.waiting(job).await?.into_keys().collect();
        let Some(message) = self.dice.pick(&read) else { return Ok(()) };
        let practice = self.practice().await?;
        let words = format!(
            "{}: your bill is ready: {PAY_LINK} Call us with questions. Reply STOP to opt out.",
            practice.alias()
        );
        said_no(self.engine.edit_text(&practice.id, message, &words, &biller()).await).map(|_| ())
    }

    /// Messages of a job that have not gone, as far as its page tells.
    async fn not_gone(&self, job: &JobId) -> Result<Vec<MessageId>, String> {
        let mut db = self.stage.store.read().await.map_err(|e| e.to_string())?;
        let filter = message::Filter { job: Some(job.clone()), ..message::Filter::default() };
        let lines = message::list(&mut db, &self.stage.practice, &filter, MESSAGES_MOST).await;
        let lines = lines.map_err(|e| e.to_string())?.into_iter();
        Ok(lines.filter(|line| line.state.is_open()).map(|line| line.id).collect())
    }

    async fn leave_one_out(&mut self, job: &JobId) -> Done {
        let open = self.not_gone(job).await?;
        let Some(message) = self.dice.pick(&open) else { return Ok(()) };
        let (engine, practice) = (&self.engine, &self.stage.practice);
        let done = engine.cancel_message(practice, job, message, &biller()).await;
        if said_no(done)?.is_some_and(|taken| taken > 0) {
            self.facts.taken_back.insert(message.clone());
        }
        Ok(())
    }

    async fn cancel(&mut self, job: &JobId) -> Done {
        let open = self.not_gone(job).await?;
        let done = self.engine.cancel_job(&self.stage.practice, job, &biller()).await;
        if said_no(done)?.is_some() {
            self.facts.taken_back.extend(open);
        }
        Ok(())
    }

    async fn rest_or_go_on(&mut self, job: &JobId) -> Done {
        let (engine, practice) = (&self.engine, &self.stage.practice);
        if self.facts.resting.contains(job) {
            if said_no(engine.resume_job(practice, job, &biller()).await)?.is_some() {
                self.facts.resting.remove(job);
            }
        } else if said_no(engine.pause_job(practice, job, &biller()).await)?.is_some() {
            self.facts.resting.insert(job.clone());
        }
        Ok(())
    }

    /// Somebody takes a text out of the inbox: says what it meant, lifts what it stopped, or answers.
    pub async fn read_the_inbox(&mut self) -> Done {
        let mut db = self.stage.store.read().await.map_err(|e| e.to_string())?;
        let replies = store::reply::list(&mut db, &self.stage.practice, None, 50).await;
        drop(db);
        let replies = replies.map_err(|e| e.to_string())?;
        let Some(reply) = self.dice.pick(&replies) else { return Ok(()) };
        let said = self.facts.said.get(&(reply.from.clone(), reply.body.clone())).copied();
        let theirs = self.facts.book.at_phone(&reply.from);
        let someone = self.dice.pick(&theirs).cloned();
        match (self.dice.roll(3), someone) {
            (0, Some(guarantor)) => self.lift_what_a_text_placed(&guarantor).await,
            (1, Some(guarantor)) => self.write_to(&guarantor).await,
            _ => {
                let Some(meaning) = said.and_then(|said| said.as_staff_read_it()) else {
                    return Ok(());
                };
                let (engine, practice) = (&self.engine, &self.stage.practice);
                let by = biller();
                said_no(engine.reclassify_reply(practice, &reply.id, meaning, &by).await)
                    .map(|_| ())
            }
        }
    }

    async fn lift_what_a_text_placed(&mut self, guarantor: &GuarantorId) -> Done {
        let mut db = self.stage.store.read().await.map_err(|e| e.to_string())?;
        let practice = &self.stage.practice;
        let ids = std::slice::from_ref(guarantor);
        let holds = store::hold::load_many(&mut db, practice, ids).await;
        drop(db);
        let holds = holds.map_err(|e| e.to_string())?.remove(guarantor).unwrap_or_default();
        let is_ours = |hold: &&store::hold::Hold| self.facts.held.get(guarantor) == Some(&hold.id);
        let standing: Vec<_> = holds.iter().filter(|hold| hold.lifted_at.is_none()).collect();
        let mut left = 0;
        for hold in standing.iter().filter(|hold| !is_ours(hold)) {
            let lifted = self.engine.lift_hold(practice, guarantor, &hold.id, &biller()).await;
            left += usize::from(said_no(lifted)? != Some(Lift::Lifted));
        }
        if left == 0 {
            self.facts.left_in_peace.remove(guarantor);
        }
        Ok(())
    }

    pub async fn write_to_somebody(&mut self) -> Done {
        let all: Vec<GuarantorId> = self.facts.book.accounts.keys().cloned().collect();
        let Some(guarantor) = self.dice.pick(&all).cloned() else { return Ok(()) };
        self.write_to(&guarantor).await
    }

    async fn write_to(&mut self, guarantor: &GuarantorId) -> Done {
        let mut db = self.stage.store.read().await.map_err(|e| e.to_string())?;
        let practice = &self.stage.practice;
        let contacts = store::contact::list(&mut db, practice, guarantor).await;
        drop(db);
        let contacts = contacts.map_err(|e| e.to_string())?;
        let Some(phone) = contacts.iter().find(|c| c.kind == Kind::Phone) else { return Ok(()) };
        // The number tells one from the other when they arrive.
        self.facts.played.written += 1;
        let body = format!("About your question {}: please call us.", self.facts.played.written);
        let by = biller();
        let sent = self.engine.send_direct_text(practice, guarantor, &phone.id, &body, &by).await;
        said_no(sent).map(|_| ())
    }

    /// Somebody whom nothing else reaches gives the desk a fax number, or a phone is picked up in
    /// another way from now on.
    pub async fn give_a_number(&mut self) -> Done {
        let all = self.facts.book.accounts.iter();
        let people: Vec<_> = all.map(|(id, account)| (id.clone(), account.clone())).collect();
        let Some((guarantor, account)) = self.dice.pick(&people).cloned() else { return Ok(()) };
        let is_silent = !account.agreed_to_texts && account.email.is_none();
        if is_silent && account.fax.is_none() {
            let number = format!("+1212555019{}", self.dice.roll(10));
            let new =
                NewContact { kind: Kind::Fax, typed: number.clone(), line: LineType::Unknown };
            let practice = &self.stage.practice;
            let added = self.engine.add_contact(practice, &guarantor, &new, &biller()).await;
            if said_no(added)?.is_some()
                && let Some(account) = self.facts.book.accounts.get_mut(&guarantor)
            {
                account.fax = Some(number);
            }
        }
        let Some(phone) = account.phone else { return Ok(()) };
        let manner = match self.dice.roll(6) {
            0 => Manner::Machine,
            1 => Manner::Busy,
            2 => Manner::NoAnswer,
            _ => {
                let digits = self.dice.pick(&KEYS).copied().unwrap_or_default().to_owned();
                if digits.contains('2') {
                    self.facts.asked_for_link.insert(phone.clone());
                }
                Manner::Person { digits }
            }
        };
        self.stage.sandbox.takes_calls(&phone, manner).map_err(|e| e.to_string())
    }
}

/// What STOP leaves of the texts to a phone: nothing that waits.
pub(crate) fn waits(state: State) -> bool {
    matches!(state, State::PendingApproval | State::Queued)
}
