//! Finding an account as people ask for it: by a name in any order, by its number in the practice's
//! system, by a phone or email on file (exactly, through the blind index).

use domain::id::{GuarantorId, PracticeId};

use crate::{
    Db, Result,
    backend::{LIST_LONGEST, padded, with_list},
    encounter::holding,
    guarantor::{Found, name_key},
};

/// Accounts in which every word of `typed` is in the name of the guarantor or of one patient, by
/// name. All accounts for no word.
pub async fn list_by_words(
    db: &mut Db,
    practice: &PracticeId,
    typed: &str,
    limit: i64,
    offset: i64,
) -> Result<Vec<Found>> {
    const LIST: &str = "select g.id, g.name, g.external_id, g.last_sent_at_ms, g.flagged_at_ms
        from guarantor g
        where g.practice_id = $1
        and ((g.name_key like $2 escape '!' and g.name_key like $3 escape '!'
                and g.name_key like $4 escape '!')
            or exists (select 1 from patient t
                where t.practice_id = g.practice_id and t.guarantor_id = g.id
                and t.name_key like $2 escape '!' and t.name_key like $3 escape '!'
                and t.name_key like $4 escape '!'))
        order by g.name_key, g.id
        limit $5 offset $6";
    const ALL: &str = "select id, name, external_id, last_sent_at_ms, flagged_at_ms
        from guarantor
        where practice_id = $1
        order by name_key, id
        limit $2 offset $3";
    let plain = name_key(&typed.replace(',', " "));
    let words: Vec<String> = plain.split(' ').filter(|w| !w.is_empty()).map(holding).collect();
    if words.is_empty() {
        return Ok(sqlx::query_as(ALL)
            .bind(practice.as_str())
            .bind(limit)
            .bind(offset)
            .fetch_all(db.c())
            .await?);
    }
    // Three words find anybody; more only narrow what is narrow already.
    let word = |at: usize| words.get(at).cloned().unwrap_or_else(|| "%".to_owned());
    Ok(sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(word(0))
        .bind(word(1))
        .bind(word(2))
        .bind(limit)
        .bind(offset)
        .fetch_all(db.c())
        .await?)
}

/// By the number in the practice's system, whichever of its sources gave it; a patient's number
/// finds the account that pays.
pub async fn list_by_number(
    db: &mut Db,
    practice: &PracticeId,
    number: &str,
    limit: i64,
) -> Result<Vec<Found>> {
    const LIST: &str = "select g.id, g.name, g.external_id, g.last_sent_at_ms, g.flagged_at_ms
        from guarantor g
        where g.practice_id = $1
        and (g.external_id = $2
            or g.id in (select t.guarantor_id from patient t
                where t.practice_id = $1 and t.external_id = $2))
        order by g.name_key, g.id
        limit $3";
    Ok(sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(number.trim())
        .bind(limit)
        .fetch_all(db.c())
        .await?)
}

pub async fn list_many(
    db: &mut Db,
    practice: &PracticeId,
    ids: &[GuarantorId],
) -> Result<Vec<Found>> {
    const LIST: &str = "select id, name, external_id, last_sent_at_ms, flagged_at_ms
        from guarantor
        where practice_id = $1 and id in ($list)
        order by name_key, id";
    let mut found = Vec::new();
    for chunk in ids.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query = sqlx::query_as(with_list(LIST, 2, chunk.len())).bind(practice.as_str());
        for id in &chunk {
            query = query.bind(id.as_str());
        }
        found.extend(query.fetch_all(db.c()).await?);
    }
    Ok(found)
}

/// Accounts with something open that neither a text nor an email can reach: no phone enabled with
/// consent, no email that works. In the order of their ids, after one for paging.
pub async fn list_unreachable(
    db: &mut Db,
    practice: &PracticeId,
    after: Option<&GuarantorId>,
    limit: i64,
) -> Result<Vec<GuarantorId>> {
    const LIST: &str = "select g.id
        from guarantor g
        where g.practice_id = $1 and g.id > $2
        and exists (select 1 from claim c
            where c.practice_id = g.practice_id and c.guarantor_id = g.id
            and c.status in ('ready', 'pending_patient') and c.patient_due_cents > 0)
        and not exists (select 1 from contact e
            where e.practice_id = g.practice_id and e.guarantor_id = g.id and e.kind = 'email'
            and e.removed_at_ms is null and e.bad_at_ms is null and e.soft_bounces < 3
            and not exists (select 1 from suppression s
                where s.practice_id = e.practice_id and s.value_index = e.value_index
                and s.channel = 'email' and s.lifted_at_ms is null))
        and not exists (select 1 from contact p
            where p.practice_id = g.practice_id and p.guarantor_id = g.id and p.kind = 'phone'
            and p.removed_at_ms is null and p.bad_at_ms is null
            and p.line_type not in ('landline', 'toll_free')
            and p.text_enabled_at_ms is not null
            and exists (select 1 from consent n
                where n.practice_id = p.practice_id and n.value_index = p.value_index
                and n.channel = 'text' and n.granted = 1)
            and not exists (select 1 from suppression s
                where s.practice_id = p.practice_id and s.value_index = p.value_index
                and s.channel = 'text' and s.lifted_at_ms is null))
        order by g.id
        limit $3";
    let rows: Vec<(String,)> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(after.map_or("", GuarantorId::as_str))
        .bind(limit)
        .fetch_all(db.c())
        .await?;
    Ok(rows.into_iter().map(|(id,)| GuarantorId::trusted(id)).collect())
}

#[cfg(test)]
mod tests;
