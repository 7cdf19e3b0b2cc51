//! `GET /setup…`: the screens of the first start, and the proofs.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use app::{
    components::Errors,
    letters::{Address, Statement, StatementLine},
    pages::staff::{
        DeadInvitation, FirstAccount, OpenSetup, Proof, Section, SetupList, SetupStep, Step,
        StepLine, StepState, Typed,
    },
    words::Lang,
};
use domain::{
    book::Language,
    clock::UnixMs,
    money::Cents,
    practice::{Practice, Settings},
    staff::Permission,
    template::Kind,
};
use engine::{Letter, What, Wording as _};
use jiff::ToSpan;
use store::{
    keys::token_hash,
    session::{Kind as SessionKind, Session},
    setup::StepRow,
};

use crate::{
    clock::real_now,
    enrolment,
    failure::{Answer, Failure},
    health,
    house::House,
    session::Staff,
    settings_form, vendors,
    visit::Visit,
    wording::AppWording,
    workspace::{self, base_of, shown},
};

pub const SECTION: &str = "/setup";

/// Where consent may come from: code and sentence.
pub const CONSENT: [(&str, &str); 4] = [
    ("import", "The import carries it per phone."),
    ("phone_reminders", "The opt-in to automated phone calls counts; the import carries it."),
    ("staff", "Staff ask, and record it on the patient record."),
    ("nowhere", "Nowhere yet: reminders go by email only."),
];

/// The links look the same whether unknown, used, replaced or too old.
pub fn dead() -> Failure {
    Failure::Page(StatusCode::NOT_FOUND, DeadInvitation { is_setup: true }.html())
}

/// `GET /setup/link/{token}`: changes nothing.
pub async fn open(house: web::Data<House>, visit: Visit, token: web::Path<String>) -> Answer {
    house.limits.links.check(visit.address())?;
    let alive = {
        let mut db = house.store.read().await?;
        store::setup::find_link(&mut db, &token_hash(&token), real_now()).await?
            && store::staff::count(&mut db).await? == 0
    };
    if !alive {
        return Err(dead());
    }
    Ok(shown(OpenSetup { token: token.into_inner() }.html(&visit.csrf(&house))))
}

/// The session that a setup link began.
pub async fn find_session(house: &House, visit: &Visit) -> Result<Session, Failure> {
    let (token, now) = (visit.setup_token().ok_or_else(dead)?, real_now());
    let session = {
        let mut db = house.store.read().await?;
        store::session::find(&mut db, SessionKind::Setup, token, now).await?.ok_or_else(dead)?
    };
    if session.wants_touch(now) {
        let hash = session.token_hash.clone();
        let touched = house.store.write(move |db| {
            let hash = hash.clone();
            Box::pin(async move { store::session::mark_seen(db, &hash, now).await })
        });
        touched.await?;
    }
    Ok(session)
}

/// `GET /setup/account`
pub async fn account(house: web::Data<House>, visit: Visit) -> Answer {
    let session = find_session(&house, &visit).await?;
    let page = FirstAccount {
        practice: String::new(),
        name: String::new(),
        email: String::new(),
        enrolment: enrolment::offer(&house, &session.subject_id, "manager"),
        errors: Errors::new(),
    };
    Ok(shown(page.html(&visit.csrf(&house))))
}

/// `GET /setup`
pub async fn list(house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let rows = {
        let mut db = house.store.read().await?;
        store::setup::list_steps(&mut db, &staff.practice.id).await?
    };
    let lines = Step::ALL.into_iter().map(|step| line(&rows, &staff.practice, step)).collect();
    let page = SetupList { zone: staff.practice.zone(), lines, live_at: staff.practice.live_at };
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

fn line(rows: &[StepRow], practice: &Practice, step: Step) -> StepLine {
    let row = rows.iter().find(|row| row.step == step.slug());
    let is_live = step == Step::Live && practice.live_at.is_some();
    let state = match row {
        _ if is_live => StepState::Done,
        Some(row) => StepState::from_code(&row.state),
        None => StepState::Open,
    };
    StepLine {
        step,
        state,
        detail: row.map(|row| row.detail.clone()).unwrap_or_default(),
        at: row.map(|row| UnixMs(row.at_ms)),
    }
}

/// `GET /setup/{step}`
pub async fn get(
    request: HttpRequest,
    house: web::Data<House>,
    staff: Staff,
    slug: web::Path<String>,
) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let step = Step::from_slug(&slug).ok_or(Failure::NotFound)?;
    let page = model(&house, &staff, &request, step).await?;
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

/// A step as it stands.
pub async fn model(
    house: &House,
    staff: &Staff,
    request: &HttpRequest,
    step: Step,
) -> Result<SetupStep, Failure> {
    let practice = &staff.practice;
    let rows = {
        let mut db = house.store.read().await?;
        store::setup::list_steps(&mut db, &practice.id).await?
    };
    let line = line(&rows, practice, step);
    let mut page = SetupStep {
        step,
        state: line.state,
        detail: line.detail,
        typed: Typed::new(),
        errors: Errors::new(),
        facts: Vec::new(),
        warnings: Vec::new(),
        proof: None,
        blockers: Vec::new(),
        is_stored: false,
    };
    let base = base_of(house, practice, request);
    match step {
        Step::Practice => {
            let naming = settings_form::values(Section::Statements, practice);
            page.typed = settings_form::values(Section::Practice, practice)
                .put("custom_name", naming.text("custom_name"))
                .put_on("is_sensitive", practice.settings.is_sensitive);
            page.warnings = settings_form::warnings(Section::Statements, practice);
            page.warnings.retain(|words| words.contains("characters"));
        }
        Step::Address => page.typed = Typed::new().put("public_base", base),
        Step::Stripe => stripe(house, practice, &base, &mut page).await?,
        Step::Email => email(house, practice, &mut page).await?,
        Step::Texting => texting(house, practice, &base, &mut page).await?,
        Step::Consent => {
            let chosen = CONSENT.iter().find(|(_, words)| *words == page.detail);
            page.typed = Typed::new().put("consent_source", chosen.map_or("", |(code, _)| *code));
        }
        Step::Proof => page.proof = Some(proof(house, practice, &base).await?),
        Step::Import => {
            let mut db = house.store.read().await?;
            let last = store::dashboard::find_last_import(&mut db, &practice.id).await?;
            page.facts
                .push(("Last import".into(), last.map_or("none".into(), |at| at.to_string())));
        }
        Step::Backups => backups(house, &mut page),
        Step::Staff => {
            let mut db = house.store.read().await?;
            let people = store::staff::list(&mut db, &practice.id).await?;
            let here = people.iter().filter(|one| one.ended_at_ms.is_none()).count();
            page.facts.push(("People with access".into(), here.to_string()));
        }
        Step::Test => {
            let mut db = house.store.read().await?;
            let me = store::staff::load(&mut db, &staff.id).await?.ok_or(Failure::NotFound)?;
            page.typed = Typed::new().put("email", me.email);
        }
        Step::Live => page.blockers = blockers(house, practice).await?,
    }
    Ok(page)
}

async fn stripe(
    house: &House,
    practice: &Practice,
    base: &str,
    page: &mut SetupStep,
) -> Result<(), Failure> {
    let mut db = house.store.read().await?;
    let merchant = store::merchant::load(&mut db, &practice.id).await?;
    let heard = store::dashboard::find_last_webhook(&mut db, &practice.id, "stripe").await?;
    page.is_stored = merchant.is_some();
    if let Some(merchant) = merchant {
        page.facts.push(("Mode".into(), vendors::mode(&merchant).into()));
        if !merchant.livemode {
            page.warnings.push("This is a test key: no real card is charged.".into());
        }
    }
    page.facts
        .push(("Webhook address".into(), format!("{base}/webhooks/stripe/{}", practice.slug)));
    let heard = heard.map_or("nothing yet".into(), |at| at.to_string());
    page.facts.push(("Last event".into(), heard));
    Ok(())
}

async fn email(house: &House, practice: &Practice, page: &mut SetupStep) -> Result<(), Failure> {
    let mut db = house.store.read().await?;
    let stored = store::sender::load_mail(&mut db, &practice.id).await?;
    page.is_stored = stored.is_some();
    let (host, port, tls) = match &stored {
        Some(server) => (server.host.clone(), server.port, server.tls.clone()),
        None => {
            let vendors = &house.config.vendors;
            (vendors.smtp_host.clone(), vendors.smtp_port, vendors.smtp_tls.clone())
        }
    };
    page.typed = settings_form::values(Section::Email, practice)
        .put("smtp_host", host)
        .put("smtp_port", port.to_string())
        .put("smtp_tls", tls);
    Ok(())
}

async fn texting(
    house: &House,
    practice: &Practice,
    base: &str,
    page: &mut SetupStep,
) -> Result<(), Failure> {
    let mut db = house.store.read().await?;
    page.is_stored = store::sender::load_texts(&mut db, &practice.id).await?.is_some();
    page.typed = settings_form::values(Section::Texting, practice);
    page.facts.push((
        "Address for replies".into(),
        format!("{base}/webhooks/twilio/{}/sms", practice.slug),
    ));
    let campaign = if practice.settings.text_campaign_registered { "approved" } else { "not yet" };
    page.facts.push(("A2P campaign".into(), campaign.into()));
    page.warnings = settings_form::warnings(Section::Texting, practice);
    Ok(())
}

fn backups(house: &House, page: &mut SetupStep) {
    let key = house.config.data_dir.join("clearbill.key");
    page.facts.push(("Key file".into(), key.display().to_string()));
    let folder = match &house.config.backup_dir {
        Some(dir) => dir.display().to_string(),
        None => "none: set backup_dir, or run clearbill backup --to FOLDER yourself".into(),
    };
    page.facts.push(("Backups go to".into(), folder));
    let newest = health::newest_backup(&house.config);
    page.facts.push(("Newest backup".into(), newest.map_or("none".into(), |at| at.to_string())));
}

/// What keeps a practice from going live: the sentence, and where it is resolved.
pub async fn blockers(
    house: &House,
    practice: &Practice,
) -> Result<Vec<(String, String)>, Failure> {
    let s = &practice.settings;
    let mut db = house.store.read().await?;
    let connected = store::dashboard::list_connections(&mut db, &practice.id).await?;
    let has = |kind: &str| connected.iter().any(|(stored, _)| stored == kind);
    let texts = practice.texts_are_enabled()
        && s.text_number.is_some()
        && s.billing_consent_at.is_some()
        && has("twilio");
    let found = [
        (s.phone.is_empty(), "The office phone is missing.", Step::Practice),
        (
            s.is_sensitive && s.custom_name.is_none(),
            "A neutral practice name is missing.",
            Step::Practice,
        ),
        (s.public_base.is_empty(), "The public address is missing.", Step::Address),
        (!has("stripe"), "No Stripe account is connected.", Step::Stripe),
        (
            s.email_tested_at.is_none() && !texts,
            "Neither email nor texts can be sent: one of the two has to work.",
            Step::Email,
        ),
        (s.proof_approved_at.is_none(), "Nobody has approved the proofs.", Step::Proof),
    ];
    Ok(found
        .into_iter()
        .filter(|(missing, ..)| *missing)
        .map(|(_, words, step)| (words.to_owned(), format!("{SECTION}/{}", step.slug())))
        .collect())
}

const SAMPLE_TOKEN: &str = "AbCdEfGhIjKlMnOpQrStUv";
const SAMPLE_CODE: &str = "K7QF2M9X";
const SAMPLE_DUE: Cents = Cents(82_00);

/// A text and an email as the first reminder reads, with made-up figures and the words in force.
async fn proof(house: &House, practice: &Practice, base: &str) -> Result<Proof, Failure> {
    let book = {
        let mut db = house.store.read().await?;
        store::template::load_book(&mut db, &practice.id).await?
    };
    let s = &practice.settings;
    let at_base = Practice {
        settings: Settings { public_base: base.to_owned(), ..s.clone() },
        ..practice.clone()
    };
    let link = format!("{base}/p/{SAMPLE_TOKEN}");
    let unsubscribe = format!("{base}/unsubscribe/…");
    let letter = |is_text: bool| Letter {
        practice: &at_base,
        language: Language::English,
        book: &book,
        what: What::Reminder {
            kind: Kind::ReminderGentle,
            amount: (!is_text || s.amount_in_texts).then_some(SAMPLE_DUE),
            due_on: None,
            installment: None,
            card_last4: None,
            first_name: (!is_text && s.first_name_in_email).then_some("Maria"),
            pay_link: &link,
            check_code: SAMPLE_CODE,
            unsubscribe_url: (!is_text).then_some(unsubscribe.as_str()),
            on_paper: None,
        },
    };
    let text = AppWording.text(&letter(true)).ok_or(Failure::NotFound)?;
    let email = AppWording.email(&letter(false)).ok_or(Failure::NotFound)?;
    Ok(Proof {
        text: text.body,
        email_subject: email.subject,
        email_text: email.text,
        statement_href: "/setup/proof/statement".into(),
    })
}

/// `GET /setup/proof/statement`: the printed statement with made-up figures.
pub async fn statement(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let practice = &staff.practice;
    let s = &practice.settings;
    let today = house.world.now().day_in(&practice.zone());
    let visit = today.checked_sub(30.days()).unwrap_or(today);
    let name = if s.legal_name.is_empty() { &practice.name } else { &s.legal_name };
    let page = Statement {
        lang: Lang::En,
        practice: practice.alias().to_owned(),
        phone: s.phone.clone(),
        accent: s.accent.clone(),
        from: Address {
            lines: vec![
                name.clone(),
                s.street.clone(),
                format!("{}, {} {}", s.city, s.state, s.zip),
            ],
        },
        to: Address {
            lines: vec![
                "Maria Sample".into(),
                "1 Example Street".into(),
                "New York, NY 10001".into(),
            ],
        },
        as_of: today,
        account: "SAMPLE-1".into(),
        lines: vec![StatementLine {
            on: visit,
            patient: "Maria Sample".into(),
            charged: Cents(240_00),
            insurance: Cents(120_00),
            adjusted: Cents(38_00),
            paid: Cents::ZERO,
            owed: SAMPLE_DUE,
        }],
        credits: Cents::ZERO,
        due: SAMPLE_DUE,
        pay_at: base_of(&house, practice, &request),
    };
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page.html()))
}

/// `GET /.well-known/clearbill/{nonce}`: what only this deployment can say about the nonce, so that
/// the public address can be proved to lead here.
pub async fn reached(house: web::Data<House>, nonce: web::Path<String>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body(house.store.keys().sign("reached", &[nonce.as_str()]))
}
