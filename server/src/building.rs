//! Puts a house together from its parts, for `serve`, the demo and tests.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use connect::source::{Format, Input};
use domain::{
    book::Mode,
    clock::{Clock, World},
    id::PracticeId,
    points::Points,
};
use engine::{Engine, Parts};
use payments::{Payments, PaymentsOptions};
use sandbox::{
    Sandbox, SandboxKeys, SandboxOptions,
    practice::{SamplePractice, Size},
};
use store::{
    Store, StoreError,
    merchant::Merchant,
    sender::{FaxAccount, MailServer, TextAccount},
};

use crate::{
    blocked::Board,
    channels::PracticeChannels,
    clock::{MovableClock, SystemClock},
    config::Config,
    house::{Demo, House},
    importing::{self, Request, Watch},
    limit::Limits,
    password::Passwords,
    serving, tampering,
    wording::AppWording,
};

/// The sample practice's rows are a source of their own: a file that somebody imports beside it
/// never makes them vanish.
pub const SAMPLE_SOURCE: &str = "sample";
/// The file they are in, in the data folder.
pub const SAMPLE_FILE: &str = "sample.csv";

/// A house without a sandbox.
pub fn house(config: Config, store: Store, world: World) -> House {
    build(config, store, world, None, Limits::new(), Points::default())
}

/// The demo's house.
pub fn demo_house(
    config: Config,
    store: Store,
    world: World,
    sandbox: Sandbox,
    clock: Arc<MovableClock>,
) -> House {
    let points = ended_by_script(&sandbox);
    let demo = Demo { sandbox, clock, moving: tokio::sync::Mutex::default() };
    build(config, store, world, Some(demo), Limits::generous(), points)
}

/// Ends this process, as `kill -9` would, at the points that the script of faults names.
fn ended_by_script(sandbox: &Sandbox) -> Points {
    let ends = sandbox.ends();
    Points::told_to(move |point| {
        if ends(point) {
            tracing::warn!(%point, "the script of faults ends the process here");
            let me = rustix::process::getpid();
            // Nothing follows: no handler, no destructor, no flush.
            let _ = rustix::process::kill_process(me, rustix::process::Signal::KILL);
        }
    })
}

fn build(
    config: Config,
    store: Store,
    world: World,
    demo: Option<Demo>,
    limits: Limits,
    points: Points,
) -> House {
    let timeout_ms = config.vendors.timeout_ms;
    let bell = Arc::new(tokio::sync::Notify::new());
    let wake = {
        let bell = bell.clone();
        Arc::new(move || bell.notify_one())
    };
    let payments = Payments::new(
        store.clone(),
        world.clone(),
        PaymentsOptions {
            gateway_timeout_ms: timeout_ms,
            wake: Some(wake),
            points: points.clone(),
        },
    );
    let wall = Arc::new(SystemClock);
    let engine = engine(&store, &world, wall, timeout_ms, points.clone());
    House {
        passwords: Passwords::new(store.keys().clone()),
        metrics: serving::start_metrics(),
        holder: store::keys::new_token(9),
        config,
        store,
        world,
        payments,
        engine,
        limits,
        demo,
        bell,
        progress: importing::Board::new(points),
        blocked: Board::default(),
        arrival: tampering::Board::default(),
        payments_bell: Arc::default(),
    }
}

/// An engine; `wall` is the clock by which its leases end.
pub fn engine(
    store: &Store,
    world: &World,
    wall: Arc<dyn Clock>,
    timeout_ms: u64,
    points: Points,
) -> Engine {
    Engine::new(Parts {
        store: store.clone(),
        world: world.clone(),
        wall,
        channels: Arc::new(PracticeChannels::new(store.clone(), world.clone(), timeout_ms)),
        wording: Arc::new(AppWording),
        options: engine::Options::default(),
        points,
    })
}

/// Starts the stand-ins, with their state in the data folder.
pub async fn sandbox(config: &Config, world: &World, base: &str) -> Result<Sandbox, String> {
    let anywhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    let options = SandboxOptions {
        dir: Some(config.data_dir.join("sandbox")),
        listen: anywhere,
        smtp_listen: anywhere,
        public_base: base.to_owned(),
        keys: SandboxKeys::default(),
        clock: world.clock.clone(),
        chance: world.chance.clone(),
        pump: true,
    };
    Sandbox::start(options).await.map_err(|e| e.to_string())
}

/// Points the sample practice at the stand-ins, whose ports may have changed since last time.
pub async fn connect(
    house: &House,
    sandbox: &Sandbox,
    base: &str,
    slug: &str,
) -> Result<(), String> {
    let hook = format!("{base}/webhooks/stripe/{slug}");
    let words = |e: sandbox::JournalBroken| e.to_string();
    let secret = sandbox.webhook_secret().to_owned();
    sandbox.set_webhook_endpoint(&hook, &secret).map_err(words)?;
    sandbox.set_sms_webhook(&format!("{base}/webhooks/twilio/{slug}/sms")).map_err(words)?;
    sandbox.own_number(sandbox.sender(), true).map_err(words)?;
    let merchant = Merchant {
        base_url: sandbox.stripe_base(),
        secret_key: sandbox.stripe_secret_key().to_owned(),
        publishable_key: sandbox.stripe_publishable_key().to_owned(),
        webhook_secrets: vec![secret],
        js_url: format!("{}/endive/stripe.js", sandbox.stripe_base()),
        checkout_origin: sandbox.stripe_base(),
        account: None,
        livemode: false,
    };
    let texts = TextAccount {
        base_url: sandbox.twilio_base(),
        account_sid: sandbox.account_sid().to_owned(),
        auth_token: sandbox.auth_token().to_owned(),
        service_sid: None,
    };
    let mail = MailServer {
        host: sandbox.smtp_addr().ip().to_string(),
        port: sandbox.smtp_addr().port(),
        tls: "none".into(),
        username: None,
        password: None,
        dkim_selector: None,
        dkim_key: None,
    };
    let faxes = FaxAccount {
        base_url: sandbox.interfax_base(),
        username: sandbox.interfax_user().to_owned(),
        password: sandbox.interfax_password().to_owned(),
    };
    let (number, code_number) = (sandbox.sender().to_owned(), sandbox.code_sender().to_owned());
    let (slug, base, now) = (slug.to_owned(), base.to_owned(), house.world.now());
    let written = house.store.write(move |db| {
        let (merchant, texts) = (merchant.clone(), texts.clone());
        let (mail, faxes) = (mail.clone(), faxes.clone());
        let (slug, base) = (slug.clone(), base.clone());
        let (number, code_number) = (number.clone(), code_number.clone());
        Box::pin(async move {
            let practice = store::practice::find_by_slug(db, &slug).await?;
            let practice = practice.ok_or(StoreError::Corrupt("the demo's practice"))?;
            store::merchant::mark(db, &practice.id, &merchant, now).await?;
            store::sender::mark_texts(db, &practice.id, &texts, now).await?;
            store::sender::mark_mail(db, &practice.id, &mail, now).await?;
            store::sender::mark_faxes(db, &practice.id, &faxes, now).await?;
            let mut settings = practice.settings.clone();
            settings.public_base = base;
            settings.text_number = Some(number);
            settings.code_number = Some(code_number);
            let (id, name, version) = (&practice.id, &practice.name, practice.version);
            store::practice::mark_settings(db, id, version, name, &settings).await?;
            Ok(())
        })
    });
    written.await.map_err(|e| e.to_string())
}

/// Imports the generated sample once, the way any file comes in.
pub async fn seed_book(
    house: &House,
    practice: &PracticeId,
    accounts: u32,
    seed: u64,
) -> Result<(), String> {
    let done = {
        let mut db = house.store.read().await.map_err(|e| e.to_string())?;
        let imports = store::import::list(&mut db, practice, 200).await;
        let imports = imports.map_err(|e| e.to_string())?;
        // A practice that has a book, the sample or somebody's own, keeps it as it is.
        imports.iter().any(|import| import.state == store::import::State::Applied)
    };
    if done || accounts == 0 {
        return Ok(());
    }
    let today = house.world.now().day_in(&jiff::tz::TimeZone::UTC);
    let file = house.config.data_dir.join(SAMPLE_FILE);
    let shown = |e: std::io::Error| format!("{}: {e}", file.display());
    let mut out = std::io::BufWriter::new(std::fs::File::create(&file).map_err(shown)?);
    let sample = SamplePractice { seed, today, size: Size::Accounts(accounts) };
    sandbox::practice::write_csv(&sample, &mut out).map_err(shown)?;
    std::io::Write::flush(&mut out).map_err(shown)?;
    drop(out);
    let request = Request {
        practice: practice.clone(),
        input: Input::open(&file).map_err(|e| e.to_string())?,
        format: Format::Clearbill,
        mode: Mode::Full,
        source: SAMPLE_SOURCE.into(),
        file_name: SAMPLE_FILE.into(),
        as_of: today,
        open_days: 0,
        started_by: "system:demo".into(),
    };
    let watch: Watch = Arc::new(|_| {});
    let report = importing::run(&house.store, &house.world, request, watch).await;
    report.map_err(|e| e.to_string())?;
    Ok(())
}
