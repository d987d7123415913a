DROP TRIGGER inventory_location_closes_when_empty ON inventory_location;
DROP FUNCTION inventory_check_location();
DROP FUNCTION inventory_require_active(bigint);
