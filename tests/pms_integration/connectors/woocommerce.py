"""WooCommerce: webhooks of products, which have their stock. The topic is a header; there is no timestamp."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pms_integration.connectors.contract import (
    Capabilities,
    DeletionReport,
    FigureReport,
    HandshakeResponse,
    ProductReport,
    RefetchReport,
    Report,
    Resource,
    VariantReference,
)
from pms_integration.exceptions import SignatureInvalid

TOPIC: Final = "x-wc-webhook-topic"
PING: Final = re.compile(rb"webhook_id=[0-9]+")
STATUSES: Final = {"publish": "active", "trash": "archived"}


class WooCommerceConnector:
    capabilities = Capabilities(
        paging="offset", products_since=True, stock_since=False, clock_seconds=1, product_version="moment",
        stock_reports=frozenset({"figures"}), has_ledger=False, stock_basis="available", has_negative_stock=True,
        stock_write="absolute", product_write_has_precondition=False,
    )  # fmt: skip
    stored_headers = frozenset({TOPIC})

    def handshake(self, headers: Mapping[str, str], body: bytes) -> HandshakeResponse | None:
        return HandshakeResponse() if PING.fullmatch(body) else None

    def verify(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> str:
        given = headers.get("x-wc-webhook-signature", "").encode()
        digests = [hmac.new(secret.encode(), body, hashlib.sha256).digest() for secret in secrets]
        if not any(hmac.compare_digest(base64.b64encode(digest), given) for digest in digests):
            raise SignatureInvalid("The header X-WC-Webhook-Signature is missing or forged.")
        # The delivery id is a hash of the webhook and the second: two deliveries of one second have the same.
        parts = (headers.get("x-wc-webhook-delivery-id", ""), headers.get(TOPIC, ""), hashlib.sha256(body).hexdigest())
        return ":".join(parts)

    def type_of(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> str:
        return headers.get(TOPIC, "")

    def parse(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> Sequence[Report] | None:
        match self.type_of(headers, body), body.get("type"):
            case "product.deleted", _:
                return [DeletionReport(external_id=body.get("id", ""), payload=body)]
            case "product.created" | "product.updated" | "product.restored", "variable" | "variation" as kind:
                # A variable product says only the ids of its variations, and a variation little of its product.
                product = RefetchReport(resource=Resource.PRODUCT, external_id=body["parent_id"] or body["id"])
                stock = RefetchReport(resource=Resource.STOCK, external_id=body["id"])
                return [product, stock] if kind == "variation" else [product]
            case "product.created" | "product.updated" | "product.restored", _:
                name = VariantReference(sku=body["sku"], external_id="" if body["sku"] else body["id"])
                # The body is built when it is sent, so that the receipt is the best moment of its stock.
                figure = FigureReport(variant=name, location="shop", on_hand=body["stock_quantity"], occurred_at=None)
                return [_product(body), figure] if body["manage_stock"] else [_product(body)]
        return None


def _product(body: Mapping[str, Any]) -> ProductReport:
    version = f"{body['date_modified_gmt']}Z" if body["date_modified_gmt"] else None
    compare_at_price = body["regular_price"] if body["on_sale"] else None
    variant = {"id": body["id"], "sku": body["sku"], "price": body["price"], "compare_at_price": compare_at_price}
    data = {
        "name": body["name"], "handle": body["slug"], "description": body["description"],
        "status": STATUSES.get(body["status"], "draft"), "tags": [tag["name"] for tag in body["tags"]],
        "variants": [variant], "images": [{"url": image["src"], "alt": image["alt"]} for image in body["images"]],
    }  # fmt: skip
    return ProductReport(external_id=body["id"], version=version, data=data, payload=body)
