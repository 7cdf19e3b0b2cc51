//! Buttons of the workspace that are pressed twice, at once or one after the other.

use domain::staff::Role;
use futures_util::future::join_all;
use reqwest::StatusCode;
use store::scratch;

use crate::{callers::Caller, town::Town};

/// Lets the engine and the phones catch up.
async fn texts(town: &Town) -> usize {
    for _ in 0..3 {
        town.house.engine.tick().await.unwrap();
        town.sandbox.deliver_due().await.unwrap();
    }
    town.sandbox.mailbox().into_iter().filter(|mail| mail.body.contains("call us")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_or_a_note_that_is_sent_off_twice_is_one() {
    for mut town in Town::build_each().await {
        town.pay_some().await;
        let account = &town.alder.accounts[0];
        let record = format!("/staff/patients/{}", account.guarantor);
        let visitor = town.visitor(Caller::Staff(Role::FrontDesk)).await;
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let note = [own("note", "rang, nobody there")];
        let before = scratch::count(&town.house.store, "note").await.unwrap();
        let presses = (0..2).map(async |_| {
            town.ask(&visitor, "post", &format!("{record}/note"), &note).await.status
        });
        assert_eq!(join_all(presses).await, [StatusCode::SEE_OTHER; 2]);
        assert_eq!(scratch::count(&town.house.store, "note").await.unwrap(), before + 1);
        let other = [own("note", "rang again")];
        town.ask(&visitor, "post", &format!("{record}/note"), &other).await;
        assert_eq!(scratch::count(&town.house.store, "note").await.unwrap(), before + 2);

        // Somebody on hold: nothing goes, and so the same may be sent once more.
        let text = [own("phone", account.contacts[0].as_str()), own("text", "Please call us.")];
        let path = format!("{record}/text");
        for _ in 0..2 {
            let heard = town.ask(&visitor, "post", &path, &text).await;
            assert_eq!(heard.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
        let second = &town.alder.accounts[1];
        let text = [own("phone", second.contacts[0].as_str()), own("text", "Please call us.")];
        let path = format!("/staff/patients/{}/text", second.guarantor);
        let presses = (0..2).map(async |_| town.ask(&visitor, "post", &path, &text).await.status);
        assert_eq!(join_all(presses).await, [StatusCode::SEE_OTHER; 2]);
        assert!(texts(&town).await <= 1, "a patient was texted twice");
        town.stop().await;
    }
}
