//! Doctored worlds: each invariant holds in the good one and fails in the bad one beside it.

use domain::{
    clock::HOUR_MS,
    id::{HoldId, MessageId},
};

use super::*;

const MARIA: &str = "gua_maria";
const PHONE: &str = "+12125550101";
const EMAIL: &str = "maria@example.org";
/// Wednesday, ten in New York.
const TEN: &str = "2026-03-04T10:00:00-05:00";

fn at(text: &str) -> UnixMs {
    UnixMs::parse_rfc3339(text).unwrap()
}

fn maria() -> GuarantorId {
    GuarantorId::trusted(MARIA)
}

fn account() -> Account {
    Account {
        phone: Some(PHONE.into()),
        email: Some(EMAIL.into()),
        agreed_to_texts: true,
        state: Some("NY".into()),
        zip: Some("10025".into()),
        owes_cents: 8_200,
        ..Account::default()
    }
}

/// Maria owes $82.00 and has begun one attempt.
fn facts() -> Facts {
    let mut facts = Facts::default();
    facts.book.accounts.insert(maria(), account());
    facts.attempts.insert("att_1".into(), maria());
    facts.agreed_cents.insert("att_1".into(), 8_200);
    facts
}

fn item(channel: Channel, to: &str) -> Delivered {
    Delivered {
        id: "text_1".into(),
        channel,
        at: TEN.into(),
        to: to.into(),
        from: "+15125550100".into(),
        subject: None,
        body: "http://127.0.0.1/p/abc".into(),
        html: None,
        headers: Vec::new(),
        link: Some("http://127.0.0.1/p/abc".into()),
        status: "delivered".into(),
        vendor_id: None,
        keys: None,
        answered_by: None,
        document: None,
        automatic: false,
    }
}

fn text() -> Delivered {
    item(Channel::Text, PHONE)
}

fn charge(attempt: &str, amount_cents: i64) -> ChargeView {
    ChargeView {
        id: "ch_1".into(),
        payment_intent: "pi_1".into(),
        amount_cents,
        refunded_cents: 0,
        succeeded: true,
        disputed: false,
        metadata: [("attempt_id".to_owned(), attempt.to_owned())].into(),
    }
}

fn reminder(run: &str, at: UnixMs) -> Reminder {
    Reminder {
        item: format!("{run} {at}"),
        to: PHONE.into(),
        guarantor: maria(),
        notice: run.into(),
        heard_by_contact: format!("{run} maria"),
        at,
    }
}

fn receipt(reference: &str, channel: &'static str) -> Receipt {
    Receipt { reference: reference.into(), channel, to: PHONE.into() }
}

#[test]
fn a_message_to_somebody_elses_phone_is_seen() {
    assert!(addressed(&account(), &text()).is_ok());
    assert!(addressed(&account(), &item(Channel::Text, "+12125550199")).is_err());
    assert!(addressed(&account(), &item(Channel::Email, PHONE)).is_err());
}

#[test]
fn a_text_at_night_is_seen_in_each_zone_its_owner_may_be_in() {
    assert!(awake(&account(), &text(), at(TEN)).is_ok());
    assert!(awake(&account(), &text(), at("2026-03-04T21:30:00-05:00")).is_err());
    // Ten in New York is seven in Los Angeles: by the phone, and by the address alone.
    let far = Account { zip: Some("90026".into()), state: Some("CA".into()), ..account() };
    assert!(awake(&far, &text(), at(TEN)).is_err());
    assert!(awake(&account(), &item(Channel::Text, "+12135550102"), at(TEN)).is_err());
    assert!(awake(&far, &item(Channel::Email, EMAIL), at(TEN)).is_ok());
}

#[test]
fn a_text_after_stop_and_a_reminder_after_unsubscribe_are_seen() {
    let mut facts = facts();
    let mail = item(Channel::Email, EMAIL);
    assert!(not_opted_out(&facts, &text(), Kind::Reminder).is_ok());
    assert!(not_opted_out(&facts, &mail, Kind::Reminder).is_ok());
    facts.stopped.insert(PHONE.into());
    facts.unsubscribed.insert(EMAIL.into());
    assert!(not_opted_out(&facts, &text(), Kind::Reminder).is_err());
    assert!(not_opted_out(&facts, &text(), Kind::Receipt).is_err());
    assert!(not_opted_out(&facts, &text(), Kind::Other).is_err());
    assert!(not_opted_out(&facts, &item(Channel::Call, PHONE), Kind::Ringing).is_err());
    assert!(not_opted_out(&facts, &mail, Kind::Reminder).is_err());
    assert!(not_opted_out(&facts, &mail, Kind::Receipt).is_ok());
    // RECEIPTS brings those back, and nothing else.
    facts.receipts_only.insert(PHONE.into());
    assert!(not_opted_out(&facts, &text(), Kind::Receipt).is_ok());
    assert!(not_opted_out(&facts, &text(), Kind::Reminder).is_err());
}

#[test]
fn a_call_after_a_nine_is_seen() {
    let mut facts = facts();
    let call = item(Channel::Call, PHONE);
    assert!(not_opted_out(&facts, &call, Kind::Ringing).is_ok());
    facts.calls_stopped.insert(PHONE.into());
    assert!(not_opted_out(&facts, &call, Kind::Ringing).is_err());
    assert!(not_opted_out(&facts, &text(), Kind::Reminder).is_ok());
}

#[test]
fn a_call_without_consent_and_a_fax_to_somebody_who_takes_texts_are_seen() {
    let facts = facts();
    let (call, fax) = (item(Channel::Call, PHONE), item(Channel::Fax, PHONE));
    assert!(consented(&facts, &account(), &call).is_err());
    let willing = Account { agreed_to_calls: true, ..account() };
    assert!(consented(&facts, &willing, &call).is_ok());
    assert!(consented(&facts, &account(), &fax).is_err());
    let silent = Account { agreed_to_texts: false, ..account() };
    assert!(consented(&facts, &silent, &fax).is_ok());
}

#[test]
fn a_link_that_nobody_asked_for_is_seen() {
    let mut facts = facts();
    assert!(asked_for(&facts, &text()).is_err());
    facts.asked_for_link.insert(PHONE.into());
    assert!(asked_for(&facts, &text()).is_ok());
}

#[test]
fn a_text_to_somebody_who_never_agreed_is_seen() {
    let mut facts = facts();
    let silent = Account { agreed_to_texts: false, ..account() };
    assert!(consented(&facts, &account(), &text()).is_ok());
    assert!(consented(&facts, &silent, &text()).is_err());
    assert!(consented(&facts, &silent, &item(Channel::Email, EMAIL)).is_ok());
    facts.started.insert(PHONE.into());
    assert!(consented(&facts, &silent, &text()).is_ok());
}

#[test]
fn a_reminder_to_somebody_on_hold_is_seen() {
    let mut facts = facts();
    assert!(not_held(&facts, &maria(), &text(), at(TEN)).is_ok());
    facts.held.insert(maria(), HoldId::trusted("hld_1"));
    assert!(not_held(&facts, &maria(), &text(), at(TEN)).is_err());
}

#[test]
fn a_reminder_against_somebodys_own_words_is_seen() {
    let mut facts = facts();
    let later = at(TEN).plus_ms(DAY_MS);
    facts.left_in_peace.insert(maria(), Some(later));
    assert!(not_held(&facts, &maria(), &text(), at(TEN)).is_err());
    assert!(not_held(&facts, &maria(), &text(), later).is_ok());
    facts.left_in_peace.insert(maria(), None);
    assert!(not_held(&facts, &maria(), &text(), later).is_err());
}

#[test]
fn a_reminder_to_somebody_who_has_paid_is_seen() {
    let mut facts = facts();
    assert!(still_owes(&facts, &maria(), &[], &text()).is_ok());
    assert!(still_owes(&facts, &maria(), &[charge("att_1", 4_000)], &text()).is_ok());
    assert!(still_owes(&facts, &maria(), &[charge("att_1", 8_200)], &text()).is_err());
    // A card that was declined, and somebody else's money, pay nothing.
    let declined = ChargeView { succeeded: false, ..charge("att_1", 8_200) };
    assert!(still_owes(&facts, &maria(), &[declined, charge("att_2", 8_200)], &text()).is_ok());
    facts.asked_back.insert("pi_1".into(), 4_100);
    assert!(still_owes(&facts, &maria(), &[charge("att_1", 8_200)], &text()).is_ok());
}

#[test]
fn one_reminder_too_many_is_seen_for_the_person_and_for_the_phone() {
    let day = |days: i64, hours: i64| at(TEN).plus_ms(days * DAY_MS + hours * HOUR_MS);
    let runs = |times: &[UnixMs]| -> Vec<Reminder> {
        times.iter().enumerate().map(|(n, at)| reminder(&format!("job_{n}"), *at)).collect()
    };
    assert!(within_caps(&runs(&[day(0, 0), day(1, 0), day(7, 0), day(8, 0)])).is_ok());
    assert!(within_caps(&runs(&[day(0, 0), day(0, 23)])).is_err());
    assert!(within_caps(&runs(&[day(0, 0), day(2, 0), day(6, 23)])).is_err());
    let five = [day(0, 0), day(2, 0), day(8, 0), day(10, 0), day(29, 0)];
    assert!(within_caps(&runs(&five)).is_err());
    // A text and an email of one run are one notice.
    let both = [
        reminder("job_1", day(0, 0)),
        Reminder { to: EMAIL.into(), ..reminder("job_1", day(0, 1)) },
    ];
    assert!(within_caps(&both).is_ok());
    // Its later half counts too: a day after the first is less than a day after the second.
    let next = |hours| [&both[..], &[reminder("job_2", day(1, hours))]].concat();
    assert!(within_caps(&next(0)).is_err());
    assert!(within_caps(&next(1)).is_ok());
    // Two people who share a phone share its caps.
    let ann = |at| Reminder {
        guarantor: GuarantorId::trusted("gua_ann"),
        heard_by_contact: "job_1 ann".into(),
        ..reminder("job_1", at)
    };
    assert!(within_caps(&[reminder("job_1", day(0, 0)), ann(day(0, 1))]).is_err());
    // One message for both is one for the phone, and one for each of them.
    let maria = reminder("job_1", day(0, 0));
    let with = Reminder { heard_by_contact: maria.heard_by_contact.clone(), ..ann(day(0, 0)) };
    assert!(within_caps(&[maria.clone(), with.clone()]).is_ok());
    let again = Reminder { notice: "job_2".into(), to: "ann@example.org".into(), ..ann(day(0, 5)) };
    assert!(within_caps(&[maria, with, again]).is_err(), "Ann was told of it that morning");
}

#[test]
fn a_message_for_a_crowd_or_twice_for_one_account_is_seen() {
    assert!(few_enough(&["a", "b", "c"], &text()).is_ok());
    assert!(few_enough(&["a", "b", "c", "d"], &text()).is_err());
    assert!(few_enough(&[], &text()).is_err());
    let of = |guarantor: &str| Reminder {
        item: text().id,
        guarantor: GuarantorId::trusted(guarantor),
        ..reminder("job_1", at(TEN))
    };
    assert!(told_apart(&[of("gua_a"), of("gua_b")], &text()).is_ok());
    assert!(told_apart(&[of("gua_a"), of("gua_a")], &text()).is_err());
}

#[test]
fn every_link_of_a_message_is_read() {
    let mut both = text();
    both.body = "Elm: pay http://127.0.0.1/p/abc-1 Reply STOP.\nAnother account: \
                 http://127.0.0.1/p/x_9\nhttp://127.0.0.1/p/abc-1."
        .into();
    assert_eq!(crate::letter::tokens(&both), ["abc-1", "x_9"]);
}

#[test]
fn a_second_charge_a_foreign_one_and_a_wrong_amount_are_seen() {
    let facts = facts();
    let good = charge("att_1", 8_200);
    assert!(charged_once(&facts, std::slice::from_ref(&good)).is_ok());
    assert!(charged_once(&facts, &[good.clone(), good.clone()]).is_err());
    assert!(charged_once(&facts, &[charge("att_9", 8_200)]).is_err());
    assert!(charged_once(&facts, &[charge("att_1", 8_300)]).is_err());
    let nobodys = ChargeView { metadata: BTreeMap::new(), ..good.clone() };
    assert!(charged_once(&facts, &[nobodys]).is_err());
    let declined = ChargeView { succeeded: false, ..good.clone() };
    assert!(charged_once(&facts, &[declined, good]).is_ok());
}

#[test]
fn a_cent_too_many_or_too_few_is_seen() {
    let good = Cents {
        charged_and_booked: 8_200,
        kept_there: 7_200,
        given_back_there: 1_000,
        ledger: 7_200,
    };
    assert!(nothing_invented(good).is_ok() && conserved(good).is_ok());
    // The refund's news is under way.
    let behind = Cents { ledger: 8_200, ..good };
    assert!(nothing_invented(behind).is_ok() && conserved(behind).is_err());
    assert!(nothing_invented(Cents { ledger: 8_201, ..good }).is_err());
    assert!(nothing_invented(Cents { ledger: 7_199, ..good }).is_err());
    assert!(conserved(Cents { kept_there: 7_201, ..good }).is_err());
}

#[test]
fn a_second_receipt_is_seen() {
    let (by_text, by_email) = (receipt("4F7K-2M9P", "text"), receipt("4F7K-2M9P", "email"));
    assert!(no_receipt_twice(&[by_text.clone(), by_email.clone()]).is_ok());
    assert!(no_receipt_twice(&[by_text.clone(), by_email, by_text]).is_err());
}

#[test]
fn a_receipt_that_never_came_is_seen() {
    let mut facts = facts();
    let paid = [Paid { reference: "4F7K-2M9P".into(), guarantor: maria() }];
    let (by_text, by_email) = (receipt("4F7K-2M9P", "text"), receipt("4F7K-2M9P", "email"));
    assert!(no_receipt_missing(&facts, &paid, &[by_text.clone(), by_email.clone()]).is_ok());
    assert!(no_receipt_missing(&facts, &paid, std::slice::from_ref(&by_text)).is_err());
    assert!(no_receipt_missing(&facts, &paid, std::slice::from_ref(&by_email)).is_err());
    // One that the script lost, or that died with its worker, and one to nobody who may be texted.
    // A text is looked up and sent again.
    facts.mail_in_dead_hands.insert(MessageId::trusted("msg_1"));
    assert!(no_receipt_missing(&facts, &paid, std::slice::from_ref(&by_text)).is_ok());
    assert!(no_receipt_missing(&facts, &paid, std::slice::from_ref(&by_email)).is_err());
    facts.mail_in_dead_hands.clear();
    facts.lost.insert("email", 1);
    assert!(no_receipt_missing(&facts, &paid, &[by_text]).is_ok());
    facts.lost.clear();
    facts.given_up.insert("text", 1);
    assert!(no_receipt_missing(&facts, &paid, std::slice::from_ref(&by_email)).is_ok());
    facts.given_up.clear();
    assert!(no_receipt_missing(&facts, &paid, std::slice::from_ref(&by_email)).is_err());
    facts.not_reached.insert(PHONE.into());
    assert!(no_receipt_missing(&facts, &paid, std::slice::from_ref(&by_email)).is_ok());
    facts.not_reached.clear();
    facts.ever_stopped.insert(PHONE.into());
    assert!(no_receipt_missing(&facts, &paid, &[by_email]).is_ok());
}

#[test]
fn a_lease_that_does_not_end_is_seen() {
    let now = at(TEN);
    assert!(leases_end(0, None, now, 60_000).is_ok());
    assert!(leases_end(1, None, now, 60_000).is_err());
    assert!(leases_end(1, Some(now), now.plus_ms(59_999), 60_000).is_ok());
    assert!(leases_end(1, Some(now), now.plus_ms(60_000), 60_000).is_err());
}
