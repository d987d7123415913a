-- An entry of the audit log is never changed. Retention alone deletes old entries: it sets pms.allow_prune for its
-- transaction, and even then an entry of the last day stays. A database for tests may be emptied: it sets
-- pms.allow_truncate.

CREATE FUNCTION access_refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND current_setting('pms.allow_truncate', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' AND current_setting('pms.allow_prune', true) = 'on' THEN
        IF OLD.occurred_at < now() - interval '1 day' THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'access_auditentry_append_only';
END $$;

CREATE TRIGGER access_auditentry_append_only BEFORE UPDATE OR DELETE ON access_auditentry
    FOR EACH ROW EXECUTE FUNCTION access_refuse_audit_change();
CREATE TRIGGER access_auditentry_no_truncate BEFORE TRUNCATE ON access_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION access_refuse_audit_change();
