//! A button pressed twice. What staff send off a second time within a minute, word for word, was meant once:
//! a patient gets one text, a record one note. The first press is counted before anything happens, so that
//! of two at the same moment one goes on; whoever was refused may press again.

use domain::clock::MINUTE_MS;
use store::tries::{self, Limit};

use crate::{clock::real_now, failure::Failure, form::Posted, house::House, session::Staff};

const ONCE: Limit = Limit { scope: "pressed", most: 1, per_ms: MINUTE_MS };

/// One form as one person sent it from one page.
pub struct Pressed {
    subject: String,
}

impl Pressed {
    pub fn of(house: &House, staff: &Staff, posted: &Posted) -> Self {
        let what = [staff.visit.path(), staff.id.as_str(), &posted.words()].join("\n");
        let subject = house.store.keys().blind(staff.practice.id.as_str(), ONCE.scope, &what);
        Self { subject }
    }

    /// False when the very same was sent off a moment ago.
    pub async fn is_first(&self, house: &House) -> Result<bool, Failure> {
        let (subject, now) = (self.subject.clone(), real_now());
        let counted = house.store.write(move |db| {
            let subject = subject.clone();
            Box::pin(async move { tries::claim(db, &ONCE, &subject, now).await })
        });
        Ok(counted.await?)
    }

    /// It came to nothing, and may be sent again.
    pub async fn forget(&self, house: &House) -> Result<(), Failure> {
        let subject = self.subject.clone();
        let forgotten = house.store.write(move |db| {
            let subject = subject.clone();
            Box::pin(async move { tries::delete(db, &ONCE, &subject).await })
        });
        Ok(forgotten.await?)
    }
}
