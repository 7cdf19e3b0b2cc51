//! Card numbers that people type where none belongs (R50): in a field, in a search, in a text. They are
//! refused or struck out, and are nowhere afterwards.

use reqwest::{Method, StatusCode};
use server::routes::{Access, Route, TABLE};

use crate::{
    callers::{Caller, hear, with_form},
    forgery::{ONE_CLICK, REPORTS, path_of, rightful},
    forms::form_of,
    things::Whose,
    town::Town,
};

/// As somebody writes it who reads it off the card. Nobody in the town has paid with it.
const WRITTEN: &str = "my card is 5555 5555 5555 4444, thank you";
const PARTS: [&str; 2] = ["5555 5555", "55555555"];

fn holds_it(text: &str) -> bool {
    PARTS.iter().any(|part| text.contains(part))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_number_in_any_field_of_any_form_is_refused_and_kept_nowhere() {
    let mut town = Town::build().await;
    town.pay_some().await;
    let mut forms = Vec::new();
    // Neither of the two reads a field.
    let is_form =
        |route: &&Route| route.method == "post" && ![ONE_CLICK, REPORTS].contains(&route.path);
    for route in TABLE.iter().filter(is_form) {
        if let Some(caller) = rightful(route.access) {
            forms.push((route, caller, town.visitor(caller).await));
        }
    }
    assert!(forms.len() > 40, "the table has its forms");
    let before = town.contents().await;
    let mut faults = Vec::new();
    for (route, caller, visitor) in &forms {
        let path = path_of(&town, route);
        let filled = form_of(&town, route, *caller, Whose::Own).fields;
        // In each of its fields in turn, and in one that the form does not have.
        for place in 0..=filled.len() {
            let mut fields = filled.clone();
            match fields.get_mut(place) {
                Some((_, value)) => *value = WRITTEN.to_owned(),
                None => fields.push(("more".to_owned(), WRITTEN.to_owned())),
            }
            let heard = town.ask(visitor, "post", &path, &fields).await;
            if heard.status != StatusCode::UNPROCESSABLE_ENTITY || holds_it(&heard.body) {
                faults.push(format!("post {path}, field {place}: {}", heard.status));
            }
            if heard.location.contains("5555") {
                faults.push(format!("post {path}, field {place}: in the next address"));
            }
        }
    }
    let after = town.contents().await;
    let changed: Vec<&String> =
        before.keys().filter(|table| before[*table] != after[*table]).collect();
    let metrics = town.get(&town.visitor(Caller::Nobody).await, "/metrics").await;
    town.stop().await;
    assert!(faults.is_empty(), "{}:\n{}", faults.len(), faults.join("\n"));
    assert!(changed.is_empty(), "refused forms changed {changed:?}");
    assert!(metrics.body.contains("clearbill_card_numbers_refused_total"), "somebody can count it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_searches_for_a_card_number() {
    let mut town = Town::build().await;
    town.pay_some().await;
    for route in TABLE.iter().filter(|route| route.method == "get") {
        let caller = if route.access == Access::ApiKey { Caller::Key } else { Caller::Nobody };
        let visitor = town.visitor(caller).await;
        let path = format!("{}?q=5555-5555-5555-4444", path_of(&town, route));
        let heard = town.get(&visitor, &path).await;
        assert_eq!(heard.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert!(!heard.body.contains("5555"), "{path}");
        let is_api = route.path.starts_with("/api/");
        assert_eq!(heard.body.contains("\"card_number\""), is_api, "{path}");
    }
    town.stop().await;
}

#[tokio::test]
async fn a_patient_who_texts_their_card_is_heard_without_it() {
    let town = Town::build().await;
    let account = &town.alder.accounts[0];
    let sender = town.sandbox.sender().to_owned();
    town.sandbox.patient_texts(account.phone, &sender, WRITTEN).await.unwrap();
    let (practice, phone) = (&town.alder.practice, store::contact::Kind::Phone);
    let index =
        store::contact::value_index(town.house.store.keys(), practice, phone, account.phone);
    let mut db = town.house.store.read().await.unwrap();
    let replies = store::reply::list_by_value(&mut db, practice, &index, 5).await.unwrap();
    drop(db);
    let said: Vec<&str> = replies.iter().map(|reply| reply.body.as_str()).collect();
    assert_eq!(said, ["my card is [card number removed], thank you"]);
    town.stop().await;
}

#[tokio::test]
async fn a_file_with_a_card_number_in_its_words_loses_that_row_and_says_why() {
    let town = Town::build().await;
    let visitor = town.visitor(Caller::Key).await;
    let head = "patient_id,patient_name,claim_id,claim_status,line_id,service_on,description,\
        charged,patient_due,insurance_state";
    let line = |n: u8, words: &str| {
        format!("P{n},Ada Finch,C{n},ready,L{n},2026-01-05,{words},90.00,9.00,finished")
    };
    let file = [head.to_owned(), line(1, "visit"), line(2, "card 5555555555554444"), String::new()];
    let path = "/api/v1/imports?source=cards&format=clearbill";
    let request = town.request(&visitor, Method::POST, path).body(file.join("\r\n"));
    let heard = hear(request).await;
    let came: serde_json::Value = serde_json::from_str(&heard.body).unwrap();
    assert_eq!((came["accepted"].as_i64(), came["refused"].as_i64()), (Some(1), Some(1)), "{came}");
    let report = format!("/api/v1/imports/{}/refusals.csv", came["id"].as_str().unwrap());
    let report = town.get(&visitor, &report).await.body;
    assert!(report.contains("number of a payment card") && !report.contains("5555"), "{report}");
    // The same through the workspace: the name of a file is a field too.
    let manager = town.visitor(Caller::Staff(domain::staff::Role::Manager)).await;
    let fields = [("csrf", manager.csrf.as_str()), ("source", "5555555555554444")];
    let upload = town.request(&manager, Method::POST, "/staff/imports");
    let heard = hear(with_form(upload, "/staff/imports", &fields)).await;
    assert_eq!(heard.status, StatusCode::UNPROCESSABLE_ENTITY);
    town.stop().await;
}
