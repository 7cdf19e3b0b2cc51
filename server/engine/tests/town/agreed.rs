//! Payments that were agreed to: told once, in time, and only while the practice's file says them.

use connect::channel::{ChannelError, RefusalCause};
use domain::{
    arrangement::{Arrangement, Autopay, Charge, Instalment, LastFour, Paperless, Plan},
    clock::{DAY_MS, HOUR_MS},
    decide::{Channel, Class, Fact, PlanStanding, RuleId},
    holds::HoldKind,
    money::Cents,
    profile::{Action, Anchor, Paper, Profile, Step},
    segment::{Filter, Trait, Wanted},
    template::Kind,
};
use engine::NewHold;
use jiff::civil::{Date, date};
use store::{follow_up, message::State, scratch};

use crate::town::{Out, Person, Town, at, everywhere, staff};

const ANA: &str = "+12125550111";
const BEN: &str = "+12125550112";
const ANAS_MAIL: &str = "ana@example.org";
/// The town's clock stands on Wednesday, 4 March 2026, ten in the morning.
const TODAY: Date = date(2026, 3, 4);

fn plan(standing: PlanStanding, cents: i64, on: Date) -> Arrangement {
    let next = Some(Instalment { amount: Cents(cents), on });
    Arrangement { plan: Some(Plan { standing, next }), ..Arrangement::default() }
}

fn no_plan() -> Arrangement {
    let plan = Plan { standing: PlanStanding::NoPlan, next: None };
    Arrangement { plan: Some(plan), ..Arrangement::default() }
}

fn autopay(is_on: bool, charge: Option<(i64, Date)>, failed_on: Option<Date>) -> Arrangement {
    let card = LastFour::parse("4242").expect("four digits");
    let charge = charge.map(|(cents, on)| Charge { card, amount: Cents(cents), on });
    let autopay = Autopay { is_on, card: Some(card), charge, failed_on };
    Arrangement { autopay: Some(autopay), ..Arrangement::default() }
}

fn charge(cents: i64, on: Date) -> Arrangement {
    autopay(true, Some((cents, on)), None)
}

fn failed(on: Date) -> Arrangement {
    autopay(true, None, Some(on))
}

impl Town {
    /// The practice's file says this of somebody; true when it is news.
    async fn says(&self, person: &Person, said: Arrangement) -> bool {
        let (store, world) = (&self.store, &self.world);
        scratch::mark_arrangement(store, world, &self.practice, &person.guarantor, said)
            .await
            .expect("said")
    }

    fn of_class(&self, class: Class) -> Vec<Out> {
        self.provider.all().into_iter().filter(|out| out.class == class).collect()
    }

    async fn open_follow_ups(&self, kind: follow_up::Kind) -> Vec<String> {
        let mut db = self.store.read().await.expect("read");
        let open = follow_up::list_open(&mut db, &self.practice, Some(kind), None, 100, 0).await;
        open.expect("list").into_iter().map(|one| one.guarantor_name).collect()
    }

    /// Why nothing goes, as the newest decision on the account says it.
    async fn newest_reason(&self, person: &Person) -> RuleId {
        let (p, g) = (&self.practice, &person.guarantor);
        let why = self.engine.explain(p, g, self.world.now()).await.expect("explained");
        why.history.first().expect("a decision").reasons.first().expect("a reason").rule
    }
}

#[tokio::test]
async fn a_plan_is_reminded_of_by_its_next_installment_and_not_by_the_balance() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 300_00).await;
        town.settings(|settings, _| settings.amount_in_texts = true).await;
        assert!(town.says(&ana, plan(PlanStanding::Kept, 50_00, date(2026, 3, 20))).await);
        let list = town.engine.confirm_list(&town.practice, &town.by_text()).await.expect("list");
        assert!(list.eligible.is_empty(), "nobody is asked for what is being paid off");
        town.until(at("2026-03-15T08:00:00-04:00")).await;
        assert!(town.provider.all().is_empty(), "five days before, not earlier");
        // The fifteenth is a Sunday: no reminders go before Monday.
        town.until(at("2026-03-16T12:00:00-04:00")).await;
        let sent = town.of_class(Class::Agreed);
        assert_eq!(sent.len(), 1);
        assert!(sent[0].body.contains("Installment of $50.00 on 2026-03-20"), "{}", sent[0].body);
        assert!(!sent[0].body.contains("300"), "never the balance");
        let line = &town.history(&ana.guarantor).await[0];
        assert_eq!(line.kind, Kind::PaymentPlan.as_str());
        town.pass_ms(20 * DAY_MS).await;
        assert_eq!(town.provider.all().len(), 1, "once");
    })
    .await;
}

#[tokio::test]
async fn a_file_that_repeats_itself_tells_nobody_twice_and_the_next_installment_is_told_again() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 300_00).await;
        let march = plan(PlanStanding::Kept, 50_00, date(2026, 3, 12));
        town.says(&ana, march).await;
        town.until(at("2026-03-09T12:00:00-04:00")).await;
        assert_eq!(town.of_class(Class::Agreed).len(), 1);
        assert!(!town.says(&ana, march).await, "the same again is no news");
        // It says something else for a day, by mistake, and the same again.
        town.says(&ana, no_plan()).await;
        town.pass_ms(HOUR_MS).await;
        assert!(town.says(&ana, march).await);
        town.pass_ms(3 * DAY_MS).await;
        assert_eq!(town.of_class(Class::Agreed).len(), 1);
        town.says(&ana, plan(PlanStanding::Kept, 50_00, date(2026, 4, 14))).await;
        town.until(at("2026-04-09T12:00:00-04:00")).await;
        assert_eq!(town.of_class(Class::Agreed).len(), 2);
    })
    .await;
}

#[tokio::test]
async fn an_installment_that_was_heard_of_too_late_is_not_made_up_for() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 300_00).await;
        // Five days before the sixth was the first: three days and an hour ago.
        town.says(&ana, plan(PlanStanding::Kept, 50_00, date(2026, 3, 6))).await;
        town.pass_ms(10 * DAY_MS).await;
        assert!(town.provider.all().is_empty());
    })
    .await;
}

#[tokio::test]
async fn whoever_has_paid_is_not_reminded_of_the_installment() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 300_00).await;
        let ben = town.person("Ben", BEN, 50_00).await;
        for one in [&ana, &ben] {
            town.says(one, plan(PlanStanding::Kept, 50_00, date(2026, 3, 12))).await;
        }
        town.pass_ms(HOUR_MS).await;
        town.pay(&ana, 50_00, None).await;
        town.owes(&ben, 0).await;
        town.until(at("2026-03-13T12:00:00-04:00")).await;
        assert!(town.of_class(Class::Agreed).is_empty());
        assert_eq!(town.newest_reason(&ana).await, RuleId::AsAgreed);
        assert_eq!(town.newest_reason(&ben).await, RuleId::NothingDue);
    })
    .await;
}

#[tokio::test]
async fn whoever_refused_texts_hears_of_an_installment_by_email_once_there_is_one() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 300_00).await;
        let (p, g, when) = (&town.practice, &ana.guarantor, town.world.now());
        town.engine
            .record_consent(p, g, &ana.phone, false, "at the desk", when, &staff("desk"))
            .await
            .expect("refused");
        town.says(&ana, plan(PlanStanding::Kept, 50_00, date(2026, 3, 12))).await;
        town.until(at("2026-03-08T12:00:00-04:00")).await;
        assert!(town.provider.all().is_empty());
        assert_eq!(town.newest_reason(&ana).await, RuleId::OptOut);
        town.email_of(&ana, ANAS_MAIL).await;
        town.until(at("2026-03-10T12:00:00-04:00")).await;
        let sent = town.of_class(Class::Agreed);
        assert_eq!((sent.len(), sent[0].channel), (1, Channel::Email));
        assert!(sent[0].unsubscribe.is_some());
    })
    .await;
}

#[tokio::test]
async fn a_charge_is_told_two_weeks_before_with_its_card_amount_and_day() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 300_00).await;
        town.email_of(&ana, ANAS_MAIL).await;
        town.says(&ana, charge(125_00, date(2026, 3, 24))).await;
        town.until(at("2026-03-10T08:00:00-04:00")).await;
        assert!(town.provider.all().is_empty());
        town.until(at("2026-03-10T12:00:00-04:00")).await;
        let sent = town.provider.to(ANAS_MAIL);
        assert_eq!(sent.len(), 1);
        assert!(sent[0].body.contains("Charge $125.00 to 4242 on 2026-03-24"), "{}", sent[0].body);
        // By email alone: a text of this practice may not say the amount.
        assert!(town.provider.to(ANA).is_empty());
        let id = town.history(&ana.guarantor).await.remove(0).id;
        let mut db = town.store.read().await.expect("read");
        let stored =
            store::decision::list_by_message(&mut db, &town.practice, &id).await.expect("stored");
        let notice = stored[0].reasons.iter().find(|r| r.rule == RuleId::ChargeNotice);
        let by = at("2026-03-14T00:00:00-04:00");
        assert_eq!(notice.expect("M36 speaks").fact, Fact::ChargeNoticeInTime { by });
        drop(db);
        town.pass_ms(20 * DAY_MS).await;
        assert_eq!(town.provider.all().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_charge_that_was_heard_of_late_is_told_at_once_and_the_trace_says_so() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 300_00).await;
        town.email_of(&ana, ANAS_MAIL).await;
        town.says(&ana, charge(125_00, date(2026, 3, 9))).await;
        town.pass_ms(2 * HOUR_MS).await;
        assert_eq!(town.provider.to(ANAS_MAIL).len(), 1);
        let id = town.history(&ana.guarantor).await.remove(0).id;
        let mut db = town.store.read().await.expect("read");
        let stored =
            store::decision::list_by_message(&mut db, &town.practice, &id).await.expect("stored");
        let late = Fact::ChargeNoticeLate { by: at("2026-02-26T23:00:00-05:00") };
        assert!(stored[0].reasons.iter().any(|r| r.fact == late), "{:?}", stored[0].reasons);
        drop(db);
        // One whose day has passed is not told at all.
        let ben = town.person("Ben", BEN, 300_00).await;
        town.email_of(&ben, "ben@example.org").await;
        town.says(&ben, charge(125_00, date(2026, 3, 3))).await;
        town.pass_ms(DAY_MS).await;
        assert!(town.provider.to("ben@example.org").is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_charge_that_a_newer_file_takes_back_or_changes_is_not_told_as_it_was() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 300_00).await;
        town.email_of(&ana, ANAS_MAIL).await;
        // At night it is written, and waits for the morning.
        town.clock.set(at("2026-03-04T21:30:00-05:00"));
        town.says(&ana, charge(125_00, date(2026, 3, 16))).await;
        town.tick().await;
        assert_eq!(town.history(&ana.guarantor).await[0].state, State::Queued);
        town.says(&ana, charge(80_00, date(2026, 3, 16))).await;
        town.until(at("2026-03-05T12:00:00-05:00")).await;
        let sent = town.provider.to(ANAS_MAIL);
        assert_eq!(sent.len(), 1);
        assert!(sent[0].body.contains("$80.00"), "{}", sent[0].body);
        let ended: Vec<_> = town
            .history(&ana.guarantor)
            .await
            .into_iter()
            .filter(|line| line.state == State::Withheld)
            .collect();
        assert_eq!(ended.len(), 1);
        assert_eq!(ended[0].end_reason.as_deref(), Some(RuleId::AsAgreed.as_str()));
        // Autopay is switched off: nothing more is charged, and nothing told.
        town.says(&ana, autopay(false, None, None)).await;
        town.pass_ms(5 * DAY_MS).await;
        assert_eq!(town.of_class(Class::Agreed).len(), 1);
    })
    .await;
}

#[tokio::test]
async fn whoever_cannot_be_told_of_a_charge_by_message_is_told_by_staff() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 300_00).await;
        let ben = town.person("Ben", BEN, 300_00).await;
        let on = date(2026, 3, 16);
        town.says(&ana, charge(125_00, on)).await;
        let paperless = Some(Paperless { is_wanted: true, consent_on: Some(TODAY) });
        town.says(&ben, Arrangement { paperless, ..charge(125_00, on) }).await;
        let gone = town.person("Cleo", "+12125550113", 300_00).await;
        town.says(&gone, charge(125_00, on)).await;
        let hold = NewHold {
            kind: HoldKind::Deceased,
            claim: None,
            only_contact: None,
            until: None,
            reason: "the family called".into(),
        };
        let (p, g) = (&town.practice, &gone.guarantor);
        town.engine.place_hold(p, g, &hold, &staff("desk")).await.expect("held");
        town.pass_ms(3 * DAY_MS).await;
        assert!(town.provider.all().is_empty(), "no email is on file, and no text says amounts");
        assert_eq!(town.open_follow_ups(follow_up::Kind::Letter).await, ["Ana"], "once");
        // Who agreed to no paper is called; nobody writes to the dead.
        assert_eq!(town.open_follow_ups(follow_up::Kind::Call).await, ["Ben"]);
    })
    .await;
}

#[tokio::test]
async fn a_charge_that_failed_is_told_without_approval_once_a_failure() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 300_00).await;
        assert!(town.load_practice().await.settings.approval_is_required);
        town.says(&ana, failed(date(2026, 3, 3))).await;
        town.pass_ms(2 * HOUR_MS).await;
        let sent = town.of_class(Class::FailedAutopay);
        assert_eq!(sent.len(), 1);
        assert!(sent[0].body.contains("Declined: 4242"), "{}", sent[0].body);
        town.says(&ana, failed(date(2026, 3, 3))).await;
        // The practice switches autopay off and still knows of the failure.
        town.says(&ana, autopay(false, None, Some(date(2026, 3, 3)))).await;
        town.pass_ms(2 * DAY_MS).await;
        assert_eq!(town.of_class(Class::FailedAutopay).len(), 1);
        // It fails again on another day.
        town.says(&ana, failed(date(2026, 3, 6))).await;
        town.pass_ms(DAY_MS).await;
        assert_eq!(town.of_class(Class::FailedAutopay).len(), 2);
    })
    .await;
}

#[tokio::test]
async fn an_old_failure_one_that_was_paid_and_one_that_was_taken_back_are_not_told() {
    everywhere(async |town| {
        let old = town.person("Ana", ANA, 300_00).await;
        town.says(&old, failed(date(2026, 2, 27))).await;
        town.clock.set(at("2026-03-04T06:00:00-05:00"));
        let paid = town.person("Ben", BEN, 300_00).await;
        town.says(&paid, failed(date(2026, 3, 3))).await;
        let taken_back = town.person("Cleo", "+12125550113", 300_00).await;
        town.says(&taken_back, failed(date(2026, 3, 3))).await;
        town.tick().await;
        town.pay(&paid, 50_00, None).await;
        town.says(&taken_back, autopay(true, None, None)).await;
        town.pass_ms(5 * DAY_MS).await;
        assert!(town.of_class(Class::FailedAutopay).is_empty());
        let ended = |lines: Vec<store::message::Line>| {
            let mine = lines.into_iter().filter(|line| line.class == Class::FailedAutopay);
            mine.map(|line| line.end_reason.unwrap_or_default()).collect::<Vec<_>>()
        };
        assert!(ended(town.history(&old.guarantor).await).is_empty(), "it was never written");
        for one in [&paid, &taken_back] {
            assert_eq!(ended(town.history(&one.guarantor).await), [RuleId::AsAgreed.as_str()]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_failure_that_cannot_be_texted_goes_by_email_and_then_to_staff() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 300_00).await;
        town.email_of(&ana, ANAS_MAIL).await;
        let ben = town.person("Ben", BEN, 300_00).await;
        for landline in [ANA, BEN] {
            let cause = RefusalCause::NotMobile;
            town.provider.refuses(landline, ChannelError::Refused { cause, code: Some(30006) });
        }
        for one in [&ana, &ben] {
            town.says(one, failed(date(2026, 3, 3))).await;
        }
        town.pass_ms(DAY_MS).await;
        assert_eq!(town.provider.to(ANAS_MAIL).len(), 1);
        assert_eq!(town.open_follow_ups(follow_up::Kind::Call).await, ["Ben"]);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_told_while_an_import_is_held_and_it_is_told_after() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 300_00).await;
        town.hold_outreach(Some("half of the book is gone")).await;
        town.says(&ana, failed(date(2026, 3, 3))).await;
        town.pass_ms(3 * HOUR_MS).await;
        assert!(town.provider.all().is_empty());
        town.hold_outreach(None).await;
        town.pass_ms(2 * HOUR_MS).await;
        assert_eq!(town.of_class(Class::FailedAutopay).len(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_page_that_says_what_next_knows_of_what_was_agreed() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 300_00).await;
        town.says(&ana, plan(PlanStanding::Kept, 50_00, date(2026, 3, 19))).await;
        town.tick().await;
        let (p, g, now) = (&town.practice, &ana.guarantor, town.world.now());
        let why = town.engine.explain(p, g, now).await.expect("explained");
        assert_eq!(why.agreed.len(), 1);
        assert_eq!(why.agreed[0].slot, Some(at("2026-03-14T09:00:00-04:00")));
        let (channel, decision) = why.agreed[0].decision.as_ref().expect("a phone");
        assert!(*channel == Channel::Text && decision.sends(), "{decision:?}");
        let reminder = why.text.decision.expect("a phone");
        assert_eq!(reminder.headline().map(|r| r.rule), Some(RuleId::PaymentPlan));
        assert_eq!(why.next_look, Some(at("2026-03-14T09:00:00-04:00")));
    })
    .await;
}

fn step(id: u16, action: Action) -> Step {
    Step {
        id,
        name: format!("Step {id}"),
        anchor: Anchor::Responsibility,
        // The bills of the town are of 12 January; tomorrow is their day 52.
        days: 52,
        repeat: None,
        action,
        hour: None,
        only_if: Filter::default(),
        hold_out_percent: 0,
    }
}

fn profile(paper: Paper, applies_to: Filter, steps: Vec<Step>) -> Profile {
    Profile { paper, applies_to, steps, ends_after_days: 200 }
}

fn with_trait(of: Trait) -> Filter {
    Filter { traits: vec![Wanted { of, is: true }], ..Filter::default() }
}

#[tokio::test]
async fn in_lieu_of_paper_no_letter_is_printed_for_who_agreed_and_one_for_who_did_not() {
    for (paper, letters) in
        [(Paper::InLieu, vec!["Ben", "Cleo"]), (Paper::InAddition, vec!["Ana", "Ben", "Cleo"])]
    {
        everywhere(async |town| {
            let ana = town.person("Ana", ANA, 82_00).await;
            let ben = town.person("Ben", BEN, 82_00).await;
            town.person("Cleo", "+12125550113", 82_00).await;
            let paperless = |consent_on| Arrangement {
                paperless: Some(Paperless { is_wanted: true, consent_on }),
                ..Arrangement::default()
            };
            town.says(&ana, paperless(Some(TODAY))).await;
            town.says(&ben, paperless(None)).await;
            town.climbs("P", &profile(paper, Filter::default(), vec![step(1, Action::Letter)]))
                .await;
            town.pass_ms(2 * DAY_MS).await;
            let mut printed = town.open_follow_ups(follow_up::Kind::Letter).await;
            printed.sort();
            assert_eq!(printed, letters, "{paper:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn profiles_tell_high_deductibles_plans_and_recurring_balances_apart() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let deductible = Arrangement { has_high_deductible: Some(true), ..Arrangement::default() };
        town.says(&ana, deductible).await;
        let ben = town.person("Ben", BEN, 82_00).await;
        town.says(&ben, plan(PlanStanding::Behind, 50_00, date(2026, 4, 30))).await;
        let bills = [10, 11, 12].map(|month| (20_00, date(2025, month, 8)));
        let cleo = town.person_owing("Cleo", "+12125550113", &bills).await;
        // Three visits of one month recur as little as one.
        let bills = [5, 15, 25].map(|day| (20_00, date(2025, 12, day)));
        let dan = town.person_owing("Dan", "+12125550114", &bills).await;
        for of in [Trait::HighDeductible, Trait::OnPlan, Trait::Recurring] {
            let steps = [step(1, Action::Call)];
            let call = Step { anchor: Anchor::Flag, days: 0, ..steps[0].clone() };
            let name = of.as_str();
            town.climbs(name, &profile(Paper::InAddition, with_trait(of), vec![call])).await;
        }
        town.pass_ms(HOUR_MS).await;
        let mut db = town.store.read().await.expect("read");
        let mut theirs = Vec::new();
        for one in [&ana, &ben, &cleo, &dan] {
            let stand = store::ladder::load(&mut db, &town.practice, &one.guarantor).await;
            let version = stand.expect("read").and_then(|(version, ..)| version);
            theirs.push(match version {
                Some(id) => {
                    let found = store::profile::load(&mut db, &town.practice, &id).await;
                    found.expect("read").expect("a version").profile_name
                }
                None => "none".to_owned(),
            });
        }
        assert_eq!(theirs, ["high_deductible", "on_plan", "recurring", "none"]);
    })
    .await;
}
