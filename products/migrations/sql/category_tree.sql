-- A category is never within itself.

CREATE FUNCTION products_check_category() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The lock of the tree, as the service takes it: two moves that do not see each other would make a cycle.
    PERFORM pg_advisory_xact_lock(7305002);
    IF EXISTS (
        WITH RECURSIVE up(id, parent_id) AS (
            SELECT id, parent_id FROM products_category WHERE id = NEW.parent_id
            UNION
            SELECT above.id, above.parent_id FROM up JOIN products_category AS above ON above.id = up.parent_id
        )
        SELECT 1 FROM up WHERE id = NEW.id
    ) THEN
        RAISE EXCEPTION 'category % would be within itself', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'products_category_no_cycle';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER products_category_no_cycle
    AFTER UPDATE OF parent_id ON products_category
    FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL) EXECUTE FUNCTION products_check_category();
