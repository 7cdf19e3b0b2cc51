//! "You, as the person responsible for this bill": date of birth and last four of the SSN, matched
//! against one guarantor, the one of the link in hand; never "find anybody with these" (security.md,
//! 4.3). Tries are counted before anything is compared, and every no is the same no.

use app::{pages::TypedAccount, refusal::Refusal};
use domain::holds::HoldKind;
use jiff::civil::Date;
use store::{
    Db, Keys,
    guarantor::Guarantor,
    link::Link,
    tries::{self, Asked},
};

use crate::{clock::real_now, door::Door, failure::Failure, form::Posted, house::House};

/// Nobody alive was born before.
const OLDEST_YEAR: i16 = 1890;

/// What somebody said about themselves, well-formed.
#[derive(Clone, Debug)]
pub struct Answers {
    born_on: Option<Date>,
    /// Empty when the field was: then nothing is counted and nothing matches (R38).
    ssn4: String,
}

/// The typed date of birth, given back after a refusal. The SSN never is.
pub fn typed(posted: &Posted) -> TypedAccount {
    let short = |name| posted.text(name).trim().chars().take(8).collect::<String>();
    TypedAccount {
        email: posted.text("email").trim().chars().take(254).collect(),
        dob_month: short("dob_month"),
        dob_day: short("dob_day"),
        dob_year: short("dob_year"),
    }
}

/// Reads the answers; what is malformed costs no try.
pub fn read(posted: &Posted, today: Date) -> Result<Answers, Vec<Refusal>> {
    let mut refusals = Vec::new();
    let born_on = match read_birth(posted, today) {
        Ok(day) => Some(day),
        Err(refusal) => {
            refusals.push(refusal);
            None
        }
    };
    let ssn4 = posted.text("ssn4").trim();
    let is_four_digits = ssn4.len() == 4 && ssn4.bytes().all(|b| b.is_ascii_digit());
    if !(ssn4.is_empty() || is_four_digits) {
        refusals.push(Refusal::Ssn4Malformed);
    }
    if refusals.is_empty() { Ok(Answers { born_on, ssn4: ssn4.to_owned() }) } else { Err(refusals) }
}

fn read_birth(posted: &Posted, today: Date) -> Result<Date, Refusal> {
    let part = |name| posted.text(name).trim().to_owned();
    let (month, day, year) = (part("dob_month"), part("dob_day"), part("dob_year"));
    if month.is_empty() || day.is_empty() || year.is_empty() {
        return Err(Refusal::BirthIncomplete);
    }
    let number = |text: &str| {
        let plain = text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| text.parse::<i16>().ok()).flatten()
    };
    let small = |text: &str| number(text).and_then(|n| i8::try_from(n).ok());
    let born = number(&year)
        .zip(small(&month))
        .zip(small(&day))
        .and_then(|((year, month), day)| Date::new(year, month, day).ok());
    born.filter(|day| day.year() >= OLDEST_YEAR && *day <= today).ok_or(Refusal::BirthImpossible)
}

/// Whether the answers are the guarantor's of this link. The tries are counted, the comparison is
/// made, and the audit says so, in one transaction that does the same whatever is true.
pub async fn matches(
    house: &House,
    door: &Door,
    link: &Link,
    answers: &Answers,
) -> Result<bool, Failure> {
    let (guarantor, has_died) = {
        let mut db = house.store.read().await?;
        let guarantor = store::guarantor::load(&mut db, &link.practice, &link.guarantor).await?;
        let guarantor = guarantor.ok_or(Failure::NotFound)?;
        // Asked in any case: what is not asked is not waited for (R38).
        let is_held = is_held_as_deceased(&mut db, house, link).await?;
        let has_died = guarantor.has_died || is_held;
        (guarantor, has_died)
    };
    let (now, viewed_at) = (real_now(), house.world.now());
    let entry = door.entry("match", "guarantor", guarantor.id.as_str()).about(&guarantor.id);
    let (world, link, answers) = (house.world.clone(), link.clone(), answers.clone());
    let matched = house.store.write(move |db| {
        let (world, link, entry) = (world.clone(), link.clone(), entry.clone());
        let (guarantor, answers) = (guarantor.clone(), answers.clone());
        Box::pin(async move {
            let asked = Asked {
                practice: &link.practice,
                guarantor: &link.guarantor,
                link: &link.token_hash,
            };
            let may = tries::claim_match(db, asked, !answers.ssn4.is_empty(), now).await?;
            // Whoever knows the answers of somebody who has died is not that person (D-50).
            let right = is_right(&db.keys(), &guarantor, &answers) && !has_died;
            if may && right {
                tries::release_match(db, &link.practice, now).await?;
                renew(db, &guarantor, &answers).await?;
            }
            store::link::mark_viewed(db, &link.practice, &link.token_hash, viewed_at).await?;
            let entry = match (may, right) {
                (true, true) => entry,
                (true, false) if has_died => entry.denied().with("the guarantor has died"),
                (true, false) => entry.denied().with("no match"),
                (false, _) => entry.denied().with("no try left, or no answer"),
            };
            store::audit::insert(db, &world, &entry).await?;
            Ok(may && right)
        })
    });
    Ok(matched.await?)
}

/// Staff were told of the death before the practice's system was.
async fn is_held_as_deceased(db: &mut Db, house: &House, link: &Link) -> Result<bool, Failure> {
    let of = std::slice::from_ref(&link.guarantor);
    let holds = store::hold::load_many(db, &link.practice, of).await?.remove(&link.guarantor);
    let now = house.world.now();
    let mut holds = holds.unwrap_or_default().into_iter().map(|hold| hold.rule());
    Ok(holds.any(|hold| hold.kind == HoldKind::Deceased && hold.stands_at(now)))
}

/// After a right match under an older key the newest takes over, as only now the digits are known.
async fn renew(
    db: &mut store::Db,
    guarantor: &Guarantor,
    answers: &Answers,
) -> Result<(), store::StoreError> {
    let keys = db.keys();
    let (Some(stored), Some(born)) = (&guarantor.match_verifier, answers.born_on) else {
        return Ok(());
    };
    if !keys.is_old_verifier(stored) {
        return Ok(());
    }
    let (practice, id, born) = (&guarantor.practice, &guarantor.id, born.to_string());
    let anew = keys.match_verifier(practice.as_str(), id.as_str(), &born, &answers.ssn4);
    store::guarantor::mark_verifier(db, practice, id, stored, &anew).await
}

/// Costs the same whether or not there is anything on file.
fn is_right(keys: &Keys, guarantor: &Guarantor, answers: &Answers) -> bool {
    let born = answers.born_on.map(|day| day.to_string()).unwrap_or_default();
    keys.matches(
        guarantor.match_verifier.as_deref(),
        guarantor.practice.as_str(),
        guarantor.id.as_str(),
        &born,
        &answers.ssn4,
    )
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn said(month: &str, day: &str, year: &str, ssn4: &str) -> Result<Answers, Vec<Refusal>> {
        let fields = [("dob_month", month), ("dob_day", day), ("dob_year", year), ("ssn4", ssn4)];
        read(&Posted::of(&fields), date(2026, 3, 4))
    }

    #[test]
    fn a_birthday_may_be_written_with_or_without_zeros() {
        for (month, day) in [("4", "1"), ("04", "01")] {
            let answers = said(month, day, "1971", "1234").unwrap();
            assert_eq!(answers.born_on, Some(date(1971, 4, 1)));
        }
    }

    #[test]
    fn a_day_that_does_not_exist_or_has_not_come_costs_no_try() {
        for (month, day, year) in
            [("2", "30", "1971"), ("13", "1", "1971"), ("3", "5", "2026"), ("1", "1", "71")]
        {
            let refusals = said(month, day, year, "1234").unwrap_err();
            assert_eq!(refusals, [Refusal::BirthImpossible], "{month}/{day}/{year}");
        }
        assert_eq!(said("", "1", "1971", "1234").unwrap_err(), [Refusal::BirthIncomplete]);
    }

    #[test]
    fn a_whole_ssn_is_refused_and_an_empty_field_is_an_answer_that_never_matches() {
        assert_eq!(said("4", "1", "1971", "123456789").unwrap_err(), [Refusal::Ssn4Malformed]);
        assert!(said("4", "1", "1971", "").unwrap().ssn4.is_empty());
    }
}
