"""The stock at the end of each of the last days: as it was recorded, and from the ledger since then."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.models import Count, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from inventory.models import StockDay, StockMovement

DAYS: Final = 30
# The totals of today less all that moved on later days, so that the ledger explains each day. A day without a movement
# has a row too.
_SINCE: Final = """
WITH total AS (
    SELECT coalesce(sum(level.on_hand), 0) AS units,
        coalesce(sum(level.on_hand * variant.cost) FILTER (WHERE variant.currency = %(currency)s), 0) AS value
    FROM inventory_stocklevel AS level JOIN products_variant AS variant ON variant.id = level.variant_id
), moved AS (
    SELECT (movement.created_at AT TIME ZONE %(zone)s)::date AS day, count(*) AS movements,
        sum(movement.delta) AS units,
        sum(movement.delta * variant.cost) FILTER (WHERE variant.currency = %(currency)s) AS value
    FROM inventory_stockmovement AS movement
    JOIN inventory_stocklevel AS level ON level.id = movement.level_id
    JOIN products_variant AS variant ON variant.id = level.variant_id
    WHERE movement.created_at >= %(since)s
    GROUP BY 1
), calendar AS (
    SELECT day::date FROM generate_series(%(first)s::date, %(today)s::date, interval '1 day') AS day
)
SELECT calendar.day, coalesce(moved.movements, 0),
    (total.units - coalesce(sum(moved.units) OVER later, 0))::bigint,
    total.value - coalesce(sum(moved.value) OVER later, 0)
FROM calendar CROSS JOIN total LEFT JOIN moved ON moved.day = calendar.day
WINDOW later AS (ORDER BY calendar.day DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
ORDER BY calendar.day
"""


@dataclass(frozen=True, slots=True)
class Day:
    """The movements of a day and the stock at its end; a day that is not recorded yet has no value at cost."""

    day: date
    movements: int
    units: int
    value: Decimal | None


def last_days() -> list[Day]:
    """The last `DAYS` days, oldest first; the last one is today as it is now. One statement, or two.

    Empty before a day is recorded.
    """
    today = timezone.localdate()
    rows = StockDay.objects.filter(day__gt=today - timedelta(days=DAYS), day__lt=today)
    recorded = [Day(row.day, row.movements, row.units, row.value) for row in rows]
    return [*recorded, *_days_after(recorded[-1], today)] if recorded else []


def _days_after(last: Day, today: date) -> list[Day]:
    """The days after a recorded one, by the ledger alone: adding up all levels takes 50 times as long."""
    day = TruncDate("created_at", tzinfo=timezone.get_default_timezone())
    written = StockMovement.objects.filter(created_at__gte=start_of(last.day + timedelta(days=1))).order_by()
    sums = written.annotate(day=day).values("day").annotate(count=Count("pk"), units=Sum("delta"))
    moved = {row["day"]: (row["count"], int(row["units"])) for row in sums}
    found, units = [], last.units
    for number in range((today - last.day).days):
        at = last.day + timedelta(days=number + 1)
        count, delta = moved.get(at, (0, 0))
        units += delta
        found.append(Day(at, count, units, None))
    return found


def first_missing(recorded: Collection[date], *, first: date, today: date) -> date:
    """The first day from `first` on that is not recorded; today at the latest."""
    day = first
    while day < today and day in recorded:
        day += timedelta(days=1)
    return day


def days_since(first: date, *, today: date) -> list[StockDay]:
    """The days from `first` to today with all their figures, oldest first, of one snapshot. They are not saved."""
    values: dict[str, str | date] = {
        "currency": settings.DEFAULT_CURRENCY,
        "zone": settings.TIME_ZONE,
        "since": start_of(first),
        "first": first,
        "today": today,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SINCE, values)
        rows = cursor.fetchall()
    return [StockDay(day=day, movements=movements, units=units, value=value) for day, movements, units, value in rows]


def start_of(day: date) -> datetime:
    """The first moment of a day of TIME_ZONE."""
    # By Python, since PostgreSQL takes the second of two midnights where a clock is put back.
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())
