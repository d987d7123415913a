"""The cache generations of the catalogue (pms_backend/api/cache_generations.py)."""

from typing import Final

# Any product or category.
CATALOGUE: Final = "catalogue"
# Any level, and which locations are active: products show their stock.
STOCK: Final = "stock"
# The family of `product:ID`, one product with its variants and stock; replacing it invalidates all of them.
PRODUCT: Final = "product"

# The generations of a page of products or variants.
LIST_GENERATIONS: Final = (CATALOGUE, STOCK)


def of_product(product_id: int) -> str:
    """The generation of one product, which is also the subject of its events."""
    return f"{PRODUCT}:{product_id}"


def detail_generations(product_id: int) -> tuple[str, ...]:
    """The generations of the response about one product."""
    return (PRODUCT, of_product(product_id))


def of_stock(product_ids: set[int]) -> set[str]:
    """The generations to replace when stock of these products changes."""
    return {STOCK, *map(of_product, product_ids)} if product_ids else set()
