//! `clearbill config check`: what is missing for production, and how to get it. Reads, changes
//! nothing.

use std::fs;

use clap::{Args, Subcommand};
use domain::practice::Practice;

use super::{Where, demo, opening};
use crate::{config::Config as Settings, health};

#[derive(Args, Debug)]
pub struct Config {
    #[command(subcommand)]
    pub what: What,
}

#[derive(Subcommand, Debug)]
pub enum What {
    /// Explains what is missing for production.
    Check(CheckAll),
    /// Prints the configuration in force, without its secrets.
    Show(CheckAll),
}

#[derive(Args, Debug)]
pub struct CheckAll {
    #[command(flatten)]
    pub at: Where,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    /// Works, and somebody should know.
    Note,
    Missing,
}

struct Line {
    verdict: Verdict,
    text: String,
}

fn line(verdict: Verdict, text: impl Into<String>) -> Line {
    Line { verdict, text: text.into() }
}

/// `good` when it holds, otherwise `missing` with what to do.
fn needs(holds: bool, good: &str, missing: &str) -> Line {
    if holds { line(Verdict::Good, good) } else { line(Verdict::Missing, missing) }
}

fn wants(holds: bool, good: &str, note: &str) -> Line {
    if holds { line(Verdict::Good, good) } else { line(Verdict::Note, note) }
}

impl Config {
    pub async fn run(self) -> Result<(), String> {
        match self.what {
            What::Show(show) => {
                println!("{}", show.at.config(None)?.redacted());
                Ok(())
            }
            What::Check(check) => check.run().await,
        }
    }
}

impl CheckAll {
    async fn run(self) -> Result<(), String> {
        let config = self.at.config(None)?;
        let mut missing = print("The server", &of_server(&config));
        let has_data =
            config.database_url.is_some() || config.data_dir.join("clearbill.sqlite").exists();
        if has_data {
            let opened = opening::existing(&self.at).await?;
            let mut db = opened.store.read().await.map_err(|e| e.to_string())?;
            let staff = store::staff::count(&mut db).await.map_err(|e| e.to_string())?;
            let practices = store::practice::list(&mut db).await.map_err(|e| e.to_string())?;
            missing += print(
                "People",
                &[needs(
                    staff > 0,
                    "somebody has an account",
                    "nobody has an account: open the link that `clearbill staff setup-link` prints",
                )],
            );
            for practice in &practices {
                let stored = store::dashboard::list_connections(&mut db, &practice.id).await;
                let stored = stored.map_err(|e| e.to_string())?;
                let kinds: Vec<&str> = stored.iter().map(|(kind, _)| kind.as_str()).collect();
                let steps = store::setup::list_steps(&mut db, &practice.id).await;
                let steps = steps.map_err(|e| e.to_string())?;
                let done = |step: &str| steps.iter().any(|s| s.step == step && s.state == "done");
                let mail = store::sender::load_mail(&mut db, &practice.id).await;
                let signs = mail.map_err(|e| e.to_string())?.is_some_and(|m| m.dkim_key.is_some());
                let lines = of_practice(practice, &kinds, &done, signs);
                missing += print(&format!("Practice {}", practice.slug), &lines);
            }
            drop(db);
            opened.store.close().await;
        } else {
            println!("No data yet: start with `clearbill serve`.");
        }
        match missing {
            0 => Ok(()),
            1 => Err("one thing is missing for production".into()),
            more => Err(format!("{more} things are missing for production")),
        }
    }
}

/// Prints a part and counts what is missing in it.
fn print(title: &str, lines: &[Line]) -> usize {
    println!("{title}");
    for line in lines {
        let mark = match line.verdict {
            Verdict::Good => "  good   ",
            Verdict::Note => "  note   ",
            Verdict::Missing => "  MISSING",
        };
        println!("{mark} {}", line.text);
    }
    lines.iter().filter(|line| line.verdict == Verdict::Missing).count()
}

fn of_server(config: &Settings) -> Vec<Line> {
    let base = config.public_base.as_deref().unwrap_or_default();
    let mut lines = vec![needs(
        base.starts_with("https://"),
        "public_base is https",
        "public_base must be the https address patients reach, e.g. https://pay.example.org",
    )];
    lines.push(needs(
        !demo::is_demo_folder(config),
        "the data folder is no demo's",
        "the data folder belongs to a demo: give production one of its own",
    ));
    lines.push(match &config.database_url {
        Some(_) => line(Verdict::Good, "PostgreSQL; several servers may share it"),
        None => line(Verdict::Note, "SQLite in the data folder: one server, no second beside it"),
    });
    lines.push(key_file(config));
    let is_open = !config.listen.starts_with("127.") && !config.listen.starts_with("[::1]");
    lines.push(match (is_open, config.trusted_proxies.is_empty()) {
        (true, _) => line(
            Verdict::Note,
            "listens beyond this machine without TLS of its own: only a proxy may reach it",
        ),
        (false, _) => line(Verdict::Good, "listens on this machine only; TLS ends at the proxy"),
    });
    lines.push(wants(
        !config.trusted_proxies.is_empty(),
        "trusted_proxies are named",
        "trusted_proxies is empty: every visitor looks like the proxy to limits and the audit",
    ));
    lines.push(match (&config.database_url, &config.backup_dir) {
        (Some(_), _) => line(Verdict::Note, "back PostgreSQL up with its own tools"),
        (None, Some(dir)) => match health::newest_backup(config) {
            Some(at) => line(Verdict::Good, format!("newest backup: {at}")),
            None => line(Verdict::Missing, format!("no backup in {} yet", dir.display())),
        },
        (None, None) => line(Verdict::Missing, "backup_dir is not set: backups go nowhere"),
    });
    lines
}

fn key_file(config: &Settings) -> Line {
    use std::os::unix::fs::PermissionsExt;
    let path = config.data_dir.join("clearbill.key");
    match fs::metadata(&path) {
        Err(_) => line(Verdict::Note, "no key file yet: the first start makes one"),
        Ok(facts) if facts.permissions().mode() & 0o077 != 0 => line(
            Verdict::Missing,
            format!("{} can be read by others: chmod 0400 it", path.display()),
        ),
        Ok(_) => line(Verdict::Good, "the key file is readable by the server only"),
    }
}

fn of_practice(
    practice: &Practice,
    kinds: &[&str],
    done: &dyn Fn(&str) -> bool,
    signs: bool,
) -> Vec<Line> {
    let s = &practice.settings;
    let mut lines = vec![
        needs(practice.live_at.is_some(), "is live", "is not live: /setup leads to Go live"),
        needs(
            s.public_base.starts_with("https://"),
            "links lead to an https address",
            "its public address is not https: Settings, Practice",
        ),
        needs(!s.phone.is_empty(), "patients can call", "the office phone is missing"),
        needs(
            kinds.contains(&"stripe"),
            "Stripe is connected",
            "no Stripe account is connected: /setup/stripe",
        ),
        needs(
            kinds.contains(&"smtp") && s.email_tested_at.is_some(),
            "its email sender is tested",
            "no tested email sender: /setup/email",
        ),
        wants(
            signs,
            "emails are signed with DKIM here",
            "no DKIM key here: make sure the mail server signs, with SPF and DMARC set",
        ),
        needs(
            s.proof_approved_at.is_some(),
            "the proofs are approved",
            "nobody approved the proofs: no reminder goes out",
        ),
        wants(
            done("consent"),
            "where consent comes from is written down",
            "where consent comes from is not written down: /setup/consent",
        ),
        wants(
            done("backups"),
            "the key file was copied away",
            "nobody confirmed that the key file is kept apart from the backups: /setup/backups",
        ),
        needs(
            !s.is_sensitive || s.custom_name.is_some(),
            "its name tells nothing about care",
            "a sensitive practice needs a neutral custom name",
        ),
    ];
    if s.texts_enabled_by_practice {
        lines.push(needs(
            kinds.contains(&"twilio") && s.text_number.is_some(),
            "a number for texts is chosen",
            "texts are on, but no Twilio account or number is chosen: /setup/texting",
        ));
        lines.push(needs(
            s.billing_consent_at.is_some(),
            "the billing of texts is accepted",
            "texts are on, but nobody accepted their billing",
        ));
        lines.push(needs(
            s.text_campaign_registered,
            "the A2P campaign is approved",
            "texts are on, but the A2P campaign is not approved: carriers block them",
        ));
        lines.push(wants(
            s.code_number.is_some(),
            "codes have a number of their own",
            "no number of its own for codes: whoever sent STOP gets codes by email only",
        ));
    } else {
        lines.push(line(Verdict::Note, "sends no texts"));
    }
    lines.extend(calls_and_faxes(practice, kinds));
    lines
}

/// Both are off until somebody switches them on, and then need an account of the practice's own.
fn calls_and_faxes(practice: &Practice, kinds: &[&str]) -> Vec<Line> {
    let s = &practice.settings;
    let mut lines = Vec::new();
    if practice.calls_are_enabled() {
        lines.push(needs(
            kinds.contains(&"twilio") && s.text_number.is_some(),
            "a number for calls is chosen",
            "calls are on, but no Twilio account or number is chosen: Settings, Connections",
        ));
    }
    if s.fax_is_on {
        lines.push(needs(
            kinds.contains(&"interfax"),
            "InterFAX is connected",
            "faxes are on, but no InterFAX account is connected: Settings, Connections",
        ));
    }
    lines
}
