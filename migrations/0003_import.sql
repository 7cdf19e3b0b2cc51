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
    -- Where applying stands: which kind of row, and the last external id that is done.
    phase text not null default '',
    cursor text not null default '',
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
    -- The order in which the source said it.
    seq bigint not null,
    line bigint not null,
    kind text not null,
    external_id text not null,
    -- Of a claim's piece: what it says is due, for the comparison before anything is applied.
    due_cents bigint,
    payload_sealed text not null,
    primary key (import_id, seq)
);
create index import_row_by_key on import_row (import_id, kind, external_id, seq);

-- Line, column and reason; never the refused value.
create table import_refusal (
    import_id text not null references import (id),
    practice_id text not null,
    seq bigint not null,
    file_name text not null,
    line bigint not null,
    column_name text,
    reason text not null,
    ledger_rows bigint not null,
    primary key (import_id, seq)
);
