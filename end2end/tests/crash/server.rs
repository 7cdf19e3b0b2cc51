//! The program as people run it, `clearbill demo`, on a folder that outlives it.

use std::{
    fs::File,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use domain::points::Point;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::{interval, timeout},
};

/// A Wednesday at nine in New York: reminders may go, and still may in the afternoon.
const CLOCK: &str = "2026-03-04T09:00:00-05:00";
/// For a start, an end, or one answer, on a machine with other things to do.
const PATIENCE: Duration = Duration::from_secs(60);
/// For what a dead worker's lease holds up.
const LEASES_END_WITHIN: Duration = Duration::from_secs(150);
const LOOKS_EVERY: Duration = Duration::from_millis(300);
const ANY_PORT: &str = "127.0.0.1:0";
const SIGKILL: i32 = 9;

/// The connection ended without an answer.
#[derive(Debug)]
pub struct Lost;

pub struct Server {
    pub client: reqwest::Client,
    /// The line it prints when it is ready.
    pub facts: Value,
    pub dir: PathBuf,
    pub database_url: Option<String>,
    child: Child,
}

fn program() -> PathBuf {
    if let Some(given) = std::env::var_os("CLEARBILL_TEST_BINARY") {
        return given.into();
    }
    let test = std::env::current_exe().unwrap();
    let built = test.ancestors().nth(2).unwrap().join("clearbill");
    assert!(built.exists(), "{} is missing: cargo build -p server", built.display());
    built
}

impl Server {
    pub async fn start(dir: &Path, database_url: Option<String>) -> Self {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            // A connection of the last process is of no use to the next.
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        let (child, facts) = run(dir, database_url.as_deref(), ANY_PORT).await;
        Self { client, facts, dir: dir.to_owned(), database_url, child }
    }

    pub async fn start_again(&mut self) {
        // At the same address, as behind its proxy: what it told the processor still leads to it.
        let address = self.base().trim_start_matches("http://").to_owned();
        (self.child, self.facts) = run(&self.dir, self.database_url.as_deref(), &address).await;
    }

    pub fn base(&self) -> &str {
        self.facts["base"].as_str().unwrap()
    }

    /// Ended by `kill -9`, and by nothing else: not by a panic, not by itself.
    pub async fn was_killed(&mut self) {
        let end = timeout(PATIENCE, self.child.wait()).await;
        let end = end.expect("it went on past the point").unwrap();
        assert_eq!(end.signal(), Some(SIGKILL), "{end}: {}", self.log());
    }

    /// From outside, wherever it is.
    pub async fn kill(&mut self) {
        self.child.start_kill().unwrap();
    }

    /// `clearbill verify` on the folder as it lies there.
    pub async fn verify(&self) {
        let mut command = Command::new(program());
        command.args(["verify", "--json", "--data-dir"]).arg(&self.dir);
        if let Some(url) = &self.database_url {
            command.args(["--database-url", url]);
        }
        let done = clean(&mut command).output().await.unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        let errors = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "verify found something: {said}{errors}");
    }

    /// Adds to the script; `skip` times the point is passed first.
    pub async fn dies_at(&self, point: Point, skip: u32) {
        let rule = json!({ "kind": "die", "operation": point.as_str(), "skip": skip });
        self.post("/sandbox/faults", &rule).await.expect("it is alive");
    }

    pub async fn advance(&self, by: &str) {
        self.advance_if_alive(by).await.expect("it is alive");
    }

    pub async fn advance_if_alive(&self, by: &str) -> Result<Value, Lost> {
        self.post("/sandbox/clock", &json!({ "advance": by })).await
    }

    /// A patient writes, and the practice has taken it in when this returns.
    pub async fn text(&self, from: &str, body: &str) {
        let sms = json!({ "from": from, "body": body });
        let answer = self.post("/sandbox/sms", &sms).await.expect("it is alive");
        assert_eq!(answer["status"], 200, "{answer}");
    }

    /// Everything that was delivered, oldest first.
    pub async fn mailbox(&self) -> Vec<Value> {
        let url = format!("{}/sandbox/mailbox?format=json", self.base());
        let answer = self.client.get(url).send().await.unwrap();
        answer.json().await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, Lost> {
        let url = format!("{}{path}", self.base());
        let answer = self.client.post(url).json(body).send().await.map_err(|_| Lost)?;
        let status = answer.status();
        let text = answer.text().await.map_err(|_| Lost)?;
        assert!(status.is_success(), "POST {path}: {status} {text}");
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// Asks again until it is so.
    pub async fn until(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let waiting = async {
            let mut looks = interval(LOOKS_EVERY);
            while !is_so().await {
                looks.tick().await;
            }
        };
        let came = timeout(LEASES_END_WITHIN, waiting).await;
        assert!(came.is_ok(), "it never came that {what}; {}", self.log());
    }

    /// The end of what it wrote to its log.
    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.dir.join(LOG)).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

const LOG: &str = "test.log";

/// Nothing a developer has set may change the story.
fn clean(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CLEARBILL_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).kill_on_drop(true)
}

async fn run(dir: &Path, database_url: Option<&str>, listen: &str) -> (Child, Value) {
    let log = File::options().create(true).append(true).open(dir.join(LOG)).unwrap();
    let mut command = Command::new(program());
    command.args(["demo", "--json", "--listen", listen, "--clock", CLOCK]);
    command.args(["--accounts", "0", "--data-dir"]).arg(dir);
    if let Some(url) = database_url {
        command.args(["--database-url", url]);
    }
    let mut child = clean(&mut command).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = timeout(PATIENCE, async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Ok(facts) = serde_json::from_str::<Value>(&line) {
                return Some(facts);
            }
        }
        None
    });
    let facts = ready.await.expect("the demo was not ready in time");
    let read_log = || std::fs::read_to_string(dir.join(LOG)).unwrap_or_default();
    (child, facts.unwrap_or_else(|| panic!("the demo did not start: {}", read_log())))
}
