//! Who asks, with the cookies and form token their browser would have, and what they hear.

use domain::{id::PracticeId, staff::Role};
use reqwest::{Method, StatusCode, header};
use store::{
    keys::{TOKEN_BYTES, new_token, token_hash},
    session::{self, Kind},
};

use crate::town::{Office, SESSION_MS, Town, protocol_now};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    Nobody,
    /// Holds the link of the account that is asked about.
    LinkOwn,
    /// Holds the link of another account of the practice.
    LinkOther,
    PatientOwn,
    PatientOther,
    /// Matched, and the code to the contact on file is awaited.
    HalfPatient,
    /// A manager whose password was right, and whose code is awaited.
    HalfStaff,
    /// Somebody with a setup session from before anybody had an account.
    FirstStart,
    Staff(Role),
    /// The manager of the other practice.
    ForeignManager,
    Key,
    /// The API key of the other practice.
    ForeignKey,
}

impl Caller {
    pub const ALL: [Self; 15] = [
        Self::Nobody,
        Self::HalfPatient,
        Self::HalfStaff,
        Self::FirstStart,
        Self::LinkOwn,
        Self::LinkOther,
        Self::PatientOwn,
        Self::PatientOther,
        Self::Staff(Role::Manager),
        Self::Staff(Role::Biller),
        Self::Staff(Role::FrontDesk),
        Self::Staff(Role::Viewer),
        Self::ForeignManager,
        Self::Key,
        Self::ForeignKey,
    ];

    /// What must be in no answer to them.
    pub fn must_not_see(self, town: &Town) -> Vec<String> {
        let [own, other] = town.alder.accounts.as_slice() else { panic!("alder has two accounts") };
        let (alder, birch) = (town.alder.canaries(), town.birch.canaries());
        match self {
            Self::Nobody | Self::HalfPatient | Self::HalfStaff | Self::FirstStart => {
                [alder, birch].concat()
            }
            // A link pays; it names nobody, not even its own.
            Self::LinkOwn => [own.identity(), other.canaries(), birch].concat(),
            Self::LinkOther => [other.identity(), own.canaries(), birch].concat(),
            Self::PatientOwn => [other.canaries(), birch].concat(),
            Self::PatientOther => [own.canaries(), birch].concat(),
            Self::Staff(_) | Self::Key => birch,
            Self::ForeignManager | Self::ForeignKey => alder,
        }
    }

    /// Ids whose rows nothing that they do may change.
    pub fn must_not_touch(self, town: &Town) -> Vec<String> {
        let [own, other] = town.alder.accounts.as_slice() else { panic!("alder has two accounts") };
        let (alder, birch) = (town.alder.practice.to_string(), town.birch.practice.to_string());
        match self {
            Self::Nobody | Self::HalfPatient | Self::HalfStaff | Self::FirstStart => {
                vec![alder, birch]
            }
            Self::LinkOwn | Self::PatientOwn => vec![other.guarantor.to_string(), birch],
            Self::LinkOther | Self::PatientOther => vec![own.guarantor.to_string(), birch],
            Self::Staff(_) | Self::Key => vec![birch],
            Self::ForeignManager | Self::ForeignKey => vec![alder],
        }
    }
}

/// A browser or program, ready to ask.
#[derive(Clone, Default)]
pub struct Visitor {
    pub cookies: String,
    pub csrf: String,
    pub bearer: Option<String>,
}

impl Visitor {
    /// The same browser at the practice's own https address, where cookies have their safe names.
    pub fn at_home(mut self) -> Self {
        let safe: Vec<String> =
            self.cookies.split("; ").map(|cookie| format!("__Host-{cookie}")).collect();
        self.cookies = safe.join("; ");
        self
    }
}

/// What it heard.
#[derive(Debug)]
pub struct Heard {
    pub status: StatusCode,
    pub location: String,
    pub body: String,
}

impl Heard {
    /// What is the same for two ids that are equally none of the caller's business.
    pub fn without(&self, visitor: &Visitor, ids: &[String]) -> (StatusCode, String, String) {
        let plain = |text: &str| {
            let text = ids.iter().fold(text.to_owned(), |text, id| text.replace(id, "ID"));
            let text =
                if visitor.csrf.is_empty() { text } else { text.replace(&visitor.csrf, "CSRF") };
            without_nonces(&text)
        };
        (self.status, plain(&self.location), plain(&self.body))
    }
}

/// Script nonces differ from answer to answer.
fn without_nonces(text: &str) -> String {
    let mut parts = text.split("nonce=\"");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('"').map_or(part, |(_, rest)| rest));
    }
    plain
}

impl Town {
    /// A fresh sign-in of `caller`: what an earlier request did to its session does not matter.
    pub async fn visitor(&self, caller: Caller) -> Visitor {
        let [own, other] = self.alder.accounts.as_slice() else { panic!("alder has two accounts") };
        match caller {
            Caller::Nobody => self.browser("", "", ""),
            Caller::HalfPatient => {
                let way = serde_json::json!({
                    "next": { "step": "sign_in", "login": own.login.as_str(), "add": null },
                    "prove": [own.guarantor.as_str()], "first": null, "sent": null,
                    "return_to": "", "lang": "en",
                });
                let (kind, way) = (Kind::PatientHalf, way.to_string());
                let token = self.half(&self.alder.practice, kind, own.login.as_str(), &way).await;
                self.browser("", "", &format!("; me-step={token}"))
            }
            Caller::HalfStaff => {
                let manager = self.alder.staff["manager"].as_str();
                let practice = &self.alder.practice;
                let token = self.half(practice, Kind::StaffHalf, manager, "/staff").await;
                self.browser("", "", &format!("; staff-step={token}"))
            }
            Caller::FirstStart => {
                let nobody = PracticeId::trusted("*");
                let token = self.half(&nobody, Kind::Setup, "the hash of a link", "").await;
                self.browser_of("", "", &token, &format!("; setup={token}"))
            }
            Caller::LinkOwn => self.with_pass(&own.token),
            Caller::LinkOther => self.with_pass(&other.token),
            Caller::PatientOwn => self.patient(own.login.as_str()).await,
            Caller::PatientOther => self.patient(other.login.as_str()).await,
            Caller::Staff(role) => self.staff(&self.alder, role).await,
            Caller::ForeignManager => self.staff(&self.birch, Role::Manager).await,
            Caller::Key => self.program(&self.alder),
            Caller::ForeignKey => self.program(&self.birch),
        }
    }

    fn program(&self, office: &Office) -> Visitor {
        Visitor { bearer: Some(format!("Bearer {}", office.key)), ..self.browser("", "", "") }
    }

    async fn half(&self, at: &PracticeId, kind: Kind, subject: &str, state: &str) -> String {
        let token = new_token(TOKEN_BYTES);
        let parts = (token.clone(), at.clone(), subject.to_owned(), state.to_owned());
        let now = protocol_now();
        let begun = self.house.store.write(move |db| {
            let (token, practice, subject, state) = parts.clone();
            Box::pin(async move {
                let (state, lasts) = (Some(state.as_str()), SESSION_MS);
                session::insert(db, kind, &token, &subject, &practice, state, now, lasts).await
            })
        });
        begun.await.unwrap();
        token
    }

    fn browser(&self, staff: &str, patient: &str, more: &str) -> Visitor {
        self.browser_of(staff, patient, "", more)
    }

    fn browser_of(&self, staff: &str, patient: &str, setup: &str, more: &str) -> Visitor {
        let keys = self.house.store.keys();
        let browser = "a-browser-of-this-town";
        let mut cookies = format!("visit={browser}.{}", keys.sign("visit", &[browser]));
        for (name, value) in [("staff", staff), ("me", patient)] {
            if !value.is_empty() {
                cookies.push_str(&format!("; {name}={value}"));
            }
        }
        cookies.push_str(more);
        let csrf = keys.sign("csrf", &[browser, staff, patient, setup]);
        Visitor { cookies, csrf, bearer: None }
    }

    /// Opened the link a while ago, whatever staff have done to it since.
    fn with_pass(&self, token: &str) -> Visitor {
        let (hash, until) = (token_hash(token), protocol_now().plus_ms(SESSION_MS).0.to_string());
        let signature = self.house.store.keys().sign("pay", &[&hash, &until]);
        self.browser("", "", &format!("; pay={hash}.{until}.{signature}"))
    }

    /// Opens the link, as a tap on a text does.
    pub async fn with_link(&self, token: &str) -> Visitor {
        let stranger = self.browser("", "", "");
        let request = self.request(&stranger, Method::GET, &format!("/p/{token}"));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "a link opens");
        let set = answer.headers().get_all(header::SET_COOKIE).iter();
        let pay = set.filter_map(|v| v.to_str().ok()).find(|cookie| cookie.starts_with("pay="));
        let pay = pay.unwrap().split(';').next().unwrap();
        self.browser("", "", &format!("; {pay}"))
    }

    async fn patient(&self, login: &str) -> Visitor {
        let token = self.session(&self.alder, Kind::Patient, login).await;
        self.browser("", &token, "")
    }

    pub async fn staff(&self, office: &Office, role: Role) -> Visitor {
        let id = office.staff[role.as_str()].as_str();
        let token = self.session(office, Kind::Staff, id).await;
        self.browser(&token, "", "")
    }

    async fn session(&self, office: &Office, kind: Kind, subject: &str) -> String {
        let token = new_token(TOKEN_BYTES);
        let (kept, subject) = (token.clone(), subject.to_owned());
        let (practice, now) = (office.practice.clone(), protocol_now());
        let begun = self.house.store.write(move |db| {
            let (token, subject, practice) = (kept.clone(), subject.clone(), practice.clone());
            Box::pin(async move {
                let lasts = SESSION_MS;
                session::insert(db, kind, &token, &subject, &practice, None, now, lasts).await
            })
        });
        begun.await.unwrap();
        token
    }

    pub fn request(
        &self,
        visitor: &Visitor,
        method: Method,
        path: &str,
    ) -> reqwest::RequestBuilder {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        request = request.header(header::COOKIE, &visitor.cookies);
        if let Some(bearer) = &visitor.bearer {
            request = request.header(header::AUTHORIZATION, bearer);
        }
        request
    }

    pub async fn get(&self, visitor: &Visitor, path: &str) -> Heard {
        hear(self.request(visitor, Method::GET, path)).await
    }

    /// The route asked the way its page asks, with a form that holds the token and `fields`.
    pub async fn ask(
        &self,
        visitor: &Visitor,
        method: &str,
        path: &str,
        fields: &[(String, String)],
    ) -> Heard {
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let is_post = method == Method::POST;
        let request = self.request(visitor, method, path);
        if !is_post {
            return hear(request).await;
        }
        let request = request.header(header::ORIGIN, &self.base);
        let mut all = vec![("csrf", visitor.csrf.as_str())];
        all.extend(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        hear(with_form(request, path, &all)).await
    }
}

/// A body of the kind this route reads.
pub fn with_form(
    request: reqwest::RequestBuilder,
    path: &str,
    fields: &[(&str, &str)],
) -> reqwest::RequestBuilder {
    if path != "/staff/imports" {
        return request.form(fields);
    }
    let mut body = String::new();
    for (name, value) in fields {
        let head = format!("Content-Disposition: form-data; name=\"{name}\"");
        body.push_str(&format!("--edge\r\n{head}\r\n\r\n{value}\r\n"));
    }
    body.push_str("--edge--\r\n");
    request.header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge").body(body)
}

pub async fn hear(request: reqwest::RequestBuilder) -> Heard {
    let answer = request.send().await.unwrap();
    let location = answer.headers().get(header::LOCATION);
    let location = location.and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let status = answer.status();
    Heard { status, location, body: answer.text().await.unwrap_or_default() }
}

/// The value of a hidden field.
pub fn field(page: &str, name: &str) -> String {
    let all = page.split("<input").skip(1).filter_map(|input| input.split('>').next());
    let wanted = format!("name=\"{name}\"");
    let input = all.into_iter().find(|input| input.contains(&wanted));
    let input = input.unwrap_or_else(|| panic!("no field {name}"));
    let value = input.split("value=\"").nth(1).and_then(|rest| rest.split('"').next());
    value.unwrap_or_default().to_owned()
}
