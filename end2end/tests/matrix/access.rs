//! Route by caller by whose thing. Every cell has an expectation; every wrong cell is listed.

use std::collections::BTreeMap;

use domain::staff::Role;
use reqwest::StatusCode;
use server::routes::{Access, Route, TABLE};
use store::scratch;

use crate::{
    callers::{Caller, Heard},
    forms::{Form, form_of, names_things},
    things::{Thing, Whose, fill, things_of},
    town::Town,
};

/// What a cell promises, besides what every cell does: nothing broken, and nobody's secrets told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promise {
    /// Answered; what it says is tested elsewhere.
    Answered,
    /// Served: not sent away, not refused.
    Served,
    /// Sent to this door.
    SignIn(&'static str),
    /// 403, and a row in the audit.
    Denied,
    /// The very answer that an id of nothing gets, which is no success.
    AsNothing,
    /// Nothing to see without a pass.
    NoPass,
    NoKey,
    /// A vendor's signature is missing.
    Unsigned,
}

/// Whether it belongs to somebody, so that asking for another's must lead nowhere.
fn is_owned(thing: Thing) -> bool {
    !matches!(thing, Thing::Word(_) | Thing::Slug | Thing::Secret)
}

/// Whose things a caller can name here, in the address or in the form.
fn whose_things(names_more: bool, things: &[Thing], caller: Caller) -> &'static [Whose] {
    match (things, caller) {
        ([], Caller::ForeignManager | Caller::ForeignKey) => &[Whose::Own],
        ([], _) if names_more => &[Whose::Own, Whose::Foreign],
        ([] | [Thing::Word(_)], _) => &[Whose::Own],
        ([Thing::Secret], _) => &[Whose::Nobodys],
        ([Thing::Slug], _) => &[Whose::Own, Whose::Nobodys],
        // To the other practice, ours are the foreign ones.
        (_, Caller::ForeignManager | Caller::ForeignKey) => &[Whose::Own],
        ([_], _) if !names_more => &[Whose::Own, Whose::Foreign],
        // Two in the address, or one there and one in the form.
        _ => &[Whose::Own, Whose::Foreign, Whose::Smuggled],
    }
}

fn promise(town: &Town, route: &Route, caller: Caller, whose: Whose) -> Promise {
    let things = things_of(route.path);
    let is_theirs = !matches!(caller, Caller::ForeignManager | Caller::ForeignKey);
    let names_more = names_things(town, route, caller);
    let names_one = names_more || things.iter().any(|thing| is_owned(*thing));
    let as_nothing = names_one && (whose != Whose::Own || !is_theirs);
    match route.access {
        Access::Anyone => Promise::Answered,
        Access::HalfWay => match half_way(route, caller) {
            Promise::Served if as_nothing => Promise::AsNothing,
            promise => promise,
        },
        Access::Vendor => Promise::Unsigned,
        Access::Demo => panic!("{}: the demo has a table of its own", route.path),
        Access::PayPass => match caller {
            Caller::LinkOwn | Caller::PatientOwn if !as_nothing => Promise::Answered,
            Caller::LinkOther | Caller::PatientOther if !names_one => Promise::Answered,
            Caller::LinkOwn | Caller::PatientOwn | Caller::LinkOther | Caller::PatientOther => {
                Promise::AsNothing
            }
            _ => Promise::NoPass,
        },
        Access::Patient => match caller {
            Caller::PatientOwn if !as_nothing => Promise::Served,
            Caller::PatientOther if !names_one => Promise::Served,
            Caller::PatientOwn | Caller::PatientOther => Promise::AsNothing,
            _ => Promise::SignIn("/sign-in"),
        },
        Access::Staff(permission) => match caller {
            Caller::Staff(role) if !role.may(permission) => Promise::Denied,
            Caller::Staff(_) | Caller::ForeignManager if as_nothing => Promise::AsNothing,
            // A draft is its maker's, here the manager's.
            Caller::Staff(role) if *things == [Thing::Draft] && role != Role::Manager => {
                Promise::AsNothing
            }
            Caller::Staff(_) | Caller::ForeignManager => Promise::Served,
            _ => Promise::SignIn("/staff/sign-in"),
        },
        Access::ApiKey => match caller {
            Caller::Key | Caller::ForeignKey if as_nothing => Promise::AsNothing,
            Caller::Key | Caller::ForeignKey => Promise::Served,
            _ => Promise::NoKey,
        },
    }
}

/// Each step half-way is its own traveller's; everybody else is sent to where it begins.
fn half_way(route: &Route, caller: Caller) -> Promise {
    let (traveller, door) = match route.path {
        "/code" => (Caller::HalfPatient, Some("/sign-in")),
        "/staff/sign-in/code" => (Caller::HalfStaff, Some("/staff/sign-in")),
        "/setup/account" => (Caller::FirstStart, None),
        other => panic!("{other}: say in access.rs whose step it is"),
    };
    match door {
        _ if caller == traveller => Promise::Served,
        Some(door) => Promise::SignIn(door),
        None => Promise::NoPass,
    }
}

struct Cell<'a> {
    town: &'a Town,
    route: &'a Route,
    caller: Caller,
    whose: Whose,
}

impl Cell<'_> {
    /// What is wrong with this cell, if anything.
    async fn fault(&self) -> Option<String> {
        let promise = promise(self.town, self.route, self.caller, self.whose);
        let (path, ids) = fill(self.town, self.route.path, self.whose);
        let visitor = self.town.visitor(self.caller).await;
        let form = self.form(self.whose);
        let ids = [ids, form.ids].concat();
        let audited = count_audit(self.town).await;
        let untouched = self.untouched(promise).await;
        let heard = self.town.ask(&visitor, self.route.method, &path, &form.fields).await;
        if heard.status.is_server_error() && self.route.path != "/readyz" {
            return Some(format!("broken: {}", heard.status));
        }
        let body = without_echo(&heard.body, &form.fields);
        let told = self.caller.must_not_see(self.town).into_iter().find(|canary| {
            body.contains(canary.as_str()) || heard.location.contains(canary.as_str())
        });
        if let Some(canary) = told {
            return Some(format!("told `{canary}`"));
        }
        if let Some(before) = untouched
            && let Some(table) = changed(&before, &self.untouched(promise).await?)
        {
            return Some(format!("changed somebody else's `{table}`"));
        }
        let status = heard.status;
        let is_kept = match promise {
            Promise::Answered => true,
            Promise::Served => is_served(&heard),
            Promise::SignIn(door) => {
                status == StatusCode::SEE_OTHER && heard.location.split('?').next() == Some(door)
            }
            Promise::Denied => {
                status == StatusCode::FORBIDDEN && count_audit(self.town).await == audited + 1
            }
            Promise::AsNothing => {
                let gone = match self.whose {
                    Whose::Smuggled => Whose::Missing,
                    _ => Whose::Nobodys,
                };
                let (path, nothing) = fill(self.town, self.route.path, gone);
                let again = self.town.visitor(self.caller).await;
                let form = self.form(gone);
                let nothing = [nothing, form.ids].concat();
                let other = self.town.ask(&again, self.route.method, &path, &form.fields).await;
                let (here, there) =
                    (heard.without(&visitor, &ids), other.without(&again, &nothing));
                if here != there {
                    return Some(format!("{here:?}\n    but an id of nothing gets {there:?}"));
                }
                status.is_client_error()
                    || is_page_form(self.route)
                    || (status == StatusCode::SEE_OTHER && self.route.method == "post")
            }
            Promise::NoPass => !status.is_success() || is_page_form(self.route),
            Promise::NoKey => status == StatusCode::UNAUTHORIZED,
            Promise::Unsigned => {
                matches!(status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND)
            }
        };
        (!is_kept).then(|| format!("{promise:?}, but {status} {}", heard.location))
    }
}

impl Cell<'_> {
    fn form(&self, whose: Whose) -> Form {
        if self.route.method == "post" {
            form_of(self.town, self.route, self.caller, whose)
        } else {
            Form::default()
        }
    }

    /// The rows that this cell may not change: those of others, and of a refused caller's own
    /// practice too. What anybody may ask for (a new link, a reset) is not a change of another's.
    async fn untouched(&self, promise: Promise) -> Option<BTreeMap<String, Vec<String>>> {
        if self.route.method != "post" || self.route.access == Access::Anyone {
            return None;
        }
        let mut whose = self.caller.must_not_touch(self.town);
        match promise {
            // A thing of one's own, with another's name in the form: nothing happens to the other.
            Promise::AsNothing
                if self.whose == Whose::Smuggled && things_of(self.route.path).len() == 1 => {}
            Promise::Denied | Promise::AsNothing | Promise::NoKey | Promise::Unsigned => {
                whose.push(self.town.alder.practice.to_string());
            }
            // The traveller proves a contact of his own.
            Promise::Served if self.route.access == Access::HalfWay => return None,
            _ => {}
        }
        let mut kept = BTreeMap::new();
        for (table, lines) in self.town.contents().await {
            if !LOGS.contains(&table.as_str()) {
                let its = lines.lines().filter(|line| whose.iter().any(|id| line.contains(id)));
                let its = its.map(|line| lasting(&table, line)).collect();
                kept.insert(table, its);
            }
        }
        Some(kept)
    }
}

/// What of a row no background work changes: an earlier, rightful request may have left a forecast to be
/// worked out, whose id and practice stand first and stay.
fn lasting(table: &str, line: &str) -> String {
    match table {
        "forecast" => line.split(['|', ',']).take(2).collect::<Vec<_>>().join("|"),
        _ => line.to_owned(),
    }
}

/// The page without what its caller typed, where that stands in the very field it was typed into.
fn without_echo(page: &str, typed: &[(String, String)]) -> String {
    let mut parts = page.split("<input");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (tag, rest) = part.split_once('>').unwrap_or((part, ""));
        let echo = typed.iter().find_map(|(name, value)| {
            let value = format!(" value=\"{value}\"");
            let is_echo = tag.contains(&format!(" name=\"{name}\"")) && tag.contains(&value);
            is_echo.then_some(value)
        });
        let tag = echo.map_or_else(|| tag.to_owned(), |echo| tag.replace(&echo, ""));
        plain.push_str(&format!("<input{tag}>{rest}"));
    }
    plain
}

/// What is written about a refused request: who came, how often, and when.
const LOGS: [&str; 7] =
    ["api_key", "audit", "lease", "link_access", "one_time_code", "session", "try_count"];

fn changed(
    before: &BTreeMap<String, Vec<String>>,
    after: &BTreeMap<String, Vec<String>>,
) -> Option<String> {
    before.iter().find(|(table, rows)| after.get(*table) != Some(rows)).map(|(t, _)| t.clone())
}

/// The card form's two routes speak JSON: they answer 200 with where to go.
fn is_page_form(route: &Route) -> bool {
    matches!(route.path, "/pay/intent" | "/pay/declined")
}

fn is_served(heard: &Heard) -> bool {
    let is_sent_away = ["/sign-in", "/staff/sign-in"].iter().any(|door| {
        heard.status == StatusCode::SEE_OTHER
            && heard.location.starts_with(&format!("{door}?return_to="))
    });
    let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
    !is_sent_away && !refused.contains(&heard.status)
}

async fn count_audit(town: &Town) -> i64 {
    scratch::count(&town.house.store, "audit").await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_gets_at_every_route_what_is_theirs_and_nothing_else() {
    for mut town in Town::build_each().await {
        town.pay_some().await;
        let faults = faults_of(&town).await;
        town.stop().await;
        assert!(faults.is_empty(), "{} cells:\n{}", faults.len(), faults.join("\n"));
    }
}

async fn faults_of(town: &Town) -> Vec<String> {
    let mut faults = Vec::new();
    // What reads first: what a form does afterwards spoils nothing.
    let (posts, reads): (Vec<&Route>, Vec<&Route>) =
        TABLE.iter().partition(|route| route.method == "post");
    for route in reads.into_iter().chain(posts) {
        for caller in Caller::ALL {
            let names_more = names_things(town, route, caller);
            for &whose in whose_things(names_more, &things_of(route.path), caller) {
                let cell = Cell { town, route, caller, whose };
                if let Some(fault) = cell.fault().await {
                    let Route { method, path, .. } = route;
                    faults.push(format!("{method} {path}, {caller:?}, {whose:?}: {fault}"));
                }
            }
        }
    }
    faults
}

#[tokio::test]
async fn a_receipt_opens_for_its_own_account_alone() {
    let mut town = Town::build().await;
    town.pay_some().await;
    let path = format!("/receipt/{}", town.alder.accounts[0].attempt.as_ref().unwrap());
    for caller in Caller::ALL {
        let visitor = town.visitor(caller).await;
        let heard = town.get(&visitor, &path).await;
        let expected = match caller {
            Caller::LinkOwn | Caller::PatientOwn => StatusCode::OK,
            _ => StatusCode::NOT_FOUND,
        };
        assert_eq!(heard.status, expected, "{caller:?}");
    }
    town.stop().await;
}

#[tokio::test]
async fn a_removed_person_is_sent_to_the_door_at_the_next_click() {
    let town = Town::build().await;
    let visitor = town.visitor(Caller::Staff(Role::Biller)).await;
    assert_eq!(town.get(&visitor, "/staff").await.status, StatusCode::OK);
    let (practice, id) = (town.alder.practice.clone(), town.alder.staff["biller"].clone());
    let now = town.house.world.now();
    let ended = town.house.store.write(move |db| {
        let (practice, id) = (practice.clone(), id.clone());
        Box::pin(async move { store::staff::mark_membership_ended(db, &id, &practice, now).await })
    });
    assert!(ended.await.unwrap());
    let heard = town.get(&visitor, "/staff").await;
    assert_eq!(heard.status, StatusCode::SEE_OTHER);
    assert!(heard.location.starts_with("/staff/sign-in"), "{}", heard.location);
    town.stop().await;
}
