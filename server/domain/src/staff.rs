//! Staff roles and what each may do. The README shows this table.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Manager,
    Biller,
    FrontDesk,
    Viewer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See balances, messages, payments of the practice.
    View,
    /// Dates of birth and full contacts; each look is audited.
    SeeIdentity,
    EditContacts,
    WriteNotes,
    PlaceHolds,
    /// Lift holds, but never a legal one alone.
    LiftHolds,
    IssueAccessCodes,
    SendStatements,
    SendTexts,
    ApplyPayments,
    /// Up to the practice's limit.
    Refund,
    RefundAboveLimit,
    MarkPosted,
    Import,
    AcceptHeldImport,
    ReadAudit,
    /// What messages say, with a preview on accounts of the practice.
    ReadTemplates,
    ManageSettings,
    ManageStaff,
    /// Statement profiles and segments.
    ManageProfiles,
    /// A manager's yes to a proposal for collections (D-51).
    DecideCollections,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Manager, Self::Biller, Self::FrontDesk, Self::Viewer];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manager => "manager",
            Self::Biller => "biller",
            Self::FrontDesk => "front_desk",
            Self::Viewer => "viewer",
        }
    }

    pub fn may(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Self::Manager => true,
            Self::Biller => !matches!(
                permission,
                P::RefundAboveLimit
                    | P::AcceptHeldImport
                    | P::ReadAudit
                    | P::ManageSettings
                    | P::ManageStaff
                    | P::ManageProfiles
                    | P::DecideCollections
            ),
            Self::FrontDesk => matches!(
                permission,
                P::View
                    | P::SeeIdentity
                    | P::EditContacts
                    | P::WriteNotes
                    | P::PlaceHolds
                    | P::IssueAccessCodes
                    | P::SendTexts
                    | P::ReadTemplates
            ),
            Self::Viewer => permission == P::View,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of manager, biller, front_desk, viewer")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;
    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}
