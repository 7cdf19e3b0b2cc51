//! Pay links. Only the token's hash is stored; the address itself stands in the sealed message. A
//! fetch changes no row but the append-only access log (D-55, R30); a link pays, and nothing else.

use domain::{
    clock::{DAY_MS, UnixMs, World},
    id::{ClaimId, ContactId, GuarantorId, LinkAccessId, MessageId, PracticeId},
    money::Cents,
};

use crate::{Db, Result, backend::rows_of_values, keys::token_hash};

/// How long a link of a text or email works.
pub const LASTS_MS: i64 = 30 * DAY_MS;
/// How long an older link of the same contact works once a newer one has arrived.
pub const SUPERSEDED_LASTS_MS: i64 = 7 * DAY_MS;
/// Having it within this time of the provider's acceptance counts as holding the contact.
pub const POSSESSION_MS: i64 = 3 * DAY_MS;
/// Wrong answers a link bears, ever (R36).
pub const MATCH_TRIES: i64 = 5;

const ROWS_TOGETHER: usize = 32;

#[derive(Clone, Debug)]
pub struct New {
    pub token_hash: String,
    pub guarantor: GuarantorId,
    pub contact: Option<ContactId>,
    pub message: Option<MessageId>,
    pub advertised: Option<Cents>,
    pub claim: Option<ClaimId>,
    pub expires_at: UnixMs,
}

pub async fn insert_many(
    db: &mut Db,
    practice: &PracticeId,
    links: &[New],
    now: UnixMs,
) -> Result<()> {
    const INSERT: &str = "insert into link (token_hash, practice_id, guarantor_id, contact_id,
        message_id, advertised_cents, claim_id, created_at_ms, expires_at_ms)";
    for chunk in links.chunks(ROWS_TOGETHER) {
        let mut query = sqlx::query(rows_of_values(db.kind, INSERT, 9, chunk.len(), ""));
        for link in chunk {
            query = query
                .bind(link.token_hash.clone())
                .bind(practice.as_str().to_owned())
                .bind(link.guarantor.as_str().to_owned())
                .bind(link.contact.as_ref().map(|c| c.as_str().to_owned()))
                .bind(link.message.as_ref().map(|m| m.as_str().to_owned()))
                .bind(link.advertised.map(|a| a.0))
                .bind(link.claim.as_ref().map(|c| c.as_str().to_owned()))
                .bind(now.0)
                .bind(link.expires_at.0);
        }
        query.execute(db.c()).await?;
    }
    Ok(())
}

#[derive(Clone, Debug)]
pub struct Link {
    pub token_hash: String,
    pub practice: PracticeId,
    pub guarantor: GuarantorId,
    pub contact: Option<ContactId>,
    pub message: Option<MessageId>,
    pub advertised: Option<Cents>,
    pub claim: Option<ClaimId>,
    pub created_at: UnixMs,
    pub expires_at: UnixMs,
    pub accepted_at: Option<UnixMs>,
    pub match_tries: i64,
    pub viewed_at: Option<UnixMs>,
}

impl Link {
    /// Whether whoever holds it holds the contact as well: a message accepted within 72 hours.
    pub fn proves_possession(&self, now: UnixMs) -> bool {
        self.accepted_at.is_some_and(|at| at <= now && now.since(at) < POSSESSION_MS)
    }
}

#[derive(sqlx::FromRow)]
pub(crate) struct Row {
    token_hash: String,
    practice_id: String,
    guarantor_id: String,
    contact_id: Option<String>,
    message_id: Option<String>,
    advertised_cents: Option<i64>,
    claim_id: Option<String>,
    created_at_ms: i64,
    expires_at_ms: i64,
    accepted_at_ms: Option<i64>,
    match_tries: i64,
    viewed_at_ms: Option<i64>,
}

impl Row {
    pub(crate) fn link(self) -> Link {
        Link {
            token_hash: self.token_hash,
            practice: PracticeId::trusted(self.practice_id),
            guarantor: GuarantorId::trusted(self.guarantor_id),
            contact: self.contact_id.map(ContactId::trusted),
            message: self.message_id.map(MessageId::trusted),
            advertised: self.advertised_cents.map(Cents),
            claim: self.claim_id.map(ClaimId::trusted),
            created_at: UnixMs(self.created_at_ms),
            expires_at: UnixMs(self.expires_at_ms),
            accepted_at: self.accepted_at_ms.map(UnixMs),
            match_tries: self.match_tries,
            viewed_at: self.viewed_at_ms.map(UnixMs),
        }
    }
}

/// The live link behind a token from the address bar. Unknown, expired, revoked and replaced ones
/// are the same `None` (R34).
pub async fn find_by_token(db: &mut Db, token: &str, now: UnixMs) -> Result<Option<Link>> {
    find_by_hash(db, &token_hash(token), now).await
}

/// The same from the hash, as the signed pay cookie carries it.
pub async fn find_by_hash(db: &mut Db, hash: &str, now: UnixMs) -> Result<Option<Link>> {
    const FIND: &str = "select token_hash, practice_id, guarantor_id, contact_id, message_id,
        advertised_cents, claim_id, created_at_ms, expires_at_ms, accepted_at_ms, match_tries,
        viewed_at_ms
        from link
        where token_hash = $1 and revoked_at_ms is null and expires_at_ms > $2";
    let row: Option<Row> =
        sqlx::query_as(FIND).bind(hash).bind(now.0).fetch_optional(db.c()).await?;
    Ok(row.map(Row::link))
}

/// The practice of a dead link, so that its page may carry name, phone and hours.
pub async fn find_practice(db: &mut Db, hash: &str) -> Result<Option<PracticeId>> {
    const FIND: &str = "select practice_id from link where token_hash = $1";
    let row: Option<(String,)> = sqlx::query_as(FIND).bind(hash).fetch_optional(db.c()).await?;
    Ok(row.map(|(id,)| PracticeId::trusted(id)))
}

/// When the provider took the message with this link, whether or not the link still works: "is this
/// message real?".
pub async fn find_sent_at(
    db: &mut Db,
    practice: &PracticeId,
    hash: &str,
) -> Result<Option<UnixMs>> {
    const FIND: &str = "select accepted_at_ms from link
        where practice_id = $1 and token_hash = $2 and accepted_at_ms is not null";
    let row: Option<(i64,)> =
        sqlx::query_as(FIND).bind(practice.as_str()).bind(hash).fetch_optional(db.c()).await?;
    Ok(row.map(|(at,)| UnixMs(at)))
}

/// A person did something on the page the link led to.
pub async fn mark_viewed(
    db: &mut Db,
    practice: &PracticeId,
    hash: &str,
    now: UnixMs,
) -> Result<()> {
    const MARK: &str = "update link set viewed_at_ms = $3
        where practice_id = $1 and token_hash = $2 and viewed_at_ms is null";
    sqlx::query(MARK).bind(practice.as_str()).bind(hash).bind(now.0).execute(db.c()).await?;
    Ok(())
}

/// Burns one try before anything is compared; false when none is left (R36).
pub async fn claim_try(db: &mut Db, practice: &PracticeId, hash: &str) -> Result<bool> {
    const CLAIM: &str = "update link set match_tries = match_tries + 1
        where practice_id = $1 and token_hash = $2 and match_tries < $3";
    let done = sqlx::query(CLAIM)
        .bind(practice.as_str())
        .bind(hash)
        .bind(MATCH_TRIES)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The provider took the message: 72 hours of possession begin, and older links of the same contact
/// end soon.
pub async fn mark_accepted(
    db: &mut Db,
    practice: &PracticeId,
    message: &MessageId,
    now: UnixMs,
) -> Result<()> {
    const MARK: &str = "update link set accepted_at_ms = $3
        where practice_id = $1 and message_id = $2 and accepted_at_ms is null";
    const SUPERSEDE: &str = "update link set expires_at_ms = $4
        where practice_id = $1 and expires_at_ms > $4 and accepted_at_ms is not null
        and (message_id is null or message_id <> $2)
        and created_at_ms < $3
        and guarantor_id in (select n.guarantor_id from link n
            where n.practice_id = $1 and n.message_id = $2)
        and contact_id in (select n.contact_id from link n
            where n.practice_id = $1 and n.message_id = $2)";
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(message.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    sqlx::query(SUPERSEDE)
        .bind(practice.as_str())
        .bind(message.as_str())
        .bind(now.0)
        .bind(now.plus_ms(SUPERSEDED_LASTS_MS).0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// Ends the links of messages that will never go.
pub async fn mark_revoked_of_message(
    db: &mut Db,
    practice: &PracticeId,
    message: &MessageId,
    now: UnixMs,
) -> Result<()> {
    const MARK: &str = "update link set revoked_at_ms = $3
        where practice_id = $1 and message_id = $2 and revoked_at_ms is null";
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(message.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// Staff end every link of an account at once (R34).
pub async fn mark_all_revoked(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    now: UnixMs,
) -> Result<u64> {
    const MARK: &str = "update link set revoked_at_ms = $3
        where practice_id = $1 and guarantor_id = $2 and revoked_at_ms is null";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected())
}

/// Ends the links that went to one contact: "This isn't me".
pub async fn mark_contact_revoked(
    db: &mut Db,
    practice: &PracticeId,
    contact: &ContactId,
    now: UnixMs,
) -> Result<u64> {
    const MARK: &str = "update link set revoked_at_ms = $3
        where practice_id = $1 and contact_id = $2 and revoked_at_ms is null";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(contact.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected())
}

/// Ends for good what has expired, `most` at a time; for the housekeeping. A clock that is set back
/// afterwards brings none of them to life (R65).
pub async fn mark_expired(db: &mut Db, now: UnixMs, most: i64) -> Result<u64> {
    const MARK: &str = "update link set revoked_at_ms = expires_at_ms
        where token_hash in (
            select token_hash from link
            where revoked_at_ms is null and expires_at_ms <= $1
            order by expires_at_ms, guarantor_id
            limit $2)";
    let done = sqlx::query(MARK).bind(now.0).bind(most).execute(db.c()).await?;
    Ok(done.rows_affected())
}

/// One fetch, by a person or a scanner; nobody can tell yet.
pub async fn insert_access(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    hash: &str,
    kind: &'static str,
) -> Result<()> {
    const INSERT: &str = "insert into link_access (id, practice_id, token_hash, kind, at_ms)
        values ($1, $2, $3, $4, $5)";
    sqlx::query(INSERT)
        .bind(world.mint::<LinkAccessId>().to_string())
        .bind(practice.as_str())
        .bind(hash)
        .bind(kind)
        .bind(world.now().0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// When the links of an account were opened, and when somebody went on from there: newest first, as
/// `(kind, at)`. A fetch may be a scanner's; `viewed` is a person's.
pub async fn list_views(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    limit: i64,
) -> Result<Vec<(String, UnixMs)>> {
    const LIST: &str = "select kind, at_ms, id from (
            select a.kind, a.at_ms, a.id
            from link l
            join link_access a on a.practice_id = l.practice_id and a.token_hash = l.token_hash
            where l.practice_id = $1 and l.guarantor_id = $2
            union all
            select 'viewed', l.viewed_at_ms, l.token_hash
            from link l
            where l.practice_id = $1 and l.guarantor_id = $2 and l.viewed_at_ms is not null) seen
        order by at_ms desc, id
        limit $3";
    let rows: Vec<(String, i64, String)> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(limit)
        .fetch_all(db.c())
        .await?;
    Ok(rows.into_iter().map(|(kind, at, _)| (kind, UnixMs(at))).collect())
}

pub async fn count_accesses(db: &mut Db, practice: &PracticeId, hash: &str) -> Result<i64> {
    const COUNT: &str = "select count(*) from link_access
        where practice_id = $1 and token_hash = $2";
    let (count,): (i64,) =
        sqlx::query_as(COUNT).bind(practice.as_str()).bind(hash).fetch_one(db.c()).await?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::clock::Clock;

    use super::*;
    use crate::{Store, keys::OsChance, scratch};

    const NOW: UnixMs = UnixMs(1_772_000_000_000);

    struct Still;
    impl Clock for Still {
        fn now(&self) -> UnixMs {
            NOW
        }
    }

    async fn opens(store: &Store, hash: &str, at: UnixMs) -> bool {
        let mut db = store.read().await.unwrap();
        find_by_hash(&mut db, hash, at).await.unwrap().is_some()
    }

    async fn housekeeping(store: &Store, at: UnixMs) -> u64 {
        store.write(move |db| Box::pin(async move { mark_expired(db, at, 9).await })).await.unwrap()
    }

    #[tokio::test]
    async fn a_link_that_has_expired_stays_so_when_the_clock_is_set_back() {
        let dir = tempfile::tempdir().unwrap();
        let world = World { clock: Arc::new(Still), chance: Arc::new(OsChance) };
        for store in scratch::both(dir.path()).await.unwrap() {
            let practice = scratch::insert_practice(&store, &world, "elm").await.unwrap();
            let maria: GuarantorId = world.mint();
            let account =
                scratch::insert_account(&store, &world, &practice, &maria, "Maria Lopez", &[]);
            account.await.unwrap();
            let links =
                [("old", NOW), ("young", NOW.plus_ms(DAY_MS))].map(|(hash, expires_at)| New {
                    token_hash: hash.to_owned(),
                    guarantor: maria.clone(),
                    contact: None,
                    message: None,
                    advertised: None,
                    claim: None,
                    expires_at,
                });
            let written = store.write(move |db| {
                let (links, practice) = (links.clone(), practice.clone());
                Box::pin(async move { insert_many(db, &practice, &links, NOW).await })
            });
            written.await.unwrap();
            let yesterday = NOW.minus_ms(DAY_MS);
            assert!(opens(&store, "old", yesterday).await);
            assert_eq!(housekeeping(&store, yesterday).await, 0);
            assert!(!opens(&store, "old", NOW).await);
            assert_eq!(housekeeping(&store, NOW).await, 1);
            assert!(!opens(&store, "old", yesterday).await, "it came to life again");
            assert!(opens(&store, "young", NOW).await);
            assert_eq!(housekeeping(&store, NOW).await, 0);
        }
    }
}
