"""Stock at a closed location is refused for the state of that location: a conflict, not an input that breaks a rule."""

from django.db import migrations

REQUIRE = """
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
"""

AS_CONFLICTS = """
CREATE OR REPLACE FUNCTION inventory_check_level() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    level inventory_stocklevel;
    explained bigint;
BEGIN
    -- Deferred to the commit: the row as it is then, not as it was when the trigger was queued.
    SELECT * INTO level FROM inventory_stocklevel WHERE id = NEW.id;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT on_hand_after INTO explained FROM inventory_stockmovement
        WHERE level_id = level.id ORDER BY level_version DESC LIMIT 1;
    IF level.on_hand <> coalesce(explained, 0) THEN
        RAISE EXCEPTION 'on_hand % of level % is not what its last movement says (%)', level.on_hand, level.id, explained
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inventory_stocklevel_explained_by_ledger';
    END IF;
    IF level.on_hand <> 0 THEN
        PERFORM inventory_require_active(level.location_id);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION inventory_check_promises(checked bigint) RETURNS void LANGUAGE plpgsql AS $$
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

CREATE OR REPLACE FUNCTION inventory_check_location() RETURNS trigger LANGUAGE plpgsql AS $$
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
"""

AS_CHECKS = """
CREATE OR REPLACE FUNCTION inventory_check_level() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    level inventory_stocklevel;
    explained bigint;
BEGIN
    -- Deferred to the commit: the row as it is then, not as it was when the trigger was queued.
    SELECT * INTO level FROM inventory_stocklevel WHERE id = NEW.id;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT on_hand_after INTO explained FROM inventory_stockmovement
        WHERE level_id = level.id ORDER BY level_version DESC LIMIT 1;
    IF level.on_hand <> coalesce(explained, 0) THEN
        RAISE EXCEPTION 'on_hand % of level % is not what its last movement says (%)', level.on_hand, level.id, explained
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inventory_stocklevel_explained_by_ledger';
    END IF;
    IF level.on_hand <> 0 AND NOT (SELECT is_active FROM inventory_location WHERE id = level.location_id) THEN
        RAISE EXCEPTION 'level % is at a location that is not active', level.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inventory_stocklevel_location_active';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION inventory_check_promises(checked bigint) RETURNS void LANGUAGE plpgsql AS $$
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
    IF (level.reserved <> 0 OR level.incoming <> 0)
            AND NOT (SELECT is_active FROM inventory_location WHERE id = level.location_id) THEN
        RAISE EXCEPTION 'level % is at a location that is not active', checked
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inventory_stocklevel_location_active';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION inventory_check_location() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM inventory_stocklevel AS level JOIN inventory_location AS location
            ON location.id = level.location_id WHERE location.id = NEW.id AND NOT location.is_active
            AND (level.on_hand <> 0 OR level.reserved <> 0 OR level.incoming <> 0)) THEN
        RAISE EXCEPTION 'location % holds stock', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inventory_stocklevel_location_active';
    END IF;
    RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("inventory", "0013_a_moment_takes_a_count")]

    operations = [
        migrations.RunSQL(REQUIRE, "DROP FUNCTION inventory_require_active(bigint)"),
        migrations.RunSQL(AS_CONFLICTS, AS_CHECKS),
    ]
