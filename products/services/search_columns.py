"""What a product keeps for its readers: worked out of it and its variants, written with it."""

from collections.abc import Sequence

from products.models import Product, Variant
from products.search import document_of


def prepare_for_readers(product: Product, variants: Sequence[Variant]) -> None:
    """Sets what lists search and sort by (`search_document`, `lowest_price`), of the current variants."""
    current = [variant for variant in variants if not variant.is_archived]
    product.search_document = document_of(
        name=product.name,
        skus=[variant.sku for variant in current],
        brand=product.brand,
        tags=product.tags,
        description=product.description,
    )
    product.lowest_price = min((variant.price for variant in current if variant.price is not None), default=None)
