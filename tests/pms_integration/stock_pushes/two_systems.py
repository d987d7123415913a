"""Two systems that sell, receive and count the same stock, and a shelf that both mean."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from django.utils import timezone

from inventory import services as inventory
from inventory.models import StockLevel
from pms_backend.events.services import relay_pending
from pms_integration import services
from pms_integration.connectors import CONNECTORS
from pms_integration.connectors.contract import ConnectorError, FigureReport, Report, VariantReference
from pms_integration.connectors.outgoing import Page, StockPush, StockPushResult
from pms_integration.connectors.standard import StandardConnector
from pms_integration.models import PMSConnection, PMSStockPush, StockOwner, SyncMode, SyncResource
from tests.factories import make_connection, make_location, make_product
from tests.pms_integration.reports import receive

# The PMS owns the stock of the first one, we own that of the second one.
PLACES = ("annex", "outlet")


@dataclass
class Level:
    on_hand: int
    version: int
    updated_at: datetime


class OtherSide(StandardConnector):
    """The PMS: a ledger in memory, a clock that may be wrong, and webhooks that wait to be delivered."""

    def __init__(self, sku: str, opening: int, skew: timedelta = timedelta()) -> None:
        self.sku = sku
        self.skew = skew
        self.levels = {name: Level(opening, 1, self.now()) for name in PLACES}
        self.applied: dict[str, StockPushResult] = {}
        self.post: list[tuple[str, dict[str, Any]]] = []
        self.fault = ""
        self.lost: set[str] = set()

    def now(self) -> datetime:
        """The present moment by its clock."""
        return timezone.now() + self.skew

    def move(self, place: str, delta: int, *, key: str = "", as_figure: bool = False, is_lost: bool = False) -> Level:
        """Changes a level and announces it."""
        level = self.levels[place]
        moment = max(self.now(), level.updated_at + timedelta(microseconds=1))
        level = self.levels[place] = Level(level.on_hand + delta, level.version + 1, moment)
        data: dict[str, Any] = {"sku": self.sku, "location": place, "occurred_at": moment.isoformat()}
        if as_figure:
            data |= {"on_hand": level.on_hand, "version": level.version}
        else:
            data |= {"delta": delta, "reason": "sale" if delta < 0 else "receipt"}
            data |= {"idempotency_key": key} if key else {}
        if is_lost:
            self.lost.add(place)
        else:
            self.post.append(("inventory.updated" if as_figure else "inventory.adjusted", data))
        return level

    def push_stock(self, client: Any, pushes: Sequence[StockPush]) -> Sequence[StockPushResult]:
        """Applies each push once, unless the call is lost before; the answer may be lost afterwards."""
        if self.fault == "before":
            raise ConnectorError("lost before")
        results = [self._result(push) for push in pushes]
        if self.fault == "after":
            raise ConnectorError("lost after")
        return results

    def _result(self, push: StockPush) -> StockPushResult:
        known = self.applied.get(push.idempotency_key)
        if known is not None:
            return known
        level = self.move(push.location, push.delta, key=push.idempotency_key)
        result = StockPushResult(
            idempotency_key=push.idempotency_key,
            status="applied",
            on_hand=level.on_hand,
            version=level.version,
            occurred_at=level.updated_at.isoformat(),
        )
        self.applied[push.idempotency_key] = result
        return result

    def pull_stock(self, client: Any, since: datetime | None, cursor: str | None) -> Page:
        return Page(reports=self._figures(), cursor=None, moment=self.now())

    def get_stock(self, client: Any, names: Sequence[str]) -> Sequence[Report]:
        return self._figures()

    def _figures(self) -> list[Report]:
        return [
            FigureReport(
                variant=VariantReference(sku=self.sku),
                location=place,
                on_hand=level.on_hand,
                version=level.version,
                occurred_at=level.updated_at.isoformat(),
            )
            for place, level in self.levels.items()
        ]


@dataclass
class Pair:
    """Our side, the other side, and the shelf, which holds what really is there."""

    pms: PMSConnection
    other: OtherSide
    shelf: dict[str, int] = field(default_factory=dict)
    # Where the PMS owns the stock, and where counts of staff were given up for the figures of the PMS.
    owned: set[str] = field(default_factory=lambda: {"annex"})
    adopted: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """Both agree at first."""
        self.pull()
        outlet = self.other.levels["outlet"].on_hand
        inventory.count_stock(sku=self.other.sku, location=self.code("outlet"), on_hand=outlet)
        relay_pending()
        self.shelf = {place: self.here(place) for place in PLACES}

    def learn_clock(self) -> None:
        """Many answers have told us the time."""
        PMSConnection.objects.filter(pk=self.pms.pk).update(clock_offset=self.other.skew)

    def code(self, place: str) -> str:
        """Our code of the location."""
        return f"{place}-{self.pms.slug}"

    def here(self, place: str) -> int:
        return StockLevel.objects.get(location__code=self.code(place), variant__sku=self.other.sku).on_hand

    def there(self, place: str) -> int:
        return self.other.levels[place].on_hand

    def move_there(self, place: str, delta: int, *, as_figure: bool = False, is_lost: bool = False) -> None:
        # Only the figures of an owner count, so that only those are worth telling.
        self.other.move(place, delta, as_figure=as_figure and place in self.owned, is_lost=is_lost)
        self.shelf[place] += delta

    def move_here(self, place: str, delta: int) -> None:
        reason = "receipt" if delta > 0 else "damage"
        inventory.adjust_stock(sku=self.other.sku, location=self.code(place), delta=delta, reason=reason)
        self.shelf[place] += delta

    def count_here(self, place: str, on_hand: int) -> None:
        inventory.count_stock(sku=self.other.sku, location=self.code(place), on_hand=on_hand)
        self.shelf[place] = on_hand

    def change_owner(self, place: str, owner: StockOwner, opening: StockOwner, *, arrives: bool = True) -> None:
        """Changes who owns the stock, before or after what is on its way has arrived."""
        if arrives:
            self.deliver_all()
        elif any(kind == "inventory.updated" and data["location"] == place for kind, data in self.other.post):
            # Nobody tells that change by itself.
            self.other.lost.add(place)
        services.change_ownership(slug=self.pms.slug, location=self.code(place), owner=owner, opening=opening)
        self.owned = (self.owned | {place}) if owner == StockOwner.PMS else (self.owned - {place})
        if opening == StockOwner.PMS:
            self.adopted.add(place)

    def deliver(self, index: int, *, keeps: bool = False) -> None:
        if self.other.post:
            place = index % len(self.other.post)
            kind, data = self.other.post[place] if keeps else self.other.post.pop(place)
            self._receive(kind, data)
            services.apply_due_events()

    def deliver_all(self) -> None:
        """The newest first, and in one batch."""
        while self.other.post:
            self._receive(*self.other.post.pop())
        services.apply_due_events()

    def _receive(self, kind: str, data: dict[str, Any]) -> None:
        receive(self.pms, kind, data, webhook_id=f"{data['location']}-{data['occurred_at']}")

    def relay(self) -> None:
        relay_pending()

    def push(self, fault: str = "") -> None:
        """One round: what is recorded is sent; the fault is that of the call."""
        self.other.fault = fault
        PMSStockPush.objects.filter(status="pending").update(due_at=timezone.now() - timedelta(seconds=1))
        services.push_due_stock()
        self.other.fault = ""

    def pull(self) -> None:
        run = services.start_sync(slug=self.pms.slug, mode=SyncMode.FULL, resources=[SyncResource.STOCK])
        services.run_syncs()
        run.refresh_from_db()
        assert (run.status, run.failed) == ("finished", 0), run.errors

    def come_to_rest(self) -> None:
        """Everything that was not lost arrives; what we owe goes out; the figures are asked for."""
        for _ in range(3):
            relay_pending()
            self.push()
            while self.other.post:
                self.deliver(0)
        self.pull()
        relay_pending()
        self.push()
        while self.other.post:
            self.deliver(0)
        assert not PMSStockPush.objects.filter(status="pending").exists()


@contextmanager
def pair(slug: str, *, sku: str = "", skew: timedelta = timedelta(), knows_clock: bool = True) -> Iterator[Pair]:
    """Two systems with 50 of a new SKU at both places. The connection is switched off afterwards."""
    other = OtherSide(sku or f"S-{slug}", opening=50, skew=skew)
    make_product(other.sku)
    pms = make_connection(slug)
    for place in PLACES:
        location = make_location(f"{place}-{slug}")
        services.map_location(connection=pms, location=location, external_id=place, owns_stock=place == "annex")
    PMSConnection.objects.filter(pk=pms.pk).update(base_url="http://pms.example")
    pms.refresh_from_db()
    with patch.dict(CONNECTORS, {"standard": other}):
        both = Pair(pms, other)
        if knows_clock:
            both.learn_clock()
        both.begin()
        yield both
        PMSConnection.objects.filter(pk=pms.pk).update(is_active=False)
