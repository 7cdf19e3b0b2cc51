//! Why the engine says no to a person, and what broke when it could not say anything.

use domain::{clock::UnixMs, decide::Decision};
use store::StoreError;

pub type Result<T> = std::result::Result<T, EngineError>;

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("refused: {0:?}")]
    Refused(Refusal),
}

impl From<Refusal> for EngineError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A sentence for a person is made of these by the pages.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// Nothing of that id belongs to this practice or guarantor.
    NotFound,
    /// It is midnight to three somewhere in the fifty states; `until` it lifts (S-SF5).
    BelowTheFloor {
        until: UnixMs,
    },
    /// A custom name over fifty characters (S-TP2).
    NameTooLong {
        chars: usize,
    },
    /// A custom name with line breaks, emoji or invisible signs.
    NameUnprintable,
    /// Nobody is left on the list.
    NobodySelected,
    /// Somebody else was faster, or it was done before.
    AlreadyDone,
    /// The job cannot be changed any more.
    JobIsClosed,
    BadPhone(domain::phone::BadPhone),
    BadEmail(domain::phone::BadEmail),
    /// A legal hold: recorded, and a second person has to agree (D-49).
    NeedsSecondPerson,
    /// This hold may not be placed so: confidential communication needs its contact.
    HoldNeedsContact,
    HoldNeedsReason,
    /// An end in the past.
    EndIsPast,
    /// The link is not ours, or was changed.
    BadToken,
    /// A text without words, or longer than a carrier takes.
    BadBody,
    /// The words cannot be put together: the link would be split.
    Wording(&'static str),
    /// The job rests: it has to be resumed first.
    JobIsPaused,
    /// An edited text lacks something it must have.
    EditNeeds(&'static str),
    /// A profile's name is empty or longer than sixty characters.
    BadProfileName,
    /// The practice has a profile of that name.
    ProfileNameTaken,
    /// A profile with problems cannot be approved.
    ProfileHasProblems,
    /// An archived error wants one of the reasons, and words where that is "other".
    ErrorNeedsReason,
    /// Nothing on file to send it to.
    NoContact,
    /// It has gone, or a person has begun with it: nothing is left to take back.
    GoneAlready,
    /// An opt-out that only the person lifts by now.
    OptOutStands,
    /// The gate said no, with its reasons.
    Decided(Box<Decision>),
}
