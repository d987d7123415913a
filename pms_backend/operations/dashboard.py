"""The admin's first page: stock, products, events, and the levels and events that need attention."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, Q, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from inventory.admin.live import live_stock
from inventory.admin.quantities import coloured_delta
from inventory.models import StockLevel, StockMovement
from pms_backend.api.admin_tables import MAIN_NUMBER, NUMBER, SHORT, TEXT, Table, link
from pms_backend.api.service_admin import moment
from pms_backend.events.models import Event, ParkedEvent, head_sequence
from pms_backend.operations.sync_success import PERMISSIONS, sync_success
from pms_integration.models import PMSConnection, PMSEvent, PMSEventStatus, PMSStock
from pms_integration.queries import DIFFERING, with_comparison
from products.models import Product, ProductStatus

# A larger count takes long and shows nothing more.
MAX_COUNTED: Final = 1_000
LAST_MOVEMENTS: Final = 10
TONES: Final = {PMSEventStatus.FAILED: "warning", PMSEventStatus.DEAD: "danger", PMSEventStatus.DEFERRED: "info"}


@dataclass(frozen=True, slots=True)
class Tile:
    """A number, with a link to the list that it counts."""

    name: str
    value: str
    url: str
    tone: str = ""


def add_tiles(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds the tiles, syncs and movements that this user may see; Unfold calls it."""
    # Before the figures are read.
    live = live_stock(request)
    groups = [
        ("Stock", ["inventory.view_stocklevel"], stock_tiles),
        ("Products", ["products.view_product"], product_tiles),
        ("Feed", ["events.view_event", "events.view_parkedevent"], feed_tiles),
        ("PMSs", ["pms_integration.view_pmsconnection"], connection_tiles),
        ("PMS stock", ["pms_integration.view_pmsstock"], reported_stock_tiles),
        ("PMS events", ["pms_integration.view_pmsevent"], pms_tiles),
    ]
    visible = [(title, list(tiles())) for title, permissions, tiles in groups if request.user.has_perms(permissions)]
    movements = last_movements() if request.user.has_perm("inventory.view_stockmovement") else None
    syncs = sync_success() if request.user.has_perms(PERMISSIONS) else None
    return {**context, "live": live, "groups": visible, "syncs": syncs, "movements": movements}


def product_tiles() -> Iterator[Tile]:
    """Counts products by status."""
    count = Counter(dict(Product.objects.order_by().values_list("status").annotate(count=Count("pk"))))
    for status in (ProductStatus.ACTIVE, ProductStatus.DRAFT):
        yield Tile(
            "Drafts" if status == ProductStatus.DRAFT else status.label,
            f"{count[status]:,}",
            _list("products_product", status__exact=status),
        )


def stock_tiles() -> Iterator[Tile]:
    """Counts the units on hand, and the levels that need attention."""
    units = StockLevel.objects.aggregate(units=Sum("on_hand", default=0))["units"]
    below, oversold = StockLevel.objects.below_reorder_point(), StockLevel.objects.oversold()
    yield Tile("Units on hand", f"{units:,}", _list("inventory_stocklevel"))
    for name, levels, tone in (("below_reorder_point", below, "warning"), ("oversold", oversold, "danger")):
        count = levels.order_by()[: MAX_COUNTED + 1].count()
        title = name.replace("_", " ").capitalize()
        yield Tile(title, _capped(count), _list("inventory_stocklevel", attention=name), tone if count else "")


def connection_tiles() -> Iterator[Tile]:
    """Counts the active connections, and those whose PMS does not answer as it should."""
    page, connections = "pms_integration_pmsconnection", PMSConnection.objects
    count = connections.aggregate(
        active=Count("pk", filter=Q(is_active=True)),
        unreachable=Count("pk", filter=Q(pk__in=connections.unreachable().values("pk"))),
        failed=Count("pk", filter=Q(pk__in=connections.last_call_failed().values("pk"))),
    )
    yield Tile("Connected", f"{count['active']:,}", _list(page, is_active__exact="1"))
    for name, title, tone in (("unreachable", "Unreachable", "danger"), ("failed", "Last call failed", "warning")):
        yield Tile(title, f"{count[name]:,}", _list(page, calls=name), tone if count[name] else "")


def reported_stock_tiles() -> Iterator[Tile]:
    """Counts the levels of which a PMS has another quantity."""
    differing = with_comparison(PMSStock.objects.order_by()).filter(DIFFERING)
    count = differing.values("pk")[: MAX_COUNTED + 1].count()
    url = _list("pms_integration_pmsstock", differs="1")
    yield Tile("Figures differ", _capped(count), url, "warning" if count else "")


def pms_tiles() -> Iterator[Tile]:
    """Counts PMS events by status, in one statement that stops counting at MAX_COUNTED."""
    first, *others = (
        PMSEvent.objects.order_by().filter(status=status).values_list("status", flat=True)[: MAX_COUNTED + 1]
        for status in PMSEventStatus.values
    )
    count = Counter(first.union(*others, all=True))
    for status in PMSEventStatus:
        tone = TONES.get(status, "") if count[status] else ""
        url = _list("pms_integration_pmsevent", status__exact=status)
        yield Tile(status.label, _capped(count[status]), url, tone)


def feed_tiles() -> Iterator[Tile]:
    """Shows the newest sequence, and counts the events that the relay has not published or has parked."""
    waiting = Event.objects.filter(sequence=None).order_by()[: MAX_COUNTED + 1].count()
    yield Tile("Newest sequence", f"{head_sequence():,}", _list("events_event"))
    yield Tile("Not published yet", _capped(waiting), _list("events_event"), "warning" if waiting > MAX_COUNTED else "")
    parked = ParkedEvent.objects.unresolved().order_by()[: MAX_COUNTED + 1].count()
    yield Tile("Parked", _capped(parked), _list("events_parkedevent", state="parked"), "danger" if parked else "")


def last_movements() -> Table:
    """Returns the table of the newest movements."""
    page = "admin:inventory_stocklevel_change"
    newest = StockMovement.objects.select_related("level__variant", "level__location").order_by("-id")
    return Table(
        title="Last movements",
        columns={
            "When": SHORT,
            "SKU": TEXT,
            "Location": TEXT,
            "Reason": TEXT,
            "Change": NUMBER,
            "On hand after": MAIN_NUMBER,
            "Who": TEXT,
        },
        rows=[
            (
                moment(movement.occurred_at),
                link(reverse(page, args=[movement.level_id]), movement.level.variant.sku),
                movement.level.location.name,
                movement.get_reason_display(),
                coloured_delta(movement.delta),
                movement.on_hand_after,
                movement.actor,
            )
            for movement in newest[:LAST_MOVEMENTS]
        ],
        empty="Nothing has moved yet.",
    )


def _list(name: str, **filters: str) -> str:
    address = reverse(f"admin:{name}_changelist")
    return f"{address}?{urlencode(filters)}" if filters else address


def _capped(count: int) -> str:
    return f"{MAX_COUNTED:,}+" if count > MAX_COUNTED else f"{count:,}"
