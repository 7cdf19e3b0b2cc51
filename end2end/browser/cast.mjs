// The people of the stories, and their bills as a practice would send them: Clearbill's own CSV.
//
// A payment uses a bill up, so each telling of a story gets a person of its own: `cast.person()`.
// Numbers are the reserved 555-01xx of a real area code; addresses end in example.com.

const GIVEN = ['Maria', 'James', 'Rosa', 'Walter', 'Aisha', 'Peter', 'Carmen', 'Henry', 'Mei', 'Oscar'];
const FAMILY = ['Lopez', 'Keller', 'Okafor', 'Nguyen', 'Brandt', 'Castillo', 'Moran', 'Silva', 'Haas', 'Reyes'];
// Areas in which the sample practice has nobody: a number belongs to one story alone.
const AREA_CODES = ['413', '607', '407', '217', '706'];
const PLACES = {
  413: ['MA', '01103'],
  607: ['NY', '13901'],
  407: ['FL', '32801'],
  217: ['IL', '62701'],
  706: ['GA', '30601'],
};

/** The header of the file, in order. */
export const COLUMNS = [
  'guarantor_id', 'guarantor_name', 'guarantor_dob', 'guarantor_ssn4',
  'phone', 'phone_text_consent', 'phone_consent_on', 'phone_consent_source', 'email',
  'language', 'state', 'zip',
  'patient_id', 'patient_name', 'patient_dob', 'patient_deceased_on',
  'encounter_id', 'service_on', 'place',
  'claim_id', 'claim_status', 'line_id', 'description',
  'charged', 'insurance_paid', 'adjusted', 'patient_paid', 'insurance_state', 'patient_due',
];

/** What somebody agreed to about paying: columns of a file of their own, for stories about that. */
export const AGREED = [
  'payment_plan', 'plan_amount', 'plan_next_on', 'autopay', 'card_last4', 'charge_amount',
  'charge_on', 'failed_autopay_on', 'high_deductible', 'paperless', 'paperless_consent_on',
];

export class Cast {
  people = [];

  /** `prefix` keeps the people of one file of stories apart from those of another. */
  constructor(prefix) {
    this.prefix = prefix;
  }

  /** Somebody who owes $82.00 for one visit, may be texted, and can prove who they are. */
  person(changes = {}) {
    const n = this.people.length;
    const area = AREA_CODES[Math.floor(n / 100) % AREA_CODES.length];
    const [state, zip] = PLACES[area];
    const given = GIVEN[n % GIVEN.length];
    const family = FAMILY[Math.floor(n / GIVEN.length) % FAMILY.length];
    const id = `${this.prefix}-${n + 1}`;
    const one = {
      id,
      name: `${given} ${family}`,
      dob: `19${60 + (n % 35)}-${two((n % 12) + 1)}-${two((n % 28) + 1)}`,
      ssn4: String(1234 + ((n * 37) % 8000)),
      phone: `+1${area}55501${two(n % 100)}`,
      email: `${id.toLowerCase()}@example.com`,
      consent: true,
      language: 'en',
      state,
      zip,
      patientName: `${given} ${family}`,
      visits: [visit('2026-01-20', '82.00')],
      ...changes,
    };
    this.people.push(one);
    return one;
  }

  /** Adults with as many visits as amounts given, the oldest first. */
  personOwing(...amounts) {
    const visits = amounts.map((due, i) => visit(`2025-${two(9 + (i % 4))}-1${i % 10}`, due));
    return this.person({ visits });
  }

  csv(people = this.people) {
    const rows = people.flatMap((one) => one.visits.map((v, i) => row(one, v, i)));
    return lines([COLUMNS, ...rows]);
  }

  /** The same book with what each `agreed` to, by column. */
  agreedCsv(people = this.people) {
    const said = (one) => AGREED.map((column) => one.agreed?.[column] ?? '');
    const rows = people.flatMap((one) => one.visits.map((v, i) => [...row(one, v, i), ...said(one)]));
    return lines([[...COLUMNS, ...AGREED], ...rows]);
  }
}

/** A visit of $200.00 of which insurance settled all but `due`. */
export function visit(day, due, changes = {}) {
  const cents = (text) => Math.round(Number(text) * 100);
  const charged = Math.max(20_000, cents(due) + 3_000);
  const adjusted = 2_000;
  return {
    day,
    due,
    charged: dollars(charged),
    adjusted: dollars(adjusted),
    insurance: dollars(charged - adjusted - cents(due)),
    status: 'ready',
    reason: 'Office visit',
    ...changes,
  };
}

export function dollars(cents) {
  return `${Math.floor(cents / 100)}.${two(cents % 100)}`;
}

function two(number) {
  return String(number).padStart(2, '0');
}

function lines(rows) {
  return rows.map((cells) => cells.map(quoted).join(',')).join('\r\n') + '\r\n';
}

function row(one, v, i) {
  const key = `${one.id}-${i + 1}`;
  const cells = {
    guarantor_id: one.id,
    guarantor_name: one.name,
    guarantor_dob: one.dob,
    guarantor_ssn4: one.ssn4,
    phone: one.phone,
    email: one.email,
    phone_text_consent: one.consent ? 'yes' : 'no',
    phone_consent_on: '2025-06-01',
    phone_consent_source: 'intake form',
    language: one.language,
    state: one.state,
    zip: one.zip,
    // The same record as the guarantor's, where a story is about that.
    patient_id: one.isOwnPatient ? one.id : `${one.id}-P`,
    patient_name: one.patientName,
    patient_dob: one.dob,
    patient_deceased_on: one.deceasedOn,
    encounter_id: `E-${key}`,
    service_on: v.day,
    place: 'Main Street Office',
    claim_id: `C-${key}`,
    claim_status: v.status,
    line_id: `L-${key}`,
    description: v.reason,
    charged: v.charged,
    insurance_paid: v.insurance,
    adjusted: v.adjusted,
    patient_paid: '0.00',
    insurance_state: 'finished',
    patient_due: v.due,
  };
  return COLUMNS.map((column) => cells[column] ?? '');
}

function quoted(cell) {
  const text = String(cell ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
