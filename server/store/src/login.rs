//! Patients' logins, the accounts each may see, and devices that have proved a contact.

use domain::{
    clock::UnixMs,
    id::{GuarantorId, LoginId, PracticeId},
};

use crate::{
    Db, Result,
    keys::{Place, token_hash},
};

#[derive(Clone, Debug)]
pub struct Login {
    pub id: LoginId,
    pub email: String,
    pub email_index: String,
    pub password_hash: String,
    pub language: Option<String>,
    pub email_confirmed_at: Option<UnixMs>,
    pub disabled_at: Option<UnixMs>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    practice_id: String,
    email_sealed: String,
    email_index: String,
    password_hash: String,
    language: Option<String>,
    email_confirmed_at_ms: Option<i64>,
    disabled_at_ms: Option<i64>,
}

fn place<'a>(practice: &'a str, id: &'a str) -> Place<'a> {
    Place { practice, table: "login", column: "email_sealed", row: id }
}

impl Row {
    fn login(self, db: &Db) -> Result<Login> {
        Ok(Login {
            email: db.keys().open(place(&self.practice_id, &self.id), &self.email_sealed)?,
            id: LoginId::trusted(self.id),
            email_index: self.email_index,
            password_hash: self.password_hash,
            language: self.language,
            email_confirmed_at: self.email_confirmed_at_ms.map(UnixMs),
            disabled_at: self.disabled_at_ms.map(UnixMs),
        })
    }
}

/// A new login; [`crate::StoreError::Duplicate`] when the practice knows the email already.
/// `email` is normalised.
pub async fn insert(
    db: &mut Db,
    practice: &PracticeId,
    id: &LoginId,
    email: &str,
    password_hash: &str,
    language: &str,
    now: UnixMs,
) -> Result<()> {
    const INSERT: &str = "insert into login (id, practice_id, email_sealed, email_index,
        password_hash, language, created_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7)";
    let keys = db.keys();
    sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(practice.as_str())
        .bind(keys.seal(place(practice.as_str(), id.as_str()), email))
        .bind(keys.blind(practice.as_str(), "email", email))
        .bind(password_hash)
        .bind(language)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// A login that cannot be signed in to: whoever matched an account, holds its contact, and typed an
/// email that somebody already signs in with. They read their bill now; the mail says the rest.
pub async fn insert_guest(
    db: &mut Db,
    practice: &PracticeId,
    id: &LoginId,
    email: &str,
    language: &str,
    now: UnixMs,
) -> Result<()> {
    const INSERT: &str = "insert into login (id, practice_id, email_sealed, email_index,
        password_hash, language, created_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7)";
    sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(practice.as_str())
        .bind(db.keys().seal(place(practice.as_str(), id.as_str()), email))
        // Neither a blind index nor a hash: no email finds it, no password opens it.
        .bind(format!("guest:{id}"))
        .bind("")
        .bind(language)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// By normalised email.
pub async fn find_by_email(
    db: &mut Db,
    practice: &PracticeId,
    email: &str,
) -> Result<Option<Login>> {
    const FIND: &str = "select id, practice_id, email_sealed, email_index, password_hash, language,
        email_confirmed_at_ms, disabled_at_ms
        from login
        where practice_id = $1 and email_index = $2";
    let index = db.keys().blind(practice.as_str(), "email", email);
    let row: Option<Row> =
        sqlx::query_as(FIND).bind(practice.as_str()).bind(index).fetch_optional(db.c()).await?;
    row.map(|row| row.login(db)).transpose()
}

pub async fn load(db: &mut Db, practice: &PracticeId, id: &LoginId) -> Result<Option<Login>> {
    const LOAD: &str = "select id, practice_id, email_sealed, email_index, password_hash, language,
        email_confirmed_at_ms, disabled_at_ms
        from login
        where practice_id = $1 and id = $2";
    let row: Option<Row> = sqlx::query_as(LOAD)
        .bind(practice.as_str())
        .bind(id.as_str())
        .fetch_optional(db.c())
        .await?;
    row.map(|row| row.login(db)).transpose()
}

pub async fn mark_password(
    db: &mut Db,
    practice: &PracticeId,
    id: &LoginId,
    password_hash: &str,
) -> Result<()> {
    const MARK: &str = "update login set password_hash = $3
        where practice_id = $1 and id = $2";
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(password_hash)
        .execute(db.c())
        .await?;
    Ok(())
}

pub async fn mark_confirmed(
    db: &mut Db,
    practice: &PracticeId,
    id: &LoginId,
    now: UnixMs,
) -> Result<()> {
    const MARK: &str = "update login set email_confirmed_at_ms = $3
        where practice_id = $1 and id = $2 and email_confirmed_at_ms is null";
    sqlx::query(MARK).bind(practice.as_str()).bind(id.as_str()).bind(now.0).execute(db.c()).await?;
    Ok(())
}

pub async fn mark_language(
    db: &mut Db,
    practice: &PracticeId,
    id: &LoginId,
    language: &str,
) -> Result<()> {
    const MARK: &str = "update login set language = $3 where practice_id = $1 and id = $2";
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(language)
        .execute(db.c())
        .await?;
    Ok(())
}

/// Lets a login see an account, after its own link and match.
pub async fn insert_account(
    db: &mut Db,
    practice: &PracticeId,
    id: &LoginId,
    guarantor: &GuarantorId,
    now: UnixMs,
) -> Result<()> {
    const INSERT: &str = "insert into login_account (login_id, practice_id, guarantor_id,
        added_at_ms)
        values ($1, $2, $3, $4)
        on conflict (login_id, guarantor_id) do update set removed_at_ms = null";
    sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// The accounts a login may see now.
pub async fn list_accounts(
    db: &mut Db,
    practice: &PracticeId,
    id: &LoginId,
) -> Result<Vec<GuarantorId>> {
    const LIST: &str = "select login_account.guarantor_id from login_account
        join login on login.id = login_account.login_id
        where login_account.practice_id = $1 and login_account.login_id = $2
        and login_account.removed_at_ms is null and login.disabled_at_ms is null
        order by login_account.added_at_ms, login_account.guarantor_id";
    let rows: Vec<(String,)> =
        sqlx::query_as(LIST).bind(practice.as_str()).bind(id.as_str()).fetch_all(db.c()).await?;
    Ok(rows.into_iter().map(|(id,)| GuarantorId::trusted(id)).collect())
}

/// The logins that may see an account and can be signed in to; decides whether a link offers
/// "create" or "sign in".
pub async fn list_by_guarantor(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
) -> Result<Vec<LoginId>> {
    const LIST: &str = "select login_account.login_id from login_account
        join login on login.id = login_account.login_id
        where login_account.practice_id = $1 and login_account.guarantor_id = $2
        and login_account.removed_at_ms is null and login.disabled_at_ms is null
        and login.password_hash <> ''
        order by login_account.added_at_ms, login_account.login_id";
    let rows: Vec<(String,)> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .fetch_all(db.c())
        .await?;
    Ok(rows.into_iter().map(|(id,)| LoginId::trusted(id)).collect())
}

/// Remembers a device that has just proved a contact; the token goes into its cookie.
pub async fn insert_device(
    db: &mut Db,
    practice: &PracticeId,
    id: &LoginId,
    token: &str,
    now: UnixMs,
) -> Result<()> {
    const INSERT: &str = "insert into device (token_hash, login_id, practice_id, created_at_ms,
        last_used_at_ms)
        values ($1, $2, $3, $4, $4)";
    sqlx::query(INSERT)
        .bind(token_hash(token))
        .bind(id.as_str())
        .bind(practice.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// True when this device has proved a contact of this login before.
pub async fn device_is_known(
    db: &mut Db,
    practice: &PracticeId,
    id: &LoginId,
    token: &str,
) -> Result<bool> {
    const FIND: &str = "select count(*) from device
        where token_hash = $1 and login_id = $2 and practice_id = $3";
    let (count,): (i64,) = sqlx::query_as(FIND)
        .bind(token_hash(token))
        .bind(id.as_str())
        .bind(practice.as_str())
        .fetch_one(db.c())
        .await?;
    Ok(count > 0)
}

/// Forgets every device of a login: after a password reset.
pub async fn delete_devices(db: &mut Db, practice: &PracticeId, id: &LoginId) -> Result<()> {
    const DELETE: &str = "delete from device where login_id = $1 and practice_id = $2";
    sqlx::query(DELETE).bind(id.as_str()).bind(practice.as_str()).execute(db.c()).await?;
    Ok(())
}
