"""Changes of ours reach the PMS: once, on top of what it has, and without an end only where there is one."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from pms_backend.events.services import relay_pending
from pms_integration import services
from pms_integration.connectors import CONNECTORS
from pms_integration.connectors.contract import Report, VersionMoved
from pms_integration.connectors.outgoing import PMSClient, ProductPush
from pms_integration.connectors.standard import StandardConnector
from pms_integration.models import PMSConnection, PMSProduct, PMSProductPush
from pms_integration.services.product_pushes.recording import record_changes
from products import services as products
from products.models import Product
from tests.factories import make_product
from tests.pms_integration.outgoing.calling import TOKEN as WRONG_TOKEN
from tests.pms_integration.product_pushes.running import (
    another_simulator,
    connect,
    edit,
    edit_there,
    link,
    make_due,
    note_full_run,
    own,
    push,
    row_of,
    there,
    writes,
)
from tests.pms_integration.reports import apply
from tests.pms_integration.simulator.calling import TOKEN, SimulatorHere, product
from tests.pms_integration.sync.running import sync
from tests.products.pictures import make_image

pytestmark = pytest.mark.django_db(transaction=True)


def publish(*made: Product) -> None:
    services.publish_products(product_ids=[one.pk for one in made])


# -- what is sent ----------------------------------------------------------------------------------------------------


def test_ten_edits_are_one_push(pms: PMSConnection, simulator: SimulatorHere) -> None:
    lamp, number = link(pms, simulator)
    requests = simulator.counters()["requests"]
    for index in range(10):
        edit(lamp, name=f"Lamp {index}")

    push()
    push()

    assert simulator.counters()["requests"] == requests + 1
    assert (there(simulator, number)["name"], there(simulator, number)["version"]) == ("Lamp 9", 2)
    row = row_of(lamp)
    assert (row.state, row.version, row.pushed_at is not None) == ("in_sync", 2, True)
    assert row.agreed["name"] == ["Lamp 9", "Lamp 9"]
    assert not PMSProductPush.objects.exists()


def test_members_that_we_do_not_know_survive(pms: PMSConnection, simulator: SimulatorHere) -> None:
    unknown = {"shelf_note": "Left", "serial": 12345678901234567890123}
    variant = {"sku": "A-1", "price": "10.00", "x": [1]}
    lamp, number = link(pms, simulator, **unknown, variants=[variant])

    edit(lamp, brand="Acme", variants=[{"sku": "A-1", "barcode": "b-1"}])
    push()

    found = there(simulator, number)
    assert {name: found[name] for name in unknown} == unknown
    assert (found["brand"], found["variants"]) == ("Acme", [{**variant, "barcode": "b-1"}])


def test_a_published_product_is_made_there_and_linked(pms: PMSConnection, simulator: SimulatorHere) -> None:
    lamp = make_product(brand="Acme", tags=["new"], cost="3.00", barcode="b-1", description="<p>Soft</p>")
    publish(lamp)
    assert (row_of(lamp).state, row_of(lamp).external_id) == ("pending_push", None)

    push()

    (made,) = simulator.state()["products"]
    assert {name: made[name] for name in ("name", "handle", "brand", "tags", "description", "status", "images")} == {
        "name": "Lamp", "handle": "lamp", "brand": "Acme", "tags": ["new"], "description": "<p>Soft</p>",
        "status": "draft", "images": [],
    }  # fmt: skip
    (variant,) = made["variants"]
    assert {name: variant[name] for name in ("sku", "price", "currency", "cost", "barcode", "position")} == {
        "sku": "A-1", "price": "10.00", "currency": "USD", "cost": "3.00", "barcode": "b-1", "position": 0,
    }  # fmt: skip
    row = row_of(lamp)
    assert (row.state, row.external_id, row.version, row.conflict) == ("in_sync", made["id"], 1, {})
    assert row.agreed["name"] == ["Lamp", "Lamp"]


def test_a_new_variant_is_made_there(pms: PMSConnection, simulator: SimulatorHere) -> None:
    lamp, number = link(pms, simulator)

    edit(lamp, variants=[{"sku": "A-2", "price": Decimal("7.00"), "currency": "EUR"}])
    push()

    first, second = there(simulator, number)["variants"]
    assert first["sku"] == "A-1"
    assert (second["sku"], second["price"], second["currency"]) == ("A-2", "7.00", "EUR")
    assert row_of(lamp).state == "in_sync"


def test_a_variant_that_is_archived_here_is_left_out_there(pms: PMSConnection, simulator: SimulatorHere) -> None:
    lamp, number = link(pms, simulator)
    edit(lamp, variants=[{"sku": "A-2", "price": Decimal("7.00")}])
    push()

    products.replace_product(
        product_id=lamp.pk, data={"name": "Product A-1", "variants": [{"sku": "A-1", "price": Decimal("10.00")}]}
    )
    push()

    assert [one["sku"] for one in there(simulator, number)["variants"]] == ["A-1"]
    assert sync(pms, resources=["products"]).unchanged == 1
    assert [one.sku for one in lamp.variants.filter(is_archived=False)] == ["A-1"]


def test_images_travel_by_their_addresses(pms: PMSConnection, simulator: SimulatorHere) -> None:
    first, second = (f"https://img.example/{number}.png" for number in (1, 2))
    lamp, number = link(pms, simulator, images=[{"url": first, "alt": "One"}])
    products.add_image_url(product_id=lamp.pk, url=second, alt="Two")
    # A file that has no address under which the PMS could fetch it.
    make_image(lamp)
    publish(lamp)

    for _ in range(2):
        push()
        assert sync(pms, resources=["products"]).updated == 0

    found = there(simulator, number)
    assert found["images"] == [{"url": first, "alt": "One"}, {"url": second, "alt": "Two"}]
    assert (found["version"], lamp.images.count(), row_of(lamp).state) == (2, 3, "in_sync")


@pytest.mark.parametrize(("before", "change", "status"), [
    ("draft", "publish_product", "active"), ("active", "unpublish_product", "draft"),
    ("active", "archive_product", "archived"),
])  # fmt: skip
@pytest.mark.parametrize("owner", ["shared", "local"])
def test_the_state_travels(
    pms: PMSConnection, simulator: SimulatorHere, owner: str, before: str, change: str, status: str
) -> None:
    lamp, number = link(pms, simulator, status=before)
    own(pms, publication=owner)

    getattr(products, change)(product_id=lamp.pk)
    push()

    assert (there(simulator, number)["status"], row_of(lamp).state) == (status, "in_sync")


def test_what_the_pms_owns_and_is_edited_here_is_undone_and_not_sent(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    lamp, _ = link(pms, simulator)
    own(pms, price="pms")
    push()
    before = simulator.counters()["requests"]

    products.update_variant(variant_id=lamp.variants.get().pk, data={"price": Decimal("99.00")})
    push()

    assert lamp.variants.get().price == Decimal("10.00")
    assert simulator.counters()["requests"] == before
    assert row_of(lamp).state == "in_sync"


def test_what_we_own_and_is_edited_there_is_undone_by_the_next_push(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    lamp, number = link(pms, simulator)
    own(pms, price="local")
    variant = {"sku": "A-1", "price": "99.00"}
    edited = edit_there(simulator, number, name="Theirs", variants=[variant])

    apply(pms, "product.updated", edited)
    push()

    assert there(simulator, number)["variants"][0]["price"] == "10.00"
    lamp.refresh_from_db()
    assert (lamp.name, lamp.variants.get().price, row_of(lamp).state) == ("Theirs", Decimal("10.00"), "in_sync")


def test_a_change_by_the_pms_is_not_sent_back(pms: PMSConnection, simulator: SimulatorHere) -> None:
    lamp, number = link(pms, simulator)
    before = writes(simulator)

    for name in ("First", "Second"):
        apply(pms, "product.updated", edit_there(simulator, number, name=name))
        relay_pending()
        assert not PMSProductPush.objects.exists()

    push()
    assert writes(simulator) == before + 2
    assert row_of(lamp).state == "in_sync"


# -- what moved meanwhile --------------------------------------------------------------------------------------------


def test_a_product_that_has_moved_on_is_read_merged_and_pushed_again(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    lamp, number = link(pms, simulator)
    edit_there(simulator, number, brand="Theirs")
    edit(lamp, name="Ours")

    push()

    found = there(simulator, number)
    assert (found["brand"], found["name"], found["version"]) == ("Theirs", "Ours", 3)
    lamp.refresh_from_db()
    assert (lamp.brand, lamp.name, row_of(lamp).state) == ("Theirs", "Ours", "in_sync")
    assert simulator.counters()["refused.412.version_conflict"] == 1


class Telling(StandardConnector):
    """A PMS whose webhook about an edit is applied before it answers that the product has moved on."""

    def __init__(self, tell: Callable[[], Any]) -> None:
        self.tell = tell

    def push_product(self, client: PMSClient, push: ProductPush) -> Report:
        try:
            return super().push_product(client, push)
        except VersionMoved:
            self.tell()
            raise


def test_a_product_whose_edit_a_webhook_has_told_meanwhile_is_pushed_again_at_once(
    pms: PMSConnection, simulator: SimulatorHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    lamp, number = link(pms, simulator)
    edited = edit_there(simulator, number, brand="Theirs")
    monkeypatch.setitem(CONNECTORS, "standard", Telling(lambda: apply(pms, "product.updated", edited)))
    edit(lamp, name="Ours")

    push()

    found = there(simulator, number)
    assert (found["brand"], found["name"], row_of(lamp).state) == ("Theirs", "Ours", "in_sync")


def test_a_field_in_conflict_keeps_the_value_of_the_pms_in_what_is_sent(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    lamp, number = link(pms, simulator)
    edit_there(simulator, number, name="Theirs")
    edit(lamp, name="Ours", brand="Acme")

    push()

    found = there(simulator, number)
    assert (found["name"], found["brand"]) == ("Theirs", "Acme")
    lamp.refresh_from_db()
    assert lamp.name == "Ours"
    row = row_of(lamp)
    assert (row.state, row.why) == ("conflict", "Both sides have changed name.")
    assert row.conflict == {"content": {"name": {"agreed": "Product A-1", "pms": "Theirs", "local": "Ours"}}}
    requests = simulator.counters()["requests"]
    edit(lamp, name="Ours again")
    push()
    assert simulator.counters()["requests"] == requests


def test_an_edit_that_makes_both_equal_ends_the_conflict_and_its_reason(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    lamp, number = link(pms, simulator)
    edit(lamp, name="Ours")
    apply(pms, "product.updated", edit_there(simulator, number, name="Theirs"))
    assert row_of(lamp).state == "conflict"

    edit(lamp, name="Theirs")
    push()

    row = row_of(lamp)
    assert (row.state, row.why, row.conflict) == ("in_sync", "", {})
    assert there(simulator, number)["version"] == 2


class Capitals(StandardConnector):
    """A PMS that stores brands in capitals."""

    def push_product(self, client: PMSClient, push: ProductPush) -> Report:
        payload = {**push.payload, "brand": str(push.payload.get("brand") or "").upper()}
        return super().push_product(client, replace(push, payload=payload))


class Keeping(StandardConnector):
    """A PMS that removes no variant."""

    def push_product(self, client: PMSClient, push: ProductPush) -> Report:
        there = client.send("GET", f"/products/{push.external_id}").json["variants"]
        sent = {variant["sku"] for variant in push.payload["variants"]}
        variants = [*push.payload["variants"], *(variant for variant in there if variant["sku"] not in sent)]
        return super().push_product(client, replace(push, payload={**push.payload, "variants": variants}))


@pytest.mark.parametrize("owner", ["shared", "local"])
@pytest.mark.parametrize("fault", ["", "half_answer"])
def test_a_pms_that_keeps_a_variant_that_we_have_removed_is_told_once(
    pms: PMSConnection, simulator: SimulatorHere, monkeypatch: pytest.MonkeyPatch, owner: str, fault: str
) -> None:
    monkeypatch.setitem(CONNECTORS, "standard", Keeping())
    variants = [{"sku": sku, "price": "10.00", "currency": "USD"} for sku in ("A-1", "A-2")]
    lamp, number = link(pms, simulator, variants=variants)
    own(pms, content=owner)
    push()
    first = {"sku": "A-1", "price": Decimal("10.00"), "currency": "USD"}
    products.replace_product(product_id=lamp.pk, data={"name": "Product A-1", "variants": [first]})
    if fault:
        simulator.set_faults({fault: 1}, times=1, only="PUT /products")

    push()
    push()
    apply(pms, "product.updated", there(simulator, number))
    sync(pms, resources=["products"])
    push()

    assert (there(simulator, number)["version"], len(there(simulator, number)["variants"])) == (2, 2)
    assert [one.sku for one in lamp.variants.filter(is_archived=False)] == ["A-1"]
    assert row_of(lamp).state == "in_sync"


@pytest.mark.parametrize("owner", ["shared", "local"])
@pytest.mark.parametrize("fault", ["", "timeout_before", "half_answer"])
def test_a_pms_that_stores_a_value_in_its_own_way_is_told_once(
    pms: PMSConnection, simulator: SimulatorHere, monkeypatch: pytest.MonkeyPatch, owner: str, fault: str
) -> None:
    monkeypatch.setitem(CONNECTORS, "standard", Capitals())
    lamp, number = link(pms, simulator)
    own(pms, content=owner)
    push()
    edit(lamp, brand="Acme")
    if fault:
        simulator.set_faults({fault: 1, "timeout_seconds": 0}, times=1, only="PUT /products")
        push()
    push()
    version = there(simulator, number)["version"]

    for _ in range(2):
        apply(pms, "product.updated", there(simulator, number))
        sync(pms, resources=["products"])
        push()

    lamp.refresh_from_db()
    assert (there(simulator, number)["brand"], lamp.brand) == ("ACME", "Acme")
    assert (there(simulator, number)["version"], row_of(lamp).state) == (version, "in_sync")


def test_an_edit_after_a_push_whose_answer_was_lost_goes_out_whatever_the_pms_made_of_the_first(
    pms: PMSConnection, simulator: SimulatorHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONNECTORS, "standard", Capitals())
    lamp, number = link(pms, simulator)
    edit(lamp, brand="Acme")
    simulator.set_faults({"half_answer": 1}, times=1, only="PUT /products")
    push()
    edit(lamp, brand="Best")
    relay_pending()

    push()

    assert (there(simulator, number)["brand"], row_of(lamp).state, row_of(lamp).conflict) == ("BEST", "in_sync", {})


# -- what fails ------------------------------------------------------------------------------------------------------


FAULTS = ["500", "timeout_before", "timeout_after", "half_answer", "wrong_json"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_new_product_is_made_once_whatever_becomes_of_the_answer(
    pms: PMSConnection, simulator: SimulatorHere, fault: str
) -> None:
    lamp = make_product()
    publish(lamp)
    simulator.set_faults({fault: 1, "timeout_seconds": 0}, times=1, only="POST /products")

    push()
    waiting = PMSProductPush.objects.get()
    key = waiting.idempotency_key
    assert (waiting.failures, waiting.attempts, key is None, waiting.due_at > timezone.now()) == (1, 1, False, True)
    row = row_of(lamp)
    assert (row.state, row.why, row.external_id) == ("pending_push", waiting.error, None)
    assert waiting.error
    push()

    (made,) = simulator.state()["products"]
    assert made["version"] == 1
    assert (row_of(lamp).state, row_of(lamp).external_id, row_of(lamp).why) == ("in_sync", made["id"], "")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_change_is_made_once_whatever_becomes_of_the_answer(
    pms: PMSConnection, simulator: SimulatorHere, fault: str
) -> None:
    lamp, number = link(pms, simulator)
    edit(lamp, name="Ours")
    simulator.set_faults({fault: 1, "timeout_seconds": 0}, times=1, only="PUT /products")

    push()
    edit(lamp, name="Ours again")
    relay_pending()
    push()

    found = there(simulator, number)
    assert (found["name"], found["version"]) == ("Ours again", 3)
    row = row_of(lamp)
    assert (row.state, row.agreed["name"]) == ("in_sync", ["Ours again", "Ours again"])


def test_an_edit_there_after_a_push_whose_answer_was_lost_is_taken(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    lamp, number = link(pms, simulator)
    edit(lamp, name="Ours")
    simulator.set_faults({"half_answer": 1}, times=1, only="PUT /products")
    push()
    edit_there(simulator, number, name="Theirs")

    push()

    lamp.refresh_from_db()
    assert (lamp.name, there(simulator, number)["name"], row_of(lamp).state) == ("Theirs", "Theirs", "in_sync")


def test_a_webhook_shows_the_values_of_a_push_whose_answer_was_lost(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    lamp, number = link(pms, simulator)
    edit(lamp, name="Ours", brand="Acme")
    simulator.set_faults({"half_answer": 1}, times=1, only="PUT /products")
    push()
    edited = edit_there(simulator, number, brand="Theirs")

    apply(pms, "product.updated", edited)
    edit(lamp, name="Ours again")
    push()

    lamp.refresh_from_db()
    found = there(simulator, number)
    assert (found["name"], found["brand"], lamp.brand) == ("Ours again", "Theirs", "Theirs")
    assert row_of(lamp).state == "in_sync"


def test_a_refused_product_is_an_error_that_waits_for_the_next_edit(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    taken = simulator.control("products", product("A-1"), 201)
    lamp = make_product()
    publish(lamp)

    push()
    refused = simulator.counters()["requests"]
    for _ in range(2):
        push()

    row = row_of(lamp)
    assert (row.state, "sku_taken" in row.why) == ("error", True)
    assert PMSProductPush.objects.get().idempotency_key is None
    assert simulator.counters()["requests"] == refused
    simulator.control(f"products/{taken['id']}", method="DELETE")
    edit(lamp, name="Lamp 2")
    assert row_of(lamp).state == "error"
    push()
    assert row_of(lamp).state == "in_sync"
    assert [one.get("name") for one in simulator.state()["products"]] == [None, "Lamp 2"]


def test_a_refused_change_is_an_error_and_others_go_on(pms: PMSConnection, simulator: SimulatorHere) -> None:
    lamp, number = link(pms, simulator)
    desk, desk_number = link(pms, simulator, "B-1")
    simulator.control("products", product("C-1"), 201)
    edit(lamp, variants=[{"sku": "C-1", "price": Decimal("1.00")}])
    edit(desk, name="Desk")

    push()
    before = simulator.counters()["requests"]
    push()

    assert (row_of(lamp).state, row_of(desk).state) == ("error", "in_sync")
    assert there(simulator, desk_number)["name"] == "Desk"
    assert simulator.counters()["requests"] == before + 1
    assert there(simulator, number)["version"] == 1


def test_a_wrong_token_refuses_no_product(pms: PMSConnection, simulator: SimulatorHere) -> None:
    lamp, number = link(pms, simulator)
    services.set_outgoing(connection_id=pms.pk, base_url=pms.base_url, credentials={"token": WRONG_TOKEN})
    edit(lamp, name="Ours")

    push()
    assert (row_of(lamp).state, "401" in row_of(lamp).why) == ("pending_push", True)
    services.set_outgoing(connection_id=pms.pk, base_url=pms.base_url, credentials={"token": TOKEN})
    push()

    assert (there(simulator, number)["name"], row_of(lamp).state) == ("Ours", "in_sync")


def test_while_the_circuit_is_open_pushes_wait_and_no_failure_is_counted(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    lamp, number = link(pms, simulator)
    edit(lamp, name="Ours")
    relay_pending()
    later = timezone.now() + timezone.timedelta(seconds=60)
    PMSConnection.objects.update(circuit="open", failures=9, next_try_at=later)
    requests = simulator.counters()["requests"]

    services.push_due_products()

    waiting = PMSProductPush.objects.get()
    assert (waiting.failures, waiting.attempts, waiting.idempotency_key) == (0, 0, None)
    assert simulator.counters()["requests"] == requests
    make_due()
    services.push_due_products()
    assert there(simulator, number)["name"] == "Ours"


@pytest.mark.parametrize("values", [{"is_paused": True}, {"is_active": False}])
def test_nothing_is_sent_while_the_connection_is_off(
    pms: PMSConnection, simulator: SimulatorHere, values: dict[str, bool]
) -> None:
    lamp, number = link(pms, simulator)
    services.update_connection(slug="demo", values=values)
    edit(lamp, name="Ours")
    push()
    assert (there(simulator, number)["version"], row_of(lamp).state) == (1, "pending_push")

    services.update_connection(slug="demo", values={name: not value for name, value in values.items()})
    push()

    assert (there(simulator, number)["name"], row_of(lamp).state) == ("Ours", "in_sync")


def test_a_product_that_cannot_be_sent_stops_no_other(pms: PMSConnection, simulator: SimulatorHere) -> None:
    lamp, _ = link(pms, simulator)
    desk, desk_number = link(pms, simulator, "B-1")
    edit(lamp, name="Lamp")
    edit(desk, name="Desk")
    relay_pending()
    # What was there is no JSON object any more, as after an error of ours.
    PMSProduct.objects.filter(product=lamp).update(payload=[])

    push()

    assert there(simulator, desk_number)["name"] == "Desk"
    waiting = PMSProductPush.objects.get()
    assert (waiting.pms_product.product, waiting.failures, bool(waiting.error)) == (lamp, 1, True)
    assert row_of(lamp).state == "pending_push"


# -- deletions -------------------------------------------------------------------------------------------------------


def deleted_and_edited(pms: PMSConnection, simulator: SimulatorHere) -> tuple[Product, str]:
    lamp, number = link(pms, simulator, status="active")
    simulator.control(f"products/{number}?silent=1", method="DELETE")
    edit(lamp, name="Ours")
    push()
    return lamp, number


def test_a_product_that_the_pms_has_deleted_and_that_was_edited_here_is_a_conflict(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    lamp, _ = deleted_and_edited(pms, simulator)

    row = row_of(lamp)
    assert (row.state, row.why) == (
        "conflict",
        "The PMS has deleted the product, which was edited here since or whose status is ours.",
    )
    lamp.refresh_from_db()
    assert (lamp.status, lamp.name) == ("active", "Ours")
    requests = simulator.counters()["requests"]
    edit(lamp, name="Ours again")
    push()
    assert (simulator.counters()["requests"], row_of(lamp).state) == (requests, "conflict")


def test_the_conflict_of_a_deletion_is_resolved_for_the_pms(pms: PMSConnection, simulator: SimulatorHere) -> None:
    lamp, number = deleted_and_edited(pms, simulator)

    services.resolve_conflict(pms_product_id=row_of(lamp).pk, sides={"publication": "pms"})
    push()

    lamp.refresh_from_db()
    row = row_of(lamp)
    assert (lamp.status, row.state, row.is_deleted, row.external_id) == ("archived", "in_sync", True, number)
    assert len(simulator.state()["products"]) == 1


def test_the_conflict_of_a_deletion_is_resolved_for_us(pms: PMSConnection, simulator: SimulatorHere) -> None:
    lamp, number = deleted_and_edited(pms, simulator)

    services.resolve_conflict(pms_product_id=row_of(lamp).pk, sides={"publication": "local"})
    push()

    row = row_of(lamp)
    assert (row.state, row.external_id == number) == ("in_sync", False)
    assert there(simulator, row.external_id)["name"] == "Ours"
    gone = PMSProduct.objects.get(external_id=number)
    assert (gone.product, gone.is_deleted, gone.conflict) == (None, True, {})


def test_a_product_that_is_deleted_there_and_untouched_here_is_archived(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    lamp, number = link(pms, simulator, status="active")
    tombstone = simulator.control(f"products/{number}?silent=1", method="DELETE")

    apply(pms, "product.deleted", tombstone)
    push()

    lamp.refresh_from_db()
    assert (lamp.status, row_of(lamp).state) == ("archived", "in_sync")
    assert simulator.state()["products"] == [tombstone]


# -- a webhook that is faster than the answer ------------------------------------------------------------------------


@pytest.mark.parametrize("is_edited", [False, True])
def test_a_webhook_about_a_new_product_that_comes_before_the_answer_leaves_one_link(
    pms: PMSConnection, simulator: SimulatorHere, is_edited: bool
) -> None:
    lamp = make_product()
    publish(lamp)
    simulator.set_faults({"half_answer": 1}, times=1, only="POST /products")
    push()
    (made,) = simulator.state()["products"]

    apply(pms, "product.created", made)
    if is_edited:
        edit(lamp, name="Lamp 2")
    row = row_of(lamp)
    assert (row.external_id, row.conflict, PMSProduct.objects.count()) == (made["id"], {}, 1)
    push()

    assert [one["id"] for one in simulator.state()["products"]] == [made["id"]]
    row = row_of(lamp)
    assert (row.state, row.external_id, PMSProduct.objects.count()) == ("in_sync", made["id"], 1)
    assert there(simulator, made["id"])["name"] == ("Lamp 2" if is_edited else "Lamp")
    assert simulator.counters()["products.repeated"] == 1


def test_a_webhook_about_a_new_product_that_was_edited_there_is_no_conflict(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    lamp = make_product()
    publish(lamp)
    simulator.set_faults({"half_answer": 1}, times=1, only="POST /products")
    push()
    (made,) = simulator.state()["products"]
    edited = edit_there(simulator, made["id"], name="Theirs")

    apply(pms, "product.updated", edited)
    push()

    lamp.refresh_from_db()
    assert (lamp.name, row_of(lamp).state, row_of(lamp).conflict) == ("Theirs", "in_sync", {})


def test_what_is_linked_by_a_sync_before_it_is_sent_is_not_made_there(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    lamp = make_product(name="Product A-1")
    publish(lamp)
    made = simulator.control("products", product(), 201)

    sync(pms, resources=["products"])
    push()

    assert [one["id"] for one in simulator.state()["products"]] == [made["id"]]
    assert (row_of(lamp).external_id, PMSProduct.objects.count()) == (made["id"], 1)


# -- who is told -----------------------------------------------------------------------------------------------------


def test_what_one_pms_has_changed_another_one_is_told(pms: PMSConnection, simulator: SimulatorHere) -> None:
    lamp, number = link(pms, simulator)
    with another_simulator() as other:
        connect(other, "other")
        services.publish_products(product_ids=[lamp.pk], connections=["other"])
        push()
        apply(pms, "product.updated", edit_there(simulator, number, name="Theirs"))
        push()
        assert [one["name"] for one in other.state()["products"]] == ["Theirs"]
        assert there(simulator, number)["version"] == 2


def test_two_pms_that_own_the_same_fields_undo_each_other_s_values_no_further_than_they_tell_them(
    simulator: SimulatorHere,
) -> None:
    """Each report holds until the next: undone by pushes, the two would go on without an end."""
    owned = {"content": "pms", "price": "shared", "publication": "shared"}
    with another_simulator() as second:
        one, two = connect(simulator, "one", **owned), connect(second, "two", **owned)
        lamp, _ = link(one, simulator, name="First")
        link(two, second, name="Second")
        relay_pending()

        for _ in range(3):
            push()

        lamp.refresh_from_db()
        version = lamp.version
        assert lamp.name == "Second"
        push()
        lamp.refresh_from_db()
        assert (lamp.version, PMSProductPush.objects.count()) == (version, 0)
        edit(lamp, brand="Ours")
        push()
        assert set(PMSProduct.objects.with_state().values_list("state", flat=True)) == {"in_sync"}


def test_a_batch_of_changes_is_recorded_by_a_constant_number_of_statements(
    pms: PMSConnection, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    note_full_run(pms)
    services.update_connection(slug="demo", values={"publishes": {"mode": "all"}})
    made = [make_product(f"A-{number}", status="active").pk for number in range(30)]
    for number in (1, 30):
        with django_assert_num_queries(3):
            record_changes({pk: ["system"] for pk in made[:number]})
        with django_assert_num_queries(2):
            record_changes({pk: ["system", "user:1"] for pk in made[:number]})

    assert PMSProductPush.objects.count() == 30


def test_a_product_without_a_link_is_told_to_nobody(pms: PMSConnection, simulator: SimulatorHere) -> None:
    lamp = make_product()
    edit(lamp, name="Lamp 2")

    push()

    assert (PMSProduct.objects.count(), simulator.counters().get("requests", 0)) == (0, 0)


def test_an_archived_product_is_not_made_there(pms: PMSConnection, simulator: SimulatorHere) -> None:
    lamp = make_product()
    publish(lamp)
    products.archive_product(product_id=lamp.pk)

    push()

    assert (PMSProduct.objects.count(), PMSProductPush.objects.count()) == (0, 0)
    assert simulator.state()["products"] == []
