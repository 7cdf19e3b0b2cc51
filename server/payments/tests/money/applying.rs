use domain::{id::ClaimId, money::Cents, payment::Refusal, proposal::Reason};
use payments::{ApplyLine, PayError};
use store::payment::{Filter, Order, Stage};

use crate::house::{FULL, House, biller, houses};

fn line(claim: &ClaimId, amount: i64) -> ApplyLine {
    ApplyLine { claim: claim.clone(), amount: Cents(amount) }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, PayError>) -> Refusal {
    match result {
        Err(PayError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn unapplied() -> Filter {
    Filter { stage: Stage::Unapplied, ..Filter::default() }
}

async fn status(house: &House, claim: &ClaimId) -> String {
    store::scratch::find_claim_status(&house.store, claim).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_waits_unapplied_with_a_proposal_and_settles_its_claim() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let payment = house.pay(&house.maria, FULL, FULL).await.payment;
        let found = house.all(unapplied()).await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].row.unapplied, Cents(FULL));
        assert_eq!(found[0].row.guarantor_name, "Maria Lopez");
        let proposal = found[0].proposal.clone().unwrap();
        assert_eq!(proposal.lines[0].reason, Reason::EqualsWholeAccount);

        let (lines, staff) = ([line(&proposal.lines[0].claim, FULL)], biller());
        let apply =
            house.payments.apply(&house.practice, &payment.id, &lines, payment.version, &staff);
        let journal = apply.await.unwrap();
        assert_eq!(status(&house, &house.marias_claim).await, "settled");
        assert!(house.all(unapplied()).await.is_empty());
        assert_eq!(house.due(&house.maria).await, 0);
        house.check().await;

        let version = house.version(&payment).await;
        let undo = || house.payments.unapply(&house.practice, &journal, version, &staff);
        undo().await.unwrap();
        assert_eq!(status(&house, &house.marias_claim).await, "ready");
        assert!(matches!(refusal(undo().await), Refusal::ChangedMeanwhile { .. }));
        let version = house.version(&payment).await;
        let again = house.payments.unapply(&house.practice, &journal, version, &biller()).await;
        assert_eq!(refusal(again), Refusal::AlreadyUndone);
        assert_eq!(house.due(&house.maria).await, 0, "the money is still there, unapplied");
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_applies_more_than_there_is_or_to_somebody_elses_bill() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let (_, others) = house.somebody("Joe Park", &[5_000]).await;
        let payment = house.pay(&house.maria, FULL, 4_000).await.payment;
        let (claim, staff) = (&house.marias_claim, biller());
        let apply = async |lines: &[ApplyLine], version: i64| {
            let result = house.payments.apply(&house.practice, &payment.id, lines, version, &staff);
            refusal(result.await)
        };
        let only = Refusal::OnlyUnapplied { cents: Cents(4_000) };
        assert_eq!(apply(&[line(claim, 4_001)], 1).await, only);
        assert_eq!(apply(&[line(&others[0], 100)], 1).await, Refusal::NotFound);
        assert_eq!(apply(&[line(claim, 0)], 1).await, Refusal::AmountMissing);
        assert_eq!(apply(&[line(claim, -5)], 1).await, Refusal::AmountMissing);
        assert_eq!(apply(&[], 1).await, Refusal::BadLines);
        assert_eq!(apply(&[line(claim, 10), line(claim, 10)], 1).await, Refusal::BadLines);
        assert!(matches!(apply(&[line(claim, 10)], 7).await, Refusal::ChangedMeanwhile { .. }));
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_billers_apply_the_same_payment_and_one_is_told_to_reload() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let payment = house.pay(&house.maria, FULL, FULL).await.payment;
        let lines = [line(&house.marias_claim, 3_000)];
        let staff = biller();
        let apply = || house.payments.apply(&house.practice, &payment.id, &lines, 1, &staff);
        let (first, second) = futures_util::join!(apply(), apply());
        let refused = if first.is_ok() { second } else { first };
        match refusal(refused) {
            Refusal::ChangedMeanwhile { by, .. } => assert_eq!(by, "staff:stf_biller"),
            other => panic!("{other:?}"),
        }
        assert_eq!(house.due(&house.maria).await, 0);
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exact_matches_are_applied_together_and_the_others_wait() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let (joe, joes) = house.somebody("Joe Park", &[5_000, 2_500]).await;
        let (ann, _) = house.somebody("Ann Bell", &[2_500, 2_500]).await;
        house.pay(&house.maria, FULL, FULL).await;
        house.pay(&joe, 7_500, 2_500).await;
        house.pay(&ann, 5_000, 2_500).await;
        let done = house.payments.apply_exact_matches(&house.practice, &biller()).await.unwrap();
        assert_eq!((done.payments, done.cents, done.left), (2, Cents(FULL + 2_500), 0));
        assert_eq!(status(&house, &joes[1]).await, "settled");
        let waiting = house.all(unapplied()).await;
        assert_eq!(waiting.len(), 1);
        assert_eq!(waiting[0].row.guarantor, ann);
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn find_payment_finds_by_name_account_amount_and_reference() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let (joe, _) = house.somebody("José Núñez", &[5_000]).await;
        let marias = house.pay(&house.maria, FULL, FULL).await.payment;
        house.advance_minutes(10);
        let joes = house.pay(&joe, 5_000, 2_000).await.payment;
        let ids = async |filter: Filter| -> Vec<String> {
            house.all(filter).await.into_iter().map(|f| f.row.id.to_string()).collect()
        };
        let none = Filter::default;
        assert_eq!(ids(none()).await, [joes.id.as_str(), marias.id.as_str()], "newest first");
        let name = |n: &str| Filter { name: Some(n.into()), ..Filter::default() };
        assert_eq!(ids(name("jose nu")).await, [joes.id.as_str()]);
        assert_eq!(ids(name("MARIA")).await, [marias.id.as_str()]);
        assert!(ids(name("zz")).await.is_empty());
        let amount = Filter { amount: Some(Cents(2_000)), ..none() };
        assert_eq!(ids(amount).await, [joes.id.as_str()]);
        let reference = Filter { reference: Some(marias.reference.to_ascii_lowercase()), ..none() };
        assert_eq!(ids(reference).await, [marias.id.as_str()]);
        let account = Filter { account: Some(joe.to_string()), ..none() };
        assert_eq!(ids(account).await, [joes.id.as_str()]);
        let after = Filter { after: Some(joes.id.clone()), ..none() };
        assert_eq!(ids(after).await, [marias.id.as_str()]);
        for (order, first, second) in [
            (Order::Newest, &joes, &marias),
            (Order::Oldest, &marias, &joes),
            (Order::Largest, &marias, &joes),
            (Order::Smallest, &joes, &marias),
            (Order::NameUp, &joes, &marias),
            (Order::NameDown, &marias, &joes),
        ] {
            let sorted = Filter { order, ..none() };
            assert_eq!(ids(sorted.clone()).await, [first.id.as_str(), second.id.as_str()]);
            let rest = Filter { after: Some(first.id.clone()), ..sorted };
            assert_eq!(ids(rest).await, [second.id.as_str()], "{order:?}");
        }
        let detail = house.payments.payment_detail(&house.practice, &joes.id).await.unwrap();
        assert_eq!(detail.totals.unapplied, Cents(2_000));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_posted_in_the_practices_system_stops_netting_and_leaves_the_export() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let payment = house.pay(&house.maria, FULL, 5_000).await.payment;
        let lines = [line(&house.marias_claim, 4_000)];
        house.payments.apply(&house.practice, &payment.id, &lines, 1, &biller()).await.unwrap();
        let rows = house.payments.export_unposted(&house.practice, None, 10).await.unwrap();
        let mut amounts: Vec<_> =
            rows.iter().map(|r| (r.claim_external_id.clone(), r.amount_cents)).collect();
        amounts.sort();
        let claim = Some(house.marias_claim.to_string());
        assert_eq!(amounts, [(None, 1_000), (claim, 4_000)]);
        assert_eq!(house.due(&house.maria).await, FULL - 5_000);

        // The unapplied thousand is the office's to match now; what was applied stays off the bill.
        let ids = [payment.id.clone()];
        let marked = house.payments.mark_posted(&house.practice, &ids, &biller()).await.unwrap();
        assert_eq!(marked, 1);
        assert_eq!(house.due(&house.maria).await, FULL - 4_000);
        let rows = house.payments.export_unposted(&house.practice, None, 10).await.unwrap();
        assert!(rows.is_empty());
        let (version, staff) = (house.version(&payment).await, biller());
        let apply = house.payments.apply(&house.practice, &payment.id, &lines, version, &staff);
        assert_eq!(refusal(apply.await), Refusal::AlreadyPosted);

        assert!(
            house.payments.mark_unposted(&house.practice, &payment.id, &biller()).await.unwrap()
        );
        assert_eq!(house.due(&house.maria).await, FULL - 5_000);
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_family_paying_in_parts_overpays_nobody() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let (rosa, claims) = house.somebody("Rosa Diaz", &[5_000, 3_000, 2_000]).await;
        house.pay(&rosa, 10_000, 6_000).await;
        house.pay(&rosa, 4_000, 4_000).await;
        assert_eq!(house.due(&rosa).await, 0);
        let mut found = house.all(unapplied()).await;
        found.reverse();
        for payment in found {
            let fresh =
                house.payments.payment_detail(&house.practice, &payment.row.id).await.unwrap();
            let lines: Vec<ApplyLine> = fresh
                .proposal
                .unwrap()
                .lines
                .into_iter()
                .map(|l| ApplyLine { claim: l.claim, amount: l.amount })
                .collect();
            house
                .payments
                .apply(&house.practice, &payment.row.id, &lines, payment.row.version, &biller())
                .await
                .unwrap();
        }
        for claim in &claims {
            assert_eq!(status(&house, claim).await, "settled");
        }
        house.check().await;
    }
}
