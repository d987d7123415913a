"""`POST /api/v1/products/bulk/`: products by their SKUs."""

from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from products import services
from products.models import Product, Variant
from products.serializers import ProductInputSerializer
from tests.concurrency.threads import at_once
from tests.conftest import JSONClient
from tests.factories import make_product
from tests.products.recorded import recorded

BULK = "/api/v1/products/bulk/"

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def row(sku: str, **more: object) -> dict:
    return {"name": "Lamp", "variants": [{"sku": sku, "price": "10.00"}], **more}


def sent(client: JSONClient, *rows: object, status: int = 200, **more: object) -> dict:
    response = client.post(BULK, {"products": list(rows), **more})
    assert response.status_code == status, response.content
    return response.json()


def test_each_row_has_its_own_outcome(editor: JSONClient):
    lamp, other = make_product("A-1"), make_product("B-1")

    body = sent(editor, row("C-1"), row("a-1", brand="Lux"), row("B-1"), {"name": "", "variants": [{"sku": "D-1"}]})

    created = Product.objects.get(variants__sku="C-1")
    assert body["summary"] == {"created": 1, "updated": 1, "unchanged": 1, "rejected": 1}
    assert body["results"][:3] == [
        {"index": 0, "status": "created", "id": created.pk, "errors": []},
        {"index": 1, "status": "updated", "id": lamp.pk, "errors": []},
        {"index": 2, "status": "unchanged", "id": other.pk, "errors": []},
    ]
    rejected = body["results"][3]
    assert (rejected["index"], rejected["status"]) == (3, "rejected")
    assert [(error["pointer"], error["code"]) for error in rejected["errors"]] == [("/name", "blank")]
    assert recorded()[2:] == [("product.created", f"product:{created.pk}"), ("product.updated", f"product:{lamp.pk}")]


def test_a_row_that_a_rule_refuses_stops_no_other(editor: JSONClient):
    body = sent(editor, row("A-1", status="active", variants=[{"sku": "A-1"}]), row("B-1", category="x"), row("C-1"))

    assert [result["status"] for result in body["results"]] == ["rejected", "rejected", "created"]
    assert body["results"][0]["errors"][0]["code"] == "price_missing"
    assert body["results"][1]["errors"][0]["code"] == "category_not_found"
    assert list(Variant.objects.values_list("sku", flat=True)) == ["C-1"]
    assert len(recorded()) == 1


def test_skus_of_two_products_in_one_row_are_a_conflict(editor: JSONClient):
    make_product("A-1")
    make_product("B-1")

    body = sent(editor, {"name": "Both", "variants": [{"sku": "A-1"}, {"sku": "B-1"}]})

    assert body["results"][0]["errors"][0]["code"] == "sku_taken"
    assert len(recorded()) == 2


def test_two_rows_for_one_product_are_refused(editor: JSONClient):
    body = sent(editor, row("A-1"), row("a-1", name="Other"))

    assert [result["status"] for result in body["results"]] == ["created", "rejected"]
    assert body["results"][1]["errors"][0]["code"] == "duplicate_product"
    assert Product.objects.get().name == "Lamp"


def test_two_rows_with_one_handle_are_a_conflict(editor: JSONClient):
    body = sent(editor, row("A-1", handle="lamp"), row("B-1", handle="lamp"))

    assert [result["status"] for result in body["results"]] == ["created", "rejected"]
    assert body["results"][1]["errors"][0]["code"] == "handle_taken"


def test_a_made_handle_leaves_a_given_one_alone(editor: JSONClient):
    body = sent(editor, row("A-1"), row("B-1", handle="lamp"))

    assert body["summary"] == {"created": 2}
    assert Product.objects.get(variants__sku="B-1").handle == "lamp"


def test_atomic_writes_all(editor: JSONClient):
    assert sent(editor, row("A-1"), row("B-1"), atomic=True)["summary"] == {"created": 2}


def test_atomic_with_an_invalid_row_is_422_and_writes_nothing(editor: JSONClient):
    body = sent(editor, row("A-1"), row("B-1", name=""), atomic=True, status=422)

    assert body["code"] == "bulk_rejected"
    assert [(error["pointer"], error["code"]) for error in body["errors"]] == [("/1/name", "blank")]
    assert not Product.objects.exists()
    assert recorded() == []


def test_atomic_with_a_rule_that_refuses_is_422_and_writes_nothing(editor: JSONClient):
    body = sent(editor, row("A-1"), row("B-1", category="x"), atomic=True, status=422)

    assert [(error["pointer"], error["code"]) for error in body["errors"]] == [("/1/category", "category_not_found")]
    assert not Product.objects.exists()
    assert recorded() == []


def test_atomic_with_a_conflict_is_409_and_writes_nothing(editor: JSONClient):
    make_product("A-1", handle="lamp")

    body = sent(editor, row("B-1"), row("C-1", handle="lamp"), atomic=True, status=409)

    assert body["code"] == "bulk_rejected"
    assert [(error["pointer"], error["code"]) for error in body["errors"]] == [("/1/handle", "handle_taken")]
    assert Product.objects.count() == 1
    assert len(recorded()) == 1


@pytest.mark.parametrize(
    "body", [{}, {"products": []}, {"products": [1]}, {"products": "x"}, {"products": [{}] * 1_001}]
)
def test_an_invalid_bulk_is_422(editor: JSONClient, body: dict):
    assert editor.post(BULK, body).status_code == 422
    assert not Product.objects.exists()


def queries_of(client: JSONClient, rows: list[dict], summary: dict[str, int]) -> int:
    client.get("/api/v1/products/")  # caches the API key, whose lookup is not counted
    with CaptureQueriesContext(connection) as queries:
        body = sent(client, *rows)
    assert body["summary"] == summary
    return len(queries)


def test_it_costs_the_same_queries_however_many_rows_there_are(editor: JSONClient):
    few = [row(f"A-{number}", name=f"A {number}") for number in range(10)]
    many = [row(f"B-{number}", name=f"B {number}") for number in range(1_000)]

    created = [queries_of(editor, rows, {"created": len(rows)}) for rows in (few, many)]
    for changed in (*few, *many):
        changed |= {"brand": "Lux", "variants": [{**changed["variants"][0], "price": "11.00"}]}
    updated = [queries_of(editor, rows, {"updated": len(rows)}) for rows in (few, many)]
    unchanged = [queries_of(editor, rows, {"unchanged": len(rows)}) for rows in (few, many)]

    assert created[0] == created[1] <= 10
    assert updated[0] == updated[1] <= 10
    assert unchanged[0] == unchanged[1] <= 7


@pytest.mark.django_db(transaction=True)
def test_two_bulks_of_the_same_products_at_once_make_each_once():
    rows = [
        (index, ProductInputSerializer().run_validation(row(f"A-{index}", name=f"N {index}"))) for index in range(20)
    ]

    results = at_once(
        [partial(services.upsert_products, rows=rows), partial(services.upsert_products, rows=rows[::-1])]
    )

    statuses = sorted(outcome.status for outcomes in results for outcome in outcomes)
    assert statuses == ["created"] * 20 + ["unchanged"] * 20
    assert Product.objects.count() == Variant.objects.count() == 20
    assert len(recorded()) == 20


def test_a_variant_is_known_by_its_id_too(editor: JSONClient):
    lamp = make_product("A-1")

    body = sent(editor, {"name": "Lamp", "variants": [{"id": lamp.variants.get().pk, "sku": "A-2"}]})

    assert body["results"] == [{"index": 0, "status": "updated", "id": lamp.pk, "errors": []}]
    assert [variant.sku for variant in lamp.variants.all()] == ["A-2"]


def test_an_archived_variant_comes_back_and_left_out_ones_stay(editor: JSONClient):
    lamp = make_product(variants=[{"sku": "A-1"}, {"sku": "A-2"}, {"sku": "A-3"}])
    editor.put(f"/api/v1/products/{lamp.pk}/", {"name": "Lamp", "variants": [{"sku": "A-1"}, {"sku": "A-3"}]})

    body = sent(editor, row("a-2"))

    assert body["results"][0]["id"] == lamp.pk
    assert sorted(lamp.variants.filter(is_archived=False).values_list("sku", flat=True)) == ["A-1", "A-3", "a-2"]


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"category": "x"}, "/category", "category_not_found"),
        ({"options": [{"name": "Size", "values": ["S"]}]}, "/variants/0/options", "options_do_not_fit"),
        ({"variants": [{"sku": "B-1", "barcode": "4006381333930"}]}, "/variants/0/barcode", "invalid_barcode"),
        ({"variants": [{"sku": "B-1"}, {"sku": "C-1"}]}, "/variants", "sku_taken"),
        ({"variants": [{"sku": "B-1", "id": 1}]}, "/variants/0/id", "unknown_variant"),
        ({"handle": "lamp"}, "/handle", "handle_taken"),
    ],
)
def test_a_refused_row_says_where_in_the_row(editor: JSONClient, change: dict, pointer: str, code: str):
    make_product("A-1", handle="lamp")
    make_product("B-1", name="Chair")
    make_product("C-1", name="Desk")

    body = sent(editor, {**row("B-1"), **change})

    errors = [(one["pointer"], one["code"]) for one in body["results"][0]["errors"]]
    assert (body["summary"], errors) == ({"rejected": 1}, [(pointer, code)])


def upserted(**data: object) -> tuple[str, list[str]]:
    valid = ProductInputSerializer().run_validation({k: v for k, v in data.items() if k not in ("id", "is_whole")})
    internal = {name: data[name] for name in ("id", "is_whole") if name in data}
    (outcome,) = services.upsert_products(rows=[(0, {**valid, **internal})])
    return outcome.status, [error.code for error in outcome.errors]


def test_an_internal_row_may_name_the_product_by_id():
    lamp = make_product("A-1")

    assert upserted(id=lamp.pk, **row("B-1")) == ("updated", [])
    assert sorted(lamp.variants.values_list("sku", flat=True)) == ["A-1", "B-1"]
    assert upserted(id=lamp.pk + 1, **row("C-1")) == ("rejected", ["product_not_found"])
    make_product("D-1", name="Chair")
    assert upserted(id=lamp.pk, **row("D-1")) == ("rejected", ["sku_taken"])


def test_a_whole_product_of_another_system_restores_an_archived_one():
    make_product("A-1", status="archived")

    assert upserted(status="active", **row("A-1")) == ("rejected", ["product_archived"])
    assert upserted(status="active", is_whole=True, **row("A-1")) == ("updated", [])
    assert Product.objects.get().status == "active"


def test_the_api_ignores_the_id_of_a_product(editor: JSONClient):
    lamp = make_product("A-1")

    body = sent(editor, {"id": lamp.pk, **row("B-1")})

    assert body["summary"] == {"created": 1}
