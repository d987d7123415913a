"""A code is a SKU, else a barcode; archived variants count only where there is no current one."""

from decimal import Decimal

import pytest

from inventory.item_codes import skus_by_code
from products import services
from tests.factories import make_product

pytestmark = pytest.mark.django_db

EAN = "4006381333931"


def test_codes_name_skus_and_barcodes(django_assert_num_queries) -> None:
    make_product("A-1", barcode=EAN)
    make_product("B-1")
    make_product("B-2", barcode="20000134")
    make_product("C-2", barcode="20000134")

    with django_assert_num_queries(2):
        found = skus_by_code(["a-1", EAN, "20000134", "nope", ""])

    assert found == {"a-1": ["A-1"], EAN: ["A-1"], "20000134": ["B-2", "C-2"], "nope": [], "": []}


def test_a_product_that_was_made_anew_keeps_its_barcode() -> None:
    old = make_product("A-1", barcode=EAN)
    services.replace_product(
        product_id=old.pk, data={"name": "Lamp", "variants": [{"sku": "A-2", "price": Decimal("1.00")}]}
    )
    assert skus_by_code([EAN]) == {EAN: ["A-1"]}

    make_product("B-1", barcode=EAN)

    assert skus_by_code([EAN]) == {EAN: ["B-1"]}
