"""Two systems at rest tell each other nothing, however often the sweeps come."""

import time
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal

import pytest

from inventory.services import adjust_stock
from pms_backend.events.services import relay_pending
from pms_integration import services
from pms_integration.models import PMSConnection, PMSProductPush, PMSStockPush
from products import services as products
from products.models import Product, Variant
from tests.factories import make_location
from tests.pms_integration.product_pushes.running import connect, edit, edit_there, make_due
from tests.pms_integration.reports import receive
from tests.pms_integration.simulator.calling import SimulatorHere
from tests.pms_integration.simulator.receiving import SECRET, Receiver
from tests.pms_integration.sync.running import sync

pytestmark = pytest.mark.django_db(transaction=True)

PRODUCTS = 20
SWEEPS = 3


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with closing(Receiver()) as receiver:
        yield receiver


@pytest.fixture
def simulator(allowed: None, receiver: Receiver) -> Iterator[SimulatorHere]:
    with closing(SimulatorHere(products=PRODUCTS)) as running:
        running.control("webhooks", {"url": receiver.url, "secret": SECRET})
        yield running


@pytest.fixture
def pms(simulator: SimulatorHere) -> PMSConnection:
    """Both own the content, we own prices, and each the stock of one location."""
    pms = connect(simulator, content="shared", price="local")
    for code, is_theirs in (("W1", True), ("W2", False)):
        services.map_location(connection=pms, location=make_location(code), external_id=code, owns_stock=is_theirs)
    sync(pms)
    return pms


def sweep(pms: PMSConnection, receiver: Receiver) -> None:
    """All that the workers do by themselves, and what a person may do to be sure."""
    while receiver.messages:
        message = receiver.messages.pop(0)
        receive(pms, message["type"], message["data"])
    services.apply_due_events()
    services.ask_due_refetches()
    relay_pending()
    make_due()
    services.push_due_products()
    services.push_due_stock()
    sync(pms, "incremental")
    services.look_for_drift()
    services.run_syncs()


def told(simulator: SimulatorHere) -> dict[str, int]:
    """How often the PMS was written to, by what came of it; and each version of a product."""
    state, counters = simulator.state(), simulator.counters()
    written = {name: count for name, count in counters.items() if name.startswith(("adjustments.", "products.rep"))}
    return written | {one["id"]: one["version"] for one in state["products"]} | {"movements": len(state["movements"])}


@pytest.mark.parametrize("seconds", [3, pytest.param(600, marks=pytest.mark.slow)])
def test_nothing_is_sent_at_rest(
    pms: PMSConnection, simulator: SimulatorHere, receiver: Receiver, seconds: float
) -> None:
    for index, product in enumerate(Product.objects.order_by("pk")[:6]):
        edit(product, name=f"Ours {index}")
    for index, link in enumerate(pms.products.order_by("pk")[4:10]):
        edit_there(simulator, str(link.external_id), brand=f"Theirs {index}")
    for variant in Variant.objects.order_by("pk")[:4]:
        products.update_variant(variant_id=variant.pk, data={"price": Decimal("77.00")})
        adjust_stock(sku=variant.sku, location="W1", delta=3, reason="receipt")
    for _ in range(SWEEPS):
        sweep(pms, receiver)
    assert not PMSProductPush.objects.exists()
    assert not PMSStockPush.objects.filter(status="pending").exists()
    states = set(pms.products.with_state().values_list("state", flat=True))
    assert (states, pms.products.count()) == ({"in_sync"}, PRODUCTS)
    before, sweeps, end = told(simulator), 0, time.monotonic() + seconds

    while sweeps < SWEEPS or time.monotonic() < end:
        sweep(pms, receiver)
        sweeps += 1

    assert told(simulator) == before
    run = sync(pms)
    assert list(run.differences.exclude(action="none").values_list("field", "action")) == []
