"""Numbers, SKUs and signatures of public bug reports; `tests/reports/` has each with what is expected of it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from django.test import Client
from standardwebhooks import Webhook

from inventory.models import StockLevel
from products.models import Product
from tests.conftest import JSONClient
from tests.factories import make_connection, make_location, make_product, set_stock

REPORTS: Final = Path(__file__).resolve().parent.parent / "reports"
PRODUCTS: Final = "/api/v1/products/"
INVENTORY: Final = "/api/v1/inventory/"

pytestmark = pytest.mark.django_db


def read(name: str) -> str:
    return (REPORTS / name).read_text()


@pytest.mark.parametrize("row", json.loads(read("numbers-as-python.json")), ids=lambda row: ascii(row["delta"]))
def test_numbers_as_python_reads_them(api: JSONClient, row: dict[str, Any]):
    make_location("shop")
    make_product("BUG-NUM")
    set_stock("BUG-NUM", "shop", 3)
    number, place = row["delta"], {"sku": row["sku"], "location": row["location"]}

    answers = [
        api.post(f"{INVENTORY}adjustments/", row),
        api.post(f"{INVENTORY}counts/", place | {"on_hand": number}),
        api.post(f"{INVENTORY}reservations/", {"reference": "R", "lines": [{"sku": row["sku"], "quantity": number}]}),
        api.post(PRODUCTS, {"name": "Lamp", "variants": [{"sku": "A-1", "price": number}]}),
        api.get("/api/v1/events/", {"after": number}),
    ]

    assert [answer.status_code for answer in answers] == [422] * 5
    assert StockLevel.objects.values_list("on_hand", "version").get() == (3, 1)


def test_json_number_as_text(api: JSONClient):
    response = api.post(PRODUCTS, read("json-number-as-text.json"), content_type="application/json")

    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == ["/variants/0/barcode"]
    assert not Product.objects.exists()


def test_sku_sharp_s(api: JSONClient):
    first, second = (api.post(PRODUCTS, row) for row in json.loads(read("sku-sharp-s.json")))

    assert first.status_code == 201
    assert (second.status_code, second.json()["code"]) == (409, "sku_taken")


@pytest.mark.parametrize("line", read("signature-list.txt").splitlines())
def test_signature_list(line: str):
    secret, now, body = make_connection("demo").secret, datetime.now(tz=UTC), '{"type": "x", "data": {}}'
    value = line.removeprefix("webhook-signature: ").removesuffix("(two spaces)").rstrip()
    value = value.replace("<other good-looking base64>", "A" * 43 + "=")
    value = value.replace("v1,<good base64>", Webhook(secret).sign("m-1", now, body))

    response = Client().post(
        "/api/v1/webhooks/pms/demo/", body, content_type="application/json",
        headers={"webhook-id": "m-1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": value},
    )  # fmt: skip

    assert response.status_code == 202
