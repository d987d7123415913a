"""The admin of products: their texts, prices, images and publishing."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin, messages
from django.contrib.postgres.forms import SimpleArrayField
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminExpandableTextareaWidget, UnfoldAdminTextInputWidget

from pms_backend.access.visibility import sees_cost, sees_stock
from pms_backend.api.admin_tables import EXTRA, EXTRA_NUMBER, MAIN_NUMBER, NAME, NUMBER
from pms_backend.api.exceptions import DomainError
from pms_backend.api.service_admin import ServiceInline, moment
from pms_backend.api.typed_unfold import action, display
from products import services
from products.admin.images import NEW_IMAGES, ImageInline, ImagesAdmin, ImagesForm, write_images
from products.admin.label_pages import LabelPages
from products.filters import matches_of
from products.handles import clean_handle
from products.labels import Label, label_of_variant
from products.models import MAX_TAG_LENGTH, MAX_TAGS, Product, ProductStatus, Variant
from products.queries import with_stock, with_totals
from products.search import MAX_SEARCH_LENGTH, query_of
from products.skus import as_sku_key

STATUS_LABELS: Final = {
    ProductStatus.ACTIVE.label: "success",
    ProductStatus.DRAFT.label: "info",
    ProductStatus.ARCHIVED.label: "warning",
}
# The actions for each status.
STATUS_ACTIONS: Final = {
    ProductStatus.DRAFT: ("publish", "archive"),
    ProductStatus.ACTIVE: ("unpublish", "archive"),
    ProductStatus.ARCHIVED: ("restore",),
}
MAX_BRANDS: Final = 50
EDITABLE_FIELDS: Final = ("name", "description", "brand", "tags")
SCHEDULE_FIELDS: Final = ("publish_at", "unpublish_at")
STOCK_COLUMNS: Final = ("on_hand", "available")
EDITABLE_VARIANT_FIELDS: Final = ("barcode", "price", "compare_at_price", "cost")


class BrandFilter(admin.SimpleListFilter):
    """A filter by brand; in a catalogue with more than `MAX_BRANDS`, use the search."""

    title = "brand"
    parameter_name = "brand"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The first brands, by name."""
        brands = Product.objects.exclude(brand="").order_by("brand").values_list("brand", flat=True).distinct()
        return [(brand, brand) for brand in brands[:MAX_BRANDS]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Products of the chosen brand."""
        return queryset.filter(brand=self.value()) if self.value() else queryset


class ProductForm(ImagesForm):
    """The editable fields of a product."""

    tags = SimpleArrayField(
        forms.CharField(max_length=MAX_TAG_LENGTH),
        max_length=MAX_TAGS,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Separated by commas.",
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        if "description" in self.fields:
            self.fields["description"].widget = UnfoldAdminExpandableTextareaWidget()


class VariantInline(ServiceInline):
    """The current variants: barcodes and prices can be changed, SKUs cannot."""

    model = Variant
    fields = ("sku", "name", *EDITABLE_VARIANT_FIELDS, "currency", "on_hand", "available")
    readonly_fields = ("sku", "name", "currency", "on_hand", "available")
    ordering = ("position", "id")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """The fields, with cost and stock only for users that may see them."""
        hidden = {*(() if sees_cost(request) else ("cost",)), *(() if sees_stock(request) else STOCK_COLUMNS)}
        return [name for name in super().get_fields(request, obj) if name not in hidden]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Variant]:
        """The current variants with their stock, in one statement."""
        return with_stock(super().get_queryset(request).filter(is_archived=False))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Variants are created by the API and by PMS events."""
        return False

    @display(description="On hand")
    def on_hand(self, variant: Any) -> Any:
        """The sum over active locations."""
        return variant.stock_on_hand

    @display(description="Available")
    def available(self, variant: Any) -> Any:
        """The sum over active locations."""
        return variant.stock_on_hand - variant.stock_reserved


@admin.register(Product)
class ProductAdmin(LabelPages, ImagesAdmin):
    """The products of the catalogue."""

    form = ProductForm
    inlines = (VariantInline, ImageInline)
    list_display = ("name", "status_label", "brand", "category", "variants", "on_hand", "available", "updated")
    column_kinds: ClassVar = {
        "name": NAME,
        "brand": EXTRA,
        "variants": EXTRA_NUMBER,
        "on_hand": NUMBER,
        "available": MAIN_NUMBER,
        "updated": EXTRA,
    }
    list_filter = ("status", "category", BrandFilter)
    list_select_related = ("category",)
    # Names what is searched; `get_search_results` searches.
    search_fields = ("name",)
    search_help_text = "Words of name, brand, tags or description, a SKU, a barcode or a handle"
    ordering = ("-id",)
    autocomplete_fields = ("category",)
    fieldsets = (
        (None, {"fields": ("name", "description", ("brand", "category"), "tags", NEW_IMAGES)}),
        (
            "State",
            {
                "fields": (
                    *(("status_label", "published_at"), "publish_at", "unpublish_at"),
                    *(("handle", "version"), ("created_at", "updated_at")),
                )
            },
        ),
        ("Options and attributes", {"fields": ("options", "attributes"), "classes": ("collapse",)}),
    )
    readonly_fields = (
        *("status_label", "published_at", "handle", "version", "created_at", "updated_at"),
        *("options", "attributes"),
    )
    actions = ("publish_selected", "unpublish_selected", "archive_selected", "restore_selected", "print_labels")
    actions_detail = ("labels",)
    actions_submit_line = ("publish", "unpublish", "archive", "restore")

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """The columns, with stock only for users that may see it."""
        columns: list[Any] = [*super().get_list_display(request)]
        return columns if sees_stock(request) else [name for name in columns if name not in STOCK_COLUMNS]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        """Products with the totals for the list."""
        return with_totals(super().get_queryset(request))

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[Any, bool]:
        """The product of a SKU, a barcode or a handle, and those with every word, as the API's search finds them."""
        term = search_term.strip()
        if not term:
            return queryset, False
        words = matches_of(Product.objects.order_by(), query_of(term[:MAX_SEARCH_LENGTH]))
        variants = Variant.objects.filter(Q(sku_key=as_sku_key(term) or "") | Q(barcode=term)).order_by()
        found = Q(pk__in=words.values("pk")) | Q(pk__in=variants.values("product")) | Q(handle=clean_handle(term))
        return queryset.filter(found), False

    def labels_of(self, rows: QuerySet[Any]) -> list[Label]:
        """One for each current variant, in the order of the list."""
        order = {key: place for place, key in enumerate(rows.values_list("pk", flat=True))}
        variants = Variant.objects.filter(product__in=order, is_archived=False).select_related("product")
        return [
            label_of_variant(one) for one in sorted(variants, key=lambda one: (order[one.product_id], one.position))
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Products are created by the API and by PMS events."""
        return False

    def get_actions_submit_line(self, request: HttpRequest, object_id: int) -> list[Any]:
        """The buttons for the status of the product."""
        status = Product.objects.filter(pk=object_id).values_list("status", flat=True).first()
        allowed = (
            {f"products_product_{name}" for name in STATUS_ACTIONS.get(ProductStatus(status), ())} if status else set()
        )
        buttons = super().get_actions_submit_line(request, object_id)
        return [button for button in buttons if button.action_name in allowed]

    def write(self, request: HttpRequest, obj: Product, form: Any, formsets: list[Any], *, change: bool) -> None:
        """Updates the product with its variants, its schedule and its images, then runs the pressed button."""
        buttons = [
            button for button in self.get_actions_submit_line(request, obj.pk) if button.action_name in request.POST
        ]
        data = {name: form.cleaned_data[name] for name in EDITABLE_FIELDS if name in form.changed_data}
        if "category" in form.changed_data:
            category = form.cleaned_data["category"]
            data["category"] = category.slug if category else None
        if variants := [_changes_of(variant) for variant in _changed(formsets, Variant)]:
            data["variants"] = variants
        if data:
            services.update_product(product_id=obj.pk, data=data)
        if set(SCHEDULE_FIELDS) & set(form.changed_data):
            services.schedule_product(product_id=obj.pk, **{name: form.cleaned_data[name] for name in SCHEDULE_FIELDS})
        write_images(obj.pk, form, formsets)
        for button in buttons:
            button.method(request, obj)

    @display(description="Status", ordering="status", label=STATUS_LABELS)
    def status_label(self, product: Product) -> str:
        """The status as a badge."""
        return product.get_status_display()

    @display(description="Variants")
    def variants(self, product: Any) -> Any:
        """The number of variants."""
        return product.variants_count

    @display(description="On hand")
    def on_hand(self, product: Any) -> Any:
        """The sum over all variants and active locations."""
        return product.stock_on_hand

    @display(description="Available")
    def available(self, product: Any) -> SafeString:
        """The sum over all variants and active locations."""
        available = product.stock_on_hand - product.stock_reserved
        colour = "text-red-600 dark:text-red-500" if available <= 0 else "text-important"
        return format_html('<span class="font-semibold {}">{}</span>', colour, available)

    @display(description="Updated", ordering="updated_at")
    def updated(self, product: Product) -> SafeString:
        """The time of the last change."""
        return moment(product.updated_at)

    @action(description="Publish", permissions=["change"], icon="visibility")
    def publish(self, request: HttpRequest, product: Product) -> None:
        """Saves the page and publishes the product."""
        services.publish_product(product_id=product.pk)
        messages.success(request, f"{product.name} is published.")

    @action(description="Unpublish", permissions=["change"], icon="visibility_off")
    def unpublish(self, request: HttpRequest, product: Product) -> None:
        """Saves the page and makes the product a draft."""
        services.unpublish_product(product_id=product.pk)
        messages.success(request, f"{product.name} is a draft again.")

    @action(description="Archive", permissions=["change"], icon="archive")
    def archive(self, request: HttpRequest, product: Product) -> None:
        """Saves the page and archives the product."""
        services.archive_product(product_id=product.pk)
        messages.success(request, f"{product.name} is archived; its stock and history stay.")

    @action(description="Restore", permissions=["change"], icon="unarchive")
    def restore(self, request: HttpRequest, product: Product) -> None:
        """Saves the page and makes the archived product a draft."""
        services.restore_product(product_id=product.pk)
        messages.success(request, f"{product.name} is a draft again.")

    @action(description="Publish", permissions=["change"])
    def publish_selected(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        """Publishes the products that meet the rules, and shows the failed rules of the others."""
        _each(request, queryset, services.publish_product, "published")

    @action(description="Unpublish", permissions=["change"])
    def unpublish_selected(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        """Makes the products drafts."""
        _each(request, queryset, services.unpublish_product, "unpublished")

    @action(description="Archive", permissions=["change"])
    def archive_selected(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        """Archives the products."""
        _each(request, queryset, services.archive_product, "archived")

    @action(description="Restore", permissions=["change"])
    def restore_selected(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        """Makes archived products drafts."""
        _each(request, queryset, services.restore_product, "restored")


def _each(request: HttpRequest, products: Iterable[Product], service: Callable[..., Product], done: str) -> None:
    count = 0
    for product in products:
        try:
            service(product_id=product.pk)
            count += 1
        except DomainError as error:
            messages.error(request, f"{product.name} was not {done}: {error.detail}")
    if count:
        messages.success(request, f"{count} {'product' if count == 1 else 'products'} {done}.")


def _changed(formsets: list[Any], model: type[Model]) -> list[Any]:
    return [form for formset in formsets if formset.model is model for form in formset.forms if form.has_changed()]


def _changes_of(form: Any) -> dict[str, Any]:
    return {
        "id": form.instance.pk,
        **{name: form.cleaned_data[name] for name in form.changed_data if name in EDITABLE_VARIANT_FIELDS},
    }
