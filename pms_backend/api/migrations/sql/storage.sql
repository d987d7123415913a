-- Each row is inserted, updated by the same transaction with the response, and deleted a day later. Room on each page
-- keeps the response beside the first version of its row (HOT), and a vacuum starts after a number of dead rows, however
-- large the table is.
ALTER TABLE api_idempotencykey SET (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000,
    toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 5000
);
