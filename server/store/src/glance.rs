//! What Make a Payment asks about the account of a link before it reads the claims, in one query.
//!
//! It is the page that a whole town opens in the hour after a list went out, and on SQLite every
//! query crosses a thread twice. What most accounts do not have (holds, payments) is only said to be
//! there; the modules that own it read it.

use domain::{
    book::Language,
    clock::UnixMs,
    id::{AttemptId, GuarantorId},
    payment::AttemptState,
    practice::Practice,
};

use crate::{
    Db, Result, StoreError, link,
    link::Link,
    merchant::{self, Merchant},
    practice,
};

#[derive(Clone, Debug)]
pub struct Glance {
    pub link: Link,
    pub practice: Practice,
    pub merchant: Option<Merchant>,
    pub language: Option<Language>,
    /// The account's open attempt.
    pub open: Option<(AttemptId, AttemptState)>,
    /// Some that nobody has lifted; they may have run out.
    pub has_holds: bool,
    /// Any payment, ever.
    pub has_payments: bool,
    /// As [`crate::import::count_holding`].
    pub import_is_held: bool,
    /// As [`crate::attempt::count_declined_on_link`].
    pub declined: i64,
}

impl Glance {
    pub fn guarantor(&self) -> &GuarantorId {
        &self.link.guarantor
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(flatten)]
    link: link::Row,
    #[sqlx(flatten)]
    practice: practice::Row,
    merchant_sealed: Option<String>,
    language: Option<String>,
    attempt_id: Option<String>,
    attempt_state: Option<String>,
    has_holds: i64,
    has_payments: i64,
    import_is_held: i64,
    declined: i64,
}

/// Of a live link, by its hash; `None` as [`link::find_by_hash`]. Declines count since then.
pub async fn find(
    db: &mut Db,
    hash: &str,
    now: UnixMs,
    declined_since: UnixMs,
) -> Result<Option<Glance>> {
    const FIND: &str = "select l.token_hash, l.practice_id, l.guarantor_id, l.contact_id,
            l.message_id, l.advertised_cents, l.claim_id, l.created_at_ms, l.expires_at_ms,
            l.accepted_at_ms, l.match_tries, l.viewed_at_ms,
            p.id, p.slug, p.name, p.settings, p.version, p.live_at_ms, p.outreach_held_at_ms,
            p.outreach_held_why,
            c.settings_sealed as merchant_sealed, g.language,
            a.id as attempt_id, a.state as attempt_state,
            case when exists (select 1 from hold h
                where h.practice_id = l.practice_id and h.guarantor_id = l.guarantor_id
                and h.lifted_at_ms is null) then 1 else 0 end as has_holds,
            case when exists (select 1 from payment m
                where m.practice_id = l.practice_id and m.guarantor_id = l.guarantor_id)
                then 1 else 0 end as has_payments,
            case when exists (select 1 from import i
                where i.practice_id = l.practice_id and i.state in ('held', 'applying'))
                then 1 else 0 end as import_is_held,
            (select count(*) from attempt d
                where d.practice_id = l.practice_id and d.link_hash = l.token_hash
                and d.created_at_ms >= $3 and d.state = 'declined') as declined
        from link l
        join practice p on p.id = l.practice_id
        join guarantor g on g.practice_id = l.practice_id and g.id = l.guarantor_id
        left join connection c on c.practice_id = l.practice_id and c.kind = 'stripe'
        left join attempt a on a.practice_id = l.practice_id and a.guarantor_id = l.guarantor_id
            and a.state in ('draft', 'open', 'processing', 'unknown')
        where l.token_hash = $1 and l.revoked_at_ms is null and l.expires_at_ms > $2";
    let row: Option<Row> = sqlx::query_as(FIND)
        .bind(hash)
        .bind(now.0)
        .bind(declined_since.0)
        .fetch_optional(db.c())
        .await?;
    let Some(row) = row else { return Ok(None) };
    let (link, practice) = (row.link.link(), row.practice.practice()?);
    let open = row.attempt_id.zip(row.attempt_state).map(|(id, state)| {
        let state = state.parse().map_err(|_| StoreError::Corrupt("attempt.state"))?;
        Ok::<_, StoreError>((AttemptId::trusted(id), state))
    });
    let sealed = row.merchant_sealed.as_deref();
    Ok(Some(Glance {
        merchant: sealed.map(|text| merchant::open(db, &practice.id, text)).transpose()?,
        language: row.language.and_then(|code| code.parse().ok()),
        open: open.transpose()?,
        has_holds: row.has_holds != 0,
        has_payments: row.has_payments != 0,
        import_is_held: row.import_is_held != 0,
        declined: row.declined,
        link,
        practice,
    }))
}

#[cfg(test)]
mod tests;
