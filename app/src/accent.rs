//! One accent colour per practice, which can never make a page unreadable: from the colour a
//! practice picked, a light and a dark accent are derived that keep WCAG AA contrast (4.5:1) as
//! text on every ground of ours, and under the text of a button.

use std::fmt::Write as _;

/// The grounds of `style/tokens.css`; a test keeps the two files together.
const LIGHT_GROUNDS: [Rgb; 2] = [Rgb(0xf6, 0xf7, 0xf5), Rgb(0xff, 0xff, 0xff)];
const DARK_GROUNDS: [Rgb; 2] = [Rgb(0x12, 0x16, 0x1a), Rgb(0x1b, 0x21, 0x27)];
const ON_LIGHT_ACCENT: Rgb = Rgb(0xff, 0xff, 0xff);
const ON_DARK_ACCENT: Rgb = Rgb(0x12, 0x16, 0x1a);

/// WCAG 2.2 asks for 4.5; the rest is for rounding to whole bytes and for the soft ground.
const CONTRAST: f64 = 4.8;

/// Clearbill's own, for a practice that chose none.
pub const DEFAULT: &str = "#0b6157";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rgb(u8, u8, u8);

/// Whether a practice may save this text as its colour: `#` and six hex digits.
pub fn is_colour(hex: &str) -> bool {
    parse(hex).is_some()
}

/// The stylesheet that sets a practice's accent. What is not a colour gives the default.
pub fn stylesheet(hex: &str) -> String {
    let picked = chosen(hex);
    let light = reach(picked, Rgb(0, 0, 0), &LIGHT_GROUNDS);
    let dark = reach(picked, Rgb(255, 255, 255), &DARK_GROUNDS);
    let mut css = String::from(":root{");
    properties(&mut css, light, ON_LIGHT_ACCENT, LIGHT_GROUNDS[1]);
    css.push_str("}@media (prefers-color-scheme:dark){:root{");
    properties(&mut css, dark, ON_DARK_ACCENT, DARK_GROUNDS[1]);
    css.push_str("}}\n");
    css
}

/// The accent as a ground for white words, where no stylesheet reaches: emails.
pub fn on_white(hex: &str) -> String {
    let accent = reach(chosen(hex), Rgb(0, 0, 0), &LIGHT_GROUNDS);
    format!("#{:02x}{:02x}{:02x}", accent.0, accent.1, accent.2)
}

/// `/assets/accent.{colour}{hash}.css`; the same colour has the same address until the rules of
/// this module change.
pub fn href(hex: &str) -> String {
    format!("/assets/{}", file_name(hex))
}

/// The stylesheet behind a name made by [`href`]; `None` for any other name.
pub(crate) fn from_file_name(file: &str) -> Option<String> {
    let colour = file.strip_prefix("accent.")?.get(..6)?;
    let colour = format!("#{colour}");
    (is_colour(&colour) && file_name(&colour) == file).then(|| stylesheet(&colour))
}

fn file_name(hex: &str) -> String {
    let picked = chosen(hex);
    // FNV-1a: the name only has to change when the text does.
    let hash = stylesheet(hex)
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("accent.{:02x}{:02x}{:02x}{hash:08x}.css", picked.0, picked.1, picked.2)
}

fn properties(css: &mut String, accent: Rgb, on: Rgb, ground: Rgb) {
    let soft = mix(ground, accent, 0.08);
    let strong = mix(accent, on_opposite(on), 0.18);
    for (name, colour) in
        [("accent", accent), ("accent-strong", strong), ("accent-soft", soft), ("on-accent", on)]
    {
        let _ = write!(css, "--{name}:#{:02x}{:02x}{:02x};", colour.0, colour.1, colour.2);
    }
}

/// Pressed buttons move away from their text, so they only gain contrast.
fn on_opposite(on: Rgb) -> Rgb {
    if luminance(on) > 0.5 { Rgb(0, 0, 0) } else { Rgb(255, 255, 255) }
}

/// The nearest mix of `colour` towards `pole` that stands out from every ground.
fn reach(colour: Rgb, pole: Rgb, grounds: &[Rgb]) -> Rgb {
    (0..=100)
        .map(|percent| mix(colour, pole, f64::from(percent) / 100.0))
        .find(|mixed| grounds.iter().all(|ground| contrast(*mixed, *ground) >= CONTRAST))
        .unwrap_or(pole)
}

fn chosen(hex: &str) -> Rgb {
    parse(hex).or_else(|| parse(DEFAULT)).unwrap_or(Rgb(0, 0, 0))
}

fn parse(hex: &str) -> Option<Rgb> {
    let digits = hex.strip_prefix('#')?;
    if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    Some(Rgb(byte(0)?, byte(2)?, byte(4)?))
}

fn mix(from: Rgb, to: Rgb, share: f64) -> Rgb {
    let part = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
    Rgb(part(from.0, to.0), part(from.1, to.1), part(from.2, to.2))
}

/// WCAG relative luminance.
fn luminance(colour: Rgb) -> f64 {
    let channel = |byte: u8| {
        let value = f64::from(byte) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(colour.0) + 0.7152 * channel(colour.1) + 0.0722 * channel(colour.2)
}

fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKENS: &str = include_str!("../../style/tokens.css");

    fn value(css: &str, name: &str, dark: bool) -> Rgb {
        let (light_part, dark_part) = css.split_once("@media").unwrap();
        let part = if dark { dark_part } else { light_part };
        let compact = part.replace(' ', "");
        let rest = compact.split_once(&format!("--{name}:")).unwrap().1;
        parse(rest.get(..7).unwrap()).unwrap()
    }

    fn readable(css: &str) {
        for (dark, grounds) in [(false, LIGHT_GROUNDS), (true, DARK_GROUNDS)] {
            let accent = value(css, "accent", dark);
            for ground in grounds {
                assert!(contrast(accent, ground) >= 4.5, "{css}");
            }
            let on = value(css, "on-accent", dark);
            assert!(contrast(accent, on) >= 4.5, "{css}");
            assert!(contrast(value(css, "accent-strong", dark), on) >= 4.5, "{css}");
            let soft = value(css, "accent-soft", dark);
            assert!(contrast(value(TOKENS, "ink", dark), soft) >= 7.0, "{css}");
        }
    }

    #[test]
    fn white_yellow_and_black_still_make_readable_buttons() {
        for colour in ["#ffffff", "#ffff00", "#000000", "#808080", DEFAULT, "not a colour"] {
            readable(&stylesheet(colour));
        }
    }

    proptest! {
        #[test]
        fn any_colour_a_practice_picks_stays_readable(colour in "#[0-9a-f]{6}") {
            readable(&stylesheet(&colour));
        }
    }

    #[test]
    fn the_words_on_our_own_grounds_are_readable() {
        for dark in [false, true] {
            let token = |name: &str| value(TOKENS, name, dark);
            for ground in ["paper", "surface"] {
                for words in ["ink", "ink-soft", "danger", "good", "warn", "accent"] {
                    let found = contrast(token(words), token(ground));
                    assert!(found >= 4.5, "{words} on {ground}, dark {dark}: {found:.2}");
                }
                assert!(contrast(token("line-strong"), token(ground)) >= 3.0);
            }
            for tone in ["danger", "good", "warn"] {
                let soft = token(&format!("{tone}-soft"));
                assert!(contrast(token(tone), soft) >= 4.5, "{tone} {dark}");
                assert!(contrast(token("ink"), soft) >= 7.0, "{tone} {dark}");
            }
        }
    }

    #[test]
    fn the_grounds_here_are_those_of_the_tokens() {
        for (dark, grounds) in [(false, LIGHT_GROUNDS), (true, DARK_GROUNDS)] {
            assert_eq!(value(TOKENS, "paper", dark), grounds[0]);
            assert_eq!(value(TOKENS, "surface", dark), grounds[1]);
        }
    }

    #[test]
    fn an_accent_is_found_by_its_address_only() {
        let href = href("#0b6157");
        let file = href.strip_prefix("/assets/").unwrap();
        assert_eq!(from_file_name(file), Some(stylesheet("#0b6157")));
        assert_eq!(from_file_name("accent.0b6157.css"), None);
        assert_eq!(from_file_name("accent.é"), None);
    }
}
