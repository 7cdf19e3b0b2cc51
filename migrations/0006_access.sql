-- Why: who may look. A link pays and nothing else; looking takes a match and the contact in hand.
create table login (
    id text primary key,
    practice_id text not null references practice (id),
    email_sealed text not null,
    email_index text not null,
    password_hash text not null,
    language text,
    failures bigint not null default 0,
    blocked_until_ms bigint not null default 0,
    email_confirmed_at_ms bigint,
    created_at_ms bigint not null,
    disabled_at_ms bigint,
    unique (practice_id, email_index)
);

create table login_account (
    login_id text not null references login (id),
    practice_id text not null,
    guarantor_id text not null references guarantor (id),
    added_at_ms bigint not null,
    removed_at_ms bigint,
    primary key (login_id, guarantor_id)
);
create index login_account_by_guarantor on login_account (practice_id, guarantor_id);

-- A device that has proved the contact once is not asked for a code again.
create table device (
    token_hash text primary key,
    login_id text not null references login (id),
    practice_id text not null,
    created_at_ms bigint not null,
    last_used_at_ms bigint not null
);

-- Sessions of staff, patients, and steps half-way through a sign-in. Times are the real clock.
create table session (
    token_hash text primary key,
    kind text not null,
    subject_id text not null,
    practice_id text not null,
    -- What a half-finished sign-in has established so far; sealed.
    state_sealed text,
    created_at_ms bigint not null,
    last_seen_at_ms bigint not null,
    expires_at_ms bigint not null,
    ended_at_ms bigint
);
create index session_by_subject on session (kind, subject_id);

create table one_time_code (
    id text primary key,
    practice_id text not null,
    purpose text not null,
    subject_id text not null,
    contact_index text not null,
    code_hash text not null,
    tries bigint not null default 0,
    created_at_ms bigint not null,
    expires_at_ms bigint not null,
    used_at_ms bigint
);
create index one_time_code_by_contact on one_time_code (practice_id, contact_index, created_at_ms);

-- Emailed links of the account itself: confirm an address, reset a password.
create table mail_token (
    token_hash text primary key,
    practice_id text not null,
    purpose text not null,
    login_id text not null references login (id),
    created_at_ms bigint not null,
    expires_at_ms bigint not null,
    used_at_ms bigint
);

-- Issued at the front desk after checking identity; 72 hours.
create table access_code (
    id text primary key,
    practice_id text not null references practice (id),
    guarantor_id text not null references guarantor (id),
    code_hash text not null,
    issued_by text not null,
    issued_at_ms bigint not null,
    expires_at_ms bigint not null,
    tries bigint not null default 0,
    used_at_ms bigint
);
create index access_code_by_hash on access_code (practice_id, code_hash);

-- Counters that must survive a restart: guesses per link, guarantor, practice, address.
create table try_count (
    scope text not null,
    subject text not null,
    window_at_ms bigint not null,
    tries bigint not null,
    primary key (scope, subject, window_at_ms)
);
