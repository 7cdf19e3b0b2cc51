-- Why: lists of accounts to remind walk the claims that are with the patient, in the order of their
-- accounts. Most claims of an old book are settled: those must cost nothing.
create index claim_open on claim (practice_id, guarantor_id)
    where status in ('ready', 'pending_patient');
