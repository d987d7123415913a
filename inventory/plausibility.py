"""Whether an entered quantity is plausible, or rather a scanned barcode or a slip of the keyboard.

Nothing is refused: a page asks `question_about` the quantity before it calls a service.
"""

from collections.abc import Iterable
from typing import Final

from django.db import connection
from django.db.models import Q
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pms_backend.api.arrays import as_array
from products.models import Variant
from products.skus import as_sku_key

# A quantity beyond so many times the largest that the level has seen is asked about.
USUAL_FACTOR: Final = 10
# The same for a level without movements, in units.
USUAL_FIRST_QUANTITY: Final = 1_000
# Older movements say less, and the time to read them would grow with the ledger.
MOVEMENTS_READ: Final = 1_000
# A known code in a quantity field is a scan from this length on (an EAN-8); a shorter number may be a quantity too.
SHORTEST_SCAN: Final = 8


# One index scan for each, however long the ledger is.
_SEEN: Final = """
SELECT level.id, greatest(seen.most, abs(level.on_hand))
FROM inventory_stocklevel AS level
CROSS JOIN LATERAL (
    SELECT max(greatest(abs(latest.delta), abs(latest.on_hand_after))) AS most FROM (
        SELECT delta, on_hand_after FROM inventory_stockmovement
        WHERE level_id = level.id ORDER BY level_version DESC LIMIT %s
    ) AS latest
) AS seen
WHERE level.id = ANY (%s::bigint[]) AND seen.most IS NOT NULL
"""


def largest_quantities_seen(level_ids: Iterable[int]) -> dict[int, int]:
    """The most units that each level has had or moved at once, by its latest movements.

    Levels without any movement are left out.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SEEN, [MOVEMENTS_READ, as_array(sorted(set(level_ids)))])
        return dict(cursor.fetchall())


def largest_quantity_seen(level_id: int) -> int | None:
    """The same for one level; None without any movement."""
    return largest_quantities_seen([level_id]).get(level_id)


def is_implausible(quantity: int, seen: int | None) -> bool:
    """Whether to ask about a quantity where the largest one so far is `seen`, or None."""
    return abs(quantity) > (USUAL_FIRST_QUANTITY if seen is None else USUAL_FACTOR * seen)


def is_scan(text: str) -> bool:
    """Whether a text in a quantity field, which is a known SKU or barcode, is surely a scan and no quantity."""
    return not (text.isascii() and text.isdigit()) or len(text) >= SHORTEST_SCAN


def is_known_code(text: str) -> bool:
    """Whether the text is a SKU or a barcode."""
    return Variant.objects.filter(Q(sku_key=as_sku_key(text) or "") | Q(barcode=text.strip())).exists()


def question_about(quantity: int, *, seen: int | None, is_code: bool) -> str | None:
    """The question to ask before the quantity is stored; None if it is plausible.

    `seen` is the largest quantity so far, or None; `is_code` says that the number is also a known SKU or barcode. The
    question does not say what was seen: on a blind count sheet nobody may read that.
    """
    question = ngettext("Is it really %(quantity)s unit?", "Is it really %(quantity)s units?", quantity)
    question %= {"quantity": number_format(quantity, force_grouping=True)}
    if is_code:
        return _("%(question)s This number is also a SKU or a barcode.") % {"question": question}
    if is_implausible(quantity, seen):
        return _("%(question)s That is far more than there has ever been here.") % {"question": question}
    return None
