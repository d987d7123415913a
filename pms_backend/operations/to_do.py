"""What is to be done now: a part of the dashboard."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet, Value
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.http import urlencode
from django.utils.translation import ngettext

from inventory.models import StockLevel, Stocktake, StocktakeStatus, Transfer, TransferStatus
from pms_backend.events.models import ParkedEvent
from pms_integration.models import (
    PMSConnection,
    PMSEvent,
    PMSEventStatus,
    PMSProduct,
    PMSProductState,
    SyncRun,
    SyncStatus,
)
from pms_integration.services import recently_refused
from webhooks.models import WebhookEndpoint

# A larger count takes long and says nothing more.
MAX_COUNTED: Final = 1_000
DANGER: Final = "danger"
WARNING: Final = "warning"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of work: who does it, its rows, the filter of their list, and what to say of a count of them."""

    permission: str
    rows: Callable[[], QuerySet[Any]]
    filters: dict[str, str]
    words: Callable[[int], str]
    tone: str = WARNING


@dataclass(frozen=True, slots=True)
class ToDo:
    """Work that waits, with the list that shows it and nothing else."""

    text: str
    url: str
    tone: str


# The worst first.
KINDS: Final = (
    Kind(
        "inventory.change_stocklevel",
        lambda: StockLevel.objects.oversold(),
        {"attention": "oversold"},
        lambda count: ngettext("%(count)s level is oversold", "%(count)s levels are oversold", count),
        DANGER,
    ),
    Kind(
        "pms_integration.change_pmsevent",
        lambda: PMSEvent.objects.filter(status=PMSEventStatus.DEAD),
        {"status__exact": PMSEventStatus.DEAD},
        lambda count: ngettext(
            "%(count)s PMS event cannot be applied", "%(count)s PMS events cannot be applied", count
        ),
        DANGER,
    ),
    Kind(
        "events.change_parkedevent",
        lambda: ParkedEvent.objects.unresolved(),
        {"state": "parked"},
        lambda count: ngettext(
            "%(count)s event is parked: it failed on its way inside the system",
            "%(count)s events are parked: they failed on their way inside the system",
            count,
        ),
        DANGER,
    ),
    Kind(
        "webhooks.change_webhookendpoint",
        lambda: WebhookEndpoint.objects.given_up(),
        {"state": "given_up"},
        lambda count: ngettext(
            "%(count)s webhook endpoint gets nothing any more: it failed for days",
            "%(count)s webhook endpoints get nothing any more: they failed for days",
            count,
        ),
        DANGER,
    ),
    Kind(
        "pms_integration.change_pmsconnection",
        lambda: PMSConnection.objects.unreachable(),
        {"calls": "unreachable"},
        lambda count: ngettext("%(count)s PMS cannot be reached", "%(count)s PMSs cannot be reached", count),
        DANGER,
    ),
    Kind(
        "pms_integration.change_pmsconnection",
        lambda: PMSConnection.objects.filter(slug__in=recently_refused()),
        {"webhooks": "refused"},
        lambda count: ngettext(
            "Webhooks of %(count)s PMS were refused in the last hour",
            "Webhooks of %(count)s PMSs were refused in the last hour",
            count,
        ),
    ),
    Kind(
        "pms_integration.change_syncrun",
        lambda: SyncRun.objects.filter(status=SyncStatus.HELD),
        {"status__exact": SyncStatus.HELD},
        lambda count: ngettext(
            "%(count)s sync run is held until somebody confirms it",
            "%(count)s sync runs are held until somebody confirms them",
            count,
        ),
    ),
    Kind(
        "webhooks.change_webhookendpoint",
        lambda: WebhookEndpoint.objects.failing(),
        {"state": "failing"},
        lambda count: ngettext(
            "%(count)s webhook endpoint is failing", "%(count)s webhook endpoints are failing", count
        ),
    ),
    Kind(
        "pms_integration.change_pmsproduct",
        lambda: PMSProduct.objects.in_state(PMSProductState.CONFLICT),
        {"state": PMSProductState.CONFLICT},
        lambda count: ngettext(
            "%(count)s product is in conflict with a PMS", "%(count)s products are in conflict with a PMS", count
        ),
    ),
    Kind(
        "inventory.change_stocklevel",
        lambda: StockLevel.objects.below_reorder_point(),
        {"attention": "below_reorder_point"},
        lambda count: ngettext(
            "%(count)s level is at or below its reorder point",
            "%(count)s levels are at or below their reorder point",
            count,
        ),
    ),
    Kind(
        "inventory.change_transfer",
        lambda: Transfer.objects.filter(status=TransferStatus.IN_TRANSIT),
        {"status__exact": TransferStatus.IN_TRANSIT},
        lambda count: ngettext(
            "%(count)s transfer is on its way, to be received",
            "%(count)s transfers are on their way, to be received",
            count,
        ),
        "",
    ),
    Kind(
        "inventory.post_stocktake",
        lambda: Stocktake.objects.ready_to_post(),
        {"ready": "1"},
        lambda count: ngettext(
            "%(count)s count sheet is all counted, to be posted",
            "%(count)s count sheets are all counted, to be posted",
            count,
        ),
        "",
    ),
    Kind(
        "inventory.change_stocktake",
        lambda: Stocktake.objects.filter(status=StocktakeStatus.OPEN),
        {"status__exact": StocktakeStatus.OPEN},
        lambda count: ngettext("%(count)s count sheet is open", "%(count)s count sheets are open", count),
        "",
    ),
)


def to_do(request: HttpRequest) -> list[ToDo] | None:
    """What waits for this user, the worst first, in one statement; None for a user who does no such work."""
    kinds = [kind for kind in KINDS if request.user.has_perm(kind.permission)]
    if not kinds:
        return None
    counts = _count(kinds)
    return [
        ToDo(kind.words(counts[index]) % {"count": _shown(counts[index])}, _list_of(kind), kind.tone)
        for index, kind in enumerate(kinds)
        if counts[index]
    ]


def _count(kinds: Sequence[Kind]) -> Counter[int]:
    """The number of rows by the index of the kind, at most one more than `MAX_COUNTED`."""
    first, *others = (
        kind.rows().order_by().values_list(Value(index), flat=True)[: MAX_COUNTED + 1]
        for index, kind in enumerate(kinds)
    )
    return Counter(first.union(*others, all=True) if others else first)


def _shown(count: int) -> str:
    return f"{number_format(MAX_COUNTED)}+" if count > MAX_COUNTED else number_format(count)


def _list_of(kind: Kind) -> str:
    meta = kind.rows().model._meta
    return f"{reverse(f'admin:{meta.app_label}_{meta.model_name}_changelist')}?{urlencode(kind.filters)}"
