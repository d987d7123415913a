"""Calls of PMSs that are on this machine."""

import pytest

from tests.outbound.servers import Names


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch, settings) -> None:
    """Calls of pms.example, which is this machine."""
    Names(monkeypatch).set("pms.example", ["127.0.0.1"])
    settings.OUTBOUND_ALLOW = ["pms.example"]
