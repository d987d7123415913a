"""What is old may go, by the upkeep alone, which says so for its transaction; what is of today never."""

from django.db import migrations

PRUNED = """
CREATE OR REPLACE FUNCTION access_refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
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
"""
NEVER_PRUNED = """
CREATE OR REPLACE FUNCTION access_refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND current_setting('pms.allow_truncate', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'access_auditentry_append_only';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("access", "0008_moments_have_bounds")]

    operations = [migrations.RunSQL(PRUNED, NEVER_PRUNED)]
