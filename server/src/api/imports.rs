//! `POST /api/v1/imports` and what came of it.

use actix_web::{HttpResponse, http::StatusCode, web};
use connect::source::{Format, Input, detect};
use domain::{
    book::{Mode, Source},
    id::ImportId,
};
use futures_util::StreamExt;
use jiff::{civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use utoipa::{IntoParams, ToSchema};

use super::{Caller, ErrorBody, invalid, not_found};
use crate::{
    failure::{Answer, Failure},
    house::House,
    importing::{self, ImportFailure, Request, upload_folder},
};

/// Larger files come by the command line.
const LARGEST: u64 = 2 * 1024 * 1024 * 1024;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct How {
    /// `clearbill`, `synthea` (a zip) or `contacts`; told from the file when left out.
    format: Option<String>,
    /// `full` (the whole book of the source, the default) or `delta`.
    mode: Option<String>,
    /// Which system the ids belong to; the format's name when left out.
    source: Option<String>,
    /// The day the file speaks of, `2026-03-04`; today when left out.
    as_of: Option<String>,
    /// Synthea only: payments on claims younger than this are left out.
    open_days: Option<u32>,
}

/// What an import came to.
#[derive(Serialize, ToSchema)]
pub struct ImportBody {
    id: String,
    /// `staging`, `held`, `applying`, `applied`, `rejected` or `failed`.
    state: String,
    rows: i64,
    accepted: i64,
    refused: i64,
    unchanged: i64,
    /// It waits for a manager in the workspace; nothing was changed.
    held: bool,
    held_because: Vec<String>,
    failure: Option<String>,
}

/// Import balances: the body is the file.
#[utoipa::path(
    post, path = "/api/v1/imports", params(How),
    request_body(content = String, content_type = "text/csv"),
    responses(
        (status = 200, description = "Imported, or held for a manager", body = ImportBody),
        (status = 401, description = "No key", body = ErrorBody),
        (status = 422, description = "The file was refused whole", body = ErrorBody),
    )
)]
pub async fn post(
    caller: Caller,
    house: web::Data<House>,
    how: web::Query<How>,
    payload: web::Payload,
) -> Answer {
    let folder = upload_folder(&house.config.data_dir);
    tokio::fs::create_dir_all(&folder).await.map_err(Failure::broken)?;
    let path = folder.join(format!("{}.upload", store::keys::new_token(12)));
    let outcome = receive_and_run(&caller, &house, &how, payload, &path).await;
    // Health information does not stay behind, whatever happened.
    let _ = tokio::fs::remove_file(&path).await;
    let id = outcome?;
    show(&caller, &house, &id).await
}

async fn receive_and_run(
    caller: &Caller,
    house: &House,
    how: &How,
    mut payload: web::Payload,
    path: &std::path::Path,
) -> Result<ImportId, Failure> {
    let mut file = tokio::fs::File::create(path).await.map_err(Failure::broken)?;
    let mut received = 0;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| invalid("The file arrived incomplete. Send it again."))?;
        received += chunk.len() as u64;
        if received > LARGEST {
            return Err(Failure::TooLarge);
        }
        file.write_all(&chunk).await.map_err(Failure::broken)?;
    }
    file.flush().await.map_err(Failure::broken)?;
    drop(file);
    let input = Input::open(path).map_err(|e| invalid(e.to_string()))?;
    let format = match how.format.as_deref() {
        Some(name) => Format::parse(name)
            .ok_or_else(|| invalid("format is one of clearbill, synthea, contacts"))?,
        None => detect(&input).map_err(|e| invalid(e.to_string()))?,
    };
    let mode = match how.mode.as_deref() {
        _ if format == Format::Contacts => Mode::Delta,
        None | Some("full") => Mode::Full,
        Some("delta") => Mode::Delta,
        Some(_) => return Err(invalid("mode is full or delta")),
    };
    let source = how.source.as_deref().unwrap_or(format.as_str());
    let source = Source::new(source)
        .ok_or_else(|| invalid("source is a short key: letters, digits and hyphens"))?;
    let as_of = match how.as_of.as_deref() {
        Some(day) => day.parse::<Date>().map_err(|_| invalid("as_of is a day like 2026-03-04"))?,
        None => house.world.now().day_in(&TimeZone::UTC),
    };
    let request = Request {
        practice: caller.practice.id.clone(),
        input,
        format,
        mode,
        source: source.as_str().to_owned(),
        file_name: "upload".into(),
        as_of,
        open_days: how.open_days.unwrap_or_default(),
        started_by: format!("key:{}", caller.key),
    };
    let (store, world) = (&house.store, &house.world);
    let id = importing::announce(store, world, &request).await.map_err(Failure::broken)?;
    // The workspace shows how far it is, as with a file of its own.
    let watch = house.progress.watch(&id);
    let done = importing::run_announced(store, world, request, &id, watch).await;
    house.progress.forget(&id);
    match done {
        Ok(report) => Ok(report.id),
        Err(ImportFailure::Source(cause)) => Err(invalid(cause.to_string())),
        Err(ImportFailure::Busy) => Err(Failure::Api(
            StatusCode::CONFLICT,
            "busy",
            "Another import of this practice is running. Send it again when that has ended.".into(),
        )),
        Err(cause) => Err(Failure::broken(cause)),
    }
}

async fn show(caller: &Caller, house: &House, id: &ImportId) -> Answer {
    let mut db = house.store.read().await?;
    let import = store::import::load(&mut db, &caller.practice.id, id).await?;
    let import = import.ok_or_else(not_found)?;
    Ok(HttpResponse::Ok().json(ImportBody {
        id: import.id.to_string(),
        held: import.state == store::import::State::Held,
        state: import.state.as_str().into(),
        rows: import.rows_total,
        accepted: import.rows_accepted,
        refused: import.rows_refused,
        unchanged: import.rows_unchanged,
        held_because: import.difference.map(|d| d.held_because).unwrap_or_default(),
        failure: import.failure,
    }))
}

/// What an import came to.
#[utoipa::path(
    get, path = "/api/v1/imports/{id}", params(("id" = String, Path)),
    responses(
        (status = 200, body = ImportBody),
        (status = 404, description = "No such import", body = ErrorBody),
    )
)]
pub async fn get(caller: Caller, house: web::Data<House>, id: web::Path<String>) -> Answer {
    let id: ImportId = id.parse().map_err(|_| not_found())?;
    show(&caller, &house, &id).await
}

/// The refused rows of an import, as CSV: file, line, column, reason.
#[utoipa::path(
    get, path = "/api/v1/imports/{id}/refusals.csv", params(("id" = String, Path)),
    responses(
        (status = 200, content_type = "text/csv", body = String),
        (status = 404, description = "No such import", body = ErrorBody),
    )
)]
pub async fn refusals(caller: Caller, house: web::Data<House>, id: web::Path<String>) -> Answer {
    let id: ImportId = id.parse().map_err(|_| not_found())?;
    let known = {
        let mut db = house.store.read().await?;
        store::import::load(&mut db, &caller.practice.id, &id).await?
    };
    known.ok_or_else(not_found)?;
    house.audit(caller.entry("import_report", "import", id.as_str())).await?;
    let body = importing::refusals_csv(&house.store, &caller.practice.id, &id).await;
    Ok(crate::spreadsheet::download("refused-rows.csv", body.map_err(Failure::broken)?))
}
