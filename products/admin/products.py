"""The page of a product: its texts, variants, pictures and publishing."""

from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pms_backend.access.history_pages import HistoryPages
from products import services
from products.admin.bulk_changes import BulkChanges
from products.admin.categories import ChoosesCategory
from products.admin.duplicating import Duplicating
from products.admin.images import ImageInline, ImagesAdmin, write_images
from products.admin.label_pages import LabelPages
from products.admin.product_forms import SCHEDULE_FIELDS, ProductForm
from products.admin.product_list import ProductList
from products.admin.statuses import StatusButtons, publish_checks
from products.admin.variants import VARIANTS, VariantFormSet, VariantInline
from products.exceptions import VersionConflict
from products.labels import Label, label_of_variant
from products.models import Product, ProductStatus, Variant

# What keeps a draft from being published is counted beyond these.
SHOWN_CHECKS: Final = 3

FIRST: Any = (None, {"fields": ("name", "description")})
DETAILS: Any = (gettext_lazy("Details"), {"fields": ("category", "brand", "tags")})


@admin.register(Product)
class ProductAdmin(
    HistoryPages, ProductList, BulkChanges, ChoosesCategory, StatusButtons, Duplicating, LabelPages, ImagesAdmin
):
    """The products of the catalogue."""

    history_kind = "product"
    form = ProductForm
    inlines = (VariantInline, ImageInline)
    change_form_template = "products/product.html"
    autocomplete_fields = ("category",)
    add_fieldsets = (FIRST, DETAILS)
    fieldsets = (
        FIRST,
        DETAILS,
        (
            gettext_lazy("State"),
            {"fields": (("status", "published_at"), *SCHEDULE_FIELDS)},
        ),
        (
            gettext_lazy("Technical"),
            {
                "fields": (("handle", "version"), ("created_at", "updated_at"), "attributes"),
                "classes": ("collapse",),
            },
        ),
    )
    readonly_fields = (*("status", "published_at", "handle", "version", "created_at", "updated_at", "attributes"),)
    actions = ("change_prices", "change_status", "print_labels")
    actions_detail = ("duplicate", "labels")

    def labels_of(self, rows: QuerySet[Any]) -> list[Label]:
        """One for each current variant, in the order of the list."""
        order = {key: place for place, key in enumerate(rows.values_list("pk", flat=True))}
        variants = Variant.objects.filter(product__in=order, is_archived=False).select_related("product")
        return [
            label_of_variant(one) for one in sorted(variants, key=lambda one: (order[one.product_id], one.position))
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether the user may create products."""
        return request.user.has_perm("products.add_product")

    def write(self, request: HttpRequest, obj: Product, form: Any, formsets: list[Any], *, change: bool) -> None:
        """Writes the product with its variants, its schedule and its images, then runs the pressed button."""
        data = {**form.changes(), **_variants_of(_rows_of(formsets))}
        is_rescheduled = bool(set(SCHEDULE_FIELDS) & set(form.changed_data))
        if not change:
            obj.pk = services.create_product(data=data).pk
        elif data or is_rescheduled:
            _update(obj.pk, data, form.cleaned_data["expected_version"])
        if is_rescheduled:
            services.schedule_product(product_id=obj.pk, **{name: form.cleaned_data[name] for name in SCHEDULE_FIELDS})
        write_images(obj.pk, form)
        for button in self.get_actions_submit_line(request, obj.pk) if change else ():
            if button.action_name in request.POST:
                button.method(request, obj)

    def response_add(self, request: HttpRequest, obj: Product, post_url_continue: str | None = None) -> HttpResponse:
        """Opens the page of the new product, and says what comes next."""
        if "_addanother" in request.POST or "_popup" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        text = _("%(product)s is saved as a draft. Complete it here, then publish it.")
        messages.success(request, text % {"product": obj.name})
        return HttpResponseRedirect(reverse("admin:products_product_change", args=[obj.pk]))

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Shows what keeps a draft from being published."""
        product = context["original"]
        rows = _rows_of([inline.formset for inline in context["inline_admin_formsets"]])
        if product and product.status == ProductStatus.DRAFT and rows and self.has_change_permission(request, product):
            checks = publish_checks(product, [form.instance for form in rows.initial_forms])
            more_count = max(0, len(checks) - SHOWN_CHECKS)
            context |= {"publish_checks": checks[:SHOWN_CHECKS], "more_checks_count": more_count}
        return super().render_change_form(request, context, *args, **kwargs)


def _update(product_id: int, data: dict[str, Any], expected_version: int | None) -> None:
    try:
        services.update_product(product_id=product_id, data=data, expected_version=expected_version)
    except VersionConflict:
        text = _(
            "The product was changed meanwhile, so that nothing was saved. What you entered is still here: "
            "open the page again in another tab, and enter it there."
        )
        raise VersionConflict(text) from None


def _rows_of(formsets: list[Any]) -> VariantFormSet | None:
    """The rows of the variants; None if the user may not view variants."""
    return next((formset for formset in formsets if isinstance(formset, VariantFormSet)), None)


def _variants_of(rows: VariantFormSet | None) -> dict[str, Any]:
    """The changed rows as the service takes them; new variants have the currency of the others."""
    changes = [form.changes() for form in rows.sent] if rows else []
    new = {"currency": rows.initial_forms[0].instance.currency} if rows and rows.initial_forms else {}
    return {VARIANTS: [one if "id" in one else {**one, **new} for one in changes]} if changes else {}
