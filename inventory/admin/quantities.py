"""Quantities as staff read them."""

from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from inventory.models import Reason
from inventory.services import StockChange

RED = "text-red-600 dark:text-red-500"
GREEN = "text-green-700 dark:text-green-400"


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
