"""The history of products and categories: from what to what, in one statement with the write."""

from datetime import timedelta
from typing import Any
from unittest.mock import ANY

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pms_backend.access.models import AuditEntry
from products import services
from products.models import ImageStatus, Product
from products.tasks import publish_due
from tests.conftest import JSONClient
from tests.factories import make_product
from tests.history import changes_of, history_writes
from tests.products.pictures import images_url, make_image, picture, post_file

pytestmark = pytest.mark.django_db

PRODUCTS = "/api/v1/products/"


def url(product: Product) -> str:
    return f"{PRODUCTS}{product.pk}/"


def history(product: Product) -> list[tuple[str, list[tuple[str, Any, Any]]]]:
    """What was done to the product after it was made, oldest first."""
    entries = AuditEntry.objects.filter(subject=f"product:{product.pk}").order_by("id")
    return [(entry.action, changes_of(entry)) for entry in entries[1:]]


def test_a_new_product_has_an_entry_without_changes(editor: JSONClient):
    with history_writes() as writes:
        made = editor.post(PRODUCTS, {"name": "Lamp", "variants": [{"sku": "A-1", "price": "10.00"}]}).json()

    entry = AuditEntry.objects.get(subject=f"product:{made['id']}")
    assert (entry.action, entry.name, entry.changes, len(writes)) == ("product.created", "Lamp", [], 1)
    assert (entry.actor, entry.door) == ("client:tests", "api")


def test_a_change_of_fields_has_their_values_in_one_statement(editor: JSONClient):
    lamps, desks = services.create_category(name="Lamps"), services.create_category(name="Desks")
    lamp = make_product("A-1", category=lamps.slug, tags=["old"], attributes={"colour": "red", "watts": 5}, cost="4.00")
    change = {
        "name": "Desk lamp", "category": desks.slug, "tags": ["old", "new"], "attributes": {"watts": 7, "colour": None},
        "variants": [{"sku": "A-1", "price": "12.5", "cost": "5.00", "barcode": "4006381333931"}],
    }  # fmt: skip

    with history_writes() as writes:
        editor.patch(url(lamp), change)

    assert len(writes) == 1
    assert history(lamp) == [
        (
            "product.updated",
            [
                ("name", "Lamp", "Desk lamp"),
                ("tags", ["old"], ["old", "new"]),
                ("category", "lamps", "desks"),
                ("attributes.colour", "red", None),
                ("attributes.watts", 5, 7),
                ("variants[A-1].barcode", "", "4006381333931"),
                ("variants[A-1].price", "10.00", "12.50"),
                ("variants[A-1].cost", "4.00", "5.00"),
            ],
        )
    ]


def test_what_changes_nothing_writes_nothing(editor: JSONClient):
    lamp = make_product("A-1")

    with history_writes() as writes:
        editor.patch(url(lamp), {"name": "Lamp", "variants": [{"sku": "A-1", "price": "10"}]})

    assert (history(lamp), writes) == ([], [])


def test_variants_come_go_and_get_another_sku(editor: JSONClient):
    lamp = make_product("A-1", options=[{"name": "Size", "values": ["S", "M", "L"]}], variants=[
        {"sku": "S-1", "price": "10.00", "currency": "EUR", "options": {"Size": "S"}},
        {"sku": "M-1", "name": "Medium", "options": {"Size": "M"}},
    ])  # fmt: skip
    small = lamp.variants.get(sku="S-1")
    body = editor.get(url(lamp)).json()
    keep = {"id": small.pk, "sku": "S-2", "price": "10.00", "currency": "EUR", "options": {"Size": "S"}}
    new = {"sku": "L-1", "name": "Large", "price": "20.00", "currency": "EUR", "options": {"Size": "L"}, "position": 1}

    editor.put(url(lamp), {"name": body["name"], "options": body["options"], "variants": [keep, new]})
    editor.patch(url(lamp), {"variants": [{"sku": "M-1", "position": 5}]})

    assert history(lamp) == [
        (
            "product.updated",
            [
                ("variants[S-1].sku", "S-1", "S-2"),
                ("variants[M-1]", "Medium", None),
                ("variants[L-1]", None, "Large, 20.00 EUR"),
            ],
        ),
        ("product.updated", [("variants[M-1]", None, "Medium"), ("variants[M-1].position", 1, 5)]),
    ]


def test_a_transition_names_the_entry(editor: JSONClient):
    lamp = make_product("A-1")

    editor.patch(url(lamp), {"status": "active", "brand": "Lux"})
    editor.post(f"{url(lamp)}unpublish/")
    editor.delete(url(lamp))
    editor.post(f"{url(lamp)}restore/")

    assert history(lamp) == [
        ("product.published", [("brand", "", "Lux"), ("status", "draft", "active")]),
        ("product.unpublished", [("status", "active", "draft")]),
        ("product.archived", [("status", "draft", "archived")]),
        ("product.restored", [("status", "archived", "draft")]),
    ]


def test_what_the_schedule_does_comes_through_its_door(editor: JSONClient):
    lamp, moment = make_product("A-1"), timezone.now() + timedelta(hours=1)
    text = moment.isoformat().replace("+00:00", "Z")
    editor.post(f"{url(lamp)}publish/", {"publish_at": text})
    Product.objects.update(publish_at=timezone.now() - timedelta(seconds=1))

    publish_due()

    scheduled, published = AuditEntry.objects.filter(subject=f"product:{lamp.pk}").order_by("id")[1:]
    assert (scheduled.actor, scheduled.door, changes_of(scheduled)) == (
        "client:tests",
        "api",
        [("publish_at", None, text)],
    )
    assert (published.actor, published.door, published.action) == ("system", "schedule", "product.published")
    assert changes_of(published)[0] == ("status", "draft", "active")


def test_a_bulk_of_fifty_products_is_one_statement(editor: JSONClient):
    rows = [{"name": f"Lamp {number}", "variants": [{"sku": f"A-{number}", "price": "1.00"}]} for number in range(50)]
    with history_writes() as creating:
        editor.post(f"{PRODUCTS}bulk/", {"products": rows})
    for row in rows:
        row["variants"][0]["price"] = "2.00"
    rows[7]["variants"][0]["price"] = "1.00"

    with history_writes() as updating:
        editor.post(f"{PRODUCTS}bulk/", {"products": rows})

    assert (len(creating), len(updating)) == (1, 1)
    updated = AuditEntry.objects.filter(action="product.updated").order_by("id")
    expected = [[(f"variants[A-{number}].price", "1.00", "2.00")] for number in range(50) if number != 7]
    assert [changes_of(entry) for entry in updated] == expected


def test_a_refused_change_leaves_no_history(editor: JSONClient):
    lamp = make_product("A-1", price=None)

    assert editor.patch(url(lamp), {"name": "Desk lamp", "status": "active"}).status_code == 422

    assert history(lamp) == []


def test_pictures_are_in_it(editor: JSONClient):
    lamp = make_product("A-1")
    image = post_file(editor, lamp, picture(), alt="A lamp").json()["id"]

    with history_writes() as writes:
        editor.patch(images_url(lamp, image), {"alt": "A red lamp", "position": 3})
    editor.delete(images_url(lamp, image))

    assert len(writes) == 1
    assert history(lamp) == [
        ("product.updated", [(f"images[{image}]", None, "A lamp")]),
        ("product.updated", [(f"images[{image}].alt", "A lamp", "A red lamp"), (f"images[{image}].position", 0, 3)]),
        ("product.updated", [(f"images[{image}]", "A red lamp", None)]),
    ]


def test_pictures_that_are_not_ready_are_in_it_and_the_product_is_as_it_was(editor: JSONClient):
    lamp = make_product("A-1")
    lamp.images.create(source_url="https://shop.example/a.jpg", status=ImageStatus.FAILED, position=0)
    lamp.images.create(source_url="https://shop.example/b.jpg", status=ImageStatus.PENDING, position=1)
    first, second = lamp.images.order_by("pk").values_list("pk", flat=True)

    editor.patch(images_url(lamp, first), {"alt": "A lamp"})
    services.order_images(product_id=lamp.pk, image_ids=[second, first])
    editor.delete(images_url(lamp, first))

    assert history(lamp) == [
        ("product.updated", [(f"images[{first}].alt", "", "A lamp")]),
        ("product.updated", [(f"images[{second}].position", 1, 0), (f"images[{first}].position", 0, 1)]),
        ("product.updated", [(f"images[{first}]", "A lamp", None)]),
    ]
    assert Product.objects.get().version == lamp.version


def test_a_copy_with_a_picture_is_one_statement():
    lamp = make_product("A-1")
    make_image(lamp, "red")

    with history_writes() as writes:
        copy = services.duplicate_product(product_id=lamp.pk, name="Lamp (copy)")

    entries = AuditEntry.objects.filter(subject=f"product:{copy.pk}").order_by("id")
    assert ([entry.action for entry in entries], len(writes)) == (["product.created", "product.updated"], 1)


def test_who_asked_for_a_picture_by_its_url_is_in_it(editor: JSONClient):
    lamp = make_product("A-1")

    editor.post(images_url(lamp), {"url": "https://93.184.216.34/a.jpg"})

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor) == ("product.image_requested", "client:tests")
    assert entry.detail == {"url": "https://93.184.216.34/a.jpg"}


def test_a_list_of_pictures_that_an_import_replaces_is_in_it():
    lamp = make_product("A-1")
    first = make_image(lamp, alt="One")
    url = first.source_url or f"https://shop.example/media/{first.image_file.file}"

    services.attach_image_urls(images=[services.ImageURL(product_id=lamp.pk, url=url, alt="First", position=2)])

    assert history(lamp)[-1] == (
        "product.updated",
        [(f"images[{first.pk}].alt", "One", "First"), (f"images[{first.pk}].position", 0, 2)],
    )


def test_the_api_shows_the_history_of_a_product_newest_first(editor: JSONClient):
    lamp, other = make_product("A-1", cost="4.00"), make_product("B-1", name="Desk")
    editor.patch(url(lamp), {"variants": [{"sku": "A-1", "cost": "5.00"}]}, headers={"X-Request-Id": "r-1"})

    with CaptureQueriesContext(connection) as queries:
        shown = editor.get(f"{url(lamp)}history/", {"page_size": 1})
    reads = [query["sql"] for query in queries if "access_auditentry" in query["sql"]]

    newest, oldest = AuditEntry.objects.filter(subject=f"product:{lamp.pk}")
    assert (shown.status_code, shown.json()["results"]) == (200, [{
        "id": str(newest.pk), "occurred_at": ANY, "actor": "client:tests", "door": "api",
        "action": "product.updated", "name": "Lamp", "request_id": "r-1",
        "changes": [{"field": "variants[A-1].cost", "from": "4.00", "to": "5.00"}], "detail": {},
    }])  # fmt: skip
    assert [row["id"] for row in editor.get(shown.json()["next"]).json()["results"]] == [str(oldest.pk)]
    assert [row["name"] for row in editor.get(f"{url(other)}history/").json()["results"]] == ["Desk"]
    assert len(reads) == 1


def test_the_history_of_no_product_is_404(editor: JSONClient):
    answer = editor.get(f"{PRODUCTS}999/history/")

    assert (answer.status_code, answer.json()["code"]) == (404, "product_not_found")


def test_who_may_not_write_products_sees_no_history(reader: JSONClient, storefront: JSONClient):
    lamp = make_product("A-1", status="active")

    assert [client.get(f"{url(lamp)}history/").status_code for client in (reader, storefront)] == [403, 403]


def test_categories_are_in_it(editor: JSONClient):
    home = services.create_category(name="Home")
    lamps = services.create_category(name="Lamps")

    with history_writes() as writes:
        editor.patch("/api/v1/products/categories/lamps/", {"name": "Lighting", "parent": "home"})
    editor.patch("/api/v1/products/categories/lamps/", {"name": "Lighting"})
    editor.delete("/api/v1/products/categories/lamps/")

    entries = AuditEntry.objects.filter(subject=f"category:{lamps.pk}").order_by("id")
    assert (home.slug, len(writes)) == ("home", 1)
    assert [(entry.action, entry.name, changes_of(entry)) for entry in entries] == [
        ("category.created", "Lamps", []),
        ("category.updated", "Lighting", [("name", "Lamps", "Lighting"), ("parent", None, "home")]),
        ("category.deleted", "Lighting", []),
    ]
