-- Why: a link that has expired stays so when the clock is set back. The housekeeping ends such links for
-- good, once an hour, and finds them by index.
create index link_by_expiry on link (expires_at_ms) where revoked_at_ms is null;

-- Lists of accounts that nothing reaches go on from one id to the next: without this, every page of them
-- looks at the whole practice first (20,000 accounts: seconds).
create index guarantor_by_practice on guarantor (practice_id, id);
