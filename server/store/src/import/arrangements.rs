//! Plans, cards on file, deductibles and paperless bills of an import. What is said as it was changes
//! nothing; what is said differently is looked at by the engine at its next step. A consent to do
//! without paper, or its end, becomes a row of the evidence.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    arrangement::{Arrangement, Known},
    book::{self, Owner},
    clock::World,
    id::{GuarantorId, PracticeId},
};

use super::{
    contacts::noon,
    people::{Fate, Scope, find_owners, mark_checks},
};
use crate::{Db, Result, arrangement, consent};

/// Arrangements in the order said; the fates are in the same order.
pub(super) async fn keep_arrangements(
    db: &mut Db,
    scope: &Scope<'_>,
    said: &[book::Arrangement],
) -> Result<Vec<Fate>> {
    if said.is_empty() {
        return Ok(Vec::new());
    }
    let owners = find_owners(db, scope, said.iter().map(|said| &said.owner)).await?;
    let ids: BTreeSet<&String> = owners.iter().filter_map(|owner| owner.as_ref().ok()).collect();
    let ids: Vec<GuarantorId> = ids.into_iter().map(GuarantorId::trusted).collect();
    let mut known = arrangement::load_many(db, scope.practice, &ids).await?;
    let mut changed: BTreeMap<GuarantorId, Known> = BTreeMap::new();
    let mut fates = Vec::with_capacity(said.len());
    for (said, owner) in said.iter().zip(owners) {
        let guarantor = match owner {
            Ok(guarantor) => GuarantorId::trusted(guarantor),
            Err(refused) => {
                fates.push(refused);
                continue;
            }
        };
        let before = known.get(&guarantor).copied().unwrap_or_default();
        let after = after(scope, said, before);
        fates.push(Fate::of(after != before));
        if after == before {
            continue;
        }
        if after.arrangement.paperless != before.arrangement.paperless {
            note_consent(db, scope, &guarantor, &after).await?;
        }
        known.insert(guarantor.clone(), after);
        changed.insert(guarantor, after);
    }
    let checks: BTreeSet<String> = changed.keys().map(ToString::to_string).collect();
    let rows: Vec<(GuarantorId, Known)> = changed.into_iter().collect();
    arrangement::insert_or_replace(db, scope.practice, &rows, scope.world.now()).await?;
    mark_checks(db, scope, &checks).await?;
    Ok(fates)
}

/// A part that is said as it was keeps the day on which it was first said so.
fn after(scope: &Scope<'_>, said: &book::Arrangement, before: Known) -> Known {
    let now = scope.world.now();
    let arrangement = said.said.over(before.arrangement);
    let since = |is_same, known| if is_same { known } else { Some(now) };
    Known {
        arrangement,
        plan_said_at: since(arrangement.plan == before.arrangement.plan, before.plan_said_at),
        autopay_said_at: since(
            arrangement.autopay == before.arrangement.autopay,
            before.autopay_said_at,
        ),
    }
}

/// What is recorded without a day is no consent, and so no evidence of one.
async fn note_consent(
    db: &mut Db,
    scope: &Scope<'_>,
    guarantor: &GuarantorId,
    known: &Known,
) -> Result<()> {
    let Some(paperless) = known.arrangement.paperless else { return Ok(()) };
    let Some(day) = paperless.consent_on else { return Ok(()) };
    let at = noon(day).min(scope.world.now());
    let actor = format!("import:{}", scope.source);
    let granted = paperless.is_wanted;
    consent::insert_paperless(db, scope.world, scope.practice, guarantor, granted, &actor, at).await
}

/// As an import of the scratch book would say it, for tests of what follows from it.
pub(crate) async fn keep_scratch(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    said: Arrangement,
) -> Result<bool> {
    let said_on = world.now().day_in(&jiff::tz::TimeZone::UTC);
    let scope = Scope { world, practice, source: "scratch", said_on };
    let owner = Owner::Guarantor(guarantor.to_string());
    let fates = keep_arrangements(db, &scope, &[book::Arrangement { owner, said }]).await?;
    Ok(fates == [Fate::Changed])
}
