"""Valid barcodes and currencies."""

import pytest
from django.test import override_settings

from pms_backend.operations.checks import check_settings
from products.models import Product
from tests.conftest import JSONClient
from tests.factories import make_product
from tests.products.recorded import recorded
from tests.staff import form_of, superuser

PRODUCTS = "/api/v1/products/"

pytestmark = pytest.mark.django_db


def created(client: JSONClient, **variant: str) -> tuple[int, list[tuple[str, str]]]:
    response = client.post(PRODUCTS, {"name": "Lamp", "variants": [{"sku": "A-1", **variant}]})
    errors = response.json().get("errors", ())
    return response.status_code, [(error["pointer"], error["code"]) for error in errors]


@pytest.mark.parametrize(
    "barcode",
    [
        "96385074",
        "036000291452",
        "4006381333931",
        "10614141000415",
        "",
        "12345",
        "4006381333930-X",
        "٤٠٠٦٣٨١٣٣٣٩٣٠",
        "1234567",
    ],
)
def test_a_valid_gtin_and_other_text_are_accepted(editor: JSONClient, barcode: str):
    assert created(editor, barcode=barcode) == (201, [])


@pytest.mark.parametrize("barcode", ["96385075", "036000291453", "4006381333913", "10614141000416"])
def test_a_gtin_with_a_wrong_check_digit_is_refused(editor: JSONClient, barcode: str):
    assert created(editor, barcode=barcode) == (422, [("/variants/0/barcode", "invalid_barcode")])
    assert not Product.objects.exists()
    assert recorded() == []


def test_the_admin_refuses_it_too():
    product, client = make_product("A-1"), superuser()
    page = f"/admin/products/product/{product.pk}/change/"

    response = client.post(page, {**form_of(client.get(page)), "variants-0-barcode": "4006381333930"})

    assert response.status_code == 200
    assert product.variants.get().barcode == ""


@pytest.mark.parametrize("currency", ["EUR", "jpy", "XCG"])
def test_a_currency_of_iso_4217_is_fine(editor: JSONClient, currency: str):
    assert created(editor, currency=currency) == (201, [])


@pytest.mark.parametrize("currency", ["XXX", "DEM", "EURO", "", "€"])
def test_another_currency_is_refused(editor: JSONClient, currency: str):
    status, errors = created(editor, currency=currency)

    assert (status, [pointer for pointer, _ in errors]) == (422, ["/variants/0/currency"])
    assert not Product.objects.exists()


@pytest.mark.parametrize("currency", ["usd", "DEM", "", "Euro"])
def test_an_invalid_default_currency_stops_the_start(currency: str):
    with override_settings(DEFAULT_CURRENCY=currency):
        (problem,) = check_settings(None)

    assert problem.id == "pms.E005"
    assert "DEFAULT_CURRENCY" in problem.msg


def test_the_default_is_fine():
    assert check_settings(None) == []
