"""The variants of a product on its page: a table of fields, with rows for new ones."""

from collections import ChainMap, Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import BASE_INPUT_CLASSES, UnfoldBooleanWidget

from pms_backend.access.visibility import sees_cost, sees_stock
from pms_backend.api.exceptions import DomainError
from pms_backend.api.form_refusals import add_refusal_of_rows
from pms_backend.api.forms import DecimalField
from pms_backend.api.service_admin import ServiceForm, ServiceInline, refusal_of
from products.admin.option_fields import OptionValuesField
from products.exceptions import PublishRulesFailed
from products.models import MAX_VARIANTS, ProductStatus, Variant
from products.price_checks import question_about
from products.queries import with_stock
from products.skus import as_sku_key, clean_sku

VARIANTS: Final = "variants"
VARIANT_FIELDS: Final = ("sku", "name", "barcode", "price", "compare_at_price", "cost", "weight_grams", "options")


class VariantForm(ServiceForm):
    """A row of the table."""

    options = OptionValuesField(required=False, initial=dict, widget=forms.HiddenInput)
    is_archived = forms.BooleanField(required=False, label=gettext_lazy("Archive"), widget=UnfoldBooleanWidget)
    # The price that was asked about.
    asked_price = DecimalField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        if "name" in self.fields:
            self.fields["name"].widget.attrs["placeholder"] = _("Name")

    def clean_sku(self) -> str:
        """The SKU as it is stored."""
        try:
            return clean_sku(self.cleaned_data["sku"])
        except DomainError as error:
            raise ValidationError(error.detail) from None

    def clean(self) -> dict[str, Any]:
        """Asks about a price that changes by more than half; refuses a variant that is no longer on the page."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.instance.pk is None and cleaned.get("id"):
            self.add_error(None, _("This variant was archived meanwhile. Open the page again."))
        price = cleaned.get("price")
        is_sold_on = self.instance.pk is not None and not cleaned.get("is_archived")
        question = question_about(self.initial.get("price"), price) if is_sold_on else None
        if question and price != cleaned.get("asked_price"):
            self.add_error("price", _("%(question)s Save again if it is.") % {"question": question})
            # Not a copy, which each row would make of the whole page.
            self.data = ChainMap({self.add_prefix("asked_price"): price}, self.data)  # type: ignore[arg-type]
        return cleaned

    @property
    def stock(self) -> dict[str, int]:
        """The units of a saved variant."""
        on_hand: int = self.instance.stock_on_hand
        return {"on_hand": on_hand, "available": on_hand - self.instance.stock_reserved}

    @property
    def is_sent(self) -> bool:
        """Whether the service gets the row: one that was not changed is left out."""
        return self.has_changed() and bool(set(self.changed_data) & {*VARIANT_FIELDS, "is_archived"})

    @property
    def is_kept(self) -> bool:
        """Whether the product has the variant afterwards."""
        is_there = self.instance.pk is not None or self.is_sent
        return is_there and not getattr(self, "cleaned_data", {}).get("is_archived")

    def changes(self) -> dict[str, Any]:
        """The row as the service takes it."""
        values = self.cleaned_data
        if self.instance.pk is None:
            return {name: values[name] for name in VARIANT_FIELDS if name in values}
        if values["is_archived"]:
            return {"id": self.instance.pk, "is_archived": True}
        return {"id": self.instance.pk, **{name: values[name] for name in self.changed_data if name in VARIANT_FIELDS}}


class VariantFormSet(PaginationInlineFormSet):
    """The rows of the table."""

    forms: Sequence[VariantForm]
    refusal: ClassVar[Exception | None] = None
    may_change: ClassVar = False
    may_add: ClassVar = False
    shows_stock: ClassVar = False
    # Where the page shows it.
    is_below_the_name: ClassVar = True
    input_classes: ClassVar = " ".join(BASE_INPUT_CLASSES)

    @property
    def currency(self) -> str:
        """That of all variants; empty if they have several."""
        found = {form.instance.currency for form in self.initial_forms} or {settings.DEFAULT_CURRENCY}
        return found.pop() if len(found) == 1 else ""

    def labelled(self) -> Iterator[tuple[VariantForm, str]]:
        """The rows with their option values."""
        names = [option["name"] for option in self.instance.options]
        for form in self.forms:
            values = form.instance.options
            yield form, " / ".join(values[name] for name in names if name in values)

    @property
    def sent(self) -> list[VariantForm]:
        """The rows that the service gets."""
        return [form for form in self.forms if form.is_sent]

    @property
    def kept(self) -> list[VariantForm]:
        """The rows of the variants that the product has afterwards."""
        return [form for form in self.forms if form.is_kept]

    def clean(self) -> None:
        """Checks the SKUs, and adds the service's refusal to the rows that it names."""
        super().clean()
        self._check_skus()
        if not self.kept and not any(form.errors for form in self.forms):
            raise ValidationError(_("A product has at least one variant."))
        if self.refusal is not None and (left := add_refusal_of_rows(self._refused, self.refusal, below=VARIANTS)):
            raise ValidationError(left)

    @property
    def _refused(self) -> list[VariantForm]:
        # A draft is published after it was saved, so that the rule speaks of all variants.
        is_of_all = isinstance(self.refusal, PublishRulesFailed) and self.instance.status == ProductStatus.DRAFT
        return self.kept if is_of_all else self.sent

    def _check_skus(self) -> None:
        keys = {form: key for form in self.forms if (key := _key_of(form))}
        counts = Counter(keys.values())
        new = {key for form, key in keys.items() if form.instance.pk is None or "sku" in form.changed_data}
        others = Variant.objects.filter(sku_key__in=new).exclude(product=self.instance.pk)
        owners = dict(others.values_list("sku_key", "product__name")) if new else {}
        for form, key in keys.items():
            if key in new and counts[key] > 1:
                form.add_error("sku", _("Another row has this SKU."))
            elif key in new and key in owners:
                form.add_error("sku", _("%(product)s has this SKU.") % {"product": owners[key]})


class VariantInline(ServiceInline):
    """The current variants, which can be changed and archived, and new ones."""

    model = Variant
    form = VariantForm
    formset = VariantFormSet
    template = "products/variants.html"
    fields = VARIANT_FIELDS
    ordering = ("position", "id")
    min_num = 1
    max_num = MAX_VARIANTS

    class Media:
        """The rows of new variants, and the variants of options."""

        css: ClassVar[Mapping[str, Sequence[str]]] = {"all": ("products/variants.css",)}
        js = ("products/variants.js",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """The fields, with cost only for users that may see it."""
        return [name for name in super().get_fields(request, obj) if name != "cost" or sees_cost(request)]

    def get_queryset(self, request: HttpRequest) -> Any:
        """The current variants with their stock, in one statement."""
        return with_stock(super().get_queryset(request).filter(is_archived=False))

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """The class of the rows, with what the user may do and why the service refused the first attempt."""
        formset: Any = super().get_formset(request, obj, **kwargs)
        verb = "change" if obj else "add"
        may_write = request.user.has_perm(f"products.{verb}_product")
        formset.refusal = refusal_of(request)
        formset.may_change = may_write and (obj is None or self.has_change_permission(request, obj))
        formset.may_add = may_write and self.has_add_permission(request, obj)
        formset.shows_stock = obj is not None and sees_stock(request)
        return formset


def _key_of(form: VariantForm) -> str | None:
    values = getattr(form, "cleaned_data", {})
    return as_sku_key(values["sku"]) if values.get("sku") and not values.get("is_archived") else None
