"""Public bug reports, of which `tests/reports/` has a copy: each ends as its `.expected` says."""

import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from inventory.models import StockLevel, StockMovement
from pms_integration import services
from pms_integration.models import ImportJob, PMSConnection, PMSEvent, PMSProduct
from products.models import Product, ProductStatus, Variant
from tests.conftest import ClientWith, JSONClient
from tests.factories import make_connection
from tests.pms_integration.files.importing import counts, imported
from tests.pms_integration.report_runners import INVENTORY, PRODUCTS, run_report, send_webhook
from tests.pms_integration.reports import apply, figure, product

pytestmark = pytest.mark.django_db

FOLDER = Path(__file__).resolve().parent.parent / "reports"
SHARED = Path(os.environ.get("SAMPLE_DATA_DIR", "no-sample-data")) / "reports"
REPORTS = sorted(path for path in FOLDER.iterdir() if path.suffix not in (".expected", ".setup"))


@pytest.mark.parametrize("report", REPORTS, ids=lambda path: path.stem)
def test_a_report_ends_as_expected(
    api: JSONClient, client_with: ClientWith, settings: Settings, tmp_path: Path, report: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    assert report.with_suffix(".expected").read_text().strip()
    check = EXPECTED[report.stem]

    outcome = run_report(report, api)

    check(outcome, api, client_with)


def test_each_expectation_has_its_report() -> None:
    names = [report.stem for report in REPORTS]

    assert len(names) == len(set(names))
    assert set(EXPECTED) == set(names)
    assert {path.stem for path in FOLDER.glob("*.expected")} == set(names)
    assert {path.stem for path in FOLDER.glob("*.setup")} <= {path.stem for path in FOLDER.glob("*.csv")}


@pytest.mark.skipif(not SHARED.exists(), reason="SAMPLE_DATA_DIR names no folder with the reports")
def test_each_shared_report_has_its_copy_here() -> None:
    copies = {path.name: path.read_bytes() for path in FOLDER.iterdir()}

    assert {path.name for path in SHARED.iterdir() if copies.get(path.name) != path.read_bytes()} == set()


def variants(handle: str) -> dict[str, Any]:
    found = Variant.objects.filter(product__handle=handle, is_archived=False)
    return {variant.sku: variant for variant in found}


def codes(problems: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return [(one["line"], one["code"]) for one in problems]


def import_with_a_carriage_return_in_its_first_line(client_with: ClientWith, name: str) -> dict[str, Any]:
    """By a client without the scope for stock."""
    editor = client_with(["products:read", "products:write"])
    return imported(editor, (FOLDER / name).read_bytes().replace(b"Title", b"Ti\rtle"))


def apostrophe_barcode(job: dict[str, Any], api: JSONClient, _: ClientWith) -> None:
    assert (counts(job), job["warnings"]) == ({"created": 1}, [])
    found = api.get(PRODUCTS, {"barcode": "4006381333931"}).json()["results"]
    assert [one["variants"][0]["barcode"] for one in found] == ["4006381333931"]


def bare_cr_mac(job: dict[str, Any], _: JSONClient, client_with: ClientWith) -> None:
    assert (job["status"], counts(job)) == ("finished", {"created": 2})
    assert set(Product.objects.values_list("handle", "name")) == {("bug-crm-a", "One"), ("bug-crm-b", "Two")}
    assert import_with_a_carriage_return_in_its_first_line(client_with, "bare-cr-mac.csv")["status"] == "finished"


def bare_cr(job: dict[str, Any], _: JSONClient, client_with: ClientWith) -> None:
    assert (job["status"], counts(job)) == ("finished", {"created": 2, "failed": 1})
    assert codes(job["errors"]) == [(3, "malformed_line")]
    assert set(Product.objects.values_list("handle", flat=True)) == {"bug-cr-a", "bug-cr-c"}
    assert ImportJob.objects.get().claims == 1
    again = import_with_a_carriage_return_in_its_first_line(client_with, "bare-cr.csv")
    assert again["status"] == "failed"
    assert "bare carriage return" in again["error"]


def created_only(job: dict[str, Any], *_: Any) -> None:
    assert (counts(job), job["errors"], job["warnings"]) == ({"created": 1}, [], [])


def decimal_grams(job: dict[str, Any], *_: Any) -> None:
    assert counts(job) == {"created": 1}
    assert Variant.objects.get().weight_grams == 227


def duplicate_unknown_header(job: dict[str, Any], *_: Any) -> None:
    assert counts(job) == {"created": 1}
    assert codes(job["warnings"]) == [(1, "unknown_columns")]


def gtin_sample(job: dict[str, Any], *_: Any) -> None:
    assert counts(job) == {"created": 1}
    assert codes(job["warnings"]) == [(2, "invalid_barcode")]
    assert Variant.objects.get().barcode == "365275101829"


def handle_case(job: dict[str, Any], *_: Any) -> None:
    assert counts(job) == {"created": 1}
    assert list(variants("bug-case")) == ["BUG-CASE-S", "BUG-CASE-M"]
    assert codes(job["warnings"]) == [(2, "handle_changed")]


def handle_spaces(job: dict[str, Any], *_: Any) -> None:
    assert counts(job) == {"created": 1}
    assert codes(job["warnings"]) == [(2, "handle_changed")]
    assert Product.objects.get().handle == "bug-spaced-name"


def handles_unicode(job: dict[str, Any], api: JSONClient, _: ClientWith) -> None:
    assert counts(job) == {"created": 5}
    assert set(Product.objects.values_list("handle", flat=True)) == {
        "bug-กาแฟ-ร้อน", "bug-हिन्दी", "bug-caf\u00e9", "bug-levis-501", "bug-a-b",
    }  # fmt: skip
    schema = api.get("/api/schema/", {"format": "json"}).json()["components"]["schemas"]
    handles = [one["properties"]["handle"] for one in schema.values() if "handle" in one.get("properties", {})]
    assert {handle["pattern"] for handle in handles if "pattern" in handle} == {r"^[^\s/]+$"}
    for number, handle in enumerate(("x-हिन्दी", "x-cafe\u0301", "x-levis·501", "x-a.b")):
        answer = api.post(PRODUCTS, {"name": "X", "handle": handle, "variants": [{"sku": f"X-{number}"}]})
        assert answer.status_code == 201


def json_number_as_text(answers: list[Any], *_: Any) -> None:
    assert [answer.status_code for answer in answers] == [422]
    assert [error["pointer"] for error in answers[0].json()["errors"]] == ["/variants/0/barcode"]
    assert not Product.objects.exists()
    connection = make_connection()
    for number, sku in ((12345678901234567890123, "A-1"), (12345678901234567890124, "B-1")):
        body = json.dumps({"type": "product.created", "data": product("", 1, sku) | {"id": number}})
        assert send_webhook(connection, body, webhook_id=sku) == 202
    services.apply_due_events()
    assert list(PMSProduct.objects.order_by("id").values_list("external_id", flat=True)) == [
        "12345678901234567890123",
        "12345678901234567890124",
    ]


def new_columns(job: dict[str, Any], *_: Any) -> None:
    assert counts(job) == {"created": 1}
    towel = Product.objects.get(handle="bug-linen-towel")
    assert (towel.status, towel.category.name if towel.category else "") == (ProductStatus.ACTIVE, "Towels")
    shown = {sku: (one.price, one.weight_grams, one.options) for sku, one in variants("bug-linen-towel").items()}
    assert shown == {
        "BUG-LT-S": (Decimal("19.99"), 150, {"Size": "Small"}),
        "BUG-LT-L": (Decimal("29.99"), 200, {"Size": "Large"}),
    }
    assert dict(StockLevel.objects.values_list("variant__sku", "on_hand")) == {"BUG-LT-S": 7, "BUG-LT-L": 4}


def numbers_as_python(statuses: list[int], *_: Any) -> None:
    assert statuses == [422] * 10
    assert StockLevel.objects.values_list("on_hand", "version").get() == (3, 1)


def old_type_columns(job: dict[str, Any], *_: Any) -> None:
    assert counts(job) == {"created": 1}
    tee = Product.objects.select_related("category__parent").get()
    assert tee.attributes == {"product_type": "Tees"}
    assert tee.category
    assert tee.category.parent
    assert (tee.category.parent.name, tee.category.name) == ("Apparel & Accessories", "Shirts")


def partial_no_options(job: dict[str, Any], *_: Any) -> None:
    assert counts(job) == {"updated": 1}
    shown = {sku: (one.price, one.options) for sku, one in variants("bug-po").items()}
    assert shown == {"BUG-PO-S": (Decimal(10), {"Size": "S"}), "BUG-PO-M": (Decimal(13), {"Size": "M"})}


def rfc3339_moment(event: PMSEvent, *_: Any) -> None:
    assert (event.status, event.reason) == ("processed", "")
    assert StockLevel.objects.get().on_hand == 3


def signature_list(statuses: list[int], *_: Any) -> None:
    assert statuses == [202, 202]


def sku_sharp_s(answers: list[Any], *_: Any) -> None:
    assert [answer.status_code for answer in answers] == [201, 409]
    assert answers[1].json()["code"] == "sku_taken"


def year_one_moment(event: PMSEvent, api: JSONClient, _: ClientWith) -> None:
    assert (event.status, event.attempts) == ("dead", 1)
    assert "moment" in event.reason.lower()
    assert not StockMovement.objects.exists()
    assert api.get(f"{INVENTORY}levels/").status_code == 200
    connection = PMSConnection.objects.get()
    assert apply(connection, "inventory.updated", figure(3, minute=-1, sku="BUG-YEAR1")).status == "processed"
    assert [level["on_hand"] for level in api.get(f"{INVENTORY}levels/").json()["results"]] == [3]


EXPECTED: dict[str, Callable[[Any, JSONClient, ClientWith], None]] = {
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
    "json-number-as-text": json_number_as_text,
    "long-row": created_only,
    "new-columns": new_columns,
    "numbers-as-python": numbers_as_python,
    "old-type-columns": old_type_columns,
    "partial-no-options": partial_no_options,
    "rfc3339-leap-second": rfc3339_moment,
    "rfc3339-lower-z": rfc3339_moment,
    "short-row": created_only,
    "signature-list": signature_list,
    "sku-sharp-s": sku_sharp_s,
    "year-one-moment": year_one_moment,
}
