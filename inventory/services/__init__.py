"""The services of inventory."""

from inventory.level_fields import LevelState
from inventory.services.adjustments import adjust_stock
from inventory.services.bulk import (
    Adjustment,
    Count,
    RowResult,
    adjust_stock_in_bulk,
    apply_bulk,
    count_stock_in_bulk,
    preview_bulk,
)
from inventory.services.counts import count_stock
from inventory.services.external_changes import Correction, ReportedChange, ReportedCount, apply_external_changes
from inventory.services.ledger import StockChange
from inventory.services.level_batch import LevelBatch
from inventory.services.level_settings import update_level
from inventory.services.locations import create_location, update_location
from inventory.services.moves import move_stock
from inventory.services.repairs import repair_level
from inventory.services.reservation_requests import ReservationRequest
from inventory.services.reservation_transitions import (
    commit_reservation,
    expire_reservations,
    extend_reservation,
    release_reservation,
)
from inventory.services.reservations import reserve_stock
from inventory.services.reversals import reverse_movement
from inventory.services.stock_days import record_stock_days
from inventory.services.stocktakes import (
    StocktakeCount,
    cancel_stocktake,
    create_stocktake,
    post_stocktake,
    record_counts,
    replace_count,
)
from inventory.services.transfer_transitions import cancel_transfer, receive_transfer, ship_transfer
from inventory.services.transfers import create_transfer, update_transfer
