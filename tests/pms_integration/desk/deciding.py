"""Products that staff have to decide about."""

from typing import Any

from pms_integration.models import PMSConnection, PMSProduct
from products.models import Product
from tests.factories import make_product
from tests.pms_integration.simulator.calling import SimulatorHere, product
from tests.pms_integration.sync.running import sync


def in_conflict(pms: PMSConnection, simulator: SimulatorHere, **theirs: Any) -> PMSProduct:
    """A lamp, of which both sides have another name, another price and another cost."""
    ours = make_product("A-1", name="Our lamp", price="12.00", cost="4711.37", status="active", currency="EUR")
    variant = {"sku": "A-1", "price": "13.50", "cost": "4712.37", "currency": "EUR"}
    given = {"name": "Their lamp", "status": "active", "variants": [variant], **theirs}
    simulator.control("products", product("A-1", **given), 201)
    sync(pms, resources=["products"])
    row = PMSProduct.objects.get(product=ours)
    assert {"content", "price"} <= set(row.conflict)
    return row


def ambiguous(pms: PMSConnection, simulator: SimulatorHere) -> tuple[PMSProduct, Product, Product]:
    """A product of the PMS with SKUs of two of ours."""
    first, second = make_product("B-1", name="First chair"), make_product("B-2", name="Second chair")
    variants = [{"sku": sku, "price": "10.00", "options": {"Size": sku}} for sku in ("B-1", "B-2")]
    theirs = product("B-1", name="Chair", options=[{"name": "Size", "values": ["B-1", "B-2"]}], variants=variants)
    simulator.control("products", theirs, 201)
    sync(pms, resources=["products"])
    return PMSProduct.objects.exclude(match_problem="").get(), first, second
