"""History of connections, and of what a PMS and an import do to the catalogue."""

import pytest

from pms_backend.access.models import AuditEntry
from pms_backend.api import context
from pms_integration import services
from products import services as products
from products.models import Product
from tests.conftest import JSONClient
from tests.factories import make_connection, make_location, make_product
from tests.history import changes_of, history_writes
from tests.pms_integration.files.importing import imported, previewed, table
from tests.pms_integration.reports import apply, product, receive

pytestmark = pytest.mark.django_db


def test_what_a_pms_reports_comes_through_its_door_with_the_webhooks_id():
    pms = make_connection()
    apply(pms, "product.created", product("P-1", 1), webhook_id="wh-1")

    apply(pms, "product.updated", product("P-1", 2, name="Desk lamp"), webhook_id="wh-2")

    entries = AuditEntry.objects.filter(subject=f"product:{Product.objects.get().pk}").order_by("id")
    assert [(entry.action, entry.request_id) for entry in entries] == [
        ("product.created", "wh-1"),
        ("product.updated", "wh-2"),
    ]
    assert {(entry.actor, entry.door) for entry in entries} == {("pms:demo", "pms")}
    assert changes_of(entries[1]) == [("name", "Lamp", "Desk lamp")]


def test_what_an_import_changes_comes_through_its_door(api: JSONClient):
    make_product("A-1")

    job = imported(api, table({"Handle": "lamp", "Title": "Lamp", "Variant SKU": "A-1", "Variant Price": "12.00"}))

    assert (job["updated"], job["failed"]) == (1, 0)
    updated = AuditEntry.objects.get(action="product.updated")
    assert (updated.actor, updated.door) == ("client:tests", "import")
    assert ("variants[A-1].price", "10.00", "12.00") in changes_of(updated)
    started, finished = AuditEntry.objects.filter(subject=f"import:{job['id']}").order_by("id")
    assert (started.action, started.door, started.name) == ("import.started", "api", "products.csv")
    assert (finished.action, finished.door, finished.actor) == ("import.finished", "import", "client:tests")
    assert finished.detail == {"dry_run": False, "status": "finished", "created": 0, "updated": 1, "failed": 0}


def test_a_preview_is_not_recorded_as_an_import(api: JSONClient):
    job = previewed(api, table({"Handle": "lamp", "Title": "Lamp", "Variant Price": "12.00"}))

    started, finished = AuditEntry.objects.filter(subject=f"import:{job['id']}").order_by("id")
    assert started.detail == {"dry_run": True}
    assert finished.detail == {"dry_run": True, "status": "finished", "created": 1, "updated": 0, "failed": 0}


def test_a_change_of_a_connection_is_one_statement(api: JSONClient):
    make_connection()
    make_location("main")
    values = {
        "name": "Store", "publishes": {"mode": "all"}, "base_url": "https://93.184.216.34/api",
        "credentials": {"token": "s3cret"},
        "locations": [{"location": "main", "external_id": "HQ", "owns_stock": True}],
    }  # fmt: skip

    with history_writes() as writes:
        answer = api.patch("/api/v1/pms/connections/demo/", values)

    entry = AuditEntry.objects.latest("id")
    assert (answer.status_code, len(writes)) == (200, 1)
    assert (entry.action, entry.subject, entry.name) == ("pms_connection.updated", "pms_connection:demo", "Store")
    assert changes_of(entry) == [
        ("name", "Demo", "Store"),
        ("publishes.mode", "manual", "all"),
        ("base_url", None, "https://93.184.216.34/api"),
        ("credentials.token", None, "set"),
        ("locations[main].external_id", None, "HQ"),
        ("locations[main].owns_stock", None, True),
    ]
    assert "s3cret" not in str(list(AuditEntry.objects.values()))


def test_another_owner_of_a_locations_stock_is_in_it():
    pms = make_connection(owns=make_location("main"))

    with context.bind(actor="user:ann", door=context.Door.ADMIN):
        for _again in range(2):
            services.change_ownership(slug=pms.slug, location="main", owner="local", opening="local")

    assert AuditEntry.objects.filter(action="pms_connection.ownership_changed").count() == 1
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, changes_of(entry)) == (
        "pms_connection.ownership_changed",
        [("locations[main].owns_stock", True, False)],
    )


def test_a_chunk_of_an_import_is_one_statement(api: JSONClient):
    lamp, url = make_product("A-1", name="Lamp"), "https://93.184.216.34/a.jpg"
    products.attach_image_urls(images=[products.ImageURL(product_id=lamp.pk, url=url, alt="Old", position=1)])
    csv = table(
        {
            "Handle": "lamp", "Title": "Lamp", "Variant SKU": "A-1", "Variant Price": "12.00", "Image Src": url,
            "Image Alt Text": "New", "Product Category": "Home > Lamps",
        },
        {"Handle": "desk", "Title": "Desk", "Variant SKU": "D-1", "Status": "active"},
    )  # fmt: skip

    with history_writes() as writes:
        job = imported(api, csv)

    actions = AuditEntry.objects.filter(door="import").order_by("id").values_list("action", flat=True)
    assert list(actions) == [
        *("category.created", "category.created"),
        *("product.updated", "product.created", "product.updated", "import.finished"),
    ]
    # Of the start, the chunk and the end.
    assert (job["created"], job["updated"], len(writes)) == (1, 1, 3)


def test_products_that_a_pms_reports_together_are_one_statement():
    pms = make_connection()
    listed = [{"url": "https://93.184.216.34/a.jpg", "alt": "Old"}]
    receive(pms, "product.created", product("P-1", 1, images=listed))
    receive(pms, "product.updated", product("P-1", 2, images=[{**listed[0], "alt": "New"}]))
    receive(pms, "product.created", product("P-2", 1, "B-1", status="active"))

    with history_writes() as writes:
        services.apply_due_events()

    actions = AuditEntry.objects.filter(door="pms").order_by("id").values_list("action", flat=True)
    assert (sorted(actions), len(writes)) == (["product.created", "product.created", "product.updated"], 1)
