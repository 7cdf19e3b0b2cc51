//! Staff accounts and their memberships in practices.

use domain::{
    clock::UnixMs,
    id::{PracticeId, StaffId},
    staff::Role,
};

use crate::{Db, Result, StoreError, keys::Place};

#[derive(Clone, Debug)]
pub struct Member {
    pub id: StaffId,
    pub email: String,
    pub name: String,
    pub password_hash: Option<String>,
    pub totp_secret: Option<String>,
    pub totp_last_step: i64,
    /// Hashed recovery codes, comma separated.
    pub recovery: Option<String>,
    pub disabled_at: Option<UnixMs>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    email: String,
    name: String,
    password_hash: Option<String>,
    totp_secret_sealed: Option<String>,
    totp_last_step: i64,
    recovery_sealed: Option<String>,
    disabled_at_ms: Option<i64>,
}

/// Staff stand above practices: their sealed fields are bound to no single one.
fn place<'a>(column: &'static str, id: &'a str) -> Place<'a> {
    Place { practice: "*", table: "staff", column, row: id }
}

impl Row {
    fn member(self, db: &Db) -> Result<Member> {
        let keys = db.keys();
        let open = |column, sealed: Option<&str>| keys.open_option(place(column, &self.id), sealed);
        Ok(Member {
            totp_secret: open("totp_secret_sealed", self.totp_secret_sealed.as_deref())?,
            recovery: open("recovery_sealed", self.recovery_sealed.as_deref())?,
            id: StaffId::trusted(self.id.clone()),
            email: self.email,
            name: self.name,
            password_hash: self.password_hash,
            totp_last_step: self.totp_last_step,
            disabled_at: self.disabled_at_ms.map(UnixMs),
        })
    }
}

/// How an email address is compared: SQLite's `lower()` knows ASCII only (decision 19).
pub fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

pub async fn count(db: &mut Db) -> Result<i64> {
    const COUNT: &str = "select count(*) from staff where disabled_at_ms is null";
    let (count,): (i64,) = sqlx::query_as(COUNT).fetch_one(db.c()).await?;
    Ok(count)
}

/// A new account; with an invitation when `invited` holds (token hash, valid until).
pub async fn insert(
    db: &mut Db,
    id: &StaffId,
    email: &str,
    name: &str,
    invited: Option<(&str, UnixMs)>,
    now: UnixMs,
) -> Result<()> {
    const INSERT: &str = "insert into staff (id, email, email_key, name, invited_hash,
        invited_until_ms, created_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7)";
    sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(email.trim())
        .bind(email_key(email))
        .bind(name)
        .bind(invited.map(|(hash, _)| hash))
        .bind(invited.map(|(_, until)| until.0))
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(())
}

pub async fn find_by_email(db: &mut Db, email: &str) -> Result<Option<Member>> {
    const FIND: &str = "select id, email, name, password_hash, totp_secret_sealed, totp_last_step,
        recovery_sealed, disabled_at_ms
        from staff
        where email_key = $1";
    let row: Option<Row> =
        sqlx::query_as(FIND).bind(email_key(email)).fetch_optional(db.c()).await?;
    row.map(|row| row.member(db)).transpose()
}

pub async fn load(db: &mut Db, id: &StaffId) -> Result<Option<Member>> {
    const LOAD: &str = "select id, email, name, password_hash, totp_secret_sealed, totp_last_step,
        recovery_sealed, disabled_at_ms
        from staff
        where id = $1";
    let row: Option<Row> = sqlx::query_as(LOAD).bind(id.as_str()).fetch_optional(db.c()).await?;
    row.map(|row| row.member(db)).transpose()
}

/// The open invitation behind a token hash.
pub async fn find_by_invitation(db: &mut Db, hash: &str, now: UnixMs) -> Result<Option<Member>> {
    const FIND: &str = "select id, email, name, password_hash, totp_secret_sealed, totp_last_step,
        recovery_sealed, disabled_at_ms
        from staff
        where invited_hash = $1 and invited_until_ms > $2 and disabled_at_ms is null";
    let row: Option<Row> =
        sqlx::query_as(FIND).bind(hash).bind(now.0).fetch_optional(db.c()).await?;
    row.map(|row| row.member(db)).transpose()
}

/// Issues a new invitation, replacing an older one.
pub async fn mark_invited(db: &mut Db, id: &StaffId, hash: &str, until: UnixMs) -> Result<()> {
    const MARK: &str = "update staff set invited_hash = $2, invited_until_ms = $3 where id = $1";
    sqlx::query(MARK).bind(id.as_str()).bind(hash).bind(until.0).execute(db.c()).await?;
    Ok(())
}

/// Sets password, authenticator secret and recovery codes, and uses up an invitation.
pub async fn mark_credentials(
    db: &mut Db,
    id: &StaffId,
    password_hash: &str,
    totp_secret: &str,
    recovery: &str,
) -> Result<()> {
    const MARK: &str = "update staff set password_hash = $2, totp_secret_sealed = $3,
        recovery_sealed = $4, totp_last_step = 0, invited_hash = null, invited_until_ms = null
        where id = $1";
    let keys = db.keys();
    sqlx::query(MARK)
        .bind(id.as_str())
        .bind(password_hash)
        .bind(keys.seal(place("totp_secret_sealed", id.as_str()), totp_secret))
        .bind(keys.seal(place("recovery_sealed", id.as_str()), recovery))
        .execute(db.c())
        .await?;
    Ok(())
}

pub async fn mark_recovery(db: &mut Db, id: &StaffId, recovery: &str) -> Result<()> {
    const MARK: &str = "update staff set recovery_sealed = $2 where id = $1";
    let sealed = db.keys().seal(place("recovery_sealed", id.as_str()), recovery);
    sqlx::query(MARK).bind(id.as_str()).bind(sealed).execute(db.c()).await?;
    Ok(())
}

pub async fn mark_password(db: &mut Db, id: &StaffId, password_hash: &str) -> Result<()> {
    const MARK: &str = "update staff set password_hash = $2 where id = $1";
    sqlx::query(MARK).bind(id.as_str()).bind(password_hash).execute(db.c()).await?;
    Ok(())
}

/// Uses up a time step of the authenticator; false when it, or a later one, was used already.
pub async fn mark_totp_step(db: &mut Db, id: &StaffId, step: i64) -> Result<bool> {
    const MARK: &str = "update staff set totp_last_step = $2
        where id = $1 and totp_last_step < $2";
    let done = sqlx::query(MARK).bind(id.as_str()).bind(step).execute(db.c()).await?;
    Ok(done.rows_affected() == 1)
}

/// Uses up a recovery code: `left` says what remains of the stored ones, or none when it is not one
/// of them. The person's row is taken first, so that of two requests with one code the second reads
/// what the first has left.
pub async fn claim_recovery(
    db: &mut Db,
    id: &StaffId,
    left: impl Fn(&str) -> Option<String> + Send,
) -> Result<bool> {
    const LOCK: &str = "update staff set recovery_sealed = recovery_sealed where id = $1";
    sqlx::query(LOCK).bind(id.as_str()).execute(db.c()).await?;
    let stored = load(db, id).await?.and_then(|member| member.recovery).unwrap_or_default();
    let Some(left) = left(&stored) else { return Ok(false) };
    mark_recovery(db, id, &left).await?;
    Ok(true)
}

/// Gives or changes a role.
pub async fn mark_membership(
    db: &mut Db,
    id: &StaffId,
    practice: &PracticeId,
    role: Role,
    now: UnixMs,
) -> Result<()> {
    const MARK: &str = "insert into membership (staff_id, practice_id, role, since_ms)
        values ($1, $2, $3, $4)
        on conflict (staff_id, practice_id) do update set role = excluded.role, ended_at_ms = null";
    sqlx::query(MARK)
        .bind(id.as_str())
        .bind(practice.as_str())
        .bind(role.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// Ends a membership; false when there was none in this practice (R06).
pub async fn mark_membership_ended(
    db: &mut Db,
    id: &StaffId,
    practice: &PracticeId,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update membership set ended_at_ms = $3
        where staff_id = $1 and practice_id = $2 and ended_at_ms is null";
    let done = sqlx::query(MARK)
        .bind(id.as_str())
        .bind(practice.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

fn role(text: &str) -> Result<Role> {
    text.parse().map_err(|_| StoreError::Corrupt("membership.role"))
}

/// The role a person has in a practice now; none when they left or are disabled (R10).
pub async fn find_role(db: &mut Db, id: &StaffId, practice: &PracticeId) -> Result<Option<Role>> {
    const FIND: &str = "select membership.role from membership
        join staff on staff.id = membership.staff_id
        where membership.staff_id = $1 and membership.practice_id = $2
        and membership.ended_at_ms is null and staff.disabled_at_ms is null";
    let row: Option<(String,)> = sqlx::query_as(FIND)
        .bind(id.as_str())
        .bind(practice.as_str())
        .fetch_optional(db.c())
        .await?;
    row.map(|(text,)| role(&text)).transpose()
}

/// The practices a person works for, oldest membership first.
pub async fn list_practices(db: &mut Db, id: &StaffId) -> Result<Vec<(PracticeId, Role)>> {
    const LIST: &str = "select practice_id, role from membership
        where staff_id = $1 and ended_at_ms is null
        order by since_ms, practice_id";
    let rows: Vec<(String, String)> =
        sqlx::query_as(LIST).bind(id.as_str()).fetch_all(db.c()).await?;
    rows.into_iter().map(|(p, r)| Ok((PracticeId::trusted(p), role(&r)?))).collect()
}

/// A line of the staff page.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Colleague {
    pub id: String,
    pub email: String,
    pub name: String,
    pub role: String,
    pub is_invited: i64,
    pub ended_at_ms: Option<i64>,
}

/// A person of this practice, also one who has left; none for anybody else's (R06).
pub async fn find_colleague(
    db: &mut Db,
    practice: &PracticeId,
    id: &StaffId,
) -> Result<Option<Colleague>> {
    const FIND: &str = "select staff.id, staff.email, staff.name, membership.role,
        case when staff.password_hash is null then 1 else 0 end as is_invited,
        membership.ended_at_ms
        from membership
        join staff on staff.id = membership.staff_id
        where membership.practice_id = $1 and membership.staff_id = $2";
    Ok(sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(id.as_str())
        .fetch_optional(db.c())
        .await?)
}

/// Managers who can sign in. Takes the practice's row first, so that two managers who end each
/// other's role at the same time do not both find the other still there.
pub async fn count_managers(db: &mut Db, practice: &PracticeId) -> Result<i64> {
    const LOCK: &str = "update practice set version = version where id = $1";
    const COUNT: &str = "select count(*) from membership
        join staff on staff.id = membership.staff_id
        where membership.practice_id = $1 and membership.role = 'manager'
        and membership.ended_at_ms is null
        and staff.disabled_at_ms is null and staff.password_hash is not null";
    sqlx::query(LOCK).bind(practice.as_str()).execute(db.c()).await?;
    let (count,): (i64,) = sqlx::query_as(COUNT).bind(practice.as_str()).fetch_one(db.c()).await?;
    Ok(count)
}

pub async fn list(db: &mut Db, practice: &PracticeId) -> Result<Vec<Colleague>> {
    const LIST: &str = "select staff.id, staff.email, staff.name, membership.role,
        case when staff.password_hash is null then 1 else 0 end as is_invited,
        membership.ended_at_ms
        from membership
        join staff on staff.id = membership.staff_id
        where membership.practice_id = $1
        order by staff.name, staff.id";
    Ok(sqlx::query_as(LIST).bind(practice.as_str()).fetch_all(db.c()).await?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::clock::{Clock, World};

    use super::*;
    use crate::{keys::OsChance, scratch};

    struct Noon;
    impl Clock for Noon {
        fn now(&self) -> UnixMs {
            UnixMs(1_772_640_000_000)
        }
    }

    #[tokio::test]
    async fn only_managers_who_can_sign_in_here_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let world = World { clock: Arc::new(Noon), chance: Arc::new(OsChance) };
        for store in scratch::both(dir.path()).await.unwrap() {
            let here = scratch::insert_practice(&store, &world, "here").await.unwrap();
            let there = scratch::insert_practice(&store, &world, "there").await.unwrap();
            let world = world.clone();
            let counted = store.write(move |db| {
                let (here, there, world) = (here.clone(), there.clone(), world.clone());
                Box::pin(async move {
                    let now = world.now();
                    let (dana, invited, other): (StaffId, StaffId, StaffId) =
                        (world.mint(), world.mint(), world.mint());
                    for (id, email) in
                        [(&dana, "Dana@x.org"), (&invited, "i@x.org"), (&other, "o@x.org")]
                    {
                        insert(db, id, email, "Name", None, now).await?;
                    }
                    for id in [&dana, &other] {
                        mark_credentials(db, id, "hash", "SECRET", "codes").await?;
                    }
                    mark_membership(db, &dana, &here, Role::Manager, now).await?;
                    mark_membership(db, &invited, &here, Role::Manager, now).await?;
                    mark_membership(db, &other, &there, Role::Manager, now).await?;
                    let one = count_managers(db, &here).await?;
                    // R06: a person of another practice is nobody here.
                    let stranger = find_colleague(db, &here, &other).await?.is_some();
                    let known =
                        find_by_email(db, " dana@X.ORG").await?.map(|m| m.id) == Some(dana.clone());
                    mark_membership_ended(db, &dana, &here, now).await?;
                    Ok((one, stranger, known, count_managers(db, &here).await?))
                })
            });
            assert_eq!(counted.await.unwrap(), (1, false, true, 0));
        }
    }
}
