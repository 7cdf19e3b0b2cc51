//! The book as the practice's file has it, read a second time and by other rules than the product's:
//! who there is, how they are reached, what they agreed to, and what they owe. The watch judges by
//! this, so that a mistake of the import or of the balance cannot hide itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use domain::id::GuarantorId;
use sandbox::Channel;

/// One guarantor, from the columns of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub phone: Option<String>,
    pub email: Option<String>,
    pub agreed_to_texts: bool,
    pub state: Option<String>,
    pub zip: Option<String>,
    /// What is the patients' to pay; what insurers still decide is not.
    pub owes_cents: i64,
}

impl Account {
    pub fn contact(&self, channel: Channel) -> Option<&str> {
        match channel {
            Channel::Text => self.phone.as_deref(),
            Channel::Email => self.email.as_deref(),
            // Nobody here has agreed to calls, or has a fax.
            Channel::Call | Channel::Fax => None,
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
}

impl Book {
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
                state: said("state"),
                zip: said("zip"),
                owes_cents: 0,
            });
            let claim = claims.entry((guarantor, at("claim_id").to_owned())).or_default();
            claim.patient = patient;
            claim.status = at("claim_status").to_owned();
            claim.insurance = at("insurance_state").to_owned();
            claim.due_cents += cents(at("patient_due"))?;
        }
        for (guarantor, owes) in owed(&claims) {
            people.entry(guarantor).or_default().owes_cents = owes;
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
            if of != owner || claim.patient != patient || claim.insurance == "pending" {
                continue;
            }
            let is_asked = matches!(claim.status.as_str(), "ready" | "pending_patient");
            if is_asked {
                due += claim.due_cents.max(0);
            }
            if is_asked || claim.status == "settled" {
                credit += (-claim.due_cents).max(0);
            }
        }
        *owed.entry(owner.to_owned()).or_insert(0) += (due - credit).max(0);
    }
    owed
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
