//! One message for several accounts of one phone or email (D-4).
//!
//! Each account keeps its own message: its words, a line that says of it what another account's
//! message may, its link, its decision, its permit. Which may go together is written down with them;
//! who does is found out at the moment of sending, from those that may go then. The first one's
//! approved words lead, the others' approved lines follow, so nothing is sent that was not approved,
//! and one that was paid meanwhile is simply not there. A link opens its own account and no other
//! (D-6).
//!
//! Refuses to mix languages, kinds or channels, more than three accounts, a link in two pieces, and a
//! text of more than four parts: what does not fit goes by itself when the caps allow.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    decide::Channel,
    id::{MessageId, PracticeId},
    sms::{self, ACCOUNTS_MOST},
};
use sha2::{Digest, Sha256};
use store::{
    Db, contact,
    message::{self, Content, Message, New, Rider, State, digest},
};

use crate::{Engine, MailParts, Refusal, Result, work_on_job::link_in};

/// How a message reads to whoever gets it.
#[derive(Clone, Debug)]
pub struct Reads {
    pub content: Content,
    pub segments: i64,
    pub together: Option<Together>,
}

/// That a message is, or will be, one for several accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Together {
    /// The message whose words lead.
    pub leader: MessageId,
    /// Accounts, all counted.
    pub accounts: usize,
    /// Of the whole.
    pub segments: i64,
}

/// Messages that would go as one: the first leads.
pub(crate) struct Group {
    pub members: Vec<Message>,
    pub content: Content,
}

impl Group {
    pub fn segments(&self) -> i64 {
        segments_of(self.members.first().map(|m| m.channel), &self.content)
    }

    fn together(&self) -> Option<Together> {
        let leader = self.members.first()?.id.clone();
        let accounts = self.members.len();
        (accounts > 1).then(|| Together { leader, accounts, segments: self.segments() })
    }
}

fn segments_of(channel: Option<Channel>, content: &Content) -> i64 {
    match channel {
        Some(Channel::Text) => i64::try_from(sms::size(&content.text).segments).unwrap_or(i64::MAX),
        _ => 1,
    }
}

/// Who leads: words that somebody wrote by hand go as they are, then the oldest.
fn in_order(members: &mut [Message]) {
    members.sort_by(|one, other| {
        (one.content.rider.is_some(), &one.id).cmp(&(other.content.rider.is_some(), &other.id))
    });
}

/// Writes down which of these new messages may go together: those of one occasion to one phone or
/// email that several accounts have, in one language and of one kind.
pub(crate) async fn assign(
    db: &mut Db,
    practice: &PracticeId,
    messages: &mut [&mut New],
    occasion: impl Fn(&New) -> String,
) -> store::Result<()> {
    let may = |new: &New| new.content.rider.is_some();
    let values: BTreeSet<String> =
        messages.iter().filter(|new| may(new)).map(|new| new.value_index.clone()).collect();
    let values: Vec<String> = values.into_iter().collect();
    let holders = contact::list_holders(db, practice, &values).await?;
    let is_shared = |new: &New| {
        let accounts: BTreeSet<_> =
            holders.get(&new.value_index).into_iter().flatten().map(|one| one.as_str()).collect();
        accounts.len() > 1
    };
    for new in messages.iter_mut().filter(|new| may(new) && is_shared(new)) {
        let occasion = occasion(new);
        let parts = [
            occasion.as_str(),
            &new.value_index,
            new.channel.as_str(),
            new.language.as_str(),
            &new.kind,
        ];
        let key = hex::encode(Sha256::digest(parts.join("/")));
        new.digest = Some(format!("dig_{}", &key[..32]));
    }
    Ok(())
}

impl Engine {
    /// The content of a message that carries others; `None` when they do not fit.
    pub(crate) fn joined(
        &self,
        channel: Channel,
        leader: &Content,
        riders: &[&Rider],
    ) -> Option<Content> {
        if riders.is_empty() {
            return Some(leader.clone());
        }
        match channel {
            Channel::Text => {
                let link = link_in(&leader.text)?;
                let others: Vec<(&str, &str)> =
                    riders.iter().map(|r| (r.words.as_str(), r.link.as_str())).collect();
                let text = sms::compose_together(&leader.text, link, &others)?;
                Some(Content { text, ..leader.clone() })
            }
            Channel::Email => {
                let html = leader.html.clone().unwrap_or_default();
                let mail = MailParts { text: leader.text.clone(), html };
                let MailParts { text, html } = self.wording().with_riders(mail, riders);
                Some(Content { text, html: Some(html), ..leader.clone() })
            }
            Channel::Voice | Channel::Fax | Channel::Letter => None,
        }
    }

    /// These messages as one, the first leading.
    pub(crate) fn join(&self, mut members: Vec<Message>) -> Option<Group> {
        in_order(&mut members);
        let leader = members.first()?;
        let riders: Option<Vec<&Rider>> =
            members.iter().skip(1).map(|one| one.content.rider.as_ref()).collect();
        let content = self.joined(leader.channel, &leader.content, &riders?)?;
        Some(Group { members, content })
    }

    /// The message and as many of the others as one message takes.
    pub(crate) fn fill(&self, first: Message, others: Vec<Message>) -> Option<Group> {
        let mut group = self.join(vec![first])?;
        for other in others {
            if group.members.len() >= ACCOUNTS_MOST {
                break;
            }
            let is_new = group.members.iter().all(|one| one.guarantor != other.guarantor);
            let mut members = group.members.clone();
            members.push(other);
            if is_new && let Some(larger) = self.join(members) {
                group = larger;
            }
        }
        Some(group)
    }

    /// How waiting messages of one digest would go, if they went now.
    pub(crate) fn plan(&self, waiting: Vec<Message>) -> Vec<Group> {
        let (pending, queued): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|one| one.state == State::PendingApproval);
        let mut groups = Vec::new();
        for mut left in [pending, queued] {
            in_order(&mut left);
            while !left.is_empty() {
                let first = left.remove(0);
                let Some(group) = self.fill(first, left.clone()) else { continue };
                left.retain(|one| group.members.iter().all(|member| member.id != one.id));
                groups.push(group);
            }
        }
        groups
    }

    async fn plan_of(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        of: &str,
    ) -> store::Result<Vec<Group>> {
        let ids = digest::list_waiting(db, practice, of).await?;
        let waiting = message::load_many(db, practice, &ids).await?;
        Ok(self.plan(waiting.into_values().collect()))
    }

    /// Writes down what the waiting messages of these digests are charged as together: the one that
    /// leads for all, the others for nothing.
    pub(crate) async fn recount(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        digests: &BTreeSet<String>,
    ) -> store::Result<()> {
        for of in digests {
            for group in self.plan_of(db, practice, of).await? {
                let whole = group.segments();
                for (place, member) in group.members.iter().enumerate() {
                    let segments = if place == 0 { whole } else { 0 };
                    if member.segments != segments {
                        digest::mark_segments(db, practice, &member.id, segments).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// With whom waiting messages of these digests would go.
    pub(crate) async fn together(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        digests: &BTreeSet<String>,
    ) -> store::Result<BTreeMap<MessageId, Together>> {
        let mut found = BTreeMap::new();
        for of in digests {
            for group in self.plan_of(db, practice, of).await? {
                let Some(together) = group.together() else { continue };
                found.extend(group.members.into_iter().map(|one| (one.id, together.clone())));
            }
        }
        Ok(found)
    }

    /// The messages that this one carries, opened.
    pub(crate) async fn carried(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        leader: &Message,
    ) -> store::Result<Vec<Message>> {
        if leader.digest.is_none() {
            return Ok(Vec::new());
        }
        let ids = digest::list_carried(db, practice, &leader.id).await?;
        Ok(message::load_many(db, practice, &ids).await?.into_values().collect())
    }

    /// The words of a message as they are handed over, with what it carries.
    pub fn as_handed(&self, leader: &Message, riders: &[Message]) -> Content {
        let lines: Vec<&Rider> =
            riders.iter().filter_map(|one| one.content.rider.as_ref()).collect();
        // It was put together from these once, so it can be again.
        self.joined(leader.channel, &leader.content, &lines)
            .unwrap_or_else(|| leader.content.clone())
    }

    /// How a message reads, or will read, to whoever gets it: what went or goes in one message with
    /// it included.
    pub async fn reads(&self, practice: &PracticeId, id: &MessageId) -> Result<Reads> {
        let mut db = self.store().read().await?;
        let found = message::load(&mut db, practice, id).await?.ok_or(Refusal::NotFound)?;
        let alone =
            |one: Message| Reads { segments: one.segments, content: one.content, together: None };
        let Some(of) = found.digest.clone() else { return Ok(alone(found)) };
        if matches!(found.state, State::PendingApproval | State::Queued) {
            let groups = self.plan_of(&mut db, practice, &of).await?;
            let mine = groups.into_iter().find(|g| g.members.iter().any(|m| m.id == found.id));
            return Ok(match mine {
                Some(group) => Reads {
                    segments: group.segments(),
                    together: group.together(),
                    content: group.content,
                },
                None => alone(found),
            });
        }
        let leader = match &found.carried_by {
            Some(by) => message::load(&mut db, practice, by).await?.ok_or(Refusal::NotFound)?,
            None => found,
        };
        let riders = self.carried(&mut db, practice, &leader).await?;
        let content = self.as_handed(&leader, &riders);
        let segments = leader.segments;
        let (leader, accounts) = (leader.id, riders.len() + 1);
        let together = (accounts > 1).then_some(Together { leader, accounts, segments });
        Ok(Reads { content, segments, together })
    }
}
