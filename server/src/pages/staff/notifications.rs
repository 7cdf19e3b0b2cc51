//! `GET /staff/notifications` and `/staff/messages/{id}`: everything that was sent, what failed, what
//! was done about that, and why each message went or did not go.

use actix_web::{HttpRequest, web};
use app::{
    components::{Errors, Query},
    pages::staff::{
        Handled, Handling, HandlingRights, MessagePage, NotificationHistory, TEMPLATES, WayInstead,
        claim_words::language_name, handled_words, template_words::slot_name,
    },
};
use domain::{
    clock::UnixMs,
    decide::{Channel, Class},
    id::MessageId,
    practice::Practice,
    staff::Permission,
    template::{Trace, Version},
};
use jiff::{ToSpan, civil::Date};
use store::{
    call_key,
    handled_error::{self, Handled as Outcome},
    message::{self, Message, State},
};

use super::{
    jobs::{progress_of, provider_of, row_of},
    record::stored,
};
use crate::{
    actions::handle_error::permission_of,
    failure::{Answer, Failure},
    house::House,
    naming::Names,
    refusals,
    session::Staff,
    workspace::{self, refused, shown},
};

pub const SECTION: &str = "/staff/notifications";
const LISTED: i64 = 100;

pub async fn list(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::View).await?;
    let query = Query::parse(request.query_string());
    let errors_only = query.get("errors") == Some("1");
    let filter = message::Filter {
        channel: query.get("channel").and_then(Channel::parse),
        state: query.get("state").and_then(|code| State::parse(code).ok()),
        errors_only,
        handled: match query.get("handled") {
            _ if !errors_only => None,
            Some("yes") => Some(true),
            Some("all") => None,
            _ => Some(false),
        },
        from: query.get("from").and_then(|day| morning(day, 0, &staff.practice)),
        until: query.get("until").and_then(|day| morning(day, 1, &staff.practice)),
        before_id: query.get("before").map(str::to_owned),
        ..message::Filter::default()
    };
    house.audit(staff.entry("view", "messages", "history")).await?;
    let practice = &staff.practice.id;
    let mut db = house.store.read().await?;
    let mut lines = message::list(&mut db, practice, &filter, LISTED + 1).await?;
    let has_more = lines.len() as i64 > LISTED;
    lines.truncate(LISTED as usize);
    let open_errors = handled_error::count_open(&mut db, practice).await?;
    let failed: Vec<MessageId> =
        lines.iter().filter(|l| l.state == State::Failed).map(|l| l.id.clone()).collect();
    let handled = handled_error::load_many(&mut db, practice, &failed).await?;
    let names = Names::of(&mut db, handled.values().map(|one| one.by.as_str())).await?;
    drop(db);
    let page = NotificationHistory {
        zone: staff.practice.zone(),
        now: house.world.now(),
        query,
        errors_only,
        open_errors,
        methods: methods(&staff.practice),
        older: lines.last().filter(|_| has_more).map(|last| last.id.to_string()),
        lines: lines
            .into_iter()
            .map(|line| {
                let mut row = row_of(line);
                if failed.iter().any(|id| id.as_str() == row.id) {
                    let one = handled.values().find(|one| one.message.as_str() == row.id);
                    row.handled = Some(match one {
                        Some(one) => Handled::Done(in_words(one, &names)),
                        None => Handled::ToDo,
                    });
                }
                row
            })
            .collect(),
    };
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

/// The first instant of a typed day, or of the one so many days after it.
fn morning(day: &str, after: i64, practice: &Practice) -> Option<UnixMs> {
    let day: Date = day.trim().parse().ok()?;
    let day = day.checked_add(after.days()).ok()?;
    let zoned = day.to_zoned(practice.zone()).ok()?;
    Some(UnixMs(zoned.timestamp().as_millisecond()))
}

/// What the practice writes by. Letters are printed from the follow-ups, not sent.
fn methods(practice: &Practice) -> Vec<Channel> {
    let settings = &practice.settings;
    let has = |channel: &Channel| match channel {
        Channel::Text => practice.texts_are_enabled(),
        Channel::Email => true,
        Channel::Voice => practice.calls_are_enabled(),
        Channel::Fax => settings.fax_is_on,
        Channel::Letter => false,
    };
    Channel::ALL.into_iter().filter(has).collect()
}

/// `Put away by Ana Flores: they have paid.`
fn in_words(one: &Outcome, names: &Names) -> String {
    let note = one.note.as_deref().map(|note| format!(": \u{201c}{note}\u{201d}"));
    let words = handled_words(one.outcome.as_str(), &one.detail);
    format!("{words}, by {}{}", names.get(&one.by), note.unwrap_or_default())
}

pub async fn get(house: web::Data<House>, staff: Staff, id: web::Path<String>) -> Answer {
    staff.require(&house, Permission::View).await?;
    show_message(&house, &staff, &id, Typed::default(), Errors::new()).await
}

/// What somebody has typed on the page.
#[derive(Default)]
pub struct Typed {
    /// Other words for a text that waits.
    pub words: Option<String>,
    /// Why an error is put away.
    pub reason: String,
    pub note: String,
}

/// The page of one message; 422 with what was typed when something was refused.
pub async fn show_message(
    house: &House,
    staff: &Staff,
    id: &str,
    typed: Typed,
    errors: Errors,
) -> Answer {
    let id: MessageId = id.parse().map_err(|_| Failure::NotFound)?;
    let practice = &staff.practice.id;
    let mut db = house.store.read().await?;
    let found = message::load(&mut db, practice, &id).await?.ok_or(Failure::NotFound)?;
    let mut entry = staff.entry("view", "message", id.as_str());
    entry.guarantor = found.guarantor.clone();
    house.audit(entry).await?;
    let account = match &found.guarantor {
        Some(guarantor) => store::guarantor::load(&mut db, practice, guarantor).await?,
        None => None,
    };
    let handled = handled_error::list(&mut db, practice, &id).await?;
    let keys = call_key::list_by_message(&mut db, practice, &id).await?;
    let labels = std::iter::once(found.created_by.as_str())
        .chain(found.approved_by.as_deref())
        .chain(handled.iter().map(|one| one.by.as_str()))
        .chain(handled.iter().filter_map(|one| Some(one.undone.as_ref()?.0.as_str())));
    let names = Names::of(&mut db, labels).await?;
    let decisions = store::decision::list_by_message(&mut db, practice, &id).await?;
    let reads = house.engine.reads(practice, &id).await.map_err(refusals::failed)?;
    let (text, hidden_because) = text_of(staff, &found, &reads.content.text);
    let is_refusal = !errors.is_empty();
    let may_edit = staff.role.may(Permission::SendStatements)
        && found.state == message::State::PendingApproval
        && found.channel == Channel::Text;
    let edit = may_edit.then(|| {
        let words = typed.words.clone().unwrap_or_else(|| {
            let text = &found.content.text;
            engine::link_in(text)
                .map_or_else(|| text.clone(), |link| text.replace(link, engine::PAY_LINK))
        });
        (format!("/staff/messages/{}/edit", found.id), words)
    });
    let page = MessagePage {
        zone: staff.practice.zone(),
        now: house.world.now(),
        account: account.map(|one| (one.id.to_string(), one.name)),
        job: found.job.as_ref().map(ToString::to_string),
        class: found.class,
        channel: found.channel,
        masked: found.masked.clone(),
        language: language_name(found.language),
        amount: found.amount,
        segments: reads.segments,
        accounts: reads.together.map_or(1, |one| i64::try_from(one.accounts).unwrap_or(1)),
        progress: progress_of(found.state),
        end_reason: found.end_reason.clone(),
        provider: provider_of(found.provider_status.as_deref(), found.provider_code.as_deref()),
        subject: text.as_ref().and(found.content.subject.clone()),
        text,
        hidden_because,
        by: names.get(&found.created_by),
        template: template_of(staff, &found),
        steps: steps(&found, &handled, &keys, &names),
        next_at: found.next_at,
        decisions: decisions.into_iter().map(stored).collect(),
        edit,
        handling: handling(house, staff, &found, &handled, &names, typed).await?,
        errors,
    };
    let html = page.html(&workspace::shell(house, staff, SECTION));
    Ok(if is_refusal { refused(html) } else { shown(html) })
}

/// What can be done about a message that failed, or what was done.
async fn handling(
    house: &House,
    staff: &Staff,
    message: &Message,
    handled: &[Outcome],
    names: &Names,
    typed: Typed,
) -> Result<Option<Handling>, Failure> {
    if message.state != State::Failed {
        return Ok(None);
    }
    let stands = handled.iter().find(|one| one.undone.is_none());
    let may = |permission| staff.role.may(permission);
    let sends = may(Permission::SendStatements);
    let ways = if stands.is_none() && sends {
        house
            .engine
            .ways_instead(&staff.practice.id, &message.id)
            .await
            .map_err(refusals::failed)?
    } else {
        Vec::new()
    };
    Ok(Some(Handling {
        message: message.id.to_string(),
        account: message.guarantor.as_ref().map(ToString::to_string),
        channel: message.channel,
        masked: message.masked.clone(),
        rights: HandlingRights {
            contacts: may(Permission::EditContacts),
            sends,
            archives: may(Permission::WriteNotes),
        },
        stands: stands.map(|one| {
            let at = app::when::near(one.at, house.world.now(), &staff.practice.zone());
            let words = format!("{}, {at}.", in_words(one, names));
            (words, may(permission_of(one.outcome)))
        }),
        ways: ways
            .into_iter()
            .filter_map(|way| {
                let masked = way.contact?;
                Some(WayInstead { channel: way.channel, masked, decision: way.decision })
            })
            .collect(),
        is_reminder: message.class == Class::Dunning,
        typed_reason: typed.reason,
        typed_note: typed.note,
    }))
}

/// Which words it was written with: the practice's version, or the default and its mark.
fn template_of(staff: &Staff, message: &Message) -> Option<(String, Option<String>)> {
    let trace = Trace::parse(message.content.template.as_deref()?)?;
    let version = match &trace.version {
        Version::Edited { number } => format!("version {number}"),
        Version::Default { mark } => format!("default words {mark}"),
    };
    let words = format!("{}, {version}", slot_name(trace.slot));
    let href = format!("{TEMPLATES}/{}", trace.slot.code());
    Some((words, staff.role.may(Permission::ReadTemplates).then_some(href)))
}

/// The words, for those who may send such words themselves; a link pays, so nobody may copy one.
fn text_of(staff: &Staff, message: &Message, reads: &str) -> (Option<String>, &'static str) {
    if message.class == Class::Code {
        return (None, "A sign-in code is for the person who asked for it alone.");
    }
    let may_read =
        staff.role.may(Permission::SendTexts) || staff.role.may(Permission::SendStatements);
    if !may_read {
        return (None, "Your role does not show what messages say.");
    }
    (Some(without_tokens(reads)), "")
}

/// What follows one of our addresses that opens something, hidden.
pub fn without_tokens(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let next = ["/p/", "/unsubscribe/", "/reset/", "/confirm/"]
            .into_iter()
            .filter_map(|mark| rest.find(mark).map(|at| at + mark.len()))
            .min();
        let Some(at) = next else { break };
        out.push_str(&rest[..at]);
        out.push_str("\u{2022}\u{2022}\u{2022}\u{2022}");
        rest = rest[at..].trim_start_matches(|sign: char| {
            sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_' | '.' | '=' | '~')
        });
    }
    out.push_str(rest);
    out
}

/// Oldest first.
fn steps(
    message: &Message,
    handled: &[Outcome],
    keys: &[(String, Option<String>, i64)],
    names: &Names,
) -> Vec<(UnixMs, String)> {
    let by = names.get(&message.created_by);
    let mut steps = vec![(message.created_at, format!("Written by {by}."))];
    if let Some(at) = message.approved_at {
        let by = message.approved_by.as_deref().map(|by| names.get(by)).unwrap_or_default();
        steps.push((at, format!("Approved by {by}.")));
    }
    if let Some(at) = message.accepted_at {
        steps.push((at, "The provider took it.".to_owned()));
    }
    if let Some(at) = message.delivered_at {
        steps.push((at, "Delivered.".to_owned()));
    }
    if let Some(at) = message.ended_at
        && message.state != State::Delivered
    {
        steps.push((at, format!("{}.", progress_of(message.state).name())));
    }
    for (key, outcome, at) in keys {
        steps.push((UnixMs(*at), key_words(key, outcome.as_deref())));
    }
    for one in handled {
        steps.push((one.at, format!("{}.", in_words(one, names))));
        if let Some((by, at)) = &one.undone {
            steps.push((*at, format!("Taken back by {}.", names.get(by))));
        }
    }
    steps.sort_by_key(|(at, _)| *at);
    steps
}

/// What a key pressed in a call came to.
fn key_words(key: &str, outcome: Option<&str>) -> String {
    let came_to = match outcome {
        Some("heard") => "heard the message",
        Some("link_sent") => "got the link by text",
        Some("no_link") => "asked for the link, which could not go by text",
        Some("stopped") => "stopped the calls",
        Some("connected") => "was connected to the office",
        Some("told") => "heard the code of the call",
        _ => "nothing came of it",
    };
    format!("Whoever picked up pressed {key}: {came_to}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_can_copy_a_pay_link_from_the_history() {
        let said = "Elm: see https://pay.example.org/p/AbC-9_x.~ and reply STOP. \
                    https://pay.example.org/unsubscribe/prc_1.con_2.sig=";
        let shown = without_tokens(said);
        assert!(!shown.contains("AbC") && !shown.contains("prc_1"), "{shown}");
        assert!(shown.contains("/p/\u{2022}\u{2022}\u{2022}\u{2022} and reply STOP."), "{shown}");
    }
}
