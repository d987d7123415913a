-- A movement is never changed or deleted. A database for tests may be emptied: it sets pms.allow_truncate.

CREATE FUNCTION inventory_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND coalesce(current_setting('pms.allow_truncate', true), '') = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'check_violation',
        CONSTRAINT = 'inventory_stockmovement_append_only';
END $$;

CREATE TRIGGER inventory_stockmovement_append_only
    BEFORE UPDATE OR DELETE ON inventory_stockmovement
    FOR EACH ROW EXECUTE FUNCTION inventory_refuse_change();
CREATE TRIGGER inventory_stockmovement_no_truncate
    BEFORE TRUNCATE ON inventory_stockmovement
    FOR EACH STATEMENT EXECUTE FUNCTION inventory_refuse_change();
