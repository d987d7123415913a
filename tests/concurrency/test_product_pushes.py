"""Several workers push products, while webhooks about them are applied and people edit them."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils import timezone
from prometheus_client import REGISTRY

from pms_backend.events.services import relay_pending
from pms_integration import services
from pms_integration.connectors import CONNECTORS
from pms_integration.connectors.contract import Report
from pms_integration.connectors.outgoing import PMSClient, ProductPush
from pms_integration.connectors.standard import StandardConnector
from pms_integration.models import PMSProduct, PMSProductPush
from pms_integration.services import product_reports, product_writing
from pms_integration.services.pms_client import close_clients
from products import services as products
from products.models import Product
from tests.concurrency.threads import at_once
from tests.factories import make_product
from tests.pms_integration.conftest import allowed
from tests.pms_integration.product_pushes.running import connect, edit_there, link, push, row_of, there
from tests.pms_integration.reports import apply
from tests.pms_integration.simulator.calling import SimulatorHere
from tests.waiting import wait_until

__all__ = ["allowed"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

WAIT_SECONDS = 60


@pytest.fixture
def simulators(allowed: None) -> Iterator[list[SimulatorHere]]:
    """Two simulated PMSs."""
    with ExitStack() as stack:
        running = [SimulatorHere(), SimulatorHere()]
        for one in running:
            stack.callback(one.close)
        yield running
        close_clients()


@pytest.fixture
def simulator(simulators: list[SimulatorHere]) -> SimulatorHere:
    return simulators[0]


class Watched(StandardConnector):
    """Counts how many calls of a PMS run at a time; those of the PMS `hangs` wait until they may go on."""

    def __init__(self, hangs: str = "") -> None:
        self.hangs, self.may_go_on = hangs, threading.Event()
        self.lock, self.running, self.most = threading.Lock(), dict[str, int](), dict[str, int]()
        self.is_called = threading.Event()

    def push_product(self, client: PMSClient, push: ProductPush) -> Report:
        base: str = client._client.base_url  # type: ignore[attr-defined]
        with self.lock:
            self.running[base] = self.running.get(base, 0) + 1
            self.most[base] = max(self.most.get(base, 0), self.running[base])
        self.is_called.set()
        try:
            if base == self.hangs:
                assert self.may_go_on.wait(WAIT_SECONDS)
            return super().push_product(client, push)
        finally:
            with self.lock:
                self.running[base] -= 1


def is_waiting_for_a_lock() -> bool:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def retried_transactions() -> float:
    return REGISTRY.get_sample_value("pms_transaction_retries_total") or 0.0


def test_each_product_is_made_once_by_many_workers_and_a_pms_has_one_call_at_a_time(
    simulators: list[SimulatorHere], monkeypatch: pytest.MonkeyPatch
) -> None:
    for slug, simulator in zip(("one", "two"), simulators, strict=True):
        connect(simulator, slug)
    ids = [make_product(f"A-{number}").pk for number in range(12)]
    services.publish_products(product_ids=ids)
    watched = Watched()
    monkeypatch.setitem(CONNECTORS, "standard", watched)

    results = at_once([services.push_due_products] * 4)
    # A worker that found all connections busy has ended; what is left is due.
    results += [services.push_due_products()]

    assert sum(done for done in results if isinstance(done, int)) == 24
    assert set(watched.most.values()) == {1}
    for simulator in simulators:
        made = simulator.state()["products"]
        assert (len(made), {one["version"] for one in made}) == (12, {1})
        assert simulator.counters().get("products.repeated", 0) == 0
    assert not PMSProductPush.objects.exists()


def test_a_pms_that_hangs_takes_one_thread_and_stops_no_other(
    simulators: list[SimulatorHere], monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging, other = (connect(one, slug) for slug, one in zip(("hanging", "other"), simulators, strict=True))
    watched = Watched(hangs=str(hanging.base_url))
    monkeypatch.setitem(CONNECTORS, "standard", watched)
    ids = [make_product(f"A-{number}").pk for number in range(4)]
    services.publish_products(product_ids=ids)

    def wait_for_the_other() -> None:
        try:
            waiting = PMSProductPush.objects.filter(pms_product__connection=other)
            wait_until(lambda: not waiting.exists(), "the other has all")
        finally:
            watched.may_go_on.set()

    results = at_once([*[services.push_due_products] * 3, wait_for_the_other])

    assert not [result for result in results if isinstance(result, Exception)]
    assert watched.most == {str(hanging.base_url): 1, str(other.base_url): 1}
    push()
    assert [len(one.state()["products"]) for one in simulators] == [4, 4]


def test_an_answer_that_comes_after_the_lease_changes_nothing(
    simulator: SimulatorHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first worker's lease has expired while its PMS was slow: a second one has the answer to the same key."""
    connect(simulator)
    lamp = make_product()
    services.publish_products(product_ids=[lamp.pk])
    is_called, is_done = threading.Event(), threading.Event()

    class SlowAtFirst(StandardConnector):
        def push_product(self, client: PMSClient, push: ProductPush) -> Report:
            answer = super().push_product(client, push)
            if not is_called.is_set():
                is_called.set()
                assert is_done.wait(WAIT_SECONDS)
            return answer

    def push_after_the_lease() -> int:
        assert is_called.wait(WAIT_SECONDS)
        PMSProductPush.objects.update(leased_until=timezone.now())
        try:
            return services.push_due_products()
        finally:
            products.update_product(product_id=lamp.pk, data={"name": "Ours"})
            is_done.set()

    monkeypatch.setitem(CONNECTORS, "standard", SlowAtFirst())

    results = at_once([services.push_due_products, push_after_the_lease])

    assert results == [1, 1]
    assert (simulator.counters()["products.repeated"], row_of(lamp).agreed["name"]) == (1, ["Lamp", "Lamp"])
    push()
    (made,) = simulator.state()["products"]
    assert (made["name"], made["version"], row_of(lamp).state) == ("Ours", 2, "in_sync")


def test_a_webhook_about_a_new_product_while_the_answer_is_recorded_is_no_deadlock(
    simulator: SimulatorHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both would lock what waits to be made, and the product of the PMS: in one order."""
    pms = connect(simulator)
    lamp = make_product()
    services.publish_products(product_ids=[lamp.pk])
    is_answered, has_locked = threading.Event(), threading.Event()

    class Slow(StandardConnector):
        def push_product(self, client: PMSClient, push: ProductPush) -> Report:
            answer = super().push_product(client, push)
            is_answered.set()
            assert has_locked.wait(WAIT_SECONDS)
            return answer

    monkeypatch.setitem(CONNECTORS, "standard", Slow())
    locked_rows = product_reports.lock_external_products

    def webhook() -> None:
        assert is_answered.wait(WAIT_SECONDS)
        (made,) = simulator.state()["products"]
        apply(pms, "product.created", made)

    def lock_and_wait(*arguments: Any) -> Any:
        found = locked_rows(*arguments)
        if not has_locked.is_set():
            has_locked.set()
            wait_until(is_waiting_for_a_lock, "the answer is being recorded")
        return found

    monkeypatch.setattr(product_reports, "lock_external_products", lock_and_wait)
    before = retried_transactions()

    results = at_once([webhook, services.push_due_products])

    assert results == [None, 1]
    assert retried_transactions() == before
    row = row_of(lamp)
    assert (row.state, PMSProduct.objects.count(), len(simulator.state()["products"])) == ("in_sync", 1, 1)


@pytest.mark.parametrize("is_guarded", [True, False])
def test_an_edit_while_a_report_is_applied_is_not_lost(
    simulator: SimulatorHere, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:
    """A report reads our values after it has locked the product: read before, the edit would be taken for none."""
    pms = connect(simulator)
    lamp, number = link(pms, simulator)
    edited = edit_there(simulator, number, name="Theirs")
    has_edited = threading.Event()
    if not is_guarded:
        monkeypatch.setattr(product_writing, "Product", SimpleNamespace(objects=Product.objects.none()))

    def edit_here() -> None:
        with transaction.atomic():
            products.update_product(product_id=lamp.pk, data={"name": "Ours"})
            has_edited.set()
            wait_until(is_waiting_for_a_lock, "the report waits for the product")

    def webhook() -> None:
        assert has_edited.wait(WAIT_SECONDS)
        apply(pms, "product.updated", edited)

    results = at_once([edit_here, webhook])

    assert results == [None, None]
    lamp.refresh_from_db()
    if is_guarded:
        assert (lamp.name, row_of(lamp).state) == ("Ours", "conflict")
        relay_pending()
        push()
        assert there(simulator, number)["name"] == "Theirs"
    else:
        assert (lamp.name, row_of(lamp).state) == ("Theirs", "in_sync")
