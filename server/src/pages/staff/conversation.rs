//! A conversation as its page shows it: everything said with one phone.

use app::{
    components::Errors,
    pages::staff::{
        Candidate, ConversationPage, SaidLine, Understood, decision_words, message_words::Progress,
    },
};
use domain::{
    clock::UnixMs,
    decide::{Channel, Class, SuppressionReason},
    id::{ConversationId, GuarantorId},
    revocation::Inbound,
    staff::Permission,
};
use engine::Engine;
use store::{
    Db,
    contact::{self, Contact},
    conversation::{self, Conversation, State},
    message::Message,
    reply::Reply,
};

use super::inbox::SECTION;
use crate::{
    failure::{Answer, Failure},
    house::House,
    naming::Names,
    record::{meaning, suggested_hold},
    session::Staff,
    workspace::{self, refused, shown},
};

/// Texts each way that a page shows.
const SHOWN: i64 = 100;

/// What was typed into the answer when it was refused.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    pub text: String,
    pub account: String,
    pub errors: Errors,
}

/// The conversation behind an id from an address; anybody else's is not there (R06).
pub async fn find(db: &mut Db, staff: &Staff, id: &str) -> Result<Conversation, Failure> {
    let id: ConversationId = id.parse().map_err(|_| Failure::NotFound)?;
    conversation::load(db, &staff.practice.id, &id).await?.ok_or(Failure::NotFound)
}

/// The page, as it stands.
pub async fn show(house: &House, staff: &Staff, opened: Conversation, typed: Typed) -> Answer {
    let page = model(house, staff, opened, typed).await?;
    Ok(shown(page.html(&workspace::shell(house, staff, SECTION))))
}

/// The page again with what was typed, and what is wrong with it.
pub async fn refuse(house: &House, staff: &Staff, opened: Conversation, typed: Typed) -> Answer {
    let page = model(house, staff, opened, typed).await?;
    Ok(refused(page.html(&workspace::shell(house, staff, SECTION))))
}

async fn model(
    house: &House,
    staff: &Staff,
    opened: Conversation,
    typed: Typed,
) -> Result<ConversationPage, Failure> {
    let practice = &staff.practice.id;
    let mut db = house.store.read().await?;
    let seq = conversation::find_seq(&mut db, practice).await?;
    let value = &opened.value_index;
    let holders = contact::list_by_value(&mut db, practice, value).await?;
    let accounts = candidates(&mut db, staff, &holders).await?;
    let replies = store::reply::list_by_value(&mut db, practice, value, SHOWN + 1).await?;
    let text = Some(Channel::Text);
    let texts = store::message::list_to(&mut db, practice, value, text, SHOWN + 1).await?;
    let has_more = replies.len() as i64 > SHOWN || texts.len() as i64 > SHOWN;
    let labels: Vec<&str> = texts
        .iter()
        .map(|message| message.created_by.as_str())
        .chain(replies.iter().filter_map(|r| r.reclassified.as_ref().map(|(_, by)| by.as_str())))
        .collect();
    let names = Names::of(&mut db, labels.into_iter()).await?;
    let mut lines: Vec<SaidLine> = replies
        .into_iter()
        .map(|reply| heard(reply, &names))
        .chain(as_they_went(&house.engine, texts).into_iter().map(|one| written(one, &names)))
        .collect();
    // An answer of the same instant comes after what it answers.
    // An answer of the same instant comes after what it answers.
    lines.sort_by_cached_key(|line| (line.at, line.by.is_some(), line.id.clone()));
    let surplus = lines.len().saturating_sub(SHOWN as usize);
    lines.drain(..surplus);
    let why_not = why_not(&mut db, staff, value, &holders).await?;
    let colleagues = store::staff::list(&mut db, practice).await?;
    let canned = store::canned_reply::list(&mut db, practice).await?;
    let linked = opened.guarantor.as_ref().map(GuarantorId::to_string);
    Ok(ConversationPage {
        zone: staff.practice.zone(),
        id: opened.id.to_string(),
        masked: opened.masked,
        seq,
        is_closed: opened.state == State::Closed,
        // A link to an account that no longer has the phone is no link.
        linked: linked.filter(|id| accounts.iter().any(|one| one.id == *id)),
        accounts,
        colleagues: colleagues
            .into_iter()
            .filter(|one| one.ended_at_ms.is_none() && one.is_invited == 0)
            .map(|one| (one.id, one.name))
            .collect(),
        assigned_to: opened.assigned_to.map(|id| id.to_string()),
        lines,
        has_more: has_more || surplus > 0,
        why_not,
        canned: canned.into_iter().map(|one| (one.id, one.title)).collect(),
        meanings: Inbound::choices().map(|one| (one.code(), meaning(one.code()))).collect(),
        typed: typed.text,
        chosen: typed.account,
        alias: staff.practice.alias().to_owned(),
        errors: typed.errors,
        may_write: staff.role.may(Permission::SendTexts),
        may_correct: staff.role.may(Permission::PlaceHolds),
    })
}

async fn candidates(
    db: &mut Db,
    staff: &Staff,
    holders: &[Contact],
) -> Result<Vec<Candidate>, Failure> {
    let ids: Vec<GuarantorId> = holders.iter().map(|contact| contact.guarantor.clone()).collect();
    let found = store::search::list_many(db, &staff.practice.id, &ids).await?;
    Ok(found
        .into_iter()
        .map(|one| Candidate { id: one.id, name: one.name, number: one.external_id })
        .collect())
}

fn heard(reply: Reply, names: &Names) -> SaidLine {
    let inbound = Inbound::parse(&reply.class);
    let corrected = reply.reclassified.as_ref().map(|(from, by)| (meaning(from), names.get(by)));
    SaidLine {
        id: reply.id.to_string(),
        at: reply.at,
        body: reply.body,
        by: None,
        state: None,
        understood: Some(Understood {
            meaning: meaning(&reply.class),
            placed: inbound.and_then(Inbound::hold),
            suggested: suggested_hold(&reply.class),
            answered: reply.answered.is_some(),
            corrected,
            code: inbound.filter(|inbound| inbound.needs_a_person()).map(Inbound::code),
        }),
    }
}

/// Each text once, as the phone showed it: what went in another account's message is part of that.
fn as_they_went(engine: &Engine, texts: Vec<Message>) -> Vec<Message> {
    let (carried, mut texts): (Vec<_>, Vec<_>) =
        texts.into_iter().partition(|message| message.carried_by.is_some());
    for text in &mut texts {
        let mut riders: Vec<Message> = carried
            .iter()
            .filter(|one| one.carried_by.as_ref() == Some(&text.id))
            .cloned()
            .collect();
        riders.sort_by(|one, other| one.id.cmp(&other.id));
        text.content = engine.as_handed(text, &riders);
    }
    texts
}

fn written(message: Message, names: &Names) -> SaidLine {
    let progress = Progress::ALL.into_iter().find(|p| p.code() == message.state.as_str());
    let badge = progress.map(|progress| (progress.name().to_owned(), progress.tone()));
    let body = match message.class {
        // Whoever reads over a shoulder must not be able to sign in.
        Class::Code => "A one-time code (not shown)".to_owned(),
        _ => message.content.text,
    };
    let at: UnixMs = message.accepted_at.unwrap_or(message.created_at);
    SaidLine {
        id: message.id.to_string(),
        at,
        body,
        by: Some(names.get(&message.created_by)),
        state: badge,
        understood: None,
    }
}

/// Why nothing can be texted to this phone at all.
async fn why_not(
    db: &mut Db,
    staff: &Staff,
    value: &str,
    holders: &[Contact],
) -> Result<Option<String>, Failure> {
    if holders.is_empty() {
        return Ok(Some(
            "This phone is on no record, so nobody is known to have agreed to texts.".to_owned(),
        ));
    }
    let mut values = vec![value.to_owned()];
    values.extend(holders.iter().map(|holder| holder.global_index.clone()));
    let stopped = store::suppression::load_many(db, &staff.practice.id, &values).await?;
    let stop = stopped.into_iter().find(|((_, channel), _)| *channel == Channel::Text);
    Ok(stop.map(|(_, stop)| match stop.reason {
        SuppressionReason::WrongNumber => {
            "Somebody at this phone said it is a wrong number. Nothing is texted to it.".to_owned()
        }
        reason => format!(
            "Opted out {}. Only they can come back, by texting START or in their account.",
            decision_words::opt_out_words(reason)
        ),
    }))
}
