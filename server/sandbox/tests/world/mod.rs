//! What the tests of this crate share: a clock one sets, dice one knows, a sandbox, a client, and a
//! small server in the place of Clearbill that writes down what the vendors send it.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    collections::VecDeque,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use domain::clock::{Chance, Clock, UnixMs};
use sandbox::{Sandbox, SandboxOptions};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

pub const NOON: i64 = 1_772_625_600_000;

pub struct SetClock(AtomicI64);

impl SetClock {
    pub fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.load(Ordering::SeqCst))
    }
}

pub struct Dice(AtomicU64);

impl Chance for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let next = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst);
            let mixed = (next ^ (next >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            *byte = (mixed >> 40) as u8;
        }
    }
}

pub struct Stage {
    pub sandbox: Sandbox,
    pub clock: Arc<SetClock>,
    pub http: reqwest::Client,
}

pub async fn stage() -> Stage {
    start(None).await
}

pub async fn start(dir: Option<&Path>) -> Stage {
    let clock = Arc::new(SetClock(AtomicI64::new(NOON)));
    let mut options =
        SandboxOptions::new(Arc::<SetClock>::clone(&clock), Arc::new(Dice(AtomicU64::new(7))));
    options.dir = dir.map(Path::to_owned);
    let sandbox = Sandbox::start(options).await.unwrap();
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    Stage { sandbox, clock, http }
}

pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
    pub json: Value,
}

impl Answer {
    async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self { status, headers, text, json }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn text(&self, pointer: &str) -> &str {
        self.json.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn id(&self) -> String {
        assert!(self.status < 300, "{}", self.text);
        self.text("/id").to_owned()
    }
}

impl Stage {
    pub fn stripe(&self, path: &str) -> String {
        format!("{}/v1/{path}", self.sandbox.stripe_base())
    }

    pub async fn get(&self, path: &str) -> Answer {
        let key = self.sandbox.stripe_secret_key();
        Answer::of(self.http.get(self.stripe(path)).bearer_auth(key).send().await.unwrap()).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.try_post(path, form, None).await.unwrap()
    }

    pub async fn post_with_key(&self, path: &str, form: &[(&str, &str)], key: &str) -> Answer {
        self.try_post(path, form, Some(key)).await.unwrap()
    }

    pub async fn try_post(
        &self,
        path: &str,
        form: &[(&str, &str)],
        key: Option<&str>,
    ) -> Result<Answer, reqwest::Error> {
        let mut request =
            self.http.post(self.stripe(path)).bearer_auth(self.sandbox.stripe_secret_key());
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let response = request.form(form).send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, headers, text, json })
    }

    /// A payment of $82.00, not yet confirmed.
    pub async fn bill(&self) -> Answer {
        self.post(
            "payment_intents",
            &[("amount", "8200"), ("currency", "usd"), ("metadata[attempt]", "att_1")],
        )
        .await
    }

    pub async fn page(&self, path: &str) -> Answer {
        let url = format!("{}{path}", self.sandbox.stripe_base());
        Answer::of(self.http.get(url).send().await.unwrap()).await
    }

    pub async fn submit(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let url = format!("{}{path}", self.sandbox.stripe_base());
        Answer::of(self.http.post(url).form(form).send().await.unwrap()).await
    }

    pub fn twilio(&self, path: &str) -> String {
        let (base, account) = (self.sandbox.twilio_base(), self.sandbox.account_sid());
        format!("{base}/2010-04-01/Accounts/{account}/{path}")
    }

    pub async fn text(&self, to: &str, body: &str, more: &[(&str, &str)]) -> Answer {
        let mut form = vec![("To", to), ("From", self.sandbox.sender()), ("Body", body)];
        form.extend_from_slice(more);
        let request = self.http.post(self.twilio("Messages.json"));
        let request =
            request.basic_auth(self.sandbox.account_sid(), Some(self.sandbox.auth_token()));
        Answer::of(request.form(&form).send().await.unwrap()).await
    }

    pub async fn ask_twilio(&self, url: &str) -> Answer {
        let request = self.http.get(url);
        let request =
            request.basic_auth(self.sandbox.account_sid(), Some(self.sandbox.auth_token()));
        Answer::of(request.send().await.unwrap()).await
    }
}

#[derive(Clone, Debug)]
pub struct Heard {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Heard {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    pub fn form(&self) -> Vec<(String, String)> {
        serde_urlencoded::from_bytes(&self.body).unwrap()
    }
}

/// Stands where Clearbill would: answers as told, 200 otherwise.
pub struct Ear {
    pub base: String,
    heard: Arc<Mutex<Vec<Heard>>>,
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
}

impl Ear {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let answers = Arc::new(Mutex::new(VecDeque::new()));
        let ear = Self { base, heard: Arc::clone(&heard), answers: Arc::clone(&answers) };
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (heard, answers) = (Arc::clone(&heard), Arc::clone(&answers));
                tokio::spawn(async move {
                    let mut socket = BufReader::new(socket);
                    while let Some(request) = read(&mut socket).await {
                        heard.lock().unwrap().push(request);
                        let answer = answers.lock().unwrap().pop_front();
                        let (status, body) = answer.unwrap_or((200, String::new()));
                        let text = format!(
                            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}",
                            body.len()
                        );
                        socket.write_all(text.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        ear
    }

    pub fn answers(&self, status: u16, body: &str) {
        self.answers.lock().unwrap().push_back((status, body.to_owned()));
    }

    /// What was heard since the last call.
    pub fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }

    pub fn kinds(&self) -> Vec<String> {
        self.heard().iter().map(Heard::kind).collect()
    }
}

async fn read(socket: &mut BufReader<tokio::net::TcpStream>) -> Option<Heard> {
    let mut line = String::new();
    socket.read_line(&mut line).await.ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        line.clear();
        socket.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_owned(), value.to_owned()));
    }
    let mut heard = Heard { path, headers, body: Vec::new() };
    heard.body = vec![0; heard.header("content-length").parse().unwrap_or(0)];
    socket.read_exact(&mut heard.body).await.ok()?;
    Some(heard)
}
