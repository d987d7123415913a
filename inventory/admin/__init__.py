"""Stock for the warehouse's staff: levels to change by actions, the ledger to read, locations, reservations."""

from inventory.admin.levels import StockLevelAdmin
from inventory.admin.locations import LocationAdmin
from inventory.admin.movements import StockMovementAdmin
from inventory.admin.reservations import ReservationAdmin

__all__ = ["LocationAdmin", "ReservationAdmin", "StockLevelAdmin", "StockMovementAdmin"]
