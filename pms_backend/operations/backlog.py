"""What waits in the queues of PostgreSQL, and for how long: for `/health/ready`, alerts and `/metrics`.

A row counts from the moment at which it could be worked on. What waits for something else does not count: for its next
attempt, for a PMS or an endpoint that does not answer, for the one before it.
"""

from dataclasses import dataclass
from typing import Any, Final

from django.db import models
from django.db.models.functions import Now

from pms_backend.events.models import Event
from pms_integration.models import ImportJob, PMSEvent, PMSProductPush, PMSStockPush
from webhooks.models import Delivery, WebhookEndpoint

# More waiting rows of a queue are not counted.
MAX_COUNTED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Lag:
    """For how many seconds the oldest waiting row could have been worked on, and how many wait: both 0 if none does."""

    seconds: float
    waiting: int


def lags() -> dict[str, Lag]:
    """The lags of `relay`, `inbox`, `deliveries`, `imports` and `pushes`, by one or two statements for each."""
    stock, products = _lag(PMSStockPush.objects.due(), "due_at"), _lag(PMSProductPush.objects.due(), "due_at")
    return {
        "relay": _lag(Event.objects.pending(), "occurred_at"),
        "inbox": _lag(PMSEvent.objects.due(), "due_at"),
        "deliveries": _lag_of_deliveries(),
        "imports": _lag(ImportJob.objects.due(), "lease_until"),
        "pushes": Lag(max(stock.seconds, products.seconds), stock.waiting + products.waiting),
    }


def _lag_of_deliveries() -> Lag:
    """They are read endpoint by endpoint, so that many of one hide older ones of others: the first of each counts."""
    counted = _lag(Delivery.objects.due(), "next_attempt_at")
    first = Delivery.objects.due().filter(endpoint=models.OuterRef("pk")).values("pk")[:1]
    firsts = WebhookEndpoint.objects.filter(is_active=True, failures=0).values(first=models.Subquery(first))
    oldest = _lag(Delivery.objects.filter(pk__in=firsts), "next_attempt_at")
    return Lag(max(counted.seconds, oldest.seconds), counted.waiting)


def _lag(waiting: models.QuerySet[Any], since: str) -> Lag:
    age = models.ExpressionWrapper(Now() - models.Min(since), output_field=models.DurationField())
    found = waiting[:MAX_COUNTED].aggregate(age=age, waiting=models.Count("pk"))
    return Lag(max(0.0, found["age"].total_seconds()) if found["age"] else 0.0, found["waiting"])
