"""The orders of the list, and its pages: no product twice, none left out."""

from base64 import urlsafe_b64encode
from urllib.parse import urlencode

import orjson
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from products import services
from products.models import Product
from products.sorting import SORTINGS
from tests.conftest import JSONClient
from tests.factories import make_product

PRODUCTS = "/api/v1/products/"
# Newest first in two ways: the list without filters has a statement of its own.
ORDERINGS = (None, "", *SORTINGS)
# Few distinct values of everything that is sorted by, nothing among them.
INSERT = """
INSERT INTO products_product (handle, name, description, brand, status, published_at, tags, attributes, options,
    version, lowest_price, created_at, updated_at)
SELECT 'p-' || n, 'name ' || n % 3, '', '', CASE n % 2 WHEN 0 THEN 'draft' ELSE 'active' END,
    CASE n % 2 WHEN 1 THEN timestamptz '2026-01-01' + n % 4 * interval '1 day' END, '{}', '{}', '[]', 1,
    nullif(n % 5, 0), timestamptz '2026-01-01' + n % 3 * interval '1 hour', timestamptz '2026-02-01'
FROM generate_series(1, %s) AS n
"""

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def insert(count: int) -> None:
    with connection.cursor() as cursor:
        # They have no variants, which is nothing to a list and everything to a trigger.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(INSERT.replace("n %", "n %%").replace("%%s", "%s"), [count])
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute("ANALYZE products_product")


def ordering_query(ordering: str | None) -> dict[str, str]:
    return {} if ordering is None else {"ordering": ordering}


def pages(client: JSONClient, link: str = "next", **query: object) -> list[list[int]]:
    """The ids of each page, from one end to the other."""
    found, response = [], client.get(PRODUCTS, query)
    while True:
        assert response.status_code == 200, response.content
        page = response.json()
        found.append([product["id"] for product in page["results"]])
        if page[link] is None:
            return found
        response = client.get(page[link])


def ordered(ordering: str | None) -> list[int]:
    """The expected ids in this order."""
    ordering = ordering or ""
    by = {
        "name": lambda product: product.name,
        "updated_at": lambda product: product.updated_at,
        "created_at": lambda product: product.created_at,
        "published_at": lambda product: product.published_at,
        "price": lambda product: product.lowest_price,
    }
    products, falls = list(Product.objects.all()), ordering.startswith("-") or not ordering
    key = by.get(ordering.removeprefix("-"), lambda product: product.pk)
    known = sorted(
        (product for product in products if key(product) is not None),
        key=lambda product: (key(product), product.pk),
        reverse=falls,
    )
    others = sorted((product.pk for product in products if key(product) is None), reverse=falls)
    return [product.pk for product in known] + others


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_each_product_is_listed_once_among_many_equal_ones(reader: JSONClient, ordering: str | None):
    insert(300)

    found = pages(reader, **ordering_query(ordering), page_size=23)

    assert [number for page in found for number in page] == ordered(ordering)
    assert {len(page) for page in found[:-1]} == {23}


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_previous_pages_are_the_next_pages_reversed(reader: JSONClient, ordering: str | None):
    insert(40)
    forth = pages(reader, **ordering_query(ordering), page_size=8)
    response = reader.get(PRODUCTS, {**ordering_query(ordering), "page_size": 8})
    while response.json()["next"]:
        response = reader.get(response.json()["next"])

    back = [[product["id"] for product in response.json()["results"]]]
    while response.json()["previous"]:
        response = reader.get(response.json()["previous"])
        back.append([product["id"] for product in response.json()["results"]])

    assert back[::-1] == forth


def plan_of(client: JSONClient, url: str) -> str:
    """How the statement of this page is carried out."""
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    with connection.cursor() as cursor:
        # A prepared statement is logged without the id after which the page starts.
        cursor.execute(f"EXPLAIN {queries[-1]['sql']}".replace("$1", "20000"))
        return "\n".join(row[0] for row in cursor.fetchall())


def test_every_order_is_served_by_an_index(reader: JSONClient):
    insert(20_000)
    for ordering in ORDERINGS:
        first = f"{PRODUCTS}?{urlencode(ordering_query(ordering))}"
        second = reader.get(PRODUCTS, {**ordering_query(ordering), "page_size": 200}).json()["next"]

        for url in (first, second, f"{first}&status=active"):
            plan = plan_of(reader, url)
            assert "Seq Scan on products_product " not in plan, (url, plan)
            assert "Sort Key: products_product" not in plan, (url, plan)


@pytest.mark.parametrize("ordering", ["id", "Name", "--name", "rank", "cost", "name,id", "?"])
def test_another_order_is_422(reader: JSONClient, ordering: str):
    response = reader.get(PRODUCTS, {"ordering": ordering})

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/ordering"


def test_the_price_of_an_order_is_the_lowest_of_current_variants(reader: JSONClient):
    cheap = make_product(variants=[{"sku": "A-1", "price": "9.00"}, {"sku": "A-2", "price": "2.00"}])
    dear, unknown = make_product("B-1", price="3.00"), make_product("C-1", price=None)
    assert pages(reader, ordering="price") == [[cheap.pk, dear.pk, unknown.pk]]

    services.update_product(product_id=cheap.pk, data={"variants": [{"sku": "A-2", "price": 8}]})

    assert pages(reader, ordering="price") == [[dear.pk, cheap.pk, unknown.pk]]
    assert pages(reader, ordering="-price") == [[cheap.pk, dear.pk, unknown.pk]]


def test_a_product_that_changes_between_pages_may_repeat_but_none_is_missing(reader: JSONClient):
    insert(20)
    query = {"ordering": "updated_at", "page_size": 5, "updated_after": "2026-01-31T00:00:00Z"}
    first = reader.get(PRODUCTS, query).json()
    moved = first["results"][0]["id"]
    services.update_product(product_id=moved, data={"status": "draft", "brand": "Lux"})

    rest, url = [], first["next"]
    while url:
        page = reader.get(url).json()
        rest += [product["id"] for product in page["results"]]
        url = page["next"]

    assert len(rest) == 16
    assert set(rest) == set(Product.objects.values_list("pk", flat=True)) - {
        product["id"] for product in first["results"][1:]
    }
    assert rest[-1] == moved


def test_storefronts_are_sorted_by_visible_values_only(storefront: JSONClient):
    insert(20)

    found = pages(storefront, ordering="published_at", page_size=3)

    assert sorted(number for page in found for number in page) == sorted(
        Product.objects.published().values_list("pk", flat=True)
    )


def cursor_of(*values: object) -> str:
    return urlsafe_b64encode(orjson.dumps(values)).decode()


NOT_OURS = (
    ("", "nonsense"),
    ("", "%00"),
    ("", "ä"),
    ("", ""),
    ("", cursor_of()),
    ("", cursor_of("-id", False)),
    ("", cursor_of("-id", 0, 1)),
    ("", cursor_of("-id", False, "1")),
    ("", cursor_of("-id", False, True)),
    ("", cursor_of("-id", False, -1)),
    ("", cursor_of("-id", False, 2**63)),
    ("", cursor_of("-id", False, "x", 1)),
    ("", cursor_of("name", False, "x", 1)),
    ("name", cursor_of("-id", False, 1)),
    ("name", cursor_of("name", False, 1)),
    ("name", cursor_of("name", False, 5, 1)),
    ("name", cursor_of("name", False, "a\0", 1)),
    ("price", cursor_of("price", False, "NaN", 1)),
    ("price", cursor_of("price", False, "ten", 1)),
    ("price", cursor_of("price", False, ["1"], 1)),
    ("updated_at", cursor_of("updated_at", False, "yesterday", 1)),
    ("updated_at", cursor_of("updated_at", False, "2026-01-01T00:00:00", 1)),
    ("updated_at", cursor_of("updated_at", False, "2026-13-01T00:00:00Z", 1)),
    ("updated_at", cursor_of("updated_at", False, "0001-01-01T00:00:00+10:00", 1)),
)


def test_a_cursor_of_another_order_is_400(reader: JSONClient):
    for ordering, cursor in NOT_OURS:
        response = reader.get(PRODUCTS, {"ordering": ordering, "cursor": cursor})

        assert (response.status_code, response.json()["code"]) == (400, "malformed"), (ordering, cursor)
        assert response.json()["detail"] == "The cursor is not one that a page of ours gave."


def test_a_cursor_of_a_search_is_refused_in_another_order(reader: JSONClient):
    make_product()

    for rank in ("1", None, 1):
        response = reader.get(PRODUCTS, {"search": "lamp", "cursor": cursor_of("rank", False, rank, 1)})
        assert response.status_code == 400
    assert reader.get(PRODUCTS, {"search": "lamp", "cursor": cursor_of("rank", False, 0.5, 1)}).status_code == 200
