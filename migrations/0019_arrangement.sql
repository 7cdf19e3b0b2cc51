-- Why: plans, cards on file and paperless bills are kept in the practice's own system; its file says
-- them, and they decide what a guarantor is told instead of a reminder (D-30, M36, S-TR10). Narrow,
-- because most accounts have none.
create table arrangement (
    guarantor_id text primary key references guarantor (id),
    practice_id text not null,
    -- kept, behind, no; null: never said. The same of each group below.
    plan text,
    plan_cents bigint,
    plan_next_on text,
    plan_said_at_ms bigint,
    autopay bigint,
    -- All that is ever kept of a card.
    card_last4 text,
    charge_cents bigint,
    charge_on text,
    failed_on text,
    autopay_said_at_ms bigint,
    high_deductible bigint,
    paperless bigint,
    paperless_consent_on text,
    -- When there is something to tell the guarantor of.
    next_at_ms bigint,
    updated_at_ms bigint not null
);
create index arrangement_due on arrangement (next_at_ms) where next_at_ms is not null;

-- It stands with the others now; nothing ever wrote it.
alter table guarantor drop column high_deductible_at_ms;
