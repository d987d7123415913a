"""A PMS that is asked, which owns the stock of a location."""

from collections.abc import Iterator

import pytest

from pms_integration.models import PMSConnection
from tests.factories import make_connection, make_location
from tests.outbound.servers import LocalServer
from tests.pms_integration.outgoing.calling import connect
from tests.pms_integration.outgoing.conftest import server
from tests.pms_integration.refetches.asking import Shop

__all__ = ["server"]


@pytest.fixture
def shop(server: LocalServer) -> Shop:
    """What the PMS has."""
    shop = Shop(server)
    server.respond = shop.respond
    return shop


@pytest.fixture
def pms(shop: Shop, server: LocalServer, db: None) -> Iterator[PMSConnection]:
    """A connection to it."""
    return connect(make_connection(owns=make_location("main")), server)
