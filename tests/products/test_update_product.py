"""`PATCH /api/v1/products/{id}/`: a merge patch."""

from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from products import services
from products.models import Category, Product, Variant
from tests.concurrency.threads import at_once
from tests.conftest import JSONClient
from tests.factories import make_product, make_variant
from tests.products.recorded import recorded

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def lamp() -> Product:
    return make_product(
        "A-1",
        brand="Lux",
        description="for desks",
        tags=["new", "led"],
        attributes={"watts": 5, "size": {"height": 10, "width": 20}},
    )


def patched(client: JSONClient, product: Product, **change: object) -> dict:
    response = client.patch(f"/api/v1/products/{product.pk}/", change)
    assert response.status_code == 200, response.content
    return response.json()


def test_omitted_fields_stay(editor: JSONClient, lamp: Product):
    before = editor.get(f"/api/v1/products/{lamp.pk}/").json()

    after = patched(editor, lamp, name="Big lamp")

    different = {name for name in before if before[name] != after[name]}
    assert different == {"name", "version", "updated_at"}
    assert (after["name"], after["version"]) == ("Big lamp", 2)
    assert recorded()[1:] == [("product.updated", f"product:{lamp.pk}")]


def test_a_merge_patch_by_its_own_content_type(editor: JSONClient, lamp: Product):
    response = editor.patch(
        f"/api/v1/products/{lamp.pk}/", b'{"brand": "Other"}', content_type="application/merge-patch+json"
    )

    assert (response.status_code, response.json()["brand"]) == (200, "Other")


def test_attributes_are_merged_and_null_removes(editor: JSONClient, lamp: Product):
    after = patched(editor, lamp, attributes={"watts": None, "size": {"width": None, "depth": 30}, "colour": "red"})

    assert after["attributes"] == {"size": {"height": 10, "depth": 30}, "colour": "red"}


def test_lists_are_replaced(editor: JSONClient, lamp: Product):
    assert patched(editor, lamp, tags=["old"])["tags"] == ["old"]


def test_a_category_is_set_and_taken_away(editor: JSONClient, lamp: Product):
    Category.objects.create(name="Lights", slug="lights")

    assert patched(editor, lamp, category="lights")["category"] == "lights"
    assert patched(editor, lamp, category=None)["category"] is None


def test_what_changes_nothing_is_no_change(editor: JSONClient, lamp: Product):
    after = patched(editor, lamp, name="Lamp", tags=["new", "led"], variants=[{"sku": "A-1 ", "price": "10"}])

    assert after["version"] == 1
    assert len(recorded()) == 1


def test_a_variant_is_known_by_its_sku_in_any_case(editor: JSONClient, lamp: Product):
    after = patched(editor, lamp, variants=[{"sku": "a-1", "price": "12.00"}])

    assert [(variant["sku"], variant["price"]) for variant in after["variants"]] == [("a-1", "12.00")]
    assert Variant.objects.get().sku_key == "a-1"


def test_a_variant_is_known_by_its_id_and_may_change_its_sku(editor: JSONClient, lamp: Product):
    variant = lamp.variants.get()

    after = patched(editor, lamp, variants=[{"id": variant.pk, "sku": "B-1"}])

    assert [(found["id"], found["sku"], found["price"]) for found in after["variants"]] == [
        (variant.pk, "B-1", "10.00")
    ]


def test_a_variant_is_known_by_its_id_alone(editor: JSONClient, lamp: Product):
    variant = lamp.variants.get()

    after = patched(editor, lamp, variants=[{"id": variant.pk, "price": "3.00"}])

    assert [(found["sku"], found["price"]) for found in after["variants"]] == [("A-1", "3.00")]


def test_a_variant_without_a_name_is_422(editor: JSONClient, lamp: Product):
    response = editor.patch(f"/api/v1/products/{lamp.pk}/", {"variants": [{"price": "3.00"}]})

    assert response.status_code == 422
    assert [(error["pointer"], error["code"]) for error in response.json()["errors"]] == [("/variants", "required")]


def test_another_variant_is_added_behind_the_others(editor: JSONClient, lamp: Product):
    make_variant("A-2", product=lamp, position=5)

    after = patched(editor, lamp, variants=[{"sku": "A-3"}, {"sku": "A-4"}])

    assert [(variant["sku"], variant["position"]) for variant in after["variants"]] == [
        ("A-1", 0),
        ("A-2", 5),
        ("A-3", 6),
        ("A-4", 7),
    ]


def test_a_variant_of_another_product_is_422(editor: JSONClient, lamp: Product):
    stranger = make_variant("X-1")

    response = editor.patch(f"/api/v1/products/{lamp.pk}/", {"variants": [{"id": stranger.pk, "sku": "X-2"}]})

    assert (response.status_code, response.json()["code"]) == (422, "unknown_variant")
    stranger.refresh_from_db()
    assert stranger.sku == "X-1"


@pytest.mark.django_db(transaction=True)
def test_the_sku_of_another_product_is_409(editor: JSONClient, lamp: Product):
    make_product("B-1")

    response = editor.patch(f"/api/v1/products/{lamp.pk}/", {"variants": [{"sku": "b-1"}]})

    assert (response.status_code, response.json()["code"]) == (409, "sku_taken")
    assert Variant.objects.count() == 2
    assert len(recorded()) == 2


def test_an_active_product_keeps_what_its_rules_ask_for(editor: JSONClient):
    lamp = make_product("A-1", status="active")

    response = editor.patch(f"/api/v1/products/{lamp.pk}/", {"name": "Other", "variants": [{"sku": "B-1"}]})

    assert (response.status_code, response.json()["code"]) == (422, "publish_rules_failed")
    lamp.refresh_from_db()
    assert (lamp.name, lamp.version, lamp.variants.count()) == ("Lamp", 1, 1)
    assert len(recorded()) == 2


@pytest.mark.parametrize(
    ("before", "after", "types"),
    [
        ("draft", "active", ["product.published"]),
        ("active", "draft", ["product.unpublished"]),
        ("draft", "archived", ["product.archived"]),
        ("active", "archived", ["product.archived"]),
        ("draft", "draft", []),
    ],
)
def test_a_change_of_status_has_its_own_event(editor: JSONClient, before: str, after: str, types: list[str]):
    lamp = make_product("A-1", status=before)
    count = len(recorded())

    body = patched(editor, lamp, status=after)

    assert [kind for kind, _ in recorded()[count:]] == types
    assert body["status"] == after
    assert (body["published_at"] is not None) == (after == "active")
    assert body["version"] == (2 if types else 1)


def test_an_edit_and_a_status_are_two_events(editor: JSONClient, lamp: Product):
    body = patched(editor, lamp, status="active", name="Big lamp")

    assert [kind for kind, _ in recorded()[1:]] == ["product.updated", "product.published"]
    assert body["version"] == 2


def test_an_unknown_product_is_404(editor: JSONClient):
    response = editor.patch("/api/v1/products/1/", {"name": "x"})

    assert (response.status_code, response.json()["code"]) == (404, "product_not_found")


@pytest.mark.django_db(transaction=True)
def test_concurrent_changes_are_merged():
    lamp = make_product("A-1", tags=["old"])
    changes = [{"name": "Big lamp"}, {"tags": ["new"]}, {"brand": "Lux"}, {"attributes": {"watts": 5}}]

    results = at_once([partial(services.update_product, product_id=lamp.pk, data=change) for change in changes])

    assert [changed for _, changed in results] == [True] * 4
    lamp.refresh_from_db()
    assert (lamp.name, lamp.tags, lamp.brand, lamp.attributes) == ("Big lamp", ["new"], "Lux", {"watts": 5})
    assert lamp.version == 5
    assert len(recorded()) == 5


@pytest.mark.parametrize(("option", "missing"), [({"name": "Colour"}, "values"), ({"values": ["Blue"]}, "name")])
def test_an_option_is_replaced_as_a_whole(api: JSONClient, option: dict, missing: str):
    small = {"sku": "A-1", "options": {"Size": "S"}}
    product = make_product(options=[{"name": "Size", "values": ["S"]}], variants=[small])

    response = api.patch(f"/api/v1/products/{product.pk}/", {"options": [option]})

    assert response.status_code == 422, response.content
    assert [(error["pointer"], error["code"]) for error in response.json()["errors"]] == [
        (f"/options/0/{missing}", "required")
    ]
    product.refresh_from_db()
    assert product.options == [{"name": "Size", "values": ["S"]}]


def test_null_clears_what_may_be_empty(editor: JSONClient, lamp: Product):
    patched(
        editor, lamp, options=[{"name": "Size", "values": ["S"]}], variants=[{"sku": "A-1", "options": {"Size": "S"}}]
    )
    cleared = {"brand": None, "description": None, "tags": None, "attributes": None, "options": None, "category": None}

    body = patched(
        editor,
        lamp,
        **cleared,
        variants=[{"sku": "A-1", "barcode": None, "name": None, "options": None, "price": None}],
    )

    assert {name: body[name] for name in cleared} == {
        "brand": "",
        "description": "",
        "tags": [],
        "attributes": {},
        "options": [],
        "category": None,
    }
    (variant,) = body["variants"]
    assert (variant["barcode"], variant["name"], variant["options"], variant["price"]) == ("", "", {}, None)


@pytest.mark.parametrize("member", ["name", "variants", "handle", "status"])
def test_null_for_what_a_product_must_have_is_422(editor: JSONClient, lamp: Product, member: str):
    response = editor.patch(f"/api/v1/products/{lamp.pk}/", {member: None})

    assert response.status_code == 422
    assert [(one["pointer"], one["code"]) for one in response.json()["errors"]] == [(f"/{member}", "null")]
    assert len(recorded()) == 1


@pytest.mark.parametrize("change", [{"sku": None}, {"sku": "A-1", "currency": None}, {"sku": "A-1", "position": None}])
def test_null_for_what_a_variant_must_have_is_422(editor: JSONClient, lamp: Product, change: dict):
    response = editor.patch(f"/api/v1/products/{lamp.pk}/", {"variants": [change]})

    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "null")


@pytest.mark.parametrize("status", ["active", "draft"])
def test_an_archived_product_is_restored_first(editor: JSONClient, status: str):
    lamp = make_product(status="archived")
    before = recorded()

    response = editor.patch(f"/api/v1/products/{lamp.pk}/", {"status": status, "name": "Other"})

    assert (response.status_code, response.json()["code"]) == (409, "product_archived")
    lamp.refresh_from_db()
    assert (lamp.status, lamp.name) == ("archived", "Lamp")
    assert recorded() == before


def test_attributes_do_not_grow_past_their_limit_patch_by_patch(editor: JSONClient, lamp: Product):
    patched(editor, lamp, attributes={"first": "x" * 40_000})

    response = editor.patch(f"/api/v1/products/{lamp.pk}/", {"attributes": {"second": "x" * 40_000}})

    assert (response.status_code, response.json()["code"]) == (422, "too_large")
    assert [one["pointer"] for one in response.json()["errors"]] == ["/attributes"]


def test_attributes_that_postgresql_writes_longer_are_patched_too(editor: JSONClient, lamp: Product):
    patched(editor, lamp, attributes={"large": 1e300})

    assert patched(editor, lamp, attributes={"watts": 6})["attributes"]["watts"] == 6


@pytest.mark.parametrize(
    ("variants", "code"),
    [
        ([{"sku": "A-1"}, {"sku": " a-1"}], "duplicate_sku"),
        ([{"id": 1, "sku": "A"}, {"id": 1, "sku": "B"}], "duplicate_variant"),
    ],
)
def test_a_variant_stands_in_a_request_once(editor: JSONClient, lamp: Product, variants: list, code: str):
    response = editor.patch(f"/api/v1/products/{lamp.pk}/", {"variants": variants})

    assert [(one["pointer"], one["code"]) for one in response.json()["errors"]] == [("/variants", code)]


def queries_of(client: JSONClient, method: str, address: str, body: dict) -> int:
    with CaptureQueriesContext(connection) as queries:
        response = getattr(client, method)(address, body)
    assert response.status_code in (200, 201), response.content
    return len(queries)


def test_a_write_costs_the_same_statements_however_many_variants_there_are(editor: JSONClient):
    editor.get("/api/v1/products/")  # caches the API key, whose lookup is not counted
    counts = []
    for number in (2, 100):
        new = [{"sku": f"{number}-{one}", "price": "1.00"} for one in range(number)]
        created = queries_of(editor, "post", "/api/v1/products/", {"name": f"Lamp {number}", "variants": new})
        address = f"/api/v1/products/{Product.objects.latest('id').pk}/"
        dearer = [{**one, "price": "2.00"} for one in new]
        updated = queries_of(editor, "patch", address, {"variants": [*dearer, {"sku": f"{number}-x", "price": "1"}]})
        replaced = queries_of(editor, "put", address, {"name": "Lamp", "variants": [*new[1:], {"sku": f"{number}-y"}]})
        counts.append((created, updated, replaced))

    assert counts[0] == counts[1]
    assert max(counts[0]) <= 12
