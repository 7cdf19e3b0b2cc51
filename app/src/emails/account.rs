//! Messages about a patient's own login. None of them says whether there is a bill.

use super::{Block, Email, Parts, Sender};
use crate::words::Lang;

/// The account is made; the address still has to be confirmed.
#[derive(Clone, Debug)]
pub struct Welcome {
    pub lang: Lang,
    pub sender: Sender,
    pub link: String,
}

impl Email for Welcome {
    fn lang(&self) -> Lang {
        self.lang
    }

    fn sender(&self) -> &Sender {
        &self.sender
    }

    fn subject(&self) -> String {
        let alias = self.sender.alias.as_str();
        self.words().with("mail-welcome-subject", &[("alias", alias.into())])
    }

    fn blocks(&self) -> Parts {
        let w = self.words();
        Parts(vec![
            Block::Paragraph(w.t("mail-welcome-what").to_owned()),
            Block::Action(w.t("mail-confirm-action").to_owned(), self.link.clone()),
            Block::Paragraph(w.t("mail-not-you").to_owned()),
        ])
    }
}

/// Somebody tried to create an account with an address that has one. The page said nothing of it.
#[derive(Clone, Debug)]
pub struct AccountExists {
    pub lang: Lang,
    pub sender: Sender,
    pub sign_in: String,
    pub reset: String,
}

impl Email for AccountExists {
    fn lang(&self) -> Lang {
        self.lang
    }

    fn sender(&self) -> &Sender {
        &self.sender
    }

    fn subject(&self) -> String {
        let alias = self.sender.alias.as_str();
        self.words().with("mail-exists-subject", &[("alias", alias.into())])
    }

    fn blocks(&self) -> Parts {
        let w = self.words();
        Parts(vec![
            Block::Paragraph(w.t("mail-exists-what").to_owned()),
            Block::Action(w.t("sign-in").to_owned(), self.sign_in.clone()),
            Block::Action(w.t("mail-reset-action").to_owned(), self.reset.clone()),
        ])
    }
}

/// An address to be confirmed.
#[derive(Clone, Debug)]
pub struct ConfirmEmail {
    pub lang: Lang,
    pub sender: Sender,
    pub link: String,
}

impl Email for ConfirmEmail {
    fn lang(&self) -> Lang {
        self.lang
    }

    fn sender(&self) -> &Sender {
        &self.sender
    }

    fn subject(&self) -> String {
        let alias = self.sender.alias.as_str();
        self.words().with("mail-confirm-subject", &[("alias", alias.into())])
    }

    fn blocks(&self) -> Parts {
        let w = self.words();
        Parts(vec![
            Block::Paragraph(w.t("mail-confirm-what").to_owned()),
            Block::Action(w.t("mail-confirm-action").to_owned(), self.link.clone()),
            Block::Paragraph(w.t("mail-not-you").to_owned()),
        ])
    }
}

/// The link to choose a new password.
#[derive(Clone, Debug)]
pub struct PasswordReset {
    pub lang: Lang,
    pub sender: Sender,
    pub link: String,
}

impl Email for PasswordReset {
    fn lang(&self) -> Lang {
        self.lang
    }

    fn sender(&self) -> &Sender {
        &self.sender
    }

    fn subject(&self) -> String {
        let alias = self.sender.alias.as_str();
        self.words().with("mail-reset-subject", &[("alias", alias.into())])
    }

    fn blocks(&self) -> Parts {
        let w = self.words();
        Parts(vec![
            Block::Paragraph(w.t("mail-reset-what").to_owned()),
            Block::Action(w.t("mail-reset-action").to_owned(), self.link.clone()),
            Block::Paragraph(w.t("mail-not-you-password").to_owned()),
        ])
    }
}

/// After a password was changed, to the address that may have to object.
#[derive(Clone, Debug)]
pub struct PasswordChanged {
    pub lang: Lang,
    pub sender: Sender,
}

impl Email for PasswordChanged {
    fn lang(&self) -> Lang {
        self.lang
    }

    fn sender(&self) -> &Sender {
        &self.sender
    }

    fn subject(&self) -> String {
        let alias = self.sender.alias.as_str();
        self.words().with("mail-changed-subject", &[("alias", alias.into())])
    }

    fn blocks(&self) -> Parts {
        let w = self.words();
        Parts(vec![
            Block::Paragraph(w.t("mail-changed-what").to_owned()),
            Block::Paragraph(
                w.with("mail-object", &[("phone", self.sender.phone.as_str().into())]),
            ),
        ])
    }
}

/// To the old contact after a phone or an email was changed.
#[derive(Clone, Debug)]
pub struct ContactChanged {
    pub lang: Lang,
    pub sender: Sender,
}

impl Email for ContactChanged {
    fn lang(&self) -> Lang {
        self.lang
    }

    fn sender(&self) -> &Sender {
        &self.sender
    }

    fn subject(&self) -> String {
        let alias = self.sender.alias.as_str();
        self.words().with("mail-contact-subject", &[("alias", alias.into())])
    }

    fn blocks(&self) -> Parts {
        let w = self.words();
        Parts(vec![
            Block::Paragraph(w.t("mail-contact-what").to_owned()),
            Block::Paragraph(
                w.with("mail-object", &[("phone", self.sender.phone.as_str().into())]),
            ),
        ])
    }
}
