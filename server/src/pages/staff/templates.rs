//! `GET /staff/settings/templates…`: what messages say, and how they would read to somebody.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use app::{
    components::{Errors, Query},
    pages::staff::{ChangedTemplate, ShownWords, TemplateEditor, Templates, VersionLine},
    texts,
};
use domain::{
    decide::Channel,
    id::GuarantorId,
    practice::Practice,
    sms,
    staff::Permission,
    template::{
        Filling, Form, Slot, Source, Template, Variable, default_source,
        lint::{self, Severity},
        with_check_code,
    },
};
use store::{Db, template};

use crate::{
    failure::{Answer, Failure},
    house::House,
    naming::Names,
    session::Staff,
    statements::cost,
    wording::lang_of,
    workspace::{self, shown, with_status},
};

/// Accounts a preview can be made for: enough to choose from, few enough to read.
const ACCOUNTS_MOST: usize = 20;
/// Accounts looked at to find those.
const LOOKED_AT: i64 = 100;

pub fn section(staff: &Staff) -> &'static str {
    if staff.role.may(Permission::ManageSettings) {
        super::settings::SECTION
    } else {
        app::pages::staff::TEMPLATES
    }
}

pub async fn list(house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::ReadTemplates).await?;
    let mut db = house.store.read().await?;
    let current = template::list_current(&mut db, &staff.practice.id).await?;
    let names = Names::of(&mut db, current.iter().map(|v| v.created_by.as_str())).await?;
    let changed = current
        .into_iter()
        .filter(|version| version.source.is_some())
        .map(|version| ChangedTemplate {
            slot: version.slot,
            version: version.number,
            by: names.get(&version.created_by),
            at: version.created_at,
        })
        .collect();
    let page = Templates {
        zone: staff.practice.zone(),
        changed,
        texts_are_enabled: staff.practice.texts_are_enabled(),
        may_edit: staff.role.may(Permission::ManageSettings),
    };
    Ok(shown(page.html(&workspace::shell(&house, &staff, section(&staff)))))
}

pub async fn get(
    request: HttpRequest,
    house: web::Data<House>,
    staff: Staff,
    code: web::Path<String>,
) -> Answer {
    staff.require(&house, Permission::ReadTemplates).await?;
    let slot = slot_of(&staff, &code)?;
    let query = Query::parse(request.query_string());
    let account = query.get("account").unwrap_or_default().to_owned();
    let typed = Typed { account, ..Typed::default() };
    let page = model(&house, &staff, slot, typed).await?;
    Ok(answer(&house, &staff, StatusCode::OK, page))
}

/// The template an address names; those of texts are nowhere while SMS is off (S-G6).
pub fn slot_of(staff: &Staff, code: &str) -> Result<Slot, Failure> {
    let slot = Slot::parse(code).ok_or(Failure::NotFound)?;
    if slot.form == Form::Text && !staff.practice.texts_are_enabled() {
        return Err(Failure::NotFound);
    }
    Ok(slot)
}

pub fn answer(
    house: &House,
    staff: &Staff,
    status: StatusCode,
    page: TemplateEditor,
) -> HttpResponse {
    with_status(status, page.html(&workspace::shell(house, staff, section(staff))))
}

/// What a form holds; nothing typed shows the words in force.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    pub source: Option<Source>,
    pub seen: Option<i64>,
    /// Whose message the preview shows.
    pub account: String,
    /// Whose it showed before: looking at the same again is one look.
    pub previewed: String,
}

pub async fn model(
    house: &House,
    staff: &Staff,
    slot: Slot,
    typed: Typed,
) -> Result<TemplateEditor, Failure> {
    let practice = &staff.practice;
    let mut db = house.store.read().await?;
    let versions = template::list_versions(&mut db, &practice.id, slot).await?;
    let names = Names::of(&mut db, versions.iter().map(|v| v.created_by.as_str())).await?;
    let newest = versions.first();
    let own = newest.and_then(|version| version.source.clone());
    let is_default = own.is_none();
    let seen = typed.seen.unwrap_or(newest.map_or(0, |version| version.number));
    let default = || default_source(slot).cloned().ok_or(Failure::NotFound);
    let source = match typed.source.or(own) {
        Some(source) => source,
        None => default()?,
    };
    let somebody = match typed.account.parse::<GuarantorId>() {
        Ok(id) => somebody(&mut db, practice, &id).await?,
        Err(_) => None,
    };
    if let Some(one) = &somebody
        && typed.previewed != one.id.as_str()
    {
        house.audit(staff.entry("preview", "template", slot.code()).about(&one.id)).await?;
    }
    let accounts = owing(&mut db, practice).await?;
    let report = lint::lint(slot, &source, practice);
    let lines = versions
        .into_iter()
        .map(|version| VersionLine {
            number: version.number,
            by: names.get(&version.created_by),
            at: version.created_at,
            warnings: version.findings.iter().filter(|f| f.severity() == Severity::Warn).count(),
            source: version.source,
        })
        .collect();
    let shown = preview(slot, &source, practice, somebody.as_ref());
    let segments = match &shown {
        ShownWords::Text { size, .. } => i64::try_from(size.segments).unwrap_or(i64::MAX),
        _ => 1,
    };
    Ok(TemplateEditor {
        zone: practice.zone(),
        slot,
        seen,
        source,
        is_default,
        may_edit: staff.role.may(Permission::ManageSettings),
        errors: Errors::new(),
        changed_meanwhile: false,
        findings: report.findings,
        reading: report.reading,
        cost: cost(Channel::Text, segments, practice),
        shown,
        accounts,
        account: somebody.map(|one| one.id.to_string()).unwrap_or_default(),
        versions: lines,
    })
}

/// Somebody real, as a message names them.
struct Somebody {
    id: GuarantorId,
    first_name: String,
    due: domain::money::Cents,
}

async fn somebody(
    db: &mut Db,
    practice: &Practice,
    id: &GuarantorId,
) -> Result<Option<Somebody>, Failure> {
    let Some(found) = store::guarantor::load(db, &practice.id, id).await? else { return Ok(None) };
    let due = store::balance::due_of_many(db, &practice.id, std::slice::from_ref(id)).await?;
    let first_name = found.name.split_whitespace().next().unwrap_or_default().to_owned();
    let due = due.get(id).map(|row| row.due).unwrap_or_default();
    Ok(Some(Somebody { id: found.id, first_name, due }))
}

/// Accounts that owe something, by name.
async fn owing(db: &mut Db, practice: &Practice) -> Result<Vec<(String, String)>, Failure> {
    let found = store::search::list_by_words(db, &practice.id, "", LOOKED_AT, 0).await?;
    let ids: Vec<GuarantorId> = found.iter().map(|f| GuarantorId::trusted(f.id.clone())).collect();
    let dues = store::balance::due_of_many(db, &practice.id, &ids).await?;
    let owes =
        |id: &str| dues.get(&GuarantorId::trusted(id)).is_some_and(|row| row.due.is_positive());
    Ok(found
        .into_iter()
        .filter(|one| owes(&one.id))
        .map(|one| (one.id, one.name))
        .take(ACCOUNTS_MOST)
        .collect())
}

/// The words as they would go out: of somebody real where one was chosen, under the practice's
/// switches, with a link that opens nothing.
fn preview(
    slot: Slot,
    source: &Source,
    practice: &Practice,
    somebody: Option<&Somebody>,
) -> ShownWords {
    let Ok(template) = Template::parse(slot.form, &source.subject, &source.body) else {
        return ShownWords::None;
    };
    let filling = filling(slot, practice, somebody);
    let Ok(filled) = template.fill(&filling) else { return ShownWords::None };
    if slot.form != Form::Text {
        return ShownWords::Filled(Box::new(filled));
    }
    let body = filled.as_text();
    let body = match filling.get(Variable::CheckCode) {
        Some(code) if !body.contains(code) => {
            with_check_code(&body, texts::check_label(lang_of(slot.language)), code)
        }
        _ => body,
    };
    let size = sms::size(&body);
    let segments = i64::try_from(size.segments).unwrap_or(i64::MAX);
    ShownWords::Text { cost: cost(Channel::Text, segments, practice), size, body }
}

fn filling(slot: Slot, practice: &Practice, somebody: Option<&Somebody>) -> Filling {
    let settings = &practice.settings;
    let ours = Filling::of_practice(practice);
    let mut filling = Filling::sample(slot, true)
        .maybe(Variable::PracticeAlias, ours.get(Variable::PracticeAlias))
        .maybe(Variable::PracticePhone, ours.get(Variable::PracticePhone));
    if filling.get(Variable::PayLink).is_some() && !settings.public_base.is_empty() {
        let link = format!("{}/p/EXAMPLEEXAMPLEEXAMPLE1", settings.public_base);
        filling = filling.with(Variable::PayLink, &link);
    }
    if let Some(one) = somebody {
        filling = filling.with(Variable::Amount, &one.due.to_string());
        if filling.get(Variable::FirstName).is_some() {
            filling = filling.with(Variable::FirstName, &one.first_name);
        }
    }
    let says_amount = match slot.form {
        Form::Text => settings.amount_in_texts,
        Form::Voice => settings.amount_in_calls,
        Form::Email | Form::Letter => true,
    };
    let is_receipt = slot.kind == domain::template::Kind::PaymentConfirmation;
    if !says_amount && !is_receipt {
        filling = filling.without(Variable::Amount).without(Variable::InstallmentAmount);
    }
    if !settings.first_name_in_email {
        filling = filling.without(Variable::FirstName);
    }
    filling
}
