-- The ledger explains every `on_hand`: each movement follows from the one before it, and the last one says what a level
-- shows. No constraint can say this, because it spans rows.

CREATE FUNCTION inventory_check_level() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE CONSTRAINT TRIGGER inventory_stocklevel_explained_by_ledger_insert
    AFTER INSERT ON inventory_stocklevel DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.on_hand <> 0) EXECUTE FUNCTION inventory_check_level();
CREATE CONSTRAINT TRIGGER inventory_stocklevel_explained_by_ledger_update
    AFTER UPDATE ON inventory_stocklevel DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.on_hand <> OLD.on_hand) EXECUTE FUNCTION inventory_check_level();

CREATE FUNCTION inventory_check_movement() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before bigint;
    next inventory_stockmovement;
    shown bigint;
BEGIN
    SELECT on_hand_after INTO before FROM inventory_stockmovement
        WHERE level_id = NEW.level_id AND level_version < NEW.level_version ORDER BY level_version DESC LIMIT 1;
    IF NEW.on_hand_after <> coalesce(before, 0) + NEW.delta THEN
        RAISE EXCEPTION 'movement % does not follow from the one before it', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inventory_stockmovement_chain';
    END IF;
    SELECT * INTO next FROM inventory_stockmovement
        WHERE level_id = NEW.level_id AND level_version > NEW.level_version ORDER BY level_version LIMIT 1;
    IF FOUND THEN
        IF next.on_hand_after <> NEW.on_hand_after + next.delta THEN
            RAISE EXCEPTION 'movement % does not follow from the one before it', next.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'inventory_stockmovement_chain';
        END IF;
        RETURN NULL;
    END IF;
    SELECT on_hand INTO shown FROM inventory_stocklevel WHERE id = NEW.level_id;
    IF shown <> NEW.on_hand_after THEN
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
