"""Subscribers' endpoints: how they do, what they get and what was sent to them."""

from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pms_backend.access.history_pages import HistoryPages
from pms_backend.api.admin_subjects import subject_link
from pms_backend.api.admin_tables import EXTRA, MAIN, NAME, SENTENCE
from pms_backend.api.service_admin import RefusalsAsFormErrors, moment, secret_message
from pms_backend.api.typed_unfold import display
from webhooks import services
from webhooks.admin.endpoint_actions import EndpointActions, page_of
from webhooks.admin.endpoint_forms import EndpointForm
from webhooks.admin.endpoint_page import page_content
from webhooks.admin.endpoint_states import StateFilter
from webhooks.endpoint_words import STATE_LABELS, health_in_words, label_of, subscription_in_words, waiting_in_words
from webhooks.health_report import recent_attempts
from webhooks.models import WebhookEndpoint


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(HistoryPages, EndpointActions):
    """URLs that get our events; a page of a URL that is checked by DNS is no transaction."""

    history_kind = "endpoint"
    list_display = ("name", "state", "health", "address", "types", "last_success")
    column_kinds: ClassVar = {"name": NAME, "state": MAIN, "health": SENTENCE}
    column_kinds |= dict.fromkeys(("address", "types", "last_success"), EXTRA)
    list_filter = (StateFilter,)
    search_fields = ("url", "description")
    search_help_text = gettext_lazy("URL or description")
    empty_text = gettext_lazy("A program that wants our events as webhooks needs an endpoint: add the first one.")
    ordering = ("-id",)
    fields = ("url", "description", "subscription", ("headers_set", "owner_shown"), ("created", "last_success"))
    change_form_outer_before_template = "webhooks/endpoint_health.html"
    change_form_outer_after_template = "webhooks/endpoint.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Follows Django's permissions."""
        return request.user.has_perm("webhooks.add_webhookendpoint")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Follows Django's permissions."""
        return request.user.has_perm("webhooks.delete_webhookendpoint")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, with the last 24 hours of its endpoints."""
        changelist: Any = super().get_changelist_instance(request)
        endpoints: list[Any] = list(changelist.result_list)
        recent = recent_attempts([endpoint.pk for endpoint in endpoints])
        for endpoint in endpoints:
            endpoint.recent = recent[endpoint.pk]
        changelist.result_list = endpoints
        return changelist

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The endpoint, with the link to the client that owns it."""
        endpoint: Any = super().get_object(request, object_id, from_field)
        if endpoint is not None:
            is_client = endpoint.owner.startswith("client:")
            endpoint.linked_owner = subject_link(request, f"api_{endpoint.owner}") if is_client else endpoint.owner
        return endpoint

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Adds how the endpoint does, in words, as a chart and by its last attempts."""
        endpoint: WebhookEndpoint | None = context["original"]
        if endpoint is not None:
            recent = recent_attempts([endpoint.pk])[endpoint.pk]
            words = {"health": health_in_words(endpoint, recent), "waiting": waiting_in_words(endpoint)}
            context = {**context, **words, "label": label_of(endpoint), **page_content(request, endpoint)}
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
                secret_message(request, _("The secret of %(endpoint)s") % {"endpoint": endpoint}, endpoint.secret)
                return HttpResponseRedirect(page_of(endpoint))
        return self.form_page(
            request,
            form,
            title=_("Add a webhook endpoint"),
            note=_("It gets the events that happen from now on, signed as Standard Webhooks describes it."),
            button=_("Add"),
            back=reverse("admin:webhooks_webhookendpoint_changelist"),
        )

    @display(description=gettext_lazy("Endpoint"))
    def name(self, endpoint: WebhookEndpoint) -> str:
        """Its description, or its number."""
        return endpoint.description or _("Endpoint %(number)s") % {"number": endpoint.pk}

    @display(description=gettext_lazy("URL"), ordering="url")
    def address(self, endpoint: WebhookEndpoint) -> str:
        """Where it is."""
        return endpoint.url

    @display(description=gettext_lazy("State"), label=STATE_LABELS)
    def state(self, endpoint: WebhookEndpoint) -> tuple[str, Any]:
        """How it does, in a word."""
        return label_of(endpoint)

    @display(description=gettext_lazy("Health"))
    def health(self, endpoint: Any) -> str:
        """How it does, in words."""
        return health_in_words(endpoint, endpoint.recent, is_listed=True)

    @display(description=gettext_lazy("Event types"))
    def types(self, endpoint: WebhookEndpoint) -> str:
        """What it gets, as it was written."""
        return ", ".join(endpoint.event_types)

    @display(description=gettext_lazy("Gets"))
    def subscription(self, endpoint: WebhookEndpoint) -> str:
        """What it gets, in words."""
        return subscription_in_words(endpoint.event_types)

    @display(description=gettext_lazy("Extra headers"))
    def headers_set(self, endpoint: WebhookEndpoint) -> str:
        """The names of those that are set."""
        return ", ".join(_("%(name)s: set") % {"name": name} for name in sorted(endpoint.header_values)) or _("none")

    @display(description=gettext_lazy("Owner"))
    def owner_shown(self, endpoint: Any) -> Any:
        """The client that has made it."""
        return endpoint.linked_owner or _("staff")

    @display(description=gettext_lazy("Last success"), ordering="last_success_at")
    def last_success(self, endpoint: WebhookEndpoint) -> SafeString:
        """When a delivery succeeded last."""
        return moment(endpoint.last_success_at)

    @display(description=gettext_lazy("Created"))
    def created(self, endpoint: WebhookEndpoint) -> SafeString:
        """When it was made."""
        return moment(endpoint.created_at)
