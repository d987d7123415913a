"""Callers of the catalogue."""

from pathlib import Path
from typing import Any

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


@pytest.fixture(autouse=True)
def media_root(settings: Any, tmp_path: Path) -> Path:
    """Files of this test alone."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"
