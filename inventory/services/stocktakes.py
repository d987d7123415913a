"""Count sheets: created, filled in, posted, cancelled. Counts change no stock until the sheet is posted.

Lock order: the stocktake, whose lock covers its lines, then the levels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from inventory.events import StocktakePosted
from inventory.exceptions import InvalidQuantity, LocationInactive, StocktakeTooLarge, VersionConflict
from inventory.level_fields import LevelState
from inventory.models import MAX_QUANTITY, MAX_STOCKTAKE_LINES, StockLevel, Stocktake, StocktakeLine, StocktakeStatus
from inventory.representation import stocktake_with_summary
from inventory.services.absolute_counts import apply_absolute_count, later_movements, present_moment
from inventory.services.documents import close_document, require_status
from inventory.services.ledger import LedgerRow
from inventory.services.level_batch import LevelBatch
from inventory.services.levels import require_location, variants_by_key
from inventory.services.line_updates import write_lines
from inventory.services.line_validation import refuse, variants_of_lines
from pms_backend.api.arrays import as_array
from pms_backend.api.problems import FieldError
from pms_backend.api.transactions import retried_atomic
from pms_backend.events import services as outbox
from products.skus import sku_key

# The most counts of one request.
MAX_COUNTS: Final = 10_000
# A count further in the future than this is refused; less is a clock that is a little fast.
MAX_COUNT_SKEW: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class StocktakeCount:
    """A count of a SKU, in whole units, at a moment (None for now); `counted` is None to remove the count."""

    sku: str
    counted: int | None
    counted_at: datetime | None = None


_INSERT_ALL_LINES: Final = """
INSERT INTO inventory_stocktakeline (stocktake_id, variant_id, expected)
SELECT %s, level.variant_id, level.on_hand FROM inventory_stocklevel AS level
JOIN products_variant AS variant ON variant.id = level.variant_id
WHERE level.location_id = %s ORDER BY variant.sku_key
"""

_INSERT_LINES: Final = """
INSERT INTO inventory_stocktakeline (stocktake_id, variant_id, expected, counted, counted_at)
SELECT %(stocktake)s, named.variant_id, coalesce(level.on_hand, 0), named.counted, named.counted_at
FROM unnest(%(variants)s::bigint[], %(counted)s::bigint[], %(counted_at)s::timestamptz[])
    WITH ORDINALITY AS named(variant_id, counted, counted_at, position)
LEFT JOIN inventory_stocklevel AS level
    ON level.variant_id = named.variant_id AND level.location_id = %(location)s
ORDER BY named.position
"""

_UPDATE_COUNTS: Final = """
UPDATE inventory_stocktakeline AS line SET counted = entry.counted, counted_at = entry.counted_at
FROM unnest(%(variants)s::bigint[], %(counted)s::bigint[], %(counted_at)s::timestamptz[])
    AS entry(variant_id, counted, counted_at)
WHERE line.stocktake_id = %(stocktake)s AND line.variant_id = entry.variant_id
RETURNING line.variant_id
"""


@retried_atomic
def create_stocktake(
    *, location: str, skus: Sequence[str] | None = None, note: str = "", is_blind: bool = True
) -> Stocktake:
    """Creates a sheet of all levels of the location, or of these SKUs, of which 0 are expected without a level.

    Raises `UnknownLocation`, `LocationInactive`, `InvalidLines`, `StocktakeTooLarge`.
    """
    at = require_location(location)
    variants = None if skus is None else _variants_of(skus)
    size = StockLevel.objects.filter(location=at).count() if variants is None else len(variants)
    _require_size(size)
    stocktake = Stocktake.objects.create(location=at, note=note, is_blind=is_blind)
    if variants is None:
        _execute(_INSERT_ALL_LINES, [stocktake.pk, at.pk])
    else:
        nothing = [None] * len(variants)
        _execute(_INSERT_LINES, _entries(stocktake, variants, nothing, nothing))
    return Stocktake.objects.select_related("location").get(pk=stocktake.pk)


@retried_atomic
def record_counts(*, stocktake_id: int, counts: Sequence[StocktakeCount]) -> Stocktake:
    """Enters counts into an open sheet, and adds the SKUs that are not on it yet.

    The moment of a count lies between the creation of the sheet and now; one that is ahead of now by at most
    `MAX_COUNT_SKEW` becomes now. Raises `InvalidLines`, `InvalidQuantity`, `StocktakeTooLarge`,
    `StocktakeStateConflict`, `Stocktake.DoesNotExist`.
    """
    stocktake = lock_stocktake(stocktake_id)
    require_status(stocktake, gettext_noop("counted"), StocktakeStatus.OPEN)
    if len(counts) > MAX_COUNTS:
        raise InvalidQuantity(_("At most %(max)s counts are entered at a time.") % {"max": MAX_COUNTS})
    now = present_moment()
    _check(counts, stocktake.created_at, now)
    variants = variants_of_lines([count.sku for count in counts])
    moments = [None if count.counted is None else min(count.counted_at or now, now) for count in counts]
    entered = _execute(_UPDATE_COUNTS, _entries(stocktake, variants, [count.counted for count in counts], moments))
    on_sheet = {variant for (variant,) in entered}
    found = [
        (variant, count.counted, moment)
        for variant, count, moment in zip(variants, counts, moments, strict=True)
        if variant not in on_sheet and count.counted is not None
    ]
    if found:
        _require_size(stocktake.lines.count() + len(found))
        _execute(_INSERT_LINES, _entries(stocktake, *zip(*found, strict=True)))
    return stocktake


@retried_atomic
def replace_count(*, stocktake_id: int, sku: str, counted: int | None, replaces: int | None) -> Stocktake:
    """Enters the count of one SKU, if its present count is still `replaces` (None if there is none).

    So one that somebody else has entered meanwhile is not lost, and one that is sent twice is not added twice. Raises
    `VersionConflict`, and what `record_counts` raises.
    """
    stocktake = lock_stocktake(stocktake_id)
    present = stocktake.lines.filter(variant__sku_key=sku_key(sku)).values_list("counted", flat=True).first()
    if present != replaces:
        meanwhile = (
            _("Somebody has removed the count of %(sku)s meanwhile.")
            if present is None
            else _("Somebody has entered %(counted)s for %(sku)s meanwhile.")
        )
        raise VersionConflict(meanwhile % {"counted": present, "sku": sku})
    return record_counts(stocktake_id=stocktake_id, counts=[StocktakeCount(sku=sku, counted=counted)])


@retried_atomic
def post_stocktake(*, stocktake_id: int) -> Stocktake:
    """Applies all counts of the sheet, each at its own moment; a posted sheet is returned as it is.

    A count changes its level by the counted units, less those that the ledger has for that moment, so later movements
    stay on top; it is one `count` movement. Where the level has a later count, it changes nothing and its
    `posted_delta` stays null. Lines without a count change nothing. Takes a constant number of statements. Raises
    `StocktakeStateConflict`, `LocationInactive`, `Stocktake.DoesNotExist`.
    """
    stocktake = lock_stocktake(stocktake_id)
    if stocktake.status == StocktakeStatus.POSTED:
        return stocktake
    require_status(stocktake, gettext_noop("posted"), StocktakeStatus.OPEN)
    if not stocktake.location.is_active:
        raise LocationInactive(stocktake.location.code)
    lines = list(stocktake.lines.filter(counted__isnull=False))
    keys = [(line.variant_id, stocktake.location_id) for line in lines]
    levels = LevelBatch(keys, create=keys)
    moments = {levels.states[key].id: line.counted_at for key, line in zip(keys, lines, strict=True) if line.counted_at}
    later = later_movements(moments.items())
    for key, line in zip(keys, lines, strict=True):
        state = levels.states[key]
        after, row = _counted(stocktake, line, state, later.get((state.id, moments[state.id]), 0))
        if after is not state:
            line.posted_delta = row.delta if row else 0
            levels.store(key, after, row)
    levels.write()
    write_lines([line for line in lines if line.posted_delta is not None], "posted_delta")
    close_document(stocktake, StocktakeStatus.POSTED)
    outbox.record(StocktakePosted(stocktake=stocktake_with_summary(stocktake)))
    return stocktake


@retried_atomic
def cancel_stocktake(*, stocktake_id: int) -> Stocktake:
    """Closes the sheet without changing stock; a cancelled one is returned as it is.

    Raises `StocktakeStateConflict` once it is posted, `Stocktake.DoesNotExist`.
    """
    stocktake = lock_stocktake(stocktake_id)
    if stocktake.status == StocktakeStatus.CANCELLED:
        return stocktake
    require_status(stocktake, gettext_noop("cancelled"), StocktakeStatus.OPEN)
    close_document(stocktake, StocktakeStatus.CANCELLED)
    return stocktake


def lock_stocktake(stocktake_id: int) -> Stocktake:
    """The sheet, locked to the end of the transaction. Raises `Stocktake.DoesNotExist`."""
    stocktakes = Stocktake.objects.select_related("location")
    return stocktakes.select_for_update(no_key=True, of=("self",)).get(pk=stocktake_id)


def _variants_of(skus: Sequence[str]) -> list[int]:
    """The variants of these SKUs, each once. Raises `InvalidLines` for unknown SKUs."""
    known = variants_by_key(skus)
    refuse(
        FieldError(f"/skus/{index}", "unknown_sku", _("There is no SKU %(sku)s.") % {"sku": sku})
        for index, sku in enumerate(skus)
        if sku_key(sku) not in known
    )
    return list(dict.fromkeys(known[sku_key(sku)] for sku in skus))


def _check(counts: Sequence[StocktakeCount], made_at: datetime, now: datetime) -> None:
    refuse(
        FieldError(
            f"/lines/{index}/counted",
            InvalidQuantity.code,
            _("A whole number from 0 to %(max)s.") % {"max": MAX_QUANTITY},
        )
        for index, count in enumerate(counts)
        if count.counted is not None and not 0 <= count.counted <= MAX_QUANTITY
    )
    moments = [
        (index, count.counted_at)
        for index, count in enumerate(counts)
        if count.counted is not None and count.counted_at is not None
    ]
    refuse(
        FieldError(
            f"/lines/{index}/counted_at",
            "before_the_sheet",
            _("The sheet was made at %(made_at)s.") % {"made_at": made_at.isoformat()},
        )
        for index, moment in moments
        if moment < made_at
    )
    refuse(
        FieldError(f"/lines/{index}/counted_at", "in_the_future", _("That is yet to come."))
        for index, moment in moments
        if moment > now + MAX_COUNT_SKEW
    )


def _require_size(lines: int) -> None:
    if lines > MAX_STOCKTAKE_LINES:
        raise StocktakeTooLarge(
            _("A stocktake has at most %(max)s lines, not %(lines)s; name the SKUs.")
            % {"max": MAX_STOCKTAKE_LINES, "lines": lines}
        )


def _entries(
    stocktake: Stocktake, variants: Sequence[int], counted: Sequence[int | None], moments: Sequence[datetime | None]
) -> dict[str, Any]:
    return {
        "stocktake": stocktake.pk,
        "location": stocktake.location_id,
        "variants": as_array(variants),
        "counted": as_array(counted),
        "counted_at": as_array(moments),
    }


def _execute(statement: str, parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def _counted(
    stocktake: Stocktake, line: StocktakeLine, state: LevelState, later: int
) -> tuple[LevelState, LedgerRow | None]:
    if line.counted is None or line.counted_at is None:
        return state, None
    return apply_absolute_count(
        state,
        on_hand=line.counted,
        moment=line.counted_at,
        later=later,
        note=stocktake.note,
        reference=f"stocktake:{stocktake.pk}",
    )
