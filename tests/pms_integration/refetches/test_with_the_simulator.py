"""What the simulated PMS only hints at is asked for: once, however often it was requested."""

from collections.abc import Iterator

import pytest

from inventory.models import StockLevel
from pms_integration import services
from pms_integration.connectors.contract import Resource
from pms_integration.models import PMSConnection, PMSRefetch
from pms_integration.services.pms_client import close_clients
from products.models import Product
from tests.factories import make_connection, make_location
from tests.pms_integration.outgoing.calling import connect_simulator
from tests.pms_integration.refetches.asking import make_due, request
from tests.pms_integration.simulator.calling import SimulatorHere

pytestmark = pytest.mark.django_db


@pytest.fixture
def simulator(allowed: None) -> Iterator[SimulatorHere]:
    running = SimulatorHere(products=30)
    yield running
    close_clients()
    running.close()


@pytest.fixture
def pms(simulator: SimulatorHere) -> PMSConnection:
    connection = connect_simulator(make_connection(), simulator)
    for code in ("W1", "W2"):
        location = make_location(code)
        services.map_location(connection=connection, location=location, external_id=code, owns_stock=True)
    return connection


def test_a_thousand_requests_are_one_call(pms: PMSConnection, simulator: SimulatorHere) -> None:
    asked = simulator.state()["products"][0]
    for _ in range(1_000):
        request(pms, asked["id"], resource=Resource.PRODUCT)

    assert services.ask_due_refetches() == 1

    assert simulator.counters()["requests"] == 1
    assert not PMSRefetch.objects.exists()
    assert Product.objects.get().name == asked["name"]


def test_all_products_and_figures_are_asked_for_with_a_pms_that_fails(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    state = simulator.state()
    levels = {(row["sku"], row["location"]): row["on_hand"] for row in state["stock"]}
    simulator.set_faults({"500": 0.2, "half_answer": 0.1, "wrong_json": 0.1}, seed="1")
    request(pms, *(one["id"] for one in state["products"]), resource=Resource.PRODUCT)
    request(pms, *{sku for sku, _ in levels})

    while PMSRefetch.objects.exists():
        services.ask_due_refetches()
        PMSConnection.objects.update(circuit="closed", failures=0, next_try_at=None)
        make_due()

    assert Product.objects.count() == 30
    found = StockLevel.objects.values_list("variant__sku", "location__code", "on_hand")
    assert {(sku, code): on_hand for sku, code, on_hand in found} == levels
