//! A glance sees what its parts see, whatever has happened to the account, on both databases.

use std::sync::Arc;

use domain::{
    clock::{Chance, Clock, HOUR_MS, World},
    id::{GuarantorId, PatientId, PracticeId},
    money::Cents,
};
use jiff::civil::date;

use super::*;
use crate::{
    Store, attempt, hold, import,
    keys::OsChance,
    link, payment,
    scratch::{self, ScratchClaim},
};

const NOW: UnixMs = UnixMs(1_772_636_400_000);
const HASH: &str = "hash-of-the-link";

struct Still;

impl Clock for Still {
    fn now(&self) -> UnixMs {
        NOW
    }
}

/// What happens to the account, one after the other. `$1` is the practice, `$2` the guarantor.
const EVENTS: [(&str, &str); 9] = [
    (
        "the patient speaks Spanish",
        "update guarantor set language = 'es' where practice_id = $1 and id = $2",
    ),
    (
        "a hold",
        "insert into hold (id, practice_id, guarantor_id, kind, reason, placed_by, placed_at_ms)
            values ('hld_1', $1, $2, 'dispute', 'asks', 'staff:s', 1)",
    ),
    (
        "the hold is lifted",
        "update hold set lifted_at_ms = 2 where practice_id = $1 and guarantor_id = $2",
    ),
    (
        "a payment is being made",
        "insert into attempt (id, practice_id, guarantor_id, flow, source, state, rank,
            amount_cents, currency, shown_due_cents, link_hash, language, created_at_ms,
            expires_at_ms)
            values ('att_1', $1, $2, 'element', 'link', 'open', 1, 8200, 'usd', 8200,
            'hash-of-the-link', 'en', 1772636400000, 1772639000000)",
    ),
    (
        "the bank does not answer",
        "update attempt set state = 'unknown' where practice_id = $1 and guarantor_id = $2",
    ),
    (
        "the bank declines",
        "update attempt set state = 'declined' where practice_id = $1 and guarantor_id = $2",
    ),
    (
        "a file is held",
        "insert into import (id, practice_id, source, format, mode, file_name, as_of_on, state,
            started_by, started_at_ms)
            select 'imp_1', practice_id, 'main', 'clearbill', 'full', 'f.csv', '2026-03-04',
            'held', 'staff:s', 1 from guarantor where practice_id = $1 and id = $2",
    ),
    (
        "the file is accepted",
        "update import set state = 'done' where practice_id = $1 and $2 <> ''",
    ),
    (
        "a payment from another day",
        "insert into payment (id, practice_id, guarantor_id, attempt_id, intent_id, charge_id,
            captured_cents, currency, source, brand, last4, reference, received_at_ms)
            values ('pay_1', $1, $2, 'att_1', 'pi_1', 'ch_1', 500, 'usd', 'link', 'visa', '4242',
            'ref_1', 1)",
    ),
];

async fn sees_what_its_parts_see(
    store: &Store,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    after: &str,
) -> Glance {
    let mut db = store.read().await.unwrap();
    let since = NOW.minus_ms(HOUR_MS);
    let seen = find(&mut db, HASH, NOW, since).await.unwrap().expect("a live link");
    let link = link::find_by_hash(&mut db, HASH, NOW).await.unwrap().unwrap();
    assert_eq!(format!("{:?}", seen.link), format!("{link:?}"), "{after}");
    let whole = practice::load(&mut db, practice).await.unwrap().unwrap();
    assert_eq!(format!("{:?}", seen.practice), format!("{whole:?}"), "{after}");
    assert_eq!(seen.merchant, merchant::load(&mut db, practice).await.unwrap(), "{after}");
    let language = crate::guarantor::find_language(&mut db, practice, guarantor).await.unwrap();
    assert_eq!(seen.language, language, "{after}");
    let open = attempt::find_open(&mut db, practice, guarantor).await.unwrap();
    assert_eq!(seen.open, open.map(|attempt| (attempt.id, attempt.state)), "{after}");
    let holds = hold::load_many(&mut db, practice, std::slice::from_ref(guarantor)).await.unwrap();
    assert_eq!(seen.has_holds, holds.values().any(|list| !list.is_empty()), "{after}");
    let paid = payment::list_by_guarantor(&mut db, practice, guarantor, 1).await.unwrap();
    assert_eq!(seen.has_payments, !paid.is_empty(), "{after}");
    let held = import::count_holding(&mut db, practice).await.unwrap();
    assert_eq!(seen.import_is_held, held > 0, "{after}");
    let declined = attempt::count_declined_on_link(&mut db, practice, HASH, since).await.unwrap();
    assert_eq!(seen.declined, declined, "{after}");
    if !seen.has_payments {
        let whole = crate::balance::load(&mut db, practice, guarantor).await.unwrap();
        let unpaid = crate::balance::load_unpaid(&mut db, practice, guarantor).await.unwrap();
        assert_eq!(format!("{unpaid:?}"), format!("{whole:?}"), "{after}");
    }
    seen
}

#[tokio::test]
async fn a_glance_sees_what_its_parts_see_after_everything_that_happens_to_an_account() {
    let dir = tempfile::tempdir().unwrap();
    for store in scratch::both(dir.path()).await.unwrap() {
        let chance: Arc<dyn Chance> = Arc::new(OsChance);
        let world = World { clock: Arc::new(Still), chance };
        let practice = scratch::insert_practice(&store, &world, "north").await.unwrap();
        let other = scratch::insert_practice(&store, &world, "south").await.unwrap();
        let (guarantor, patient): (GuarantorId, PatientId) = (world.mint(), world.mint());
        let claims = [ScratchClaim::ready(&patient, Cents(82_00), date(2026, 1, 12))];
        let name = "Zoë Ámbar";
        scratch::insert_account(&store, &world, &practice, &guarantor, name, &claims)
            .await
            .unwrap();
        let stranger: GuarantorId = world.mint();
        scratch::insert_account(&store, &world, &other, &stranger, name, &[]).await.unwrap();
        let new = link::New {
            token_hash: HASH.into(),
            guarantor: guarantor.clone(),
            contact: None,
            message: None,
            advertised: Some(Cents(82_00)),
            claim: None,
            expires_at: NOW.plus_ms(HOUR_MS),
        };
        let merchant = Merchant {
            base_url: "https://processor.example".into(),
            secret_key: "sk_test".into(),
            publishable_key: "pk_test".into(),
            webhook_secrets: Vec::new(),
            js_url: "https://processor.example/js".into(),
            checkout_origin: "https://checkout.example".into(),
            account: None,
            livemode: false,
        };
        let owner = practice.clone();
        store
            .write(move |db| {
                let (owner, new, merchant) = (owner.clone(), new.clone(), merchant.clone());
                Box::pin(async move {
                    link::insert_many(db, &owner, &[new], NOW).await?;
                    merchant::mark(db, &owner, &merchant, NOW).await
                })
            })
            .await
            .unwrap();
        let mut changes = Vec::new();
        let seen = sees_what_its_parts_see(&store, &practice, &guarantor, "nothing").await;
        changes.push(format!("{seen:?}"));
        for (what, sql) in EVENTS {
            // The same in another practice changes nothing here.
            for (practice, guarantor) in [(&other, &stranger), (&practice, &guarantor)] {
                let unique = sql.replace("_1'", if practice == &other { "_2'" } else { "_1'" });
                let (practice, guarantor) = (practice.clone(), guarantor.clone());
                store
                    .write(move |db| {
                        let sql = sqlx::AssertSqlSafe(unique.clone());
                        let (practice, guarantor) = (practice.clone(), guarantor.clone());
                        Box::pin(async move {
                            sqlx::query(sql)
                                .bind(practice.as_str())
                                .bind(guarantor.as_str())
                                .execute(db.c())
                                .await?;
                            Ok(())
                        })
                    })
                    .await
                    .unwrap();
            }
            let seen = sees_what_its_parts_see(&store, &practice, &guarantor, what).await;
            changes.push(format!("{seen:?}"));
        }
        changes.dedup();
        assert_eq!(changes.len(), EVENTS.len() + 1, "each of them shows");
        let mut db = store.read().await.unwrap();
        assert!(find(&mut db, "another", NOW, NOW).await.unwrap().is_none());
        let later = NOW.plus_ms(2 * HOUR_MS);
        assert!(find(&mut db, HASH, later, later).await.unwrap().is_none(), "it has expired");
    }
}
