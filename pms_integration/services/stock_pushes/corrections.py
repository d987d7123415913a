"""Corrections: what a PMS's figure differs by where we own the stock, sent as one push without a movement."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Final

from django.utils import timezone

from inventory.models import Reason
from inventory.services.levels import Key, lock_levels
from pms_integration.models import PMSConnection, PMSEvent, PMSEventStatus, PMSStock, PMSStockPush, StockPushStatus
from pms_integration.queries import DIFFERING, with_comparison
from pms_integration.services.refetch_leases import LeaseEnd, RefetchLease
from pms_integration.services.retries import LONGEST_CALL_RETRY
from pms_integration.services.stock_names import StockNames
from pms_integration.services.stock_pushes.wake_up import push_wake_up
from pms_integration.services.valid_reports import Reported, StockReport

# For so long a correction waits for webhooks that were received before it was requested.
LONGEST_WAIT_FOR_EVENTS: Final = timedelta(minutes=1)
# What it waits for takes less as a rule, or long: such as pushes to a PMS that is paused.
_FIRST_RETRY: Final = timedelta(seconds=1)

_UNAPPLIED: Final = (PMSEventStatus.RECEIVED, PMSEventStatus.PROCESSING, PMSEventStatus.FAILED)


def put_off(lease: RefetchLease) -> LeaseEnd:
    """Lets a correction wait, however often that has to be."""
    is_late = timezone.now() - lease.requested_at >= LONGEST_WAIT_FOR_EVENTS
    return LeaseEnd(LONGEST_CALL_RETRY if is_late else _FIRST_RETRY, lease.failures)


def has_unapplied_events(leases: Sequence[RefetchLease]) -> bool:
    """Whether a webhook that was received before corrections were requested is still to be applied.

    It may tell a change that the PMS's figures include: without it the correction would undo that change.
    """
    now = timezone.now()
    requested = [
        lease.requested_at for lease in leases if lease.corrects and now - lease.requested_at < LONGEST_WAIT_FOR_EVENTS
    ]
    if not requested:
        return False
    received = PMSEvent.objects.filter(connection=leases[0].connection_id, status__in=_UNAPPLIED)
    return received.filter(received_at__lt=max(requested)).exists()


class AnsweredLevels:
    """The levels that an answer of the PMS names, locked in order before anything of it is applied."""

    def __init__(self, pms: PMSConnection, reported: Sequence[Reported[StockReport]]) -> None:
        self._pms = pms
        names = StockNames(pms, [one.report for one in reported])
        named = {one.line: names.level_of(one.report) for one in reported}
        self._of_line = {line: key for line, key in named.items() if key is not None}
        self._states = lock_levels(self._of_line.values())

    def correct(self, lines: Collection[int]) -> bool:
        """Records one push for each level of these lines that is ours and differs; False if that has to wait.

        It waits for the answer to what was sent before: nobody knows yet whether the PMS's figure includes that.
        """
        keys = {self._of_line[line] for line in lines if line in self._of_line}
        levels = {key: self._states[key].id for key in keys if key in self._states}
        pending = PMSStockPush.objects.filter(connection=self._pms, status=StockPushStatus.PENDING)
        if pending.filter(level__in=levels.values()).exclude(sku="").exists():
            return False
        differences = self._differences(levels)
        PMSStockPush.objects.bulk_create(
            PMSStockPush(
                connection=self._pms,
                level_id=levels[key],
                delta=difference,
                reason=Reason.CORRECTION,
                occurred_at=timezone.now(),
            )
            for key, difference in sorted(differences.items())
        )
        if differences:
            push_wake_up.send_after_commit()
        return True

    def _differences(self, levels: Mapping[Key, int]) -> dict[Key, int]:
        ours = PMSStock.objects.filter(
            connection=self._pms,
            variant__in={variant for variant, _ in levels},
            location__pms_locations__connection=self._pms,
            location__pms_locations__owns_stock=False,
        )
        found = with_comparison(ours).filter(DIFFERING).values_list("variant", "location", "difference")
        return {
            (variant, location): difference for variant, location, difference in found if (variant, location) in levels
        }
