-- The ledger explains every `on_hand`: each movement follows from the one before it, and the last one says what a level
-- shows. No constraint can say this, because it spans rows.

CREATE FUNCTION inventory_check_level() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    explained bigint;
    shown bigint;
BEGIN
    SELECT on_hand_after INTO explained FROM inventory_stockmovement
        WHERE level_id = NEW.id ORDER BY level_version DESC LIMIT 1;
    IF NEW.on_hand <> coalesce(explained, 0) THEN
        -- Deferred to the commit: by then the row may be another or gone. Its last change is checked by a call of its own.
        SELECT on_hand INTO shown FROM inventory_stocklevel WHERE id = NEW.id;
        IF shown <> coalesce(explained, 0) THEN
            RAISE EXCEPTION 'on_hand % of level % is not what its last movement says (%)', shown, NEW.id, explained
                USING ERRCODE = 'check_violation', CONSTRAINT = 'inventory_stocklevel_explained_by_ledger';
        END IF;
    END IF;
    -- A location with stock is not closed, so that only the first units of a level may come to a closed one.
    IF NEW.on_hand <> 0 AND (TG_OP = 'INSERT' OR OLD.on_hand = 0) THEN
        PERFORM inventory_require_active(location_id) FROM inventory_stocklevel WHERE id = NEW.id AND on_hand <> 0;
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER inventory_stocklevel_explained_by_ledger_insert
    AFTER INSERT ON inventory_stocklevel DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.on_hand <> 0) EXECUTE FUNCTION inventory_check_level();
CREATE CONSTRAINT TRIGGER inventory_stocklevel_explained_by_ledger_update
    AFTER UPDATE ON inventory_stocklevel DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.on_hand <> OLD.on_hand) EXECUTE FUNCTION inventory_check_level();

CREATE FUNCTION inventory_check_movement() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before bigint;
    before_next bigint;
    shown bigint;
BEGIN
    -- One query instead of three: starting a query takes as long as running it.
    SELECT
        (SELECT on_hand_after FROM inventory_stockmovement
            WHERE level_id = NEW.level_id AND level_version < NEW.level_version ORDER BY level_version DESC LIMIT 1),
        (SELECT on_hand_after - delta FROM inventory_stockmovement
            WHERE level_id = NEW.level_id AND level_version > NEW.level_version ORDER BY level_version LIMIT 1),
        (SELECT on_hand FROM inventory_stocklevel WHERE id = NEW.level_id)
        INTO before, before_next, shown;
    IF NEW.on_hand_after <> coalesce(before, 0) + NEW.delta OR NEW.on_hand_after <> before_next THEN
        RAISE EXCEPTION 'movement % does not follow from the one before it, or the next one not from it', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inventory_stockmovement_chain';
    END IF;
    IF before_next IS NULL AND NEW.on_hand_after <> shown THEN
        RAISE EXCEPTION 'on_hand of level % is not what its last movement says', NEW.level_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inventory_stocklevel_explained_by_ledger';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER inventory_stockmovement_chain
    AFTER INSERT ON inventory_stockmovement DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION inventory_check_movement();

-- A reversal takes back exactly what one movement of the same level has done.

CREATE FUNCTION inventory_check_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM inventory_stockmovement
        WHERE id = NEW.reverses_id AND level_id = NEW.level_id AND delta = -NEW.delta
    ) THEN
        RAISE EXCEPTION 'movement % is not the opposite of movement %', NEW.id, NEW.reverses_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inventory_stockmovement_reverses_its_opposite';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER inventory_stockmovement_reverses_its_opposite
    AFTER INSERT ON inventory_stockmovement
    FOR EACH ROW WHEN (NEW.reverses_id IS NOT NULL) EXECUTE FUNCTION inventory_check_reversal();
