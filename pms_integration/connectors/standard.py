"""The `standard` connector: Standard Webhooks, with our own message types (docs/pms-contract.md)."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from standardwebhooks import Webhook, WebhookVerificationError

from inventory.models import ADJUSTMENT_REASONS, MAX_NOTE_LENGTH, MAX_QUANTITY, MAX_REFERENCE_LENGTH, Reason
from pms_backend.api import serializers
from pms_backend.api.exceptions import field_errors
from pms_backend.api.moments import parse_moment
from pms_backend.api.storable_text import is_storable, storable
from pms_integration.connectors.contract import ProductReport, Report, StockCount, StockDelta
from pms_integration.exceptions import SignatureInvalid, UnusableData
from pms_integration.models import MAX_EXTERNAL_ID_LENGTH, MAX_WEBHOOK_ID_LENGTH
from products.models import ProductStatus
from products.serializers import ProductInputSerializer, SkuField

MAX_VERSION = 2**63 - 1
MAX_TYPE_LENGTH = 100
# Version `v1` is HMAC-SHA-256, in base64.
_SIGNATURE: Final = re.compile(r"v1,[A-Za-z0-9+/]{43}=")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
STATUS_OF_TYPE: Final = {
    "product.created": None,
    "product.updated": None,
    "product.published": ProductStatus.ACTIVE,
    "product.unpublished": ProductStatus.DRAFT,
}


class StandardConnector:
    """Verifies by the Standard Webhooks library; parses `product.*`, `inventory.updated` and `inventory.adjusted`."""

    def verify(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> str:
        """The `webhook-id`. Raises `SignatureInvalid` for a forged, missing or stale signature."""
        webhook_id = headers.get("webhook-id", "")
        if not 1 <= len(webhook_id) <= MAX_WEBHOOK_ID_LENGTH or not webhook_id.isprintable():
            raise SignatureInvalid("The header webhook-id is missing or is no id.")
        # The library stops at the first entry that it cannot parse, so that only those in the right form are passed on.
        # The form is not secret; the library compares the values in constant time.
        entries = headers.get("webhook-signature", "").split()
        readable = " ".join(entry for entry in entries if _SIGNATURE.fullmatch(entry))
        timestamp = headers.get("webhook-timestamp", "")
        known = {"webhook-id": webhook_id, "webhook-timestamp": timestamp, "webhook-signature": readable}
        if not _TIMESTAMP.fullmatch(timestamp) or not any(_is_signed(known, body, secret) for secret in secrets):
            raise SignatureInvalid("The signature is missing, forged or stale.")
        return webhook_id

    def type_of(self, message: dict[str, Any]) -> str:
        """The member `type`, in a form that can be stored."""
        kind = message.get("type")
        return storable(kind[:MAX_TYPE_LENGTH]) if isinstance(kind, str) else ""

    def parse(self, message: dict[str, Any]) -> Report | None:
        """Parses `data` according to the type."""
        kind = self.type_of(message)
        parse = _PARSERS.get(kind)
        if parse is None:
            return None
        data = message.get("data")
        if not isinstance(data, dict):
            raise UnusableData("data is no object.")
        return parse(kind, data, message.get("timestamp"))


def _is_signed(headers: dict[str, str], body: bytes, secret: str) -> bool:
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):
        # ValueError: the body is not UTF-8.
        return False
    return True


class _ProductSerializer(ProductInputSerializer):
    id = serializers.CharField(max_length=MAX_EXTERNAL_ID_LENGTH)
    version = serializers.IntegerField(min_value=0, max_value=MAX_VERSION)


class _DeletionSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(max_length=MAX_EXTERNAL_ID_LENGTH)
    version = serializers.IntegerField(min_value=0, max_value=MAX_VERSION)


class _LevelSerializer(serializers.Serializer[Any]):
    sku = SkuField()
    location = serializers.CharField(max_length=255)
    occurred_at = serializers.CharField(required=False, allow_null=True)


class _CountSerializer(_LevelSerializer):
    on_hand = serializers.IntegerField(min_value=-MAX_QUANTITY, max_value=MAX_QUANTITY)
    version = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=MAX_VERSION)


class _DeltaSerializer(_LevelSerializer):
    delta = serializers.IntegerField(min_value=-MAX_QUANTITY, max_value=MAX_QUANTITY)
    reason = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=MAX_NOTE_LENGTH)
    reference = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, max_length=MAX_REFERENCE_LENGTH
    )


def _product(kind: str, data: dict[str, Any], _: Any) -> ProductReport:
    _require_storable(data)
    valid = _validated(_ProductSerializer(data={**data, "variants": _without_ids(data.get("variants"))}))
    external_id, version = valid.pop("id"), valid.pop("version")
    if status := STATUS_OF_TYPE[kind]:
        valid["status"] = status
    return ProductReport(external_id=external_id, version=version, data=valid, payload=data)


def _require_storable(data: dict[str, Any]) -> None:
    # The complete payload of a product is stored, with unknown members.
    if not is_storable(data):
        raise UnusableData("data holds a NUL (\\u0000) or half of a surrogate pair, which cannot be stored.")


def _without_ids(variants: Any) -> Any:
    # The variant ids of the PMS are not ours; variants are matched by SKU.
    if not isinstance(variants, list):
        return variants
    return [{k: v for k, v in item.items() if k != "id"} if isinstance(item, dict) else item for item in variants]


def _deletion(_: str, data: dict[str, Any], __: Any) -> ProductReport:
    _require_storable(data)
    valid = _validated(_DeletionSerializer(data=data))
    return ProductReport(external_id=valid["id"], version=valid["version"], data=None, payload=data)


def _count(_: str, data: dict[str, Any], timestamp: Any) -> StockCount:
    valid = _validated(_CountSerializer(data=data))
    return StockCount(
        sku=valid["sku"],
        location=valid["location"],
        on_hand=valid["on_hand"],
        version=valid.get("version"),
        occurred_at=_moment(valid.get("occurred_at"), timestamp),
    )


def _delta(_: str, data: dict[str, Any], timestamp: Any) -> StockDelta:
    valid = _validated(_DeltaSerializer(data=data))
    if valid["delta"] == 0:
        raise UnusableData("delta is 0.")
    reason = valid.get("reason") or ""
    is_known = reason in ADJUSTMENT_REASONS
    return StockDelta(
        sku=valid["sku"],
        location=valid["location"],
        delta=valid["delta"],
        reason=reason if is_known else Reason.CORRECTION,
        note="" if is_known else reason,
        reference=valid.get("reference") or "",
        occurred_at=_moment(valid.get("occurred_at"), timestamp),
    )


def _without_absent(field: serializers.Field[Any, Any, Any, Any], value: Any) -> Any:
    """The value without optional members that are null, or empty if their field does not allow an empty text."""
    child = getattr(field, "child", None)
    if isinstance(value, list) and child is not None:
        return [_without_absent(child, item) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(child, serializers.CharField):
        return {name: item for name, item in value.items() if item is not None}
    known = getattr(field, "fields", {})
    return {
        name: _without_absent(known[name], item) if name in known else item
        for name, item in value.items()
        if name not in known or known[name].required or not _is_absent(known[name], item)
    }


def _is_absent(field: serializers.Field[Any, Any, Any, Any], value: Any) -> bool:
    is_empty = isinstance(value, str) and not value.strip()
    return value is None or (is_empty and not getattr(field, "allow_blank", False))


def _validated(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    serializer.initial_data = _without_absent(serializer, serializer.initial_data)
    try:
        serializer.is_valid(raise_exception=True)
    except serializers.ValidationError as error:
        problems = (f"{one.pointer}: {one.detail}" for one in field_errors(error.get_full_details()))
        raise UnusableData(f"data is not valid. {' '.join(problems)}") from None
    return dict(serializer.validated_data)


def _moment(occurred_at: Any, timestamp: Any) -> datetime:
    raw = occurred_at or timestamp
    if not isinstance(raw, str):
        raise UnusableData("There is neither an occurred_at nor a timestamp in RFC 3339 with an offset.")
    try:
        return parse_moment(raw)
    except ValueError as error:
        raise UnusableData(f"The moment cannot be used: {error}") from None


_PARSERS: Final[dict[str, Callable[[str, dict[str, Any], Any], Report]]] = {
    **dict.fromkeys(STATUS_OF_TYPE, _product),
    "product.deleted": _deletion,
    "inventory.updated": _count,
    "inventory.adjusted": _delta,
}
