//! One drawn account: a guarantor, up to four patients, their visits and charges.
//!
//! Everything follows from the seed and the account's number, never from the accounts before it.

use std::io;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use super::{
    Agreed, Book, Charge, PatientOf, Person, Visit,
    cast::CAST,
    names::{FIRST, FIRST_SPANISH, LAST, LAST_SPANISH, PLACES, STREETS},
};

/// The cast has the first numbers of every area for itself.
const FIRST_LINE: u64 = 130;
const LINES_OF_AN_AREA: u64 = 10_000 - FIRST_LINE;
/// Every so many accounts share the phone of the account before.
const SHARED_PHONE_EVERY: u64 = 23;

/// Every so many accounts begin again with who agreed to what.
const AGREED_EVERY: u64 = 13;
/// Dice of their own: no book has so many accounts.
const AGREED_STREAM: u64 = 1 << 40;
const CARDS: [&str; 3] = ["4242", "1881", "0005"];

const SERVICES: [(&str, i64); 20] = [
    ("Office visit, established patient", 14_500),
    ("Office visit, new patient", 21_000),
    ("Yearly check-up", 24_000),
    ("Telehealth visit", 11_000),
    ("Well-child visit", 19_500),
    ("Blood test, complete count", 5_200),
    ("Cholesterol test", 6_400),
    ("Urine test", 3_100),
    ("Strep throat test", 4_800),
    ("Flu vaccine", 4_500),
    ("Tetanus vaccine", 7_200),
    ("X-ray of the chest", 18_000),
    ("X-ray of the ankle", 16_500),
    ("Heart rhythm test", 13_500),
    ("Breathing test", 15_800),
    ("Allergy test", 22_000),
    ("Removal of a skin lesion", 31_000),
    ("Stitches, small wound", 28_500),
    ("Ear cleaning", 8_900),
    ("Physical therapy session", 12_800),
];

struct Dice(ChaCha8Rng);

impl Dice {
    fn of(seed: u64, account: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(account);
        Self(rng)
    }

    /// `0..sides`. The bias of the remainder is far below what anybody could see here.
    fn roll(&mut self, sides: u64) -> u64 {
        self.0.next_u64() % sides.max(1)
    }

    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.roll(high.abs_diff(low) + 1) as i64
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.roll(100) < chance
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len() as u64) as usize]
    }
}

pub(super) fn write(seed: u64, number: u64, book: &mut Book<'_>) -> io::Result<()> {
    let mut dice = Dice::of(seed, number);
    let is_spanish = dice.percent(24);
    let (firsts, lasts) =
        if is_spanish { (&FIRST_SPANISH[..], &LAST_SPANISH[..]) } else { (&FIRST[..], &LAST[..]) };
    let (first, last) = (dice.pick(firsts), dice.pick(lasts));
    let person = person(&mut dice, (seed, number), (first, last), is_spanish, book);
    book.written.accounts += 1;
    let patients = match dice.roll(100) {
        0..55 => 1,
        55..78 => 2,
        78..93 => 3,
        _ => 4,
    };
    for at in 0..patients {
        if book.is_full() {
            break;
        }
        let of = match at {
            0 => PatientOf {
                id: format!("P-{}-1", number + 1_001),
                name: person.name.clone(),
                dob: person.dob.clone(),
                deceased_on: String::new(),
            },
            _ => relative(&mut dice, number, at, (firsts, last), book),
        };
        book.written.patients += 1;
        let visits = 1 + dice.roll(3) as usize;
        for number in 1..=visits {
            let (visit, charges) = draw_visit(&mut dice);
            book.claim(&person, &of, number, &visit, &charges)?;
        }
    }
    Ok(())
}

/// A spouse, or a child.
fn relative(
    dice: &mut Dice,
    number: u64,
    at: u64,
    (firsts, last): (&[&str], &str),
    book: &Book<'_>,
) -> PatientOf {
    let years = if at == 1 && dice.percent(60) { 24 + dice.roll(45) } else { dice.roll(18) };
    PatientOf {
        id: format!("P-{}-{}", number + 1_001, at + 1),
        name: format!("{} {last}", dice.pick(firsts)),
        dob: birthday(dice, years, book),
        deceased_on: String::new(),
    }
}

fn birthday(dice: &mut Dice, years: u64, book: &Book<'_>) -> String {
    let span = jiff::Span::new().years(years as i64).days(dice.between(1, 360));
    book.today.saturating_sub(span).to_string()
}

fn person(
    dice: &mut Dice,
    (seed, number): (u64, u64),
    (first, last): (&str, &str),
    is_spanish: bool,
    book: &Book<'_>,
) -> Person {
    let drawn = number.saturating_sub(CAST.len() as u64);
    let place = &PLACES[(drawn % PLACES.len() as u64) as usize];
    let years = 22 + dice.roll(64);
    let dob = birthday(dice, years, book);
    let has_phone = dice.percent(90);
    let has_email = dice.percent(if has_phone { 78 } else { 70 });
    let phone = if has_phone { phone(drawn) } else { String::new() };
    let consent = consent(dice, has_phone, book);
    let preferred = match (has_phone, has_email) {
        (true, true) => dice.pick(&["text", "text", "email", "both", ""]),
        _ => "",
    };
    let email = if has_email {
        format!("{}.{}.{}@example.org", plain(first), plain(last), number + 1_001)
    } else {
        String::new()
    };
    Person {
        id: format!("G-{}", number + 1_001),
        name: format!("{first} {last}"),
        dob,
        // A few records lack it, as everywhere.
        ssn4: if dice.percent(93) { format!("{:04}", dice.roll(10_000)) } else { String::new() },
        address: format!("{} {}", 1 + dice.roll(998), dice.pick(&STREETS)),
        city: place.city,
        state: place.state,
        zip: place.zip,
        language: if is_spanish && dice.percent(80) { "es" } else { "en" },
        phone,
        consent,
        email,
        preferred,
        agreed: agreed(seed, number, book),
        is_guarantor: true,
    }
}

/// Some have a plan, a card on file, a high deductible, or do without paper. From dice of their own,
/// so that who is who does not change with them.
fn agreed(seed: u64, number: u64, book: &Book<'_>) -> Agreed {
    let mut dice = Dice::of(seed, AGREED_STREAM + number);
    let ahead = |days: i64| book.today.saturating_add(jiff::Span::new().days(days));
    let drawn = number.saturating_sub(CAST.len() as u64);
    let amount = dice.pick(&[2_500, 4_000, 5_000, 7_500]);
    let mut agreed = Agreed::default();
    match drawn % AGREED_EVERY {
        2 => {
            agreed.plan = "current";
            agreed.installment = Some((amount, ahead(dice.between(4, 20))));
        }
        5 => {
            agreed.autopay = "yes";
            agreed.card = dice.pick(&CARDS);
            agreed.charge = Some((amount, ahead(dice.between(12, 25))));
        }
        8 => {
            agreed.plan = "behind";
            agreed.installment = Some((amount, ahead(dice.between(10, 30))));
        }
        11 => {
            agreed.autopay = "yes";
            agreed.card = dice.pick(&CARDS);
            agreed.failed_on = Some(ahead(-1));
        }
        _ => {}
    }
    if drawn % 7 == 3 {
        agreed.high_deductible = "yes";
    }
    if drawn % 9 == 4 {
        agreed.paperless = "yes";
        // One in three was never asked.
        let day = book.days_ago(20 + dice.roll(300) as u16);
        agreed.paperless_on = (drawn % 27 != 4).then_some(day);
    }
    agreed
}

/// Distinct by account but for those who share, and in the reserved range for the first few
/// thousand; after it still in exchange 555, where no subscribers are.
fn phone(drawn: u64) -> String {
    let shares = drawn % SHARED_PHONE_EVERY == SHARED_PHONE_EVERY - 1;
    let drawn = if shares { drawn - 1 } else { drawn };
    let area = PLACES[(drawn % PLACES.len() as u64) as usize].area;
    let line = FIRST_LINE + (drawn / PLACES.len() as u64) % LINES_OF_AN_AREA;
    format!("+1{area}555{line:04}")
}

/// Text consent, its day, its source, and the opt-in to calls.
fn consent(dice: &mut Dice, has_phone: bool, book: &Book<'_>) -> [String; 4] {
    if !has_phone {
        return Default::default();
    }
    let days_ago = 30 + dice.roll(700) as u16;
    let source = dice.pick(&["intake form", "front desk", "patient portal", "phone call"]);
    let (granted, calls) = match dice.roll(100) {
        0..72 => ("yes", ""),
        72..82 => ("no", ""),
        82..90 => ("", "yes"),
        _ => ("", ""),
    };
    let recorded = |text: String| if granted.is_empty() { String::new() } else { text };
    [
        granted.to_owned(),
        recorded(book.days_ago(days_ago).to_string()),
        recorded(source.to_owned()),
        calls.to_owned(),
    ]
}

/// Lower-case ASCII of a name, for an address.
fn plain(name: &str) -> String {
    let fold = |c: char| match c {
        'á' | 'Á' => Some('a'),
        'é' => Some('e'),
        'í' => Some('i'),
        'ó' => Some('o'),
        'ú' => Some('u'),
        'ñ' => Some('n'),
        c if c.is_ascii_alphabetic() => Some(c.to_ascii_lowercase()),
        _ => None,
    };
    name.chars().filter_map(fold).collect()
}

fn draw_visit(dice: &mut Dice) -> (Visit, Vec<Charge>) {
    let days_ago = match dice.roll(100) {
        0..45 => dice.between(5, 60),
        45..80 => dice.between(61, 180),
        _ => dice.between(181, 420),
    };
    let insurance = match dice.roll(100) {
        0..70 => "finished",
        70..84 => "self_pay",
        // Insurers decide within three months.
        _ if days_ago < 90 => "pending",
        _ => "finished",
    };
    let is_settled = insurance != "pending" && dice.percent(if days_ago > 120 { 70 } else { 35 });
    let charges: Vec<Charge> =
        (0..1 + dice.roll(3)).map(|_| draw_charge(dice, insurance, is_settled)).collect();
    let due: i64 = charges.iter().map(|charge| charge.due).sum();
    let due_since =
        if insurance == "self_pay" { days_ago } else { (days_ago - dice.between(14, 40)).max(1) };
    let is_open = due > 0 && insurance != "pending";
    let was_sent = is_open && due_since > 25 && dice.percent(60);
    let status = match insurance {
        "pending" => "insurance_pending",
        _ if !is_open => "settled",
        _ if was_sent => "pending_patient",
        _ => "ready",
    };
    let visit = Visit {
        status,
        insurance,
        place: dice.pick(&["Harbor Street office", "Riverside office", "Telehealth"]),
        days_ago: days_ago as u16,
        due_since: is_open.then_some(due_since as u16),
        first_statement: was_sent.then_some((due_since - 20) as u16),
        returned_check: (was_sent && dice.percent(3)).then_some((due_since / 3) as u16),
    };
    (visit, charges)
}

/// The parts add up to the charge.
fn draw_charge(dice: &mut Dice, insurance: &str, is_settled: bool) -> Charge {
    let (description, usual) = dice.pick(&SERVICES);
    let charged = usual * dice.between(85, 130) / 100;
    let percent = |of: i64, share: i64| of * share / 100;
    let (insurance_paid, adjusted) = match insurance {
        "pending" => (0, 0),
        "self_pay" => (0, percent(charged, dice.between(0, 25))),
        _ => (percent(charged, dice.between(35, 75)), percent(charged, dice.between(8, 22))),
    };
    let left = charged - insurance_paid - adjusted;
    let patient_paid = match dice.roll(100) {
        // Paid more than was due in the end: a credit.
        0..3 if is_settled => left + dice.between(500, 4_000),
        _ if is_settled => left,
        // Cents that are left over.
        0..6 if insurance != "pending" => left - dice.between(1, 490).min(left),
        6..40 => dice.pick(&[1_000, 2_000, 2_500, 3_000]).min(left),
        _ => 0,
    };
    let due = left - patient_paid;
    Charge { description, insurance_paid, adjusted, patient_paid, due }
}
