"""A connection to a simulated PMS in this process, which owns the stock of `main` under the name W1."""

from collections.abc import Iterator

import pytest

from pms_integration.models import PMSConnection
from pms_integration.services.pms_client import close_clients
from tests.pms_integration.simulator.calling import SimulatorHere
from tests.pms_integration.sync.running import connect


@pytest.fixture
def simulator(allowed: None) -> Iterator[SimulatorHere]:
    running = SimulatorHere()
    yield running
    close_clients()
    running.close()


@pytest.fixture
def pms(simulator: SimulatorHere) -> PMSConnection:
    return connect(simulator)
