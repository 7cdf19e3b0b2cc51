//! People of a file: consent and opt-outs, who is responsible, and what somebody decided here.

use domain::{
    clock::UnixMs,
    decide::{Channel, Consent, ConsentSource, SuppressionReason, SuppressionScope},
    id::GuarantorId,
};
use store::{
    consent,
    contact::{self, Contact, Kind},
    guarantor::{self, Guarantor},
    suppression,
};

use crate::office::{Line, MORNING, Office, line, lines, offices};

const PHONE: &str = "+12125550123";

async fn account(office: &Office, source_id: &str) -> Guarantor {
    let mut db = office.store.read().await.unwrap();
    let named = guarantor::list_ids(&mut db, &office.practice, "", 100).await.unwrap();
    let found = named.into_iter().find(|one| one.external_id == source_id).unwrap();
    guarantor::load(&mut db, &office.practice, &found.id).await.unwrap().unwrap()
}

async fn contacts_of(office: &Office, id: &GuarantorId) -> Vec<Contact> {
    let mut db = office.store.read().await.unwrap();
    contact::list(&mut db, &office.practice, id).await.unwrap()
}

fn index(office: &Office) -> String {
    contact::value_index(office.store.keys(), &office.practice, Kind::Phone, PHONE)
}

async fn consent_now(office: &Office) -> Option<Consent> {
    let mut db = office.store.read().await.unwrap();
    let index = index(office);
    let found = consent::load_many(&mut db, &office.practice, std::slice::from_ref(&index)).await;
    found.unwrap().get(&(index, Channel::Text)).copied()
}

/// As the reply STOP does it: an opt-out, and its evidence.
async fn stop(office: &Office) {
    let (world, practice, index) = (office.world.clone(), office.practice.clone(), index(office));
    let write = office.store.write(move |db| {
        let (world, practice, index) = (world.clone(), practice.clone(), index.clone());
        Box::pin(async move {
            let opt_out = suppression::New {
                practice: practice.as_str(),
                value_index: &index,
                channel: Channel::Text,
                reason: SuppressionReason::Stop,
                scope: SuppressionScope::AllButReceipts,
                actor: "patient",
            };
            suppression::insert(db, &world, &opt_out).await?;
            let evidence = consent::New {
                value_index: &index,
                channel: Channel::Text,
                granted: false,
                source: ConsentSource::Keyword,
                wording: "STOP",
                actor: "patient",
                at: world.now(),
            };
            consent::insert(db, &world, &practice, &evidence).await
        })
    });
    write.await.unwrap();
}

fn with_phone(consent: &'static str, on: &'static str) -> Line {
    Line { phone: "(212) 555-0123", consent, consent_on: on, ..line(0) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_with_consent_may_be_texted_and_one_without_may_not() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        office.full(&[with_phone("", "")]).await;
        let id = account(&office, "p00000").await.id;
        assert_eq!(consent_now(&office).await, None);
        assert_eq!(contacts_of(&office, &id).await[0].text_enabled_at, None);
        office.full(&[with_phone("yes", "2026-02-01")]).await;
        let given = consent_now(&office).await.unwrap();
        assert!(given.granted);
        assert_eq!(given.source, ConsentSource::Import);
        assert_eq!(given.at, UnixMs::parse_rfc3339("2026-02-01T17:00:00Z").unwrap());
        let contacts = contacts_of(&office, &id).await;
        assert_eq!((contacts.len(), contacts[0].value.as_str()), (1, PHONE));
        assert!(contacts[0].text_enabled_at.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_for_a_shared_phone_is_for_each_account_that_gave_it() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        let shared = |number, consent, on| Line {
            phone: "(212) 555-0123",
            consent,
            consent_on: on,
            ..line(number)
        };
        let (yes, on) = ("yes", "2026-02-01");
        office.full(&[shared(0, yes, on), shared(1, yes, on), shared(2, "", "")]).await;
        let mut may_be_texted = Vec::new();
        for source_id in ["p00000", "p00001", "p00002"] {
            let id = account(&office, source_id).await.id;
            may_be_texted.push(contacts_of(&office, &id).await[0].text_enabled_at.is_some());
        }
        assert_eq!(may_be_texted, [true, true, false], "who said nothing agreed to nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_of_today_was_not_given_at_a_noon_that_is_still_to_come() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        for on in ["2026-03-04", ""] {
            office.full(&[with_phone("yes", on)]).await;
            let given = consent_now(&office).await.unwrap();
            assert!(given.at <= office.world.now() && given.at.0 >= MORNING);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_import_clears_an_opt_out() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        office.full(&[with_phone("yes", "2026-02-01")]).await;
        stop(&office).await;
        // The file still says yes; then says so of this very day; then of tomorrow, without a day.
        office.full(&[with_phone("yes", "2026-02-01")]).await;
        assert!(!consent_now(&office).await.unwrap().granted);
        office.full(&[with_phone("yes", "2026-03-04")]).await;
        assert!(!consent_now(&office).await.unwrap().granted, "a yes of the same day");
        office.advance_hours(30);
        office.full(&[with_phone("yes", "")]).await;
        let index = index(&office);
        let mut db = office.store.read().await.unwrap();
        let one = std::slice::from_ref(&index);
        let stands = suppression::load_many(&mut db, &office.practice, one).await.unwrap();
        assert_eq!(stands[&(index.clone(), Channel::Text)].reason, SuppressionReason::Stop);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_in_the_file_counts_at_once() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        office.full(&[with_phone("yes", "2026-02-01")]).await;
        office.full(&[with_phone("no", "2026-03-04")]).await;
        assert!(!consent_now(&office).await.unwrap().granted);
        let id = account(&office, "p00000").await.id;
        assert_eq!(contacts_of(&office, &id).await[0].text_enabled_at, None);
        // An older yes, found in a drawer, is older.
        office.full(&[with_phone("yes", "2026-02-10")]).await;
        assert!(!consent_now(&office).await.unwrap().granted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_staff_removed_stays_removed_while_the_file_still_has_it() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        office.full(&[with_phone("yes", "2026-02-01")]).await;
        let id = account(&office, "p00000").await.id;
        let contact = contacts_of(&office, &id).await.remove(0).id;
        let (practice, owner, now) = (office.practice.clone(), id.clone(), office.world.now());
        let write = office.store.write(move |db| {
            let (practice, owner, contact) = (practice.clone(), owner.clone(), contact.clone());
            Box::pin(
                async move { contact::mark_removed(db, &practice, &owner, &contact, now).await },
            )
        });
        assert!(write.await.unwrap());
        office.full(&[Line { due: "21.00".into(), ..with_phone("yes", "2026-03-01") }]).await;
        assert!(contacts_of(&office, &id).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_source_leaves_out_stays_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        office.full(&[Line { zip: "10001", ..line(0) }]).await;
        office.full(&[Line { due: "21.00".into(), ..line(0) }]).await;
        let zip = account(&office, "p00000").await.address.zip;
        assert_eq!(zip.unwrap().as_str(), "10001");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contacts_file_names_who_is_responsible_and_a_later_balance_file_leaves_it() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        let balances = lines(0..3);
        office.full(&balances).await;
        let contacts = "patient_id,guarantor_id,guarantor_name,phone,text_consent,state,zip\n\
            p00000,g9,Rosa Lopez,(212) 555-0123,yes,NY,10001\n\
            p00001,g9,Rosa Lopez,,,NY,10001\n\
            p00002,,,(718) 555-0111,no,NY,11201\n\
            p77777,g9,Rosa Lopez,,,NY,10001\n";
        let report = office.contacts(contacts).await;
        assert_eq!(report.book.open_cents, 6_000);
        let rosa = account(&office, "g9").await;
        assert_eq!(
            (rosa.name.as_str(), rosa.address.zip.unwrap().as_str()),
            ("Rosa Lopez", "10001")
        );
        let due = due(&office, &rosa.id).await;
        assert_eq!(due, 4_000, "the visits followed");
        assert!(office.report_of_refused_rows(&report.id).await.contains("unknown_patient"));

        let book = office.full(&balances).await;
        assert_eq!((book.unchanged, book.accepted), (3, 0));
        assert_eq!(self::due(&office, &rosa.id).await, 4_000);
        let own = account(&office, "p00002").await;
        assert_eq!(own.address.zip.unwrap().as_str(), "11201", "the correction stays");
        let version = account(&office, "g9").await.version;
        office.contacts(contacts).await;
        assert_eq!(account(&office, "g9").await.version, version, "nothing new");
    }
}

async fn due(office: &Office, guarantor: &GuarantorId) -> i64 {
    let mut db = office.store.read().await.unwrap();
    let one = std::slice::from_ref(guarantor);
    let rows = store::balance::due_of_many(&mut db, &office.practice, one).await.unwrap();
    rows[guarantor].due.0
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_looks_at_both_accounts_when_a_patient_moves_between_them() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        office.full(&[Line { guarantor: "g1", ..line(0) }]).await;
        let first = account(&office, "g1").await.id;
        let (practice, looked) = (office.practice.clone(), first.clone());
        let now = office.world.now();
        let write = office.store.write(move |db| {
            let (practice, looked) = (practice.clone(), looked.clone());
            Box::pin(
                async move { guarantor::mark_checked(db, &practice, &looked, now, None).await },
            )
        });
        write.await.unwrap();
        assert_eq!(account(&office, "g1").await.next_check_at, None);
        office.full(&[Line { guarantor: "g2", ..line(0) }]).await;
        assert!(account(&office, "g1").await.next_check_at.is_some());
        assert!(account(&office, "g2").await.next_check_at.is_some());
        let second = account(&office, "g2").await.id;
        assert_eq!((due(&office, &first).await, due(&office, &second).await), (0, 2_000));
    }
}
