//! Phones and emails of an import, and what was agreed to. Never clears a suppression (M21), and
//! never brings back a contact that somebody removed here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{
    book::{self, Preferred, TextConsent},
    clock::{DAY_MS, UnixMs},
    decide::{Channel, Consent, ConsentSource, LineType},
    id::{ConsentId, ContactId},
};

use super::people::{Fate, Scope, find_owners, mark_checks};
use crate::{
    Db, Result,
    backend::{LIST_LONGEST, padded, rows_of_values, with_list},
    consent, contact,
};

/// Rows of one insert. Measured with the claims' (see there).
const ROWS_AT_ONCE: usize = 64;

/// A contact that stands in the book, or stood there until somebody removed it.
struct Known {
    id: String,
    is_removed: bool,
}

/// What one step writes; a later row of the step sees what an earlier one adds.
struct Step {
    /// By guarantor and index; the kind is part of the index.
    contacts: HashMap<(String, String), Known>,
    consents: BTreeMap<(String, Channel), Consent>,
    preferred: HashMap<String, Option<String>>,
    new_contacts: Vec<NewContact>,
    new_consents: Vec<NewConsent>,
    /// Phones that were there already and are now agreed to, or no longer.
    text_marks: Vec<(String, String, bool)>,
    new_preferred: BTreeMap<Preferred, BTreeSet<String>>,
}

struct NewContact {
    id: String,
    guarantor: String,
    kind: contact::Kind,
    value: String,
    index: String,
    masked: String,
    text_enabled_at: Option<i64>,
}

struct NewConsent {
    index: String,
    granted: bool,
    source: ConsentSource,
    wording: String,
    at: UnixMs,
}

/// Contacts in the order said; the fates are in the same order.
pub(super) async fn keep_contacts(
    db: &mut Db,
    scope: &Scope<'_>,
    said: &[book::Contact],
) -> Result<Vec<Fate>> {
    let owners = find_owners(db, scope, said.iter().map(|said| &said.owner)).await?;
    let mut step = load_step(db, scope, said, &owners).await?;
    let (mut fates, mut checks) = (Vec::with_capacity(said.len()), BTreeSet::new());
    for (said, owner) in said.iter().zip(owners) {
        let fate = match owner {
            Ok(guarantor) => {
                let changed = step.keep(db, scope, &guarantor, said);
                if changed {
                    checks.insert(guarantor);
                }
                Fate::of(changed)
            }
            Err(refused) => refused,
        };
        fates.push(fate);
    }
    step.write(db, scope).await?;
    mark_checks(db, scope, &checks).await?;
    Ok(fates)
}

async fn load_step(
    db: &mut Db,
    scope: &Scope<'_>,
    said: &[book::Contact],
    owners: &[std::result::Result<String, Fate>],
) -> Result<Step> {
    let guarantors: BTreeSet<&str> =
        owners.iter().filter_map(|owner| owner.as_deref().ok()).collect();
    let guarantors: Vec<&str> = guarantors.into_iter().collect();
    let keys = db.keys();
    let phones: BTreeSet<String> = said
        .iter()
        .filter_map(|said| said.phone.as_ref())
        .map(|phone| {
            contact::value_index(&keys, scope.practice, contact::Kind::Phone, phone.as_str())
        })
        .collect();
    let phones: Vec<String> = phones.into_iter().collect();
    Ok(Step {
        contacts: known_contacts(db, scope, &guarantors).await?,
        consents: consent::load_many(db, scope.practice, &phones).await?,
        preferred: known_preferred(db, scope, &guarantors).await?,
        new_contacts: Vec::new(),
        new_consents: Vec::new(),
        text_marks: Vec::new(),
        new_preferred: BTreeMap::new(),
    })
}

async fn known_contacts(
    db: &mut Db,
    scope: &Scope<'_>,
    guarantors: &[&str],
) -> Result<HashMap<(String, String), Known>> {
    const LIST: &str = "select guarantor_id, value_index, id, removed_at_ms from contact
        where practice_id = $1 and guarantor_id in ($list)";
    let mut found = HashMap::new();
    for chunk in guarantors.chunks(LIST_LONGEST) {
        let ids = padded(chunk);
        let mut query = sqlx::query_as(with_list(LIST, 2, ids.len())).bind(scope.practice.as_str());
        for id in ids {
            query = query.bind(id);
        }
        let rows: Vec<(String, String, String, Option<i64>)> = query.fetch_all(db.c()).await?;
        found.extend(rows.into_iter().map(|(guarantor, index, id, removed)| {
            ((guarantor, index), Known { id, is_removed: removed.is_some() })
        }));
    }
    Ok(found)
}

async fn known_preferred(
    db: &mut Db,
    scope: &Scope<'_>,
    guarantors: &[&str],
) -> Result<HashMap<String, Option<String>>> {
    const LIST: &str = "select id, preferred from guarantor
        where practice_id = $1 and id in ($list)";
    let mut found = HashMap::new();
    for chunk in guarantors.chunks(LIST_LONGEST) {
        let ids = padded(chunk);
        let mut query = sqlx::query_as(with_list(LIST, 2, ids.len())).bind(scope.practice.as_str());
        for id in ids {
            query = query.bind(id);
        }
        let rows: Vec<(String, Option<String>)> = query.fetch_all(db.c()).await?;
        found.extend(rows);
    }
    Ok(found)
}

impl Step {
    /// Takes in one row; true when it says anything new.
    fn keep(&mut self, db: &Db, scope: &Scope<'_>, guarantor: &str, said: &book::Contact) -> bool {
        let mut changed = false;
        if let Some(phone) = &said.phone {
            let (value, kind) = (phone.as_str(), contact::Kind::Phone);
            let (added, stands) =
                self.keep_value(db, scope, guarantor, kind, value, phone.masked());
            changed |= added;
            if stands {
                changed |= self.keep_consent(db, scope, guarantor, value, said);
            }
        }
        if let Some(email) = &said.email {
            let (value, kind) = (email.as_str(), contact::Kind::Email);
            changed |= self.keep_value(db, scope, guarantor, kind, value, email.masked()).0;
        }
        if let Some(preferred) = said.preferred
            && self.preferred.get(guarantor).and_then(Option::as_deref) != Some(preferred.as_str())
        {
            self.preferred.insert(guarantor.to_owned(), Some(preferred.as_str().to_owned()));
            for others in self.new_preferred.values_mut() {
                others.remove(guarantor);
            }
            self.new_preferred.entry(preferred).or_default().insert(guarantor.to_owned());
            changed = true;
        }
        changed
    }

    /// Whether it is new, and whether it stands: what somebody removed here is not brought back by
    /// a file that still has it.
    fn keep_value(
        &mut self,
        db: &Db,
        scope: &Scope<'_>,
        guarantor: &str,
        kind: contact::Kind,
        value: &str,
        masked: String,
    ) -> (bool, bool) {
        let index = contact::value_index(&db.keys(), scope.practice, kind, value);
        let key = (guarantor.to_owned(), index.clone());
        if let Some(known) = self.contacts.get(&key) {
            return (false, !known.is_removed);
        }
        let id = scope.world.mint::<ContactId>().to_string();
        self.contacts.insert(key, Known { id: id.clone(), is_removed: false });
        self.new_contacts.push(NewContact {
            id,
            guarantor: guarantor.to_owned(),
            kind,
            value: value.to_owned(),
            index,
            masked,
            text_enabled_at: None,
        });
        (true, true)
    }

    /// What the file says about texts to this phone, unless the ledger says it already or something
    /// newer. A day says nothing of the hour: a yes does not undo a no of the same day.
    fn keep_consent(
        &mut self,
        db: &Db,
        scope: &Scope<'_>,
        guarantor: &str,
        phone: &str,
        said: &book::Contact,
    ) -> bool {
        let by_call = TextConsent { is_granted: true, on: None, source: None };
        let (text, source) = match (&said.text_consent, said.call_opt_in) {
            (Some(text), _) => (text, ConsentSource::Import),
            (None, Some(true)) => (&by_call, ConsentSource::PhoneReminders),
            (None, _) => return false,
        };
        let index = contact::value_index(&db.keys(), scope.practice, contact::Kind::Phone, phone);
        let latest = self.consents.get(&(index.clone(), Channel::Text));
        let now = scope.world.now();
        let noon = noon(text.on.unwrap_or(scope.said_on));
        // What is recorded for today was said by now, not at a noon that is still to come.
        let at = noon.min(now);
        let newer_from = if text.is_granted { noon.minus_ms(DAY_MS * 17 / 24) } else { at };
        if latest.is_some_and(|l| l.granted == text.is_granted || l.at > newer_from) {
            // A yes is for the phone: another account of it gave it before this one came.
            if text.is_granted && latest.is_some_and(|l| l.granted) {
                self.enable_new(guarantor, &index, now.0);
            }
            return false;
        }
        let consent = Consent { granted: text.is_granted, source, at };
        self.consents.insert((index.clone(), Channel::Text), consent);
        let wording = text.source.as_deref().unwrap_or("as recorded by the practice").to_owned();
        let granted = text.is_granted;
        let new = NewConsent { index: index.clone(), granted, source, wording, at };
        self.new_consents.push(new);
        let Some(known) = self.contacts.get(&(guarantor.to_owned(), index)) else { return true };
        // Said in this step: it is among the last ones.
        match self.new_contacts.iter_mut().rev().find(|new| new.id == known.id) {
            Some(new) => new.text_enabled_at = granted.then_some(now.0),
            None => self.text_marks.push((guarantor.to_owned(), known.id.clone(), granted)),
        }
        true
    }

    /// Texts to a phone that this step adds; on one that was known, staff may have switched them off.
    fn enable_new(&mut self, guarantor: &str, index: &str, at_ms: i64) {
        let mut new = self.new_contacts.iter_mut().rev();
        let own = new.find(|new| new.guarantor == guarantor && new.index == index);
        if let Some(own) = own {
            own.text_enabled_at.get_or_insert(at_ms);
        }
    }

    async fn write(self, db: &mut Db, scope: &Scope<'_>) -> Result<()> {
        insert_contacts(db, scope, &self.new_contacts).await?;
        insert_consents(db, scope, &self.new_consents).await?;
        let now = scope.world.now();
        for (guarantor, id, granted) in self.text_marks {
            let (guarantor, id) =
                (domain::id::GuarantorId::trusted(guarantor), ContactId::trusted(id));
            let by = granted.then_some(("import", now));
            contact::mark_text_enabled(db, scope.practice, &guarantor, &id, by).await?;
        }
        for (preferred, guarantors) in self.new_preferred {
            mark_preferred(db, scope, preferred, &guarantors).await?;
        }
        Ok(())
    }
}

async fn insert_contacts(db: &mut Db, scope: &Scope<'_>, new: &[NewContact]) -> Result<()> {
    const HEAD: &str = "insert into contact (id, practice_id, guarantor_id, kind, value_sealed,
        value_index, global_index, masked, line_type, source, text_enabled_at_ms, text_enabled_by,
        created_at_ms)";
    let keys = db.keys();
    let source = format!("import:{}", scope.source);
    for chunk in new.chunks(ROWS_AT_ONCE) {
        let mut query = sqlx::query(rows_of_values(db.kind, HEAD, 13, chunk.len(), ""));
        for new in chunk {
            let place = contact::place(scope.practice, &new.id);
            query = query
                .bind(&new.id)
                .bind(scope.practice.as_str())
                .bind(&new.guarantor)
                .bind(new.kind.as_str())
                .bind(keys.seal(place, &new.value))
                .bind(&new.index)
                .bind(contact::global_index(&keys, new.kind, &new.value))
                .bind(&new.masked)
                .bind(contact::line_code(LineType::Unknown))
                .bind(&source)
                .bind(new.text_enabled_at)
                .bind(new.text_enabled_at.map(|_| "import"))
                .bind(scope.world.now().0);
        }
        query.execute(db.c()).await?;
    }
    Ok(())
}

async fn insert_consents(db: &mut Db, scope: &Scope<'_>, new: &[NewConsent]) -> Result<()> {
    const HEAD: &str = "insert into consent (id, practice_id, value_index, channel, granted,
        source, wording, actor, at_ms)";
    let actor = format!("import:{}", scope.source);
    for chunk in new.chunks(ROWS_AT_ONCE) {
        let mut query = sqlx::query(rows_of_values(db.kind, HEAD, 9, chunk.len(), ""));
        for new in chunk {
            query = query
                .bind(scope.world.mint::<ConsentId>().to_string())
                .bind(scope.practice.as_str())
                .bind(&new.index)
                .bind(Channel::Text.as_str())
                .bind(i64::from(new.granted))
                .bind(consent::source_code(new.source))
                .bind(&new.wording)
                .bind(&actor)
                .bind(new.at.0);
        }
        query.execute(db.c()).await?;
    }
    Ok(())
}

async fn mark_preferred(
    db: &mut Db,
    scope: &Scope<'_>,
    preferred: Preferred,
    guarantors: &BTreeSet<String>,
) -> Result<()> {
    const MARK: &str = "update guarantor set preferred = $2, version = version + 1
        where practice_id = $1 and id in ($list)";
    let ids: Vec<&str> = guarantors.iter().map(String::as_str).collect();
    for chunk in ids.chunks(LIST_LONGEST) {
        let ids = padded(chunk);
        let mut query = sqlx::query(with_list(MARK, 3, ids.len()))
            .bind(scope.practice.as_str())
            .bind(preferred.as_str());
        for id in ids {
            query = query.bind(id);
        }
        query.execute(db.c()).await?;
    }
    Ok(())
}

/// A recorded day counts from its noon in New York, in winter: inside that day in every US zone.
pub(super) fn noon(day: jiff::civil::Date) -> UnixMs {
    let at = day.at(17, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC);
    UnixMs(at.map_or(0, |zoned| zoned.timestamp().as_millisecond()))
}
