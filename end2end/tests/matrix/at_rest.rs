//! Somebody who carries off the data folder without the key (R80): the database and its log, searched for
//! what people are known by and what opens doors. Names, amounts and ids of the practice's system are
//! clear by decision; how to reach people, when they were born and what they wrote is not.

use std::{fs, path::Path};

use reqwest::{Method, StatusCode};
use server::password::Cost;

use crate::{
    callers::{Caller, hear},
    town::Town,
};

const PASSWORD: &str = "correct horse battery staple";
const BORN: &str = "1961-09-17";
const SAID: &str = "my boss must not know of this";
const FILE: &str = "patient_id,patient_name,patient_dob,guarantor_dob,guarantor_ssn4,address,city,\
    phone,email,claim_id,claim_status,line_id,service_on,charged,patient_due,insurance_state\r\n\
    P1,Ada Finch,1961-09-17,1961-09-17,8642,17 Nightingale Row,Albany,+12125550177,\
    ada@finch.example,C1,ready,L1,2026-01-05,90.00,9.00,finished\r\n";

/// Every byte of every file of the folder.
fn bytes_under(dir: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            bytes.extend(bytes_under(&path));
        } else {
            bytes.extend(fs::read(path).unwrap());
        }
    }
    bytes
}

fn holds(bytes: &[u8], text: &str) -> bool {
    let text = text.as_bytes();
    bytes.windows(text.len()).any(|window| window == text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_folder_says_neither_how_to_reach_people_nor_when_they_were_born() {
    let mut town = Town::build().await;
    town.pay_some().await;
    let program = town.visitor(Caller::Key).await;
    let path = "/api/v1/imports?source=book&format=clearbill";
    let heard = hear(town.request(&program, Method::POST, path).body(FILE)).await;
    assert!(heard.body.contains("\"accepted\":1"), "{}", heard.body);
    let account = &town.alder.accounts[0];
    let hash = town.house.passwords.hash(Cost::Patient, PASSWORD).await.unwrap();
    let (practice, login) = (town.alder.practice.clone(), account.login.clone());
    let written = town.house.store.write(move |db| {
        let (practice, login, hash) = (practice.clone(), login.clone(), hash.clone());
        Box::pin(async move { store::login::mark_password(db, &practice, &login, &hash).await })
    });
    written.await.unwrap();
    let visitor = town.visitor(Caller::Nobody).await;
    let fields = [("email", account.email), ("password", PASSWORD)];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let heard = town.ask(&visitor, "post", "/sign-in", &fields).await;
    assert_eq!(heard.status, StatusCode::SEE_OTHER, "the password is that of the login");
    town.with_link(&account.token).await;
    let sender = town.sandbox.sender().to_owned();
    town.sandbox.patient_texts(account.phone, &sender, SAID).await.unwrap();
    // A look at it through the keys, so that the search below is a search for what is there.
    let mut db = town.house.store.read().await.unwrap();
    let found = store::contact::list(&mut db, &town.alder.practice, &account.guarantor).await;
    assert!(found.unwrap().iter().any(|contact| contact.value == account.phone));
    drop(db);

    let stolen = bytes_under(town.dir());
    assert!(holds(&stolen, account.name), "the files of the database are these");
    let (key, tokens) = (town.alder.key.clone(), [account.token.clone()]);
    let mut secrets: Vec<&str> = vec![PASSWORD, BORN, SAID, "17 Nightingale Row", key.as_str()];
    secrets.extend(["+12125550177", "2125550177", "ada@finch.example"]);
    secrets.extend([account.phone, account.email]);
    secrets.extend(tokens.iter().map(String::as_str));
    for secret in secrets {
        assert!(!holds(&stolen, secret), "the folder holds `{secret}`");
    }
    town.stop().await;
}
