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
from inventory.services.shipments import cancel_transfer, receive_transfer, ship_transfer
from inventory.services.stocktake_posting import post_stocktake
from inventory.services.stocktakes import StocktakeCount, cancel_stocktake, create_stocktake, record_counts
from inventory.services.transfers import create_transfer, update_transfer

__all__ = [
    "Adjustment",
    "Count",
    "LevelState",
    "StockChange",
    "StocktakeCount",
    "adjust_stock",
    "adjust_stock_in_bulk",
    "apply_reported_change",
    "apply_reported_figure",
    "cancel_stocktake",
    "cancel_transfer",
    "count_stock",
    "count_stock_in_bulk",
    "create_location",
    "create_stocktake",
    "create_transfer",
    "lock_level",
    "post_stocktake",
    "receive_transfer",
    "record_counts",
    "repair_level",
    "ship_transfer",
    "update_level",
    "update_location",
    "update_transfer",
]
