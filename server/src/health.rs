//! What is looked at to say whether everything runs, and from when on it is no longer fine. The
//! Health page shows all of it; `/readyz` names what is red.

use std::{fs, path::Path};

use app::pages::staff::{Check, Colour};
use connect::reach;
use domain::{
    clock::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, UnixMs},
    practice::Practice,
};
use store::StoreError;

use crate::{clock::real_now, config::Config, house::House, tampering::Look};

/// From when on a thing wants a look, and from when on it is wrong.
#[derive(Clone, Copy)]
struct Limits {
    look_ms: i64,
    wrong_ms: i64,
}

/// A message that is due leaves within seconds; an hour is the promise of S-SF4.
const MESSAGE: Limits = Limits { look_ms: 10 * MINUTE_MS, wrong_ms: HOUR_MS };
/// The sweeper resolves most within minutes; a day goes to a person (D-24).
const UNKNOWN: Limits = Limits { look_ms: 15 * MINUTE_MS, wrong_ms: DAY_MS };
/// Events are worked as they arrive.
const EVENT: Limits = Limits { look_ms: 5 * MINUTE_MS, wrong_ms: 30 * MINUTE_MS };
const CLOCK: Limits = Limits { look_ms: 5 * SECOND_MS, wrong_ms: 60 * SECOND_MS };
/// The share of the disk that is still free, in per cent.
const DISK_LOOK: u64 = 15;
const DISK_WRONG: u64 = 5;
/// The Health page waits no longer for somebody else's clock.
const CLOCK_TIMEOUT_MS: u64 = 2_000;

fn check(name: &str, colour: Colour, found: impl Into<String>) -> Check {
    Check { name: name.to_owned(), colour, found: found.into(), fix: None, href: None }
}

fn with_fix(mut check: Check, fix: &str) -> Check {
    if check.colour != Colour::Green {
        check.fix = Some(fix.to_owned());
    }
    check
}

fn leading(mut check: Check, href: &str, label: &str) -> Check {
    if check.colour != Colour::Green {
        check.href = Some((href.to_owned(), label.to_owned()));
    }
    check
}

/// `3 h 12 min`
pub fn span(ms: i64) -> String {
    let minutes = ms.max(0) / MINUTE_MS;
    match (minutes / (24 * 60), minutes / 60 % 24, minutes % 60) {
        (0, 0, 0) => "under a minute".to_owned(),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

fn aged(name: &str, since: Option<UnixMs>, now: UnixMs, limits: Limits) -> Check {
    let age = since.map(|since| now.since(since)).filter(|age| *age > 0);
    let colour = match age {
        Some(age) if age >= limits.wrong_ms => Colour::Red,
        Some(age) if age >= limits.look_ms => Colour::Amber,
        _ => Colour::Green,
    };
    check(name, colour, age.map_or_else(|| "none".to_owned(), span))
}

/// What concerns the whole server. Fast: asked by load balancers.
pub async fn of_server(house: &House) -> Result<Vec<Check>, StoreError> {
    let mut db = house.store.read().await?;
    let now = house.world.now();
    let due = store::message::queue::find_next(&mut db).await?;
    let unknown = store::attempt::find_oldest_unknown(&mut db).await?;
    let event = store::webhook::find_oldest_open(&mut db).await?;
    drop(db);
    let mut checks = vec![database(house)];
    checks.push(leading(
        with_fix(
            aged("Oldest message that is due", due, now, MESSAGE),
            "Messages are not leaving. Look at the log for the provider's answer.",
        ),
        "/staff/notifications?errors=1",
        "Manage Errors",
    ));
    checks.push(leading(
        with_fix(
            aged("Oldest payment without an answer", unknown, now, UNKNOWN),
            "Look the payment up in the Stripe dashboard.",
        ),
        "/staff/tasks",
        "Work list",
    ));
    checks.push(with_fix(
        aged("Oldest event not yet worked", event, now, EVENT),
        "Events of the card processor are stuck. Look at the log; they are tried again by \
         themselves.",
    ));
    checks.push(pay_page(house));
    checks.extend(arrival(house));
    checks.push(backup(&house.config));
    checks.push(disk(&house.config.data_dir));
    Ok(checks)
}

fn database(house: &House) -> Check {
    if house.store.is_healthy() {
        check("Database", Colour::Green, "writes are durable")
    } else {
        let red = check("Database", Colour::Red, "a write could not be made durable");
        with_fix(
            red,
            "Free the disk or look after it, then restart the server. No money is taken \
                       until then.",
        )
    }
}

/// What browsers blocked on Make a Payment, as they report it. Anybody can report: it is for a person
/// to judge, and turns no load balancer away.
fn pay_page(house: &House) -> Check {
    const NAME: &str = "Blocked on the pay page";
    let Some((times, newest)) = house.blocked.on_pay_page(real_now()) else {
        return check(NAME, Colour::Green, "nothing reported in the last day");
    };
    let (rule, origin) = (newest.directive, newest.origin);
    let amber = check(NAME, Colour::Amber, format!("{times} reported; last {rule} by {origin}"));
    with_fix(
        amber,
        "Open Make a Payment and look for a script that is not ours or Stripe's: a proxy, a tag or an \
         extension may have added it. Until it is explained, send payers to Stripe's own page.",
    )
}

/// How the pay page arrives at its public address; nothing where nobody has looked.
fn arrival(house: &House) -> Option<Check> {
    const NAME: &str = "Pay page as it arrives";
    let (at, seen) = house.arrival.last()?;
    let ago = span(real_now().since(at));
    Some(match seen {
        Look::Same => check(NAME, Colour::Green, format!("as it was sent, {ago} ago")),
        Look::Unreachable(why) => with_fix(
            check(NAME, Colour::Amber, why),
            "This server cannot ask its own public address. Let it, so that a change on the way is \
             seen.",
        ),
        Look::Changed(faults) => with_fix(
            check(NAME, Colour::Red, faults.join("; ")),
            "Something between this server and the public changes the page on which cards are typed. \
             Find it and stop it; until then send payers to Stripe's own page.",
        ),
    })
}

/// When the newest whole backup was taken.
pub fn newest_backup(config: &Config) -> Option<UnixMs> {
    let dir = config.backup_dir.as_ref()?;
    let taken = |path: &Path| {
        let at = fs::metadata(path.join("backup.json")).ok()?.modified().ok()?;
        let since = at.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_millis()).ok().map(UnixMs)
    };
    let folders = fs::read_dir(dir).ok()?;
    folders.filter_map(|folder| taken(&folder.ok()?.path())).max()
}

fn backup(config: &Config) -> Check {
    const NAME: &str = "Newest backup";
    if config.database_url.is_some() {
        return check(NAME, Colour::Green, "PostgreSQL: kept by its own tools");
    }
    if config.backup_dir.is_none() {
        let amber = check(NAME, Colour::Amber, "no folder is configured");
        return with_fix(amber, "Set backup_dir in clearbill.toml, on another disk.");
    }
    let every = i64::from(config.backup_every_hours.max(1)) * HOUR_MS;
    let found = match newest_backup(config) {
        None => check(NAME, Colour::Red, "none yet"),
        Some(at) => {
            let age = real_now().since(at);
            let colour = match age {
                age if age > 3 * every => Colour::Red,
                age if age > every + HOUR_MS => Colour::Amber,
                _ => Colour::Green,
            };
            check(NAME, colour, format!("{} old", span(age)))
        }
    };
    with_fix(found, "Run clearbill backup, and look why the scheduled one did not.")
}

fn disk(dir: &Path) -> Check {
    const NAME: &str = "Free disk";
    let Ok(facts) = rustix::fs::statvfs(dir) else {
        let amber = check(NAME, Colour::Amber, "cannot be measured");
        return with_fix(amber, "Check that the data folder is mounted.");
    };
    let (free, whole) = (facts.f_bavail * facts.f_frsize, facts.f_blocks * facts.f_frsize);
    let percent = free.saturating_mul(100) / whole.max(1);
    let colour = match percent {
        0..DISK_WRONG => Colour::Red,
        DISK_WRONG..DISK_LOOK => Colour::Amber,
        _ => Colour::Green,
    };
    let found = format!("{} GB, {percent} per cent", free / 1_000_000_000);
    with_fix(check(NAME, colour, found), "Make room: without it, payments are refused.")
}

/// What concerns one practice, and what may take a moment: somebody else's clock.
pub async fn of_practice(house: &House, practice: &Practice) -> Result<Vec<Check>, StoreError> {
    let mut db = house.store.read().await?;
    let now = house.world.now();
    let held = store::dashboard::list_held_imports(&mut db, &practice.id).await?;
    let heard = store::dashboard::find_last_webhook(&mut db, &practice.id, "stripe").await?;
    let stored = store::dashboard::list_connections(&mut db, &practice.id).await?;
    let chained = store::dashboard::find_oldest_unchained(&mut db, &practice.id).await?;
    drop(db);
    let has = |kind: &str| stored.iter().any(|(known, _)| known == kind);
    let mut checks = vec![leading(
        with_fix(
            match held.first() {
                Some((_, at)) => {
                    let since = span(now.since(*at));
                    check("Held imports", Colour::Red, format!("{}, since {since}", held.len()))
                }
                None => check("Held imports", Colour::Green, "none"),
            },
            "No reminders go out until a manager accepts or rejects it.",
        ),
        "/staff/imports",
        "Imports",
    )];
    checks.push(leading(
        match (has("stripe"), heard) {
            (false, _) => with_fix(
                check("Card processor", Colour::Amber, "not connected"),
                "Patients cannot pay online.",
            ),
            (true, None) => with_fix(
                check("Card processor", Colour::Amber, "has never told us anything"),
                "Check the webhook: without it, payments are found only by asking.",
            ),
            (true, Some(at)) => {
                let ago = format!("last event {} ago", span(now.since(at)));
                check("Card processor", Colour::Green, ago)
            }
        },
        "/setup/stripe",
        "Card payments",
    ));
    checks.push(leading(email(practice, has("smtp")), "/setup/email", "Email"));
    if practice.settings.texts_enabled_by_practice {
        checks.push(leading(texts(practice, has("twilio")), "/setup/texting", "Texts"));
    }
    checks.push(with_fix(
        aged("Oldest audit row not yet chained", chained, now, EVENT),
        "The notary does not run. Restart the server.",
    ));
    checks.push(clock(house).await);
    Ok(checks)
}

fn email(practice: &Practice, is_connected: bool) -> Check {
    const NAME: &str = "Email";
    let s = &practice.settings;
    if !is_connected || s.email_tested_at.is_none() {
        let found = if is_connected { "not tested" } else { "not connected" };
        return with_fix(check(NAME, Colour::Amber, found), "No email goes to patients.");
    }
    if s.email_paused_at.is_some() {
        let red = check(NAME, Colour::Red, "paused because of complaints");
        return with_fix(red, "Find out why they came, then resume under Settings, Email.");
    }
    check(NAME, Colour::Green, "tested")
}

fn texts(practice: &Practice, is_connected: bool) -> Check {
    const NAME: &str = "Texts";
    let s = &practice.settings;
    let found = if !is_connected {
        "not connected"
    } else if s.text_number.is_none() {
        "no number chosen"
    } else if !s.text_campaign_registered {
        "the A2P campaign is not approved"
    } else {
        return check(NAME, Colour::Green, "ready");
    };
    with_fix(check(NAME, Colour::Amber, found), "No reminder goes out by text.")
}

/// Ours against the card processor's: codes and signatures depend on it.
async fn clock(house: &House) -> Check {
    const NAME: &str = "Clock";
    let base = match &house.demo {
        Some(demo) => demo.sandbox.stripe_base(),
        None => house.config.vendors.stripe_base.clone(),
    };
    let before = real_now();
    let heard = reach::ask(&base, CLOCK_TIMEOUT_MS, true).await;
    let Some(theirs) = heard.ok().and_then(|heard| heard.their_now) else {
        return check(NAME, Colour::Green, "nobody to compare with");
    };
    // Their second began up to a second ago; the answer took a while.
    let middle = UnixMs((before.0 + real_now().0) / 2 - SECOND_MS / 2);
    let off = middle.since(theirs).abs();
    let colour = match off {
        off if off >= CLOCK.wrong_ms => Colour::Red,
        off if off >= CLOCK.look_ms => Colour::Amber,
        _ => Colour::Green,
    };
    let found =
        if off < 2 * SECOND_MS { "right".to_owned() } else { format!("{} s off", off / SECOND_MS) };
    with_fix(check(NAME, colour, found), "Switch on time synchronisation on this machine.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_too_long_turns_amber_and_then_red() {
        let now = UnixMs(10 * DAY_MS);
        let colour = |age_ms: i64| aged("x", Some(now.minus_ms(age_ms)), now, MESSAGE).colour;
        assert_eq!(colour(MINUTE_MS), Colour::Green);
        assert_eq!(colour(11 * MINUTE_MS), Colour::Amber);
        assert_eq!(colour(2 * HOUR_MS), Colour::Red);
        // Due tomorrow is not late.
        assert_eq!(colour(-DAY_MS), Colour::Green);
        assert_eq!(aged("x", None, now, MESSAGE).found, "none");
    }

    #[test]
    fn an_age_is_said_as_people_say_it() {
        assert_eq!(span(20 * SECOND_MS), "under a minute");
        assert_eq!(span(75 * MINUTE_MS), "1 h 15 min");
        assert_eq!(span(49 * HOUR_MS), "2 d 1 h");
    }
}
