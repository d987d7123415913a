"""Stock for the warehouse's staff: levels to change by actions, the ledger to read, locations."""

from inventory.admin.levels import StockLevelAdmin
from inventory.admin.locations import LocationAdmin
from inventory.admin.movements import StockMovementAdmin

__all__ = ["LocationAdmin", "StockLevelAdmin", "StockMovementAdmin"]
