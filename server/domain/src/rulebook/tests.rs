//! The files themselves: every rule is named, sourced, shown by examples, and its examples hold.

use std::collections::BTreeSet;

use super::*;
use crate::{
    decide::{Class, RuleId},
    holds::HoldKind,
};

/// The turn of a sending number is the gate's, whose own tests tell it.
const WITHOUT_VECTORS: [&str; 1] = ["decision-31"];

#[test]
fn every_example_of_every_rule_holds() {
    let book = Rulebook::product();
    let mut ran = 0;
    let mut broken = Vec::new();
    for rule in book.rules() {
        for outcome in book.run_vectors(rule) {
            ran += 1;
            if let Err(instead) = outcome.result {
                broken.push(format!(
                    "{}: {}: {} but {instead}",
                    rule.id, outcome.says, outcome.expected
                ));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(ran > 120, "only {ran} examples");
}

#[test]
fn an_example_that_is_wrong_is_seen() {
    let book = Rulebook::product();
    let mut rule = book.find("M08.MA.freq").unwrap().clone();
    for (expect, sent) in [("send", vec!["-6d", "-1d"]), ("defer", vec!["-8d", "-1d"])] {
        rule.vectors = vec![Vector {
            state: Some("MA".into()),
            zip: Some("02115".into()),
            sent: sent.into_iter().map(str::to_owned).collect(),
            expect: expect.into(),
            ..Vector::default()
        }];
        assert!(book.run_vectors(&rule)[0].result.is_err(), "{expect}");
    }
}

#[test]
fn every_rule_with_a_say_in_the_decision_shows_examples() {
    for rule in Rulebook::product().rules() {
        let is_elsewhere = matches!(rule.kind, Kind::Elsewhere { .. });
        let expected = !is_elsewhere && !WITHOUT_VECTORS.contains(&rule.id.as_str());
        assert_eq!(!rule.vectors.is_empty(), expected, "{}", rule.id);
    }
}

#[test]
fn every_name_a_decision_can_carry_stands_in_the_book() {
    let book = Rulebook::product();
    for rule in RuleId::ALL {
        // Speak for whichever rules of the book bind, which the reason names beside them.
        let is_general =
            matches!(rule, RuleId::CapOnContact | RuleId::CapOnGuarantor | RuleId::ConsentByRule);
        assert!(is_general || book.entry(*rule).is_some(), "{rule}");
    }
    for kind in HoldKind::ALL {
        assert!(book.entry(RuleId::from(*kind)).is_some(), "{kind}");
    }
}

#[test]
fn every_rule_of_the_reference_is_in_the_book() {
    let book = Rulebook::product();
    let known: BTreeSet<&str> =
        book.rules().iter().map(|r| r.id.split('.').next().unwrap_or_default()).collect();
    // M26 is kept by the linter of templates; M29 and M37 speak of things the product does not do.
    let elsewhere = [26, 29, 37];
    for number in (1..=42).filter(|n| !elsewhere.contains(n)) {
        assert!(known.contains(format!("M{number:02}").as_str()), "M{number:02}");
    }
}

#[test]
fn caps_speak_only_of_messages_that_are_counted() {
    for rule in Rulebook::product().rules() {
        if matches!(rule.kind, Kind::FrequencyCap { .. }) {
            assert!(!rule.applies.class.is_empty(), "{}", rule.id);
            assert!(!rule.applies.channel.is_empty(), "{}", rule.id);
            for (class, channel) in rule
                .applies
                .class
                .iter()
                .flat_map(|c| rule.applies.channel.iter().map(move |h| (c, h)))
            {
                assert!(class.is_capped_on(*channel), "{}", rule.id);
            }
        }
    }
}

#[test]
fn only_policy_can_be_switched_off() {
    let free: Vec<String> = Rulebook::product()
        .rules()
        .iter()
        .filter(|rule| rule.freedom.may_disable || rule.freedom.may_loosen)
        .map(|rule| rule.id.clone())
        .collect();
    let expected = ["M33", "M12.freq", "M12.early", "M12.CT", "M12.TX", "M12.RI"];
    assert_eq!(free, expected);
}

#[test]
fn a_file_with_a_mistake_is_refused() {
    let sound = r#"
[[rule]]
id = "X1"
title = "One"
words = "One a day."
kind = "frequency_cap"
params = { max = 1, window = "P1D", per = "both" }
sources = ["policy"]
[rule.applies_when]
any_state = ["MA"]
channel = ["text"]
"#;
    assert_eq!(file::read(sound).unwrap().len(), 1);
    for (old, new) in [
        ("P1D", "P31D"),
        ("P1D", "a day"),
        ("max", "most"),
        ("frequency_cap", "frequency"),
        ("\"MA\"", "\"ZZ\""),
        ("\"MA\"", "\"ma\""),
        ("\"text\"", "\"smoke\""),
        ("any_state", "any_county"),
        ("sources = [\"policy\"]", "sources = []"),
        ("One a day.", " "),
    ] {
        assert!(file::read(&sound.replace(old, new)).is_err(), "{new}");
    }
}

#[test]
fn the_version_says_which_words_bind() {
    let book = Rulebook::product();
    assert!(book.version().starts_with("4."), "{}", book.version());
    assert_eq!(book.version().len(), 2 + HASH_CHARS);
    assert_eq!(book.with(&[]).version(), book.version());
}

#[test]
fn marketing_has_no_message_to_go_in() {
    assert!(Class::ALL.iter().all(|class| class.as_str() != "marketing"));
}
