//! `POST /staff/settings/templates/{template}`: a preview, or the next version of a practice's words.
//! What the linter refuses is not saved, and words made from an older version overwrite nothing.

use actix_web::{http::StatusCode, web};
use app::{
    components::Errors,
    pages::staff::{TEMPLATES, template_words::finding_words},
};
use domain::{
    staff::Permission,
    template::{
        Form, LONGEST_BODY, Slot, Source,
        lint::{Finding, Part, Report, Severity, lint},
    },
};
use store::template::{self, New};

use super::choose_language::see_other;
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::templates::{Typed, answer, model, slot_of},
    session::Staff,
};

pub async fn post(
    house: web::Data<House>,
    staff: Staff,
    code: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let slot = slot_of(&staff, &code)?;
    let seen = seen_of(&posted)?;
    let source = typed_source(slot, &posted)?;
    let typed = Typed {
        source: Some(source.clone()),
        seen: Some(seen),
        account: posted.text("account").to_owned(),
        previewed: posted.text("previewed").to_owned(),
    };
    if posted.text("do") == "preview" {
        let page = model(&house, &staff, slot, typed).await?;
        return Ok(answer(&house, &staff, StatusCode::OK, page));
    }
    let report = lint(slot, &source, &staff.practice);
    if report.refuses() {
        let mut page = model(&house, &staff, slot, typed).await?;
        page.errors = errors_of(&report);
        return Ok(answer(&house, &staff, StatusCode::UNPROCESSABLE_ENTITY, page));
    }
    if !save(&house, &staff, slot, Some(source), report.findings, seen).await? {
        let mut page = model(&house, &staff, slot, typed).await?;
        page.changed_meanwhile = true;
        return Ok(answer(&house, &staff, StatusCode::CONFLICT, page));
    }
    staff.visit.say("The words were saved. The next messages are written with them.");
    Ok(see_other(&format!("{TEMPLATES}/{}", slot.code())))
}

/// `POST /staff/settings/templates/{template}/default`
pub async fn put_back(
    house: web::Data<House>,
    staff: Staff,
    code: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let slot = slot_of(&staff, &code)?;
    let done = save(&house, &staff, slot, None, Vec::new(), seen_of(&posted)?).await?;
    staff.visit.say(if done {
        "The default words are back."
    } else {
        "Somebody else saved this template in the meantime. Nothing was changed."
    });
    Ok(see_other(&format!("{TEMPLATES}/{}", slot.code())))
}

fn seen_of(posted: &Posted) -> Result<i64, Failure> {
    posted
        .text("seen")
        .parse()
        .ok()
        .filter(|seen| (0..i64::MAX).contains(seen))
        .ok_or(Failure::Malformed("Reload the page."))
}

/// Browsers send line breaks as two characters; stored they are one.
fn typed_source(slot: Slot, posted: &Posted) -> Result<Source, Failure> {
    let body = posted.text("body").replace("\r\n", "\n").trim().to_owned();
    if body.len() > LONGEST_BODY * 8 {
        return Err(Failure::TooLarge);
    }
    let subject = match slot.form {
        Form::Email => posted.text("subject").trim().to_owned(),
        _ => String::new(),
    };
    Ok(Source { subject, body })
}

fn errors_of(report: &Report) -> Errors {
    let refused = report.findings.iter().filter(|f| f.severity() == Severity::Refuse);
    refused.fold(Errors::new(), |errors, finding| {
        let field = match finding.part {
            Some(Part::Subject) => "subject",
            _ => "body",
        };
        errors.on(field, finding_words(&finding.problem, None))
    })
}

async fn save(
    house: &House,
    staff: &Staff,
    slot: Slot,
    source: Option<Source>,
    findings: Vec<Finding>,
    seen: i64,
) -> Result<bool, Failure> {
    let (practice, world, by) =
        (staff.practice.id.clone(), house.world.clone(), staff.actor().label());
    let verb = if source.is_some() { "template_changed" } else { "template_put_back" };
    let entry = staff.entry(verb, "template", slot.code()).with(format!("version={}", seen + 1));
    let done = house.store.write(move |db| {
        let (practice, world, by) = (practice.clone(), world.clone(), by.clone());
        let (source, findings, entry) = (source.clone(), findings.clone(), entry.clone());
        Box::pin(async move {
            let new = New { slot, source: source.as_ref(), findings: &findings, by: &by, seen };
            if template::insert(db, &world, &practice, &new).await?.is_none() {
                return Ok(false);
            }
            store::audit::insert(db, &world, &entry).await?;
            Ok(true)
        })
    });
    Ok(done.await?)
}
