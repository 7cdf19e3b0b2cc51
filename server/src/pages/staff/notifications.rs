//! `GET /staff/notifications` and `/staff/messages/{id}`: everything that was sent, what failed, and
//! why each message went or did not go.

use actix_web::{HttpRequest, web};
use app::{
    components::{Errors, Query},
    pages::staff::{
        MessagePage, NotificationHistory, TEMPLATES, claim_words::language_name,
        template_words::slot_name,
    },
};
use domain::{
    clock::UnixMs,
    decide::{Channel, Class},
    id::MessageId,
    staff::Permission,
    template::{Trace, Version},
};
use store::message::{self, Message, State};

use super::{
    jobs::{progress_of, provider_of, row_of},
    record::stored,
};
use crate::{
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
        before_id: query.get("before").map(str::to_owned),
        ..message::Filter::default()
    };
    house.audit(staff.entry("view", "messages", "history")).await?;
    let mut db = house.store.read().await?;
    let mut lines = message::list(&mut db, &staff.practice.id, &filter, LISTED + 1).await?;
    let has_more = lines.len() as i64 > LISTED;
    lines.truncate(LISTED as usize);
    let page = NotificationHistory {
        zone: staff.practice.zone(),
        now: house.world.now(),
        query,
        errors_only,
        sms_enabled: staff.practice.texts_are_enabled(),
        older: lines.last().filter(|_| has_more).map(|last| last.id.to_string()),
        lines: lines.into_iter().map(row_of).collect(),
    };
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

pub async fn get(house: web::Data<House>, staff: Staff, id: web::Path<String>) -> Answer {
    staff.require(&house, Permission::View).await?;
    show_message(&house, &staff, &id, None, Errors::new()).await
}

/// The page of one message; 422 with what was typed when an edit was refused.
pub async fn show_message(
    house: &House,
    staff: &Staff,
    id: &str,
    typed: Option<String>,
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
    let labels = std::iter::once(found.created_by.as_str()).chain(found.approved_by.as_deref());
    let names = Names::of(&mut db, labels).await?;
    let decisions = store::decision::list_by_message(&mut db, practice, &id).await?;
    let reads = house.engine.reads(practice, &id).await.map_err(refusals::failed)?;
    let (text, hidden_because) = text_of(staff, &found, &reads.content.text);
    let is_refusal = !errors.is_empty();
    let may_edit = staff.role.may(Permission::SendStatements)
        && found.state == message::State::PendingApproval
        && found.channel == Channel::Text;
    let edit = may_edit.then(|| {
        let words = typed.unwrap_or_else(|| {
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
        steps: steps(&found, &names),
        next_at: found.next_at,
        decisions: decisions.into_iter().map(stored).collect(),
        edit,
        errors,
    };
    let html = page.html(&workspace::shell(house, staff, SECTION));
    Ok(if is_refusal { refused(html) } else { shown(html) })
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
fn steps(message: &Message, names: &Names) -> Vec<(UnixMs, String)> {
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
    steps.sort_by_key(|(at, _)| *at);
    steps
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
