"""Medusa: its events carry only an id, and a subscriber of ours sends them, signed as Standard Webhooks."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pms_integration.connectors.contract import Capabilities, DeletionReport, RefetchReport, Report, Resource
from pms_integration.connectors.standard import StandardWebhooks

# One stock write arrives under two names: with and without the module's.
RESOURCES: Final = {
    "product.created": Resource.PRODUCT,
    "product.updated": Resource.PRODUCT,
    "product-variant.created": Resource.PRODUCT,
    "product-variant.updated": Resource.PRODUCT,
    "inventory-level.created": Resource.STOCK,
    "inventory-level.updated": Resource.STOCK,
    "inventory-item.updated": Resource.STOCK,
}


class MedusaConnector(StandardWebhooks):
    capabilities = Capabilities(
        paging="offset", products_since=True, stock_since=False, clock_seconds=0.001, product_version="moment",
        stock_reports=frozenset({"figures"}), has_ledger=False, stock_basis="on_hand", has_negative_stock=False,
        stock_write="absolute", product_write_has_precondition=False,
    )  # fmt: skip

    def parse(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> Sequence[Report] | None:
        kind, data = self.type_of(headers, body).removeprefix("inventory."), body.get("data") or {}
        if kind == "product.deleted":
            return [DeletionReport(external_id=data.get("id", ""), payload=data)]
        if kind not in RESOURCES:
            return None
        return [RefetchReport(resource=RESOURCES[kind], external_id=data.get("id", ""))]
