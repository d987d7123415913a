"""PMSs that are on this machine, and may be called."""

from collections.abc import Iterator

import pytest

from pms_integration.services.pms_client import close_clients
from tests.outbound.servers import Names
from tests.pms_integration.simulator.calling import SimulatorHere


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch, settings) -> None:
    """Calls of pms.example, which is this machine."""
    Names(monkeypatch).set("pms.example", ["127.0.0.1"])
    settings.OUTBOUND_ALLOW = ["pms.example"]


@pytest.fixture
def simulator(allowed: None) -> Iterator[SimulatorHere]:
    """A simulated PMS in this process."""
    running = SimulatorHere()
    yield running
    close_clients()
    running.close()
