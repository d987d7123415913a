"""Fixtures of the tests of outgoing calls."""

import pytest

from tests.outbound.servers import Names


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """A DNS that knows only names set by the test."""
    return Names(monkeypatch)
