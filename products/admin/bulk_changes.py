"""Bulk changes of products in the admin: what to do, a preview of it, and its application."""

from decimal import Decimal
from typing import Any, Final

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core import signing
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from pms_backend.api.bulk import REJECTED
from pms_backend.api.plan_pages import PREVIEW, apply_plan, plan_not_valid
from pms_backend.api.service_admin import ServiceAdmin
from pms_backend.api.signed_plans import read_plan, sign_plan
from pms_backend.api.typed_unfold import action
from products import services
from products.admin.bulk_forms import PricesForm, StatusForm
from products.admin.bulk_tables import large_changes, summary_of, tables_of, unchanged_tables
from products.bulk_plans import PRICES, BulkPlan, Row, Unchanged, reason_of
from products.models import Product
from products.services.bulk import MAX_BULK_PRODUCTS

# Prices of all products together, so that a page can hold what it has shown.
MAX_BULK_CHANGES: Final = 10_000
_PLAN: Final = "products.admin.bulk"


class BulkChanges(ServiceAdmin):
    """A list of products with actions that change many of them."""

    @action(description=gettext_lazy("Change prices…"), permissions=["change"])
    def change_prices(self, request: HttpRequest, queryset: QuerySet[Product]) -> HttpResponse | None:
        """Asks for a change of prices, shows what it would do, and applies that."""
        return self._bulk_change(request, queryset, PricesForm, _("Change the prices of the selected products"))

    @action(description=gettext_lazy("Change status…"), permissions=["change"])
    def change_status(self, request: HttpRequest, queryset: QuerySet[Product]) -> HttpResponse | None:
        """Asks for a change of the status, shows what it would do, and applies that."""
        return self._bulk_change(request, queryset, StatusForm, _("Change the status of the selected products"))

    def _bulk_change(
        self, request: HttpRequest, queryset: QuerySet[Product], form_class: Any, title: str
    ) -> HttpResponse | None:
        if len(products := list(queryset[: MAX_BULK_PRODUCTS + 1])) > MAX_BULK_PRODUCTS:
            messages.error(request, _("At most %(limit)s products are changed at once.") % {"limit": MAX_BULK_PRODUCTS})
            return None
        form = form_class(request.POST if "apply" in request.POST else None)
        try:
            signed = _signed_plan(request)
        except signing.BadSignature:
            messages.error(request, plan_not_valid())
            return None
        if signed and (not signed["is_large"] or "is_confirmed" in request.POST):
            return self._apply(request, [_from_json(row) for row in signed["rows"]])
        if form.is_valid():
            plan = form.plan(products)
            if len(plan.changes) <= MAX_BULK_CHANGES:
                return self._preview(request, plan, form)
            limit = number_format(MAX_BULK_CHANGES, force_grouping=True)
            form.add_error(None, _("At most %(limit)s prices are changed at once.") % {"limit": limit})
        count = len(products)
        selected = ngettext("%(count)s product is selected.", "%(count)s products are selected.", count)
        return self.form_page(
            request,
            form,
            title=title,
            note=selected % {"count": count},
            button=_("Preview"),
            hidden=_selection(request),
            back=request.get_full_path(),
        )

    def _preview(self, request: HttpRequest, plan: BulkPlan, form: Any) -> HttpResponse:
        confirmation, count = large_changes(plan), len(plan.rows)
        content = {"rows": [_as_json(row) for row in plan.rows], "is_large": bool(confirmation)}
        return self._preview_page(
            request,
            title=_("Preview"),
            summary=summary_of(plan),
            tables=tables_of(plan),
            plan=sign_plan(content, name=_PLAN, user=request.user.pk or 0),
            confirmation=confirmation,
            blocked=_("Nothing was changed: confirm the large changes first.") if "plan" in request.POST else "",
            is_applicable=bool(plan.rows),
            hidden=[*_selection(request), *((name, request.POST.get(name, "")) for name in form.fields)],
            button=ngettext("Change %(count)s product", "Change %(count)s products", count) % {"count": count},
        )

    def _apply(self, request: HttpRequest, rows: list[Row]) -> HttpResponse | None:
        """A message on the list; if products were refused at last, a page that names them."""
        outcomes = apply_plan(request, lambda: services.upsert_products(rows=rows))
        if outcomes is None:
            return None
        refused = {one.index: one for one in outcomes if one.status == REJECTED}
        count = len(outcomes) - len(refused)
        done = ngettext("%(count)s product was changed.", "%(count)s products were changed.", count) % {"count": count}
        if not refused:
            messages.success(request, done)
            return None
        by_id = Product.objects.in_bulk([data["id"] for index, data in rows if index in refused])
        unchanged = [
            Unchanged(by_id[data["id"]], reason_of(refused[index])) for index, data in rows if index in refused
        ]
        title = _("Some products were not changed") if count else _("Nothing was changed")
        tables = unchanged_tables(unchanged, title=_("What was not changed"))
        return self._preview_page(request, title=title, summary=done, tables=tables)

    def _preview_page(self, request: HttpRequest, **more: Any) -> TemplateResponse:
        ways_back = [(_("To the products"), request.get_full_path())]
        context = {**self.admin_site.each_context(request), "opts": self.opts, "ways_back": ways_back, **more}
        return TemplateResponse(request, PREVIEW, context)


def _selection(request: HttpRequest) -> list[tuple[str, str]]:
    """What calls the action again for the same rows, with its form."""
    keys = [(ACTION_CHECKBOX_NAME, key) for key in request.POST.getlist(ACTION_CHECKBOX_NAME)]
    return [("action", request.POST.get("action", "")), ("apply", "1"), *keys]


def _signed_plan(request: HttpRequest) -> Any:
    """The plan that the request applies; None if it asks for a preview. Raises `BadSignature`."""
    text = request.POST.get("plan")
    return read_plan(text, name=_PLAN, user=request.user.pk or 0) if text else None


def _as_json(row: Row) -> Any:
    index, data = row
    if "variants" not in data:
        return row
    variants = [
        {name: value if name == "id" else str(value) for name, value in one.items()} for one in data["variants"]
    ]
    return index, {**data, "variants": variants}


def _from_json(row: Any) -> Row:
    index, data = row
    for variant in data.get("variants", ()):
        variant |= {name: Decimal(variant[name]) for name in PRICES if name in variant}
    return index, data
