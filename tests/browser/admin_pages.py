"""The pages of the admin, and a world in which each has something to show.

The pages of the menu and of the models' rows are found by themselves; those of actions are listed here, in
`stock_pages`, `catalogue_pages` and `outside_pages`.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from django.contrib import admin
from django.db.models import Model
from django.urls import resolve, reverse
from django.utils import timezone
from django.utils.text import slugify

from pms_backend.operations.menu import MENU
from pms_integration.models import PMSConnection, PMSEvent, PMSProduct, PMSProductPush, SyncDifference, SyncRun
from pms_integration.services.product_fields import variant_field
from products.models import Product
from tests.browser.catalogue_pages import make_catalogue
from tests.browser.outside_pages import make_outside, page_of
from tests.browser.stock_pages import LONG_NAME, make_warehouse
from tests.factories import make_connection
from tests.operations.business_metrics.increases import add_a_day
from tests.operations.test_admin import add_rows

# As many as a phone has to show, and one more.
ROWS: Final = 7
REASON: Final = (
    "The PMS has answered 422: the price of DESK-OAK-160 is in EUR, and the products of this catalogue are in USD."
)
# The forms for new rows.
ADDED: Final = (
    *("products.product", "products.category", "inventory.location", "inventory.stocktake", "access.apiclient"),
    *("pms_integration.pmsconnection", "webhooks.webhookendpoint", "auth.user", "auth.group"),
)


def make_world() -> dict[str, str]:
    """The addresses of the pages by name; `anna` may do all."""
    warehouse = make_warehouse()
    catalogue, outside = make_catalogue(), make_outside()
    add_rows(range(ROWS))
    add_a_day()
    connection = _connections()
    return {
        **menu_pages(),
        **{f"{name}-page": page for name, page in _pages_of_rows()},
        **{f"new-{label.partition('.')[2]}": reverse(f"admin:{label.replace('.', '_')}_add") for label in ADDED},
        **_pages_of_actions(connection),
        **warehouse,
        **catalogue,
        **outside,
    }


def menu_pages() -> dict[str, str]:
    """The pages of the menu."""
    return {slugify(str(item["title"])): str(item["link"]) for group in MENU for item in group["items"]}


def lists() -> list[str]:
    """The names of the pages of the menu that are lists."""
    return [name for name, page in menu_pages().items() if resolve(page).url_name.endswith("_changelist")]


def _pages_of_rows() -> Iterator[tuple[str, str]]:
    """The page of the newest row of each model."""
    for model in admin.site._registry:
        row: Model | None = model._default_manager.order_by("-pk").first()
        assert row is not None, model
        yield slugify(str(model._meta.verbose_name)), page_of(row)


def _connections() -> PMSConnection:
    """A connection with a long name, whose products, pushes, events and runs want somebody's attention."""
    connection = make_connection("marketplace")
    connection.name = "Marketplace of the North, catalogue of furniture and lamps"
    connection.base_url, connection.last_error, connection.failures = "https://pms.example.com/api", REASON, 2
    connection.last_contact_at = timezone.now() - timedelta(hours=2)
    connection.save()
    PMSEvent.objects.filter(webhook_id="m1").update(status="dead", reason=f"unusable_data: {REASON}", due_at=None)
    PMSEvent.objects.filter(webhook_id="m2").update(status="ignored", reason="stale", due_at=None)
    run: Any = SyncRun.objects.latest("pk")
    for number in range(ROWS):
        SyncDifference.objects.create(
            run=run,
            resource="products",
            action="take_pms",
            sku=f"S-{number:03}",
            field="name",
            pms=LONG_NAME,
            local=None,
        )
    PMSProductPush.objects.filter(pms_product__external_id="P1").update(error=REASON, failures=3, due_at=None)
    _products(connection)
    return connection


def _products(connection: PMSConnection) -> None:
    """A product in conflict, and one that may be two of ours."""
    product = Product.objects.get(name=LONG_NAME)
    PMSProduct.objects.create(
        connection=connection,
        external_id="gid://marketplace/Product/8421337190",
        product=product,
        conflict={
            "content": {"name": {"agreed": "Standing desk", "pms": "Standing desk, oak", "local": LONG_NAME}},
            "price": {variant_field("desk-oak-160", "price"): {"agreed": "649.00", "pms": "599.00", "local": "679.00"}},
        },
    )
    PMSProduct.objects.create(
        connection=connection,
        external_id="gid://marketplace/Product/8421337191",
        match_problem="Its SKUs are those of two products.",
    )


def _pages_of_actions(connection: PMSConnection) -> dict[str, str]:
    conflict, ambiguous = PMSProduct.objects.filter(connection=connection).order_by("pk")
    run, event = SyncRun.objects.latest("pk"), PMSEvent.objects.get(webhook_id="m1")
    return {
        "connection": page_of(connection),
        "outgoing-calls": page_of(connection, "outgoing"),
        "rotate-secret": page_of(connection, "rotate"),
        "switch-off": page_of(connection, "switch_off"),
        "full-sync": page_of(connection, "full_sync"),
        "conflict": page_of(conflict),
        "ambiguous-product": page_of(ambiguous),
        "link-product": page_of(ambiguous, "link"),
        "sync-run": page_of(run),
        "differences": reverse("admin:pms_integration_syncdifference_changelist") + f"?run={run.pk}",
        "event": page_of(event),
        "retry-event": page_of(event, "retry"),
    }
