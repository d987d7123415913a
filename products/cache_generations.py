"""The cache generations of the catalogue (see pms_backend/api/cache_generations.py)."""

from typing import Final

# Replaced when any product or category changes.
CATALOGUE: Final = "catalogue"
# Replaced when any stock level, or the set of active locations, changes: products include their stock.
STOCK: Final = "stock"
# The family of `product:ID`, which stands for one product with its variants and stock; replacing it invalidates all.
PRODUCT: Final = "product"

# The generations of lists of products or variants.
LIST_GENERATIONS: Final = (CATALOGUE, STOCK)


def product_generation(product_id: int) -> str:
    """The generation of one product, which is also the subject of its events."""
    return f"{PRODUCT}:{product_id}"


def list_generations(**_: str) -> tuple[str, ...]:
    """The generations of a list of products or variants, and of one variant, whatever the URL names."""
    return LIST_GENERATIONS


def detail_generations(pk: str) -> tuple[str, ...]:
    """The generations of the response about one product, by its id in the URL."""
    return (PRODUCT, product_generation(int(pk)))


def stock_generations(product_ids: set[int]) -> set[str]:
    """The generations to replace when stock of these products changes."""
    return {STOCK, *map(product_generation, product_ids)} if product_ids else set()
