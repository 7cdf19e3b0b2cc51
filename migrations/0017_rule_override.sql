-- Why: a practice may switch a rule or tighten its numbers, and reads the rules again every quarter.
-- Who did so, when and why is evidence: a change is replaced by the next one, never rewritten.
create table rule_override (
    id text primary key,
    practice_id text not null references practice (id),
    rule_id text not null,
    -- 1 on, 0 off, null as the product has it.
    enabled bigint,
    -- The numbers that differ, by name, as JSON.
    numbers text not null,
    reason text not null,
    reviewed_by text not null,
    reviewed_at_ms bigint not null,
    replaced_at_ms bigint,
    replaced_by text
);
create unique index rule_override_stands on rule_override (practice_id, rule_id)
    where replaced_at_ms is null;
create index rule_override_by_rule on rule_override (practice_id, rule_id, reviewed_at_ms, id);

create table rule_review (
    id text primary key,
    practice_id text not null references practice (id),
    rule_id text not null,
    -- The rules as they were read.
    ruleset text not null,
    reviewed_by text not null,
    reviewed_at_ms bigint not null
);
create index rule_review_by_rule on rule_review (practice_id, rule_id, reviewed_at_ms);
