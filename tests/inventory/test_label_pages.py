"""Labels are printed for selected products, levels and locations, and from their pages."""

import re
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.urls import reverse

from inventory.models import Location, StockLevel
from products.admin import label_pages
from products.labels import SIZES
from products.models import Product
from tests.factories import make_location, make_product, set_stock
from tests.staff import staff_with, superuser

pytestmark = pytest.mark.django_db


@pytest.fixture
def level() -> StockLevel:
    """Ten of A-1, a lamp with an EAN-13, at `main`."""
    make_product("A-1", barcode="4006381333931")
    set_stock("A-1", make_location(), 10)
    return StockLevel.objects.get()


def select(client: Any, model: str, *rows: Any, **more: Any) -> Any:
    sent = {"action": "print_labels", "_selected_action": [row.pk for row in rows], **more}
    return client.post(reverse(f"admin:{model}_changelist"), sent)


def printed(page: Any) -> list[list[str]]:
    """The lines of each label."""
    labels = re.findall(r'<article class="label.*?</article>', page.content.decode(), re.DOTALL)
    return [re.findall(r'<p class="label-[a-z]+">(.*?)</p>', label) for label in labels]


def test_a_level_has_a_label_with_product_barcode_sku_and_location(level: StockLevel):
    page = superuser().post(reverse("admin:inventory_stocklevel_labels", args=[level.pk]))

    assert printed(page) == [["Lamp", "4006381333931", "A-1", "Main"]]
    assert 'role="img" aria-label="EAN-13 4006381333931"' in page.content.decode()


def test_selected_levels_are_printed_in_copies_on_the_chosen_sheet(level: StockLevel):
    make_product("Größe 42", name="Shoe <b>")
    set_stock("Größe 42", "main", 1)

    page = select(superuser(), "inventory_stocklevel", *StockLevel.objects.all(), size="a4_3x8", copies="2")

    shoe = ["Shoe &lt;b&gt;", "No barcode: it can hold letters from A to Z, digits and common signs only.", "Größe 42"]
    lamp = ["Lamp", "4006381333931", "A-1", "Main"]
    assert printed(page) == [lamp, lamp, [*shoe, "Main"], [*shoe, "Main"]]
    assert page.content.decode().count('<section class="label-page">') == 1
    assert "products/labels_a4_3x8.css" in page.content.decode()


def test_a_product_has_a_label_for_each_current_variant(level: StockLevel):
    make_product("S-1", name="Shoe", variants=[{"sku": "S-1", "price": "1"}, {"sku": "S-2", "price": "1"}])

    page = select(superuser(), "products_product", *Product.objects.all())

    assert printed(page) == [["Shoe", "S-1"], ["Shoe", "S-2"], ["Lamp", "4006381333931", "A-1"]]


def test_a_location_has_a_label_with_its_code(level: StockLevel):
    page = select(superuser(), "inventory_location", Location.objects.get())

    assert printed(page) == [["Main", "main"]]
    assert 'aria-label="Code 128 main"' in page.content.decode()


def test_no_more_labels_than_the_limit_are_made(level: StockLevel, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(label_pages, "MAX_LABELS", 3)
    client = superuser()

    refused = select(client, "inventory_stocklevel", level, size="roll_62x29", copies="4")
    too_many_copies = select(client, "inventory_stocklevel", level, size="roll_62x29", copies="101")
    unknown_size = select(client, "inventory_stocklevel", level, size="huge", copies="1")

    assert refused.context["form"].errors == {"copies": ["These are 4 labels; at most 3 are printed at once."]}
    assert list(too_many_copies.context["form"].errors) == ["copies"]
    assert list(unknown_size.context["form"].errors) == ["size"]
    assert [printed(page) for page in (refused, too_many_copies, unknown_size)] == [[], [], []]


def test_who_may_see_stock_prints_labels_and_who_may_not_does_not(level: StockLevel):
    address = reverse("admin:inventory_stocklevel_labels", args=[level.pk])

    assert staff_with("inventory.view_stocklevel").get(address).status_code == 200
    assert staff_with("products.view_product", name="eve").get(address).status_code == 403


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_each_size_has_its_stylesheet(size: Any):
    assert finders.find(size.stylesheet)
