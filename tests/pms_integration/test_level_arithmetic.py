"""What a figure includes, of a PMS that is not told of our movements and of one that is: the same facts for both."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from inventory import services as inventory
from inventory.models import StockLevel
from pms_backend.events.services import relay_pending
from pms_backend.operations.audit import find_mismatches
from pms_integration import services
from pms_integration.models import PMSConnection, PMSStockPush, StockOwner
from tests.factories import make_connection, make_location, make_product, set_stock
from tests.pms_integration.reports import apply

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Figure:
    minute: float
    on_hand: int


@dataclass(frozen=True)
class Change:
    minute: float
    units: int


@dataclass(frozen=True)
class Ours:
    """A movement that is made now, and that the PMS says to have applied at `applied`, if it is told of it."""

    units: int
    applied: float | None = None


@dataclass(frozen=True)
class Count:
    on_hand: int


Fact = Figure | Change | Ours | Count

# The PMS's first figure is 10, an hour ago. Then the facts, and the quantities without and with pushes.
EXAMPLES: dict[str, tuple[Sequence[Fact], int, int]] = {
    "changes": ([Change(-9, -3), Change(-5, 1)], 8, 8),
    "a change before the figure": ([Change(-9, -3), Figure(-5, 20)], 20, 20),
    "a change of the figure's moment": ([Change(-5, -3), Figure(-5, 20)], 20, 20),
    "a change after the figure": ([Figure(-9, 20), Change(-5, -3)], 17, 17),
    "two figures": ([Figure(-9, 20), Figure(-5, 15)], 15, 15),
    "ours after the figure": ([Figure(-5, 20), Ours(-1)], 19, 19),
    "ours, applied after the figure": ([Figure(-5, 20), Ours(-1, applied=-4)], 19, 19),
    "ours, applied before the figure": ([Figure(-5, 20), Ours(-1, applied=-6)], 19, 20),
    "a change before the count": ([Change(-5, -3), Count(6)], 6, 6),
    "a change after the count": ([Count(6), Change(2, -1)], 5, 5),
    "a figure before the count": ([Figure(-5, 20), Count(6)], 6, 6),
    "a figure and a change before the count": ([Figure(-5, 20), Change(-3, -2), Count(6)], 6, 6),
    "a change before the figure before the count": ([Change(-9, -3), Figure(-5, 20), Count(6)], 6, 6),
    # The count has taken 4 away, of which a PMS that is told has said nothing yet.
    "a figure after the count": ([Count(6), Figure(2, 30)], 30, 26),
    "a figure and a change after the count": ([Count(6), Figure(2, 30), Change(3, -1)], 29, 25),
    # The PMS that is told has the change twice: in its figure, and in what was counted. So 3 more are pushed.
    "a change before the count, a figure after it": ([Change(-5, -3), Count(6), Figure(2, 30)], 30, 29),
}


@pytest.fixture(params=[False, True], ids=["inbound", "pushed"])
def is_pushed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


class Shop:
    """One level of a PMS that owns its stock."""

    def __init__(self, *, is_pushed: bool, name: str = "0") -> None:
        self.began = timezone.now()
        self.sku = f"S-{name}"
        self.location = make_location(f"l-{name}")
        self.pms = make_connection(f"c-{name}", owns=self.location)
        if is_pushed:
            PMSConnection.objects.filter(pk=self.pms.pk).update(base_url="http://pms.example")
            self.pms.refresh_from_db()
        make_product(self.sku)
        self.report(Figure(-60, 10))

    def report(self, fact: Fact) -> None:
        match fact:
            case Figure():
                self._tell("inventory.updated", fact.minute, on_hand=fact.on_hand)
            case Change():
                self._tell("inventory.adjusted", fact.minute, delta=fact.units)
            case Count():
                set_stock(self.sku, self.location, fact.on_hand)
            case Ours():
                inventory.adjust_stock(sku=self.sku, location=self.location.code, delta=fact.units, reason="damage")
                relay_pending()
                push = PMSStockPush.objects.filter(connection=self.pms).last()
                if push is not None and fact.applied is not None:
                    key = str(push.idempotency_key)
                    self._tell("inventory.adjusted", fact.applied, delta=fact.units, idempotency_key=key)

    def _tell(self, kind: str, minute: float, **data: Any) -> None:
        moment = self.began + timedelta(minutes=minute)
        level = {"sku": self.sku, "location": self.location.code, "occurred_at": moment.isoformat()}
        apply(self.pms, kind, {**level, **data})

    @property
    def on_hand(self) -> int:
        return StockLevel.objects.get(variant__sku=self.sku).on_hand


def orders(facts: Sequence[Fact], *, is_pushed: bool) -> Iterator[Sequence[Fact]]:
    """Every order of arrival; a PMS whose clock is known tells nothing of what is yet to come."""
    for order in itertools.permutations(facts):
        counts = [place for place, fact in enumerate(order) if isinstance(fact, Count)]
        known = order[: counts[0]] if counts else ()
        if not (is_pushed and any(isinstance(fact, Figure | Change) and fact.minute > 0 for fact in known)):
            yield order


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_quantity_is_that_of_the_facts_in_every_order(example: str, is_pushed: bool) -> None:
    facts, inbound, pushed = EXAMPLES[example]

    for number, order in enumerate(orders(facts, is_pushed=is_pushed)):
        shop = Shop(is_pushed=is_pushed, name=str(number))
        for fact in order:
            shop.report(fact)
        assert shop.on_hand == (pushed if is_pushed else inbound), order

    assert find_mismatches() == []


@pytest.mark.parametrize("returns", [False, True])
def test_what_an_applied_figure_has_stays_in_it_when_the_owner_changes(is_pushed: bool, returns: bool) -> None:
    shop = Shop(is_pushed=is_pushed)
    shop.report(Figure(-9, 20))

    owners = [StockOwner.LOCAL, StockOwner.PMS] if returns else [StockOwner.LOCAL]
    for owner in owners:
        services.change_ownership(
            slug=shop.pms.slug, location=shop.location.code, owner=owner, opening=StockOwner.LOCAL
        )
        if owner == StockOwner.LOCAL:
            shop.report(Figure(-3, 99))
    shop.report(Change(-10, -3))
    assert shop.on_hand == 20
    shop.report(Change(-5, -1))

    assert shop.on_hand == 19
    assert find_mismatches() == []
