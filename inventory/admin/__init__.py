"""Stock for the warehouse's staff: levels, which actions change, the ledger, locations, transfers, count sheets."""

from inventory.admin.levels import StockLevelAdmin
from inventory.admin.locations import LocationAdmin
from inventory.admin.movements import StockMovementAdmin
from inventory.admin.stocktakes import StocktakeAdmin
from inventory.admin.transfers import TransferAdmin

__all__ = ["LocationAdmin", "StockLevelAdmin", "StockMovementAdmin", "StocktakeAdmin", "TransferAdmin"]
