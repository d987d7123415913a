DROP TRIGGER inventory_stocklevel_stays ON inventory_stocklevel;
DROP FUNCTION inventory_refuse_move();
