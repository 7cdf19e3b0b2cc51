-- Why: every message is decided, stored, leased and sent exactly as approved, and says afterwards
-- why it went or did not go.
create table job (
    id text primary key,
    practice_id text not null references practice (id),
    kind text not null,
    method text not null,
    criteria text not null,
    custom_name text,
    state text not null,
    -- What staff chose on "Patient Statements Sent": yes, no, or not yet.
    mark text,
    created_by text not null,
    created_at_ms bigint not null,
    approved_by text,
    approved_at_ms bigint,
    finished_at_ms bigint
);
create index job_by_practice on job (practice_id, created_at_ms, id);
-- Jobs half-way through drafting or approving, which a restart goes on with.
create index job_under_way on job (state) where state in ('drafting', 'approving');

-- The claims a job reminds of, and what became of their status: marking is undone claim by claim
-- when nothing reached the guarantor (X7).
create table job_claim (
    job_id text not null references job (id),
    practice_id text not null,
    guarantor_id text not null,
    claim_id text not null references claim (id),
    marked_at_ms bigint,
    reverted_at_ms bigint,
    primary key (job_id, claim_id)
);
create index job_claim_by_guarantor on job_claim (practice_id, guarantor_id, job_id);

create table message (
    id text primary key,
    practice_id text not null references practice (id),
    guarantor_id text references guarantor (id),
    job_id text references job (id),
    class text not null,
    kind text not null,
    channel text not null,
    contact_id text,
    recipient_sealed text not null,
    value_index text not null,
    masked text not null,
    language text not null,
    content_sealed text not null,
    content_hash text not null,
    amount_cents bigint,
    segments bigint not null default 0,
    link_hash text,
    check_code text,
    -- Shared by the text and the email of one notice: together they count once.
    notice text not null,
    -- At most one message for the same reason (D-38).
    dedupe_key text not null,
    state text not null,
    slot_at_ms bigint not null,
    next_at_ms bigint,
    lease_holder text,
    lease_until_ms bigint,
    attempts bigint not null default 0,
    -- Look-ups at the vendor while nobody knows whether it was sent.
    looks bigint not null default 0,
    approved_by text,
    approved_at_ms bigint,
    provider_id text,
    provider_status text,
    provider_rank bigint not null default 0,
    provider_code text,
    accepted_at_ms bigint,
    delivered_at_ms bigint,
    ended_at_ms bigint,
    end_reason text,
    created_by text not null,
    created_at_ms bigint not null,
    version bigint not null default 1,
    unique (practice_id, dedupe_key)
);
create index message_due on message (next_at_ms) where next_at_ms is not null;
create index message_by_guarantor on message (practice_id, guarantor_id, created_at_ms);
create index message_by_job on message (job_id, state);
create index message_by_practice on message (practice_id, created_at_ms, id);
create index message_by_provider on message (provider_id) where provider_id is not null;
create index message_by_value on message (practice_id, value_index);
create index message_by_check_code on message (practice_id, check_code) where check_code is not null;

-- Frequency caps read this narrow table, never the messages. A subject is a contact's blind index
-- or a guarantor's id.
create table send_mark (
    practice_id text not null,
    subject text not null,
    at_ms bigint not null,
    message_id text not null,
    notice text not null,
    primary key (practice_id, subject, at_ms, message_id)
);

-- When each sender has its next turn: the rate limit of all servers together.
create table sender_rate (
    practice_id text not null,
    sender text not null,
    free_at_ms bigint not null,
    primary key (practice_id, sender)
);

-- A provider's report that was faster than our own record of the hand-over; taken up by that record.
create table early_report (
    practice_id text not null,
    provider_id text not null,
    status text not null,
    word text not null,
    code bigint,
    cause text,
    at_ms bigint not null,
    primary key (practice_id, provider_id, status)
);
create index early_report_by_age on early_report (at_ms);

create table decision (
    id text primary key,
    practice_id text not null references practice (id),
    guarantor_id text,
    message_id text,
    at_ms bigint not null,
    outcome text not null,
    until_ms bigint,
    headline text not null,
    reasons text not null,
    inputs_hash text not null,
    ruleset text not null
);
create index decision_by_guarantor on decision (practice_id, guarantor_id, at_ms);
create index decision_by_message on decision (practice_id, message_id, at_ms);

create table reply (
    id text primary key,
    practice_id text not null references practice (id),
    value_index text not null,
    from_sealed text not null,
    masked text not null,
    body_sealed text not null,
    class text not null,
    provider_id text not null,
    at_ms bigint not null,
    answered text,
    unique (practice_id, provider_id)
);
create index reply_by_value on reply (practice_id, value_index, at_ms);

create table link (
    token_hash text primary key,
    practice_id text not null references practice (id),
    guarantor_id text not null references guarantor (id),
    contact_id text,
    message_id text,
    advertised_cents bigint,
    -- Which bill the message was about, to mark it on the bill page.
    claim_id text,
    created_at_ms bigint not null,
    expires_at_ms bigint not null,
    revoked_at_ms bigint,
    -- When the provider accepted the message: possession counts 72 hours from here (decision 15).
    accepted_at_ms bigint,
    match_tries bigint not null default 0,
    viewed_at_ms bigint
);
create index link_by_guarantor on link (practice_id, guarantor_id);
create index link_by_message on link (practice_id, message_id);

-- Append-only; a scanner's fetch changes no other row (D-55, R30).
create table link_access (
    id text primary key,
    practice_id text not null,
    token_hash text not null,
    kind text not null,
    at_ms bigint not null
);
create index link_access_by_token on link_access (practice_id, token_hash);
