//! `/account/preferences`: what each contact on file may receive, when, and in which language. The
//! engine writes the consent down as evidence; what a carrier blocks since STOP only START lifts.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{http::StatusCode, web};
use app::{
    components::Errors,
    pages::{ContactChoice, Mistake, Preferences, TimingChoice},
    words::{Lang, Words},
};
use domain::{
    book::Language,
    decide::{Channel, Consent, Suppression, SuppressionReason, SuppressionScope},
    phone::E164,
    wishes::{Payday, QuietHours, SNOOZE_LONGEST_DAYS, Wishes as Times},
};
use jiff::{ToSpan, civil::Date};
use store::contact::{Contact, Kind};

use super::choose_language::see_other;
use crate::{
    door::page,
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::bill::{denied, shell},
    session::Patient,
    visit::Jar,
    wording::language_of,
};

const PATH: &str = "/account/preferences";
const SAVED: &str = "preferences";
const YEAR_MS: i64 = 365 * domain::clock::DAY_MS;

/// Contacts of the patient's accounts with what they agreed to.
struct Wishes {
    contacts: Vec<Contact>,
    consents: BTreeMap<(String, Channel), Consent>,
    stopped: BTreeMap<(String, Channel), Suppression>,
    /// Phones and emails that want no receipts, by their index.
    without_receipts: BTreeSet<String>,
    /// The times the patient's first account asked for; a form sets them for all of theirs.
    times: Times,
}

impl Wishes {
    async fn load(house: &House, patient: &Patient) -> Result<Self, Failure> {
        let practice = &patient.practice.id;
        let mut db = house.store.read().await?;
        let mut on_file = store::contact::list_many(&mut db, practice, &patient.guarantors).await?;
        let contacts: Vec<Contact> = patient
            .guarantors
            .iter()
            .flat_map(|guarantor| on_file.remove(guarantor).unwrap_or_default())
            .collect();
        let values: Vec<String> = contacts
            .iter()
            .flat_map(|contact| [contact.value_index.clone(), contact.global_index.clone()])
            .collect();
        let consents = store::consent::load_many(&mut db, practice, &values).await?;
        let stopped = store::suppression::load_many(&mut db, practice, &values).await?;
        let without_receipts =
            store::preference::list_without_receipts(&mut db, practice, &values).await?;
        let known = store::preference::load_many(&mut db, practice, &patient.guarantors).await?;
        let first = patient.guarantors.iter().find_map(|id| known.get(id));
        let times = first.map(|known| known.wishes).unwrap_or_default();
        Ok(Self { contacts, consents, stopped, without_receipts, times })
    }

    fn stop_of(&self, contact: &Contact) -> Option<&Suppression> {
        let channel = contact.kind.channel();
        let of = |index: &String| self.stopped.get(&(index.clone(), channel));
        of(&contact.value_index).or_else(|| of(&contact.global_index))
    }

    /// Reminders may go there, as far as the person has a say in it.
    fn is_on(&self, contact: &Contact) -> bool {
        let consent = self.consents.get(&(contact.value_index.clone(), contact.kind.channel()));
        let agreed = match contact.kind {
            // Texts need a yes, and a phone that is enabled; emails go unless somebody said no.
            Kind::Phone => {
                contact.text_enabled_at.is_some() && consent.is_some_and(|consent| consent.granted)
            }
            Kind::Email => consent.is_none_or(|consent| consent.granted),
            Kind::Fax | Kind::Address => return false,
        };
        agreed && self.stop_of(contact).is_none()
    }

    /// The carrier blocks our number since STOP: nothing here can lift that.
    fn is_blocked_by_carrier(&self, contact: &Contact) -> bool {
        contact.kind == Kind::Phone
            && self.stop_of(contact).is_some_and(|stop| {
                matches!(stop.reason, SuppressionReason::Stop | SuppressionReason::Carrier)
                    && stop.scope == SuppressionScope::Everything
            })
    }

    fn choices(&self, patient: &Patient) -> Vec<ContactChoice> {
        let number = patient.practice.settings.text_number.as_deref();
        let number = number.and_then(E164::from_normalised).map(|number| number.display());
        self.distinct()
            .filter(|contact| contact.kind == Kind::Email || patient.practice.texts_are_enabled())
            .map(|contact| ContactChoice {
                id: contact.id.to_string(),
                label: contact.masked.clone(),
                is_phone: contact.kind == Kind::Phone,
                is_on: self.is_on(contact),
                receipts_on: !self.without_receipts.contains(&contact.value_index),
                start_number: number.clone().filter(|_| self.is_blocked_by_carrier(contact)),
            })
            .collect()
    }

    /// One for each phone or email, however many accounts share it.
    fn distinct(&self) -> impl Iterator<Item = &Contact> {
        let mut seen = BTreeSet::new();
        self.contacts
            .iter()
            .filter(|contact| matches!(contact.kind, Kind::Phone | Kind::Email))
            .filter(move |contact| seen.insert(contact.value_index.as_str()))
    }
}

/// `GET /account/preferences`
pub async fn get(house: web::Data<House>, patient: Patient) -> Answer {
    let wishes = Wishes::load(&house, &patient).await?;
    let lang = language(&house, &patient).await?;
    let model = Preferences {
        contacts: wishes.choices(&patient),
        timing: timing_of(&wishes.times),
        lang,
        is_saved: patient.visit.said().as_deref() == Some(SAVED),
        ..Preferences::default()
    };
    Ok(page(StatusCode::OK, model.html(&shell(&house, &patient, PATH))))
}

async fn patient_words(house: &House, patient: &Patient) -> Result<Words, Failure> {
    Ok(Words::new(language(house, patient).await?))
}

async fn language(house: &House, patient: &Patient) -> Result<Lang, Failure> {
    let mut db = house.store.read().await?;
    let practice = &patient.practice.id;
    let of_login = store::login::load(&mut db, practice, &patient.login).await?;
    let of_login = of_login.and_then(|login| login.language);
    let lang = of_login.as_deref().and_then(Lang::from_code).or_else(|| patient.visit.lang());
    Ok(lang.unwrap_or_default())
}

/// `POST /account/preferences`: `on={contact}` and `receipts={contact}` for each that is wanted, the
/// times, `nothing`, and `lang`.
pub async fn post(house: web::Data<House>, patient: Patient, posted: Posted) -> Answer {
    let wishes = Wishes::load(&house, &patient).await?;
    let wanted: BTreeSet<&str> = posted.all("on").collect();
    let receipts: BTreeSet<&str> = posted.all("receipts").collect();
    let is_own = |id: &str| wishes.contacts.iter().any(|contact| contact.id.as_str() == id);
    if let Some(foreign) = wanted.union(&receipts).find(|id| !is_own(id)) {
        return Err(denied(&house, &patient, "contact", foreign).await);
    }
    let nothing = posted.has("nothing");
    let typed = typed_timing(&posted);
    let w = patient_words(&house, &patient).await?;
    let settings = &patient.practice.settings;
    let today = house.world.now().day_in(&patient.practice.zone());
    let (times, mut errors) =
        times_of(w, &typed, today, settings.window_from_hour, settings.window_until_hour);
    // Only who is reminded now can stop being reminded by this form.
    let was_reached = wishes.distinct().any(|contact| wishes.is_on(contact));
    let stays_reached = wishes.distinct().any(|contact| {
        wanted.contains(contact.id.as_str()) && !wishes.is_blocked_by_carrier(contact)
    });
    if was_reached && !stays_reached && !nothing {
        errors = errors.on("nothing", Mistake::NothingLeft.words(w));
    }
    if !errors.is_empty() {
        let mut contacts = wishes.choices(&patient);
        for choice in &mut contacts {
            choice.is_on = wanted.contains(choice.id.as_str());
            choice.receipts_on = receipts.contains(choice.id.as_str());
        }
        let lang = Lang::from_code(posted.text("lang")).unwrap_or(w.lang());
        let timing = typed;
        let model = Preferences { contacts, timing, nothing, lang, is_saved: false, errors };
        let html = model.html(&shell(&house, &patient, PATH));
        return Ok(page(StatusCode::UNPROCESSABLE_ENTITY, html));
    }
    for contact in wishes.distinct() {
        let may_change = contact.kind == Kind::Email || patient.practice.texts_are_enabled();
        if wishes.is_blocked_by_carrier(contact) || !may_change {
            continue;
        }
        let is_wanted = wanted.contains(contact.id.as_str()) && !nothing;
        if is_wanted != wishes.is_on(contact) {
            set(&house, &patient, contact, is_wanted).await?;
        }
        let wants_receipts = receipts.contains(contact.id.as_str()) && !nothing;
        if wants_receipts == wishes.without_receipts.contains(&contact.value_index) {
            set_receipts(&house, &patient, contact, wants_receipts).await?;
        }
    }
    if times != wishes.times {
        for guarantor in &patient.guarantors {
            let (practice, by) = (&patient.practice.id, patient.actor());
            let set = house.engine.set_wishes(practice, guarantor, &times, &by).await;
            set.map_err(Failure::broken)?;
        }
    }
    if let Some(lang) = Lang::from_code(posted.text("lang")) {
        set_language(&house, &patient, lang).await?;
    }
    house.bell.notify_one();
    patient.visit.say(SAVED);
    Ok(see_other(PATH))
}

fn typed_timing(posted: &Posted) -> TimingChoice {
    let text = |name: &str| posted.text(name).trim().to_owned();
    TimingChoice {
        when: text("when"),
        payday: text("payday"),
        once_on: text("once_on"),
        later_on: text("later_on"),
        quiet_from: text("quiet_from"),
        quiet_until: text("quiet_until"),
    }
}

fn timing_of(times: &Times) -> TimingChoice {
    let mut typed = TimingChoice { when: "any".into(), ..TimingChoice::default() };
    if let Some(quiet) = times.quiet {
        typed.quiet_from = quiet.from_hour.to_string();
        typed.quiet_until = quiet.until_hour.to_string();
    }
    if let Some(day) = times.snoozed_until {
        typed.when = "later".into();
        typed.later_on = day.to_string();
    }
    match times.payday {
        Some(Payday::Monthly(day)) => {
            typed.when = "monthly".into();
            typed.payday = day.to_string();
        }
        Some(Payday::Once(day)) => {
            typed.when = "once".into();
            typed.once_on = day.to_string();
        }
        None => {}
    }
    typed
}

/// The hours of a day that have to stay free within the practice's own.
const FREE_HOURS_LEAST: usize = 2;

fn times_of(
    w: Words,
    typed: &TimingChoice,
    today: Date,
    window_from: i8,
    window_until: i8,
) -> (Times, Errors) {
    let mut errors = Errors::new();
    let mut times = Times::default();
    let latest = today.saturating_add(SNOOZE_LONGEST_DAYS.days());
    let coming =
        |text: &str| text.parse::<Date>().ok().filter(|day| *day > today && *day <= latest);
    match typed.when.as_str() {
        "monthly" => match typed.payday.parse::<i8>() {
            Ok(day) if (1..=31).contains(&day) => times.payday = Some(Payday::Monthly(day)),
            _ => errors = errors.on("payday", Mistake::PaydayMissing.words(w)),
        },
        "once" => match coming(&typed.once_on) {
            Some(day) => times.payday = Some(Payday::Once(day)),
            None => errors = errors.on("once_on", Mistake::DateMissing.words(w)),
        },
        "later" => match coming(&typed.later_on) {
            Some(day) => times.snoozed_until = Some(day),
            None => errors = errors.on("later_on", Mistake::DateMissing.words(w)),
        },
        _ => {}
    }
    let hours = (typed.quiet_from.as_str(), typed.quiet_until.as_str());
    if hours != ("", "") {
        let quiet = match (hours.0.parse(), hours.1.parse()) {
            (Ok(from), Ok(until)) => QuietHours::new(from, until),
            _ => None,
        };
        match quiet {
            Some(quiet) if quiet.leaves_between(window_from, window_until) >= FREE_HOURS_LEAST => {
                times.quiet = Some(quiet);
            }
            Some(_) => {
                let long = Mistake::QuietTooLong { from: window_from, until: window_until };
                errors = errors.on("quiet_from", long.words(w));
            }
            None => errors = errors.on("quiet_from", Mistake::QuietHalf.words(w)),
        }
    }
    (times, errors)
}

async fn set_receipts(
    house: &House,
    patient: &Patient,
    contact: &Contact,
    wanted: bool,
) -> Result<(), Failure> {
    let (practice, owner, id) = (&patient.practice.id, &contact.guarantor, &contact.id);
    let done = house.engine.set_receipts(practice, owner, id, wanted, &patient.actor()).await;
    done.map_err(Failure::broken)
}

async fn set(
    house: &House,
    patient: &Patient,
    contact: &Contact,
    wanted: bool,
) -> Result<(), Failure> {
    let (practice, owner, id) = (&patient.practice.id, &contact.guarantor, &contact.id);
    let (engine, by) = (&house.engine, patient.actor());
    let changed = match contact.kind {
        Kind::Phone => engine.set_text_preference(practice, owner, id, wanted, &by).await,
        Kind::Email => engine.set_email_preference(practice, owner, id, wanted, &by).await,
        Kind::Fax | Kind::Address => return Ok(()),
    };
    changed.map_err(Failure::broken)
}

async fn set_language(house: &House, patient: &Patient, lang: Lang) -> Result<(), Failure> {
    let (practice, login) = (patient.practice.id.clone(), patient.login.clone());
    let marked = house.store.write(move |db| {
        let (practice, login) = (practice.clone(), login.clone());
        Box::pin(
            async move { store::login::mark_language(db, &practice, &login, lang.code()).await },
        )
    });
    marked.await?;
    let language: Option<Language> = Some(language_of(lang));
    for guarantor in &patient.guarantors {
        let (practice, by) = (&patient.practice.id, patient.actor());
        let set = house.engine.set_language(practice, guarantor, language, &by).await;
        set.map_err(Failure::broken)?;
    }
    // Who reads our messages in Spanish wants the pages in Spanish too.
    patient.visit.keep(Jar::Lang, lang.code(), Some(YEAR_MS));
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn read(typed: &TimingChoice) -> (Times, Errors) {
        times_of(Words::default(), typed, date(2026, 3, 4), 9, 18)
    }

    #[test]
    fn every_way_of_asking_for_a_time_is_read_back_as_it_was_typed() {
        for typed in [
            TimingChoice { when: "monthly".into(), payday: "15".into(), ..Default::default() },
            TimingChoice {
                when: "once".into(),
                once_on: "2026-03-20".into(),
                ..Default::default()
            },
            TimingChoice {
                when: "later".into(),
                later_on: "2026-05-01".into(),
                ..Default::default()
            },
            TimingChoice {
                when: "any".into(),
                quiet_from: "20".into(),
                quiet_until: "11".into(),
                ..Default::default()
            },
        ] {
            let (times, errors) = read(&typed);
            assert!(errors.is_empty(), "{typed:?} {errors:?}");
            let again = timing_of(&times);
            assert_eq!(format!("{again:?}"), format!("{typed:?}"));
        }
    }

    #[test]
    fn what_no_calendar_has_is_refused_beside_its_field() {
        for (field, typed) in [
            ("payday", TimingChoice { when: "monthly".into(), ..Default::default() }),
            (
                "payday",
                TimingChoice { when: "monthly".into(), payday: "32".into(), ..Default::default() },
            ),
            (
                "once_on",
                TimingChoice {
                    when: "once".into(),
                    once_on: "2026-03-04".into(),
                    ..Default::default()
                },
            ),
            (
                "later_on",
                TimingChoice {
                    when: "later".into(),
                    later_on: "2027-03-04".into(),
                    ..Default::default()
                },
            ),
            ("quiet_from", TimingChoice { quiet_from: "9".into(), ..Default::default() }),
            (
                "quiet_from",
                TimingChoice {
                    quiet_from: "8".into(),
                    quiet_until: "17".into(),
                    ..Default::default()
                },
            ),
        ] {
            let (times, errors) = read(&typed);
            assert!(errors.of(field).is_some(), "{typed:?}");
            assert_eq!(times, Times::default());
        }
    }
}
