//! Replies that are conversations: what each means, what staff correct, what proves a text.

use domain::{
    clock::{DAY_MS, HOUR_MS},
    decide::RuleId,
    holds::HoldKind,
    id::ConversationId,
    revocation::{FIXED_REPLY, Inbound, Topic},
};
use engine::Corrected;
use store::conversation::{self, Conversation, State};

use crate::town::{Person, Town, everywhere, staff};

const ANA: &str = "+12125550111";

impl Town {
    async fn inbox_on(&self) {
        self.settings(|settings, _| settings.inbox_is_on = true).await;
    }

    async fn conversations(&self) -> Vec<Conversation> {
        let mut db = self.store.read().await.expect("read");
        conversation::list(&mut db, &self.practice, None, None, None, 50).await.expect("list")
    }

    async fn holds_of(&self, person: &Person) -> Vec<store::hold::Hold> {
        let mut db = self.store.read().await.expect("read");
        let holds = store::hold::list(&mut db, &self.practice, &person.guarantor).await;
        holds.expect("holds").into_iter().filter(|h| h.lifted_at.is_none()).collect()
    }

    async fn tasks(&self) -> Vec<String> {
        let mut db = self.store.read().await.expect("read");
        let tasks = store::task::list_open(&mut db, &self.practice, None, 50).await;
        tasks.expect("tasks").into_iter().map(|task| task.kind).collect()
    }

    async fn newest_reply(&self) -> store::reply::Reply {
        let mut db = self.store.read().await.expect("read");
        let all = store::reply::list(&mut db, &self.practice, None, 1).await.expect("replies");
        all.into_iter().next().expect("a reply")
    }

    async fn read_it(&self, id: &ConversationId, seq: i64) -> bool {
        let (practice, id) = (self.practice.clone(), id.clone());
        let done = self.store.write(move |db| {
            let (practice, id) = (practice.clone(), id.clone());
            Box::pin(async move { conversation::mark_read(db, &practice, &id, seq).await })
        });
        done.await.expect("read")
    }
}

#[tokio::test]
async fn what_each_text_means_becomes_a_hold_a_task_and_a_safe_answer() {
    everywhere(async |town| {
        town.inbox_on().await;
        let table = [
            ("I already paid this", Some(HoldKind::Pause), "already_paid", true),
            ("this is a mistake, I don't owe it", Some(HoldKind::Pause), "dispute", true),
            ("did you bill my insurance?", Some(HoldKind::InsuranceReview), "insurance", true),
            ("I lost my job", Some(HoldKind::FinancialAssistance), "hardship", true),
            ("CALL", None, "call_me", true),
            ("MAIL", None, "mail_me", true),
            ("hmm", None, "other", false),
            ("talk to my lawyer", Some(HoldKind::Attorney), "attorney", false),
            ("I filed for bankruptcy", Some(HoldKind::Bankruptcy), "bankruptcy", false),
            ("she passed away", Some(HoldKind::Deceased), "deceased", false),
            ("wrong number", None, "wrong_number", false),
        ];
        for (at, (text, hold, class, answered)) in table.into_iter().enumerate() {
            let number = format!("+121255501{at:02}");
            let person = town.person("Ana", &number, 82_00).await;
            let answer = town.texts_in(&number, text, &format!("SM{at}")).await;
            assert_eq!(answer.is_some(), answered, "{text}: {answer:?}");
            assert!(answer.is_none_or(|a| a != FIXED_REPLY), "{text}");
            let kinds: Vec<HoldKind> =
                town.holds_of(&person).await.into_iter().map(|h| h.kind).collect();
            assert_eq!(kinds, hold.into_iter().collect::<Vec<_>>(), "{text}");
            assert!(town.tasks().await.contains(&format!("reply_{class}")), "{text}");
        }
        let all = town.conversations().await;
        assert_eq!(all.len(), table.len());
        assert!(all.iter().all(|c| c.unread == 1 && c.state == State::Open));
    })
    .await;
}

#[tokio::test]
async fn a_text_from_a_shared_phone_is_one_conversation_about_nobody_yet() {
    everywhere(async |town| {
        town.inbox_on().await;
        let ana = town.person("Ana", ANA, 82_00).await;
        let eve = town.person("Eve", ANA, 70_00).await;
        town.texts_in(ANA, "I already paid", "SM1").await;
        let all = town.conversations().await;
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].guarantor, None, "nobody guesses (D-4)");
        for person in [&ana, &eve] {
            assert_eq!(town.holds_of(person).await.len(), 1, "both wait");
        }
    })
    .await;
}

#[tokio::test]
async fn what_comes_while_somebody_reads_stays_unread() {
    everywhere(async |town| {
        town.inbox_on().await;
        town.person("Ana", ANA, 82_00).await;
        town.texts_in(ANA, "a question", "SM1").await;
        let seen = town.conversations().await.remove(0);
        town.texts_in(ANA, "and another", "SM2").await;
        assert!(!town.read_it(&seen.id, seen.seq).await, "it moved on meanwhile");
        let now = town.conversations().await.remove(0);
        assert_eq!(now.unread, 2);
        assert!(town.read_it(&now.id, now.seq).await);
        assert_eq!(town.conversations().await[0].unread, 0);
        let mut db = town.store.read().await.expect("read");
        let many = conversation::count_unread(&mut db, &town.practice).await.expect("count");
        assert_eq!(many, 0);
        let seq = conversation::find_seq(&mut db, &town.practice).await.expect("seq");
        assert!(seq > now.seq, "a page that is behind learns of it");
    })
    .await;
}

#[tokio::test]
async fn staff_write_and_a_bare_stop_ends_the_conversation() {
    everywhere(async |town| {
        town.inbox_on().await;
        let ana = town.person("Ana", ANA, 82_00).await;
        let (p, g) = (&town.practice, &ana.guarantor);
        let by = staff("desk");
        let sent = town.engine.send_direct_text(p, g, &ana.phone, "Please call us.", &by).await;
        assert!(matches!(sent, Ok(engine::Delivered::Sent(_))), "{sent:?}");
        let all = town.conversations().await;
        assert_eq!((all.len(), all[0].last_is_ours, all[0].unread), (1, true, 0));
        town.texts_in(ANA, "STOP", "SM1").await;
        let all = town.conversations().await;
        assert_eq!((all[0].state, all[0].unread), (State::Closed, 0), "nothing to answer");
        let again = town.engine.send_direct_text(p, g, &ana.phone, "Hello?", &by).await;
        assert!(matches!(again, Ok(engine::Delivered::Withheld(..))), "{again:?}");
    })
    .await;
}

#[tokio::test]
async fn verify_proves_the_last_text_and_nothing_more() {
    everywhere(async |town| {
        town.person("Ana", ANA, 82_00).await;
        let none = town.texts_in(ANA, "VERIFY", "SM1").await.expect("an answer");
        assert!(none.contains("did not send"), "{none}");
        town.remind_all().await;
        town.pass_ms(DAY_MS / 2).await;
        let sent = town.provider.to(ANA);
        assert_eq!(sent.len(), 1);
        let yes = town.texts_in(ANA, "Verify", "SM2").await.expect("an answer");
        assert!(yes.contains("Mar 4") && yes.contains("/check-message"), "{yes}");
        assert!(!yes.contains("82"), "no amount: {yes}");
        let code = yes.split("code ").nth(1).and_then(|rest| rest.get(..8)).expect("a code");
        let same = town.texts_in(ANA, &format!("verify {code}"), "SM3").await.expect("an answer");
        assert_eq!(same, yes);
        let no = town.texts_in(ANA, "verify ABCD2345", "SM4").await.expect("an answer");
        assert!(no.contains("did not send"), "{no}");
        let other = town.texts_in("+12125550199", "VERIFY", "SM5").await.expect("an answer");
        assert!(other.contains("did not send"), "another phone learns nothing: {other}");
    })
    .await;
}

#[tokio::test]
async fn a_misread_stop_is_taken_back_by_staff_and_a_real_one_is_not() {
    everywhere(async |town| {
        town.inbox_on().await;
        town.person("Ana", ANA, 82_00).await;
        town.texts_in(ANA, "please stop sending texts", "SM1").await;
        let said = town.newest_reply().await;
        assert_eq!(said.class, "stop_in_words");
        let list = town.engine.confirm_list(&town.practice, &town.by_text()).await.expect("list");
        assert!(list.eligible.is_empty());
        town.clock.set(town.world.now().plus_ms(HOUR_MS));
        let general = Inbound::Other(Topic::General);
        let by = staff("biller");
        let done = town.engine.reclassify_reply(&town.practice, &said.id, general, &by).await;
        assert_eq!(done.expect("corrected"), Corrected::Done);
        let list = town.engine.confirm_list(&town.practice, &town.by_text()).await.expect("list");
        assert_eq!(list.eligible.len(), 1, "her consent stands as before");
        let again = town.newest_reply().await;
        assert_eq!(again.class, "other");
        assert_eq!(again.reclassified.expect("kept").0, "stop_in_words");

        town.texts_in(ANA, "STOP", "SM2").await;
        let stop = town.newest_reply().await;
        let done = town.engine.reclassify_reply(&town.practice, &stop.id, general, &by).await;
        assert!(done.is_err(), "a keyword is what it is");
        let list = town.engine.confirm_list(&town.practice, &town.by_text()).await.expect("list");
        assert!(list.eligible.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_correction_lifts_its_own_hold_and_places_the_right_one() {
    everywhere(async |town| {
        town.inbox_on().await;
        let ana = town.person("Ana", ANA, 82_00).await;
        town.texts_in(ANA, "I already paid", "SM1").await;
        let said = town.newest_reply().await;
        let hardship = Inbound::Other(Topic::Hardship);
        let (p, by) = (&town.practice, staff("biller"));
        town.engine.reclassify_reply(p, &said.id, hardship, &by).await.expect("corrected");
        let kinds: Vec<_> = town.holds_of(&ana).await.into_iter().map(|h| h.kind).collect();
        assert_eq!(kinds, [HoldKind::FinancialAssistance]);
        assert_eq!(town.tasks().await, ["reply_hardship"]);

        town.texts_in(ANA, "chapter 13", "SM2").await;
        let said = town.newest_reply().await;
        let general = Inbound::Other(Topic::General);
        let done = town.engine.reclassify_reply(p, &said.id, general, &by).await;
        assert_eq!(done.expect("asked"), Corrected::HoldWaitsForSecondPerson);
        let kinds: Vec<_> = town.holds_of(&ana).await.into_iter().map(|h| h.kind).collect();
        assert!(kinds.contains(&HoldKind::Bankruptcy), "a legal hold needs two");
    })
    .await;
}

#[tokio::test]
async fn a_wrong_number_that_staff_find_right_is_written_to_again() {
    everywhere(async |town| {
        town.inbox_on().await;
        town.person("Ana", ANA, 82_00).await;
        town.texts_in(ANA, "not me", "SM1").await;
        let list = town.engine.confirm_list(&town.practice, &town.by_text()).await.expect("list");
        let decision = list.not_eligible[0].decision.as_ref().expect("a phone");
        assert_eq!(decision.headline().map(|r| r.rule), Some(RuleId::WrongNumber));
        town.clock.set(town.world.now().plus_ms(HOUR_MS));
        let said = town.newest_reply().await;
        let (general, by) = (Inbound::Other(Topic::General), staff("biller"));
        town.engine
            .reclassify_reply(&town.practice, &said.id, general, &by)
            .await
            .expect("corrected");
        let list = town.engine.confirm_list(&town.practice, &town.by_text()).await.expect("list");
        assert_eq!(list.eligible.len(), 1);
    })
    .await;
}
