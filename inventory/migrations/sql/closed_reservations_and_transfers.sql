-- Only an active reservation holds stock, and only a transfer in transit brings it. The triggers of their lines
-- check the same (reserved_and_incoming.sql).

CREATE FUNCTION inventory_check_reservation_holds(checked bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM inventory_reservationline AS line
            JOIN inventory_reservation AS reservation ON reservation.id = line.reservation_id
            WHERE line.reservation_id = checked AND line.reserved > 0 AND reservation.status <> 'active') THEN
        RAISE EXCEPTION 'reservation % is closed and holds stock', checked
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inventory_reservation_holds_while_active';
    END IF;
END $$;

CREATE FUNCTION inventory_check_reservation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM inventory_check_reservation_holds(NEW.id);
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER inventory_reservation_holds_while_active
    AFTER UPDATE ON inventory_reservation DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.status = 'active' AND NEW.status <> 'active') EXECUTE FUNCTION inventory_check_reservation();

CREATE FUNCTION inventory_check_transfer_brings(checked bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM inventory_transferline AS line
            JOIN inventory_transfer AS transfer ON transfer.id = line.transfer_id
            WHERE line.transfer_id = checked AND line.in_transit > 0 AND transfer.status <> 'in_transit') THEN
        RAISE EXCEPTION 'transfer % is not in transit and brings stock', checked
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inventory_transfer_brings_while_in_transit';
    END IF;
END $$;

CREATE FUNCTION inventory_check_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM inventory_check_transfer_brings(NEW.id);
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER inventory_transfer_brings_while_in_transit
    AFTER UPDATE ON inventory_transfer DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.status = 'in_transit' AND NEW.status <> 'in_transit')
    EXECUTE FUNCTION inventory_check_transfer();
