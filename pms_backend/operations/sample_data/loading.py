"""Loads the sample data: the whole catalogue with its stock or nothing, and new credentials in any case."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from inventory import services as inventory
from pms_backend.access import services as access
from pms_backend.access.models import INTERNAL_TIER, ApiClient
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.api import context
from pms_backend.api.bulk import require_all, validate_rows
from pms_backend.api.parsers import load_json
from pms_backend.api.transactions import retried_atomic
from pms_backend.operations import services
from pms_integration import services as pms
from pms_integration.models import PMSConnection
from products import services as products
from products.models import Category, Product, Variant
from products.serializers import ProductInputSerializer
from products.skus import sku_key

FOLDER: Final = Path(__file__).parent
REQUEST_ID: Final = "load_sample_data"
STOCK_NOTE: Final = "Opening stock"
CONNECTION: Final = "demo"
API_CLIENT: Final = "quickstart"
ADMIN: Final = "admin"
# In a database with products of its own, `admin` may be a real person, who keeps the password.
ADMIN_BESIDE_OTHERS: Final = "quickstart"
PASSWORD_BYTES: Final = 15


@dataclass(frozen=True, slots=True)
class Loaded:
    """The result of a run: one line for people, and credentials for programs."""

    report: str
    credentials: dict[str, Any]


def load() -> Loaded:
    """Fills an empty catalogue, and renews the credentials.

    A database that holds products keeps its catalogue, locations and stock as they are. It gets the connection `demo`
    if it has none; that connection owns no stock.
    """
    with context.bind(request_id=REQUEST_ID, door=context.Door.COMMAND):
        first_sku = next(rows_of("products"))["variants"][0]["sku"]
        if not Product.objects.exists():
            report, username = _fill(), ADMIN
        elif Variant.objects.filter(sku_key=sku_key(first_sku)).exists():
            report, username = "The sample catalogue is here already.", ADMIN
        else:
            report, username = "There are products already: the catalogue is left as it is.", ADMIN_BESIDE_OTHERS
        # Last, so that a program that reads the credentials finds all the data.
        return Loaded(report, _renew_credentials(username))


def rows_of(name: str) -> Iterator[dict[str, Any]]:
    """Reads the rows of `name`.jsonl."""
    with (FOLDER / f"{name}.jsonl").open("rb") as file:
        yield from map(load_json, file)


@retried_atomic
def _fill() -> str:
    _create_categories()
    valid, refused = validate_rows(list(rows_of("products")), ProductInputSerializer())
    require_all(refused)
    products.upsert_products(rows=valid, atomic=True)
    _create_locations(_demo_connection())
    levels = _count_stock()
    # The dashboard has charts from the first look on.
    inventory.record_stock_days()
    variants = sum(len(product["variants"]) for _, product in valid)
    return f"Loaded {len(valid)} products in {variants} variants, with stock at {levels} levels."


def _create_categories() -> None:
    created: dict[str | None, Category | None] = {None: None}
    for row in rows_of("categories"):
        category = products.create_category(name=row["name"], parent=created[row["parent"]])
        created[category.slug] = category


def _create_locations(connection: PMSConnection) -> None:
    for row in rows_of("locations"):
        owns_stock = row.pop("owns_stock")
        location = inventory.create_location(**row)
        pms.map_location(connection=connection, location=location, external_id=location.code, owns_stock=owns_stock)


def _count_stock() -> int:
    """Counts the opening stock, then sets the reorder points; returns the number of levels."""
    rows = list(rows_of("stock"))
    counts = [
        inventory.Count(index=index, sku=row["sku"], location=row["location"], on_hand=row["on_hand"], note=STOCK_NOTE)
        for index, row in enumerate(rows)
    ]
    inventory.count_stock_in_bulk(rows=counts, atomic=True)
    for row in rows:
        if "reorder_point" in row:
            values = {"reorder_point": row["reorder_point"]}
            inventory.update_level(sku=row["sku"], location=row["location"], values=values)
    return len(rows)


def _demo_connection() -> PMSConnection:
    existing = PMSConnection.objects.filter(slug=CONNECTION).first()
    return existing or pms.create_connection(slug=CONNECTION, name="Demo PMS")


@retried_atomic
def _renew_credentials(username: str) -> dict[str, Any]:
    """Makes a new password and a new API key, because only hashes of the earlier ones are stored; those end with it."""
    connection = _demo_connection()
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    services.set_superuser_password(username=username, password=password)
    for earlier in ApiClient.objects.filter(name=API_CLIENT, revoked_at=None):
        access.revoke_api_client(client_id=earlier.public_id)
    key = access.create_api_client(name=API_CLIENT, scopes=ALL_SCOPES, tier=INTERNAL_TIER).api_key
    return {
        "admin": {"username": username, "password": password},
        "api_key": key,
        "pms": {"connection": connection.slug, "webhook_secret": connection.secret},
    }
