//! The mail sink: a small SMTP server that takes every email and puts it into the mailbox. No TLS,
//! no authentication, loopback only. `…@bounce.example.org` is refused (550), `…@slow.example.org`
//! is put off (451).

use std::{io, sync::Arc, time::Duration};

use mail_parser::MessageParser;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Semaphore,
    time::timeout,
};

use crate::{
    faults::{self, FaultKind, FaultRule, Vendor},
    mailbox::{Channel, Delivered, first_link},
    shared::Shared,
    wall,
    world::World,
};

/// Announced in EHLO; far above a reminder, below a mistake.
const MAX_MESSAGE_BYTES: usize = 2 * 1024 * 1024;
/// RFC 5321 asks for 512; 8BITMIME content lines for 998; this leaves room.
const MAX_LINE_BYTES: u64 = 4_096;
const MAX_RECIPIENTS: usize = 100;
const MAX_CONNECTIONS: usize = 200;
/// Commands a session may send in all.
const MAX_COMMANDS: usize = 10_000;
const IDLE: Duration = Duration::from_secs(300);

pub async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let Ok((socket, _)) = listener.accept().await else { continue };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // A session that ends in an error ended; the client sees it.
            let _ = Session::new(socket, shared).run().await;
            drop(slot);
        });
    }
}

struct Session {
    input: BufReader<OwnedReadHalf>,
    output: OwnedWriteHalf,
    shared: Arc<Shared>,
    sender: Option<String>,
    recipients: Vec<String>,
}

/// The address between angle brackets.
fn address(argument: &str) -> Option<String> {
    let start = argument.find('<')? + 1;
    let end = start + argument[start..].find('>')?;
    Some(argument[start..end].to_owned()).filter(|address| address.len() <= 320)
}

impl Session {
    fn new(socket: TcpStream, shared: Arc<Shared>) -> Self {
        let (input, output) = socket.into_split();
        let (input, recipients) = (BufReader::new(input), Vec::new());
        Self { input, output, shared, sender: None, recipients }
    }

    async fn say(&mut self, line: &str) -> io::Result<()> {
        self.output.write_all(format!("{line}\r\n").as_bytes()).await
    }

    async fn run(&mut self) -> io::Result<()> {
        self.say("220 sandbox.invalid ESMTP").await?;
        for _ in 0..MAX_COMMANDS {
            let mut line = Vec::new();
            let mut limited = (&mut self.input).take(MAX_LINE_BYTES);
            let read = timeout(IDLE, limited.read_until(b'\n', &mut line)).await;
            if !matches!(read, Ok(Ok(bytes)) if bytes > 0) || line.last() != Some(&b'\n') {
                return Ok(());
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if !self.command(&line).await? {
                return Ok(());
            }
        }
        self.say("421 4.7.0 Too many commands").await
    }

    /// One command. False when the session is over.
    async fn command(&mut self, line: &str) -> io::Result<bool> {
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                let size = format!("250-SIZE {MAX_MESSAGE_BYTES}");
                for line in ["250-sandbox.invalid", "250-PIPELINING", "250-8BITMIME", &size] {
                    self.say(line).await?;
                }
                self.reset();
                self.say("250 SMTPUTF8").await?;
            }
            "HELO" => {
                self.reset();
                self.say("250 sandbox.invalid").await?;
            }
            "MAIL" => self.mail(argument).await?,
            "RCPT" => self.rcpt(argument).await?,
            "DATA" => return self.data().await,
            "RSET" => {
                self.reset();
                self.say("250 2.0.0 Ok").await?;
            }
            "NOOP" => self.say("250 2.0.0 Ok").await?,
            "VRFY" => self.say("252 2.5.0 Cannot say").await?,
            "QUIT" => {
                self.say("221 2.0.0 Bye").await?;
                return Ok(false);
            }
            _ => self.say("502 5.5.1 Unknown command").await?,
        }
        Ok(true)
    }

    fn reset(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }

    async fn mail(&mut self, argument: &str) -> io::Result<()> {
        let upper = argument.to_ascii_uppercase();
        let size = upper.split_once("SIZE=").map(|(_, rest)| {
            rest.split(' ').next().unwrap_or_default().parse::<usize>().unwrap_or(usize::MAX)
        });
        if size.is_some_and(|size| size > MAX_MESSAGE_BYTES) {
            return self.say("552 5.3.4 Message too large").await;
        }
        match address(argument).filter(|_| upper.starts_with("FROM:")) {
            Some(sender) => {
                self.reset();
                self.sender = Some(sender);
                self.say("250 2.1.0 Ok").await
            }
            None => self.say("501 5.5.4 MAIL FROM:<address>").await,
        }
    }

    async fn rcpt(&mut self, argument: &str) -> io::Result<()> {
        if self.sender.is_none() {
            return self.say("503 5.5.1 MAIL first").await;
        }
        if self.recipients.len() >= MAX_RECIPIENTS {
            return self.say("452 4.5.3 Too many recipients").await;
        }
        let upper = argument.to_ascii_uppercase();
        let Some(recipient) = address(argument).filter(|_| upper.starts_with("TO:")) else {
            return self.say("501 5.5.4 RCPT TO:<address>").await;
        };
        let lower = recipient.to_ascii_lowercase();
        if lower.ends_with("@bounce.example.org") {
            return self.say("550 5.1.1 No such mailbox here").await;
        }
        if lower.ends_with("@slow.example.org") {
            return self.say("451 4.2.0 Mailbox busy, try again later").await;
        }
        if let Some(fault) = self.fault("rcpt") {
            match fault.kind {
                FaultKind::Decline => {
                    let code = fault.code.as_deref().unwrap_or("550 5.7.1 Refused by the script");
                    let code: String = code.chars().filter(|c| !c.is_control()).collect();
                    return self.say(&code).await;
                }
                _ => return self.say("451 4.3.0 Put off by the script").await,
            }
        }
        self.recipients.push(recipient);
        self.say("250 2.1.5 Ok").await
    }

    /// Rules for any operation hit the message as a whole; only those named `rcpt` a recipient.
    fn fault(&self, step: &str) -> Option<FaultRule> {
        let take = |world: &mut World| match step {
            "rcpt" => faults::take_named(&mut world.faults, Vendor::Smtp, step),
            _ => faults::take(&mut world.faults, Vendor::Smtp, step),
        };
        self.shared.change(take).ok().flatten()
    }

    /// The message. False when a fault ended the session.
    async fn data(&mut self) -> io::Result<bool> {
        if self.recipients.is_empty() {
            self.say("503 5.5.1 RCPT first").await?;
            return Ok(true);
        }
        self.say("354 End data with <CR><LF>.<CR><LF>").await?;
        let Some(message) = self.body().await? else {
            self.say("552 5.3.4 Message too large").await?;
            return Ok(false);
        };
        let fault = self.fault("data");
        let hold_ms = fault.as_ref().map_or(0, FaultRule::hold_ms);
        let mut copies = 1;
        match fault.as_ref().map(|fault| fault.kind) {
            Some(FaultKind::Timeout) => {
                wall::hold(hold_ms).await;
                return Ok(false);
            }
            Some(FaultKind::Reset) => return Ok(false),
            Some(FaultKind::Error500) => {
                self.reset();
                self.say("451 4.3.0 Error in processing, as the script says").await?;
                return Ok(true);
            }
            Some(FaultKind::RateLimit) => {
                self.say("421 4.7.0 Too much mail, as the script says").await?;
                return Ok(false);
            }
            Some(FaultKind::Decline) => {
                self.reset();
                self.say("554 5.7.1 Refused by the script").await?;
                return Ok(true);
            }
            Some(FaultKind::Delay) => wall::hold(hold_ms).await,
            Some(FaultKind::Drop) => copies = 0,
            Some(FaultKind::Duplicate) => copies = 2,
            _ => {}
        }
        let (sender, recipients) =
            (self.sender.take().unwrap_or_default(), self.recipients.clone());
        self.reset();
        let shared = Arc::clone(&self.shared);
        let kept = tokio::task::spawn_blocking(move || {
            shared.change(|world| keep(world, &sender, &recipients, &message, copies))
        });
        let Ok(Ok(id)) = kept.await else {
            self.say("451 4.3.0 The sandbox cannot write its journal").await?;
            return Ok(true);
        };
        if fault.is_some_and(|fault| fault.kind == FaultKind::TimeoutAfterSuccess) {
            wall::hold(hold_ms).await;
            return Ok(false);
        }
        self.say(&format!("250 2.0.0 Ok: queued as {id}")).await?;
        Ok(true)
    }

    /// The message without its dots. None when it is too large.
    async fn body(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut message = Vec::new();
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut limited = (&mut self.input).take(MAX_MESSAGE_BYTES as u64);
            let read = timeout(IDLE, limited.read_until(b'\n', &mut line)).await??;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line == b".\r\n" {
                return Ok(Some(message));
            }
            let text = if line.starts_with(b".") { &line[1..] } else { &line[..] };
            if message.len() + text.len() > MAX_MESSAGE_BYTES {
                return Ok(None);
            }
            message.extend_from_slice(text);
        }
    }
}

/// One row for each recipient's inbox.
fn keep(
    world: &mut World,
    sender: &str,
    recipients: &[String],
    message: &[u8],
    copies: usize,
) -> String {
    let queue_id = world.mint("", 12);
    let parsed = MessageParser::default().parse(message);
    for recipient in recipients {
        for _ in 0..copies {
            let mut row = Delivered::new(world, Channel::Email, sender, recipient, "");
            if let Some(parsed) = &parsed {
                fill(&mut row, parsed);
            }
            world.mailbox.put(&row.id.clone(), row);
        }
    }
    queue_id
}

fn fill(row: &mut Delivered, parsed: &mail_parser::Message<'_>) {
    row.subject = parsed.subject().map(str::to_owned);
    row.body = parsed.body_text(0).map(|text| text.into_owned()).unwrap_or_default();
    row.html = (parsed.html_body_count() > 0
        && parsed.parts.iter().any(|part| part.is_text_html()))
    .then(|| parsed.body_html(0).map(|html| html.into_owned()))
    .flatten();
    row.headers =
        parsed.headers_raw().map(|(name, value)| (name.to_owned(), unfolded(value))).collect();
    row.vendor_id = parsed.message_id().map(str::to_owned);
    row.link = first_link(&row.body).or_else(|| row.html.as_deref().and_then(first_link));
    let shown = parsed.from().and_then(|from| from.first()).and_then(|from| {
        let address = from.address()?;
        Some(from.name().map_or(address.to_owned(), |name| format!("{name} <{address}>")))
    });
    if let Some(shown) = shown {
        row.from = shown;
    }
}

/// A header on one line.
fn unfolded(value: &str) -> String {
    value.split("\r\n").map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stand_between_angle_brackets() {
        assert_eq!(address("FROM:<a@example.org> SIZE=10").as_deref(), Some("a@example.org"));
        assert_eq!(address("FROM:<>").as_deref(), Some(""));
        assert_eq!(address("FROM:a@example.org"), None);
    }
}
