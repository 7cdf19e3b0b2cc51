//! A practice's own accounts at the texting, mail and fax services: the sealed connections `twilio`,
//! `smtp`, `mail_events` and `interfax`, write-only.

use std::fmt;

use domain::{clock::UnixMs, id::PracticeId};
use serde::{Deserialize, Serialize};

use crate::{Db, Result, StoreError, practice};

const TEXTS: &str = "twilio";
const MAIL: &str = "smtp";
const MAIL_EVENTS: &str = "mail_events";
const FAXES: &str = "interfax";

/// The texting account. Numbers are E.164.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextAccount {
    pub base_url: String,
    pub account_sid: String,
    pub auth_token: String,
    /// A Messaging Service, `MG…`; without it, texts go from the practice's number.
    #[serde(default)]
    pub service_sid: Option<String>,
}

impl fmt::Debug for TextAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextAccount").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailServer {
    pub host: String,
    pub port: u16,
    /// `none`, `starttls` or `implicit`.
    pub tls: String,
    #[serde(default)]
    pub username: Option<String>,
    #[serde(default)]
    pub password: Option<String>,
    /// Selector and PEM key, when we sign ourselves.
    #[serde(default)]
    pub dkim_selector: Option<String>,
    #[serde(default)]
    pub dkim_key: Option<String>,
}

impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailServer").field("host", &self.host).finish_non_exhaustive()
    }
}

pub async fn load_texts(db: &mut Db, practice: &PracticeId) -> Result<Option<TextAccount>> {
    let settings = practice::find_connection(db, practice, TEXTS).await?;
    let read = settings.map(|text| serde_json::from_str(&text)).transpose();
    read.map_err(|_| StoreError::Corrupt("connection.settings_sealed of twilio"))
}

pub async fn mark_texts(
    db: &mut Db,
    practice: &PracticeId,
    account: &TextAccount,
    now: UnixMs,
) -> Result<()> {
    let text = serde_json::to_string(account).expect("an account is plain data");
    practice::mark_connection(db, practice, TEXTS, &text, now).await
}

pub async fn load_mail(db: &mut Db, practice: &PracticeId) -> Result<Option<MailServer>> {
    let settings = practice::find_connection(db, practice, MAIL).await?;
    let read = settings.map(|text| serde_json::from_str(&text)).transpose();
    read.map_err(|_| StoreError::Corrupt("connection.settings_sealed of smtp"))
}

pub async fn mark_mail(
    db: &mut Db,
    practice: &PracticeId,
    server: &MailServer,
    now: UnixMs,
) -> Result<()> {
    let text = serde_json::to_string(server).expect("a mail server is plain data");
    practice::mark_connection(db, practice, MAIL, &text, now).await
}

/// The public key with which the email service signs its events.
pub async fn load_mail_events(db: &mut Db, practice: &PracticeId) -> Result<Option<String>> {
    practice::find_connection(db, practice, MAIL_EVENTS).await
}

pub async fn mark_mail_events(
    db: &mut Db,
    practice: &PracticeId,
    key: &str,
    now: UnixMs,
) -> Result<()> {
    practice::mark_connection(db, practice, MAIL_EVENTS, key, now).await
}

/// The fax account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaxAccount {
    pub base_url: String,
    pub username: String,
    pub password: String,
}

impl fmt::Debug for FaxAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaxAccount").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

pub async fn load_faxes(db: &mut Db, practice: &PracticeId) -> Result<Option<FaxAccount>> {
    let settings = practice::find_connection(db, practice, FAXES).await?;
    let read = settings.map(|text| serde_json::from_str(&text)).transpose();
    read.map_err(|_| StoreError::Corrupt("connection.settings_sealed of interfax"))
}

pub async fn mark_faxes(
    db: &mut Db,
    practice: &PracticeId,
    account: &FaxAccount,
    now: UnixMs,
) -> Result<()> {
    let text = serde_json::to_string(account).expect("an account is plain data");
    practice::mark_connection(db, practice, FAXES, &text, now).await
}
