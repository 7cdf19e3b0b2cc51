//! One visit of one browser: its cookies, language and address, and the token that ties forms to
//! them. Built once a request by [`visit`], before any handler.

use std::{
    cell::RefCell,
    future::{Ready, ready},
    net::IpAddr,
    rc::Rc,
};

use actix_web::{
    Error, FromRequest, HttpMessage, HttpRequest, ResponseError,
    body::{BoxBody, MessageBody},
    cookie::{Cookie, SameSite, time::Duration},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::header,
    middleware::Next,
    web,
};
use app::{
    pages::{PatientShell, PracticeFace},
    words::Lang,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{book::Language, card_number, clock::UnixMs, practice::Practice};
use store::{
    Keys,
    keys::{new_token, token_hash},
};

use crate::{
    clock::real_now,
    failure::{self, Failure},
    headers,
    house::House,
    session::Patient,
    wording::lang_of,
};

/// A pay-only pass lives until the longest attempt it may start, plus its slack (decision 2).
pub const PAY_PASS_MS: i64 = 45 * 60 * 1000;

/// What a browser brought along. Cheap to clone.
#[derive(Clone)]
pub struct Visit {
    inner: Rc<Inner>,
}

struct Inner {
    /// Names the browser before anyone signs in; forms are bound to it.
    pre: String,
    pre_is_new: bool,
    secure: bool,
    lang: Option<Lang>,
    chosen_lang: Option<Lang>,
    address: String,
    path: String,
    staff: Option<String>,
    staff_half: Option<String>,
    patient: Option<String>,
    patient_half: Option<String>,
    setup: Option<String>,
    device: Option<String>,
    staff_device: Option<String>,
    practice_slug: Option<String>,
    flash: Option<String>,
    choice: Option<String>,
    pay: Vec<PayPass>,
    set: RefCell<Vec<Cookie<'static>>>,
}

/// Links one browser may have open at the same time: a family's, in tabs.
const PAY_PASSES_MOST: usize = 4;
/// Between the passes of the cookie.
const PAY_PASS_GAP: char = '~';

/// What the pay cookie grants: paying on this link's account, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayPass {
    pub link_hash: String,
    pub expires_at: UnixMs,
}

impl PayPass {
    fn read(keys: &Keys, text: &str, now: UnixMs) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let (hash, until, signature) = (parts.next()?, parts.next()?, parts.next()?);
        let expires_at = UnixMs(until.parse().ok()?);
        let valid = keys.is_signed("pay", &[hash, until], signature) && expires_at > now;
        valid.then(|| Self { link_hash: hash.to_owned(), expires_at })
    }

    fn written(&self, keys: &Keys) -> String {
        let until = self.expires_at.0.to_string();
        let signature = keys.sign("pay", &[&self.link_hash, &until]);
        format!("{}.{until}.{signature}", self.link_hash)
    }
}

/// The cookies we set. On loopback http they have plain names, else `__Host-` (decision 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jar {
    Pre,
    Staff,
    StaffHalf,
    Patient,
    PatientHalf,
    Setup,
    Device,
    /// Where members of staff have signed in before: see [`crate::staff_tries`].
    StaffDevice,
    Pay,
    /// What a signed-in patient pressed Pay Now on: see [`crate::choice`].
    Choice,
    Lang,
    Practice,
    /// What the last action did, shown once.
    Flash,
}

impl Jar {
    fn name(self, secure: bool) -> String {
        let name = match self {
            Self::Pre => "visit",
            Self::Staff => "staff",
            Self::StaffHalf => "staff-step",
            Self::Patient => "me",
            Self::PatientHalf => "me-step",
            Self::Setup => "setup",
            Self::Device => "device",
            Self::StaffDevice => "staff-device",
            Self::Pay => "pay",
            Self::Choice => "choice",
            Self::Lang => "lang",
            Self::Practice => "practice",
            Self::Flash => "said",
        };
        if secure { format!("__Host-{name}") } else { name.to_owned() }
    }
}

impl Visit {
    fn read(request: &HttpRequest, house: &House) -> Self {
        let secure = is_secure(request, house);
        let cookie = |jar: Jar| {
            request
                .cookie(&jar.name(secure))
                .map(|c| c.value().to_owned())
                .filter(|v| !v.is_empty())
        };
        let keys = house.store.keys();
        let pre = cookie(Jar::Pre).and_then(|value| {
            let (random, signature) = value.split_once('.')?;
            keys.is_signed("visit", &[random], signature).then(|| random.to_owned())
        });
        let accepts = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
        let chosen_lang = cookie(Jar::Lang).and_then(|code| Lang::from_code(&code));
        let lang = chosen_lang.or_else(|| accepts.and_then(Lang::from_accept_language));
        let now = real_now();
        let pay = cookie(Jar::Pay).unwrap_or_default();
        let pay = pay.split(PAY_PASS_GAP).take(PAY_PASSES_MOST);
        let pay = pay.filter_map(|text| PayPass::read(keys, text, now)).collect();
        Self {
            inner: Rc::new(Inner {
                pre_is_new: pre.is_none(),
                pre: pre.unwrap_or_else(|| new_token(18)),
                secure,
                lang,
                chosen_lang,
                address: client_address(request, house),
                path: request.uri().path().to_owned(),
                staff: cookie(Jar::Staff),
                staff_half: cookie(Jar::StaffHalf),
                patient: cookie(Jar::Patient),
                patient_half: cookie(Jar::PatientHalf),
                setup: cookie(Jar::Setup),
                device: cookie(Jar::Device),
                staff_device: cookie(Jar::StaffDevice),
                practice_slug: cookie(Jar::Practice),
                flash: cookie(Jar::Flash),
                choice: cookie(Jar::Choice),
                pay,
                set: RefCell::new(Vec::new()),
            }),
        }
    }

    /// The token every form of this page carries: bound to the browser and to who is signed in.
    pub fn csrf(&self, house: &House) -> String {
        house.store.keys().sign("csrf", &self.csrf_parts())
    }

    pub fn csrf_is_valid(&self, house: &House, token: &str) -> bool {
        !self.inner.pre_is_new && house.store.keys().is_signed("csrf", &self.csrf_parts(), token)
    }

    fn csrf_parts(&self) -> [&str; 4] {
        let inner = &self.inner;
        [
            inner.pre.as_str(),
            inner.staff.as_deref().unwrap_or_default(),
            inner.patient.as_deref().unwrap_or_default(),
            inner.setup.as_deref().unwrap_or_default(),
        ]
    }

    /// The patient's or the browser's language, as far as the browser knows.
    pub fn lang(&self) -> Option<Lang> {
        self.inner.lang
    }

    /// The language the visitor chose by hand, which wins over every other.
    pub fn chosen_lang(&self) -> Option<Lang> {
        self.inner.chosen_lang
    }

    /// Chosen by hand, else the account's, else the browser's.
    pub fn lang_for(&self, of_account: Option<Language>) -> Lang {
        let known = self.inner.chosen_lang.or_else(|| of_account.map(lang_of));
        known.or(self.inner.lang).unwrap_or_default()
    }

    /// The client's address, for limits and the audit.
    pub fn address(&self) -> &str {
        &self.inner.address
    }

    pub fn path(&self) -> &str {
        &self.inner.path
    }

    pub fn staff_token(&self) -> Option<&str> {
        self.inner.staff.as_deref()
    }

    pub fn staff_half_token(&self) -> Option<&str> {
        self.inner.staff_half.as_deref()
    }

    pub fn patient_token(&self) -> Option<&str> {
        self.inner.patient.as_deref()
    }

    pub fn patient_half_token(&self) -> Option<&str> {
        self.inner.patient_half.as_deref()
    }

    pub fn setup_token(&self) -> Option<&str> {
        self.inner.setup.as_deref()
    }

    pub fn device_token(&self) -> Option<&str> {
        self.inner.device.as_deref()
    }

    pub fn staff_device(&self) -> Option<&str> {
        self.inner.staff_device.as_deref()
    }

    pub fn practice_slug(&self) -> Option<&str> {
        self.inner.practice_slug.as_deref()
    }

    /// The pass of the link opened or paid on last.
    pub fn pay_pass(&self) -> Option<&PayPass> {
        self.inner.pay.first()
    }

    /// All of them, that one first: a payment begun in one tab ends there, whatever other tabs do.
    pub fn pay_passes(&self) -> &[PayPass] {
        &self.inner.pay
    }

    /// Signed by [`crate::choice`], which alone reads it.
    pub fn choice_cookie(&self) -> Option<&str> {
        self.inner.choice.as_deref()
    }

    /// Grants paying on a link's account for a while; changes no row.
    pub fn grant_pay(&self, house: &House, link_hash: &str) {
        let expires_at = real_now().plus_ms(PAY_PASS_MS);
        let new = PayPass { link_hash: link_hash.to_owned(), expires_at };
        let others = self.inner.pay.iter().filter(|pass| pass.link_hash != link_hash);
        let passes: Vec<String> = std::iter::once(&new)
            .chain(others)
            .take(PAY_PASSES_MOST)
            .map(|pass| pass.written(house.store.keys()))
            .collect();
        self.keep(Jar::Pay, passes.join(&PAY_PASS_GAP.to_string()), Some(PAY_PASS_MS));
    }

    /// Sets a cookie on the answer; with `lasts_ms` none it ends with the browser.
    pub fn keep(&self, jar: Jar, value: impl Into<String>, lasts_ms: Option<i64>) {
        let mut cookie = Cookie::build(jar.name(self.inner.secure), value.into())
            .path("/")
            .http_only(true)
            .secure(self.inner.secure)
            // Lax: a link from a text must bring the visitor's own session along.
            .same_site(SameSite::Lax);
        if let Some(ms) = lasts_ms {
            cookie = cookie.max_age(Duration::milliseconds(ms));
        }
        self.inner.set.borrow_mut().push(cookie.finish());
    }

    /// Says on the next page what this action did. Counts and verbs, no names: it is a cookie.
    pub fn say(&self, words: &str) {
        self.keep(Jar::Flash, URL_SAFE_NO_PAD.encode(words), Some(60_000));
    }

    /// What the last action said; said once.
    pub fn said(&self) -> Option<String> {
        let encoded = self.inner.flash.as_deref()?;
        self.drop_cookie(Jar::Flash);
        String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()
    }

    pub fn drop_cookie(&self, jar: Jar) {
        self.keep(jar, "", Some(0));
    }
}

impl FromRequest for Visit {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = request.extensions().get::<Self>().cloned();
        ready(found.ok_or_else(|| Failure::broken("the visit layer is missing")))
    }
}

/// Builds the visit, runs the handler, sets cookies and headers, and dresses failures as pages.
pub async fn visit(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let house = house_of(request.request());
    let visit = Visit::read(request.request(), &house);
    request.extensions_mut().insert(visit.clone());
    let mut response = match refused_address(request.path(), request.query_string()) {
        Some(refused) => request.error_response(refused),
        None => next.call(request).await?.map_into_boxed_body(),
    };
    let page = match response.response().error().and_then(|e| e.as_error::<Failure>()) {
        Some(failure) => failure::dress(&house, response.request(), failure).await,
        None if response.status() == actix_web::http::StatusCode::NOT_FOUND
            && response.headers().get(header::CONTENT_TYPE).is_none() =>
        {
            failure::dress(&house, response.request(), &Failure::NotFound).await
        }
        None => None,
    };
    if let Some(html) = page {
        response = response.map_body(|head, _| {
            head.headers.insert(
                header::CONTENT_TYPE,
                header::HeaderValue::from_static("text/html; charset=utf-8"),
            );
            BoxBody::new(html)
        });
    }
    let is_html = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|v| v.as_bytes().starts_with(b"text/html"));
    if visit.inner.pre_is_new && is_html {
        let signature = house.store.keys().sign("visit", &[&visit.inner.pre]);
        visit.keep(Jar::Pre, format!("{}.{signature}", visit.inner.pre), None);
    }
    for cookie in visit.inner.set.borrow_mut().drain(..) {
        response.response_mut().add_cookie(&cookie).map_err(Failure::broken)?;
    }
    headers::finish(&mut response, visit.inner.secure, is_html);
    Ok(response)
}

/// What no address of ours holds. A search for a card number would stand in the address and the history of
/// the browser (R50); a NUL is no text, and a database that keeps none would break over it (R54).
fn refused_address(path: &str, query: &str) -> Option<Failure> {
    if path.contains("%00") || query.contains("%00") {
        let words = "This address cannot be read.";
        return Some(of_api(path, Failure::Malformed(words), "unreadable", words));
    }
    let fields = serde_urlencoded::from_str::<Vec<(String, String)>>(query).unwrap_or_default();
    if !fields.iter().any(|(_, value)| card_number::is_in(value)) {
        return None;
    }
    let words = "Something in this address looks like a card number. Card numbers are never taken.";
    Some(of_api(path, Failure::card_number(), "card_number", words))
}

/// The same failure as programs read it, where a program asked.
fn of_api(path: &str, failure: Failure, code: &'static str, words: &str) -> Failure {
    if !path.starts_with("/api/") {
        return failure;
    }
    Failure::Api(failure.status_code(), code, words.into())
}

pub fn house_of(request: &HttpRequest) -> web::Data<House> {
    request.app_data::<web::Data<House>>().expect("every App carries the house").clone()
}

/// True unless the browser talks plain http to a loopback address.
fn is_secure(request: &HttpRequest, house: &House) -> bool {
    if house.config.public_base.as_deref().is_some_and(|base| base.starts_with("https://")) {
        return true;
    }
    let Reached { host, .. } = reached(request, house);
    let host = host.rsplit_once(':').map_or(host.as_str(), |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let loopback =
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    !loopback
}

/// Where a request came in, as its sender called us.
pub struct Reached {
    pub scheme: String,
    pub host: String,
}

/// By the Host header, or by what a trusted proxy says; other peers' forwarding headers are ignored (R08).
pub fn reached(request: &HttpRequest, house: &House) -> Reached {
    if is_trusted(request, house) {
        let info = request.connection_info();
        return Reached { scheme: info.scheme().to_owned(), host: info.host().to_owned() };
    }
    let config = request.app_config();
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let host = host.or_else(|| request.uri().authority().map(|authority| authority.as_str()));
    let host = host.unwrap_or_else(|| config.host()).to_owned();
    Reached { scheme: if config.secure() { "https" } else { "http" }.to_owned(), host }
}

fn is_trusted(request: &HttpRequest, house: &House) -> bool {
    request.peer_addr().is_some_and(|peer| house.config.trusted_proxies.contains(&peer.ip()))
}

/// The peer's address, or what a trusted proxy says; other peers' headers are ignored (R08).
fn client_address(request: &HttpRequest, house: &House) -> String {
    let Some(peer) = request.peer_addr().map(|peer| peer.ip()) else { return String::new() };
    if !is_trusted(request, house) {
        return peer.to_string();
    }
    let forwarded = request.headers().get("x-forwarded-for").and_then(|v| v.to_str().ok());
    // The last entry is the one our own proxy added.
    let client = forwarded.and_then(|list| list.rsplit(',').next()).map(str::trim);
    let client = client.and_then(|text| text.parse::<IpAddr>().ok());
    client.unwrap_or(peer).to_string()
}

/// How the practice shows itself to patients.
pub fn face(practice: &Practice) -> PracticeFace {
    PracticeFace {
        alias: practice.alias().to_owned(),
        phone: practice.settings.phone.clone(),
        hours: practice.settings.hours.clone(),
        accent: practice.settings.accent.clone(),
    }
}

/// The frame of a patient page of `practice`.
pub fn patient_shell(
    house: &House,
    visit: &Visit,
    practice: &Practice,
    lang: Lang,
    is_signed_in: bool,
) -> PatientShell {
    PatientShell {
        lang,
        practice: face(practice),
        csrf: visit.csrf(house),
        path: visit.path().to_owned(),
        is_signed_in,
    }
}

/// The practice a visitor without a link or session means: chosen by address, by host, or the only
/// one there is (decision 14).
pub async fn practice_at_hand(
    house: &House,
    request: &HttpRequest,
    visit: &Visit,
) -> Result<Option<Practice>, Failure> {
    let mut db = house.store.read().await?;
    if let Some(slug) = visit.practice_slug()
        && let Some(practice) = store::practice::find_by_slug(&mut db, slug).await?
    {
        return Ok(Some(practice));
    }
    let mut practices = store::practice::list(&mut db).await?;
    let Reached { host, .. } = reached(request, house);
    let by_host = practices.iter().position(|practice| {
        let base = practice.settings.public_base.split_once("://").map_or("", |(_, rest)| rest);
        !base.is_empty() && base == host
    });
    Ok(match (by_host, practices.len()) {
        (Some(at), _) => Some(practices.swap_remove(at)),
        (None, 1) => practices.pop(),
        _ => None,
    })
}

/// The language of the account whose link was opened or whose bill is read in this browser: who reads
/// Spanish on Make a Payment reads Spanish one page further, whatever the phone is set to.
async fn account_lang(house: &House, visit: &Visit) -> Option<Lang> {
    let (practice, guarantor) = match visit.pay_pass() {
        Some(pass) => {
            let (mut db, now) = (house.store.read().await.ok()?, house.world.now());
            let link = store::link::find_by_hash(&mut db, &pass.link_hash, now).await.ok()??;
            (link.practice, link.guarantor)
        }
        None => {
            let patient = Patient::find(house, visit).await.ok()??;
            (patient.practice.id, patient.guarantors.into_iter().next()?)
        }
    };
    let mut db = house.store.read().await.ok()?;
    let known = store::guarantor::find_language(&mut db, &practice, &guarantor).await.ok()?;
    known.map(lang_of)
}

/// A frame for failures, which must not fail themselves.
pub async fn shell_for_failure(house: &House, request: &HttpRequest) -> PatientShell {
    let visit = Visit::read(request, house);
    let visit = request.extensions().get::<Visit>().cloned().unwrap_or(visit);
    let practice = practice_at_hand(house, request, &visit).await.ok().flatten();
    let lang = match visit.chosen_lang() {
        Some(lang) => Some(lang),
        None => account_lang(house, &visit).await.or_else(|| visit.lang()),
    };
    let lang = lang.unwrap_or_default();
    let face = practice.as_ref().map_or_else(
        || PracticeFace {
            alias: "Clearbill".into(),
            phone: String::new(),
            hours: String::new(),
            accent: "#0b6e6e".into(),
        },
        face,
    );
    PatientShell {
        lang,
        practice: face,
        csrf: visit.csrf(house),
        path: "/".into(),
        is_signed_in: false,
    }
}

/// How a token is named in the audit: enough to find, too little to use.
pub fn short(token_or_hash: &str) -> String {
    token_or_hash.chars().take(12).collect()
}

/// Names a bearer of a link in the audit.
pub fn link_label(token: &str) -> String {
    short(&token_hash(token))
}
