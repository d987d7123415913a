"""A conflict shows both sides beside what was agreed on, and staff take one side of each group."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from pms_backend.access.models import AuditEntry
from pms_backend.access.staff_scopes import PERMISSIONS_OF_SCOPE
from pms_integration import services
from pms_integration.admin.conflicts import ConflictGroup
from pms_integration.admin.shown_values import MAX_CHARACTERS, MAX_CONTEXT, MAX_LINES, Thumbnails, label_of, shown_value
from pms_integration.models import PMSConnection, PMSProduct, PMSProductPush
from products import services as products
from products.models import Product, ProductStatus
from tests.pms_integration.desk.deciding import in_conflict
from tests.pms_integration.simulator.calling import SimulatorHere
from tests.pms_integration.sync.running import sync
from tests.staff import said, staff_with, superuser

pytestmark = pytest.mark.django_db(transaction=True)

SENT = {"csrfmiddlewaretoken": "x"}
LIST = "/admin/pms_integration/pmsproduct/"


def page(row: PMSProduct) -> str:
    return reverse("admin:pms_integration_pmsproduct_change", args=[row.pk])


def groups(client: Client, row: PMSProduct) -> dict[str, ConflictGroup]:
    return {group.title: group for group in client.get(page(row)).context["conflict"]}


def press(client: Client, row: PMSProduct, group: str, text: str) -> Any:
    """Presses a button of a group."""
    [url] = [button.url for button in groups(client, row)[group].buttons if button.text == text]
    return client.post(url, SENT, follow=True)


def cells(group: ConflictGroup) -> list[list[str]]:
    """The texts of a table."""
    return [[re.sub("<[^>]*>", "", str(cell)) for cell in row] for row in group.table.rows]


def test_both_sides_are_shown_and_each_group_is_decided_by_itself(pms: PMSConnection, simulator: SimulatorHere):
    row, client = in_conflict(pms, simulator), superuser()

    shown = groups(client, row)
    assert [(title, cells(group)) for title, group in shown.items()] == [
        ("Content", [["Name", "nothing", "Their lamp", "Our lamp"]]),
        (
            "Price",
            [["A-1: Cost", "nothing", "4712.37", "4711.37"], ["A-1: Price", "nothing", "13.50", "12.00"]],
        ),
    ]
    assert list(shown["Content"].table.columns) == ["Field", "Agreed last", "Demo", "Ours"]
    assert client.get(LIST, {"state": "conflict"}).context["cl"].result_list[0] == row

    taken = press(client, row, "Content", "Take the PMS's")
    kept = press(client, row, "Price", "Keep ours")

    assert taken.redirect_chain == kept.redirect_chain == [(page(row), 302)]
    assert said(taken) == ["Content: the values of the PMS are taken."]
    assert said(kept) == ["Price: our values are sent to the PMS."]
    row.refresh_from_db()
    assert (row.conflict, Product.objects.get().name) == ({}, "Their lamp")
    assert str(row.product.variants.get().price) == "12.00"
    services.push_due_products()
    assert simulator.state()["products"][0]["variants"][0]["price"] == "12.00"
    assert [entry.detail for entry in AuditEntry.objects.filter(action="pms_product.resolved").order_by("id")] == [
        {"content": "pms"},
        {"price": "local"},
    ]
    # There is nothing to decide any more, and the push has been answered.
    after = client.get(page(row)).context
    assert (after["conflict"], after["push"]) == ([], None)
    assert PMSProduct.objects.get().pushed_at is not None


def test_nobody_decides_about_values_that_the_page_has_not_shown(pms: PMSConnection, simulator: SimulatorHere):
    row, client = in_conflict(pms, simulator), superuser()
    url = groups(client, row)["Content"].buttons[0].url
    simulator.control(f"products/{row.external_id}", {"name": "Their new lamp"}, method="PATCH")
    sync(pms, resources=["products"])

    answer = client.post(url, SENT, follow=True)

    row.refresh_from_db()
    assert said(answer) == ["The values have changed since the page was opened. Look at them again."]
    assert row.conflict["content"]["name"]["pms"] == "Their new lamp"
    assert Product.objects.get().name == "Our lamp"


def test_without_scripts_the_page_of_a_button_asks(pms: PMSConnection, simulator: SimulatorHere):
    row, client = in_conflict(pms, simulator), superuser()
    url = groups(client, row)["Content"].buttons[0].url

    asked = client.get(url)

    assert asked.context["title"] == f"Take the PMS's: {row}, Content"
    assert Product.objects.get().name == "Our lamp"
    for query in ("", "?group=content", "?group=nothing&side=pms", "?group=content&side=shared"):
        answer = client.post(f"{url.partition('?')[0]}{query}", SENT)
        assert (answer.status_code, answer.headers["Location"]) == (302, page(row))
    assert Product.objects.get().name == "Our lamp"


def test_costs_are_shown_to_staff_who_may_see_them(pms: PMSConnection, simulator: SimulatorHere):
    row = in_conflict(pms, simulator)
    operator = staff_with(*PERMISSIONS_OF_SCOPE["pms:read"], *PERMISSIONS_OF_SCOPE["pms:write"])

    price = groups(operator, row)["Price"]

    assert [row[0] for row in cells(price)] == ["A-1: Price"]
    assert price.note == "1 more: costs, which you may not see."
    assert "471" not in operator.get(page(row)).content.decode()
    for lookup in ("conflict__price__has_key", "reported__has_key", "push__sent__has_key", "agreed__has_key"):
        assert operator.get(LIST, {lookup: "x"}).status_code == 400


def test_who_may_only_look_decides_nothing(pms: PMSConnection, simulator: SimulatorHere):
    row, client = in_conflict(pms, simulator), staff_with("pms_integration.view_pmsproduct")
    group = groups(client, row)["Content"]

    shown = client.get(page(row)).content.decode()
    refused = client.post(group.buttons[0].url, SENT)

    assert ("Their</mark> lamp" in shown, "Take the PMS" in shown) == (True, False)
    assert (refused.status_code, Product.objects.get().name) == (403, "Our lamp")


@pytest.mark.parametrize(
    ("text", "statuses", "message"),
    [
        ("Archive ours too", ["archived"], "Our product is archived."),
        ("Keep ours: make it in the PMS again", ["active"], "Our product is made in the PMS again."),
    ],
)
def test_what_the_pms_has_deleted_is_archived_or_made_again(
    pms: PMSConnection, simulator: SimulatorHere, text: str, statuses: list[str], message: str
):
    row, client = in_conflict(pms, simulator), superuser()
    press(client, row, "Content", "Take the PMS's")
    press(client, row, "Price", "Take the PMS's")
    services.push_due_products()
    products.update_product(product_id=row.product_id, data={"name": "Edited here"})
    simulator.control(f"products/{row.external_id}", method="DELETE")
    sync(pms, resources=["products"])

    answer = press(client, row, "Publication", text)

    assert said(answer) == [message]
    assert list(Product.objects.values_list("status", flat=True)) == statuses
    if statuses == [ProductStatus.ACTIVE]:
        again = PMSProduct.objects.get(product__isnull=False)
        assert answer.redirect_chain == [(page(again), 302)]
        assert "It waits to be pushed since" in answer.content.decode()


def test_the_page_says_what_waits_to_be_pushed(pms: PMSConnection, simulator: SimulatorHere):
    row, client = in_conflict(pms, simulator), superuser()
    services.update_connection(slug="demo", values={"is_paused": True})
    PMSProductPush.objects.all().delete()
    push = PMSProductPush.objects.create(pms_product=row, failures=2, error="The PMS <b>hangs</b>.")

    shown = client.get(page(row)).content.decode()
    assert "The last 2 tries failed" in shown
    assert "The PMS &lt;b&gt;hangs&lt;/b&gt;." in shown
    assert "Demo is paused: nothing is sent to it until that ends." in shown
    assert reverse("admin:pms_integration_pmsproductpush_change", args=[push.pk]) in shown
    PMSProductPush.objects.update(due_at=None)

    assert "The PMS has refused what was pushed" in client.get(page(row)).content.decode()


def text_of(value: Any, other: Any = None, **more: Any) -> str:
    """What is shown; marks are in brackets, lines are parted."""
    found = re.sub("<mark[^>]*>", "[", shown_value(value, other, **more)).replace("</mark>", "]")
    return re.sub("<[^>]*>", "", found.replace("</div><div", "</div>|<div"))


@pytest.mark.parametrize(
    ("value", "other", "shown"),
    [
        (None, "x", "not set"),
        ("", "x", "empty"),
        ([], ["x"], "empty"),
        ("13.50", "12.00", "[13.50]"),
        ("A lamp for desks", "A lamp for shelves", "A lamp for [desks]"),
        ("the same", "the same", "the same"),
        (["new", "sale"], ["sale", "old"], "[new]|sale"),
        ({"colour": "black", "led": True}, {"colour": "white", "led": True}, "[colour: black]|led: yes"),
        ([{"name": "Size", "values": ["S", "M"]}], [], "[Size: S, M]"),
        (7, 8, "[7]"),
        ("<b>", None, "[&lt;b&gt;]"),
    ],
)
def test_values_are_readable(value: Any, other: Any, shown: str):
    assert text_of(value, other) == shown


def test_of_a_long_text_what_differs_is_shown():
    word = "word " * 1_000

    around = text_of(f"{word}old {word}", f"{word}new {word}")
    long = text_of("x" * (MAX_CHARACTERS + 1), "y")

    assert "[old]" in around
    assert len(around) <= 2 * MAX_CONTEXT + len("…[old]…")
    assert long == f"[{'x' * MAX_CHARACTERS}…]"


def test_of_a_long_list_the_beginning_is_shown():
    assert text_of([f"t-{number}" for number in range(MAX_LINES + 3)]).endswith(f"[t-{MAX_LINES - 1}]|and 3 more")


def test_images_are_thumbnails_where_we_have_them():
    images = [{"url": "https://cdn.example/1.jpg", "alt": "Front"}, {"url": "images/ab/c.jpg", "alt": None}]
    known = Thumbnails({"images/ab/c.jpg": "/media/thumbnails/c.jpg"})

    shown = shown_value(images, images[1:], thumbnails=known)

    assert shown.count("<img") == 1
    assert 'src="/media/thumbnails/c.jpg"' in shown
    assert text_of(images, images[1:], thumbnails=known).startswith("[https://cdn.example/1.jpg]Front")


@pytest.mark.parametrize(
    ("field", "label"),
    [
        ("name", "Name"),
        ("images", "Pictures"),
        ("variants[A-1].compare_at_price", "A-1: Compare-at price"),
        ("variants[A].B].sku", "A].B: SKU"),
    ],
)
def test_fields_have_readable_names(field: str, label: str):
    assert label_of(field) == label
