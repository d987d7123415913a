"""A simulated PMS whose products both sides own."""

from collections.abc import Iterator

import pytest

from pms_integration.models import PMSConnection
from pms_integration.services.pms_client import close_clients
from tests.pms_integration.product_pushes.running import connect
from tests.pms_integration.simulator.calling import SimulatorHere


@pytest.fixture
def simulator(allowed: None) -> Iterator[SimulatorHere]:
    running = SimulatorHere()
    yield running
    close_clients()
    running.close()


@pytest.fixture
def pms(simulator: SimulatorHere) -> PMSConnection:
    return connect(simulator)
