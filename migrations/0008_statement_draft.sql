-- Why: whom staff ticked on a Confirm Patient List survives paging, an idle sign-out and a lost
-- connection; and a draft is used once, so that a double click sends once.
create table statement_draft (
    id text primary key,
    practice_id text not null references practice (id),
    staff_id text not null references staff (id),
    -- The query of the list's address.
    criteria text not null,
    -- all or none, and the accounts that differ from it, as JSON.
    base text not null,
    changed text not null,
    at_ms bigint not null,
    used_at_ms bigint,
    job_id text
);
create unique index statement_draft_open on statement_draft (practice_id, staff_id, criteria)
    where used_at_ms is null;
