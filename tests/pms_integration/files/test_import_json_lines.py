"""JSON Lines: a product a line, in the API's own shape."""

import json
from decimal import Decimal
from typing import Any

import pytest

from inventory.models import StockLevel
from pms_integration.files.limits import MAX_RECORD_BYTES
from products.models import Product, ProductImage
from tests.conftest import JSONClient
from tests.factories import make_location, make_product
from tests.pms_integration.files.importing import counts, imported

pytestmark = pytest.mark.django_db


def lines(*products: dict[str, Any] | str) -> str:
    return "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in products)


def product(sku: str = "A-1", **more: Any) -> dict[str, Any]:
    return {"name": "Lamp", "variants": [{"sku": sku, "price": "10.00"}], **more}


def test_a_product_with_variants_stock_and_images(api: JSONClient):
    make_location()
    whole = product(
        handle="lamp", status="active", category="lamps", attributes={"watts": 40}, description="<b onclick=x>Hi",
        variants=[{"id": 99, "sku": "A-1", "price": "10.00", "quantity": 4, "cost": "3.00"}],
        images=[{"url": "https://a.example/a.png", "alt": "A lamp", "position": 2}, {"url": "nowhere"}, {"url": "http://xn--/"}],
    )  # fmt: skip

    job = imported(api, lines(whole), "products.jsonl")

    lamp = Product.objects.get()
    assert (counts(job), job["errors"]) == ({"created": 1}, [])
    assert (lamp.handle, lamp.status, lamp.category.slug, lamp.description) == ("lamp", "active", "lamps", "<b>Hi</b>")
    assert lamp.variants.get().cost == Decimal(3)
    assert StockLevel.objects.get().on_hand == 4
    assert ProductImage.objects.values_list("source_url", "alt", "position").get() == (
        "https://a.example/a.png", "A lamp", 2
    )  # fmt: skip
    assert [(one["column"], one["code"]) for one in job["warnings"]] == [
        ("images/1/url", "invalid_image_url"),
        ("images/2/url", "invalid_image_url"),
    ]


def test_a_problem_has_its_line_and_pointer(api: JSONClient):
    bad = [
        "{",
        "[1]",
        product(name=""),
        product(variants=[{"sku": "B-1"}, {"sku": "C-1", "price": "x"}]),
        product(variants=[{"sku": "B-1"}], images=[{"alt": "no url"}]),
        "{" + "[" * 70 + "]" * 70 + "}",
        json.dumps(product(description="x" * MAX_RECORD_BYTES)),
    ]

    job = imported(api, lines(product("A-0"), *bad, "", product("A-9")), "products.jsonl")

    assert (counts(job), job["processed"], job["total"]) == ({"created": 2, "failed": len(bad)}, 9, 9)
    assert [(one["line"], one["column"], one["code"]) for one in job["errors"]] == [
        (2, "", "malformed_line"),
        (3, "", "invalid"),
        (4, "name", "blank"),
        (5, "variants/1/price", "invalid"),
        (6, "images/0/url", "required"),
        (7, "", "malformed_line"),
        (8, "", "line_too_long"),
    ]
    bad_rows = b"".join(api.get(f"/api/v1/products/imports/{job['id']}/errors/").streaming_content).decode()
    assert bad_rows.startswith("Import Line,Import Column,Import Code,Import Error,Line\n2,,malformed_line,")


def test_a_product_is_found_by_its_handle_else_by_its_sku(api: JSONClient):
    make_product("A-1", handle="lamp")
    make_product("B-1", handle="desk")

    job = imported(api, lines(product("A-2", handle="lamp", name="One"), product("b-1", name="Two")), "products.jsonl")

    assert counts(job) == {"updated": 2}
    assert dict(Product.objects.values_list("handle", "name")) == {"lamp": "One", "desk": "Two"}
    assert set(Product.objects.get(handle="lamp").variants.values_list("sku", flat=True)) == {"A-1", "A-2"}


def test_the_second_line_of_a_product_updates_it(api: JSONClient):
    job = imported(api, lines(product(), product(name="Other")), "products.jsonl")

    assert counts(job) == {"created": 1, "updated": 1}
    assert Product.objects.get().name == "Other"


def test_stock_needs_its_scope(client_with):
    make_location()
    editor = client_with(["products:read", "products:write"])
    stocked = product("B-1", variants=[{"sku": "B-1", "quantity": 4}])

    job = imported(editor, lines(product("A-1"), stocked), "products.jsonl")

    assert counts(job) == {"created": 1, "failed": 1}
    assert [(one["line"], one["column"], one["code"]) for one in job["errors"]] == [
        (2, "variants/quantity", "forbidden")
    ]
    assert not StockLevel.objects.exists()
