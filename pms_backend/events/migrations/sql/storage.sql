-- Each event is updated once, for its sequence, and deleted once. By PostgreSQL's default a fifth of the table has to be
-- dead before a vacuum starts: of 30 days, that is six, and meanwhile the relay reads past the events it has published.
ALTER TABLE events_event SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000);
