//! What staff do about a message that failed, and what stands in the patient's own account.

use connect::channel::{DeliveryStatus, RefusalCause};
use domain::{
    clock::{DAY_MS, HOUR_MS, UnixMs},
    decide::{Channel, RuleId},
    holds::HoldKind,
    id::{GuarantorId, LoginId, MessageId},
};
use engine::{DeliveryReport, EngineError, NewHold, Refusal};
use store::{
    handled_error::{self, Handled, Outcome},
    message::{self, State},
};

use crate::town::{Person, Town, everywhere, staff};

const ANA: &str = "+12125550111";
const EMAIL: &str = "ana@example.org";

/// Ana's reminder by text, which her carrier could not deliver.
async fn failed(town: &Town) -> (Person, MessageId) {
    let ana = town.person("Ana", ANA, 82_00).await;
    town.email_of(&ana, EMAIL).await;
    town.remind_all().await;
    town.pass_ms(HOUR_MS).await;
    let report = DeliveryReport {
        provider_id: town.provider.to(ANA).last().expect("a text").id.clone(),
        status: DeliveryStatus::Undelivered,
        word: "undelivered".into(),
        code: Some(30005),
        cause: Some(RefusalCause::BadAddress),
    };
    town.engine.record_report(&town.practice, report).await.expect("report");
    let line = town.history(&ana.guarantor).await.remove(0);
    assert_eq!(line.state, State::Failed);
    (ana, line.id)
}

async fn told(town: &Town, id: &MessageId) -> Vec<Handled> {
    let mut db = town.store.read().await.expect("read");
    handled_error::list(&mut db, &town.practice, id).await.expect("what was done")
}

async fn to_do(town: &Town) -> Vec<MessageId> {
    let mut db = town.store.read().await.expect("read");
    let filter =
        message::Filter { errors_only: true, handled: Some(false), ..message::Filter::default() };
    let found = message::list(&mut db, &town.practice, &filter, 100).await.expect("errors");
    let many = handled_error::count_open(&mut db, &town.practice).await.expect("count");
    assert_eq!(many as usize, found.len());
    found.into_iter().map(|line| line.id).collect()
}

fn refusal<T: std::fmt::Debug>(result: Result<T, EngineError>) -> Refusal {
    match result {
        Err(EngineError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn an_error_put_away_leaves_the_queue_and_says_why_and_comes_back_when_that_was_wrong() {
    everywhere(async |town: Town| {
        let (_, id) = failed(&town).await;
        assert_eq!(to_do(&town).await, std::slice::from_ref(&id));
        let (p, desk) = (&town.practice, staff("desk"));
        let no_reason = town.engine.archive_error(p, &id, "", None, &desk).await;
        assert_eq!(refusal(no_reason), Refusal::ErrorNeedsReason);
        let no_words = town.engine.archive_error(p, &id, "other", Some("  "), &desk).await;
        assert_eq!(refusal(no_words), Refusal::ErrorNeedsReason);

        let note = Some("paid at the desk");
        town.engine.archive_error(p, &id, "paid", note, &desk).await.expect("put away");
        // The second of two clicks.
        town.engine.archive_error(p, &id, "paid", note, &desk).await.expect("the same again");
        assert!(to_do(&town).await.is_empty());
        // A colleague who had the page open is told, whatever they wanted to do.
        let late = town.engine.archive_error(p, &id, "moved", None, &staff("ben")).await;
        assert_eq!(refusal(late), Refusal::AlreadyDone);
        let late = town.engine.send_instead(p, &id, Channel::Email, &staff("ben")).await;
        assert_eq!(refusal(late), Refusal::AlreadyDone);
        let late = town.engine.opt_out_after_error(p, &id, true, &staff("ben")).await;
        assert_eq!(refusal(late), Refusal::AlreadyDone);

        let all = told(&town, &id).await;
        assert_eq!(
            (all.len(), all[0].outcome, all[0].detail.as_str()),
            (1, Outcome::Archive, "paid")
        );
        assert_eq!((all[0].by.as_str(), all[0].note.as_deref()), ("staff:stf_desk", note));

        for _ in 0..2 {
            town.engine.undo_error(p, &id, &staff("ben")).await.expect("undone");
        }
        assert_eq!(to_do(&town).await, std::slice::from_ref(&id));
        let all = told(&town, &id).await;
        let undone = all[0].undone.as_ref().map(|(by, _)| by.as_str());
        assert_eq!((all.len(), undone), (1, Some("staff:stf_ben")), "it stays on the record");
        let elsewhere = store::scratch::insert_practice(&town.store, &town.world, "other").await;
        let foreign = town
            .engine
            .archive_error(&elsewhere.expect("practice"), &id, "paid", None, &desk)
            .await;
        assert_eq!(refusal(foreign), Refusal::NotFound);
    })
    .await;
}

#[tokio::test]
async fn a_notice_that_failed_by_text_goes_by_email_once_and_within_the_caps() {
    everywhere(async |town: Town| {
        let (ana, id) = failed(&town).await;
        let (p, by) = (&town.practice, staff("biller"));
        let ways = town.engine.ways_instead(p, &id).await.expect("ways");
        let open: Vec<Channel> = ways
            .iter()
            .filter(|way| !matches!(way.goes, engine::Goes::Not))
            .map(|way| way.channel)
            .collect();
        assert_eq!(open, [Channel::Email], "the phone is known to be bad by now");
        let by_text = town.engine.send_instead(p, &id, Channel::Text, &by).await;
        assert!(matches!(refusal(by_text), Refusal::Decided(d)
            if d.headline().map(|r| r.rule) == Some(RuleId::Reachable)));
        let by_letter = town.engine.send_instead(p, &id, Channel::Letter, &by).await;
        assert_eq!(refusal(by_letter), Refusal::NoContact);
        assert!(told(&town, &id).await.is_empty(), "nothing happened yet");

        for _ in 0..2 {
            let at = town.engine.send_instead(p, &id, Channel::Email, &by).await.expect("goes");
            // She has heard from the practice today, as far as anybody knows: once a day (M15).
            assert!(at.is_some_and(|at| at.since(town.world.now()) <= DAY_MS), "{at:?}");
        }
        town.pass_ms(HOUR_MS).await;
        assert!(town.provider.to(EMAIL).is_empty());
        town.pass_ms(DAY_MS).await;
        assert_eq!(town.provider.to(EMAIL).len(), 1);
        assert!(to_do(&town).await.is_empty());
        let history = town.history(&ana.guarantor).await;
        let (email, text) = (&history[0], &history[1]);
        assert_eq!((email.channel, email.state), (Channel::Email, State::Accepted));
        assert_eq!(told(&town, &id).await[0].other.as_ref(), Some(&email.id));
        let mut db = town.store.read().await.expect("read");
        let notice = async |db: &mut store::Db, id: &MessageId| {
            message::load(db, p, id).await.expect("load").expect("there").notice
        };
        assert_eq!(notice(&mut db, &email.id).await, notice(&mut db, &text.id).await);
        drop(db);
        assert_eq!(town.status(&ana.claims[0]).await, "pending_patient");
        // It has gone: there is nothing left to take back.
        assert_eq!(refusal(town.engine.undo_error(p, &id, &by).await), Refusal::GoneAlready);
        assert!(town.engine.ways_instead(p, &id).await.expect("ways").is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_has_not_gone_yet_is_taken_back_with_the_outcome() {
    everywhere(async |town: Town| {
        let (ana, id) = failed(&town).await;
        let (p, by) = (&town.practice, staff("biller"));
        // In the evening it waits for the morning.
        town.clock.set(UnixMs::parse_rfc3339("2026-03-04T22:30:00-05:00").expect("an instant"));
        let at = town.engine.send_instead(p, &id, Channel::Email, &by).await.expect("goes");
        assert!(at.is_some_and(|at| at > town.world.now()), "{at:?}");
        town.engine.undo_error(p, &id, &by).await.expect("undone");
        assert_eq!(to_do(&town).await, std::slice::from_ref(&id));
        town.pass_ms(2 * DAY_MS).await;
        assert!(town.provider.to(EMAIL).is_empty());
        // And again, after all.
        town.engine.send_instead(p, &id, Channel::Email, &by).await.expect("goes");
        town.pass_ms(DAY_MS).await;
        assert_eq!(town.provider.to(EMAIL).len(), 1);
        assert_eq!(town.history(&ana.guarantor).await.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn who_is_opted_out_after_a_failure_is_written_to_nowhere_and_a_slip_is_taken_back() {
    everywhere(async |town: Town| {
        let (ana, id) = failed(&town).await;
        let (p, by) = (&town.practice, staff("desk"));
        let eligible = async |method| {
            let list = town.engine.confirm_list(p, &town.by(method)).await.expect("list");
            match list.not_eligible.first() {
                None => Ok(()),
                Some(line) => {
                    Err(line.decision.as_ref().and_then(|d| d.headline()).map(|r| r.rule))
                }
            }
        };
        town.engine.opt_out_after_error(p, &id, true, &by).await.expect("opted out");
        town.engine.opt_out_after_error(p, &id, true, &by).await.expect("the same again");
        assert_eq!(eligible(Channel::Email).await, Err(Some(RuleId::OptOut)));
        assert!(to_do(&town).await.is_empty());
        // She says STOP herself: from here on that is hers, and stays.
        town.texts_in(ANA, "STOP", "SM_stop").await;
        town.engine.undo_error(p, &id, &by).await.expect("undone");
        town.clock.set(town.world.now().plus_ms(8 * DAY_MS));
        assert_eq!(eligible(Channel::Email).await, Ok(()));
        let by_text = town.engine.explain(p, &ana.guarantor, town.world.now()).await.expect("why");
        let objections: Vec<RuleId> = by_text
            .text
            .decision
            .expect("a phone")
            .reasons
            .into_iter()
            .filter(|reason| reason.verdict == domain::decide::Verdict::Withhold)
            .map(|reason| reason.rule)
            .collect();
        assert!(objections.contains(&RuleId::OptOut), "{objections:?}");

        town.engine.opt_out_after_error(p, &id, false, &by).await.expect("opted out");
        town.clock.set(town.world.now().plus_ms(2 * DAY_MS));
        let late = town.engine.undo_error(p, &id, &by).await;
        assert_eq!(refusal(late), Refusal::OptOutStands);
    })
    .await;
}

#[tokio::test]
async fn a_contact_put_right_is_an_outcome_of_its_own_account_alone() {
    everywhere(async |town: Town| {
        let (ana, id) = failed(&town).await;
        let (p, by) = (&town.practice, staff("desk"));
        let ben = town.person("Ben", "+12125550112", 60_00).await;
        let foreign = town.engine.note_contact_fixed(p, &ben.guarantor, &id, &by).await;
        assert_eq!(refusal(foreign), Refusal::NotFound);
        town.engine.note_contact_fixed(p, &ana.guarantor, &id, &by).await.expect("noted");
        assert_eq!(told(&town, &id).await[0].outcome, Outcome::Contact);
        assert!(to_do(&town).await.is_empty());
    })
    .await;
}

/// What stands in the account of somebody with this login: `(channel codes, read)`, newest first.
async fn notices(town: &Town, login: &LoginId, own: &[GuarantorId]) -> Vec<(Vec<Channel>, bool)> {
    let mut db = town.store.read().await.expect("read");
    let found = store::notice::list(&mut db, &town.practice, login, own, 100).await;
    found
        .expect("notices")
        .into_iter()
        .map(|one| (one.ways.iter().map(|(channel, _)| *channel).collect(), one.is_read))
        .collect()
}

#[tokio::test]
async fn a_reminder_stands_in_the_account_it_was_for_and_in_no_other() {
    everywhere(async |town: Town| {
        let (ana, id) = failed(&town).await;
        let ben = town.person("Ben", "+12125550112", 60_00).await;
        let (p, by) = (&town.practice, staff("biller"));
        let (login, other): (LoginId, LoginId) = (town.world.mint(), town.world.mint());
        let (hers, his) = ([ana.guarantor.clone()], [ben.guarantor.clone()]);
        assert_eq!(notices(&town, &login, &hers).await, [(vec![Channel::Text], false)]);
        assert!(notices(&town, &other, &his).await.is_empty());

        // The email that went instead is the same notice.
        town.engine.send_instead(p, &id, Channel::Email, &by).await.expect("goes");
        town.pass_ms(25 * HOUR_MS).await;
        let both = vec![Channel::Email, Channel::Text];
        assert_eq!(notices(&town, &login, &hers).await, [(both.clone(), false)]);

        let mut db = town.store.read().await.expect("read");
        let found = store::notice::find(&mut db, p, &login, &hers, &id).await.expect("find");
        let foreign = store::notice::find(&mut db, p, &other, &his, &id).await.expect("find");
        assert!(foreign.is_none(), "hers is not there for him");
        drop(db);
        let (notice, now) = (found.expect("hers"), town.world.now());
        assert_eq!(notice.check_codes.len(), 2);
        for _ in 0..2 {
            let (p, login, notice) = (p.clone(), login.clone(), notice.clone());
            let marked = town.store.write(move |db| {
                let (p, login, notice) = (p.clone(), login.clone(), notice.clone());
                Box::pin(
                    async move { store::notice::mark_read(db, &p, &login, &notice, now).await },
                )
            });
            marked.await.expect("read");
        }
        assert_eq!(notices(&town, &login, &hers).await, [(both, true)]);
        assert!(!notices(&town, &other, &hers).await[0].1, "another login has not read it");

        // The code, typed on a phone, is found; for four months.
        let typed = domain::check_code::keys(&notice.check_codes[0]);
        let mut db = town.store.read().await.expect("read");
        let since = now.minus_ms(DAY_MS);
        let ours = message::find_by_check_keys(&mut db, p, &typed, since).await.expect("find");
        assert!(ours.is_some());
        let late = now.plus_ms(DAY_MS);
        assert_eq!(message::find_by_check_keys(&mut db, p, &typed, late).await.unwrap(), None);
        assert_eq!(message::find_by_check_keys(&mut db, p, "22222222", since).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn nothing_stands_in_an_account_that_went_out_while_another_place_was_ordered() {
    everywhere(async |town: Town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let (p, by) = (&town.practice, staff("desk"));
        let login: LoginId = town.world.mint();
        let own = [ana.guarantor.clone()];
        town.remind_all().await;
        town.pass_ms(HOUR_MS).await;
        assert_eq!(notices(&town, &login, &own).await.len(), 1);
        let hold = NewHold {
            kind: HoldKind::ConfidentialCommunication,
            claim: None,
            only_contact: Some(ana.phone.clone()),
            reason: "asked for it in writing".into(),
            until: None,
        };
        let placed = town.engine.place_hold(p, &ana.guarantor, &hold, &by).await.expect("hold");
        town.pass_ms(8 * DAY_MS).await;
        town.remind_all().await;
        town.pass_ms(HOUR_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 2, "to the one place she allows");
        assert_eq!(notices(&town, &login, &own).await.len(), 1, "what went before still stands");
        town.engine.lift_hold(p, &ana.guarantor, &placed, &by).await.expect("lifted");
        assert_eq!(notices(&town, &login, &own).await.len(), 1, "and what went then never will");
    })
    .await;
}
