"""What the tests of our outgoing calls have in common."""

import pytest

from tests.outbound.servers import Names


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """A DNS for the test; it knows nobody but whom it is told of."""
    return Names(monkeypatch)
