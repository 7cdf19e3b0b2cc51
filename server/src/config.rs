//! Configuration: one file, the environment on top, flags on top of that. Read here and nowhere
//! else; secrets print as `[redacted]`.

use std::{net::IpAddr, path::PathBuf};

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// All commands share one default data folder (decision 35).
pub const DEFAULT_DATA_DIR: &str = "clearbill-data";
pub const DEFAULT_LISTEN: &str = "127.0.0.1:3000";

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub data_dir: PathBuf,
    pub listen: String,
    /// `postgres://…`; without it, SQLite in `data_dir`. Holds a password: see [`Config::redacted`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
    /// `https://pay.example.org`: where patients reach this server. Practices may have their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_base: Option<String>,
    /// Only these peers' forwarding headers are believed (R08).
    pub trusted_proxies: Vec<IpAddr>,
    /// `info`, `debug`, or a filter such as `engine=debug,info`.
    pub log: String,
    pub log_json: bool,
    /// Files that backups go to; none means no scheduled backup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup_dir: Option<PathBuf>,
    pub backup_every_hours: u32,
    pub vendors: Vendors,
}

/// Base addresses of the vendors, so that another server can stand in for one. A practice's own
/// connection settings win over these.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Vendors {
    pub stripe_base: String,
    /// Where the browser loads the card script from.
    pub stripe_js: String,
    /// The origin the browser may be sent to for Checkout.
    pub stripe_checkout: String,
    pub twilio_base: String,
    pub twilio_lookup_base: String,
    pub interfax_base: String,
    pub smtp_host: String,
    pub smtp_port: u16,
    /// `none`, `starttls` or `implicit`.
    pub smtp_tls: String,
    pub timeout_ms: u64,
}

impl Default for Vendors {
    fn default() -> Self {
        Self {
            stripe_base: "https://api.stripe.com".into(),
            stripe_js: "https://js.stripe.com/endive/stripe.js".into(),
            stripe_checkout: "https://checkout.stripe.com".into(),
            twilio_base: "https://api.twilio.com".into(),
            twilio_lookup_base: "https://lookups.twilio.com".into(),
            interfax_base: "https://rest.interfax.net".into(),
            smtp_host: "localhost".into(),
            smtp_port: 587,
            smtp_tls: "starttls".into(),
            timeout_ms: 10_000,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: DEFAULT_DATA_DIR.into(),
            listen: DEFAULT_LISTEN.into(),
            database_url: None,
            public_base: None,
            trusted_proxies: Vec::new(),
            log: "info".into(),
            log_json: false,
            backup_dir: None,
            backup_every_hours: 24,
            vendors: Vendors::default(),
        }
    }
}

/// What the command line sets.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Flags {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
}

impl Config {
    /// `clearbill.toml` in the working directory, then `CLEARBILL_…` (two underscores go one level
    /// down: `CLEARBILL_VENDORS__TWILIO_BASE`), then flags.
    pub fn read(flags: &Flags) -> Result<Self, String> {
        Figment::from(Serialized::defaults(Self::default()))
            .merge(Toml::file("clearbill.toml"))
            // Variables of the test scripts are not configuration.
            .merge(Env::prefixed("CLEARBILL_").filter(|key| !key.starts_with("test_")).split("__"))
            .merge(Serialized::defaults(flags))
            .extract()
            .map_err(|e| format!("configuration: {e}"))
    }

    /// The database URL as something that cannot be printed by accident.
    pub fn database_secret(&self) -> Option<SecretString> {
        self.database_url.clone().map(SecretString::from)
    }

    /// The configuration as lines for `config check`, secrets left out.
    pub fn redacted(&self) -> String {
        let mut shown = self.clone();
        if shown.database_secret().is_some_and(|s| !s.expose_secret().is_empty()) {
            shown.database_url = Some("[redacted]".into());
        }
        serde_json::to_string_pretty(&shown).unwrap_or_default()
    }
}
