-- Why: a key pressed in a call is evidence. A 9 takes consent back, a 2 asks for one text, and neither
-- may count twice because the provider asked twice.
create table call_key (
    id text primary key,
    practice_id text not null references practice (id),
    message_id text not null,
    guarantor_id text,
    -- The phone that was called.
    value_index text not null,
    -- The provider's id of the call.
    call_id text not null,
    key text not null,
    -- What came of it: heard, link_sent, no_link, stopped, connected.
    outcome text,
    at_ms bigint not null,
    unique (practice_id, call_id, key)
);
create index call_key_by_value on call_key (practice_id, value_index, at_ms);
