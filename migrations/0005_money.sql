-- Why: money moves in named phases; one open attempt per guarantor is the lock; postings are
-- append-only and balanced; what is unapplied is computed, never stored (D-21 to D-25).
create table attempt (
    id text primary key,
    practice_id text not null references practice (id),
    guarantor_id text not null references guarantor (id),
    -- element (card form on our page) or checkout (the processor's page).
    flow text not null,
    -- link, portal or desk.
    source text not null,
    state text not null,
    rank bigint not null,
    amount_cents bigint not null,
    currency text not null,
    shown_due_cents bigint not null,
    -- pi_… or cs_…; a checkout session has no intent until it is confirmed.
    processor_id text,
    intent_id text,
    link_hash text,
    login_id text,
    -- The visits the payer chose, as claim ids.
    chosen_claims text,
    receipt_email_sealed text,
    language text not null,
    decline_code text,
    failure text,
    lease_until_ms bigint,
    next_look_at_ms bigint,
    looks bigint not null default 0,
    created_at_ms bigint not null,
    expires_at_ms bigint not null,
    settled_at_ms bigint,
    closed_at_ms bigint
);
create unique index attempt_one_open on attempt (practice_id, guarantor_id)
    where state in ('draft', 'open', 'processing', 'unknown');
create unique index attempt_by_processor on attempt (practice_id, processor_id)
    where processor_id is not null;
create index attempt_by_intent on attempt (practice_id, intent_id) where intent_id is not null;
create index attempt_to_look on attempt (next_look_at_ms) where next_look_at_ms is not null;
create index attempt_by_guarantor on attempt (practice_id, guarantor_id, created_at_ms);
create index attempt_by_link on attempt (practice_id, link_hash, created_at_ms);

create table payment (
    id text primary key,
    practice_id text not null references practice (id),
    guarantor_id text not null references guarantor (id),
    attempt_id text not null unique references attempt (id),
    intent_id text not null,
    charge_id text,
    captured_cents bigint not null,
    currency text not null,
    source text not null,
    brand text,
    last4 text,
    -- What a person reads out on the phone.
    reference text not null unique,
    received_at_ms bigint not null,
    -- The practice system shows it, or staff said so: netting ends (D-11).
    posted_at_ms bigint,
    posted_by text,
    disputed_at_ms bigint,
    dispute_state text,
    version bigint not null default 1,
    unique (practice_id, intent_id)
);
create index payment_by_practice on payment (practice_id, received_at_ms, id);
create index payment_by_guarantor on payment (practice_id, guarantor_id, received_at_ms);
-- What every balance is netted by.
create index payment_unposted on payment (practice_id, guarantor_id) where posted_at_ms is null;

-- Accounts: processor (money at the processor), unapplied (owed to a payer until applied), applied
-- (took a claim down). The postings of a journal sum to zero.
create table posting (
    id text primary key,
    practice_id text not null references practice (id),
    journal_id text not null,
    kind text not null,
    account text not null,
    guarantor_id text not null,
    payment_id text not null references payment (id),
    claim_id text,
    amount_cents bigint not null,
    -- The journal that this one takes back.
    reverses_journal_id text,
    actor text not null,
    at_ms bigint not null
);
create index posting_by_payment on posting (practice_id, payment_id, account);
create index posting_by_claim on posting (practice_id, claim_id) where claim_id is not null;
create index posting_by_guarantor on posting (practice_id, guarantor_id);
create index posting_by_journal on posting (journal_id);

create table refund (
    id text primary key,
    practice_id text not null references practice (id),
    payment_id text not null references payment (id),
    -- The nth of its payment; part of the idempotency key.
    number bigint not null,
    amount_cents bigint not null check (amount_cents > 0),
    reason text not null,
    state text not null,
    processor_id text,
    requested_by text not null,
    requested_at_ms bigint not null,
    approved_by text,
    next_look_at_ms bigint,
    looks bigint not null default 0,
    ended_at_ms bigint,
    failure text,
    unique (practice_id, payment_id, number)
);
create unique index refund_by_processor on refund (practice_id, processor_id)
    where processor_id is not null;
create index refund_to_look on refund (next_look_at_ms) where next_look_at_ms is not null;

-- The durable inbox: 200 is answered once the row is here (decision 4).
create table webhook_event (
    practice_id text not null,
    vendor text not null,
    event_id text not null,
    kind text not null,
    body_sealed text not null,
    state text not null,
    attempts bigint not null default 0,
    next_at_ms bigint,
    received_at_ms bigint not null,
    done_at_ms bigint,
    outcome text,
    primary key (practice_id, vendor, event_id)
);
create index webhook_event_due on webhook_event (next_at_ms) where next_at_ms is not null;

-- What follows once a payment is durable: receipts. The engine drains it; the key makes each happen
-- once.
create table effect (
    id text primary key,
    practice_id text not null references practice (id),
    guarantor_id text,
    kind text not null,
    effect_key text not null,
    payload text not null,
    state text not null,
    attempts bigint not null default 0,
    next_at_ms bigint,
    created_at_ms bigint not null,
    done_at_ms bigint,
    unique (practice_id, effect_key)
);
create index effect_due on effect (next_at_ms) where next_at_ms is not null;

-- Up to where the processor's own list of payments has been compared with ours.
create table processor_cursor (
    practice_id text primary key references practice (id),
    compared_until_ms bigint not null
);

-- Staff drafts of a match, so that an idle sign-out loses nothing.
create table match_draft (
    practice_id text not null,
    payment_id text not null references payment (id),
    staff_id text not null,
    lines text not null,
    at_ms bigint not null,
    primary key (practice_id, payment_id, staff_id)
);

-- sqlite:
create trigger posting_no_update before update on posting
begin
    select raise(abort, 'postings are append-only');
end;
create trigger posting_no_delete before delete on posting
begin
    select raise(abort, 'postings are append-only');
end;
create trigger consent_no_update before update on consent
begin
    select raise(abort, 'consent is append-only');
end;
create trigger consent_no_delete before delete on consent
begin
    select raise(abort, 'consent is append-only');
end;
-- end
-- postgres:
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name;
end;
$$;
create trigger posting_append_only before update or delete on posting
    for each row execute function refuse_change();
create trigger consent_append_only before update or delete on consent
    for each row execute function refuse_change();
-- end
