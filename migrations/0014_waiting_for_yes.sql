-- Why: what waits for somebody's yes is asked for every minute.
create index message_waiting_for_yes on message (practice_id, created_at_ms)
    where state = 'pending_approval';
