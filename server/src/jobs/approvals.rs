//! Tells those who may approve that reminders wait for a yes: once a day, while some do (S-SF7).

use std::time::Duration;

use domain::{
    clock::{HOUR_MS, MINUTE_MS},
    id::TaskId,
    practice::Practice,
    staff::{Permission, Role},
};
use engine::StaffMail;

use crate::{failure::Failure, house::House, staff_mail};

pub const EVERY: Duration = Duration::from_secs(60);
/// Somebody who has just made a list is not told of it.
const SETTLED_MS: i64 = 10 * MINUTE_MS;
/// The next mail about what still waits.
const AGAIN_MS: i64 = 20 * HOUR_MS;

/// Mails what is due; true when anything was.
pub async fn step(house: &House) -> Result<bool, Failure> {
    let now = house.world.now();
    let before = now.minus_ms(SETTLED_MS);
    let mut db = house.store.read().await?;
    let waiting = store::message::list_waiting_for_yes(&mut db, before).await?;
    drop(db);
    let mut did = false;
    for (practice, count) in waiting {
        // Whoever gets the lease tells; nobody else does before it ends.
        let (name, holder) = (format!("approvals:{practice}"), house.world.mint::<TaskId>());
        let is_ours = house.store.write(move |db| {
            let (name, holder) = (name.clone(), holder.clone());
            Box::pin(
                async move { store::lease::claim(db, &name, holder.as_str(), now, AGAIN_MS).await },
            )
        });
        if !is_ours.await? {
            continue;
        }
        let mut db = house.store.read().await?;
        let Some(practice) = store::practice::load(&mut db, &practice).await? else { continue };
        let people = store::staff::list(&mut db, &practice.id).await?;
        drop(db);
        for one in people.iter().filter(|one| one.ended_at_ms.is_none() && one.is_invited == 0) {
            let may = one.role.parse::<Role>().is_ok_and(|r| r.may(Permission::SendStatements));
            if may {
                let mail = mail(house, &practice, count);
                did |= staff_mail::send(house, &practice, &one.email, mail).await;
            }
        }
    }
    Ok(did)
}

fn mail(house: &House, practice: &Practice, count: i64) -> StaffMail {
    let set = Some(practice.settings.public_base.as_str()).filter(|base| !base.is_empty());
    let base = set.or(house.config.public_base.as_deref()).unwrap_or_default();
    StaffMail::ApprovalPending {
        count: u64::try_from(count).unwrap_or(0),
        link: format!("{}/staff/jobs", base.trim_end_matches('/')),
    }
}
