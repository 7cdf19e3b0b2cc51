//! The pay form carries the id of the attempt it will become, signed for this account and a time
//! (decision 3). The same form again is the same attempt, and the attempt's id is the processor's
//! idempotency key.

use domain::{
    clock::UnixMs,
    id::{AttemptId, GuarantorId, PracticeId},
    payment::{FORM_LIFE_MS, Refusal},
};

use crate::{Payments, Result};

const PURPOSE: &str = "pay form";

/// A form that we gave out for this account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    pub attempt: AttemptId,
    pub expires_at: UnixMs,
}

impl Payments {
    /// The hidden field of a new form.
    pub fn mint_form(&self, practice: &PracticeId, guarantor: &GuarantorId) -> String {
        let attempt: AttemptId = self.world().mint();
        let expires = self.now().plus_ms(FORM_LIFE_MS).0.to_string();
        let parts = [practice.as_str(), guarantor.as_str(), attempt.as_str(), &expires];
        let signature = self.store().keys().sign(PURPOSE, &parts);
        format!("{attempt}.{expires}.{signature}")
    }

    /// Reads the field back. Whether it has expired is asked later: a form that became an attempt is
    /// answered with that attempt's result, hours later too (R14).
    pub fn read_form(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        field: &str,
    ) -> Result<Form> {
        let mut parts = field.splitn(3, '.');
        let (Some(attempt), Some(expires), Some(signature)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(Refusal::BadForm.into());
        };
        let signed = [practice.as_str(), guarantor.as_str(), attempt, expires];
        if !self.store().keys().is_signed(PURPOSE, &signed, signature) {
            return Err(Refusal::BadForm.into());
        }
        let expires_at = expires.parse().map(UnixMs).map_err(|_| Refusal::BadForm)?;
        Ok(Form { attempt: AttemptId::trusted(attempt), expires_at })
    }
}
