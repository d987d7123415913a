"""Imports in the admin: a file is previewed, then imported; progress, results, and the refused lines to download."""

from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.urls import path, reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from inventory.models import Location
from pms_backend.access.caller import caller_in_admin
from pms_backend.access.visibility import sees_cost
from pms_backend.api.admin_tables import EXTRA, MAIN, NAME, NUMBER
from pms_backend.api.service_admin import EmptyForm, GrowingTableAdmin, RefusalsAsFormErrors, moment
from pms_backend.api.typed_unfold import action, display
from pms_integration.admin.import_results import address_of, open_tab, page_of, table_of, tabs_of
from pms_integration.files import services
from pms_integration.models import ImportJob, ImportStatus

PAGES: Final = "admin:pms_integration_importjob"
LIST: Final = f"{PAGES}_changelist"
PAGE: Final = f"{PAGES}_change"
STATUS_LABELS: Final[dict[Any, str]] = {
    ImportStatus.PENDING: "info",
    ImportStatus.RUNNING: "info",
    ImportStatus.FINISHED: "success",
    ImportStatus.FAILED: "danger",
}


class ImportForm(forms.Form):
    """The file, and the location of its quantities."""

    file = forms.FileField(
        label=gettext_lazy("File"),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.jsonl,.ndjson"}),
        help_text=gettext_lazy("CSV with Shopify's or WooCommerce's columns, or JSON Lines; UTF-8."),
    )
    location = forms.ModelChoiceField(
        Location.objects.filter(is_active=True),
        label=gettext_lazy("Location"),
        required=False,
        empty_label=gettext_lazy("The first by priority"),
        widget=UnfoldAdminSelectWidget(),
        help_text=gettext_lazy("Where the quantities in the file were counted."),
    )


@admin.register(ImportJob)
class ImportJobAdmin(GrowingTableAdmin):
    """Imports and their previews, newest first."""

    list_display = (
        *("file_name", "status_label", "kind", "created", "updated", "unchanged", "failed"),
        *("progress", "by", "started"),
    )
    column_kinds: ClassVar = {
        "file_name": NAME,
        "status_label": MAIN,
        "created": NUMBER,
        "updated": NUMBER,
        "unchanged": f"{NUMBER} {EXTRA}",
        "failed": NUMBER,
        "progress": f"{NUMBER} {EXTRA}",
        "by": EXTRA,
        "started": EXTRA,
    }
    list_filter = ("dry_run", "status")
    empty_text = gettext_lazy("Import a file of products: you see what would change before anything is written.")
    ordering = ("-id",)
    sortable_by = ()
    fields = (("file_name", "format"), ("location", "size"), ("actor", "started"), "request_id")
    readonly_fields = ("size", "started")
    actions_list = ("import_file", "export_csv", "export_json_lines")
    change_form_outer_before_template = "pms_integration/import_progress.html"

    class Media:
        """The script of the progress bar."""

        js = ("pms_integration/live_panel.js",)

    def has_import_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the user has the scope that the API requires for an import."""
        return "products:write" in caller_in_admin(request).scopes

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Whether the user has the scope that the API requires for an export."""
        return "products:read" in caller_in_admin(request).scopes

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportJob]:
        """The imports without the categories that a preview plans, which may be many."""
        jobs: QuerySet[ImportJob] = super().get_queryset(request)
        return jobs.defer("planned_categories")

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Adds the progress bar, the results and the problems."""
        job: ImportJob = context["original"]
        tabs = tabs_of(job)
        tab = open_tab(tabs, request.GET.get("show", ""))
        page = page_of(job, tab, request.GET.get("page", ""))
        shown = {
            "job": job,
            "percent": 100 if job.is_over else _percent(job),
            "tabs": [(one, address_of(one)) for one in tabs],
            "tab": tab,
            "page": page,
            "previous": address_of(tab, page.number - 1) if page.has_previous() else None,
            "next": address_of(tab, page.number + 1) if page.has_next() else None,
            "results": table_of(request, tab, page),
            **self._steps(request, job),
        }
        return super().render_change_form(request, {**context, **shown}, *args, **kwargs)

    def _steps(self, request: HttpRequest, job: ImportJob) -> dict[str, Any]:
        """What leads from a preview to its import, and back."""
        following = job.imports.exclude(status=ImportStatus.FAILED).first() if job.dry_run else None
        may_import = self.has_import_permission(request)
        is_next = may_import and job.dry_run and job.status == ImportStatus.FINISHED and following is None
        # The rows contain the cost.
        has_bad_rows = job.error_count and job.file and sees_cost(request)
        return {
            "following": following,
            "import_url": reverse(f"{PAGES}_import_previewed", args=[job.pk]) if is_next and job.file else None,
            "is_gone": is_next and not job.file,
            "bad_rows_url": reverse("product-import-errors", args=[job.pk]) if has_bad_rows else None,
            "upload_url": reverse(f"{PAGES}_import_file") if may_import and job.is_over else None,
        }

    @action(
        description=gettext_lazy("Import a file…"),
        url_path="import",
        permissions=["import"],
        icon="upload_file",
        variant="primary",
    )
    def import_file(self, request: HttpRequest) -> HttpResponse:
        """Starts a preview and redirects to its page; with `?direct=1` an import."""
        is_direct = "direct" in request.GET
        form = ImportForm(request.POST or None, request.FILES or None)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                may_set_stock = request.user.has_perm("inventory.change_stocklevel")
                file = services.store_file(upload=form.cleaned_data["file"], format=None, may_set_stock=may_set_stock)
                location = form.cleaned_data["location"] or services.location_of(None)
                client = caller_in_admin(request).identity
                job = services.create_import(file=file, location=location, client=client, dry_run=not is_direct)
                return HttpResponseRedirect(reverse(PAGE, args=[job.pk]))
        note = _("You see what would be new, changed and refused. Nothing is written before you say so.")
        other = ("?direct=1", _("Import without preview"))
        if is_direct:
            note, other = _("Everything in the file that is right is written at once."), ("?", _("Preview first"))
        address, label = other
        return self.form_page(
            request,
            form,
            title=_("Import products without preview") if is_direct else _("Import products"),
            note=format_html('{} <a class="text-link underline" href="{}">{}</a>', note, address, label),
            button=_("Import") if is_direct else _("Preview"),
            back=reverse(LIST),
        )

    def get_urls(self) -> list[Any]:
        """Adds the page to which the button of a preview sends."""
        view = self.admin_site.admin_view(self.import_previewed)
        page = path("<path:object_id>/import/", view, name="pms_integration_importjob_import_previewed")
        return [page, *super().get_urls()]

    def import_previewed(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Starts the import of a preview's file and redirects to its page."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        preview: ImportJob = self.get_or_404(request, object_id)
        form = EmptyForm(request.POST or None)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                job = services.import_previewed(
                    preview_id=preview.pk,
                    client=caller_in_admin(request).identity,
                    may_set_stock=request.user.has_perm("inventory.change_stocklevel"),
                )
                return HttpResponseRedirect(reverse(PAGE, args=[job.pk]))
        return self.form_page(
            request,
            form,
            title=_("Import %(file)s") % {"file": preview.file_name},
            note=_("What the preview has shown is written now."),
            button=_("Import now"),
            original=preview,
            back=reverse(PAGE, args=[preview.pk]),
        )

    @action(description=gettext_lazy("Export as CSV"), url_path="export-csv", permissions=["export"], icon="download")
    def export_csv(self, request: HttpRequest) -> HttpResponse:
        """Redirects to the export of the API, which accepts the session."""
        return HttpResponseRedirect(f"{reverse('product-export')}?format=csv")

    @action(
        description=gettext_lazy("Export as JSON Lines"),
        url_path="export-jsonl",
        permissions=["export"],
        icon="download",
    )
    def export_json_lines(self, request: HttpRequest) -> HttpResponse:
        """Redirects to the export of the API as JSON Lines."""
        return HttpResponseRedirect(f"{reverse('product-export')}?format=jsonl")

    @display(description=gettext_lazy("Status"), label=STATUS_LABELS)
    def status_label(self, job: ImportJob) -> tuple[str, str]:
        """The status as a coloured label."""
        return job.status, job.get_status_display()

    @display(description=gettext_lazy("Kind"))
    def kind(self, job: ImportJob) -> str:
        """Whether it is a preview."""
        return _("Preview") if job.dry_run else _("Import")

    @display(description=gettext_lazy("Lines"))
    def progress(self, job: ImportJob) -> str:
        """The processed lines, and the total if it differs."""
        processed = number_format(job.processed)
        if job.total in (None, job.processed):
            return str(processed)
        return _("%(processed)s of %(total)s") % {"processed": processed, "total": number_format(job.total)}

    @display(description=gettext_lazy("By"))
    def by(self, job: ImportJob) -> str:
        """The actor that started the import."""
        return job.actor

    @display(description=gettext_lazy("Sent"))
    def started(self, job: ImportJob) -> SafeString:
        """The time at which the file was uploaded."""
        return moment(job.created_at)

    @display(description=gettext_lazy("Size"))
    def size(self, job: ImportJob) -> str:
        """The size of the file."""
        return str(filesizeformat(job.size_bytes))


def _percent(job: ImportJob) -> int:
    return min(99, 100 * job.processed // job.total) if job.total else 0
