"""Imports in the admin: uploading a file, the progress bar, and the download of the refused lines."""

from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from inventory.models import Location
from pms_backend.access.caller import caller_in_admin
from pms_backend.access.visibility import sees_cost
from pms_backend.api.admin_tables import SHORT, TEXT, Table
from pms_backend.api.service_admin import GrowingTableAdmin, RefusalsAsFormErrors, moment
from pms_backend.api.typed_unfold import action, display
from pms_integration.files import services
from pms_integration.files.serializers import first_problems
from pms_integration.models import ImportJob, ImportStatus

LIST: Final = "admin:pms_integration_importjob_changelist"
PAGE: Final = "admin:pms_integration_importjob_change"
STATUS_LABELS: Final = {
    ImportStatus.PENDING.label: "info",
    ImportStatus.RUNNING.label: "info",
    ImportStatus.FINISHED.label: "success",
    ImportStatus.FAILED.label: "danger",
}


class ImportForm(forms.Form):
    """The file, and the location of its quantities."""

    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.jsonl,.ndjson"}),
        help_text="CSV with Shopify's or WooCommerce's columns, or JSON Lines; UTF-8.",
    )
    location = forms.ModelChoiceField(
        Location.objects.filter(is_active=True),
        required=False,
        empty_label="The first by priority",
        widget=UnfoldAdminSelectWidget(),
        help_text="Where the quantities in the file were counted.",
    )


@admin.register(ImportJob)
class ImportJobAdmin(GrowingTableAdmin):
    """Imports, newest first."""

    list_display = (
        "file_name",
        "status_label",
        "progress",
        "created",
        "updated",
        "unchanged",
        "failed",
        "by",
        "started",
    )
    list_filter = ("status",)
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        ("file_name", "format", "size_bytes"),
        ("location", "actor", "created_at"),
        "request_id",
    )
    actions_list = ("import_file", "export_csv", "export_json_lines")
    change_form_outer_before_template = "pms_integration/import_progress.html"

    class Media:
        """The script of the progress bar."""

        js = ("pms_integration/live_panel.js",)

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Whether the user has the scope that the API requires for an import."""
        return "products:write" in caller_in_admin(request).scopes

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Whether the user has the scope that the API requires for an export."""
        return "products:read" in caller_in_admin(request).scopes

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Adds the progress bar, the counts and the problems."""
        job: ImportJob = context["original"]
        with_cost = sees_cost(request)
        shown = {
            "job": job,
            "percent": 100 if job.is_over else _percent(job),
            "errors_of_job": _table(first_problems(job, is_warning=False, with_cost=with_cost)),
            "warnings_of_job": _table(first_problems(job, is_warning=True, with_cost=with_cost)),
            # The rows contain the cost.
            "bad_rows_url": reverse("product-import-errors", args=[job.pk]) if with_cost else None,
        }
        return super().render_change_form(request, {**context, **shown}, *args, **kwargs)

    @action(
        description="Import a file…", url_path="import", permissions=["import"], icon="upload_file", variant="primary"
    )
    def import_file(self, request: HttpRequest) -> HttpResponse:
        """Starts an import and redirects to its page."""
        form = ImportForm(request.POST or None, request.FILES or None)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                may_set_stock = request.user.has_perm("inventory.change_stocklevel")
                file = services.store_file(upload=form.cleaned_data["file"], format=None, may_set_stock=may_set_stock)
                location = form.cleaned_data["location"] or services.location_of(None)
                client = caller_in_admin(request).identity
                job = services.create_import(file=file, location=location, client=client)
                messages.success(request, f"{job.file_name} is being imported.")
                return HttpResponseRedirect(reverse(PAGE, args=[job.pk]))
        return self.form_page(request, form, title="Import products", button="Import", back=reverse(LIST))

    @action(description="Export as CSV", url_path="export-csv", permissions=["export"], icon="download")
    def export_csv(self, request: HttpRequest) -> HttpResponse:
        """Redirects to the export of the API, which accepts the session."""
        return HttpResponseRedirect(f"{reverse('product-export')}?format=csv")

    @action(description="Export as JSON Lines", url_path="export-jsonl", permissions=["export"], icon="download")
    def export_json_lines(self, request: HttpRequest) -> HttpResponse:
        """Redirects to the export of the API as JSON Lines."""
        return HttpResponseRedirect(f"{reverse('product-export')}?format=jsonl")

    @display(description="Status", ordering="status", label=STATUS_LABELS)
    def status_label(self, job: ImportJob) -> str:
        """The status as a coloured label."""
        return job.get_status_display()

    @display(description="Lines")
    def progress(self, job: ImportJob) -> str:
        """The processed lines, and the total if it differs."""
        return f"{job.processed:,}" if job.total in (None, job.processed) else f"{job.processed:,} of {job.total:,}"

    @display(description="By")
    def by(self, job: ImportJob) -> str:
        """The actor that started the import."""
        return job.actor

    @display(description="Sent")
    def started(self, job: ImportJob) -> Any:
        """The time at which the file was uploaded."""
        return moment(job.created_at)


def _table(problems: list[dict[str, Any]]) -> Table:
    return Table(
        columns={"Line": TEXT, "Column": SHORT, "What is wrong": TEXT},
        rows=[(problem["line"], problem["column"] or None, problem["detail"]) for problem in problems],
    )


def _percent(job: ImportJob) -> int:
    return min(99, 100 * job.processed // job.total) if job.total else 0
