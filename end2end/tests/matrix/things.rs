//! What the parameters of the addresses name, and such a thing of everybody.

use domain::id::{
    ApiKeyId, AttemptId, CannedReplyId, ContactId, ConversationId, DraftId, FollowUpId,
    GuarantorId, HoldId, ImportId, JobId, MessageId, PaymentId, ProfileVersionId, ReplyId,
    SegmentId, StaffId, TaskId,
};

use crate::town::{Office, Town};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    Payment,
    /// A member of staff.
    Person,
    Import,
    Key,
    /// A payment attempt, which belongs to one account.
    Attempt,
    Job,
    /// A list somebody is ticking: theirs alone.
    Draft,
    Guarantor,
    Contact,
    Hold,
    Message,
    Reply,
    Conversation,
    Canned,
    Task,
    Profile,
    Segment,
    FollowUp,
    /// A capability in a message; guessing one is the only way to ask for another's.
    Secret,
    /// One word of a few, the same for everybody.
    Word(&'static str),
    /// A practice's public name.
    Slug,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Own,
    /// The other practice's.
    Foreign,
    Nobodys,
    /// The other practice's, under an account of one's own.
    Smuggled,
    /// Nobody's, under an account of one's own.
    Missing,
}

/// What the parameters of `path` name, in order. Panics at one nobody has described: such a route
/// would go unproved.
pub fn things_of(path: &str) -> Vec<Thing> {
    let before = path.match_indices('{').map(|(at, _)| &path[..at]);
    before.map(|before| thing_after(before, path)).collect()
}

fn thing_after(before: &str, path: &str) -> Thing {
    let segment = before.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    match (segment, before) {
        ("payments" | "receipts", _) => Thing::Payment,
        ("people", _) => Thing::Person,
        ("imports", _) => Thing::Import,
        ("keys", _) => Thing::Key,
        ("receipt" | "checking", _) => Thing::Attempt,
        ("sent" | "jobs", _) => Thing::Job,
        ("send", _) => Thing::Draft,
        ("patients", _) => Thing::Guarantor,
        ("contacts", _) => Thing::Contact,
        ("holds", _) => Thing::Hold,
        ("messages" | "call" | "notices", _) => Thing::Message,
        ("replies", _) => Thing::Reply,
        ("inbox", _) => Thing::Conversation,
        ("canned", _) => Thing::Canned,
        ("tasks", _) => Thing::Task,
        ("profiles", _) => Thing::Profile,
        ("segments", _) => Thing::Segment,
        ("follow-ups", _) => Thing::FollowUp,
        ("p" | "reset" | "confirm-email" | "unsubscribe" | "invitation" | "link", _)
        | (_, "/.well-known/clearbill/") => Thing::Secret,
        ("assets", _) => Thing::Word("no-such-file.css"),
        ("rules", _) => Thing::Word("M15.week"),
        ("connections", _) => Thing::Word("stripe"),
        ("templates", _) => Thing::Word("reminder_gentle.email.en"),
        (_, "/staff/settings/" | "/setup/") => Thing::Word("practice"),
        ("at" | "stripe" | "twilio" | "email", _) => Thing::Slug,
        _ => panic!("{path}: say in things.rs what comes after {before}"),
    }
}

/// The address with such things in it, and their ids.
pub fn fill(town: &Town, path: &str, whose: Whose) -> (String, Vec<String>) {
    let mut ids = Vec::new();
    let mut parts = path.split('{');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for (part, thing) in parts.zip(things_of(path)) {
        let whose = match whose {
            // The first is the caller's own, what follows is not.
            Whose::Smuggled if ids.is_empty() => Whose::Own,
            Whose::Smuggled => Whose::Foreign,
            Whose::Missing if ids.is_empty() => Whose::Own,
            Whose::Missing => Whose::Nobodys,
            whose => whose,
        };
        let id = id_of(town, thing, whose);
        filled.push_str(&id);
        filled.push_str(part.split_once('}').map_or("", |(_, after)| after));
        ids.push(id);
    }
    (filled, ids)
}

/// The id of such a thing, for the address.
fn id_of(town: &Town, thing: Thing, whose: Whose) -> String {
    let office = match whose {
        Whose::Own => &town.alder,
        Whose::Foreign => &town.birch,
        _ => return nobodys(town, thing),
    };
    of_office(office, thing)
}

fn of_office(office: &Office, thing: Thing) -> String {
    let account = &office.accounts[0];
    match thing {
        Thing::Payment => account.payment.as_ref().unwrap().to_string(),
        Thing::Attempt => account.attempt.as_ref().unwrap().to_string(),
        Thing::Person => office.newcomer.to_string(),
        Thing::Import => office.import.to_string(),
        Thing::Key => office.key_id.to_string(),
        Thing::Job => office.job.to_string(),
        Thing::Draft => office.draft.to_string(),
        Thing::Guarantor => account.guarantor.to_string(),
        Thing::Contact => account.contacts[0].to_string(),
        Thing::Hold => office.hold.as_ref().unwrap().to_string(),
        Thing::Message => office.message.as_ref().unwrap().to_string(),
        Thing::Reply => office.reply.as_ref().unwrap().to_string(),
        Thing::Conversation => office.conversation.as_ref().unwrap().to_string(),
        Thing::Canned => office.canned.as_ref().unwrap().to_string(),
        Thing::Task => office.task.as_ref().unwrap().to_string(),
        Thing::Profile => office.profile.as_ref().unwrap().to_string(),
        Thing::Segment => office.segment.as_ref().unwrap().to_string(),
        Thing::FollowUp => office.follow_up.as_ref().unwrap().to_string(),
        Thing::Secret => account.token.clone(),
        Thing::Word(word) => word.to_owned(),
        Thing::Slug => office.slug.to_owned(),
    }
}

fn nobodys(town: &Town, thing: Thing) -> String {
    let world = &town.house.world;
    match thing {
        Thing::Payment => world.mint::<PaymentId>().to_string(),
        Thing::Attempt => world.mint::<AttemptId>().to_string(),
        Thing::Person => world.mint::<StaffId>().to_string(),
        Thing::Import => world.mint::<ImportId>().to_string(),
        Thing::Key => world.mint::<ApiKeyId>().to_string(),
        Thing::Job => world.mint::<JobId>().to_string(),
        Thing::Draft => world.mint::<DraftId>().to_string(),
        Thing::Guarantor => world.mint::<GuarantorId>().to_string(),
        Thing::Contact => world.mint::<ContactId>().to_string(),
        Thing::Hold => world.mint::<HoldId>().to_string(),
        Thing::Message => world.mint::<MessageId>().to_string(),
        Thing::Reply => world.mint::<ReplyId>().to_string(),
        Thing::Conversation => world.mint::<ConversationId>().to_string(),
        Thing::Canned => world.mint::<CannedReplyId>().to_string(),
        Thing::Task => world.mint::<TaskId>().to_string(),
        Thing::Profile => world.mint::<ProfileVersionId>().to_string(),
        Thing::Segment => world.mint::<SegmentId>().to_string(),
        Thing::FollowUp => world.mint::<FollowUpId>().to_string(),
        Thing::Secret => store::keys::new_token(store::keys::TOKEN_BYTES),
        Thing::Word(_) => "no-such-word".to_owned(),
        Thing::Slug => "no-such-practice".to_owned(),
    }
}
