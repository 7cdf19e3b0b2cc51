-- Why: what patients text back is a conversation that somebody answers, by phone and never by a
-- guessed account (D-4); and what else patients and practices say about texting is kept with who said
-- it and when: wishes, accepted prices, bought numbers, deliveries that bounced.

-- One for each phone of a practice. Bodies are in reply and message, sealed; here is only where it
-- stands. The phone itself is not here: its blind index is.
create table conversation (
    id text primary key,
    practice_id text not null references practice (id),
    value_index text not null,
    masked text not null,
    state text not null,
    assigned_to text,
    -- The one account staff said it is about.
    guarantor_id text,
    -- Replies nobody has opened; the read cursor is seq at the moment of opening.
    unread bigint not null default 0,
    last_at_ms bigint not null,
    last_is_ours bigint not null default 0,
    -- The practice's cursor when this conversation last changed.
    seq bigint not null default 0,
    opened_at_ms bigint not null,
    closed_at_ms bigint,
    closed_by text,
    unique (practice_id, value_index)
);
create index conversation_by_practice on conversation (practice_id, state, last_at_ms, id);
create index conversation_unread on conversation (practice_id) where unread > 0;

-- Counts every change of the inbox, so that a page asks for one number whether it is behind.
create table inbox_cursor (
    practice_id text primary key references practice (id),
    seq bigint not null
);

-- Phones that wrote before there was an inbox.
insert into conversation (id, practice_id, value_index, masked, state, last_at_ms, opened_at_ms)
select 'cnv_' || substr(max(id), 5), practice_id, value_index, max(masked), 'closed', max(at_ms),
    min(at_ms)
from reply
group by practice_id, value_index;

-- How a reply was understood first, and who said otherwise.
alter table reply add column reclassified_from text;
alter table reply add column reclassified_by text;
alter table reply add column reclassified_at_ms bigint;

create table canned_reply (
    id text primary key,
    practice_id text not null references practice (id),
    title text not null,
    body text not null,
    written_by text not null,
    written_at_ms bigint not null,
    removed_at_ms bigint
);
create index canned_reply_by_practice on canned_reply (practice_id, title, id);

-- Failures that may pass: three in fourteen days and staff look (M32).
create table soft_bounce (
    practice_id text not null,
    value_index text not null,
    message_id text not null,
    at_ms bigint not null,
    primary key (practice_id, value_index, message_id)
);

-- Events of an email service, each worked off once.
create table email_event (
    practice_id text not null,
    event_id text not null,
    at_ms bigint not null,
    primary key (practice_id, event_id)
);
create index email_event_by_age on email_event (at_ms);

-- The prices of texting as they were read and accepted (S-G4): append-only evidence.
create table billing_consent (
    id text primary key,
    practice_id text not null references practice (id),
    version text not null,
    wording text not null,
    accepted_by text not null,
    address text not null,
    at_ms bigint not null
);
create index billing_consent_by_practice on billing_consent (practice_id, at_ms, id);

-- The intent to buy a number, before the vendor is asked: a purchase of unknown outcome is looked
-- up, and the same form twice buys one (S-NU1).
create table number_order (
    id text primary key,
    practice_id text not null references practice (id),
    number text not null,
    state text not null,
    vendor_id text,
    wanted_by text not null,
    wanted_at_ms bigint not null,
    settled_at_ms bigint
);
create unique index number_order_once on number_order (practice_id, number)
    where state in ('buying', 'bought');

-- What a person asked for about the time of reminders.
create table preference (
    practice_id text not null references practice (id),
    guarantor_id text not null references guarantor (id),
    -- Hours of the day at their place in which nothing comes; both or none.
    quiet_from_hour bigint,
    quiet_until_hour bigint,
    -- "Remind me on my payday": a day of the month, or one day.
    payday_of_month bigint,
    remind_on text,
    snoozed_until_on text,
    -- The payday whose reminder has been asked for.
    reminded_for_on text,
    set_by text not null,
    set_at_ms bigint not null,
    primary key (practice_id, guarantor_id)
);
create index preference_with_payday on preference (practice_id, guarantor_id)
    where payday_of_month is not null or remind_on is not null;

-- Receipts a person does not want on a phone or email. Reminders are consent and opt-outs.
create table unwanted_receipt (
    practice_id text not null,
    value_index text not null,
    set_by text not null,
    set_at_ms bigint not null,
    primary key (practice_id, value_index)
);
