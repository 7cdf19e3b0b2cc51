//! The pay link somebody asked for on the page of a link that no longer works.

use super::{Block, Email, Parts, Sender};
use crate::words::Lang;

#[derive(Clone, Debug)]
pub struct NewLink {
    pub lang: Lang,
    pub sender: Sender,
    pub link: String,
}

impl Email for NewLink {
    fn lang(&self) -> Lang {
        self.lang
    }

    fn sender(&self) -> &Sender {
        &self.sender
    }

    fn subject(&self) -> String {
        let alias = self.sender.alias.as_str();
        self.words().with("mail-new-link-subject", &[("alias", alias.into())])
    }

    fn blocks(&self) -> Parts {
        let w = self.words();
        Parts(vec![
            Block::Paragraph(w.t("mail-new-link-what").to_owned()),
            Block::Action(w.t("mail-reminder-action").to_owned(), self.link.clone()),
            Block::Paragraph(w.t("mail-not-you").to_owned()),
        ])
    }
}
