"""Two systems that agree on the stock of a SKU at two locations: the PMS owns the first one, we own the second one."""

from collections.abc import Iterator

import pytest

from tests.pms_integration.stock_pushes.two_systems import Pair, pair


@pytest.fixture
def both(transactional_db: None) -> Iterator[Pair]:
    """Both, after the first sync run: 50 units at each location."""
    with pair("shop", sku="A-1") as systems:
        yield systems
