//! `POST /staff/settings/rules/…`: a manager changes a rule as far as it lets itself be changed, puts
//! the product's back, or writes down having read it. All of it is audited.

use actix_web::web;
use app::{
    components::Errors,
    pages::staff::{REASON_LONGEST, Typed},
};
use domain::{
    id::{RuleChangeId, RuleReviewId},
    rulebook::{Change, Refused, Rule, Rulebook},
    staff::Permission,
};
use store::rule_override::{self, New, Review};

use super::choose_language::see_other;
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::{rules, settings::SECTION},
    session::Staff,
    workspace::{self, refused},
};

const PATH: &str = "/staff/settings/rules";
const NUMBER: &str = "number_";

pub async fn post(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let product = Rulebook::product();
    let rule = product.find(&id).ok_or(Failure::NotFound)?;
    let change = match read(&posted, rule) {
        Ok(change) => change,
        Err(errors) => return refuse(&house, &staff, &id, &posted, errors).await,
    };
    let entry = staff
        .entry("rule_changed", "rule", rule.id.as_str())
        .with(app::pages::staff::change_words(&change));
    let (practice, world) = (staff.practice.id.clone(), house.world.clone());
    let (by, reason) = (staff.actor().label(), posted.text("reason").trim().to_owned());
    let seen = seen(&posted)?;
    let done = house.store.write(move |db| {
        let (practice, world, entry) = (practice.clone(), world.clone(), entry.clone());
        let (change, by, reason, seen) = (change.clone(), by.clone(), reason.clone(), seen.clone());
        Box::pin(async move {
            let id: RuleChangeId = world.mint();
            let new = New {
                id: &id,
                change: &change,
                reason: &reason,
                reviewed_by: &by,
                at: world.now(),
            };
            if !rule_override::insert(db, &practice, seen.as_ref(), &new).await? {
                return Ok(false);
            }
            store::audit::insert(db, &world, &entry).await?;
            Ok(true)
        })
    });
    if !done.await? {
        let meanwhile = "Somebody changed this rule after you opened the page. Load it again.";
        let errors = Errors::new().overall(meanwhile);
        return refuse(&house, &staff, &id, &posted, errors).await;
    }
    // What waited for the rule as it was may go.
    house.bell.notify_one();
    staff.visit.say("The rule was changed.");
    Ok(see_other(&format!("{PATH}/{id}")))
}

/// Back to the product's rule.
pub async fn restore(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let product = Rulebook::product();
    let rule = product.find(&id).ok_or(Failure::NotFound)?.id.clone();
    let seen = seen(&posted)?.ok_or(Failure::NotFound)?;
    let entry = staff.entry("rule_restored", "rule", rule.as_str());
    let (practice, world) = (staff.practice.id.clone(), house.world.clone());
    let by = staff.actor().label();
    let done = house.store.write(move |db| {
        let (practice, world, entry) = (practice.clone(), world.clone(), entry.clone());
        let (rule, by, seen) = (rule.clone(), by.clone(), seen.clone());
        Box::pin(async move {
            let now = world.now();
            if !rule_override::mark_replaced(db, &practice, &rule, &seen, &by, now).await? {
                return Ok(false);
            }
            store::audit::insert(db, &world, &entry).await?;
            Ok(true)
        })
    });
    if !done.await? {
        return Err(Failure::NotFound);
    }
    house.bell.notify_one();
    staff.visit.say("The product's rule binds again.");
    Ok(see_other(&format!("{PATH}/{id}")))
}

/// The rules named in the form were read just now.
pub async fn reviewed(house: web::Data<House>, staff: Staff, posted: Posted) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let shelf = rules::Shelf::load(&house, &staff).await?;
    let read: Vec<String> = shelf
        .book
        .rules()
        .iter()
        .filter(|rule| posted.all("rule").any(|id| id == rule.id))
        .map(|rule| rule.id.clone())
        .collect();
    if read.is_empty() {
        return Err(Failure::Malformed("Reload the page."));
    }
    let entry = staff.entry("rules_reviewed", "rule", shelf.book.version()).with(read.join(" "));
    let (practice, world) = (staff.practice.id.clone(), house.world.clone());
    let (by, ruleset) = (staff.actor().label(), shelf.book.version().to_owned());
    let done = house.store.write(move |db| {
        let (practice, world, entry) = (practice.clone(), world.clone(), entry.clone());
        let (read, by, ruleset) = (read.clone(), by.clone(), ruleset.clone());
        Box::pin(async move {
            let rules: Vec<(RuleReviewId, String)> =
                read.into_iter().map(|rule| (world.mint(), rule)).collect();
            let review = Review { ruleset, by, at: world.now() };
            rule_override::insert_reviews(db, &practice, &rules, &review).await?;
            store::audit::insert(db, &world, &entry).await
        })
    });
    done.await?;
    staff.visit.say("The review was written down.");
    let back = Some(posted.text("back")).filter(|id| shelf.book.find(id).is_some());
    Ok(see_other(&back.map_or_else(|| PATH.to_owned(), |id| format!("{PATH}/{id}"))))
}

async fn refuse(house: &House, staff: &Staff, id: &str, posted: &Posted, errors: Errors) -> Answer {
    let typed = posted
        .with_prefix("")
        .filter(|(name, _)| !matches!(*name, "csrf" | "seen"))
        .fold(Typed::new(), |typed, (name, value)| typed.put(name, value));
    let page = rules::model(house, staff, id, Some((typed, errors))).await?;
    Ok(refused(page.html(&workspace::shell(house, staff, SECTION))))
}

/// The change that stood when the form was made.
fn seen(posted: &Posted) -> Result<Option<RuleChangeId>, Failure> {
    match posted.text("seen") {
        "" => Ok(None),
        id => id.parse().map(Some).map_err(|_| Failure::Malformed("Reload the page.")),
    }
}

/// What was typed as a change of this rule, or what is wrong with it.
fn read(posted: &Posted, rule: &Rule) -> Result<Change, Errors> {
    let mut errors = Errors::new();
    let mut change = Change { rule: rule.id.clone(), ..Change::default() };
    change.enabled = match posted.text("enabled") {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    };
    for (name, usual) in rule.kind.numbers() {
        let field = format!("{NUMBER}{name}");
        let typed = posted.text(&field).trim();
        match typed.parse::<u16>() {
            _ if typed.is_empty() => {}
            Ok(number) if number == usual => {}
            Ok(number) => {
                change.numbers.insert(name.to_owned(), number);
            }
            Err(_) => errors = errors.on(field, "Enter a whole number."),
        }
    }
    let reason = posted.text("reason").trim();
    if reason.is_empty() {
        errors = errors.on("reason", "Say why: whoever reads this later wants to know.");
    } else if reason.chars().count() > REASON_LONGEST {
        errors = errors.on("reason", format!("At most {REASON_LONGEST} characters."));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    match change.apply(rule) {
        Ok(_) => Ok(change),
        Err(refused) => Err(refusal(&refused)),
    }
}

fn refusal(refused: &Refused) -> Errors {
    let sentence = match refused {
        Refused::MayNotDisable => "This rule cannot be switched off.",
        Refused::NoSuchNumber { .. } => "This number cannot be changed.",
        Refused::OutOfRange { .. } => "The rule cannot have this number.",
        Refused::Laxer { .. } => "That is laxer than the rule allows: it can only be stricter.",
        Refused::NothingChanged => "Nothing differs from the product's rule.",
    };
    match (refused.number(), refused) {
        (Some(number), _) => Errors::new().on(format!("{NUMBER}{number}"), sentence),
        (None, Refused::MayNotDisable) => Errors::new().on("enabled", sentence),
        (None, _) => Errors::new().overall(sentence),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(rule: &str, fields: &[(&str, &str)]) -> Result<Change, Errors> {
        let product = Rulebook::product();
        read(&Posted::of(fields), product.find(rule).expect("a rule of the book"))
    }

    #[test]
    fn a_change_needs_a_reason_and_must_be_stricter() {
        let ok = typed("M15.week", &[("number_max", "1"), ("reason", "We write less")]);
        assert_eq!(ok.expect("stricter").numbers.get("max"), Some(&1));
        let laxer = typed("M15.week", &[("number_max", "3"), ("reason", "More money")]);
        assert!(laxer.expect_err("laxer").of("number_max").is_some());
        let silent = typed("M15.week", &[("number_max", "1")]);
        assert!(silent.expect_err("no reason").of("reason").is_some());
        let words = typed("M15.week", &[("number_max", "one"), ("reason", "x")]);
        assert!(words.expect_err("no number").of("number_max").is_some());
        let off = typed("M01", &[("enabled", "off"), ("reason", "We know them")]);
        assert!(off.expect_err("the law").of("enabled").is_some());
        let same = typed("M15.week", &[("number_max", "2"), ("reason", "x")]);
        assert!(!same.expect_err("nothing").is_empty());
    }
}
