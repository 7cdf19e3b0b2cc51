//! Doctored worlds for what is asked about reminders of jobs and ladders.

use domain::{
    clock::HOUR_MS,
    id::{ClaimId, ProfileId, ProfileVersionId},
    profile::{Action, Anchor, Paper, Profile, Step, Turn},
    segment::Filter,
};
use jiff::civil::{Date, date};

use super::*;

/// Wednesday, nine in New York.
const NINE: &str = "2026-03-04T09:00:00-05:00";

fn at(text: &str) -> UnixMs {
    UnixMs::parse_rfc3339(text).unwrap()
}

fn arrived(message: &str) -> Arrived {
    Arrived {
        message: MessageId::trusted(message),
        guarantor: GuarantorId::trusted("gua_maria"),
        channel: Channel::Text,
        job: Some(JobId::trusted("job_1")),
        notice: "job_1:gua_maria".into(),
        is_of_ladder: false,
        slot_at: at(NINE),
        at: at(NINE),
        words: Some("pay here".into()),
    }
}

#[test]
fn a_message_that_arrives_twice_and_a_notice_that_does_are_seen() {
    let (text, mail) = (arrived("msg_1"), Arrived { channel: Channel::Email, ..arrived("msg_2") });
    assert!(once(&[text.clone(), mail.clone()]).is_ok());
    assert!(once(&[text.clone(), mail.clone(), text.clone()]).is_err());
    assert!(once(&[text.clone(), mail.clone(), arrived("msg_3")]).is_err());
    let next = Arrived { notice: "job_2:gua_maria".into(), ..arrived("msg_3") };
    assert!(once(&[text, mail, next]).is_ok());
}

#[test]
fn a_reminder_without_a_yes_or_with_other_words_is_seen() {
    let mut facts = Facts::default();
    let one = arrived("msg_1");
    assert!(approved(&facts, &one).is_err());
    facts.approved_words.entry(one.message.clone()).or_default().insert("pay here".into());
    assert!(approved(&facts, &one).is_ok());
    assert!(approved(&facts, &Arrived { words: Some("pay more".into()), ..one.clone() }).is_err());
    assert!(approved(&facts, &Arrived { words: None, ..one }).is_ok());
    let ladder = Arrived { is_of_ladder: true, ..arrived("msg_2") };
    assert!(approved(&facts, &ladder).is_ok(), "this practice asks for no yes");
    facts.asks_for_yes = true;
    assert!(approved(&facts, &ladder).is_err());
}

#[test]
fn what_staff_took_back_or_let_rest_is_seen() {
    let mut facts = Facts::default();
    let one = arrived("msg_1");
    assert!(wanted(&facts, &one).is_ok());
    facts.resting.insert(JobId::trusted("job_1"));
    assert!(wanted(&facts, &one).is_err());
    facts.resting.clear();
    facts.taken_back.insert(one.message.clone());
    assert!(wanted(&facts, &one).is_err());
}

#[test]
fn an_old_reminder_and_a_burst_are_seen() {
    let one = arrived("msg_1");
    assert!(fresh(&Arrived { at: at(NINE).plus_ms(DAY_MS), ..one.clone() }).is_ok());
    assert!(fresh(&Arrived { at: at(NINE).plus_ms(DAY_MS + 1), ..one }).is_err());
    let (first, second) = (at(NINE), at(NINE).plus_ms(SECOND_MS));
    assert!(spaced(&[second, first]).is_ok());
    assert!(spaced(&[first, second.minus_ms(1)]).is_err());
}

/// A bill of 2 March with a step two days after it, at nine; an older one of 1 February.
fn account() -> Account {
    let bill = |cents, since| Bill { cents, since, first_statement: None, due_on: None };
    let bills = vec![bill(5_000, date(2026, 2, 1)), bill(8_200, date(2026, 3, 2))];
    Account { bills, ..Account::default() }
}

fn activated(on: Date) -> Activated {
    let step = Step {
        id: 1,
        name: "Soon".into(),
        anchor: Anchor::Responsibility,
        days: 2,
        repeat: None,
        action: Action::Letter,
        hour: None,
        only_if: Filter::default(),
        hold_out_percent: 50,
    };
    let document = Profile {
        paper: Paper::InAddition,
        applies_to: Filter::default(),
        steps: vec![step],
        ends_after_days: 90,
    };
    Activated { document, at: at(&format!("{on}T12:00:00-05:00")) }
}

fn turn(slot: UnixMs, written: UnixMs) -> ladder::Step {
    ladder::Step {
        profile: ProfileId::trusted("prf_1"),
        version: ProfileVersionId::trusted("pfv_1"),
        cycle: ClaimId::trusted("clm_1"),
        turn: Turn { step: 1, occurrence: 0 },
        outcome: "written".into(),
        slot_at: slot,
        at: written,
        notice: Some("ldr_1".into()),
        accepted_at: None,
        failed: Vec::new(),
    }
}

#[test]
fn a_turn_before_its_activation_after_its_grace_or_on_no_bills_day_is_seen() {
    let (account, slot) = (account(), at(NINE));
    let (early, late) = (activated(date(2026, 3, 1)), activated(date(2026, 3, 4)));
    let good = turn(slot, slot.plus_ms(HOUR_MS));
    let asked = |activated, turn: &ladder::Step| {
        in_turn(&account, activated, turn, std::slice::from_ref(turn), 5_000)
    };
    assert!(asked(Some(&early), &good).is_ok());
    assert!(asked(Some(&late), &good).is_err(), "its hour lay before the activation");
    assert!(asked(None, &good).is_err(), "nobody activated that");
    assert!(asked(Some(&early), &turn(slot, slot.plus_ms(GRACE_MS + 1))).is_err());
    assert!(asked(Some(&early), &turn(slot, slot.minus_ms(1))).is_err());
    let nowhere = slot.plus_ms(HOUR_MS);
    assert!(asked(Some(&early), &turn(nowhere, nowhere)).is_err());
}

#[test]
fn a_ladder_on_a_newer_bill_while_an_older_one_is_open_is_seen() {
    let (account, slot) = (account(), at(NINE));
    let activated = activated(date(2026, 3, 1));
    let turn = turn(slot, slot);
    let turns = std::slice::from_ref(&turn);
    assert!(in_turn(&account, Some(&activated), &turn, turns, 5_000).is_ok());
    assert!(in_turn(&account, Some(&activated), &turn, turns, 4_999).is_err());
    let credited = Account { credit_cents: 1, ..account };
    assert!(in_turn(&credited, Some(&activated), &turn, turns, 4_999).is_ok());
}

#[test]
fn a_reminder_to_somebody_who_is_left_out_of_the_step_is_seen() {
    let (account, slot) = (account(), at(NINE));
    let activated = activated(date(2026, 3, 1));
    let good = turn(slot, slot);
    let out = ladder::Step { outcome: "held_out".into(), ..good.clone() };
    let asked = |turns: &[ladder::Step]| in_turn(&account, Some(&activated), &good, turns, 5_000);
    assert!(asked(&[good.clone(), out.clone()]).is_err());
    let of_before = ladder::Step { version: ProfileVersionId::trusted("pfv_0"), ..out };
    assert!(asked(&[good.clone(), of_before]).is_ok());
}

#[test]
fn two_reminders_at_one_look_and_a_turn_taken_twice_are_seen() {
    let (first, later) = (turn(at(NINE), at(NINE)), at(NINE).plus_ms(HOUR_MS));
    let second = Turn { step: 2, occurrence: 0 };
    let next = ladder::Step { turn: second, at: later, ..first.clone() };
    assert!(one_at_a_time(&[first.clone(), next.clone()]).is_ok());
    assert!(one_at_a_time(&[first.clone(), ladder::Step { at: at(NINE), ..next }]).is_err());
    let again = ladder::Step { at: later, ..first.clone() };
    assert!(one_at_a_time(&[first, again]).is_err());
}

#[test]
fn a_report_that_moves_a_message_back_is_seen() {
    let states = |state| BTreeMap::from([(MessageId::trusted("msg_1"), state)]);
    let asked = |was, is| never_backwards(&states(was), &states(is));
    assert!(asked(State::Queued, State::Sending).is_ok());
    assert!(asked(State::Unknown, State::Queued).is_ok());
    assert!(asked(State::Accepted, State::Delivered).is_ok());
    assert!(asked(State::Failed, State::Delivered).is_ok());
    assert!(asked(State::Delivered, State::Failed).is_err());
    assert!(asked(State::Delivered, State::Accepted).is_err());
    assert!(asked(State::Failed, State::Accepted).is_err());
    assert!(asked(State::Cancelled, State::Queued).is_err());
    assert!(never_backwards(&states(State::Queued), &BTreeMap::new()).is_err());
}

#[test]
fn two_answers_to_one_text_and_one_that_says_too_much_are_seen() {
    let carrier = Inbound { automatic_reply: Some("Stopped.".into()), ..Inbound::default() };
    assert!(answered(&carrier).is_ok());
    assert!(answered(&Inbound { replies: vec!["Stopped.".into()], ..carrier }).is_err());
    let ours = |text: &str| Inbound { replies: vec![text.into()], ..Inbound::default() };
    assert!(answered(&ours("Call us.")).is_ok());
    assert!(answered(&ours("You owe $82.00.")).is_err());
    assert!(answered(&ours("Pay: http://127.0.0.1/p/abc")).is_err());
    assert!(ended_at_once("stop", 0).is_ok() && ended_at_once("stop", 1).is_err());
}

#[test]
fn an_amount_on_a_machine_is_seen() {
    let call = |who: &str, body: &str| Delivered {
        id: "call_1".into(),
        channel: Channel::Call,
        at: NINE.into(),
        to: "+12125550101".into(),
        from: "+15125550100".into(),
        subject: None,
        body: body.into(),
        html: None,
        headers: Vec::new(),
        link: None,
        status: "delivered".into(),
        vendor_id: None,
        keys: None,
        answered_by: Some(who.into()),
        document: None,
        automatic: false,
    };
    assert!(discreet(&call("machine_end_beep", "Please call us.")).is_ok());
    assert!(discreet(&call("machine_end_beep", "You owe $82.00.")).is_err());
    assert!(discreet(&call("human", "You owe $82.00.")).is_ok());
}
