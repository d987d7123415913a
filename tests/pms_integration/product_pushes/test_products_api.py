"""`/api/v1/pms/products/`: what is linked, what is in conflict, and what people decide about it."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from pms_backend.access.models import AuditEntry
from pms_backend.events.models import Event
from pms_backend.events.services import relay_pending
from pms_integration import services
from pms_integration.models import PMSConnection, PMSProduct, PMSProductPush
from pms_integration.services.product_pushes.publishing import MAX_PUBLISHED_PRODUCTS
from products import services as products
from products.models import Product
from tests.conftest import ClientWith, JSONClient
from tests.factories import make_connection, make_product
from tests.history import history_writes
from tests.outbound.servers import Names
from tests.pms_integration.product_pushes.running import SHARED, edit, note_full_run, own
from tests.pms_integration.reports import apply, product

pytestmark = [pytest.mark.django_db, pytest.mark.database]

URL = "/api/v1/pms/products/"


def called(slug: str = "demo", **owners: str) -> PMSConnection:
    """A connection whose PMS would be called."""
    pms = make_connection(slug)
    PMSConnection.objects.filter(pk=pms.pk).update(base_url="http://pms.example")
    return own(pms, **{**SHARED, **owners})


@pytest.fixture
def pms(db: None) -> PMSConnection:
    return called()


def told(pms: PMSConnection, number: str = "7", sku: str = "A-1", **more: Any) -> PMSProduct:
    """The PMS tells of a product for the first time."""
    apply(pms, "product.created", product(number, 1, sku, **more))
    return PMSProduct.objects.get(connection=pms, external_id=number)


def audited() -> list[tuple[str, str, dict[str, Any]]]:
    found = AuditEntry.objects.filter(action__startswith="pms_product.").order_by("id")
    return [(entry.action.removeprefix("pms_product."), entry.subject, entry.detail) for entry in found]


def snapshot() -> list[Any]:
    """All that a refused request must leave as it is."""
    rows = PMSProduct.objects.order_by("pk").values_list("pk", "external_id", "product", "agreed", "conflict")
    pushes = PMSProductPush.objects.order_by("pk").values_list("pms_product", "requested_at")
    return [*rows, *pushes, *Product.objects.order_by("pk").values_list("pk", "version"), *audited()]


def refused(answer: Any, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.json()


# -- shown -----------------------------------------------------------------------------------------------------------


def test_a_link_is_shown_with_what_the_pms_told(api: JSONClient, pms: PMSConnection) -> None:
    row = told(pms, shelf_note="Left")

    found = api.get(f"{URL}{row.pk}/").json()

    assert set(found) == {
        "id", "connection", "external_id", "product", "state", "reason", "conflict", "payload",
        "pulled_at", "pushed_at",
    }  # fmt: skip
    assert (found["connection"], found["external_id"], found["product"]) == ("demo", "7", row.product_id)
    assert (found["state"], found["reason"], found["conflict"], found["pushed_at"]) == ("in_sync", "", {}, None)
    assert found["payload"]["shelf_note"] == "Left"
    assert api.get(URL).json()["results"] == [found]


def in_each_state(pms: PMSConnection) -> dict[str, int]:
    """A link in each state, by the state."""
    rows = {}
    for state in ("in_sync", "pending_push", "conflict", "error"):
        rows[state] = told(pms, state, f"{state}-1")
    PMSProductPush.objects.create(pms_product=rows["pending_push"], error="The PMS does not answer.")
    PMSProductPush.objects.create(pms_product=rows["error"], due_at=None, error="The PMS answered 422.")
    rows["conflict"].conflict = rows["error"].conflict = {
        "content": {"name": {"agreed": "A", "pms": "B", "local": "C"}}
    }
    for state in ("conflict", "error"):
        rows[state].save()
    return {state: row.pk for state, row in rows.items()}


def test_the_state_is_the_first_that_fits_and_has_its_reason(api: JSONClient, pms: PMSConnection) -> None:
    rows = in_each_state(pms)
    PMSProductPush.objects.create(pms_product_id=rows["conflict"])

    found = {one["id"]: (one["state"], one["reason"]) for one in api.get(URL).json()["results"]}

    assert found == {
        rows["in_sync"]: ("in_sync", ""),
        rows["pending_push"]: ("pending_push", "The PMS does not answer."),
        rows["conflict"]: ("conflict", ""),
        rows["error"]: ("error", "The PMS answered 422."),
    }


def test_links_are_found_by_state_connection_and_product(api: JSONClient, pms: PMSConnection) -> None:
    rows = in_each_state(pms)
    other = told(called("other"), "1", "B-1")

    def ids(**query: Any) -> list[int]:
        return sorted(one["id"] for one in api.get(URL, query).json()["results"])

    for state, pk in rows.items():
        assert ids(state=state, connection="demo") == [pk]
    assert ids(state="in_sync") == sorted([rows["in_sync"], other.pk])
    assert ids(connection="other") == [other.pk]
    assert ids(product=other.product_id) == [other.pk]
    assert ids(product=other.product_id, connection="demo") == []
    assert api.get(URL, {"state": "lost"}).status_code == 422


def test_the_list_takes_a_constant_number_of_queries(api: JSONClient, pms: PMSConnection) -> None:
    def queries() -> int:
        with CaptureQueriesContext(database) as captured:
            assert api.get(URL).status_code == 200
        return len(captured)

    in_each_state(pms)
    api.get(URL)
    few = queries()
    for number in range(20):
        told(pms, str(number), f"N-{number}")

    assert queries() == few


def test_costs_are_shown_to_callers_with_products_write_alone(client_with: ClientWith, pms: PMSConnection) -> None:
    make_product(cost="3.00", price="9.00")
    told(pms, variants=[{"sku": "A-1", "price": "8.00", "currency": "USD", "cost": "2.00"}])
    row = PMSProduct.objects.get()
    assert set(row.conflict["price"]) == {"variants[A-1].cost", "variants[A-1].price"}

    [reader] = client_with(["pms:read"]).get(URL).json()["results"]
    [writer] = client_with(["pms:read", "products:write"]).get(URL).json()["results"]

    assert writer["conflict"] == row.conflict
    assert writer["payload"]["variants"][0]["cost"] == "2.00"
    assert (set(reader["conflict"]["price"]), reader["payload"]) == ({"variants[A-1].price"}, None)
    resolved = client_with(["pms:write"]).post(f"{URL}{row.pk}/resolve/", {"publication": "pms"}).json()
    assert "cost" not in str(resolved["conflict"])
    assert resolved["payload"] is None


def test_what_is_in_the_answers_is_in_the_schema(api: JSONClient, pms: PMSConnection) -> None:
    row = told(pms)
    schemas = api.get("/api/schema/", {"format": "json"}).json()["components"]["schemas"]

    shown = api.get(f"{URL}{row.pk}/").json()

    assert set(schemas["PMSProduct"]["properties"]) == set(shown)
    assert schemas["PMSProductStateEnum"]["enum"] == ["in_sync", "pending_push", "conflict", "error"]


# -- link ------------------------------------------------------------------------------------------------------------


def ambiguous(pms: PMSConnection) -> tuple[PMSProduct, Product, Product]:
    """A product of the PMS whose barcode two products of ours have."""
    one, other = (make_product(sku, name="Lamp", barcode="b-1", status="active") for sku in ("B-1", "B-2"))
    row = told(pms, name="Theirs", variants=[{"sku": "P-1", "barcode": "b-1", "price": "10.00", "currency": "USD"}])
    assert (row.product, row.match_problem) == (None, "The barcode b-1 belongs to several variants.")
    return row, one, other


def post_link(api: JSONClient, row: PMSProduct, product_id: int | None, **more: Any) -> Any:
    named = {"connection": row.connection.slug, "external_id": row.external_id, "product": product_id}
    return api.post(f"{URL}link/", {**named, **more})


def test_what_could_not_be_matched_is_linked_by_somebody(api: JSONClient, pms: PMSConnection) -> None:
    row, one, other = ambiguous(pms)

    with history_writes() as writes:
        answer = post_link(api, row, one.pk)

    assert (answer.status_code, len(writes)) == (200, 1), answer.json()
    found = answer.json()
    assert (found["id"], found["product"], found["state"]) == (row.pk, one.pk, "conflict")
    assert found["conflict"] == {"content": {"name": {"agreed": None, "pms": "Theirs", "local": "Lamp"}}}
    assert found["reason"] == "Both sides have changed name."
    assert sorted(one.variants.values_list("sku", flat=True)) == ["B-1", "P-1"]
    assert audited() == [("linked", "pms_product:demo/7", {"product": one.pk})]
    conflicts = Event.objects.filter(type="pms.conflict").order_by("id")
    assert [event.data["detail"] for event in conflicts][1:] == ["Both sides have changed name."]
    assert Product.objects.get(pk=other.pk).version == other.version


@pytest.mark.parametrize(("owner", "name", "is_pushed"), [("pms", "Theirs", True), ("local", "Lamp", True)])
def test_the_owner_decides_what_differs_at_the_first_link(
    api: JSONClient, pms: PMSConnection, owner: str, name: str, is_pushed: bool
) -> None:
    own(pms, content=owner, price="pms", publication="pms")
    row, one, _ = ambiguous(pms)

    found = post_link(api, row, one.pk).json()

    one.refresh_from_db()
    assert (one.name, found["conflict"]) == (name, {})
    assert found["state"] == ("pending_push" if owner == "local" else "in_sync")


def test_a_link_that_exists_stays(api: JSONClient, pms: PMSConnection) -> None:
    row = told(pms)
    agreed = row.agreed

    answer = post_link(api, row, row.product_id)

    row.refresh_from_db()
    assert (answer.status_code, answer.json()["state"], row.agreed) == (200, "in_sync", agreed)


def test_what_was_to_be_made_there_is_linked_instead(api: JSONClient, pms: PMSConnection) -> None:
    row, one, _ = ambiguous(pms)
    services.publish_products(product_ids=[one.pk])
    assert PMSProduct.objects.filter(product=one, external_id=None).count() == 1

    assert post_link(api, row, one.pk).json()["product"] == one.pk

    assert PMSProduct.objects.get(product=one) == row


def test_a_product_that_is_linked_to_another_one_of_the_pms_is_refused(api: JSONClient, pms: PMSConnection) -> None:
    row, _, _ = ambiguous(pms)
    linked = told(pms, "8", "C-1")
    before = snapshot()

    answer = post_link(api, row, linked.product_id)

    refused(answer, 409, "product_linked")
    assert answer.json()["detail"] == f"The product {linked.product_id} is linked to 8 of the PMS demo."
    assert snapshot() == before


@pytest.mark.parametrize("wrong", [{"connection": "other"}, {"external_id": "9"}, {"product": 999_999_999}])
def test_a_link_of_what_does_not_exist_is_refused(api: JSONClient, pms: PMSConnection, wrong: dict[str, Any]) -> None:
    row, one, _ = ambiguous(pms)
    before = snapshot()

    answer = post_link(api, row, one.pk, **wrong)

    assert answer.status_code == 404
    assert snapshot() == before


def test_a_product_that_the_pms_has_deleted_is_not_linked(api: JSONClient, pms: PMSConnection) -> None:
    row = told(pms, "8", "C-1")
    apply(pms, "product.deleted", {"id": "8", "version": 2})
    lamp = make_product()
    before = snapshot()

    answer = post_link(api, row, lamp.pk)

    assert (answer.status_code, snapshot()) == (409, before)


@pytest.mark.parametrize(
    "wrong",
    [{"connection": ""}, {"external_id": None}, {"product": 0}, {"product": "x"}, {"external_id": "x" * 256}],
)
def test_a_link_that_is_no_link_is_not_valid(api: JSONClient, pms: PMSConnection, wrong: dict[str, Any]) -> None:
    row, one, _ = ambiguous(pms)

    assert post_link(api, row, one.pk, **wrong).status_code == 422


def test_a_link_that_the_catalogue_refuses_changes_nothing(api: JSONClient, pms: PMSConnection) -> None:
    """The PMS's product has SKUs of two of ours: as long as it has, it is neither."""
    one, _ = make_product("B-1"), make_product("B-2")
    variants = [{"sku": sku, "price": "1.00", "options": {"Size": sku}} for sku in ("B-1", "B-2")]
    row = told(pms, variants=variants)
    before = snapshot()

    answer = post_link(api, row, one.pk)

    refused(answer, 409, "sku_taken")
    assert snapshot() == before


# -- resolve ---------------------------------------------------------------------------------------------------------


def disputed(pms: PMSConnection) -> PMSProduct:
    """A link with a conflict in each group."""
    lamp = make_product(name="Ours", price="9.00", currency="EUR", status="draft")
    row = told(pms, name="Theirs", variants=[{"sku": "A-1", "price": "8.00", "currency": "EUR"}])
    assert row.product == lamp
    assert {group: set(fields) for group, fields in row.conflict.items()} == {
        "content": {"name"}, "price": {"variants[A-1].price"}, "publication": {"status"},
    }  # fmt: skip
    return row


@pytest.mark.parametrize("side", ["pms", "local"])
@pytest.mark.parametrize("group", ["content", "price", "publication"])
def test_a_group_is_resolved_for_a_side_and_the_others_stay(
    api: JSONClient, pms: PMSConnection, group: str, side: str
) -> None:
    row = disputed(pms)

    with history_writes() as writes:
        answer = api.post(f"{URL}{row.pk}/resolve/", {group: side})

    assert (answer.status_code, len(writes)) == (200, 1), answer.json()
    found = answer.json()
    assert set(found["conflict"]) == {"content", "price", "publication"} - {group}
    lamp = Product.objects.get()
    ours = {"content": lamp.name, "price": str(lamp.variants.get().price), "publication": lamp.status}
    theirs = {"content": "Theirs", "price": "8.00", "publication": "active"}
    kept = {"content": "Ours", "price": "9.00", "publication": "draft"}
    assert ours == {**kept, **({group: theirs[group]} if side == "pms" else {})}
    assert PMSProductPush.objects.exists() is (side == "local")
    assert (found["state"], row.connection.slug) == ("conflict", "demo")
    assert audited() == [("resolved", "pms_product:demo/7", {group: side})]


def test_all_groups_are_resolved_at_once(api: JSONClient, pms: PMSConnection) -> None:
    row = disputed(pms)

    found = api.post(f"{URL}{row.pk}/resolve/", {"content": "local", "price": "pms", "publication": "pms"}).json()

    assert (found["state"], found["reason"], found["conflict"]) == ("pending_push", "", {})
    lamp = Product.objects.get()
    assert (lamp.name, lamp.variants.get().price, lamp.status) == ("Ours", Decimal("8.00"), "active")


def test_a_conflict_that_is_resolved_stays_resolved_when_the_pms_tells_the_same(
    api: JSONClient, pms: PMSConnection
) -> None:
    row = disputed(pms)
    sides = {"content": "local", "price": "pms", "publication": "pms"}
    api.post(f"{URL}{row.pk}/resolve/", sides)

    variants = [{"sku": "A-1", "price": "8.00", "currency": "EUR"}]
    apply(pms, "product.updated", product("7", 2, name="Theirs", variants=variants))

    row.refresh_from_db()
    assert (row.conflict, Product.objects.get().name) == ({}, "Ours")


def test_an_edit_that_makes_both_equal_ends_a_conflict(api: JSONClient, pms: PMSConnection) -> None:
    row = disputed(pms)
    edit(Product.objects.get(), name="Both")

    variants = [{"sku": "A-1", "price": "8.00", "currency": "EUR"}]
    apply(pms, "product.updated", product("7", 2, name="Both", variants=variants))

    row.refresh_from_db()
    assert set(row.conflict) == {"price", "publication"}


def test_only_a_conflict_is_resolved(api: JSONClient, pms: PMSConnection) -> None:
    row = told(pms)
    before = snapshot()

    answer = api.post(f"{URL}{row.pk}/resolve/", {"content": "pms"})

    refused(answer, 409, "not_in_conflict")
    assert snapshot() == before


def test_what_cannot_be_matched_is_linked_and_not_resolved(api: JSONClient, pms: PMSConnection) -> None:
    row, _, _ = ambiguous(pms)

    refused(api.post(f"{URL}{row.pk}/resolve/", {"content": "local"}), 409, "not_in_conflict")


def test_a_state_that_the_publish_rules_refuse_is_kept_and_says_why(api: JSONClient, pms: PMSConnection) -> None:
    lamp = make_product(price=None)
    own(pms, price="local")
    row = told(pms)
    assert set(row.conflict) == {"publication"}

    # As on a German page: programs read the reason too.
    with translation.override("de"):
        services.resolve_conflict(pms_product_id=row.pk, sides={"publication": "pms"})
    found = api.get(f"{URL}{row.pk}/").json()

    assert (found["conflict"], found["reason"]) == (
        {},
        "Kept as a draft: Every variant of a published product has a price.",
    )
    assert Product.objects.get(pk=lamp.pk).status == "draft"


@pytest.mark.parametrize("wrong", [{}, {"content": "shared"}, {"stock": "pms"}, {"content": None}])
def test_a_resolution_names_a_group_and_a_side(api: JSONClient, pms: PMSConnection, wrong: dict[str, Any]) -> None:
    row = disputed(pms)

    assert api.post(f"{URL}{row.pk}/resolve/", wrong).status_code == 422


def test_an_unknown_link_is_not_resolved(api: JSONClient, pms: PMSConnection) -> None:
    assert api.post(f"{URL}999/resolve/", {"content": "pms"}).status_code == 404


def deleted_and_edited(pms: PMSConnection) -> PMSProduct:
    row = told(pms)
    edit(Product.objects.get(), name="Ours")
    apply(pms, "product.deleted", {"id": "7", "version": 2})
    row.refresh_from_db()
    assert (row.is_deleted, set(row.conflict)) == (True, {"publication"})
    return row


def test_a_deletion_is_resolved_for_the_pms(api: JSONClient, pms: PMSConnection) -> None:
    row = deleted_and_edited(pms)

    found = api.post(f"{URL}{row.pk}/resolve/", {"publication": "pms"}).json()

    assert (found["id"], found["state"], found["conflict"], found["reason"]) == (row.pk, "in_sync", {}, "")
    assert Product.objects.get().status == "archived"
    refused(api.post(f"{URL}{row.pk}/resolve/", {"publication": "pms"}), 409, "not_in_conflict")


def test_a_deletion_is_resolved_for_us(api: JSONClient, pms: PMSConnection) -> None:
    row = deleted_and_edited(pms)

    found = api.post(f"{URL}{row.pk}/resolve/", {"publication": "local"}).json()

    assert (found["state"], found["external_id"], found["product"]) == ("pending_push", None, Product.objects.get().pk)
    assert Product.objects.get().status == "active"
    row.refresh_from_db()
    assert (row.product, row.is_deleted, row.conflict) == (None, True, {})


def test_a_deleted_product_that_comes_back_is_linked_instead_of_made_again(api: JSONClient, pms: PMSConnection) -> None:
    row = told(pms)
    edit(Product.objects.get(), name="Ours")
    relay_pending()
    apply(pms, "product.deleted", {"id": "7", "version": 2})
    api.post(f"{URL}{row.pk}/resolve/", {"publication": "local"})

    event = apply(pms, "product.updated", product("7", 3))

    assert event.status == "processed", event.reason
    found = PMSProduct.objects.get()
    assert (found.pk, found.product, found.is_deleted) == (row.pk, Product.objects.get(), False)
    assert PMSProductPush.objects.get().pms_product == row


def test_other_groups_are_resolved_and_the_deletion_stays(api: JSONClient, pms: PMSConnection) -> None:
    row = disputed(pms)
    apply(pms, "product.deleted", {"id": "7", "version": 2})
    before = Product.objects.get().version

    found = api.post(f"{URL}{row.pk}/resolve/", {"content": "pms", "price": "local"}).json()

    row.refresh_from_db()
    assert (found["state"], set(found["conflict"]), row.is_deleted) == ("conflict", {"publication"}, True)
    assert (Product.objects.get().version, PMSProductPush.objects.exists()) == (before, False)


# -- publish ---------------------------------------------------------------------------------------------------------


def waiting(pms: PMSConnection) -> list[int | None]:
    """The products that are to be made at the PMS."""
    rows = PMSProduct.objects.filter(connection=pms, external_id=None, push__isnull=False)
    return sorted(rows.values_list("product_id", flat=True))


def test_products_are_published_to_the_connections_that_are_named(api: JSONClient, pms: PMSConnection) -> None:
    other, third = called("other"), called("third")
    ids = [make_product(f"A-{number}").pk for number in range(3)]

    answer = api.post(f"{URL}publish/", {"products": ids[:2], "connections": ["demo", "other"]})

    assert (answer.status_code, answer.json()) == (202, {"products": 2, "connections": ["demo", "other"]})
    assert [waiting(one) for one in (pms, other, third)] == [ids[:2], ids[:2], []]
    assert audited() == [("published", "products", {"products": 2, "connections": ["demo", "other"]})]
    assert api.get(URL, {"state": "pending_push"}).json()["results"][0]["external_id"] is None


def test_without_connections_all_that_are_written_to_are_told(api: JSONClient, pms: PMSConnection) -> None:
    make_connection("silent")
    called("off")
    PMSConnection.objects.filter(slug="off").update(is_active=False)
    lamp = make_product()

    for connections in ({}, {"connections": None}):
        answer = api.post(f"{URL}publish/", {"products": [lamp.pk], **connections})
        assert answer.json() == {"products": 1, "connections": ["demo"]}

    assert PMSProduct.objects.get().connection == pms


def test_a_product_that_is_linked_is_pushed_now(api: JSONClient, pms: PMSConnection) -> None:
    row = told(pms)

    assert api.post(f"{URL}publish/", {"products": [row.product_id]}).status_code == 202

    assert PMSProductPush.objects.get().pms_product == row
    assert PMSProduct.objects.count() == 1


def test_a_refused_product_is_pushed_once_more(api: JSONClient, pms: PMSConnection) -> None:
    row = told(pms)
    PMSProductPush.objects.create(pms_product=row, due_at=None, error="The PMS answered 422.")

    api.post(f"{URL}publish/", {"products": [row.product_id]})

    assert PMSProductPush.objects.get().due_at is not None
    assert api.get(f"{URL}{row.pk}/").json()["state"] == "pending_push"


def test_a_product_that_the_pms_has_deleted_is_made_there_anew(api: JSONClient, pms: PMSConnection) -> None:
    row = deleted_and_edited(pms)
    product_id = row.product_id

    assert api.post(f"{URL}publish/", {"products": [product_id]}).status_code == 202

    row.refresh_from_db()
    assert (row.product, row.conflict, waiting(pms)) == (None, {}, [product_id])


def test_products_that_are_unknown_or_archived_are_refused(api: JSONClient, pms: PMSConnection) -> None:
    lamp, gone = make_product("A-1"), make_product("A-2")
    products.archive_product(product_id=gone.pk)
    before = snapshot()

    answer = api.post(f"{URL}publish/", {"products": [lamp.pk, gone.pk, 999_999_999]})

    refused(answer, 422, "product_not_found")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/products/1", "/products/2"]
    assert snapshot() == before


@pytest.mark.parametrize(
    ("slug", "status", "code"), [("nobody", 422, "unknown_connection"), ("silent", 409, "pms_not_called")]
)
def test_a_connection_that_is_not_told_of_products_is_refused(
    api: JSONClient, pms: PMSConnection, slug: str, status: int, code: str
) -> None:
    make_connection("silent")
    lamp = make_product()
    before = snapshot()

    answer = api.post(f"{URL}publish/", {"products": [lamp.pk], "connections": ["demo", slug]})

    refused(answer, status, code)
    assert snapshot() == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"products": []},
        {"products": ["x"]},
        {"products": [0]},
        {"products": [1], "connections": []},
        {"products": [1] * (MAX_PUBLISHED_PRODUCTS + 1)},
    ],
)
def test_a_request_to_publish_has_its_limits(api: JSONClient, pms: PMSConnection, wrong: dict[str, Any]) -> None:
    assert api.post(f"{URL}publish/", wrong).status_code == 422


# -- what a connection publishes by itself ---------------------------------------------------------------------------


def publishing(pms: PMSConnection, *, is_known: bool = True, **publishes: Any) -> None:
    """Publishes all, once a full run has shown what the PMS has."""
    if is_known:
        note_full_run(pms)
    services.update_connection(slug=pms.slug, values={"publishes": {"mode": "all", **publishes}})


@pytest.mark.parametrize(
    ("publishes", "made"),
    [
        ({}, {"plain", "tagged", "branded", "in a category", "all of it"}),
        ({"tags": ["new", "other"]}, {"tagged", "all of it"}),
        ({"brands": ["Acme"]}, {"branded", "all of it"}),
        ({"categories": ["lamps"]}, {"in a category", "all of it"}),
        ({"tags": ["new"], "brands": ["Acme"], "categories": ["lamps"]}, {"all of it"}),
        ({"tags": ["unknown"]}, set()),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_active_products_are_made_there_by_category_tag_and_brand(
    pms: PMSConnection, publishes: dict[str, Any], made: set[str], is_first: bool
) -> None:
    products.create_category(name="Lamps")
    if is_first:
        publishing(pms, **publishes)
    make_product("A", name="plain", status="active")
    make_product("B", name="tagged", status="active", tags=["new", "x"])
    make_product("C", name="branded", status="active", brand="Acme")
    make_product("D", name="in a category", status="active", category="lamps")
    make_product("E", name="all of it", status="active", tags=["new"], brand="Acme", category="lamps")
    make_product("F", name="a draft", tags=["new"], brand="Acme", category="lamps")
    if not is_first:
        publishing(pms, **publishes)

    relay_pending()

    assert set(Product.objects.filter(pk__in=waiting(pms)).values_list("name", flat=True)) == made


def test_a_product_is_made_there_when_it_becomes_active(pms: PMSConnection) -> None:
    publishing(pms, tags=["new"])
    lamp = make_product()
    relay_pending()
    assert waiting(pms) == []

    edit(lamp, tags=["new"])
    relay_pending()
    assert waiting(pms) == []
    products.publish_product(product_id=lamp.pk)
    relay_pending()
    relay_pending()

    assert waiting(pms) == [lamp.pk]


def test_what_is_linked_stays_when_the_connection_publishes_less(pms: PMSConnection) -> None:
    row = told(pms)
    publishing(pms, tags=["new"])
    edit(Product.objects.get(), name="Ours")

    relay_pending()

    assert PMSProductPush.objects.get().pms_product == row


def test_a_connection_that_is_not_written_to_publishes_nothing(pms: PMSConnection) -> None:
    silent = make_connection("silent")
    publishing(silent)
    services.update_connection(slug="demo", values={"publishes": {"mode": "manual"}})
    make_product(status="active")

    relay_pending()

    assert PMSProduct.objects.count() == 0


def test_a_connection_publishes_once_its_pms_is_called(pms: PMSConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch).set("pms.example", ["93.184.216.34"])
    silent = make_connection("silent")
    publishing(silent)
    row, lamp = told(silent), make_product("B-1", status="active")

    services.update_connection(slug="silent", values={"base_url": services.check_base_url("https://pms.example")})

    assert waiting(silent) == [lamp.pk]
    assert PMSProductPush.objects.filter(pms_product=row).exists()


def test_what_one_pms_tells_is_made_at_another_that_publishes_all(pms: PMSConnection) -> None:
    publishing(called("other"))

    row = told(pms)
    relay_pending()

    assert PMSProduct.objects.get(connection__slug="other").product_id == row.product_id
    assert not PMSProductPush.objects.filter(pms_product=row).exists()
