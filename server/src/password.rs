//! Passwords: argon2id off the async threads, with a bounded queue, so that sign-ins never slow a
//! payment page (performance.md, fact 9).

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version,
    password_hash::phc::PasswordHash,
};
use store::Keys;
use tokio::sync::Semaphore;

/// 19 MiB, two passes (patients); staff use more memory and are few.
const PATIENT_MEMORY_KIB: u32 = 19 * 1024;
const PATIENT_PASSES: u32 = 2;
const STAFF_MEMORY_KIB: u32 = 46 * 1024;
const STAFF_PASSES: u32 = 1;
/// Waiting beyond this many is refused: a queue that long would answer after the caller left.
const QUEUE_LONGEST: usize = 200;
/// Longer input is refused before hashing (R40).
pub const LONGEST: usize = 128;
pub const SHORTEST_WITH_SECOND_FACTOR: usize = 8;
pub const SHORTEST_ALONE: usize = 15;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    Patient,
    Staff,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins at once; try again in a moment")]
pub struct Busy;

/// Hashes and checks passwords on a bounded number of threads.
#[derive(Clone)]
pub struct Passwords {
    keys: Arc<Keys>,
    /// Everyone who hashes or waits.
    queue: Arc<Semaphore>,
    /// Those who hash: one core is left for everything else.
    cores: Arc<Semaphore>,
    /// Compared against when there is no such account, so that both answers cost the same (R39).
    dummy: Arc<[String; 2]>,
    /// How often argon2 ran, for patients and for staff.
    worked: Arc<[AtomicU64; 2]>,
}

impl Passwords {
    pub fn new(keys: Arc<Keys>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let dummy =
            [Cost::Patient, Cost::Staff].map(|cost| hash_now(&keys, cost, "no such account"));
        Self {
            keys,
            queue: Arc::new(Semaphore::new(QUEUE_LONGEST)),
            cores: Arc::new(Semaphore::new(cores.saturating_sub(1).max(1))),
            dummy: Arc::new(dummy),
            worked: Arc::default(),
        }
    }

    pub async fn hash(&self, cost: Cost, password: &str) -> Result<String, Busy> {
        let (keys, password, worked) =
            (self.keys.clone(), password.to_owned(), self.worked.clone());
        self.run(move || {
            count(&worked, cost);
            hash_now(&keys, cost, &password)
        })
        .await
    }

    /// How often argon2 ran at this cost so far: what a guesser could measure.
    pub fn worked(&self, cost: Cost) -> u64 {
        self.worked[place_of(cost)].load(Ordering::Relaxed)
    }

    /// True when `password` is the one behind `stored`. With `None` it takes the same time and is
    /// false.
    pub async fn verify(
        &self,
        cost: Cost,
        stored: Option<&str>,
        password: &str,
    ) -> Result<bool, Busy> {
        // What is stored and no hash belongs to nobody's password either, and costs the same.
        let stored = stored.filter(|stored| PasswordHash::new(stored).is_ok());
        let known = stored.is_some();
        let stored = stored.unwrap_or(&self.dummy[place_of(cost)]).to_owned();
        let (keys, password, worked) =
            (self.keys.clone(), password.to_owned(), self.worked.clone());
        let right = self.run(move || {
            count(&worked, cost);
            verify_now(&keys, &stored, &password)
        });
        Ok(right.await? && known)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let _place = self.queue.clone().try_acquire_owned().map_err(|_| Busy)?;
        let core = self.cores.clone().acquire_owned().await.map_err(|_| Busy)?;
        tokio::task::spawn_blocking(move || {
            let _core = core;
            work()
        })
        .await
        .map_err(|_| Busy)
    }
}

fn place_of(cost: Cost) -> usize {
    usize::from(cost == Cost::Staff)
}

fn count(worked: &[AtomicU64; 2], cost: Cost) {
    worked[place_of(cost)].fetch_add(1, Ordering::Relaxed);
    let whose = if cost == Cost::Staff { "staff" } else { "patient" };
    metrics::counter!("clearbill_password_work_total", "whose" => whose).increment(1);
}

fn argon2(cost: Cost) -> Argon2<'static> {
    let (memory, passes) = match cost {
        Cost::Patient => (PATIENT_MEMORY_KIB, PATIENT_PASSES),
        Cost::Staff => (STAFF_MEMORY_KIB, STAFF_PASSES),
    };
    let params = Params::new(memory, passes, 1, None).expect("constant parameters are valid");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash_now(keys: &Keys, cost: Cost, password: &str) -> String {
    let hash = argon2(cost).hash_password(&*keys.pepper(password));
    hash.expect("hashing a 32-byte input with valid parameters succeeds").to_string()
}

fn verify_now(keys: &Keys, stored: &str, password: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(stored) else { return false };
    // The stored parameters are used, so that older hashes keep working after a change of cost.
    Argon2::default().verify_password(&*keys.pepper(password), &parsed).is_ok()
}

/// Why a new password was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    TooShort,
    TooLong,
    Common,
}

/// Length in characters, any character, no composition rules; what many people use, and words of the
/// practice and the product, are refused, also with digits after them (R40).
pub fn weakness(password: &str, shortest: usize, own_words: &[&str]) -> Option<Weakness> {
    if password.chars().count() < shortest {
        return Some(Weakness::TooShort);
    }
    if password.len() > LONGEST * 4 || password.chars().count() > LONGEST {
        return Some(Weakness::TooLong);
    }
    let folded: String = password.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    let bare = folded.trim_end_matches(|c: char| c.is_ascii_digit());
    let repeats = {
        let mut letters: Vec<char> = folded.chars().collect();
        letters.sort_unstable();
        letters.dedup();
        letters.len() <= 2
    };
    let is_word = |word: &str| {
        let word: String = word.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
        !word.is_empty() && (folded == word || bare == word)
    };
    let common = COMMON.iter().any(|word| is_word(word))
        || [password.to_lowercase().as_str(), &folded, bare].into_iter().any(is_widely_used);
    let own = own_words.iter().any(|word| is_word(word)) || is_word("clearbill");
    (common || own || repeats).then_some(Weakness::Common)
}

/// Of eight signs and more; see `server/data`.
const WIDELY_USED: &str = include_str!("../data/widely-used-passwords.txt");

fn is_widely_used(password: &str) -> bool {
    WIDELY_USED.lines().any(|known| known == password)
}

/// Words that people begin a password with here, shorter ones too: with digits after them they are as long as
/// they must be.
const COMMON: &[&str] = &[
    "password",
    "passw0rd",
    "letmein",
    "welcome",
    "qwerty",
    "qwertyuiop",
    "qwerty123",
    "abc123",
    "iloveyou",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "batman",
    "trustno1",
    "starwars",
    "dragon",
    "monkey",
    "shadow",
    "master",
    "michael",
    "jennifer",
    "jordan",
    "hunter",
    "killer",
    "soccer",
    "charlie",
    "andrew",
    "michelle",
    "jessica",
    "ashley",
    "computer",
    "internet",
    "whatever",
    "freedom",
    "mustang",
    "corvette",
    "mercedes",
    "maverick",
    "changeme",
    "secret",
    "admin",
    "administrator",
    "default",
    "guest",
    "1q2w3e4r",
    "1qaz2wsx",
    "zaq12wsx",
    "q1w2e3r4",
    "asdfghjkl",
    "asdfasdf",
    "zxcvbnm",
    "12345678",
    "123456789",
    "1234567890",
    "87654321",
    "11223344",
    "98765432",
    "0987654321",
    "147258369",
    "123123123",
    "abcd1234",
    "a1b2c3d4",
    "pass1234",
    "test1234",
    "hello123",
    "liverpool",
    "chocolate",
    "butterfly",
    "blessed",
    "jesuschrist",
    "contrasena",
    "contraseña",
    "teamo",
    "tequiero",
    "bienvenido",
    "hospital",
    "doctor",
    "medical",
    "patient",
    "portal",
    "payment",
    "mybill",
    "billing",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_people_try_first_are_refused() {
        for (password, weakness_expected) in [
            ("short", Some(Weakness::TooShort)),
            ("Password2026", Some(Weakness::Common)),
            ("clearbill99", Some(Weakness::Common)),
            ("aaaaaaaaaaaa", Some(Weakness::Common)),
            ("Lakeside Family 12", Some(Weakness::Common)),
            // From far down the list of what leaked, as it is and with a year.
            ("elephant", Some(Weakness::Common)),
            ("25031987", Some(Weakness::Common)),
            ("Thunderbird2026", Some(Weakness::Common)),
            ("a thunderbird in May", None),
            ("tall ships in May", None),
            ("ünïcödé läßt", None),
        ] {
            assert_eq!(
                weakness(password, 8, &["Lakeside Family"]),
                weakness_expected,
                "{password}"
            );
        }
    }

    #[test]
    fn three_thousand_and_more_of_those_that_leaked_are_known() {
        let known: Vec<&str> = WIDELY_USED.lines().collect();
        assert!(known.len() > 3_000, "{}", known.len());
        for password in &known {
            assert!(password.len() >= SHORTEST_WITH_SECOND_FACTOR, "{password}");
            assert!(!password.contains(char::is_uppercase), "{password}");
        }
        let refused = |password: &&&str| weakness(password, 8, &[]) == Some(Weakness::Common);
        assert_eq!(known.iter().step_by(97).filter(|p| !refused(p)).count(), 0);
    }
}
