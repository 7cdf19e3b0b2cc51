//! Emails against a mail server that hangs up, refuses or forgets, at every step of the dialogue.

#![allow(clippy::unwrap_used, reason = "the test runner is the reader")]

// Each test file uses its part of the cast.
#[allow(dead_code)]
mod cast;

use cast::{MARIA_EMAIL, MESSAGE_ID, NOW, TIMEOUT_MS, permit};
use connect::channel::{
    Accepted, ChannelError, EmailClass, EmailMessage, RefusalCause,
    smtp::{Smtp, SmtpOptions, SmtpTls},
};
use domain::{
    clock::{SECOND_MS, UnixMs},
    decide::Channel,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    task::JoinHandle,
};

/// What the server does instead of its usual answer.
#[derive(Clone, Copy)]
enum Accident {
    Says(&'static str),
    HangsUp,
    Stalls,
}

/// A mail server on loopback. `at` is the verb that meets the accident; `.` stands for the end of
/// the message. Serves `connections` connections, then hands over the messages it accepted.
async fn mail_server(
    at: &'static str,
    accident: Accident,
    connections: usize,
) -> (Smtp, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        let mut messages = Vec::new();
        for _ in 0..connections {
            let (stream, _) = listener.accept().await.unwrap();
            serve(stream, at, accident, &mut messages).await;
        }
        messages
    });
    (plain(port), served)
}

fn plain(port: u16) -> Smtp {
    Smtp::new(SmtpOptions {
        host: "127.0.0.1".into(),
        port,
        tls: SmtpTls::None,
        username: None,
        password: None,
        dkim: None,
        timeout_ms: TIMEOUT_MS,
        hello_name: "pay.practice.example".into(),
    })
    .unwrap()
}

async fn serve(
    stream: tokio::net::TcpStream,
    at: &str,
    accident: Accident,
    messages: &mut Vec<String>,
) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.write_all(b"220 mail.practice.example\r\n").await.unwrap();
    loop {
        line.clear();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let verb = line.split([' ', ':', '\r']).next().unwrap_or_default().to_owned();
        let mut answer = match verb.as_str() {
            "EHLO" => "250-mail.practice.example\r\n250 8BITMIME",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 2.0.0 ok",
        };
        if verb == at {
            match accident {
                Accident::Says(other) => answer = other,
                Accident::HangsUp => return,
                Accident::Stalls => {
                    let _ = stream.read_line(&mut line).await;
                    return;
                }
            }
        }
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
        if answer.starts_with("354") {
            let mut message = String::new();
            while !message.ends_with("\r\n.\r\n") {
                if stream.read_line(&mut message).await.unwrap_or(0) == 0 {
                    return;
                }
            }
            let end = if at == "." { accident } else { Accident::Says("250 2.0.0 queued as 4F2") };
            match end {
                Accident::Says(answer) => {
                    if answer.starts_with('2') {
                        messages.push(message);
                    }
                    stream.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
                }
                Accident::HangsUp => return,
                Accident::Stalls => {
                    let _ = stream.read_line(&mut line).await;
                    return;
                }
            }
        }
    }
}

fn email() -> EmailMessage {
    EmailMessage {
        from_name: "Hill Country Medical".into(),
        from_address: "billing@practice.example".into(),
        reply_to: None,
        to: MARIA_EMAIL.into(),
        subject: "You have a new statement".into(),
        text: "Hello,\n.\nthe line above is a dot.".into(),
        html: "<p>Hello</p>".into(),
        picture_of: None,
        list_unsubscribe_url: Some("https://pay.practice.example/u/abc".into()),
        message_id: MESSAGE_ID.into(),
        class: EmailClass::Reminder,
    }
}

async fn send(smtp: &Smtp) -> Result<Accepted, ChannelError> {
    smtp.send_email(permit(Channel::Email, MARIA_EMAIL, NOW), NOW, &email()).await
}

#[tokio::test]
async fn several_emails_share_a_connection_and_arrive_whole() {
    let (smtp, served) = mail_server("", Accident::HangsUp, 1).await;
    smtp.test_connection().await.unwrap();
    for _ in 0..3 {
        let accepted = send(&smtp).await.unwrap();
        assert_eq!(accepted.provider_id, format!("{MESSAGE_ID}@practice.example"));
    }
    drop(smtp);
    let messages = served.await.unwrap();
    assert_eq!(messages.len(), 3);
    // The dot on a line of its own was doubled on the way, as it must be.
    assert!(messages[0].contains("\r\n..\r\nthe line above"), "{}", messages[0]);
    assert!(messages[0].contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"));
}

#[tokio::test]
async fn before_the_message_a_broken_line_harms_nothing() {
    for verb in ["EHLO", "MAIL", "RCPT", "DATA"] {
        let (smtp, _) = mail_server(verb, Accident::HangsUp, 1).await;
        assert_eq!(
            send(&smtp).await,
            Err(ChannelError::Retry { code: None, after_ms: None }),
            "{verb}"
        );
    }
    let (smtp, _) = mail_server("RCPT", Accident::Stalls, 1).await;
    assert_eq!(send(&smtp).await, Err(ChannelError::Retry { code: None, after_ms: None }));
}

#[tokio::test]
async fn after_the_message_nobody_claims_to_know() {
    for accident in [Accident::HangsUp, Accident::Stalls] {
        let (smtp, _) = mail_server(".", accident, 1).await;
        let outcome = send(&smtp).await;
        assert!(matches!(outcome, Err(ChannelError::Unknown { .. })), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_refusal_names_who_is_at_fault() {
    use RefusalCause::{BadAddress, Blocked, Content, SenderFault};
    for (verb, says, code, cause) in [
        ("RCPT", "550 5.1.1 no such user", 550, BadAddress),
        ("RCPT", "550 no such user", 550, BadAddress),
        ("MAIL", "550 5.7.1 not from here", 550, Blocked),
        ("MAIL", "553 sender unknown", 553, SenderFault),
        (".", "554 5.7.1 spam", 554, Blocked),
        (".", "552 too big", 552, Content),
    ] {
        let (smtp, _) = mail_server(verb, Accident::Says(says), 1).await;
        let refused = Err(ChannelError::Refused { code: Some(code), cause });
        assert_eq!(send(&smtp).await, refused, "{verb} {says}");
    }
}

#[tokio::test]
async fn a_busy_server_is_tried_again_later() {
    for (verb, says, code) in [
        ("RCPT", "451 4.7.1 greylisted", 451),
        ("MAIL", "421 4.3.2 shutting down", 421),
        (".", "452 4.3.1 no space", 452),
    ] {
        let (smtp, _) = mail_server(verb, Accident::Says(says), 1).await;
        assert_eq!(
            send(&smtp).await,
            Err(ChannelError::Retry { code: Some(code), after_ms: None }),
            "{verb} {says}"
        );
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_replaced() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let smtp = plain(listener.local_addr().unwrap().port());
    let served = tokio::spawn(async move {
        let mut messages = Vec::new();
        // The first connection is good for a NOOP and gone when the email comes.
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream, "MAIL", Accident::HangsUp, &mut messages).await;
        assert!(messages.is_empty());
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream, "", Accident::HangsUp, &mut messages).await;
        messages
    });
    smtp.test_connection().await.unwrap();
    send(&smtp).await.unwrap();
    drop(smtp);
    assert_eq!(served.await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_permit_that_is_late_or_for_somebody_else_sends_nothing() {
    let (smtp, served) = mail_server("", Accident::HangsUp, 1).await;
    let refused = Err(ChannelError::Refused { code: None, cause: RefusalCause::SenderFault });
    let for_maria = || permit(Channel::Email, MARIA_EMAIL, NOW);
    let late = UnixMs(NOW.0 + 6 * SECOND_MS);
    assert_eq!(smtp.send_email(for_maria(), late, &email()).await, refused);
    let to_john = EmailMessage { to: "john@patient.example".into(), ..email() };
    assert_eq!(smtp.send_email(for_maria(), NOW, &to_john).await, refused);
    let other_message = EmailMessage { message_id: "msg_other".into(), ..email() };
    assert_eq!(smtp.send_email(for_maria(), NOW, &other_message).await, refused);
    served.abort();
}

#[tokio::test]
async fn credentials_wait_for_tls() {
    // The server offers no STARTTLS: we stop rather than go on in the clear.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut messages = Vec::new();
        serve(stream, "AUTH", Accident::Says("235 ok"), &mut messages).await;
        messages
    });
    let smtp = Smtp::new(SmtpOptions {
        host: "127.0.0.1".into(),
        port,
        tls: SmtpTls::StartTls,
        username: Some("practice".into()),
        password: Some("secret".into()),
        dkim: None,
        timeout_ms: TIMEOUT_MS,
        hello_name: "pay.practice.example".into(),
    })
    .unwrap();
    assert!(smtp.test_connection().await.is_err());
    assert!(send(&smtp).await.is_err());
    served.abort();
}
