"""Checks the reports of connectors, whose values may come straight from JSON, and converts them to what is applied."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from inventory.models import ADJUSTMENT_REASONS, MAX_NOTE_LENGTH, MAX_QUANTITY, MAX_REFERENCE_LENGTH, Reason
from pms_backend.api import serializers
from pms_backend.api.exceptions import field_errors
from pms_backend.api.fast_validation import FastValidator
from pms_backend.api.moments import parse_moment
from pms_backend.api.storable_text import is_storable
from pms_integration.connectors.contract import (
    DeletionReport,
    DeltaReport,
    FigureReport,
    ProductReport,
    RefetchReport,
    Report,
    Resource,
    VariantReference,
    Version,
)
from pms_integration.exceptions import UnusableData
from pms_integration.models import MAX_EXTERNAL_ID_LENGTH
from pms_integration.services.image_validation import checked_images
from pms_integration.services.valid_reports import (
    Delta,
    ExternalProduct,
    Figure,
    Refetch,
    ValidReport,
    VariantKey,
)
from products.fields import ClearableCharField
from products.models import MAX_BARCODE_LENGTH, MAX_VARIANTS
from products.serializers import ProductInputSerializer, SkuField, VariantInputSerializer
from products.skus import sku_key

# Longer ones are not ours.
MAX_KEY_LENGTH: Final = 255
MAX_VERSION: Final = 2**63 - 1
# A moment further after the receipt of its report than this is refused; clocks differ by less.
MAX_SKEW: Final = timedelta(minutes=5)
_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def validated(report: Report, *, received_at: datetime, slug: str) -> ValidReport:
    """The report with checked values, of the connection with this slug. Raises `UnusableData`."""
    match report:
        case FigureReport():
            return _figure(report, received_at)
        case DeltaReport():
            return _delta(report, received_at)
        case ProductReport():
            return _product(report, slug)
        case DeletionReport():
            return _deletion(report)
        case RefetchReport():
            return Refetch(resource=Resource(report.resource), external_id=_external_id(report.external_id))


class _StockSerializer(serializers.Serializer[Any]):
    sku = SkuField(required=False)
    external_id = serializers.CharField(required=False, max_length=MAX_EXTERNAL_ID_LENGTH)
    location = serializers.CharField(max_length=MAX_EXTERNAL_ID_LENGTH)
    occurred_at = serializers.CharField(required=False)


class _FigureSerializer(_StockSerializer):
    on_hand = serializers.IntegerField(min_value=-MAX_QUANTITY, max_value=MAX_QUANTITY)


class _DeltaSerializer(_StockSerializer):
    delta = serializers.IntegerField(min_value=-MAX_QUANTITY, max_value=MAX_QUANTITY)
    reason = serializers.CharField(required=False, max_length=MAX_NOTE_LENGTH)
    reference = serializers.CharField(required=False, max_length=MAX_REFERENCE_LENGTH)
    idempotency_key = serializers.CharField(required=False, max_length=MAX_KEY_LENGTH)


class _VariantSerializer(VariantInputSerializer):
    # As in a file, a barcode is kept although its check digit is wrong: shops do not check them.
    barcode = ClearableCharField(max_length=MAX_BARCODE_LENGTH)  # type: ignore[assignment]


class _ProductSerializer(ProductInputSerializer):
    variants = _VariantSerializer(many=True, allow_empty=False, max_length=MAX_VARIANTS)  # type: ignore[call-arg]


class _IdSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(max_length=MAX_EXTERNAL_ID_LENGTH)


class _VersionSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(min_value=0, max_value=MAX_VERSION)


# Thousands of these arrive in a night.
_FIGURE: Final = FastValidator(_FigureSerializer())
_DELTA: Final = FastValidator(_DeltaSerializer())
_VERSION: Final = FastValidator(_VersionSerializer())
_ID: Final = FastValidator(_IdSerializer())
_PRODUCT: Final = _ProductSerializer()


def _figure(report: FigureReport, received_at: datetime) -> Figure:
    valid = _checked(_FIGURE.run_validation, {**_variant(report.variant), **_members(report, "location", "on_hand")})
    return Figure(
        variant=_variant_key(valid),
        location=valid["location"],
        on_hand=valid["on_hand"],
        version=_version(report.version),
        occurred_at=_moment(report.occurred_at, received_at),
    )


def _delta(report: DeltaReport, received_at: datetime) -> Delta:
    members = _members(report, "location", "delta", "reason", "reference", "idempotency_key")
    valid = _checked(_DELTA.run_validation, {**_variant(report.variant), **members})
    if valid["delta"] == 0:
        raise UnusableData("delta is 0.")
    reason = valid.get("reason", "")
    is_known = reason in ADJUSTMENT_REASONS
    return Delta(
        variant=_variant_key(valid),
        location=valid["location"],
        delta=valid["delta"],
        reason=reason if is_known else Reason.CORRECTION,
        note="" if is_known else reason,
        reference=valid.get("reference", ""),
        key=valid.get("idempotency_key", ""),
        occurred_at=_moment(report.occurred_at, received_at),
    )


def _members(report: object, *names: str) -> dict[str, Any]:
    """The values of these attributes, without those that are absent or empty."""
    values = ((name, getattr(report, name)) for name in names)
    return {name: value for name, value in values if value not in (None, "")}


def _variant(reference: VariantReference) -> dict[str, Any]:
    return {"external_id": reference.external_id} if reference.external_id else {"sku": reference.sku}


def _variant_key(valid: dict[str, Any]) -> VariantKey:
    if "external_id" in valid:
        return VariantKey(external_id=valid["external_id"])
    return VariantKey(sku_key=sku_key(valid["sku"]))


def _moment(text: Any, received_at: datetime) -> datetime:
    """The moment; that of the receipt for None."""
    if text is None:
        return received_at
    if not isinstance(text, str):
        raise UnusableData("The report has no moment in RFC 3339 with an offset.")
    try:
        moment = parse_moment(text)
    except ValueError as error:
        raise UnusableData(f"The moment cannot be used: {error}") from None
    if moment > received_at + MAX_SKEW:
        raise UnusableData(f"It happened at {moment.isoformat()}, which is yet to come.")
    return moment


def _version(version: Version) -> int | None:
    """A number as it is, a moment in microseconds since 1970."""
    if version is None or version == "":
        return None
    if isinstance(version, str):
        try:
            return (parse_moment(version) - _EPOCH) // _MICROSECOND
        except ValueError:
            pass  # It may be a number in quotes.
    valid: int = _checked(_VERSION.run_validation, {"version": version})["version"]
    return valid


def _product(report: ProductReport, slug: str) -> ExternalProduct:
    payload, data = dict(report.payload), dict(report.data)
    _require_storable(payload, data)
    external_id, version = _external_id(report.external_id), _version(report.version)
    ids: list[tuple[str, ...]] = []
    if isinstance(variants := data.get("variants"), list):
        ids = [_ids(variant) for variant in variants]
        data["variants"] = [_our_variant(*pair, slug) for pair in zip(variants, ids, strict=True)]
    valid = dict(_checked(_PRODUCT.run_validation, _without_absent(_PRODUCT, data)))
    named = zip(valid["variants"], ids, strict=True)
    images, notes = checked_images(data.get("images"))
    return ExternalProduct(
        external_id=external_id,
        version=version,
        data=valid,
        payload=payload,
        variant_ids={sku_key(variant["sku"]): own for variant, own in named if own},
        digest=_digest(valid if images is None else {**valid, "images": list(images.items())}),
        images=images,
        notes=notes,
    )


def _deletion(report: DeletionReport) -> ExternalProduct:
    payload = dict(report.payload)
    _require_storable(payload)
    return ExternalProduct(
        external_id=_external_id(report.external_id),
        version=_version(report.version),
        data=None,
        payload=payload,
        variant_ids={},
        digest=_digest(None),
    )


def _digest(content: Any) -> str:
    # Not orjson, which cannot write every number that PostgreSQL stores.
    return hashlib.sha256(json.dumps(content, default=str, sort_keys=True).encode()).hexdigest()


def _external_id(value: Any) -> str:
    valid: str = _checked(_ID.run_validation, {"id": value})["id"]
    return valid


def _require_storable(*values: dict[str, Any]) -> None:
    # The complete payload of a product is stored, with unknown members.
    if not all(map(is_storable, values)):
        raise UnusableData("data holds a NUL (\\u0000) or half of a surrogate pair, which cannot be stored.")


def _ids(variant: Any) -> tuple[str, ...]:
    """The PMS's ids of the variant, its own first; none without its own."""
    if not isinstance(variant, dict) or _is_empty(variant.get("id")):
        return ()
    others = variant.get("other_ids") or []
    if not isinstance(others, list):
        raise UnusableData("data is not valid. /variants: other_ids is no list.")
    return tuple(map(_external_id, (variant["id"], *others)))


def _our_variant(variant: Any, ids: tuple[str, ...], slug: str) -> Any:
    """The variant without the PMS's ids, and with a SKU if it has none."""
    if not isinstance(variant, dict):
        return variant
    ours = {name: value for name, value in variant.items() if name not in ("id", "other_ids")}
    if ids and _is_empty(variant.get("sku")):
        ours["sku"] = _made_sku(slug, ids[0])
    return ours


def variant_sku_key(variant: dict[str, Any], slug: str) -> str:
    """The key of the SKU by which we know a variant that the PMS has told; it may tell none."""
    if _is_empty(variant.get("sku")) and not _is_empty(variant.get("id")):
        return sku_key(_made_sku(slug, str(variant["id"])))
    return sku_key(str(variant.get("sku", "")))


def _made_sku(slug: str, variant_id: str) -> str:
    # Two connections may use the same ids.
    return f"{slug}-{variant_id}"


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


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
    return value is None or (_is_empty(value) and not getattr(field, "allow_blank", False))


def _checked(validate: Callable[[Any], dict[str, Any]], data: Any) -> dict[str, Any]:
    try:
        return validate(data)
    except serializers.ValidationError as error:
        problems = (f"{one.pointer}: {one.detail}" for one in field_errors(error.get_full_details()))
        raise UnusableData(f"data is not valid. {' '.join(problems)}") from None
