//! c6: an approved list handed over by email, each message decided again, composed, sent over SMTP
//! and recorded durably before and after, against bare dialogues of the same size to the same server.
//!
//! The server takes everything and keeps nothing, and lives in this program like both who send, so
//! that none has a core of its own. Both keep as many sessions open as the engine has hands.
//!
//! `cargo bench -p end2end --bench mail -- --emails 2000`.

mod town;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use end2end::measure::{Comparison, Goal, Wanted, report, seconds};
use engine::Channels;
use server::channels::PracticeChannels;
use store::sender::{self, MailServer};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use town::Town;

const TIMEOUT_MS: u64 = 10_000;

/// What the server took so far.
#[derive(Clone, Default)]
struct Sink {
    emails: Arc<AtomicUsize>,
    bytes: Arc<AtomicUsize>,
}

impl Sink {
    async fn listen(&self) -> std::io::Result<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let sink = self.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let sink = sink.clone();
                // A session ends with its connection, however it ends.
                tokio::spawn(async move { sink.serve(connection).await.ok() });
            }
        });
        Ok(address)
    }

    async fn serve(&self, connection: TcpStream) -> std::io::Result<()> {
        connection.set_nodelay(true)?;
        let mut connection = BufReader::new(connection);
        connection.write_all(b"220 sink.example ESMTP\r\n").await?;
        let mut line = Vec::new();
        loop {
            line.clear();
            if connection.read_until(b'\n', &mut line).await? == 0 {
                return Ok(());
            }
            match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_slice() {
                b"EHLO" => connection.write_all(b"250-sink.example\r\n250 8BITMIME\r\n").await?,
                b"DATA" => {
                    connection.write_all(b"354 go on\r\n").await?;
                    loop {
                        line.clear();
                        let read = connection.read_until(b'\n', &mut line).await?;
                        if read == 0 || line == b".\r\n" {
                            break;
                        }
                        self.bytes.fetch_add(read, Ordering::Relaxed);
                    }
                    self.emails.fetch_add(1, Ordering::Relaxed);
                    connection.write_all(b"250 taken\r\n").await?;
                }
                b"QUIT" => return connection.write_all(b"221 bye\r\n").await,
                _ => connection.write_all(b"250 ok\r\n").await?,
            }
        }
    }
}

/// Sends `emails` of `size` bytes in one session, each with the commands a mail program uses.
async fn bare_session(sink: SocketAddr, emails: usize, size: usize) -> std::io::Result<()> {
    let connection = TcpStream::connect(sink).await?;
    connection.set_nodelay(true)?;
    let mut connection = BufReader::new(connection);
    let mut email = "Subject: x\r\n\r\n".to_owned();
    while email.len() < size {
        email.push_str(&"x".repeat((size - email.len()).clamp(1, 76)));
        email.push_str("\r\n");
    }
    email.push_str(".\r\n");
    answer(&mut connection).await?;
    ask(&mut connection, "EHLO bench.example\r\n").await?;
    for _ in 0..emails {
        ask(&mut connection, "MAIL FROM:<billing@bench.example.org>\r\n").await?;
        ask(&mut connection, "RCPT TO:<person@example.org>\r\n").await?;
        ask(&mut connection, "DATA\r\n").await?;
        ask(&mut connection, &email).await?;
    }
    ask(&mut connection, "QUIT\r\n").await
}

async fn ask(connection: &mut BufReader<TcpStream>, command: &str) -> std::io::Result<()> {
    connection.write_all(command.as_bytes()).await?;
    answer(connection).await
}

/// Reads to the last line of an answer: the one without a hyphen after its code.
async fn answer(connection: &mut BufReader<TcpStream>) -> std::io::Result<()> {
    let mut line = String::new();
    loop {
        line.clear();
        connection.read_line(&mut line).await?;
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(());
        }
    }
}

async fn connect_to(town: &Town, sink: SocketAddr) {
    let server = MailServer {
        host: sink.ip().to_string(),
        port: sink.port(),
        tls: "none".into(),
        username: None,
        password: None,
        dkim_selector: None,
        dkim_key: None,
    };
    let (practice, now) = (town.practice.clone(), town.world.now());
    let write = town.store.write(move |db| {
        let (practice, server) = (practice.clone(), server.clone());
        Box::pin(async move { sender::mark_mail(db, &practice, &server, now).await })
    });
    write.await.expect("a mail server");
}

#[tokio::main]
async fn main() -> Result<(), String> {
    let wanted = Wanted::parse(std::env::args().skip(1))?;
    let emails = wanted.number("emails", 2_000);
    // More rounds would meet the cap of four in thirty days.
    if wanted.rounds > 4 {
        return Err("at most four rounds".into());
    }
    let sink = Sink::default();
    let address = sink.listen().await.map_err(|e| e.to_string())?;
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let town = Town::build(dir.path(), emails, emails, |store, world| {
        Arc::new(PracticeChannels::new(store.clone(), world.clone(), TIMEOUT_MS))
            as Arc<dyn Channels>
    })
    .await;
    connect_to(&town, address).await;
    let sessions = engine::Options::default().together;
    let what = format!("{emails} emails delivered and recorded / bare SMTP, {sessions} sessions");
    let mut rate = Comparison::new("c6", what, "emails per second", Goal::AtLeast, 0.3);
    for _ in 0..wanted.rounds {
        town.write().await;
        let before = sink.bytes.load(Ordering::Relaxed);
        let (took, ()) = seconds(town.deliver()).await;
        let size = (sink.bytes.load(Ordering::Relaxed) - before) / town.due;
        let each = town.due.div_ceil(sessions);
        let bare = futures_util::future::try_join_all(
            (0..sessions).map(|_| tokio::spawn(bare_session(address, each, size))),
        );
        let (bare_took, done) = seconds(bare).await;
        for session in done.map_err(|e| e.to_string())? {
            session.map_err(|e| e.to_string())?;
        }
        rate.add(town.due as f64 / took, (each * sessions) as f64 / bare_took);
        town.next_week();
    }
    let expected =
        town.due * wanted.rounds + town.due.div_ceil(sessions) * sessions * wanted.rounds;
    assert_eq!(sink.emails.load(Ordering::Relaxed), expected, "an email was lost or sent twice");
    let command = format!("cargo bench -p end2end --bench mail -- --emails {emails}");
    println!("{}", report(&wanted, &command, &[rate]));
    Ok(())
}
