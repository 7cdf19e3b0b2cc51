//! What holds for every patient page, and for the parts of the workspace.

mod gallery;

use std::collections::HashSet;

use app::{assets, words::Lang};

fn every_page() -> Vec<(String, String)> {
    Lang::ALL
        .into_iter()
        .flat_map(|lang| {
            gallery::all(lang, "")
                .into_iter()
                .map(move |(name, html)| (format!("{name} ({})", lang.code()), html))
        })
        .chain([("workspace".to_owned(), gallery::workspace::sample(""))])
        .collect()
}

/// Each tag of a page as its source text: `input type="text" name="amount"`.
fn tags(html: &str) -> Vec<&str> {
    html.split('<').skip(1).filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag)).collect()
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let rest = tag.split_once(&format!(" {name}=\""))?.1;
    rest.split_once('"').map(|(value, _)| value)
}

#[test]
fn a_strict_content_policy_can_serve_every_page() {
    for (name, html) in every_page() {
        for tag in tags(&html) {
            assert!(attribute(tag, "style").is_none(), "{name}: {tag}");
            for event in ["onclick", "onload", "onerror", "onsubmit", "onchange", "onfocus"] {
                assert!(attribute(tag, event).is_none(), "{name}: {tag}");
            }
            if tag.starts_with("script") {
                assert!(attribute(tag, "src").is_some(), "{name}: {tag}");
            }
        }
        assert!(!html.contains("<style") && !html.contains("javascript:"), "{name}");
    }
}

#[test]
fn only_make_a_payment_carries_a_script() {
    for (name, html) in every_page() {
        let has_script = html.contains("<script");
        if name == "workspace" {
            continue;
        }
        let may = name.starts_with("make_payment") && !name.starts_with("make_payment_on_stripe");
        assert_eq!(has_script, may, "{name}");
    }
}

#[test]
fn no_marker_of_the_renderer_is_left() {
    for (name, html) in every_page() {
        assert!(!html.contains("<!>") && !html.contains("<!--"), "{name}");
        assert_eq!(html.matches("<!").count(), 1, "{name}");
    }
}

#[test]
fn a_screen_reader_finds_one_heading_and_every_label() {
    for (name, html) in every_page() {
        assert_eq!(html.matches("<h1").count(), 1, "{name}");
        let tags = tags(&html);
        let ids: Vec<&str> = tags.iter().filter_map(|tag| attribute(tag, "id")).collect();
        let unique: HashSet<&&str> = ids.iter().collect();
        assert_eq!(ids.len(), unique.len(), "{name}: an id stands twice: {ids:?}");
        for tag in &tags {
            for reference in ["for", "aria-labelledby", "aria-describedby"] {
                for id in attribute(tag, reference).unwrap_or_default().split_whitespace() {
                    assert!(unique.contains(&id), "{name}: {tag} points at nothing");
                }
            }
            if let Some(target) = attribute(tag, "href").and_then(|href| href.strip_prefix('#')) {
                assert!(unique.contains(&target), "{name}: #{target} leads nowhere");
            }
            let is_field = tag.starts_with("input") && attribute(tag, "type") != Some("hidden");
            if is_field || tag.starts_with("textarea") || tag.starts_with("select") {
                let id = attribute(tag, "id").unwrap_or_default();
                let is_labelled = html.contains(&format!("for=\"{id}\""));
                let is_named = attribute(tag, "aria-label").is_some();
                assert!(is_labelled || is_named, "{name}: {tag} has no label");
            }
        }
    }
}

#[test]
fn every_form_that_changes_something_carries_the_token() {
    for (name, html) in every_page() {
        for form in html.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap_or_default();
            if form.starts_with(" method=\"get\"") {
                continue;
            }
            assert!(form.contains("name=\"csrf\" value=\"csrf-token\""), "{name}");
        }
    }
}

#[test]
fn a_page_and_its_style_stay_under_thirty_kilobytes() {
    let style = assets::all().iter().find(|asset| asset.name == "patient.css").unwrap();
    for (name, html) in every_page().into_iter().filter(|(name, _)| name != "workspace") {
        let total = html.len() + style.bytes.len();
        assert!(total < 30_000, "{name}: {total}");
    }
}

#[test]
fn the_card_script_stays_small() {
    let script = assets::all().iter().find(|asset| asset.name == "card.js").unwrap();
    assert!(script.bytes.len() < 6 * 1024, "{}", script.bytes.len());
}

#[test]
fn a_refused_form_says_so_in_its_title() {
    for (name, html) in every_page() {
        let is_refused = html.contains("id=\"errors\"");
        if is_refused {
            assert!(html.contains("<title>Error: "), "{name}");
        }
    }
}

#[test]
fn titles_name_no_person() {
    for (name, html) in every_page() {
        let title = html.split_once("<title>").unwrap().1.split_once("</title>").unwrap().0;
        assert!(!title.contains("Lopez") && !title.contains('$'), "{name}: {title}");
    }
}

#[test]
fn nobody_gets_back_a_password_a_code_or_an_ssn() {
    for (name, html) in every_page() {
        for tag in tags(&html) {
            let is_secret = attribute(tag, "type") == Some("password")
                || matches!(attribute(tag, "name"), Some("ssn4"));
            if is_secret {
                assert!(attribute(tag, "value").is_none(), "{name}: {tag}");
            }
        }
    }
}

#[test]
fn whatever_a_practice_system_sends_stays_text() {
    let corpus = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "'\"><svg/onload=alert(1)>",
        "</textarea><script>alert(1)</script>",
        "</title><script>alert(1)</script>",
        "<!><b>",
        "--><script>alert(1)</script><!--",
        "javascript:alert(1)",
        "{{constructor.constructor('alert(1)')()}}",
        "\u{202e}<iframe src=//evil.example>",
    ];
    for lang in Lang::ALL {
        for payload in corpus {
            let clean = gallery::all(lang, "");
            let dirty = gallery::all(lang, payload);
            let clean = clean.into_iter().chain([("workspace", gallery::workspace::sample(""))]);
            let dirty =
                dirty.into_iter().chain([("workspace", gallery::workspace::sample(payload))]);
            for ((name, before), (_, after)) in clean.zip(dirty) {
                let names = |html: &str| -> Vec<String> {
                    tags(html)
                        .into_iter()
                        .map(|tag| tag.split([' ', '/']).next().unwrap_or_default().to_owned())
                        .collect()
                };
                assert_eq!(names(&before), names(&after), "{name} with {payload}");
                assert!(!after.contains("href=\"javascript:"), "{name} with {payload}");
            }
        }
    }
}

#[test]
fn whoever_holds_a_link_sees_no_more_than_practice_and_amount() {
    for lang in Lang::ALL {
        let shell = gallery::shell(lang, "");
        let pages = [
            gallery::make_payment("").html(&shell),
            gallery::refused_payment("").html(&shell),
            gallery::receipt("").html(&shell),
        ];
        for html in pages {
            for canary in ["Lopez", "Maria", "Office visit", "Blood", "2nd floor", "1971"] {
                assert!(!html.contains(canary), "{canary}");
            }
        }
    }
}

#[test]
fn without_its_script_make_a_payment_still_leads_to_stripe() {
    let html = gallery::make_payment("").html(&gallery::shell(Lang::En, ""));
    assert!(html.contains(">Submit Payment</button>"), "{html}");
    assert!(html.contains(">Pay on Stripe's page instead</button>"), "{html}");
    // Enter sends the first submit button of the form, which must be the primary one.
    let form = html.split_once("id=\"pay\"").unwrap().1;
    let first = form.find("type=\"submit\"").unwrap();
    assert!(form[first..].contains("value=\"card\""));
    assert!(form.find("value=\"card\"") < form.find("value=\"checkout\""));
}

/// Readable in a review: one tag a line, no hashes.
fn readable(html: &str) -> String {
    let broken = html.replace("><", ">\n<");
    let mut out = String::new();
    for line in broken.lines() {
        let line = match line.split_once("/assets/") {
            Some((before, after)) => {
                let name = after.split('.').next().unwrap_or_default();
                format!("{before}/assets/{name}…")
            }
            None => line.to_owned(),
        };
        out.push_str(&line);
        out.push('\n');
    }
    out
}

#[test]
fn make_a_payment_looks_as_agreed() {
    let html = gallery::make_payment("").html(&gallery::shell(Lang::En, ""));
    insta::assert_snapshot!("make_payment_en", readable(&html));
    let html = gallery::refused_payment("").html(&gallery::shell(Lang::Es, ""));
    insta::assert_snapshot!("make_payment_refused_es", readable(&html));
}

#[test]
fn the_bill_and_the_receipt_look_as_agreed() {
    let shell = gallery::shell(Lang::En, "");
    insta::assert_snapshot!("bill_details_en", readable(&gallery::bill("").html(&shell)));
    insta::assert_snapshot!("receipt_en", readable(&gallery::receipt("").html(&shell)));
}

/// Leptos escapes the children of every element but these.
#[test]
fn no_view_uses_an_element_whose_words_are_not_escaped() {
    fn look(folder: &std::path::Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path);
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            let views: String = source
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .take_while(|line| !line.starts_with("#[cfg(test)]"))
                .collect();
            let name = path.display();
            let is_allowed = path.ends_with("components/field.rs");
            assert!(is_allowed || !views.contains("<textarea"), "{name}: use TextArea");
            for element in ["<noscript", "<style", "inner_html"] {
                assert!(!views.contains(element), "{name}: {element}");
            }
            let is_document = path.ends_with("src/document.rs");
            assert!(is_document || !views.contains("<script"), "{name}: scripts are modules");
        }
    }
    look(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
}
