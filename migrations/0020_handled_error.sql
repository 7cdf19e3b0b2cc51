-- Why: a message that failed is work for somebody until somebody says how it ended (S-H1), a notice
-- stands in the patient's account until it is read there (S-SF11), and a check code can be typed on the
-- keys of a phone (MS1).

-- What staff did about a message that failed. One such row stands at most; those that were undone stay.
create table handled_error (
    id text primary key,
    practice_id text not null references practice (id),
    message_id text not null references message (id),
    guarantor_id text,
    -- contact, channel, opt_out, archive
    outcome text not null,
    -- By outcome: nothing, the channel, this or all, the reason.
    detail text not null,
    note_sealed text,
    -- What went instead.
    other_message_id text,
    handled_by text not null,
    at_ms bigint not null,
    undone_by text,
    undone_at_ms bigint
);
create unique index handled_error_standing on handled_error (practice_id, message_id)
    where undone_at_ms is null;
create index handled_error_by_message on handled_error (practice_id, message_id, at_ms);
create index message_failed on message (practice_id, id) where state in ('failed', 'unknown');

-- Which notices somebody has opened in their account.
create table notice_read (
    practice_id text not null references practice (id),
    login_id text not null,
    notice text not null,
    at_ms bigint not null,
    primary key (practice_id, login_id, notice)
);

-- The check code as it is typed on a phone: ABCD2345 is 22232345.
alter table message add column check_keys text;
update message set check_keys =
    replace(replace(replace(replace(replace(replace(replace(replace(
    replace(replace(replace(replace(replace(replace(replace(replace(
    replace(replace(replace(replace(replace(replace(replace(replace(check_code,
    'A', '2'), 'B', '2'), 'C', '2'), 'D', '3'), 'E', '3'), 'F', '3'), 'G', '4'), 'H', '4'),
    'J', '5'), 'K', '5'), 'L', '5'), 'M', '6'), 'N', '6'), 'P', '7'), 'Q', '7'), 'R', '7'),
    'S', '7'), 'T', '8'), 'U', '8'), 'V', '8'), 'W', '9'), 'X', '9'), 'Y', '9'), 'Z', '9')
where check_code is not null;
create index message_by_check_keys on message (practice_id, check_keys)
    where check_keys is not null;
