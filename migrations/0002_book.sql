-- Why: what patients owe, as the practice system says. The guarantor is who owes and who is
-- addressed; patients and claims hang below (D-1).
create table guarantor (
    id text primary key,
    practice_id text not null references practice (id),
    source text not null,
    external_id text not null,
    name text not null,
    name_key text not null,
    dob_sealed text,
    -- Keyed verifier of date of birth and SSN last four; the digits themselves are never stored.
    match_verifier text,
    address_sealed text,
    state text,
    language text,
    preferred text,
    zone text,
    -- Set when a minor stands alone, without an adult who is responsible (D-3).
    lone_minor_at_ms bigint,
    match_failures bigint not null default 0,
    match_window_at_ms bigint not null default 0,
    last_sent_at_ms bigint,
    flagged_at_ms bigint,
    next_check_at_ms bigint,
    row_mac text not null,
    version bigint not null default 1,
    created_at_ms bigint not null,
    updated_at_ms bigint not null,
    unique (practice_id, source, external_id)
);
create index guarantor_by_name on guarantor (practice_id, name_key, id);
create index guarantor_due on guarantor (next_check_at_ms) where next_check_at_ms is not null;

create table patient (
    id text primary key,
    practice_id text not null references practice (id),
    guarantor_id text not null references guarantor (id),
    source text not null,
    external_id text not null,
    name text not null,
    name_key text not null,
    dob_sealed text,
    deceased_on text,
    -- A restricted patient's details stay off the guarantor's page (D-2, D-3).
    restricted_at_ms bigint,
    row_mac text not null,
    created_at_ms bigint not null,
    updated_at_ms bigint not null,
    unique (practice_id, source, external_id)
);
create index patient_by_guarantor on patient (practice_id, guarantor_id);
create index patient_by_name on patient (practice_id, name_key, id);

create table contact (
    id text primary key,
    practice_id text not null references practice (id),
    guarantor_id text not null references guarantor (id),
    kind text not null,
    value_sealed text not null,
    -- Blind indexes: the practice's own, and one for the whole server (wrong numbers).
    value_index text not null,
    global_index text not null,
    masked text not null,
    line_type text not null default 'unknown',
    text_enabled_at_ms bigint,
    text_enabled_by text,
    verified_on text,
    bad_at_ms bigint,
    bad_why text,
    soft_bounces bigint not null default 0,
    source text not null,
    created_at_ms bigint not null,
    removed_at_ms bigint,
    unique (practice_id, guarantor_id, kind, value_index)
);
create index contact_by_guarantor on contact (practice_id, guarantor_id);
create index contact_by_value on contact (practice_id, value_index);
create index contact_by_global on contact (global_index);

-- Append-only evidence: who agreed to what, when, and how we know (D-32).
create table consent (
    id text primary key,
    practice_id text not null references practice (id),
    value_index text not null,
    channel text not null,
    granted bigint not null,
    source text not null,
    wording text not null,
    actor text not null,
    at_ms bigint not null
);
create index consent_by_value on consent (practice_id, value_index, at_ms);

-- Imports can never clear one of these (M21). practice_id '*' counts for the whole server.
create table suppression (
    id text primary key,
    practice_id text not null,
    value_index text not null,
    channel text not null,
    scope text not null,
    reason text not null,
    actor text not null,
    at_ms bigint not null,
    lifted_at_ms bigint,
    lifted_by text
);
create index suppression_by_value on suppression (practice_id, value_index);

create table claim (
    id text primary key,
    practice_id text not null references practice (id),
    guarantor_id text not null references guarantor (id),
    patient_id text not null references patient (id),
    source text not null,
    external_id text not null,
    encounter_external_id text,
    service_on text not null,
    status text not null,
    insurance_state text not null,
    place text,
    description_sealed text,
    charged_cents bigint not null,
    insurance_paid_cents bigint not null,
    adjusted_cents bigint not null,
    patient_paid_cents bigint not null,
    -- What the practice system says the patient owes; negative is a credit.
    patient_due_cents bigint not null,
    due_since_on text,
    first_statement_on text,
    due_on text,
    returned_check_on text,
    visit_completed_on text,
    last_sent_at_ms bigint,
    settled_at_ms bigint,
    -- Missing in a full file: not zero, but marked (D-12).
    vanished_at_ms bigint,
    row_mac text not null,
    import_id text,
    version bigint not null default 1,
    created_at_ms bigint not null,
    updated_at_ms bigint not null,
    unique (practice_id, source, external_id)
);
create index claim_by_guarantor on claim (practice_id, guarantor_id, due_since_on);
create index claim_by_patient on claim (practice_id, patient_id);
create index claim_by_status on claim (practice_id, status, due_since_on, id);

create table charge_line (
    id text primary key,
    practice_id text not null references practice (id),
    claim_id text not null references claim (id),
    external_id text not null,
    service_on text not null,
    description_sealed text,
    charged_cents bigint not null,
    insurance_paid_cents bigint not null,
    adjusted_cents bigint not null,
    patient_paid_cents bigint not null,
    patient_due_cents bigint not null,
    row_mac text not null,
    unique (practice_id, claim_id, external_id)
);

create table hold (
    id text primary key,
    practice_id text not null references practice (id),
    guarantor_id text not null references guarantor (id),
    claim_id text,
    kind text not null,
    reason text not null,
    -- The one contact a patient bound us to (confidential communication).
    contact_id text,
    until_ms bigint,
    placed_by text not null,
    placed_at_ms bigint not null,
    -- A legal hold is lifted by two people: this is the first.
    lift_asked_by text,
    lift_asked_at_ms bigint,
    lifted_at_ms bigint,
    lifted_by text
);
create index hold_by_guarantor on hold (practice_id, guarantor_id);

create table note (
    id text primary key,
    practice_id text not null references practice (id),
    guarantor_id text not null references guarantor (id),
    text_sealed text not null,
    written_by text not null,
    at_ms bigint not null
);
create index note_by_guarantor on note (practice_id, guarantor_id, at_ms);

-- What a person has to look at: wrong numbers, questions, unreachable accounts.
create table task (
    id text primary key,
    practice_id text not null references practice (id),
    guarantor_id text,
    kind text not null,
    detail_sealed text,
    dedupe_key text not null,
    opened_at_ms bigint not null,
    closed_at_ms bigint,
    closed_by text,
    outcome text,
    unique (practice_id, dedupe_key)
);
create index task_open on task (practice_id, closed_at_ms, opened_at_ms);
