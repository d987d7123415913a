"""The quantity of a level depends on the set of facts, not on the order of their arrival (DESIGN §5)."""

import itertools
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory import services as inventory
from inventory.models import StockLevel, StockMovement
from pms_backend.operations.audit import find_mismatches
from pms_integration import services
from tests.factories import make_connection, make_location, make_product, set_stock
from tests.pms_integration.reports import receive

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Figure:
    minute: float
    on_hand: int
    number: int


@dataclass(frozen=True)
class Change:
    minute: float
    units: int
    number: int


@dataclass(frozen=True)
class StaffCount:
    on_hand: int


Fact = Figure | Change | StaffCount

# No moment is that of the count, which is now, and none is further ahead than a clock may be.
MINUTES = st.sampled_from([-9.5, -7.5, -5.5, -3.5, -1.5, 1.5, 3.5])
UNITS = st.integers(-20, 20).filter(bool)


@st.composite
def facts(draw: st.DrawFn) -> list[Fact]:
    figures = draw(st.lists(st.tuples(MINUTES, st.integers(0, 50)), max_size=3))
    changes = draw(st.lists(st.tuples(MINUTES, UNITS), max_size=4))
    numbers = itertools.count()
    reported: list[Fact] = [Figure(minute, on_hand, next(numbers)) for minute, on_hand in figures]
    reported += [Change(minute, units, next(numbers)) for minute, units in changes]
    count = draw(st.none() | st.integers(0, 50))
    return reported if count is None else [*reported, StaffCount(count)]


def expected(reported: Sequence[Fact]) -> int:
    """The latest absolute figure, and every change of a later moment."""
    known = max(((f.minute, f.number, f.on_hand) for f in reported if isinstance(f, Figure)), default=None)
    base, since = (known[2], known[0]) if known else (0, float("-inf"))
    for fact in reported:
        if isinstance(fact, StaffCount) and since < 0:
            base, since = fact.on_hand, 0.0
    return base + sum(f.units for f in reported if isinstance(f, Change) and f.minute > since)


class Shop:
    """One level under an owning PMS, to which facts are reported in any order, some of them twice.

    Reports are applied one by one, or many in one batch: then by `apply`.
    """

    def __init__(self, *, in_batches: bool = False) -> None:
        self.in_batches = in_batches
        self.name = uuid.uuid4().hex[:8]
        self.now = timezone.now()
        self.sku = f"S-{self.name}"
        self.location = make_location(f"l-{self.name}")
        self.connection = make_connection(f"c-{self.name}", owns=self.location)
        make_product(self.sku)

    def report(self, fact: Fact) -> None:
        if isinstance(fact, StaffCount):
            set_stock(self.sku, self.location, fact.on_hand)
            return
        if isinstance(fact, Figure):
            kind, data = "inventory.updated", {"on_hand": fact.on_hand, "version": fact.number}
        else:
            kind, data = "inventory.adjusted", {"delta": fact.units}
        moment = self.now + timedelta(minutes=fact.minute)
        level = {"sku": self.sku, "location": self.location.code, "occurred_at": moment.isoformat()}
        receive(self.connection, kind, {**data, **level}, webhook_id=f"{self.name}-{fact.number}")
        if not self.in_batches:
            self.apply()

    def apply(self) -> None:
        services.apply_due_events()

    @property
    def on_hand(self) -> int:
        level = StockLevel.objects.filter(variant__sku=self.sku).first()
        return level.on_hand if level else 0


@pytest.mark.parametrize("examples", [20, pytest.param(60, marks=pytest.mark.slow)])
@pytest.mark.parametrize("in_batches", [False, True], ids=["one by one", "in batches"])
def test_any_order_with_duplicates_ends_at_the_same_quantity(examples: int, in_batches: bool) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(facts=facts(), data=st.data())
    def check(facts: list[Fact], data: st.DataObject) -> None:
        shop = Shop(in_batches=in_batches)
        reported = data.draw(st.permutations(facts))
        again = [fact for fact in reported if not isinstance(fact, StaffCount)]

        for fact in [*reported, *again]:
            shop.report(fact)
            if in_batches and data.draw(st.integers(0, 5)) == 0:
                shop.apply()
        shop.apply()

        assert shop.on_hand == expected(facts)
        assert find_mismatches() == []

    check()


def test_every_order_of_the_night_ends_at_the_counted_quantity() -> None:
    night = [Figure(-9.5, 10, 1), Change(-7.5, -3, 2), Change(1.5, 4, 3), StaffCount(6)]

    quantities = set()
    for order in itertools.permutations(night):
        shop = Shop()
        for fact in order:
            shop.report(fact)
        quantities.add(shop.on_hand)

    assert quantities == {10}


def test_a_sale_that_precedes_the_count_is_written_and_taken_back_by_one_more_count() -> None:
    shop = Shop()
    shop.report(StaffCount(6))

    shop.report(Change(-3.5, -2, 1))

    movements = StockMovement.objects.filter(level__variant__sku=shop.sku).order_by("level_version")
    assert [(m.reason, m.delta, m.on_hand_after) for m in movements] == [
        ("count", 6, 6), ("correction", -2, 4), ("count", 2, 6),
    ]  # fmt: skip
    assert movements[1].occurred_at < movements[2].occurred_at == movements[0].occurred_at
    assert movements[2].note.endswith(f"UTC after a late correction reported by {shop.connection.slug}.")
    assert (movements[2].actor, movements[2].request_id) == (f"pms:{shop.connection.slug}", f"{shop.name}-1")


def test_a_count_that_changes_nothing_still_supersedes_a_late_sale() -> None:
    shop = Shop()
    shop.report(Figure(-9.5, 6, 1))
    shop.report(StaffCount(6))

    shop.report(Change(-3.5, -2, 2))

    assert shop.on_hand == 6


def test_an_adjustment_of_ours_under_a_clock_that_is_ahead_stays() -> None:
    shop = Shop()
    shop.report(Figure(3.5, 10, 1))

    inventory.adjust_stock(sku=shop.sku, location=shop.location.code, delta=-1, reason="sale")
    shop.report(Change(1.5, -5, 2))

    assert shop.on_hand == 9
    assert find_mismatches() == []


def test_without_the_rule_the_order_of_arrival_would_decide() -> None:
    """The figure of 10 at −1.5 includes the sale of −3.5: adding whatever comes would count it twice."""
    reported = [Figure(-1.5, 10, 1), Change(-3.5, -3, 2)]

    by_arrival = {naive_sum(order) for order in itertools.permutations(reported)}

    assert by_arrival == {7, 10}
    assert expected(reported) == 10


def naive_sum(order: Sequence[Fact]) -> int:
    on_hand = 0
    for fact in order:
        on_hand = fact.on_hand if isinstance(fact, Figure) else on_hand + fact.units
    return on_hand


def test_the_usual_case_is_a_plain_addition_without_a_look_at_the_ledger(django_assert_num_queries) -> None:
    shop = Shop()
    shop.report(Figure(-9.5, 10, 1))
    level = StockLevel.objects.get()
    levels = inventory.LevelBatch([(level.variant_id, level.location_id)])
    change = inventory.ReportedChange(
        level=(level.variant_id, level.location_id),
        delta=-1,
        occurred_at=timezone.now(),
        reason="sale",
        source="x:1:0",
    )

    with django_assert_num_queries(1):
        inventory.apply_external_changes(levels, [change])

    assert shop.on_hand == 9
