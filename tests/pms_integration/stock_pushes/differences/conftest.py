"""Two systems that agree on the stock of a SKU at two locations: the PMS owns the first one, we own the second one."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from pms_integration import services
from pms_integration.connectors import CONNECTORS
from pms_integration.models import PMSConnection
from tests.factories import make_connection, make_location, make_product
from tests.pms_integration.stock_pushes.two_systems import PLACES, OtherSide, Pair


@pytest.fixture
def both(transactional_db: None) -> Iterator[Pair]:
    """Both, after the first sync run: 50 units at each location."""
    other = OtherSide("A-1", opening=50)
    make_product(other.sku)
    pms = make_connection("shop")
    for place in PLACES:
        location = make_location(f"{place}-shop")
        services.map_location(connection=pms, location=location, external_id=place, owns_stock=place == "annex")
    PMSConnection.objects.filter(pk=pms.pk).update(base_url="http://pms.example")
    pms.refresh_from_db()
    with patch.dict(CONNECTORS, {"standard": other}):
        pair = Pair(pms, other)
        pair.begin()
        yield pair
