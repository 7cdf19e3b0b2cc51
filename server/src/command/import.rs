//! `clearbill import`: balances from a folder, a zip or a file, beside a running server.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, ValueEnum};
use connect::source::{Format, Input};
use domain::{book::Mode, id::PracticeId};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::{civil::Date, tz::TimeZone};

use super::{
    Where,
    opening::{self, Opened},
};
use crate::importing::{self, Report, Request, Step, Watch};

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum FormatName {
    Synthea,
    Clearbill,
    Contacts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeName {
    Full,
    Delta,
}

#[derive(Args, Debug)]
pub struct Import {
    #[command(flatten)]
    pub at: Where,
    /// The practice's short name, as in its addresses.
    #[arg(long)]
    pub practice: String,
    /// Told from the file when left out.
    #[arg(long)]
    pub format: Option<FormatName>,
    /// full: the whole book of the source; delta: only what changed.
    #[arg(long, default_value = "full")]
    pub mode: ModeName,
    /// The same as --mode delta.
    #[arg(long)]
    pub delta: bool,
    /// The day the export speaks of; today when left out.
    #[arg(long)]
    pub as_of: Option<Date>,
    /// Synthea only: patient payments on claims younger than this many days are left out.
    #[arg(long, default_value_t = 0)]
    pub open_days: u32,
    /// Which system the ids belong to; the format's name when left out.
    #[arg(long)]
    pub source: Option<String>,
    /// Contacts, consent and guarantors by patient id, applied after the balances.
    #[arg(long)]
    pub contacts: Option<PathBuf>,
    /// Write the report of refused rows to this file, as CSV.
    #[arg(long)]
    pub report: Option<PathBuf>,
    /// Print one line of JSON.
    #[arg(long)]
    pub json: bool,
    /// A folder, a zip or a CSV file.
    pub path: PathBuf,
}

impl Import {
    pub async fn run(self) -> Result<(), String> {
        let opened = opening::existing(&self.at).await?;
        let practice = self.find_practice(&opened).await?;
        let input = Input::open(&self.path).map_err(|e| e.to_string())?;
        let format = match self.format {
            Some(FormatName::Synthea) => Format::Synthea,
            Some(FormatName::Clearbill) => Format::Clearbill,
            Some(FormatName::Contacts) => Format::Contacts,
            None => connect::source::detect(&input).map_err(|e| e.to_string())?,
        };
        let source = self.source.clone().unwrap_or_else(|| format.as_str().to_owned());
        let request = self.request(&opened, &practice, input, &self.path, format, &source);
        let report = self.import(&opened, request).await?;
        let contacts = match &self.contacts {
            Some(path) if !report.held => {
                let input = Input::open(path).map_err(|e| e.to_string())?;
                let format = Format::Contacts;
                let request = self.request(&opened, &practice, input, path, format, &source);
                Some(self.import(&opened, request).await?)
            }
            _ => None,
        };
        self.write_report(&opened, &practice, &report).await?;
        self.show(&opened, &practice, &report, contacts.as_ref()).await
    }

    async fn find_practice(&self, opened: &Opened) -> Result<PracticeId, String> {
        let mut db = opened.store.read().await.map_err(|e| e.to_string())?;
        let found = store::practice::find_by_slug(&mut db, &self.practice).await;
        match found.map_err(|e| e.to_string())? {
            Some(practice) => Ok(practice.id),
            None => {
                let all = store::practice::list(&mut db).await.map_err(|e| e.to_string())?;
                let names: Vec<String> = all.into_iter().map(|p| p.slug).collect();
                Err(format!(
                    "there is no practice {}; there is: {}",
                    self.practice,
                    names.join(", ")
                ))
            }
        }
    }

    fn request(
        &self,
        opened: &Opened,
        practice: &PracticeId,
        input: Input,
        path: &Path,
        format: Format,
        source: &str,
    ) -> Request {
        let is_delta = self.delta || self.mode == ModeName::Delta || format == Format::Contacts;
        Request {
            practice: practice.clone(),
            input,
            format,
            mode: if is_delta { Mode::Delta } else { Mode::Full },
            source: source.to_owned(),
            file_name: path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into()),
            as_of: self.as_of.unwrap_or_else(|| opened.world.now().day_in(&TimeZone::UTC)),
            open_days: self.open_days,
            started_by: "system:command".into(),
        }
    }

    async fn import(&self, opened: &Opened, request: Request) -> Result<Report, String> {
        let bar = bar(self.json);
        let shown = bar.clone();
        let watch: Watch = Arc::new(move |step| match step {
            Step::Reading(at) => {
                shown.set_length(at.total.max(1));
                shown.set_position(at.done);
                shown.set_message("reading");
            }
            Step::Comparing => shown.set_message("comparing with the book"),
            Step::Staged | Step::Compared | Step::Applied => {}
            Step::Applying(phase) => shown.set_message(format!("applying: {phase:?}")),
        });
        let report = importing::run(&opened.store, &opened.world, request, watch).await;
        bar.finish_and_clear();
        report.map_err(|e| e.to_string())
    }

    async fn write_report(
        &self,
        opened: &Opened,
        practice: &PracticeId,
        report: &Report,
    ) -> Result<(), String> {
        let Some(path) = &self.report else { return Ok(()) };
        let body = crate::importing::refusals_csv(&opened.store, practice, &report.id).await?;
        std::fs::write(path, body).map_err(|e| format!("{}: {e}", path.display()))
    }

    async fn show(
        &self,
        opened: &Opened,
        practice: &PracticeId,
        report: &Report,
        contacts: Option<&Report>,
    ) -> Result<(), String> {
        // The book after everything, contacts included.
        let last = contacts.unwrap_or(report);
        if self.json {
            let mut line = report.json();
            if let Some(contacts) = contacts {
                for key in ["accounts", "patients", "open_claims", "patients_owing", "open_cents"] {
                    line[key] = contacts.json()[key].clone();
                }
                line["contacts"] = serde_json::json!({
                    "rows": contacts.rows,
                    "accepted": contacts.accepted,
                    "refused": contacts.refused,
                    "unchanged": contacts.unchanged,
                });
            }
            println!("{line}");
            return Ok(());
        }
        println!(
            "{} rows: {} accepted, {} refused, {} unchanged",
            report.rows, report.accepted, report.refused, report.unchanged
        );
        if let Some(contacts) = contacts {
            println!("{} contacts: {} refused", contacts.rows, contacts.refused);
        }
        println!(
            "The book: {} accounts, {} patients; {} patients owe {} over {} claims",
            last.book.accounts,
            last.book.patients,
            last.book.patients_owing,
            domain::money::Cents(last.book.open_cents),
            last.book.open_claims
        );
        if report.held {
            let why = report.difference.as_ref().map(|d| d.held_because.join("; "));
            println!(
                "HELD: {}. Nothing was changed and no reminder goes out until a manager decides \
                 in the workspace, under Imports.",
                why.unwrap_or_default()
            );
        }
        for refusal in first_refusals(opened, practice, report).await? {
            println!("refused: {refusal}");
        }
        Ok(())
    }
}

/// The first few refused rows, for the terminal.
async fn first_refusals(
    opened: &Opened,
    practice: &PracticeId,
    report: &Report,
) -> Result<Vec<String>, String> {
    let mut db = opened.store.read().await.map_err(|e| e.to_string())?;
    let rows = store::import::list_refusals(&mut db, practice, &report.id, -1, 10).await;
    Ok(rows.map_err(|e| e.to_string())?.iter().map(importing::sentence).collect())
}

fn bar(quiet: bool) -> ProgressBar {
    let bar = ProgressBar::new(1);
    if quiet || !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent:>3}% {msg}") {
        bar.set_style(style);
    }
    bar
}
