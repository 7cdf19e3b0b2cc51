//! What people ask for about the time of reminders.

use domain::{
    clock::{DAY_MS, HOUR_MS},
    decide::RuleId,
    wishes::{Payday, QuietHours, Wishes},
};
use jiff::civil::date;
use store::{audit::Actor, message::State};

use crate::town::{Person, Town, at, everywhere};

const ANA: &str = "+12125550111";

impl Town {
    async fn wishes(&self, person: &Person, wishes: Wishes) {
        let by = Actor::Login("lgn_ana".into());
        let set = self.engine.set_wishes(&self.practice, &person.guarantor, &wishes, &by).await;
        set.expect("set");
    }
}

#[tokio::test]
async fn nobody_hears_before_their_payday_and_then_once() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.settings(|settings, _| settings.approval_is_required = false).await;
        let payday = Some(Payday::Monthly(10));
        town.wishes(&ana, Wishes { payday, ..Wishes::default() }).await;
        let list = town.engine.confirm_list(&town.practice, &town.by_text()).await.expect("list");
        let decision = list.eligible[0].decision.as_ref().expect("a phone");
        assert!(decision.reasons.iter().any(|r| r.rule == RuleId::AskedToWait));
        town.until(at("2026-03-09T23:00:00-04:00")).await;
        assert!(town.provider.to(ANA).is_empty());
        town.until(at("2026-03-10T20:00:00-04:00")).await;
        assert_eq!(town.provider.to(ANA).len(), 1, "on her payday, by itself");
        town.until(at("2026-04-09T20:00:00-04:00")).await;
        assert_eq!(town.provider.to(ANA).len(), 1, "once");
        town.until(at("2026-04-10T20:00:00-04:00")).await;
        assert_eq!(town.provider.to(ANA).len(), 2, "and on the next");
    })
    .await;
}

#[tokio::test]
async fn a_reminder_that_waits_for_the_payday_is_the_one() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.wishes(
            &ana,
            Wishes { payday: Some(Payday::Once(date(2026, 3, 10))), ..Wishes::default() },
        )
        .await;
        town.remind_all().await;
        town.until(at("2026-03-09T23:00:00-04:00")).await;
        assert!(town.provider.to(ANA).is_empty());
        town.until(at("2026-03-12T20:00:00-04:00")).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_payday_list_waits_for_its_yes_where_the_practice_wants_one() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let payday = Some(Payday::Once(date(2026, 3, 6)));
        town.wishes(&ana, Wishes { payday, ..Wishes::default() }).await;
        town.until(at("2026-03-07T12:00:00-05:00")).await;
        assert!(town.provider.all().is_empty());
        let states: Vec<State> =
            town.history(&ana.guarantor).await.into_iter().map(|line| line.state).collect();
        assert_eq!(states, [State::PendingApproval]);
    })
    .await;
}

#[tokio::test]
async fn quiet_hours_put_a_reminder_off_to_their_end() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let quiet = QuietHours::new(8, 15);
        town.wishes(&ana, Wishes { quiet, ..Wishes::default() }).await;
        town.remind_all().await;
        town.pass_ms(4 * HOUR_MS).await;
        assert!(town.provider.to(ANA).is_empty(), "10 to 14 is quiet");
        town.pass_ms(4 * HOUR_MS).await;
        let sent = town.provider.to(ANA);
        assert_eq!(sent.len(), 1);
        assert!(sent[0].at >= at("2026-03-04T15:00:00-05:00"));
    })
    .await;
}

#[tokio::test]
async fn who_wants_no_receipts_by_text_gets_none_there() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let by = Actor::Login("lgn_ana".into());
        let (p, g, c) = (&town.practice, &ana.guarantor, &ana.phone);
        town.engine.set_receipts(p, g, c, false, &by).await.expect("set");
        town.pay(&ana, 20_00, None).await;
        town.pass_ms(DAY_MS).await;
        assert!(town.provider.to(ANA).is_empty());
        town.engine.set_receipts(p, g, c, true, &by).await.expect("set");
        town.pay(&ana, 20_00, None).await;
        town.pass_ms(DAY_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
    })
    .await;
}
