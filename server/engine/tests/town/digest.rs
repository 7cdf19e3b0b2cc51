//! One message for the accounts of one phone or email, and what each keeps for itself (D-4).

use std::collections::BTreeSet;

use domain::{
    book::Language,
    clock::{DAY_MS, HOUR_MS},
    decide::{Channel, Outcome},
    holds::HoldKind,
    id::GuarantorId,
    sms,
};
use engine::{Goes, NewHold, PAY_LINK};
use store::message::State;

use crate::town::{Person, Town, everywhere, staff};

const ANA: &str = "+12125550111";
const BEN: &str = "+12125550112";

/// The tokens of the pay links of a text.
pub fn tokens(body: &str) -> Vec<&str> {
    let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
    body.split("/p/").skip(1).map(|rest| rest.split(ends).next().unwrap_or_default()).collect()
}

impl Town {
    /// Whose bills the links of a text open.
    pub async fn opened_by(&self, body: &str) -> BTreeSet<GuarantorId> {
        let mut owners = BTreeSet::new();
        let mut db = self.store.read().await.expect("read");
        for token in tokens(body) {
            let link = store::link::find_by_token(&mut db, token, self.world.now()).await;
            let link = link.expect("read").expect("a live link");
            assert!(link.proves_possession(self.world.now()), "it came to their phone");
            owners.insert(link.guarantor);
        }
        owners
    }

    pub async fn states(&self, people: &[&Person]) -> Vec<State> {
        let mut states = Vec::new();
        for person in people {
            states.push(self.history(&person.guarantor).await[0].state);
        }
        states
    }

    async fn speaks(&self, person: &Person, language: Language) {
        let (p, g, by) = (&self.practice, &person.guarantor, staff("desk"));
        self.engine.set_language(p, g, Some(language), &by).await.expect("language");
    }
}

pub fn owners(people: &[&Person]) -> BTreeSet<GuarantorId> {
    people.iter().map(|person| person.guarantor.clone()).collect()
}

#[tokio::test]
async fn two_accounts_of_one_phone_get_one_text_with_a_link_for_each() {
    everywhere(async |town| {
        let ana = town.person("Ana Fuentes", ANA, 82_00).await;
        let ruth = town.person("Ruth Okafor", ANA, 40_00).await;
        let list = town.engine.confirm_list(&town.practice, &town.by_text()).await.expect("list");
        assert!(list.eligible.iter().all(|one| one.goes == Goes::WithinTheHour));
        assert!(list.eligible.iter().all(|one| one.goes_with == Some(1)), "one text for both");
        let job = town.draft(&town.by_text()).await;
        let page = town.engine.job_page(&town.practice, &job, None, None, 9).await.expect("page");
        assert_eq!((page.messages, page.riding), (2, 1));
        assert!(page.lines.iter().all(|line| page.together[&line.id].accounts == 2));
        let foretold = town.engine.reads(&town.practice, &page.lines[0].id).await.expect("reads");
        assert_eq!(foretold.segments, page.segments, "what it will cost is known before the yes");
        town.approve(&job).await;
        town.pass_ms(HOUR_MS).await;

        let sent = town.provider.to(ANA);
        assert_eq!(sent.len(), 1);
        let body = &sent[0].body;
        assert_eq!(foretold.content.text, *body, "as it was shown to whoever said yes");
        assert_eq!(i64::try_from(sms::size(body).segments).unwrap(), foretold.segments);
        assert_eq!(town.opened_by(body).await, owners(&[&ana, &ruth]));
        for canary in ["Ana", "Fuentes", "Ruth", "Okafor", "82.00", "40.00", "122.00"] {
            assert!(!body.contains(canary), "{canary} in {body}");
        }
        assert_eq!(body.matches("STOP").count(), 1);
        let mut segments = Vec::new();
        for person in [&ana, &ruth] {
            let history = town.history(&person.guarantor).await;
            assert_eq!((history.len(), history[0].state), (1, State::Accepted));
            assert_eq!(history[0].others, 1, "that it was one of two, not whose the other was");
            segments.push(history[0].segments);
            assert_eq!(town.status(&person.claims[0]).await, "pending_patient");
            let reads = town.engine.reads(&town.practice, &history[0].id).await.expect("reads");
            assert_eq!(reads.content.text, *body);
            let mut db = town.store.read().await.expect("read");
            let kept = store::decision::list_by_message(&mut db, &town.practice, &history[0].id);
            assert!(kept.await.expect("decisions").iter().any(|one| one.outcome == Outcome::Send));
        }
        segments.sort_unstable();
        assert_eq!(segments[0], 0, "paid for once");

        // One contact for the phone: a second one fits into its week.
        town.pass_ms(DAY_MS + HOUR_MS).await;
        town.remind_all().await;
        town.pass_ms(2 * HOUR_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 2);
        town.pass_ms(DAY_MS).await;
        let list = town.engine.confirm_list(&town.practice, &town.by_text()).await.expect("list");
        assert!(list.eligible.iter().all(|one| matches!(one.goes, Goes::At(_))), "two a week");
    })
    .await;
}

#[tokio::test]
async fn where_amounts_are_switched_on_each_line_says_its_own() {
    everywhere(async |town| {
        town.settings(|settings, _| settings.amount_in_texts = true).await;
        town.person("Ana", ANA, 82_00).await;
        town.person("Ruth", ANA, 40_00).await;
        town.remind_all().await;
        town.pass_ms(HOUR_MS).await;
        let sent = town.provider.to(ANA);
        assert_eq!(sent.len(), 1);
        assert!(sent[0].body.contains("$82.00") && sent[0].body.contains("$40.00"));
        assert!(!sent[0].body.contains("122.00"), "no sum over two people");
    })
    .await;
}

#[tokio::test]
async fn of_four_accounts_three_go_together_and_the_fourth_the_day_after() {
    everywhere(async |town| {
        let mut people = Vec::new();
        for (name, cents) in [("Ana", 82_00), ("Ruth", 70_00), ("Tom", 60_00), ("Mia", 50_00)] {
            people.push(town.person(name, ANA, cents).await);
        }
        town.person("Ben", BEN, 65_00).await;
        let list = town.engine.confirm_list(&town.practice, &town.by_text()).await.expect("list");
        let with: Vec<_> = list.eligible.iter().map(|one| one.goes_with).collect();
        assert_eq!(with, [Some(1), Some(1), Some(1), None, None]);
        assert!(matches!(list.eligible[3].goes, Goes::At(_)), "the fourth waits for the cap");
        let start = town.world.now();
        town.remind_all().await;
        town.pass_ms(HOUR_MS).await;
        let sent = town.provider.to(ANA);
        assert_eq!(sent.len(), 1);
        assert_eq!(tokens(&sent[0].body).len(), 3);
        for (nth, token) in tokens(&sent[0].body).into_iter().enumerate() {
            let link = format!("https://pay.hilltop.example/p/{token}");
            assert!(sms::is_whole_in_a_segment(&sent[0].body, &link), "link {nth} in two pieces");
        }
        town.pass_ms(2 * DAY_MS).await;
        let sent = town.provider.to(ANA);
        assert_eq!(sent.len(), 2);
        assert_eq!(tokens(&sent[1].body).len(), 1);
        assert!(sent[1].at.since(sent[0].at) >= DAY_MS && sent[1].at.since(start) < 2 * DAY_MS);
        let all = sent.iter().map(|one| one.body.as_str()).collect::<Vec<_>>().join(" ");
        assert_eq!(tokens(&all).len(), 4, "nobody is forgotten");
    })
    .await;
}

#[tokio::test]
async fn two_languages_are_never_mixed() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let ruth = town.person("Ruth", ANA, 40_00).await;
        town.speaks(&ana, Language::Spanish).await;
        town.speaks(&ruth, Language::English).await;
        let list = town.engine.confirm_list(&town.practice, &town.by_text()).await.expect("list");
        assert!(list.eligible.iter().all(|one| one.goes_with.is_none()));
        town.remind_all().await;
        town.pass_ms(HOUR_MS).await;
        assert_eq!(tokens(&town.provider.to(ANA)[0].body).len(), 1);
        town.pass_ms(2 * DAY_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 2, "the other one a day later");
    })
    .await;
}

#[tokio::test]
async fn a_family_that_reads_spanish_is_told_of_the_other_account_in_spanish() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let ruth = town.person("Ruth", ANA, 40_00).await;
        town.speaks(&ana, Language::Spanish).await;
        town.speaks(&ruth, Language::Spanish).await;
        town.remind_all().await;
        town.pass_ms(HOUR_MS).await;
        let sent = town.provider.to(ANA);
        assert_eq!((sent.len(), tokens(&sent[0].body).len()), (1, 2));
        assert!(sent[0].body.contains("Otra cuenta"));
    })
    .await;
}

#[tokio::test]
async fn one_who_pays_between_the_yes_and_the_text_is_left_out_of_it() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let ruth = town.person("Ruth", ANA, 40_00).await;
        let tom = town.person("Tom", ANA, 30_00).await;
        town.remind_all().await;
        // Ana leads, and pays.
        town.owes(&ana, 0).await;
        town.pass_ms(HOUR_MS).await;
        let sent = town.provider.to(ANA);
        assert_eq!(sent.len(), 1);
        assert_eq!(town.opened_by(&sent[0].body).await, owners(&[&ruth, &tom]));
        assert_eq!(
            town.states(&[&ana, &ruth, &tom]).await,
            [State::Cancelled, State::Accepted, State::Accepted]
        );
        assert_eq!(town.history(&ana.guarantor).await[0].others, 0);
    })
    .await;
}

#[tokio::test]
async fn one_on_hold_is_left_out_and_an_amount_that_changed_waits_for_a_new_yes() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let ruth = town.person("Ruth", ANA, 70_00).await;
        let tom = town.person("Tom", ANA, 60_00).await;
        town.remind_all().await;
        let hold = NewHold {
            kind: HoldKind::Bankruptcy,
            claim: None,
            only_contact: None,
            reason: "notice by mail".into(),
            until: None,
        };
        let by = staff("desk");
        town.engine.place_hold(&town.practice, &ruth.guarantor, &hold, &by).await.expect("held");
        town.owes(&tom, 64_00).await;
        town.pass_ms(HOUR_MS).await;
        let sent = town.provider.to(ANA);
        assert_eq!(sent.len(), 1);
        assert_eq!(town.opened_by(&sent[0].body).await, owners(&[&ana]));
        assert_eq!(
            town.states(&[&ana, &ruth, &tom]).await,
            [State::Accepted, State::Withheld, State::PendingApproval]
        );
    })
    .await;
}

#[tokio::test]
async fn stop_takes_back_every_row_of_the_phone_whatever_it_waits_for() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let ruth = town.person("Ruth", ANA, 40_00).await;
        let job = town.draft(&town.by_text()).await;
        town.texts_in(ANA, "STOP", "SM1").await;
        assert_eq!(town.states(&[&ana, &ruth]).await, [State::Cancelled, State::Cancelled]);
        let page = town.engine.job_page(&town.practice, &job, None, None, 9).await.expect("page");
        assert!(page.together.is_empty());

        let ben = town.person("Ben", BEN, 60_00).await;
        let mia = town.person("Mia", BEN, 50_00).await;
        town.remind_all().await;
        town.texts_in(BEN, "wrong number", "SM2").await;
        assert_eq!(town.states(&[&ben, &mia]).await, [State::Cancelled, State::Cancelled]);
        town.pass_ms(DAY_MS).await;
        let reminders =
            |to| town.provider.to(to).iter().filter(|one| one.body.contains("/p/")).count();
        assert_eq!((reminders(ANA), reminders(BEN)), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn one_excluded_from_the_job_leaves_the_text_of_the_other_as_it_is_alone() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let ruth = town.person("Ruth", ANA, 40_00).await;
        let job = town.draft(&town.by_text()).await;
        let (p, by) = (&town.practice, staff("biller"));
        let hers = town.history(&ana.guarantor).await[0].id.clone();
        town.engine.cancel_message(p, &job, &hers, &by).await.expect("excluded");
        let left = &town.history(&ruth.guarantor).await[0];
        assert_eq!(left.segments, 1, "it is counted for itself now");
        town.approve(&job).await;
        town.pass_ms(HOUR_MS).await;
        let sent = town.provider.to(ANA);
        assert_eq!(sent.len(), 1);
        assert_eq!(town.opened_by(&sent[0].body).await, owners(&[&ruth]));
    })
    .await;
}

#[tokio::test]
async fn approved_alone_it_goes_alone_and_the_other_waits_for_its_yes_and_the_cap() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let ruth = town.person("Ruth", ANA, 40_00).await;
        let job = town.draft(&town.by_text()).await;
        let (p, by) = (&town.practice, staff("biller"));
        let theirs = town.history(&ruth.guarantor).await[0].id.clone();
        let some = [theirs].into_iter().collect();
        town.engine.approve_some(p, &job, &some, &by).await.expect("approved");
        town.pass_ms(HOUR_MS).await;
        let sent = town.provider.to(ANA);
        assert_eq!(sent.len(), 1);
        assert_eq!(town.opened_by(&sent[0].body).await, owners(&[&ruth]));
        assert_eq!(town.states(&[&ana, &ruth]).await, [State::PendingApproval, State::Accepted]);
        town.approve(&job).await;
        town.pass_ms(2 * HOUR_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
        town.pass_ms(2 * DAY_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 2);
    })
    .await;
}

#[tokio::test]
async fn words_written_by_hand_lead_and_are_never_cut_to_a_line() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let ruth = town.person("Ruth", ANA, 40_00).await;
        let tom = town.person("Tom", ANA, 30_00).await;
        let job = town.draft(&town.by_text()).await;
        let by = staff("biller");
        for person in [&ruth, &tom] {
            let id = town.history(&person.guarantor).await[0].id.clone();
            let words =
                format!("Practice hilltop: Please call about this. {PAY_LINK} Reply STOP to end.");
            town.engine.edit_text(&town.practice, &id, &words, &by).await.expect("edited");
        }
        town.approve(&job).await;
        town.pass_ms(HOUR_MS).await;
        let sent = town.provider.to(ANA);
        assert_eq!(sent.len(), 1);
        assert!(sent[0].body.contains("Please call about this."));
        let told = town.opened_by(&sent[0].body).await;
        assert_eq!(told, owners(&[&ana, &ruth]), "Tom's own words wait for the cap");
        town.pass_ms(2 * DAY_MS).await;
        let sent = town.provider.to(ANA);
        assert_eq!(sent.len(), 2);
        assert!(sent[1].body.contains("Please call about this."));
    })
    .await;
}

#[tokio::test]
async fn two_accounts_of_one_email_get_one_email() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let ben = town.person("Ben", BEN, 60_00).await;
        for person in [&ana, &ben] {
            town.email_of(person, "house@example.org").await;
        }
        let list = town.engine.confirm_list(&town.practice, &town.by_email()).await.expect("list");
        assert!(list.eligible.iter().all(|one| one.goes_with == Some(1)));
        let job = town.draft(&town.by_email()).await;
        town.approve(&job).await;
        town.pass_ms(HOUR_MS).await;
        let sent = town.provider.to("house@example.org");
        assert_eq!((sent.len(), sent[0].channel), (1, Channel::Email));
        assert_eq!(town.opened_by(&sent[0].body).await, owners(&[&ana, &ben]));
        // Unsubscribing means the address, so it means both.
        let url = sent[0].unsubscribe.clone().expect("one-click unsubscribe");
        town.engine.unsubscribe(url.rsplit('/').next().expect("a token")).await.expect("done");
        town.pass_ms(2 * DAY_MS).await;
        let list = town.engine.confirm_list(&town.practice, &town.by_email()).await.expect("list");
        assert!(list.eligible.is_empty());
    })
    .await;
}
