//! `GET /staff`: balances at a glance, and what waits for somebody.

use actix_web::web;
use app::pages::staff::{Dashboard, Notifications, Waiting};
use domain::{clock::UnixMs, staff::Permission};
use jiff::ToSpan;

use crate::{
    failure::{Answer, Failure},
    house::House,
    session::Staff,
    workspace::{self, shown},
};

const PATH: &str = "/staff";

pub async fn get(house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::View).await?;
    let practice = &staff.practice;
    let now = house.world.now();
    let zone = practice.zone();
    let today = now.day_in(&zone);
    let day = |days: i64| today.checked_sub(days.days()).unwrap_or(today);
    let midnight =
        today.to_zoned(zone.clone()).map_or(now, |z| UnixMs(z.timestamp().as_millisecond()));
    let mut db = house.store.read().await?;
    // More than 30 and more than 60 days old.
    let book = store::dashboard::load_book(&mut db, &practice.id, day(31), day(61)).await?;
    let messages = store::dashboard::count_messages(&mut db, &practice.id, midnight).await?;
    let last_import = store::dashboard::find_last_import(&mut db, &practice.id).await?;
    let unapplied = store::payment::count_unapplied(&mut db, &practice.id).await?;
    let first_payment = store::payment::find_first(&mut db, &practice.id).await?;
    drop(db);
    let may = |permission| staff.role.may(permission);
    let page = Dashboard {
        zone,
        at: now,
        accounts: book.owed.accounts,
        owed: book.owed.cents,
        by_age: [book.recent.cents, book.middle.cents, book.old.cents],
        unposted: book.unposted_cents,
        unapplied,
        nothing_paid_yet: first_payment.is_none(),
        last_import,
        waiting: waiting(&house, &staff).await?,
        notifications: Notifications {
            went: messages.went,
            delivered: messages.delivered,
            waiting: messages.waiting,
            failed: messages.failed,
            withheld: messages.withheld,
        },
        is_live: practice.live_at.is_some(),
        may_set_up: may(Permission::ManageSettings),
        may_send: may(Permission::SendStatements),
        may_import: may(Permission::Import),
    };
    Ok(shown(page.html(&workspace::shell(&house, &staff, PATH))))
}

fn counted(count: i64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

async fn waiting(house: &House, staff: &Staff) -> Result<Vec<Waiting>, Failure> {
    let id = &staff.practice.id;
    let mut db = house.store.read().await?;
    let held = store::dashboard::list_held_imports(&mut db, id).await?.len();
    let held = i64::try_from(held).unwrap_or(i64::MAX);
    let jobs = store::dashboard::count_pending_jobs(&mut db, id).await?;
    let tasks = store::task::count_open(&mut db, id).await?;
    let failed = store::handled_error::count_open(&mut db, id).await?;
    drop(db);
    let of_replies: i64 =
        tasks.iter().filter(|(kind, _)| kind.contains("reply")).map(|(_, count)| count).sum();
    let all: i64 = tasks.iter().map(|(_, count)| count).sum();
    let mut list = vec![Waiting {
        count: held,
        label: counted(held, "held import stops all reminders", "held imports stop all reminders"),
        href: "/staff/imports".into(),
        is_urgent: true,
    }];
    list.push(Waiting {
        count: jobs,
        label: counted(jobs, "list waits for approval", "lists wait for approval"),
        href: "/staff/jobs".into(),
        is_urgent: false,
    });
    list.push(Waiting {
        count: failed,
        label: counted(failed, "failed message to see to", "failed messages to see to"),
        href: "/staff/notifications?errors=1".into(),
        is_urgent: false,
    });
    if staff.practice.texts_are_enabled() {
        list.push(Waiting {
            count: of_replies,
            label: counted(of_replies, "reply to review", "replies to review"),
            href: "/staff/replies".into(),
            is_urgent: false,
        });
    }
    list.push(Waiting {
        count: all - of_replies,
        label: counted(all - of_replies, "task on the work list", "tasks on the work list"),
        href: "/staff/tasks".into(),
        is_urgent: false,
    });
    Ok(list)
}
