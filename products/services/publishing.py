"""The rules for publishing a product."""

from collections.abc import Callable, Sequence
from typing import Final

from pms_backend.api.problems import FieldError
from products.exceptions import PublishRulesFailed
from products.models import Product, ProductStatus, Variant

Rule = Callable[[Product, Sequence[Variant]], bool]

# code → (pointer, requirement, whether the product meets it)
PUBLISH_RULES: Final[dict[str, tuple[str, str, Rule]]] = {
    "name_missing": ("/name", "A published product has a name.", lambda product, _: bool(product.name.strip())),
    "product_archived": (
        "/status",
        "An archived product is restored before it is published.",
        lambda product, _: product.status != ProductStatus.ARCHIVED,
    ),
    "variant_missing": ("/variants", "A published product has a variant.", lambda _, variants: bool(variants)),
    "price_missing": (
        "/variants",
        "Every variant of a published product has a price.",
        lambda _, variants: all(variant.price is not None for variant in variants),
    ),
}


def failed_rules(product: Product, variants: Sequence[Variant]) -> tuple[FieldError, ...]:
    """The rules that keep this product, with its current variants, from being published."""
    return tuple(
        FieldError(pointer, code, detail)
        for code, (pointer, detail, holds) in PUBLISH_RULES.items()
        if not holds(product, variants)
    )


def check_rules(product: Product, variants: Sequence[Variant]) -> None:
    """Raises `PublishRulesFailed`, naming each failed rule."""
    if errors := failed_rules(product, variants):
        raise PublishRulesFailed(" ".join(error.detail for error in errors), errors=errors)
