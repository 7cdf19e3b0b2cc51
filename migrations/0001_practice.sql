-- Why: every row of the system belongs to a practice; staff reach it through memberships.
create table meta (
    name text primary key,
    value text not null
);

create table practice (
    id text primary key,
    slug text not null unique,
    name text not null,
    settings text not null,
    version bigint not null,
    live_at_ms bigint,
    -- Outreach stops while a held import waits for a manager.
    outreach_held_at_ms bigint,
    outreach_held_why text,
    created_at_ms bigint not null
);

-- A practice's vendor accounts: each practice is its own merchant and sender. Sealed, write-only.
create table connection (
    practice_id text not null references practice (id),
    kind text not null,
    settings_sealed text not null,
    updated_at_ms bigint not null,
    primary key (practice_id, kind)
);

create table staff (
    id text primary key,
    email text not null,
    email_key text not null unique,
    name text not null,
    password_hash text,
    totp_secret_sealed text,
    -- A code is used once: the last accepted time step.
    totp_last_step bigint not null default 0,
    recovery_sealed text,
    failures bigint not null default 0,
    blocked_until_ms bigint not null default 0,
    invited_hash text unique,
    invited_until_ms bigint,
    disabled_at_ms bigint,
    created_at_ms bigint not null
);

create table membership (
    staff_id text not null references staff (id),
    practice_id text not null references practice (id),
    role text not null,
    since_ms bigint not null,
    ended_at_ms bigint,
    primary key (staff_id, practice_id)
);
create index membership_by_practice on membership (practice_id);

create table api_key (
    id text primary key,
    practice_id text not null references practice (id),
    name text not null,
    key_hash text not null unique,
    created_at_ms bigint not null,
    created_by text not null,
    last_used_at_ms bigint,
    revoked_at_ms bigint
);

-- Work that several processes share is taken by lease.
create table lease (
    name text primary key,
    holder text not null,
    until_ms bigint not null
);

create table setup_link (
    token_hash text primary key,
    expires_at_ms bigint not null,
    used_at_ms bigint
);

-- First-start steps and their outcome, so that setup can be resumed.
create table setup_step (
    practice_id text not null,
    step text not null,
    state text not null,
    detail text not null,
    at_ms bigint not null,
    primary key (practice_id, step)
);
