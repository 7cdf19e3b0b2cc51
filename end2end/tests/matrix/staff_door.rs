//! Whoever guesses at the staff door: many at once get no more tries than one after the other (R36), and
//! cannot keep out the person whose address it is (R41). A code counts once.

use std::collections::BTreeMap;

use domain::staff::Role;
use futures_util::future::join_all;
use reqwest::{Method, StatusCode, header};
use server::{clock::real_now, password::Cost, second_factor};

use crate::{
    callers::{Caller, Visitor},
    town::Town,
};

const PASSWORD: &str = "a long enough phrase for anybody";
const WRONG: &str = "not the password at all";
const DOOR: &str = "/staff/sign-in";
const SECOND_DOOR: &str = "/staff/sign-in/code";
/// More than the tries of a minute; each costs a password, which takes a while.
const AT_ONCE: usize = 12;
/// Tries in the first minute.
const TRIES: usize = 5;
/// Tries in an hour on a browser that knows the person.
const TRIES_ON_KNOWN: usize = 20;

/// A browser that keeps its cookies.
struct Browser {
    visitor: Visitor,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    async fn new(town: &Town) -> Self {
        Self { visitor: town.visitor(Caller::Nobody).await, cookies: BTreeMap::new() }
    }

    fn with_cookies(&self) -> Visitor {
        let kept = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        let all: Vec<String> = std::iter::once(self.visitor.cookies.clone()).chain(kept).collect();
        Visitor { cookies: all.join("; "), ..self.visitor.clone() }
    }

    /// Sends a form, and says whether it led on.
    async fn post(&mut self, town: &Town, path: &str, fields: &[(&str, &str)]) -> bool {
        let mut form = vec![("csrf", self.visitor.csrf.as_str())];
        form.extend(fields);
        let request = town.request(&self.with_cookies(), Method::POST, path);
        let request = request.header(header::ORIGIN, &town.base).form(&form);
        let answer = request.send().await.unwrap();
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let status = answer.status();
        assert!(status.is_redirection() || status == StatusCode::UNPROCESSABLE_ENTITY, "{status}");
        status.is_redirection()
    }

    async fn types_password(&mut self, town: &Town, email: &str, password: &str) -> bool {
        self.post(town, DOOR, &[("email", email), ("password", password)]).await
    }

    async fn types_code(&mut self, town: &Town, code: &str) -> bool {
        self.post(town, SECOND_DOOR, &[("code", code)]).await
    }
}

/// The manager, with a password and an authenticator.
struct Manager {
    email: &'static str,
    secret: String,
    recovery: Vec<String>,
}

async fn manager(town: &Town) -> Manager {
    let hash = town.house.passwords.hash(Cost::Staff, PASSWORD).await.unwrap();
    let id = town.alder.staff[Role::Manager.as_str()].clone();
    let secret = second_factor::new_secret();
    let (recovery, stored) = second_factor::new_recovery(town.house.store.keys(), id.as_str());
    let kept = secret.clone();
    let written = town.house.store.write(move |db| {
        let (id, hash, secret, stored) = (id.clone(), hash.clone(), kept.clone(), stored.clone());
        Box::pin(
            async move { store::staff::mark_credentials(db, &id, &hash, &secret, &stored).await },
        )
    });
    written.await.unwrap();
    Manager { email: "Hawthorne.manager@staff.example", secret, recovery }
}

/// How often something was typed, compared and wrong.
async fn compared(town: &Town, what: &str) -> usize {
    let audit = town.contents().await.remove("audit").unwrap();
    let said = [format!("'{what}'"), format!(",{what},")];
    let tries = audit.lines().filter(|line| line.contains("sign_in_try"));
    tries.filter(|line| said.iter().any(|said| line.contains(said.as_str()))).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_dozen_passwords_at_once_five_are_compared_and_then_the_right_one_waits_too() {
    for town in Town::build_each().await {
        let manager = manager(&town).await;
        for email in [manager.email, "nobody@staff.example"] {
            let before = compared(&town, "password").await;
            let guesses = (0..AT_ONCE)
                .map(async |_| Browser::new(&town).await.types_password(&town, email, WRONG).await);
            assert!(join_all(guesses).await.iter().all(|led_on| !led_on));
            assert_eq!(compared(&town, "password").await - before, TRIES, "{email}");
            let mut late = Browser::new(&town).await;
            assert!(!late.types_password(&town, email, PASSWORD).await, "it has to wait");
        }
        town.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_dozen_codes_at_once_five_are_compared_and_then_the_right_one_waits_too() {
    for town in Town::build_each().await {
        let manager = manager(&town).await;
        let mut browser = Browser::new(&town).await;
        assert!(browser.types_password(&town, manager.email, PASSWORD).await);
        let half = browser.cookies.clone();
        let guesses = (0..AT_ONCE).map(async |_| {
            let mut thief = Browser { cookies: half.clone(), ..Browser::new(&town).await };
            thief.types_code(&town, "000000").await
        });
        assert!(join_all(guesses).await.iter().all(|led_on| !led_on));
        assert_eq!(compared(&town, "code").await, TRIES);
        let code = second_factor::current_code(&manager.secret, real_now()).unwrap();
        assert!(!browser.types_code(&town, &code).await, "it has to wait");
        town.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_keeps_guessing_does_not_keep_out_the_person_on_their_own_browser() {
    let town = Town::build().await;
    let manager = manager(&town).await;
    let mut own = Browser::new(&town).await;
    assert!(own.types_password(&town, manager.email, PASSWORD).await);
    assert!(own.types_code(&town, &manager.recovery[0]).await);
    let device = own.cookies["staff-device"].clone();
    let mut thief = Browser::new(&town).await;
    for _ in 0..TRIES {
        assert!(!thief.types_password(&town, manager.email, WRONG).await);
    }
    let mut elsewhere = Browser::new(&town).await;
    assert!(!elsewhere.types_password(&town, manager.email, PASSWORD).await, "it has to wait");
    let mut again = Browser::new(&town).await;
    again.cookies.insert("staff-device".to_owned(), device.clone());
    assert!(again.types_password(&town, manager.email, PASSWORD).await, "known here");
    assert!(again.types_code(&town, &manager.recovery[1]).await);
    // Tries on that browser are counted too, and it says nothing for anybody else.
    let mut lent = Browser::new(&town).await;
    lent.cookies.insert("staff-device".to_owned(), device);
    for _ in 0..TRIES_ON_KNOWN {
        assert!(!lent.types_password(&town, manager.email, WRONG).await);
    }
    assert!(!lent.types_password(&town, manager.email, PASSWORD).await, "it has to wait");
    let before = compared(&town, "password").await;
    for _ in 0..=TRIES {
        assert!(!lent.types_password(&town, "nobody@staff.example", WRONG).await);
    }
    assert_eq!(compared(&town, "password").await - before, TRIES);
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_two_browsers_bring_at_once_lets_one_in() {
    for town in Town::build_each().await {
        let manager = manager(&town).await;
        let of_app = second_factor::current_code(&manager.secret, real_now()).unwrap();
        for code in [&of_app, &manager.recovery[0]] {
            let mut half_way = Vec::new();
            for _ in 0..TRIES {
                let mut browser = Browser::new(&town).await;
                assert!(browser.types_password(&town, manager.email, PASSWORD).await);
                half_way.push(browser);
            }
            let tries = half_way.iter_mut().map(|browser| browser.types_code(&town, code));
            let let_in = join_all(tries).await.into_iter().filter(|led_on| *led_on).count();
            assert_eq!(let_in, 1);
        }
        town.stop().await;
    }
}
