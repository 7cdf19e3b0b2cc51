//! The one layout of all emails: paragraphs, one button whose address is also written out, and who
//! writes.

use std::fmt::Write as _;

use domain::money::Cents;

use super::{Block, Sender};
use crate::{
    accent,
    document::escaped,
    words::{Lang, Words},
};

/// Where the foot begins. Nothing a practice writes can hold them: its words are paragraphs, and
/// escaped.
const FOOT_TEXT: &str = "-- \n";
const FOOT_HTML: &str = "<hr style=\"border:0;border-top:1px solid #999;margin:24px 0 12px\">";

/// What an email says of another account with the same address (D-4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rider {
    pub words: String,
    pub html: String,
}

impl Rider {
    pub fn new(lang: Lang, amount: Option<Cents>, link: &str, accent: &str) -> Self {
        let w = Words::new(lang);
        let words = match amount {
            Some(amount) => w.with("mail-rider-amount", &[("amount", amount.to_string().into())]),
            None => w.t("mail-rider").to_owned(),
        };
        let mut html = String::new();
        block_html(&mut html, &Block::Paragraph(words.clone()), "");
        let action = Block::Action(w.t("mail-reminder-action").to_owned(), link.to_owned());
        block_html(&mut html, &action, &accent::on_white(accent));
        Self { words, html }
    }
}

/// Both parts of an email with what it says of other accounts, `(words, link, html)` each, above its
/// foot.
pub fn with_riders(text: &str, html: &str, riders: &[(&str, &str, &str)]) -> (String, String) {
    let plain: String =
        riders.iter().map(|(words, link, _)| format!("{words}\n{link}\n\n")).collect();
    let rich: String = riders.iter().map(|(_, _, html)| *html).collect();
    (above(text, FOOT_TEXT, &plain), above(html, FOOT_HTML, &rich))
}

fn above(whole: &str, foot: &str, more: &str) -> String {
    match whole.rfind(foot) {
        Some(at) => format!("{}{more}{}", &whole[..at], &whole[at..]),
        None => format!("{whole}\n{more}"),
    }
}

pub(super) fn text(
    w: Words,
    sender: &Sender,
    blocks: &[Block],
    unsubscribe: Option<&str>,
) -> String {
    let mut text = String::new();
    for block in blocks {
        match block {
            Block::Paragraph(words) => text.push_str(words),
            Block::Action(label, href) => {
                let _ = write!(text, "{label}:\n{href}");
            }
            Block::Code(code) => {
                let _ = write!(text, "    {code}");
            }
            Block::Picture(_) => continue,
            Block::Facts(rows) => {
                let rows: Vec<String> =
                    rows.iter().map(|(name, value)| format!("{name}: {value}")).collect();
                text.push_str(&rows.join("\n"));
            }
        }
        text.push_str("\n\n");
    }
    text.push_str(FOOT_TEXT);
    for line in foot(w, sender) {
        text.push_str(&line);
        text.push('\n');
    }
    if let Some(href) = unsubscribe {
        let _ = write!(text, "\n{}:\n{href}\n", w.t("mail-unsubscribe"));
    }
    text
}

pub(super) fn html(
    w: Words,
    sender: &Sender,
    subject: &str,
    blocks: &[Block],
    unsubscribe: Option<&str>,
) -> String {
    let mut html = String::with_capacity(2048);
    let accent = accent::on_white(&sender.accent);
    let _ = write!(
        html,
        "<!DOCTYPE html><html lang=\"{}\"><head><meta charset=\"utf-8\"><title>{}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"></head>\
         <body style=\"margin:0;padding:24px 16px;font:17px/1.5 system-ui,-apple-system,'Segoe UI',\
         Roboto,sans-serif\"><div style=\"max-width:560px;margin:0 auto\">\
         <p style=\"font-weight:bold;font-size:19px\">{}</p>",
        w.lang().code(),
        escaped(subject),
        escaped(&sender.alias),
    );
    for block in blocks {
        block_html(&mut html, block, &accent);
    }
    html.push_str(FOOT_HTML);
    for line in foot(w, sender) {
        let _ = write!(html, "<p style=\"margin:0;font-size:15px\">{}</p>", escaped(&line));
    }
    if let Some(href) = unsubscribe {
        let _ = write!(
            html,
            "<p style=\"font-size:15px\"><a href=\"{}\">{}</a></p>",
            escaped(href),
            escaped(w.t("mail-unsubscribe")),
        );
    }
    html.push_str("</div></body></html>\n");
    html
}

fn block_html(html: &mut String, block: &Block, accent: &str) {
    match block {
        Block::Paragraph(words) => {
            let _ = write!(html, "<p>{}</p>", escaped(words));
        }
        Block::Action(label, href) => {
            let (label, href) = (escaped(label), escaped(href));
            let _ = write!(
                html,
                "<p><a href=\"{href}\" style=\"display:inline-block;background:{accent};\
                 color:#ffffff;padding:12px 20px;border-radius:8px;text-decoration:none;\
                 font-weight:bold\">{label}</a></p>\
                 <p style=\"font-size:15px;word-break:break-all\">{href}</p>",
            );
        }
        Block::Code(code) => {
            let _ = write!(
                html,
                "<p style=\"font-size:28px;font-weight:bold;letter-spacing:4px\">{}</p>",
                escaped(code),
            );
        }
        Block::Picture(words) => {
            let _ = write!(
                html,
                "<p><img src=\"cid:link\" width=\"148\" height=\"148\" alt=\"{}\"></p>",
                escaped(words),
            );
        }
        Block::Facts(rows) => {
            html.push_str("<table role=\"presentation\" style=\"border-collapse:collapse\">");
            for (name, value) in rows {
                let _ = write!(
                    html,
                    "<tr><td style=\"padding:4px 16px 4px 0\">{}</td>\
                     <td style=\"padding:4px 0;font-weight:bold\">{}</td></tr>",
                    escaped(name),
                    escaped(value),
                );
            }
            html.push_str("</table>");
        }
    }
}

fn foot(w: Words, sender: &Sender) -> Vec<String> {
    let call = w.with(
        "mail-foot",
        &[("alias", sender.alias.as_str().into()), ("phone", sender.phone.as_str().into())],
    );
    let mut lines = vec![call];
    if !sender.address.is_empty() {
        lines.push(sender.address.clone());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emails::{Email, NewLink, Sender};

    #[test]
    fn what_is_said_of_another_account_stands_above_the_foot_in_both_parts() {
        let sender = Sender {
            alias: "Elm -- Street".into(),
            phone: "(212) 555-0100".into(),
            address: "1 Elm Street".into(),
            accent: "#0b6157".into(),
        };
        let ours = "https://pay.example.org/p/ours".to_owned();
        let mail = NewLink { lang: Lang::Es, sender, link: ours };
        let theirs = "https://pay.example.org/p/theirs";
        let rider = Rider::new(Lang::Es, Some(Cents(40_00)), theirs, "#0b6157");
        let said = [(rider.words.as_str(), theirs, rider.html.as_str())];
        let (text, html) = with_riders(&mail.text(), &mail.html(), &said);
        for (part, foot) in [(&text, FOOT_TEXT), (&html, FOOT_HTML)] {
            let place = |what: &str| part.find(what).expect(what);
            assert!(place("/p/ours") < place("$40.00") && place("$40.00") < place("/p/theirs"));
            assert!(place("/p/theirs") < place(foot));
            assert_eq!(part.matches(foot).count(), 1);
        }
        assert!(html.contains("href=\"https://pay.example.org/p/theirs\""));
        assert!(html.ends_with("</html>\n"));
    }
}
