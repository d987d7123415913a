"""The buttons of an endpoint: test, replay, edit, rotate its secret, disable and enable it, delete it."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from pms_backend.api.service_admin import ReadOnlyAdmin, RefusalsAsFormErrors, secret_message
from pms_backend.api.typed_unfold import action
from webhooks import services
from webhooks.admin.endpoint_forms import EnableForm, EndpointForm, ReplayForm, RotationForm
from webhooks.endpoint_words import health_in_words
from webhooks.health_report import Recent
from webhooks.models import WebhookEndpoint


class EndpointActions(ReadOnlyAdmin):
    """The buttons, in the order of their use; those that fit the state of the endpoint are shown."""

    actions_detail: Sequence[Any] = (
        *("enable", "send_test", "replay", "edit"),
        {"title": gettext_lazy("More"), "icon": "settings", "items": ["rotate", "disable"]},
    )

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """The buttons that fit the state."""
        buttons: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        endpoint = WebhookEndpoint.objects.only("is_active").filter(pk=object_id).first()
        hidden = ("send_test", "replay", "disable") if endpoint and not endpoint.is_active else ("enable",)
        names = {f"webhooks_webhookendpoint_{name}" for name in hidden}
        return [button for button in buttons if button.action_name not in names]

    def has_edit_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the user may change endpoints."""
        return request.user.has_perm("webhooks.change_webhookendpoint")

    @action(description=gettext_lazy("Edit"), url_path="edit", permissions=["edit"], icon="edit")
    def edit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Changes the endpoint."""
        endpoint: WebhookEndpoint = self.get_or_404(request, object_id)
        shown = {
            "url": endpoint.url,
            "description": endpoint.description,
            "event_types": "\n".join(endpoint.event_types),
        }
        form = EndpointForm(request.POST or None, initial=shown)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                services.update_endpoint(endpoint_id=endpoint.pk, values=_changes(endpoint, form.cleaned_data))
                self.message_user(request, _("%(endpoint)s is changed.") % {"endpoint": endpoint})
                return HttpResponseRedirect(page_of(endpoint))
        note = _("Events that were published before keep their deliveries.")
        return self._page(request, endpoint, form, _("Save"), note, title=_("Edit %(endpoint)s"))

    @action(description=gettext_lazy("Send test"), url_path="send-test", permissions=["edit"], icon="send")
    def send_test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Sends a `webhook.test` to this endpoint only."""
        endpoint: WebhookEndpoint = self.get_or_404(request, object_id)
        return self._confirmed(
            request,
            endpoint,
            partial(services.send_test, endpoint_id=endpoint.pk),
            success=_("The test is on its way. Open this page again in a moment to see what was answered."),
            title=_("Send a test to %(endpoint)s"),
            note=_("The endpoint gets an event of the type webhook.test, which no other endpoint gets."),
            button=_("Send test"),
        )

    @action(description=gettext_lazy("Rotate secret"), url_path="rotate-secret", permissions=["edit"], icon="key")
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Makes another secret, which is shown once."""
        endpoint: WebhookEndpoint = self.get_or_404(request, object_id)
        form = RotationForm(request.POST or None)
        if form.is_valid():
            secret = services.rotate_secret(endpoint_id=endpoint.pk, **form.cleaned_data)
            secret_message(request, _("The new secret of %(endpoint)s") % {"endpoint": endpoint}, secret)
            return HttpResponseRedirect(page_of(endpoint))
        note = _("The endpoint gets a new secret, which is shown once. For 24 hours both sign each webhook.")
        title = _("Rotate the secret of %(endpoint)s")
        return self._page(request, endpoint, form, _("Rotate secret"), note, title=title)

    @action(description=gettext_lazy("Replay"), url_path="replay", permissions=["edit"], icon="replay")
    def replay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Sends the events of a period once more."""
        endpoint: WebhookEndpoint = self.get_or_404(request, object_id)
        form = ReplayForm(request.POST or None)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                count = services.replay_events(endpoint_id=endpoint.pk, **form.cleaned_data)
                said = ngettext("%(count)s event is sent once more.", "%(count)s events are sent once more.", count)
                self.message_user(request, said % {"count": number_format(count)})
                return HttpResponseRedirect(page_of(endpoint))
        note = _(
            "The events of the period that the endpoint gets are sent once more, in their order, with the same ids. A "
            "subscriber that stores the ids ignores those that it has."
        )
        return self._page(request, endpoint, form, _("Replay"), note, title=_("Replay events to %(endpoint)s"))

    @action(
        description=gettext_lazy("Enable"),
        url_path="enable",
        permissions=["edit"],
        icon="play_arrow",
        variant="primary",
    )
    def enable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lets the endpoint get events again."""
        endpoint: WebhookEndpoint = self.get_or_404(request, object_id)
        form = EnableForm(request.POST or None)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                services.enable_endpoint(endpoint_id=endpoint.pk, **form.cleaned_data)
                self.message_user(request, _("%(endpoint)s gets events again.") % {"endpoint": endpoint})
                return HttpResponseRedirect(page_of(endpoint))
        note = health_in_words(endpoint, Recent())
        return self._page(request, endpoint, form, _("Enable"), note, title=_("Enable %(endpoint)s"))

    @action(description=gettext_lazy("Disable"), url_path="disable", permissions=["edit"], icon="block")
    def disable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Sends nothing any more."""
        endpoint: WebhookEndpoint = self.get_or_404(request, object_id)
        return self._confirmed(
            request,
            endpoint,
            partial(services.update_endpoint, endpoint_id=endpoint.pk, values={"is_active": False}),
            success=_("%(endpoint)s is switched off.") % {"endpoint": endpoint},
            title=_("Disable %(endpoint)s"),
            note=_("Nothing is sent to it. The sequence that it has reached is kept, so that it can go on from there."),
            button=_("Disable"),
        )

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Deletes the endpoint after a confirmation, in place of Django's page, which lists each delivery."""
        if not self.has_delete_permission(request):
            raise PermissionDenied
        endpoint: WebhookEndpoint = self.get_or_404(request, object_id)
        return self._confirmed(
            request,
            endpoint,
            partial(self.delete_model, request, endpoint),
            success=_("%(endpoint)s is deleted.") % {"endpoint": endpoint},
            title=_("Delete %(endpoint)s"),
            note=_("The endpoint is deleted with its secret and the log of its deliveries."),
            button=_("Delete"),
            button_variant="danger",
            leads_to=reverse("admin:webhooks_webhookendpoint_changelist"),
        )

    def delete_model(self, request: HttpRequest, obj: WebhookEndpoint) -> None:
        """Deletes one."""
        services.delete_endpoint(endpoint_id=obj.pk)

    def get_deleted_objects(
        self, objs: Sequence[Any] | QuerySet[Any], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Only the endpoints: their deliveries go with them, and nobody may delete a delivery by itself."""
        names = [str(endpoint) for endpoint in objs]
        return names, {str(self.opts.verbose_name_plural): len(names)}, set(), []

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        """Deletes several."""
        for endpoint in queryset:
            self.delete_model(request, endpoint)

    def _confirmed(
        self, request: HttpRequest, endpoint: WebhookEndpoint, service: Any, *, title: str, **page: Any
    ) -> HttpResponse:
        named = title % {"endpoint": endpoint}
        return self.confirmed(request, service, title=named, original=endpoint, back=page_of(endpoint), **page)

    def _page(
        self, request: HttpRequest, endpoint: WebhookEndpoint, form: forms.Form, button: str, note: str, *, title: str
    ) -> HttpResponse:
        return self.form_page(
            request,
            form,
            title=title % {"endpoint": endpoint},
            note=note,
            button=button,
            original=endpoint,
            back=page_of(endpoint),
        )


def page_of(endpoint: WebhookEndpoint) -> str:
    """The page of an endpoint."""
    return reverse("admin:webhooks_webhookendpoint_change", args=[endpoint.pk])


def _changes(endpoint: WebhookEndpoint, values: Mapping[str, Any]) -> dict[str, Any]:
    """What is different; a URL that is the same need not be looked up."""
    changes: dict[str, Any] = {"description": values["description"], "event_types": values["event_types"]}
    if values["url"] != endpoint.url:
        changes["url"] = services.check_endpoint_url(values["url"])
    if values["headers"]:
        changes["headers"] = values["headers"]
    return changes
