"""What kept answers about the catalogue are made of: names of generations (pms_backend/api/generations.py)."""

from typing import Final

# Any product or category.
CATALOGUE: Final = "catalogue"
# Any level, and which locations count: products show what is there of them.
STOCK: Final = "stock"
# The family of `product:ID`, one product with its variants and stock; replaced, it is all of them.
PRODUCT: Final = "product"

# What a page of products or variants is made of.
OF_A_LIST: Final = (CATALOGUE, STOCK)


def of_product(product_id: int) -> str:
    """The generation of one product, which is also the subject of its events."""
    return f"{PRODUCT}:{product_id}"


def of_a_detail(product_id: int) -> tuple[str, ...]:
    """What the answer about one product is made of."""
    return (PRODUCT, of_product(product_id))


def of_stock(product_ids: set[int]) -> set[str]:
    """What has changed when something of these products came or went."""
    return {STOCK, *map(of_product, product_ids)} if product_ids else set()
