//! Words that are ready: what became of a template in one message, in the shape its form needs.
//!
//! Values are words here, never markup: whoever writes HTML or XML escapes all of it.

use crate::sms;

/// One paragraph of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paragraph {
    Words(String),
    /// The pay link alone: a button in an email, with its picture code.
    Link(String),
    /// A one-time code alone: large.
    Code(String),
}

impl Paragraph {
    pub fn text(&self) -> &str {
        match self {
            Self::Words(text) | Self::Link(text) | Self::Code(text) => text,
        }
    }
}

/// A message's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Of an email.
    pub subject: Option<String>,
    pub paragraphs: Vec<Paragraph>,
}

impl Filled {
    /// One line for a text, as cheap as its words allow (X8, D-43).
    pub fn as_text(&self) -> String {
        let all: Vec<&str> = self.paragraphs.iter().map(Paragraph::text).collect();
        sms::economise(&all.join(" "))
    }

    /// Sentences to say aloud, one paragraph each, with a pause between them. Digits that are no
    /// quantity are read one by one.
    pub fn as_speech(&self) -> Vec<String> {
        self.paragraphs.iter().map(|paragraph| spoken(paragraph.text())).collect()
    }
}

/// "(212) 555-0100" as "2 1 2, 5 5 5, 0 1 0 0": a voice would make sums of it. Amounts stay.
fn spoken(text: &str) -> String {
    let mut said = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((at, end)) = phone_in(rest) {
        said.push_str(&rest[..at]);
        let digits: Vec<char> = rest[at..end].chars().filter(char::is_ascii_digit).collect();
        let digits = if digits.len() == 11 { &digits[1..] } else { &digits[..] };
        let groups = [&digits[..3], &digits[3..6], &digits[6..]];
        let groups = groups.map(|g| g.iter().map(char::to_string).collect::<Vec<_>>().join(" "));
        said.push_str(&groups.join(", "));
        rest = &rest[end..];
    }
    said.push_str(rest);
    said
}

/// The first phone number of the country: ten digits, or eleven that begin with 1.
fn phone_in(text: &str) -> Option<(usize, usize)> {
    let is_part = |c: char| c.is_ascii_digit() || "()-+. ".contains(c);
    let mut from = 0;
    while let Some(start) = text[from..].find(|c: char| c.is_ascii_digit() || "(+".contains(c)) {
        let start = from + start;
        let run = text[start..].find(|c| !is_part(c)).map_or(text.len(), |n| start + n);
        let last = text[start..run].rfind(|c: char| c.is_ascii_digit())?;
        let end = start + last + 1;
        let digits: String = text[start..end].chars().filter(char::is_ascii_digit).collect();
        if digits.len() == 10 || (digits.len() == 11 && digits.starts_with('1')) {
            return Some((start, end));
        }
        from = run.max(start + 1);
    }
    None
}

/// The text with the code that tells whether it is real, when both fit two segments (MS1).
pub fn with_check_code(text: &str, label: &str, code: &str) -> String {
    const SEGMENTS: usize = 2;
    let longer = format!("{text} {label} {code}");
    if sms::size(&longer).segments <= SEGMENTS { longer } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_is_read_digit_by_digit_and_money_is_not() {
        for (written, read) in [
            ("Call (212) 555-0100.", "Call 2 1 2, 5 5 5, 0 1 0 0."),
            ("Call +1 212 555 0100", "Call 2 1 2, 5 5 5, 0 1 0 0"),
            ("You owe $1,234.56. Thanks", "You owe $1,234.56. Thanks"),
            ("Card ending in 4242, on May 3.", "Card ending in 4242, on May 3."),
            ("5 days. (212) 555-0100", "5 days. 2 1 2, 5 5 5, 0 1 0 0"),
        ] {
            assert_eq!(spoken(written), read);
        }
    }

    #[test]
    fn a_check_code_is_left_out_when_it_would_cost_a_third_segment() {
        let short = "x".repeat(200);
        assert!(with_check_code(&short, "Code", "K7M2P9QR").ends_with(" Code K7M2P9QR"));
        let long = "x".repeat(300);
        assert_eq!(with_check_code(&long, "Code", "K7M2P9QR"), long);
    }
}
