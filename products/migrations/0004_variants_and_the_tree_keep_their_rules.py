"""What no constraint of Django's can say: a product has a variant, its variants differ, and the tree is one."""

from django.db import migrations

# Looked at when the transaction ends: a product is inserted before its variants.
HAS_A_VARIANT = """
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
"""

DROP_HAS_A_VARIANT = """
DROP TRIGGER products_product_has_a_variant_deleted ON products_variant;
DROP TRIGGER products_product_has_a_variant_archived ON products_variant;
DROP TRIGGER products_product_has_a_variant_update ON products_product;
DROP TRIGGER products_product_has_a_variant_insert ON products_product;
DROP FUNCTION products_check_variant_gone();
DROP FUNCTION products_check_product();
DROP FUNCTION products_check_product_has_a_variant(bigint);
"""

# At the end of each statement, so that one may swap values between variants. A digest, because the values may be longer
# than what an index takes.
OPTIONS_DISTINCT = """
ALTER TABLE products_variant ADD CONSTRAINT products_variant_options_distinct
    EXCLUDE USING btree (product_id WITH =, md5(options::text) WITH =)
    WHERE (NOT is_archived AND options <> '{}'::jsonb) DEFERRABLE INITIALLY IMMEDIATE;
"""

DROP_OPTIONS_DISTINCT = "ALTER TABLE products_variant DROP CONSTRAINT products_variant_options_distinct;"

NO_CYCLE = """
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
"""

DROP_NO_CYCLE = """
DROP TRIGGER products_category_no_cycle ON products_category;
DROP FUNCTION products_check_category();
"""


class Migration(migrations.Migration):
    dependencies = [("products", "0003_money_and_schedules_keep_their_rules")]

    operations = [
        migrations.RunSQL(HAS_A_VARIANT, DROP_HAS_A_VARIANT),
        migrations.RunSQL(OPTIONS_DISTINCT, DROP_OPTIONS_DISTINCT),
        migrations.RunSQL(NO_CYCLE, DROP_NO_CYCLE),
    ]
