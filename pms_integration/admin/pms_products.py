"""The products of PMSs: their state, and what staff decide about conflicts and about which product is which."""

from functools import partial
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from pms_backend.access.visibility import sees_cost
from pms_backend.api.admin_tables import EXTRA, MAIN, NAME, SENTENCE, TABLES
from pms_backend.api.keyset import MAX_ID
from pms_backend.api.service_admin import EmptyForm, ReadOnlyAdmin, RefusalsAsFormErrors, moment, short
from pms_backend.api.typed_unfold import action, display
from pms_integration import services
from pms_integration.admin.conflicts import (
    SIDES,
    button_text,
    conflict_groups,
    digest_of,
    is_deleted_there,
)
from pms_integration.admin.product_candidates import candidates_table, comparison_table, link_address
from pms_integration.admin.product_pushes import held_by, page_of_push
from pms_integration.admin.shown_values import GROUP_TITLES
from pms_integration.models import FIELD_GROUPS, FieldGroupOwner, PMSProduct, PMSProductPush, PMSProductState
from products.models import Product, Variant
from products.skus import as_sku_key

STATE_LABELS: Final = {
    PMSProductState.IN_SYNC.value: "success",
    PMSProductState.PENDING_PUSH.value: "info",
    PMSProductState.CONFLICT.value: "danger",
    PMSProductState.ERROR.value: "danger",
}
# Of a reason, in the list.
MAX_LISTED_CHARACTERS: Final = 120


class StateFilter(admin.SimpleListFilter):
    """Filters by the state."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The states."""
        return [(str(value), str(label)) for value, label in PMSProductState.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The products in the chosen state."""
        return queryset.in_state(self.value()) if self.value() else queryset  # type: ignore[attr-defined]


class ChoiceForm(forms.Form):
    """Which product of ours a product of the PMS is, by a SKU or the id."""

    product = forms.CharField(
        label=gettext_lazy("Another product of ours"),
        widget=UnfoldAdminTextInputWidget(),
        help_text=gettext_lazy("One of its SKUs, or its id. It is shown before anything is linked."),
    )

    def clean_product(self) -> int:
        """The id of the product: a number that is a SKU is not taken for an id."""
        text: str = self.cleaned_data["product"]
        key = as_sku_key(text)
        found = Variant.objects.filter(sku_key=key).values_list("product_id", flat=True).first() if key else None
        if found is None and text.isascii() and text.isdigit() and int(text) <= MAX_ID:
            found = Product.objects.filter(pk=int(text)).values_list("pk", flat=True).first()
        if found is None:
            raise ValidationError(_("No product of ours has this SKU or this id."))
        return found


@admin.register(PMSProduct)
class PMSProductAdmin(ReadOnlyAdmin):
    """Products of the PMS and the products of ours that they are linked to."""

    list_display = ("external_id", "state_label", "product", "connection", "listed_why", "updated", "pushed")
    column_kinds: ClassVar = {
        "external_id": NAME,
        "state_label": MAIN,
        "listed_why": SENTENCE,
        "connection": EXTRA,
        "updated": EXTRA,
        "pushed": EXTRA,
    }
    empty_text = gettext_lazy("No PMS has reported a product yet, and none was published there.")
    list_filter = (StateFilter, "connection", "is_deleted")
    list_select_related = ("product", "connection")
    search_fields = ("external_id", "product__name")
    search_help_text = gettext_lazy("The PMS's id, or our product's name")
    show_full_result_count = False
    fields = (
        *(("external_id", "connection"), ("product", "state_in_words"), "why", ("version", "is_deleted")),
        *(("updated_at", "pushed_at"), "payload"),
    )
    # The buttons of `resolve` are beside the values that they take.
    actions_detail = ("link", "resolve")
    change_form_outer_before_template = "pms_integration/pms_product.html"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """The fields; the payload may contain costs and is shown only to users who may see these."""
        return [name for name in self.fields if name != "payload" or sees_cost(request)]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Refuses filters on values of the PMS, which could reveal costs."""
        is_hidden = lookup.startswith(("payload", "reported", "agreed", "conflict", "push"))
        return not is_hidden and super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PMSProduct]:
        """The products without their payloads, which may be long."""
        products = PMSProduct.objects.with_state().order_by("-pk")
        return products.defer(
            *("payload", "reported", "agreed", "conflict"),
            *("product__description", "product__attributes", "product__options"),
        )

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the user may change products of PMSs."""
        return request.user.has_perm("pms_integration.change_pmsproduct")

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """The button that links a product which the PMS has."""
        buttons: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        is_there = PMSProduct.objects.filter(pk=object_id, external_id__isnull=False).exists()
        shown = {"pms_integration_pmsproduct_link"} if is_there else set()
        return [button for button in buttons if button.action_name in shown]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Adds the conflict, the candidates, and what waits to be pushed."""
        row: PMSProduct = context["original"]
        may_decide = self.has_decide_permission(request)
        push = PMSProductPush.objects.filter(pms_product=row).defer("payload").first()
        shown = {
            "may_decide": may_decide,
            "problem": row.match_problem,
            "candidates": candidates_table(row, may_link=may_decide) if row.match_problem else None,
            "choice": ChoiceForm() if row.match_problem and may_decide else None,
            "link_address": reverse("admin:pms_integration_pmsproduct_link", args=[row.pk]),
            "conflict": conflict_groups(row, with_cost=sees_cost(request)),
            "push": push,
            "push_address": page_of_push(push) if push else "",
            "held_by": held_by(row) if push else "",
        }
        return super().render_change_form(request, {**context, **shown}, *args, **kwargs)

    @action(description=gettext_lazy("Resolve"), url_path="resolve", permissions=["decide"])
    def resolve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lets the values of one side hold in a group, unless they are others than the page has shown."""
        row: PMSProduct = self.get_or_404(request, object_id)
        group, side = request.GET.get("group", ""), request.GET.get("side", "")
        if group not in FIELD_GROUPS or side not in SIDES:
            return HttpResponseRedirect(page_of_product(row))
        if request.GET.get("seen") != digest_of(row, group):
            messages.warning(request, _("The values have changed since the page was opened. Look at them again."))
            return HttpResponseRedirect(page_of_product(row))
        form = EmptyForm(request.POST or None)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                done = _outcome(row, group, side)
                resolved = services.resolve_conflict(pms_product_id=row.pk, sides={group: side})
                messages.success(request, done)
                return HttpResponseRedirect(page_of_product(resolved))
        button = button_text(row, group, side)
        title = f"{button}: {row}, {GROUP_TITLES[group]}"
        return self.form_page(request, form, title=title, button=button, original=row, back=page_of_product(row))

    @action(description=gettext_lazy("Link to a product"), url_path="link", permissions=["decide"], icon="link")
    def link(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for a product of ours, shows it beside that of the PMS, and links them once that is confirmed."""
        row: PMSProduct = self.get_or_404(request, object_id)
        chosen = request.GET.get("product", "")
        is_id = chosen.isascii() and chosen.isdigit() and int(chosen) <= MAX_ID
        product = Product.objects.filter(pk=int(chosen)).first() if is_id else None
        page: dict[str, Any] = {
            "title": _("Link %(product)s of %(connection)s") % {"product": row, "connection": row.connection},
            "original": row,
        }
        if product is not None and row.external_id is not None:
            return self.confirmed(
                request,
                partial(
                    services.link_product,
                    connection=row.connection.slug,
                    external_id=row.external_id,
                    product_id=product.pk,
                ),
                success=_("%(product)s of %(connection)s is our product %(name)s now.")
                % {"product": row, "connection": row.connection, "name": product.name},
                note=_(
                    "Where both have different values, those of the owner hold: the PMS's are taken, ours are"
                    " sent to it. What both own becomes a conflict, which you resolve on the next page."
                ),
                panel=TABLES,
                tables=[comparison_table(row, product)],
                button=_("Link"),
                back=page_of_product(row),
                **page,
            )
        form = ChoiceForm(request.POST or None)
        if form.is_valid():
            return HttpResponseRedirect(link_address(row, form.cleaned_data["product"]))
        return self.form_page(request, form, button=_("Show the product"), back=page_of_product(row), **page)

    @display(description=gettext_lazy("State"), ordering="state", label=STATE_LABELS)
    def state_label(self, product: Any) -> tuple[str, str]:
        """The state as a coloured label."""
        return product.state, str(PMSProductState(product.state).label)

    @display(description=gettext_lazy("State"))
    def state_in_words(self, product: Any) -> str:
        """The state."""
        return self.state_label(product)[1]

    @display(description=gettext_lazy("Reason"))
    def why(self, product: Any) -> str:
        """What there is to say about the state."""
        return str(product.why)

    @display(description=gettext_lazy("Reason"))
    def listed_why(self, product: Any) -> str:
        """The reason, shortened."""
        text = str(product.why)
        return text if len(text) <= MAX_LISTED_CHARACTERS else f"{text[:MAX_LISTED_CHARACTERS]}…"

    @display(description=gettext_lazy("Updated"), ordering="updated_at")
    def updated(self, product: PMSProduct) -> SafeString:
        """The time of the last report."""
        return moment(product.updated_at)

    @display(description=gettext_lazy("Pushed"), ordering="pushed_at")
    def pushed(self, product: PMSProduct) -> SafeString:
        """When the PMS took a push of ours last."""
        return moment(product.pushed_at) if product.pushed_at else short("-")


def page_of_product(row: PMSProduct) -> str:
    """The page of a product of a PMS."""
    return reverse("admin:pms_integration_pmsproduct_change", args=[row.pk])


def _outcome(row: PMSProduct, group: str, side: str) -> str:
    """What a resolution does, in words."""
    is_theirs = side == FieldGroupOwner.PMS
    if is_deleted_there(row, group):
        return _("Our product is archived.") if is_theirs else _("Our product is made in the PMS again.")
    done = (
        _("%(group)s: the values of the PMS are taken.")
        if is_theirs
        else _("%(group)s: our values are sent to the PMS.")
    )
    return done % {"group": GROUP_TITLES[group]}
