//! `/account/preferences`: what each contact on file may receive, and the language of messages. The
//! engine writes the consent down as evidence; what a carrier blocks since STOP only START lifts.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{http::StatusCode, web};
use app::{
    pages::{ContactChoice, Preferences},
    words::Lang,
};
use domain::{
    book::Language,
    decide::{Channel, Consent, Suppression, SuppressionReason, SuppressionScope},
    phone::E164,
};
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
        Ok(Self { contacts, consents, stopped })
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
    let number = patient.practice.settings.text_number.as_deref();
    let number = number.and_then(E164::from_normalised).map(|number| number.display());
    let contacts = wishes
        .distinct()
        .filter(|contact| contact.kind == Kind::Email || patient.practice.texts_are_enabled())
        .map(|contact| ContactChoice {
            id: contact.id.to_string(),
            label: contact.masked.clone(),
            is_phone: contact.kind == Kind::Phone,
            is_on: wishes.is_on(contact),
            start_number: number.clone().filter(|_| wishes.is_blocked_by_carrier(contact)),
        })
        .collect();
    let lang = language(&house, &patient).await?;
    let is_saved = patient.visit.said().as_deref() == Some(SAVED);
    let model = Preferences { contacts, lang, is_saved };
    Ok(page(StatusCode::OK, model.html(&shell(&house, &patient, PATH))))
}

async fn language(house: &House, patient: &Patient) -> Result<Lang, Failure> {
    let mut db = house.store.read().await?;
    let practice = &patient.practice.id;
    let of_login = store::login::load(&mut db, practice, &patient.login).await?;
    let of_login = of_login.and_then(|login| login.language);
    let lang = of_login.as_deref().and_then(Lang::from_code).or_else(|| patient.visit.lang());
    Ok(lang.unwrap_or_default())
}

/// `POST /account/preferences`: `on={contact}` for each that is wanted, and `lang`.
pub async fn post(house: web::Data<House>, patient: Patient, posted: Posted) -> Answer {
    let wishes = Wishes::load(&house, &patient).await?;
    let wanted: BTreeSet<&str> = posted.all("on").collect();
    let is_own = |id: &str| wishes.contacts.iter().any(|contact| contact.id.as_str() == id);
    if let Some(foreign) = wanted.iter().find(|id| !is_own(id)) {
        return Err(denied(&house, &patient, "contact", foreign).await);
    }
    for contact in wishes.distinct() {
        let is_wanted = wanted.contains(contact.id.as_str());
        let may_change = contact.kind == Kind::Email || patient.practice.texts_are_enabled();
        let is_fixed = wishes.is_blocked_by_carrier(contact) || !may_change;
        if !is_fixed && is_wanted != wishes.is_on(contact) {
            set(&house, &patient, contact, is_wanted).await?;
        }
    }
    if let Some(lang) = Lang::from_code(posted.text("lang")) {
        set_language(&house, &patient, lang).await?;
    }
    patient.visit.say(SAVED);
    Ok(see_other(PATH))
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
