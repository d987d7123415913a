"""The buttons of a connection that start a sync run and lead to its page."""

from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pms_backend.api.service_admin import EmptyForm, RefusalsAsFormErrors, ServiceAdmin
from pms_backend.api.typed_unfold import action
from pms_integration import services
from pms_integration.admin.sync_runs import page_of_run
from pms_integration.models import ACTIVE_STATUSES, PMSConnection, SyncMode, SyncRun

_BUTTONS: Final = ("sync_now", "full_sync", "dry_run")
# One button for the header of a connection, which opens the three.
SYNC_BUTTON: Final[dict[str, Any]] = {"title": gettext_lazy("Sync"), "icon": "sync", "items": list(_BUTTONS)}


class SyncStarts(ServiceAdmin):
    """Starts sync runs of a connection whose PMS is called."""

    def has_sync_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the user may add sync runs."""
        return request.user.has_perm("pms_integration.add_syncrun")

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Without the buttons that start a run if the PMS is not called."""
        connection = PMSConnection.objects.filter(pk=object_id).first()
        buttons: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        if connection is None or connection.is_called:
            return buttons
        starts = {f"pms_integration_pmsconnection_{name}" for name in _BUTTONS}
        return [button for button in buttons if button.action_name not in starts]

    @action(description=gettext_lazy("Sync now"), url_path="sync-now", permissions=["sync"], icon="sync")
    def sync_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Starts an incremental run."""
        note = _("The PMS is asked for what has changed since the last run, and that is applied here.")
        return self._start(request, object_id, button=_("Sync now"), note=note, mode=SyncMode.INCREMENTAL)

    @action(description=gettext_lazy("Full sync"), url_path="full-sync", permissions=["sync"], icon="cloud_sync")
    def full_sync(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Starts a full run."""
        note = _(
            "The PMS is asked for everything, and that is applied here. A product that is missing "
            "from two lists in a row is archived. A run that would archive much, or take much stock "
            "to zero, is held until it is confirmed."
        )
        return self._start(request, object_id, button=_("Full sync"), note=note, mode=SyncMode.FULL)

    @action(description=gettext_lazy("Dry run"), url_path="dry-run", permissions=["sync"], icon="difference")
    def dry_run(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Starts a full dry run."""
        note = _("The PMS is asked for everything. Nothing is changed: the differences show what a full sync would do.")
        return self._start(request, object_id, button=_("Dry run"), note=note, mode=SyncMode.FULL, dry_run=True)

    def _start(self, request: HttpRequest, object_id: str, *, button: str, note: str, **run: Any) -> HttpResponse:
        """Starts a run after a confirmation and leads to its page, or to that of the run that has not ended."""
        connection: PMSConnection = self.get_or_404(request, object_id)
        form = EmptyForm(request.POST or None)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                started = services.start_sync(slug=connection.slug, **run)
                messages.success(
                    request,
                    _("%(run)s of %(connection)s has begun.") % {"run": started, "connection": connection},
                )
                return HttpResponseRedirect(page_of_run(started))
        active = SyncRun.objects.filter(connection=connection, status__in=ACTIVE_STATUSES).first()
        if active is not None:
            messages.warning(
                request,
                _("%(run)s of %(connection)s has not ended. Another one can start after it.")
                % {"run": active, "connection": connection},
            )
            return HttpResponseRedirect(page_of_run(active))
        return self.form_page(
            request,
            form,
            title=f"{button}: {connection}",
            note=note,
            button=button,
            original=connection,
            back=reverse("admin:pms_integration_pmsconnection_change", args=[connection.pk]),
        )
