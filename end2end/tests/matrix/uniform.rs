//! Whoever guesses learns nothing from an answer, nor from how long it took (R38, R39). Time itself is
//! not measured here: what costs time is counted. Each refusal must be the same page after the same
//! passwords hashed, the same number of statements run and the same rows written, whatever was wrong.

use std::collections::BTreeMap;

use domain::{clock::DAY_MS, id::LoginId, staff::Role};
use reqwest::{Method, StatusCode};
use server::password::Cost;
use store::{
    keys::{TOKEN_BYTES, new_token, token_hash},
    link, scratch,
};

use crate::{
    callers::{Caller, Visitor, hear},
    town::Town,
};

const PASSWORD: &str = "a long enough phrase for anybody";
/// What every guess may write into.
const WRITTEN: [&str; 6] = ["audit", "session", "one_time_code", "login", "message", "task"];

/// What a guesser has of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: StatusCode,
    location: String,
    page: String,
    patients_hashed: u64,
    staff_hashed: u64,
    asked: u64,
    written: BTreeMap<&'static str, i64>,
}

/// What was typed comes back in its fields: it is the guesser's own.
fn without_values(page: &str) -> String {
    let mut parts = page.split(" value=\"");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('"').map_or(part, |(_, rest)| rest));
    }
    plain
}

async fn rows(town: &Town) -> BTreeMap<&'static str, i64> {
    let mut rows = BTreeMap::new();
    for table in WRITTEN {
        rows.insert(table, scratch::count(&town.house.store, table).await.unwrap());
    }
    rows
}

async fn guess(town: &Town, visitor: &Visitor, path: &str, fields: &[(&str, &str)]) -> Seen {
    let worked = |cost| town.house.passwords.worked(cost);
    let (patients, staff) = (worked(Cost::Patient), worked(Cost::Staff));
    let before = rows(town).await;
    let own: Vec<(String, String)> =
        fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let asked = town.house.store.asked();
    let heard = town.ask(visitor, "post", path, &own).await;
    let asked = town.house.store.asked() - asked;
    let after = rows(town).await;
    let (status, location, page) = heard.without(visitor, &[]);
    Seen {
        status,
        location,
        page: without_values(&page),
        patients_hashed: worked(Cost::Patient) - patients,
        staff_hashed: worked(Cost::Staff) - staff,
        asked,
        written: after.iter().map(|(table, rows)| (*table, rows - before[table])).collect(),
    }
}

/// All the same, and the first as expected.
fn expect_same(seen: &[(&str, Seen)], patients_hashed: u64, staff_hashed: u64) {
    let (_, first) = &seen[0];
    assert!(first.asked > 0 || first.status.is_redirection(), "{first:?}");
    assert_eq!((first.patients_hashed, first.staff_hashed), (patients_hashed, staff_hashed));
    for (how, one) in seen {
        assert_eq!(one, first, "{how}");
    }
}

/// People of a file: one with everything on file, one without an SSN, one who has died.
const FILE: &str = "patient_id,patient_name,patient_dob,patient_deceased_on,guarantor_dob,\
    guarantor_ssn4,claim_id,claim_status,line_id,service_on,charged,patient_due,insurance_state\r\n\
    P1,Ada Finch,1971-04-01,,1971-04-01,1234,C1,ready,L1,2026-01-05,90.00,9.00,finished\r\n\
    P2,Bea Gull,1971-04-01,,1971-04-01,,C2,ready,L2,2026-01-05,90.00,9.00,finished\r\n\
    P3,Cleo Hawk,1971-04-01,2025-12-01,1971-04-01,1234,C3,ready,L3,2026-01-05,90.00,9.00,finished\r\n";

/// A browser that has opened a fresh link to the account of this person.
async fn behind_a_link(town: &Town, name: &str) -> Visitor {
    let practice = &town.alder.practice;
    let mut db = town.house.store.read().await.unwrap();
    let found = store::guarantor::list_by_name(&mut db, practice, name, None, 2).await.unwrap();
    drop(db);
    let [person] = found.as_slice() else { panic!("one {name}") };
    let (token, now) = (new_token(TOKEN_BYTES), town.house.world.now());
    let new = link::New {
        token_hash: token_hash(&token),
        guarantor: domain::id::GuarantorId::trusted(person.id.as_str()),
        contact: None,
        message: None,
        advertised: None,
        claim: None,
        expires_at: now.plus_ms(DAY_MS),
    };
    let practice = practice.clone();
    let written = town.house.store.write(move |db| {
        let (practice, new) = (practice.clone(), new.clone());
        Box::pin(
            async move { link::insert_many(db, &practice, std::slice::from_ref(&new), now).await },
        )
    });
    written.await.unwrap();
    town.with_link(&token).await
}

fn answers<'a>(email: &'a str, day: &'a str, ssn4: &'a str) -> Vec<(&'a str, &'a str)> {
    let (month, year) = ("4", "1971");
    vec![
        ("email", email),
        ("password", PASSWORD),
        ("dob_month", month),
        ("dob_day", day),
        ("dob_year", year),
        ("ssn4", ssn4),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_guesses_at_a_birthday_and_four_digits_hears_and_costs_the_same_whatever_is_wrong()
{
    let town = Town::build().await;
    let program = town.visitor(Caller::Key).await;
    let path = "/api/v1/imports?source=book&format=clearbill";
    let heard = hear(town.request(&program, Method::POST, path).body(FILE)).await;
    assert!(heard.body.contains("\"accepted\":3"), "{}", heard.body);
    let taken = town.alder.accounts[0].email;
    let mut seen = Vec::new();
    for (how, name, email, day, ssn4) in [
        ("wrong digits", "Ada Finch", "new@patient.example", "1", "4321"),
        ("wrong birthday", "Ada Finch", "new@patient.example", "2", "1234"),
        ("no digits typed", "Ada Finch", "new@patient.example", "1", ""),
        ("no digits on file", "Bea Gull", "new@patient.example", "1", "1234"),
        ("neither typed nor on file", "Bea Gull", "new@patient.example", "1", ""),
        ("somebody who has died", "Cleo Hawk", "new@patient.example", "1", "1234"),
        ("an email that is taken", "Ada Finch", taken, "1", "4321"),
    ] {
        let visitor = behind_a_link(&town, name).await;
        let fields = answers(email, day, ssn4);
        seen.push((how, guess(&town, &visitor, "/create-account", &fields).await));
    }
    let locked = behind_a_link(&town, "Bea Gull").await;
    for _ in 0..5 {
        guess(&town, &locked, "/create-account", &answers("x@patient.example", "9", "9999")).await;
    }
    let right = answers("new@patient.example", "1", "1234");
    seen.push(("a link that is used up", guess(&town, &locked, "/create-account", &right).await));
    expect_same(&seen, 1, 0);
    assert_eq!(seen[0].1.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(seen[0].1.written["audit"], 1);
    // And the right answers are another matter, or the rest would prove nothing.
    let visitor = behind_a_link(&town, "Ada Finch").await;
    let heard = guess(&town, &visitor, "/create-account", &right).await;
    assert_eq!((heard.status, heard.patients_hashed), (StatusCode::SEE_OTHER, 1), "{heard:?}");
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_email_that_signs_in_and_one_that_nobody_has_are_refused_alike() {
    let town = Town::build().await;
    let hash = town.house.passwords.hash(Cost::Patient, PASSWORD).await.unwrap();
    let (practice, now) = (town.alder.practice.clone(), town.house.world.now());
    let login: LoginId = town.house.world.mint();
    let written = town.house.store.write(move |db| {
        let (practice, login, hash) = (practice.clone(), login.clone(), hash.clone());
        Box::pin(async move {
            let email = "known@patient.example";
            store::login::insert(db, &practice, &login, email, &hash, "en", now).await
        })
    });
    written.await.unwrap();
    let visitor = town.visitor(Caller::Nobody).await;
    let mut seen = Vec::new();
    for (how, email) in [
        ("known", "known@patient.example"),
        ("unknown", "nobody@patient.example"),
        ("no password yet", town.alder.accounts[0].email),
        ("no address at all", "nobody"),
    ] {
        let fields = [("email", email), ("password", "not the password at all")];
        seen.push((how, guess(&town, &visitor, "/sign-in", &fields).await));
    }
    for (how, email, password) in [
        ("known, after too many", "known@patient.example", PASSWORD),
        ("unknown, after too many", "nobody@patient.example", PASSWORD),
    ] {
        let wrong = [("email", email), ("password", "not the password at all")];
        for _ in 0..5 {
            guess(&town, &visitor, "/sign-in", &wrong).await;
        }
        let fields = [("email", email), ("password", password)];
        seen.push((how, guess(&town, &visitor, "/sign-in", &fields).await));
    }
    expect_same(&seen, 1, 0);
    let mut asked = Vec::new();
    for email in ["known@patient.example", "nobody@patient.example"] {
        let mut heard = guess(&town, &visitor, "/forgot", &[("email", email)]).await;
        // The mail itself is looked for and written after the answer was given.
        heard.asked = 0;
        heard.written.remove("message");
        heard.written.remove("audit");
        asked.push((email, heard));
    }
    expect_same(&asked, 0, 0);
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_learns_at_the_staff_door_who_works_here_and_each_try_is_in_the_audit() {
    let town = Town::build().await;
    let hash = town.house.passwords.hash(Cost::Staff, PASSWORD).await.unwrap();
    let manager = town.alder.staff[Role::Manager.as_str()].clone();
    let written = town.house.store.write(move |db| {
        let (manager, hash) = (manager.clone(), hash.clone());
        Box::pin(async move { store::staff::mark_password(db, &manager, &hash).await })
    });
    written.await.unwrap();
    let visitor = town.visitor(Caller::Nobody).await;
    let mut seen = Vec::new();
    for (how, email) in [
        ("a manager", "Hawthorne.manager@staff.example"),
        ("somebody invited", "Hawthorne.biller@staff.example"),
        ("nobody", "nobody@staff.example"),
        ("no address at all", "nobody"),
    ] {
        let fields = [("email", email), ("password", "not the password at all")];
        seen.push((how, guess(&town, &visitor, "/staff/sign-in", &fields).await));
    }
    expect_same(&seen, 0, 1);
    assert_eq!(seen[0].1.written["audit"], 1);
    let right = [("email", "Hawthorne.manager@staff.example"), ("password", PASSWORD)];
    let heard = guess(&town, &visitor, "/staff/sign-in", &right).await;
    assert_eq!((heard.status, heard.staff_hashed), (StatusCode::SEE_OTHER, 1));
    town.stop().await;
}
