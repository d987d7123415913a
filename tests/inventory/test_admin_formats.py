"""How pages of the admin write numbers and moments."""

import re

import pytest
from django.db import connection
from django.urls import reverse

from inventory import services
from inventory.models import StockLevel, StockMovement, Stocktake, StocktakeLine, Transfer
from products.models import Product
from tests.factories import make_location, make_product, set_stock
from tests.staff import superuser

pytestmark = pytest.mark.django_db

FIRST_KEY = 1_234_567
KEY_WITH_SEPARATORS = re.compile(r"1,234,5\d\d")
MODELS = (Product, StockLevel, StockMovement, Transfer, Stocktake, StocktakeLine)


@pytest.fixture
def level() -> StockLevel:
    """A level of 12,345 units, a transfer and a stocktake, all with keys of seven digits."""
    with connection.cursor() as cursor:
        for model in MODELS:
            table = model._meta.db_table
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, FIRST_KEY])
    make_product("A-1")
    make_location("main")
    make_location("shop")
    set_stock("A-1", "main", 12_345)
    services.create_transfer(source="main", target="shop", lines=[("A-1", 2_000)])
    services.create_stocktake(location="main")
    return StockLevel.objects.get(location__code="main")


def test_quantities_have_separators_and_moments_their_zone(level: StockLevel):
    page = superuser().get(reverse("admin:inventory_stocklevel_change", args=[level.pk])).content.decode()

    assert f"{level.updated_at:%Y-%m-%d %H:%M} UTC</time>" in page
    assert f'title="{level.updated_at:%Y-%m-%d %H:%M:%S} UTC"' in page
    assert "+12,345</span>" in page
    assert ">12,345<" in page


def test_no_key_has_separators(level: StockLevel):
    client = superuser()
    rows = {model: model.objects.latest("pk") for model in MODELS if model is not StocktakeLine}
    names = [f"admin:{model._meta.app_label}_{model._meta.model_name}" for model in rows]
    pages = [reverse(f"{name}_changelist") for name in names]
    pages += [reverse(f"{name}_change", args=[row.pk]) for name, row in zip(names, rows.values(), strict=True)]
    pages.append(reverse("admin:inventory_stocktake_count", args=[rows[Stocktake].pk]) + "?all")
    asks = {"action": "adjust_selected", "_selected_action": [level.pk]}

    shown = {page: client.get(page).content.decode() for page in pages}
    shown["bulk"] = client.post(reverse("admin:inventory_stocklevel_changelist"), asks).content.decode()

    assert {page: KEY_WITH_SEPARATORS.findall(text) for page, text in shown.items()} == {page: [] for page in shown}
    assert f'value="{level.pk}"' in shown["bulk"]
