"""Exports of other shops: imported, exported and imported again they change nothing."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from inventory.models import StockLevel
from pms_integration.files.records import FilePosition
from pms_integration.files.woocommerce import WooCommerceFile
from products.models import Product, Variant
from tests.conftest import JSONClient
from tests.factories import make_location, make_product
from tests.pms_integration.files.importing import APPAREL, counts, exported, imported, parsed, table
from tests.pms_integration.files.test_round_trip import state

pytestmark = pytest.mark.django_db

SHOPS = Path(__file__).parent / "shops"
WOOCOMMERCE = (SHOPS / "woocommerce.csv").read_text()
FILES = [*sorted(SHOPS.glob("*.csv")), *([APPAREL] if APPAREL.exists() else [])]


def woo(sku: str, **more: Any) -> dict[str, Any]:
    return {"Type": "simple", "SKU": sku, "Name": "Lamp", "Regular price": "10", **more}


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_again_and_by_way_of_an_export_it_changes_nothing(api: JSONClient, file: Path):
    make_location()
    first = imported(api, file.read_bytes())
    assert (first["status"], first["errors"]) == ("finished", [])
    before = state()

    for content in (file.read_bytes(), exported(api), exported(api, "jsonl")):
        job = imported(api, content, "again.csv" if not content.startswith(b"{") else "again.jsonl")

        assert (counts(job), job["errors"]) == ({"unchanged": Product.objects.count()}, [])
        assert state() == before


def test_woocommerces_products_come_with_their_variations(api: JSONClient):
    make_location()

    job = imported(api, WOOCOMMERCE)

    assert (counts(job), job["processed"], job["total"]) == ({"created": 5}, 9, 9)
    assert [one["code"] for one in job["warnings"]] == ["unknown_columns"]
    tee = Product.objects.select_related("category__parent").get(handle="v-neck-t-shirt")
    assert (tee.name, tee.brand, tee.status, tee.tags) == ("V-Neck T-Shirt", "Alder", "active", ["cotton", "summer"])
    assert tee.description == "<p>Soft &amp; light.</p>"
    assert tee.category is not None
    assert tee.category.name == "Tshirts"
    assert tee.images.count() == 2
    shown = {
        variant.sku: (variant.price, variant.compare_at_price, variant.weight_grams, variant.options)
        for variant in Variant.objects.all()
    }
    assert shown == {
        "woo-vneck-tee-blue": (Decimal(20), None, 500, {"Color": "Blue", "Size": "Large"}),
        "woo-vneck-tee-green": (Decimal("15.50"), Decimal(20), 600, {"Color": "Green", "Size": "Any"}),
        "woo-hoodie-blue-logo": (Decimal(45), None, 1500, {"Color": "Blue", "Logo": "Yes"}),
        "hoodie-red-no": (Decimal(42), Decimal(45), 1500, {"Color": "Red", "Logo": "No"}),
        "woo-beanie": (Decimal(18), Decimal(20), 227, {}),
        "woo-beanie-2": (Decimal("9.99"), None, 100, {}),
        "woo-logo": (Decimal(5), None, None, {}),
    }
    assert dict(StockLevel.objects.values_list("variant__sku", "on_hand")) == {
        "woo-vneck-tee-blue": 3, "woo-vneck-tee-green": 4, "woo-beanie": 12, "woo-beanie-2": 1, "woo-logo": 0,
    }  # fmt: skip
    assert set(Product.objects.values_list("handle", "status", "category__name")) == {
        ("v-neck-t-shirt", "active", "Tshirts"), ("hoodie", "active", "Hoodies"), ("beanie", "active", "Accessories"),
        ("logo-sticker", "draft", None), ("beanie-woo-beanie-2", "active", "Accessories"),
    }  # fmt: skip


def test_a_variation_without_its_product_changes_an_existing_variant(api: JSONClient):
    imported(api, WOOCOMMERCE)

    job = imported(
        api, "Type,SKU,Parent,Regular price\nvariation,woo-hoodie-blue-logo,woo-hoodie,40\nvariation,new,other,1\n"
    )

    assert (counts(job), job["processed"]) == ({"updated": 1, "failed": 1}, 2)
    hoodie = Variant.objects.get(sku="woo-hoodie-blue-logo")
    assert (hoodie.price, hoodie.options) == (Decimal(40), {"Color": "Blue", "Logo": "Yes"})
    assert Product.objects.get(handle="hoodie").name == "Hoodie"


def test_a_renamed_product_is_found_by_its_sku(api: JSONClient):
    make_product("woo-beanie", handle="old-beanie", name="Old")

    job = imported(api, "ID,Type,SKU,Name,Regular price\n46,simple,woo-beanie,Beanie,5\n")

    assert counts(job) == {"updated": 1}
    assert list(Product.objects.values_list("handle", "name")) == [("old-beanie", "Beanie")]


def test_the_bad_lines_are_those_of_the_product_wherever_they_are(api: JSONClient):
    bad = WOOCOMMERCE.replace(",15.50,20,", ",cheap,20,").replace("\n46,simple,", "\n46,variable,")

    job = imported(api, bad)
    content = b"".join(api.get(f"/api/v1/products/imports/{job['id']}/errors/").streaming_content)

    assert counts(job) == {"created": 3, "failed": 2}
    assert [(one["line"], one["column"], one["code"]) for one in job["errors"]] == [
        (7, "Regular price", "invalid_amount"),
        (4, "Type", "variations_missing"),
    ]
    assert [row["Import Line"] for row in parsed(content)] == ["2", "6", "7", "4"]
    mended = content.decode().replace(",cheap,20,", ",15.50,20,").replace("\n46,variable,", "\n46,simple,")
    assert counts(imported(api, mended)) == {"created": 2}


def test_the_category_is_the_deepest_that_is_one(api: JSONClient):
    cells = ("Uncategorized, Clothing", "Clothing, Uncategorized", "Uncategorized", "Clothing, Clothing > Hats")

    imported(api, table(*(woo(f"S-{n}", Name=f"P {n}", Categories=cell) for n, cell in enumerate(cells))))

    found = list(Product.objects.order_by("handle").values_list("category__name", flat=True))
    assert found == ["Clothing", "Clothing", None, "Hats"]


def test_line_feeds_of_descriptions_are_read_as_woocommerce_writes_them(api: JSONClient):
    imported(api, table(woo("S", Description=r"One\nTwo\\nThree")))

    assert Product.objects.get().description == "One\nTwo\\nThree"


def test_variations_may_differ_in_any_attribute(api: JSONClient):
    parent = woo("S", Type="variable")
    sizes = (
        woo(f"S-{size}", Type="variation", Parent="S") | {"Attribute 12 name": "Size", "Attribute 12 value(s)": size}
        for size in "LM"
    )

    job = imported(api, table(parent, *sizes))

    assert (counts(job), job["errors"]) == ({"created": 1}, [])
    assert list(Variant.objects.order_by("sku").values_list("options", flat=True)) == [{"Size": "L"}, {"Size": "M"}]


def test_of_two_products_with_one_sku_the_first_has_the_variations(api: JSONClient):
    job = imported(
        api,
        table(
            woo("S", Name="First", Type="variable"),
            woo("S", Name="Second", Type="variable"),
            woo("S-L", Type="variation", Parent="S") | {"Attribute 1 name": "Size", "Attribute 1 value(s)": "L"},
        ),
    )

    assert counts(job) == {"created": 1, "failed": 1}
    assert [(one["line"], one["code"]) for one in job["errors"]] == [(3, "variations_missing")]
    assert Product.objects.get().name == "First"


@pytest.mark.parametrize("limit", ["MAX_LINES_PER_PRODUCT", "MAX_PRODUCT_BYTES"])
def test_no_more_lines_of_a_product_are_kept_than_it_may_have(api: JSONClient, monkeypatch, limit: str):
    number = {"MAX_LINES_PER_PRODUCT": 5, "MAX_PRODUCT_BYTES": 150}[limit]
    monkeypatch.setattr(f"pms_integration.files.limits.{limit}", number)
    read: list[FilePosition] = []
    read_one = WooCommerceFile._record_at
    monkeypatch.setattr(WooCommerceFile, "_record_at", lambda file, place: read.append(place) or read_one(file, place))
    variations = (
        woo(f"S-{n}", Type="variation", Parent="S") | {"Attribute 1 name": "Size", "Attribute 1 value(s)": n}
        for n in range(50)
    )

    job = imported(api, table(woo("S", Type="variable"), *variations, woo("T", Name="T")))

    assert (counts(job), job["processed"], job["total"]) == ({"created": 1, "failed": 1}, 52, 52)
    assert [(one["line"], one["code"]) for one in job["errors"]] == [(2, "too_many_lines")]
    assert len(read) < 10
    bad = b"".join(api.get(f"/api/v1/products/imports/{job['id']}/errors/").streaming_content)
    assert len(parsed(bad)) == 51
