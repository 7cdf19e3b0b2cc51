-- Why: one charge can be disputed more than once (a bank's question, later a dispute, each of a part
-- or the whole), so each dispute is a row with an end of its own (D-26). What a payment shows is
-- folded from its rows, and what was lost is posted as the difference to what is posted already.
create table dispute (
    -- As the processor calls it: dp_… or du_….
    id text not null,
    practice_id text not null references practice (id),
    payment_id text not null references payment (id),
    amount_cents bigint not null,
    -- The processor's word, in ours.
    stage text not null,
    -- Only rises: two looks that overtake each other end the same.
    rank bigint not null,
    opened_at_ms bigint not null,
    -- Until it is decided it is asked about, should the event of its end be lost.
    next_look_at_ms bigint,
    primary key (practice_id, id)
);
create index dispute_by_payment on dispute (practice_id, payment_id);
create index dispute_to_look on dispute (next_look_at_ms) where next_look_at_ms is not null;
