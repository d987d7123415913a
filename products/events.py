"""The events of the catalogue."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypedDict

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


class ProductCreated(ProductEvent):
    """A product was made."""

    type: ClassVar[str] = "product.created"


class ProductUpdated(ProductEvent):
    """A product or one of its variants was changed."""

    type: ClassVar[str] = "product.updated"


class ProductPublished(ProductEvent):
    """A product became active."""

    type: ClassVar[str] = "product.published"


class ProductUnpublished(ProductEvent):
    """An active product became a draft again."""

    type: ClassVar[str] = "product.unpublished"


class ProductArchived(ProductEvent):
    """A product was taken out of the catalogue."""

    type: ClassVar[str] = "product.archived"


class ProductRestored(ProductEvent):
    """An archived product came back."""

    type: ClassVar[str] = "product.restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryChanged(DomainEvent):
    """A category was made, renamed, moved or removed (then `category` is null)."""

    type: ClassVar[str] = "category.changed"
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
