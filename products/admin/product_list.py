"""The list of products: columns, filters and search."""

from decimal import Decimal
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pms_backend.access.visibility import sees_stock
from pms_backend.api.admin_tables import EXTRA, EXTRA_NUMBER, MAIN_NUMBER, NAME, NUMBER, PICTURE
from pms_backend.api.service_admin import ServiceAdmin, moment
from pms_backend.api.typed_unfold import display
from products.admin.categories import CategoryFilter
from products.admin.thumbnails import thumbnail, with_picture
from products.filters import matches_of
from products.handles import clean_handle
from products.models import PRICE_DECIMALS, Product, ProductStatus, Variant
from products.queries import with_totals
from products.search import MAX_SEARCH_LENGTH, query_of
from products.skus import as_sku_key

STATUS_LABELS: Final[dict[str, str]] = {
    ProductStatus.ACTIVE: "success",
    ProductStatus.DRAFT: "info",
    ProductStatus.ARCHIVED: "warning",
}
MAX_BRANDS: Final = 50
EN_DASH: Final = "\u2013"
STOCK_COLUMNS: Final = ("on_hand", "available")


class BrandFilter(admin.SimpleListFilter):
    """A filter by brand; in a catalogue with more than `MAX_BRANDS`, use the search."""

    title = gettext_lazy("brand")
    parameter_name = "brand"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The first brands, by name."""
        brands = Product.objects.exclude(brand="").order_by("brand").values_list("brand", flat=True).distinct()
        return [(brand, brand) for brand in brands[:MAX_BRANDS]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Products of the chosen brand."""
        return queryset.filter(brand=self.value()) if self.value() else queryset


class PriceFilter(admin.SimpleListFilter):
    """A filter by whether a variant lacks its price."""

    title = gettext_lazy("price")
    parameter_name = "price"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The two choices."""
        return [("missing", _("A variant has no price")), ("complete", _("All variants have a price"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Products with, or without, a current variant without a price."""
        missing = Exists(Variant.objects.filter(product=OuterRef("pk"), is_archived=False, price=None))
        if self.value() == "missing":
            return queryset.filter(missing)
        return queryset.filter(~missing) if self.value() == "complete" else queryset


class ProductList(ServiceAdmin):
    """The list of products."""

    list_display = (
        *("image", "name", "status_label", "brand", "category"),
        *("prices", "variants", "on_hand", "available", "updated"),
    )
    list_display_links = ("name",)
    column_kinds: ClassVar = {
        "image": PICTURE,
        "name": NAME,
        "brand": EXTRA,
        "category": EXTRA,
        "prices": NUMBER,
        "variants": EXTRA_NUMBER,
        "on_hand": NUMBER,
        "available": MAIN_NUMBER,
        "updated": EXTRA,
    }
    empty_text = gettext_lazy("Add a product here, import a file, or connect a PMS.")
    list_filter = ("status", CategoryFilter, BrandFilter, PriceFilter)
    list_select_related = ("category",)
    # Names what is searched; `get_search_results` searches.
    search_fields = ("name",)
    search_help_text = gettext_lazy("Words of name, brand, tags or description, a SKU, a barcode or a handle")
    ordering = ("-id",)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """The columns, with stock only for users that may see it."""
        columns: list[Any] = [*super().get_list_display(request)]
        return columns if sees_stock(request) else [name for name in columns if name not in STOCK_COLUMNS]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        """Products with the totals for the list."""
        return with_picture(with_totals(super().get_queryset(request)))

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[Any, bool]:
        """The product of a SKU, a barcode or a handle, and those with every word, as the API's search finds them."""
        term = search_term.strip()
        if not term:
            return queryset, False
        words = matches_of(Product.objects.order_by(), query_of(term[:MAX_SEARCH_LENGTH]))
        variants = Variant.objects.filter(Q(sku_key=as_sku_key(term) or "") | Q(barcode=term)).order_by()
        found = Q(pk__in=words.values("pk")) | Q(pk__in=variants.values("product")) | Q(handle=clean_handle(term))
        return queryset.filter(found), False

    @display(description=gettext_lazy("Picture"))
    def image(self, product: Any) -> SafeString:
        """The main picture."""
        return thumbnail(product.picture)

    @display(description=gettext_lazy("Status"), ordering="status", label=STATUS_LABELS)
    def status_label(self, product: Product) -> tuple[str, str]:
        """The status as a badge."""
        return product.status, product.get_status_display()

    @display(description=gettext_lazy("Price"), ordering="lowest_price")
    def prices(self, product: Any) -> str | None:
        """The lowest price of a current variant, and the highest one if it is another."""
        lowest, highest, *currencies = product.price_range
        if lowest is None:
            return None
        prices = f" {EN_DASH} ".join(dict.fromkeys(_shown(price) for price in (lowest, highest)))
        currency = currencies[0] if len(set(currencies)) == 1 else ""
        return f"{prices} {currency}".rstrip()

    @display(description=gettext_lazy("Variants"))
    def variants(self, product: Any) -> Any:
        """The number of variants."""
        return product.variants_count

    @display(description=gettext_lazy("On hand"))
    def on_hand(self, product: Any) -> Any:
        """The sum over all variants and active locations."""
        return product.stock_on_hand

    @display(description=gettext_lazy("Available"))
    def available(self, product: Any) -> SafeString:
        """The sum over all variants and active locations."""
        available = product.stock_on_hand - product.stock_reserved
        colour = "text-red-600 dark:text-red-500" if available <= 0 else "text-important"
        return format_html('<span class="font-semibold {}">{}</span>', colour, number_format(available))

    @display(description=gettext_lazy("Updated"), ordering="updated_at")
    def updated(self, product: Product) -> SafeString:
        """The time of the last change."""
        return moment(product.updated_at)


def _shown(price: str) -> str:
    return number_format(Decimal(price), PRICE_DECIMALS)
