"""Subscribers' endpoints: made, changed, tried, disabled, enabled and sent their events again."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from unfold.widgets import (
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from pms_backend.api.admin_tables import link
from pms_backend.api.service_admin import ReadOnlyAdmin, RefusalsAsFormErrors, moment, secret_message
from pms_backend.api.typed_unfold import action, display
from webhooks import services
from webhooks.admin.endpoint_states import StateFilter
from webhooks.health_report import label_of, last_hours, state_in_words, waiting_in_words
from webhooks.models import MAX_DESCRIPTION_LENGTH, MAX_URL_LENGTH, SWITCHED_OFF, WebhookEndpoint

STATE_LABELS: Final = {"Healthy": "success", "Failing": "warning", "Disabled": "danger"}
# Of the chart.
_BAR_PIXELS: Final = 96


class EndpointForm(forms.Form):
    """What an endpoint is; its headers are written, and not shown."""

    url = forms.CharField(label="URL", max_length=MAX_URL_LENGTH, widget=UnfoldAdminTextInputWidget())
    description = forms.CharField(
        required=False, max_length=MAX_DESCRIPTION_LENGTH, widget=UnfoldAdminTextInputWidget()
    )
    event_types = forms.CharField(
        label="Event types",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="One in a line: types, or their beginning, such as stock.* or *.",
    )
    headers = forms.CharField(
        required=False,
        label="Extra headers",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="One in a line, as Name: value; without a value it is removed. Those that are set already are not "
        "shown, and stay, unless the URL changes.",
    )

    def clean_event_types(self) -> list[str]:
        """The patterns."""
        return [line.strip() for line in self.cleaned_data["event_types"].splitlines() if line.strip()]

    def clean_headers(self) -> dict[str, str | None]:
        """The values by name; None for one that is removed."""
        found: dict[str, str | None] = {}
        for line in filter(None, map(str.strip, self.cleaned_data["headers"].splitlines())):
            name, colon, value = line.partition(":")
            if not colon:
                raise forms.ValidationError(f"{line} is not a name and a value.")
            found[name.strip()] = value.strip() or None
        return found


class RotationForm(forms.Form):
    """When the secret before ends."""

    at_once = forms.BooleanField(
        required=False,
        label="End the current secret at once",
        widget=UnfoldBooleanSwitchWidget(),
        help_text="If somebody else may know it. The subscriber needs the new one before it can verify anything.",
    )


class EnableForm(forms.Form):
    """Whether what was missed is sent."""

    replay = forms.BooleanField(
        required=False,
        initial=True,
        label="Send what it has missed",
        widget=UnfoldBooleanSwitchWidget(),
        help_text="All events since it was disabled, in their order.",
    )


class ReplayForm(forms.Form):
    """A period of the feed."""

    since = forms.SplitDateTimeField(widget=UnfoldAdminSplitDateTimeWidget())
    until = forms.SplitDateTimeField(
        required=False, widget=UnfoldAdminSplitDateTimeWidget(), help_text="Empty: until now."
    )


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    """URLs that get our events; a page of a URL that is checked by DNS is no transaction."""

    list_display = ("name", "address", "state", "types", "last_success")
    list_filter = (StateFilter,)
    search_fields = ("url", "description")
    search_help_text = "URL or description"
    ordering = ("-id",)
    fields = (
        *("url", "description", "types", "headers_set", "owner_shown", "state", "health", "waiting", "deliveries_link"),
        "created_at",
    )
    actions_detail: Sequence[Any] = (
        *("edit", "send_test", "replay", "enable"),
        {"title": "More", "icon": "settings", "items": ["rotate", "disable"]},
    )
    change_form_outer_before_template = "webhooks/endpoint.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Follows Django's permissions."""
        return request.user.has_perm("webhooks.add_webhookendpoint")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Follows Django's permissions."""
        return request.user.has_perm("webhooks.delete_webhookendpoint")

    def has_edit_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the user may change endpoints."""
        return request.user.has_perm("webhooks.change_webhookendpoint")

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """The buttons that fit the state."""
        buttons: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        endpoint = WebhookEndpoint.objects.only("is_active").filter(pk=object_id).first()
        hidden = ("send_test", "replay", "disable") if endpoint and not endpoint.is_active else ("enable",)
        names = {f"webhooks_webhookendpoint_{name}" for name in hidden}
        return [button for button in buttons if button.action_name not in names]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Adds the chart of the last 24 hours."""
        endpoint: WebhookEndpoint | None = context["original"]
        if endpoint is not None:
            context = {**context, "hours": _bars(endpoint)}
        return super().render_change_form(request, context, *args, **kwargs)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Makes an endpoint; its secret is shown once."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = EndpointForm(request.POST or None)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                values = form.cleaned_data
                url = services.check_endpoint_url(values["url"])
                endpoint = services.create_endpoint(**{**values, "url": url})
                secret_message(request, f"The secret of {endpoint}", endpoint.secret)
                return HttpResponseRedirect(page_of(endpoint))
        return self.form_page(
            request,
            form,
            title="Add a webhook endpoint",
            note="It gets the events that happen from now on, signed as Standard Webhooks.",
            button="Add",
            back=reverse("admin:webhooks_webhookendpoint_changelist"),
        )

    @action(description="Edit", url_path="edit", permissions=["edit"], icon="edit")
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
                return HttpResponseRedirect(page_of(endpoint))
        return self._page(request, endpoint, form, "Edit", "Events that were published before keep their deliveries.")

    @action(description="Send test", url_path="send-test", permissions=["edit"], icon="send")
    def send_test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Sends a `webhook.test` to this endpoint only."""
        endpoint: WebhookEndpoint = self.get_or_404(request, object_id)
        return self.confirmed(
            request,
            partial(services.send_test, endpoint_id=endpoint.pk),
            success="The test is on its way: its delivery shows what comes of it.",
            title=f"Send a test to {endpoint}",
            note="The endpoint gets an event of the type webhook.test, which no other endpoint gets.",
            button="Send test",
            original=endpoint,
            back=page_of(endpoint),
        )

    @action(description="Rotate secret", url_path="rotate-secret", permissions=["edit"], icon="key")
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Makes another secret, which is shown once."""
        endpoint: WebhookEndpoint = self.get_or_404(request, object_id)
        form = RotationForm(request.POST or None)
        if form.is_valid():
            secret = services.rotate_secret(endpoint_id=endpoint.pk, **form.cleaned_data)
            secret_message(request, f"The new secret of {endpoint}", secret)
            return HttpResponseRedirect(page_of(endpoint))
        note = "The endpoint gets a new secret, which is shown once. For 24 hours both sign each webhook."
        return self._page(request, endpoint, form, "Rotate secret", note)

    @action(description="Replay", url_path="replay", permissions=["edit"], icon="replay")
    def replay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Sends the events of a period once more."""
        endpoint: WebhookEndpoint = self.get_or_404(request, object_id)
        form = ReplayForm(request.POST or None)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                count = services.replay_events(endpoint_id=endpoint.pk, **form.cleaned_data)
                self.message_user(request, f"{count:,} events are sent once more.")
                return HttpResponseRedirect(page_of(endpoint))
        note = "The events of the period that the endpoint gets are sent once more, in their order, with the same ids."
        return self._page(request, endpoint, form, "Replay", note)

    @action(description="Enable", url_path="enable", permissions=["edit"], icon="play_arrow", variant="primary")
    def enable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lets the endpoint get events again."""
        endpoint: WebhookEndpoint = self.get_or_404(request, object_id)
        form = EnableForm(request.POST or None)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                services.enable_endpoint(endpoint_id=endpoint.pk, **form.cleaned_data)
                return HttpResponseRedirect(page_of(endpoint))
        return self._page(request, endpoint, form, "Enable", state_in_words(endpoint))

    @action(description="Disable", url_path="disable", permissions=["edit"], icon="block")
    def disable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Sends nothing any more."""
        endpoint: WebhookEndpoint = self.get_or_404(request, object_id)
        return self.confirmed(
            request,
            partial(services.update_endpoint, endpoint_id=endpoint.pk, values={"is_active": False}),
            success=f"{endpoint} is {SWITCHED_OFF}.",
            title=f"Disable {endpoint}",
            note="Nothing is sent to it. The sequence that it has reached is kept, so that it can go on from there.",
            button="Disable",
            original=endpoint,
            back=page_of(endpoint),
        )

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Deletes the endpoint after a confirmation, in place of Django's page, which lists each delivery."""
        if not self.has_delete_permission(request):
            raise PermissionDenied
        endpoint: WebhookEndpoint = self.get_or_404(request, object_id)
        return self.confirmed(
            request,
            partial(self.delete_model, request, endpoint),
            success=f"{endpoint} is deleted.",
            title=f"Delete {endpoint}",
            note="The endpoint is deleted with its secret and the log of its deliveries.",
            button="Delete",
            button_variant="danger",
            original=endpoint,
            back=page_of(endpoint),
            leads_to=reverse("admin:webhooks_webhookendpoint_changelist"),
        )

    def delete_model(self, request: HttpRequest, obj: WebhookEndpoint) -> None:
        """Deletes one."""
        services.delete_endpoint(endpoint_id=obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        """Deletes several."""
        for endpoint in queryset:
            self.delete_model(request, endpoint)

    def _page(
        self, request: HttpRequest, endpoint: WebhookEndpoint, form: forms.Form, button: str, note: str
    ) -> HttpResponse:
        return self.form_page(
            request,
            form,
            title=f"{button}: {endpoint}",
            note=note,
            button=button,
            original=endpoint,
            back=page_of(endpoint),
        )

    @display(description="Endpoint")
    def name(self, endpoint: WebhookEndpoint) -> str:
        """Its description, or its number."""
        return endpoint.description or f"Endpoint {endpoint.pk}"

    @display(description="URL", ordering="url")
    def address(self, endpoint: WebhookEndpoint) -> str:
        """Where it is."""
        return endpoint.url

    @display(description="State", label=STATE_LABELS)
    def state(self, endpoint: WebhookEndpoint) -> str:
        """How it does."""
        return label_of(endpoint)

    @display(description="Health")
    def health(self, endpoint: WebhookEndpoint) -> str:
        """How it does, in words."""
        return state_in_words(endpoint)

    @display(description="To be sent")
    def waiting(self, endpoint: WebhookEndpoint) -> str:
        """What is on its way."""
        return waiting_in_words(endpoint)

    @display(description="Event types")
    def types(self, endpoint: WebhookEndpoint) -> str:
        """What it gets."""
        return ", ".join(endpoint.event_types)

    @display(description="Extra headers")
    def headers_set(self, endpoint: WebhookEndpoint) -> str:
        """The names of those that are set."""
        return ", ".join(f"{name}: set" for name in sorted(endpoint.header_values)) or "none"

    @display(description="Owner")
    def owner_shown(self, endpoint: WebhookEndpoint) -> str:
        """The client that has made it."""
        return endpoint.owner or "staff"

    @display(description="Last success", ordering="last_success_at")
    def last_success(self, endpoint: WebhookEndpoint) -> SafeString:
        """When a delivery succeeded last."""
        return moment(endpoint.last_success_at)

    @display(description="Deliveries")
    def deliveries_link(self, endpoint: WebhookEndpoint) -> SafeString:
        """The log."""
        page = reverse("admin:webhooks_delivery_changelist")
        return link(f"{page}?{urlencode({'endpoint__id__exact': endpoint.pk})}", "Show the deliveries")


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


def _bars(endpoint: WebhookEndpoint) -> list[dict[str, Any]]:
    """The bars of the chart, in pixels; none without an attempt."""
    hours = last_hours(endpoint)
    most = max(hour.succeeded + hour.failed for hour in hours)
    if not most:
        return []
    return [
        {
            "hour": hour,
            "green": round(_BAR_PIXELS * hour.succeeded / most),
            "red": round(_BAR_PIXELS * hour.failed / most),
        }
        for hour in hours
    ]
