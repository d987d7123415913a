"""Files of public bug reports: each ends as its `.expected` says."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from inventory.models import StockLevel
from pms_integration.models import ImportJob
from products.models import Product, ProductStatus, Variant
from tests.conftest import JSONClient
from tests.factories import make_location
from tests.pms_integration.files.importing import counts, imported

pytestmark = pytest.mark.django_db

REPORTS = Path(__file__).parent / "reports"


def variants(handle: str) -> dict[str, Any]:
    found = Variant.objects.filter(product__handle=handle, is_archived=False)
    return {variant.sku: variant for variant in found}


def codes(problems: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return [(one["line"], one["code"]) for one in problems]


def apostrophe_barcode(job: dict[str, Any], api: JSONClient) -> None:
    assert (counts(job), job["warnings"]) == ({"created": 1}, [])
    found = api.get("/api/v1/products/", {"barcode": "4006381333931"}).json()["results"]
    assert [product["variants"][0]["barcode"] for product in found] == ["4006381333931"]


def bare_cr_mac(job: dict[str, Any], _: JSONClient) -> None:
    assert (job["status"], counts(job)) == ("finished", {"created": 2})
    assert set(Product.objects.values_list("handle", "name")) == {("bug-crm-a", "One"), ("bug-crm-b", "Two")}


def bare_cr(job: dict[str, Any], _: JSONClient) -> None:
    assert (job["status"], counts(job)) == ("finished", {"created": 2, "failed": 1})
    assert codes(job["errors"]) == [(3, "malformed_line")]
    assert set(Product.objects.values_list("handle", flat=True)) == {"bug-cr-a", "bug-cr-c"}
    assert ImportJob.objects.get().claims == 1


def created_only(job: dict[str, Any], _: JSONClient) -> None:
    assert (counts(job), job["errors"], job["warnings"]) == ({"created": 1}, [], [])


def decimal_grams(job: dict[str, Any], _: JSONClient) -> None:
    assert counts(job) == {"created": 1}
    assert Variant.objects.get().weight_grams == 227


def duplicate_unknown_header(job: dict[str, Any], _: JSONClient) -> None:
    assert counts(job) == {"created": 1}
    assert codes(job["warnings"]) == [(1, "unknown_columns")]


def gtin_sample(job: dict[str, Any], _: JSONClient) -> None:
    assert counts(job) == {"created": 1}
    assert codes(job["warnings"]) == [(2, "invalid_barcode")]
    assert Variant.objects.get().barcode == "365275101829"


def handle_case(job: dict[str, Any], _: JSONClient) -> None:
    assert counts(job) == {"created": 1}
    assert list(variants("bug-case")) == ["BUG-CASE-S", "BUG-CASE-M"]
    assert codes(job["warnings"]) == [(2, "handle_changed")]


def handle_spaces(job: dict[str, Any], _: JSONClient) -> None:
    assert counts(job) == {"created": 1}
    assert codes(job["warnings"]) == [(2, "handle_changed")]
    assert Product.objects.get().handle == "bug-spaced-name"


def handles_unicode(job: dict[str, Any], api: JSONClient) -> None:
    assert counts(job) == {"created": 5}
    assert set(Product.objects.values_list("handle", flat=True)) == {
        "bug-กาแฟ-ร้อน", "bug-हिन्दी", "bug-caf\u00e9", "bug-levis-501", "bug-a-b",
    }  # fmt: skip
    schema = api.get("/api/schema/", {"format": "json"}).json()["components"]["schemas"]
    handles = [one["properties"]["handle"] for one in schema.values() if "handle" in one.get("properties", {})]
    assert {handle["pattern"] for handle in handles if "pattern" in handle} == {r"^[^\s/]+$"}
    for number, handle in enumerate(("x-हिन्दी", "x-cafe\u0301", "x-levis·501", "x-a.b")):
        answer = api.post("/api/v1/products/", {"name": "X", "handle": handle, "variants": [{"sku": f"X-{number}"}]})
        assert answer.status_code == 201


def new_columns(job: dict[str, Any], _: JSONClient) -> None:
    assert counts(job) == {"created": 1}
    product = Product.objects.get(handle="bug-linen-towel")
    assert (product.status, product.category.name if product.category else "") == (ProductStatus.ACTIVE, "Towels")
    shown = {sku: (one.price, one.weight_grams, one.options) for sku, one in variants("bug-linen-towel").items()}
    assert shown == {
        "BUG-LT-S": (Decimal("19.99"), 150, {"Size": "Small"}),
        "BUG-LT-L": (Decimal("29.99"), 200, {"Size": "Large"}),
    }
    assert dict(StockLevel.objects.values_list("variant__sku", "on_hand")) == {"BUG-LT-S": 7, "BUG-LT-L": 4}


def old_type_columns(job: dict[str, Any], _: JSONClient) -> None:
    assert counts(job) == {"created": 1}
    product = Product.objects.select_related("category__parent").get()
    assert product.attributes == {"product_type": "Tees"}
    assert product.category
    assert product.category.parent
    assert (product.category.parent.name, product.category.name) == ("Apparel & Accessories", "Shirts")


def partial_no_options(job: dict[str, Any], _: JSONClient) -> None:
    assert counts(job) == {"updated": 1}
    shown = {sku: (one.price, one.options) for sku, one in variants("bug-po").items()}
    assert shown == {"BUG-PO-S": (Decimal(10), {"Size": "S"}), "BUG-PO-M": (Decimal(13), {"Size": "M"})}


EXPECTED = {
    "apostrophe-barcode": apostrophe_barcode,
    "bare-cr": bare_cr,
    "bare-cr-mac": bare_cr_mac,
    "blank-row": created_only,
    "decimal-grams": decimal_grams,
    "duplicate-unknown-header": duplicate_unknown_header,
    "gtin-sample": gtin_sample,
    "handle-case": handle_case,
    "handle-spaces": handle_spaces,
    "handles-unicode": handles_unicode,
    "long-row": created_only,
    "new-columns": new_columns,
    "old-type-columns": old_type_columns,
    "partial-no-options": partial_no_options,
    "short-row": created_only,
}


def test_each_file_of_a_report_is_tried():
    assert {path.stem for path in REPORTS.glob("*.csv")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_file_of_a_report_ends_as_expected(api: JSONClient, name: str):
    make_location()
    if (setup := REPORTS / f"{name}.setup").exists():
        imported(api, setup.read_bytes())

    job = imported(api, (REPORTS / f"{name}.csv").read_bytes())

    EXPECTED[name](job, api)


@pytest.mark.parametrize("name", ["bare-cr", "bare-cr-mac"])
def test_a_carriage_return_in_the_first_line_is_accepted_without_the_scope_for_stock(client_with, name: str):
    editor = client_with(["products:read", "products:write"])

    job = imported(editor, (REPORTS / f"{name}.csv").read_bytes().replace(b"Title", b"Ti\rtle"))

    assert job["status"] == ("failed" if name == "bare-cr" else "finished")
    assert "bare carriage return" in job["error"] or name == "bare-cr-mac"
