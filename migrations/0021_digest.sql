-- Why: one message for several accounts of one phone or email (D-4). Each account keeps a message of
-- its own, with its own decision and link. Those with the same `digest` may go as one; when they do,
-- each but the first names the one that carries it, and has no segments of its own.
alter table message add column digest text;
alter table message add column carried_by text;
create index message_by_digest on message (practice_id, digest) where digest is not null;
create index message_by_carrier on message (practice_id, carried_by) where carried_by is not null;
