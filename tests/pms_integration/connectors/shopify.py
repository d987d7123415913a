"""Shopify: webhooks of products and inventory levels. Topic and moment are headers; stock names no SKU."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pms_integration.connectors.contract import (
    Capabilities,
    DeletionReport,
    FigureReport,
    HandshakeResponse,
    ProductReport,
    Report,
    VariantReference,
)
from pms_integration.exceptions import SignatureInvalid

TOPIC: Final = "x-shopify-topic"
TRIGGERED_AT: Final = "x-shopify-triggered-at"


class ShopifyConnector:
    capabilities = Capabilities(
        paging="keyset", products_since=True, stock_since=True, clock_seconds=1, product_version="moment",
        stock_reports=frozenset({"figures"}), has_ledger=False, stock_basis="available", has_negative_stock=True,
        stock_write="compare_and_set", product_write_has_precondition=False,
    )  # fmt: skip
    stored_headers = frozenset({TOPIC, TRIGGERED_AT})

    def handshake(self, headers: Mapping[str, str], body: bytes) -> HandshakeResponse | None:
        return None

    def verify(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> str:
        given = headers.get("x-shopify-hmac-sha256", "").encode()
        digests = [hmac.new(secret.encode(), body, hashlib.sha256).digest() for secret in secrets]
        if not any(hmac.compare_digest(base64.b64encode(digest), given) for digest in digests):
            raise SignatureInvalid("The header X-Shopify-Hmac-Sha256 is missing or forged.")
        return headers.get("x-shopify-webhook-id", "")

    def type_of(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> str:
        return headers.get(TOPIC, "")

    def parse(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> Sequence[Report] | None:
        moment = headers.get(TRIGGERED_AT)
        match self.type_of(headers, body):
            case "products/create" | "products/update":
                return [_product(body)]
            case "products/delete":
                return [DeletionReport(external_id=body.get("id", ""), version=moment, payload=body)]
            case "inventory_levels/update":
                # An item whose stock is not tracked has none.
                variant = VariantReference(external_id=f"inventory_item:{body.get('inventory_item_id')}")
                where, available = body.get("location_id", ""), body.get("available")
                figure = FigureReport(variant=variant, location=where, on_hand=available or 0, occurred_at=moment)
                return [] if available is None else [figure]
        return None


def _product(body: Mapping[str, Any]) -> ProductReport:
    names = [option["name"] for option in body["options"]]
    if [option["values"] for option in body["options"]] == [["Default Title"]]:
        names = []
    data = {
        "name": body["title"], "handle": body["handle"], "description": body["body_html"], "brand": body["vendor"],
        "status": body["status"], "tags": [tag.strip() for tag in body["tags"].split(",") if tag.strip()],
        "images": [{"url": image["src"], "alt": image["alt"]} for image in body["images"]],
        "variants": [
            {
                **{name: variant[name] for name in ("id", "sku", "price", "compare_at_price", "barcode", "position")},
                "other_ids": [f"inventory_item:{variant['inventory_item_id']}"],
                "options": {name: variant[f"option{number}"] for number, name in enumerate(names, 1)},
            }
            for variant in body["variants"]
        ],
    }  # fmt: skip
    return ProductReport(external_id=body["id"], version=body["updated_at"], data=data, payload=body)
