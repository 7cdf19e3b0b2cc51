//! A reminder of a balance, by email. The amount and the first name are practice switches.

use domain::money::Cents;

use super::{Block, Email, Parts, Sender};
use crate::{
    wording::{Filling, Wording},
    words::Lang,
};

/// How far the reminders have come; the tone follows (S-TP6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    #[default]
    First,
    Again,
    /// Before the practice decides what comes next. States no threat.
    Final,
}

#[derive(Clone, Debug)]
pub struct Reminder {
    pub lang: Lang,
    pub sender: Sender,
    pub first_name: Option<String>,
    pub amount: Option<Cents>,
    pub link: String,
    pub stage: Stage,
    /// A part was paid lately: say thank you first (S-TP7).
    pub thanks_for_part: bool,
    /// The practice's own wording, in place of ours.
    pub wording: Option<Wording>,
    /// Eight characters, and the page that says whether a message with them is ours (MS1).
    pub check_code: String,
    pub check_at: String,
    pub unsubscribe: String,
}

impl Email for Reminder {
    fn lang(&self) -> Lang {
        self.lang
    }

    fn sender(&self) -> &Sender {
        &self.sender
    }

    fn subject(&self) -> String {
        let alias = [("alias", self.sender.alias.as_str().into())];
        match self.stage {
            Stage::First => self.words().with("mail-reminder-subject", &alias),
            Stage::Again | Stage::Final => self.words().with("mail-reminder-subject-again", &alias),
        }
    }

    fn unsubscribe(&self) -> Option<&str> {
        Some(&self.unsubscribe)
    }

    fn blocks(&self) -> Parts {
        let w = self.words();
        let mut blocks: Vec<Block> = match &self.wording {
            Some(wording) => wording
                .paragraphs(&Filling {
                    practice_alias: self.sender.alias.clone(),
                    pay_link: self.link.clone(),
                    practice_phone: self.sender.phone.clone(),
                    amount: self.amount.map(|amount| amount.to_string()),
                    first_name: self.first_name.clone(),
                })
                .into_iter()
                .map(Block::Paragraph)
                .collect(),
            None => self.ours().into_iter().map(Block::Paragraph).collect(),
        };
        blocks.push(Block::Action(w.t("mail-reminder-action").to_owned(), self.link.clone()));
        let ways = w.with("mail-reminder-ways", &[("phone", self.sender.phone.as_str().into())]);
        blocks.push(Block::Paragraph(ways));
        if !self.check_code.is_empty() {
            let code = crate::texts::readable_code(&self.check_code);
            let parts = [("address", self.check_at.as_str().into()), ("code", code.into())];
            blocks.push(Block::Paragraph(w.with("mail-check", &parts)));
        }
        Parts(blocks)
    }
}

impl Reminder {
    fn ours(&self) -> Vec<String> {
        let w = self.words();
        let mut paragraphs = Vec::new();
        if let Some(name) = &self.first_name {
            paragraphs.push(w.with("mail-hello", &[("name", name.as_str().into())]));
        }
        if self.thanks_for_part {
            paragraphs.push(w.t("mail-reminder-thanks").to_owned());
        }
        let alias = ("alias", self.sender.alias.as_str().into());
        paragraphs.push(match self.amount {
            Some(amount) => {
                w.with("mail-reminder-amount", &[alias, ("amount", amount.to_string().into())])
            }
            None => w.with("mail-reminder-bill", &[alias]),
        });
        match self.stage {
            Stage::First => {}
            Stage::Again => paragraphs.push(w.t("mail-reminder-again").to_owned()),
            Stage::Final => paragraphs.push(w.t("mail-reminder-final").to_owned()),
        }
        paragraphs
    }
}
