//! What stands between an account and its reminder.

use domain::{
    clock::{DAY_MS, HOUR_MS},
    decide::RuleId,
    holds::HoldKind,
};
use engine::{EngineError, Lift, NewHold, Refusal};
use store::message::State;

use crate::town::{everywhere, staff};

const ANA: &str = "+12125550111";

fn hold(kind: HoldKind) -> NewHold {
    NewHold { kind, claim: None, only_contact: None, reason: "notice by mail".into(), until: None }
}

#[tokio::test]
async fn a_held_import_stops_everything_until_a_manager_accepts_it() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.remind_all().await;
        town.hold_outreach(Some("half of the book is gone")).await;
        town.pass_ms(3 * HOUR_MS).await;
        assert!(town.provider.all().is_empty());
        assert_eq!(town.history(&ana.guarantor).await[0].state, State::Queued, "it waits");
        town.hold_outreach(None).await;
        town.pass_ms(2 * HOUR_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_bankruptcy_after_the_yes_withholds_the_message_with_its_reason() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.remind_all().await;
        let (p, g) = (&town.practice, &ana.guarantor);
        let new = hold(HoldKind::Bankruptcy);
        town.engine.place_hold(p, g, &new, &staff("desk")).await.expect("held");
        town.pass_ms(DAY_MS).await;
        assert!(town.provider.all().is_empty());
        let line = &town.history(g).await[0];
        assert_eq!(line.state, State::Withheld);
        assert_eq!(line.end_reason.as_deref(), Some(RuleId::Bankruptcy.as_str()));
        let why = town.engine.explain(p, g, town.world.now()).await.expect("explained");
        let headline = why.text.decision.expect("a phone").headline().map(|r| r.rule);
        assert_eq!(headline, Some(RuleId::Bankruptcy));
    })
    .await;
}

#[tokio::test]
async fn a_legal_hold_is_never_lifted_by_one_person_alone() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let (p, g) = (&town.practice, &ana.guarantor);
        let (one, other) = (staff("one"), staff("other"));
        let new = hold(HoldKind::Bankruptcy);
        let id = town.engine.place_hold(p, g, &new, &one).await.expect("held");
        let asked = town.engine.lift_hold(p, g, &id, &one).await.expect("asked");
        assert_eq!(asked, Lift::WaitsForSecondPerson);
        let again = town.engine.lift_hold(p, g, &id, &one).await;
        let alone = Refusal::NeedsSecondPerson;
        assert!(matches!(again, Err(EngineError::Refused(r)) if r == alone));
        let lifted = town.engine.lift_hold(p, g, &id, &other).await.expect("lifted");
        assert_eq!(lifted, Lift::Lifted);
        let pause = town.engine.place_hold(p, g, &hold(HoldKind::Pause), &one).await.expect("p");
        let lifted = town.engine.lift_hold(p, g, &pause, &one).await.expect("lifted");
        assert_eq!(lifted, Lift::Lifted);
    })
    .await;
}

#[tokio::test]
async fn a_pause_with_an_end_defers_to_its_end() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let until = town.world.now().plus_ms(2 * DAY_MS);
        let new = NewHold { until: Some(until), ..hold(HoldKind::Pause) };
        let (p, g) = (&town.practice, &ana.guarantor);
        town.engine.place_hold(p, g, &new, &staff("desk")).await.expect("paused");
        town.remind_all().await;
        town.pass_ms(DAY_MS).await;
        assert!(town.provider.all().is_empty());
        town.pass_ms(2 * DAY_MS).await;
        let sent = town.provider.to(ANA);
        assert_eq!(sent.len(), 1);
        assert!(sent[0].at >= until);
    })
    .await;
}

#[tokio::test]
async fn a_patient_who_named_one_address_is_written_to_there_only() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let email = town.email_of(&ana, "ana@example.org").await;
        let (p, g) = (&town.practice, &ana.guarantor);
        let kind = HoldKind::ConfidentialCommunication;
        let bare = town.engine.place_hold(p, g, &hold(kind), &staff("desk")).await;
        assert!(bare.is_err(), "which address?");
        let new = NewHold { only_contact: Some(email), ..hold(kind) };
        town.engine.place_hold(p, g, &new, &staff("desk")).await.expect("placed");
        let texts = town.engine.confirm_list(p, &town.by_text()).await.expect("list");
        assert!(texts.eligible.is_empty());
        let emails = town.engine.confirm_list(p, &town.by_email()).await.expect("list");
        assert_eq!(emails.eligible.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_phone_that_staff_take_away_is_not_texted_any_more() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.remind_all().await;
        let (p, g, c) = (&town.practice, &ana.guarantor, &ana.phone);
        town.engine.remove_contact(p, g, c, &staff("desk")).await.expect("removed");
        town.pass_ms(DAY_MS).await;
        assert!(town.provider.all().is_empty());
        let mut db = town.store.read().await.expect("read");
        let about = store::audit::Filter {
            guarantor_id: Some(g.to_string()),
            ..store::audit::Filter::default()
        };
        let rows = store::audit::list(&mut db, p, &about, 50).await.expect("audit");
        let verbs: Vec<String> = rows.into_iter().map(|r| r.verb).collect();
        for verb in ["add", "enable_texts", "consent", "remove", "end"] {
            assert!(verbs.iter().any(|v| v == verb), "{verb} in {verbs:?}");
        }
    })
    .await;
}

impl crate::town::Town {
    pub async fn hold_outreach(&self, why: Option<&'static str>) {
        let (practice, now) = (self.practice.clone(), self.world.now());
        self.store
            .write(move |db| {
                let practice = practice.clone();
                Box::pin(async move {
                    store::practice::mark_outreach(db, &practice, why, now).await?;
                    store::guarantor::mark_check_where_waiting(db, &practice, now).await?;
                    Ok(())
                })
            })
            .await
            .expect("held");
    }
}
