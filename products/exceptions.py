"""What the catalogue refuses."""

from pms_backend.api.exceptions import Conflict, Invalid, NotFound


class InvalidSku(Invalid):
    """The text is no SKU."""

    code = "invalid_sku"


class SkuTaken(Conflict):
    """Another variant has this SKU, in this or another case."""

    code = "sku_taken"


class HandleTaken(Conflict):
    """Another product has this handle."""

    code = "handle_taken"


class PublishRulesFailed(Invalid):
    """The product may not be published; `errors` names each failed rule."""

    code = "publish_rules_failed"


class ProductNotFound(NotFound):
    """No product has this id."""

    code = "product_not_found"


class ProductArchived(Conflict):
    """An archived product is restored before it is published."""

    code = "product_archived"


class CategoryNotFound(Invalid):
    """The input names a category that does not exist."""

    code = "category_not_found"


class CategoryCycle(Conflict):
    """A category would be within itself."""

    code = "category_cycle"


class CategoryInUse(Conflict):
    """A category that holds products or categories stays."""

    code = "category_in_use"


class UnknownVariant(Invalid):
    """The input names a variant that is none of the product's."""

    code = "unknown_variant"


class VariantNotFound(NotFound):
    """No variant has this id."""

    code = "variant_not_found"


class UnknownField(Invalid):
    """A sparse answer is asked for a field that there is not; `errors` names each."""

    code = "unknown_field"
