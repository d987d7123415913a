"""The catalogue's input and output."""

from typing import Any

from drf_spectacular.utils import extend_schema_field

from pms_backend.api import serializers
from pms_backend.api.bulk import RowField
from pms_backend.api.exceptions import DomainError
from pms_backend.api.keyset import MAX_ID
from pms_backend.api.moments import MomentField
from pms_backend.api.renderers import to_json
from products import models
from products.currencies import CURRENCIES
from products.fields import BarcodeField, ClearableCharField, ClearableListField, OptionValuesField
from products.handles import require_handle
from products.models import Category, ProductStatus
from products.options import repeated
from products.services.bulk import MAX_BULK_PRODUCTS
from products.skus import MAX_SKU_LENGTH, clean_sku, sku_key

MAX_POSITION = 1_000_000
MAX_WEIGHT_GRAMS = 2_000_000_000


class SkuField(serializers.CleanedCharField):
    """A SKU, cleaned."""

    # ASCII without spaces is a clean SKU.
    keeps_plain_text = True

    def __init__(self, **more: Any) -> None:
        super().__init__(max_length=MAX_SKU_LENGTH, **more)

    def clean(self, text: str) -> str:
        """Returns the SKU as it is stored."""
        try:
            return clean_sku(text)
        except DomainError as error:
            raise serializers.ValidationError(error.detail, code=error.code) from None


class MoneyField(serializers.DecimalField):
    """An amount as a decimal string."""

    def __init__(self, **more: Any) -> None:
        super().__init__(max_digits=models.PRICE_DIGITS, decimal_places=models.PRICE_DECIMALS, min_value=0, **more)


class CurrencyField(serializers.CharField):
    """An ISO 4217 code, in upper case."""

    def to_internal_value(self, data: Any) -> str:
        """Returns the code."""
        code = super().to_internal_value(data).upper()
        if code not in CURRENCIES:
            raise serializers.ValidationError("This is not a currency of ISO 4217.", code="invalid_currency")
        return code


@extend_schema_field({"type": "string", "pattern": r"^[^\s/]+$"})
class UnicodeSlugField(serializers.SlugField):
    """Letters of any alphabet, where a pattern's `\\w` means those of one in OpenAPI."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=models.MAX_NAME_LENGTH, allow_unicode=True, **options)


@extend_schema_field({"type": "string", "pattern": r"^[^\s/]+$", "maxLength": models.MAX_NAME_LENGTH})
class HandleField(serializers.CharField):
    """A handle as it is stored: in lower case, with hyphens for spaces and other signs."""

    def to_internal_value(self, data: Any) -> str:
        """Returns the handle as it is stored."""
        try:
            return require_handle(super().to_internal_value(data))
        except DomainError as error:
            raise serializers.ValidationError(error.detail, code="invalid") from None


class OptionSerializer(serializers.Serializer[Any]):
    """One way in which the variants of a product differ."""

    name = serializers.CharField(max_length=models.MAX_OPTION_LENGTH)
    values = serializers.ListField(
        child=serializers.CharField(max_length=models.MAX_OPTION_LENGTH),
        allow_empty=False,
        max_length=models.MAX_OPTION_VALUES,
    )

    def validate_values(self, values: list[str]) -> list[str]:
        """Refuses repeated values."""
        if len(set(values)) < len(values):
            raise serializers.ValidationError("A value stands here twice.", code="duplicate_value")
        return values

    def validate(self, option: dict[str, Any]) -> dict[str, Any]:
        """Requires both members in a patch too: it replaces options as a whole, but DRF would make members optional."""
        if missing := [name for name in ("name", "values") if name not in option]:
            required = serializers.Field.default_error_messages["required"]
            raise serializers.ValidationError(dict.fromkeys(missing, required), code="required")
        return option


class StockSerializer(serializers.Serializer[Any]):
    """Stock, summed over the active locations."""

    on_hand = serializers.IntegerField(required=False, help_text="not shown to storefronts")
    reserved = serializers.IntegerField(required=False, help_text="not shown to storefronts")
    available = serializers.IntegerField()


class VariantPatchSerializer(serializers.Serializer[Any]):
    """What a variant says of itself."""

    sku = SkuField()
    barcode = BarcodeField()
    name = ClearableCharField(max_length=models.MAX_NAME_LENGTH)
    price = MoneyField(required=False, allow_null=True)
    currency = CurrencyField(required=False)
    compare_at_price = MoneyField(required=False, allow_null=True)
    cost = MoneyField(required=False, allow_null=True)
    weight_grams = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=MAX_WEIGHT_GRAMS)
    options = OptionValuesField()
    position = serializers.IntegerField(required=False, min_value=0, max_value=MAX_POSITION)


class VariantInputSerializer(VariantPatchSerializer):
    """A variant to make, or to change: known by `id`, else by `sku`."""

    id = serializers.IntegerField(required=False, min_value=1, max_value=MAX_ID)


class ProductInputSerializer(serializers.Serializer[Any]):
    """A product to make, or (partial) to change."""

    name = serializers.CharField(max_length=models.MAX_NAME_LENGTH)
    handle = HandleField(required=False)
    description = ClearableCharField(max_length=models.MAX_DESCRIPTION_LENGTH, trim_whitespace=False)
    brand = ClearableCharField(max_length=models.MAX_NAME_LENGTH)
    status = serializers.ChoiceField(required=False, choices=ProductStatus.choices)
    category = UnicodeSlugField(required=False, allow_null=True)
    tags = ClearableListField(child=serializers.CharField(max_length=models.MAX_TAG_LENGTH), max_length=models.MAX_TAGS)
    attributes = serializers.DictField(required=False, allow_null=True)
    options = ClearableListField(child=OptionSerializer(), max_length=models.MAX_OPTIONS)
    variants = VariantInputSerializer(many=True, allow_empty=False, max_length=models.MAX_VARIANTS)  # type: ignore[call-arg]

    def validate_attributes(self, attributes: dict[str, Any] | None) -> dict[str, Any] | None:
        """Limits the attributes as a whole."""
        try:
            size = len(to_json(attributes))
        except TypeError:
            message = "A number has more digits than are kept; send it as a text."
            raise serializers.ValidationError(message, code="too_many_digits") from None
        if size > models.MAX_ATTRIBUTES_BYTES:
            raise serializers.ValidationError(
                f"Attributes take at most {models.MAX_ATTRIBUTES_BYTES} bytes.", code="too_large"
            )
        return attributes

    def validate_options(self, options: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Returns plain JSON; refuses repeated names."""
        if (index := repeated([option["name"] for option in options])) is not None:
            error = serializers.ErrorDetail("An option of this name stands here twice.", code="duplicate_option")
            raise serializers.ValidationError([*([{}] * index), {"name": [error]}])
        return [{"name": option["name"], "values": list(option["values"])} for option in options]

    def validate_variants(self, variants: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Refuses repeated SKUs and ids; in a patch an `id` may replace the SKU."""
        if not all("sku" in variant or "id" in variant for variant in variants):
            raise serializers.ValidationError("A variant is named by its SKU or its id.", code="required")
        keys = [sku_key(variant["sku"]) for variant in variants if "sku" in variant]
        if len(set(keys)) < len(keys):
            raise serializers.ValidationError("A SKU stands here twice.", code="duplicate_sku")
        ids = [variant["id"] for variant in variants if "id" in variant]
        if len(set(ids)) < len(ids):
            raise serializers.ValidationError("A variant stands here twice.", code="duplicate_variant")
        return variants


class PublishSerializer(serializers.Serializer[Any]):
    """When a product is published, if not now, and when that ends, if it does."""

    publish_at = MomentField(required=False, allow_null=True)
    unpublish_at = MomentField(required=False, allow_null=True)


class UnpublishSerializer(serializers.Serializer[Any]):
    """When a product is unpublished, if not now."""

    unpublish_at = MomentField(required=False, allow_null=True)


class VariantSerializer(serializers.Serializer[Any]):
    """A variant with its stock. `cost` is shown to those who may write products."""

    id = serializers.IntegerField()
    sku = serializers.CharField()
    barcode = serializers.CharField()
    name = serializers.CharField()
    price = serializers.CharField(allow_null=True)
    currency = serializers.CharField()
    compare_at_price = serializers.CharField(allow_null=True)
    cost = serializers.CharField(allow_null=True, required=False)
    weight_grams = serializers.IntegerField(allow_null=True)
    options = serializers.DictField(child=serializers.CharField())
    position = serializers.IntegerField()
    stock = StockSerializer()


class SingleVariantSerializer(VariantSerializer):
    """A variant by itself, with what it has of its product."""

    product = serializers.IntegerField()
    is_archived = serializers.BooleanField()
    version = serializers.IntegerField(help_text="its product's")


class ImageSerializer(serializers.Serializer[Any]):
    """A picture of a product."""

    id = serializers.IntegerField()
    url = serializers.CharField()
    thumbnail_url = serializers.CharField(allow_null=True)
    alt = serializers.CharField()
    position = serializers.IntegerField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()


class ProductSerializer(serializers.Serializer[Any]):
    """A product as it is shown; `representation.represent_product` makes it."""

    id = serializers.IntegerField()
    handle = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    brand = serializers.CharField()
    status = serializers.ChoiceField(choices=ProductStatus.choices)
    published_at = serializers.DateTimeField(allow_null=True)
    publish_at = serializers.DateTimeField(allow_null=True)
    unpublish_at = serializers.DateTimeField(allow_null=True)
    category = serializers.CharField(allow_null=True)
    tags = serializers.ListField(child=serializers.CharField())
    attributes = serializers.DictField()
    options = OptionSerializer(many=True)
    variants = VariantSerializer(many=True)
    images = ImageSerializer(many=True)
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class BulkProductsSerializer(serializers.Serializer[Any]):
    """Up to 1,000 products; each row is validated by itself."""

    products = serializers.ListField(
        child=RowField(row=ProductInputSerializer), allow_empty=False, max_length=MAX_BULK_PRODUCTS
    )
    atomic = serializers.BooleanField(default=False)


class CategorySerializer(serializers.ModelSerializer[Category]):
    """A category and where it hangs: `path` has the slugs from the root down to its own."""

    slug = UnicodeSlugField(required=False)
    parent: serializers.SlugRelatedField[Category] = serializers.SlugRelatedField(  # type: ignore[assignment]
        slug_field="slug", queryset=Category.objects.all(), required=False, allow_null=True
    )
    path = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Category
        fields = ("slug", "name", "parent", "path")
