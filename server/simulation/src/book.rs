//! The book as the practice's file has it, read a second time and by other rules than the product's:
//! who there is, how they are reached, what they agreed to, and what they owe. The watch judges by
//! this, so that a mistake of the import or of the balance cannot hide itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use domain::{id::GuarantorId, profile::Anchor};
use jiff::civil::Date;
use sandbox::Channel;

/// One guarantor, from the columns of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub phone: Option<String>,
    pub email: Option<String>,
    /// Not in the file: what staff wrote down since.
    pub fax: Option<String>,
    pub agreed_to_texts: bool,
    pub agreed_to_calls: bool,
    pub state: Option<String>,
    pub zip: Option<String>,
    /// What is the patients' to pay; what insurers still decide is not.
    pub owes_cents: i64,
    pub bills: Vec<Bill>,
    /// What the practice owes back, of all patients.
    pub credit_cents: i64,
}

/// A claim that is the patient's to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bill {
    pub cents: i64,
    /// The day it became theirs: that day, else the first statement, else the visit.
    pub since: Date,
    pub first_statement: Option<Date>,
    pub due_on: Option<Date>,
}

impl Bill {
    /// The day a step counts from; none that the file does not name.
    pub const fn day(&self, anchor: Anchor) -> Option<Date> {
        match anchor {
            Anchor::Responsibility => Some(self.since),
            Anchor::FirstStatement => self.first_statement,
            Anchor::DueDate => self.due_on,
            _ => None,
        }
    }
}

impl Account {
    pub fn contact(&self, channel: Channel) -> Option<&str> {
        match channel {
            Channel::Text => self.phone.as_deref(),
            Channel::Email => self.email.as_deref(),
            Channel::Call => self.phone.as_deref(),
            Channel::Fax => self.fax.as_deref(),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    pub accounts: BTreeMap<GuarantorId, Account>,
}

/// What one claim comes to.
#[derive(Default)]
struct Claim {
    patient: String,
    status: String,
    insurance: String,
    due_cents: i64,
    since: Option<Date>,
    first_statement: Option<Date>,
    due_on: Option<Date>,
}

impl Claim {
    fn is_asked(&self) -> bool {
        self.insurance != "pending" && matches!(self.status.as_str(), "ready" | "pending_patient")
    }

    fn credit_cents(&self) -> i64 {
        let counts = self.insurance != "pending" && self.status == "settled" || self.is_asked();
        if counts { (-self.due_cents).max(0) } else { 0 }
    }
}

impl Book {
    /// Whoever is reached at a phone: families share one.
    pub fn at_phone(&self, phone: &str) -> Vec<GuarantorId> {
        let theirs = |account: &Account| account.phone.as_deref() == Some(phone);
        let all = self.accounts.iter().filter(|(_, account)| theirs(account));
        all.map(|(id, _)| id.clone()).collect()
    }

    /// `ids` names the product's account of each external id. Everybody in the file must have one.
    pub fn read(file: &Path, ids: &BTreeMap<String, GuarantorId>) -> Result<Self, String> {
        let mut reader = csv::Reader::from_path(file).map_err(|e| e.to_string())?;
        let head = reader.headers().map_err(|e| e.to_string())?.clone();
        let mut people: BTreeMap<String, Account> = BTreeMap::new();
        let mut claims: BTreeMap<(String, String), Claim> = BTreeMap::new();
        for row in reader.records() {
            let row = row.map_err(|e| e.to_string())?;
            let at = |column: &str| {
                let place = head.iter().position(|name| name == column);
                place.and_then(|place| row.get(place)).unwrap_or_default().trim()
            };
            let patient = at("patient_id").to_owned();
            // Without a guarantor the patient is their own.
            let guarantor = Some(at("guarantor_id")).filter(|id| !id.is_empty());
            let guarantor = guarantor.unwrap_or(&patient).to_owned();
            let said = |column| Some(at(column).to_owned()).filter(|text| !text.is_empty());
            people.entry(guarantor.clone()).or_insert_with(|| Account {
                phone: said("phone"),
                email: said("email"),
                // Who agreed to calls and was never asked about texts may be texted (S-B1).
                agreed_to_texts: match at("phone_text_consent") {
                    "" => at("phone_call_opt_in") == "yes",
                    said => said == "yes",
                },
                agreed_to_calls: at("phone_call_opt_in") == "yes",
                state: said("state"),
                zip: said("zip"),
                ..Account::default()
            });
            let claim = claims.entry((guarantor, at("claim_id").to_owned())).or_default();
            claim.patient = patient;
            claim.status = at("claim_status").to_owned();
            claim.insurance = at("insurance_state").to_owned();
            claim.due_cents += cents(at("patient_due"))?;
            claim.first_statement = day(at("first_statement_on"))?;
            claim.due_on = day(at("due_on"))?;
            let visit = day(at("service_on"))?;
            claim.since = day(at("due_since_on"))?.or(claim.first_statement).or(visit);
        }
        for (guarantor, owes) in owed(&claims) {
            people.entry(guarantor).or_default().owes_cents = owes;
        }
        for ((guarantor, _), claim) in &claims {
            let person = people.entry(guarantor.clone()).or_default();
            person.credit_cents += claim.credit_cents();
            if let Some(since) = claim.since.filter(|_| claim.is_asked() && claim.due_cents > 0) {
                let (first_statement, due_on) = (claim.first_statement, claim.due_on);
                let cents = claim.due_cents;
                person.bills.push(Bill { cents, since, first_statement, due_on });
            }
        }
        let mut accounts = BTreeMap::new();
        for (external, account) in people {
            let id = ids.get(&external).ok_or(format!("{external} was not imported"))?;
            accounts.insert(id.clone(), account);
        }
        Ok(Self { accounts })
    }
}

/// What each guarantor owes: their claims with the patient, less that patient's credits, never less
/// than nothing a patient (D-8, D-9, D-15).
fn owed(claims: &BTreeMap<(String, String), Claim>) -> BTreeMap<String, i64> {
    let patients: BTreeSet<(&str, &str)> =
        claims.iter().map(|((owner, _), claim)| (owner.as_str(), claim.patient.as_str())).collect();
    let mut owed = BTreeMap::new();
    for (owner, patient) in patients {
        let (mut due, mut credit) = (0, 0);
        for ((of, _), claim) in claims {
            if of != owner || claim.patient != patient {
                continue;
            }
            if claim.is_asked() {
                due += claim.due_cents.max(0);
            }
            credit += claim.credit_cents();
        }
        *owed.entry(owner.to_owned()).or_insert(0) += (due - credit).max(0);
    }
    owed
}

fn day(text: &str) -> Result<Option<Date>, String> {
    let is_there = Some(text).filter(|text| !text.is_empty());
    is_there.map(|text| text.parse().map_err(|_| format!("{text} is not a day"))).transpose()
}

/// `-12.50`, digit by digit.
fn cents(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text} is not an amount");
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (dollars, cents) = digits.split_once('.').ok_or_else(wrong)?;
    let dollars: i64 = dollars.parse().map_err(|_| wrong())?;
    let cents: i64 = cents.parse().map_err(|_| wrong())?;
    Ok(sign * (dollars * 100 + cents))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credit_of_one_child_does_not_pay_for_the_other() {
        let claim = |patient: &str, status: &str, insurance: &str, due_cents| Claim {
            patient: patient.into(),
            status: status.into(),
            insurance: insurance.into(),
            due_cents,
            ..Claim::default()
        };
        let claims = [
            claim("mia", "ready", "finished", 5_000),
            claim("mia", "settled", "finished", -2_000),
            claim("tom", "pending_patient", "self_pay", 1_000),
            claim("ann", "settled", "finished", -9_000),
            claim("ann", "insurance_pending", "pending", 7_000),
        ];
        let numbered = claims.into_iter().enumerate();
        let claims = numbered.map(|(at, c)| (("ruth".to_owned(), at.to_string()), c)).collect();
        assert_eq!(owed(&claims).get("ruth"), Some(&4_000));
        assert_eq!(cents("-12.50"), Ok(-1_250));
        assert!(cents("12").is_err());
    }
}
