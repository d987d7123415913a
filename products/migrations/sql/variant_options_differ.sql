-- The variants of a product differ in their options. The check runs at the end of each statement, so that one statement
-- may swap values between variants. It compares digests, because the values may be longer than an index entry may be.
ALTER TABLE products_variant ADD CONSTRAINT products_variant_options_distinct
    EXCLUDE USING btree (product_id WITH =, md5(options::text) WITH =)
    WHERE (NOT is_archived AND options <> '{}'::jsonb) DEFERRABLE INITIALLY IMMEDIATE;
