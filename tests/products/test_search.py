"""Search in the catalogue: matches, their order, and hostile input."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from products import services
from products.models import Product
from products.search import MAX_DOCUMENT_BYTES, MAX_SEARCH_LENGTH, document_of
from tests.conftest import JSONClient
from tests.factories import make_product, make_variant

PRODUCTS = "/api/v1/products/"

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def found(client: JSONClient, search: str, **query: object) -> list[str]:
    response = client.get(PRODUCTS, {"search": search, **query})
    assert response.status_code == 200, response.content
    return [product["name"] for product in response.json()["results"]]


@pytest.fixture
def lamp() -> Product:
    return make_product(
        "A-100/B",
        name="Night lamp 60 cm",
        brand="Lux & Søn",
        tags=["bed side"],
        description="<p class='fancy'>Warm&nbsp;<b>light</b> for caf&eacute;s</p>",
    )


FOUND = (
    *("night", "NIGHT", "nig", "n", "lamp night", "60", "Lux", "side", "light", "warm", "cafés", "cafes", "CAFÉ"),
    *("A-100/B", "a-100/b", "A-100", "a-10", "100", "b", "A 100 B", "a-100/b night", "lux & lamp", "søn", "- lamp"),
)
NOT_FOUND = ("amp", "night chair", "fancy", "class", "p", "nbsp", "eacute", "A-200", "1001", "lamp 100/x")
ODD = (
    *("'", "''", "\\", "'\\'", "&", "|", "!", "<->", ":*", "(", "lamp:*A", "lamp' | 'chair", "lamp & !night", "%", "="),
    *("lamp\n\t\r\x0b", "\x01lamp", "\u0301", "💡", "\ufdfa" * 250, "a " * 120, "%s %(x)s", "' OR 1=1 --"),
    "x" * MAX_SEARCH_LENGTH,
)


def test_every_word_is_found_by_its_beginning(reader: JSONClient, lamp: Product):
    assert [search for search in FOUND if found(reader, search) != [lamp.name]] == []


def test_nothing_else_is_found(reader: JSONClient, lamp: Product):
    assert [search for search in NOT_FOUND if found(reader, search) != []] == []


def test_any_input_is_safe(reader: JSONClient, lamp: Product):
    assert [search for search in ODD if found(reader, search) not in ([], [lamp.name])] == []


@pytest.mark.parametrize("search", ["x" * (MAX_SEARCH_LENGTH + 1), "x " * 1_000, "a\0b"])
def test_a_search_that_is_too_long_or_no_text_is_422(reader: JSONClient, search: str):
    response = reader.get(PRODUCTS, {"search": search})

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/search"


def test_an_empty_search_finds_nothing(reader: JSONClient, lamp: Product):
    assert found(reader, "") == found(reader, "  ") == []


def test_matches_with_more_weight_come_first_then_the_newest(reader: JSONClient):
    make_product("A", name="described", description="a lamp")
    make_product("B", name="branded", brand="lamp")
    make_product("C", name="lamp")
    make_product("D", name="also described", description="a lamp")

    assert found(reader, "lamp") == ["lamp", "branded", "also described", "described"]


def test_a_whole_sku_comes_before_those_that_begin_with_it(reader: JSONClient):
    for sku in ("A-1", "A-10", "A-1/B"):
        make_product(sku, name=sku)

    assert found(reader, "a-1") == ["A-1", "A-1/B", "A-10"]


def test_another_ordering_and_filters_go_with_a_search(reader: JSONClient):
    for name, status in (("b lamp", "draft"), ("a lamp", "active"), ("c lamp", "archived"), ("chair", "active")):
        make_product(name, name=name, status=status)

    assert found(reader, "lamp", ordering="-name") == ["b lamp", "a lamp"]
    assert found(reader, "lamp", status="any", ordering="name") == ["a lamp", "b lamp", "c lamp"]
    assert found(reader, "lamp", status="active") == ["a lamp"]


def test_a_storefront_finds_what_is_published(storefront: JSONClient):
    make_product("A-1", name="draft lamp")
    make_product("B-1", name="published lamp", status="active")

    assert found(storefront, "lamp") == ["published lamp"]
    assert found(storefront, "draft") == found(storefront, "a-1") == []


def test_every_write_updates_what_a_search_finds(reader: JSONClient, lamp: Product):
    services.update_product(
        product_id=lamp.pk, data={"name": "Chair", "description": "", "variants": [{"sku": "A-100/B", "price": 1}]}
    )
    make_variant("Z-9", product=lamp)

    assert found(reader, "night") == found(reader, "light") == []
    assert found(reader, "chair") == found(reader, "z-9") == found(reader, "lux") == ["Chair"]


def test_a_bulk_is_found_too(editor: JSONClient):
    rows = [{"name": f"Bulk {number}", "variants": [{"sku": f"BULK-{number}"}]} for number in range(20)]
    assert editor.post(f"{PRODUCTS}bulk/", {"products": rows}).json()["summary"] == {"created": 20}

    assert found(editor, "bulk-7") == ["Bulk 7"]


def test_ranked_pages_hold_each_product_once(reader: JSONClient):
    for number in range(25):
        make_product(f"L-{number}", name="lamp", description="lamp " * (number % 3))

    url, skus = f"{PRODUCTS}?search=lamp&page_size=4", []
    while url:
        page = reader.get(url).json()
        skus += [product["variants"][0]["sku"] for product in page["results"]]
        url = page["next"]

    assert len(skus) == 25
    assert set(skus) == {f"L-{number}" for number in range(25)}


def test_of_very_many_matches_the_newest_are_ranked(reader: JSONClient, monkeypatch):
    monkeypatch.setattr("products.sorting.MAX_RANKED", 2)
    for name in ("lamp", "new", "newest"):
        make_product(name, name=name, description="lamp")
    make_product("hidden", name="lamp hidden", status="archived")

    assert found(reader, "lamp") == ["newest", "new"]


def test_a_search_costs_one_statement_and_uses_the_index(reader: JSONClient):
    make_product("A-1")
    with connection.cursor() as cursor:
        # They have no variants, which is nothing to a search and everything to a trigger.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "INSERT INTO products_product"
            " (handle, name, description, brand, status, tags, attributes, options, version, search_document)"
            " SELECT 'p-' || n, 'p' || n, '', '', 'draft', '{}', '{}', '[]', 1, ('''word' || n || ''':1A')::tsvector"
            " FROM generate_series(10001, 30000) AS n"
        )
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute("ANALYZE products_product")

    reader.get(PRODUCTS)  # caches the API key, whose lookup is not counted
    with CaptureQueriesContext(connection) as queries:
        assert found(reader, "word12345") == ["p12345"]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {queries[0]['sql']}")
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert len(queries) == 1
    assert "products_product_search" in plan
    assert "Seq Scan on products_product " not in plan


def test_the_longest_product_can_be_stored_and_found(reader: JSONClient):
    # Words of which each letter becomes eighteen.
    make_product("A-1", name="Long", description=" ".join("ﷺ" * number for number in range(1, 360)))
    make_product("\ufdfa" * 70, name="SKU", description="<a" * 30_000)

    assert found(reader, "long") == ["Long"]
    assert found(reader, "\ufdfa" * 70) == ["SKU", "Long"]


def test_a_document_has_a_maximal_length():
    words = " ".join(f"word{number:05}" for number in range(100_000))

    document = document_of(name="first", skus=["A-1"], brand="", tags=[], description=words)

    assert document.startswith("'first':1A '=a-1':2A 'a-1':3A 'a':4A '1':5A 'word00000':6D")
    assert document.count("'word") == (MAX_DOCUMENT_BYTES - len("first=a-1a-1a1")) // len("word00000")
    assert "word99999" not in document
