"""The differences that a sync run has found."""

import json
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pms_backend.access.visibility import sees_cost
from pms_backend.api.admin_tables import EXTRA, NAME, SENTENCE, link
from pms_backend.api.service_admin import GrowingTableAdmin, json_block, short
from pms_backend.api.typed_unfold import display
from pms_integration.admin.sync_run_words import kind_of
from pms_integration.models import SyncAction, SyncDifference, SyncRun

# The filter offers so many recent runs.
RECENT_RUNS: Final = 20
# Of a value, in the list.
MAX_SHOWN_CHARACTERS: Final = 60


class RunFilter(admin.SimpleListFilter):
    """Shows the differences of one run, without a choice those of the newest: an index has them in their order."""

    title = gettext_lazy("sync run")
    parameter_name = "run"
    run: SyncRun | None = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The run that is shown, and recent ones."""
        recent = SyncRun.objects.select_related("connection").defer("errors")[:RECENT_RUNS]
        found = {str(run.pk): f"{run.pk}: {run.connection}, {kind_of(run)}" for run in recent}
        shown = super().value()
        return list(found.items() if not shown or shown in found else {shown: shown, **found}.items())

    def value(self) -> str | None:
        """The run that is shown."""
        return super().value() or next((value for value, _title in self.lookup_choices), None)

    def choices(self, changelist: Any) -> Iterator[Any]:
        """The runs, without a choice of all."""
        for value, title in self.lookup_choices:
            query = changelist.get_query_string({self.parameter_name: value})
            yield {"selected": value == self.value(), "query_string": query, "display": title}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The differences of the run."""
        number = self.value() or ""
        if number.isascii() and number.isdigit():
            self.run = SyncRun.objects.select_related("connection").defer("errors").filter(pk=number).first()
        return queryset.filter(run=self.run) if self.run else queryset.none()


@admin.register(SyncDifference)
class SyncDifferenceAdmin(GrowingTableAdmin):
    """Differences between a PMS and us, in the order in which they were found."""

    list_display = ("subject", "resource", "what", "pms_value", "our_value", "action", "detail")
    column_kinds: ClassVar = {
        "subject": NAME,
        "resource": EXTRA,
        "action": SENTENCE,
        "detail": EXTRA,
    }
    empty_text = gettext_lazy("The run has found no difference.")
    list_filter = ("resource", "action", RunFilter)
    search_fields = ("sku", "external_id")
    search_help_text = gettext_lazy("SKU, or the PMS's id of a product")
    ordering = ("id",)
    sortable_by = ()
    fields = (
        *(("run", "resource"), ("subject", "external_id"), ("product", "what"), ("all_of_pms", "all_of_ours")),
        *("action", "detail"),
    )
    list_before_template = "pms_integration/run_of_differences.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[SyncDifference]:
        """The differences; those of costs only for users who may see these."""
        differences: QuerySet[SyncDifference] = super().get_queryset(request)
        return differences if sees_cost(request) else differences.exclude(field__endswith=".cost")

    @display(description=gettext_lazy("SKU or id"))
    def subject(self, difference: SyncDifference) -> SafeString:
        """The SKU, or the PMS's id of the product."""
        return short(difference.sku or difference.external_id or "-")

    @display(description=gettext_lazy("Field"))
    def what(self, difference: SyncDifference) -> str:
        """The field, or that the product as a whole is meant."""
        return difference.field or _("the whole product")

    @display(description=gettext_lazy("PMS's value"))
    def pms_value(self, difference: SyncDifference) -> str:
        """The value of the PMS, shortened."""
        return _shortened(difference.pms)

    @display(description=gettext_lazy("Our value"))
    def our_value(self, difference: SyncDifference) -> str:
        """Our value, shortened; for a link the product of ours."""
        if difference.action == SyncAction.LINK and difference.product_id is not None:
            page = reverse("admin:products_product_change", args=[difference.product_id])
            return link(page, _("product %(id)s") % {"id": difference.product_id})
        return _shortened(difference.local)

    @display(description=gettext_lazy("PMS's value"))
    def all_of_pms(self, difference: SyncDifference) -> SafeString:
        """The value of the PMS as it was stored."""
        return _whole(difference.pms)

    @display(description=gettext_lazy("Our value"))
    def all_of_ours(self, difference: SyncDifference) -> SafeString:
        """Our value as it was stored."""
        return _whole(difference.local)


def _shortened(value: Any) -> str:
    text = _as_text(value)
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}…"


def _whole(value: Any) -> SafeString:
    if isinstance(value, list | dict):
        return json_block(value)
    return format_html('<span class="whitespace-pre-wrap break-words">{}</span>', _as_text(value))


def _as_text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value or _("(empty)")
    return json.dumps(value, ensure_ascii=False)
