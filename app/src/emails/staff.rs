//! Messages to staff. English; counts and addresses only, because mailboxes are not the workspace.

use super::{Block, Email, Parts, Sender};
use crate::words::Lang;

fn paragraph(text: impl Into<String>) -> Block {
    Block::Paragraph(text.into())
}

/// Messages wait for approval (S-SF7).
#[derive(Clone, Debug)]
pub struct ApprovalPending {
    pub sender: Sender,
    pub count: u64,
    /// The job page.
    pub link: String,
}

impl Email for ApprovalPending {
    fn lang(&self) -> Lang {
        Lang::En
    }

    fn sender(&self) -> &Sender {
        &self.sender
    }

    fn subject(&self) -> String {
        format!("{}: messages wait for your approval", self.sender.alias)
    }

    fn blocks(&self) -> Parts {
        let what = if self.count == 1 {
            "1 message waits for approval. It is not sent until someone approves it.".to_owned()
        } else {
            format!(
                "{} messages wait for approval. They are not sent until someone approves them.",
                self.count
            )
        };
        Parts(vec![paragraph(what), Block::Action("Review them".to_owned(), self.link.clone())])
    }
}

/// Something needs a person: a held import, failed reminders, an unknown payment (S-D10).
#[derive(Clone, Debug)]
pub struct Attention {
    pub sender: Sender,
    /// One sentence without any patient's data.
    pub what: String,
    pub link: String,
}

impl Email for Attention {
    fn lang(&self) -> Lang {
        Lang::En
    }

    fn sender(&self) -> &Sender {
        &self.sender
    }

    fn subject(&self) -> String {
        format!("{}: something needs your attention", self.sender.alias)
    }

    fn blocks(&self) -> Parts {
        Parts(vec![
            paragraph(self.what.clone()),
            Block::Action("Open it".to_owned(), self.link.clone()),
        ])
    }
}

/// A new colleague sets a password and an authenticator.
#[derive(Clone, Debug)]
pub struct StaffInvitation {
    pub sender: Sender,
    pub invited_by: String,
    pub link: String,
}

impl Email for StaffInvitation {
    fn lang(&self) -> Lang {
        Lang::En
    }

    fn sender(&self) -> &Sender {
        &self.sender
    }

    fn subject(&self) -> String {
        format!("{}: your Clearbill account", self.sender.alias)
    }

    fn blocks(&self) -> Parts {
        Parts(vec![
            paragraph(format!(
                "{} added you to the workspace of {}. Choose a password and set up your \
                 authenticator within 24 hours.",
                self.invited_by, self.sender.alias
            )),
            Block::Action("Set up your account".to_owned(), self.link.clone()),
            paragraph("If you do not know what this is about, ignore this message."),
        ])
    }
}
