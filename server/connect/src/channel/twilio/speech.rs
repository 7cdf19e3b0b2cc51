//! What a call is told to do next, as TwiML. Every word is escaped; there are no verbs here that
//! record anybody.

/// One voice for each language, as Twilio names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    English,
    Spanish,
}

impl Voice {
    const fn attributes(self) -> &'static str {
        match self {
            Self::English => r#"voice="Polly.Joanna" language="en-US""#,
            Self::Spanish => r#"voice="Polly.Lupe" language="es-US""#,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    Say(String),
    /// Speaks while it waits for so many keys, and goes on below when none comes.
    Ask {
        words: String,
        action: String,
        digits: u8,
        wait_s: u8,
    },
    /// Goes on with what that address says.
    Redirect(String),
    /// Connects to a person. Hangs up when they do.
    Connect {
        number_e164: String,
        caller_e164: String,
    },
    HangUp,
}

/// The answer to a turn of a call.
pub fn call_twiml(voice: Voice, verbs: &[Verb]) -> String {
    let mut xml = String::from(r#"<?xml version="1.0" encoding="UTF-8"?><Response>"#);
    for verb in verbs {
        match verb {
            Verb::Say(words) => say(&mut xml, voice, words),
            Verb::Ask { words, action, digits, wait_s } => {
                xml.push_str(r#"<Gather input="dtmf" numDigits=""#);
                xml.push_str(&digits.to_string());
                xml.push_str(r#"" method="POST" timeout=""#);
                xml.push_str(&wait_s.to_string());
                xml.push_str(r#"" action=""#);
                escape(&mut xml, action);
                xml.push_str(r#"">"#);
                say(&mut xml, voice, words);
                xml.push_str("</Gather>");
            }
            Verb::Redirect(url) => {
                xml.push_str(r#"<Redirect method="POST">"#);
                escape(&mut xml, url);
                xml.push_str("</Redirect>");
            }
            Verb::Connect { number_e164, caller_e164 } => {
                xml.push_str(r#"<Dial timeout="30" callerId=""#);
                escape(&mut xml, caller_e164);
                xml.push_str(r#"">"#);
                escape(&mut xml, number_e164);
                xml.push_str("</Dial>");
            }
            Verb::HangUp => xml.push_str("<Hangup/>"),
        }
    }
    xml.push_str("</Response>");
    xml
}

fn say(xml: &mut String, voice: Voice, words: &str) {
    xml.push_str("<Say ");
    xml.push_str(voice.attributes());
    xml.push('>');
    escape(xml, words);
    xml.push_str("</Say>");
}

/// XML has no way to write control characters.
pub(super) fn escape(xml: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\n' | '\t' => xml.push(character),
            c if c.is_control() => {}
            c => xml.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_xml_whatever_the_practice_is_called() {
        let xml = call_twiml(
            Voice::Spanish,
            &[
                Verb::Ask {
                    words: "Smith & Sons <b> \"x\"\u{0}".into(),
                    action: "https://pay.example/key?a=1&b=2".into(),
                    digits: 8,
                    wait_s: 6,
                },
                Verb::HangUp,
            ],
        );
        assert!(xml.contains("Smith &amp; Sons &lt;b&gt; &quot;x&quot;</Say></Gather>"), "{xml}");
        assert!(xml.contains(r#"numDigits="8" method="POST" timeout="6" action="https://pay.example/key?a=1&amp;b=2">"#));
        assert!(xml.contains(r#"language="es-US""#) && xml.ends_with("<Hangup/></Response>"));
    }
}
