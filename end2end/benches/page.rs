//! a1: the Make a Payment page, in requests for each second of processor time of its server, against
//! a bare handler that returns the same bytes and headers.
//!
//! `cargo bench -p end2end --bench page -- --requests 4000`. Both servers are processes of their own
//! with one worker, so that what the client costs does not count.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use actix_web::{App, HttpResponse, HttpServer, web};
use domain::{
    clock::{DAY_MS, World},
    id::{GuarantorId, PatientId},
    money::Cents,
};
use end2end::measure::{Comparison, Goal, Wanted, cpu_seconds, report};
use server::{building, clock::SystemClock, config::Config, limit::Limits, serving};
use store::{
    keys::{OsChance, TOKEN_BYTES, new_token, token_hash},
    link,
    scratch::{self, ScratchClaim},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

const REQUESTS: u64 = 4_000;
const CONNECTIONS: u64 = 8;
/// What the server writes itself, on either side.
const OF_THE_CONNECTION: [&str; 4] = ["content-length", "date", "connection", "transfer-encoding"];

/// The page as it came over the wire.
struct Page {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

#[tokio::main]
async fn main() -> Result<(), String> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("serve-the-house") => serve_the_house().await,
        Some("serve-the-bytes") => serve_the_bytes(&args[1]).await,
        _ => compare(Wanted::parse(args.into_iter())?).await,
    }
}

async fn compare(wanted: Wanted) -> Result<(), String> {
    let requests = wanted.number("requests", REQUESTS);
    let house = Server::start(&["serve-the-house"]).await?;
    let (address, token) = house.said.split_once(' ').ok_or("the house says where it is")?;
    let cookie = open_link(address, token).await?;
    let request = format!("GET /pay HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\n\r\n");
    let page = fetch(address, &request).await?;
    let text = String::from_utf8_lossy(&page.body);
    if !text.contains("Submit Payment") {
        return Err(format!("this is not Make a Payment: {text:.300}"));
    }
    let kept = tempfile::NamedTempFile::new().map_err(|e| e.to_string())?;
    std::fs::write(kept.path(), encoded(&page)).map_err(|e| e.to_string())?;
    let bytes = Server::start(&["serve-the-bytes", &kept.path().display().to_string()]).await?;
    let bare = format!("GET /pay HTTP/1.1\r\nhost: {0}\r\ncookie: {cookie}\r\n\r\n", bytes.said);

    let what = format!("Make a Payment, {} bytes / the same bytes", page.body.len());
    let mut a1 = Comparison::new("a1", what, "requests per CPU-second", Goal::AtLeast, 0.1);
    // Both are warm before anything counts.
    house.requests_per_cpu_second(address, &request, requests / 4).await?;
    bytes.requests_per_cpu_second(&bytes.said, &bare, requests / 4).await?;
    for _ in 0..wanted.rounds {
        let ours = house.requests_per_cpu_second(address, &request, requests).await?;
        // A bare handler is so fast that as many requests would be too few ticks to count.
        let theirs = bytes.requests_per_cpu_second(&bytes.said, &bare, requests * 8).await?;
        a1.add(ours, theirs);
    }
    let command = format!("cargo bench -p end2end --bench page -- --requests {requests}");
    println!("{}", report(&wanted, &command, &[a1]));
    Ok(())
}

/// A process of this program in another part.
struct Server {
    child: Child,
    /// The line it said when it was ready.
    said: String,
}

impl Server {
    async fn start(args: &[&str]) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|e| e.to_string())?;
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| e.to_string())?;
        let out = child.stdout.take().ok_or("no output")?;
        let said = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).map(|_| line)
        });
        let said = said.await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
        Ok(Self { child, said: said.trim().to_owned() })
    }

    async fn requests_per_cpu_second(
        &self,
        address: &str,
        request: &str,
        requests: u64,
    ) -> Result<f64, String> {
        let pid = self.child.id();
        let before = cpu_seconds(pid).map_err(|e| e.to_string())?;
        let each = requests.div_ceil(CONNECTIONS);
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|_| tokio::spawn(ask(address.to_owned(), request.to_owned(), each)))
            .collect();
        for client in clients {
            client.await.map_err(|e| e.to_string())??;
        }
        let after = cpu_seconds(pid).map_err(|e| e.to_string())?;
        Ok((each * CONNECTIONS) as f64 / (after - before))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn ask(address: String, request: String, times: u64) -> Result<(), String> {
    let stream = TcpStream::connect(&address).await.map_err(|e| e.to_string())?;
    stream.set_nodelay(true).map_err(|e| e.to_string())?;
    let mut stream = BufReader::new(stream);
    for _ in 0..times {
        stream.write_all(request.as_bytes()).await.map_err(|e| e.to_string())?;
        read(&mut stream).await?;
    }
    Ok(())
}

async fn fetch(address: &str, request: &str) -> Result<Page, String> {
    let stream = TcpStream::connect(address).await.map_err(|e| e.to_string())?;
    let mut stream = BufReader::new(stream);
    stream.write_all(request.as_bytes()).await.map_err(|e| e.to_string())?;
    read(&mut stream).await
}

/// One answer with a length; anything but 200 or 303 is an error.
async fn read(stream: &mut BufReader<TcpStream>) -> Result<Page, String> {
    let mut line = String::new();
    stream.read_line(&mut line).await.map_err(|e| e.to_string())?;
    if !line.contains(" 200 ") && !line.contains(" 303 ") {
        return Err(format!("the answer was {line}"));
    }
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        line.clear();
        stream.read_line(&mut line).await.map_err(|e| e.to_string())?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().map_err(|_| "no length")?;
        }
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.map_err(|e| e.to_string())?;
    Ok(Page { headers, body })
}

/// Follows a pay link as far as its cookies.
async fn open_link(address: &str, token: &str) -> Result<String, String> {
    let request = format!("GET /p/{token} HTTP/1.1\r\nhost: {address}\r\n\r\n");
    let answer = fetch(address, &request).await?;
    let set = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
    let cookies: Vec<&str> =
        set.map(|(_, value)| value.split(';').next().unwrap_or_default()).collect();
    Ok(cookies.join("; "))
}

/// Headers a line each, an empty line, the body.
fn encoded(page: &Page) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in &page.headers {
        if !OF_THE_CONNECTION.contains(&name.as_str()) {
            out.extend_from_slice(format!("{name}: {value}\n").as_bytes());
        }
    }
    out.push(b'\n');
    out.extend_from_slice(&page.body);
    out
}

async fn serve_the_bytes(path: &str) -> Result<(), String> {
    let kept = std::fs::read(path).map_err(|e| e.to_string())?;
    let end = kept.windows(2).position(|w| w == b"\n\n").ok_or("no headers")?;
    let head = String::from_utf8_lossy(&kept[..end]).into_owned();
    let headers: Vec<(String, String)> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let page = web::Data::new((headers, web::Bytes::copy_from_slice(&kept[end + 2..])));
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    println!("{}", listener.local_addr().map_err(|e| e.to_string())?);
    let server = HttpServer::new(move || {
        App::new().app_data(page.clone()).route("/pay", web::get().to(bare_page))
    });
    let server = server.workers(1).listen(listener).map_err(|e| e.to_string())?.run();
    server.await.map_err(|e| e.to_string())
}

async fn bare_page(page: web::Data<(Vec<(String, String)>, web::Bytes)>) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    for (name, value) in &page.0 {
        answer.append_header((name.as_str(), value.as_str()));
    }
    answer.body(page.1.clone())
}

/// A practice with one guarantor who owes, and a link to pay.
async fn serve_the_house() -> Result<(), String> {
    connect::install_tls();
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let world = World { clock: Arc::new(SystemClock), chance: Arc::new(OsChance) };
    let store = scratch::sqlite(dir.path()).await.map_err(|e| e.to_string())?;
    let config = Config { data_dir: dir.path().to_owned(), ..Config::default() };
    let mut house = building::house(config, store, world);
    house.limits = Limits::generous();
    let house = Arc::new(house);
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    let token = furnish(&house, &format!("http://{address}")).await?;
    let _server = serving::serve_in_background(house, listener)?;
    println!("{address} {token}");
    // Until the caller is gone.
    let gone = || std::io::Read::read(&mut std::io::stdin(), &mut [0; 1]);
    let _ = tokio::task::spawn_blocking(gone).await;
    Ok(())
}

async fn furnish(house: &server::house::House, base: &str) -> Result<String, String> {
    let words = |e: store::StoreError| e.to_string();
    let (store, world) = (&house.store, &house.world);
    let practice = scratch::insert_practice(store, world, "bench").await.map_err(words)?;
    let (guarantor, patient): (GuarantorId, PatientId) = (world.mint(), world.mint());
    let day = world.now().minus_ms(30 * DAY_MS).day_in(&jiff::tz::TimeZone::UTC);
    let claims = [ScratchClaim::ready(&patient, Cents(124_50), day)];
    let name = "Maria Lopez";
    scratch::insert_account(store, world, &practice, &guarantor, name, &claims)
        .await
        .map_err(words)?;
    let token = new_token(TOKEN_BYTES);
    let now = world.now();
    let new = link::New {
        token_hash: token_hash(&token),
        guarantor,
        contact: None,
        message: None,
        advertised: None,
        claim: None,
        expires_at: now.plus_ms(30 * DAY_MS),
    };
    let merchant = store::merchant::Merchant {
        base_url: base.to_owned(),
        secret_key: "sk_test_bench".into(),
        publishable_key: "pk_test_bench".into(),
        webhook_secrets: vec!["whsec_bench".into()],
        js_url: String::new(),
        checkout_origin: String::new(),
        account: None,
        livemode: false,
    };
    let parts = Arc::new((practice, new, merchant));
    let write = store.write(move |db| {
        let parts = parts.clone();
        Box::pin(async move {
            let (practice, new, merchant) = &*parts;
            store::merchant::mark(db, practice, merchant, now).await?;
            link::insert_many(db, practice, std::slice::from_ref(new), now).await
        })
    });
    write.await.map_err(words)?;
    Ok(token)
}
