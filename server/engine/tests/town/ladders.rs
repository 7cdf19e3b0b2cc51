//! Statement profiles at work: steps, escalation, fall-backs, and what never happens.

use connect::channel::{ChannelError, RefusalCause};
use domain::{
    clock::{DAY_MS, HOUR_MS, UnixMs},
    decide::Channel,
    money::Cents,
    profile::{Action, Anchor, Paper, Profile, Step},
    segment::{Filter, Trait, Wanted},
    template::Kind,
};
use jiff::civil::date;
use store::{follow_up, message::State};

use crate::town::{Town, at, everywhere, staff};

const ANA: &str = "+12125550111";
const BEN: &str = "+12125550112";
const FAMILY: &str = "+12125550113";
/// The bills of the town became their guarantors' on 12 January; this is day 51.
const TODAY: i32 = 51;

fn remind(id: u16, days: i32) -> Step {
    Step {
        id,
        name: format!("Step {id}"),
        anchor: Anchor::Responsibility,
        days,
        repeat: None,
        action: Action::Remind {
            channels: vec![Channel::Text, Channel::Email],
            words: Some(Kind::ReminderPlain),
            with_call: false,
        },
        hour: None,
        only_if: Filter::default(),
        hold_out_percent: 0,
    }
}

fn profile(steps: Vec<Step>) -> Profile {
    Profile { paper: Paper::InAddition, applies_to: Filter::default(), steps, ends_after_days: 200 }
}

impl Town {
    /// Draft, proof, activation.
    pub async fn climbs(&self, name: &str, document: &Profile) -> store::profile::Version {
        let (p, by) = (&self.practice, staff("manager"));
        let id = self.engine.create_profile(p, name, &by).await.expect("profile");
        let draft = self.engine.profile_version(p, &id).await.expect("draft");
        self.engine.save_profile(p, &draft, document, &by).await.expect("saved");
        let draft = self.engine.profile_version(p, &id).await.expect("draft");
        self.engine.approve_profile(p, &draft, &by).await.expect("approved");
        let version = self.engine.profile_version(p, &id).await.expect("approved version");
        self.engine.activate_profile(p, &version, &by).await.expect("active");
        self.engine.profile_version(p, &id).await.expect("active version")
    }

    async fn without_approval(&self) {
        self.settings(|settings, _| settings.approval_is_required = false).await;
    }

    async fn follow_ups(&self, kind: follow_up::Kind) -> Vec<follow_up::FollowUp> {
        let mut db = self.store.read().await.expect("read");
        follow_up::list_open(&mut db, &self.practice, Some(kind), None, 100, 0).await.expect("list")
    }

    /// Everything of a profile that waits for a yes.
    async fn approve_all(&self) -> usize {
        let mut db = self.store.read().await.expect("read");
        let jobs = store::job::list(&mut db, &self.practice, None, 100).await.expect("jobs");
        drop(db);
        let mut queued = 0;
        for job in jobs {
            let said = self.engine.approve_job(&self.practice, &job.id, &staff("biller")).await;
            queued += said.map_or(0, |approved| approved.queued + approved.waiting);
        }
        queued
    }
}

fn day(number: i32, hour: i64) -> UnixMs {
    at("2026-03-04T00:00:00-05:00")
        .plus_ms(i64::from(number - TODAY) * DAY_MS)
        .plus_ms(hour * HOUR_MS)
}

#[tokio::test]
async fn a_step_waits_for_its_day_and_then_for_the_yes() {
    everywhere(async |town| {
        town.person("Ana", ANA, 82_00).await;
        town.climbs("Usual", &profile(vec![remind(1, TODAY + 1)])).await;
        town.until(day(TODAY + 1, 8)).await;
        assert_eq!(town.approve_all().await, 0, "not before its day");
        town.until(day(TODAY + 1, 11)).await;
        assert!(town.provider.all().is_empty(), "nobody said yes");
        assert_eq!(town.approve_all().await, 1);
        town.pass_ms(2 * HOUR_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
        town.pass_ms(10 * DAY_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 1, "a step happens once");
    })
    .await;
}

#[tokio::test]
async fn a_practice_that_asks_for_no_approval_reminds_on_each_of_its_days() {
    everywhere(async |town| {
        town.without_approval().await;
        town.person("Ana", ANA, 82_00).await;
        let steps = vec![remind(1, TODAY + 1), remind(2, TODAY + 8), remind(3, TODAY + 22)];
        town.climbs("Usual", &profile(steps)).await;
        for (until, texts) in [(2, 1), (7, 1), (9, 2), (21, 2), (23, 3), (60, 3)] {
            town.until(day(TODAY + until, 8)).await;
            assert_eq!(town.provider.to(ANA).len(), texts, "on day {until}");
        }
    })
    .await;
}

#[tokio::test]
async fn activating_a_profile_sends_nothing_of_the_days_before() {
    everywhere(async |town| {
        town.without_approval().await;
        town.person("Ana", ANA, 82_00).await;
        town.climbs("Usual", &profile(vec![remind(1, 0), remind(2, 21), remind(3, TODAY - 1)]))
            .await;
        town.pass_ms(20 * DAY_MS).await;
        assert!(town.provider.all().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_bill_paid_before_its_day_is_not_reminded_and_its_calls_are_closed() {
    everywhere(async |town| {
        town.without_approval().await;
        let ana = town.person("Ana", ANA, 82_00).await;
        let call = Step { action: Action::Call, ..remind(1, TODAY) };
        town.climbs("Usual", &profile(vec![call, remind(2, TODAY + 3)])).await;
        town.pass_ms(HOUR_MS).await;
        assert_eq!(town.follow_ups(follow_up::Kind::Call).await.len(), 0, "its hour has passed");
        let town_day = day(TODAY + 1, 12);
        town.until(town_day).await;
        town.owes(&ana, 0).await;
        town.pass_ms(10 * DAY_MS).await;
        assert!(town.provider.all().is_empty());
        assert!(town.follow_ups(follow_up::Kind::Call).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn somebody_who_owes_a_lot_is_called_two_days_after_the_first_reminder() {
    everywhere(async |town| {
        town.without_approval().await;
        town.person("Ana", ANA, 612_00).await;
        town.person("Ben", BEN, 82_00).await;
        let call = Step {
            action: Action::Call,
            anchor: Anchor::FirstReminder,
            days: 2,
            only_if: Filter {
                traits: vec![Wanted { of: Trait::TopPriority, is: true }],
                ..Filter::default()
            },
            ..remind(2, 0)
        };
        town.climbs("Usual", &profile(vec![remind(1, TODAY + 1), call])).await;
        town.until(day(TODAY + 2, 12)).await;
        assert_eq!(town.provider.all().len(), 2);
        assert!(town.follow_ups(follow_up::Kind::Call).await.is_empty());
        town.until(day(TODAY + 3, 12)).await;
        let calls = town.follow_ups(follow_up::Kind::Call).await;
        assert_eq!(calls.iter().map(|c| c.guarantor_name.as_str()).collect::<Vec<_>>(), ["Ana"]);
        assert!(calls[0].is_urgent);
    })
    .await;
}

#[tokio::test]
async fn a_text_that_cannot_arrive_is_followed_by_an_email_and_then_by_a_letter() {
    everywhere(async |town| {
        town.without_approval().await;
        let ana = town.person("Ana", ANA, 82_00).await;
        town.email_of(&ana, "ana@example.com").await;
        town.person("Ben", BEN, 82_00).await;
        for landline in [ANA, BEN] {
            let cause = RefusalCause::NotMobile;
            town.provider.refuses(landline, ChannelError::Refused { cause, code: Some(30006) });
        }
        town.climbs("Usual", &profile(vec![remind(1, TODAY + 1)])).await;
        town.until(day(TODAY + 2, 12)).await;
        assert_eq!(town.provider.to("ana@example.com").len(), 1);
        let letters = town.follow_ups(follow_up::Kind::Letter).await;
        let names: Vec<_> = letters.iter().map(|l| l.guarantor_name.as_str()).collect();
        assert_eq!(names, ["Ben"], "nothing else is on file for Ben");
    })
    .await;
}

#[tokio::test]
async fn when_the_oldest_bill_is_paid_the_next_one_begins_a_ladder_of_its_own() {
    everywhere(async |town| {
        town.without_approval().await;
        let bills = [(82_00, date(2026, 1, 12)), (90_00, date(2026, 2, 11))];
        let ana = town.person_owing("Ana", ANA, &bills).await;
        town.climbs("Usual", &profile(vec![remind(1, TODAY + 1)])).await;
        town.until(day(TODAY + 2, 12)).await;
        assert_eq!(town.provider.to(ANA).len(), 1, "of the older bill");
        town.owes(&ana, 0).await;
        // The newer bill is as old as the step wants thirty days later.
        town.until(day(TODAY + 30, 12)).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
        town.until(day(TODAY + 32, 12)).await;
        assert_eq!(town.provider.to(ANA).len(), 2, "of the newer bill");
    })
    .await;
}

#[tokio::test]
async fn an_account_follows_the_first_profile_that_holds() {
    everywhere(async |town| {
        town.without_approval().await;
        town.person("Ana", ANA, 612_00).await;
        town.person("Ben", BEN, 82_00).await;
        let large = Profile {
            applies_to: Filter { due_at_least: Some(Cents(500_00)), ..Filter::default() },
            ..profile(vec![remind(1, TODAY + 1)])
        };
        town.climbs("Large balances", &large).await;
        town.climbs("Everybody else", &profile(vec![remind(1, TODAY + 4)])).await;
        town.until(day(TODAY + 2, 12)).await;
        assert_eq!((town.provider.to(ANA).len(), town.provider.to(BEN).len()), (1, 0));
        town.until(day(TODAY + 5, 12)).await;
        assert_eq!((town.provider.to(ANA).len(), town.provider.to(BEN).len()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_server_that_was_down_for_a_day_makes_up_for_the_step_and_after_a_week_does_not() {
    everywhere(async |town| {
        town.without_approval().await;
        town.person("Ana", ANA, 82_00).await;
        town.climbs("Usual", &profile(vec![remind(1, TODAY + 1), remind(2, TODAY + 5)])).await;
        town.tick().await;
        town.clock.set(day(TODAY + 2, 12));
        town.wall.set(day(TODAY + 2, 12));
        town.pass_ms(2 * HOUR_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
        town.clock.set(day(TODAY + 12, 12));
        town.wall.set(day(TODAY + 12, 12));
        town.pass_ms(2 * HOUR_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_stopped_number_is_not_reminded_by_its_ladder_and_the_reason_is_kept() {
    everywhere(async |town| {
        town.without_approval().await;
        let ana = town.person("Ana", ANA, 82_00).await;
        town.texts_in(ANA, "STOP", "SM1").await;
        town.climbs("Usual", &profile(vec![remind(1, TODAY + 1)])).await;
        town.until(day(TODAY + 6, 12)).await;
        let dunning: Vec<_> =
            town.provider.to(ANA).into_iter().filter(|out| out.body.contains("/p/")).collect();
        assert!(dunning.is_empty());
        let mut db = town.store.read().await.expect("read");
        let decisions =
            store::decision::list_by_guarantor(&mut db, &town.practice, &ana.guarantor, 10).await;
        let decisions = decisions.expect("decisions");
        assert!(decisions.iter().any(|d| d.headline.contains("M18")), "{decisions:?}");
        let steps = store::ladder::list_steps(
            &mut db,
            &town.practice,
            std::slice::from_ref(&ana.guarantor),
        )
        .await;
        let steps = steps.expect("steps").remove(&ana.guarantor).expect("its turn is over");
        assert_eq!(steps[0].outcome, "missed");
    })
    .await;
}

#[tokio::test]
async fn what_the_simulator_foretells_is_what_happens() {
    everywhere(async |town| {
        town.without_approval().await;
        town.person("Ana", ANA, 612_00).await;
        town.person("Ben", BEN, 82_00).await;
        // A family: one text each time.
        town.person("Mia", FAMILY, 82_00).await;
        town.person("Tom", FAMILY, 40_00).await;
        let call = Step { action: Action::Call, ..remind(4, TODAY + 25) };
        let steps = vec![remind(1, TODAY + 1), remind(2, TODAY + 8), remind(3, TODAY + 22), call];
        let document = profile(steps);
        let (p, by) = (&town.practice, staff("manager"));
        let id = town.engine.create_profile(p, "Usual", &by).await.expect("profile");
        let draft = town.engine.profile_version(p, &id).await.expect("draft");
        town.engine.save_profile(p, &draft, &document, &by).await.expect("saved");
        let trial = town.engine.start_forecast(p, &id, &by).await.expect("started");
        town.engine.run_forecast(p, &trial, &id).await.expect("ran");
        let (_, outlook) =
            town.engine.latest_forecast(p, &id).await.expect("found").expect("exists");
        let outlook = outlook.expect("done");
        assert_eq!((outlook.accounts, outlook.theirs), (4, 4));
        assert_eq!((outlook.together, outlook.collisions), (3, 0));
        assert!(town.provider.all().is_empty(), "a trial sends nothing");

        let draft = town.engine.profile_version(p, &id).await.expect("draft");
        town.engine.approve_profile(p, &draft, &by).await.expect("approved");
        let version = town.engine.profile_version(p, &id).await.expect("approved");
        town.engine.activate_profile(p, &version, &by).await.expect("active");
        town.pass_ms(60 * DAY_MS).await;
        let sent = i64::try_from(town.provider.all().len()).expect("few");
        assert_eq!((outlook.messages(), outlook.texts), (sent, sent));
        assert_eq!(sent, 9);
        let parts = |one: &crate::town::Out| domain::sms::size(&one.body).segments;
        let parts: usize = town.provider.all().iter().map(parts).sum();
        assert_eq!(outlook.segments, i64::try_from(parts).expect("few"));
        let calls = town.follow_ups(follow_up::Kind::Call).await.len();
        assert_eq!(outlook.calls, i64::try_from(calls).expect("few"));
    })
    .await;
}

#[tokio::test]
async fn those_left_out_of_a_step_get_nothing_and_are_counted_beside_the_others() {
    everywhere(async |town| {
        town.without_approval().await;
        for n in 0..20 {
            town.person(&format!("Person {n}"), &format!("+121255501{n:02}"), 82_00).await;
        }
        let step = Step { hold_out_percent: 50, ..remind(1, TODAY + 1) };
        town.climbs("Tried", &profile(vec![step])).await;
        town.until(day(TODAY + 2, 12)).await;
        let sent = i64::try_from(town.provider.all().len()).expect("few");
        assert!((1..20).contains(&sent), "{sent}");
        town.until(day(TODAY + 18, 12)).await;
        let (from, now) = (day(TODAY, 0), town.world.now());
        let mut db = town.store.read().await.expect("read");
        let lift = store::report::list_lift(&mut db, &town.practice, from, now).await;
        let lift = lift.expect("lift");
        let (_, step, reminded, held_out) = &lift[0];
        assert_eq!((*step, reminded.people, held_out.people), (1, sent, 20 - sent));
        assert_eq!((reminded.paid, held_out.paid), (0, 0));
        let funnel = store::report::list_funnel(&mut db, &town.practice, from, now).await;
        let funnel = funnel.expect("funnel");
        assert_eq!((funnel.len(), funnel[0].sent, funnel[0].paid), (1, sent, 0));
        assert_eq!(funnel[0].step.as_ref().map(|(_, step)| *step), Some(1));
        let open = store::report::list_open_days(&mut db, &town.practice).await.expect("open");
        assert_eq!(open.iter().map(|(_, bills, _)| bills).sum::<i64>(), 20);
        let p = &town.practice;
        let asked = store::report::sum_collected(&mut db, p, from, now).await.expect("asked");
        assert_eq!((asked.0, asked.1), (sent, Cents(sent * 82_00)));
    })
    .await;
}

#[tokio::test]
async fn a_profile_with_a_problem_is_not_approved_and_an_unapproved_one_not_activated() {
    everywhere(async |town| {
        let (p, by) = (&town.practice, staff("manager"));
        let id = town.engine.create_profile(p, "Usual", &by).await.expect("profile");
        assert!(town.engine.create_profile(p, " usual ", &by).await.is_err(), "the name is taken");
        let draft = town.engine.profile_version(p, &id).await.expect("draft");
        assert!(town.engine.activate_profile(p, &draft, &by).await.is_err());
        town.engine.save_profile(p, &draft, &profile(vec![]), &by).await.expect("saved");
        let changed = town.engine.profile_version(p, &id).await.expect("draft");
        assert!(town.engine.approve_profile(p, &changed, &by).await.is_err());
        let stale = town.engine.save_profile(p, &draft, &profile(vec![remind(1, 1)]), &by).await;
        assert!(stale.is_err(), "somebody else changed it");
    })
    .await;
}

#[tokio::test]
async fn a_new_version_takes_over_without_repeating_what_the_old_one_did() {
    everywhere(async |town| {
        town.without_approval().await;
        town.person("Ana", ANA, 82_00).await;
        let first = town.climbs("Usual", &profile(vec![remind(1, TODAY + 1)])).await;
        town.until(day(TODAY + 1, 12)).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
        let (p, by) = (&town.practice, staff("manager"));
        let next = town.engine.copy_profile(p, &first.id, &by).await.expect("copy");
        let draft = town.engine.profile_version(p, &next).await.expect("draft");
        let steps = vec![remind(1, TODAY + 1), remind(2, TODAY + 9)];
        town.engine.save_profile(p, &draft, &profile(steps), &by).await.expect("saved");
        let draft = town.engine.profile_version(p, &next).await.expect("draft");
        town.engine.approve_profile(p, &draft, &by).await.expect("approved");
        let version = town.engine.profile_version(p, &next).await.expect("approved");
        town.engine.activate_profile(p, &version, &by).await.expect("active");
        town.until(day(TODAY + 8, 12)).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
        town.until(day(TODAY + 10, 12)).await;
        assert_eq!(town.provider.to(ANA).len(), 2);
        let old = town.engine.profile_version(p, &first.id).await.expect("old");
        assert_eq!(old.state, store::profile::State::Retired);
    })
    .await;
}

#[tokio::test]
async fn a_stop_takes_a_profiles_message_out_of_the_list_that_waits() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.climbs("Usual", &profile(vec![remind(1, TODAY + 1)])).await;
        town.until(day(TODAY + 1, 11)).await;
        town.texts_in(ANA, "stop texting me please", "SM1").await;
        let mut db = town.store.read().await.expect("read");
        let waiting =
            store::message::queue::list_waiting(&mut db, &town.practice, &ana.guarantor).await;
        let waiting = waiting.expect("list");
        assert!(waiting.iter().all(|(_, state)| *state != State::PendingApproval));
    })
    .await;
}

#[tokio::test]
async fn a_step_calls_who_agreed_to_calls_and_texts_who_did_not() {
    everywhere(async |town| {
        town.without_approval().await;
        town.settings(|settings, now| {
            settings.voice_is_on = true;
            settings.voice_notice_at = Some(now);
        })
        .await;
        let ana = town.person("Ana", ANA, 82_00).await;
        town.person("Ben", BEN, 82_00).await;
        let (p, now, desk) = (&town.practice, town.world.now(), staff("desk"));
        let agreed = town.engine.record_call_consent(
            p,
            &ana.guarantor,
            &ana.phone,
            true,
            "calls-1: form",
            now,
            &desk,
        );
        agreed.await.expect("consent");
        let action = Action::Remind {
            channels: vec![Channel::Voice, Channel::Text],
            words: Some(Kind::ReminderPlain),
            with_call: false,
        };
        let step = Step { action, ..remind(1, TODAY + 1) };
        town.climbs("Usual", &profile(vec![step])).await;
        town.until(day(TODAY + 2, 8)).await;
        let channels = |phone| -> Vec<Channel> {
            town.provider.to(phone).into_iter().map(|out| out.channel).collect()
        };
        assert_eq!((channels(ANA), channels(BEN)), (vec![Channel::Voice], vec![Channel::Text]));
    })
    .await;
}

#[tokio::test]
async fn a_text_for_a_family_that_fails_goes_to_each_by_email() {
    everywhere(async |town| {
        town.without_approval().await;
        let mia = town.person("Mia", FAMILY, 82_00).await;
        let tom = town.person("Tom", FAMILY, 40_00).await;
        town.email_of(&mia, "mia@example.org").await;
        town.email_of(&tom, "tom@example.org").await;
        town.climbs("Usual", &profile(vec![remind(1, TODAY + 1)])).await;
        town.until(day(TODAY + 1, 12)).await;
        let sent = town.provider.to(FAMILY);
        assert_eq!((sent.len(), crate::digest::tokens(&sent[0].body).len()), (1, 2));
        let report = engine::DeliveryReport {
            provider_id: sent[0].id.clone(),
            status: connect::channel::DeliveryStatus::Undelivered,
            word: "undelivered".into(),
            code: Some(30006),
            cause: Some(RefusalCause::NotMobile),
        };
        town.engine.record_report(&town.practice, report).await.expect("report");
        town.pass_ms(3 * DAY_MS).await;
        assert_eq!(town.provider.to("mia@example.org").len(), 1);
        assert_eq!(town.provider.to("tom@example.org").len(), 1);
        assert_eq!(town.provider.to(FAMILY).len(), 1);
    })
    .await;
}
