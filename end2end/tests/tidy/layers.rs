//! Who may name what. Crates make most of the one-way dependencies law; these are the rest.

use crate::{
    expect_none,
    source::{Finding, Source, files_under, product, read, rust},
};

/// Every crate of the product, and the folder of its source.
const CRATES: [(&str, &str); 10] = [
    ("app", "app/src"),
    ("domain", "server/domain/src"),
    ("store", "server/store/src"),
    ("engine", "server/engine/src"),
    ("payments", "server/payments/src"),
    ("connect", "server/connect/src"),
    ("connect-stripe", "server/connect/stripe/src"),
    ("sandbox", "server/sandbox/src"),
    ("simulation", "server/simulation/src"),
    ("server", "server/src"),
];

/// Vendors by the name their adapters carry. The engine speaks of channels, never of them.
const VENDORS: [&str; 20] = [
    "twilio",
    "stripe",
    "lettre",
    "sendgrid",
    "mailgun",
    "postmark",
    "plivo",
    "telnyx",
    "callfire",
    "interfax",
    "hubspot",
    "kareo",
    "athena",
    "tebra",
    "quickbooks",
    "docusign",
    "zapier",
    "zendesk",
    "freshdesk",
    "synthea",
];

fn outside<'a>(allowed: &'a [&'a str]) -> impl Iterator<Item = Source> + 'a {
    CRATES
        .into_iter()
        .filter(|(name, _)| !allowed.contains(name))
        .flat_map(|(_, folder)| product(folder))
}

fn naming(sources: impl Iterator<Item = Source>, words: &[&str], why: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for word in words {
            for at in source.mentions(word) {
                findings.push(source.finding(at, format!("`{word}`: {why}")));
            }
        }
    }
    findings
}

#[test]
fn every_crate_of_the_product_is_known_to_these_rules() {
    let known: Vec<String> = CRATES.iter().map(|(_, folder)| format!("{folder}/")).collect();
    let strangers: Vec<String> = files_under("server")
        .into_iter()
        .chain(files_under("app"))
        .filter(|f| f.ends_with(".rs") && f.contains("/src/"))
        .filter(|f| !known.iter().any(|folder| f.starts_with(folder)))
        .collect();
    assert!(strangers.is_empty(), "in no known crate: {strangers:?}");
}

#[test]
fn the_domain_knows_no_time_no_chance_and_no_io() {
    let words = [
        "std::time",
        "SystemTime",
        "Instant",
        "tokio",
        "futures_util",
        "std::fs",
        "std::net",
        "std::io",
        "std::env",
        "std::process",
        "std::thread",
        "async",
        ".await",
        "getrandom",
        "rand",
        "rand_chacha",
        "sqlx",
        "reqwest",
        "tracing",
    ];
    expect_none(&naming(
        product("server/domain/src").into_iter(),
        &words,
        "the domain takes time and chance as parameters and cannot fail on IO",
    ));
}

#[test]
fn pages_and_messages_never_wait() {
    let words =
        [".await", "async", "tokio", "futures_util", "Resource", "leptos_router", "server_fn"];
    expect_none(&naming(product("app/src").into_iter(), &words, "app never awaits, never queries"));
}

#[test]
fn only_the_store_names_the_database() {
    expect_none(&naming(outside(&["store"]), &["sqlx", "rusqlite", "postgres"], "only store may"));
}

#[test]
fn only_the_store_contains_sql() {
    let mut findings = Vec::new();
    for source in outside(&["store"]) {
        for literal in &source.literals {
            if !source.in_test(literal.offset) && super::queries::is_sql(&literal.text) {
                findings.push(source.finding(literal.offset, "SQL outside store"));
            }
        }
    }
    expect_none(&findings);
}

#[test]
fn only_server_and_sandbox_serve_http() {
    let words = ["actix_web", "actix_multipart", "actix_http", "actix_rt", "hyper", "axum"];
    expect_none(&naming(
        outside(&["server", "sandbox"]),
        &words,
        "only server and sandbox serve HTTP",
    ));
}

#[test]
fn only_connect_speaks_to_vendors() {
    let words = ["reqwest", "lettre", "stripe", "stripe_core", "stripe_checkout", "stripe_shared"];
    let allowed = ["connect", "connect-stripe"];
    let in_code = |source: Source| -> Vec<Finding> {
        words
            .iter()
            .flat_map(|word| source.mentions(word).into_iter().map(move |at| (word, at)))
            // `stripe` is a vendor's crate only where a path starts with it.
            .filter(|&(word, at)| {
                !word.starts_with("stripe") || is_crate_path(&source.code, at, word)
            })
            .filter(|(word, _)| {
                // The sandbox has a client of its own, and a module named after whom it plays.
                !(source.file.starts_with("server/sandbox/")
                    && matches!(**word, "reqwest" | "stripe"))
            })
            .map(|(word, at)| {
                source.finding(at, format!("`{word}`: only connect speaks to vendors"))
            })
            .collect()
    };
    expect_none(&outside(&allowed).flat_map(in_code).collect::<Vec<_>>());
}

/// `stripe::…` at the start of a path, so neither `webhooks::stripe::` nor a module's own name.
fn is_crate_path(code: &str, at: usize, word: &str) -> bool {
    let starts = !code[..at].trim_end().ends_with("::") || code[..at].ends_with(" ::");
    let used = code[..at].trim_end().ends_with("use");
    starts && used && code[at + word.len()..].starts_with("::")
}

#[test]
fn the_engine_names_no_vendor() {
    let mut findings = Vec::new();
    for source in product("server/engine/src") {
        let code = source.code.to_lowercase();
        let in_texts = source.literals.iter().map(|l| (l.offset, l.text.to_lowercase()));
        for (start, text) in [(0, code)].into_iter().chain(in_texts) {
            for vendor in VENDORS {
                for (at, _) in text.match_indices(vendor) {
                    if !source.in_test(start + at) {
                        findings.push(source.finding(start, format!("`{vendor}` in the engine")));
                    }
                }
            }
        }
    }
    expect_none(&findings);
}

#[test]
fn pages_are_turned_into_html_at_one_place() {
    let all = CRATES.into_iter().flat_map(|(_, folder)| product(folder));
    let found = naming(all, &[".to_html()"], "only app/src/document.rs renders");
    let (here, elsewhere): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|f| f.file == "app/src/document.rs");
    assert!(!here.is_empty(), "nobody renders a page");
    expect_none(&elsewhere);
}

#[test]
fn no_page_carries_inline_style_or_script() {
    let mut findings = Vec::new();
    for source in product("app/src") {
        for word in
            ["style=", "onclick=", "onsubmit=", "onchange=", "on:click", "on:submit", "style:"]
        {
            for at in source.mentions(word) {
                // `let style = …` has a space; a module path is no attribute.
                if !source.code[at..].starts_with("style::") {
                    findings.push(
                        source.finding(at, format!("`{word}`: the content policy refuses it")),
                    );
                }
            }
        }
    }
    expect_none(&findings);
}

#[test]
fn the_environment_is_read_in_one_module() {
    let mut findings = Vec::new();
    for (_, folder) in CRATES {
        for source in product(folder) {
            // Test support asks where the throw-away PostgreSQL is.
            let exempt = source.file == "server/store/src/scratch.rs";
            if exempt || source.file.starts_with("server/src/config") {
                continue;
            }
            for at in source.mentions("env::var") {
                findings
                    .push(source.finding(at, "configuration is read in server/src/config alone"));
            }
            for at in source.mentions("env::var_os") {
                findings
                    .push(source.finding(at, "configuration is read in server/src/config alone"));
            }
        }
    }
    expect_none(&findings);
}

#[test]
fn pages_never_open_a_transaction() {
    let words = ["begin", "Transaction", "transaction", "commit"];
    expect_none(&naming(
        product("server/src/pages").into_iter(),
        &words,
        "a page reads one model; actions and jobs write",
    ));
}

/// The permit proves that the gate was asked; whoever could build one could send without asking.
#[test]
fn only_the_gate_makes_a_send_permit() {
    let mut makers = Vec::new();
    for (_, folder) in CRATES {
        for source in product(folder) {
            for at in source.mentions("SendPermit {") {
                let before = source.code[..at].trim_end();
                let is_declaration =
                    ["struct", "impl", "for", "->"].iter().any(|w| before.ends_with(w))
                        || before.ends_with('>');
                if !is_declaration {
                    makers.push(source.finding(at, "makes a SendPermit"));
                }
            }
        }
    }
    let mut files: Vec<&str> = makers.iter().map(|m| m.file.as_str()).collect();
    files.dedup();
    assert!(files.len() <= 1, "more than one module makes a SendPermit: {files:?}");
}

#[test]
fn no_test_sleeps() {
    let mut findings = Vec::new();
    for folder in ["app", "server", "end2end"] {
        for source in rust(folder) {
            let whole_file_is_test =
                source.file.contains("/tests/") || source.file.starts_with("end2end/");
            for word in ["time::sleep", "thread::sleep", "sleep_until"] {
                for at in super::source::positions(&source.code, word) {
                    if whole_file_is_test || source.in_test(at) {
                        findings
                            .push(source.finding(at, "move the clock, or wait for the condition"));
                    }
                }
            }
        }
    }
    expect_none(&findings);
}

#[test]
fn no_test_is_switched_off() {
    let mut findings = Vec::new();
    for folder in ["app", "server", "end2end"] {
        for source in rust(folder) {
            for at in super::source::positions(&source.code, "#[ignore") {
                findings.push(source.finding(at, "a test that does not run proves nothing"));
            }
        }
    }
    expect_none(&findings);
}

#[test]
fn every_module_says_what_it_is_for() {
    let mut findings = Vec::new();
    for (_, folder) in CRATES {
        for source in product(folder) {
            let text = read(&source.file);
            let documented = text.lines().find(|l| !l.trim().is_empty()).is_some_and(|l| {
                l.starts_with("//!") || l.starts_with("#![") && text.contains("\n//!")
            });
            if !documented {
                findings.push(source.finding(0, "opens with no `//!`"));
            }
        }
    }
    expect_none(&findings);
}
