//! Emails to staff, which never hold up what they tell of: an invitation that could not be sent is
//! still on the page.

use domain::practice::Practice;
use engine::{Delivered, StaffMail};
use tracing::warn;

use crate::house::House;

/// True when the mail server took it. Nothing is tried where the practice has none.
pub async fn send(house: &House, practice: &Practice, email: &str, mail: StaffMail) -> bool {
    if practice.settings.email_from_address.is_empty() {
        return false;
    }
    match house.engine.send_staff_mail(&practice.id, email, mail).await {
        Ok(Delivered::Sent(_)) => true,
        Ok(_) => false,
        Err(cause) => {
            warn!(%cause, "an email to staff was not sent");
            false
        }
    }
}
