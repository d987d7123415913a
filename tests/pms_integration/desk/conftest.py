"""A connection to a simulated PMS, with which both sides may change what they own together."""

import pytest

from pms_integration.models import PMSConnection
from tests.pms_integration.product_pushes.running import connect
from tests.pms_integration.simulator.calling import SimulatorHere


@pytest.fixture
def pms(simulator: SimulatorHere) -> PMSConnection:
    """A connection all of whose groups are shared."""
    return connect(simulator)
