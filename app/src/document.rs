//! The one place where a view becomes text. Pages of any kind end here as a whole document that a
//! strict content security policy can serve: no inline script, no `style` attribute.

use std::fmt::Write as _;

use leptos::prelude::*;

use crate::words::Lang;

/// A page ready to be written out.
pub struct Document {
    pub lang: Lang,
    /// Never a person's name: titles end up in histories, task lists and screen shares.
    pub title: String,
    /// Puts "Error:" before the title, so that it is the first thing a screen reader says.
    pub is_error: bool,
    pub stylesheets: Vec<String>,
    /// ES modules of ours, by address.
    pub scripts: Vec<String>,
    pub body_class: &'static str,
    pub body: AnyView,
}

/// Renders the document. The single caller of Leptos' `to_html()`.
pub fn render(document: Document) -> String {
    let body = without_markers(&document.body.to_html());
    let mut html = String::with_capacity(body.len() + 1024);
    let error = match (document.is_error, document.lang) {
        (false, _) => "",
        (true, lang) => crate::words::Words::new(lang).t("title-error"),
    };
    let space = if error.is_empty() { "" } else { " " };
    let _ = write!(
        html,
        "<!DOCTYPE html><html lang=\"{}\"><head><meta charset=\"utf-8\"><title>{error}{space}{}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <meta name=\"robots\" content=\"noindex\">",
        document.lang.code(),
        escaped(&document.title),
    );
    for href in &document.stylesheets {
        let _ = write!(html, "<link rel=\"stylesheet\" href=\"{}\">", escaped(href));
    }
    for href in &document.scripts {
        let _ = write!(html, "<script type=\"module\" src=\"{}\"></script>", escaped(href));
    }
    let _ = write!(html, "</head><body class=\"{}\">{body}</body></html>", document.body_class);
    html
}

/// A part of a page as text, for tests and for lists that are loaded on their own.
pub fn render_part(view: AnyView) -> String {
    without_markers(&view.to_html())
}

/// Leptos puts `<!>` between neighbouring texts and comments where a view is empty, so that a
/// browser could hydrate them. Nothing is hydrated here, and what people wrote cannot look like a
/// marker: it is escaped by now.
fn without_markers(html: &str) -> String {
    let mut clean = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find("<!") {
        let (before, marker) = rest.split_at(at);
        clean.push_str(before);
        let end =
            if marker.starts_with("<!--") { marker.find("-->").map(|at| at + 3) } else { None };
        rest = &marker[end.unwrap_or(if marker.starts_with("<!>") { 3 } else { 2 })..];
    }
    clean.push_str(rest);
    clean
}

/// Text for an element or a double-quoted attribute, where no Leptos view is around.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::TextArea;

    fn page(body: AnyView, title: &str) -> String {
        render(Document {
            lang: Lang::En,
            title: title.to_owned(),
            is_error: true,
            stylesheets: vec!["/a.css".to_owned()],
            scripts: vec!["/a.js".to_owned()],
            body_class: "patient",
            body,
        })
    }

    #[test]
    fn neighbouring_texts_leave_no_markers_anywhere() {
        let typed = "one <!> & two".to_owned();
        let html = page(
            view! {
                <p>{"a".to_owned()}{"b".to_owned()}</p>
                {TextArea::new("x", "X").value(typed)}
            }
            .into_any(),
            "Pay <!> it",
        );
        assert!(html.contains("<p>ab</p>"), "{html}");
        assert!(html.contains(">one &lt;!&gt; &amp; two</textarea>"), "{html}");
        assert!(html.contains("<title>Error: Pay &lt;!&gt; it</title>"), "{html}");
        assert!(!html.contains("<!>") && !html.contains("<!---->"));
    }

    #[test]
    fn what_a_person_typed_cannot_leave_its_attribute() {
        let typed = "\"><script>alert(1)</script><!>".to_owned();
        let html = page(view! { <input value=typed/> }.into_any(), "t");
        assert!(!html.contains("<script>"), "{html}");
        assert!(html.contains("&lt;!&gt;"), "{html}");
    }
}
