"""A connection to a simulated PMS in this process, which owns the stock of `main` under the name W1."""

import pytest

from pms_integration.models import PMSConnection
from tests.pms_integration.simulator.calling import SimulatorHere
from tests.pms_integration.sync.running import connect


@pytest.fixture
def pms(simulator: SimulatorHere) -> PMSConnection:
    return connect(simulator)
