"""A PMS that is called: a real HTTP server, and a connection that knows its address."""

from collections.abc import Iterator

import pytest

from pms_integration.models import PMSConnection
from pms_integration.services.pms_client import close_clients
from tests.factories import make_connection
from tests.outbound.servers import LocalServer, serving
from tests.pms_integration.outgoing.calling import TOKEN, answering, connect
from tests.pms_integration.simulator.calling import SimulatorHere


@pytest.fixture
def server(allowed: None) -> Iterator[LocalServer]:
    """A server that answers everything with its name."""
    with serving(answering({"name": "Shop"}), keep_alive=True) as running:
        yield running
        close_clients()


@pytest.fixture
def simulator(allowed: None) -> Iterator[SimulatorHere]:
    """A simulated PMS with a catalogue."""
    running = SimulatorHere(products=250)
    yield running
    close_clients()
    running.close()


@pytest.fixture
def pms(server: LocalServer, db: None) -> PMSConnection:
    """A connection to it."""
    return connect(make_connection(), server, token=TOKEN)
