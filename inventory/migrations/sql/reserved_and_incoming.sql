-- What is reserved of a level, and what is incoming, is the sum of the lines that say so. A line that moves to another
-- level is checked against both.

CREATE FUNCTION inventory_check_promises(checked bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    found record;
BEGIN
    -- One query instead of three: starting a query takes as long as running it.
    SELECT level.reserved, level.incoming, level.location_id,
        (SELECT coalesce(sum(line.reserved), 0) FROM inventory_reservationline AS line
            WHERE line.level_id = checked AND line.reserved > 0) AS held,
        (SELECT coalesce(sum(line.in_transit), 0) FROM inventory_transferline AS line
            WHERE line.target_level_id = checked AND line.in_transit > 0) AS brought
        INTO found FROM inventory_stocklevel AS level WHERE level.id = checked;
    IF found.reserved <> found.held THEN
        RAISE EXCEPTION 'reserved % of level % is not what its reservations hold (%)', found.reserved, checked, found.held
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inventory_stocklevel_reserved_explained';
    END IF;
    IF found.incoming <> found.brought THEN
        RAISE EXCEPTION 'incoming % of level % is not what its transfers bring (%)', found.incoming, checked, found.brought
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inventory_stocklevel_incoming_explained';
    END IF;
    IF found.reserved <> 0 OR found.incoming <> 0 THEN
        PERFORM inventory_require_active(found.location_id);
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
