//! Phones, emails and fax numbers of guarantors. Values are sealed; a blind index per practice finds who shares
//! one, and one for the whole server finds wrong numbers.

use std::collections::BTreeMap;

use domain::{
    clock::{DAY_MS, UnixMs},
    decide::{Channel, LineType, Reach},
    id::{ContactId, GuarantorId, MessageId, PracticeId},
};
use jiff::civil::Date;

use crate::{
    Db, Keys, Result, StoreError,
    backend::{LIST_LONGEST, padded, with_list},
    keys::Place,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Phone,
    Email,
    Fax,
    /// A postal address. It stands on the guarantor and never in this table; messages name it so.
    Address,
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Fax => "fax",
            Self::Address => "address",
        }
    }

    /// The kind that a channel reaches.
    pub const fn reached_by(channel: Channel) -> Self {
        match channel {
            Channel::Text | Channel::Voice => Self::Phone,
            Channel::Email => Self::Email,
            Channel::Fax => Self::Fax,
            Channel::Letter => Self::Address,
        }
    }

    /// The channel that writes to it: a phone is texted unless somebody says that it is called.
    pub const fn channel(self) -> Channel {
        match self {
            Self::Phone => Channel::Text,
            Self::Email => Channel::Email,
            Self::Fax => Channel::Fax,
            Self::Address => Channel::Letter,
        }
    }

    fn parse(text: &str) -> Result<Self> {
        match text {
            "phone" => Ok(Self::Phone),
            "email" => Ok(Self::Email),
            "fax" => Ok(Self::Fax),
            _ => Err(StoreError::Corrupt("contact.kind")),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Contact {
    pub id: ContactId,
    pub guarantor: GuarantorId,
    pub kind: Kind,
    /// E.164, or an address in lower case.
    pub value: String,
    pub value_index: String,
    pub global_index: String,
    pub masked: String,
    pub line: LineType,
    pub text_enabled_at: Option<UnixMs>,
    pub text_enabled_by: Option<String>,
    pub verified_on: Option<Date>,
    pub bad_at: Option<UnixMs>,
    pub bad_why: Option<String>,
    pub soft_bounces: i64,
    pub source: String,
    pub created_at: UnixMs,
}

impl Contact {
    /// What earlier deliveries taught.
    pub fn reach(&self) -> Reach {
        match (self.bad_at, self.bad_why.as_deref()) {
            (None, _) if self.soft_bounces >= SOFT_BOUNCES_MOST => Reach::KeepsBouncing,
            (None, _) => Reach::Good,
            (_, Some("hard_bounced")) => Reach::HardBounced,
            (_, Some("keeps_bouncing")) => Reach::KeepsBouncing,
            (_, Some("carrier_blocked")) => Reach::CarrierBlocked,
            (_, Some("not_mobile")) => Reach::NotMobile,
            _ => Reach::Invalid,
        }
    }
}

/// Three soft bounces and staff look (M32).
pub const SOFT_BOUNCES_MOST: i64 = 3;
/// Older soft bounces do not count any more.
pub const SOFT_BOUNCE_WINDOW_MS: i64 = 14 * DAY_MS;

/// The code under which a bad contact is stored.
pub const fn reach_code(reach: Reach) -> &'static str {
    match reach {
        Reach::Good => "good",
        Reach::Invalid => "invalid",
        Reach::HardBounced => "hard_bounced",
        Reach::KeepsBouncing => "keeps_bouncing",
        Reach::CarrierBlocked => "carrier_blocked",
        Reach::NotMobile => "not_mobile",
    }
}

pub const fn line_code(line: LineType) -> &'static str {
    match line {
        LineType::Mobile => "mobile",
        LineType::Voip => "voip",
        LineType::Landline => "landline",
        LineType::TollFree => "toll_free",
        LineType::Unknown => "unknown",
    }
}

fn line_of(code: &str) -> LineType {
    match code {
        "mobile" => LineType::Mobile,
        "voip" => LineType::Voip,
        "landline" => LineType::Landline,
        "toll_free" => LineType::TollFree,
        _ => LineType::Unknown,
    }
}

/// Where a contact's value is sealed.
pub fn place<'a>(practice: &'a PracticeId, id: &'a str) -> Place<'a> {
    Place { practice: practice.as_str(), table: "contact", column: "value_sealed", row: id }
}

/// The practice's own index of a normalised value.
pub fn value_index(keys: &Keys, practice: &PracticeId, kind: Kind, value: &str) -> String {
    keys.blind(practice.as_str(), kind.as_str(), &folded(kind, value))
}

/// The index of a value over the whole server.
pub fn global_index(keys: &Keys, kind: Kind, value: &str) -> String {
    keys.blind("*", kind.as_str(), &folded(kind, value))
}

/// Addresses that differ in case only are one person's.
fn folded(kind: Kind, value: &str) -> String {
    match kind {
        Kind::Phone | Kind::Fax | Kind::Address => value.to_owned(),
        Kind::Email => value.to_lowercase(),
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    practice_id: String,
    guarantor_id: String,
    kind: String,
    value_sealed: String,
    value_index: String,
    global_index: String,
    masked: String,
    line_type: String,
    text_enabled_at_ms: Option<i64>,
    text_enabled_by: Option<String>,
    verified_on: Option<String>,
    bad_at_ms: Option<i64>,
    bad_why: Option<String>,
    soft_bounces: i64,
    source: String,
    created_at_ms: i64,
}

impl Row {
    fn open(self, db: &Db) -> Result<Contact> {
        let practice = PracticeId::trusted(self.practice_id);
        let kind = Kind::parse(&self.kind)?;
        let value = db.keys().open(place(&practice, &self.id), &self.value_sealed)?;
        let verified_on = self.verified_on.map(|d| d.parse()).transpose();
        Ok(Contact {
            value: folded(kind, &value),
            id: ContactId::trusted(self.id),
            guarantor: GuarantorId::trusted(self.guarantor_id),
            kind,
            value_index: self.value_index,
            global_index: self.global_index,
            masked: self.masked,
            line: line_of(&self.line_type),
            text_enabled_at: self.text_enabled_at_ms.map(UnixMs),
            text_enabled_by: self.text_enabled_by,
            verified_on: verified_on.map_err(|_| StoreError::Corrupt("contact.verified_on"))?,
            bad_at: self.bad_at_ms.map(UnixMs),
            bad_why: self.bad_why,
            soft_bounces: self.soft_bounces,
            source: self.source,
            created_at: UnixMs(self.created_at_ms),
        })
    }
}

/// A contact as somebody added it.
#[derive(Clone, Debug)]
pub struct New {
    pub id: ContactId,
    pub guarantor: GuarantorId,
    pub kind: Kind,
    pub value: String,
    pub masked: String,
    pub line: LineType,
    pub source: String,
}

/// Adds a contact, or brings a removed one back; returns the id under which it stands.
pub async fn insert(
    db: &mut Db,
    practice: &PracticeId,
    new: &New,
    now: UnixMs,
) -> Result<ContactId> {
    const INSERT: &str = "insert into contact (id, practice_id, guarantor_id, kind, value_sealed,
        value_index, global_index, masked, line_type, source, created_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        on conflict (practice_id, guarantor_id, kind, value_index)
            do update set removed_at_ms = null
        returning id";
    let keys = db.keys();
    let (id,): (String,) = sqlx::query_as(INSERT)
        .bind(new.id.as_str())
        .bind(practice.as_str())
        .bind(new.guarantor.as_str())
        .bind(new.kind.as_str())
        .bind(keys.seal(place(practice, new.id.as_str()), &folded(new.kind, &new.value)))
        .bind(value_index(&keys, practice, new.kind, &new.value))
        .bind(global_index(&keys, new.kind, &new.value))
        .bind(&new.masked)
        .bind(line_code(new.line))
        .bind(&new.source)
        .bind(now.0)
        .fetch_one(db.c())
        .await?;
    Ok(ContactId::trusted(id))
}

pub async fn load(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    id: &ContactId,
) -> Result<Option<Contact>> {
    const LOAD: &str = "select id, practice_id, guarantor_id, kind, value_sealed, value_index,
        global_index, masked, line_type, text_enabled_at_ms, text_enabled_by, verified_on,
        bad_at_ms, bad_why, soft_bounces, source, created_at_ms
        from contact
        where practice_id = $1 and guarantor_id = $2 and id = $3 and removed_at_ms is null";
    let row: Option<Row> = sqlx::query_as(LOAD)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(id.as_str())
        .fetch_optional(db.c())
        .await?;
    row.map(|r| r.open(db)).transpose()
}

/// The contact behind an unsubscribe address, whose signature names practice and contact.
pub async fn find(db: &mut Db, practice: &PracticeId, id: &ContactId) -> Result<Option<Contact>> {
    const FIND: &str = "select id, practice_id, guarantor_id, kind, value_sealed, value_index,
        global_index, masked, line_type, text_enabled_at_ms, text_enabled_by, verified_on,
        bad_at_ms, bad_why, soft_bounces, source, created_at_ms
        from contact
        where practice_id = $1 and id = $2";
    let row: Option<Row> = sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(id.as_str())
        .fetch_optional(db.c())
        .await?;
    row.map(|r| r.open(db)).transpose()
}

/// Standing contacts of these guarantors, oldest first.
pub async fn list_many(
    db: &mut Db,
    practice: &PracticeId,
    guarantors: &[GuarantorId],
) -> Result<BTreeMap<GuarantorId, Vec<Contact>>> {
    const LIST: &str = "select id, practice_id, guarantor_id, kind, value_sealed, value_index,
        global_index, masked, line_type, text_enabled_at_ms, text_enabled_by, verified_on,
        bad_at_ms, bad_why, soft_bounces, source, created_at_ms
        from contact
        where practice_id = $1 and guarantor_id in ($list) and removed_at_ms is null
        order by created_at_ms, id";
    let mut found: BTreeMap<GuarantorId, Vec<Contact>> = BTreeMap::new();
    for chunk in guarantors.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query =
            sqlx::query_as::<_, Row>(with_list(LIST, 2, chunk.len())).bind(practice.as_str());
        for id in &chunk {
            query = query.bind(id.as_str());
        }
        for row in query.fetch_all(db.c()).await? {
            let contact = row.open(db)?;
            found.entry(contact.guarantor.clone()).or_default().push(contact);
        }
    }
    Ok(found)
}

pub async fn list(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
) -> Result<Vec<Contact>> {
    let mut found = list_many(db, practice, std::slice::from_ref(guarantor)).await?;
    Ok(found.remove(guarantor).unwrap_or_default())
}

/// All accounts of the practice that share a phone or email: never guess between them (D-4).
pub async fn list_by_value(
    db: &mut Db,
    practice: &PracticeId,
    value_index: &str,
) -> Result<Vec<Contact>> {
    const LIST: &str = "select id, practice_id, guarantor_id, kind, value_sealed, value_index,
        global_index, masked, line_type, text_enabled_at_ms, text_enabled_by, verified_on,
        bad_at_ms, bad_why, soft_bounces, source, created_at_ms
        from contact
        where practice_id = $1 and value_index = $2 and removed_at_ms is null
        order by created_at_ms, id";
    let rows: Vec<Row> =
        sqlx::query_as(LIST).bind(practice.as_str()).bind(value_index).fetch_all(db.c()).await?;
    rows.into_iter().map(|r| r.open(db)).collect()
}

/// The accounts behind each of these values, oldest contact first.
pub async fn list_holders(
    db: &mut Db,
    practice: &PracticeId,
    values: &[String],
) -> Result<BTreeMap<String, Vec<GuarantorId>>> {
    const LIST: &str = "select value_index, guarantor_id
        from contact
        where practice_id = $1 and value_index in ($list) and removed_at_ms is null
        order by created_at_ms, id";
    let mut found: BTreeMap<String, Vec<GuarantorId>> = BTreeMap::new();
    for chunk in values.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query = sqlx::query_as::<_, (String, String)>(with_list(LIST, 2, chunk.len()))
            .bind(practice.as_str());
        for value in &chunk {
            query = query.bind(value);
        }
        for (value, guarantor) in query.fetch_all(db.c()).await? {
            found.entry(value).or_default().push(GuarantorId::trusted(guarantor));
        }
    }
    Ok(found)
}

/// Everybody on the server who has this phone or email, as practice and its own index of it: a
/// wrong number is wrong for all (decision 30).
pub async fn list_by_global(db: &mut Db, global_index: &str) -> Result<Vec<(PracticeId, String)>> {
    const LIST: &str = "select distinct practice_id, value_index
        from contact
        where global_index = $1
        order by practice_id, value_index";
    let rows: Vec<(String, String)> =
        sqlx::query_as(LIST).bind(global_index).fetch_all(db.c()).await?;
    Ok(rows.into_iter().map(|(practice, value)| (PracticeId::trusted(practice), value)).collect())
}

/// Takes a phone or email for this transaction: of two reminders to it at one moment, of whatever
/// account, the second sees the first's mark.
pub async fn lock_value(db: &mut Db, practice: &PracticeId, value_index: &str) -> Result<()> {
    const LOCK: &str = "update contact set soft_bounces = soft_bounces
        where practice_id = $1 and value_index = $2";
    sqlx::query(LOCK).bind(practice.as_str()).bind(value_index).execute(db.c()).await?;
    Ok(())
}

/// Enables or stops texting on a phone (S-B2).
pub async fn mark_text_enabled(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    id: &ContactId,
    by: Option<(&str, UnixMs)>,
) -> Result<bool> {
    const MARK: &str = "update contact set text_enabled_at_ms = $4, text_enabled_by = $5
        where practice_id = $1 and guarantor_id = $2 and id = $3 and kind = 'phone'
        and removed_at_ms is null";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(id.as_str())
        .bind(by.map(|(_, at)| at.0))
        .bind(by.map(|(who, _)| who))
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Somebody confirmed that it belongs to the guarantor; it is good again.
pub async fn mark_verified(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    id: &ContactId,
    on: Date,
    line: Option<LineType>,
) -> Result<bool> {
    const MARK: &str = "update contact set verified_on = $4, bad_at_ms = null, bad_why = null,
        soft_bounces = 0, line_type = coalesce(cast($5 as text), line_type)
        where practice_id = $1 and guarantor_id = $2 and id = $3 and removed_at_ms is null";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(id.as_str())
        .bind(on.to_string())
        .bind(line.map(line_code))
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// What staff found out about a line without asking its owner.
pub async fn mark_line(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    id: &ContactId,
    line: LineType,
) -> Result<bool> {
    const MARK: &str = "update contact set line_type = $4
        where practice_id = $1 and guarantor_id = $2 and id = $3 and removed_at_ms is null";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(id.as_str())
        .bind(line_code(line))
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// A delivery failed for good: every account of the practice that has this value needs staff.
pub async fn mark_bad(
    db: &mut Db,
    practice: &PracticeId,
    value_index: &str,
    reach: Reach,
    line: Option<LineType>,
    at: UnixMs,
) -> Result<u64> {
    const MARK: &str = "update contact set bad_at_ms = $3, bad_why = $4,
        line_type = coalesce(cast($5 as text), line_type)
        where practice_id = $1 and value_index = $2 and bad_at_ms is null";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(value_index)
        .bind(at.0)
        .bind(reach_code(reach))
        .bind(line.map(line_code))
        .execute(db.c())
        .await?;
    Ok(done.rows_affected())
}

/// A delivery failed in a way that may pass. The contact keeps how often that was in
/// [`SOFT_BOUNCE_WINDOW_MS`]; true when this one made it too often. The same message counts once.
pub async fn mark_soft_bounced(
    db: &mut Db,
    practice: &PracticeId,
    value_index: &str,
    message: &MessageId,
    at: UnixMs,
) -> Result<bool> {
    const INSERT: &str = "insert into soft_bounce (practice_id, value_index, message_id, at_ms)
        values ($1, $2, $3, $4)
        on conflict (practice_id, value_index, message_id) do nothing";
    const MARK: &str = "update contact set soft_bounces = (select count(*) from soft_bounce s
            where s.practice_id = $1 and s.value_index = $2 and s.at_ms > $3)
        where practice_id = $1 and value_index = $2
        returning soft_bounces";
    let done = sqlx::query(INSERT)
        .bind(practice.as_str())
        .bind(value_index)
        .bind(message.as_str())
        .bind(at.0)
        .execute(db.c())
        .await?;
    let counted: Vec<(i64,)> = sqlx::query_as(MARK)
        .bind(practice.as_str())
        .bind(value_index)
        .bind(at.minus_ms(SOFT_BOUNCE_WINDOW_MS).0)
        .fetch_all(db.c())
        .await?;
    let is_new = done.rows_affected() == 1;
    Ok(is_new && counted.iter().any(|(many,)| *many >= SOFT_BOUNCES_MOST))
}

/// A delivery that worked clears what failed before.
pub async fn mark_delivered(db: &mut Db, practice: &PracticeId, value_index: &str) -> Result<()> {
    const FORGET: &str = "delete from soft_bounce where practice_id = $1 and value_index = $2";
    const MARK: &str = "update contact set soft_bounces = 0
        where practice_id = $1 and value_index = $2 and soft_bounces > 0";
    sqlx::query(FORGET).bind(practice.as_str()).bind(value_index).execute(db.c()).await?;
    sqlx::query(MARK).bind(practice.as_str()).bind(value_index).execute(db.c()).await?;
    Ok(())
}

pub async fn mark_removed(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    id: &ContactId,
    at: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update contact set removed_at_ms = $4
        where practice_id = $1 and guarantor_id = $2 and id = $3 and removed_at_ms is null";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(id.as_str())
        .bind(at.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}
