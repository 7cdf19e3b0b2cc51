//! What carriers and mail services say afterwards drives the book of contacts (D-34, D-41, M32).

use connect::channel::{DeliveryStatus, RefusalCause};
use domain::{
    clock::{DAY_MS, HOUR_MS},
    decide::{Reach, RuleId},
};
use engine::{DeliveryReport, MailEvent, MailEventKind};
use store::message::State;

use crate::town::{Person, Town, everywhere, staff};

const ANA: &str = "+12125550111";

/// What a code means, as the adapter reads it (its table is tested there); none may pass by itself.
type Cause = Option<RefusalCause>;

impl Town {
    /// The carrier's last word on the newest text to that phone.
    async fn fails(&self, person: &Person, number: &str, code: i64, cause: Cause) {
        let id = self.provider.to(number).last().expect("a text").id.clone();
        let report = DeliveryReport {
            provider_id: id,
            status: DeliveryStatus::Undelivered,
            word: "undelivered".into(),
            code: Some(code),
            cause,
        };
        self.engine.record_report(&self.practice, report).await.expect("report");
        assert_eq!(self.history(&person.guarantor).await[0].state, State::Failed);
    }

    async fn kinds_of_tasks(&self) -> Vec<String> {
        let mut db = self.store.read().await.expect("read");
        let tasks = store::task::list_open(&mut db, &self.practice, None, 50).await;
        tasks.expect("tasks").into_iter().map(|task| task.kind).collect()
    }

    async fn reach(&self, person: &Person) -> Reach {
        let mut db = self.store.read().await.expect("read");
        let all = store::contact::list(&mut db, &self.practice, &person.guarantor).await;
        all.expect("contacts")[0].reach()
    }

    async fn why_not(&self) -> Option<RuleId> {
        let list = self.engine.confirm_list(&self.practice, &self.by_text()).await.expect("list");
        let decision = list.not_eligible.first()?.decision.clone()?;
        decision.headline().map(|r| r.rule)
    }
}

#[tokio::test]
async fn every_code_leaves_the_contact_as_the_table_says() {
    let table = [
        (21610, Some(RefusalCause::OptedOut), Reach::Good, "", Some(RuleId::OptOut)),
        (30003, None, Reach::Good, "", None),
        (
            30004,
            Some(RefusalCause::Blocked),
            Reach::CarrierBlocked,
            "unreachable",
            Some(RuleId::Reachable),
        ),
        (
            30005,
            Some(RefusalCause::BadAddress),
            Reach::Invalid,
            "unreachable",
            Some(RuleId::Reachable),
        ),
        (
            30006,
            Some(RefusalCause::NotMobile),
            Reach::NotMobile,
            "unreachable",
            Some(RuleId::Reachable),
        ),
        (30007, Some(RefusalCause::Filtered), Reach::Good, "filtered", None),
        (30008, None, Reach::Good, "", None),
        (30034, Some(RefusalCause::SenderFault), Reach::Good, "sender_fault", None),
        (99999, Some(RefusalCause::Permanent), Reach::Good, "refused", None),
    ];
    for (code, cause, reach, task, rule) in table {
        everywhere(async |town| {
            let ana = town.person("Ana", ANA, 82_00).await;
            town.remind_all().await;
            town.pass_ms(HOUR_MS).await;
            town.fails(&ana, ANA, code, cause).await;
            town.pass_ms(DAY_MS).await;
            assert_eq!(town.reach(&ana).await, reach, "{code}");
            let tasks = town.kinds_of_tasks().await;
            let expected: Vec<&str> = Some(task).filter(|t| !t.is_empty()).into_iter().collect();
            assert_eq!(tasks, expected, "{code}");
            assert_eq!(town.why_not().await, rule, "{code}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_phone_that_is_off_three_times_in_two_weeks_is_for_staff() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let (p, g, by) = (&town.practice, &ana.guarantor, staff("desk"));
        for round in 1..=3 {
            let sent = town.engine.send_direct_text(p, g, &ana.phone, "Please call.", &by).await;
            assert!(matches!(sent, Ok(engine::Delivered::Sent(_))), "{sent:?}");
            town.fails(&ana, ANA, 30003, None).await;
            let expected = if round == 3 { Reach::KeepsBouncing } else { Reach::Good };
            assert_eq!(town.reach(&ana).await, expected, "round {round}");
            town.clock.set(town.world.now().plus_ms(DAY_MS));
        }
        assert_eq!(town.kinds_of_tasks().await, ["unreachable"]);
        assert_eq!(town.why_not().await, Some(RuleId::Reachable));
    })
    .await;
}

#[tokio::test]
async fn failures_far_apart_are_no_series() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let (p, g, by) = (&town.practice, &ana.guarantor, staff("desk"));
        for _ in 0..4 {
            let sent = town.engine.send_direct_text(p, g, &ana.phone, "Please call.", &by).await;
            assert!(matches!(sent, Ok(engine::Delivered::Sent(_))), "{sent:?}");
            town.fails(&ana, ANA, 30008, None).await;
            town.clock.set(town.world.now().plus_ms(7 * DAY_MS));
        }
        assert_eq!(town.reach(&ana).await, Reach::Good);
        assert!(town.kinds_of_tasks().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn texts_filtered_at_three_phones_in_a_day_pause_the_reminders() {
    everywhere(async |town| {
        let numbers = [ANA, "+12125550112", "+12125550113"];
        let mut people = Vec::new();
        for number in numbers {
            people.push(town.person("Ana", number, 82_00).await);
        }
        town.remind_all().await;
        town.pass_ms(HOUR_MS).await;
        for (person, number) in people.iter().zip(numbers) {
            assert!(town.load_practice().await.settings.texts_paused_at.is_none());
            town.fails(person, number, 30007, Some(RefusalCause::Filtered)).await;
        }
        assert!(town.load_practice().await.settings.texts_paused_at.is_some());
        assert!(town.kinds_of_tasks().await.contains(&"texts_paused".to_owned()));
        town.clock.set(town.world.now().plus_ms(3 * DAY_MS));
        assert_eq!(town.why_not().await, Some(RuleId::Complaints));
    })
    .await;
}

fn event(id: &str, kind: MailEventKind, address: &str) -> MailEvent {
    MailEvent {
        id: id.into(),
        kind,
        address: address.into(),
        message_id: None,
        word: "bounce".into(),
    }
}

#[tokio::test]
async fn a_mail_service_reports_a_bounce_and_a_complaint_once_each() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.email_of(&ana, "ana@example.org").await;
        let job = town.draft(&town.by_email()).await;
        town.approve(&job).await;
        town.pass_ms(HOUR_MS).await;
        let sent = town.provider.to("ana@example.org");
        let bounce = MailEvent {
            message_id: Some(sent[0].id.clone()),
            ..event("e1", MailEventKind::HardBounce, "Ana@Example.org")
        };
        let p = &town.practice;
        assert!(town.engine.record_mail_event(p, bounce.clone()).await.expect("event"));
        assert!(!town.engine.record_mail_event(p, bounce).await.expect("again"));
        assert_eq!(town.history(&ana.guarantor).await[0].state, State::Failed);
        let list = town.engine.confirm_list(p, &town.by_email()).await.expect("list");
        let decision = list.not_eligible[0].decision.as_ref().expect("an email");
        assert_eq!(decision.headline().map(|r| r.rule), Some(RuleId::Reachable));

        let ben = town.person("Ben", "+12125550112", 60_00).await;
        town.email_of(&ben, "ben@example.org").await;
        let complaint = event("e2", MailEventKind::Complaint, "ben@example.org");
        assert!(town.engine.record_mail_event(p, complaint).await.expect("event"));
        let list = town.engine.confirm_list(p, &town.by_email()).await.expect("list");
        let bens = list.not_eligible.iter().find(|c| c.guarantor == ben.guarantor);
        let decision = bens.and_then(|c| c.decision.as_ref()).expect("an email");
        assert_eq!(decision.headline().map(|r| r.rule), Some(RuleId::OptOut));
        assert!(town.load_practice().await.settings.email_paused_at.is_none(), "one is no rate");
        let another = event("e3", MailEventKind::Complaint, "ana@example.org");
        town.engine.record_mail_event(p, another).await.expect("event");
        assert!(town.load_practice().await.settings.email_paused_at.is_some());
        assert!(town.kinds_of_tasks().await.contains(&"complaints".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn a_full_mailbox_counts_once_a_day_where_the_message_is_not_known() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.email_of(&ana, "ana@example.org").await;
        let p = &town.practice;
        for (day, id) in ["a", "b", "c"].into_iter().enumerate() {
            for twin in 0..2 {
                let id = format!("{id}{twin}");
                let soft = event(&id, MailEventKind::SoftBounce, "ana@example.org");
                town.engine.record_mail_event(p, soft).await.expect("event");
            }
            let many = town.kinds_of_tasks().await.len();
            assert_eq!(many, usize::from(day == 2), "day {day}");
            town.clock.set(town.world.now().plus_ms(DAY_MS));
        }
    })
    .await;
}
