//! Why, why not, what next: the same decision as at the gate, for a person to read.

use domain::{
    clock::UnixMs,
    decide::{Channel, Decision},
    id::{GuarantorId, MessageId, PracticeId},
    money::Cents,
    window::is_below_the_floor,
};
use jiff::civil::Date;
use store::message::{self, State};

use crate::{
    Coming, Engine, Goes, Refusal, Result,
    agreed::coming,
    facts::{Account, Gathered, gather},
    select::{best_contact_for, by_letter, goes},
};

/// Stored decisions shown with an explanation.
const HISTORY: i64 = 50;

/// A message that waits.
#[derive(Clone, Debug)]
pub struct Pending {
    pub message: MessageId,
    pub state: State,
    pub channel: Channel,
    pub kind: String,
    pub next_at: Option<UnixMs>,
}

/// The answer for one channel at one instant.
#[derive(Clone, Debug)]
pub struct WhatIf {
    pub channel: Channel,
    /// The contact that would be used, masked. `None`: none on file, which is the reason.
    pub contact: Option<String>,
    pub goes: Goes,
    /// Every rule with its fact; the headline is `decision.headline()`.
    pub decision: Option<Decision>,
}

/// The panel on the patient record.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The day asked about, and the facts' own instant.
    pub at: UnixMs,
    pub facts_as_of: UnixMs,
    pub ruleset: String,
    pub due: Cents,
    pub oldest_due_since: Option<Date>,
    pub text: WhatIf,
    pub email: WhatIf,
    /// Only where the practice has them switched on.
    pub call: Option<WhatIf>,
    pub fax: Option<WhatIf>,
    /// Where an address is on file: for the print queue.
    pub letter: Option<WhatIf>,
    /// Payments they agreed to, and when they are told of them.
    pub agreed: Vec<Coming>,
    /// What waits now, and when it goes.
    pub pending: Vec<Pending>,
    /// When the engine looks at this account next by itself.
    pub next_look: Option<UnixMs>,
    /// Midnight to three somewhere in the fifty states at `at`.
    pub is_below_the_floor: bool,
    /// Stored decisions, newest first.
    pub history: Vec<store::decision::Stored>,
}

/// The answer for one channel with what was gathered.
fn what_if(
    gathered: &Gathered,
    account: &Account,
    channel: Channel,
    notice: &str,
    at: UnixMs,
) -> WhatIf {
    let (contact, decision) = if channel == Channel::Letter {
        by_letter(gathered, account, notice, at).unzip()
    } else {
        best_contact_for(gathered, account, channel, notice, at)
            .map(|(contact, decision)| (contact.masked.clone(), decision))
            .unzip()
    };
    WhatIf { channel, contact, goes: goes(decision.as_ref(), at), decision }
}

/// Every channel that the practice has and the account can be reached by, for one more of a notice.
pub(crate) fn ways(
    gathered: &Gathered,
    account: &Account,
    notice: &str,
    at: UnixMs,
) -> Vec<WhatIf> {
    let practice = &gathered.practice;
    let has = |channel: &Channel| match channel {
        Channel::Text => practice.texts_are_enabled(),
        Channel::Voice => practice.calls_are_enabled(),
        Channel::Fax => practice.settings.fax_is_on,
        Channel::Email | Channel::Letter => true,
    };
    Channel::ALL
        .into_iter()
        .filter(has)
        .map(|channel| what_if(gathered, account, channel, notice, at))
        .filter(|way| way.contact.is_some())
        .collect()
}

impl Engine {
    /// What would be decided about a reminder to this account at `at`, by every channel that the
    /// practice has, with the facts of now; and what was decided before.
    pub async fn explain(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        at: UnixMs,
    ) -> Result<Explanation> {
        let practice = self.practice(practice).await?;
        let mut db = self.store().read().await?;
        let now = self.now();
        // Sends that would still count at `at` are those of before now: read from there.
        let gathered =
            gather(&mut db, &practice, std::slice::from_ref(guarantor), &[], now.min(at)).await?;
        let account = gathered.accounts.get(guarantor).ok_or(Refusal::NotFound)?;
        let what_if = |channel| what_if(&gathered, account, channel, "", at);
        let (text, email) = (what_if(Channel::Text), what_if(Channel::Email));
        let call = practice.calls_are_enabled().then(|| what_if(Channel::Voice));
        let fax = practice.settings.fax_is_on.then(|| what_if(Channel::Fax));
        let letter = Some(what_if(Channel::Letter)).filter(|one| one.decision.is_some());
        let agreed = coming(&mut db, &gathered, account, at).await?;
        let waiting = message::queue::list_waiting(&mut db, &practice.id, guarantor).await?;
        let ids: Vec<MessageId> = waiting.iter().map(|(id, _)| id.clone()).collect();
        let messages = message::load_many(&mut db, &practice.id, &ids).await?;
        let pending: Vec<Pending> = messages
            .into_values()
            .map(|m| Pending {
                message: m.id,
                state: m.state,
                channel: m.channel,
                kind: m.kind,
                next_at: m.next_at,
            })
            .collect();
        let history =
            store::decision::list_by_guarantor(&mut db, &practice.id, guarantor, HISTORY).await?;
        Ok(Explanation {
            at,
            facts_as_of: now,
            ruleset: gathered.rules.version(),
            due: account.due.due,
            oldest_due_since: account.due.oldest_due_since,
            text,
            email,
            call,
            fax,
            letter,
            next_look: pending
                .iter()
                .filter_map(|p| p.next_at)
                .chain(account.guarantor.next_check_at)
                .chain(agreed.iter().filter_map(|one| one.slot).filter(|slot| *slot > now))
                .min(),
            agreed,
            pending,
            is_below_the_floor: is_below_the_floor(at),
            history,
        })
    }
}
