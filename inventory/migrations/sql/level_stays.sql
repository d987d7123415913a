-- A level never moves to another variant or location: its movements would then explain another level's stock. It is never
-- deleted either: a new one with its id would seem to have no stock, while its movements and lines say otherwise.

CREATE FUNCTION inventory_refuse_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'level % is of one variant at one location for good', OLD.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'inventory_stocklevel_stays';
END $$;

CREATE TRIGGER inventory_stocklevel_stays
    BEFORE UPDATE ON inventory_stocklevel
    FOR EACH ROW WHEN (NEW.id <> OLD.id OR NEW.variant_id <> OLD.variant_id OR NEW.location_id <> OLD.location_id)
    EXECUTE FUNCTION inventory_refuse_move();

CREATE TRIGGER inventory_stocklevel_stays_undeleted
    BEFORE DELETE ON inventory_stocklevel
    FOR EACH ROW EXECUTE FUNCTION inventory_refuse_move();
