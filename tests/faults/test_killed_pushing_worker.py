"""A worker killed after a PMS has acted, or while it records the answer: the same key again, and it is made once."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from pms_backend.events.services import relay_pending
from pms_integration import services
from pms_integration.models import PMSConnection, PMSProduct, PMSProductPush
from pms_integration.services.pms_client import close_clients
from products.models import Product
from tests.factories import make_connection, make_product
from tests.faults.celery_processes import worker_and_beat
from tests.pms_integration.product_pushes.running import SHARED, edit, link, own
from tests.pms_integration.simulator.calling import TOKEN, SimulatorHere
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

LONG_SECONDS = 12


@pytest.fixture
def simulator() -> Iterator[SimulatorHere]:
    running = SimulatorHere()
    yield running
    close_clients()
    running.close()


@pytest.fixture
def pms(simulator: SimulatorHere, settings: Any, monkeypatch: pytest.MonkeyPatch) -> PMSConnection:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    monkeypatch.setenv("OUTBOUND_ALLOW", "127.0.0.1")
    url = services.check_base_url(f"http://127.0.0.1:{urlsplit(simulator.running.url).port}")
    pms = services.set_outgoing(connection_id=make_connection().pk, base_url=url, credentials={"token": TOKEN})
    return own(pms, **SHARED)


def new(pms: PMSConnection, simulator: SimulatorHere) -> Product:
    """A product that is to be made there."""
    lamp = make_product(name="Ours")
    services.publish_products(product_ids=[lamp.pk])
    return lamp


def changed(pms: PMSConnection, simulator: SimulatorHere) -> Product:
    """A product that was edited here."""
    lamp, _ = link(pms, simulator)
    edit(lamp, name="Ours")
    relay_pending()
    return lamp


def is_waiting_for_a_lock() -> bool:
    with database.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


@contextmanager
def recording_is_held() -> Iterator[None]:
    """Nothing can be recorded about a product of the PMS."""
    with transaction.atomic():
        list(PMSProduct.objects.select_for_update())
        yield


@pytest.mark.parametrize(
    ("make", "version", "is_recording"),
    [
        pytest.param(new, 1, False, marks=pytest.mark.slow),
        (changed, 2, True),
        pytest.param(new, 1, True, marks=pytest.mark.slow),
        pytest.param(changed, 2, False, marks=pytest.mark.slow),
    ],
)
def test_it_is_made_once(
    pms: PMSConnection,
    simulator: SimulatorHere,
    tmp_path: Path,
    make: Callable[[PMSConnection, SimulatorHere], Product],
    version: int,
    is_recording: bool,
) -> None:
    lamp = make(pms, simulator)
    method = "POST" if version == 1 else "PUT"
    if not is_recording:
        simulator.set_faults({"timeout_after": 1, "timeout_seconds": LONG_SECONDS}, only=method, times=1)

    def has_acted() -> bool:
        return [one["name"] for one in simulator.state()["products"]] == ["Ours"]

    def is_sent() -> bool:
        return PMSProductPush.objects.filter(idempotency_key__isnull=False).exists()

    with worker_and_beat(tmp_path, "pms") as worker:
        with ExitStack() as held:
            # The PMS acts when it is let.
            with simulator.running.simulation.transaction():
                wait_until(is_sent, "it is sent")
                if is_recording:
                    held.enter_context(recording_is_held())
            wait_until(has_acted, "the PMS has acted")
            if is_recording:
                wait_until(is_waiting_for_a_lock, "the worker records the answer")
            worker.kill()
        pending = PMSProductPush.objects.get()
        key = pending.idempotency_key
        assert (pending.attempts, pending.leased_until > timezone.now()) == (1, True)
        PMSProductPush.objects.update(leased_until=timezone.now())
        worker.start()
        wait_until(lambda: not PMSProductPush.objects.exists(), "it is sent again")

    (made,) = simulator.state()["products"]
    assert (made["name"], made["version"], key is not None) == ("Ours", version, True)
    assert simulator.counters()["products.repeated"] == 1
    row = PMSProduct.objects.with_state().get(product=lamp)
    assert (row.state, row.external_id, row.version, row.conflict) == ("in_sync", made["id"], version, {})
