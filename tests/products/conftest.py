"""Callers of the catalogue."""

import pytest

from tests.conftest import ClientWith, JSONClient


@pytest.fixture
def editor(client_with: ClientWith) -> JSONClient:
    """May read and write products."""
    return client_with(["products:read", "products:write"])


@pytest.fixture
def reader(client_with: ClientWith) -> JSONClient:
    """May read products."""
    return client_with(["products:read"])


@pytest.fixture
def storefront(client_with: ClientWith) -> JSONClient:
    """A shop's public pages."""
    return client_with(["products:read"], tier="storefront")
