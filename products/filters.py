"""Filters of products and of variants."""

from typing import Any

import django_filters
from django.db.models import BooleanField, Exists, F, Func, OuterRef, QuerySet, Value

from pms_backend.api.filters import BooleanFilter, IdFilter, MomentFilter
from products.handles import clean_handle
from products.models import Category, Product, ProductStatus, Variant
from products.queries import categories_below, in_stock
from products.search import MAX_SEARCH_LENGTH, query_of
from products.skus import as_sku_key
from products.sorting import BY_UPDATED_AT, SORTINGS

ANY_STATUS = "any"


def matches_of(products: QuerySet[Product], query: str | None) -> QuerySet[Product]:
    """The products that a search (`search.query_of`) finds."""
    if query is None:
        return products.none()
    condition = Func(
        F("search_document"),
        Value(query),
        template="%(expressions)s::tsquery",
        arg_joiner=" @@ ",
        output_field=BooleanField(),
    )
    return products.filter(condition)


class OrderingFilter(django_filters.ChoiceFilter):
    """Validates and documents `ordering`; `get_sorting` of the view applies it."""

    selects_rows = False

    def __init__(self, names: Any, **more: Any) -> None:
        super().__init__(choices=[(name, name) for name in names], **more)

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        """Filters nothing."""
        return qs


class FieldsFilter(django_filters.CharFilter):
    """Documents `fields`; `product_queries.select_fields` applies it."""

    selects_rows = False

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        """Filters nothing."""
        return qs


class ProductFilter(django_filters.FilterSet):
    """`search`, `status`, `category`, `tag`, `brand`, `handle`, `sku`, `barcode`, `updated_after`, `in_stock`."""

    search = django_filters.CharFilter(
        method="filter_search",
        max_length=MAX_SEARCH_LENGTH,
        label="words, each of them or its beginning, in name, SKUs, brand, tags and description; best first",
    )
    status = django_filters.ChoiceFilter(
        choices=[*ProductStatus.choices, (ANY_STATUS, "any")], method="filter_status", label="`any` for all"
    )
    category = django_filters.CharFilter(method="filter_category", label="a slug; categories below it are included")
    tag = django_filters.CharFilter(method="filter_tag")
    brand = django_filters.CharFilter()
    handle = django_filters.CharFilter(method="filter_handle")
    sku = django_filters.CharFilter(method="filter_sku")
    barcode = django_filters.CharFilter(method="filter_barcode")
    updated_after = MomentFilter(field_name="updated_at", lookup_expr="gt")
    in_stock = BooleanFilter(method="filter_in_stock")
    ordering = OrderingFilter(SORTINGS, label="newest first without it; with a `search`, best first")
    fields = FieldsFilter(label="of each product these alone, such as `id,name,variants.sku`")

    class Meta:
        model = Product
        fields: tuple[str, ...] = ()

    def filter_queryset(self, queryset: QuerySet[Product]) -> QuerySet[Product]:
        """Filters by status even without the parameter: drafts and active products."""
        found: QuerySet[Product] = super().filter_queryset(queryset)
        return found if self.form.cleaned_data["status"] else found.exclude(status=ProductStatus.ARCHIVED)

    def filter_search(self, queryset: QuerySet[Product], _name: str, text: str) -> QuerySet[Product]:
        """Products with every word."""
        return matches_of(queryset, query_of(text))

    def filter_status(self, queryset: QuerySet[Product], _name: str, status: str) -> QuerySet[Product]:
        """Products with one status, or with any."""
        return queryset if status == ANY_STATUS else queryset.filter(status=status)

    def filter_category(self, queryset: QuerySet[Product], _name: str, slug: str) -> QuerySet[Product]:
        """Products in a category or its descendants."""
        return queryset.filter(category__in=categories_below(slug))

    def filter_tag(self, queryset: QuerySet[Product], _name: str, tag: str) -> QuerySet[Product]:
        """Products with a tag."""
        return queryset.filter(tags__contains=[tag])

    def filter_handle(self, queryset: QuerySet[Product], name: str, value: str) -> QuerySet[Product]:
        """The product with a handle, which is normalised first."""
        return queryset.filter(handle=clean_handle(value))

    def filter_sku(self, queryset: QuerySet[Product], _name: str, sku: str) -> QuerySet[Product]:
        """The product with a SKU, regardless of case."""
        return self._with_variant(queryset, sku_key=as_sku_key(sku) or "")

    def filter_barcode(self, queryset: QuerySet[Product], _name: str, barcode: str) -> QuerySet[Product]:
        """Products with a barcode."""
        return self._with_variant(queryset, barcode=barcode)

    def filter_in_stock(
        self,
        queryset: QuerySet[Product],
        _name: str,
        wanted: bool,  # noqa: FBT001 - django-filter's signature
    ) -> QuerySet[Product]:
        """Products with or without available stock."""
        return in_stock(queryset, wanted=wanted)

    def _with_variant(self, queryset: QuerySet[Product], **wanted: str) -> QuerySet[Product]:
        return queryset.filter(Exists(Variant.objects.filter(product=OuterRef("pk"), is_archived=False, **wanted)))


class CategoryFilter(django_filters.FilterSet):
    """`parent`, `root`."""

    parent = django_filters.CharFilter(field_name="parent__slug", label="the slug of the category right above")
    root = BooleanFilter(field_name="parent", lookup_expr="isnull", label="whether it stands at the top")

    class Meta:
        model = Category
        fields: tuple[str, ...] = ()


class VariantFilter(django_filters.FilterSet):
    """`sku`, `barcode`, `product`, `updated_after`."""

    sku = django_filters.CharFilter(method="filter_sku")
    barcode = django_filters.CharFilter()
    product = IdFilter(field_name="product_id")
    updated_after = MomentFilter(field_name="updated_at", lookup_expr="gt")
    ordering = OrderingFilter(BY_UPDATED_AT, label="newest first without it")

    class Meta:
        model = Variant
        fields: tuple[str, ...] = ()

    def filter_sku(self, queryset: QuerySet[Variant], _name: str, sku: str) -> QuerySet[Variant]:
        """The variant with a SKU, regardless of case."""
        return queryset.filter(sku_key=as_sku_key(sku) or "")
