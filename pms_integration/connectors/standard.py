"""The `standard` connector: Standard Webhooks, with our own message types (docs/pms-contract.md)."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from standardwebhooks import Webhook, WebhookVerificationError

from pms_integration.connectors.contract import (
    Capabilities,
    DeletionReport,
    DeltaReport,
    FigureReport,
    HandshakeResponse,
    ProductReport,
    Report,
    VariantReference,
)
from pms_integration.connectors.standard_calls import StandardCalls
from pms_integration.exceptions import SignatureInvalid, SignatureMissing, SignatureStale, UnusableData

# Version `v1` is HMAC-SHA-256, in base64.
_SIGNATURE: Final = re.compile(r"v1,[A-Za-z0-9+/]{43}=")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
# Of the library: how far a timestamp may be from our clock.
_TOLERANCE_SECONDS: Final = 300
STATUS_OF_TYPE: Final = {
    "product.created": None,
    "product.updated": None,
    "product.published": "active",
    "product.unpublished": "draft",
}


class StandardWebhooks:
    """Verifies by the Standard Webhooks library; parses `product.*`, `inventory.updated` and `inventory.adjusted`."""

    capabilities = Capabilities(
        paging="keyset",
        products_since=True,
        stock_since=True,
        clock_seconds=0.000_001,
        product_version="number",
        stock_reports=frozenset({"figures", "deltas"}),
        has_ledger=False,
        stock_basis="on_hand",
        has_negative_stock=True,
        stock_write="relative_with_key",
        product_write_has_precondition=True,
    )
    stored_headers: frozenset[str] = frozenset()

    def handshake(self, headers: Mapping[str, str], body: bytes) -> HandshakeResponse | None:
        """None: every message is signed."""
        return None

    def verify(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> str:
        """The `webhook-id`. Raises `SignatureInvalid` for a forged signature, `SignatureMissing`, `SignatureStale`."""
        webhook_id = headers.get("webhook-id", "")
        # The library stops at the first entry that it cannot parse, so that only those in the right form are passed on.
        # The form is not secret; the library compares the values in constant time.
        entries = headers.get("webhook-signature", "").split()
        readable = " ".join(entry for entry in entries if _SIGNATURE.fullmatch(entry))
        timestamp = headers.get("webhook-timestamp", "")
        known = {"webhook-id": webhook_id, "webhook-timestamp": timestamp, "webhook-signature": readable}
        if not _TIMESTAMP.fullmatch(timestamp) or not any(_is_signed(known, body, secret) for secret in secrets):
            raise _refusal(headers, timestamp)("The signature is missing, forged or stale.")
        return webhook_id

    def type_of(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> str:
        """The member `type`."""
        kind = body.get("type")
        return kind if isinstance(kind, str) else ""

    def parse(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> Sequence[Report] | None:
        """Parses `data` according to the type."""
        kind = self.type_of(headers, body)
        parse = _PARSERS.get(kind)
        if parse is None:
            return None
        data = body.get("data")
        if not isinstance(data, dict):
            raise UnusableData("data is no object.")
        return [parse(kind, data, body.get("timestamp"))]


class StandardConnector(StandardWebhooks, StandardCalls):
    """Both halves. A kind that only signs its webhooks in this way derives from `StandardWebhooks`."""


def _is_signed(headers: dict[str, str], body: bytes, secret: str) -> bool:
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):
        # ValueError: the body is not UTF-8.
        return False
    return True


def _refusal(headers: Mapping[str, str], timestamp: str) -> type[SignatureInvalid]:
    """What is probably wrong: a forged webhook may say anything, and its sender is told nothing."""
    if not headers.get("webhook-signature"):
        return SignatureMissing
    is_stale = _TIMESTAMP.fullmatch(timestamp) and abs(time.time() - int(timestamp)) > _TOLERANCE_SECONDS
    return SignatureStale if is_stale else SignatureInvalid


def _product(kind: str, data: dict[str, Any], _: Any) -> ProductReport:
    status = STATUS_OF_TYPE[kind]
    product = {**data, "status": status} if status else data
    return ProductReport(
        external_id=_required(data, "id"), version=_required(data, "version"), data=product, payload=product
    )


def _deletion(_: str, data: dict[str, Any], __: Any) -> DeletionReport:
    return DeletionReport(external_id=_required(data, "id"), version=_required(data, "version"), payload=data)


def _figure(_: str, data: dict[str, Any], timestamp: Any) -> FigureReport:
    return FigureReport(
        variant=VariantReference(sku=_required(data, "sku")),
        location=_required(data, "location"),
        on_hand=_required(data, "on_hand"),
        version=data.get("version"),
        occurred_at=_moment(data, timestamp),
    )


def _delta(_: str, data: dict[str, Any], timestamp: Any) -> DeltaReport:
    return DeltaReport(
        variant=VariantReference(sku=_required(data, "sku")),
        location=_required(data, "location"),
        delta=_required(data, "delta"),
        reason=data.get("reason"),
        reference=data.get("reference"),
        idempotency_key=data.get("idempotency_key"),
        occurred_at=_moment(data, timestamp),
    )


def _moment(data: dict[str, Any], timestamp: Any) -> Any:
    moment = data.get("occurred_at") or timestamp
    if moment is None or moment == "":
        raise UnusableData("The report has no moment in RFC 3339 with an offset.")
    return moment


def _required(data: dict[str, Any], name: str) -> Any:
    value = data.get(name)
    if value is None or value == "":
        raise UnusableData(f"data is not valid. /{name}: It is required.")
    return value


_PARSERS: Final[dict[str, Callable[[str, dict[str, Any], Any], Report]]] = {
    **dict.fromkeys(STATUS_OF_TYPE, _product),
    "product.deleted": _deletion,
    "inventory.updated": _figure,
    "inventory.adjusted": _delta,
}
