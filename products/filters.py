"""Filters of products."""

import django_filters
from django.db.models import Exists, OuterRef, QuerySet

from pms_backend.api.filters import BooleanFilter
from products.models import Category, Product, ProductStatus, Variant
from products.queries import in_stock
from products.skus import as_sku_key

ANY_STATUS = "any"


class ProductFilter(django_filters.FilterSet):
    """`status`, `category`, `tag`, `brand`, `handle`, `sku`, `barcode`, `updated_after`, `in_stock`."""

    status = django_filters.ChoiceFilter(
        choices=[*ProductStatus.choices, (ANY_STATUS, "any")], method="filter_status", label="`any` for all"
    )
    category = django_filters.CharFilter(field_name="category__slug")
    tag = django_filters.CharFilter(method="filter_tag")
    brand = django_filters.CharFilter()
    handle = django_filters.CharFilter()
    sku = django_filters.CharFilter(method="filter_sku")
    barcode = django_filters.CharFilter(method="filter_barcode")
    updated_after = django_filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gt")
    in_stock = BooleanFilter(method="filter_in_stock")

    class Meta:
        model = Product
        fields: tuple[str, ...] = ()

    def filter_queryset(self, queryset: QuerySet[Product]) -> QuerySet[Product]:
        """Without a `status`: drafts and active ones."""
        found: QuerySet[Product] = super().filter_queryset(queryset)
        return found if self.form.cleaned_data["status"] else found.exclude(status=ProductStatus.ARCHIVED)

    def filter_status(self, queryset: QuerySet[Product], _name: str, status: str) -> QuerySet[Product]:
        """Products in one state, or in any."""
        return queryset if status == ANY_STATUS else queryset.filter(status=status)

    def filter_tag(self, queryset: QuerySet[Product], _name: str, tag: str) -> QuerySet[Product]:
        """Products that carry a tag."""
        return queryset.filter(tags__contains=[tag])

    def filter_sku(self, queryset: QuerySet[Product], _name: str, sku: str) -> QuerySet[Product]:
        """The product that has a SKU, regardless of case."""
        return queryset.filter(Exists(Variant.objects.filter(product=OuterRef("pk"), sku_key=as_sku_key(sku) or "")))

    def filter_barcode(self, queryset: QuerySet[Product], _name: str, barcode: str) -> QuerySet[Product]:
        """Products that have a barcode."""
        return queryset.filter(Exists(Variant.objects.filter(product=OuterRef("pk"), barcode=barcode)))

    def filter_in_stock(
        self,
        queryset: QuerySet[Product],
        _name: str,
        wanted: bool,  # noqa: FBT001 - django-filter's signature
    ) -> QuerySet[Product]:
        """Products of which something, or nothing, is available."""
        return in_stock(queryset, wanted=wanted)


class CategoryFilter(django_filters.FilterSet):
    """`parent`, `root`."""

    parent = django_filters.CharFilter(field_name="parent__slug", label="the slug of the category right above")
    root = BooleanFilter(field_name="parent", lookup_expr="isnull", label="whether it stands at the top")

    class Meta:
        model = Category
        fields: tuple[str, ...] = ()
