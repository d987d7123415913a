"""What a PMS does otherwise than asked neither loses an edit, nor is told the same for ever."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.db import connections

from pms_integration import services
from pms_integration.models import PMSConnection, PMSProduct, PMSProductPush
from pms_integration.services.pms_client import close_clients
from products import services as products
from products.models import Product, Variant
from tests.factories import make_connection, make_product
from tests.outbound.servers import LocalServer, hanging_up, send, serving
from tests.pms_integration.outgoing.calling import connect
from tests.pms_integration.product_pushes.running import SHARED, edit, push, row_of
from tests.pms_integration.reports import apply, product

pytestmark = pytest.mark.django_db(transaction=True)

# What the PMS makes of the product that it is sent; None: it hangs up.
Makes = Callable[[dict[str, Any]], dict[str, Any] | None]


class StrangePMS:
    """A PMS that answers each write by what `makes` makes of it, or with `status`."""

    def __init__(self, server: LocalServer) -> None:
        self.server = server
        self.makes: Makes = lambda body: {**body, "version": 10}
        self.status = 200
        server.respond = self.respond

    def respond(self, handler: BaseHTTPRequestHandler) -> None:
        request = self.server.received[-1]
        made = self.makes(json.loads(request.body or b"{}"))
        if made is None:
            hanging_up(handler)
            return
        number = request.path.rpartition("/")[2] if request.method != "POST" else "made"
        send(handler, json.dumps({"id": number, **made}).encode(), self.status)

    @property
    def writes(self) -> list[dict[str, Any]]:
        return [json.loads(one.body) for one in self.server.received if one.method in ("POST", "PUT")]


@pytest.fixture
def strange(allowed: None) -> Iterator[StrangePMS]:
    with serving(hanging_up) as server:
        yield StrangePMS(server)
    close_clients()


def called(strange: StrangePMS, slug: str = "demo", **owners: str) -> PMSConnection:
    connect(make_connection(slug), strange.server)
    return services.update_connection(slug=slug, values={"ownership": {**SHARED, **owners}})


@pytest.fixture
def pms(strange: StrangePMS) -> PMSConnection:
    return called(strange)


def variants(*skus: str) -> list[dict[str, Any]]:
    return [{"sku": sku, "price": "1.00", "currency": "EUR", "options": {"Size": sku}} for sku in skus]


def test_two_pms_that_own_a_name_do_not_undo_each_other(strange: StrangePMS):
    one, two = (called(strange, slug, content="pms") for slug in ("one", "two"))
    make_product("A-1", status="active")
    apply(one, "product.updated", product("1", 1, name="A"))
    apply(two, "product.updated", product("2", 1, name="B"))
    version = Product.objects.get().version

    for _ in range(4):
        push()

    found = Product.objects.get()
    assert (found.name, found.version) == ("B", version)
    assert not PMSProductPush.objects.exists()


def test_a_removed_variant_that_the_pms_keeps_is_not_removed_for_ever(strange: StrangePMS, pms: PMSConnection):
    data = product("1", 1, variants=variants("A", "B"))
    apply(pms, "product.created", data)
    strange.makes = lambda body: {**data, "version": 2}
    kept = {"sku": "A", "price": Decimal("1.00"), "currency": "EUR", "options": {"Size": "A"}}
    products.replace_product(product_id=Product.objects.get().pk, data={"name": "Lamp", "variants": [kept]})

    for _ in range(4):
        push()

    assert [[one["sku"] for one in body["variants"]] for body in strange.writes] == [["A"]]
    assert row_of(Product.objects.get()).state == "in_sync"
    assert set(Variant.objects.filter(is_archived=False).values_list("sku", flat=True)) == {"A"}


def test_variants_without_a_sku_there_keep_their_places(strange: StrangePMS, pms: PMSConnection):
    there = [
        {"id": number, "price": f"{number}.00", "currency": "EUR", "options": {"Size": str(number)}}
        for number in (7, 8)
    ]
    apply(pms, "product.created", product("1", 1, variants=there))

    edit(Product.objects.get(), variants=[{"sku": "demo-7", "price": Decimal("3.00")}])
    push()

    (body,) = strange.writes
    assert [(one["id"], one["price"]) for one in body["variants"]] == [(7, "3.00"), (8, "8.00")]


def test_an_edit_of_images_on_its_way_is_not_undone_by_a_report_of_others(strange: StrangePMS, pms: PMSConnection):
    images = [{"url": f"https://x.example/{number}.jpg", "alt": ""} for number in (1, 2)]
    apply(pms, "product.created", product("1", 1, images=images))
    lamp = Product.objects.get()
    products.delete_image(product_id=lamp.pk, image_id=lamp.images.get(source_url=images[1]["url"]).pk)
    edit(lamp, name="Ours")
    strange.makes = lambda body: None
    push()

    apply(pms, "product.updated", product("1", 2, images=images, brand="Theirs"))

    assert list(lamp.images.values_list("source_url", flat=True)) == [images[0]["url"]]


def test_a_draft_that_a_publish_rule_makes_is_not_sent(strange: StrangePMS, pms: PMSConnection):
    apply(pms, "product.created", product("1", 1))
    priced, unpriced = {"sku": "A-1", "price": "9.90", "options": {"S": "a"}}, {"sku": "A-2", "options": {"S": "b"}}
    options = [{"name": "S", "values": ["a", "b"]}]
    apply(pms, "product.updated", product("1", 2, variants=[priced, unpriced], options=options))
    lamp = Product.objects.get()
    assert lamp.status == "draft"

    edit(lamp, brand="Acme")
    push()

    (body,) = strange.writes
    assert (body["status"], body["brand"]) == ("active", "Acme")


def test_an_answer_that_comes_after_a_later_report_ends_what_was_sent(strange: StrangePMS, pms: PMSConnection):
    apply(pms, "product.created", product("1", 1))
    lamp = Product.objects.get()
    edit(lamp, name="Ours")

    def edits_on(body: dict[str, Any]) -> dict[str, Any]:
        apply(pms, "product.updated", product("1", 12, name="Theirs"))
        connections.close_all()
        return {**body, "version": 11}

    strange.makes = edits_on
    push()

    lamp.refresh_from_db()
    row = row_of(lamp)
    assert (lamp.name, row.version, row.state, row.conflict) == ("Theirs", 12, "in_sync", {})


def test_what_was_to_be_made_and_is_there_is_not_made(strange: StrangePMS, pms: PMSConnection):
    lamp = make_product("A-1", status="active")
    services.publish_products(product_ids=[lamp.pk])
    strange.status = 503
    push()
    apply(pms, "product.created", product("old", 7, "A-1", name="Old"))
    strange.status = 200

    push()

    assert [one.method for one in strange.server.received] == ["POST"]
    row = row_of(lamp)
    assert (row.external_id, row.state, "name" in row.conflict["content"]) == ("old", "conflict", True)


def test_a_link_to_what_could_not_be_made_is_no_error(strange: StrangePMS):
    pms = called(strange, content="pms", price="pms", publication="pms")
    lamp = make_product("A-1", status="active")
    services.publish_products(product_ids=[lamp.pk])
    strange.status = 409
    push()
    assert row_of(lamp).state == "error"

    apply(pms, "product.created", product("old", 7, "A-1"))
    push()

    assert (row_of(lamp).external_id, row_of(lamp).state) == ("old", "in_sync")


def test_a_connection_publishes_nothing_by_itself_before_a_full_run(strange: StrangePMS, pms: PMSConnection):
    make_product("A-1", status="active")
    services.update_connection(slug="demo", values={"publishes": {"mode": "all"}})

    push()

    assert not strange.writes
    assert not PMSProduct.objects.exists()


def test_a_refused_token_is_tried_once_for_all_products(strange: StrangePMS, pms: PMSConnection):
    for number in range(3):
        apply(pms, "product.created", product(str(number), 1, f"S-{number}"))
    for lamp in Product.objects.all():
        edit(lamp, name="Ours")
    strange.status = 401

    push()

    assert len(strange.writes) == 1


@pytest.mark.parametrize("makes", [lambda body: {**body, "version": 10, "name": ""}, lambda body: {"version": 10}])
def test_an_answer_that_cannot_be_applied_is_an_error_and_not_asked_for_ever(
    strange: StrangePMS, pms: PMSConnection, makes: Makes
):
    lamp = make_product("A-1", status="active")
    services.publish_products(product_ids=[lamp.pk])
    strange.makes = makes

    push()
    push()

    row = row_of(lamp)
    assert (len(strange.writes), row.state, row.external_id) == (1, "error", "made")


def test_a_handle_that_another_product_has_now_is_an_error(strange: StrangePMS):
    pms = called(strange, content="pms")
    apply(pms, "product.created", product("1", 1, handle="first"))
    lamp = Product.objects.get()
    edit(lamp, handle="second")
    make_product("B-1", handle="first")

    push()

    assert (row_of(lamp).state, row_of(lamp).why) == ("error", "Another product has the handle first.")


def test_an_attribute_that_the_pms_removes_is_removed_here(strange: StrangePMS, pms: PMSConnection):
    apply(pms, "product.created", product("1", 1, attributes={"a": "1", "b": {"c": "2", "d": "3"}, "e": "4"}))
    apply(pms, "product.updated", product("1", 2, attributes={"a": "1", "b": {"c": "2"}}))

    assert Product.objects.get().attributes == {"a": "1", "b": {"c": "2"}}


def test_a_link_that_somebody_made_survives_a_report_that_cannot_be_applied(strange: StrangePMS):
    pms = called(strange, content="pms")
    for sku in ("A-1", "A-2"):
        make_product(sku, barcode="77")
    make_product("X-9", handle="taken")
    reported = [{"sku": "N-1", "barcode": "77", "price": "1.00"}]
    apply(pms, "product.created", product("1", 1, variants=reported))
    lamp = Product.objects.get(variants__sku="A-1")
    services.link_product(connection="demo", external_id="1", product_id=lamp.pk)

    event = apply(pms, "product.updated", product("1", 2, variants=reported, handle="taken"))

    assert (event.status, PMSProduct.objects.get().product) == ("failed", lamp)


def test_a_connection_that_is_not_called_any_more_waits_for_no_answer(strange: StrangePMS, pms: PMSConnection):
    apply(pms, "product.created", product("1", 1))
    edit(Product.objects.get(), name="Ours")
    strange.makes = lambda body: None
    push()
    services.update_connection(slug="demo", values={"base_url": None, "ownership": {"content": "pms"}})

    apply(pms, "product.updated", product("1", 2, name="Theirs"))

    assert Product.objects.get().name == "Theirs"


def test_a_product_whose_status_is_ours_and_that_the_pms_deletes_is_a_conflict(strange: StrangePMS):
    pms = called(strange, publication="local")
    apply(pms, "product.created", product("1", 1))

    apply(pms, "product.deleted", {"id": "1", "version": 2})

    lamp = Product.objects.get()
    assert (lamp.status, row_of(lamp).state, set(row_of(lamp).conflict)) == ("active", "conflict", {"publication"})
