"""The rules for publishing a product."""

from collections.abc import Callable, Sequence
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from pms_backend.api.problems import FieldError
from products.exceptions import PublishRulesFailed
from products.models import Product, ProductStatus, Variant

# The pointer to a member of a variant in the input; None for a variant that is not named there.
Pointers = Callable[[Variant, str], str | None]

# The rules by their codes.
PUBLISH_RULES: Final = {
    "name_missing": gettext_noop("A published product has a name."),
    "product_archived": gettext_noop("An archived product is restored before it is published."),
    "variant_missing": gettext_noop("A published product has a variant."),
    "price_missing": gettext_noop("Every variant of a published product has a price."),
}


def failed_rules(product: Product, variants: Sequence[Variant], pointer_to: Pointers | None = None) -> list[FieldError]:
    """The rules that keep this product, with its current variants, from being published.

    `pointer_to` finds a variant in an input that has variants: one that it does not name is in `/variants`. Without it,
    variants are named by their index among the current ones, as the product shows them.
    """
    errors = []
    if not product.name.strip():
        errors.append(_error("/name", "name_missing"))
    if product.status == ProductStatus.ARCHIVED:
        errors.append(_error("/status", "product_archived"))
    if not variants:
        errors.append(_error("/variants", "variant_missing"))
    errors += (
        FieldError(
            (pointer_to(variant, "price") or "/variants") if pointer_to else f"/variants/{index}/price",
            "price_missing",
            _("%(sku)s has no price.") % {"sku": variant.sku},
        )
        for index, variant in enumerate(variants)
        if variant.price is None
    )
    return errors


def check_rules(product: Product, variants: Sequence[Variant], pointer_to: Pointers | None = None) -> None:
    """Raises `PublishRulesFailed`, naming each failed rule."""
    if errors := failed_rules(product, variants, pointer_to):
        rules = dict.fromkeys(_(PUBLISH_RULES[error.code]) for error in errors)
        raise PublishRulesFailed(" ".join(rules), errors=errors)


def _error(pointer: str, code: str) -> FieldError:
    return FieldError(pointer, code, _(PUBLISH_RULES[code]))
