"""The page that changes stock by a CSV file: the file, a preview of what it does, and the result."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from inventory import services
from inventory.admin.bulk_form import BulkForm
from inventory.admin.bulk_plans import SignedPlan, plan_to_sign, read_signed, refused_as_csv
from inventory.admin.bulk_tables import changed_table, refused_tables, summary, summary_of_plan, warning_of
from inventory.bulk_plan import Defaults, RefusedRow, is_refused, plan_of, reason_of
from inventory.exceptions import VersionConflict
from inventory.services.bulk import MAX_BULK_ROWS
from pms_backend.api.bulk import Outcome
from pms_backend.api.plan_pages import PREVIEW, apply_plan, plan_not_valid
from pms_backend.api.service_admin import ServiceAdmin
from pms_backend.api.typed_unfold import action

LIST: Final = "admin:inventory_stocklevel_changelist"
LEDGER: Final = "admin:inventory_stockmovement_changelist"
# References whose movements the result links to.
SHOWN_REFERENCES: Final = 5


class BulkPage(ServiceAdmin):
    """The page of a list of stock levels."""

    @action(description=gettext_lazy("Change by CSV…"), url_path="bulk", permissions=["change"], icon="table_view")
    def bulk(self, request: HttpRequest) -> HttpResponse:
        """Asks for the file, shows what it would change, and applies it."""
        if "plan" in request.POST:
            return self._with_plan(request)
        form = BulkForm(request.POST or None, request.FILES or None)
        if form.is_valid():
            return self._preview(request, form.cleaned_data)
        return self.form_page(
            request,
            form,
            title=_("Change stock by CSV"),
            panel="inventory/bulk_columns.html",
            max_rows=MAX_BULK_ROWS,
            button=_("Preview"),
            back=reverse(LIST),
        )

    def _preview(self, request: HttpRequest, values: dict[str, Any]) -> HttpResponse:
        location = values["location"].code if values["location"] else ""
        plan = plan_of(values["content"], Defaults(location, values["reason"], values["reference"]))
        signed = plan_to_sign(plan, all_or_nothing=values["all_or_nothing"])
        is_blocked = bool(values["all_or_nothing"] and plan.refused)
        return self._bulk_page(
            request,
            title=_("Preview"),
            summary=summary_of_plan(plan),
            warning=warning_of(plan),
            tables=[changed_table(plan), *refused_tables(plan.refused)],
            plan=signed.signed(request.user.pk or 0),
            is_applicable=bool(plan.rows) and not is_blocked,
            blocked=_("All or nothing: correct the rows below, and send the file again.") if is_blocked else "",
            button=ngettext("Apply %(count)s row", "Apply %(count)s rows", len(plan.rows))
            % {"count": f"{len(plan.rows):,}"},
            has_download=bool(plan.refused),
            ways_back=[(_("Back to the file"), "?")],
        )

    def _with_plan(self, request: HttpRequest) -> HttpResponse:
        try:
            plan = read_signed(request.POST["plan"], request.user.pk or 0)
        except signing.BadSignature:
            messages.error(request, plan_not_valid())
            return HttpResponseRedirect(request.path)
        if "download" in request.POST:
            headers = {"Content-Disposition": 'attachment; filename="refused-rows.csv"'}
            return HttpResponse(refused_as_csv(plan), headers=headers, content_type="text/csv; charset=utf-8")
        outcomes = apply_plan(request, lambda: services.apply_bulk(rows=plan.rows, atomic=plan.all_or_nothing))
        return HttpResponseRedirect(request.path) if outcomes is None else self._result(request, plan, outcomes)

    def _result(self, request: HttpRequest, plan: SignedPlan, outcomes: Sequence[Outcome]) -> HttpResponse:
        refused = [
            RefusedRow(one.index, plan.cells[one.index], _reason_at_last(one)) for one in outcomes if is_refused(one)
        ]
        refused = sorted([*plan.refused, *refused], key=lambda one: one.line)
        changed = [outcome.index for outcome in outcomes if outcome.status == "applied"]
        unchanged = len(outcomes) - len(changed) - sum(map(is_refused, outcomes))
        rest = SignedPlan(plan.header, [], {}, refused)
        references = {row.reference: None for row in plan.rows if row.reference and row.index in set(changed)}
        return self._bulk_page(
            request,
            title=_("Stock was changed") if changed else _("Nothing was changed"),
            summary=summary(len(changed), unchanged, len(refused), is_done=True),
            tables=refused_tables(refused),
            plan=rest.signed(request.user.pk or 0),
            links=_links(request, references),
            has_download=bool(refused),
            ways_back=[(_("To the levels"), reverse(LIST)), (_("Another file"), "?")],
        )

    def _bulk_page(self, request: HttpRequest, **more: Any) -> TemplateResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, **more}
        return TemplateResponse(request, PREVIEW, context)


def _reason_at_last(outcome: Outcome) -> str:
    why = reason_of(outcome)
    return _("Changed since the preview: %(why)s") % {"why": why} if isinstance(outcome.error, VersionConflict) else why


def _links(request: HttpRequest, references: Iterable[str]) -> list[tuple[str, str]]:
    if not request.user.has_perm("inventory.view_stockmovement"):
        return []
    return [
        (_("See the movements of %(name)s") % {"name": reference}, reverse(LEDGER, query={"reference": reference}))
        for reference in list(references)[:SHOWN_REFERENCES]
    ]
