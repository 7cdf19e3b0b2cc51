//! `GET /staff/reports` and its export: whether reminding works.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web};
use app::{
    components::Query,
    pages::staff::{
        CycleLine, FunnelLine, LiftLine, Reports,
        reports::{PATH, SPANS},
    },
};
use domain::{
    clock::{DAY_MS, MINUTE_MS},
    effort,
    lift::{FEWEST, Group, lift},
    money::Cents,
    staff::Permission,
};
use jiff::civil::Date;
use store::report;

use crate::{
    failure::{Answer, Failure},
    house::House,
    session::Staff,
    spreadsheet,
    workspace::{self, shown},
};

pub const SECTION: &str = PATH;

/// Clicks that are read for the staff time; more than an office makes in ninety days.
const ACTS_MOST: i64 = 50_000;
const CYCLES_SHOWN: usize = 30;

pub async fn get(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::View).await?;
    let query = Query::parse(request.query_string());
    let page = read(&house, &staff, query).await?;
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

pub async fn export(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::View).await?;
    let page = read(&house, &staff, Query::parse(request.query_string())).await?;
    house.audit(staff.entry("export", "report", "csv")).await?;
    let figures = page
        .figures
        .iter()
        .map(|(name, figure, _)| vec!["figure".to_owned(), (*name).to_owned(), figure.clone()]);
    let ages = page.ages.iter().map(|(name, bills, amount)| {
        vec!["age".to_owned(), (*name).to_owned(), bills.to_string(), amount.clone()]
    });
    let funnel = page.funnel.iter().map(|line| {
        let counts = [line.sent, line.delivered, line.opened, line.viewed, line.paid];
        let mut row = vec!["step".to_owned(), line.step.clone()];
        row.extend(counts.map(|count| count.to_string()));
        row
    });
    let lifts = page.lift.iter().map(|line| {
        let (one, other) = (line.reminded.clone(), line.held_out.clone());
        vec!["lift".to_owned(), line.step.clone(), one, other, line.lift.clone()]
    });
    let cycles = page.cycles.iter().map(|line| {
        let (minutes, people) = (format!("{:.1}", line.minutes), line.people.to_string());
        vec!["cycle".to_owned(), line.job.clone(), line.ended_at.to_string(), minutes, people]
    });
    const WIDTH: usize = 7;
    let rows =
        figures.chain(ages).chain(funnel).chain(lifts).chain(cycles).map(|mut row: Vec<String>| {
            row.resize(WIDTH, String::new());
            row
        });
    let head = ["what", "name", "value_1", "value_2", "value_3", "value_4", "value_5"];
    let body = spreadsheet::csv(&head, rows).map_err(Failure::broken)?;
    Ok(spreadsheet::download("reports.csv", body))
}

async fn read(house: &House, staff: &Staff, query: Query) -> Result<Reports, Failure> {
    let days = query.get("days").and_then(|text| text.parse().ok());
    let days = days.filter(|days| SPANS.contains(days)).unwrap_or(SPANS[0]);
    let now = house.world.now();
    let from = now.minus_ms(days * DAY_MS);
    let practice = &staff.practice.id;
    let mut db = house.store.read().await?;
    let names = step_names(&store::profile::list(&mut db, practice).await?);
    let funnel = report::list_funnel(&mut db, practice, from, now).await?;
    let lifts = report::list_lift(&mut db, practice, from, now).await?;
    // Thirty days have to have passed since what is asked about.
    let (until, since) = (now.minus_ms(30 * DAY_MS), from.minus_ms(30 * DAY_MS));
    let (asked_of, asked, received) =
        report::sum_collected(&mut db, practice, since, until).await?;
    let open = report::list_open_days(&mut db, practice).await?;
    let messages = store::dashboard::count_messages(&mut db, practice, from).await?;
    // What led to a cycle that ended just after `from` began before it.
    let acts = report::list_acts(&mut db, practice, from.minus_ms(DAY_MS), now, ACTS_MOST).await?;
    drop(db);
    let today = now.day_in(&staff.practice.zone());
    let name = |step: &Option<(String, i64)>| match step {
        Some(key) => names.get(key).cloned().unwrap_or_else(|| format!("Step {}", key.1)),
        None => "Sent by staff".to_owned(),
    };
    let reached = messages.delivered + messages.failed;
    let mut cycles = effort::cycles(acts);
    cycles.retain(|cycle| cycle.ended_at >= from);
    Ok(Reports {
        figures: vec![
            (
                "Collected within 30 days",
                percent(received.0, asked.0),
                "of what reminders asked for in the time before the last 30 days: paid online by the \
                 same guarantor within 30 days of the first of them, refunds not taken off",
            ),
            ("Accounts asked in that time", asked_of.to_string(), ""),
            ("Asked and received", format!("{asked}, {received}"), ""),
            (
                "Average days outstanding",
                average_age(&open, today),
                "of open bills as imported, since each became the patient's, weighted by what is due",
            ),
            (
                "Contact success",
                percent(messages.delivered, reached),
                "delivered of delivered and failed; what nobody reported on is left out",
            ),
            (
                "Staff minutes per cycle",
                effort::average_minutes(&cycles)
                    .map_or_else(|| "no cycle yet".to_owned(), |minutes| format!("{minutes:.1}")),
                "at least: the time between clicks from opening Select Criteria or a job to its last \
                 approval or Finish; pauses over 5 minutes are not counted",
            ),
            ("Cycles that ended", cycles.len().to_string(), "jobs that somebody approved"),
            ("Messages not sent by the rules", messages.withheld.to_string(), ""),
        ],
        ages: ages(&open, today),
        cycles: cycles
            .iter()
            .rev()
            .take(CYCLES_SHOWN)
            .map(|cycle| CycleLine {
                job: cycle.job.clone(),
                ended_at: cycle.ended_at,
                people: cycle.people,
                minutes: cycle.worked_ms as f64 / MINUTE_MS as f64,
            })
            .collect(),
        zone: staff.practice.zone(),
        funnel: funnel
            .into_iter()
            .map(|line| FunnelLine {
                step: name(&line.step),
                sent: line.sent,
                delivered: line.delivered,
                opened: line.opened,
                viewed: line.viewed,
                paid: line.paid,
            })
            .collect(),
        lift: lifts
            .into_iter()
            .filter(|(_, _, _, held_out)| held_out.people > 0)
            .map(|(profile, step, reminded, held_out)| {
                lift_line(name(&Some((profile, step))), reminded, held_out)
            })
            .collect(),
        query,
        days,
    })
}

fn step_names(versions: &[store::profile::Version]) -> BTreeMap<(String, i64), String> {
    let mut names = BTreeMap::new();
    for version in versions {
        for step in &version.document.steps {
            let key = (version.profile.to_string(), i64::from(step.id));
            let name = format!("{}: {}", version.profile_name, step.name);
            // The newest version comes first: its name stands.
            names.entry(key).or_insert(name);
        }
    }
    names
}

fn percent(part: i64, whole: i64) -> String {
    if whole > 0 { format!("{} %", part * 100 / whole) } else { "nothing to go by yet".into() }
}

fn age(day: Option<Date>, today: Date) -> i64 {
    day.and_then(|day| day.until(today).ok()).map_or(0, |span| i64::from(span.get_days()))
}

fn average_age(open: &[(Option<Date>, i64, Cents)], today: Date) -> String {
    let whole: i128 = open.iter().map(|(_, _, cents)| i128::from(cents.0)).sum();
    let weighted: i128 =
        open.iter().map(|(day, _, cents)| i128::from(age(*day, today)) * i128::from(cents.0)).sum();
    if whole > 0 { (weighted / whole).to_string() } else { "nothing is open".into() }
}

/// S-SG2.
fn ages(open: &[(Option<Date>, i64, Cents)], today: Date) -> Vec<(&'static str, i64, String)> {
    let buckets =
        [("Up to 30 days", 0, 30), ("31 to 60 days", 31, 60), ("Over 60 days", 61, i64::MAX)];
    buckets
        .into_iter()
        .map(|(name, least, most)| {
            let of_age = |line: &&(Option<Date>, i64, Cents)| {
                (least..=most).contains(&age(line.0, today).max(0))
            };
            let bills = open.iter().filter(of_age).map(|(_, bills, _)| bills).sum();
            let due: Cents = open.iter().filter(of_age).map(|(_, _, cents)| *cents).sum();
            (name, bills, due.to_string())
        })
        .collect()
}

fn lift_line(step: String, reminded: Group, held_out: Group) -> LiftLine {
    let of = |group: Group| format!("{} of {}", group.paid, group.people);
    let (words, verdict) = match lift(reminded, held_out) {
        None => (format!("too early to say: {FEWEST} of each are needed"), "Wait"),
        Some(found) => {
            let words =
                format!("{:+.1} points ({:+.1} to {:+.1})", found.points, found.from, found.to);
            let verdict = if found.is_certain() {
                "Keep it"
            } else if found.is_useless() {
                "It adds next to nothing: consider dropping it"
            } else {
                "Not clear yet"
            };
            (words, verdict)
        }
    };
    LiftLine { step, reminded: of(reminded), held_out: of(held_out), lift: words, verdict }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn ages_and_their_average_are_weighted_by_what_is_due() {
        let today = date(2026, 3, 4);
        let open = [
            (Some(date(2026, 3, 1)), 2, Cents(100_00)),
            (Some(date(2026, 1, 20)), 1, Cents(100_00)),
            (Some(date(2025, 12, 1)), 1, Cents(200_00)),
            (Some(date(2026, 4, 1)), 1, Cents(0)),
        ];
        let found = ages(&open, today);
        assert_eq!(found[0], ("Up to 30 days", 3, "$100.00".into()));
        assert_eq!(found[1], ("31 to 60 days", 1, "$100.00".into()));
        assert_eq!(found[2], ("Over 60 days", 1, "$200.00".into()));
        // (3 * 100 + 43 * 100 + 93 * 200) / 400
        assert_eq!(average_age(&open, today), "58");
        assert_eq!(average_age(&[], today), "nothing is open");
    }

    #[test]
    fn a_step_nobody_can_judge_says_so() {
        let few = Group { people: 10, paid: 3 };
        assert_eq!(lift_line("Step".into(), few, few).verdict, "Wait");
        let many = Group { people: 1_000, paid: 400 };
        let out = Group { people: 1_000, paid: 200 };
        let line = lift_line("Step".into(), many, out);
        assert_eq!((line.verdict, line.reminded.as_str()), ("Keep it", "400 of 1000"));
    }
}
