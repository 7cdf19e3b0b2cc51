//! A one-time code.

use super::{Block, Email, Parts, Sender};
use crate::words::Lang;

#[derive(Clone, Debug)]
pub struct Code {
    pub lang: Lang,
    pub sender: Sender,
    pub code: String,
}

impl Email for Code {
    fn lang(&self) -> Lang {
        self.lang
    }

    fn sender(&self) -> &Sender {
        &self.sender
    }

    /// Without the code: subjects show on locked screens.
    fn subject(&self) -> String {
        let alias = self.sender.alias.as_str();
        self.words().with("mail-code-subject", &[("alias", alias.into())])
    }

    fn blocks(&self) -> Parts {
        let w = self.words();
        Parts(vec![
            Block::Paragraph(w.t("mail-code-what").to_owned()),
            Block::Code(self.code.clone()),
            Block::Paragraph(w.t("mail-code-not-you").to_owned()),
        ])
    }
}
