//! A message on a page, for a fax: who writes, the window for the address, the practice's words, how to
//! check that it is real, and how to get no more of them. Plain paragraphs, so that what is approved is
//! what is faxed.

use domain::template::Paragraph;
use jiff::civil::Date;

use super::Address;
use crate::{
    when,
    words::{Lang, Words},
};

#[derive(Clone, Debug)]
pub struct Paper {
    pub lang: Lang,
    pub alias: String,
    pub phone: String,
    pub from: Address,
    pub to: Address,
    pub written_on: Date,
    pub paragraphs: Vec<Paragraph>,
    /// Where a page's code is typed, and the code.
    pub check_at: String,
    pub check_code: String,
}

impl Paper {
    /// Paragraphs with a blank line between; the first is the sender, the second the window.
    pub fn text(&self) -> String {
        let w = Words::new(self.lang);
        let with_phone = |key| w.with(key, &[("phone", self.phone.as_str().into())]);
        let sender: Vec<&str> = std::iter::once(self.alias.as_str())
            .chain(self.from.lines.iter().map(String::as_str))
            .chain([self.phone.as_str()])
            .filter(|line| !line.trim().is_empty())
            .collect();
        let check = w.with(
            "paper-check",
            &[
                ("address", self.check_at.as_str().into()),
                ("code", self.check_code.as_str().into()),
            ],
        );
        let frame = [
            sender.join("\n"),
            self.to.lines.join("\n"),
            when::day(w, self.written_on),
            w.t("paper-heading").to_owned(),
        ];
        let foot = [check, with_phone("paper-stop"), with_phone("paper-wrong")];
        let said = self.paragraphs.iter().map(|paragraph| paragraph.text().to_owned());
        let all = frame.into_iter().chain(said).chain(foot);
        all.filter(|paragraph| !paragraph.is_empty()).collect::<Vec<_>>().join("\n\n")
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn paper(lang: Lang) -> Paper {
        Paper {
            lang,
            alias: "Lakeside Family".into(),
            phone: "(212) 555-0142".into(),
            from: Address { lines: vec!["12 Harbor Street".into(), "New York, NY 10004".into()] },
            to: Address { lines: vec!["Maria Peña".into(), "1 Elm St".into()] },
            written_on: date(2026, 3, 4),
            paragraphs: vec![
                Paragraph::Words("You have a balance of $82.00.".into()),
                Paragraph::Link("https://pay.lakeside.example/p/EXAMPLEEXAMPLEEXAMPLE1".into()),
            ],
            check_at: "https://pay.lakeside.example/check-message".into(),
            check_code: "ABCD EFGH".into(),
        }
    }

    #[test]
    fn a_page_has_the_practices_words_and_says_how_to_check_it_and_how_to_get_no_more() {
        for lang in Lang::ALL {
            let text = paper(lang).text();
            let paragraphs: Vec<&str> = text.split("\n\n").collect();
            assert_eq!(paragraphs[1], "Maria Peña\n1 Elm St", "the window");
            assert_eq!(paragraphs[4], "You have a balance of $82.00.");
            assert!(paragraphs[5].contains("/p/EXAMPLE"));
            assert!(paragraphs[6].contains("ABCD EFGH"));
            let ways_out = paragraphs[7..].iter().filter(|p| p.contains("(212) 555-0142"));
            assert_eq!(ways_out.count(), 2, "no more of them, and a wrong address: {text}");
        }
    }
}
