//! Plans, cards on file, deductibles and paperless bills of a file: kept, compared, taken back.

use domain::{
    arrangement::{Charge, Instalment, Known, LastFour},
    book::Mode,
    clock::UnixMs,
    decide::PlanStanding,
    id::GuarantorId,
    money::Cents,
};
use jiff::civil::date;
use server::importing;
use store::{arrangement, guarantor};

use crate::office::{MORNING, Office, offices};

const HEAD: &str = "patient_id,patient_name,claim_id,claim_status,line_id,service_on,charged,\
patient_due,insurance_state,payment_plan,plan_amount,plan_next_on,autopay,card_last4,charge_amount,\
charge_on,failed_autopay_on,high_deductible,paperless,paperless_consent_on\n";

/// The book of one patient with these cells about what was agreed.
async fn import(office: &Office, due: &str, cells: &str) -> importing::Report {
    let row = format!("p1,Ann Chen,c1,ready,1,2026-01-05,90.00,{due},finished,{cells}\n");
    office.run(office.request(&format!("{HEAD}{row}"), Mode::Full)).await
}

async fn ann(office: &Office) -> GuarantorId {
    let mut db = office.store.read().await.unwrap();
    guarantor::list_ids(&mut db, &office.practice, "", 10).await.unwrap().remove(0).id
}

async fn known(office: &Office) -> Known {
    let id = ann(office).await;
    let mut db = office.store.read().await.unwrap();
    arrangement::load(&mut db, &office.practice, &id).await.unwrap()
}

/// Whether the engine has something to look at.
async fn is_due(office: &Office) -> bool {
    let mut db = office.store.read().await.unwrap();
    let due = arrangement::list_due(&mut db, UnixMs(i64::MAX), 10).await.unwrap();
    assert_eq!(arrangement::find_next(&mut db).await.unwrap().is_some(), !due.is_empty());
    !due.is_empty()
}

async fn mark_looked_at(office: &Office) {
    let (practice, id) = (office.practice.clone(), ann(office).await);
    let write = office.store.write(move |db| {
        let (practice, id) = (practice.clone(), id.clone());
        Box::pin(async move { arrangement::mark_next(db, &practice, &id, None).await })
    });
    write.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_a_file_says_of_paying_is_kept_and_the_same_again_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        let all =
            "current,50.00,2026-03-20,yes,0042,125.00,2026-03-24,2026-03-03,yes,yes,2026-02-01";
        import(&office, "80.00", all).await;
        let first = known(&office).await;
        let plan = first.arrangement.plan.unwrap();
        assert_eq!(plan.standing, PlanStanding::Kept);
        assert_eq!(plan.next, Some(Instalment { amount: Cents(50_00), on: date(2026, 3, 20) }));
        let autopay = first.arrangement.autopay.unwrap();
        let card = LastFour::parse("0042").unwrap();
        let charge = Charge { card, amount: Cents(125_00), on: date(2026, 3, 24) };
        assert_eq!((autopay.is_on, autopay.charge), (true, Some(charge)));
        assert_eq!(autopay.failed_on, Some(date(2026, 3, 3)));
        assert_eq!(first.arrangement.has_high_deductible, Some(true));
        assert!(first.arrangement.is_paperless());
        assert!(first.plan_said_at.is_some_and(|at| at.0 > MORNING));
        assert!(is_due(&office).await);

        mark_looked_at(&office).await;
        let again = import(&office, "80.00", all).await;
        assert_eq!((again.unchanged, again.accepted), (1, 0));
        assert_eq!(known(&office).await, first, "with the days on which it was first said so");
        assert!(!is_due(&office).await, "there is nothing new to look at");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_impossible_row_is_refused_and_changes_nothing_of_what_was_agreed() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        import(&office, "80.00", "current,50.00,2026-03-20,,,,,,,,").await;
        let before = known(&office).await;
        let report = import(&office, "80.00", ",,,yes,4242424242424242,,,,,,").await;
        assert_eq!(report.refused, 1);
        let refused = office.report_of_refused_rows(&report.id).await;
        assert!(refused.contains("card_last4") && !refused.contains("4242"), "{refused}");
        assert_eq!(known(&office).await, before);
    }
}
