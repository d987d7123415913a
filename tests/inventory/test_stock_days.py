"""The stock at the end of each day: recorded once, and what the ledger adds up to."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from inventory import services, stock_days
from inventory.models import StockDay, StockLevel, StockMovement
from inventory.services import stock_days as recording
from inventory.tasks import record_stock_days
from products.models import Variant
from tests.factories import make_location, make_product

pytestmark = [pytest.mark.django_db, pytest.mark.database]

# In Berlin the 29th has 23 hours: it begins at 23:00 and ends at 22:00 UTC.
MOMENTS = {
    "2026-02-10T12:00": (100, "long ago"),
    "2026-03-28T22:59:59": (7, "28"),
    "2026-03-28T23:00:00": (-3, "29"),
    "2026-03-29T21:59:59": (10, "29"),
    "2026-03-29T22:00:00": (-20, "30"),
}
NEXT_DAY = "2026-03-30T22:10:00"


@pytest.fixture(autouse=True)
def level(settings: Any) -> StockLevel:
    """A level in Berlin of what costs 2.50, with the movements."""
    settings.TIME_ZONE = "Europe/Berlin"
    make_product("A-1", cost="2.50")
    make_location("main")
    services.update_level(sku="A-1", location="main", values={"reorder_point": 1})
    level = StockLevel.objects.get()
    for moment, (delta, _) in MOMENTS.items():
        move(level, delta, moment)
    return level


def move(level: StockLevel, delta: int, moment: str) -> None:
    """A movement that was written at a moment in UTC."""
    level.on_hand, level.version = level.on_hand + delta, level.version + 1
    StockLevel.objects.filter(pk=level.pk).update(on_hand=level.on_hand, version=level.version)
    StockMovement.objects.create(
        level=level,
        level_version=level.version,
        reason="correction",
        delta=delta,
        on_hand_after=level.on_hand,
        actor="system",
        created_at=datetime.fromisoformat(moment).replace(tzinfo=UTC),
    )


def it_is(moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: datetime.fromisoformat(moment).replace(tzinfo=UTC))


def recorded() -> dict[str, tuple[int, int, Decimal]]:
    """The figures by day; of each month the number of the day is enough."""
    return {str(row.day)[5:]: (row.movements, row.units, row.value) for row in StockDay.objects.all()}


def test_a_day_is_what_the_ledger_adds_up_to_at_its_midnight(monkeypatch: pytest.MonkeyPatch) -> None:
    it_is(NEXT_DAY, monkeypatch)

    assert services.record_stock_days() == 30

    days = recorded()
    assert list(days) == [str(date(2026, 3, 1) + timedelta(days=number))[5:] for number in range(30)]
    assert {day: figures for day, figures in days.items() if figures[0]} == {
        "03-28": (1, 107, Decimal("267.50")),
        "03-29": (2, 114, Decimal("285.00")),
        "03-30": (1, 94, Decimal("235.00")),
    }
    assert days["03-27"] == (0, 100, Decimal("250.00"))
    for row in StockDay.objects.all():
        ends = stock_days.start_of(row.day + timedelta(days=1))
        assert row.units == StockMovement.objects.filter(created_at__lt=ends).aggregate(sum=Sum("delta"))["sum"]


@pytest.mark.parametrize("changes", [{"cost": None}, {"currency": "EUR"}])
def test_a_variant_without_a_cost_in_our_currency_has_units_and_no_value(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    Variant.objects.update(**changes)
    it_is(NEXT_DAY, monkeypatch)

    services.record_stock_days()

    assert recorded()["03-30"] == (1, 94, Decimal(0))


def test_a_second_run_changes_nothing(level: StockLevel, monkeypatch: pytest.MonkeyPatch) -> None:
    it_is(NEXT_DAY, monkeypatch)
    record_stock_days()
    before = recorded()
    Variant.objects.update(cost=99)
    move(level, 1, NEXT_DAY)

    assert record_stock_days() == 0

    assert recorded() == before


def test_what_was_missed_is_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    it_is(NEXT_DAY, monkeypatch)
    services.record_stock_days()
    before = recorded()
    StockDay.objects.filter(day="2026-03-29").delete()
    StockDay.objects.filter(day="2026-03-30").update(units=1)

    assert services.record_stock_days() == 1

    assert recorded() == {**before, "03-30": (1, 1, Decimal("235.00"))}


def test_a_day_that_another_process_records_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    it_is(NEXT_DAY, monkeypatch)
    read = recording.days_since

    def read_while_another_records(first: date, *, today: date) -> list[StockDay]:
        StockDay.objects.create(day="2026-03-30", movements=5, units=6, value=7)
        return read(first, today=today)

    monkeypatch.setattr(recording, "days_since", read_while_another_records)

    services.record_stock_days()

    assert recorded()["03-30"] == (5, 6, Decimal(7))
    assert recorded()["03-29"] == (2, 114, Decimal("285.00"))


def test_a_day_is_recorded_once_its_transactions_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    it_is("2026-03-30T22:09:59", monkeypatch)

    services.record_stock_days()

    assert max(recorded()) == "03-29"


def test_the_days_that_are_not_recorded_yet_come_from_the_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    it_is(NEXT_DAY, monkeypatch)
    services.record_stock_days()
    StockDay.objects.filter(day__gt="2026-03-28").delete()

    with CaptureQueriesContext(connection) as statements:
        days = stock_days.last_days()

    assert len(statements) == 2
    assert [(str(day.day), day.movements, day.units, day.value) for day in days[-4:]] == [
        ("2026-03-28", 1, 107, Decimal("267.50")),
        ("2026-03-29", 2, 114, None),
        ("2026-03-30", 1, 94, None),
        ("2026-03-31", 0, 94, None),
    ]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {statements[1]['sql']}")
        assert "inventory_movement_written" in str(cursor.fetchall())


def test_there_are_no_days_before_one_is_recorded() -> None:
    assert stock_days.last_days() == []
