"""Loading the sample data: all of the catalogue or nothing of it, and credentials in any case."""

from dataclasses import dataclass
from typing import Any, Final

from pms_backend.api import context
from pms_backend.api.transactions import retried_atomic
from pms_backend.operations.sample_data.categories import create_categories
from pms_backend.operations.sample_data.connection import demo_connection, map_locations
from pms_backend.operations.sample_data.credentials import renew_credentials
from pms_backend.operations.sample_data.departments import FAMILIES
from pms_backend.operations.sample_data.families import product_inputs
from pms_backend.operations.sample_data.stock import count_opening_stock, create_locations, set_reorder_points
from products import services as products
from products.models import Product, Variant
from products.skus import sku_key

REQUEST_ID: Final = "load_sample_data"
ADMIN: Final = "admin"
# Where the catalogue is somebody's own, an `admin` is somebody too, whose password is not ours to change.
ADMIN_BESIDE_OTHERS: Final = "quickstart"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a run came to: a line for people, and credentials for programs."""

    report: str
    credentials: dict[str, Any]


def load() -> Loaded:
    """Fills an empty catalogue, and renews the credentials.

    The sample data are for a database without products. One that holds products already keeps its catalogue, its
    locations and its stock as they are; it gets the connection `demo` where there is none, which owns nothing there.
    """
    with context.bind(request_id=REQUEST_ID):
        inputs = product_inputs(FAMILIES)
        if not Product.objects.exists():
            report, username = _fill(inputs), ADMIN
        elif Variant.objects.filter(sku_key=sku_key(inputs[0]["variants"][0]["sku"])).exists():
            report, username = "The sample catalogue is here already.", ADMIN
        else:
            report, username = "There are products already: the catalogue is left as it is.", ADMIN_BESIDE_OTHERS
        # Last of all: whoever reads the credentials finds everything there.
        return Loaded(report, renew_credentials(username=username, connection=demo_connection()))


@retried_atomic
def _fill(inputs: list[dict[str, Any]]) -> str:
    create_categories()
    products.upsert_products(rows=list(enumerate(inputs)), atomic=True)
    map_locations(demo_connection(), create_locations())
    figures = count_opening_stock(inputs)
    set_reorder_points(inputs)
    variants = sum(len(product["variants"]) for product in inputs)
    return f"Loaded {len(inputs)} products in {variants} variants, with {figures} figures of stock."
