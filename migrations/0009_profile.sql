-- Why: a practice decides once how it reminds, in versions that somebody approved; each account
-- climbs its own ladder, each step of a cycle happens once (D-37, D-38), and what a person has to do
-- stands in one list.
create table segment (
    id text primary key,
    practice_id text not null references practice (id),
    name text not null,
    name_key text not null,
    filter text not null,
    created_by text not null,
    created_at_ms bigint not null,
    updated_at_ms bigint not null,
    unique (practice_id, name_key)
);

create table profile (
    id text primary key,
    practice_id text not null references practice (id),
    name text not null,
    name_key text not null,
    -- Of several active profiles the first that holds is an account's.
    place bigint not null,
    created_by text not null,
    created_at_ms bigint not null,
    unique (practice_id, name_key)
);

create table profile_version (
    id text primary key,
    practice_id text not null references practice (id),
    profile_id text not null references profile (id),
    number bigint not null,
    document text not null,
    -- draft, approved (its proof was read), active, retired.
    state text not null,
    created_by text not null,
    created_at_ms bigint not null,
    updated_at_ms bigint not null,
    approved_by text,
    approved_at_ms bigint,
    activated_by text,
    activated_at_ms bigint,
    retired_at_ms bigint,
    -- While the accounts are being taken in: the last one that was.
    enrol_after text,
    unique (profile_id, number)
);
create index profile_version_by_state on profile_version (practice_id, state);
-- A profile is climbed in one version at a time.
create unique index profile_version_active on profile_version (profile_id) where state = 'active';

-- Where each account stands. Narrow, because it is touched at every step (performance.md, fact 6).
create table ladder (
    guarantor_id text primary key references guarantor (id),
    practice_id text not null,
    version_id text,
    -- The oldest open claim: when it is paid, the next one's cycle begins (D-13).
    cycle text,
    next_at_ms bigint,
    -- climbing, over, idle (nothing due), none (no profile is theirs).
    state text not null
);
create index ladder_due on ladder (next_at_ms) where next_at_ms is not null;
create index ladder_by_practice on ladder (practice_id, state);

-- Every turn of every cycle that is over, and what came of it.
create table ladder_step (
    practice_id text not null,
    guarantor_id text not null references guarantor (id),
    profile_id text not null,
    cycle text not null,
    step bigint not null,
    occurrence bigint not null,
    version_id text not null,
    -- written, called, printed, proposed, review, held_out, missed, conditions, superseded, withheld.
    outcome text not null,
    slot_at_ms bigint not null,
    at_ms bigint not null,
    -- The notice its messages carry, and the channels that failed it.
    notice text,
    accepted_at_ms bigint,
    failed_channels text not null default '',
    primary key (guarantor_id, profile_id, cycle, step, occurrence)
);
create index ladder_step_by_notice on ladder_step (practice_id, notice) where notice is not null;
create index ladder_step_by_version on ladder_step (practice_id, version_id, step, at_ms);

-- What a person does next: calls, letters to print, proposals, accounts to look at (S-D13).
create table follow_up (
    id text primary key,
    practice_id text not null references practice (id),
    guarantor_id text not null references guarantor (id),
    -- call, letter, collections, review.
    kind text not null,
    -- The words to open with; a code the workspace has a script for.
    script text not null,
    reason text not null,
    due_on text not null,
    is_urgent bigint not null default 0,
    assigned_to text,
    tries bigint not null default 0,
    opened_at_ms bigint not null,
    closed_at_ms bigint,
    closed_by text,
    outcome text,
    note_sealed text,
    dedupe_key text not null,
    unique (practice_id, dedupe_key)
);
create index follow_up_open on follow_up (practice_id, due_on, id) where closed_at_ms is null;
create index follow_up_by_guarantor on follow_up (practice_id, guarantor_id, opened_at_ms);

-- Every try of a follow-up: who called, what came of it (S-D7).
create table follow_up_try (
    id text primary key,
    practice_id text not null,
    follow_up_id text not null references follow_up (id),
    outcome text not null,
    next_on text,
    by_whom text not null,
    at_ms bigint not null
);
create index follow_up_try_by on follow_up_try (practice_id, follow_up_id, at_ms);

-- A draft tried on the whole book before anybody is reminded by it (MS4).
create table forecast (
    id text primary key,
    practice_id text not null references practice (id),
    version_id text not null references profile_version (id),
    state text not null,
    accounts_done bigint not null default 0,
    accounts_total bigint not null default 0,
    result text,
    failure text,
    started_by text not null,
    started_at_ms bigint not null,
    finished_at_ms bigint
);
create index forecast_by_version on forecast (practice_id, version_id, started_at_ms);

-- A job can rest: nothing of it goes until it is resumed.
alter table job add column paused_at_ms bigint;
alter table job add column paused_by text;
-- The version whose ladder a job's messages come from, and the practice's day it was opened on.
alter table job add column version_id text;
alter table job add column day_on text;
create unique index job_of_day on job (practice_id, version_id, day_on, method)
    where version_id is not null;
create index message_by_notice on message (practice_id, notice);

-- The practice's own marks on an account, by import or by staff (S-SG6).
alter table guarantor add column high_deductible_at_ms bigint;
