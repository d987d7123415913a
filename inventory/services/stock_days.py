"""Recording the stock at the end of each day."""

from datetime import timedelta
from typing import Final

from django.utils import timezone

from inventory.models import StockDay
from inventory.stock_days import DAYS, days_since, first_missing

# A day is recorded so long after its end: by then every transaction that began on it has ended, and its movements,
# which have the moment of their statement, are seen.
SETTLES_AFTER: Final = timedelta(minutes=10)


def record_stock_days() -> int:
    """Records the days of the last `DAYS` that have ended and are not recorded yet. Returns how many.

    A day that is recorded stays as it is, also if another process records it at the same time.
    """
    today = timezone.localdate(timezone.now() - SETTLES_AFTER)
    first = today - timedelta(days=DAYS)
    recorded = StockDay.objects.in_bulk([first + timedelta(days=number) for number in range(DAYS)])
    missing = first_missing(recorded, first=first, today=today)
    if missing == today:
        return 0
    ended = [
        day for day in days_since(missing, today=timezone.localdate()) if day.day < today and day.day not in recorded
    ]
    StockDay.objects.bulk_create(ended, ignore_conflicts=True)
    return len(ended)
