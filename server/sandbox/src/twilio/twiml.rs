//! Reads the TwiML that calls are answered with: the verbs we use, in order. What it does not know
//! ends the call, as an application error does in life.

/// One thing a call does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Say(String),
    /// Says these words while waiting for keys; without any, the next step follows.
    Gather {
        words: Vec<String>,
        action: String,
        digits: usize,
    },
    Redirect(String),
    Dial(String),
    Pause,
    Hangup,
}

/// Steps one answer may hold.
const MAX_STEPS: usize = 50;

/// The steps of an answer; none when it is not TwiML.
pub fn steps(xml: &str) -> Option<Vec<Step>> {
    let start = xml.find("<Response")?;
    let (_, inner, _) = element(&xml[start..])?;
    let mut rest = inner;
    let mut steps = Vec::new();
    while let Some(open) = rest.find('<') {
        let (tag, inner, after) = element(&rest[open..])?;
        let text = || unescaped(inner.trim());
        steps.push(match tag.split_ascii_whitespace().next()? {
            "Say" => Step::Say(text()),
            "Gather" => Step::Gather {
                words: steps_of(inner)?,
                action: attribute(tag, "action").unwrap_or_default(),
                digits: attribute(tag, "numDigits").and_then(|n| n.parse().ok()).unwrap_or(1),
            },
            "Redirect" => Step::Redirect(text()),
            "Dial" => Step::Dial(text()),
            "Pause" => Step::Pause,
            "Hangup" => Step::Hangup,
            _ => return None,
        });
        if steps.len() > MAX_STEPS {
            return None;
        }
        rest = after;
    }
    Some(steps)
}

/// The words of the `<Say>`s inside a `<Gather>`.
fn steps_of(inner: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = inner;
    while let Some(open) = rest.find('<') {
        let (tag, inner, after) = element(&rest[open..])?;
        if tag.starts_with("Say") {
            words.push(unescaped(inner.trim()));
        }
        rest = after;
    }
    Some(words)
}

/// The first element of `xml`, which begins with `<`: its tag with attributes, what is inside it, and
/// what follows it. None of our verbs stands inside another of its own name.
fn element(xml: &str) -> Option<(&str, &str, &str)> {
    let end = xml.find('>')?;
    let tag = xml.get(1..end)?;
    if let Some(empty) = tag.strip_suffix('/') {
        return Some((empty.trim(), "", &xml[end + 1..]));
    }
    let name = tag.split_ascii_whitespace().next()?;
    let close = format!("</{name}>");
    let body = &xml[end + 1..];
    let at = body.find(&close)?;
    Some((tag, &body[..at], &body[at + close.len()..]))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    let value = tag.get(start..)?;
    Some(unescaped(&value[..value.find('"')?]))
}

pub fn unescaped(xml: &str) -> String {
    xml.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_menu_is_read_in_order_with_its_words_and_its_address() {
        let xml = "<?xml version=\"1.0\"?><Response><Say voice=\"x\">A &amp; B</Say>\
                   <Gather numDigits=\"1\" action=\"https://p.example/k?a=1&amp;b=2\"><Say>Press</Say>\
                   </Gather><Redirect method=\"POST\">https://p.example/r</Redirect><Hangup/>\
                   </Response>";
        assert_eq!(
            steps(xml).unwrap(),
            [
                Step::Say("A & B".into()),
                Step::Gather {
                    words: vec!["Press".into()],
                    action: "https://p.example/k?a=1&b=2".into(),
                    digits: 1,
                },
                Step::Redirect("https://p.example/r".into()),
                Step::Hangup,
            ]
        );
    }

    #[test]
    fn what_is_not_twiml_ends_the_call() {
        assert_eq!(steps("not found"), None);
        assert_eq!(steps("<Response><Record/></Response>"), None);
        assert_eq!(steps("<Response/>"), Some(Vec::new()));
    }
}
