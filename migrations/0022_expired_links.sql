-- Why: a link that has expired stays so when the clock is set back. The housekeeping ends such links for
-- good, once an hour, and finds them by index.
create index link_by_expiry on link (expires_at_ms) where revoked_at_ms is null;
