//! Ladders: what each account's statement profile wants of it, turn by turn.
//!
//! A look reads the account, asks `domain::profile::next`, and does what is due: writes a reminder
//! into the job of the day, opens a call, a letter or a proposal, or notes why a turn was left out.
//! Whether a message may go is asked of `decide` here and again at the gate; a turn that nothing
//! may be sent for stays open within its grace. Accounts are found by an index on the instant of
//! their next look, so a tick over nothing due costs nothing, however many accounts there are.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    clock::{DAY_MS, HOUR_MS, UnixMs},
    decide::{Channel, Decision, Outcome, PlanStanding},
    holds::HoldKind,
    id::{ClaimId, GuarantorId, JobId, PracticeId},
    practice::Practice,
    profile::{self, Action, Anchors, Climb, Due, GRACE_MS, Next, Paper, Step, is_held_out},
    segment::AccountView,
    template::Book,
};
use jiff::{ToSpan, civil::Date, tz::TimeZone};
use sha2::{Digest, Sha256};
use store::{
    Db, decision, follow_up, job,
    ladder::{self, ClaimDays, Stand, State},
    message::{self, Message},
    profile::Version,
};

use crate::{
    Engine, Result,
    compose::{Draft, Occasion},
    digest,
    facts::{Account, Gathered, gather},
    select::best_contact,
};

/// Accounts looked at in one tick; the rest are due again in the next.
const LOOKS_TOGETHER: i64 = 2_000;
/// Accounts of one transaction: short enough that nobody waits behind it.
const CHUNK: usize = 100;
/// Accounts taken in at once after an activation, and such steps of one tick.
const ENROLLED_TOGETHER: i64 = 5_000;
const ENROL_STEPS: usize = 4;
/// A practice that may not send now is looked at again this much later.
const PRACTICE_WAITS_MS: i64 = HOUR_MS;
/// A turn that nothing may be sent for is tried again this much later, within its grace.
const TRY_AGAIN_MS: i64 = DAY_MS;
/// A balance recurs when the visits of so many months within this time left something to pay (S-SG6).
const RECURS_MS: i64 = 365 * DAY_MS;
const RECURS_MONTHS: i64 = 3;

const BY: &str = "system:profile";

/// What one account's book says beyond its balance.
pub(crate) struct Ground {
    days: BTreeMap<ClaimId, ClaimDays>,
    steps: BTreeMap<GuarantorId, Vec<ladder::Step>>,
    recurring: BTreeSet<GuarantorId>,
}

impl Ground {
    pub async fn read(
        db: &mut Db,
        practice: &PracticeId,
        ids: &[GuarantorId],
        now: UnixMs,
    ) -> store::Result<Self> {
        let since = now.minus_ms(RECURS_MS).day_in(&TimeZone::UTC);
        let recurring = ladder::list_recurring(db, practice, ids, since, RECURS_MONTHS).await?;
        Ok(Self {
            days: ladder::list_days(db, practice, ids).await?,
            steps: ladder::list_steps(db, practice, ids).await?,
            recurring: recurring.into_iter().collect(),
        })
    }
}

/// An account in its running cycle.
pub(crate) struct Climber<'a> {
    pub account: &'a Account,
    pub cycle: ClaimId,
    pub view: AccountView,
    pub anchors: Anchors,
    pub steps: Vec<ladder::Step>,
}

impl<'a> Climber<'a> {
    /// `None` when nothing is due: there is no ladder to climb.
    pub fn of(
        practice: &Practice,
        account: &'a Account,
        ground: &Ground,
        now: UnixMs,
    ) -> Option<Self> {
        let open: Vec<_> =
            account.due.claims.iter().filter(|c| c.still_due.is_positive()).collect();
        let oldest = open.iter().min_by_key(|claim| (claim.since, claim.id.clone()))?;
        let guarantor = &account.guarantor;
        let steps: Vec<ladder::Step> = ground
            .steps
            .get(&guarantor.id)
            .into_iter()
            .flatten()
            .filter(|step| step.cycle == oldest.id)
            .cloned()
            .collect();
        let zone = practice.zone();
        let of_oldest = ground.days.get(&oldest.id).cloned().unwrap_or_default();
        let of_all = |find: fn(&ClaimDays) -> Option<Date>| {
            open.iter().filter_map(|c| find(ground.days.get(&c.id)?)).max()
        };
        let returned_check = of_all(|days| days.returned_check);
        let accepted: Vec<UnixMs> = steps.iter().filter_map(|step| step.accepted_at).collect();
        let today = now.day_in(&zone);
        let anchors = Anchors {
            responsibility: Some(oldest.since),
            first_statement: of_oldest.first_statement,
            due_date: of_oldest.due,
            visit_completed: of_oldest.visit_completed,
            returned_check,
            flag: guarantor.flagged_at.map(|at| at.day_in(&zone)),
            first_reminder: accepted.iter().min().map(|at| at.day_in(&zone)),
            latest_reminder: accepted.iter().max().map(|at| at.day_in(&zone)),
        };
        let agreed = &account.arrangement.arrangement;
        let last = steps.iter().filter(|step| step.notice.is_some()).max_by_key(|step| step.at);
        let view = AccountView {
            age_days: oldest.since.until(today).map_or(0, |span| i64::from(span.get_days())),
            due: account.due.due,
            is_self_pay: open
                .iter()
                .all(|c| ground.days.get(&c.id).is_none_or(|days| days.is_self_pay)),
            has_insurance_pending: account.due.waiting_for_insurance.is_positive(),
            bills: u32::try_from(open.len()).unwrap_or(u32::MAX),
            is_flagged: guarantor.flagged_at.is_some(),
            is_on_plan: agreed.plan_standing() != PlanStanding::NoPlan
                || account
                    .holds
                    .iter()
                    .any(|hold| hold.kind == HoldKind::PaymentPlan && hold.lifted_at.is_none()),
            has_high_deductible: agreed.has_high_deductible == Some(true),
            is_recurring: ground.recurring.contains(&guarantor.id),
            has_returned_check: returned_check.is_some(),
            language: guarantor.language,
            state: guarantor.state.clone(),
            reminders: u32::try_from(accepted.len()).unwrap_or(u32::MAX),
            last_reminder_failed: last.is_some_and(|step| !step.failed.is_empty()),
        };
        Some(Self { account, cycle: oldest.id.clone(), view, anchors, steps })
    }

    /// Of the active profiles the first that holds.
    pub fn version<'v>(&self, active: &'v [Version]) -> Option<&'v Version> {
        active.iter().find(|version| version.document.applies_to.holds(&self.view))
    }

    /// What the version wants now.
    pub fn next(&self, practice: &Practice, version: &Version, now: UnixMs) -> Next {
        let done: Vec<_> = self
            .steps
            .iter()
            .filter(|step| step.profile == version.profile)
            .map(|step| step.turn)
            .collect();
        let climb = Climb {
            profile: &version.document,
            anchors: &self.anchors,
            view: &self.view,
            done: &done,
            activated_at: version.activated_at.unwrap_or(now),
            zone: &practice.zone(),
        };
        profile::next(&climb, now)
    }

    /// When the ladder ends, whatever is left of it.
    pub fn ends_at(&self, practice: &Practice, version: &Version) -> Option<UnixMs> {
        let days = i32::from(version.document.ends_after_days);
        let day = self.anchors.responsibility?.checked_add(days.days()).ok()?;
        let zoned = day.to_zoned(practice.zone()).ok()?;
        Some(UnixMs(zoned.timestamp().as_millisecond()))
    }
}

/// What the messages of a turn carry: the same turn gives the same notice, for ever.
pub(crate) fn notice_of(
    guarantor: &GuarantorId,
    version: &Version,
    cycle: &ClaimId,
    due: &Due,
) -> String {
    let turn = due.turn;
    let key = format!("{guarantor}/{}/{cycle}/{}/{}", version.profile, turn.step, turn.occurrence);
    format!("ldr_{}", &hex::encode(Sha256::digest(key))[..32])
}

/// True for the notice of a ladder's turn.
pub(crate) fn is_of_ladder(notice: &str) -> bool {
    notice.starts_with("ldr_")
}

/// What looks at some accounts found, written together.
#[derive(Default)]
struct Found {
    drafts: Vec<Draft>,
    decisions: Vec<(GuarantorId, Option<usize>, Decision)>,
    /// Jobs of the day by version and channel.
    jobs: BTreeMap<(String, Channel), JobId>,
    /// The practice's words, read when the first of them are needed.
    book: Option<Book>,
}

impl Found {
    async fn book(&mut self, db: &mut Db, practice: &PracticeId) -> store::Result<Book> {
        if self.book.is_none() {
            self.book = Some(store::template::load_book(db, practice).await?);
        }
        Ok(self.book.clone().unwrap_or_default())
    }
}

impl Engine {
    /// Takes accounts in after an activation; true when there is more to do.
    pub(crate) async fn enrol(&self) -> Result<usize> {
        let mut taken = 0;
        for _ in 0..ENROL_STEPS {
            let mut db = self.store().read().await?;
            let enrolling = store::profile::list_enrolling(&mut db).await?;
            drop(db);
            let Some((practice, version, after)) = enrolling.into_iter().next() else { break };
            let now = self.now();
            self.store()
                .write(move |db| {
                    let (practice, version, after) =
                        (practice.clone(), version.clone(), after.clone());
                    Box::pin(async move {
                        let (after, limit) = (after.as_ref(), ENROLLED_TOGETHER);
                        let last = ladder::insert_some(db, &practice, after, limit, now).await?;
                        store::profile::mark_enrolled(db, &practice, &version, last.as_ref()).await
                    })
                })
                .await?;
            taken += 1;
        }
        Ok(taken)
    }

    /// Looks at every account whose turn may have come.
    pub(crate) async fn climb(&self) -> Result<usize> {
        let now = self.now();
        let mut db = self.store().read().await?;
        let due = ladder::list_due(&mut db, now, LOOKS_TOGETHER).await?;
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
                        Box::pin(async move { engine.look_at(db, &practice, &ids, now).await })
                    })
                    .await?;
            }
        }
        Ok(due.len())
    }

    async fn look_at(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        ids: &[GuarantorId],
        now: UnixMs,
    ) -> store::Result<()> {
        let Some(practice) = store::practice::load(db, practice).await? else { return Ok(()) };
        if practice.live_at.is_none() || practice.outreach_held_at.is_some() {
            let later = now.plus_ms(PRACTICE_WAITS_MS);
            return ladder::mark_later(db, &practice.id, ids, later).await;
        }
        let active = store::profile::list_active(db, &practice.id).await?;
        let gathered = gather(db, &practice, ids, &[], now).await?;
        let ground = Ground::read(db, &practice.id, ids, now).await?;
        let mut found = Found::default();
        for id in ids {
            let stand = match gathered.accounts.get(id) {
                Some(account) => {
                    let climber = Climber::of(&practice, account, &ground, now);
                    match climber {
                        Some(climber) => {
                            self.climb_one(db, &gathered, &active, &climber, &mut found, now)
                                .await?
                        }
                        None => {
                            follow_up::mark_moot(db, &practice.id, id, "nothing_due", now).await?;
                            Stand { version: None, cycle: None, next_at: None, state: State::Idle }
                        }
                    }
                }
                None => Stand { version: None, cycle: None, next_at: None, state: State::Idle },
            };
            ladder::mark(db, &practice.id, id, &stand).await?;
        }
        self.write_found(db, &practice, found, now).await
    }

    async fn climb_one(
        &self,
        db: &mut Db,
        gathered: &Gathered,
        active: &[Version],
        climber: &Climber<'_>,
        found: &mut Found,
        now: UnixMs,
    ) -> store::Result<Stand> {
        let practice = &gathered.practice;
        let cycle = Some(climber.cycle.clone());
        let Some(version) = climber.version(active) else {
            return Ok(Stand { version: None, cycle, next_at: None, state: State::Nobody });
        };
        let stand = |next_at, state| Stand {
            version: Some(version.id.clone()),
            cycle: cycle.clone(),
            next_at,
            state,
        };
        let ends_at = climber.ends_at(practice, version);
        if ends_at.is_some_and(|end| end <= now) {
            self.review(db, climber, version, now).await?;
            return Ok(stand(None, State::Over));
        }
        let next = climber.next(practice, version, now);
        let mut again: Option<UnixMs> = next.look_at;
        let mut sooner = |at: UnixMs| again = Some(again.map_or(at, |known| known.min(at)));
        for (due, why) in &next.skipped {
            let step = over(climber, version, due, why.as_str(), None, now);
            ladder::insert_step(db, &practice.id, &climber.account.guarantor.id, &step).await?;
        }
        for due in &next.due {
            let Some(step) = version.document.steps.iter().find(|s| s.id == due.turn.step) else {
                continue;
            };
            let turn = Turn { version, step, due };
            if !self.take_turn(db, gathered, climber, &turn, found, now).await? {
                sooner(now.plus_ms(TRY_AGAIN_MS).min(due.slot.plus_ms(GRACE_MS + 1)));
            }
        }
        self.fall_back(db, gathered, active, climber, found, now).await?;
        if let Some(end) = ends_at {
            sooner(end);
        }
        Ok(stand(again, State::Climbing))
    }

    /// Does what a turn says; false when nothing may be sent now and it stays open.
    async fn take_turn(
        &self,
        db: &mut Db,
        gathered: &Gathered,
        climber: &Climber<'_>,
        turn: &Turn<'_>,
        found: &mut Found,
        now: UnixMs,
    ) -> store::Result<bool> {
        let Turn { version, step, due } = *turn;
        let (practice, account) = (&gathered.practice, climber.account);
        let guarantor = &account.guarantor.id;
        let over = |outcome: &str, notice| over(climber, version, due, outcome, notice, now);
        if is_held_out(guarantor, version.profile.as_str(), step) {
            ladder::insert_step(db, &practice.id, guarantor, &over("held_out", None)).await?;
            return Ok(true);
        }
        if step.action == Action::Letter && wants_no_paper(version, account) {
            ladder::insert_step(db, &practice.id, guarantor, &over("paperless", None)).await?;
            return Ok(true);
        }
        let follow = |kind, script, is_urgent| Follow { kind, script, is_urgent };
        let urgent = climber.view.is_top_priority();
        let follow = match &step.action {
            Action::Remind { channels, with_call, .. } => {
                let Some(open) = open_channel(gathered, account, channels, &[], now) else {
                    self.note_withheld(gathered, climber, channels, found, now);
                    return Ok(false);
                };
                let notice = notice_of(guarantor, version, &climber.cycle, due);
                let written = over("written", Some(notice.clone()));
                if !ladder::insert_step(db, &practice.id, guarantor, &written).await? {
                    return Ok(true);
                }
                self.draft_turn(db, gathered, climber, turn, open, &notice, found, now).await?;
                if !with_call {
                    return Ok(true);
                }
                follow(follow_up::Kind::Call, "unresponsive", urgent)
            }
            Action::Call => follow(follow_up::Kind::Call, "reminder", urgent),
            Action::Letter => follow(follow_up::Kind::Letter, "statement", urgent),
            Action::ProposeCollections => {
                follow(follow_up::Kind::Collections, "collections", urgent)
            }
            Action::Review => follow(follow_up::Kind::Review, "review", urgent),
        };
        if !matches!(step.action, Action::Remind { .. }) {
            let outcome = match follow.kind {
                follow_up::Kind::Call => "called",
                follow_up::Kind::Letter => "printed",
                follow_up::Kind::Collections => "proposed",
                follow_up::Kind::Review => "review",
            };
            if !ladder::insert_step(db, &practice.id, guarantor, &over(outcome, None)).await? {
                return Ok(true);
            }
        }
        let key = format!("{}:{}", notice_of(guarantor, version, &climber.cycle, due), "person");
        self.open_follow_up(db, practice, guarantor, &follow, &step.name, &key, now).await?;
        Ok(true)
    }

    /// The message of a turn, in the job of the day; both halves for a guarantor who chose both.
    #[allow(clippy::too_many_arguments, reason = "a draft is made of exactly these")]
    async fn draft_turn(
        &self,
        db: &mut Db,
        gathered: &Gathered,
        climber: &Climber<'_>,
        turn: &Turn<'_>,
        first: Channel,
        notice: &str,
        found: &mut Found,
        now: UnixMs,
    ) -> store::Result<()> {
        let Action::Remind { channels, words, .. } = &turn.step.action else { return Ok(()) };
        let account = climber.account;
        for channel in crate::jobs::channels_of(account, first) {
            if channel != first && !channels.contains(&channel) {
                continue;
            }
            let Some((contact, decision)) = best_contact(gathered, account, channel, now) else {
                continue;
            };
            if decision.outcome == Outcome::Withhold {
                continue;
            }
            let job = self.job_of_day(db, gathered, turn.version, channel, found, now).await?;
            let book = found.book(db, &gathered.practice.id).await?;
            let occasion = Occasion {
                job: &job,
                by: BY,
                notice: Some(notice),
                kind: *words,
                due_on: climber.anchors.due_date,
                book: &book,
            };
            let written =
                self.reminder(&gathered.practice, account, contact, channel, &occasion, now);
            if let Ok(mut draft) = written {
                let place = found.drafts.len();
                if !gathered.practice.settings.approval_is_required {
                    go_unasked(&mut draft, &decision, place, self.options().spread_ms, now);
                }
                found.drafts.push(draft);
                found.decisions.push((account.guarantor.id.clone(), Some(place), decision));
            }
        }
        Ok(())
    }

    /// A reminder that failed for good on one channel goes on the next one of its step; after the
    /// last it becomes a letter in the print queue.
    async fn fall_back(
        &self,
        db: &mut Db,
        gathered: &Gathered,
        active: &[Version],
        climber: &Climber<'_>,
        found: &mut Found,
        now: UnixMs,
    ) -> store::Result<()> {
        let practice = &gathered.practice;
        for past in &climber.steps {
            let Some(notice) = past.notice.as_deref().filter(|_| !past.failed.is_empty()) else {
                continue;
            };
            let version = active.iter().find(|v| v.profile == past.profile);
            let step =
                version.and_then(|v| v.document.steps.iter().find(|s| s.id == past.turn.step));
            let (Some(version), Some(step)) = (version, step) else { continue };
            let Action::Remind { channels, .. } = &step.action else { continue };
            if now.since(past.at) > GRACE_MS || self.is_under_way(db, practice, notice).await? {
                continue;
            }
            let due = Due { turn: past.turn, slot: past.slot_at };
            let turn = Turn { version, step, due: &due };
            match open_channel(gathered, climber.account, channels, &past.failed, now) {
                Some(open) => {
                    self.draft_turn(db, gathered, climber, &turn, open, notice, found, now).await?;
                }
                None => {
                    let key = format!("{notice}:letter");
                    // Whoever wants no paper, and whom nothing else reaches, is called.
                    let (kind, script) = match wants_no_paper(version, climber.account) {
                        true => (follow_up::Kind::Call, "unresponsive"),
                        false => (follow_up::Kind::Letter, "statement"),
                    };
                    let letter = Follow { kind, script, is_urgent: false };
                    let guarantor = &climber.account.guarantor.id;
                    self.open_follow_up(db, practice, guarantor, &letter, &step.name, &key, now)
                        .await?;
                }
            }
        }
        Ok(())
    }

    /// Some message of the notice waits, is on its way or has arrived.
    async fn is_under_way(
        &self,
        db: &mut Db,
        practice: &Practice,
        notice: &str,
    ) -> store::Result<bool> {
        let messages = message::list_by_notice(db, &practice.id, notice).await?;
        Ok(messages.iter().any(|(_, state)| {
            state.is_open() || matches!(state, message::State::Accepted | message::State::Delivered)
        }))
    }

    async fn review(
        &self,
        db: &mut Db,
        climber: &Climber<'_>,
        version: &Version,
        now: UnixMs,
    ) -> store::Result<()> {
        let guarantor = &climber.account.guarantor;
        let key = format!("over:{}:{}:{}", guarantor.id, version.profile, climber.cycle);
        let review = Follow {
            kind: follow_up::Kind::Review,
            script: "review",
            is_urgent: climber.view.is_top_priority(),
        };
        let Some(practice) = store::practice::load(db, &guarantor.practice).await? else {
            return Ok(());
        };
        self.open_follow_up(db, &practice, &guarantor.id, &review, "End of the ladder", &key, now)
            .await
    }

    #[allow(clippy::too_many_arguments, reason = "a follow-up has exactly these parts")]
    async fn open_follow_up(
        &self,
        db: &mut Db,
        practice: &Practice,
        guarantor: &GuarantorId,
        follow: &Follow,
        reason: &str,
        key: &str,
        now: UnixMs,
    ) -> store::Result<()> {
        let new = follow_up::New {
            guarantor,
            kind: follow.kind,
            script: follow.script,
            reason,
            due_on: next_working_day(now.day_in(&practice.zone())),
            is_urgent: follow.is_urgent,
            dedupe_key: key,
        };
        follow_up::insert(db, self.world(), &practice.id, &new).await?;
        Ok(())
    }

    /// Why nothing went: kept for the page that answers "why not", once a look.
    fn note_withheld(
        &self,
        gathered: &Gathered,
        climber: &Climber<'_>,
        channels: &[Channel],
        found: &mut Found,
        now: UnixMs,
    ) {
        let account = climber.account;
        let best = channels.iter().find_map(|c| best_contact(gathered, account, *c, now));
        if let Some((_, decision)) = best {
            found.decisions.push((account.guarantor.id.clone(), None, decision));
        }
    }

    async fn job_of_day(
        &self,
        db: &mut Db,
        gathered: &Gathered,
        version: &Version,
        channel: Channel,
        found: &mut Found,
        now: UnixMs,
    ) -> store::Result<JobId> {
        let key = (version.id.as_str().to_owned(), channel);
        if let Some(job) = found.jobs.get(&key) {
            return Ok(job.clone());
        }
        let practice = &gathered.practice;
        let new = job::OfDay {
            version: &version.id,
            day: now.day_in(&practice.zone()),
            channel,
            name: &version.profile_name,
            by: BY,
            needs_approval: practice.settings.approval_is_required,
        };
        let job = job::find_or_insert_of_day(db, self.world(), &practice.id, &new).await?;
        found.jobs.insert(key, job.clone());
        Ok(job)
    }

    async fn write_found(
        &self,
        db: &mut Db,
        practice: &Practice,
        mut found: Found,
        now: UnixMs,
    ) -> store::Result<()> {
        // What is written on one day, by whichever profile, may go as one.
        let day = now.day_in(&practice.zone());
        let mut new: Vec<_> = found.drafts.iter_mut().map(|d| &mut d.message).collect();
        digest::assign(db, &practice.id, &mut new, |_| format!("day:{day}")).await?;
        let messages: Vec<_> = found.drafts.iter().map(|d| d.message.clone()).collect();
        let links: Vec<_> = found.drafts.iter().filter_map(|d| d.link.clone()).collect();
        message::insert_many(db, &practice.id, &messages).await?;
        store::link::insert_many(db, &practice.id, &links, now).await?;
        let digests = messages.iter().filter_map(|m| m.digest.clone()).collect();
        self.recount(db, &practice.id, &digests).await?;
        let mut claims: BTreeMap<&JobId, Vec<(GuarantorId, ClaimId)>> = BTreeMap::new();
        for draft in &found.drafts {
            let Some(job) = &draft.message.job else { continue };
            claims.entry(job).or_default().extend(crate::jobs::claims_of_draft(draft));
        }
        for (job, claims) in &claims {
            job::insert_claims(db, &practice.id, job, claims).await?;
            if !practice.settings.approval_is_required {
                job::mark_claims_pending(db, &practice.id, job, now).await?;
            }
        }
        let rows: Vec<_> = found
            .decisions
            .iter()
            .map(|(guarantor, place, decision)| decision::New {
                guarantor: Some(guarantor),
                message: place.and_then(|at| messages.get(at)).map(|m| &m.id),
                decision,
                at: now,
            })
            .collect();
        decision::insert_many(db, self.world(), &practice.id, &rows).await
    }

    /// A ladder's message was accepted: the turn counts (D-40), and steps that count from it begin.
    pub(crate) async fn climbed(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &Message,
    ) -> store::Result<()> {
        if !is_of_ladder(&message.notice) {
            return Ok(());
        }
        let now = self.now();
        ladder::mark_accepted(db, practice, &message.notice, now).await?;
        match &message.guarantor {
            Some(guarantor) => ladder::mark_look(db, practice, guarantor, now).await,
            None => Ok(()),
        }
    }

    /// A ladder's message failed for good: the account is looked at for the next channel. So is that
    /// of a notice about an agreed payment.
    pub(crate) async fn slipped(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &Message,
    ) -> store::Result<()> {
        if !is_of_ladder(&message.notice) {
            return self.look_for_another_way(db, practice, message).await;
        }
        let now = self.now();
        let failed = ladder::mark_failed(db, practice, &message.notice, message.channel).await?;
        match &message.guarantor {
            Some(guarantor) if failed => ladder::mark_look(db, practice, guarantor, now).await,
            _ => Ok(()),
        }
    }
}

#[derive(Clone, Copy)]
struct Turn<'a> {
    version: &'a Version,
    step: &'a Step,
    due: &'a Due,
}

/// What a person is asked to do.
struct Follow {
    kind: follow_up::Kind,
    script: &'static str,
    is_urgent: bool,
}

fn over(
    climber: &Climber<'_>,
    version: &Version,
    due: &Due,
    outcome: &str,
    notice: Option<String>,
    now: UnixMs,
) -> ladder::Step {
    ladder::Step {
        profile: version.profile.clone(),
        version: version.id.clone(),
        cycle: climber.cycle.clone(),
        turn: due.turn,
        outcome: outcome.to_owned(),
        slot_at: due.slot,
        at: now,
        notice,
        accepted_at: None,
        failed: Vec::new(),
    }
}

/// In lieu of paper, for who agreed to that on a recorded day (S-TR10). For everybody else the paper
/// goes on.
pub(crate) fn wants_no_paper(version: &Version, account: &Account) -> bool {
    version.document.paper == Paper::InLieu && account.arrangement.arrangement.is_paperless()
}

/// When a message goes that nobody has to say yes to, spread so that calls do not flood.
pub(crate) fn put_off(decision: &Decision, place: usize, spread_ms: i64, now: UnixMs) -> UnixMs {
    let from = match decision.outcome {
        Outcome::Defer { until } => until,
        Outcome::Send | Outcome::Withhold => now,
    };
    let place = i64::try_from(place).unwrap_or(0);
    from.plus_ms(place * spread_ms / i64::try_from(CHUNK).unwrap_or(1))
}

/// Where the practice wants no approval, a message has its slot from the start.
fn go_unasked(draft: &mut Draft, decision: &Decision, place: usize, spread_ms: i64, now: UnixMs) {
    let at = put_off(decision, place, spread_ms, now);
    draft.message.state = message::State::Queued;
    draft.message.slot_at = at;
    draft.message.next_at = Some(at);
}

/// The first channel of a step, but those that failed, on which something may be sent.
fn open_channel(
    gathered: &Gathered,
    account: &Account,
    channels: &[Channel],
    failed: &[Channel],
    now: UnixMs,
) -> Option<Channel> {
    channels.iter().copied().filter(|channel| !failed.contains(channel)).find(|channel| {
        best_contact(gathered, account, *channel, now)
            .is_some_and(|(_, decision)| decision.outcome != Outcome::Withhold)
    })
}

/// People call on working days.
pub(crate) fn next_working_day(today: Date) -> Date {
    use jiff::civil::Weekday;
    let mut day = today;
    while matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
        match day.tomorrow() {
            Ok(next) => day = next,
            Err(_) => break,
        }
    }
    day
}
