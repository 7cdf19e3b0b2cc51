//! The stand-ins for the outside world: a card processor, a texting and calling service, a fax
//! service and a mail server, on
//! loopback, shaped like the vendors so that the real adapters (and the vendors' own libraries) talk
//! to them unchanged. The demo, the browser tests, the crash tests and the simulation all use this
//! one; there is no second set of mocks, and `clearbill serve` cannot reach it.
//!
//! Promises:
//! - What was answered is remembered: with a folder, `kill -9` and a restart change nothing.
//! - Faults come from a script, in order; nothing here is random or driven by a timer that a test
//!   would have to wait for. [`Sandbox::deliver_due`] does what is due by the business clock.
//! - Money is conserved: an intent is captured at most once, refunds never exceed the capture.
//!
//! Refuses: addresses other than loopback, real card numbers, and keeping any card number at all.

#![recursion_limit = "512"]

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use actix_web::dev::ServerHandle;
use domain::clock::{Chance, Clock};
use tokio::task::JoinHandle;

mod delivery;
mod faults;
mod http;
mod interfax;
mod journal;
mod mailbox;
mod people;
pub mod practice;
mod shared;
mod smtp;
mod stripe;
mod table;
mod twilio;
mod wall;
mod wire;
mod world;

pub use faults::{BadFault, FaultKind, FaultRule, FaultScript, Vendor};
pub use mailbox::{Channel, Delivered};
pub use people::{ChargeView, CheckoutEnd, IntentView, PaymentEnd, RefundView};
pub use stripe::API_VERSION as STRIPE_VERSION;
pub use twilio::{calls::Manner, inbound::Inbound};
pub use world::JournalBroken;

use shared::{Addresses, Shared};
use world::{Settings, World};

/// How often the pump looks for retries and expiries that nothing rang for.
const PUMP_EVERY: Duration = Duration::from_secs(1);

/// The numbers every sandbox owns: one for reminders, one for codes.
const SENDER: &str = "+15125550100";
const CODE_SENDER: &str = "+15125550101";

pub struct SandboxOptions {
    /// Where the state is kept; none keeps it in memory only.
    pub dir: Option<PathBuf>,
    /// Preferred HTTP address; its port 0 means any. A folder remembers the port of its last run.
    pub listen: SocketAddr,
    /// Preferred SMTP address, likewise.
    pub smtp_listen: SocketAddr,
    /// Public address of the server under test, without a slash at the end. Twilio's signatures are
    /// over addresses that begin with it.
    pub public_base: String,
    /// Keys to use; generated where absent, and then kept with the folder.
    pub keys: SandboxKeys,
    /// Business time.
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    /// Deliver webhooks and move texts on promptly by a background task. Without it, nothing
    /// happens until [`Sandbox::deliver_due`].
    pub pump: bool,
}

#[derive(Clone, Debug, Default)]
pub struct SandboxKeys {
    pub stripe_secret: Option<String>,
    pub stripe_publishable: Option<String>,
    pub webhook_secret: Option<String>,
    pub account_sid: Option<String>,
    pub auth_token: Option<String>,
}

impl SandboxOptions {
    /// In memory, on any ports, without a pump.
    pub fn new(clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> Self {
        let anywhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        Self {
            dir: None,
            listen: anywhere,
            smtp_listen: anywhere,
            public_base: String::new(),
            keys: SandboxKeys::default(),
            clock,
            chance,
            pump: false,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the sandbox listens on loopback only, not on {0}")]
    NotLoopback(IpAddr),
    #[error("the sandbox cannot start: {0}")]
    Io(#[from] io::Error),
    #[error("the sandbox cannot make an HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    #[error(transparent)]
    Journal(#[from] JournalBroken),
}

/// A running sandbox. Dropping it closes its listeners; its folder keeps its state.
pub struct Sandbox {
    shared: Arc<Shared>,
    settings: Settings,
    http: SocketAddr,
    smtp: SocketAddr,
    server: ServerHandle,
    tasks: Vec<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts on the current tokio runtime.
    pub async fn start(options: SandboxOptions) -> Result<Self, StartError> {
        for address in [options.listen, options.smtp_listen] {
            if !address.ip().is_loopback() {
                return Err(StartError::NotLoopback(address.ip()));
            }
        }
        let mut world = World::open(options.dir.as_deref(), options.clock, options.chance)?;
        let known = world.settings();
        let http = bind(options.listen, known.http_port)?;
        let smtp = bind(options.smtp_listen, known.smtp_port)?;
        let (http_address, smtp_address) = (http.local_addr()?, smtp.local_addr()?);
        world.set_base(format!("http://{http_address}"));
        let ports = (http_address.port(), smtp_address.port());
        let settings = configure(&mut world, known, &options.keys, ports);
        world.commit()?;

        // Someone may have installed a provider already; any will do for loopback.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let addresses = Addresses { public: options.public_base, reachable: None };
        let shared = Arc::new(Shared::new(world, client, addresses));
        let server = http::serve(http, Arc::clone(&shared))?;
        smtp.set_nonblocking(true)?;
        let smtp = tokio::net::TcpListener::from_std(smtp)?;
        let mut tasks = vec![tokio::spawn(smtp::serve(smtp, Arc::clone(&shared)))];
        if options.pump {
            tasks.push(tokio::spawn(pump(Arc::clone(&shared))));
        }
        Ok(Self { shared, settings, http: http_address, smtp: smtp_address, server, tasks })
    }

    /// `http://127.0.0.1:…`, for the adapter and for the official libraries' `api_base`.
    pub fn stripe_base(&self) -> String {
        format!("http://{}", self.http)
    }

    /// The same listener: `/2010-04-01` and `/v2` are Twilio's.
    pub fn twilio_base(&self) -> String {
        self.stripe_base()
    }

    pub fn stripe_secret_key(&self) -> &str {
        &self.settings.secret_key
    }

    pub fn stripe_publishable_key(&self) -> &str {
        &self.settings.publishable_key
    }

    /// The secret to use for the first webhook endpoint.
    pub fn webhook_secret(&self) -> &str {
        &self.settings.webhook_secret
    }

    pub fn account_sid(&self) -> &str {
        &self.settings.twilio_account
    }

    pub fn auth_token(&self) -> &str {
        &self.settings.twilio_token
    }

    /// Our number for reminders.
    pub fn sender(&self) -> &str {
        &self.settings.sender
    }

    /// Our number for sign-in codes, which a STOP to the other does not block.
    pub fn code_sender(&self) -> &str {
        &self.settings.code_sender
    }

    /// The same listener again: `/outbound` is InterFAX's.
    pub fn interfax_base(&self) -> String {
        self.stripe_base()
    }

    pub fn interfax_user(&self) -> &str {
        &self.settings.interfax_user
    }

    pub fn interfax_password(&self) -> &str {
        &self.settings.interfax_password
    }

    pub fn smtp_addr(&self) -> SocketAddr {
        self.smtp
    }

    /// Where the server under test is, once it knows its port. `reachable` is where to connect if
    /// the public address does not lead there from here.
    pub fn set_public_base(&self, public: &str, reachable: Option<&str>) {
        let public = public.trim_end_matches('/').to_owned();
        let reachable = reachable.map(|base| base.trim_end_matches('/').to_owned());
        self.shared.set_addresses(Addresses { public, reachable });
    }

    /// Stops without waiting for open connections.
    pub async fn stop(self) {
        self.server.stop(false).await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // The command is sent by the call itself; waiting for it is what the future would do.
        drop(self.server.stop(false));
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// The port of the last run, else the preferred one, else any.
fn bind(preferred: SocketAddr, last: u16) -> io::Result<TcpListener> {
    let at = |port| TcpListener::bind(SocketAddr::new(preferred.ip(), port));
    let first = if last == 0 { preferred.port() } else { last };
    at(first).or_else(|_| at(preferred.port())).or_else(|_| at(0))
}

fn configure(
    world: &mut World,
    known: Settings,
    keys: &SandboxKeys,
    (http_port, smtp_port): (u16, u16),
) -> Settings {
    let starts = known.starts + 1;
    world.set_settings(Settings { starts, ..known.clone() });
    let choose = |given: &Option<String>, kept: &str, mint: &dyn Fn() -> String| match given {
        Some(given) => given.clone(),
        None if kept.is_empty() => mint(),
        None => kept.to_owned(),
    };
    let settings = Settings {
        starts,
        http_port,
        smtp_port,
        account: choose(&None, &known.account, &|| world.mint("acct_1", 15)),
        secret_key: choose(&keys.stripe_secret, &known.secret_key, &|| world.mint("sk_test_", 40)),
        publishable_key: choose(&keys.stripe_publishable, &known.publishable_key, &|| {
            world.mint("pk_test_", 40)
        }),
        webhook_secret: choose(&keys.webhook_secret, &known.webhook_secret, &|| {
            world.mint("whsec_", 32)
        }),
        twilio_account: choose(&keys.account_sid, &known.twilio_account, &|| {
            world.mint_hex("AC", 16)
        }),
        twilio_token: choose(&keys.auth_token, &known.twilio_token, &|| world.mint_hex("", 16)),
        service: choose(&None, &known.service, &|| world.mint_hex("MG", 16)),
        interfax_user: choose(&None, &known.interfax_user, &|| world.mint("practice", 6)),
        interfax_password: choose(&None, &known.interfax_password, &|| world.mint("", 24)),
        sender: SENDER.to_owned(),
        code_sender: CODE_SENDER.to_owned(),
        sms_webhook: known.sms_webhook,
    };
    world.set_settings(settings.clone());
    for phone in [SENDER, CODE_SENDER] {
        twilio::numbers::own(world, phone);
    }
    settings
}

/// Keeps what is due flowing while people look at the demo.
async fn pump(shared: Arc<Shared>) {
    loop {
        // A ring and the interval lead to the same look.
        let _ = tokio::time::timeout(PUMP_EVERY, shared.bell.notified()).await;
        if delivery::deliver_due(&shared).await.is_err() {
            return;
        }
    }
}
