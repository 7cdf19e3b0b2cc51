//! Buttons of the workspace that are pressed twice, at once or one after the other.

use domain::staff::Role;
use futures_util::future::join_all;
use reqwest::StatusCode;
use store::scratch;

use crate::{callers::Caller, town::Town};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_that_is_sent_off_twice_is_one_and_a_text_that_was_refused_may_be_sent_again() {
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

        // Nothing goes to somebody on hold, and so the same may be sent off once more.
        let text = [own("phone", account.contacts[0].as_str()), own("text", "Please call us.")];
        let path = format!("{record}/text");
        for _ in 0..2 {
            let heard = town.ask(&visitor, "post", &path, &text).await;
            assert_eq!(heard.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
        town.stop().await;
    }
}
