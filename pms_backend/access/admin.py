"""Admin pages of API clients, whose keys are shown once, and of the audit log."""

from datetime import timedelta
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.safestring import SafeString
from rest_framework_api_key.models import APIKey
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldBooleanSwitchWidget,
)

from pms_backend.access import services
from pms_backend.access.caller import caller_in_admin
from pms_backend.access.models import DEFAULT_TIER, ApiClient, AuditEntry
from pms_backend.access.rates import known_tiers
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.api.forms import IntegerField
from pms_backend.api.service_admin import (
    GrowingTableAdmin,
    ReadOnlyAdmin,
    RefusalsAsFormErrors,
    ServiceForm,
    moment,
    secret_message,
)
from pms_backend.api.typed_unfold import action, display

SECONDS_AN_HOUR: Final = 3600
STATE_LABELS: Final = {"Active": "success", "Expired": "warning", "Revoked": "danger"}

# The library's own page creates clients without scopes and bypasses our service.
admin.site.unregister(APIKey)
# These pages have no use here, and one of them makes a used token valid again.
admin.site.unregister([OutstandingToken, BlacklistedToken])


def tiers() -> list[tuple[str, str]]:
    """The choices of a client's tier."""
    return [(tier, tier) for tier in known_tiers()]


class ApiClientForm(ServiceForm):
    """The form of a new client."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in ALL_SCOPES],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What the client may do; no scope implies another. Give it scopes that you have yourself.",
    )
    tier = forms.ChoiceField(
        choices=tiers,
        initial=DEFAULT_TIER,
        widget=UnfoldAdminSelectWidget,
        help_text="How much it may ask; internal has no limit, storefront sees what is published.",
    )
    signing = forms.BooleanField(
        required=False, widget=UnfoldBooleanSwitchWidget, help_text="It must sign its writes (RFC 9421)."
    )


class RotationForm(forms.Form):
    """How long the old key stays valid."""

    overlap_hours = IntegerField(
        label="Hours",
        min_value=0,
        max_value=int(services.MAX_OVERLAP.total_seconds()) // SECONDS_AN_HOUR,
        initial=int(services.DEFAULT_OVERLAP.total_seconds()) // SECONDS_AN_HOUR,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="For so long the present key stays good beside the new one; 0 ends it at once.",
    )


@admin.register(ApiClient)
class ApiClientAdmin(ReadOnlyAdmin):
    """Programs that may call the API."""

    form = ApiClientForm
    list_display = ("name", "public_id", "shown_state", "tier", "scope_list", "expires_at", "last_used_at")
    list_filter = ("tier",)
    search_fields = ("name", "public_id", "keys__prefix")
    search_help_text = "Name, id, or the beginning of a key up to its dot"
    actions = None
    add_fieldsets = ((None, {"fields": ("name", "scopes", "tier", "expires_at", "signing")}),)
    fields = (
        *("name", "public_id", "shown_state", "tier", "scope_list", "key_list", "signing_key_list"),
        *("created_at", "expires_at", "last_used_at", "revoked_at"),
    )
    actions_detail = ("rotate", "revoke")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Requires the permission to add clients."""
        return request.user.has_perm("access.add_apiclient")

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Requires the permission to change clients."""
        return request.user.has_perm("access.change_apiclient")

    def write(self, request: HttpRequest, obj: ApiClient, form: Any, formsets: list[Any], *, change: bool) -> None:
        """Creates the client."""
        made = services.create_api_client(**form.cleaned_data, by=caller_in_admin(request))
        obj.pk = made.client.pk
        show_once(request, made)

    def response_add(self, request: HttpRequest, obj: ApiClient, post_url_continue: Any = None) -> HttpResponse:
        """Redirects to the client's page."""
        return HttpResponseRedirect(_page(obj))

    @action(description="Revoke", url_path="revoke", permissions=["revoke"], icon="block", variant="danger")
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Revokes the client after a confirmation."""
        client: ApiClient = self.get_or_404(request, object_id)
        return self.confirmed(
            request,
            lambda: services.revoke_api_client(client_id=client.public_id),
            success=f"{client.name} is revoked: its keys are refused from now on.",
            title=f"Revoke {client.name}",
            note="Its keys are refused from now on, for good. A new client gets a new key.",
            button="Revoke",
            button_variant="danger",
            back=_page(client),
        )

    @action(description="New key", url_path="rotate", permissions=["revoke"], icon="autorenew")
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Creates a new key after asking how long the current one stays valid."""
        client: ApiClient = self.get_or_404(request, object_id)
        form = RotationForm(request.POST or None)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                overlap = timedelta(hours=form.cleaned_data["overlap_hours"])
                by = caller_in_admin(request)
                show_once(request, services.rotate_keys(client_id=client.public_id, overlap=overlap, by=by))
                return HttpResponseRedirect(_page(client))
        return self.form_page(
            request,
            form,
            title=f"A new key for {client.name}",
            note="The new key is shown once. Give it to the program before the present one ends.",
            button="Make a new key",
            back=_page(client),
        )

    @display(description="State", label=STATE_LABELS)
    def shown_state(self, client: ApiClient) -> str:
        """Active, expired or revoked."""
        return client.state.capitalize()

    @display(description="Scopes")
    def scope_list(self, client: ApiClient) -> str:
        """The client's scopes."""
        return "all" if set(client.scopes) == set(ALL_SCOPES) else ", ".join(client.scopes)

    @display(description="Keys")
    def key_list(self, client: ApiClient) -> str:
        """The prefixes of the valid keys, and when they expire."""
        return _listed(client.keys.filter(revoked=False).order_by("-created"))

    @display(description="Signing keys")
    def signing_key_list(self, client: ApiClient) -> str:
        """The valid signing keys; a client that has any must sign."""
        return _listed(client.signing_keys.order_by("-created"))


@admin.register(AuditEntry)
class AuditEntryAdmin(GrowingTableAdmin):
    """The audit log, newest first, read-only."""

    list_display = ("occurred", "actor", "action", "subject")
    search_fields = ("actor__startswith", "action__startswith", "subject__startswith", "request_id__exact")
    search_help_text = "Who, what, on what, or its beginning; a request id"
    sortable_by = ()
    fields = ("occurred_at", "actor", "action", "subject", "request_id", "detail")

    @display(description="When")
    def occurred(self, entry: AuditEntry) -> SafeString:
        """The moment of the entry."""
        return moment(entry.occurred_at)


def show_once(request: HttpRequest, made: services.Credentials) -> None:
    """Shows a client's new secrets on the next page, once."""
    secret_message(request, f"The API key of {made.client.name}", made.api_key)
    if made.signing_key is not None:
        secret_message(request, f"The signing key {made.signing_key_id} of {made.client.name}", made.signing_key)


def _listed(keys: Any) -> str:
    valid = [key for key in keys if not key.has_expired]
    ends = [f" until {localize(timezone.localtime(key.expiry_date))}" if key.expiry_date else "" for key in valid]
    return ", ".join(f"{key}{end}" for key, end in zip(valid, ends, strict=True)) or "-"


def _page(client: ApiClient) -> str:
    return reverse("admin:access_apiclient_change", args=[client.pk])
