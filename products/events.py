"""What the catalogue announces."""

from dataclasses import dataclass
from typing import Any, ClassVar

from pms_backend.events.facts import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductFact(Fact):
    """Something about a product, with the product as it is then (without stock and cost)."""

    product: dict[str, Any]

    @property
    def subject(self) -> str:
        """`product:ID`."""
        return f"product:{self.product['id']}"

    def data(self) -> dict[str, Any]:
        """`{"product"}`."""
        return {"product": self.product}


class ProductCreated(ProductFact):
    """A product was made."""

    type: ClassVar[str] = "product.created"


class ProductUpdated(ProductFact):
    """A product or one of its variants was changed."""

    type: ClassVar[str] = "product.updated"


class ProductPublished(ProductFact):
    """A product became active."""

    type: ClassVar[str] = "product.published"


class ProductUnpublished(ProductFact):
    """An active product became a draft again."""

    type: ClassVar[str] = "product.unpublished"


class ProductArchived(ProductFact):
    """A product was taken out of the catalogue."""

    type: ClassVar[str] = "product.archived"


class ProductRestored(ProductFact):
    """An archived product came back."""

    type: ClassVar[str] = "product.restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryChanged(Fact):
    """A category was made, renamed, moved or removed (then `category` is null)."""

    type: ClassVar[str] = "category.changed"
    slug: str
    category: dict[str, Any] | None

    @property
    def subject(self) -> str:
        """`category:SLUG`."""
        return f"category:{self.slug}"

    def data(self) -> dict[str, Any]:
        """`{"slug", "category"}`."""
        return {"slug": self.slug, "category": self.category}
