//! Whether what leaves here is what arrives (R49). Twice an hour the server asks its own public address,
//! as a visitor without cookies would, for the pay page's address and for its scripts, and holds the
//! answers against what it sent: the headers that guard the page, which scripts and frames stand in it,
//! and the bytes of our scripts. A proxy, a tag manager or a content network that changes any of these is
//! red on Health and in `/readyz`.
//!
//! Without a link the address answers with the page that offers a new one: what is added to every page
//! is seen, what is added to a payer's own page alone is not. Browsers' own reports ([`crate::blocked`])
//! tell of that.

use std::{sync::Mutex, time::Duration};

use connect::reach::{self, Arrived};
use domain::clock::UnixMs;
use tracing::error;

use crate::{clock::real_now, failure::Failure, headers::guards, house::House};

pub const EVERY: Duration = Duration::from_secs(30 * 60);
/// After nobody answered: a proxy that has just been started, as a rule.
const SOON: Duration = Duration::from_secs(5 * 60);
const TIMEOUT_MS: u64 = 10_000;
const PAGE: &str = "/pay";
/// Public addresses asked in one turn.
const BASES_MOST: usize = 50;
/// Differences told of one address.
const TOLD_MOST: usize = 10;

/// What came of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    Same,
    /// Nobody answered, in words.
    Unreachable(String),
    /// What is different, in words.
    Changed(Vec<String>),
}

/// The last turn.
#[derive(Default)]
pub struct Board {
    last: Mutex<Option<(UnixMs, Look)>>,
}

impl Board {
    pub fn last(&self) -> Option<(UnixMs, Look)> {
        self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    pub fn put(&self, look: Look, now: UnixMs) {
        *self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((now, look));
    }
}

/// One turn; the demo has no public address.
pub async fn step(house: &House) -> Result<Option<Duration>, Failure> {
    let bases = if house.demo.is_some() { Vec::new() } else { public_bases(house).await? };
    let (mut faults, mut silent) = (Vec::new(), None);
    for base in &bases {
        match look(base).await {
            Look::Same => {}
            Look::Unreachable(why) => silent = Some(format!("{base}: {why}")),
            Look::Changed(found) => {
                for fault in found {
                    error!(base, fault, "the pay page does not arrive as it was sent");
                    faults.push(format!("{base}: {fault}"));
                }
            }
        }
    }
    metrics::gauge!("clearbill_tampering_faults")
        .set(u32::try_from(faults.len()).unwrap_or(u32::MAX));
    let is_silent = silent.is_some();
    let seen = match silent {
        _ if !faults.is_empty() => Look::Changed(faults),
        Some(why) => Look::Unreachable(why),
        None => Look::Same,
    };
    if !bases.is_empty() {
        house.arrival.put(seen, real_now());
    }
    Ok(is_silent.then_some(SOON))
}

async fn public_bases(house: &House) -> Result<Vec<String>, Failure> {
    let mut db = house.store.read().await?;
    let practices = store::practice::list(&mut db).await?;
    drop(db);
    let live = practices.into_iter().filter(|practice| practice.live_at.is_some());
    let mut bases: Vec<String> = live
        .map(|practice| practice.settings.public_base)
        .chain(house.config.public_base.clone())
        .map(|base| base.trim_end_matches('/').to_owned())
        .filter(|base| !base.is_empty())
        .collect();
    bases.sort();
    bases.dedup();
    bases.truncate(BASES_MOST);
    Ok(bases)
}

/// Asks one public address.
pub async fn look(base: &str) -> Look {
    let page = match reach::fetch(&format!("{base}{PAGE}"), TIMEOUT_MS).await {
        Ok(page) => page,
        Err(why) => return Look::Unreachable(why.to_string()),
    };
    let mut faults = faults_in_page(&page, base.starts_with("https://"));
    for asset in app::assets::all().iter().filter(|asset| asset.name.ends_with(".js")) {
        match reach::fetch(&format!("{base}{}", asset.href), TIMEOUT_MS).await {
            Ok(script) if script.status == 200 && script.body == asset.bytes => {}
            Ok(_) => faults.push(format!("{} arrives with other contents", asset.name)),
            Err(why) => return Look::Unreachable(why.to_string()),
        }
    }
    faults.truncate(TOLD_MOST);
    if faults.is_empty() { Look::Same } else { Look::Changed(faults) }
}

fn faults_in_page(page: &Arrived, secure: bool) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, expected) in guards(secure) {
        let mut came = page.headers.iter().filter(|(known, _)| known == name);
        // A second policy could only forbid more, but nobody of ours sends one.
        let is_same =
            came.next().is_some_and(|(_, value)| *value == expected) && came.next().is_none();
        if !is_same {
            faults.push(format!("the header {name} is missing or another"));
        }
    }
    let text = String::from_utf8_lossy(&page.body).to_lowercase();
    if page.status != 404 || !text.contains("<h1") {
        faults.push(format!("another page answers, with status {}", page.status));
    }
    for script in tags(&text, "script") {
        let is_ours = app::assets::all()
            .iter()
            .any(|asset| script.contains(&format!("src=\"{}\"", asset.href)));
        if !is_ours {
            faults.push("a script stands in the page that we did not put there".to_owned());
        }
    }
    for tag in ["iframe", "base", "object", "embed"] {
        if !tags(&text, tag).is_empty() {
            faults.push(format!("a <{tag}> stands in the page that we did not put there"));
        }
    }
    faults
}

/// The opening tags of this name, with their attributes.
fn tags<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let opening = format!("<{name}");
    let rest = text.split(opening.as_str()).skip(1);
    let ends_name =
        |rest: &&str| rest.starts_with(|c: char| c.is_whitespace() || c == '>' || c == '/');
    rest.filter(ends_name).map(|rest| rest.split('>').next().unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrived(body: &str) -> Arrived {
        let headers = guards(true).into_iter().map(|(name, value)| (name.to_owned(), value));
        Arrived { status: 404, headers: headers.collect(), body: body.into() }
    }

    #[test]
    fn a_page_that_arrives_as_it_was_sent_has_no_faults() {
        let ours = format!(
            "<h1>x</h1><script type=\"module\" src=\"{}\"></script>",
            app::assets::href("card.js")
        );
        assert_eq!(faults_in_page(&arrived(&ours), true), Vec::<String>::new());
        let header = "<header>x</header><h1>x</h1><basefont><scripts>";
        assert_eq!(faults_in_page(&arrived(header), true), Vec::<String>::new());
    }

    #[test]
    fn whatever_is_added_to_a_page_or_taken_from_its_guards_is_told() {
        for added in [
            "<script>steal()</script>",
            "<SCRIPT src=//evil.example/x.js></SCRIPT>",
            "<script\nsrc=\"/assets/card.js\">",
            "<iframe src=\"https://evil.example\">",
            "<base href=\"https://evil.example/\">",
        ] {
            assert_eq!(
                faults_in_page(&arrived(&format!("<h1>x</h1>{added}")), true).len(),
                1,
                "{added}"
            );
        }
        for (name, _) in guards(true) {
            let mut page = arrived("<h1>x</h1>");
            page.headers.retain(|(known, _)| known != name);
            assert_eq!(faults_in_page(&page, true).len(), 1, "{name}");
            page.headers.push((name.to_owned(), "default-src *".to_owned()));
            assert_eq!(faults_in_page(&page, true).len(), 1, "{name}");
        }
        let front = Arrived { status: 200, ..arrived("<h1>Buy this domain</h1>") };
        assert_eq!(faults_in_page(&front, true).len(), 1);
    }
}
