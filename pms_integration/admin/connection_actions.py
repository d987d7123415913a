"""The buttons of a connection: test its PMS, choose its locations, pause it, switch it off and on, delete it."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pms_backend.api.service_admin import ServiceAdmin
from pms_backend.api.typed_unfold import action
from pms_integration import services
from pms_integration.admin.locations import ask_for_locations
from pms_integration.models import PMSConnection

# Posts at once what would otherwise be asked on a page, which is still there for a browser without scripts.
AT_ONCE: Final = {
    "x-on:click.prevent": "Object.assign(document.forms['at-once'], { action: $el.href }).requestSubmit()"
}


class ConnectionActions(ServiceAdmin):
    """The buttons; those that fit the state of the connection are shown."""

    actions = None
    actions_detail: Sequence[Any] = (
        *("test", "pause", "resume", "choose_locations"),
        {"title": gettext_lazy("More"), "icon": "settings", "items": ["outgoing", "rotate", "switch_off", "switch_on"]},
    )

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """The buttons that fit the state."""
        connection = PMSConnection.objects.filter(pk=object_id).first()
        buttons: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        hidden = {f"pms_integration_pmsconnection_{name}" for name in _hidden(connection)} if connection else set()
        return [button for button in buttons if button.action_name not in hidden]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Follows Django's permissions; the service refuses to delete connections in use."""
        return request.user.has_perm("pms_integration.delete_pmsconnection")

    @action(
        description=gettext_lazy("Test"), url_path="test", permissions=["change"], icon="network_check", attrs=AT_ONCE
    )
    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Calls the PMS and says what came of it."""
        connection: PMSConnection = self.get_or_404(request, object_id)
        return self._confirmed(
            request,
            connection,
            partial(_test, request, connection),
            _("Test"),
            _("The PMS is called now, which takes a moment."),
        )

    @action(
        description=gettext_lazy("Choose locations"),
        url_path="choose-locations",
        permissions=["change"],
        icon="location_on",
    )
    def choose_locations(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page of the connection, with a choice of the locations that the PMS lists now."""
        connection: PMSConnection = self.get_or_404(request, object_id)
        if request.method != "POST":
            ask_for_locations(request, connection)
        return self.changeform_view(request, object_id)

    def response_change(self, request: HttpRequest, obj: PMSConnection) -> HttpResponse:
        """Leads from the choice of locations to the page of the connection, which does not ask the PMS again."""
        response = super().response_change(request, obj)
        return HttpResponseRedirect(page_of(obj)) if "_continue" in request.POST else response

    @action(description=gettext_lazy("Pause"), url_path="pause", permissions=["change"], icon="pause", attrs=AT_ONCE)
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lets nothing be pushed to the PMS."""
        note = _("Nothing is pushed to the PMS until it is resumed; its webhooks are applied as before.")
        done = _("%(name)s is paused: nothing is pushed to it.")
        return self._changed(request, object_id, _("Pause"), note, done, is_paused=True)

    @action(
        description=gettext_lazy("Resume"), url_path="resume", permissions=["change"], icon="play_arrow", attrs=AT_ONCE
    )
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lets changes be pushed to the PMS again."""
        note = _("Changes are pushed to the PMS again.")
        done = _("%(name)s is resumed.")
        return self._changed(request, object_id, _("Resume"), note, done, is_paused=False)

    @action(description=gettext_lazy("Switch off"), url_path="switch-off", permissions=["change"], icon="power_off")
    def switch_off(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Makes the connection inactive after a confirmation."""
        note = _(
            "Nothing is sent to the PMS, and its webhooks are answered 404: what it sends meanwhile "
            "is missing here, unless it sends it again. Everything that came stays, and the "
            "connection can be switched on again."
        )
        done = _("%(name)s is switched off.")
        return self._changed(request, object_id, _("Switch off"), note, done, is_active=False)

    @action(
        description=gettext_lazy("Switch on"), url_path="switch-on", permissions=["change"], icon="power", attrs=AT_ONCE
    )
    def switch_on(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Makes the connection active."""
        note = _("The PMS is called again, and its webhooks are accepted.")
        done = _("%(name)s is switched on.")
        return self._changed(request, object_id, _("Switch on"), note, done, is_active=True)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Deletes the connection after a confirmation, in place of Django's page, which lists what is not deleted."""
        if not self.has_delete_permission(request):
            raise PermissionDenied
        connection: PMSConnection = self.get_or_404(request, object_id)
        return self._confirmed(
            request,
            connection,
            partial(self.delete_model, request, connection),
            _("Delete"),
            _(
                "The connection is deleted with its secret, its credentials and its mapped locations. If "
                "anything came from the PMS it stays, because its history does: switch it off instead."
            ),
            success=_("%(name)s is deleted.") % {"name": connection.name},
            button_variant="danger",
            leads_to=reverse("admin:pms_integration_pmsconnection_changelist"),
        )

    def delete_model(self, request: HttpRequest, obj: PMSConnection) -> None:
        """Deletes a connection from which nothing came."""
        services.delete_connection(slug=obj.slug)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[PMSConnection]) -> None:
        """Deletes several; no page offers it."""
        for connection in queryset:
            self.delete_model(request, connection)

    def _changed(
        self, request: HttpRequest, object_id: str, button: str, note: str, done: str, **values: bool
    ) -> HttpResponse:
        connection: PMSConnection = self.get_or_404(request, object_id)
        service = partial(services.update_connection, slug=connection.slug, values=values)
        return self._confirmed(request, connection, service, button, note, success=done % {"name": connection.name})

    def _confirmed(
        self, request: HttpRequest, connection: PMSConnection, service: Any, button: str, note: str, **more: str
    ) -> HttpResponse:
        return self.confirmed(
            request,
            service,
            title=f"{button}: {connection.name}",
            note=note,
            button=button,
            original=connection,
            back=page_of(connection),
            **more,
        )


def page_of(connection: PMSConnection) -> str:
    """The page of a connection."""
    return reverse("admin:pms_integration_pmsconnection_change", args=[connection.pk])


def webhook_address(request: HttpRequest, connection: PMSConnection) -> str:
    """Where the PMS posts its webhooks."""
    return request.build_absolute_uri(reverse("pms-webhook", args=[connection.slug]))


def _hidden(connection: PMSConnection) -> set[str]:
    hidden = {"pause"} if connection.is_paused or connection.base_url is None else set()
    if not connection.is_paused:
        hidden.add("resume")
    if connection.base_url is None or not connection.is_active:
        hidden |= {"test", "choose_locations"}
    return hidden | {"switch_on" if connection.is_active else "switch_off"}


def _test(request: HttpRequest, connection: PMSConnection) -> None:
    check = services.check_connection(slug=connection.slug, webhook_url=webhook_address(request, connection))
    if not check.ok:
        messages.error(request, _("The test has failed. %(detail)s") % {"detail": check.detail})
    elif check.webhooks == "missing":
        messages.warning(
            request, _("%(detail)s answers, and does not send its webhooks here.") % {"detail": check.detail}
        )
    else:
        messages.success(request, _("%(detail)s answers, within %(ms)s ms.") % {"detail": check.detail, "ms": check.ms})
