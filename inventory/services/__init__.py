"""The writes of inventory."""

from inventory.services.adjustments import adjust_stock
from inventory.services.bulk import Adjustment, Count, adjust_stock_in_bulk, count_stock_in_bulk
from inventory.services.counts import count_stock
from inventory.services.ledger import StockChange
from inventory.services.levels import LevelState, lock_level
from inventory.services.limits import update_level
from inventory.services.locations import create_location, update_location
from inventory.services.repairs import repair_level
from inventory.services.reports import apply_reported_change, apply_reported_figure

__all__ = [
    "Adjustment",
    "Count",
    "LevelState",
    "StockChange",
    "adjust_stock",
    "adjust_stock_in_bulk",
    "apply_reported_change",
    "apply_reported_figure",
    "count_stock",
    "count_stock_in_bulk",
    "create_location",
    "lock_level",
    "repair_level",
    "update_level",
    "update_location",
]
