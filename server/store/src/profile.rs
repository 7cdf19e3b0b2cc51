//! Statement profiles and their versions. A version is edited while it is a draft; once its proof is
//! approved it never changes, and at most one version of a profile is active (a partial unique
//! index says so on both databases).

use domain::{
    clock::{UnixMs, World},
    id::{GuarantorId, PracticeId, ProfileId, ProfileVersionId},
    profile::Profile,
};

use crate::{Db, Result, StoreError, guarantor::name_key};

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum State { $($(#[$doc])* $name,)* }

        impl State {
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            fn parse(text: &str) -> Result<Self> {
                match text {
                    $($code => Ok(Self::$name),)*
                    _ => Err(StoreError::Corrupt("profile_version.state")),
                }
            }
        }
    };
}

states! {
    Draft = "draft",
    /// Somebody read its proof (S-G8); it may be activated.
    Approved = "approved",
    Active = "active",
    Retired = "retired",
}

#[derive(Clone, Debug)]
pub struct Version {
    pub id: ProfileVersionId,
    pub profile: ProfileId,
    pub profile_name: String,
    /// Of several active profiles the one with the lowest place is asked first.
    pub place: i64,
    pub number: i64,
    pub document: Profile,
    pub state: State,
    pub created_by: String,
    pub created_at: UnixMs,
    pub updated_at: UnixMs,
    pub approved_by: Option<String>,
    pub approved_at: Option<UnixMs>,
    pub activated_by: Option<String>,
    pub activated_at: Option<UnixMs>,
    pub retired_at: Option<UnixMs>,
    /// Accounts are still being taken in.
    pub is_enrolling: bool,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    profile_id: String,
    name: String,
    place: i64,
    number: i64,
    document: String,
    state: String,
    created_by: String,
    created_at_ms: i64,
    updated_at_ms: i64,
    approved_by: Option<String>,
    approved_at_ms: Option<i64>,
    activated_by: Option<String>,
    activated_at_ms: Option<i64>,
    retired_at_ms: Option<i64>,
    enrol_after: Option<String>,
}

impl Row {
    fn version(self) -> Result<Version> {
        Ok(Version {
            document: serde_json::from_str(&self.document)
                .map_err(|_| StoreError::Corrupt("profile_version.document"))?,
            state: State::parse(&self.state)?,
            id: ProfileVersionId::trusted(self.id),
            profile: ProfileId::trusted(self.profile_id),
            profile_name: self.name,
            place: self.place,
            number: self.number,
            created_by: self.created_by,
            created_at: UnixMs(self.created_at_ms),
            updated_at: UnixMs(self.updated_at_ms),
            approved_by: self.approved_by,
            approved_at: self.approved_at_ms.map(UnixMs),
            activated_by: self.activated_by,
            activated_at: self.activated_at_ms.map(UnixMs),
            retired_at: self.retired_at_ms.map(UnixMs),
            is_enrolling: self.enrol_after.is_some(),
        })
    }
}

fn text_of(document: &Profile) -> String {
    serde_json::to_string(document).expect("a profile is plain data")
}

/// A new profile, asked after all others; `None` when the practice has one of that name.
pub async fn insert(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    name: &str,
    by: &str,
) -> Result<Option<ProfileId>> {
    const INSERT: &str = "insert into profile (id, practice_id, name, name_key, place, created_by,
        created_at_ms)
        select $1, $2, $3, $4, coalesce(max(place), 0) + 1, $5, $6
        from profile
        where practice_id = $2
        on conflict (practice_id, name_key) do nothing";
    let id = world.mint::<ProfileId>();
    let done = sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(practice.as_str())
        .bind(name)
        .bind(name_key(name))
        .bind(by)
        .bind(world.now().0)
        .execute(db.c())
        .await?;
    Ok((done.rows_affected() == 1).then_some(id))
}

/// A new draft of a profile; its number is the next. `None` when there is no such profile.
pub async fn insert_version(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    profile: &ProfileId,
    document: &Profile,
    by: &str,
) -> Result<Option<ProfileVersionId>> {
    const INSERT: &str =
        "insert into profile_version (id, practice_id, profile_id, number, document,
        state, created_by, created_at_ms, updated_at_ms)
        select $1, $2, p.id,
            (select coalesce(max(v.number), 0) + 1 from profile_version v
                where v.practice_id = $2 and v.profile_id = p.id),
            $4, 'draft', $5, $6, $6
        from profile p
        where p.practice_id = $2 and p.id = $3";
    let id = world.mint::<ProfileVersionId>();
    let done = sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(practice.as_str())
        .bind(profile.as_str())
        .bind(text_of(document))
        .bind(by)
        .bind(world.now().0)
        .execute(db.c())
        .await?;
    Ok((done.rows_affected() == 1).then_some(id))
}

/// Replaces a draft, unless somebody else changed it since `seen_at`.
pub async fn mark_document(
    db: &mut Db,
    practice: &PracticeId,
    id: &ProfileVersionId,
    document: &Profile,
    seen_at: UnixMs,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update profile_version set document = $3, updated_at_ms = $4
        where practice_id = $1 and id = $2 and state = 'draft' and updated_at_ms = $5";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(text_of(document))
        .bind(now.0.max(seen_at.0 + 1))
        .bind(seen_at.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The proof was read by a person (S-G8). False when it is no draft any more, or was changed since
/// `seen_at`.
pub async fn mark_approved(
    db: &mut Db,
    practice: &PracticeId,
    id: &ProfileVersionId,
    seen_at: UnixMs,
    by: &str,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update profile_version set state = 'approved', approved_by = $4,
        approved_at_ms = $5
        where practice_id = $1 and id = $2 and state = 'draft' and updated_at_ms = $3";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(seen_at.0)
        .bind(by)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// An approved version takes the place of the active one. False when it is not approved.
pub async fn mark_active(
    db: &mut Db,
    practice: &PracticeId,
    version: &Version,
    by: &str,
    now: UnixMs,
) -> Result<bool> {
    const RETIRE: &str = "update profile_version set state = 'retired', retired_at_ms = $3,
        enrol_after = null
        where practice_id = $1 and profile_id = $2 and state = 'active'
        and exists (select 1 from profile_version n
            where n.practice_id = $1 and n.id = $4 and n.state = 'approved')";
    const ACTIVATE: &str = "update profile_version set state = 'active', activated_by = $3,
        activated_at_ms = $4, enrol_after = ''
        where practice_id = $1 and id = $2 and state = 'approved'";
    sqlx::query(RETIRE)
        .bind(practice.as_str())
        .bind(version.profile.as_str())
        .bind(now.0)
        .bind(version.id.as_str())
        .execute(db.c())
        .await?;
    let done = sqlx::query(ACTIVATE)
        .bind(practice.as_str())
        .bind(version.id.as_str())
        .bind(by)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Nothing more is sent by it. The accounts are looked at again, as when one is activated.
pub async fn mark_retired(
    db: &mut Db,
    practice: &PracticeId,
    id: &ProfileVersionId,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update profile_version set state = 'retired', retired_at_ms = $3,
        enrol_after = ''
        where practice_id = $1 and id = $2 and state in ('draft', 'approved', 'active')";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Changes which profile is asked first: swaps the places of two.
pub async fn mark_places(
    db: &mut Db,
    practice: &PracticeId,
    one: (&ProfileId, i64),
    other: (&ProfileId, i64),
) -> Result<()> {
    const MARK: &str = "update profile set place = $3
        where practice_id = $1 and id = $2";
    for (id, place) in [one, other] {
        sqlx::query(MARK)
            .bind(practice.as_str())
            .bind(id.as_str())
            .bind(place)
            .execute(db.c())
            .await?;
    }
    Ok(())
}

/// Every version of every profile, in the order in which they are asked, the newest first.
pub async fn list(db: &mut Db, practice: &PracticeId) -> Result<Vec<Version>> {
    const LIST: &str = "select v.id, v.profile_id, p.name, p.place, v.number, v.document, v.state,
        v.created_by, v.created_at_ms, v.updated_at_ms, v.approved_by, v.approved_at_ms,
        v.activated_by, v.activated_at_ms, v.retired_at_ms, v.enrol_after
        from profile_version v
        join profile p on p.practice_id = v.practice_id and p.id = v.profile_id
        where v.practice_id = $1
        order by p.place, p.id, v.number desc, v.id";
    let rows: Vec<Row> = sqlx::query_as(LIST).bind(practice.as_str()).fetch_all(db.c()).await?;
    rows.into_iter().map(Row::version).collect()
}

/// The versions that are climbed, in the order in which they are asked.
pub async fn list_active(db: &mut Db, practice: &PracticeId) -> Result<Vec<Version>> {
    const LIST: &str = "select v.id, v.profile_id, p.name, p.place, v.number, v.document, v.state,
        v.created_by, v.created_at_ms, v.updated_at_ms, v.approved_by, v.approved_at_ms,
        v.activated_by, v.activated_at_ms, v.retired_at_ms, v.enrol_after
        from profile_version v
        join profile p on p.practice_id = v.practice_id and p.id = v.profile_id
        where v.practice_id = $1 and v.state = 'active'
        order by p.place, p.id";
    let rows: Vec<Row> = sqlx::query_as(LIST).bind(practice.as_str()).fetch_all(db.c()).await?;
    rows.into_iter().map(Row::version).collect()
}

pub async fn load(
    db: &mut Db,
    practice: &PracticeId,
    id: &ProfileVersionId,
) -> Result<Option<Version>> {
    const LOAD: &str = "select v.id, v.profile_id, p.name, p.place, v.number, v.document, v.state,
        v.created_by, v.created_at_ms, v.updated_at_ms, v.approved_by, v.approved_at_ms,
        v.activated_by, v.activated_at_ms, v.retired_at_ms, v.enrol_after
        from profile_version v
        join profile p on p.practice_id = v.practice_id and p.id = v.profile_id
        where v.practice_id = $1 and v.id = $2";
    let row: Option<Row> = sqlx::query_as(LOAD)
        .bind(practice.as_str())
        .bind(id.as_str())
        .fetch_optional(db.c())
        .await?;
    row.map(Row::version).transpose()
}

/// Versions, of every practice, whose accounts are still being taken in, and where that stands.
pub async fn list_enrolling(
    db: &mut Db,
) -> Result<Vec<(PracticeId, ProfileVersionId, Option<GuarantorId>)>> {
    const LIST: &str = "select practice_id, id, enrol_after
        from profile_version
        where enrol_after is not null
        order by practice_id, id";
    let rows: Vec<(String, String, String)> = sqlx::query_as(LIST).fetch_all(db.c()).await?;
    let read = |(practice, id, after): (String, String, String)| {
        let after = (!after.is_empty()).then(|| GuarantorId::trusted(after));
        (PracticeId::trusted(practice), ProfileVersionId::trusted(id), after)
    };
    Ok(rows.into_iter().map(read).collect())
}

/// `None` when all accounts are in.
pub async fn mark_enrolled(
    db: &mut Db,
    practice: &PracticeId,
    id: &ProfileVersionId,
    after: Option<&GuarantorId>,
) -> Result<()> {
    const MARK: &str = "update profile_version set enrol_after = $3
        where practice_id = $1 and id = $2 and enrol_after is not null";
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(after.map(GuarantorId::as_str))
        .execute(db.c())
        .await?;
    Ok(())
}
