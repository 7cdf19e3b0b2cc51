//! A password and an authenticator, chosen together: for an invited colleague and for the first
//! manager. Nobody on the staff has one without the other (R46).
//!
//! The secret stands in the page, signed for its subject, until the first code proves that the
//! phone has it; nothing is stored before that.

use app::{
    components::Errors,
    pages::staff::{Enrolment, RecoveryCodes},
};

use crate::{
    clock::real_now,
    failure::Failure,
    form::Posted,
    house::House,
    password::{Cost, LONGEST, Weakness, weakness},
    second_factor,
};

/// Staff passwords always come with a second factor; twelve characters all the same.
pub const SHORTEST: usize = 12;

/// A new secret for a page. `subject` is what the page is for: the hash of its link.
pub fn offer(house: &House, subject: &str, account: &str) -> Enrolment {
    let secret = second_factor::new_secret();
    shown(house, subject, account, secret)
}

/// The same secret again after a refusal, so that the phone need not scan anew.
pub fn offer_again(house: &House, subject: &str, account: &str, posted: &Posted) -> Enrolment {
    match offered(house, subject, posted) {
        Some(secret) => shown(house, subject, account, secret),
        None => offer(house, subject, account),
    }
}

fn shown(house: &House, subject: &str, account: &str, secret: String) -> Enrolment {
    Enrolment {
        signature: house.store.keys().sign("enrolment", &[subject, &secret]),
        picture: second_factor::picture(&secret, account),
        secret,
    }
}

fn offered(house: &House, subject: &str, posted: &Posted) -> Option<String> {
    let secret = posted.text("totp_secret");
    let keys = house.store.keys();
    let ours = keys.is_signed("enrolment", &[subject, secret], posted.text("totp_signature"));
    ours.then(|| secret.to_owned())
}

/// What a person chose, checked.
#[derive(Clone)]
pub struct Chosen {
    pub password_hash: String,
    pub secret: String,
    /// The step of the code that proved it: used up with it.
    pub step: i64,
    /// Shown once.
    pub recovery: Vec<String>,
    /// As stored.
    pub recovery_stored: String,
}

impl Chosen {
    pub fn page(&self, next_href: &str, next_label: &str) -> RecoveryCodes {
        RecoveryCodes {
            codes: self.recovery.clone(),
            next_href: next_href.to_owned(),
            next_label: next_label.to_owned(),
        }
    }
}

/// Reads the fields of an enrolment. `staff_id` owns the recovery codes; `own_words` are no
/// passwords: the person's name, their email, the practice. `errors` may hold others already.
pub async fn read(
    house: &House,
    subject: &str,
    staff_id: &str,
    posted: &Posted,
    own_words: &[&str],
    mut errors: Errors,
) -> Result<Result<Chosen, Errors>, Failure> {
    if let Some(sentence) = password_fault(posted, own_words) {
        errors = errors.on("password", sentence);
    } else if posted.text("password") != posted.text("password_again") {
        errors = errors.on("password_again", "The two passwords are not the same.");
    }
    let secret = offered(house, subject, posted).unwrap_or_default();
    let step = second_factor::step_of(&secret, posted.text("code"), real_now());
    if step.is_none() {
        let words = "That code is not right. Type the one the app shows now; if it stays wrong, \
                     set the phone's clock to automatic.";
        errors = errors.on("code", words);
    }
    let (true, Some(step)) = (errors.is_empty(), step) else { return Ok(Err(errors)) };
    let hashed = house.passwords.hash(Cost::Staff, posted.text("password")).await;
    let password_hash = hashed.map_err(|_| Failure::TooMany(5))?;
    let (recovery, recovery_stored) = second_factor::new_recovery(house.store.keys(), staff_id);
    Ok(Ok(Chosen { password_hash, secret, step, recovery, recovery_stored }))
}

/// Why a typed new password is refused, as a sentence.
pub fn password_fault(posted: &Posted, own_words: &[&str]) -> Option<String> {
    let found = weakness(posted.text("password"), SHORTEST, own_words)?;
    Some(match found {
        Weakness::TooShort => format!("Use at least {SHORTEST} characters."),
        Weakness::TooLong => format!("Use at most {LONGEST} characters."),
        Weakness::Common => {
            "That is one of the passwords people try first. Put a few unrelated words together."
                .to_owned()
        }
    })
}
