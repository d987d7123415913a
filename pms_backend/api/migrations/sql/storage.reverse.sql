ALTER TABLE api_idempotencykey RESET (
    fillfactor,
    autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,
    autovacuum_vacuum_insert_scale_factor, autovacuum_vacuum_insert_threshold,
    toast.autovacuum_vacuum_scale_factor, toast.autovacuum_vacuum_threshold
);
