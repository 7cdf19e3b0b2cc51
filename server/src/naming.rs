//! Who an actor of a stored row is, in words for staff: rows hold labels such as `staff:stf_…`.

use std::collections::BTreeMap;

use domain::id::StaffId;
use store::Db;

use crate::failure::Failure;

/// Names of labels, each looked up once.
#[derive(Default)]
pub struct Names {
    known: BTreeMap<String, String>,
}

impl Names {
    /// `labels` as rows hold them, all at once, so that pages can be built without a database.
    pub async fn of(
        db: &mut Db,
        labels: impl Iterator<Item = &str> + Send,
    ) -> Result<Self, Failure> {
        let mut names = Self::default();
        for label in labels {
            if !names.known.contains_key(label) {
                let name = name_of(db, label).await?;
                names.known.insert(label.to_owned(), name);
            }
        }
        Ok(names)
    }

    pub fn get(&self, label: &str) -> String {
        self.known.get(label).cloned().unwrap_or_else(|| without_a_name(label).to_owned())
    }
}

async fn name_of(db: &mut Db, label: &str) -> Result<String, Failure> {
    if let Some(id) = label.strip_prefix("staff:") {
        // Somebody who has left is still who did it.
        let member = store::staff::load(db, &StaffId::trusted(id)).await?;
        return Ok(member.map_or_else(|| "a colleague".to_owned(), |member| member.name));
    }
    Ok(without_a_name(label).to_owned())
}

/// What somebody did at a phone or email says whose that is, and no more: nobody knows who held it.
fn without_a_name(label: &str) -> &'static str {
    match label {
        "patient:text" => "whoever texted from that phone",
        "patient:call" => "whoever picked up the call",
        "link:unsubscribe" => "whoever opened the unsubscribe link",
        "link:holder" => "whoever opened the link",
        "system:processor" => "Stripe",
        "system:command" => "the command line",
        "system:demo" => "the demo",
        "system:carrier" => "the carrier",
        "system:mail_events" => "the email service",
        _ => of_kind(label.split_once(':').map_or(label, |(kind, _)| kind)),
    }
}

fn of_kind(kind: &str) -> &'static str {
    match kind {
        "login" | "link" | "patient" => "the payer",
        "key" | "source" => "the practice's system",
        "import" => "an import",
        "visitor" => "a visitor",
        "staff" => "a colleague",
        _ => "Clearbill",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opt_out_says_who_stopped_it_and_nobody_is_somebody() {
        for (label, who) in [
            ("patient:text", "whoever texted from that phone"),
            ("patient:call", "whoever picked up the call"),
            ("link:unsubscribe", "whoever opened the unsubscribe link"),
            ("system:carrier", "the carrier"),
            ("system:mail_events", "the email service"),
            ("login:lgn_1", "the payer"),
            ("visitor:", "a visitor"),
            ("system:engine", "Clearbill"),
        ] {
            assert_eq!(Names::default().get(label), who, "{label}");
        }
    }
}
