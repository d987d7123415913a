"""Categories are listed, searched and chosen as a tree."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from products import services
from products.models import Category, Product
from tests.factories import make_product
from tests.staff import staff_with, superuser

pytestmark = pytest.mark.django_db

LIST = "/admin/products/category/"
PRODUCTS = "/admin/products/product/"


@pytest.fixture
def tree() -> dict[str, Category]:
    """Clothing › Shirts › Linen, Clothing › Hats, and Garden."""
    garden = services.create_category(name="Garden")
    clothing = services.create_category(name="Clothing")
    shirts = services.create_category(name="Shirts", parent=clothing)
    linen = services.create_category(name="Linen", parent=shirts)
    hats = services.create_category(name="Hats", parent=clothing)
    return {one.slug: one for one in (garden, clothing, shirts, linen, hats)}


def found(client: Any, **query: str) -> list[str]:
    """The categories of the list, in its order."""
    return [str(category) for category in client.get(LIST, query).context["cl"].result_list]


def suggested(client: Any, term: str) -> list[str]:
    """What the field of a product offers."""
    source = {"app_label": "products", "model_name": "product", "field_name": "category"}
    results = client.get("/admin/autocomplete/", {"term": term, **source}).json()["results"]
    return [result["text"] for result in results]


def filters(response: Any) -> list[tuple[str, bool]]:
    """The choices of the filter by category, and whether each is the chosen one."""
    changelist = response.context["cl"]
    (spec,) = (spec for spec in changelist.filter_specs if spec.title == "category")
    return [(str(choice["display"]).replace("\u2003", "> "), choice["selected"]) for choice in spec.choices(changelist)]


@pytest.mark.usefixtures("tree")
def test_the_list_is_the_tree_in_its_order_with_counts():
    make_product("A-1", category="linen")
    make_product("A-2", category="shirts")
    make_product("B-1", category="garden")

    response = superuser().get(LIST)

    rows = response.context["cl"].result_list
    assert [(str(row), row.products_count, row.children_count) for row in rows] == [
        ("Clothing", 2, 2),
        ("Clothing › Hats", 0, 0),
        ("Clothing › Shirts", 2, 1),
        ("Clothing › Shirts › Linen", 1, 0),
        ("Garden", 1, 0),
    ]
    indents = re.findall(r'padding-left: ([0-9.]+)rem">(\w+)<', response.content.decode())
    assert indents == [("0.0", "Clothing"), ("1.5", "Hats"), ("1.5", "Shirts"), ("3.0", "Linen"), ("0.0", "Garden")]
    assert f'href="{PRODUCTS}?category=shirts"' in response.content.decode()


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("shirts", ["Clothing › Shirts", "Clothing › Shirts › Linen"]),
        ("CLOTH linen", ["Clothing › Shirts › Linen"]),
        ("garden shirts", []),
    ],
)
def test_a_category_is_found_by_words_of_its_path(query: str, wanted: list[str]):
    client = superuser()

    assert found(client, q=query) == wanted
    assert suggested(client, query) == wanted


@pytest.mark.usefixtures("tree")
def test_without_a_word_the_field_offers_the_tree_in_its_order():
    assert suggested(superuser(), "") == [
        "Clothing",
        "Clothing › Hats",
        "Clothing › Shirts",
        "Clothing › Shirts › Linen",
        "Garden",
    ]


@pytest.mark.usefixtures("tree")
def test_the_chosen_category_of_a_product_is_shown_with_its_path():
    product = make_product("A-1", category="linen")

    content = superuser().get(reverse("admin:products_product_change", args=[product.pk])).content.decode()

    assert re.search(r"<option[^>]* selected[^>]*>\s*Clothing › Shirts › Linen\s*</option>", content)


@pytest.mark.usefixtures("tree")
def test_the_filter_of_products_includes_the_categories_below_as_that_of_the_api_does():
    for sku, category in (("A-1", "linen"), ("A-2", "shirts"), ("A-3", "hats"), ("A-4", None)):
        make_product(sku, name=sku, category=category)
    client = superuser()

    names = {
        slug: sorted(one.name for one in client.get(PRODUCTS, {"category": slug}).context["cl"].result_list)
        for slug in ("clothing", "shirts", "garden", "(none)", "no-such")
    }

    assert names == {
        "clothing": ["A-1", "A-2", "A-3"],
        "shirts": ["A-1", "A-2"],
        "garden": [],
        "(none)": ["A-4"],
        "no-such": [],
    }


@pytest.mark.usefixtures("tree")
def test_the_filter_leads_down_the_tree_level_by_level():
    client = superuser()

    assert filters(client.get(PRODUCTS)) == [
        ("All", True),
        ("Clothing", False),
        ("Garden", False),
        ("Without a category", False),
    ]
    assert filters(client.get(PRODUCTS, {"category": "shirts"})) == [
        ("All", False),
        ("Clothing", False),
        ("> Shirts", True),
        ("> > Linen", False),
        ("Without a category", False),
    ]


def test_a_member_of_staff_who_may_not_see_categories_gets_no_suggestions(tree: dict[str, Category]):
    client = staff_with("products.view_product", "products.change_product")

    answer = client.get(
        "/admin/autocomplete/", {"app_label": "products", "model_name": "product", "field_name": "category"}
    )

    assert answer.status_code == 403


@pytest.mark.slow
def test_a_tree_of_a_thousand_costs_no_more_statements_and_little_time():
    client = superuser()
    product = make_product("A-1")
    pages = (LIST, f"{PRODUCTS}?category=root-5", reverse("admin:products_product_change", args=[product.pk]))

    def queries() -> list[int]:
        counts = []
        for page in pages:
            with CaptureQueriesContext(connection) as captured:
                assert client.get(page).status_code == 200
            assert sum(float(one["time"]) for one in captured) < 1
            counts.append(len(captured))
        return counts

    roots = [services.create_category(name=f"Root {number}") for number in range(10)]
    branch = services.create_category(name="Branch", parent=roots[5])
    services.create_category(name="Leaf", parent=branch)
    # The first request fills caches.
    queries()
    before = queries()
    for root in roots:
        branches = Category.objects.bulk_create(
            Category(name=f"Branch {root.pk} {number}", slug=f"b-{root.pk}-{number}", parent=root)
            for number in range(9)
        )
        Category.objects.bulk_create(
            Category(name=f"Leaf {branch.pk} {number}", slug=f"l-{branch.pk}-{number}", parent=branch)
            for branch in branches
            for number in range(10)
        )

    assert Category.objects.count() > 1_000 - 10
    assert queries() == before
    with CaptureQueriesContext(connection) as captured:
        assert len(suggested(client, "leaf")) == 20
    assert sum(float(one["time"]) for one in captured) < 1
    assert Product.objects.count() == 1
