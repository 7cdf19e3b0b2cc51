//! `GET /staff/audit` and its export. Reading the audit is itself audited.

use actix_web::{HttpRequest, HttpResponse, web};
use app::{
    components::Query,
    pages::staff::{Audit, AuditLine},
};
use domain::staff::Permission;
use store::audit::{Filter, Row};

use crate::{
    failure::{Answer, Failure},
    house::House,
    session::Staff,
    spreadsheet, workspace,
};

const PAGE: i64 = 100;
/// An export stops here and says so in its last row's place: filter to get the rest.
const EXPORT_MOST: i64 = 50_000;

/// The staff of the practice, past and present: the log holds ids, people read addresses.
struct Names(Vec<store::staff::Colleague>);

impl Names {
    async fn load(house: &House, staff: &Staff) -> Result<Self, Failure> {
        let mut db = house.store.read().await?;
        Ok(Self(store::staff::list(&mut db, &staff.practice.id).await?))
    }

    /// `staff sam@example.org`, `system engine`, `visitor`.
    fn of(&self, row: &Row) -> String {
        if row.actor_id.is_empty() {
            return row.actor_kind.clone();
        }
        let known = self.0.iter().find(|one| row.actor_kind == "staff" && one.id == row.actor_id);
        let who = known.map_or(row.actor_id.as_str(), |one| one.email.as_str());
        format!("{} {who}", row.actor_kind)
    }

    /// An id as it stands, an address as its id.
    fn id_of(&self, typed: &str) -> String {
        let key = store::staff::email_key(typed);
        let known = self.0.iter().find(|one| store::staff::email_key(&one.email) == key);
        known.map_or_else(|| typed.to_owned(), |one| one.id.clone())
    }
}

fn filter_of(query: &Query, names: &Names) -> Filter {
    let text =
        |key: &str| query.get(key).map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned);
    Filter {
        verb: text("verb"),
        actor_id: text("actor").map(|typed| names.id_of(&typed)),
        guarantor_id: text("account"),
        from_ms: None,
        until_ms: None,
        before_id: text("before"),
    }
}

pub async fn get(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::ReadAudit).await?;
    let query = Query::parse(request.query_string());
    let names = Names::load(&house, &staff).await?;
    let filter = filter_of(&query, &names);
    house.audit(staff.entry("audit_read", "audit", "page").with(request.query_string())).await?;
    let mut db = house.store.read().await?;
    let rows = store::audit::list(&mut db, &staff.practice.id, &filter, PAGE).await?;
    let (chained_rows, chain_head) = store::audit::load_head(&mut db).await?;
    let older = (rows.len() as i64 == PAGE).then(|| rows.last().map(|r| r.id.clone())).flatten();
    let lines = rows
        .into_iter()
        .map(|row| AuditLine {
            at: row.at(),
            actor: names.of(&row),
            object: format!("{} {}", row.object_kind, row.object_id),
            verb: row.verb,
            result: row.result,
            detail: row.detail,
            address: row.address,
            number: row.chain_no,
        })
        .collect();
    let page = Audit { zone: staff.practice.zone(), query, lines, older, chained_rows, chain_head };
    let shell = workspace::shell(&house, &staff, "/staff/audit");
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page.html(&shell)))
}

pub async fn export(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::ReadAudit).await?;
    let query = Query::parse(request.query_string());
    house.audit(staff.entry("audit_export", "audit", "csv").with(request.query_string())).await?;
    let mut db = house.store.read().await?;
    let names = Names::load(&house, &staff).await?;
    let filter = filter_of(&query, &names);
    let rows = store::audit::list(&mut db, &staff.practice.id, &filter, EXPORT_MOST).await?;
    let head = [
        "at",
        "actor",
        "verb",
        "object_kind",
        "object_id",
        "result",
        "detail",
        "address",
        "chain_no",
        "chain_hash",
    ];
    let body = spreadsheet::csv(
        &head,
        rows.iter().map(|row| {
            vec![
                row.at().to_string(),
                names.of(row),
                row.verb.clone(),
                row.object_kind.clone(),
                row.object_id.clone(),
                row.result.clone(),
                row.detail.clone(),
                row.address.clone(),
                row.chain_no.map(|n| n.to_string()).unwrap_or_default(),
                row.chain_hash.clone().unwrap_or_default(),
            ]
        }),
    )
    .map_err(Failure::broken)?;
    Ok(spreadsheet::download("audit.csv", body))
}
