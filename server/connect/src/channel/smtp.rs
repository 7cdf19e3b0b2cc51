//! Email over SMTP.
//!
//! The dialogue is led here, command by command, because what a broken connection means depends on
//! how far it came: before the message is handed over nothing was sent and it may be tried again;
//! once the final dot is on its way nobody knows, and a second copy is worse than none (R64).
//!
//! Connections are kept for the next message. Credentials are only sent over TLS, or to this machine.
//! A permanent reply to the recipient means the address is bad; one to us means we are.

use std::{error::Error as _, sync::Arc, time::Duration};

use domain::{clock::UnixMs, decide::Channel, gate::SendPermit};
use lettre::{
    address::Envelope,
    message::dkim::DkimConfig,
    transport::smtp::{
        Error as SmtpError,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail, Noop, Rcpt},
        extension::{ClientId, Extension, MailParameter},
    },
};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::{Mutex, Semaphore},
    time::timeout,
};

use super::{
    Accepted, BadOptions, ChannelError, DeliveryStatus, EmailMessage, RefusalCause, admit,
    email::{Composed, Dkim, compose, signer},
};

/// Open connections at one time; more are refused by many servers.
const CONNECTIONS_LIMIT: usize = 8;
/// Connections kept for the next message.
const IDLE_LIMIT: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// Plain text. For this machine only, when credentials are used.
    None,
    /// Starts plain, and refuses to go on without TLS (usually port 587).
    StartTls,
    /// TLS from the first byte (usually port 465).
    Implicit,
}

#[derive(Clone, Debug)]
pub struct SmtpOptions {
    pub host: String,
    pub port: u16,
    pub tls: SmtpTls,
    pub username: Option<String>,
    pub password: Option<SecretString>,
    pub dkim: Option<Dkim>,
    /// For connecting, for the dialogue before the message, and for the message: each.
    pub timeout_ms: u64,
    /// The name we greet with: the host name of this server.
    pub hello_name: String,
}

/// One mail server. Cheap to clone; clones share its connections.
#[derive(Clone)]
pub struct Smtp {
    inner: Arc<Inner>,
}

struct Inner {
    host: String,
    port: u16,
    tls: SmtpTls,
    tls_parameters: Option<TlsParameters>,
    credentials: Option<Credentials>,
    dkim: Option<DkimConfig>,
    timeout: Duration,
    hello_name: ClientId,
    idle: Mutex<Vec<AsyncSmtpConnection>>,
    slots: Semaphore,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("Smtp");
        debug.field("host", &self.inner.host).field("port", &self.inner.port);
        debug.finish_non_exhaustive()
    }
}

impl Smtp {
    pub fn new(options: SmtpOptions) -> Result<Self, BadOptions> {
        crate::install_tls();
        let local = options.host == "localhost"
            || options.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let credentials = match (options.username, options.password) {
            (Some(user), Some(password)) => {
                if options.tls == SmtpTls::None && !local {
                    return Err(BadOptions("a mail password needs TLS"));
                }
                Some(Credentials::new(user, password.expose_secret().to_owned()))
            }
            (None, None) => None,
            _ => return Err(BadOptions("mail user and password go together")),
        };
        let tls_parameters = match options.tls {
            SmtpTls::None => None,
            SmtpTls::StartTls | SmtpTls::Implicit => Some(
                TlsParameters::new_rustls(options.host.clone())
                    .map_err(|_| BadOptions("mail host"))?,
            ),
        };
        let name_is_plain =
            options.hello_name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
        if options.hello_name.is_empty() || !name_is_plain {
            return Err(BadOptions("mail greeting name"));
        }
        let inner = Inner {
            host: options.host,
            port: options.port,
            tls: options.tls,
            tls_parameters,
            credentials,
            dkim: options.dkim.as_ref().map(signer).transpose()?,
            timeout: Duration::from_millis(options.timeout_ms.max(1)),
            hello_name: ClientId::Domain(options.hello_name),
            idle: Mutex::new(Vec::new()),
            slots: Semaphore::new(CONNECTIONS_LIMIT),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Hands one email over. `now` is the permit's clock, and the date of the email.
    pub async fn send_email(
        &self,
        permit: SendPermit,
        now: UnixMs,
        email: &EmailMessage,
    ) -> Result<Accepted, ChannelError> {
        admit(&permit, Channel::Email, now, &email.to)?;
        if permit.message_id().as_str() != email.message_id {
            return Err(ChannelError::refused(RefusalCause::SenderFault));
        }
        let composed = compose(email, now, self.inner.dkim.as_ref())?;
        self.inner.deliver(&composed).await?;
        // The permit allowed this one try, whatever came of it.
        drop(permit);
        Ok(Accepted {
            provider_id: composed.message_id,
            status: DeliveryStatus::Queued,
            segments: 1,
        })
    }

    /// Connects, signs in and says hello: for the set-up page. Sends nothing.
    pub async fn test_connection(&self) -> Result<(), ChannelError> {
        let mut connection = self.inner.connect().await?;
        let answer = timeout(self.inner.timeout, connection.command(Noop)).await;
        match answer {
            Ok(Ok(_)) => {
                self.inner.park(connection).await;
                Ok(())
            }
            Ok(Err(error)) => Err(before_message(&error, Step::Greeting)),
            Err(_) => Err(ChannelError::later()),
        }
    }
}

/// Where in the dialogue we are: it decides whose fault a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Greeting,
    Sender,
    Recipient,
    Message,
}

impl Inner {
    async fn deliver(&self, email: &Composed) -> Result<(), ChannelError> {
        let _slot = self.slots.acquire().await.map_err(|_| ChannelError::later())?;
        let mut connection = self.ready_to_send(&email.envelope).await?;
        match timeout(self.timeout, connection.message(&email.bytes)).await {
            Ok(Ok(_)) => {
                self.park(connection).await;
                Ok(())
            }
            Ok(Err(error)) => Err(after_message(&error)),
            Err(_) => Err(ChannelError::Unknown { cause: "timeout after the message" }),
        }
    }

    /// A connection on which sender and recipient were accepted and the message may follow.
    async fn ready_to_send(
        &self,
        envelope: &Envelope,
    ) -> Result<AsyncSmtpConnection, ChannelError> {
        // A kept connection may have been closed meanwhile. Nothing was sent, so a new one is tried;
        // the others are as old and go as well.
        let kept = self.idle.lock().await.pop();
        if let Some(mut connection) = kept {
            match timeout(self.timeout, introduce(&mut connection, envelope)).await {
                Ok(Ok(())) => return Ok(connection),
                Ok(Err((step, error))) if error.status().is_some() && !closes(&error) => {
                    return Err(before_message(&error, step));
                }
                _ => self.idle.lock().await.clear(),
            }
        }
        let mut connection = self.connect().await?;
        match timeout(self.timeout, introduce(&mut connection, envelope)).await {
            Ok(Ok(())) => Ok(connection),
            Ok(Err((step, error))) => Err(before_message(&error, step)),
            Err(_) => Err(ChannelError::later()),
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, ChannelError> {
        match timeout(self.timeout, self.open()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(before_message(&error, Step::Greeting)),
            Err(_) => Err(ChannelError::later()),
        }
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        let from_first_byte =
            if self.tls == SmtpTls::Implicit { self.tls_parameters.clone() } else { None };
        let mut connection = AsyncSmtpConnection::connect_tokio1(
            (self.host.as_str(), self.port),
            Some(self.timeout),
            &self.hello_name,
            from_first_byte,
            None,
        )
        .await?;
        if let (SmtpTls::StartTls, Some(parameters)) = (self.tls, &self.tls_parameters) {
            connection.starttls(parameters.clone(), &self.hello_name).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials).await?;
        }
        Ok(connection)
    }

    async fn park(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().await;
        if idle.len() < IDLE_LIMIT && !connection.has_broken() {
            idle.push(connection);
        }
    }
}

/// Everything before the message itself.
async fn introduce(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
) -> Result<(), (Step, SmtpError)> {
    let mut options = Vec::new();
    let addresses = envelope.from().into_iter().chain(envelope.to());
    if addresses.into_iter().any(|a| !AsRef::<str>::as_ref(a).is_ascii())
        && connection.server_info().supports_feature(Extension::SmtpUtfEight)
    {
        // Without the extension the server refuses the address by itself.
        options.push(MailParameter::SmtpUtfEight);
    }
    let from = Mail::new(envelope.from().cloned(), options);
    connection.command(from).await.map_err(|error| (Step::Sender, error))?;
    for to in envelope.to() {
        let to = Rcpt::new(to.clone(), Vec::new());
        connection.command(to).await.map_err(|error| (Step::Recipient, error))?;
    }
    connection.command(Data).await.map_err(|error| (Step::Message, error))?;
    Ok(())
}

/// 421: the server closes the connection, whatever was said.
fn closes(error: &SmtpError) -> bool {
    error.status().is_some_and(|code| u16::from(code) == 421)
}

/// Nothing was handed over yet.
fn before_message(error: &SmtpError, step: Step) -> ChannelError {
    let Some(code) = error.status().map(u16::from) else { return ChannelError::later() };
    if error.is_permanent() {
        ChannelError::Refused { code: Some(code.into()), cause: cause(code, error, step) }
    } else {
        ChannelError::Retry { code: Some(code.into()), after_ms: None }
    }
}

/// The message was on its way: only the server's own word tells what became of it.
fn after_message(error: &SmtpError) -> ChannelError {
    if error.status().is_some() {
        before_message(error, Step::Message)
    } else {
        ChannelError::Unknown { cause: "broken after the message" }
    }
}

fn cause(code: u16, error: &SmtpError, step: Step) -> RefusalCause {
    let text = error.source().map(ToString::to_string).unwrap_or_default();
    cause_of(code, &text, step)
}

/// The enhanced status code (RFC 3463) says most; without one, the step does.
fn cause_of(code: u16, text: &str, step: Step) -> RefusalCause {
    let enhanced = text.split_whitespace().next().and_then(|word| {
        let mut numbers = word.split('.').map(str::parse::<u16>);
        match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
            (Some(Ok(5)), Some(Ok(subject)), Some(Ok(detail)), None) => Some((subject, detail)),
            _ => None,
        }
    });
    match (code, enhanced, step) {
        // Sign-in required or refused.
        (530 | 534 | 535 | 538, ..) | (_, Some((1, 7 | 8)), _) => RefusalCause::SenderFault,
        (_, Some((1, _) | (2, 1) | (4, 4)), Step::Recipient | Step::Message) => {
            RefusalCause::BadAddress
        }
        (_, Some((2, 3) | (3, 4) | (6, _)), _) => RefusalCause::Content,
        (_, Some((7, _)), _) => RefusalCause::Blocked,
        (_, Some(_), _) => RefusalCause::Permanent,
        (_, None, Step::Greeting | Step::Sender) => RefusalCause::SenderFault,
        (501 | 550 | 551 | 553, None, Step::Recipient) => RefusalCause::BadAddress,
        (552, None, Step::Message) => RefusalCause::Content,
        (550 | 554, None, Step::Message) => RefusalCause::Blocked,
        (_, None, _) => RefusalCause::Permanent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> SmtpOptions {
        SmtpOptions {
            host: "mail.practice.example".into(),
            port: 587,
            tls: SmtpTls::StartTls,
            username: Some("practice".into()),
            password: Some("password_of_the_practice".into()),
            dkim: None,
            timeout_ms: 1_000,
            hello_name: "pay.practice.example".into(),
        }
    }

    #[test]
    fn a_mail_password_is_never_sent_in_the_clear_nor_printed() {
        let smtp = Smtp::new(options()).expect("STARTTLS");
        assert!(!format!("{smtp:?}{:?}", options()).contains("password_of_the_practice"));
        assert!(Smtp::new(SmtpOptions { tls: SmtpTls::None, ..options() }).is_err());
        let here = SmtpOptions { tls: SmtpTls::None, host: "127.0.0.1".into(), ..options() };
        assert!(Smtp::new(here).is_ok());
        assert!(Smtp::new(SmtpOptions { password: None, ..options() }).is_err());
        assert!(Smtp::new(SmtpOptions { hello_name: "a\r\nMAIL".into(), ..options() }).is_err());
    }

    #[test]
    fn a_refusal_names_who_is_at_fault() {
        use RefusalCause::{BadAddress, Blocked, Content, Permanent, SenderFault};
        for (code, text, step, expected) in [
            (550, "5.1.1 No such user", Step::Recipient, BadAddress),
            (550, "No such user here", Step::Recipient, BadAddress),
            (553, "5.1.3 Bad syntax", Step::Recipient, BadAddress),
            (550, "5.2.1 Mailbox disabled", Step::Recipient, BadAddress),
            (552, "5.2.2 Mailbox full", Step::Recipient, Permanent),
            (550, "5.7.1 Blocked by policy", Step::Recipient, Blocked),
            (553, "5.1.8 Sender domain does not exist", Step::Sender, SenderFault),
            (550, "Sender rejected", Step::Sender, SenderFault),
            (535, "5.7.8 Authentication failed", Step::Greeting, SenderFault),
            (530, "5.7.0 Must issue STARTTLS first", Step::Sender, SenderFault),
            (552, "5.3.4 Too big", Step::Message, Content),
            (554, "Spam", Step::Message, Blocked),
            (571, "whatever", Step::Recipient, Permanent),
        ] {
            assert_eq!(cause_of(code, text, step), expected, "{code} {text} {step:?}");
        }
    }
}
