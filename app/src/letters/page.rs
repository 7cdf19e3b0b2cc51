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
const PLAIN_FONT: Ref = Ref::new(3);
const BOLD_FONT: Ref = Ref::new(4);
const INFO: Ref = Ref::new(5);
const STRUCTURE: Ref = Ref::new(6);
const DOCUMENT: Ref = Ref::new(7);
/// Three for each page follow, and then one for each part of the document.
const FIRST_FREE: i32 = 8;

/// One page under way: what is drawn on it, and which part of the document each mark belongs to.
struct Sheet {
    content: Content,
    marks: Vec<usize>,
}

impl Sheet {
    fn blank() -> Self {
        Self { content: Content::new(), marks: Vec::new() }
    }

    fn page(index: usize) -> Ref {
        Ref::new(FIRST_FREE + number(index) * 3)
    }

    fn drawn(index: usize) -> Ref {
        Ref::new(FIRST_FREE + number(index) * 3 + 1)
    }

    fn parents(index: usize) -> Ref {
        Ref::new(FIRST_FREE + number(index) * 3 + 2)
    }
}

/// A paragraph, or the code.
struct Part {
    role: StructRole,
    /// Where it stands: which page, and which mark of it.
    marks: Vec<(usize, usize)>,
}

struct Paper {
    sheets: Vec<Sheet>,
    parts: Vec<Part>,
    y: f32,
}

/// As many pages as the words need; a reminder needs one.
pub fn page(lang: Lang, text: &str) -> Vec<u8> {
    let mut paper = Paper { sheets: vec![Sheet::blank()], parts: Vec::new(), y: HEIGHT - MARGIN };
    for (index, paragraph) in text.split("\n\n").enumerate() {
        match index {
            1 => paper.y = HEIGHT - WINDOW_TOP,
            2 => paper.y = HEIGHT - TEXT_TOP,
            _ => {}
        }
        paper.write(paragraph, index == HEADING);
    }
    let addresses = || text.split_whitespace().filter(|word| word.starts_with("http"));
    let link = addresses().find(|word| word.contains("/p/")).or_else(|| addresses().next());
    if let Some(link) = link {
        paper.draw_code(link);
    }
    paper.assemble(lang)
}

impl Paper {
    fn sheet(&mut self) -> &mut Sheet {
        self.sheets.last_mut().expect("begins with one")
    }

    fn begin_sheet(&mut self) {
        self.sheets.push(Sheet::blank());
        self.y = HEIGHT - MARGIN;
    }

    /// What is drawn from here to [`Self::end`] belongs to the newest part.
    fn begin(&mut self, tag: &[u8]) {
        let (at, part) = (self.sheets.len() - 1, self.parts.len() - 1);
        let sheet = self.sheet();
        let mark = sheet.marks.len();
        sheet.marks.push(part);
        let tagged = Name(tag);
        sheet
            .content
            .begin_marked_content_with_properties(tagged)
            .properties()
            .identify(number(mark));
        self.parts[part].marks.push((at, mark));
    }

    fn end(&mut self) {
        self.sheet().content.end_marked_content();
    }

    fn write(&mut self, paragraph: &str, is_heading: bool) {
        let (font, size, role, tag) = if is_heading {
            (BOLD, HEADING_SIZE, StructRole::H1, &b"H1"[..])
        } else {
            (PLAIN, SIZE, StructRole::P, &b"P"[..])
        };
        let advance = LINE * (size / SIZE).max(1.0);
        let width = WIDTH - 2.0 * MARGIN;
        self.parts.push(Part { role, marks: Vec::new() });
        self.begin(tag);
        for line in paragraph.lines().flat_map(|line| wrapped(line, size, width)) {
            if self.y < MARGIN {
                self.end();
                self.begin_sheet();
                self.begin(tag);
            }
            let y = self.y;
            let content = &mut self.sheet().content;
            content.begin_text().set_font(font, size).next_line(MARGIN, y);
            content.show(Str(&line)).end_text();
            self.y -= advance;
        }
        self.end();
        self.y -= LINE * 0.6;
    }

    /// A square code, left-aligned; its quiet zone is the page's own white.
    fn draw_code(&mut self, link: &str) {
        let Ok(code) = QRBuilder::new(link).build() else { return };
        if self.y - CODE_SIZE < MARGIN / 2.0 {
            self.begin_sheet();
        }
        self.parts.push(Part { role: StructRole::Figure, marks: Vec::new() });
        self.begin(b"Figure");
        let top = self.y;
        let module = CODE_SIZE / code.size as f32;
        let content = &mut self.sheet().content;
        for y in 0..code.size {
            for x in 0..code.size {
                if code[y][x].value() {
                    let (left, down) = (x as f32 * module, (y + 1) as f32 * module);
                    content.rect(MARGIN + left, top - down, module, module);
                }
            }
        }
        content.fill_nonzero();
        self.end();
    }

    fn assemble(self, lang: Lang) -> Vec<u8> {
        let Self { sheets, parts, .. } = self;
        let w = Words::new(lang);
        let mut pdf = Pdf::new();
        let mut catalog = pdf.catalog(CATALOG);
        catalog.pages(PAGES).lang(TextStr(lang.code()));
        catalog.mark_info().marked(true);
        catalog.viewer_preferences().display_doc_title(true);
        catalog.pair(Name(b"StructTreeRoot"), STRUCTURE);
        catalog.finish();
        pdf.document_info(INFO).title(TextStr(w.t("paper-heading")));
        pdf.pages(PAGES).kids((0..sheets.len()).map(Sheet::page)).count(number(sheets.len()));
        for (font, name) in [(PLAIN_FONT, &b"Helvetica"[..]), (BOLD_FONT, &b"Helvetica-Bold"[..])] {
            let mut font = pdf.type1_font(font);
            font.base_font(Name(name)).encoding_predefined(Name(b"WinAnsiEncoding"));
        }
        let element = |part: usize| Ref::new(FIRST_FREE + number(sheets.len() * 3 + part));
        let marks: Vec<Vec<Ref>> = sheets
            .iter()
            .map(|sheet| sheet.marks.iter().map(|part| element(*part)).collect())
            .collect();
        let elements: Vec<Ref> = (0..parts.len()).map(element).collect();
        for (index, sheet) in sheets.into_iter().enumerate() {
            let mut page = pdf.page(Sheet::page(index));
            page.media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT)).parent(PAGES);
            page.contents(Sheet::drawn(index)).struct_parents(number(index));
            page.resources().fonts().pair(PLAIN, PLAIN_FONT).pair(BOLD, BOLD_FONT);
            page.finish();
            pdf.stream(Sheet::drawn(index), &sheet.content.finish());
            pdf.indirect(Sheet::parents(index)).array().items(marks[index].iter().copied());
        }
        tag(&mut pdf, w, &parts, &elements, marks.len());
        pdf.finish()
    }
}

/// The tree that a screen reader reads, in the order of the words.
fn tag(pdf: &mut Pdf, w: Words, parts: &[Part], elements: &[Ref], pages: usize) {
    for (part, id) in parts.iter().zip(elements) {
        let mut element = pdf.struct_element(*id);
        element.kind(part.role).parent(DOCUMENT);
        if part.role == StructRole::Figure {
            element.alt(TextStr(w.t("mail-picture")));
        }
        let mut children = element.children();
        for (page, mark) in &part.marks {
            let mut place = children.marked_content_ref();
            place.page(Sheet::page(*page)).marked_content_id(number(*mark));
        }
    }
    let mut document = pdf.struct_element(DOCUMENT);
    document.kind(StructRole::Document).parent(STRUCTURE);
    let mut children = document.children();
    for element in elements {
        children.struct_element(*element);
    }
    children.finish();
    document.finish();
    let mut root = pdf.indirect(STRUCTURE).dict();
    root.pair(Name(b"Type"), Name(b"StructTreeRoot")).pair(Name(b"K"), DOCUMENT);
    let mut tree = root.insert(Name(b"ParentTree")).dict();
    let mut numbers = tree.insert(Name(b"Nums")).array();
    for index in 0..pages {
        numbers.item(number(index)).item(Sheet::parents(index));
    }
    numbers.finish();
    tree.finish();
    root.finish();
}

/// As PDF counts. No letter has two thousand million of anything.
fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
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
    fn a_long_letter_goes_on_overleaf_and_nothing_of_it_is_lost() {
        let long: Vec<String> = (0..60).map(|n| format!("Paragraph {n}.")).collect();
        let pdf = page(Lang::En, &format!("{TEXT}\n\n{}\n\nThe last word", long.join("\n\n")));
        let text: String = pdf.iter().map(|byte| char::from(*byte)).collect();
        for n in 0..60 {
            assert!(text.contains(&format!("(Paragraph {n}.) Tj")), "{n}");
        }
        assert!(text.contains("(The last word) Tj"));
        let count = text.split("/Count ").nth(1).and_then(|rest| rest.split_whitespace().next());
        assert_eq!(count, Some("4"), "pages");
        assert!(text.contains("/S /Figure"), "the code is not left out");
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
