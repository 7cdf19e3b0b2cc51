-- Why: a practice's own words for its messages. Append-only: which words went out with a message,
-- who wrote them, and what the linter said of them can be read years later.
create table template (
    id text primary key,
    practice_id text not null references practice (id),
    kind text not null,
    form text not null,
    language text not null,
    -- Counts from 1 for each kind, form and language of a practice; the highest is in force.
    version bigint not null,
    -- Of an email, else empty.
    subject text not null,
    -- Null: back to the words Clearbill comes with.
    body text,
    -- The linter's findings when it was saved, as JSON.
    findings text not null,
    created_by text not null,
    created_at_ms bigint not null,
    unique (practice_id, kind, form, language, version)
);

-- sqlite:
create trigger template_no_delete before delete on template
begin
    select raise(abort, 'template is append-only');
end;
create trigger template_no_rewrite before update on template
begin
    select raise(abort, 'template is append-only');
end;
-- end
-- postgres:
create trigger template_no_delete before delete on template
    for each row execute function refuse_change();
create trigger template_no_rewrite before update on template
    for each row execute function refuse_change();
-- end
