//! `GET /staff/imports`, one import, its progress and its report.

use actix_web::{HttpResponse, http::StatusCode, web};
use app::pages::staff::{DifferenceLine, ImportLine, ImportPage, Imports, RefusedLine, UploadForm};
use domain::{id::ImportId, money::Cents, staff::Permission};
use store::import::{Import, State};

use crate::{
    failure::{Answer, Failure},
    house::House,
    importing,
    naming::Names,
    session::Staff,
    spreadsheet, workspace,
};

const LISTED: i64 = 50;
const REFUSED_SHOWN: i64 = 100;

pub async fn list(house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::Import).await?;
    show_list(&house, &staff, UploadForm { mode: "full".into(), ..UploadForm::default() }).await
}

/// The list with the form as it stands; 422 when the form holds errors.
pub async fn show_list(house: &House, staff: &Staff, form: UploadForm) -> Answer {
    let mut db = house.store.read().await?;
    let imports = store::import::list(&mut db, &staff.practice.id, LISTED).await?;
    let names = Names::of(&mut db, imports.iter().map(|one| one.started_by.as_str())).await?;
    drop(db);
    let refused = !form.errors.is_empty();
    let page = Imports {
        zone: staff.practice.zone(),
        lines: imports.iter().map(|one| line(one, &names)).collect(),
        form: Some(form),
    };
    let shell = workspace::shell(house, staff, "/staff/imports");
    let status = if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(page.html(&shell)))
}

fn line(import: &Import, names: &Names) -> ImportLine {
    ImportLine {
        id: import.id.to_string(),
        file_name: import.file_name.clone(),
        kind: format!("{}, {}", import.format, import.mode),
        state: import.state.as_str().into(),
        started_at: import.started_at,
        started_by: names.get(&import.started_by),
        rows: import.rows_total,
        accepted: import.rows_accepted,
        refused: import.rows_refused,
        unchanged: import.rows_unchanged,
    }
}

async fn find(house: &House, staff: &Staff, id: &str) -> Result<Import, Failure> {
    staff.require(house, Permission::Import).await?;
    let id: ImportId = id.parse().map_err(|_| Failure::NotFound)?;
    let mut db = house.store.read().await?;
    let import = store::import::load(&mut db, &staff.practice.id, &id).await?;
    import.ok_or(Failure::NotFound)
}

pub async fn get(house: web::Data<House>, staff: Staff, id: web::Path<String>) -> Answer {
    let import = find(&house, &staff, &id).await?;
    show(&house, &staff, &import, false).await
}

/// The page of one import.
pub async fn show(
    house: &House,
    staff: &Staff,
    import: &Import,
    reason_is_missing: bool,
) -> Answer {
    let mut db = house.store.read().await?;
    let practice = &staff.practice.id;
    let refused =
        store::import::list_refusals(&mut db, practice, &import.id, -1, REFUSED_SHOWN).await?;
    let labels = [Some(import.started_by.as_str()), import.decided_by.as_deref()];
    let names = Names::of(&mut db, labels.into_iter().flatten()).await?;
    drop(db);
    let difference = import.difference.clone().unwrap_or_default();
    let decidable = matches!(import.state, State::Held | State::Rejected);
    let page = ImportPage {
        zone: staff.practice.zone(),
        line: line(import, &names),
        as_of: import.as_of_on.clone().unwrap_or_default(),
        failure: import.failure.clone(),
        progress: house.progress.of(&import.id),
        new_claims: difference.new,
        vanished: difference.vanished,
        cleared: difference.cleared,
        jumped: difference.jumped,
        held_because: difference.held_because,
        differences: difference
            .examples
            .into_iter()
            .map(|example| DifferenceLine {
                kind: example.kind,
                claim: example.claim_external_id,
                before: example.before_cents.map(Cents),
                after: example.after_cents.map(Cents),
            })
            .collect(),
        refused: refused.iter().map(refused_line).collect(),
        decided: import.decided_by.as_deref().map(|by| {
            format!("{}: {}", names.get(by), import.decided_why.as_deref().unwrap_or_default())
        }),
        may_decide: decidable && staff.role.may(Permission::AcceptHeldImport),
        reason_is_missing,
    };
    let shell = workspace::shell(house, staff, "/staff/imports");
    let status = if reason_is_missing { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(page.html(&shell)))
}

fn refused_line(refused: &store::import::Refused) -> RefusedLine {
    let reason = refused.reason.parse::<domain::book::RefusalReason>();
    let file = if refused.file_name.is_empty() {
        String::new()
    } else {
        format!("{}, ", refused.file_name)
    };
    RefusedLine {
        place: format!("{file}line {}", refused.line),
        column: refused.column_name.clone().unwrap_or_default(),
        sentence: reason.map_or("It could not be read.", |r| r.sentence()).to_owned(),
    }
}

/// Where the import stands, for `progress.js`.
pub async fn progress(house: web::Data<House>, staff: Staff, id: web::Path<String>) -> Answer {
    let import = find(&house, &staff, &id).await?;
    let moving = matches!(import.state, State::Waiting | State::Staging | State::Applying);
    let (done, total, words) =
        house.progress.of(&import.id).unwrap_or((0, 1, import.state.as_str().to_owned()));
    Ok(HttpResponse::Ok().json(serde_json::json!({
        "ended": !moving,
        "done": done,
        "total": total,
        "words": words,
    })))
}

pub async fn report(house: web::Data<House>, staff: Staff, id: web::Path<String>) -> Answer {
    let import = find(&house, &staff, &id).await?;
    let body = importing::refusals_csv(&house.store, &staff.practice.id, &import.id).await;
    let body = body.map_err(Failure::broken)?;
    house.audit(staff.entry("import_report", "import", import.id.as_str())).await?;
    Ok(spreadsheet::download("refused-rows.csv", body))
}
