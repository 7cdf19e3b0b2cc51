//! Lists, approvals, and what a changed balance does to them.

use connect::channel::ChannelError;
use domain::{
    clock::{DAY_MS, HOUR_MS, MINUTE_MS},
    decide::RuleId,
    money::Cents,
};
use engine::{Criteria, EngineError, Goes, Refusal, Segment, Selection};
use store::message::State;

use crate::town::{Fault, everywhere, staff};

const ANA: &str = "+12125550111";
const BEN: &str = "+12125550112";

#[tokio::test]
async fn a_person_whose_box_is_cleared_gets_nothing() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let ben = town.person("Ben", BEN, 90_00).await;
        let cleared = Selection::AllBut([ben.guarantor.clone()].into());
        let by = staff("biller");
        let (p, criteria) = (&town.practice, town.by_text());
        let drafted = town.engine.create_job(p, &criteria, &cleared, None, &by).await;
        let drafted = drafted.expect("job");
        assert_eq!((drafted.messages, drafted.amount), (1, Cents(82_00)));
        town.approve(&drafted.job).await;
        town.pass_ms(HOUR_MS).await;
        assert_eq!((town.provider.to(ANA).len(), town.provider.to(BEN).len()), (1, 0));
        assert_eq!(town.status(&ben.claims[0]).await, "ready");
        assert_eq!(town.status(&ana.claims[0]).await, "pending_patient");
    })
    .await;
}

#[tokio::test]
async fn the_ones_chosen_go_and_the_others_wait_for_their_own_yes() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.person("Ben", BEN, 90_00).await;
        let job = town.draft(&town.by_text()).await;
        let of_ana = town.history(&ana.guarantor).await[0].id.clone();
        let (p, by) = (&town.practice, staff("biller"));
        let chosen = [of_ana].into();
        let approved = town.engine.approve_some(p, &job, &chosen, &by).await.expect("approved");
        assert_eq!(approved.queued, 1);
        assert!(town.engine.approve_some(p, &job, &chosen, &by).await.is_err(), "it is done");
        town.pass_ms(HOUR_MS).await;
        assert_eq!((town.provider.to(ANA).len(), town.provider.to(BEN).len()), (1, 0));
        assert_eq!(town.status(&ana.claims[0]).await, "pending_patient");
        town.approve(&job).await;
        town.pass_ms(HOUR_MS).await;
        assert_eq!((town.provider.to(ANA).len(), town.provider.to(BEN).len()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_paused_job_sends_nothing_until_it_is_resumed() {
    everywhere(async |town| {
        town.person("Ana", ANA, 82_00).await;
        let job = town.remind_all().await;
        let (p, by) = (&town.practice, staff("biller"));
        assert_eq!(town.engine.pause_job(p, &job, &by).await.expect("paused"), 1);
        assert!(town.engine.pause_job(p, &job, &by).await.is_err(), "it rests already");
        town.pass_ms(3 * HOUR_MS).await;
        assert!(town.provider.all().is_empty());
        assert_eq!(town.engine.resume_job(p, &job, &by).await.expect("resumed"), 1);
        town.pass_ms(HOUR_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_practice_that_wants_few_an_hour_gets_few_an_hour() {
    everywhere(async |town| {
        town.settings(|settings, _| settings.messages_per_hour = Some(2)).await;
        for n in 0..6 {
            town.person(&format!("Person {n}"), &format!("+1212555012{n}"), 82_00).await;
        }
        town.remind_all().await;
        let start = town.world.now();
        town.pass_ms(4 * HOUR_MS).await;
        let mut by_hour = [0; 4];
        for out in town.provider.all() {
            by_hour[usize::try_from(out.at.since(start) / HOUR_MS).expect("later").min(3)] += 1;
        }
        assert_eq!(by_hour, [2, 2, 2, 0]);
    })
    .await;
}

#[tokio::test]
async fn an_edited_text_goes_as_it_was_edited_and_keeps_what_it_must_have() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let job = town.draft(&town.by_text()).await;
        let of_ana = town.history(&ana.guarantor).await[0].id.clone();
        let (p, by) = (&town.practice, staff("biller"));
        for bad in [
            "",
            "Practice hilltop: pay at our desk. Reply STOP to opt out.",
            "Pay here: {pay_link} Reply STOP to opt out.",
            "Practice hilltop: pay here: {pay_link} Thank you.",
            "Practice hilltop: {pay_link} or {pay_link} Reply STOP to opt out.",
        ] {
            assert!(town.engine.edit_text(p, &of_ana, bad, &by).await.is_err(), "{bad}");
        }
        let words =
            "Practice hilltop: Your card is on its way? Pay: {pay_link} Reply STOP to opt out.";
        town.engine.edit_text(p, &of_ana, words, &by).await.expect("edited");
        town.approve(&job).await;
        assert!(town.engine.edit_text(p, &of_ana, words, &by).await.is_err(), "it is approved");
        town.pass_ms(HOUR_MS).await;
        let sent = town.provider.to(ANA);
        assert!(sent[0].body.contains("on its way") && sent[0].body.contains("/p/"));
    })
    .await;
}

#[tokio::test]
async fn no_leaves_the_claims_ready() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let job = town.remind_all().await;
        assert_eq!(town.status(&ana.claims[0]).await, "pending_patient", "yes unless said");
        let by = staff("biller");
        town.engine.mark_job(&town.practice, &job, false, &by).await.expect("no");
        assert_eq!(town.status(&ana.claims[0]).await, "ready");
        town.engine.mark_job(&town.practice, &job, true, &by).await.expect("yes after all");
        assert_eq!(town.status(&ana.claims[0]).await, "pending_patient");
        town.pass_ms(HOUR_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
    })
    .await;
}

#[tokio::test]
async fn nothing_goes_before_the_yes_and_two_approvers_are_one_send() {
    everywhere(async |town| {
        town.person("Ana", ANA, 82_00).await;
        let job = town.draft(&town.by_text()).await;
        town.pass_ms(HOUR_MS).await;
        assert!(town.provider.all().is_empty());
        let (one, other) = (staff("one"), staff("other"));
        let (first, second) = tokio::join!(
            town.engine.approve_job(&town.practice, &job, &one),
            town.engine.approve_job(&town.practice, &job, &other),
        );
        let queued: usize = [first, second].into_iter().flatten().map(|a| a.queued).sum();
        assert_eq!(queued, 1);
        town.pass_ms(HOUR_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_bill_paid_between_yes_and_send_stops_its_reminder() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let job = town.remind_all().await;
        town.owes(&ana, 0).await;
        town.pass_ms(DAY_MS).await;
        assert!(town.provider.all().is_empty());
        let line = &town.history(&ana.guarantor).await[0];
        assert_eq!(line.state, State::Cancelled);
        assert_eq!(line.end_reason.as_deref(), Some(RuleId::NothingDue.as_str()));
        let page = town.engine.job_page(&town.practice, &job, None, None, 9).await.expect("page");
        assert_eq!(page.reasons.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_changed_balance_wants_a_new_yes_to_new_words() {
    everywhere(async |town| {
        town.settings(|settings, _| settings.amount_in_texts = true).await;
        let ana = town.person("Ana", ANA, 82_00).await;
        let job = town.remind_all().await;
        town.owes(&ana, 64_00).await;
        town.pass_ms(HOUR_MS).await;
        assert!(town.provider.all().is_empty());
        let line = &town.history(&ana.guarantor).await[0];
        assert_eq!((line.state, line.amount), (State::PendingApproval, Some(Cents(64_00))));
        town.approve(&job).await;
        town.pass_ms(HOUR_MS).await;
        let sent = town.provider.to(ANA);
        assert_eq!(sent.len(), 1);
        assert!(sent[0].body.contains("64.00") && !sent[0].body.contains("82.00"));
    })
    .await;
}

#[tokio::test]
async fn accounts_that_share_a_phone_are_grouped() {
    everywhere(async |town| {
        town.person("Ana", ANA, 82_00).await;
        town.person("Ana's mother", ANA, 40_00).await;
        town.person("Ben", BEN, 60_00).await;
        let list = town.engine.confirm_list(&town.practice, &town.by_text()).await.expect("list");
        let names: Vec<&str> = list.eligible.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["Ana", "Ana's mother", "Ben"], "a shared phone stays together");
        assert!(list.eligible[0].shared_contact.is_some());
        assert!(list.eligible.iter().all(|one| one.goes == Goes::WithinTheHour));
        assert!(list.eligible[2].shared_contact.is_none() && list.eligible[2].goes_with.is_none());
        assert_eq!(list.sizes.most(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_guarantor_hears_at_most_four_times_in_thirty_days() {
    everywhere(async |town| {
        town.person("Ana", ANA, 82_00).await;
        let start = town.world.now();
        while town.world.now().since(start) < 40 * DAY_MS {
            let by = staff("biller");
            let (p, all) = (&town.practice, Selection::All);
            let drafted = town.engine.create_job(p, &town.by_text(), &all, None, &by).await;
            if let Ok(drafted) = drafted {
                let _ = town.engine.approve_job(p, &drafted.job, &by).await;
            }
            town.pass_ms(DAY_MS).await;
        }
        let sent: Vec<_> = town.provider.to(ANA).into_iter().map(|o| o.at).collect();
        assert!(sent.len() > 3);
        for (days, most) in [(1, 1), (7, 2), (30, 4)] {
            for (i, first) in sent.iter().enumerate() {
                let within = sent[i..].iter().filter(|at| at.since(*first) < days * DAY_MS).count();
                assert!(within <= most, "{within} in {days} days");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_name_over_fifty_characters_is_refused_and_over_thirty_warned() {
    everywhere(async |town| {
        town.person("Ana", ANA, 82_00).await;
        let (p, criteria, by) = (&town.practice, town.by_text(), staff("biller"));
        let too_long = "N".repeat(51);
        let all = Selection::All;
        let refused = town.engine.create_job(p, &criteria, &all, Some(&too_long), &by).await;
        let expected = Refusal::NameTooLong { chars: 51 };
        assert!(matches!(refused, Err(EngineError::Refused(r)) if r == expected));
        let long = "Northern Hills Family Medicine East";
        let preview = town.engine.preview(p, criteria.method, Some(long)).await.expect("preview");
        assert!(preview.name_is_long && preview.text.expect("a text").starts_with(long));
        let job = town.engine.create_job(p, &criteria, &all, Some(long), &by).await.expect("job");
        town.approve(&job.job).await;
        town.pass_ms(HOUR_MS).await;
        assert!(town.provider.to(ANA)[0].body.starts_with(long));
    })
    .await;
}

#[tokio::test]
async fn criteria_find_whom_they_name() {
    everywhere(async |town| {
        town.person("Ana Alvarez", ANA, 82_00).await;
        town.person("José Núñez", BEN, 612_00).await;
        town.person("Small Sum", "+12125550113", 4_00).await;
        let names = async |criteria: Criteria| {
            let list = town.engine.confirm_list(&town.practice, &criteria).await.expect("list");
            let mut names: Vec<String> = list.eligible.into_iter().map(|c| c.name).collect();
            names.sort();
            names
        };
        let base = town.by_text();
        assert_eq!(names(base.clone()).await.len(), 2, "below the minimum nobody is asked");
        let search = Some("nunez".to_owned());
        assert_eq!(names(Criteria { search, ..base.clone() }).await, ["José Núñez"]);
        let segment = Some(Segment::TopPriority);
        assert_eq!(names(Criteria { segment, ..base.clone() }).await, ["José Núñez"]);
        let most = Some(Cents(100_00));
        let cheap = Criteria { amount_at_most: most, ..base.clone() };
        assert_eq!(names(cheap).await, ["Ana Alvarez"]);
        let range =
            Criteria { name_from: Some("A".into()), name_to: Some("B".into()), ..base.clone() };
        assert_eq!(names(range).await, ["Ana Alvarez"]);
        let none = Criteria { age: Some(engine::Age::Over60), ..base };
        assert!(names(none).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_run_sends_nothing_more() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let job = town.remind_all().await;
        let by = staff("biller");
        let cancelled = town.engine.cancel_job(&town.practice, &job, &by).await.expect("cancel");
        assert_eq!(cancelled, 1);
        town.pass_ms(DAY_MS).await;
        assert!(town.provider.all().is_empty());
        assert_eq!(town.status(&ana.claims[0]).await, "ready");
    })
    .await;
}

#[tokio::test]
async fn text_and_email_at_one_moment_are_still_one_a_day() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.email_of(&ana, "ana@example.org").await;
        let by_text = town.draft(&town.by_text()).await;
        let by_email = town.draft(&town.by_email()).await;
        town.approve(&by_text).await;
        town.approve(&by_email).await;
        town.pass_ms(HOUR_MS).await;
        assert_eq!(town.provider.all().len(), 1);
        town.pass_ms(2 * DAY_MS).await;
        assert_eq!(town.provider.all().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn two_accounts_on_one_phone_at_one_moment_are_still_one_a_day() {
    everywhere(async |town| {
        let jobs = {
            town.person("Ana", ANA, 82_00).await;
            town.person("Ana's mother", ANA, 40_00).await;
            let by = staff("biller");
            let list = town.engine.confirm_list(&town.practice, &town.by_text()).await;
            let mut jobs = Vec::new();
            for line in list.expect("list").eligible {
                let only = Selection::Only([line.guarantor].into());
                let (p, criteria) = (&town.practice, town.by_text());
                let job = town.engine.create_job(p, &criteria, &only, None, &by).await;
                jobs.push(job.expect("job").job);
            }
            jobs
        };
        for job in &jobs {
            town.approve(job).await;
        }
        town.tick().await;
        town.pass_ms(HOUR_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
    })
    .await;
}

#[tokio::test]
async fn who_chose_both_channels_gets_one_notice_on_both_and_it_counts_once() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.email_of(&ana, "ana@example.org").await;
        let (p, g) = (&town.practice, &ana.guarantor);
        let both = Some(domain::book::Preferred::Both);
        town.engine.set_preferred(p, g, both, &staff("desk")).await.expect("both");
        for _ in 0..2 {
            town.remind_all().await;
            town.pass_ms(DAY_MS + HOUR_MS).await;
        }
        assert_eq!(town.provider.to(ANA).len(), 2);
        assert_eq!(town.provider.to("ana@example.org").len(), 2);
        let list = town.engine.confirm_list(p, &town.by_text()).await.expect("list");
        assert!(matches!(list.eligible[0].goes, Goes::At(_)), "twice in seven days is the most");
    })
    .await;
}

#[tokio::test]
async fn who_chose_both_channels_has_a_day_of_rest_after_the_later_half_of_a_notice() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.email_of(&ana, "ana@example.org").await;
        let (p, g) = (&town.practice, &ana.guarantor);
        let both = Some(domain::book::Preferred::Both);
        town.engine.set_preferred(p, g, both, &staff("desk")).await.expect("both");
        // The provider of texts is away for an hour and a half; the email goes on time.
        let away =
            ChannelError::Retry { after_ms: Some(90 * MINUTE_MS.unsigned_abs()), code: None };
        town.provider.meets(Fault::Says(away));
        town.remind_all().await;
        town.pass_ms(3 * HOUR_MS).await;
        town.remind_all().await;
        town.pass_ms(2 * DAY_MS).await;
        let mut sent: Vec<_> = town.provider.all().into_iter().map(|out| out.at).collect();
        sent.sort();
        let [first, second, next, ..] = sent[..] else { panic!("two halves, and the next notice") };
        assert!(second.since(first) > HOUR_MS, "the halves went apart");
        assert!(next.since(second) >= DAY_MS, "{second}, and again at {next}");
    })
    .await;
}
