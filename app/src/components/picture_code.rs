//! A picture code (QR) of an address, drawn as one path: sharp at any size, and nothing inline that a
//! strict policy would refuse.

use std::fmt::Write as _;

use fast_qr::{ECL, QRBuilder};
use leptos::prelude::*;

/// Light modules around the code, without which readers do not find it.
const MARGIN: usize = 4;

/// Nothing for an address that is too long for a code; `words` for those who do not see it.
pub fn picture_code(address: &str, words: impl Into<String>) -> AnyView {
    let Ok(code) = QRBuilder::new(address).ecl(ECL::M).build() else { return ().into_any() };
    let mut path = String::new();
    for row in 0..code.size {
        let mut column = 0;
        while column < code.size {
            let run = (column..code.size).take_while(|at| code[row][*at].value()).count();
            if run > 0 {
                let (x, y) = (column + MARGIN, row + MARGIN);
                let _ = write!(path, "M{x} {y}h{run}v1h-{run}z");
            }
            column += run.max(1);
        }
    }
    let side = code.size + 2 * MARGIN;
    let words: String = words.into();
    view! {
        <svg class="picture-code" viewBox=format!("0 0 {side} {side}") role="img" aria-label=words>
            <path d=path/>
        </svg>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::render_part;

    #[test]
    fn a_code_has_words_and_its_corner_and_no_style() {
        let html = render_part(picture_code("https://pay.example.org/p/abc", "Opens the bill"));
        assert!(html.contains("aria-label=\"Opens the bill\""), "{html}");
        assert!(html.contains("M4 4h7v1h-7z"), "the first corner begins with seven: {html}");
        assert!(!html.contains("style="), "{html}");
        assert_eq!(render_part(picture_code(&"x".repeat(4_000), "")), "");
    }
}
