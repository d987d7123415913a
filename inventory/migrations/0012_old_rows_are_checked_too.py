"""What a row leaves behind when it is changed: its old level, its reservation, its transfer, its location."""

from django.db import migrations

BOTH_LEVELS = """
CREATE OR REPLACE FUNCTION inventory_check_reservation_line() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE OR REPLACE FUNCTION inventory_check_transfer_line() RETURNS trigger LANGUAGE plpgsql AS $$
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
"""

NEW_LEVEL = """
CREATE OR REPLACE FUNCTION inventory_check_reservation_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM inventory_check_promises(CASE TG_OP WHEN 'DELETE' THEN OLD.level_id ELSE NEW.level_id END);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION inventory_check_transfer_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM inventory_check_promises(CASE TG_OP WHEN 'DELETE' THEN OLD.target_level_id ELSE NEW.target_level_id END);
    RETURN NULL;
END $$;
"""

CLOSED_ONES = """
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
"""

DROP_CLOSED_ONES = """
DROP TRIGGER inventory_transfer_brings_while_in_transit ON inventory_transfer;
DROP FUNCTION inventory_check_transfer();
DROP FUNCTION inventory_check_transfer_brings(bigint);
DROP TRIGGER inventory_reservation_holds_while_active ON inventory_reservation;
DROP FUNCTION inventory_check_reservation();
DROP FUNCTION inventory_check_reservation_holds(bigint);
"""

PLACES = """
CREATE FUNCTION inventory_refuse_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'level % is of one variant at one location for good', OLD.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'inventory_stocklevel_stays';
END $$;

CREATE TRIGGER inventory_stocklevel_stays
    BEFORE UPDATE ON inventory_stocklevel
    FOR EACH ROW WHEN (NEW.id <> OLD.id OR NEW.variant_id <> OLD.variant_id OR NEW.location_id <> OLD.location_id)
    EXECUTE FUNCTION inventory_refuse_move();

CREATE FUNCTION inventory_check_location() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM inventory_stocklevel AS level JOIN inventory_location AS location
            ON location.id = level.location_id WHERE location.id = NEW.id AND NOT location.is_active
            AND (level.on_hand <> 0 OR level.reserved <> 0 OR level.incoming <> 0)) THEN
        RAISE EXCEPTION 'location % holds stock', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inventory_stocklevel_location_active';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER inventory_location_closes_when_empty
    AFTER UPDATE ON inventory_location DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.is_active AND NOT NEW.is_active) EXECUTE FUNCTION inventory_check_location();
"""

DROP_PLACES = """
DROP TRIGGER inventory_location_closes_when_empty ON inventory_location;
DROP FUNCTION inventory_check_location();
DROP TRIGGER inventory_stocklevel_stays ON inventory_stocklevel;
DROP FUNCTION inventory_refuse_move();
"""


class Migration(migrations.Migration):
    dependencies = [("inventory", "0011_moments_have_bounds")]

    operations = [
        migrations.RunSQL(CLOSED_ONES, DROP_CLOSED_ONES),
        migrations.RunSQL(BOTH_LEVELS, NEW_LEVEL),
        migrations.RunSQL(PLACES, DROP_PLACES),
    ]
