"""A simulated PMS that is called, which owns the stock of `annex`; that of `outlet` is ours."""

import pytest

from inventory.services import count_stock
from pms_backend.events.services import relay_pending
from pms_integration import services
from pms_integration.models import PMSConnection
from tests.factories import make_connection, make_location, make_product
from tests.pms_integration.outgoing.calling import connect_simulator
from tests.pms_integration.simulator.calling import SimulatorHere, product

LOCATIONS = {"annex": "W1", "outlet": "W2"}


@pytest.fixture
def pms(simulator: SimulatorHere) -> PMSConnection:
    """The connection: both sides have 10 of A-1 and B-1 at both places."""
    connection = make_connection()
    for code, name in LOCATIONS.items():
        owns = code == "annex"
        services.map_location(connection=connection, location=make_location(code), external_id=name, owns_stock=owns)
    connect_simulator(connection, simulator)
    for sku in ("A-1", "B-1"):
        make_product(sku)
        simulator.control("products", product(sku), 201)
        for name in LOCATIONS.values():
            simulator.control("stock/count", {"sku": sku, "location": name, "on_hand": 10})
    services.start_sync(slug="demo", mode="full", resources=["stock"])
    services.run_syncs()
    for sku in ("A-1", "B-1"):
        count_stock(sku=sku, location="outlet", on_hand=10)
    relay_pending()
    connection.refresh_from_db()
    return connection
