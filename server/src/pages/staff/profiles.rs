//! `GET /staff/profiles`, `/{version}`, `/{version}/edit` and `/staff/segments`: how the practice
//! reminds, as its proof reads and as its form is filled.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web};
use app::{
    components::{Errors, Query},
    pages::staff::{
        FilterFields, Outlook, OutlookSums, ProfileForm, ProfileLine, ProfileProof,
        ProfileQuestion, ProfileState, Profiles, ProofStep, SegmentLine, Segments, StepFields,
        decision_words::end_words,
        message_words::channel_name,
        profiles::{PATH, kind_words},
    },
};
use domain::{
    decide::Channel,
    id::{ProfileId, ProfileVersionId},
    profile::{Action, Paper, problems},
    staff::Permission,
};
use store::profile::{State, Version};

use crate::{
    failure::{Answer, Failure},
    house::House,
    naming::Names,
    profile_form::{self, Typed},
    session::Staff,
    workspace::{self, refused, shown},
};

pub const SECTION: &str = PATH;
const SEGMENTS: &str = "/staff/segments";

const fn state_of(state: State) -> ProfileState {
    match state {
        State::Draft => ProfileState::Draft,
        State::Approved => ProfileState::Approved,
        State::Active => ProfileState::Active,
        State::Retired => ProfileState::Retired,
    }
}

pub async fn list(house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::View).await?;
    show_list(&house, &staff, String::new(), Errors::new()).await
}

/// The list; 422 when a new profile was refused.
pub async fn show_list(house: &House, staff: &Staff, typed_name: String, errors: Errors) -> Answer {
    let mut db = house.store.read().await?;
    let versions = store::profile::list(&mut db, &staff.practice.id).await?;
    let first = versions.first().map(|version| version.profile.clone());
    let mut seen: Option<ProfileId> = None;
    let lines = versions
        .iter()
        .map(|version| {
            let is_newest = seen.as_ref() != Some(&version.profile);
            seen = Some(version.profile.clone());
            ProfileLine {
                id: version.id.to_string(),
                profile: version.profile.to_string(),
                name: version.profile_name.clone(),
                number: version.number,
                state: state_of(version.state),
                applies_to: version.document.applies_to.in_words(),
                steps: version.document.steps.len(),
                active_since: version.activated_at.filter(|_| version.state == State::Active),
                is_enrolling: version.is_enrolling && version.state == State::Active,
                may_rise: is_newest && first.as_ref() != Some(&version.profile),
            }
        })
        .collect();
    let is_refusal = !errors.is_empty();
    let page = Profiles {
        zone: staff.practice.zone(),
        lines,
        may_manage: staff.role.may(Permission::ManageProfiles),
        typed_name,
        errors,
    };
    let html = page.html(&workspace::shell(house, staff, SECTION));
    Ok(if is_refusal { refused(html) } else { shown(html) })
}

/// A version of this practice; anybody else's is not there.
pub async fn find(house: &House, staff: &Staff, id: &str) -> Result<Version, Failure> {
    let id: ProfileVersionId = id.parse().map_err(|_| Failure::NotFound)?;
    let mut db = house.store.read().await?;
    let found = store::profile::load(&mut db, &staff.practice.id, &id).await?;
    found.ok_or(Failure::NotFound)
}

pub async fn get(
    request: HttpRequest,
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
) -> Answer {
    staff.require(&house, Permission::View).await?;
    let query = Query::parse(request.query_string());
    show(&house, &staff, &id, query, Errors::new()).await
}

/// The proof; 422 when something was refused.
pub async fn show(house: &House, staff: &Staff, id: &str, query: Query, errors: Errors) -> Answer {
    let version = find(house, staff, id).await?;
    let mut db = house.store.read().await?;
    let labels = [&version.approved_by, &version.activated_by].into_iter().flatten();
    let labels = labels.map(String::as_str).chain([version.created_by.as_str()]);
    let names = Names::of(&mut db, labels).await?;
    let versions = store::profile::list(&mut db, &staff.practice.id).await?;
    drop(db);
    let samples = samples(house, staff, &version).await;
    let document = &version.document;
    let step_name = |id: Option<u16>| {
        let id = id?;
        document.steps.iter().find(|step| step.id == id).map(|step| step.name.clone())
    };
    let by = |label: &Option<String>, at| Some((names.get(label.as_ref()?), at?));
    let asks = match query.get("ask") {
        Some("approve") if version.state == State::Draft && problems(document).is_empty() => {
            Some(ProfileQuestion::Approve)
        }
        Some("activate") if version.state == State::Approved => Some(ProfileQuestion::Activate),
        Some("retire") if version.state != State::Retired => Some(ProfileQuestion::Retire),
        _ => None,
    };
    let may_manage = staff.role.may(Permission::ManageProfiles);
    let is_refusal = !errors.is_empty();
    let page = ProfileProof {
        zone: staff.practice.zone(),
        id: version.id.to_string(),
        name: version.profile_name.clone(),
        number: version.number,
        state: state_of(version.state),
        applies_to: document.applies_to.in_words(),
        paper: match document.paper {
            Paper::InAddition => "Come in addition".into(),
            Paper::InLieu => "Reminders take their place for who agreed to it".into(),
        },
        ends_after: document.ends_after_days,
        steps: document
            .steps
            .iter()
            .map(|step| ProofStep {
                id: step.id,
                name: step.name.clone(),
                when: upper_first(&step.when_in_words()),
                what: what(&step.action),
                only_if: step.only_if.in_words(),
                held_out: step.hold_out_percent,
                sample: first_channel(&step.action)
                    .and_then(|channel| samples.get(&channel).cloned()),
            })
            .collect(),
        problems: problems(document)
            .into_iter()
            .map(|problem| (step_name(problem.step), problem.sentence))
            .collect(),
        made: (names.get(&version.created_by), version.created_at),
        approved: by(&version.approved_by, version.approved_at),
        activated: by(&version.activated_by, version.activated_at),
        seen: version.updated_at.0,
        may_manage,
        asks: asks.filter(|_| may_manage),
        outlook: outlook(house, staff, &version, &versions, &query).await?,
        errors,
    };
    let html = page.html(&workspace::shell(house, staff, SECTION));
    Ok(if is_refusal { refused(html) } else { shown(html) })
}

/// A sample for each channel, as Preview shows it; none where the words cannot be put together.
async fn samples(house: &House, staff: &Staff, version: &Version) -> BTreeMap<Channel, String> {
    let mut found = BTreeMap::new();
    for channel in version.document.steps.iter().filter_map(|s| first_channel(&s.action)) {
        if found.contains_key(&channel) {
            continue;
        }
        if let Ok(preview) = house.engine.preview(&staff.practice.id, channel, None).await {
            let text = preview.text.or(preview.mail.map(|mail| mail.text));
            found.extend(text.map(|text| (channel, text)));
        }
    }
    found
}

fn first_channel(action: &Action) -> Option<Channel> {
    match action {
        Action::Remind { channels, .. } => channels.first().copied(),
        _ => None,
    }
}

/// An action as the proof reads it.
fn what(action: &Action) -> String {
    match action {
        Action::Remind { channels, words, with_call } => {
            let channels: Vec<String> =
                channels.iter().map(|c| channel_name(*c).to_lowercase()).collect();
            let call = if *with_call { ", and a person calls" } else { "" };
            format!("{} by {}{call}.", upper_first(kind_words(*words)), channels.join(", else by "))
        }
        Action::Call => "A person calls.".into(),
        Action::Letter => "A letter in the print queue.".into(),
        Action::ProposeCollections => "Proposed for collections; a manager decides.".into(),
        Action::Review => "A person looks at the account.".into(),
    }
}

fn upper_first(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

async fn outlook(
    house: &House,
    staff: &Staff,
    version: &Version,
    versions: &[Version],
    query: &Query,
) -> Result<Option<Outlook>, Failure> {
    let practice = &staff.practice.id;
    let found = house.engine.latest_forecast(practice, &version.id).await;
    let Some((trial, found)) = found.map_err(crate::refusals::failed)? else { return Ok(None) };
    let mut page = Outlook {
        is_running: trial.state == "running",
        accounts_done: trial.accounts_done,
        failure: trial.failure.clone(),
        as_of: trial.started_at,
        sums: Vec::new(),
        compare: Vec::new(),
        days: Vec::new(),
        hours: Vec::new(),
        calls: Vec::new(),
        fullest: Vec::new(),
        steps: Vec::new(),
        withheld: Vec::new(),
        examples: Vec::new(),
    };
    let Some(found) = found else { return Ok(Some(page)) };
    let title = |v: &Version| format!("{}, version {}", v.profile_name, v.number);
    page.sums.push(sums_of(title(version), &found));
    let other = query.get("with").and_then(|id| versions.iter().find(|v| v.id.as_str() == id));
    if let Some(other) = other {
        let second = house.engine.latest_forecast(practice, &other.id).await;
        if let Some((_, Some(second))) = second.map_err(crate::refusals::failed)? {
            page.sums.push(sums_of(title(other), &second));
        }
    }
    for other in versions.iter().filter(|v| v.id != version.id) {
        let tried = house.engine.latest_forecast(practice, &other.id).await;
        if let Some((_, Some(_))) = tried.map_err(crate::refusals::failed)? {
            page.compare.push((format!("{PATH}/{}?with={}", version.id, other.id), title(other)));
        }
    }
    let name = |id: u16| {
        let step = version.document.steps.iter().find(|step| step.id == id);
        step.map_or_else(|| format!("Step {id}"), |step| step.name.clone())
    };
    page.days = found.by_day.iter().map(|(day, by)| (*day, by.values().sum())).collect();
    page.hours = found.by_hour.iter().map(|(hour, count)| (*hour, *count)).collect();
    page.calls = found.calls_by_day.iter().map(|(day, count)| (*day, *count)).collect();
    page.fullest.clone_from(&found.fullest_hours);
    for (step, counts) in &found.by_step {
        for (what, count) in counts {
            page.steps.push((name(*step), turn_words(what).to_owned(), *count));
        }
    }
    page.withheld = found
        .withheld
        .iter()
        .map(|(rule, count)| {
            let words = match rule.as_str() {
                "no contact" => "No phone or email on file".to_owned(),
                "missed" => "Something stood in the way for three days".to_owned(),
                rule => end_words(rule),
            };
            (words, *count)
        })
        .collect();
    page.examples = found
        .examples
        .iter()
        .map(|one| {
            let events = one
                .events
                .iter()
                .map(|(at, step, what)| (*at, format!("{} ({})", name(*step), turn_words(what))));
            let href = format!("/staff/patients/{}", one.guarantor);
            (href, one.name.clone(), events.collect())
        })
        .collect();
    Ok(Some(page))
}

/// What came of a turn, in a word.
pub fn turn_words(code: &str) -> &str {
    match code {
        "sent" => "sent",
        "written" => "written",
        "text" => "text",
        "email" => "email",
        "voice" => "call",
        "fax" => "fax",
        "called" | "call" => "call by a person",
        "printed" | "letter" => "letter",
        "proposed" | "collections" => "proposed for collections",
        "held_out" => "left out on purpose",
        "conditions" => "conditions not met",
        "paperless" => "no letter: they agreed to none",
        "superseded" => "a later step went instead",
        "missed" => "missed",
        "withheld" => "nothing could be sent",
        other => other,
    }
}

fn dollars(micros: i64) -> String {
    format!("${:.2}", micros as f64 / 1_000_000.0)
}

fn sums_of(title: String, found: &engine::Outlook) -> OutlookSums {
    OutlookSums {
        title,
        accounts: found.accounts,
        theirs: found.theirs,
        messages: found.messages(),
        texts: found.texts,
        emails: found.emails,
        robot_calls: found.robot_calls,
        faxes: found.faxes,
        segments: found.segments,
        cost: dollars(found.cost_micros),
        costs: Channel::ALL
            .map(|channel| dollars(found.costs.get(channel.as_str()).copied().unwrap_or(0))),
        calls: found.calls,
        call_time: format!("{} h {} min", found.call_minutes / 60, found.call_minutes % 60),
        letters: found.letters,
        proposals: found.proposals,
        held_out: found.held_out,
        together: found.together,
        collisions: found.collisions,
        busiest: found.busiest.map(|(day, hour, count)| {
            format!("{count} on {} at {hour}:00", day.strftime("%b %-d"))
        }),
    }
}

pub async fn edit(house: web::Data<House>, staff: Staff, id: web::Path<String>) -> Answer {
    staff.require(&house, Permission::ManageProfiles).await?;
    let version = find(&house, &staff, &id).await?;
    if version.state != State::Draft {
        return Err(Failure::NotFound);
    }
    let typed = profile_form::typed_of(&version.document);
    let seen = version.updated_at.0;
    Ok(shown(form(&house, &staff, &version, typed, seen, Errors::new())))
}

/// The form with what was typed.
pub fn form(
    house: &House,
    staff: &Staff,
    version: &Version,
    typed: Typed,
    seen: i64,
    errors: Errors,
) -> String {
    let page = ProfileForm {
        id: version.id.to_string(),
        name: version.profile_name.clone(),
        number: version.number,
        seen,
        paper: typed.paper,
        ends_after: typed.ends_after,
        applies_to: typed.applies_to,
        steps: typed.steps,
        channels: profile_form::channels(&staff.practice),
        anchors: profile_form::anchors(),
        errors,
    };
    page.html(&workspace::shell(house, staff, SECTION))
}

/// An empty step, as "Add a step" gives it.
pub fn new_step(practice: &domain::practice::Practice) -> StepFields {
    let channels = profile_form::channels(practice);
    let code = |at: usize| channels.get(at).map(|(code, _)| code.clone()).unwrap_or_default();
    StepFields {
        days: "0".into(),
        anchor: "responsibility".into(),
        action: "remind".into(),
        channels: [code(0), code(1), String::new()],
        ..StepFields::default()
    }
}

/// Select Criteria with a saved segment chosen.
pub fn criteria_with(filter: &domain::segment::Filter) -> String {
    let filter = serde_json::to_string(filter).unwrap_or_default();
    Query::default().with("filter", &filter).href("/staff/statements/criteria")
}

pub async fn segments(house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::View).await?;
    show_segments(&house, &staff, String::new(), FilterFields::default(), Errors::new()).await
}

/// The saved segments; 422 when a new one was refused.
pub async fn show_segments(
    house: &House,
    staff: &Staff,
    typed_name: String,
    typed: FilterFields,
    errors: Errors,
) -> Answer {
    let mut db = house.store.read().await?;
    let lines = store::segment::list(&mut db, &staff.practice.id)
        .await?
        .into_iter()
        .map(|one| SegmentLine {
            id: one.id.to_string(),
            name: one.name,
            words: one.filter.in_words(),
            send: criteria_with(&one.filter),
        })
        .collect();
    let is_refusal = !errors.is_empty();
    let page = Segments {
        lines,
        may_manage: staff.role.may(Permission::ManageProfiles),
        typed_name,
        typed,
        errors,
    };
    let html = page.html(&workspace::shell(house, staff, SEGMENTS));
    Ok(if is_refusal { refused(html) } else { shown(html) })
}
