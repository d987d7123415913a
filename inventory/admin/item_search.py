"""Finding an item by what was scanned or typed, and its picture."""

from typing import Final

from django import forms
from django.utils.translation import gettext as _

from inventory.item_codes import skus_by_code
from products.filters import matches_of
from products.images.names import url_of
from products.models import Product, ProductImage, Variant
from products.search import MAX_SEARCH_LENGTH, query_of
from products.skus import sku_key

# The most items among which somebody chooses.
MAX_CANDIDATES: Final = 20
# The most SKUs that an error names.
MAX_NAMED: Final = 5


def find_variants(text: str) -> list[Variant]:
    """The variants with this SKU, else with this barcode, else those that a search for the text finds, some of them."""
    variants = Variant.objects.select_related("product")
    if skus := skus_by_code([text])[text]:
        keys = [sku_key(sku) for sku in skus[:MAX_CANDIDATES]]
        return list(variants.filter(sku_key__in=keys).order_by("sku_key"))
    products = matches_of(Product.objects.all(), query_of(text[:MAX_SEARCH_LENGTH])).order_by("-id")
    ids = list(products.values_list("pk", flat=True)[:MAX_CANDIDATES])
    current = variants.filter(product__in=ids, is_archived=False)
    return list(current.order_by("product__name", "position", "pk")[:MAX_CANDIDATES])


def picture_of(variant: Variant) -> str | None:
    """The address of the product's first picture, small if there is a small one."""
    images = ProductImage.objects.filter(product=variant.product_id, image_file__isnull=False)
    image = images.select_related("image_file").order_by("position", "pk").first()
    if image is None or image.image_file is None:
        return None
    return url_of(str(image.image_file.thumbnail or image.image_file.file))


def find_sku(text: str) -> str:
    """The SKU with this text as its SKU or barcode. Raises `ValidationError`."""
    found = skus_by_code([text])[text]
    if len(found) > 1:
        skus = ", ".join(found[:MAX_NAMED])
        raise forms.ValidationError(_("Several SKUs have this barcode: %(skus)s.") % {"skus": skus})
    if not found:
        raise forms.ValidationError(_("There is no SKU and no barcode %(text)s.") % {"text": text})
    return found[0]
