DROP TRIGGER access_auditentry_no_truncate ON access_auditentry;
DROP TRIGGER access_auditentry_append_only ON access_auditentry;
DROP FUNCTION access_refuse_audit_change();
