"""One search over items, products, documents and pages: what it finds, for whom, what it opens, and what it costs."""

from typing import Any, Final

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from inventory import services as inventory
from inventory.models import Reservation, StockMovement, Transfer
from inventory.references import has_reference, reference_begins
from pms_backend.operations.search.page import MAX_LISTED, MAX_SUGGESTED
from products.models import Product, Variant
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock
from tests.inventory.reserving import outlive, reserve
from tests.operations.test_admin import add_rows
from tests.staff import PASSWORD, logged_in, staff_with, superuser

pytestmark = pytest.mark.django_db

SEARCH: Final = "/admin/search/"
EAN: Final = "4006381333931"
MAX_STATEMENTS: Final = 12
# What each role finds by these texts of `add_rows`, whose row of everything has the number 0.
TEXTS: Final = (
    "S-000",
    "order-0",
    "place-0",
    "P0",
    "V0",
    "Category 0",
    "pms-0",
    "client 0",
    "user-0",
    "Brand",
    "transfers",
)
EVERYBODY: Final = {"Items", "Products", "Categories", "Pages"}
WAREHOUSE: Final = {"Items", "Products", "Categories", "Reservations", "Locations", "PMS connections", "Pages"}
FOUND_BY: Final = {
    "Viewer": WAREHOUSE | {"PMS products", "PMS variants"},
    "Counter": EVERYBODY - {"Pages"},
    "Warehouse": WAREHOUSE,
    "Catalogue": (EVERYBODY - {"Pages"}) | {"Locations"},
    "Integrator": WAREHOUSE | {"PMS products", "PMS variants"},
    "Administrator": WAREHOUSE | {"PMS products", "PMS variants", "API clients", "Users"},
}


def member_of(role: str) -> Client:
    User.objects.create_user(role, password=PASSWORD, is_staff=True).groups.add(Group.objects.get(name=role))
    return logged_in(role)


def found(client: Client, text: str, **more: Any) -> dict[str, list[str]]:
    """The first lines of the hits, by the titles of their groups."""
    groups = client.get(SEARCH, {"q": text}, **more).context["groups"]
    return {str(group.title): [str(hit.title) for hit in group.hits] for group in groups}


def opened(client: Client, text: str) -> str | None:
    """Where the enter key leads; None for the page of the results."""
    answer = client.get(SEARCH, {"q": text, "open": "1"})
    return answer.headers["Location"] if answer.status_code == 302 else None


@pytest.fixture
def lamp() -> Product:
    """12 at `main`, 3 of which are reserved for ORDER-1, and 2 on their way."""
    lamp = make_product("A-1", name="Brass lamp", brand="Lumen", barcode=EAN, cost="4711.37", status="active")
    set_stock("A-1", make_location(), 14)
    make_location("shop")
    reserve(("A-1", 3), reference="ORDER-1")
    transfer = inventory.create_transfer(source="main", target="shop", reference="Monday", lines=[("A-1", 2)])
    inventory.ship_transfer(transfer_id=transfer.pk)
    inventory.create_stocktake(location="main", note="Shelf 7")
    return lamp


def test_a_hit_says_what_is_to_be_known_of_it(lamp: Product):
    client = superuser()

    hits = {
        text: [
            (str(group.title), str(hit.title), [str(detail) for detail in hit.shown_details if "<time" not in detail])
            for group in client.get(SEARCH, {"q": text}).context["groups"]
            for hit in group.hits
        ]
        for text in ("a-1", "bras lam", "order-1", "monday", "shelf", "MAIN")
    }

    item = ("Items", "A-1", ["Brass lamp", "12 on hand, 9 available"])
    product = ("Products", "Brass lamp", ["Active", "Lumen"])
    transfer, sheet = Transfer.objects.get(), lamp.variants.get().stocktake_lines.get().stocktake_id
    assert hits == {
        "a-1": [item, product],
        "bras lam": [item, product],
        "order-1": [("Reservations", "ORDER-1", ["Active", "client:shop"])],
        "monday": [
            ("Transfers", f"Transfer {transfer.pk}, Monday", ["In transit", "Main → Shop"]),
            ("Stock movements", "Monday", ["1 movement"]),
        ],
        "shelf": [("Count sheets", f"Count sheet {sheet}, Shelf 7", ["Open", "Main"])],
        "MAIN": [("Locations", "Main", ["main"])],
    }


def test_the_enter_key_opens_what_is_meant_without_doubt(lamp: Product):
    client, transfer = superuser(), Transfer.objects.get()
    inventory.adjust_stock(sku="A-1", location="main", delta=-1, reason="sale", reference="TILL-9")

    scan = f"{reverse('admin:inventory_stocklevel_scan')}?q=A-1"
    reservation = reverse("admin:inventory_reservation_change", args=[Reservation.objects.get().pk])
    assert [opened(client, text) for text in ("a-1", EAN)] == [scan, scan]
    assert opened(client, "order-1") == reservation
    # Its movements have the reference too.
    assert opened(client, "Monday") == reverse("admin:inventory_transfer_change", args=[transfer.pk])
    assert opened(client, "TILL-9") == "/admin/inventory/stockmovement/?reference=TILL-9"
    assert opened(client, "scan desk") == reverse("admin:inventory_stocklevel_scan")
    assert [opened(client, text) for text in ("lamp", "ORDER", "nothing", "")] == [None] * 4


def test_a_scan_leads_to_its_item_whatever_else_has_the_code(lamp: Product):
    client = superuser()
    number = Transfer.objects.get().pk
    reserve(("A-1", 1), reference="A-1")
    reserve(("A-1", 1), reference=str(number))

    assert opened(client, "A-1") == f"{reverse('admin:inventory_stocklevel_scan')}?q=A-1"
    assert opened(client, str(number)) is None
    assert {"Reservations", "Transfers"} <= set(found(client, str(number)))


def test_several_items_with_one_barcode_are_listed(lamp: Product):
    make_product("B-1", name="Iron lamp", barcode=EAN)

    client = superuser()

    assert opened(client, EAN) is None
    assert found(client, EAN)["Items"] == ["A-1", "B-1"]


@pytest.mark.parametrize("text", ["lamp", "LUMEN bra", "crème", "a-1", "lamp -100", "'; --", "&|!():*"])
def test_products_are_those_of_the_api_in_its_order(lamp: Product, api: JSONClient, text: str):
    make_product("B-1", name="Lamp of lamps", tags=["Crème"])
    make_product("C-100", name="Desk", description="without a lamp, -100 degrees")
    client = superuser()

    answer = api.get("/api/v1/products/", {"search": text}).json()["results"]

    assert found(client, text).get("Products", []) == [product["name"] for product in answer]


def test_a_handle_finds_its_product_first():
    for sku in ("A-1", "A-2", "A-3"):
        make_product(sku, name="Lamp", handle=f"old-name-{sku.lower()}")

    groups = superuser().get(SEARCH, {"q": "Old name A-2"}).context["groups"]

    page = reverse("admin:products_product_change", args=[Product.objects.get(handle="old-name-a-2").pk])
    assert [(group.title, [hit.url for hit in group.hits]) for group in groups[1:]] == [("Products", [page])]


def test_an_expired_reservation_is_shown_as_the_list_shows_it(lamp: Product):
    outlive(Reservation.objects.get())

    hit = superuser().get(SEARCH, {"q": "ORDER-1"}).context["groups"][0].hits[0]

    assert hit.shown_details[0] == "Expired"


def test_a_role_finds_what_it_may_view_and_nothing_else():
    add_rows(range(1))
    Variant.objects.update(cost="4711.37")
    groups: dict[str, set[str]] = {}

    for role in FOUND_BY:
        client = member_of(role)
        answers = [client.get(SEARCH, {"q": text}, headers={"HX-Request": "true"}) for text in TEXTS]
        groups[role] = {str(group.title) for answer in answers for group in answer.context["groups"]}
        shown = "".join(answer.content.decode() for answer in answers)
        assert ("on hand" in shown) == (role not in ("Counter", "Catalogue"))
        assert "4711" not in shown

    assert groups == FOUND_BY


@pytest.mark.parametrize("text", ["S-000", "lamp"])
def test_a_search_makes_at_most_twelve_statements(text: str):
    add_rows(range(1))
    client = member_of("Administrator")

    with CaptureQueriesContext(connection) as statements:
        client.get(SEARCH, {"q": text})

    assert len(statements) <= MAX_STATEMENTS


def test_a_counter_finds_the_product_of_a_code_and_no_order_nor_movement(lamp: Product):
    counter = member_of("Counter")

    page = reverse("admin:products_product_change", args=[lamp.pk])
    assert opened(counter, EAN) == page
    assert found(counter, EAN) == {"Items": ["A-1"]}
    assert found(counter, "lamp") == {"Products": ["Brass lamp"]}
    for text in ("ORDER-1", "Monday", "main"):
        assert opened(counter, text) is None
        assert found(counter, text) == {}
        assert "Nothing found for" in counter.get(SEARCH, {"q": text}).content.decode()


def test_without_permissions_nothing_is_found_but_the_first_page(lamp: Product):
    nobody = staff_with()

    assert [found(nobody, text) for text in ("A-1", "ORDER-1", "lamp", "Monday", "s")] == [
        {},
        {},
        {},
        {},
        {"Pages": ["Dashboard"]},
    ]


def test_more_than_are_shown_are_in_the_list(lamp: Product):
    for number in range(MAX_LISTED + 1):
        make_product(f"B-{number}", name="Chair")
        set_stock(f"B-{number}", "main", 1)
    for number in range(MAX_SUGGESTED + 1):
        reserve((f"B-{number}", 1), reference=f"WEB-{number}")
    client = superuser()

    chairs = client.get(SEARCH, {"q": "chair"})
    typed = client.get(SEARCH, {"q": "web-"}, headers={"HX-Request": "true"})

    items, products = chairs.context["groups"]
    (orders,) = typed.context["groups"]
    assert [len(group.hits) for group in (items, products, orders)] == [MAX_LISTED, MAX_LISTED, MAX_SUGGESTED]
    assert chairs.context["status"] == f"The first {2 * MAX_LISTED} results for “chair”"
    listed = [len(client.get(group.all_url).context["cl"].result_list) for group in (items, products, orders)]
    assert listed == [MAX_LISTED + 1, MAX_LISTED + 1, MAX_SUGGESTED + 1]


def test_the_one_that_is_meant_stands_before_newer_ones_that_begin_alike(lamp: Product):
    for number in range(MAX_SUGGESTED + 1):
        reserve(("A-1", 1), reference=f"ORDER-1{number}")

    orders = found(superuser(), "order-1", headers={"HX-Request": "true"})["Reservations"]

    assert orders == ["ORDER-1", "ORDER-15", "ORDER-14", "ORDER-13", "ORDER-12"]


def test_what_is_typed_is_answered_by_the_results_alone(lamp: Product):
    client = superuser()

    short, typed = (client.get(SEARCH, {"q": text}, headers={"HX-Request": "true"}) for text in ("l", "la"))
    page = client.get(SEARCH, {"q": "la"})

    assert short.content.decode().strip() == ""
    assert "<html" not in typed.content.decode()
    assert 'role="option"' in typed.content.decode()
    assert "<html" in page.content.decode()
    assert all("HX-Request" in answer.headers["Vary"] for answer in (short, typed, page))


@pytest.mark.parametrize("text", ["\x00", "A\x00-1", "9" * 400, "<script>alert(1)</script>", "%_\\", "é" * 300, "#1"])
def test_any_text_is_searched_for(lamp: Product, text: str):
    page = superuser().get(SEARCH, {"q": text, "open": "1"}, follow=True)

    assert page.status_code == 200
    assert "<script>alert" not in page.content.decode()


def test_without_a_text_the_page_says_what_is_searched(lamp: Product):
    page, counter = superuser().get(SEARCH), member_of("Counter").get(SEARCH)

    assert "What you can search for" in page.content.decode()
    assert [str(title) for title, _ in counter.context["searched"]] == [
        "Items",
        "Products",
        "Count sheets",
        "Categories",
        "Pages",
    ]


@pytest.mark.parametrize(
    ("model", "condition", "index"),
    [
        (StockMovement, has_reference, "inventory_movement_reference"),
        (Reservation, has_reference, "inventory_reservation_by_name"),
        (Reservation, reference_begins, "inventory_reservation_by_name"),
        (Transfer, reference_begins, "inventory_transfer_reference"),
    ],
)
def test_a_reference_is_found_by_its_index(model: Any, condition: Any, index: str):
    with connection.cursor() as cursor:
        # Of a few rows PostgreSQL would read all.
        cursor.execute("SET LOCAL enable_seqscan = off")

    plan = model.objects.filter(condition("Order-7")).order_by().explain()

    assert index in plan
    assert "Index Cond" in plan
