"""Shopify's own sample, whole, again, and damaged."""

import csv
import io

import pytest

from inventory.models import StockLevel, StockMovement
from pms_backend.events.models import Event
from products.models import Product, ProductImage, Variant
from tests.conftest import JSONClient
from tests.factories import make_location
from tests.pms_integration.files.importing import APPAREL, counts, imported, parsed

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not APPAREL.exists(), reason="SAMPLE_DATA_DIR names no folder with Shopify's sample"),
]


@pytest.fixture
def content() -> str:
    return APPAREL.read_text()


def test_the_sample_is_imported_completely(api: JSONClient, content: str):
    make_location("main")

    job = imported(api, content)

    rows = list(csv.DictReader(io.StringIO(content)))
    handles = {row["Handle"] for row in rows}
    assert (job["status"], job["error"], job["errors"]) == ("finished", "", [])
    assert counts(job) == {"created": len(handles)}
    assert (job["processed"], job["total"]) == (len(rows), len(rows))
    assert set(Product.objects.values_list("handle", flat=True)) == handles
    assert Product.objects.filter(status="active").count() == len(handles)
    assert Variant.objects.count() == sum(bool(row["Variant Price"]) for row in rows)
    assert ProductImage.objects.filter(status="pending").count() == sum(bool(row["Image Src"]) for row in rows)
    assert sum(StockLevel.objects.values_list("on_hand", flat=True)) == sum(
        int(row["Variant Inventory Qty"]) for row in rows if row["Variant Inventory Qty"]
    )
    top = Product.objects.get(handle="classic-varsity-top")
    assert top.options == [{"name": "Size", "values": ["Small", "Medium", "Large"]}]
    assert list(top.variants.values_list("sku", flat=True)) == [
        "classic-varsity-top-small",
        "classic-varsity-top-medium",
        "classic-varsity-top-large",
    ]
    assert list(Variant.objects.filter(product__handle="ocean-blue-shirt").values_list("sku", "options")) == [
        ("ocean-blue-shirt", {})
    ]


def test_a_second_import_changes_nothing(api: JSONClient, content: str):
    make_location("main")
    imported(api, content)
    before = (Event.objects.exclude(type="import.finished").count(), StockMovement.objects.count())

    job = imported(api, content)

    assert counts(job) == {"unchanged": Product.objects.count()}
    assert before == (Event.objects.exclude(type="import.finished").count(), StockMovement.objects.count())


def test_the_rest_of_a_damaged_copy_is_imported_and_each_bad_line_reported(api: JSONClient, content: str):
    make_location("main")
    lines = content.splitlines()
    at = {line.split(",")[0]: number for number, line in reversed(list(enumerate(lines)))}
    price, quote, long = at["yellow-wool-jumper"], at["striped-silk-blouse"], at["floral-white-top"]
    lines[price] = lines[price].replace(",80,", ',"1,280.00",')
    lines[quote] = lines[quote].replace("Ultra-stylish", '"Ultra-stylish')
    lines[long] += ",surplus"
    lines[at["classic-varsity-top"] + 1] = lines[at["classic-varsity-top"] + 1].replace(",0,", ",heavy,", 1)
    nameless = len(lines)
    lines.append(lines[at["ocean-blue-shirt"]].replace("ocean-blue-shirt", "", 1))

    job = imported(api, "\n".join(lines) + "\n")

    assert job["status"] == "finished"
    total = len({line.split(",")[0] for line in content.splitlines()[1:]})
    assert counts(job) == {"created": total - 4, "failed": 5}
    assert {(one["line"], one["column"], one["code"]) for one in job["errors"]} == {
        (price + 1, "Variant Price", "invalid_amount"),
        (quote + 1, "", "malformed_line"),
        (long + 1, "", "wrong_number_of_cells"),
        (at["classic-varsity-top"] + 2, "Variant Grams", "invalid_number"),
        (nameless + 1, "Handle", "handle_missing"),
    }
    assert job["processed"] == job["total"] == len(lines) - 1
    failed = {"yellow-wool-jumper", "striped-silk-blouse", "floral-white-top", "classic-varsity-top"}
    assert not Product.objects.filter(handle__in=failed).exists()

    answer = api.get(f"/api/v1/products/imports/{job['id']}/errors/")
    bad = parsed(b"".join(answer.streaming_content))
    assert [row["Import Line"] for row in bad] == [
        str(line)
        for line in sorted(
            [
                price + 1,
                quote + 1,
                long + 1,
                nameless + 1,
                *range(at["classic-varsity-top"] + 1, at["classic-varsity-top"] + 4),
            ]
        )
    ]


def test_the_bad_lines_can_be_corrected_and_imported(api: JSONClient, content: str):
    make_location("main")
    job = imported(
        api, content.replace("classic-varsity-top,,,,,,,,Medium,,,,,,0,", "classic-varsity-top,,,,,,,,Medium,,,,,,x,")
    )
    assert counts(job)["failed"] == 1
    bad = b"".join(api.get(f"/api/v1/products/imports/{job['id']}/errors/").streaming_content).decode()

    mended = imported(api, bad.replace("Medium,,,,,,x,", "Medium,,,,,,0,"))

    assert counts(mended) == {"created": 1}
    assert counts(imported(api, content)) == {"unchanged": Product.objects.count()}
