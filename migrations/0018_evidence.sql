-- Why: damages for texts are per text, and proof is the defence (MS15). What somebody agreed to is
-- chained like the audit log, one chain a phone or email, so that one export proves itself.
alter table consent add column chain_no bigint;
alter table consent add column chain_hash text;
create unique index consent_by_chain on consent (practice_id, value_index, chain_no)
    where chain_no is not null;
create index consent_unchained on consent (id) where chain_no is null;

-- The notary writes the two columns once; nothing else of a row ever changes.
-- sqlite:
drop trigger consent_no_update;
create trigger consent_no_rewrite before update on consent
when old.chain_no is not null
    or new.id <> old.id or new.practice_id <> old.practice_id
    or new.value_index <> old.value_index or new.channel <> old.channel
    or new.granted <> old.granted or new.source <> old.source or new.wording <> old.wording
    or new.actor <> old.actor or new.at_ms <> old.at_ms
begin
    select raise(abort, 'consent is append-only');
end;
-- end
-- postgres:
drop trigger consent_append_only on consent;
create trigger consent_no_delete before delete on consent
    for each row execute function refuse_change();
create trigger consent_no_rewrite before update on consent
    for each row
    when (old.chain_no is not null
        or new.id <> old.id or new.practice_id <> old.practice_id
        or new.value_index <> old.value_index or new.channel <> old.channel
        or new.granted <> old.granted or new.source <> old.source or new.wording <> old.wording
        or new.actor <> old.actor or new.at_ms <> old.at_ms)
    execute function refuse_change();
-- end
