//! The tree as the rules see it: each Rust file split into code, strings and comments, with the parts
//! that only tests compile taken out on request.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

/// Folders that are not ours to judge.
const SKIPPED_FOLDERS: [&str; 5] = [".git", "target", "node_modules", "clearbill-data", "fixtures"];

/// One thing to mend.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    pub file: String,
    pub line: usize,
    pub why: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {}:{}: {}", self.file, self.line, self.why)
    }
}

/// A text literal and where it starts.
#[derive(Debug)]
pub struct Literal {
    pub text: String,
    pub offset: usize,
}

/// A Rust file. `code` has the length and the lines of the file, with comments and the contents of
/// literals blanked.
pub struct Source {
    pub file: String,
    pub code: String,
    pub literals: Vec<Literal>,
    /// Byte ranges that only tests compile.
    test_ranges: Vec<(usize, usize)>,
}

pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("end2end stands in the workspace").to_owned()
}

/// Every file under `folder` (relative to the root), as relative paths with forward slashes.
pub fn files_under(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(directory) = open.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                if !SKIPPED_FOLDERS.contains(&name.as_str()) {
                    open.push(path);
                }
            } else if let Ok(relative) = path.strip_prefix(root()) {
                found.push(relative.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

/// The Rust files under `folder` that belong to the product: no integration tests, no build scripts.
pub fn product(folder: &str) -> Vec<Source> {
    rust(folder).into_iter().filter(|s| !s.is_test_file()).collect()
}

/// All Rust files under `folder`.
pub fn rust(folder: &str) -> Vec<Source> {
    files_under(folder)
        .into_iter()
        .filter(|f| f.ends_with(".rs"))
        .map(|file| {
            let text = read(&file);
            Source::parse(file, &text)
        })
        .collect()
}

pub fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

impl Source {
    pub fn parse(file: String, text: &str) -> Self {
        let (code, literals) = split(text);
        let test_ranges = test_ranges(&code);
        Self { file, code, literals, test_ranges }
    }

    fn is_test_file(&self) -> bool {
        let parts: Vec<&str> = self.file.split('/').collect();
        let stem = parts.last().map_or("", |name| name.trim_end_matches(".rs"));
        parts.contains(&"tests")
            || parts.contains(&"benches")
            || stem == "tests"
            || stem.ends_with("_test")
            || stem.ends_with("_tests")
            || stem == "build"
    }

    pub fn in_test(&self, offset: usize) -> bool {
        self.test_ranges.iter().any(|&(from, to)| (from..to).contains(&offset))
    }

    pub fn finding(&self, offset: usize, why: impl Into<String>) -> Finding {
        let line = self.code[..offset].bytes().filter(|&b| b == b'\n').count() + 1;
        Finding { file: self.file.clone(), line, why: why.into() }
    }

    /// Where product code names `word`: a whole identifier, or any text with other signs in it.
    pub fn mentions(&self, word: &str) -> Vec<usize> {
        positions(&self.code, word).into_iter().filter(|&at| !self.in_test(at)).collect()
    }

    /// What holds the text at `offset`: `function`, `CONSTANT`, or `function::CONSTANT`.
    pub fn item_at(&self, offset: usize) -> String {
        let function = self.last_before(offset, "fn ");
        let constant = self.last_before(offset, "const ").max(self.last_before(offset, "static "));
        match (function, constant) {
            (Some((f, function)), Some((c, constant))) if c > f && self.is_indented(c) => {
                format!("{function}::{constant}")
            }
            (Some((f, _)), Some((c, constant))) if c > f => constant,
            (Some((_, function)), _) => function,
            (None, Some((_, constant))) => constant,
            (None, None) => String::new(),
        }
    }

    fn last_before(&self, offset: usize, keyword: &str) -> Option<(usize, String)> {
        let at = positions(&self.code[..offset], keyword).into_iter().next_back()?;
        let name = self.code[at + keyword.len()..].chars().take_while(|&c| is_word(c)).collect();
        Some((at, name))
    }

    fn is_indented(&self, offset: usize) -> bool {
        let line = self.code[..offset].rfind('\n').map_or(0, |n| n + 1);
        self.code[line..].starts_with(' ')
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where `word` stands in `text` as a word of its own.
pub fn positions(text: &str, word: &str) -> Vec<usize> {
    let starts_open = !word.starts_with(is_word);
    let ends_open = !word.ends_with(is_word);
    text.match_indices(word)
        .filter(|&(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + word.len()..].chars().next();
            (starts_open || !before.is_some_and(is_word))
                && (ends_open || !after.is_some_and(is_word))
        })
        .map(|(at, _)| at)
        .collect()
}

/// Blanks comments and the contents of literals, keeping every line where it was.
fn split(text: &str) -> (String, Vec<Literal>) {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut literals = Vec::new();
    let mut blank = |from: usize, to: usize| {
        for byte in &mut code[from..to] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    };
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let end = if rest.starts_with(b"//") {
            let end = text[at..].find('\n').map_or(bytes.len(), |n| at + n);
            blank(at, end);
            end
        } else if rest.starts_with(b"/*") {
            let end = block_comment_end(bytes, at);
            blank(at, end);
            end
        } else if let Some((open, close)) = literal_at(text, at) {
            literals.push(Literal { text: text[open..close].to_owned(), offset: open });
            blank(open, close);
            close + 1
        } else if rest[0] == b'\'' {
            char_end(text, at)
        } else {
            at + 1
        };
        at = end;
    }
    // Only whole characters were blanked, byte for byte.
    (String::from_utf8(code).expect("blanks are ASCII"), literals)
}

fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0;
    let mut at = start;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// The range inside the quotes, if a text literal starts at `at`: plain, raw, byte or C.
fn literal_at(text: &str, at: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    if at > 0 && is_word(char::from(bytes[at - 1])) {
        return None;
    }
    let mut quote = at;
    while quote < at + 2 && matches!(bytes.get(quote), Some(b'b' | b'c')) {
        quote += 1;
    }
    if bytes.get(quote) == Some(&b'r') {
        let hashes = bytes[quote + 1..].iter().take_while(|&&b| b == b'#').count();
        let open = quote + 1 + hashes;
        if bytes.get(open) == Some(&b'"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let length = text[open + 1..].find(&close)?;
            return Some((open + 1, open + 1 + length));
        }
        return None;
    }
    if bytes.get(quote) != Some(&b'"') {
        return None;
    }
    let mut end = quote + 1;
    while end < bytes.len() && bytes[end] != b'"' {
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    Some((quote + 1, end.min(bytes.len())))
}

/// The end of a character literal, or one past the quote of a lifetime.
fn char_end(text: &str, at: usize) -> usize {
    let rest = &text[at + 1..];
    if rest.starts_with('\\') {
        return rest[2..].find('\'').map_or(text.len(), |n| at + 3 + n + 1);
    }
    let mut chars = rest.char_indices();
    match (chars.next(), chars.next()) {
        (Some(_), Some((second, '\''))) => at + 1 + second + 1,
        _ => at + 1,
    }
}

/// The bodies of items under `#[cfg(test)]`.
fn test_ranges(code: &str) -> Vec<(usize, usize)> {
    positions(code, "#[cfg(test)]")
        .into_iter()
        .map(|start| {
            let body = code[start..].find(['{', ';']).map_or(code.len(), |n| start + n);
            (start, if code[body..].starts_with('{') { closing_brace(code, body) } else { body })
        })
        .collect()
}

fn closing_brace(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

#[test]
fn a_word_in_a_comment_or_a_text_is_not_code() {
    let text =
        "// sqlx here\nlet a = \"sqlx \\\" there\"; /* sqlx /* nested */ */ let c = '\"'; sqlx();";
    let source = Source::parse("a.rs".to_owned(), text);
    assert_eq!(source.mentions("sqlx"), vec![text.rfind("sqlx").unwrap()]);
    assert_eq!(source.literals.len(), 1);
    assert_eq!(source.literals[0].text, "sqlx \\\" there");
}

#[test]
fn raw_texts_and_lifetimes_do_not_confuse_the_reader() {
    let text = "fn f<'a>(x: &'a str) { g(r#\"a \"quoted\" word\"#, b\"bytes\", '\\'', 'é'); h() }";
    let source = Source::parse("a.rs".to_owned(), text);
    let found: Vec<&str> = source.literals.iter().map(|l| l.text.as_str()).collect();
    assert_eq!(found, vec!["a \"quoted\" word", "bytes"]);
    assert_eq!(source.mentions("h").len(), 1);
}

#[test]
fn what_only_tests_compile_is_not_the_product() {
    let text = "fn a() { x() }\n#[cfg(test)]\nmod tests { fn b() { x() } }\nfn c() { x() }";
    let source = Source::parse("a.rs".to_owned(), text);
    assert_eq!(source.mentions("x").len(), 2);
    assert_eq!(source.item_at(text.rfind('x').unwrap()), "c");
}
