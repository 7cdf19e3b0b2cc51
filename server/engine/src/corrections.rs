//! A text read again by a person: what was understood wrong is taken back, and what it does mean takes
//! effect. Words only: a bare STOP, a click, or what the carrier did stands (M21).

use domain::{
    clock::MINUTE_MS,
    decide::{Channel, ConsentSource, SuppressionReason},
    id::{PracticeId, ReplyId},
    practice::Practice,
    revocation::Inbound,
};
use store::{
    Db, audit,
    audit::{Actor, Entry},
    consent, contact,
    contact::Kind,
    conversation, guarantor, hold, reply, suppression, task,
};

use crate::{
    Engine, Refusal, Result,
    facts::{Recipient, gather},
    inbound::{Arrival, BY_TEXT, language_of},
};

/// What a reply did stands in rows of the same transaction; their clocks are read one after another.
const SAME_MOMENT_MS: i64 = MINUTE_MS;

/// What came of a correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corrected {
    Done,
    /// A legal hold of the first reading stands until somebody else agrees.
    HoldWaitsForSecondPerson,
}

/// Whether reading a text as `to` instead of `from` takes something back that protects a person.
pub fn takes_back(from: Inbound, to: Inbound) -> bool {
    let loses_stop = from.suppression().is_some() && to.suppression() != from.suppression();
    let loses_hold = from.hold().is_some() && to.hold() != from.hold();
    loses_stop || loses_hold
}

impl Engine {
    /// Staff say what a text meant. Keywords cannot be read otherwise: they are what they are.
    pub async fn reclassify_reply(
        &self,
        practice: &PracticeId,
        id: &ReplyId,
        to: Inbound,
        by: &Actor,
    ) -> Result<Corrected> {
        let practice = self.practice(practice).await?;
        let (engine, id, by) = (self.clone(), id.clone(), by.clone());
        let done = self
            .store()
            .write(move |db| {
                let (engine, practice) = (engine.clone(), practice.clone());
                let (id, by) = (id.clone(), by.clone());
                Box::pin(async move { engine.reclassify_in(db, &practice, &id, to, &by).await })
            })
            .await?;
        Ok(done?)
    }

    async fn reclassify_in(
        &self,
        db: &mut Db,
        practice: &Practice,
        id: &ReplyId,
        to: Inbound,
        by: &Actor,
    ) -> store::Result<std::result::Result<Corrected, Refusal>> {
        let now = self.now();
        let Some((said, value)) = reply::load(db, &practice.id, id).await? else {
            return Ok(Err(Refusal::NotFound));
        };
        let from = Inbound::parse(&said.class).unwrap_or(Inbound::Help);
        if !from.needs_a_person() || !to.needs_a_person() {
            return Ok(Err(Refusal::NotFound));
        }
        let label = by.label();
        if !reply::mark_reclassified(db, &practice.id, id, to.code(), &label, now).await? {
            return Ok(Err(Refusal::AlreadyDone));
        }
        let holders = contact::list_by_value(db, &practice.id, &value).await?;
        let mut accounts: Vec<_> = holders.into_iter().map(|c| c.guarantor).collect();
        accounts.sort();
        accounts.dedup();
        let recipient = Recipient::stranger(&db.keys(), practice, Kind::Phone, &said.from);
        let strangers = std::slice::from_ref(&recipient);
        let gathered = gather(db, practice, &accounts, strangers, now).await?;
        let arrival = Arrival {
            was_out: false,
            language: language_of(&gathered),
            carrier_answers: true,
            practice,
            gathered,
            accounts,
            recipient,
            masked: said.masked.clone(),
            inbound: to,
            by: label,
            now,
        };
        let waits = self.take_back(db, &arrival, &said, from, by).await?;
        task::mark_kind(db, &practice.id, &format!("reply:{id}"), &format!("reply_{}", to.code()))
            .await?;
        self.act_on(db, &arrival, id).await?;
        for account in &arrival.accounts {
            guarantor::mark_check(db, &practice.id, account, now).await?;
        }
        conversation::mark_changed(db, &practice.id, &value).await?;
        let entry = Entry::new(&practice.id, by.clone(), "reclassify", "reply", id.as_str())
            .with(format!("from={} to={}", from.code(), to.code()));
        audit::insert(db, self.world(), &entry).await?;
        Ok(Ok(if waits { Corrected::HoldWaitsForSecondPerson } else { Corrected::Done }))
    }

    /// Undoes what the first reading did. True when a hold waits for a second person.
    async fn take_back(
        &self,
        db: &mut Db,
        arrival: &Arrival<'_>,
        said: &reply::Reply,
        from: Inbound,
        actor: &Actor,
    ) -> store::Result<bool> {
        let (practice, by, now) = (&arrival.practice.id, arrival.by.as_str(), arrival.now);
        let value = &arrival.recipient.value_index;
        if from.suppression() != arrival.inbound.suppression() {
            let since = said.at.minus_ms(SAME_MOMENT_MS);
            let lifted = match from.suppression() {
                Some(SuppressionReason::WrongNumber) => {
                    let global = &arrival.recipient.global_index;
                    suppression::mark_right_number(db, practice, value, global, by, now).await?
                }
                Some(_) => suppression::mark_misread(db, practice, value, since, by, now).await?,
                None => 0,
            };
            if lifted > 0 {
                self.restore_consent(db, arrival, said).await?;
            }
        }
        if from.hold() == arrival.inbound.hold() {
            return Ok(false);
        }
        let Some(kind) = from.hold() else { return Ok(false) };
        let standing = hold::load_many(db, practice, &arrival.accounts).await?;
        let mut waits = false;
        for placed in standing.values().flatten() {
            let own = placed.kind == kind
                && (placed.placed_by == BY_TEXT || placed.placed_by == by)
                && placed.placed_at.since(said.at).abs() <= SAME_MOMENT_MS;
            if !own {
                continue;
            }
            let (owner, id) = (&placed.guarantor, &placed.id);
            let mut entry = Entry::new(practice, actor.clone(), "lift", "hold", id.as_str())
                .about(owner)
                .with(format!("kind={kind} why=reclassified"));
            if kind.one_person_may_lift() {
                hold::mark_lifted(db, practice, owner, id, by, false, now).await?;
            } else {
                waits = true;
                entry.verb = "ask_lift";
                hold::mark_lift_asked(db, practice, owner, id, by, now).await?;
            }
            audit::insert(db, self.world(), &entry).await?;
        }
        Ok(waits)
    }

    /// The no that a misread text wrote down is not theirs: what they had said before counts again,
    /// as a row of its own with who decided that. Who never agreed has not agreed now.
    async fn restore_consent(
        &self,
        db: &mut Db,
        arrival: &Arrival<'_>,
        said: &reply::Reply,
    ) -> store::Result<()> {
        let practice = &arrival.practice.id;
        let value = &arrival.recipient.value_index;
        let before = said.at.minus_ms(SAME_MOMENT_MS);
        let evidence = consent::list(db, practice, value).await?;
        let misread = |row: &consent::Evidence| {
            row.actor == BY_TEXT && row.at_ms >= before.0 && row.granted == 0
        };
        let earlier = evidence.iter().filter(|row| row.channel == "text").find(|row| !misread(row));
        if earlier.is_none_or(|row| row.granted == 0) {
            return Ok(());
        }
        let new = consent::New {
            value_index: value,
            channel: Channel::Text,
            granted: true,
            source: ConsentSource::Staff,
            wording: "reply_misread",
            actor: &arrival.by,
            at: arrival.now,
        };
        consent::insert(db, self.world(), practice, &new).await
    }
}
