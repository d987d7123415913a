"""A connection to a simulated PMS, with which both sides may change what they own together."""

from collections.abc import Iterator

import pytest

from pms_integration import services
from pms_integration.models import PMSConnection
from pms_integration.services.pms_client import close_clients
from tests.factories import make_connection
from tests.pms_integration.outgoing.calling import connect_simulator
from tests.pms_integration.simulator.calling import SimulatorHere


@pytest.fixture
def simulator(allowed: None) -> Iterator[SimulatorHere]:
    running = SimulatorHere()
    yield running
    close_clients()
    running.close()


@pytest.fixture
def pms(simulator: SimulatorHere) -> PMSConnection:
    """A connection all of whose groups are shared."""
    connect_simulator(make_connection(), simulator)
    ownership = dict.fromkeys(("content", "price", "publication"), "shared")
    return services.update_connection(slug="demo", values={"ownership": ownership})
