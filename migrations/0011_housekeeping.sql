-- Why: what nobody can use any more goes away in small steps, found by index and not by reading whole
-- tables while payments wait for the writer.
create index session_by_age on session (last_seen_at_ms);
create index one_time_code_by_age on one_time_code (expires_at_ms);
create index mail_token_by_age on mail_token (expires_at_ms);
create index access_code_by_age on access_code (expires_at_ms);
create index try_count_by_age on try_count (window_at_ms);
create index webhook_event_by_age on webhook_event (done_at_ms) where done_at_ms is not null;
