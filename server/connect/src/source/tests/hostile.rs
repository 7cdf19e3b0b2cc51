//! R58: files that attack. Each row of the table is one hostile row between two good ones.

use super::*;

const AS_OF: Date = date(2026, 3, 4);
const HEADER: &str = "patient_id,patient_name,patient_dob,claim_id,claim_status,line_id,service_on,charged,patient_due,insurance_state,phone,email,zip\n";

fn row(id: u32) -> String {
    format!("p{id},Ann Chen,1980-01-01,c{id},ready,1,2026-01-05,10.00,4.00,finished,,,\n")
}

fn with_row_between(hostile: &[u8]) -> Heard {
    let folder = tempfile::tempdir().unwrap();
    let text = [HEADER.as_bytes(), row(1).as_bytes(), hostile, row(2).as_bytes()].concat();
    let path = file(folder.path(), "book.csv", text);
    hear(&path, Format::Clearbill, &options(AS_OF)).unwrap()
}

#[test]
fn a_hostile_row_is_refused_with_its_line_and_its_neighbours_stand() {
    use RefusalReason::*;
    let long_name = "x".repeat(70_000);
    let many = ",".repeat(1_000_000);
    let cells = |edit: &dyn Fn(&mut Vec<String>)| {
        let mut cells: Vec<String> = row(9).trim_end().split(',').map(str::to_owned).collect();
        edit(&mut cells);
        (cells.join(",") + "\n").into_bytes()
    };
    let set = |at: usize, text: &str| cells(&|c: &mut Vec<String>| c[at] = text.to_owned());
    let table: Vec<(&str, Vec<u8>, &str, RefusalReason)> = vec![
        ("a row of 70 KB", set(1, &long_name), "", RowTooLong),
        ("a million columns", set(12, &many), "", TooManyColumns),
        ("one column too many", set(12, "12345,"), "", TooManyColumns),
        ("a column too few", cells(&|c| drop(c.pop())), "", TooFewColumns),
        ("no value", set(0, ""), "patient_id", Missing),
        ("only spaces", set(1, "   "), "patient_name", Missing),
        ("Latin-1", [b"p9,Jos\xe9".as_slice(), &set(0, "")[8..]].concat(), "", NotText),
        ("a NUL", set(1, "Ann\0Chen"), "patient_name", HiddenCharacter),
        ("a bell", set(1, "Ann\u{7}Chen"), "patient_name", HiddenCharacter),
        ("text that runs backwards", set(1, "Ann\u{202e}Chen"), "patient_name", HiddenCharacter),
        ("a zero-width space", set(0, "p\u{200b}9"), "patient_id", HiddenCharacter),
        ("an id over two lines", set(0, "\"p\n9\""), "patient_id", HiddenCharacter),
        ("an endless id", set(3, &"c".repeat(101)), "claim_id", TooLong),
        ("an endless name", set(1, &"n".repeat(201)), "patient_name", TooLong),
        ("a child from the future", set(2, "2026-03-05"), "patient_dob", DateInFuture),
        ("a visit tomorrow", set(6, "2026-03-05"), "service_on", DateInFuture),
        ("the year 1", set(2, "0001-01-01"), "patient_dob", DateTooEarly),
        ("February 30", set(6, "2026-02-30"), "service_on", NotADate),
        ("an American date", set(6, "3/4/2026"), "service_on", NotADate),
        ("a date in wide digits", set(6, "２０２６-01-05"), "service_on", NotADate),
        ("a float", set(8, "4e2"), "patient_due", NotAnAmount),
        ("NaN", set(8, "NaN"), "patient_due", NotAnAmount),
        ("infinity", set(7, "inf"), "charged", NotAnAmount),
        ("more money than there is", set(8, "99999999999"), "patient_due", AmountTooLarge),
        ("dollars", set(8, "$4.00"), "patient_due", NotAnAmount),
        ("a formula", set(8, "=1+1"), "patient_due", NotAnAmount),
        ("an unknown status", set(4, "maybe"), "claim_status", NotAChoice),
        ("an unknown insurer state", set(9, "yes"), "insurance_state", NotAChoice),
        ("a phone abroad", set(10, "+44 20 7946 0000"), "phone", NotAPhone),
        ("a phone with an extension", set(10, "212 555 0123 x9"), "phone", NotAPhone),
        (
            "a smuggled header",
            set(11, "\"a@example.org\nBcc: b@example.org\""),
            "email",
            NotAnEmail,
        ),
        ("half a ZIP", set(12, "0208"), "zip", NotAZip),
    ];
    for (what, hostile, column, reason) in table {
        let heard = with_row_between(&hostile);
        let (line, at, why) = heard.reasons()[0].clone();
        assert_eq!((heard.refused.len(), line), (1, 3), "{what}");
        assert_eq!(why, reason, "{what}");
        assert!(column.is_empty() || at == column, "{what}: {at}");
        assert_eq!(heard.claims().len(), 2, "{what}");
        assert_eq!((heard.tally.rows, heard.tally.refused), (3, 1), "{what}");
        let report = heard.refused[0].to_string();
        assert!(!report.contains("Ann") && !report.contains("xxxx"), "{what}: {report}");
    }
}

#[test]
fn a_quotation_mark_that_is_never_closed_costs_the_rest_and_says_so() {
    let rest: String = (10..3_000).map(row).collect();
    let heard = with_row_between(format!("p9,\"Ann,{rest}").as_bytes());
    assert_eq!(heard.reasons(), [(3, String::new(), RefusalReason::RowTooLong)]);
    assert_eq!(heard.claims().len(), 1);
}

#[test]
fn a_line_of_two_hundred_megabytes_is_one_refused_row() {
    struct Endless {
        head: Vec<u8>,
        left: u64,
        tail: Vec<u8>,
    }
    impl std::io::Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if !self.head.is_empty() {
                let n = self.head.len().min(buffer.len());
                buffer[..n].copy_from_slice(&self.head[..n]);
                self.head.drain(..n);
                return Ok(n);
            }
            if self.left > 0 {
                let n = buffer.len().min(self.left as usize);
                buffer[..n].fill(b'x');
                self.left -= n as u64;
                return Ok(n);
            }
            let n = self.tail.len().min(buffer.len());
            buffer[..n].copy_from_slice(&self.tail[..n]);
            self.tail.drain(..n);
            Ok(n)
        }
    }
    let mut endless =
        Endless { head: b"a,b\n1,2\n".to_vec(), left: 200 << 20, tail: b"\n3,4".to_vec() };
    let (mut rows, _) = rows::Rows::open("x.csv", &mut endless).unwrap();
    let mut seen = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        seen.push((row.line, row.whole));
    }
    assert_eq!(seen, [(2, None), (3, Some(RefusalReason::RowTooLong)), (4, None)]);
}

#[test]
fn line_numbers_are_those_of_an_editor() {
    let folder = tempfile::tempdir().unwrap();
    for end in ["\n", "\r\n"] {
        let text = [HEADER, "\n,,,,,,,,,,,,\n", &row(1), "\n\n", "bad\n", &row(2)].concat();
        let path = file(folder.path(), "book.csv", text.replace('\n', end));
        let heard = hear(&path, Format::Clearbill, &options(AS_OF)).unwrap();
        assert_eq!(heard.reasons(), [(7, String::new(), RefusalReason::TooFewColumns)]);
        assert_eq!(heard.said.iter().map(|said| said.line).collect::<Vec<_>>(), [4, 4, 8, 8]);
    }
}

#[test]
fn a_header_of_a_million_columns_or_in_utf16_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let fault = |bytes: &[u8]| {
        let path = file(folder.path(), "book.csv", bytes);
        hear(&path, Format::Clearbill, &options(AS_OF)).unwrap_err()
    };
    assert!(matches!(fault(",".repeat(1_000_000).as_bytes()), SourceError::TooManyColumns { .. }));
    assert!(matches!(fault(b"\xff\xfep\0a\0"), SourceError::NotUtf8 { .. }));
    assert!(matches!(fault(b"pat\xffient\n"), SourceError::NotUtf8 { .. }));
}

#[test]
fn a_zip_bomb_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.zip");
    zip_of(&path, &[("book.csv", &vec![b'0'; 64 << 20])]);
    let error = hear(&path, Format::Clearbill, &options(AS_OF)).unwrap_err();
    assert!(matches!(error, SourceError::ZipBomb { .. }), "{error}");

    // The same with a directory that lies about the size.
    let mut bytes = fs::read(&path).unwrap();
    let directory = bytes.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
    bytes[directory + 24..directory + 28].copy_from_slice(&(1u32 << 19).to_le_bytes());
    fs::write(&path, bytes).unwrap();
    let error = hear(&path, Format::Clearbill, &options(AS_OF)).unwrap_err();
    assert!(
        matches!(error, SourceError::ZipBomb { .. } | SourceError::Unreadable { .. }),
        "{error}"
    );
}

#[test]
fn a_zip_that_is_broken_crowded_or_ambiguous_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.zip");
    let good = [HEADER, &row(1)].concat();
    zip_of(&path, &[("a/book.csv", good.as_bytes()), ("__MACOSX/a/._book.csv", b"x")]);
    assert_eq!(hear(&path, Format::Clearbill, &options(AS_OF)).unwrap().claims().len(), 1);
    assert_eq!(detect(&Input::open(&path).unwrap()).unwrap(), Format::Clearbill);

    zip_of(&path, &[("a.csv", good.as_bytes()), ("b.csv", b"x")]);
    let error = hear(&path, Format::Clearbill, &options(AS_OF)).unwrap_err();
    assert!(matches!(error, SourceError::NotOneFile));

    let files = [("patients.csv", good.as_bytes()), ("x/Patients.csv", b"x".as_slice())];
    zip_of(&path, &files);
    let error = Input::open(&path).unwrap().has("patients.csv").unwrap_err();
    assert!(matches!(error, SourceError::FileTwice { .. }));

    let names: Vec<String> = (0..2_001).map(|i| format!("{i}.txt")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|n| (n.as_str(), b"".as_slice())).collect();
    zip_of(&path, &files);
    let error = hear(&path, Format::Clearbill, &options(AS_OF)).unwrap_err();
    assert!(matches!(error, SourceError::ZipTooManyFiles));

    file(folder.path(), "book.zip", b"PK\x03\x04 and nothing more");
    let error = hear(&path, Format::Clearbill, &options(AS_OF)).unwrap_err();
    assert!(matches!(error, SourceError::ZipUnreadable));
}

#[test]
fn whoever_listens_can_stop() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = [HEADER.to_owned()].into_iter().chain((1..9).map(row)).collect();
    let path = file(folder.path(), "book.csv", text);
    let mut heard = 0;
    let mut say = |_| {
        heard += 1;
        if heard == 3 { Err(Stop) } else { Ok(()) }
    };
    let mut progress = |_| {};
    let mut sink = Sink::new(&mut say, &mut progress);
    let input = Input::open(&path).unwrap();
    let stopped = read(&input, Format::Clearbill, &options(AS_OF), &mut sink);
    assert!(matches!(stopped, Err(SourceError::Stopped)));
    assert_eq!(heard, 3);
}
