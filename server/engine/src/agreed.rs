//! Payments that were agreed to: the next instalment of a plan, a charge of the card on file that is
//! coming, a charge that failed (S-TR4, S-TR6, S-TR9, D-30, M36). The practice's own system keeps the
//! plans and the cards; here their owners are told.
//!
//! Promises: each [`Occasion`] is told once, whatever a file repeats; nothing is told of what the
//! newest file does not say, here and again at the gate; nothing that is older than the grace is made
//! up for, but the notice of a charge, which goes late rather than not and says so in its trace. Who
//! cannot be told of a charge or of a failure by message becomes a follow-up for staff.
//!
//! Accounts are found by an index on the instant of their next look, so a tick over nothing due costs
//! nothing.

use std::collections::BTreeMap;

use domain::{
    arrangement::{Known, Occasion},
    book::Language,
    clock::{DAY_MS, UnixMs},
    decide::{AgreedPayment, Channel, Decision, Outcome, charge::notice_days},
    id::{GuarantorId, PracticeId},
    practice::Practice,
    sms,
    template::Book,
};
use jiff::tz::TimeZone;
use store::{
    Db, arrangement,
    contact::Contact,
    decision, follow_up,
    keys::{LINK_TOKEN_BYTES, new_token},
    link,
    message::{self, Message, New, State},
};

use crate::{
    Engine, Installment, Refusal, Result, What,
    compose::{Addressee, Frame, Links, link_for, reminder_letter, unsubscribe_token},
    facts::{Account, Gathered, Recipient, gather},
    jobs::channels_of,
    ladder::{next_working_day, put_off},
    select::{Question, best_by, hypothetical},
};

/// Accounts looked at in one tick; the rest are due again in the next.
const LOOKS_TOGETHER: i64 = 1_000;
/// Accounts of one transaction: short enough that nobody waits behind it.
const CHUNK: usize = 100;
/// What may not be told now is tried again this much later, until it lapses.
const TRY_AGAIN_MS: i64 = DAY_MS;

/// Messages of one occasion, on all ways, that came to nothing; after them it is let be.
const TRIES: usize = 6;

const BY: &str = "system:agreed";
const PREFIX: &str = "agr";

/// What the messages of an occasion carry: the same occasion gives the same notice, for ever.
pub(crate) fn notice_of(guarantor: &GuarantorId, occasion: &Occasion) -> String {
    format!("{PREFIX}:{guarantor}:{}", occasion.key())
}

/// Which occasion a notice is of; `None` for the notice of anything else.
fn key_in(notice: &str) -> Option<&str> {
    let rest = notice.strip_prefix(PREFIX)?.strip_prefix(':')?;
    rest.split_once(':').map(|(_, key)| key)
}

/// How what a message speaks of stands by now.
pub(crate) fn standing(account: &Account, notice: &str, zone: &TimeZone) -> AgreedPayment {
    match key_in(notice) {
        Some(key) => account.arrangement.stands(key, account.standing.last_paid_at, zone),
        None => AgreedPayment::Unknown,
    }
}

/// What looks at some accounts found, written together.
#[derive(Default)]
struct Told {
    messages: Vec<New>,
    links: Vec<link::New>,
    decisions: Vec<(GuarantorId, Option<usize>, Decision)>,
    /// The practice's words, read when the first of them are needed.
    book: Option<Book>,
}

/// Something about an account that is told, or will be, for the page that answers "what next".
#[derive(Clone, Debug)]
pub struct Coming {
    pub occasion: Occasion,
    /// From when on it is told. `None`: too late for it.
    pub slot: Option<UnixMs>,
    /// How the newest message of it stands.
    pub state: Option<State>,
    /// What is said to it at its slot, on the best way.
    pub decision: Option<(Channel, Decision)>,
}

impl Engine {
    /// Looks at every account that has something to be told of by now.
    pub(crate) async fn tell_agreed(&self) -> Result<usize> {
        let now = self.now();
        let mut db = self.store().read().await?;
        let due = arrangement::list_due(&mut db, now, LOOKS_TOGETHER).await?;
        drop(db);
        let mut by_practice: BTreeMap<PracticeId, Vec<GuarantorId>> = BTreeMap::new();
        for (practice, guarantor) in &due {
            by_practice.entry(practice.clone()).or_default().push(guarantor.clone());
        }
        for (practice, guarantors) in by_practice {
            for chunk in guarantors.chunks(CHUNK) {
                let (engine, practice, ids) = (self.clone(), practice.clone(), chunk.to_vec());
                self.store()
                    .write(move |db| {
                        let (engine, practice, ids) =
                            (engine.clone(), practice.clone(), ids.clone());
                        Box::pin(async move { engine.tell_some(db, &practice, &ids, now).await })
                    })
                    .await?;
            }
        }
        Ok(due.len())
    }

    async fn tell_some(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        ids: &[GuarantorId],
        now: UnixMs,
    ) -> store::Result<()> {
        let Some(practice) = store::practice::load(db, practice).await? else { return Ok(()) };
        let gathered = gather(db, &practice, ids, &[], now).await?;
        let (days, zone) = (notice_days(&gathered.rules, now).0, practice.zone());
        let mut told = Told::default();
        for id in ids {
            let mut next: Option<UnixMs> = None;
            let mut sooner = |at: UnixMs| next = Some(next.map_or(at, |known| known.min(at)));
            let account = gathered.accounts.get(id);
            for occasion in account.map(occasions).unwrap_or_default() {
                let Some(account) = account else { continue };
                let Some(slot) = occasion.open_slot(days, &zone, now) else { continue };
                if slot > now {
                    sooner(slot);
                } else if !self.tell(db, &gathered, account, &occasion, &mut told, now).await? {
                    let lapses = occasion.lapses_at(days, &zone).unwrap_or(now);
                    sooner(now.plus_ms(TRY_AGAIN_MS).min(lapses));
                }
            }
            arrangement::mark_next(db, &practice.id, id, next).await?;
        }
        self.write_told(db, &practice, told, now).await
    }

    /// Writes the message of an occasion; false when nothing may go now and it stays open.
    async fn tell(
        &self,
        db: &mut Db,
        gathered: &Gathered,
        account: &Account,
        occasion: &Occasion,
        told: &mut Told,
        now: UnixMs,
    ) -> store::Result<bool> {
        let practice = &gathered.practice;
        let notice = notice_of(&account.guarantor.id, occasion);
        // Two servers that look at one account tell it one after the other.
        store::balance::lock(db, &practice.id, &account.guarantor.id, None).await?;
        let past = message::list_by_notice(db, &practice.id, &notice).await?;
        let is_untold =
            |state: &State| matches!(state, State::Withheld | State::Failed | State::Cancelled);
        if past.len() >= TRIES || past.iter().any(|(_, state)| !is_untold(state)) {
            return Ok(true);
        }
        // Withheld at the gate, it never left: as good as not written. What failed for good or was
        // taken back leaves its way out.
        let closed = |way: &Channel| {
            past.iter().any(|(channel, state)| channel == way && *state != State::Withheld)
        };
        let ways = occasion.ways(practice.settings.amount_in_texts);
        let ways: Vec<Channel> = ways.iter().copied().filter(|way| !closed(way)).collect();
        let first = ways.iter().copied().find(|way| may_go(gathered, account, occasion, *way, now));
        let Some(first) = first else {
            self.note_untold(db, gathered, account, occasion, &ways, told, now).await?;
            return Ok(false);
        };
        let mut is_written = false;
        for channel in channels_of(account, first).into_iter().filter(|c| ways.contains(c)) {
            let Some((contact, decision)) = best(gathered, account, occasion, channel, now) else {
                continue;
            };
            if decision.outcome == Outcome::Withhold {
                continue;
            }
            if told.book.is_none() {
                told.book = Some(store::template::load_book(db, &practice.id).await?);
            }
            let book = told.book.clone().unwrap_or_default();
            let dedupe_key = format!("{notice}:{}:{}", channel.as_str(), past.len());
            let written =
                self.notice(practice, account, contact, channel, occasion, &book, dedupe_key, now);
            if let Ok((mut message, link)) = written {
                let place = told.messages.len();
                let at = put_off(&decision, place, self.options().spread_ms, now);
                (message.slot_at, message.next_at) = (at, Some(at));
                told.decisions.push((account.guarantor.id.clone(), Some(place), decision));
                told.messages.push(message);
                told.links.push(link);
                is_written = true;
            }
        }
        if !is_written {
            self.note_untold(db, gathered, account, occasion, &[], told, now).await?;
        }
        Ok(is_written)
    }

    /// The words of an occasion for one contact, frozen, with their link.
    #[allow(clippy::too_many_arguments, reason = "a notice is made of exactly these")]
    fn notice(
        &self,
        practice: &Practice,
        account: &Account,
        contact: &Contact,
        channel: Channel,
        occasion: &Occasion,
        book: &Book,
        dedupe_key: String,
        now: UnixMs,
    ) -> std::result::Result<(New, link::New), Refusal> {
        let guarantor = &account.guarantor;
        let language = guarantor.language.unwrap_or(Language::English);
        let token = new_token(LINK_TOKEN_BYTES);
        let check_code = self.check_code();
        let base = &practice.settings.public_base;
        let unsubscribe = (channel == Channel::Email).then(|| {
            let token = unsubscribe_token(self.store().keys(), &practice.id, &contact.id);
            format!("{base}/unsubscribe/{token}")
        });
        let pay = format!("{base}/p/{token}");
        let links =
            Links { pay: &pay, check_code: &check_code, unsubscribe: unsubscribe.as_deref() };
        let words = (book, Some(occasion.kind()));
        let mut letter = reminder_letter(practice, account, language, channel, words, links, now);
        let card = account.arrangement.arrangement.autopay.and_then(|autopay| autopay.card);
        if let What::Reminder { amount, due_on, installment, card_last4, .. } = &mut letter.what {
            // Where it says the balance, it says this instead; never both (D-30).
            let said = amount.and_then(|_| occasion.amount());
            *amount = said.filter(|_| matches!(occasion, Occasion::Charge(_)));
            match occasion {
                Occasion::Instalment(one) => {
                    *installment = Some(Installment { amount: said, on: one.on });
                }
                Occasion::Charge(one) => *due_on = Some(one.on),
                Occasion::Failed(_) => {}
            }
            let names_card = !matches!(occasion, Occasion::Instalment(_));
            *card_last4 = card.as_ref().filter(|_| names_card).map(|card| card.as_str());
        }
        let content = self.words(&letter, channel)?;
        if channel == Channel::Text && !sms::is_whole_in_first_segment(&content.text, &pay) {
            return Err(Refusal::Wording("the link would be split"));
        }
        let recipient = Recipient::on_file(contact);
        let to = Addressee {
            guarantor: Some(&guarantor.id),
            contact: Some(&contact.id),
            recipient: &recipient,
            masked: &contact.masked,
            language,
        };
        let frame = Frame {
            class: occasion.class(),
            kind: occasion.kind().as_str(),
            channel,
            job: None,
            amount: occasion.amount(),
            notice: notice_of(&guarantor.id, occasion),
            dedupe_key,
            state: State::Queued,
            created_by: BY,
        };
        let mut message = self.message(&to, frame, content, now);
        // The page it leads to is about the balance, so no amount is advertised there.
        let link = link_for(&token, &message.id, &guarantor.id, &contact.id, None, now);
        message.link_hash = Some(link.token_hash.clone());
        message.check_code = Some(check_code);
        Ok((message, link))
    }

    /// Why nothing went, kept for the page that answers "why not"; and where only the ways are closed,
    /// somebody of the staff tells them.
    #[allow(clippy::too_many_arguments, reason = "an account, its occasion and what was found")]
    async fn note_untold(
        &self,
        db: &mut Db,
        gathered: &Gathered,
        account: &Account,
        occasion: &Occasion,
        ways: &[Channel],
        told: &mut Told,
        now: UnixMs,
    ) -> store::Result<()> {
        let guarantor = &account.guarantor.id;
        if let Some((_, decision)) =
            ways.iter().find_map(|way| best(gathered, account, occasion, *way, now))
        {
            told.decisions.push((guarantor.clone(), None, decision));
        }
        let (reason, script) = match occasion {
            Occasion::Instalment(_) => return Ok(()),
            Occasion::Charge(_) => {
                ("Tell them before the card on file is charged", "courtesy_charge")
            }
            Occasion::Failed(_) => {
                ("Tell them that the automatic payment failed", "failed_autopay")
            }
        };
        if !may_be_written_to(gathered, account, occasion, now) {
            return Ok(());
        }
        let on_paper = matches!(occasion, Occasion::Charge(_))
            && !account.arrangement.arrangement.is_paperless();
        let kind = if on_paper { follow_up::Kind::Letter } else { follow_up::Kind::Call };
        let key = format!("{}:person", notice_of(guarantor, occasion));
        let new = follow_up::New {
            guarantor,
            kind,
            script,
            reason,
            due_on: next_working_day(now.day_in(&gathered.practice.zone())),
            is_urgent: true,
            dedupe_key: &key,
        };
        follow_up::insert(db, self.world(), &gathered.practice.id, &new).await?;
        Ok(())
    }

    async fn write_told(
        &self,
        db: &mut Db,
        practice: &Practice,
        told: Told,
        now: UnixMs,
    ) -> store::Result<()> {
        message::insert_many(db, &practice.id, &told.messages).await?;
        link::insert_many(db, &practice.id, &told.links, now).await?;
        let rows: Vec<_> = told
            .decisions
            .iter()
            .map(|(guarantor, place, decision)| decision::New {
                guarantor: Some(guarantor),
                message: place.and_then(|at| told.messages.get(at)).map(|m| &m.id),
                decision,
                at: now,
            })
            .collect();
        decision::insert_many(db, self.world(), &practice.id, &rows).await
    }

    /// A message of an occasion came to nothing: the account is looked at for its next way.
    pub(crate) async fn look_for_another_way(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &Message,
    ) -> store::Result<()> {
        match (&message.guarantor, key_in(&message.notice)) {
            (Some(guarantor), Some(_)) => {
                arrangement::mark_next(db, practice, guarantor, Some(self.now())).await
            }
            _ => Ok(()),
        }
    }
}

/// What an account is told of, or will be.
pub(crate) async fn coming(
    db: &mut Db,
    gathered: &Gathered,
    account: &Account,
    now: UnixMs,
) -> store::Result<Vec<Coming>> {
    let practice = &gathered.practice;
    let (days, zone) = (notice_days(&gathered.rules, now).0, practice.zone());
    let mut found = Vec::new();
    for occasion in occasions(account) {
        let notice = notice_of(&account.guarantor.id, &occasion);
        let past = message::list_by_notice(db, &practice.id, &notice).await?;
        let slot = occasion.open_slot(days, &zone, now);
        let at = slot.map_or(now, |slot| slot.max(now));
        let ways = occasion.ways(practice.settings.amount_in_texts);
        let asked = |way: &Channel| {
            best(gathered, account, &occasion, *way, at).map(|(_, decision)| (*way, decision))
        };
        let open = ways
            .iter()
            .filter_map(asked)
            .find(|(_, decision)| decision.outcome != Outcome::Withhold);
        let decision = open.or_else(|| ways.iter().find_map(asked));
        let state = past.last().map(|(_, state)| *state);
        found.push(Coming { occasion, slot, state, decision });
    }
    Ok(found)
}

fn occasions(account: &Account) -> Vec<Occasion> {
    let Known { arrangement, .. } = account.arrangement;
    arrangement.occasions()
}

fn question(gathered: &Gathered, account: &Account, occasion: &Occasion) -> Question {
    let notice = notice_of(&account.guarantor.id, occasion);
    let agreed = standing(account, &notice, &gathered.practice.zone());
    Question { class: occasion.class(), notice, agreed }
}

fn best<'a>(
    gathered: &Gathered,
    account: &'a Account,
    occasion: &Occasion,
    channel: Channel,
    at: UnixMs,
) -> Option<(&'a Contact, Decision)> {
    let question = question(gathered, account, occasion);
    best_by(gathered, account, channel, &question, at)
}

fn may_go(
    gathered: &Gathered,
    account: &Account,
    occasion: &Occasion,
    channel: Channel,
    now: UnixMs,
) -> bool {
    best(gathered, account, occasion, channel, now)
        .is_some_and(|(_, decision)| decision.outcome != Outcome::Withhold)
}

/// Nothing but the ways is closed: a letter, which needs neither consent nor contact, might go.
fn may_be_written_to(
    gathered: &Gathered,
    account: &Account,
    occasion: &Occasion,
    now: UnixMs,
) -> bool {
    let on_paper = Recipient::on_paper(&account.guarantor.name);
    let question = question(gathered, account, occasion);
    let decision = hypothetical(gathered, account, &on_paper, Channel::Letter, &question, now);
    decision.outcome != Outcome::Withhold
}
