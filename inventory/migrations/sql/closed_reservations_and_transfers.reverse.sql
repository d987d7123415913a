DROP TRIGGER inventory_transfer_brings_while_in_transit ON inventory_transfer;
DROP FUNCTION inventory_check_transfer();
DROP FUNCTION inventory_check_transfer_brings(bigint);
DROP TRIGGER inventory_reservation_holds_while_active ON inventory_reservation;
DROP FUNCTION inventory_check_reservation();
DROP FUNCTION inventory_check_reservation_holds(bigint);
