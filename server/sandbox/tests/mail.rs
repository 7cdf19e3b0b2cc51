//! Emails arrive as people would read them.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod world;

use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor, message::MultiPart};
use sandbox::{Channel, FaultKind, FaultRule, Sandbox, Vendor};
use world::stage;

fn reminder(to: &str) -> Message {
    Message::builder()
        .from("Lakeside Clinic <bills@lakeside.example.org>".parse().unwrap())
        .to(to.parse().unwrap())
        .subject("Una factura está lista")
        .body_parts(
            "Pague aquí: http://127.0.0.1:3000/p/abc\r\n.línea con punto",
            "<p>Pague <a href=\"http://127.0.0.1:3000/p/abc\">aquí</a></p>",
        )
}

trait BodyParts {
    fn body_parts(self, text: &str, html: &str) -> Message;
}

impl BodyParts for lettre::message::MessageBuilder {
    fn body_parts(self, text: &str, html: &str) -> Message {
        self.multipart(MultiPart::alternative_plain_html(text.to_owned(), html.to_owned())).unwrap()
    }
}

fn mailer(sandbox: &Sandbox) -> AsyncSmtpTransport<Tokio1Executor> {
    let address = sandbox.smtp_addr();
    AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.ip().to_string())
        .port(address.port())
        .build()
}

#[actix_web::test]
async fn an_email_lands_in_the_mailbox_decoded() {
    let stage = stage().await;
    let mailer = mailer(&stage.sandbox);
    mailer.send(reminder("Maria <maria@example.org>")).await.unwrap();
    mailer.send(reminder("joe@example.org")).await.unwrap();
    let mail = stage.sandbox.delivered_to("maria@example.org");
    assert_eq!(mail.len(), 1);
    let mail = &mail[0];
    assert_eq!(mail.channel, Channel::Email);
    assert_eq!(mail.from, "Lakeside Clinic <bills@lakeside.example.org>");
    assert_eq!(mail.subject.as_deref(), Some("Una factura está lista"));
    assert!(
        mail.body.contains("aquí") && mail.body.contains("\n.línea con punto"),
        "{:?}",
        mail.body
    );
    assert!(mail.html.as_deref().unwrap().contains("<a href"));
    assert_eq!(mail.link.as_deref(), Some("http://127.0.0.1:3000/p/abc"));
    assert!(mail.headers.iter().any(|(name, _)| name == "MIME-Version"));
    assert_eq!(stage.sandbox.mailbox().len(), 2);
}

#[actix_web::test]
async fn a_mailbox_that_does_not_exist_and_one_that_is_busy() {
    let stage = stage().await;
    let mailer = mailer(&stage.sandbox);
    let refused = mailer.send(reminder("nobody@bounce.example.org")).await.unwrap_err();
    assert!(refused.is_permanent(), "{refused}");
    let busy = mailer.send(reminder("maria@slow.example.org")).await.unwrap_err();
    assert!(busy.is_transient(), "{busy}");
    assert!(stage.sandbox.mailbox().is_empty());
}

#[actix_web::test]
async fn mail_fails_as_scripted() {
    let stage = stage().await;
    let mailer = mailer(&stage.sandbox);
    let rules = vec![
        FaultRule::new(Vendor::Smtp, "*", FaultKind::Error500),
        FaultRule::new(Vendor::Smtp, "*", FaultKind::TimeoutAfterSuccess).with_ms(1),
        FaultRule::new(Vendor::Smtp, "*", FaultKind::Drop),
        FaultRule::new(Vendor::Smtp, "rcpt", FaultKind::Decline).with_code("550 5.2.1 Gone"),
    ];
    stage.sandbox.add_faults(rules).unwrap().unwrap();
    let gone = mailer.send(reminder("maria@example.org")).await.unwrap_err();
    assert!(gone.is_permanent(), "{gone}");
    assert!(mailer.send(reminder("maria@example.org")).await.unwrap_err().is_transient());
    assert!(mailer.send(reminder("maria@example.org")).await.is_err());
    assert_eq!(stage.sandbox.mailbox().len(), 1, "it arrived, though nobody said so");
    mailer.send(reminder("maria@example.org")).await.unwrap();
    assert_eq!(stage.sandbox.mailbox().len(), 1, "accepted, and lost");
}
