"""Quantities and movements as staff read them."""

from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from inventory.models import Reason, StockLevel, StockMovement
from inventory.services import StockChange
from pms_backend.api.admin_tables import MAIN_NUMBER, NUMBER, SHORT, TEXT, Table
from pms_backend.api.service_admin import moment

RED = "text-red-600 dark:text-red-500"
GREEN = "text-green-700 dark:text-green-400"
LAST_MOVEMENTS = 50


def coloured_delta(delta: int) -> SafeString:
    """The delta with its sign, in green or red."""
    return format_html('<span class="font-semibold {}">{}</span>', GREEN if delta > 0 else RED, signed(delta))


def signed(delta: int) -> str:
    """The delta with its sign."""
    sign = "+" if delta > 0 else "−"  # noqa: RUF001 - a minus as wide as the plus
    return f"{sign}{number_format(abs(delta))}"


def before_and_after(change: StockChange, *, location: str, product: str) -> str:
    """The message after a change: the stock before and after it."""
    movement = change.movement
    values = {
        "sku": change.level["sku"],
        "product": product,
        "location": location,
        "on_hand": number_format(change.level["on_hand"]),
    }
    if movement is None:
        return _("%(sku)s %(product)s at %(location)s: %(on_hand)s on hand, as was known.") % values
    values |= {
        "before": number_format(movement["on_hand_after"] - movement["delta"]),
        "delta": signed(movement["delta"]),
        "reason": Reason(movement["reason"]).label,
    }
    return _("%(sku)s %(product)s at %(location)s: %(before)s → %(on_hand)s on hand (%(delta)s, %(reason)s).") % values


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
