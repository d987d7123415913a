"""Sync runs: how far they are, what came of them, and the buttons that accept, confirm and cancel them."""

from functools import partial
from typing import Any, ClassVar, Final

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pms_backend.access.visibility import sees_cost
from pms_backend.api.admin_tables import EXTRA, EXTRA_NUMBER, MAIN, NUMBER, SHORT, TABLES, TEXT, Table, link
from pms_backend.api.service_admin import EmptyForm, GrowingTableAdmin, RefusalsAsFormErrors, moment, short
from pms_backend.api.typed_unfold import action, display
from pms_integration import services
from pms_integration.admin.sync_run_words import kind_of, name_of_run, progress_of, state_in_words
from pms_integration.admin.sync_summary import summary_of
from pms_integration.models import (
    ACTIVE_STATUSES,
    SyncDifference,
    SyncMode,
    SyncResource,
    SyncRun,
    SyncStage,
    SyncStatus,
)

STATUS_LABELS: Final = {
    SyncStatus.PENDING.value: "info",
    SyncStatus.RUNNING.value: "info",
    SyncStatus.HELD.value: "warning",
    SyncStatus.FINISHED.value: "success",
    SyncStatus.FAILED.value: "danger",
    SyncStatus.CANCELLED.value: "default",
}
# The buttons of a run in each status.
ACTIONS_IN: Final[dict[str, tuple[str, ...]]] = {
    SyncStatus.PENDING: ("cancel",),
    SyncStatus.RUNNING: ("cancel",),
    SyncStatus.HELD: ("confirm", "cancel"),
    SyncStatus.FINISHED: ("accept",),
}


@admin.register(SyncRun)
class SyncRunAdmin(GrowingTableAdmin):
    """Sync runs, newest first; buttons accept, confirm and cancel them."""

    list_display = (
        *("number", "connection", "status_label", "kind", "progress"),
        *("created", "updated", "archived", "failed", "started", "finished"),
    )
    column_kinds: ClassVar = {
        "number": SHORT,
        "status_label": MAIN,
        "progress": EXTRA_NUMBER,
        "created": EXTRA_NUMBER,
        "updated": EXTRA_NUMBER,
        "archived": EXTRA_NUMBER,
        "failed": NUMBER,
        "started": EXTRA,
        "finished": EXTRA,
    }
    empty_text = gettext_lazy(
        "No PMS was asked for everything yet. The page of a connection has the button that does it."
    )
    list_filter = ("status", "dry_run", "connection")
    list_select_related = ("connection",)
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        *(("connection", "kind"), ("asks_for", "actor")),
        *(("created_at", "request_id"), ("started_at", "finished_at")),
    )
    actions_detail = ("accept", "confirm", "cancel")
    change_form_outer_before_template = "pms_integration/sync_run.html"

    class Media:
        """The script that refreshes the page of a run that is not over."""

        js = ("pms_integration/live_panel.js",)

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the user may change sync runs."""
        return request.user.has_perm("pms_integration.change_syncrun")

    def has_start_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the user may add sync runs."""
        return request.user.has_perm("pms_integration.add_syncrun")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SyncRun]:
        """The runs, in the list without their errors, which may be long."""
        runs: QuerySet[SyncRun] = super().get_queryset(request)
        return runs.defer("errors", "watermarks", "cursor")

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """The buttons that fit the status; a dry run is accepted while no run is active."""
        run = SyncRun.objects.select_related("connection").defer("errors").filter(pk=object_id).first()
        names = ACTIONS_IN.get(run.status, ()) if run else ()
        if run is not None and not _may_be_accepted(run):
            names = tuple(name for name in names if name != "accept")
        shown = {f"pms_integration_syncrun_{name}" for name in names}
        buttons: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        return [button for button in buttons if button.action_name in shown]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Adds the progress, the counts, the errors, and the links to the differences."""
        run: SyncRun = context["original"]
        shown = {
            "run": run,
            "percent": _percent(run),
            "state": state_in_words(run),
            "progress": progress_of(run),
            "failure": _failure(run),
            "errors_of_run": _errors(run),
            "differences": _differences(run) if self._has_differences(run, request) else (),
            "summary": self._summary(run, request) if run.is_over else (),
        }
        return super().render_change_form(request, {**context, **shown}, *args, **kwargs)

    @action(
        description=gettext_lazy("Accept: start the full run"),
        url_path="accept",
        permissions=["start"],
        icon="check_circle",
        variant="primary",
    )
    def accept(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Starts the run that a dry run has shown, after a page that repeats what that would do."""
        run: SyncRun = self.get_or_404(request, object_id)
        if not _may_be_accepted(run):
            messages.warning(request, _("A full dry run that has finished is accepted, while no other run is active."))
            return HttpResponseRedirect(page_of_run(run))
        form = EmptyForm(request.POST or None)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                resources = [SyncResource(resource) for resource in run.resources]
                started = services.start_sync(slug=run.connection.slug, mode=SyncMode.FULL, resources=resources)
                messages.success(
                    request,
                    _("%(run)s of %(connection)s has begun.") % {"run": started, "connection": run.connection},
                )
                return HttpResponseRedirect(page_of_run(started))
        rows = [(link(url, sentence),) for sentence, url in self._summary(run, request)]
        found = Table(columns={_("What the dry run has found"): TEXT}, rows=rows, empty=_("Nothing differs."))
        return self.form_page(
            request,
            form,
            title=_("Start the full run of %(connection)s") % {"connection": run.connection},
            note=_(
                "The PMS is asked for everything once more, and that is applied. What is ambiguous, or in"
                " conflict, changes nothing until somebody decides."
            ),
            panel=TABLES,
            tables=[found],
            button=_("Start the full run"),
            original=run,
            back=page_of_run(run),
        )

    @action(
        description=gettext_lazy("Confirm"),
        url_path="confirm",
        permissions=["decide"],
        icon="check_circle",
        variant="primary",
    )
    def confirm(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lets a held run go on, after a page that repeats why it is held."""
        run: SyncRun = self.get_or_404(request, object_id)
        return self.confirmed(
            request,
            partial(services.confirm_sync, run_id=run.pk),
            success=_("%(run)s goes on.") % {"run": run},
            title=_("Confirm %(run)s") % {"run": name_of_run(run)},
            note=_("%(reason)s Once it is confirmed, it goes on and does that.") % {"reason": run.held_because}
            if run.status == SyncStatus.HELD
            else _("Only a held sync run is confirmed."),
            button=_("Confirm sync run"),
            button_variant="danger",
            original=run,
            back=page_of_run(run),
            back_label=_("Back"),
        )

    @action(description=gettext_lazy("Cancel sync run"), url_path="cancel", permissions=["decide"], icon="block")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ends a run after a confirmation."""
        run: SyncRun = self.get_or_404(request, object_id)
        return self.confirmed(
            request,
            partial(services.cancel_sync, run_id=run.pk),
            success=_("%(run)s is cancelled.") % {"run": run},
            title=_("Cancel %(run)s") % {"run": name_of_run(run)},
            note=_("It ends now. What it has applied stays; the next run goes on from the last one that finished."),
            button=_("Cancel sync run"),
            original=run,
            back=page_of_run(run),
            back_label=_("Back"),
        )

    @display(description=gettext_lazy("Run"))
    def number(self, run: SyncRun) -> int:
        """Its number, as in the API."""
        return run.pk

    @display(description=gettext_lazy("Status"), label=STATUS_LABELS)
    def status_label(self, run: SyncRun) -> tuple[str, str]:
        """The status as a coloured label."""
        return run.status, run.get_status_display()

    @display(description=gettext_lazy("Mode"))
    def kind(self, run: SyncRun) -> str:
        """Its mode, whether it is a dry run, and whether it lists one resource only."""
        return kind_of(run)

    @display(description=gettext_lazy("Resources"))
    def asks_for(self, run: SyncRun) -> str:
        """What it lists."""
        return ", ".join(str(SyncResource(resource).label) for resource in run.resources)

    @display(description=gettext_lazy("Progress"))
    def progress(self, run: SyncRun) -> SafeString:
        """The processed entries of the PMS's lists, and the total."""
        return short(progress_of(run))

    @display(description=gettext_lazy("Started"))
    def started(self, run: SyncRun) -> SafeString:
        """The time at which a worker began."""
        return moment(run.started_at)

    @display(description=gettext_lazy("Finished"))
    def finished(self, run: SyncRun) -> SafeString:
        """The time of its end."""
        return moment(run.finished_at)

    def _summary(self, run: SyncRun, request: HttpRequest) -> list[tuple[str, str]]:
        """What the run has found, in words, for users who may view the differences."""
        return summary_of(run, with_cost=sees_cost(request)) if self._has_differences(run, request) else []

    def _has_differences(self, run: SyncRun, request: HttpRequest) -> bool:
        """Whether there may be differences, which a run finds when it applies what it has listed."""
        is_applied = run.stage == SyncStage.APPLYING and run.status != SyncStatus.HELD
        return is_applied and self.admin_site.get_model_admin(SyncDifference).has_view_permission(request)


def _may_be_accepted(run: SyncRun) -> bool:
    """Whether it is a full dry run that has finished, and a run may start."""
    is_report = run.dry_run and run.mode == SyncMode.FULL and run.status == SyncStatus.FINISHED
    if not is_report or not run.connection.is_called:
        return False
    return not SyncRun.objects.filter(connection=run.connection_id, status__in=ACTIVE_STATUSES).exists()


def page_of_run(run: SyncRun) -> str:
    """The page of a sync run."""
    return reverse("admin:pms_integration_syncrun_change", args=[run.pk])


def _percent(run: SyncRun) -> int:
    if run.status == SyncStatus.FINISHED:
        return 100
    return min(99, 100 * run.processed // run.total) if run.total else 0


def _failure(run: SyncRun) -> str:
    """Why the run has failed; the other errors are those of entries."""
    return next((error["detail"] for error in run.errors if not error["resource"]), "")


def _errors(run: SyncRun) -> Table:
    rows = [
        (error["resource"], error["external_id"] or None, error["sku"] or None, error["detail"])
        for error in run.errors
        if error["resource"]
    ]
    title = _("Errors (the first %(count)s of %(all)s)") if run.failed > len(rows) else _("Errors")
    return Table(
        title=title % {"count": number_format(len(rows)), "all": number_format(run.failed)},
        columns={_("Resource"): SHORT, _("PMS's id"): TEXT, _("SKU"): SHORT, _("What is wrong"): TEXT},
        rows=rows,
    )


def _differences(run: SyncRun) -> list[tuple[Any, str]]:
    """The links to the differences, by their texts."""
    page = reverse("admin:pms_integration_syncdifference_changelist")
    of_run = f"{page}?{urlencode({'run': run.pk})}"
    resources = [(SyncResource(one).label, f"{of_run}&{urlencode({'resource__exact': one})}") for one in run.resources]
    return [(_("All"), of_run), *resources]
