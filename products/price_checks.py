"""Whether a new price is plausible, or rather a slip of the keyboard.

Nothing is refused: a page asks `question_about` the price before it calls a service.
"""

from decimal import Decimal
from typing import Final

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from products.models import PRICE_DECIMALS

# A change by more than this share of the present price, up or down, is asked about.
USUAL_SHARE: Final = Decimal("0.5")


def is_large_change(old: Decimal | None, new: Decimal | None) -> bool:
    """Whether to ask about a price that replaces `old`; never where either of them is missing."""
    return old is not None and new is not None and abs(new - old) > USUAL_SHARE * old


def question_about(old: Decimal | None, new: Decimal | None) -> str | None:
    """The question to ask before the price is stored; None if it is plausible."""
    if old is None or new is None or not is_large_change(old, new):
        return None
    shown = {"old": _shown(old), "new": _shown(new)}
    return _("%(old)s → %(new)s: is that right?") % shown


def _shown(price: Decimal) -> str:
    return number_format(price, PRICE_DECIMALS, force_grouping=True)
