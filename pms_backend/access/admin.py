"""API clients for staff: made and revoked; a key is shown once."""

from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from rest_framework_api_key.models import APIKey
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from pms_backend.access import services
from pms_backend.access.models import DEFAULT_TIER, INTERNAL_TIER, STOREFRONT_TIER, ApiClient
from pms_backend.access.rates import parse_rates
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.api.service_admin import EmptyForm, ReadOnlyAdmin, RefusalsIn, ServiceForm, secret_message
from pms_backend.api.typed_unfold import action, display

STATE_LABELS: Final = {"Active": "success", "Expired": "warning", "Revoked": "danger"}

# The library's own page would make clients without scopes, past our service.
admin.site.unregister(APIKey)
# Nobody has anything to do there, and one of its pages makes a used token good again.
admin.site.unregister([OutstandingToken, BlacklistedToken])


def tiers() -> list[tuple[str, str]]:
    """Ours, and those that RATE_LIMITS names."""
    named = {bucket.rpartition(".")[0] for bucket in parse_rates(settings.RATE_LIMITS) if "." in bucket}
    own = (DEFAULT_TIER, STOREFRONT_TIER, INTERNAL_TIER)
    return [(tier, tier) for tier in (*own, *sorted(named - set(own)))]


class ApiClientForm(ServiceForm):
    """A new client."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in ALL_SCOPES],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What the client may do; no scope implies another.",
    )
    tier = forms.ChoiceField(
        choices=tiers,
        initial=DEFAULT_TIER,
        widget=UnfoldAdminSelectWidget,
        help_text="How much it may ask; internal has no limit, storefront sees what is published.",
    )


class ByPrefix(ChangeList):
    """Rows are known by their key's prefix: the primary key holds the hash, which is shown to nobody."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.pk_attname = "prefix"


@admin.register(ApiClient)
class ApiClientAdmin(ReadOnlyAdmin):
    """Programs that may call the API."""

    form = ApiClientForm
    list_display = ("name", "prefix", "state", "tier", "scope_list", "created", "expiry_date")
    list_filter = ("revoked", "tier")
    search_fields = ("name", "prefix")
    search_help_text = "Name or prefix"
    ordering = ("-created",)
    actions = None
    add_fieldsets = ((None, {"fields": ("name", "scopes", "tier", "expiry_date")}),)
    fields = ("name", "prefix", "state", "tier", "scope_list", "created", "expiry_date")
    actions_detail = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """As Django's permissions say."""
        return request.user.has_perm("access.add_apiclient")

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Those whom Django's permissions let change clients."""
        return request.user.has_perm("access.change_apiclient")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Without the hash in its links."""
        return ByPrefix

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> ApiClient | None:
        """By the prefix."""
        found: ApiClient | None = self.get_queryset(request).filter(prefix=object_id).first()
        return found

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One client; its row is kept out of the breadcrumbs, which would link to the hash."""
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "original": object_id})

    def write(self, request: HttpRequest, obj: ApiClient, form: Any, formsets: list[Any], *, change: bool) -> None:
        """Makes the client."""
        asked = {name: form.cleaned_data[name] for name in ("name", "scopes", "tier")}
        client, key = services.create_api_client(**asked, expires_at=form.cleaned_data["expiry_date"])
        obj.pk, obj.prefix = client.pk, client.prefix
        secret_message(request, f"The API key of {client.name}", key)

    def log_addition(self, request: HttpRequest, obj: ApiClient, message: Any) -> Any:
        """Not in Django's log, which keeps primary keys."""

    def response_add(self, request: HttpRequest, obj: ApiClient, post_url_continue: Any = None) -> HttpResponse:
        """To its page."""
        return HttpResponseRedirect(_page(obj))

    @action(description="Revoke", url_path="revoke", permissions=["revoke"], icon="block", variant="danger")
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks first."""
        client: ApiClient = self.get_or_404(request, object_id)
        form = EmptyForm(request.POST or None)
        if form.is_valid():
            with RefusalsIn(form):
                services.revoke_api_client(client_id=client.prefix)
                messages.success(request, f"{client.name} is revoked: its key is refused from now on.")
                return HttpResponseRedirect(_page(client))
        return self.form_page(
            request,
            form,
            title=f"Revoke {client.name}",
            note=f"The key {client.prefix}… is refused from now on, for good. A new client gets a new key.",
            button="Revoke",
            button_variant="danger",
            back=_page(client),
        )

    @display(description="State", label=STATE_LABELS)
    def state(self, client: ApiClient) -> str:
        """Whether the key is good."""
        if client.revoked:
            return "Revoked"
        return "Expired" if client.has_expired else "Active"

    @display(description="Scopes")
    def scope_list(self, client: ApiClient) -> str:
        """What it may do."""
        return "all" if set(client.scopes) == set(ALL_SCOPES) else ", ".join(client.scopes)


def _page(client: ApiClient) -> str:
    return reverse("admin:access_apiclient_change", args=[client.prefix])
