//! Clearbill's own CSV and the contacts file.

use domain::{
    arrangement::{Arrangement, Autopay, Charge, Instalment, LastFour, Paperless, Plan},
    decide::PlanStanding,
};

use super::*;

const AS_OF: Date = date(2026, 3, 4);
const SHORT: &str = "patient_id,patient_name,claim_id,claim_status,line_id,service_on,charged,patient_due,insurance_state";

fn hear_text(text: impl AsRef<[u8]>) -> Heard {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "book.csv", text);
    hear(&path, Format::Clearbill, &options(AS_OF)).unwrap()
}

fn fault(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "book.csv", text);
    hear(&path, Format::Clearbill, &options(AS_OF)).unwrap_err().to_string()
}

#[test]
fn the_format_page_names_every_column_and_no_other() {
    for (format, known) in [
        (clearbill_csv::FORMAT, clearbill_csv::column_names()),
        (contacts::FORMAT, contacts::column_names()),
    ] {
        let first_cells = format.lines().skip(2).filter_map(|line| line.split('|').nth(1));
        let named: BTreeSet<&str> =
            first_cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
        assert_eq!(named, known.iter().copied().collect());
    }
}

#[test]
fn a_full_row_says_everything_it_can() {
    let text = "guarantor_id,guarantor_name,guarantor_dob,guarantor_ssn4,address,city,state,zip,language,phone,phone_text_consent,phone_consent_on,phone_consent_source,phone_call_opt_in,email,preferred,patient_id,patient_name,patient_dob,encounter_id,claim_id,claim_status,line_id,service_on,place,description,charged,insurance_paid,adjusted,patient_paid,patient_due,insurance_state,due_since_on,first_statement_on,due_on,posted_payment_ref,returned_check,visit_completed\n\
        g1,Maria Lopez,1984-05-17,1234,\"12 Elm St, Apt 3\",New York,NY,10025,es,(212) 555-0123,yes,2025-06-01,intake form,no,Maria@Example.org,both,p1,Leo Lopez,2015-01-02,e1,c1,Ready to send statements,l1,2026-02-01,Main Street,\"Office visit, \"\"new\"\"\",150.00,60,8.00,0,82.00,finished,2026-02-20,,2026-03-20,pay_1,no,yes\n";
    let heard = hear_text(text);
    assert_eq!(heard.refused, []);
    let [guarantor, patient, contact, posted, claim] = &heard.said[..] else { panic!("{heard:?}") };
    let BookRow::Guarantor(guarantor) = &guarantor.row else { panic!() };
    assert_eq!((guarantor.name.as_str(), guarantor.is_minor), ("Maria Lopez", false));
    assert_eq!(guarantor.address.street.as_deref(), Some("12 Elm St, Apt 3"));
    let BookRow::Patient(patient) = &patient.row else { panic!() };
    assert_eq!((patient.guarantor_external_id.as_deref(), patient.is_minor), (Some("g1"), true));
    assert_eq!(patient.ssn4, None, "the guarantor's digits are not the child's");
    let BookRow::Contact(contact) = &contact.row else { panic!() };
    assert_eq!(contact.phone.as_ref().unwrap().as_str(), "+12125550123");
    assert_eq!(contact.email.as_ref().unwrap().as_str(), "maria@example.org");
    let consent = contact.text_consent.as_ref().unwrap();
    assert_eq!((consent.is_granted, consent.source.as_deref()), (true, Some("intake form")));
    assert_eq!(contact.call_opt_in, Some(false));
    let BookRow::PaymentPosted(posted) = &posted.row else { panic!() };
    assert_eq!((posted.payment_ref.as_str(), posted.claim_external_id.as_str()), ("pay_1", "c1"));
    let BookRow::Claim(claim) = &claim.row else { panic!() };
    assert_eq!((claim.status, claim.due_since_on), (ClaimStatus::Ready, Some(date(2026, 2, 20))));
    assert_eq!(claim.visit_completed_on, Some(date(2026, 2, 1)));
    assert_eq!(claim.description.as_deref(), Some("Office visit, \"new\""));
    let amounts = claim.totals();
    assert_eq!(
        (amounts.charged, amounts.insurance_paid, amounts.due),
        (Cents(15_000), Cents(6_000), Cents(8_200))
    );
}

#[test]
fn nine_columns_are_enough_and_their_order_is_free() {
    let heard = hear_text(
        "insurance_state,patient_due,charged,service_on,line_id,claim_status,claim_id,patient_name,patient_id\n\
         self_pay,10.00,10.00,2026-01-05,1,ready,c1,Ann Chen,p1\n",
    );
    assert_eq!(heard.refused, []);
    let claim = heard.claims()[0];
    assert_eq!(claim.due_since_on, Some(date(2026, 1, 5)), "the visit, when nothing else is said");
    assert_eq!(claim.guarantor_external_id, None);
    assert_eq!(heard.said.len(), 2);
}

#[test]
fn a_column_that_is_unknown_missing_or_there_twice_is_named() {
    assert_eq!(
        fault(&format!("{SHORT},pateint_due\n")),
        "book.csv has a column that is not part of the format: “pateint_due”. Remove or rename it."
    );
    assert_eq!(
        fault(&SHORT.replace(",patient_due", "")),
        "book.csv has no column patient_due. Add it; the format page lists what is needed."
    );
    assert_eq!(
        fault(&format!("{SHORT},charged\n")),
        "book.csv has the column “charged” twice. Keep one."
    );
    assert_eq!(fault(""), "book.csv is empty. Export it with its first line of column names.");
}

#[test]
fn rows_of_a_claim_become_one_claim_and_rows_apart_become_pieces() {
    let heard = hear_text(format!(
        "{SHORT}\n\
         p1,Ann Chen,c1,ready,1,2026-01-05,10.00,4.00,finished\n\
         p1,Ann Chen,c1,ready,2,2026-01-04,10.00,-1.00,finished\n\
         p1,Ann Chen,c2,ready,1,2026-01-05,10.00,4.00,pending\n\
         p1,Ann Chen,c1,ready,3,2026-01-05,10.00,4.00,finished\n"
    ));
    assert_eq!(heard.refused, []);
    let claims = heard.claims();
    let pieces: Vec<(&str, usize)> =
        claims.iter().map(|c| (c.external_id.as_str(), c.lines.len())).collect();
    assert_eq!(pieces, [("c1", 2), ("c2", 1), ("c1", 1)]);
    assert_eq!((claims[0].totals().due, claims[0].service_on), (Cents(300), date(2026, 1, 4)));
    assert_eq!(heard.patients().len(), 1, "the same patient is said once");
}

#[test]
fn a_bad_row_is_refused_and_its_claim_is_marked() {
    let heard = hear_text(format!(
        "{SHORT}\n\
         p1,Ann Chen,c1,ready,1,2026-01-05,10.00,x,finished\n\
         p1,Ann Chen,c1,ready,2,2026-01-05,10.00,4.00,finished\n\
         p1,Ann Chen,c2,ready,1,2026-01-05,10.00,4.00,finished\n"
    ));
    assert_eq!(heard.reasons(), [(2, "patient_due".to_owned(), RefusalReason::NotAnAmount)]);
    let marked: Vec<bool> = heard.claims().iter().map(|c| c.has_refused_lines).collect();
    assert_eq!(marked, [true, false]);
    assert_eq!((heard.tally.rows, heard.tally.refused), (3, 1));
}

#[test]
fn rows_that_contradict_each_other_are_refused() {
    let heard = hear_text(format!(
        "{SHORT}\n\
         p1,Ann Chen,c1,ready,1,2026-01-05,10.00,4.00,finished\n\
         p1,Ann Chen,c1,ready,1,2026-01-05,10.00,4.00,finished\n\
         p2,Bo Li,c1,ready,2,2026-01-05,10.00,4.00,finished\n\
         p1,Ann Chan,c1,ready,3,2026-01-05,10.00,4.00,finished\n\
         p1,Ann Chen,c1,settled,4,2026-01-05,10.00,4.00,finished\n\
         p3,Cy Ode,c3,settled,1,2026-01-05,10.00,4.00,finished\n"
    ));
    let expected = [
        (3, "line_id", RefusalReason::SaidTwice),
        (4, "patient_id", RefusalReason::ClaimDisagrees),
        (5, "patient_id", RefusalReason::SaidDifferently),
        (6, "claim_status", RefusalReason::ClaimDisagrees),
        (7, "claim_status", RefusalReason::SettledButOwing),
    ];
    let expected: Vec<_> = expected.iter().map(|(l, c, r)| (*l, (*c).to_owned(), *r)).collect();
    assert_eq!(heard.reasons(), expected);
    assert!(heard.claims()[0].has_refused_lines);
}

#[test]
fn what_our_own_export_escaped_comes_back_as_it_was() {
    let heard = hear_text(format!(
        "{SHORT},phone,description\n\
         p1,'=Ann Chen,c1,ready,1,2026-01-05,10.00,'-4.00,finished,'+12125550123,'@home\n"
    ));
    assert_eq!(heard.refused, []);
    assert_eq!(heard.patients()[0].name, "=Ann Chen");
    assert_eq!(heard.claims()[0].totals().due, Cents(-400));
    assert_eq!(heard.claims()[0].description.as_deref(), Some("@home"));
}

#[test]
fn contacts_name_a_guarantor_and_what_they_agreed_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(
        folder.path(),
        "contacts.csv",
        "patient_id,guarantor_id,guarantor_name,guarantor_dob,guarantor_ssn4,phone,email,text_consent,source,at,language,state,zip\n\
         p1,g9,Rosa Wuckert,1980-02-03,4321,+1 617 555 0101,rosa@example.org,yes,intake form,2026-01-01,en,MA,02081\n\
         p2,,,,,617-555-0102,,no,phone call,2026-01-01T10:00:00-05:00,,,\n\
         p3,,,,,,ann@example.org,,,,,,\n\
         p4,,,,,,,,,,,,\n\
         p5,,,,,,,yes,form,2026-01-01,,,\n\
         p6,,,,,617 555 0103,,yes,form,2027-01-01,,,\n\
         p7,,,,,617 555,,,,,,,\n",
    );
    assert_eq!(detect(&Input::open(&path).unwrap()).unwrap(), Format::Contacts);
    let heard = hear(&path, Format::Contacts, &options(AS_OF)).unwrap();
    let expected = [
        (5, "patient_id", RefusalReason::NothingSaid),
        (6, "text_consent", RefusalReason::ConsentWithoutPhone),
        (7, "at", RefusalReason::DateInFuture),
        (8, "phone", RefusalReason::NotAPhone),
    ];
    let expected: Vec<_> = expected.iter().map(|(l, c, r)| (*l, (*c).to_owned(), *r)).collect();
    assert_eq!(heard.reasons(), expected);
    let owners: Vec<Owner> = heard
        .said
        .iter()
        .filter_map(|said| match &said.row {
            BookRow::Contact(contact) => Some(contact.owner.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(
        owners,
        [
            Owner::Guarantor("g9".to_owned()),
            Owner::GuarantorOfPatient("p2".to_owned()),
            Owner::GuarantorOfPatient("p3".to_owned()),
        ]
    );
    assert_eq!((heard.tally.rows, heard.tally.refused, heard.said.len()), (7, 4, 6));
}

const AGREED: &str = "payment_plan,plan_amount,plan_next_on,autopay,card_last4,charge_amount,\
charge_on,failed_autopay_on,high_deductible,paperless,paperless_consent_on";

/// One patient with these cells of [`AGREED`].
fn hear_agreed(cells: &str) -> Heard {
    hear_text(format!(
        "{SHORT},{AGREED}\np1,Ann Chen,c1,ready,1,2026-01-05,10.00,4.00,finished,{cells}\n"
    ))
}

fn agreed(cells: &str) -> Option<Arrangement> {
    let heard = hear_agreed(cells);
    assert_eq!(heard.refused, [], "{cells}");
    heard.said.into_iter().find_map(|said| match said.row {
        BookRow::Arrangement(found) => {
            assert_eq!(found.owner, Owner::GuarantorOfPatient("p1".to_owned()));
            Some(found.said)
        }
        _ => None,
    })
}

#[test]
fn what_was_agreed_about_paying_is_read_part_by_part() {
    let card = LastFour::parse("0042").unwrap();
    let on = date(2026, 3, 20);
    let nothing = Arrangement::default();
    let instalment = Some(Instalment { amount: Cents(50_00), on });
    let plan = |standing, next| Some(Plan { standing, next });
    let autopay = |is_on, card, charge, failed_on| Some(Autopay { is_on, card, charge, failed_on });
    let charge = Some(Charge { card, amount: Cents(125_50), on });
    let paper = |is_wanted, consent_on| Some(Paperless { is_wanted, consent_on });
    let failed = Some(date(2026, 3, 3));
    let cases = [
        (
            "current,50,2026-03-20,,,,,,,,",
            Arrangement { plan: plan(PlanStanding::Kept, instalment), ..nothing },
        ),
        (
            "Behind,50.00,2026-03-20,,,,,,,,",
            Arrangement { plan: plan(PlanStanding::Behind, instalment), ..nothing },
        ),
        ("current,,,,,,,,,,", Arrangement { plan: plan(PlanStanding::Kept, None), ..nothing }),
        ("no,,,,,,,,,,", Arrangement { plan: plan(PlanStanding::NoPlan, None), ..nothing }),
        (
            ",,,yes,0042,125.50,2026-03-20,,,,",
            Arrangement { autopay: autopay(true, Some(card), charge, None), ..nothing },
        ),
        (
            ",,,yes,,,,2026-03-03,,,",
            Arrangement { autopay: autopay(true, None, None, failed), ..nothing },
        ),
        (
            ",,,no,0042,,,2026-03-03,,,",
            Arrangement { autopay: autopay(false, Some(card), None, failed), ..nothing },
        ),
        (",,,,,,,,yes,,", Arrangement { has_high_deductible: Some(true), ..nothing }),
        (",,,,,,,,no,,", Arrangement { has_high_deductible: Some(false), ..nothing }),
        (
            ",,,,,,,,,yes,2026-02-01",
            Arrangement { paperless: paper(true, Some(date(2026, 2, 1))), ..nothing },
        ),
        (",,,,,,,,,no,", Arrangement { paperless: paper(false, None), ..nothing }),
    ];
    for (cells, expected) in cases {
        assert_eq!(agreed(cells), Some(expected), "{cells}");
    }
    assert_eq!(agreed(",,,,,,,,,,"), None, "empty cells say nothing");
}

#[test]
fn what_cannot_be_agreed_is_refused_with_its_column() {
    use RefusalReason::{
        AmountTooLarge, CardNumber, DateInFuture, DateTooFar, Missing, NotAChoice, NotADate,
        NotLastFour, NotPositive, NotYesOrNo, SaidNo,
    };
    for (cells, column, reason) in [
        ("maybe,,,,,,,,,,", "payment_plan", NotAChoice),
        (",50.00,2026-03-20,,,,,,,,", "payment_plan", Missing),
        ("current,50.00,,,,,,,,,", "plan_next_on", Missing),
        ("current,,2026-03-20,,,,,,,,", "plan_amount", Missing),
        ("no,50.00,2026-03-20,,,,,,,,", "plan_amount", SaidNo),
        ("current,0.00,2026-03-20,,,,,,,,", "plan_amount", NotPositive),
        ("current,-5.00,2026-03-20,,,,,,,,", "plan_amount", NotPositive),
        ("current,100000001.00,2026-03-20,,,,,,,,", "plan_amount", AmountTooLarge),
        ("current,50.00,next month,,,,,,,,", "plan_next_on", NotADate),
        ("current,50.00,2028-03-05,,,,,,,,", "plan_next_on", DateTooFar),
        (",,,perhaps,,,,,,,", "autopay", NotYesOrNo),
        (",,,,4242,,,,,,", "autopay", Missing),
        (",,,,,,,2026-03-03,,,", "autopay", Missing),
        (",,,yes,,125.00,2026-03-20,,,,", "card_last4", Missing),
        (",,,yes,4242,125.00,,,,,", "charge_on", Missing),
        (",,,yes,4242,,2026-03-20,,,,", "charge_amount", Missing),
        (",,,no,4242,125.00,2026-03-20,,,,", "charge_amount", SaidNo),
        (",,,yes,42,,,,,,", "card_last4", NotLastFour),
        (",,,yes,*4242,,,,,,", "card_last4", NotLastFour),
        (",,,yes,,,,2026-03-05,,,", "failed_autopay_on", DateInFuture),
        (",,,,,,,,HDHP,,", "high_deductible", NotYesOrNo),
        (",,,,,,,,,,2026-02-01", "paperless", Missing),
        (",,,,,,,,,yes,2026-03-05", "paperless_consent_on", DateInFuture),
    ] {
        let heard = hear_agreed(cells);
        assert_eq!(heard.reasons(), [(2, column.to_owned(), reason)], "{cells}");
    }
    // The number of a card, whatever the column is for.
    for place in 0..AGREED.split(',').count() {
        let mut cells = vec![""; AGREED.split(',').count()];
        cells[place] = "4242 4242 4242 4242";
        let heard = hear_agreed(&cells.join(","));
        let column = AGREED.split(',').nth(place).unwrap().to_owned();
        assert_eq!(heard.reasons(), [(2, column, CardNumber)], "{cells:?}");
    }
}

#[test]
fn two_rows_that_disagree_about_a_plan_cannot_both_be_right() {
    let heard = hear_text(format!(
        "{SHORT},{AGREED}\n\
         p1,Ann Chen,c1,ready,1,2026-01-05,10.00,4.00,finished,current,50.00,2026-03-20,,,,,,,,\n\
         p1,Ann Chen,c2,ready,1,2026-01-05,10.00,4.00,finished,current,50.00,2026-03-20,,,,,,,,\n\
         p1,Ann Chen,c3,ready,1,2026-01-05,10.00,4.00,finished,current,60.00,2026-03-20,,,,,,,,\n"
    ));
    let differs = (4, "patient_id".to_owned(), RefusalReason::SaidDifferently);
    assert_eq!(heard.reasons(), [differs]);
    let said = heard.said.iter().filter(|said| matches!(said.row, BookRow::Arrangement(_)));
    assert_eq!(said.count(), 1, "said once");
}
