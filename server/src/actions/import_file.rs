//! `POST /staff/imports`: an upload, streamed to disk, imported in the background; and a manager's
//! word on a held one.

use std::path::PathBuf;

use actix_multipart::Multipart;
use actix_web::{HttpRequest, web};
use app::{components::Errors, pages::staff::UploadForm};
use connect::source::{Format, Input, detect};
use domain::{
    book::{Mode, Source},
    card_number,
    id::ImportId,
    staff::Permission,
};
use futures_util::StreamExt;
use jiff::{civil::Date, tz::TimeZone};
use tokio::io::AsyncWriteExt;
use tracing::warn;

use super::choose_language::see_other;
use crate::{
    failure::{Answer, Failure},
    form::{Posted, same_origin},
    house::House,
    importing::{self, Request, Verdict, upload_folder},
    pages::staff::imports,
    session::Staff,
};

/// Larger files come by the command line.
const LARGEST: u64 = 2 * 1024 * 1024 * 1024;
/// The other fields of the form.
const FIELD_LARGEST: usize = 1024;

/// What arrived: the typed fields and the file on disk.
struct Upload {
    form: UploadForm,
    file_name: String,
    path: PathBuf,
    size: u64,
}

pub async fn post(
    request: HttpRequest,
    house: web::Data<House>,
    staff: Staff,
    multipart: Multipart,
) -> Answer {
    same_origin(&request, &house)?;
    staff.require(&house, Permission::Import).await?;
    let folder = upload_folder(&house.config.data_dir);
    tokio::fs::create_dir_all(&folder).await.map_err(Failure::broken)?;
    let path = folder.join(format!("{}.upload", store::keys::new_token(12)));
    let upload = match receive(&house, &staff, multipart, path.clone()).await {
        Ok(upload) => upload,
        Err(failure) => {
            let _ = tokio::fs::remove_file(&path).await;
            return Err(failure);
        }
    };
    match request_of(&house, &staff, &upload) {
        Ok(wanted) => {
            let id = begin(&house, &staff, wanted, path).await?;
            Ok(see_other(&format!("/staff/imports/{id}")))
        }
        Err(errors) => {
            let _ = tokio::fs::remove_file(&path).await;
            imports::show_list(&house, &staff, UploadForm { errors, ..upload.form }).await
        }
    }
}

/// Reads the parts in order. The token comes first, so that nothing is written for a forged form.
async fn receive(
    house: &House,
    staff: &Staff,
    mut multipart: Multipart,
    path: PathBuf,
) -> Result<Upload, Failure> {
    let incomplete = |_| Failure::Malformed("The upload arrived incomplete. Send it again.");
    let mut upload =
        Upload { form: UploadForm::default(), file_name: String::new(), path, size: 0 };
    let mut is_ours = false;
    while let Some(part) = multipart.next().await {
        let mut part = part.map_err(incomplete)?;
        let name = part.name().unwrap_or_default().to_owned();
        if name == "file" {
            if !is_ours {
                return Err(Failure::Forgery);
            }
            let given = part.content_disposition().and_then(|d| d.get_filename());
            upload.file_name = shown_name(given.unwrap_or_default());
            let mut file = tokio::fs::File::create(&upload.path).await.map_err(Failure::broken)?;
            while let Some(chunk) = part.next().await {
                let chunk = chunk.map_err(incomplete)?;
                upload.size += chunk.len() as u64;
                if upload.size > LARGEST {
                    return Err(Failure::TooLarge);
                }
                file.write_all(&chunk).await.map_err(Failure::broken)?;
            }
            file.flush().await.map_err(Failure::broken)?;
            continue;
        }
        let bytes = part.bytes(FIELD_LARGEST).await.map_err(|_| Failure::TooLarge)?;
        let value = String::from_utf8_lossy(&bytes.map_err(incomplete)?).trim().to_owned();
        if value.contains('\0') {
            return Err(Failure::Malformed("The form cannot be read."));
        }
        if card_number::is_in(&value) {
            return Err(Failure::card_number());
        }
        match name.as_str() {
            "csrf" => is_ours = staff.visit.csrf_is_valid(house, &value),
            "format" => upload.form.format = value,
            "mode" => upload.form.mode = value,
            "source" => upload.form.source = value,
            "as_of" => upload.form.as_of = value,
            "open_days" => upload.form.open_days = value,
            _ => {}
        }
    }
    if is_ours { Ok(upload) } else { Err(Failure::Forgery) }
}

/// The last part of a path, short and printable.
fn shown_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|c| !c.is_control()).take(100).collect();
    if plain.is_empty() { "upload".into() } else { card_number::struck_out(&plain) }
}

fn request_of(house: &House, staff: &Staff, upload: &Upload) -> Result<Request, Errors> {
    let form = &upload.form;
    let no = |field: &str, words: &str| Errors::new().on(field, words);
    if upload.size == 0 {
        return Err(no("file", "Choose a file."));
    }
    let input = Input::open(&upload.path).map_err(|e| no("file", &e.to_string()))?;
    let format = match form.format.as_str() {
        "" => detect(&input).map_err(|e| no("file", &e.to_string()))?,
        name => Format::parse(name).ok_or_else(|| no("format", "Choose a format."))?,
    };
    let mode = match form.mode.as_str() {
        _ if format == Format::Contacts => Mode::Delta,
        "delta" => Mode::Delta,
        _ => Mode::Full,
    };
    let as_of = match form.as_of.as_str() {
        "" => house.world.now().day_in(&TimeZone::UTC),
        day => day
            .parse::<Date>()
            .map_err(|_| no("as_of", "Write the day like 2026-03-04, or leave it empty."))?,
    };
    let open_days = match form.open_days.as_str() {
        "" => 0,
        days => days.parse().map_err(|_| no("open_days", "Write a number of days."))?,
    };
    let source = if form.source.is_empty() { format.as_str() } else { &form.source };
    let source = Source::new(source)
        .ok_or_else(|| no("source", "Use lower-case letters, digits and hyphens, 40 at most."))?;
    Ok(Request {
        practice: staff.practice.id.clone(),
        input,
        format,
        mode,
        source: source.as_str().to_owned(),
        file_name: upload.file_name.clone(),
        as_of,
        open_days,
        started_by: staff.actor().label(),
    })
}

/// The import exists when this returns; the work goes on without the browser.
async fn begin(
    house: &web::Data<House>,
    staff: &Staff,
    wanted: Request,
    path: PathBuf,
) -> Result<ImportId, Failure> {
    let id = importing::announce(&house.store, &house.world, &wanted).await;
    let id = id.map_err(Failure::broken)?;
    let entry = staff.entry("import", "import", id.as_str());
    house.audit(entry.with(format!("{} {}", wanted.format.as_str(), wanted.mode))).await?;
    let (house, begun) = (house.clone(), id.clone());
    let watch = house.progress.watch(&id);
    tokio::spawn(async move {
        let done =
            importing::run_announced(&house.store, &house.world, wanted, &begun, watch).await;
        // Its own page says what was wrong with the file; this is for the operator.
        if let Err(cause) = done {
            warn!(import = %begun, %cause, "an uploaded file was not imported");
        }
        let _ = tokio::fs::remove_file(&path).await;
        house.progress.forget(&begun);
        house.bell.notify_one();
    });
    Ok(id)
}

/// `POST /staff/imports/{id}/decide`
pub async fn decide(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::AcceptHeldImport).await?;
    let id: ImportId = id.parse().map_err(|_| Failure::NotFound)?;
    let import = {
        let mut db = house.store.read().await?;
        store::import::load(&mut db, &staff.practice.id, &id).await?
    };
    let import = import.ok_or(Failure::NotFound)?;
    let verdict = match posted.text("verdict") {
        "accept" => Verdict::Accept,
        "reject" => Verdict::Reject,
        "reconsider" => Verdict::Reconsider,
        _ => return Err(Failure::Malformed("Accept or reject the import.")),
    };
    let Some(reason) = posted.filled("reason") else {
        return imports::show(&house, &staff, &import, true).await;
    };
    let verb = match verdict {
        Verdict::Accept => "import_accepted",
        Verdict::Reject => "import_rejected",
        Verdict::Reconsider => "import_reconsidered",
    };
    let entry = staff.entry(verb, "import", id.as_str());
    let moved = importing::decide(&house.store, &house.world, entry, &id, verdict, reason).await;
    let said = if moved.map_err(Failure::broken)? {
        "Decided."
    } else {
        "Somebody else decided this import a moment ago."
    };
    staff.visit.say(said);
    house.bell.notify_one();
    Ok(see_other(&format!("/staff/imports/{id}")))
}
