"""Several workers ask several PMSs: one that hangs stops no other, and no answer is applied twice."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils import timezone
from prometheus_client import REGISTRY

from pms_backend.events.models import Event
from pms_integration import services
from pms_integration.connectors.contract import Resource
from pms_integration.models import PMSConnection, PMSProduct, PMSRefetch
from pms_integration.services import refetch_leases
from pms_integration.services.pms_client import close_clients
from products.models import Product
from tests.concurrency.threads import at_once
from tests.factories import make_connection, make_location, make_product
from tests.outbound.servers import serving
from tests.pms_integration.conftest import allowed
from tests.pms_integration.outgoing.calling import answering, connect
from tests.pms_integration.refetches.asking import Shop, request
from tests.pms_integration.reports import apply, product
from tests.waiting import wait_until

__all__ = ["allowed"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

WAIT_SECONDS = 60
StartShop = Callable[[str], tuple[PMSConnection, Shop]]


@pytest.fixture
def start_shop(allowed: None) -> Iterator[StartShop]:
    """Starts a PMS and a connection to it."""
    with ExitStack() as stack:

        def start(slug: str) -> tuple[PMSConnection, Shop]:
            server = stack.enter_context(serving(answering({"name": "Shop"}), keep_alive=True))
            shop = Shop(server)
            server.respond = shop.respond
            return connect(make_connection(slug, owns=make_location(slug)), server), shop

        yield start
        close_clients()


def test_a_pms_that_hangs_takes_one_thread_and_stops_no_other(start_shop: StartShop) -> None:
    hanging, its_shop = start_shop("hanging")
    others = [start_shop(f"other-{number}") for number in range(3)]
    may_answer = threading.Event()
    its_shop.products = {str(number): product(str(number), 1, sku=f"H-{number}") for number in range(8)}
    respond = its_shop.respond

    def hang(handler: Any) -> None:
        assert may_answer.wait(WAIT_SECONDS)
        respond(handler)

    its_shop.server.respond = hang
    request(hanging, *its_shop.products, resource=Resource.PRODUCT)
    for number, (pms, shop) in enumerate(others):
        shop.products = {"1": product("1", 1, sku=f"O-{number}")}
        request(pms, "1", resource=Resource.PRODUCT)

    def wait_for_the_others() -> int:
        try:
            wait_until(lambda: not PMSRefetch.objects.exclude(connection=hanging).exists(), "the others are answered")
            # Of what is to be asked at the PMS that hangs, no other worker has taken anything.
            return len(its_shop.asked)
        finally:
            may_answer.set()

    # The first leases what is due for the longest time.
    [*done, asked] = at_once([services.ask_due_refetches] * 4 + [wait_for_the_others])

    assert asked == 1
    assert sum(done) == 8 + 3
    assert not PMSRefetch.objects.exists()


def test_of_two_answers_about_a_resource_one_is_applied(start_shop: StartShop) -> None:
    """The first worker's lease has expired while its PMS was slow, so that a second one asks too, and is faster."""
    pms, shop = start_shop("demo")
    answers = iter([product("7", 3, name="Old lamp"), product("7", 3, name="New lamp")])

    def answer_late_at_first(handler: Any) -> None:
        answer = next(answers)
        if answer["name"] == "Old lamp":
            is_asked.set()
            assert is_answered.wait(WAIT_SECONDS)
        answering(answer)(handler)

    is_asked, is_answered = threading.Event(), threading.Event()
    shop.server.respond = answer_late_at_first
    request(pms, "7", resource=Resource.PRODUCT)

    def ask_after_the_lease() -> int:
        assert is_asked.wait(WAIT_SECONDS)
        PMSRefetch.objects.update(leased_until=timezone.now())
        try:
            return services.ask_due_refetches()
        finally:
            is_answered.set()

    results = at_once([services.ask_due_refetches, ask_after_the_lease])

    assert results == [1, 1]
    assert len(shop.asked) == 2
    assert Product.objects.get().name == "New lamp"
    assert not Event.objects.filter(type="product.updated").exists()
    assert not PMSRefetch.objects.exists()


def test_a_lost_lease_does_not_end_a_later_request(start_shop: StartShop) -> None:
    """The second worker has answered it, and it was requested again: the first one's answer is older than both."""
    pms, shop = start_shop("demo")
    make_product("A-1")
    shop.put("A-1", 7, location="demo")
    request(pms, "A-1")
    [first] = refetch_leases.lease_next()
    PMSRefetch.objects.update(leased_until=timezone.now())
    [second] = refetch_leases.lease_next()

    request(pms, "A-1")
    assert refetch_leases.end_leases({first: refetch_leases.ANSWERED}) == 0
    assert refetch_leases.end_leases({second: refetch_leases.ANSWERED}) == 1

    assert PMSRefetch.objects.get().leased_until is None
    assert services.ask_due_refetches() == 1
    assert not PMSRefetch.objects.exists()


@pytest.mark.parametrize(("is_guarded", "workers"), [(True, 1), (False, 2)])
def test_the_second_look_at_the_leases_is_what_lets_one_worker_through(
    start_shop: StartShop, monkeypatch: pytest.MonkeyPatch, is_guarded: bool, workers: int
) -> None:
    """The first look may be older than its lock of the connection, and miss the lease of a worker that was faster."""
    pms, _ = start_shop("demo")
    request(pms, *(f"A-{number}" for number in range(120)))
    monkeypatch.setattr(refetch_leases, "_LOCK_CONNECTION", without_leases(refetch_leases._LOCK_CONNECTION))
    if not is_guarded:
        monkeypatch.setattr(refetch_leases, "_LEASE", without_leases(refetch_leases._LEASE))

    leased = [refetch_leases.lease_next() for _ in range(2)]

    assert len([leases for leases in leased if leases]) == workers


def without_leases(statement: str) -> str:
    """The statement as it is for a worker that sees no lease."""
    assert "leased_until > statement_timestamp()" in statement
    return statement.replace("leased_until > statement_timestamp()", "false")


def test_of_many_workers_one_asks_a_connection(start_shop: StartShop) -> None:
    pms, _ = start_shop("demo")
    request(pms, *(f"A-{number}" for number in range(120)))

    results = at_once([refetch_leases.lease_next] * 6)

    assert sorted(len(leases) for leases in results if isinstance(leases, list)) == [0, 0, 0, 0, 0, 50]


def test_a_webhook_that_requests_what_is_being_recorded_is_no_deadlock(start_shop: StartShop) -> None:
    """Both lock the product of the PMS before the refetch: the other way round this would be a deadlock."""
    pms, shop = start_shop("demo")
    apply(pms, "product.created", product("7", 1))
    shop.products = {"7": product("7", 2, name="Second lamp")}
    request(pms, "7", resource=Resource.PRODUCT)
    has_locked = threading.Event()

    def webhook() -> None:
        with transaction.atomic():
            PMSProduct.objects.select_for_update(no_key=True).get()
            has_locked.set()
            wait_until(is_recording, "the answer is being recorded")
            request(pms, "7", resource=Resource.PRODUCT)

    def ask() -> int:
        assert has_locked.wait(WAIT_SECONDS)
        return services.ask_due_refetches()

    before = retried_transactions()
    results = at_once([webhook, ask])

    assert results == [None, 2]
    assert retried_transactions() == before
    assert Event.objects.filter(type="product.updated").count() == 1
    assert not PMSRefetch.objects.exists()


def retried_transactions() -> float:
    return REGISTRY.get_sample_value("pms_transaction_retries_total") or 0.0


def is_recording() -> bool:
    """Whether a worker waits for the lock of the product."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])
