-- Stock stands at active locations only. The state of the location decides, so that this is a conflict for the API
-- (restrict_violation), not an input that breaks a rule.

CREATE FUNCTION inventory_require_active(checked bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    closed text;
BEGIN
    SELECT code INTO closed FROM inventory_location WHERE id = checked AND NOT is_active;
    IF FOUND THEN
        RAISE EXCEPTION 'The location % is not active.', closed
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'inventory_stocklevel_location_active',
            HINT = 'location_inactive';
    END IF;
END $$;

CREATE FUNCTION inventory_check_location() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM inventory_stocklevel AS level JOIN inventory_location AS location
            ON location.id = level.location_id WHERE location.id = NEW.id AND NOT location.is_active
            AND (level.on_hand <> 0 OR level.reserved <> 0 OR level.incoming <> 0)) THEN
        RAISE EXCEPTION 'The location % holds stock; move or count it out first.', NEW.code
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'inventory_stocklevel_location_active',
            HINT = 'location_holds_stock';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER inventory_location_closes_when_empty
    AFTER UPDATE ON inventory_location DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.is_active AND NOT NEW.is_active) EXECUTE FUNCTION inventory_check_location();
