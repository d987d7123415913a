"""Announcing levels under the new name of their SKU or location, as a change without a movement."""

from collections.abc import Sequence
from typing import Final

from django.db.models import Q

from inventory.models import StockLevel
from inventory.services.ledger import LedgerRow, write_locked_levels
from inventory.services.levels import lock_levels
from pms_backend.events import services as outbox

# The levels written by one statement; a location may have a million.
BATCH: Final = 10_000


def announce_renamed_variants(variant_ids: Sequence[int]) -> None:
    """Announces the levels of these variants, which are locked, in the transaction that has renamed them."""
    _announce(Q(variant__in=variant_ids))


def announce_renamed_location(location_id: int) -> None:
    """Announces the levels of this location, which is locked, in the transaction that has renamed it."""
    _announce(Q(location=location_id))


def _announce(levels: Q) -> None:
    outbox.require_transaction()
    keys = list(
        StockLevel.objects.filter(levels).order_by("variant", "location").values_list("variant_id", "location_id")
    )
    for start in range(0, len(keys), BATCH):
        before = list(lock_levels(keys[start : start + BATCH]).values())
        after = [state.changed() for state in before]
        rows = [LedgerRow(before=old, after=new) for old, new in zip(before, after, strict=True)]
        write_locked_levels(states=after, rows=rows)
