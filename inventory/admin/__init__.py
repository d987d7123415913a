"""Stock for the warehouse's staff: levels, the ledger, locations, reservations, transfers, count sheets."""

from inventory.admin.board import show_board
from inventory.admin.levels import StockLevelAdmin
from inventory.admin.locations import LocationAdmin
from inventory.admin.movements import StockMovementAdmin
from inventory.admin.reservations import ReservationAdmin
from inventory.admin.stocktakes import StocktakeAdmin
from inventory.admin.transfers import TransferAdmin
