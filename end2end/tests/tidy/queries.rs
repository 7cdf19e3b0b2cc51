//! Whose rows a query touches. A query that takes an object's id without its owner is how most leaks
//! of patient portals began, so each text that touches a table of a practice must name `practice_id`.

use std::collections::BTreeSet;

use crate::{
    expect_none,
    source::{Finding, Source, files_under, product, read},
};

/// Queries over all practices: `(file, item, reason)`. Short by intent; each is work of the server
/// itself, never of a person who asks for something.
const OVER_ALL_PRACTICES: &[(&str, &str, &str)] = &[
    (
        "attempt.rs",
        "find_oldest_unknown::FIND",
        "an age for the Health page, of no one in particular",
    ),
    ("access_code.rs", "delete_old::DELETE", "housekeeping of codes that no longer work, by age"),
    ("attempt.rs", "find_next_due::FIND", "when the next look of anyone is due, nothing else"),
    ("audit.rs", "load_head::HEAD", "the audit chain is one for the whole server"),
    ("audit.rs", "chain_next::MARK", "the notary chains rows of every practice, in order"),
    ("consent.rs", "chain_next::NEXT", "the notary chains rows of every practice, in order"),
    ("consent.rs", "verify_chains::PAGE", "whoever runs the server checks the chains of all"),
    ("code.rs", "delete_old::DELETE", "housekeeping of codes that no longer work, by age"),
    ("link.rs", "mark_expired::MARK", "housekeeping of links that no longer work, by age"),
    ("mail_token.rs", "delete_old::DELETE", "housekeeping of links that no longer work, by age"),
    ("message/queue.rs", "count_in_hand::COUNT", "the simulation counts what is in hand"),
    ("rekey.rs", "count_old_verifiers::COUNT", "a number for whoever changes the server's key"),
    ("rekey.rs", "count_staged::COUNT", "whether any import is under way while the key changes"),
    ("scratch.rs", "find_claim_status::FIND", "throw-away databases of tests hold one practice"),
    ("session.rs", "delete_old::DELETE", "housekeeping of sessions that are over, by age"),
    ("session.rs", "mark_all_ended::MARK", "a person's sessions end wherever they work"),
    ("webhook.rs", "find_oldest_open::FIND", "an age for the Health page, of no one in particular"),
];

/// Conditions that name an owner as well as `practice_id` does: the hash of a token of 256 bits is
/// the capability itself, and nobody has another's.
const CAPABILITIES: [&str; 1] = ["token_hash = $1"];

/// Columns that end an order as well as an id does, because they are unique.
const UNIQUE: [&str; 4] = ["chain_no", "seq", "rank", "window_at_ms"];

/// The words that begin a statement.
const VERBS: [&str; 5] = ["select", "insert", "update", "delete", "with"];

/// Words after which a table stands.
const BEFORE_TABLES: [&str; 5] = ["from", "join", "into", "update", "table"];

/// A text that is a statement: it starts with a verb and goes on as SQL does.
pub fn is_sql(text: &str) -> bool {
    let lower = text.trim_start().to_lowercase();
    let starts =
        |verb: &str| lower.strip_prefix(verb).is_some_and(|r| r.starts_with([' ', '\n', '\t']));
    match VERBS.iter().find(|verb| starts(verb)) {
        Some(&"select") => words(&lower).any(|w| w == "from") && !lower.ends_with('.'),
        Some(&"insert") => lower.contains("into "),
        Some(&"update") => words(&lower).any(|w| w == "set"),
        Some(&"delete") => lower.contains("from "),
        Some(_) => lower.contains(" as (") || lower.contains(" as materialized ("),
        None => false,
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|w| !w.is_empty())
}

/// The tables a statement reads or writes.
fn tables(sql: &str) -> BTreeSet<String> {
    let lower = sql.to_lowercase();
    let all: Vec<&str> = words(&lower).collect();
    all.windows(2)
        .filter(|pair| BEFORE_TABLES.contains(&pair[0]))
        .map(|pair| pair[1].to_owned())
        .collect()
}

/// Tables that have a `practice_id`, from the migrations.
fn practice_tables() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in files_under("migrations").iter().filter(|f| f.ends_with(".sql")) {
        let text = read(file).to_lowercase();
        let text: String = text
            .lines()
            .filter(|l| !l.trim_start().starts_with("--"))
            .collect::<Vec<_>>()
            .join("\n");
        for statement in text.split(';') {
            let Some((_, definition)) = statement.split_once("create table ") else { continue };
            let definition = definition.trim_start().trim_start_matches("if not exists ");
            let name = words(definition).next().unwrap_or_default().to_owned();
            if words(definition).any(|w| w == "practice_id") {
                found.insert(name);
            }
        }
    }
    found
}

fn store() -> Vec<Source> {
    product("server/store/src")
}

#[test]
fn every_query_on_a_practices_rows_says_whose_they_are() {
    let tenant = practice_tables();
    let mut findings = Vec::new();
    for source in store() {
        for literal in &source.literals {
            if source.in_test(literal.offset) || !is_sql(&literal.text) {
                continue;
            }
            let touched: Vec<String> =
                tables(&literal.text).into_iter().filter(|t| tenant.contains(t)).collect();
            let names_owner = words(&literal.text.to_lowercase()).any(|w| w == "practice_id")
                || CAPABILITIES.iter().any(|c| literal.text.contains(c));
            let item = source.item_at(literal.offset);
            let file = source.file.trim_start_matches("server/store/src/");
            let allowed = OVER_ALL_PRACTICES.iter().any(|&(f, i, _)| f == file && i == item);
            if !touched.is_empty() && !names_owner && !allowed {
                let why = format!("{item}: no practice_id on {}", touched.join(", "));
                findings.push(source.finding(literal.offset, why));
            }
        }
    }
    expect_none(&findings);
}

#[test]
fn the_list_of_exceptions_holds_nothing_that_is_gone() {
    let sources = store();
    for &(file, item, reason) in OVER_ALL_PRACTICES {
        let source = sources.iter().find(|s| s.file == format!("server/store/src/{file}"));
        let found = source.is_some_and(|s| {
            s.literals.iter().any(|l| is_sql(&l.text) && s.item_at(l.offset) == item)
        });
        assert!(found, "{file} {item} is no query any more");
        assert!(reason.len() > 15, "{file} {item} needs a reason");
    }
}

/// A statement put together at run time is where an injection begins.
#[test]
fn sql_is_constant() {
    let mut findings = Vec::new();
    for source in store() {
        for at in source.mentions("QueryBuilder") {
            findings.push(source.finding(at, "`QueryBuilder`: constant SQL only"));
        }
        // The backend builds a bulk statement once per row count; a migration is one dialect's part of
        // a file that is compiled in; a scratch database has a name of its own. None sees a value.
        let exempt = ["/migrate.rs", "/scratch.rs"].iter().any(|f| source.file.ends_with(f));
        if exempt || is_backend(&source.file) {
            continue;
        }
        for at in source.mentions("AssertSqlSafe") {
            findings.push(source.finding(at, "`AssertSqlSafe`: constant SQL only"));
        }
    }
    expect_none(&findings);
}

#[test]
fn the_dialects_stay_in_the_backend() {
    let dialect = [
        "pragma ",
        "begin immediate",
        "skip locked",
        "for update",
        "insert or ",
        "::text",
        "::bigint",
        "ilike",
        "rowid",
        "strftime",
        "now()",
        "current_timestamp",
        "to_tsvector",
    ];
    let mut findings = Vec::new();
    for source in store().into_iter().filter(|s| !is_backend(&s.file)) {
        for literal in &source.literals {
            let text = literal.text.to_lowercase();
            if source.in_test(literal.offset) || !(is_sql(&text) || text.starts_with("pragma ")) {
                continue;
            }
            for word in dialect.iter().filter(|w| text.contains(**w)) {
                findings.push(
                    source.finding(literal.offset, format!("`{word}` is one database's own")),
                );
            }
        }
    }
    expect_none(&findings);
}

fn is_backend(file: &str) -> bool {
    file.starts_with("server/store/src/backend")
}

/// A page of a list without a last tie-breaker shows a row twice and another never.
#[test]
fn every_order_ends_in_something_unique() {
    let mut findings: Vec<Finding> = Vec::new();
    for source in store() {
        for literal in
            source.literals.iter().filter(|l| !source.in_test(l.offset) && is_sql(&l.text))
        {
            let text = literal.text.to_lowercase();
            if !words(&text).any(|w| w == "limit") {
                continue;
            }
            let Some((_, order)) = text.rsplit_once("order by") else {
                findings.push(source.finding(literal.offset, "a limit without an order"));
                continue;
            };
            let order = order.split("limit").next().unwrap_or_default();
            let last = order.rsplit(',').next().unwrap_or_default();
            let is_unique =
                words(last).any(|w| w == "id" || w.ends_with("_id") || UNIQUE.contains(&w));
            if !is_unique {
                let why =
                    format!("{}: the order does not end in an id", source.item_at(literal.offset));
                findings.push(source.finding(literal.offset, why));
            }
        }
    }
    expect_none(&findings);
}

#[test]
fn a_sentence_is_not_taken_for_a_statement() {
    for sentence in
        ["Select the patients from the list.", "Update your settings", "With your help", "select"]
    {
        assert!(!is_sql(sentence), "{sentence}");
    }
    for sql in [
        "select id from claims",
        "update claims set a = $1",
        "with x as (select 1) select 1 from x",
    ] {
        assert!(is_sql(sql), "{sql}");
    }
    assert_eq!(
        tables("select 1 from a join b on b.x = a.x").into_iter().collect::<Vec<_>>(),
        ["a", "b"]
    );
}
