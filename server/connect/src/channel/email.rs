//! An email as bytes: headers, a text part, an HTML part, and a DKIM signature when a key is given.
//!
//! Nothing a person or a file supplied can become a header of its own: control characters in any
//! header field refuse the message. A reminder without its one-click unsubscribe is refused (D-46).

use std::time::{Duration, UNIX_EPOCH};

use domain::clock::UnixMs;
use lettre::{
    Address, Message,
    address::Envelope,
    message::{
        Attachment, Mailbox, MultiPart, SinglePart,
        dkim::{
            DkimCanonicalization, DkimCanonicalizationType, DkimConfig, DkimSigningAlgorithm,
            DkimSigningKey,
        },
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use secrecy::{ExposeSecret, SecretString};

use super::{BadOptions, ChannelError, EmailClass, EmailMessage, RefusalCause};

/// RFC 5322 allows 998 characters a line; a subject or a name is never near.
const HEADER_LIMIT_CHARS: usize = 400;
/// Both parts together. Some servers stop at 10 MB; a reminder is a few kilobytes.
const BODY_LIMIT_BYTES: usize = 512 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DkimAlgorithm {
    /// The key is PKCS#1 PEM.
    Rsa,
    /// The key is the 32 byte seed in base64.
    Ed25519,
}

/// Where the public half is published, and the private half.
#[derive(Clone, Debug)]
pub struct Dkim {
    pub domain: String,
    pub selector: String,
    pub algorithm: DkimAlgorithm,
    pub private_key: SecretString,
}

pub(crate) fn signer(dkim: &Dkim) -> Result<DkimConfig, BadOptions> {
    let algorithm = match dkim.algorithm {
        DkimAlgorithm::Rsa => DkimSigningAlgorithm::Rsa,
        DkimAlgorithm::Ed25519 => DkimSigningAlgorithm::Ed25519,
    };
    let key = DkimSigningKey::new(dkim.private_key.expose_secret(), algorithm)
        .map_err(|_| BadOptions("DKIM key"))?;
    // RFC 8058 wants the unsubscribe headers signed. Naming a header that is absent keeps others
    // from adding one.
    let headers = [
        "From",
        "Reply-To",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "MIME-Version",
        "Content-Type",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
    ];
    Ok(DkimConfig::new(
        dkim.selector.clone(),
        dkim.domain.clone(),
        key,
        headers.map(HeaderName::new_from_ascii_str).to_vec(),
        DkimCanonicalization {
            header: DkimCanonicalizationType::Relaxed,
            body: DkimCanonicalizationType::Relaxed,
        },
    ))
}

/// An email ready for the wire.
pub(crate) struct Composed {
    pub envelope: Envelope,
    pub bytes: Vec<u8>,
    /// Our Message-ID, without brackets.
    pub message_id: String,
}

pub(crate) fn compose(
    email: &EmailMessage,
    now: UnixMs,
    dkim: Option<&DkimConfig>,
) -> Result<Composed, ChannelError> {
    let content = || ChannelError::refused(RefusalCause::Content);
    let to = address(&email.to).ok_or(ChannelError::refused(RefusalCause::BadAddress))?;
    let from =
        address(&email.from_address).ok_or(ChannelError::refused(RefusalCause::SenderFault))?;
    if !is_one_line(&email.from_name) || !is_one_line(&email.subject) || email.subject.is_empty() {
        return Err(content());
    }
    if email.text.len() + email.html.len() > BODY_LIMIT_BYTES {
        return Err(content());
    }
    let id_is_plain =
        email.message_id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    if email.message_id.is_empty() || email.message_id.len() > 60 || !id_is_plain {
        return Err(content());
    }
    let message_id = format!("{}@{}", email.message_id, from.domain());
    let sent_at = Duration::from_millis(u64::try_from(now.0).unwrap_or_default());
    let from_name = (!email.from_name.is_empty()).then(|| email.from_name.clone());
    let mut builder = Message::builder()
        .from(Mailbox::new(from_name, from.clone()))
        .to(Mailbox::new(None, to.clone()))
        .subject(email.subject.clone())
        .date(UNIX_EPOCH + sent_at)
        .message_id(Some(format!("<{message_id}>")))
        // No out-of-office answers, and none of ours to theirs (RFC 3834).
        .raw_header(header("Auto-Submitted", "auto-generated".into()))
        .raw_header(header("X-Clearbill-Class", email.class.as_str().into()));
    if let Some(reply_to) = &email.reply_to {
        let reply_to = address(reply_to).ok_or(ChannelError::refused(RefusalCause::SenderFault))?;
        builder = builder.reply_to(Mailbox::new(None, reply_to));
    }
    match &email.list_unsubscribe_url {
        Some(url) if is_plain_url(url) => {
            builder = builder
                .raw_header(header("List-Unsubscribe", format!("<{url}>")))
                .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".into()));
        }
        Some(_) => return Err(content()),
        None if email.class == EmailClass::Reminder => return Err(content()),
        None => {}
    }
    // A boundary of our own: the same message is the same bytes.
    let parts = MultiPart::alternative()
        .boundary(format!("=_{}", email.message_id))
        .singlepart(SinglePart::plain(email.text.clone()));
    let html = SinglePart::html(email.html.clone());
    let parts = match email.picture_of.as_deref().and_then(super::picture::png_of) {
        Some(png) => parts.multipart(with_picture(html, png, &email.message_id)?),
        None => parts.singlepart(html),
    };
    let mut message = builder.multipart(parts).map_err(|_| content())?;
    if let Some(dkim) = dkim {
        message.sign(dkim);
    }
    let envelope = Envelope::new(Some(from), vec![to]).map_err(|_| content())?;
    Ok(Composed { envelope, bytes: message.formatted(), message_id })
}

/// The HTML part and the picture it shows as `cid:link`.
fn with_picture(
    html: SinglePart,
    png: Vec<u8>,
    message_id: &str,
) -> Result<MultiPart, ChannelError> {
    let kind = ContentType::parse("image/png")
        .map_err(|_| ChannelError::refused(RefusalCause::Content))?;
    let picture = Attachment::new_inline_with_name("link".into(), "link.png".into());
    Ok(MultiPart::related()
        .boundary(format!("=_r_{message_id}"))
        .singlepart(html)
        .singlepart(picture.body(png, kind)))
}

fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

/// One address and nothing beside it.
fn address(text: &str) -> Option<Address> {
    let plain = text.len() <= 254 && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    if plain { text.parse().ok() } else { None }
}

fn is_one_line(text: &str) -> bool {
    text.chars().count() <= HEADER_LIMIT_CHARS
        && !text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// http only on this machine, for the demo; a mail client may post to https alone.
fn is_plain_url(url: &str) -> bool {
    let graphic = url.bytes().all(|b| b.is_ascii_graphic() && !b"<>,\"".contains(&b));
    let known = url.starts_with("https://")
        || url.starts_with("http://127.0.0.1:")
        || url.starts_with("http://localhost:")
        || url.starts_with("http://[::1]:");
    graphic && known && url.len() <= 900
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reminder() -> EmailMessage {
        EmailMessage {
            from_name: "Hill Country Médical".into(),
            from_address: "billing@practice.example".into(),
            reply_to: Some("office@practice.example".into()),
            to: "maria@patient.example".into(),
            subject: "You have a new statement".into(),
            text: "Hello María,\n\nYou have a statement.\n.\nBye".into(),
            html: "<p>Hello María</p>".into(),
            picture_of: None,
            list_unsubscribe_url: Some("https://pay.practice.example/u/abc".into()),
            message_id: "msg_0198c0de".into(),
            class: EmailClass::Reminder,
        }
    }

    /// 2026-03-04T10:00:00Z
    const NOW: UnixMs = UnixMs(1_772_618_400_000);

    fn text_of(email: &EmailMessage) -> String {
        let composed = compose(email, NOW, None).expect("a good email");
        String::from_utf8(composed.bytes).expect("ASCII on the wire")
    }

    #[test]
    fn a_reminder_carries_both_parts_and_its_headers() {
        let wire = text_of(&reminder());
        for part in [
            "Message-ID: <msg_0198c0de@practice.example>\r\n",
            "To: maria@patient.example\r\n",
            "Reply-To: office@practice.example\r\n",
            "Subject: You have a new statement\r\n",
            "Date: Wed, 04 Mar 2026 10:00:00 +0000\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "X-Clearbill-Class: reminder\r\n",
            "List-Unsubscribe: <https://pay.practice.example/u/abc>\r\n",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
            "Content-Type: multipart/alternative;",
            "Content-Type: text/plain; charset=utf-8\r\n",
            "Content-Type: text/html; charset=utf-8\r\n",
        ] {
            assert!(wire.contains(part), "{part} not in\n{wire}");
        }
        assert!(wire.is_ascii());
        assert_eq!(wire, text_of(&reminder()), "the same message is the same bytes");
    }

    #[test]
    fn a_picture_code_travels_inside_the_email_and_the_text_part_stays_first() {
        let mut email = reminder();
        email.html = "<img src=\"cid:link\" alt=\"Picture code\">".into();
        email.picture_of = Some("https://pay.practice.example/p/AbCdEfGhIjKlMnOpQrStUv".into());
        let wire = text_of(&email);
        for part in [
            "Content-Type: multipart/related;",
            "Content-Type: image/png",
            "Content-ID: <link>",
            "Content-Disposition: inline",
        ] {
            assert!(wire.contains(part), "{part} not in\n{wire}");
        }
        let at = |part: &str| wire.find(part).expect(part);
        assert!(at("text/plain") < at("multipart/related"));
        assert_eq!(wire, text_of(&email), "the same message is the same bytes");
    }

    #[test]
    fn a_header_cannot_be_injected() {
        let evil = "Hello\r\nBcc: everybody@else.example";
        type Edit = fn(&mut EmailMessage, String);
        let edits: [Edit; 7] = [
            |e, v| e.subject = v,
            |e, v| e.from_name = v,
            |e, v| e.from_address = v,
            |e, v| e.to = v,
            |e, v| e.reply_to = Some(v),
            |e, v| e.message_id = v,
            |e, v| e.list_unsubscribe_url = Some(v),
        ];
        for (nth, edit) in edits.iter().enumerate() {
            for tail in
                [evil, "a\nb@c.example", "a@b.example, c@d.example", "x\u{0}y", "a\u{2028}b"]
            {
                let mut email = reminder();
                edit(&mut email, tail.into());
                // A comma is an ordinary character in a subject or a name; it must then stay there.
                match compose(&email, NOW, None) {
                    Err(ChannelError::Refused { .. }) => {}
                    Ok(composed) if nth < 2 && tail.contains(',') => {
                        let wire = String::from_utf8(composed.bytes).expect("ASCII");
                        assert!(wire.contains("To: maria@patient.example\r\n"));
                        assert_eq!(composed.envelope.to().len(), 1);
                    }
                    other => panic!("field {nth}, {tail:?}: {}", other.is_ok()),
                }
            }
        }
    }

    #[test]
    fn a_reminder_must_be_easy_to_stop_and_a_receipt_needs_not() {
        let mut email = reminder();
        email.list_unsubscribe_url = None;
        assert!(compose(&email, NOW, None).is_err());
        email.class = EmailClass::Transactional;
        assert!(!text_of(&email).contains("List-Unsubscribe"));
        email.list_unsubscribe_url = Some("http://practice.example/u".into());
        assert!(compose(&email, NOW, None).is_err());
    }

    #[test]
    fn a_signed_email_covers_the_unsubscribe_headers() {
        let dkim = Dkim {
            domain: "practice.example".into(),
            selector: "cb1".into(),
            algorithm: DkimAlgorithm::Ed25519,
            private_key: "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=".into(),
        };
        let signer = signer(&dkim).expect("the key of RFC 8463");
        let composed = compose(&reminder(), NOW, Some(&signer)).expect("a good email");
        let wire = String::from_utf8(composed.bytes).expect("ASCII");
        let start = wire.find("DKIM-Signature:").expect("signed");
        let signature: String = wire[start..].split_inclusive("\r\n").take(12).collect();
        assert!(signature.contains("d=practice.example") && signature.contains("s=cb1"));
        assert!(signature.contains("list-unsubscribe:list-unsubscribe-post"), "{signature}");
        assert!(!format!("{dkim:?}").contains("nWGxne"));
    }
}
