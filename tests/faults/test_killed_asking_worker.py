"""A worker killed while a PMS answers, or while it records the answer: it is asked again, and takes effect once."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from inventory.models import StockLevel, StockMovement
from pms_backend.operations.audit import find_mismatches
from pms_integration import services
from pms_integration.models import PMSConnection, PMSRefetch
from tests.factories import make_connection, make_location, make_product
from tests.faults.celery_processes import worker_and_beat
from tests.outbound.servers import serving
from tests.pms_integration.outgoing.calling import answering
from tests.pms_integration.refetches.asking import Shop, request
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

SKUS = [f"A-{number}" for number in range(5)]


@pytest.fixture
def shop() -> Iterator[Shop]:
    with serving(answering({}), keep_alive=True) as server:
        shop = Shop(server)
        for number, sku in enumerate(SKUS, start=1):
            make_product(sku)
            shop.put(sku, number)
        yield shop


@pytest.fixture
def pms(shop: Shop, settings: Any, monkeypatch: pytest.MonkeyPatch) -> PMSConnection:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    monkeypatch.setenv("OUTBOUND_ALLOW", "127.0.0.1")
    url = services.check_base_url(f"http://127.0.0.1:{shop.server.port}/api")
    return services.set_outgoing(connection_id=make_connection(owns=make_location("main")).pk, base_url=url)


def is_waiting_for_a_lock() -> bool:
    with database.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


@pytest.mark.slow
@pytest.mark.parametrize("is_recording", [False, True])
def test_it_is_asked_again_after_the_lease(shop: Shop, pms: PMSConnection, tmp_path: Path, is_recording: bool) -> None:
    is_asked, may_answer = threading.Event(), threading.Event()

    def answer_when_told(handler: Any) -> None:
        is_asked.set()
        may_answer.wait()
        shop.respond(handler)

    shop.server.respond = answer_when_told
    request(pms, *SKUS)
    with worker_and_beat(tmp_path, "pms") as worker:
        wait_until(is_asked.is_set, "the PMS is asked")
        if is_recording:
            with transaction.atomic():
                list(PMSRefetch.objects.select_for_update())
                may_answer.set()
                wait_until(is_waiting_for_a_lock, "the worker records the answer")
                worker.kill()
        else:
            worker.kill()
            may_answer.set()
        assert (PMSRefetch.objects.count(), StockLevel.objects.count()) == (len(SKUS), 0)
        worker.start()
        lease_ends = set(PMSRefetch.objects.values_list("leased_until", flat=True))
        assert all(end > timezone.now() for end in lease_ends)
        PMSRefetch.objects.update(leased_until=timezone.now())
        wait_until(lambda: not PMSRefetch.objects.exists(), "all is asked again")

    assert len(shop.asked) == 2
    assert dict(StockLevel.objects.values_list("variant__sku", "on_hand")) == dict(zip(SKUS, range(1, 6), strict=True))
    assert StockMovement.objects.count() == len(SKUS)
    assert find_mismatches() == []
