"""The models of inventory, a module for each resource."""

from inventory.models.days import StockDay
from inventory.models.reservations import (
    Reservation,
    ReservationLine,
    ReservationQuerySet,
    ReservationStatus,
)
from inventory.models.stock import (
    ADDING_REASONS,
    ADJUSTMENT_REASONS,
    CODE_VALIDATOR,
    IN_NEED,
    MAX_CODE_LENGTH,
    MAX_NOTE_LENGTH,
    MAX_QUANTITY,
    MAX_REFERENCE_LENGTH,
    MAX_SOURCE_LENGTH,
    TAKING_REASONS,
    Location,
    Reason,
    StockLevel,
    StockLevelQuerySet,
    StockMovement,
    StockMovementQuerySet,
)
from inventory.models.stocktakes import (
    MAX_STOCKTAKE_LINES,
    Stocktake,
    StocktakeLine,
    StocktakeQuerySet,
    StocktakeStatus,
)
from inventory.models.transfers import (
    Transfer,
    TransferLine,
    TransferQuerySet,
    TransferStatus,
)
