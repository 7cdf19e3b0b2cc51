//! `GET /staff/patients/{guarantor}/contacts/{contact}/evidence.csv`: everything on file about one
//! phone or email in one file, for whoever has to answer a claim (MS15): what was agreed to and how we
//! know, opt-outs, every message with its words and why it went, every reply, and who touched the
//! contact; and whether its owner agreed to bills without paper. What was agreed to is a chain of its
//! own, for the contact and for the account; the first row says whether they are whole.

use actix_web::web;
use app::pages::staff::message_words::together_words;
use domain::{
    clock::UnixMs,
    id::{ContactId, PracticeId},
    staff::Permission,
};
use engine::Reads;
use store::{
    Db,
    audit::{self, Filter},
    consent,
    contact::Contact,
    message::Message,
};

use super::notifications::without_tokens;
use crate::{
    failure::{Answer, Failure},
    house::House,
    naming::Names,
    record, refusals,
    session::Staff,
    spreadsheet,
};

/// Messages and replies in one file; the first row says so when there are more.
const LISTED_MOST: i64 = 5_000;
const AUDIT_MOST: i64 = 5_000;

const HEAD: [&str; 8] =
    ["at", "what", "channel", "detail", "by", "reference", "chain_no", "chain_hash"];

/// One row of the file, and when it belongs.
struct Line {
    at: UnixMs,
    what: String,
    channel: String,
    detail: String,
    /// The label of an actor.
    by: String,
    reference: String,
    chained: (String, String),
}

pub async fn get(
    house: web::Data<House>,
    staff: Staff,
    path: web::Path<(String, String)>,
) -> Answer {
    staff.require(&house, Permission::ReadAudit).await?;
    let (guarantor, id) = path.into_inner();
    let contact: ContactId = id.parse().map_err(|_| Failure::NotFound)?;
    let practice = &staff.practice.id;
    let mut db = house.store.read().await?;
    let guarantor = record::find(&mut db, &staff.practice, &guarantor).await?;
    let contact = store::contact::load(&mut db, practice, &guarantor.id, &contact)
        .await?
        .ok_or(Failure::NotFound)?;
    let entry = staff.entry("evidence_export", "contact", contact.id.as_str());
    house.audit(entry.about(&guarantor.id)).await?;
    let evidence = consent::list(&mut db, practice, &contact.value_index).await?;
    let is_whole = consent::is_whole(house.store.keys(), &evidence);
    let of_account = consent::account_index(house.store.keys(), practice, &guarantor.id);
    let paperless = consent::list(&mut db, practice, &of_account).await?;
    let is_whole = is_whole && consent::is_whole(house.store.keys(), &paperless);
    let mut lines: Vec<Line> = evidence.into_iter().chain(paperless).map(agreed).collect();
    lines.extend(opt_outs(&mut db, practice, &contact).await?);
    let is_cut = said(&house, &mut db, practice, &contact, &mut lines).await?;
    lines.extend(touched(&mut db, practice, &contact).await?);
    lines.sort_by_key(|line| line.at);
    let names = Names::of(&mut db, lines.iter().map(|line| line.by.as_str())).await?;
    let head = summary(house.world.now(), &contact, is_whole, is_cut);
    let rows = std::iter::once(head).chain(lines).map(|line| {
        let by = if line.by.is_empty() { String::new() } else { names.get(&line.by) };
        let (number, hash) = line.chained;
        let at = line.at.to_string();
        vec![at, line.what, line.channel, line.detail, by, line.reference, number, hash]
    });
    let body = spreadsheet::csv(&HEAD, rows).map_err(Failure::broken)?;
    Ok(spreadsheet::download("evidence.csv", body))
}

fn summary(now: UnixMs, contact: &Contact, is_whole: bool, is_cut: bool) -> Line {
    let chain = if is_whole { "whole" } else { "BROKEN: rows were changed or removed" };
    let cut =
        if is_cut { format!("; only the newest {LISTED_MOST} messages") } else { String::new() };
    Line {
        at: now,
        what: "exported".into(),
        channel: String::new(),
        detail: format!("everything about {}; chain of consent: {chain}{cut}", contact.value),
        by: String::new(),
        reference: contact.id.to_string(),
        chained: Default::default(),
    }
}

fn agreed(row: consent::Evidence) -> Line {
    Line {
        at: UnixMs(row.at_ms),
        what: if row.granted == 1 { "consent given" } else { "consent refused" }.into(),
        channel: row.channel,
        detail: format!("known by {}: {}", row.source, row.wording),
        by: row.actor,
        reference: row.id,
        chained: (
            row.chain_no.map(|number| number.to_string()).unwrap_or_default(),
            row.chain_hash.unwrap_or_default(),
        ),
    }
}

async fn opt_outs(
    db: &mut Db,
    practice: &PracticeId,
    contact: &Contact,
) -> Result<Vec<Line>, Failure> {
    let values = [contact.value_index.as_str(), contact.global_index.as_str()];
    let rows = store::suppression::list(db, practice, values).await?;
    let mut lines = Vec::new();
    for row in rows {
        if let (Some(at), Some(by)) = (row.lifted_at_ms, row.lifted_by) {
            lines.push(Line {
                at: UnixMs(at),
                what: "opt-out lifted".into(),
                channel: row.channel.clone(),
                detail: row.reason.clone(),
                by,
                reference: row.id.clone(),
                chained: Default::default(),
            });
        }
        lines.push(Line {
            at: UnixMs(row.at_ms),
            what: "opt-out".into(),
            channel: row.channel,
            detail: format!("{}, {}", row.reason, row.scope),
            by: row.actor,
            reference: row.id,
            chained: Default::default(),
        });
    }
    Ok(lines)
}

/// Messages and replies; whether there are more than the file holds.
async fn said(
    house: &House,
    db: &mut Db,
    practice: &PracticeId,
    contact: &Contact,
    lines: &mut Vec<Line>,
) -> Result<bool, Failure> {
    let value = contact.value_index.as_str();
    let messages = store::message::list_to(db, practice, value, None, LISTED_MOST + 1).await?;
    let replies = store::reply::list_by_value(db, practice, value, LISTED_MOST + 1).await?;
    let is_cut = messages.len().max(replies.len()) > LISTED_MOST as usize;
    for message in messages.into_iter().take(LISTED_MOST as usize) {
        let decisions = store::decision::list_by_message(db, practice, &message.id).await?;
        let why = decisions.first().map(|one| {
            let headline = if one.headline.is_empty() { "may go" } else { &one.headline };
            format!("; decided {}: {headline}, rules {}", one.at, one.ruleset)
        });
        // Only what may have gone with others reads otherwise than it is stored.
        let reads = match &message.digest {
            Some(_) => house.engine.reads(practice, &message.id).await.map(Some),
            None => Ok(None),
        };
        let reads = reads.map_err(refusals::failed)?;
        lines.push(sent(message, reads, why.unwrap_or_default()));
    }
    for reply in replies.into_iter().take(LISTED_MOST as usize) {
        let answer = reply.answered.map(|kind| format!("; answered: {kind}")).unwrap_or_default();
        lines.push(Line {
            at: reply.at,
            what: "reply".into(),
            channel: "text".into(),
            detail: format!("“{}”; understood as {}{answer}", reply.body, reply.class),
            by: engine::BY_TEXT.into(),
            reference: reply.id.to_string(),
            chained: Default::default(),
        });
    }
    Ok(is_cut)
}

fn sent(message: Message, reads: Option<Reads>, why: String) -> Line {
    let dated =
        |name: &str, at: Option<UnixMs>| at.map(|at| format!("; {name} {at}")).unwrap_or_default();
    let provider = message.provider_id.map(|id| format!("; at the provider {id}"));
    let code = message.provider_code.map(|code| format!("; code {code}"));
    let together = reads.as_ref().and_then(|reads| reads.together.as_ref()).map(|one| {
        let accounts = i64::try_from(one.accounts).unwrap_or(i64::MAX);
        format!("; {}", together_words(message.channel, accounts))
    });
    let text = reads.map_or(message.content.text, |reads| reads.content.text);
    let ended = message.end_reason.map(|reason| format!("; ended by {reason}"));
    let detail = [
        format!("{}, {}", message.kind, message.state.as_str()),
        dated("accepted", message.accepted_at),
        dated("delivered", message.delivered_at),
        provider.unwrap_or_default(),
        code.unwrap_or_default(),
        ended.unwrap_or_default(),
        why,
        // How many, never who.
        together.unwrap_or_default(),
        // A link pays, so no file holds one.
        format!("; “{}”", without_tokens(&text)),
    ];
    Line {
        at: message.accepted_at.unwrap_or(message.created_at),
        what: if message.accepted_at.is_some() { "message" } else { "message not sent" }.into(),
        channel: message.channel.as_str().into(),
        detail: detail.concat(),
        by: message.created_by,
        reference: message.id.to_string(),
        chained: Default::default(),
    }
}

/// Who added, confirmed, changed or read the contact, from the audit log.
async fn touched(
    db: &mut Db,
    practice: &PracticeId,
    contact: &Contact,
) -> Result<Vec<Line>, Failure> {
    let filter = Filter { guarantor_id: Some(contact.guarantor.to_string()), ..Filter::default() };
    let rows = audit::list(db, practice, &filter, AUDIT_MOST).await?;
    let of_contact = rows.into_iter().filter(|row| row.object_id == contact.id.as_str());
    Ok(of_contact
        .map(|row| Line {
            at: row.at(),
            what: format!("audit: {}", row.verb),
            channel: String::new(),
            detail: [row.result.as_str(), row.detail.as_str()].join(" ").trim_end().to_owned(),
            by: format!("{}:{}", row.actor_kind, row.actor_id),
            reference: row.id,
            chained: (
                row.chain_no.map(|number| number.to_string()).unwrap_or_default(),
                row.chain_hash.unwrap_or_default(),
            ),
        })
        .collect())
}
