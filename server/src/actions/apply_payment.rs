//! `POST /staff/payments/{id}`: apply as typed, or keep what was typed as a draft; and
//! `POST /staff/payments/exact`: apply the exact matches somebody confirmed.
//!
//! Nothing typed is lost: what is refused comes back, what a colleague overtook becomes a draft, and
//! so does what arrives after an idle sign-out.

use std::collections::BTreeMap;

use actix_web::web;
use app::pages::staff::LineError;
use domain::{
    id::{ClaimId, PaymentId, PracticeId, StaffId},
    money::{BadAmount, Cents},
    payment::Refusal,
    staff::Permission,
};
use payments::{ApplyLine, PayError};
use store::{match_draft::Draft, session::Kind};

use super::choose_language::see_other;
use crate::{
    clock::real_now,
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::payment::{self, Typed, acting, broken},
    session::Staff,
    visit::Visit,
};

/// More fields than an account has open bills are not read.
const LINES_MOST: usize = 500;

/// `POST /staff/payments/{id}`
pub async fn post(
    house: web::Data<House>,
    visit: Visit,
    staff: Result<Staff, Failure>,
    path: web::Path<String>,
    posted: Posted,
) -> Answer {
    let id: PaymentId = path.parse().map_err(|_| Failure::NotFound)?;
    let staff = match staff {
        Ok(staff) => staff,
        Err(Failure::SignIn { at, .. }) => {
            keep_for_later(&house, &visit, &id, &posted).await?;
            return Err(Failure::SignIn { at, back: format!("/staff/payments/{id}") });
        }
        Err(failure) => return Err(failure),
    };
    staff.require(&house, Permission::ApplyPayments).await?;
    let typed = typed_lines(&posted);
    match posted.text("do") {
        "draft" => {
            keep(&house, &staff.practice.id, &staff.id, &id, &typed).await?;
            staff.visit.say("Saved as your draft. Nothing was applied.");
            Ok(see_other(&format!("/staff/payments/{id}")))
        }
        "discard" => {
            forget(&house, &staff, &id).await?;
            staff.visit.say("Your draft is gone; the proposal stands again.");
            Ok(see_other(&format!("/staff/payments/{id}")))
        }
        _ => apply(&house, &staff, &id, &posted, typed).await,
    }
}

async fn apply(
    house: &House,
    staff: &Staff,
    id: &PaymentId,
    posted: &Posted,
    typed: Vec<(ClaimId, String)>,
) -> Answer {
    let version = version_of(posted)?;
    let (lines, malformed) = read_lines(&typed);
    let refused = if malformed.is_empty() {
        let practice = &staff.practice.id;
        let done = house.payments.apply(practice, id, &lines, version, &acting(staff)).await;
        match done {
            Ok(_) => {
                forget(house, staff, id).await?;
                let visits = if lines.len() == 1 {
                    "1 visit".into()
                } else {
                    format!("{} visits", lines.len())
                };
                staff.visit.say(&format!("Applied to {visits}."));
                return Ok(see_other(&format!("/staff/payments/{id}")));
            }
            Err(PayError::Refused(Refusal::NotFound)) => return Err(Failure::NotFound),
            Err(PayError::Refused(refusal)) => Some(refusal),
            Err(cause) => return Err(broken(cause)),
        }
    } else {
        None
    };
    if matches!(refused, Some(Refusal::ChangedMeanwhile { .. })) {
        keep(house, &staff.practice.id, &staff.id, id, &typed).await?;
    }
    let too_much = match &refused {
        Some(Refusal::MoreThanClaim { claim, remaining }) => Some((claim, *remaining)),
        _ => None,
    };
    let lines: BTreeMap<_, _> = typed
        .into_iter()
        .map(|(claim, text)| {
            let error = match too_much {
                Some((refused, left)) if *refused == claim => Some(LineError::TooMuch(left)),
                _ => malformed.contains(&claim).then_some(LineError::Malformed),
            };
            (claim, (text, error))
        })
        .collect();
    let typed = Typed { lines, version: Some(version), refusal: refused };
    payment::show(house, staff, id, Some(typed)).await
}

pub fn version_of(posted: &Posted) -> Result<i64, Failure> {
    let version = posted.text("version").parse();
    version.map_err(|_| Failure::Malformed("Open the payment again and send its form."))
}

/// The amount fields as they came, in the order of the page; what names no claim is left out.
fn typed_lines(posted: &Posted) -> Vec<(ClaimId, String)> {
    posted
        .with_prefix("amount.")
        .filter_map(|(claim, text)| {
            Some((claim.parse().ok()?, text.trim().chars().take(16).collect()))
        })
        .take(LINES_MOST)
        .collect()
}

/// The amounts, and the claims whose amount cannot be read. Empty and zero mean: leave it.
fn read_lines(typed: &[(ClaimId, String)]) -> (Vec<ApplyLine>, Vec<ClaimId>) {
    let (mut lines, mut malformed) = (Vec::new(), Vec::new());
    for (claim, text) in typed {
        match Cents::parse_typed(text) {
            Ok(Cents::ZERO) | Err(BadAmount::Empty) => {}
            Ok(amount) => lines.push(ApplyLine { claim: claim.clone(), amount }),
            Err(_) => malformed.push(claim.clone()),
        }
    }
    (lines, malformed)
}

async fn keep(
    house: &House,
    practice: &PracticeId,
    staff: &StaffId,
    payment: &PaymentId,
    typed: &[(ClaimId, String)],
) -> Result<(), Failure> {
    let (practice, staff, payment) = (practice.clone(), staff.clone(), payment.clone());
    let draft = Draft { lines: typed.to_vec(), at: house.world.now() };
    house
        .store
        .write(move |db| {
            let (practice, staff, payment) = (practice.clone(), staff.clone(), payment.clone());
            let draft = draft.clone();
            Box::pin(async move {
                // A draft of a payment that is not this practice's would be a row nobody reads.
                if store::payment::find(db, &practice, &payment).await?.is_some() {
                    store::match_draft::insert(db, &practice, &payment, &staff, &draft).await?;
                }
                Ok(())
            })
        })
        .await?;
    Ok(())
}

async fn forget(house: &House, staff: &Staff, payment: &PaymentId) -> Result<(), Failure> {
    let (practice, staff) = (staff.practice.id.clone(), staff.id.clone());
    let payment = payment.clone();
    house
        .store
        .write(move |db| {
            let (practice, staff, payment) = (practice.clone(), staff.clone(), payment.clone());
            Box::pin(
                async move { store::match_draft::delete(db, &practice, &payment, &staff).await },
            )
        })
        .await?;
    Ok(())
}

/// The session went idle over the form: what was typed waits for its owner to sign in again. The
/// form's token has been checked against the browser that showed it.
async fn keep_for_later(
    house: &House,
    visit: &Visit,
    payment: &PaymentId,
    posted: &Posted,
) -> Result<(), Failure> {
    let Some(token) = visit.staff_token() else { return Ok(()) };
    let typed = typed_lines(posted);
    let mut db = house.store.read().await?;
    let lapsed = store::session::find_lapsed(&mut db, Kind::Staff, token, real_now()).await?;
    let Some((subject, practice)) = lapsed else { return Ok(()) };
    let staff = StaffId::trusted(subject);
    let role = store::staff::find_role(&mut db, &staff, &practice).await?;
    drop(db);
    if !typed.is_empty() && role.is_some_and(|role| role.may(Permission::ApplyPayments)) {
        keep(house, &practice, &staff, payment, &typed).await?;
    }
    Ok(())
}

/// `POST /staff/payments/exact`
pub async fn exact(house: web::Data<House>, staff: Staff, posted: Posted) -> Answer {
    staff.require(&house, Permission::ApplyPayments).await?;
    let seen: Option<Vec<(PaymentId, i64)>> = posted
        .with_prefix("version.")
        .map(|(id, version)| Some((id.parse().ok()?, version.parse().ok()?)))
        .collect();
    let seen = seen.ok_or(Failure::NotFound)?;
    let done = house.payments.apply_seen_matches(&staff.practice.id, &seen, &acting(&staff)).await;
    let done = done.map_err(broken)?;
    let applied = match done.payments {
        1 => "1 payment applied.".to_owned(),
        many => format!("{many} payments applied."),
    };
    let left = match done.left {
        0 => String::new(),
        left => format!(" {left} changed meanwhile and are still in the list."),
    };
    staff.visit.say(&format!("{applied}{left}"));
    Ok(see_other("/staff/payments"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIM: &str = "clm_0198c0de0000700080000000000000aa";

    #[test]
    fn an_empty_amount_leaves_a_visit_and_a_bad_one_is_pointed_at() {
        let field = format!("amount.{CLAIM}");
        let lines = |text: &str| read_lines(&typed_lines(&Posted::of(&[(&field, text)])));
        for left in ["", "  ", "0", "0.00"] {
            assert_eq!(lines(left), (vec![], vec![]), "{left:?}");
        }
        let claim: ClaimId = CLAIM.parse().unwrap();
        let good = ApplyLine { claim: claim.clone(), amount: Cents(25_00) };
        assert_eq!(lines(" $25.00 "), (vec![good], vec![]));
        for bad in ["-1", "1e3", "25,0", "٢٥"] {
            assert_eq!(lines(bad), (vec![], vec![claim.clone()]), "{bad:?}");
        }
        let foreign = Posted::of(&[("amount.gua_1", "25.00"), ("amount.", "1")]);
        assert!(typed_lines(&foreign).is_empty());
    }
}
