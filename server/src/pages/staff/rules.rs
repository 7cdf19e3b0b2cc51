//! `GET /staff/settings/rules…`: the rules about messages, as they bind this practice.

use std::collections::BTreeMap;

use actix_web::web;
use app::{
    components::Errors,
    pages::staff::{ChangeLine, Read, RuleLine, RulePage, Rules, Typed, change_words},
};
use domain::{
    clock::{DAY_MS, UnixMs},
    rulebook::{Rule, Rulebook},
    staff::Permission,
};
use jiff::tz::TimeZone;
use store::rule_override::{self, Review, Stored};

use super::settings::SECTION;
use crate::{
    failure::{Answer, Failure},
    house::House,
    naming::Names,
    session::Staff,
    workspace::{self, shown},
};

/// A quarter: whoever read a rule longer ago reads it again (S-C4).
const REVIEW_EVERY_MS: i64 = 90 * DAY_MS;
/// Changes of one rule shown on its page.
const HISTORY: i64 = 50;

/// The product's rules with what this practice changed and read.
pub struct Shelf {
    pub book: Rulebook,
    pub standing: BTreeMap<String, Stored>,
    reviews: BTreeMap<String, Review>,
    names: Names,
    now: UnixMs,
}

impl Shelf {
    pub async fn load(house: &House, staff: &Staff) -> Result<Self, Failure> {
        let practice = &staff.practice.id;
        let mut db = house.store.read().await?;
        let standing = rule_override::list(&mut db, practice).await?;
        let reviews = rule_override::list_reviews(&mut db, practice).await?;
        let labels = standing
            .iter()
            .map(|stored| stored.reviewed_by.as_str())
            .chain(reviews.values().map(|review| review.by.as_str()));
        let labels: Vec<String> = labels.map(str::to_owned).collect();
        let names = Names::of(&mut db, labels.iter().map(String::as_str)).await?;
        let changes: Vec<_> = standing.iter().map(|stored| stored.change.clone()).collect();
        Ok(Self {
            book: Rulebook::product().with(&changes),
            standing: standing.into_iter().map(|s| (s.change.rule.clone(), s)).collect(),
            reviews,
            names,
            now: house.world.now(),
        })
    }

    /// The newest of: a review here, a change here, the reviewer the product names.
    fn read(&self, rule: &Rule) -> Read {
        let review =
            self.reviews.get(&rule.id).map(|review| (review.at, self.names.get(&review.by)));
        let change = self
            .standing
            .get(&rule.id)
            .map(|stored| (stored.reviewed_at, self.names.get(&stored.reviewed_by)));
        let product = rule.reviewed_on.and_then(|on| {
            let at = on.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond();
            Some((UnixMs(at), rule.reviewed_by.clone()))
        });
        let newest = [review, change, product].into_iter().flatten().max_by_key(|(at, _)| *at);
        let is_due = newest.as_ref().is_none_or(|(at, _)| self.now.since(*at) > REVIEW_EVERY_MS);
        let (at, by) = newest.map_or((None, String::new()), |(at, by)| (Some(at), by));
        Read { at, by, is_due }
    }
}

pub async fn list(house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let shelf = Shelf::load(&house, &staff).await?;
    let product = Rulebook::product();
    let lines = shelf
        .book
        .rules()
        .iter()
        .map(|rule| {
            let examples = product.find(&rule.id).map(|own| product.run_vectors(own));
            let examples = examples.unwrap_or_default();
            RuleLine {
                rule: rule.clone(),
                is_changed: shelf.standing.contains_key(&rule.id),
                read: shelf.read(rule),
                examples: examples.len(),
                examples_held: examples.iter().filter(|example| example.result.is_ok()).count(),
            }
        })
        .collect();
    let version = shelf.book.version().to_owned();
    let page = Rules { zone: staff.practice.zone(), version, lines };
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

pub async fn get(house: web::Data<House>, staff: Staff, id: web::Path<String>) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let page = model(&house, &staff, &id, None).await?;
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

/// The page of one rule; with what was typed and refused, if anything was.
pub async fn model(
    house: &House,
    staff: &Staff,
    id: &str,
    refused: Option<(Typed, Errors)>,
) -> Result<RulePage, Failure> {
    let shelf = Shelf::load(house, staff).await?;
    let product = Rulebook::product();
    let rule = shelf.book.find(id).ok_or(Failure::NotFound)?;
    let own = product.find(id).ok_or(Failure::NotFound)?;
    let mut db = house.store.read().await?;
    let history = rule_override::list_by_rule(&mut db, &staff.practice.id, id, HISTORY).await?;
    let labels: Vec<String> = history.iter().map(|stored| stored.reviewed_by.clone()).collect();
    let names = Names::of(&mut db, labels.iter().map(String::as_str)).await?;
    let standing = shelf.standing.get(id);
    let (typed, errors) = refused.unwrap_or_else(|| (typed(standing), Errors::new()));
    Ok(RulePage {
        zone: staff.practice.zone(),
        rule: rule.clone(),
        product: own.clone(),
        read: shelf.read(rule),
        examples: product.run_vectors(own),
        seen: standing.map(|stored| stored.id.to_string()).unwrap_or_default(),
        changes: history
            .iter()
            .map(|stored| ChangeLine {
                at: stored.reviewed_at,
                by: names.get(&stored.reviewed_by),
                words: change_words(&stored.change),
                reason: stored.reason.clone(),
                replaced_at: stored.replaced_at,
            })
            .collect(),
        typed,
        errors,
    })
}

fn typed(standing: Option<&Stored>) -> Typed {
    let Some(stored) = standing else { return Typed::new() };
    let switch = stored.change.enabled.map_or("", |on| if on { "on" } else { "off" });
    stored
        .change
        .numbers
        .iter()
        .fold(Typed::new().put("enabled", switch), |typed, (name, value)| {
            typed.put(&format!("number_{name}"), value.to_string())
        })
}
