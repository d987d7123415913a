"""Reads of the catalogue: the list, the detail of one product, filters, and visibility."""

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator, FormatChecker

from inventory import services as inventory
from pms_backend.events.models import Event
from products.models import Category, ImageFile, ProductImage
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, make_variant, set_stock

PRODUCTS = "/api/v1/products/"

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def names(client: JSONClient, **query: object) -> list[str]:
    response = client.get(PRODUCTS, query)
    assert response.status_code == 200, response.content
    return [product["name"] for product in response.json()["results"]]


def test_the_list_has_drafts_and_active_products_newest_first(reader: JSONClient):
    for number, status in enumerate(["draft", "active", "archived"]):
        make_product(f"A-{number}", name=status, status=status)

    assert names(reader) == ["active", "draft"]
    assert names(reader, status="archived") == ["archived"]
    assert names(reader, status="any") == ["archived", "active", "draft"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"brand": "Lux"}, ["Lamp"]),
        ({"brand": "lux"}, []),
        ({"handle": "big-chair"}, ["Chair"]),
        ({"category": "seats"}, ["Chair"]),
        ({"tag": "led"}, ["Lamp"]),
        ({"tag": "le"}, []),
        ({"sku": "a-1"}, ["Lamp"]),
        ({"sku": " A-2 "}, ["Lamp"]),
        ({"sku": "A"}, []),
        ({"sku": "x" * 256}, []),
        ({"barcode": "123"}, ["Chair"]),
        ({"status": "active", "brand": "Lux"}, []),
        ({"in_stock": "true"}, ["Lamp"]),
        ({"in_stock": "false"}, ["Chair"]),
        ({"in_stock": "1"}, ["Lamp"]),
        ({"in_stock": ""}, []),
    ],
)
def test_a_filter_finds_matching_products(reader: JSONClient, query: dict, expected: list[str]):
    Category.objects.create(name="Seats", slug="seats")
    lamp = make_product("A-1", brand="Lux", tags=["led", "new"])
    make_variant("A-2", product=lamp)
    make_product("B-1", name="Chair", handle="big-chair", category="seats", barcode="123", status="active")
    set_stock("A-2", make_location(), 1)

    assert names(reader, **query) == expected


def test_updated_after_is_exclusive(reader: JSONClient):
    older = make_product("A-1", name="older")
    make_product("B-1", name="newer")

    assert names(reader, updated_after=older.updated_at.isoformat()) == ["newer"]


def test_stock_is_summed_over_the_active_locations(reader: JSONClient):
    product = make_product("A-1")
    north, south, closed = make_location("north"), make_location("south"), make_location("closed")
    for location, on_hand in ((north, 3), (south, 4), (closed, 5)):
        set_stock("A-1", location, on_hand)
    set_stock("A-1", closed, 0)
    inventory.update_location(code="closed", values={"is_active": False})

    for shown in (reader.get(f"{PRODUCTS}{product.pk}/").json(), reader.get(PRODUCTS).json()["results"][0]):
        assert shown["variants"][0]["stock"] == {"on_hand": 7, "reserved": 0, "available": 7}


def test_only_callers_who_may_write_products_see_the_cost(reader: JSONClient, editor: JSONClient):
    product = make_product("A-1", cost="3.00")

    for url in (PRODUCTS, f"{PRODUCTS}{product.pk}/"):
        assert b'"cost"' not in reader.get(url).content
        assert b'"cost":"3.00"' in editor.get(url).content


def test_a_storefront_sees_published_products_without_cost(storefront: JSONClient):
    published = make_product("A-1", name="published", status="active", cost="3.00")
    unpublished = [make_product("B-1", status="draft"), make_product("C-1", status="archived")]

    assert names(storefront) == names(storefront, status="any") == ["published"]
    assert names(storefront, status="draft") == []
    assert storefront.get(f"{PRODUCTS}{published.pk}/").status_code == 200
    assert b'"cost"' not in storefront.get(f"{PRODUCTS}{published.pk}/").content
    assert [storefront.get(f"{PRODUCTS}{product.pk}/").status_code for product in unpublished] == [404, 404]


def test_ready_images_are_ordered_by_position_and_have_absolute_urls(reader: JSONClient):
    product = make_product("A-1")
    file = ImageFile.objects.create(sha256="0" * 64, file="b.png", width=3, height=2, size_bytes=1)
    other = ImageFile.objects.create(
        sha256="1" * 64, file="c.png", thumbnail="t/c.png", width=5, height=4, size_bytes=1
    )
    last = ProductImage.objects.create(product=product, image_file=file, position=2, alt="last")
    first = ProductImage.objects.create(product=product, image_file=other, position=1)
    ProductImage.objects.create(product=product, source_url="https://example.com/x.png", status="pending")

    shown = reader.get(f"{PRODUCTS}{product.pk}/").json()
    media = f"http://testserver{settings.MEDIA_URL}"

    assert shown["images"] == [
        {
            "id": first.pk, "url": f"{media}c.png", "thumbnail_url": f"{media}t/c.png", "alt": "", "position": 1,
            "width": 5, "height": 4,
        },
        {
            "id": last.pk, "url": f"{media}b.png", "thumbnail_url": None, "alt": "last", "position": 2,
            "width": 3, "height": 2,
        },
    ]  # fmt: skip
    assert reader.get(PRODUCTS).json()["results"] == [shown]


def test_the_list_the_detail_and_the_event_represent_a_product_equally(editor: JSONClient):
    product = make_product("A-1", attributes={"a": [1, None]}, tags=["x"], cost="3.00", status="active")
    event = Event.objects.filter(type="product.created").get().data["product"]

    shown = editor.get(f"{PRODUCTS}{product.pk}/").json()

    assert editor.get(PRODUCTS).json()["results"] == [shown]
    not_in_event = {"cost", "stock"}
    variants = [{name: variant[name] for name in variant if name not in not_in_event} for variant in shown["variants"]]
    assert {**shown, "variants": variants} == event


def test_the_filter_by_category_includes_its_subcategories(reader: JSONClient):
    top = Category.objects.create(name="Home", slug="home")
    below = Category.objects.create(name="Lights", slug="lights", parent=top)
    Category.objects.create(name="Lamps", slug="lamps", parent=below)
    for slug in ("home", "lights", "lamps", None):
        make_product(str(slug), name=str(slug), category=slug)

    assert names(reader, category="home") == ["lamps", "lights", "home"]
    assert names(reader, category="lights") == ["lamps", "lights"]
    assert names(reader, category="none") == []


def test_the_detail_shows_an_archived_product(reader: JSONClient):
    product = make_product(status="archived")

    assert reader.get(f"{PRODUCTS}{product.pk}/").json()["status"] == "archived"


def test_variants_are_ordered_by_position(reader: JSONClient):
    variants = [{"sku": "A", "position": 2}, {"sku": "B", "position": 1}, {"sku": "C", "position": 1}]
    product = make_product(variants=variants)

    shown = reader.get(f"{PRODUCTS}{product.pk}/").json()["variants"]

    assert [variant["sku"] for variant in shown] == ["B", "C", "A"]


def test_the_number_of_queries_does_not_depend_on_the_number_of_products(reader: JSONClient):
    Category.objects.create(name="Lights", slug="lights")
    make_product("A-0", category="lights")

    def query_count() -> int:
        reader.get(PRODUCTS)  # caches the API key, whose lookup is not counted
        with CaptureQueriesContext(connection) as queries:
            assert reader.get(PRODUCTS).status_code == 200
        return len(queries)

    with_one_product = query_count()
    for number in range(1, 20):
        product = make_product(f"A-{number}", category="lights")
        make_variant(f"B-{number}", product=product)

    assert with_one_product == query_count() == 1


def test_the_detail_takes_one_query(reader: JSONClient, django_assert_num_queries):
    product = make_product()
    reader.get(PRODUCTS)  # caches the API key, whose lookup is not counted

    with django_assert_num_queries(1):
        reader.get(f"{PRODUCTS}{product.pk}/")


@pytest.fixture(scope="module")
def schema() -> dict:
    return SchemaGenerator().get_schema(request=None, public=True)


def test_responses_match_the_schema(reader: JSONClient, editor: JSONClient, storefront, schema: dict):
    Category.objects.create(name="Lights", slug="lights")
    options = [{"name": "Colour", "values": ["Red", "Blue"]}]
    variants = [{"sku": "A-1", "price": "10.00", "cost": "1.00", "options": {"Colour": "Blue"}}]
    product = make_product(
        status="active", category="lights", attributes={"watts": 5}, options=options, variants=variants
    )
    make_variant("A-2", product=product, compare_at_price="12.00", weight_grams=3, options={"Colour": "Red"})
    make_product("B-1", price=None)
    set_stock("A-1", make_location(), 3)

    def check(name: str, answer: object) -> None:
        component = {**schema, "$ref": f"#/components/schemas/{name}"}
        Draft202012Validator(component, format_checker=FormatChecker()).validate(answer)

    for client in (reader, editor, storefront):
        check("PaginatedProductList", client.get(PRODUCTS).json())
        check("Product", client.get(f"{PRODUCTS}{product.pk}/").json())
    check("Problem", reader.get(f"{PRODUCTS}0/").json())
    check("BulkAnswer", editor.post(f"{PRODUCTS}bulk/", {"products": [{"name": ""}]}).json())
    check("PaginatedCategoryList", reader.get(f"{PRODUCTS}categories/").json())


@pytest.mark.parametrize("status", ["400", "401", "403", "404", "422", "429", "503"])
def test_the_schema_documents_each_error_as_a_problem(schema: dict, status: str):
    answer = schema["paths"]["/api/v1/products/{id}/"]["get"]["responses"][status]

    assert answer["content"] == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


@pytest.mark.parametrize("number", [1e20, -1e300, 2**64 - 1, -(2**63)])
def test_large_numbers_in_the_attributes_are_returned_unchanged(api: JSONClient, number: float):
    product = make_product(attributes={"big": number, "nested": [{"big": number}]})

    shown = api.get(f"{PRODUCTS}{product.pk}/")

    assert shown.json()["attributes"] == {"big": number, "nested": [{"big": number}]}
