ALTER TABLE events_event RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
