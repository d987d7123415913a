"""The tables of the catalogue: one module for each noun."""

from products.models.categories import (
    MAX_CATEGORY_DEPTH,
    MAX_NAME_LENGTH,
    TREE_ORDER,
    Category,
)
from products.models.images import (
    MAX_ALT_LENGTH,
    MAX_ERROR_LENGTH,
    MAX_URL_LENGTH,
    ImageFile,
    ImageStatus,
    ImageUpload,
    ProductImage,
)
from products.models.products import (
    MAX_ATTRIBUTES_BYTES,
    MAX_DESCRIPTION_LENGTH,
    MAX_OPTION_LENGTH,
    MAX_OPTION_VALUES,
    MAX_OPTIONS,
    MAX_TAG_LENGTH,
    MAX_TAGS,
    MAX_VARIANTS,
    PRICE_DECIMALS,
    PRICE_DIGITS,
    Product,
    ProductQuerySet,
    ProductStatus,
)
from products.models.variants import (
    MAX_BARCODE_LENGTH,
    Variant,
)
