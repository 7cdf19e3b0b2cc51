//! What the engine refuses to staff, in sentences; what is not theirs is 404, what broke is broken.

use app::when;
use domain::{clock::UnixMs, practice::NAME_LONGEST};
use engine::{EngineError, Refusal};
use jiff::tz::TimeZone;

use crate::failure::Failure;

/// The refusal a person can do something about; everything else ends the request.
pub fn refusal_of(error: EngineError) -> Result<Refusal, Failure> {
    match error {
        EngineError::Refused(Refusal::NotFound) => Err(Failure::NotFound),
        EngineError::Refused(refusal) => Ok(refusal),
        EngineError::Store(cause) => Err(cause.into()),
    }
}

/// For calls whose refusals nobody can bring about through a page.
pub fn failed(error: EngineError) -> Failure {
    match refusal_of(error) {
        Ok(refusal) => Failure::broken(format!("refused: {refusal:?}")),
        Err(failure) => failure,
    }
}

pub fn sentence(refusal: &Refusal, now: UnixMs, zone: &TimeZone) -> String {
    match refusal {
        Refusal::BelowTheFloor { until } => floor(*until, now, zone),
        Refusal::NameTooLong { chars } => format!(
            "The custom practice name has {chars} characters. At most {NAME_LONGEST} are allowed, \
             or texts are not sent."
        ),
        Refusal::NameUnprintable => {
            "The custom practice name holds signs that a text cannot carry. Use letters, digits \
             and plain punctuation."
                .to_owned()
        }
        Refusal::NobodySelected => {
            "Nobody is selected, or nobody on the list can get a reminder any more.".to_owned()
        }
        Refusal::AlreadyDone => "Somebody else was faster: it is done already.".to_owned(),
        Refusal::JobIsClosed => "This job cannot be changed any more.".to_owned(),
        Refusal::BadPhone(why) => format!("This is not a phone we can use: {why}."),
        Refusal::BadEmail(why) => format!("This is not an email we can use: {why}."),
        Refusal::NeedsSecondPerson => {
            "You have agreed to lift this hold already. A second person has to agree.".to_owned()
        }
        Refusal::HoldNeedsContact => {
            "Choose the one phone or email that the patient allows.".to_owned()
        }
        Refusal::HoldNeedsReason => "Write down why, in at most 500 characters.".to_owned(),
        Refusal::EndIsPast => "Choose a day in the future, or leave it empty.".to_owned(),
        Refusal::BadBody => "Write a text of at most 1,600 characters.".to_owned(),
        Refusal::Wording(_) => {
            "The message cannot be put together: with this practice name the link would be split. \
             Choose a shorter name."
                .to_owned()
        }
        Refusal::Decided(decision) => decision.headline().map_or_else(
            || "It may not be sent now.".to_owned(),
            |reason| app::pages::staff::decision_words::sentence(reason, zone),
        ),
        Refusal::JobIsPaused => "This job is paused. Resume it first.".to_owned(),
        Refusal::EditNeeds(what) => format!("The text must keep {what}."),
        Refusal::BadProfileName => "Name the profile in 60 characters or fewer.".to_owned(),
        Refusal::ProfileNameTaken => {
            "There is a profile of this name already. Choose another one.".to_owned()
        }
        Refusal::ProfileHasProblems => {
            "This profile cannot be approved before its problems are put right.".to_owned()
        }
        Refusal::ErrorNeedsReason => {
            "Choose why nothing is to be done, and write it down when it is something else."
                .to_owned()
        }
        Refusal::NoContact => "There is nothing on file to send it to that way.".to_owned(),
        Refusal::GoneAlready => "It has gone already and cannot be taken back.".to_owned(),
        Refusal::OptOutStands => {
            "An opt-out can be taken back here for a day. Now only the person can, by texting \
             START or in their account."
                .to_owned()
        }
        Refusal::NotFound | Refusal::BadToken => "It is not there any more.".to_owned(),
    }
}

/// Why no text can be started now (S-SF5).
pub fn floor(until: UnixMs, now: UnixMs, zone: &TimeZone) -> String {
    format!(
        "Between midnight and 3 AM in any of the fifty states no texts are started. Come back at \
         {}.",
        when::near(until, now, zone)
    )
}
