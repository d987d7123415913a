DROP TRIGGER products_category_no_cycle ON products_category;
DROP FUNCTION products_check_category();
