"""A worker killed at any instant, every other time with Redis flushed: each event takes effect exactly once."""

import random
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.db.models import Count, Sum
from django.utils import timezone
from redis import Redis

from inventory.models import StockLevel, StockMovement
from pms_backend.operations.audit import find_mismatches
from pms_integration.models import PMSConnection, PMSEvent
from tests.factories import make_connection, make_location, make_product
from tests.faults.celery_processes import worker_and_beat
from tests.pms_integration.reports import receive
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

# So many events for each time that the worker is killed: enough for it to be at work then. After the first time it
# applies them one by one.
EVENTS_FOR_A_KILL = 500
SKUS = [f"A-{number}" for number in range(5)]


def unfinished() -> int:
    return PMSEvent.objects.filter(due_at__isnull=False).count()


def attempts() -> int:
    return PMSEvent.objects.aggregate(sum=Sum("attempts"))["sum"]


@pytest.fixture
def pms() -> PMSConnection:
    for sku in SKUS:
        make_product(sku)
    return make_connection(owns=make_location("main"))


@pytest.mark.parametrize("wanted", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_each_event_takes_effect_exactly_once(pms: PMSConnection, tmp_path: Path, wanted: int) -> None:
    chance = random.Random(1)
    now = timezone.now().isoformat()
    events = EVENTS_FOR_A_KILL * wanted
    for number in range(events):
        data = {"sku": SKUS[number % len(SKUS)], "location": "main", "delta": 1, "occurred_at": now}
        receive(pms, "inventory.adjusted", data, webhook_id=f"m-{number}")

    kills = 0
    with worker_and_beat(tmp_path) as worker:
        while kills < wanted and unfinished():
            # A random instant of its work, wherever in the loop that is.
            before = attempts()
            wait_until(lambda before=before: attempts() > before, "the worker goes on")
            time.sleep(chance.uniform(0, 0.05))
            worker.kill()
            kills += 1
            if kills % 2 == 0:
                Redis.from_url(settings.REDIS_URL).flushall()
            worker.start()
        wait_until(lambda: not unfinished(), "all events are applied")

    assert kills == wanted
    assert set(PMSEvent.objects.values_list("status", flat=True)) == {"processed"}
    once = StockMovement.objects.values("source").annotate(times=Count("id"))
    assert once.count() == events
    assert {row["times"] for row in once} == {1}
    assert StockLevel.objects.aggregate(sum=Sum("on_hand"))["sum"] == events
    assert find_mismatches() == []
