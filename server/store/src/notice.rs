//! Notices as they stand in a patient's account: every reminder that went out, whatever way it took,
//! and whether this login has opened it (S-SF11). The text and the email of one notice are one line.
//!
//! Refuses what went out while a confidential communication was ordered: the person named the one
//! place where they want to hear from the practice, and this is not it (M28).

use std::collections::BTreeMap;

use domain::{
    clock::UnixMs,
    decide::Channel,
    id::{ClaimId, GuarantorId, LoginId, MessageId, PracticeId},
    money::Cents,
};

use crate::{
    Db, Result,
    backend::{LIST_LONGEST, padded, with_list},
    message::channel_of,
};

/// One notice, by its first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub message: MessageId,
    pub guarantor: GuarantorId,
    pub kind: String,
    /// The ways it went, and to which masked contact.
    pub ways: Vec<(Channel, String)>,
    /// When the first of them was taken by a provider.
    pub at: UnixMs,
    pub amount: Option<Cents>,
    pub check_codes: Vec<String>,
    /// The bill it was about, where it named one.
    pub claim: Option<ClaimId>,
    pub is_read: bool,
    notice: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    guarantor_id: String,
    kind: String,
    channel: String,
    masked: String,
    accepted_at_ms: i64,
    amount_cents: Option<i64>,
    check_code: Option<String>,
    notice: String,
    claim_id: Option<String>,
    read_at_ms: Option<i64>,
}

/// Newest first, of these accounts.
pub async fn list(
    db: &mut Db,
    practice: &PracticeId,
    login: &LoginId,
    guarantors: &[GuarantorId],
    limit: i64,
) -> Result<Vec<Notice>> {
    const LIST: &str = "select m.id, m.guarantor_id, m.kind, m.channel, m.masked,
        m.accepted_at_ms, m.amount_cents, m.check_code, m.notice, l.claim_id,
        r.at_ms as read_at_ms
        from message m
        left join link l on l.practice_id = m.practice_id and l.token_hash = m.link_hash
        left join notice_read r on r.practice_id = m.practice_id and r.login_id = $2
            and r.notice = m.notice
        where m.practice_id = $1 and m.guarantor_id in ($list)
        and m.class in ('dunning', 'failed_autopay') and m.accepted_at_ms is not null
        and not exists (select 1 from hold h
            where h.practice_id = m.practice_id and h.guarantor_id = m.guarantor_id
            and h.kind = 'confidential_communication' and h.placed_at_ms <= m.accepted_at_ms
            and (h.lifted_at_ms is null or h.lifted_at_ms > m.accepted_at_ms)
            and (h.until_ms is null or h.until_ms > m.accepted_at_ms))
        order by m.accepted_at_ms desc, m.id desc
        limit $3";
    let mut found: Vec<Notice> = Vec::new();
    for chunk in guarantors.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query = sqlx::query_as::<_, Row>(with_list(LIST, 4, chunk.len()))
            .bind(practice.as_str())
            .bind(login.as_str())
            .bind(limit);
        for id in &chunk {
            query = query.bind(id.as_str());
        }
        // Each account's notices together; the newest row of a notice comes first.
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for row in query.fetch_all(db.c()).await? {
            let way = (channel_of(&row.channel)?, row.masked);
            let place = places.get(&row.notice).copied();
            let known = match place {
                Some(place) => &mut found[place],
                None => {
                    places.insert(row.notice.clone(), found.len());
                    found.push(Notice {
                        message: MessageId::trusted(row.id.clone()),
                        guarantor: GuarantorId::trusted(row.guarantor_id),
                        kind: row.kind,
                        ways: Vec::new(),
                        at: UnixMs(row.accepted_at_ms),
                        amount: None,
                        check_codes: Vec::new(),
                        claim: None,
                        is_read: row.read_at_ms.is_some(),
                        notice: row.notice,
                    });
                    let last = found.len() - 1;
                    &mut found[last]
                }
            };
            known.message = MessageId::trusted(row.id);
            known.at = UnixMs(row.accepted_at_ms);
            known.amount = row.amount_cents.map(Cents).or(known.amount);
            known.claim = row.claim_id.map(ClaimId::trusted).or(known.claim.take());
            known.check_codes.extend(row.check_code);
            known.ways.push(way);
        }
    }
    found.sort_by(|one, other| (other.at, &other.message).cmp(&(one.at, &one.message)));
    Ok(found)
}

/// One of them, by any of its messages; nothing that [`list`] would not show.
pub async fn find(
    db: &mut Db,
    practice: &PracticeId,
    login: &LoginId,
    guarantors: &[GuarantorId],
    message: &MessageId,
) -> Result<Option<Notice>> {
    const FIND: &str = "select guarantor_id, notice
        from message
        where practice_id = $1 and id = $2 and guarantor_id is not null";
    let row: Option<(String, String)> = sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(message.as_str())
        .fetch_optional(db.c())
        .await?;
    let Some((guarantor, notice)) = row else { return Ok(None) };
    let own: Vec<GuarantorId> =
        guarantors.iter().filter(|own| own.as_str() == guarantor).cloned().collect();
    if own.is_empty() {
        return Ok(None);
    }
    let all = list(db, practice, login, &own, MOST).await?;
    Ok(all.into_iter().find(|one| one.notice == notice))
}

/// Messages of one account that its pages look back on.
pub const MOST: i64 = 500;

/// Somebody has opened it, by this login. Once is as good as twice.
pub async fn mark_read(
    db: &mut Db,
    practice: &PracticeId,
    login: &LoginId,
    notice: &Notice,
    now: UnixMs,
) -> Result<()> {
    const MARK: &str = "insert into notice_read (practice_id, login_id, notice, at_ms)
        values ($1, $2, $3, $4)
        on conflict (practice_id, login_id, notice) do nothing";
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(login.as_str())
        .bind(&notice.notice)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(())
}
