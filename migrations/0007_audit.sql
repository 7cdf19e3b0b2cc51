-- Why: every view, change and send, by whom, when and with what result. Written unchained inside
-- the transaction it describes; one leased notary chains rows in order (decision 24).
create table audit (
    id text primary key,
    practice_id text not null,
    at_ms bigint not null,
    actor_kind text not null,
    actor_id text not null,
    verb text not null,
    object_kind text not null,
    object_id text not null,
    guarantor_id text,
    result text not null,
    detail text not null,
    address text not null,
    -- Set once, by the notary.
    chain_no bigint,
    chain_hash text
);
create index audit_by_practice on audit (practice_id, at_ms, id);
create index audit_by_guarantor on audit (practice_id, guarantor_id, at_ms);
create unique index audit_by_chain on audit (chain_no) where chain_no is not null;
create index audit_unchained on audit (id) where chain_no is null;

-- sqlite:
create trigger audit_no_delete before delete on audit
begin
    select raise(abort, 'audit is append-only');
end;
create trigger audit_no_rewrite before update on audit
when old.chain_no is not null
    or new.id <> old.id or new.practice_id <> old.practice_id or new.at_ms <> old.at_ms
    or new.actor_kind <> old.actor_kind or new.actor_id <> old.actor_id or new.verb <> old.verb
    or new.object_kind <> old.object_kind or new.object_id <> old.object_id
    or new.result <> old.result or new.detail <> old.detail or new.address <> old.address
begin
    select raise(abort, 'audit is append-only');
end;
-- end
-- postgres:
create trigger audit_no_delete before delete on audit
    for each row execute function refuse_change();
create trigger audit_no_rewrite before update on audit
    for each row
    when (old.chain_no is not null
        or new.id <> old.id or new.practice_id <> old.practice_id or new.at_ms <> old.at_ms
        or new.actor_kind <> old.actor_kind or new.actor_id <> old.actor_id
        or new.verb <> old.verb or new.object_kind <> old.object_kind
        or new.object_id <> old.object_id or new.result <> old.result
        or new.detail <> old.detail or new.address <> old.address)
    execute function refuse_change();
-- end
