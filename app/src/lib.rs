//! Everything a person reads: pages, emails, texts, printed statements. Leptos components, rendered
//! on the server; nothing here awaits, queries, or knows the time.
//!
//! How to write a page:
//!
//! 1. One file per noun in `pages/` (staff pages in `pages/staff/`), listed in the `mod.rs` there.
//! 2. The page is an owned model, `pub struct FindPayment { … }`, whose fields are domain values
//!    (`Cents`, `UnixMs`, `Date`) and finished strings. The server fills it; it holds no ids it does
//!    not show and nothing its reader may not see.
//! 3. `pub fn html(self, shell: &StaffShell) -> String` builds the body with `view!` and ends in
//!    `shell.page(title, body)`, or `shell.error_page(…)` when it answers 422. That is the only way
//!    to HTML: `document::render` is the single caller of `to_html()`.
//! 4. The body begins with `{heading(title, focus)}`, the only `h1`; `focus` is true on a page that
//!    answers a POST. Titles never hold a person's name.
//! 5. Use `components`: `{Field::email("email", "Email").required()}`, `Form::post(action,
//!    &shell.csrf).body(view! { … })` (the only way to a POST form, so CSRF is never forgotten),
//!    `Table::new(caption, columns).sorted(path, &query, "-due").rows(rows).empty("…")`, `Pager`,
//!    `FilterBar`, `Tabs`, `Badge`, `Notice`, `Facts`, `Timeline`, `Confirm`, `Meter`.
//! 6. Refused input: build `Errors` (`Errors::new().on("amount", "Only $40.00 …")`), put
//!    `{errors.summary("…")}` after the heading and `.error(errors.of("amount"))` on the field; give
//!    fields back what was typed, but never a password, code or SSN.
//! 7. State of lists lives in the address, in a `Query`; every list has an empty state that says
//!    what to do.
//! 8. No `style=`, no inline script, no `inner_html`; never `<textarea>`, `<noscript>`, `<script>` or
//!    `<style>` in a `view!`, whose children Leptos does not escape (`TextArea` does it itself). A style of its own is one file in `style/`
//!    (any file not named in `build.rs` joins `staff.css`); a script is one ES module in `scripts/`,
//!    added with `shell.page_with(title, &["inbox.js"], body)`.
//! 9. Patient pages take every sentence from `messages/{en,es}` by `w.t("key")` or
//!    `w.with("key", &[("amount", …)])`; the workspace is in English and writes it in place.
//! 10. Texts between neighbouring `{}` are joined without a space, and an empty string renders as
//!     one: pass one formatted `String`, or an `Option`. Views own
//!     their data (clone strings, copy `Words`), and children are evaluated before attributes.

pub mod accent;
pub mod assets;
pub mod calls;
pub mod components;
mod document;
pub mod emails;
pub mod letters;
pub mod pages;
pub mod refusal;
pub mod texts;
pub mod when;
pub mod words;

pub use document::{Document, render, render_part};
