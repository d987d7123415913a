"""Pushes products in this process, to a simulated PMS."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from django.utils import timezone

from pms_backend.events.services import relay_pending
from pms_integration import services
from pms_integration.models import PMSConnection, PMSProduct, PMSProductPush, SyncRun
from pms_integration.services.pms_client import close_clients
from products import services as products
from products.models import Product
from tests.factories import make_connection
from tests.pms_integration.outgoing.calling import connect_simulator
from tests.pms_integration.simulator.calling import SimulatorHere, product
from tests.pms_integration.sync.running import sync

SHARED = {"content": "shared", "price": "shared", "publication": "shared"}


def connect(simulator: SimulatorHere, slug: str = "demo", **owners: str) -> PMSConnection:
    """A connection to the simulator; both sides own what is not named."""
    pms = connect_simulator(make_connection(slug), simulator)
    return own(pms, **{**SHARED, **owners})


@contextmanager
def another_simulator() -> Iterator[SimulatorHere]:
    """A second PMS."""
    with closing(SimulatorHere()) as running:
        yield running
        close_clients()


def own(pms: PMSConnection, **owners: str) -> PMSConnection:
    """Changes who owns groups of fields."""
    return services.update_connection(slug=pms.slug, values={"ownership": owners})


def link(pms: PMSConnection, simulator: SimulatorHere, sku: str = "A-1", **members: Any) -> tuple[Product, str]:
    """A product that both sides have, and its id there."""
    members.setdefault("status", "draft")
    made = simulator.control("products", product(sku, **members), 201)
    assert sync(pms, resources=["products"]).status == "finished"
    return Product.objects.get(variants__sku=sku), made["id"]


def note_full_run(pms: PMSConnection) -> None:
    """A full run has shown what the PMS has."""
    SyncRun.objects.create(
        connection=pms, mode="full", resources=["products"], status="finished", finished_at=timezone.now()
    )


def edit(product: Product, **data: Any) -> None:
    products.update_product(product_id=product.pk, data=data)


def edit_there(simulator: SimulatorHere, number: str, **members: Any) -> dict[str, Any]:
    """The PMS changes members, and tells nobody; returns the product."""
    edited: dict[str, Any] = simulator.control(f"products/{number}?silent=1", members, method="PATCH")
    return edited


def make_due() -> None:
    """What waits because of a failure is due; the circuit is closed."""
    PMSProductPush.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
    PMSConnection.objects.update(circuit="closed", failures=0, next_try_at=None)


def push() -> None:
    """What has changed is sent, whatever it waits for."""
    relay_pending()
    make_due()
    services.push_due_products()


def there(simulator: SimulatorHere, number: str) -> dict[str, Any]:
    """The product that the PMS has."""
    found: dict[str, Any] = simulator.get(f"/products/{number}")
    return found


def row_of(product: Product) -> PMSProduct:
    """The link of a product to its only PMS, with its state."""
    return PMSProduct.objects.with_state().get(product=product)


def writes(simulator: SimulatorHere) -> int:
    """How often the PMS has stored a product, or answered a repeated request."""
    state, counters = simulator.state(), simulator.counters()
    return sum(one["version"] for one in state["products"]) + counters.get("products.repeated", 0)
