//! The practice: its people, its files, its runs of reminders.

use std::{cell::RefCell, collections::BTreeMap, fmt::Write};

use domain::points::Point;
use serde_json::Value;

use crate::{
    browser::{Browser, with},
    server::{Lost, Server},
};

/// What each of them owes, in forty lines: a file of eight people is read in more than one piece.
pub const OWES_CENTS: i64 = 82_00;
const LINES: usize = 40;
const PEOPLE: usize = 8;

#[derive(Clone, Debug)]
pub struct Person {
    /// As the practice's system calls them.
    pub id: String,
    pub name: String,
    pub phone: String,
    pub email: String,
}

#[derive(Default)]
pub struct Office {
    people: RefCell<Vec<Person>>,
    biller: Browser,
    is_signed_in: bool,
}

impl Office {
    /// Eight more of one family name, whose bills are in one file.
    pub fn people(&self, family: &str) -> Vec<Person> {
        let mut all = self.people.borrow_mut();
        let first = all.len();
        let fresh = (first..first + PEOPLE).map(|n| Person {
            id: format!("{family}-{n}"),
            name: format!("Maria {family}"),
            phone: format!("+1413555{:04}", 100 + n),
            email: format!("person.{n}@example.com"),
        });
        let fresh: Vec<Person> = fresh.collect();
        all.extend(fresh.iter().cloned());
        fresh
    }

    pub fn all(&self) -> Vec<Person> {
        self.people.borrow().clone()
    }

    /// As the practice's system sends it, and answered when it stands in the book.
    pub async fn import(&self, server: &Server, people: &[Person]) -> Result<(), Lost> {
        let url = format!("{}/api/v1/imports?format=clearbill&mode=delta", server.base());
        let key = server.facts["api_key"].as_str().unwrap();
        let request = server.client.post(url).bearer_auth(key).body(csv(people));
        let answer = request.send().await.map_err(|_| Lost)?;
        let status = answer.status();
        let text = answer.text().await.map_err(|_| Lost)?;
        let said: Value = serde_json::from_str(&text).unwrap_or_default();
        assert!(status.is_success() && said["state"] == "applied", "{status}: {text}");
        assert_eq!(said["refused"], 0, "{text}");
        Ok(())
    }

    /// What each account owes, by the practice's ids.
    pub async fn balances(&self, server: &Server) -> BTreeMap<String, i64> {
        let key = server.facts["api_key"].as_str().unwrap();
        let url = format!("{}/api/v1/balances?limit=500", server.base());
        let answer = server.client.get(url).bearer_auth(key).send().await.unwrap();
        let said: Value = answer.json().await.unwrap();
        let rows = said["balances"].as_array().unwrap_or_else(|| panic!("{said}"));
        rows.iter()
            .map(|row| {
                (row["external_id"].as_str().unwrap().into(), row["due_cents"].as_i64().unwrap())
            })
            .collect()
    }

    pub async fn in_book(&self, server: &Server, people: &[Person]) -> usize {
        let balances = self.balances(server).await;
        people.iter().filter(|person| balances.contains_key(&person.id)).count()
    }

    /// Whole, by itself: what was being applied goes on when the dead one's lease has ended.
    pub async fn all_in_book(&self, server: &Server, people: &[Person], point: Point) {
        let what = format!("the file of {point} stands in the book");
        server.until(&what, async || self.in_book(server, people).await == people.len()).await;
        server
            .until(&what, async || {
                let balances = self.balances(server).await;
                people.iter().all(|person| balances.get(&person.id) == Some(&OWES_CENTS))
            })
            .await;
    }

    /// Encounters > Send Patient Statements, for everybody whose name holds this.
    pub async fn remind(&mut self, server: &Server, holds: &str) {
        self.sign_in(server).await;
        let list = "/staff/statements/confirm?method=text&status=ready&status=pending_patient";
        let page = self.biller.get(server, &format!("{list}&holds={holds}")).await.expect("alive");
        let fields = with(page.form("/staff/statements/selection"), &[("do", "send")]);
        let kept = self.biller.post(server, "/staff/statements/selection", &fields).await;
        let question = kept.expect("alive").location.expect("the question");
        let page = self.biller.get(server, &question).await.expect("alive");
        let sent = self.biller.post(server, &question, &page.form(&question)).await;
        let sent = sent.expect("alive");
        let is_sent = sent.location.as_deref().is_some_and(|to| to.contains("/sent/"));
        assert!(is_sent, "{sent:?}");
    }

    /// Once: the session outlives the server.
    async fn sign_in(&mut self, server: &Server) {
        if std::mem::replace(&mut self.is_signed_in, true) {
            return;
        }
        let staff = server.facts["staff"].as_array().unwrap();
        let biller = staff.iter().find(|one| one["role"] == "biller").expect("a biller");
        let text = |name: &str| biller[name].as_str().unwrap();
        let (at, then) = ("/staff/sign-in", "/staff/sign-in/code");
        let page = self.biller.get(server, at).await.expect("alive");
        let typed = [("email", text("email")), ("password", text("password"))];
        let answer = self.biller.post(server, at, &with(page.form(at), &typed)).await;
        let answer = answer.expect("alive");
        assert_eq!(answer.location.as_deref(), Some(then), "{answer:?}");
        let page = self.biller.get(server, then).await.expect("alive");
        let code = self.code(server, text("email")).await;
        let form = with(page.form(then), &[("code", &code)]);
        let answer = self.biller.post(server, then, &form);
        let answer = answer.await.expect("alive");
        assert!(answer.status.is_redirection(), "{answer:?}");
    }

    /// What the authenticator of a member of staff shows, as on the demo's mailbox page.
    async fn code(&mut self, server: &Server, email: &str) -> String {
        let page = self.biller.get(server, "/sandbox/mailbox").await.expect("alive");
        let (_, rest) = page.body.split_once(email).expect("the codes of the staff");
        rest.chars().filter(char::is_ascii_digit).take(6).collect()
    }
}

/// The links of the reminders that each phone got, oldest first.
pub fn reminders(mailbox: &[Value]) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for item in mailbox.iter().filter(|item| item["channel"] == "text") {
        let link = item["link"].as_str().filter(|link| link.contains("/p/"));
        if let (Some(link), Some(to)) = (link, item["to"].as_str()) {
            found.entry(to.to_owned()).or_default().push(link.to_owned());
        }
    }
    found
}

fn csv(people: &[Person]) -> String {
    let mut file = String::from(
        "guarantor_id,guarantor_name,guarantor_dob,phone,phone_text_consent,phone_consent_on,\
         phone_consent_source,email,language,state,zip,patient_id,patient_name,patient_dob,\
         encounter_id,service_on,place,claim_id,claim_status,line_id,description,charged,\
         insurance_paid,adjusted,patient_paid,insurance_state,patient_due\r\n",
    );
    for Person { id, name, phone, email } in people {
        for line in 1..=LINES {
            write!(
                file,
                "{id},{name},1984-05-17,{phone},yes,2026-01-05,intake form,{email},en,MA,\
                 01103,P-{id},{name},1984-05-17,E-{id},2026-01-20,Main Street,C-{id},ready,\
                 {line},Office visit,10.00,7.95,0.00,0.00,finished,2.05\r\n"
            )
            .unwrap();
        }
    }
    file
}
