//! What the patient pages ask the engine to send: codes to contacts on file, and mails about a
//! login. A mail about a login never makes a page slower, so that the time an answer takes does not
//! tell whether there is an account (R39).

use actix_web::web;
use app::words::Lang;
use domain::{
    id::{ContactId, GuarantorId, PracticeId},
    practice::Practice,
};
use engine::{AccountMail, Delivered, EngineError, Refusal};
use tracing::error;

use crate::{failure::Failure, house::House, wording::language_of};

/// Sends a code; false when it did not go and another contact may do better.
pub async fn send_code(
    house: &House,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    contact: &ContactId,
    code: &str,
    lang: Lang,
) -> Result<bool, Failure> {
    let sent = house.engine.send_code(practice, guarantor, contact, code, language_of(lang)).await;
    match sent {
        Ok(Delivered::Sent(_) | Delivered::Later(_)) => Ok(true),
        Ok(Delivered::Withheld(..) | Delivered::Failed(_)) => Ok(false),
        Err(EngineError::Refused(Refusal::NotFound)) => Err(Failure::NotFound),
        Err(EngineError::Refused(_)) => Ok(false),
        Err(EngineError::Store(cause)) => Err(cause.into()),
    }
}

/// A mail about somebody's own login, on its way while the page is answered.
pub fn post_account_mail(
    house: &web::Data<House>,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    email: &str,
    lang: Lang,
    mail: AccountMail,
) {
    let house = house.clone();
    let (practice, guarantor, email) = (practice.clone(), guarantor.clone(), email.to_owned());
    actix_web::rt::spawn(async move {
        let language = language_of(lang);
        let sent =
            house.engine.send_account_mail(&practice, &guarantor, &email, language, mail).await;
        if let Err(cause) = sent {
            error!(%cause, %guarantor, "a mail about a login could not be sent");
        }
    });
}

/// A whole address of the practice's patient pages.
pub fn address(house: &House, practice: &Practice, path: &str) -> String {
    let practices = practice.settings.public_base.trim_end_matches('/');
    let servers = house.config.public_base.as_deref().unwrap_or_default().trim_end_matches('/');
    let base = if practices.is_empty() { servers } else { practices };
    format!("{base}{path}")
}
