//! What a signed-in patient pressed Pay Now on: the account, the visits, and their sum. It travels
//! from `/account/pay` to `/pay` in a cookie that is signed for this very sign-in, so it opens
//! nothing without that session and cannot be carried to another.
//!
//! For the pay page:
//! - `GET /pay`: [`Choice::find`] answers the patient and the choice when the visitor came from
//!   their bill. Then the account is `choice.guarantor`, the source is the portal, and
//!   `choice.amount` is typed into *Pay other amount* (`None` means everything that is due).
//! - `GET /p/{token}`: call [`Choice::forget`] beside `grant_pay`: a link opened later wins.
//! - the attempt takes `choice.claims` as the visits chosen (journeys, "A family and a phone").

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    clock::UnixMs,
    id::{ClaimId, GuarantorId},
    money::Cents,
};

use crate::{
    clock::real_now,
    failure::Failure,
    house::House,
    session::Patient,
    visit::{Jar, PAY_PASS_MS, Visit},
};

const PURPOSE: &str = "choice";
/// A cookie holds about this many ids. Of more visits the sum is kept, and staff see no list.
const CLAIMS_MOST: usize = 120;
const CLAIM_BYTES: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// One of the signed-in patient's accounts.
    pub guarantor: GuarantorId,
    /// The visits ticked; empty when everything is to be paid.
    pub claims: Vec<ClaimId>,
    /// What the ticked visits came to; `None` for everything that is due.
    pub amount: Option<Cents>,
}

impl Choice {
    /// The signed-in patient and what they chose. `None` without a session, without a choice, or
    /// when the choice was made in another session or about an account that is no longer theirs.
    pub async fn find(house: &House, visit: &Visit) -> Result<Option<(Patient, Self)>, Failure> {
        if visit.choice_cookie().is_none() {
            return Ok(None);
        }
        let Some(patient) = Patient::find(house, visit).await? else { return Ok(None) };
        Ok(Self::of(house, &patient).map(|choice| (patient, choice)))
    }

    /// What this patient chose in this session.
    pub fn of(house: &House, patient: &Patient) -> Option<Self> {
        let cookie = patient.visit.choice_cookie()?;
        let (signed, signature) = cookie.rsplit_once('.')?;
        let keys = house.store.keys();
        if !keys.is_signed(PURPOSE, &[&patient.session.token_hash, signed], signature) {
            return None;
        }
        let (choice, until) = read(signed)?;
        (until > real_now() && patient.guarantors.contains(&choice.guarantor)).then_some(choice)
    }

    /// Keeps it for the pay page, as long as a pay pass lives.
    pub fn keep(&self, house: &House, patient: &Patient) {
        let signed = self.written(real_now().plus_ms(PAY_PASS_MS));
        let signature = house.store.keys().sign(PURPOSE, &[&patient.session.token_hash, &signed]);
        patient.visit.keep(Jar::Choice, format!("{signed}.{signature}"), Some(PAY_PASS_MS));
    }

    /// A newer way in replaces it.
    pub fn forget(visit: &Visit) {
        if visit.choice_cookie().is_some() {
            visit.drop_cookie(Jar::Choice);
        }
    }

    fn written(&self, until: UnixMs) -> String {
        let amount = self.amount.map_or_else(|| "all".to_owned(), |amount| amount.0.to_string());
        let listed = if self.claims.len() > CLAIMS_MOST { &[][..] } else { &self.claims[..] };
        let bytes: Vec<u8> = listed
            .iter()
            .filter_map(|claim| hex::decode(claim.as_str().strip_prefix("clm_")?).ok())
            .flatten()
            .collect();
        let claims = URL_SAFE_NO_PAD.encode(bytes);
        format!("{}.{amount}.{claims}.{}", self.guarantor, until.0)
    }
}

fn read(signed: &str) -> Option<(Choice, UnixMs)> {
    let mut parts = signed.splitn(4, '.');
    let (guarantor, amount, claims, until) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let amount = match amount {
        "all" => None,
        cents => Some(Cents(cents.parse().ok()?)),
    };
    let bytes = URL_SAFE_NO_PAD.decode(claims).ok()?;
    let claims = bytes
        .chunks_exact(CLAIM_BYTES)
        .map(|id| ClaimId::trusted(format!("clm_{}", hex::encode(id))))
        .collect();
    let choice = Choice { guarantor: GuarantorId::trusted(guarantor), claims, amount };
    Some((choice, UnixMs(until.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_visits_of_three_arrive_as_they_were_ticked() {
        let choice = Choice {
            guarantor: GuarantorId::trusted("gua_0198c0000000700080000000000000aa"),
            claims: vec![
                ClaimId::trusted("clm_0198c000000070008000000000000001"),
                ClaimId::trusted("clm_0198c000000070008000000000000002"),
            ],
            amount: Some(Cents(57_00)),
        };
        let until = UnixMs(1_800_000_000_000);
        assert_eq!(read(&choice.written(until)), Some((choice, until)));
    }

    #[test]
    fn everything_at_once_needs_no_list() {
        let choice = Choice {
            guarantor: GuarantorId::trusted("gua_0198c0000000700080000000000000aa"),
            claims: Vec::new(),
            amount: None,
        };
        assert_eq!(read(&choice.written(UnixMs(1))), Some((choice, UnixMs(1))));
    }
}
