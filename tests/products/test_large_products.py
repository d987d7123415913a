"""A product of the largest size that a shop may have: written and read by as many statements as a small one."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pms_integration.files import limits
from products.models import MAX_DESCRIPTION_LENGTH, MAX_OPTION_LENGTH, MAX_VARIANTS, Product, Variant
from tests.conftest import JSONClient
from tests.pms_integration.files.importing import counts, exported, imported

pytestmark = pytest.mark.django_db

PRODUCTS = "/api/v1/products/"
LONG = "x" * (MAX_OPTION_LENGTH - 5)


def product(name: str, count: int) -> dict[str, Any]:
    variants = [{"sku": f"{name}-{n}", "price": "1.00", "options": {"Size": f"{LONG}{n}"}} for n in range(count)]
    return {"name": name, "handle": name, "description": "word " * (MAX_DESCRIPTION_LENGTH // 5), "variants": variants}


def statements(call: Any) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert call().status_code in (200, 201)
    return len(queries)


def test_the_limits_are_at_least_shopifys():
    assert (MAX_VARIANTS, MAX_OPTION_LENGTH, MAX_DESCRIPTION_LENGTH) == (2_048, 255, 512 * 1024)
    assert limits.MAX_LINES_PER_PRODUCT == 2_298


def test_it_takes_as_many_statements_as_a_small_one(editor: JSONClient):
    # By then the API key is cached.
    editor.get(PRODUCTS)
    small, large = product("small", 2), product("large", MAX_VARIANTS)
    made = [statements(lambda body=body: editor.post(PRODUCTS, body)) for body in (small, large)]
    addresses = [f"{PRODUCTS}{Product.objects.get(handle=handle).pk}/" for handle in ("small", "large")]

    prices = [[{"sku": one["sku"], "price": "2.00"} for one in body["variants"]] for body in (small, large)]
    patched = [
        statements(lambda address=address, rows=rows: editor.patch(address, {"variants": rows}))
        for address, rows in zip(addresses, prices, strict=True)
    ]
    read = [statements(lambda address=address: editor.get(address)) for address in addresses]

    assert made[0] == made[1]
    assert patched[0] == patched[1]
    assert read[0] == read[1]
    assert set(Variant.objects.values_list("price", flat=True)) == {2}
    assert Variant.objects.filter(product__handle="large").count() == MAX_VARIANTS


def test_one_more_variant_is_refused(editor: JSONClient):
    answer = editor.post(PRODUCTS, product("large", MAX_VARIANTS + 1))

    assert answer.status_code == 422
    assert not Product.objects.exists()


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_it_is_exported_and_imported_back(api: JSONClient, format: str):
    api.post(PRODUCTS, product("large", MAX_VARIANTS))

    job = imported(api, exported(api, format), f"products.{format}")

    assert (job["errors"], counts(job)) == ([], {"unchanged": 1})
