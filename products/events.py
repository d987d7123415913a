"""What the catalogue announces."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, TypedDict

from pms_backend.events.domain_events import DomainEvent
from products.cache_generations import CATALOGUE, PRODUCT


class OptionData(TypedDict):
    """What the variants differ in."""

    name: str
    values: list[str]


class VariantData(TypedDict):
    """A variant, without stock and cost."""

    id: int
    sku: str
    barcode: str
    name: str
    price: str | None
    currency: str
    compare_at_price: str | None
    weight_grams: int | None
    options: dict[str, str]
    position: int


class ImageData(TypedDict):
    """A picture that is ready; addresses as the storage has them, `thumbnail_url` null until it is made."""

    id: int
    url: str
    thumbnail_url: str | None
    alt: str
    position: int
    width: int
    height: int


class ProductData(TypedDict):
    """A product as `representation.represent_product` shows it."""

    id: int
    handle: str
    name: str
    description: str
    brand: str
    status: Literal["draft", "active", "archived"]
    published_at: datetime | None
    publish_at: datetime | None
    unpublish_at: datetime | None
    category: str | None
    tags: list[str]
    attributes: dict[str, Any]
    options: list[OptionData]
    variants: list[VariantData]
    images: list[ImageData]
    version: int
    created_at: datetime
    updated_at: datetime


class CategoryData(TypedDict):
    """A category; `parent` is the slug of the one above it."""

    slug: str
    name: str
    parent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductEvent(DomainEvent):
    """Something about a product, with the product as it is then (without stock and cost)."""

    product: Annotated[dict[str, Any], ProductData]

    @property
    def subject(self) -> str:
        """`product:ID`."""
        return f"product:{self.product['id']}"

    @property
    def generations(self) -> tuple[str, ...]:
        """The product, and every page that it may stand on."""
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
        """Every answer that may name the category."""
        return generations_of(self.type, self.subject)


def generations_of(event_type: str, subject: str) -> tuple[str, ...]:
    """The generations that an event of the catalogue replaces; none for others' events."""
    if event_type.startswith("product."):
        return (CATALOGUE, subject)
    return (CATALOGUE, PRODUCT) if event_type == CategoryChanged.type else ()
