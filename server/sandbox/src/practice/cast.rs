//! The people whom demos and tests know by name. Their ids, identities, contacts and balances are
//! the same under every seed; only the days of their visits move with the day of the demo.

use std::io;

use super::{Agreed, Book, Charge, PatientOf, Person, Visit};

/// One guarantor of the cast.
#[derive(Clone, Copy, Debug)]
pub struct CastMember {
    pub guarantor_id: &'static str,
    pub name: &'static str,
    /// `yyyy-mm-dd`.
    pub dob: &'static str,
    pub ssn4: &'static str,
    /// E.164.
    pub phone: Option<&'static str>,
    pub email: Option<&'static str>,
    /// `Some(true)`: agreed to texts. `None`: nobody asked.
    pub text_consent: Option<bool>,
    pub call_opt_in: Option<bool>,
    pub preferred: &'static str,
    pub language: &'static str,
    pub street: &'static str,
    pub city: &'static str,
    pub state: &'static str,
    pub zip: &'static str,
    /// Everything that is the patient's to pay, credits taken off. Not what insurers still decide.
    pub owes_cents: i64,
    pub patients: &'static [CastPatient],
    /// Why they are in the cast.
    pub because: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub struct CastPatient {
    pub id: &'static str,
    pub name: &'static str,
    pub dob: &'static str,
    pub deceased_days_ago: Option<u16>,
    visits: &'static [(Visit, &'static [Charge])],
}

/// What most visits are like: decided by the insurer, due for a few weeks.
const fn visit(days_ago: u16, due_since: u16) -> Visit {
    Visit {
        status: "ready",
        insurance: "finished",
        place: "Harbor Street office",
        days_ago,
        due_since: Some(due_since),
        first_statement: None,
        returned_check: None,
    }
}

const fn charge(
    description: &'static str,
    paid: i64,
    adjusted: i64,
    copay: i64,
    due: i64,
) -> Charge {
    Charge { description, insurance_paid: paid, adjusted, patient_paid: copay, due }
}

const fn patient(
    id: &'static str,
    name: &'static str,
    dob: &'static str,
    visits: &'static [(Visit, &'static [Charge])],
) -> CastPatient {
    CastPatient { id, name, dob, deceased_days_ago: None, visits }
}

const OFFICE_VISIT: &str = "Office visit, established patient";
const CHECKUP: &str = "Yearly check-up";
const BLOOD: &str = "Blood test, complete count";
const NO_ONE: CastMember = CastMember {
    guarantor_id: "",
    name: "",
    dob: "",
    ssn4: "",
    phone: None,
    email: None,
    text_consent: None,
    call_opt_in: None,
    preferred: "",
    language: "en",
    street: "",
    city: "New York",
    state: "NY",
    zip: "10025",
    owes_cents: 0,
    patients: &[],
    because: "",
};

pub const MARIA: CastMember = CastMember {
    guarantor_id: "G-1001",
    name: "Maria Lopez",
    dob: "1984-05-17",
    ssn4: "4821",
    phone: Some("+12125550101"),
    email: Some("maria.lopez@example.org"),
    text_consent: Some(true),
    preferred: "text",
    street: "210 West 104th Street, Apt 5C",
    owes_cents: 8_200,
    patients: &[patient(
        "P-1001-1",
        "Maria Lopez",
        "1984-05-17",
        &[
            (visit(48, 20), &[charge(OFFICE_VISIT, 9_800, 2_200, 2_500, 6_200)]),
            (visit(41, 15), &[charge(BLOOD, 3_100, 900, 0, 2_000)]),
        ],
    )],
    because: "owes $82.00 over two visits, agreed to texts: the main story",
    ..NO_ONE
};

pub const LUIS: CastMember = CastMember {
    guarantor_id: "G-1002",
    name: "Luis Ortega",
    dob: "1971-11-02",
    ssn4: "7350",
    phone: Some("+12135550102"),
    email: Some("luis.ortega@example.org"),
    text_consent: Some(true),
    preferred: "both",
    language: "es",
    street: "1845 Alvarado Street",
    city: "Los Angeles",
    state: "CA",
    zip: "90026",
    owes_cents: 14_550,
    patients: &[patient(
        "P-1002-1",
        "Luis Ortega",
        "1971-11-02",
        &[(visit(60, 33), &[charge(CHECKUP, 12_000, 3_450, 3_000, 14_550)])],
    )],
    because: "reads Spanish, wants texts and emails, lives three hours west",
    ..NO_ONE
};

pub const ANN: CastMember = CastMember {
    guarantor_id: "G-1003",
    name: "Ann Chen",
    dob: "1992-02-29",
    ssn4: "0966",
    email: Some("ann.chen@example.org"),
    preferred: "email",
    street: "77 Pike Street",
    city: "Seattle",
    state: "WA",
    zip: "98101",
    owes_cents: 31_000,
    patients: &[patient(
        "P-1003-1",
        "Ann Chen",
        "1992-02-29",
        &[(
            visit(75, 45),
            &[
                charge("New patient visit", 14_000, 4_000, 4_000, 11_000),
                charge("X-ray of the wrist", 9_500, 2_500, 0, 20_000),
            ],
        )],
    )],
    because: "has no phone: email only",
    ..NO_ONE
};

pub const PETER: CastMember = CastMember {
    guarantor_id: "G-1004",
    name: "Peter Novak",
    dob: "1979-08-23",
    ssn4: "3117",
    phone: Some("+13125550104"),
    email: Some("peter.novak@example.org"),
    text_consent: Some(true),
    preferred: "text",
    street: "932 North Damen Avenue",
    city: "Chicago",
    state: "IL",
    zip: "60622",
    owes_cents: 24_000,
    patients: &[
        patient(
            "P-1004-1",
            "Peter Novak",
            "1979-08-23",
            &[(visit(52, 24), &[charge(OFFICE_VISIT, 9_000, 2_000, 2_500, 9_000)])],
        ),
        patient(
            "P-1004-2",
            "Jana Novak",
            "1981-03-09",
            &[(visit(38, 12), &[charge(CHECKUP, 15_000, 3_000, 0, 10_500)])],
        ),
        patient(
            "P-1004-3",
            "Eli Novak",
            "2017-06-30",
            &[(visit(38, 12), &[charge("Well-child visit", 13_000, 2_500, 0, 4_500)])],
        ),
    ],
    because: "one guarantor, three patients, one of them a child",
    ..NO_ONE
};

pub const ROSA: CastMember = CastMember {
    guarantor_id: "G-1005",
    name: "Rosa Delgado",
    dob: "1966-12-12",
    ssn4: "5502",
    phone: Some("+13055550105"),
    email: Some("rosa.delgado@example.org"),
    text_consent: Some(false),
    preferred: "email",
    language: "es",
    street: "415 SW 8th Street",
    city: "Miami",
    state: "FL",
    zip: "33130",
    owes_cents: 9_525,
    patients: &[patient(
        "P-1005-1",
        "Rosa Delgado",
        "1966-12-12",
        &[(visit(66, 36), &[charge(OFFICE_VISIT, 8_000, 2_475, 2_500, 9_525)])],
    )],
    because: "said no to texts, may be emailed in Spanish",
    ..NO_ONE
};

pub const JAMES: CastMember = CastMember {
    guarantor_id: "G-1006",
    name: "James Whitfield",
    dob: "1958-07-04",
    ssn4: "8840",
    phone: Some("+13035550106"),
    street: "2280 Larimer Street",
    city: "Denver",
    state: "CO",
    zip: "80205",
    owes_cents: 41_000,
    patients: &[patient(
        "P-1006-1",
        "James Whitfield",
        "1958-07-04",
        &[(visit(95, 70), &[charge("Removal of a skin lesion", 22_000, 8_000, 4_000, 41_000)])],
    )],
    because: "a phone without recorded consent and no email: unreachable",
    ..NO_ONE
};

pub const RUTH: CastMember = CastMember {
    guarantor_id: "G-1007",
    name: "Ruth Goldberg",
    dob: "1949-01-30",
    ssn4: "6693",
    phone: Some("+12125550107"),
    call_opt_in: Some(true),
    street: "300 East 34th Street",
    zip: "10016",
    owes_cents: 6_780,
    patients: &[patient(
        "P-1007-1",
        "Ruth Goldberg",
        "1949-01-30",
        &[(visit(58, 27), &[charge(OFFICE_VISIT, 11_000, 2_220, 0, 6_780)])],
    )],
    because: "opted into phone-call reminders only, which allows texts (S-B1 b)",
    ..NO_ONE
};

pub const GRACE: CastMember = CastMember {
    guarantor_id: "G-1008",
    name: "Grace Okafor",
    dob: "1988-10-19",
    ssn4: "2274",
    phone: Some("+17135550108"),
    email: Some("grace.okafor@example.org"),
    text_consent: Some(true),
    preferred: "text",
    street: "5100 Travis Street",
    city: "Houston",
    state: "TX",
    zip: "77002",
    patients: &[patient(
        "P-1008-1",
        "Grace Okafor",
        "1988-10-19",
        &[(
            Visit {
                status: "insurance_pending",
                insurance: "pending",
                due_since: None,
                ..visit(30, 0)
            },
            &[charge("Ultrasound of the abdomen", 0, 0, 4_000, 18_000)],
        )],
    )],
    because: "the insurer has not decided: nothing may be asked",
    ..NO_ONE
};

pub const HELEN: CastMember = CastMember {
    guarantor_id: "G-1009",
    name: "Helen Brandt",
    dob: "1975-04-01",
    ssn4: "1409",
    phone: Some("+12125550109"),
    email: Some("helen.brandt@example.org"),
    text_consent: Some(true),
    preferred: "text",
    street: "18 Christopher Street",
    zip: "10014",
    owes_cents: 87,
    patients: &[patient(
        "P-1009-1",
        "Helen Brandt",
        "1975-04-01",
        &[(visit(50, 22), &[charge(BLOOD, 6_000, 1_662, 0, 87)])],
    )],
    because: "owes 87 cents: below every minimum",
    ..NO_ONE
};

pub const SAMUEL: CastMember = CastMember {
    guarantor_id: "G-1010",
    name: "Samuel Reed",
    dob: "1969-09-14",
    ssn4: "9038",
    phone: Some("+16175550110"),
    email: Some("samuel.reed@example.org"),
    text_consent: Some(true),
    preferred: "text",
    street: "64 Beacon Street",
    city: "Boston",
    state: "MA",
    zip: "02108",
    owes_cents: 8_500,
    patients: &[patient(
        "P-1010-1",
        "Samuel Reed",
        "1969-09-14",
        &[
            (visit(70, 40), &[charge(CHECKUP, 14_000, 3_000, 0, 12_000)]),
            (
                Visit { status: "settled", due_since: None, ..visit(130, 0) },
                &[charge(OFFICE_VISIT, 9_000, 2_000, 9_000, -3_500)],
            ),
        ],
    )],
    because: "a credit of $35.00 against a bill of $120.00",
    ..NO_ONE
};

pub const WALTER: CastMember = CastMember {
    guarantor_id: "G-1011",
    name: "Walter Hughes",
    dob: "1938-03-22",
    ssn4: "4470",
    phone: Some("+12155550111"),
    text_consent: Some(true),
    street: "1500 Locust Street",
    city: "Philadelphia",
    state: "PA",
    zip: "19102",
    owes_cents: 26_000,
    patients: &[CastPatient {
        deceased_days_ago: Some(21),
        ..patient(
            "P-1011-1",
            "Walter Hughes",
            "1938-03-22",
            &[(visit(80, 50), &[charge("Heart rhythm test", 30_000, 6_000, 0, 26_000)])],
        )
    }],
    because: "died three weeks ago: nothing goes out",
    ..NO_ONE
};

pub const MIA: CastMember = CastMember {
    // No guarantor at all: the id is the patient's own.
    guarantor_id: "P-1012-1",
    name: "Mia Torres",
    dob: "2013-02-08",
    ssn4: "",
    phone: Some("+12125550112"),
    text_consent: Some(true),
    street: "9 Audubon Avenue",
    zip: "10032",
    owes_cents: 5_000,
    patients: &[patient(
        "P-1012-1",
        "Mia Torres",
        "2013-02-08",
        &[(visit(47, 19), &[charge("Well-child visit", 10_000, 2_000, 0, 5_000)])],
    )],
    because: "a child without a guarantor: withheld with that reason",
    ..NO_ONE
};

pub const JOHN_1961: CastMember = CastMember {
    guarantor_id: "G-1013",
    name: "John Smith",
    dob: "1961-06-06",
    ssn4: "5128",
    phone: Some("+12125550113"),
    text_consent: Some(true),
    preferred: "text",
    street: "41 West 72nd Street",
    zip: "10023",
    owes_cents: 7_500,
    patients: &[patient(
        "P-1013-1",
        "John Smith",
        "1961-06-06",
        &[(visit(55, 26), &[charge(OFFICE_VISIT, 9_500, 2_500, 2_500, 7_500)])],
    )],
    because: "one of two people with the same name",
    ..NO_ONE
};

pub const JOHN_1990: CastMember = CastMember {
    guarantor_id: "G-1014",
    name: "John Smith",
    dob: "1990-12-24",
    ssn4: "6735",
    phone: Some("+19175550114"),
    email: Some("john.smith.jr@example.org"),
    text_consent: Some(true),
    preferred: "text",
    street: "650 Flatbush Avenue",
    city: "Brooklyn",
    zip: "11225",
    owes_cents: 13_000,
    patients: &[patient(
        "P-1014-1",
        "John Smith",
        "1990-12-24",
        &[(visit(62, 31), &[charge("Stitches, small wound", 16_000, 4_000, 5_000, 13_000)])],
    )],
    because: "the other John Smith",
    ..NO_ONE
};

pub const ELENA: CastMember = CastMember {
    guarantor_id: "G-1015",
    name: "Elena Petrova",
    dob: "1977-05-25",
    ssn4: "3391",
    phone: Some("+13125550115"),
    text_consent: Some(true),
    preferred: "text",
    street: "2601 West Division Street",
    city: "Chicago",
    state: "IL",
    zip: "60622",
    owes_cents: 11_200,
    patients: &[patient(
        "P-1015-1",
        "Elena Petrova",
        "1977-05-25",
        &[(visit(59, 29), &[charge(CHECKUP, 13_800, 3_000, 0, 11_200)])],
    )],
    because: "shares her phone with Viktor: one message a day between them",
    ..NO_ONE
};

pub const VIKTOR: CastMember = CastMember {
    guarantor_id: "G-1016",
    name: "Viktor Petrov",
    dob: "1974-10-03",
    ssn4: "7716",
    phone: Some("+13125550115"),
    text_consent: Some(true),
    preferred: "text",
    street: "2601 West Division Street",
    city: "Chicago",
    state: "IL",
    zip: "60622",
    owes_cents: 20_400,
    patients: &[patient(
        "P-1016-1",
        "Viktor Petrov",
        "1974-10-03",
        &[(visit(59, 29), &[charge("Physical therapy, first visit", 9_600, 2_000, 3_000, 20_400)])],
    )],
    because: "the other one on that phone",
    ..NO_ONE
};

pub const KEOLA: CastMember = CastMember {
    guarantor_id: "G-1017",
    name: "Keola Kahale",
    dob: "1986-08-16",
    ssn4: "2045",
    phone: Some("+18085550117"),
    email: Some("keola.kahale@example.org"),
    text_consent: Some(true),
    preferred: "text",
    street: "1221 Kapiolani Boulevard",
    city: "Honolulu",
    state: "HI",
    zip: "96814",
    owes_cents: 17_300,
    patients: &[patient(
        "P-1017-1",
        "Keola Kahale",
        "1986-08-16",
        &[(visit(64, 35), &[charge("Telehealth visit", 6_700, 1_000, 0, 17_300)])],
    )],
    because: "is asleep when New York has breakfast",
    ..NO_ONE
};

pub const CARLOS: CastMember = CastMember {
    guarantor_id: "G-1018",
    name: "Carlos Medina",
    dob: "1982-01-11",
    ssn4: "8157",
    phone: Some("+16025550118"),
    email: Some("carlos.medina@example.org"),
    text_consent: Some(true),
    preferred: "both",
    language: "es",
    street: "3030 North Central Avenue",
    city: "Phoenix",
    state: "AZ",
    zip: "85012",
    owes_cents: 64_000,
    patients: &[patient(
        "P-1018-1",
        "Carlos Medina",
        "1982-01-11",
        &[(
            Visit { status: "pending_patient", first_statement: Some(75), ..visit(140, 105) },
            &[
                charge("Repair of a broken finger", 48_000, 12_000, 5_000, 52_000),
                charge("X-ray of the hand", 9_000, 3_000, 0, 12_000),
            ],
        )],
    )],
    because: "over 60 days and over $500, reminded once before: top of the list",
    ..NO_ONE
};

pub const NINA: CastMember = CastMember {
    guarantor_id: "G-1019",
    name: "Nina Schwartz",
    dob: "1995-07-28",
    ssn4: "0583",
    phone: Some("+14045550119"),
    email: Some("nina.schwartz@example.org"),
    text_consent: Some(true),
    preferred: "text",
    street: "120 Peachtree Street",
    city: "Atlanta",
    state: "GA",
    zip: "30303",
    owes_cents: 15_900,
    patients: &[patient(
        "P-1019-1",
        "Nina Schwartz",
        "1995-07-28",
        &[(
            Visit { first_statement: Some(40), returned_check: Some(9), ..visit(90, 60) },
            &[charge("Allergy test", 21_000, 5_100, 0, 15_900)],
        )],
    )],
    because: "her check came back",
    ..NO_ONE
};

pub const FRANK: CastMember = CastMember {
    guarantor_id: "G-1020",
    name: "Frank Doyle",
    dob: "1963-02-17",
    ssn4: "9904",
    phone: Some("+13135550120"),
    text_consent: Some(true),
    street: "700 Woodward Avenue",
    city: "Detroit",
    state: "MI",
    zip: "48226",
    owes_cents: 90_000,
    patients: &[patient(
        "P-1020-1",
        "Frank Doyle",
        "1963-02-17",
        &[(
            Visit { status: "collections", first_statement: Some(250), ..visit(330, 290) },
            &[charge("Minor surgery in the office", 60_000, 20_000, 0, 90_000)],
        )],
    )],
    because: "placed with an agency: shown, not payable, never texted",
    ..NO_ONE
};

pub const OMAR: CastMember = CastMember {
    guarantor_id: "G-1021",
    name: "Omar Haddad",
    dob: "1980-06-21",
    ssn4: "1262",
    phone: Some("+12065550121"),
    email: Some("omar.haddad@example.org"),
    text_consent: Some(true),
    preferred: "email",
    street: "4000 Rainier Avenue South",
    city: "Seattle",
    state: "WA",
    zip: "98118",
    patients: &[patient(
        "P-1021-1",
        "Omar Haddad",
        "1980-06-21",
        &[(
            Visit { status: "settled", due_since: None, ..visit(110, 0) },
            &[charge(OFFICE_VISIT, 9_900, 2_100, 8_000, 0)],
        )],
    )],
    because: "owes nothing",
    ..NO_ONE
};

pub const TESS: CastMember = CastMember {
    guarantor_id: "G-1022",
    name: "Tess Moran",
    dob: "1999-03-05",
    ssn4: "3648",
    email: Some("tess.moran@example.org"),
    preferred: "email",
    street: "General Delivery",
    city: "Somewhere",
    state: "MA",
    zip: "00000",
    owes_cents: 18_800,
    patients: &[patient(
        "P-1022-1",
        "Tess Moran",
        "1999-03-05",
        &[(
            Visit { insurance: "self_pay", ..visit(33, 33) },
            &[charge("New patient visit", 0, 6_200, 0, 18_800)],
        )],
    )],
    because: "pays for herself, and nobody knows where she lives",
    ..NO_ONE
};

/// In the order of the book.
pub const CAST: &[CastMember] = &[
    MARIA, LUIS, ANN, PETER, ROSA, JAMES, RUTH, GRACE, HELEN, SAMUEL, WALTER, MIA, JOHN_1961,
    JOHN_1990, ELENA, VIKTOR, KEOLA, CARLOS, NINA, FRANK, OMAR, TESS,
];

/// Consent was recorded that long ago.
const CONSENT_DAYS_AGO: u16 = 200;

pub(super) fn write(member: &CastMember, book: &mut Book<'_>) -> io::Result<()> {
    let is_recorded = member.text_consent.is_some();
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let person = Person {
        id: member.guarantor_id.to_owned(),
        name: member.name.to_owned(),
        dob: member.dob.to_owned(),
        ssn4: member.ssn4.to_owned(),
        address: member.street.to_owned(),
        city: member.city,
        state: member.state,
        zip: member.zip,
        language: member.language,
        phone: member.phone.unwrap_or_default().to_owned(),
        consent: [
            member.text_consent.map(yes).unwrap_or_default(),
            book.day(is_recorded.then_some(CONSENT_DAYS_AGO)),
            if is_recorded { "intake form" } else { "" }.to_owned(),
            member.call_opt_in.map(yes).unwrap_or_default(),
        ],
        email: member.email.unwrap_or_default().to_owned(),
        preferred: member.preferred,
        agreed: Agreed::default(),
        is_guarantor: member.guarantor_id.starts_with("G-"),
    };
    book.written.accounts += 1;
    for patient in member.patients {
        book.written.patients += 1;
        let of = PatientOf {
            id: patient.id.to_owned(),
            name: patient.name.to_owned(),
            dob: patient.dob.to_owned(),
            deceased_on: book.day(patient.deceased_days_ago),
        };
        for (number, (visit, charges)) in patient.visits.iter().enumerate() {
            book.claim(&person, &of, number + 1, visit, charges)?;
        }
    }
    Ok(())
}
