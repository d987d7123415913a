-- What is reserved of a level, and what is incoming, is the sum of the lines that say so. A line that moves to another
-- level is checked against both.

CREATE FUNCTION inventory_check_promises(checked bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    level inventory_stocklevel;
    explained bigint;
BEGIN
    SELECT * INTO level FROM inventory_stocklevel WHERE id = checked;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT coalesce(sum(reserved), 0) INTO explained FROM inventory_reservationline
        WHERE level_id = checked AND reserved > 0;
    IF level.reserved <> explained THEN
        RAISE EXCEPTION 'reserved % of level % is not what its reservations hold (%)', level.reserved, checked, explained
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inventory_stocklevel_reserved_explained';
    END IF;
    SELECT coalesce(sum(in_transit), 0) INTO explained FROM inventory_transferline
        WHERE target_level_id = checked AND in_transit > 0;
    IF level.incoming <> explained THEN
        RAISE EXCEPTION 'incoming % of level % is not what its transfers bring (%)', level.incoming, checked, explained
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inventory_stocklevel_incoming_explained';
    END IF;
    IF level.reserved <> 0 OR level.incoming <> 0 THEN
        PERFORM inventory_require_active(level.location_id);
    END IF;
END $$;

CREATE FUNCTION inventory_check_level_promises() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM inventory_check_promises(NEW.id);
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER inventory_stocklevel_promises_insert
    AFTER INSERT ON inventory_stocklevel DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.reserved <> 0 OR NEW.incoming <> 0) EXECUTE FUNCTION inventory_check_level_promises();
CREATE CONSTRAINT TRIGGER inventory_stocklevel_promises_update
    AFTER UPDATE ON inventory_stocklevel DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.reserved <> OLD.reserved OR NEW.incoming <> OLD.incoming)
    EXECUTE FUNCTION inventory_check_level_promises();

CREATE FUNCTION inventory_check_reservation_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM inventory_check_promises(OLD.level_id);
    END IF;
    IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND NEW.level_id <> OLD.level_id) THEN
        PERFORM inventory_check_promises(NEW.level_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM inventory_check_reservation_holds(NEW.reservation_id);
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER inventory_reservationline_explains
    AFTER INSERT OR UPDATE OR DELETE ON inventory_reservationline DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION inventory_check_reservation_line();

CREATE FUNCTION inventory_check_transfer_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM inventory_check_promises(OLD.target_level_id);
    END IF;
    IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND NEW.target_level_id IS DISTINCT FROM OLD.target_level_id) THEN
        PERFORM inventory_check_promises(NEW.target_level_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM inventory_check_transfer_brings(NEW.transfer_id);
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER inventory_transferline_explains
    AFTER INSERT OR UPDATE OR DELETE ON inventory_transferline DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION inventory_check_transfer_line();
