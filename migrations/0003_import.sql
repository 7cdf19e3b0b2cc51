-- Why: a file is staged, compared with the book, and applied in resumable chunks; a file that
-- clears or multiplies an implausible part of the book waits for a manager (MS6).
create table import (
    id text primary key,
    practice_id text not null references practice (id),
    source text not null,
    format text not null,
    mode text not null,
    file_name text not null,
    as_of_on text,
    state text not null,
    phase_done bigint not null default 0,
    rows_total bigint not null default 0,
    rows_accepted bigint not null default 0,
    rows_refused bigint not null default 0,
    rows_unchanged bigint not null default 0,
    -- What the comparison found: new, changed, vanished, jumped, cleared, with examples.
    difference text,
    started_by text not null,
    started_at_ms bigint not null,
    finished_at_ms bigint,
    decided_by text,
    decided_at_ms bigint,
    decided_why text,
    failure text
);
create index import_by_practice on import (practice_id, started_at_ms, id);

create table import_row (
    import_id text not null references import (id),
    practice_id text not null,
    line bigint not null,
    part bigint not null default 0,
    kind text not null,
    external_id text not null,
    payload_sealed text not null,
    primary key (import_id, line, part)
);
create index import_row_by_key on import_row (import_id, kind, external_id);

-- Line, column and reason; never the refused value.
create table import_refusal (
    import_id text not null references import (id),
    practice_id text not null,
    line bigint not null,
    part bigint not null default 0,
    column_name text,
    reason text not null,
    primary key (import_id, line, part)
);
