"""A location that is closed while its stock is changed: one of the two gets a conflict."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import connection, connections, transaction

from inventory import services
from inventory.models import Location, Reservation, StockLevel
from pms_backend.operations.audit import find_mismatches
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

INVENTORY = "/api/v1/inventory"
DEADLINE_SECONDS = 60
LINES = [{"sku": "A-1", "quantity": 1, "location": "back"}]
WRITES = {
    "reservation": ("reservations/", {"reference": "order-1", "lines": LINES}),
    "adjustment": ("adjustments/", {"sku": "A-1", "location": "back", "delta": 1, "reason": "receipt"}),
    "count": ("counts/", {"sku": "A-1", "location": "back", "on_hand": 4}),
}


@contextmanager
def closing() -> Iterator[Callable[[], None]]:
    """The location `back` is closed by a transaction of another thread, which commits on a signal."""
    closed, go = threading.Event(), threading.Event()

    def close() -> None:
        try:
            with transaction.atomic():
                services.update_location(code="back", values={"is_active": False})
                closed.set()
                assert go.wait(DEADLINE_SECONDS)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(close)
        assert closed.wait(DEADLINE_SECONDS)
        yield go.set
        done.result(DEADLINE_SECONDS)


def wait_until_somebody_waits_for_a_lock() -> None:
    with connection.cursor() as cursor:
        for _ in range(DEADLINE_SECONDS * 20):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone() != (0,):
                return
            cursor.execute("SELECT pg_sleep(0.05)")
    pytest.fail("Nobody waits.")


@pytest.mark.parametrize("write", WRITES)
def test_a_write_at_a_location_that_is_being_closed_is_a_conflict(api: JSONClient, write: str) -> None:
    make_product("A-1")
    make_location("main")
    back = make_location("back")
    # An empty level that may be promised from.
    set_stock("A-1", back, 1)
    services.update_level(sku="A-1", location="back", values={"backorder_limit": 5})
    set_stock("A-1", back, 0)
    path, body = WRITES[write]

    def send() -> tuple[int, str, str]:
        try:
            answer = api.post(f"{INVENTORY}/{path}", body)
            return answer.status_code, answer.json().get("code"), answer.json().get("detail")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool, closing() as commit:
        answer = pool.submit(send)
        wait_until_somebody_waits_for_a_lock()
        commit()
        refused = answer.result(DEADLINE_SECONDS)

    assert refused == (409, "location_inactive", "The location back is not active.")
    assert not Location.objects.get(code="back").is_active
    assert list(StockLevel.objects.values_list("on_hand", "reserved")) == [(0, 0)]
    assert not Reservation.objects.exists()
    assert find_mismatches() == []
