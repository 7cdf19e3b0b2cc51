//! A page as a PDF: the paragraphs of a letter, set for a fax machine's coarse eye, with the first web
//! address also as a code to scan. Tagged, so that a screen reader reads it in order.
//!
//! The standard fonts are named and not embedded: every reader and every fax service has them. What
//! they cannot write is shown as a question mark.

use fast_qr::QRBuilder;
use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr, types::StructRole};

use crate::words::{Lang, Words};

const WIDTH: f32 = 612.0;
const HEIGHT: f32 = 792.0;
const MARGIN: f32 = 72.0;
/// Where the window of a number 10 envelope is, from the top of a page folded in three.
const WINDOW_TOP: f32 = 152.0;
/// The text begins below the first fold.
const TEXT_TOP: f32 = 264.0;
const SIZE: f32 = 12.0;
const HEADING_SIZE: f32 = 17.0;
const LINE: f32 = 16.0;
/// A module is then about seven dots of a fax, which cameras still read after a bad line.
const CODE_SIZE: f32 = 132.0;
/// The paragraph with the heading, after sender, window and day.
const HEADING: usize = 3;

const PLAIN: Name<'static> = Name(b"F1");
const BOLD: Name<'static> = Name(b"F2");

const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const PAGE: Ref = Ref::new(3);
const CONTENT: Ref = Ref::new(4);
const PLAIN_FONT: Ref = Ref::new(5);
const BOLD_FONT: Ref = Ref::new(6);
const INFO: Ref = Ref::new(7);
const STRUCTURE: Ref = Ref::new(8);
const DOCUMENT: Ref = Ref::new(9);
const PARENTS: Ref = Ref::new(10);
/// Elements of the structure follow, one for each paragraph.
const FIRST_ELEMENT: i32 = 11;

/// Where something begins, and how wide it may be.
struct Cursor {
    y: f32,
    width: f32,
}

/// One page. What does not fit is left out at the end: a reminder is a third of a page.
pub fn page(lang: Lang, text: &str) -> Vec<u8> {
    let paragraphs: Vec<&str> = text.split("\n\n").collect();
    let addresses = || text.split_whitespace().filter(|word| word.starts_with("http"));
    let link = addresses().find(|word| word.contains("/p/")).or_else(|| addresses().next());
    let mut content = Content::new();
    let mut at = Cursor { y: HEIGHT - MARGIN, width: WIDTH - 2.0 * MARGIN };
    for (index, paragraph) in paragraphs.iter().enumerate() {
        match index {
            1 => at.y = HEIGHT - WINDOW_TOP,
            2 => at.y = HEIGHT - TEXT_TOP,
            _ => {}
        }
        let role: &[u8] = if index == HEADING { b"H1" } else { b"P" };
        let mark = i32::try_from(index).unwrap_or(i32::MAX);
        content.begin_marked_content_with_properties(Name(role)).properties().identify(mark);
        write(&mut content, &mut at, paragraph, index == HEADING);
        content.end_marked_content();
    }
    if let Some(link) = link {
        let mark = i32::try_from(paragraphs.len()).unwrap_or(i32::MAX);
        content.begin_marked_content_with_properties(Name(b"Figure")).properties().identify(mark);
        draw_code(&mut content, link, at.y - 8.0);
        content.end_marked_content();
    }
    assemble(lang, &paragraphs, link.is_some(), content)
}

fn assemble(lang: Lang, paragraphs: &[&str], has_code: bool, content: Content) -> Vec<u8> {
    let title = Words::new(lang).t("paper-heading");
    let mut pdf = Pdf::new();
    let mut catalog = pdf.catalog(CATALOG);
    catalog.pages(PAGES).lang(TextStr(lang.code()));
    catalog.mark_info().marked(true);
    catalog.viewer_preferences().display_doc_title(true);
    catalog.pair(Name(b"StructTreeRoot"), STRUCTURE);
    catalog.finish();
    pdf.document_info(INFO).title(TextStr(title));
    pdf.pages(PAGES).kids([PAGE]).count(1);
    let mut page = pdf.page(PAGE);
    page.media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT)).parent(PAGES).contents(CONTENT);
    page.struct_parents(0);
    page.resources().fonts().pair(PLAIN, PLAIN_FONT).pair(BOLD, BOLD_FONT);
    page.finish();
    for (font, name) in [(PLAIN_FONT, &b"Helvetica"[..]), (BOLD_FONT, &b"Helvetica-Bold"[..])] {
        pdf.type1_font(font).base_font(Name(name)).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    pdf.stream(CONTENT, &content.finish());
    let count = i32::try_from(paragraphs.len() + usize::from(has_code)).unwrap_or(i32::MAX);
    let elements: Vec<Ref> = (0..count).map(|n| Ref::new(FIRST_ELEMENT + n)).collect();
    for (index, element) in elements.iter().enumerate() {
        let is_code = has_code && index == paragraphs.len();
        let mut tag = pdf.struct_element(*element);
        tag.kind(match index {
            _ if is_code => StructRole::Figure,
            HEADING => StructRole::H1,
            _ => StructRole::P,
        });
        tag.parent(DOCUMENT).page(PAGE);
        if is_code {
            tag.alt(TextStr(Words::new(lang).t("paper-online")));
        }
        let mark = i32::try_from(index).unwrap_or(i32::MAX);
        tag.children().marked_content_id(mark);
    }
    let mut document = pdf.struct_element(DOCUMENT);
    document.kind(StructRole::Document).parent(STRUCTURE);
    {
        let mut children = document.children();
        for element in &elements {
            children.struct_element(*element);
        }
    }
    document.finish();
    pdf.indirect(PARENTS).array().items(elements.iter().copied());
    let mut root = pdf.indirect(STRUCTURE).dict();
    root.pair(Name(b"Type"), Name(b"StructTreeRoot")).pair(Name(b"K"), DOCUMENT);
    let mut tree = root.insert(Name(b"ParentTree")).dict();
    let mut numbers = tree.insert(Name(b"Nums")).array();
    numbers.item(0).item(PARENTS);
    numbers.finish();
    tree.finish();
    root.finish();
    pdf.finish()
}

fn write(content: &mut Content, at: &mut Cursor, paragraph: &str, is_heading: bool) {
    let (font, size) = if is_heading { (BOLD, HEADING_SIZE) } else { (PLAIN, SIZE) };
    for line in paragraph.lines().flat_map(|line| wrapped(line, size, at.width)) {
        if at.y < MARGIN {
            return;
        }
        content.begin_text().set_font(font, size).next_line(MARGIN, at.y);
        content.show(Str(&line)).end_text();
        at.y -= LINE * (size / SIZE).max(1.0);
    }
    at.y -= LINE * 0.6;
}

/// Words of a line on as many lines as they need, in the fonts' own encoding.
fn wrapped(line: &str, size: f32, width: f32) -> Vec<Vec<u8>> {
    let fits =
        |text: &[u8]| text.iter().map(|b| advance(*b)).sum::<f32>() * size / 1_000.0 <= width;
    let mut lines = vec![Vec::new()];
    for word in line.split(' ') {
        let word = encoded(word);
        let current = lines.last_mut().expect("begins with one");
        let mut longer = current.clone();
        if !longer.is_empty() {
            longer.push(b' ');
        }
        longer.extend(&word);
        if fits(&longer) {
            *current = longer;
            continue;
        }
        if !current.is_empty() {
            lines.push(Vec::new());
        }
        // A long address is cut wherever the line ends.
        for byte in word {
            let current = lines.last_mut().expect("begins with one");
            current.push(byte);
            if !fits(current) {
                current.pop();
                lines.push(vec![byte]);
            }
        }
    }
    lines
}

/// WinAnsi is Latin-1 where we write, with typographic marks of its own.
fn encoded(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| match c {
            ' '..='~' | '\u{a0}'..='\u{ff}' => u8::try_from(u32::from(c)).unwrap_or(b'?'),
            '\u{2018}' => 0x91,
            '\u{2019}' => 0x92,
            '\u{201c}' => 0x93,
            '\u{201d}' => 0x94,
            '\u{2013}' => 0x96,
            '\u{2014}' => 0x97,
            '\u{2026}' => 0x85,
            _ => b'?',
        })
        .collect()
}

/// Widths of Helvetica from the space to the tilde, in thousandths of the size; accented letters are
/// as wide as `a` or wider ones' common 667, and the bold heading is short enough to be wrong about.
fn advance(byte: u8) -> f32 {
    const WIDTHS: [u16; 95] = [
        278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556,
        556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722,
        722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722,
        667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556,
        556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500,
        500, 334, 260, 334, 584,
    ];
    match byte {
        b' '..=b'~' => f32::from(WIDTHS[usize::from(byte - b' ')]),
        0xc0..=0xdf => 722.0,
        _ => 556.0,
    }
}

/// A square code with its quiet zone, left-aligned with its top at `top`.
fn draw_code(content: &mut Content, link: &str, top: f32) {
    let Ok(code) = QRBuilder::new(link).build() else { return };
    // The quiet zone is the page's own white.
    let module = CODE_SIZE / code.size as f32;
    if top - CODE_SIZE < MARGIN / 2.0 {
        return;
    }
    for y in 0..code.size {
        for x in 0..code.size {
            if code[y][x].value() {
                let (left, down) = (x as f32 * module, (y + 1) as f32 * module);
                content.rect(MARGIN + left, top - down, module, module);
            }
        }
    }
    content.fill_nonzero();
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Lakeside Family\n12 Harbor Street\n\nMaria Peña\n1 Elm St\n\nMar 4, 2026\n\n\
                        A message about your account\n\nAmount due: $82.00\n\n\
                        https://pay.lakeside.example/p/EXAMPLEEXAMPLEEXAMPLE1\n\nGoodbye";

    #[test]
    fn a_page_is_one_tagged_pdf_page_with_its_words_and_a_code() {
        let pdf = page(Lang::Es, TEXT);
        let text: String = pdf.iter().map(|byte| char::from(*byte)).collect();
        assert!(text.starts_with("%PDF-1.") && text.trim_end().ends_with("%%EOF"));
        for part in [
            "(Amount due: $82.00) Tj",
            "/Lang (es)",
            "/MarkInfo",
            "/S /H1",
            "/S /Figure",
            "/Count 1",
            " re",
        ] {
            assert!(text.contains(part), "{part}");
        }
        assert!(page(Lang::En, "no address").len() < pdf.len() / 2, "no address, no code");
    }

    #[test]
    fn an_address_longer_than_the_line_is_cut_and_nothing_of_it_is_lost() {
        let link = format!("https://pay.example/p/{}", "x".repeat(200));
        let lines = wrapped(&link, SIZE, WIDTH - 2.0 * MARGIN);
        assert!(lines.len() > 2);
        assert_eq!(lines.concat(), link.as_bytes());
    }

    #[test]
    fn spanish_letters_are_written_and_unknown_signs_are_marked() {
        assert_eq!(encoded("Peña ¿sí?"), b"Pe\xf1a \xbfs\xed?");
        assert_eq!(encoded("\u{1f600}"), b"?");
    }
}
