"""A simulated PMS whose products both sides own."""

import pytest

from pms_integration.models import PMSConnection
from tests.pms_integration.product_pushes.running import connect
from tests.pms_integration.simulator.calling import SimulatorHere


@pytest.fixture
def pms(simulator: SimulatorHere) -> PMSConnection:
    return connect(simulator)
