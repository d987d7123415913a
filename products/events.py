"""The events of the catalogue."""

from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

from pms_backend.events.domain_events import DomainEvent
from products.cache_generations import CATALOGUE, PRODUCT
from products.representation import ProductData


class CategoryData(TypedDict):
    """A category; `parent` is the slug of its parent."""

    slug: str
    name: str
    parent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductEvent(DomainEvent):
    """An event of a product, with the product at that time (without stock and cost)."""

    product: Annotated[dict[str, Any], ProductData]

    @property
    def subject(self) -> str:
        """`product:ID`."""
        return f"product:{self.product['id']}"

    @property
    def generations(self) -> tuple[str, ...]:
        """The generations of the product and of every list."""
        return generations_of(self.type, self.subject)


class ProductCreated(ProductEvent, type="product.created"):
    """A product was made."""


class ProductUpdated(ProductEvent, type="product.updated"):
    """A product or one of its variants was changed."""


class ProductPublished(ProductEvent, type="product.published"):
    """A product became active."""


class ProductUnpublished(ProductEvent, type="product.unpublished"):
    """An active product became a draft again."""


class ProductArchived(ProductEvent, type="product.archived"):
    """A product was taken out of the catalogue."""


class ProductRestored(ProductEvent, type="product.restored"):
    """An archived product came back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryChanged(DomainEvent, type="category.changed"):
    """A category was made, renamed, moved or removed (then `category` is null)."""

    slug: str
    category: Annotated[dict[str, Any], CategoryData] | None

    @property
    def subject(self) -> str:
        """`category:SLUG`."""
        return f"category:{self.slug}"

    @property
    def generations(self) -> tuple[str, ...]:
        """The generations of every response that may name the category."""
        return generations_of(self.type, self.subject)


def generations_of(event_type: str, subject: str) -> tuple[str, ...]:
    """The generations that an event of the catalogue replaces; empty for events of other apps."""
    if event_type.startswith("product."):
        return (CATALOGUE, subject)
    return (CATALOGUE, PRODUCT) if event_type == CategoryChanged.type else ()
