-- A level never moves to another variant or location: its movements would then explain another level's stock.

CREATE FUNCTION inventory_refuse_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'level % is of one variant at one location for good', OLD.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'inventory_stocklevel_stays';
END $$;

CREATE TRIGGER inventory_stocklevel_stays
    BEFORE UPDATE ON inventory_stocklevel
    FOR EACH ROW WHEN (NEW.id <> OLD.id OR NEW.variant_id <> OLD.variant_id OR NEW.location_id <> OLD.location_id)
    EXECUTE FUNCTION inventory_refuse_move();
