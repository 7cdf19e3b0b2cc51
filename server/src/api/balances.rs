//! `GET /api/v1/balances`: what each account owes now, net of what was paid online.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Caller, ErrorBody, invalid};
use crate::{failure::Answer, house::House};

const PAGE_MOST: i64 = 500;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// The last id of the page before.
    after: Option<String>,
    /// At most 500; 100 when left out.
    limit: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct BalanceBody {
    /// Ours.
    account: String,
    /// The practice system's guarantor id.
    external_id: String,
    source: String,
    /// Net: claims less credits and payments not yet posted.
    due_cents: i64,
    claims_due: i64,
    /// Paid online and not posted in the practice's system.
    unposted_cents: i64,
    oldest_due_since: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct BalancesBody {
    balances: Vec<BalanceBody>,
    /// Pass as `after` for the next page; none at the end.
    next: Option<String>,
}

/// What each account owes now.
#[utoipa::path(
    get, path = "/api/v1/balances", params(Which),
    responses(
        (status = 200, body = BalancesBody),
        (status = 401, description = "No key", body = ErrorBody),
    )
)]
pub async fn list(caller: Caller, house: web::Data<House>, which: web::Query<Which>) -> Answer {
    let limit = which.limit.unwrap_or(100);
    if !(1..=PAGE_MOST).contains(&limit) {
        return Err(invalid("limit is a number from 1 to 500"));
    }
    house.audit(caller.entry("balances_read", "practice", caller.practice.slug.as_str())).await?;
    let mut db = house.store.read().await?;
    let practice = &caller.practice.id;
    let after = which.after.as_deref().unwrap_or_default();
    let accounts = store::guarantor::list_ids(&mut db, practice, after, limit).await?;
    let ids: Vec<_> = accounts.iter().map(|account| account.id.clone()).collect();
    let dues = store::balance::due_of_many(&mut db, practice, &ids).await?;
    let is_full = accounts.len() as i64 == limit;
    let next = accounts.last().filter(|_| is_full).map(|account| account.id.to_string());
    let balances = accounts
        .into_iter()
        .map(|account| {
            let due = dues.get(&account.id);
            BalanceBody {
                due_cents: due.map_or(0, |d| d.due.0),
                claims_due: due.map_or(0, |d| d.claims_due),
                unposted_cents: due.map_or(0, |d| d.unposted.0),
                oldest_due_since: due.and_then(|d| d.oldest_due_since).map(|d| d.to_string()),
                account: account.id.to_string(),
                external_id: account.external_id,
                source: account.source,
            }
        })
        .collect();
    Ok(HttpResponse::Ok().json(BalancesBody { balances, next }))
}
