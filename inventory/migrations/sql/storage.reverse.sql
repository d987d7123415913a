ALTER TABLE inventory_stocklevel RESET (fillfactor);
