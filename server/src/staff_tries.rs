//! Tries at the staff door. Each is counted before anything is compared, in a transaction of its own, so
//! that of a hundred requests at once no more are compared than are left (R36). What is counted is the
//! address that was typed, whether or not anybody has it, so that nobody learns who works here (R39).
//!
//! A browser in which somebody has signed in before has a count of its own for them: whoever keeps
//! guessing at their address from elsewhere cannot keep them out (R41). The browser knows them by a signed
//! cookie, which opens nothing and ends with their password.

use domain::clock::{DAY_MS, HOUR_MS, MINUTE_MS};
use store::{
    Store,
    keys::{new_token, token_hash},
    staff::{Member, email_key},
    tries::{self, Limit},
};

use crate::{
    clock::real_now,
    failure::Failure,
    visit::{Jar, Visit},
};

/// Passwords typed for one address: the waits grow, and a day has at most thirty.
const PASSWORDS: [Limit; 3] = [
    Limit { scope: "staff_minute", most: 5, per_ms: MINUTE_MS },
    Limit { scope: "staff_quarter", most: 10, per_ms: 15 * MINUTE_MS },
    Limit { scope: "staff_day", most: 30, per_ms: DAY_MS },
];
/// Codes typed by somebody who had the password: of a million codes three are right at any moment.
const CODES: [Limit; 3] = [
    Limit { scope: "staff_code_minute", most: 5, per_ms: MINUTE_MS },
    Limit { scope: "staff_code_quarter", most: 10, per_ms: 15 * MINUTE_MS },
    Limit { scope: "staff_code_day", most: 30, per_ms: DAY_MS },
];
/// The same on a browser that the person signed in with before.
const PASSWORDS_ON_KNOWN_DEVICE: [Limit; 1] =
    [Limit { scope: "staff_device", most: 20, per_ms: HOUR_MS }];
const CODES_ON_KNOWN_DEVICE: [Limit; 1] =
    [Limit { scope: "staff_device_code", most: 20, per_ms: HOUR_MS }];
/// Passwords typed once more by somebody signed in, to change a way in.
const AGAIN: [Limit; 1] = [Limit { scope: "staff_again", most: 10, per_ms: 15 * MINUTE_MS }];

const DEVICE_LASTS_MS: i64 = 365 * DAY_MS;
/// People who share the computer at the front desk.
const DEVICE_PEOPLE_MOST: usize = 8;
const SIGNED_FOR: &str = "staff device";

/// What is counted, and for whom.
#[derive(Clone, Debug)]
pub struct Tries {
    limits: &'static [Limit],
    subject: String,
}

impl Tries {
    /// At the password of whoever has this address.
    pub fn at_password(store: &Store, visit: &Visit, email: &str, member: Option<&Member>) -> Self {
        let limits = (&PASSWORDS[..], &PASSWORDS_ON_KNOWN_DEVICE[..]);
        let address = store.keys().blind("*", "staff email", &email_key(email));
        Self::of(store, visit, member, limits, address)
    }

    /// At the authenticator of this person, whose password was right.
    pub fn at_code(store: &Store, visit: &Visit, member: &Member) -> Self {
        let limits = (&CODES[..], &CODES_ON_KNOWN_DEVICE[..]);
        Self::of(store, visit, Some(member), limits, member.id.to_string())
    }

    /// At the password of somebody who is signed in.
    pub fn again(member: &Member) -> Self {
        Self { limits: &AGAIN, subject: member.id.to_string() }
    }

    fn of(
        store: &Store,
        visit: &Visit,
        member: Option<&Member>,
        (anywhere, known): (&'static [Limit], &'static [Limit]),
        subject: String,
    ) -> Self {
        match member.and_then(|member| known_device(store, visit, member)) {
            Some(subject) => Self { limits: known, subject },
            None => Self { limits: anywhere, subject },
        }
    }

    /// Counts one; false when it has to wait, and then nothing that was typed may matter.
    pub async fn count(&self, store: &Store) -> Result<bool, Failure> {
        let (tries, now) = (self.clone(), real_now());
        let counted = store.write(move |db| {
            let tries = tries.clone();
            Box::pin(async move { tries::claim_each(db, tries.limits, &tries.subject, now).await })
        });
        Ok(counted.await?)
    }

    /// It was right: those before it are forgotten.
    pub async fn forget(&self, store: &Store) -> Result<(), Failure> {
        let tries = self.clone();
        let forgotten = store.write(move |db| {
            let tries = tries.clone();
            Box::pin(async move { tries::delete_each(db, tries.limits, &tries.subject).await })
        });
        Ok(forgotten.await?)
    }
}

/// What signs one person on one browser: gone with the password it was signed under.
fn signed<'a>(browser: &'a str, member: &'a Member) -> [&'a str; 3] {
    [browser, member.id.as_str(), member.password_hash.as_deref().unwrap_or_default()]
}

/// Names this browser in this person's count, where they have signed in with it before.
fn known_device(store: &Store, visit: &Visit, member: &Member) -> Option<String> {
    let (browser, mut signatures) = read(visit.staff_device()?)?;
    let keys = store.keys();
    let is_known = |signature| keys.is_signed(SIGNED_FOR, &signed(browser, member), signature);
    signatures.any(is_known).then(|| token_hash(&format!("{browser}.{}", member.id)))
}

/// The browser's own word, and the people it is signed for.
fn read(cookie: &str) -> Option<(&str, impl Iterator<Item = &str>)> {
    let mut parts = cookie.split('.');
    let browser = parts.next().filter(|browser| !browser.is_empty())?;
    Some((browser, parts.take(DEVICE_PEOPLE_MOST)))
}

/// Somebody has signed in here, with both factors: their next tries are counted here alone.
pub fn remember_device(store: &Store, visit: &Visit, member: &Member) {
    if known_device(store, visit, member).is_some() {
        return;
    }
    let before = visit.staff_device().and_then(read);
    let (browser, others) = match before {
        Some((browser, others)) => (browser.to_owned(), others.map(str::to_owned).collect()),
        None => (new_token(18), Vec::new()),
    };
    let mine = store.keys().sign(SIGNED_FOR, &signed(&browser, member));
    let people = std::iter::once(mine).chain(others).take(DEVICE_PEOPLE_MOST);
    let cookie: Vec<String> = std::iter::once(browser).chain(people).collect();
    visit.keep(Jar::StaffDevice, cookie.join("."), Some(DEVICE_LASTS_MS));
}
