"""Subscribers on this machine, which the guard lets through."""

from collections.abc import Iterator

import pytest

from tests.outbound.servers import LocalServer, Names, saying, serving
from webhooks.services.posters import close_posters


@pytest.fixture(autouse=True)
def allowed(settings) -> Iterator[None]:
    """Lets deliveries reach 127.0.0.1."""
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    yield
    close_posters()


@pytest.fixture
def subscriber() -> Iterator[LocalServer]:
    """A subscriber that answers 200."""
    with serving(saying(b"thanks"), keep_alive=True) as server:
        yield server


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """A DNS that knows only names set by the test."""
    return Names(monkeypatch)
