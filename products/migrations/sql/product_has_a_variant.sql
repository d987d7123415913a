-- A product that is not archived has a variant that is not archived. The triggers are deferred to the end of the
-- transaction, because a product is inserted before its variants.

CREATE FUNCTION products_check_product_has_a_variant(checked bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM products_product WHERE id = checked AND status <> 'archived')
        AND NOT EXISTS (SELECT 1 FROM products_variant WHERE product_id = checked AND NOT is_archived)
    THEN
        RAISE EXCEPTION 'product % has no variant', checked
            USING ERRCODE = 'check_violation', CONSTRAINT = 'products_product_has_a_variant';
    END IF;
END $$;

CREATE FUNCTION products_check_product() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM products_check_product_has_a_variant(NEW.id);
    RETURN NULL;
END $$;

CREATE FUNCTION products_check_variant_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM products_check_product_has_a_variant(OLD.product_id);
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER products_product_has_a_variant_insert
    AFTER INSERT ON products_product DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.status <> 'archived') EXECUTE FUNCTION products_check_product();
CREATE CONSTRAINT TRIGGER products_product_has_a_variant_update
    AFTER UPDATE ON products_product DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.status = 'archived' AND NEW.status <> 'archived') EXECUTE FUNCTION products_check_product();
CREATE CONSTRAINT TRIGGER products_product_has_a_variant_archived
    AFTER UPDATE ON products_variant DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NOT OLD.is_archived AND (NEW.is_archived OR NEW.product_id <> OLD.product_id))
    EXECUTE FUNCTION products_check_variant_gone();
CREATE CONSTRAINT TRIGGER products_product_has_a_variant_deleted
    AFTER DELETE ON products_variant DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NOT OLD.is_archived) EXECUTE FUNCTION products_check_variant_gone();
