//! A patient half-way in: matched or signed in, and the contact on file still to be proved. What has
//! been established so far is sealed in a session of its own, which opens nothing but `/code`.

use app::words::Lang;
use domain::{
    clock::MINUTE_MS,
    decide::{LineType, Reach, SuppressionReason, SuppressionScope},
    holds::HoldKind,
    id::{CodeId, ContactId, GuarantorId, LoginId},
    practice::Practice,
};
use serde::{Deserialize, Serialize};
use store::{
    contact::{Contact, Kind},
    keys::{TOKEN_BYTES, new_token},
    session::{self, Kind as SessionKind, Session},
};

use crate::{
    clock::real_now,
    failure::Failure,
    house::House,
    visit::{Jar, Visit},
};

/// Time for four codes of ten minutes; a click keeps it from going idle.
const LASTS_MS: i64 = 40 * MINUTE_MS;

/// What happens once the contact is proved.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Next {
    /// The password was right. `add` was matched by a link of its own that proves its contact.
    SignIn { login: LoginId, add: Option<GuarantorId> },
    /// Matched; this email is new to the practice.
    Create { email: String, password_hash: String, guarantor: GuarantorId },
    /// Matched, with an email that somebody signs in with: they see this bill, the mail says why.
    Guest { email: String, guarantor: GuarantorId },
    /// Signed in already, and matched a further account.
    Add { login: LoginId, guarantor: GuarantorId },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Way {
    pub next: Next,
    /// Whose contacts prove it.
    pub prove: Vec<GuarantorId>,
    /// The contact to offer first.
    pub first: Option<ContactId>,
    /// The code on its way, and to whom.
    pub sent: Option<(CodeId, ContactId)>,
    pub return_to: String,
    pub lang: String,
}

impl Next {
    /// A reset of its password ends a login's half-way sessions too.
    fn subject(&self) -> &str {
        match self {
            Self::SignIn { login, .. } | Self::Add { login, .. } => login.as_str(),
            Self::Create { .. } | Self::Guest { .. } => "",
        }
    }
}

impl Way {
    pub fn lang(&self) -> Lang {
        Lang::from_code(&self.lang).unwrap_or_default()
    }
}

/// Somebody at `/code`.
pub struct HalfWay {
    pub practice: Practice,
    pub session: Session,
    pub way: Way,
}

impl HalfWay {
    /// `None` where nobody is half-way, or it took too long.
    pub async fn find(house: &House, visit: &Visit) -> Result<Option<Self>, Failure> {
        let Some(token) = visit.patient_half_token() else { return Ok(None) };
        let mut db = house.store.read().await?;
        let kind = SessionKind::PatientHalf;
        let found = session::find(&mut db, kind, token, real_now()).await?;
        let Some(session) = found else { return Ok(None) };
        let state = session.state.as_deref().unwrap_or_default();
        let way = serde_json::from_str(state).map_err(Failure::broken)?;
        let practice = store::practice::load(&mut db, &session.practice).await?;
        Ok(practice.map(|practice| Self { practice, session, way }))
    }

    /// Keeps what was established since, and that somebody is there.
    pub async fn keep(&self, house: &House) -> Result<(), Failure> {
        let state = serde_json::to_string(&self.way).map_err(Failure::broken)?;
        let (practice, hash) = (self.practice.id.clone(), self.session.token_hash.clone());
        let now = real_now();
        let kept = house.store.write(move |db| {
            let (practice, hash, state) = (practice.clone(), hash.clone(), state.clone());
            Box::pin(async move {
                session::mark_state(db, &practice, &hash, Some(&state)).await?;
                session::mark_seen(db, &hash, now).await
            })
        });
        Ok(kept.await?)
    }

    /// The contacts a code may go to, those of the first guarantor first.
    pub async fn contacts(&self, house: &House) -> Result<Vec<Contact>, Failure> {
        reachable(house, &self.practice, &self.way.prove).await
    }
}

/// Starts the half-way session; its page is `/code`.
pub async fn begin(
    house: &House,
    visit: &Visit,
    practice: &Practice,
    way: &Way,
) -> Result<(), Failure> {
    let token = new_token(TOKEN_BYTES);
    let state = serde_json::to_string(way).map_err(Failure::broken)?;
    let (kept, practice, now) = (token.clone(), practice.id.clone(), real_now());
    let subject = way.next.subject().to_owned();
    let begun = house.store.write(move |db| {
        let (token, practice) = (kept.clone(), practice.clone());
        let (state, subject) = (state.clone(), subject.clone());
        Box::pin(async move {
            let (kind, state) = (SessionKind::PatientHalf, Some(state.as_str()));
            session::insert(db, kind, &token, &subject, &practice, state, now, LASTS_MS).await
        })
    });
    begun.await?;
    visit.keep(Jar::PatientHalf, token, Some(LASTS_MS));
    Ok(())
}

/// Contacts on file that a code can reach: not bad, not somebody else's, not opted out of the sender
/// that would be used, and only the one that a confidential communication names (M28, D-34).
async fn reachable(
    house: &House,
    practice: &Practice,
    guarantors: &[GuarantorId],
) -> Result<Vec<Contact>, Failure> {
    let mut db = house.store.read().await?;
    let mut on_file = store::contact::list_many(&mut db, &practice.id, guarantors).await?;
    let holds = store::hold::load_many(&mut db, &practice.id, guarantors).await?;
    let mut contacts: Vec<Contact> = Vec::new();
    for guarantor in guarantors {
        let now = house.world.now();
        let only = holds.get(guarantor).into_iter().flatten().find(|hold| {
            hold.kind == HoldKind::ConfidentialCommunication && hold.rule().stands_at(now)
        });
        let theirs = on_file.remove(guarantor).unwrap_or_default();
        contacts.extend(theirs.into_iter().filter(|contact| {
            only.is_none_or(|hold| hold.only_contact.as_ref() == Some(&contact.id))
        }));
    }
    // A family shares a phone: it is offered once.
    let mut seen = std::collections::BTreeSet::new();
    contacts.retain(|contact| seen.insert(contact.value_index.clone()));
    let values: Vec<String> = contacts
        .iter()
        .flat_map(|contact| [contact.value_index.clone(), contact.global_index.clone()])
        .collect();
    let stopped = store::suppression::load_many(&mut db, &practice.id, &values).await?;
    let has_code_sender = practice.settings.code_number.is_some();
    contacts.retain(|contact| {
        let channel = contact.kind.channel();
        let of = |index: &String| stopped.get(&(index.clone(), channel));
        let is_wrong = [&contact.value_index, &contact.global_index]
            .into_iter()
            .filter_map(of)
            .any(|s| s.reason == SuppressionReason::WrongNumber);
        let takes_texts = || {
            let blocked =
                of(&contact.value_index).is_some_and(|s| s.scope == SuppressionScope::Everything);
            let is_line = !matches!(contact.line, LineType::Landline | LineType::TollFree);
            practice.texts_are_enabled() && is_line && (has_code_sender || !blocked)
        };
        contact.reach() == Reach::Good
            && !is_wrong
            && match contact.kind {
                Kind::Email => true,
                Kind::Phone => takes_texts(),
                // A page that lies in a tray is no proof of who reads it.
                Kind::Fax | Kind::Address => false,
            }
    });
    Ok(contacts)
}

/// Whether a code could be sent at all; where not, a password stands alone and must be longer.
pub async fn can_prove(
    house: &House,
    practice: &Practice,
    guarantor: &GuarantorId,
) -> Result<bool, Failure> {
    let contacts = reachable(house, practice, std::slice::from_ref(guarantor)).await?;
    Ok(!contacts.is_empty())
}
