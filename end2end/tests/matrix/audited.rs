//! Whoever looks at people, takes them away in a file, or is refused, is in the audit (R79).

use domain::staff::Role;
use server::routes::{Access, TABLE};
use store::{audit, scratch};

use crate::{
    callers::Caller,
    things::{Thing, Whose, fill, things_of},
    town::Town,
};

/// Pages that show no person, or only how far something has come, although their address names a thing.
const NOBODYS: [&str; 0] = [];

/// A page about a person or a payment, or a list of them to take away.
fn shows_people(path: &str) -> bool {
    let about = things_of(path).iter().any(|thing| {
        matches!(thing, Thing::Guarantor | Thing::Payment | Thing::Message | Thing::FollowUp)
    });
    (about || path.ends_with(".csv")) && !NOBODYS.contains(&path)
}

async fn rows(town: &Town) -> i64 {
    scratch::count(&town.house.store, "audit").await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_look_at_a_person_and_every_list_taken_away_is_in_the_audit() {
    let mut town = Town::build().await;
    town.pay_some().await;
    let (mut faults, mut asked) = (Vec::new(), 0);
    for route in TABLE.iter().filter(|route| route.method == "get" && shows_people(route.path)) {
        let caller = match route.access {
            Access::Staff(_) => Caller::Staff(Role::Manager),
            Access::ApiKey => Caller::Key,
            _ => continue,
        };
        let visitor = town.visitor(caller).await;
        let (path, _) = fill(&town, route.path, Whose::Own);
        let before = rows(&town).await;
        let heard = town.get(&visitor, &path).await;
        asked += 1;
        if heard.status.is_success() && rows(&town).await == before {
            faults.push(path);
        }
    }
    assert!(asked > 12, "{asked} pages show people");
    assert!(faults.is_empty(), "not in the audit:\n{}", faults.join("\n"));
    // All of it holds together, and says who it was.
    town.house
        .store
        .write(|db| Box::pin(async move { audit::chain_next(db).await }))
        .await
        .unwrap();
    let mut db = town.house.store.read().await.unwrap();
    let report = audit::verify_chain(&mut db, town.house.store.keys()).await.unwrap();
    assert!(report.broken_at.is_none() && report.rows > i64::from(asked));
    drop(db);
    town.stop().await;
}
