"""Quantities and movements as staff read them."""

from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from inventory.models import StockLevel, StockMovement
from inventory.services import StockChange
from pms_backend.api.admin_tables import MAIN_NUMBER, NUMBER, SHORT, TEXT, Table
from pms_backend.api.service_admin import moment

RED = "text-red-600 dark:text-red-500"
GREEN = "text-green-700 dark:text-green-400"
LAST_MOVEMENTS = 50


def coloured_delta(delta: int) -> SafeString:
    """The delta with its sign, in green or red."""
    sign = "+" if delta > 0 else "−"  # noqa: RUF001 - a minus as wide as the plus
    text = f"{sign}{number_format(abs(delta))}"
    return format_html('<span class="font-semibold {}">{}</span>', GREEN if delta > 0 else RED, text)


def before_and_after(change: StockChange, location: str) -> str:
    """The message after a change: the stock before and after it."""
    sku, on_hand, movement = change.level["sku"], change.level["on_hand"], change.movement
    if movement is None:
        return f"{sku} at {location}: {on_hand:,} on hand, as was known."
    before = movement["on_hand_after"] - movement["delta"]
    return f"{sku} at {location}: {before:,} → {on_hand:,} on hand ({movement['delta']:+,}, {movement['reason']})."


def last_movements(level: StockLevel) -> Table:
    """The newest lines of a level's ledger."""
    newest: list[StockMovement] = list(level.movements.order_by("-level_version")[:LAST_MOVEMENTS])
    return Table(
        title="Last movements",
        columns={
            "When": SHORT,
            "Reason": SHORT,
            "Change": NUMBER,
            "On hand after": MAIN_NUMBER,
            "Who": TEXT,
            "Reference": TEXT,
            "Note": TEXT,
        },
        rows=[
            (
                moment(movement.occurred_at),
                movement.get_reason_display(),
                coloured_delta(movement.delta),
                movement.on_hand_after,
                movement.actor,
                movement.reference or None,
                movement.note or None,
            )
            for movement in newest
        ],
        empty="Nothing has moved here yet.",
    )
