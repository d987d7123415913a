"""Admin pages of API clients, whose keys are shown once; registers the audit log."""

from datetime import timedelta
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework_api_key.models import APIKey
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldBooleanSwitchWidget,
)

from pms_backend.access import services
from pms_backend.access.audit_log_admin import AuditEntryAdmin
from pms_backend.access.caller import caller_in_admin
from pms_backend.access.client_page import tables_of
from pms_backend.access.client_words import (
    SCOPE_TEXTS,
    STATE_LABELS,
    label_of,
    limits_in_words,
    state_in_words,
    use_in_words,
)
from pms_backend.access.history_pages import HistoryPages
from pms_backend.access.models import DEFAULT_TIER, ApiClient, AuditEntry
from pms_backend.access.rates import known_tiers
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.api.admin_tables import EXTRA, MAIN, NAME, TABLES
from pms_backend.api.forms import IntegerField
from pms_backend.api.service_admin import (
    ReadOnlyAdmin,
    RefusalsAsFormErrors,
    ServiceForm,
    moment,
    secret_message,
)
from pms_backend.api.typed_unfold import action, display

SECONDS_AN_HOUR: Final = 3600

admin.site.register(AuditEntry, AuditEntryAdmin)
# The library's own page creates clients without scopes and bypasses our service.
admin.site.unregister(APIKey)
# These pages have no use here, and one of them makes a used token valid again.
admin.site.unregister([OutstandingToken, BlacklistedToken])


def tiers() -> list[tuple[str, str]]:
    """The choices of a client's tier, each with its limits."""
    return [(tier, f"{tier}: {limits_in_words(tier)}") for tier in known_tiers()]


class ScopesWidget(UnfoldAdminCheckboxSelectMultipleWidget):
    """A checklist of scopes, each with a sentence that may be long."""

    option_template_name = "access/scope_option.html"


class ApiClientForm(ServiceForm):
    """The form of a new client."""

    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("Scopes"),
        choices=[(scope, SCOPE_TEXTS[scope]) for scope in ALL_SCOPES],
        widget=ScopesWidget,
        help_text=gettext_lazy(
            "What the client may do; no scope implies another. Give it scopes that you have yourself."
        ),
    )
    tier = forms.ChoiceField(
        label=gettext_lazy("Tier"),
        choices=tiers,
        initial=DEFAULT_TIER,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("How much it may ask for."),
    )
    signing = forms.BooleanField(
        label=gettext_lazy("Signing"),
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
        help_text=gettext_lazy("It must sign its writes (RFC 9421)."),
    )


class RotationForm(forms.Form):
    """How long the old key stays valid."""

    overlap_hours = IntegerField(
        label=gettext_lazy("Hours"),
        min_value=0,
        max_value=int(services.MAX_OVERLAP.total_seconds()) // SECONDS_AN_HOUR,
        initial=int(services.DEFAULT_OVERLAP.total_seconds()) // SECONDS_AN_HOUR,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=gettext_lazy("For so long the present key stays good beside the new one; 0 ends it at once."),
    )


@admin.register(ApiClient)
class ApiClientAdmin(HistoryPages, ReadOnlyAdmin):
    """Programs that may call the API."""

    history_kind, history_key = "api_client", "public_id"
    actor_kind, actor_key = "client", "name"
    form = ApiClientForm
    list_display = ("name", "public_id", "shown_state", "last_used", "last_request", "tier", "scope_list", "expires")
    column_kinds: ClassVar = {"name": NAME, "public_id": EXTRA, "shown_state": MAIN}
    column_kinds |= dict.fromkeys(("tier", "scope_list", "expires"), EXTRA)
    list_filter = ("tier",)
    search_fields = ("name", "public_id", "keys__prefix")
    search_help_text = gettext_lazy("Name, id, or the beginning of a key up to its dot")
    empty_text = gettext_lazy("A program that calls the API needs a client: add the first one.")
    actions = None
    add_fieldsets = ((None, {"fields": ("name", "scopes", "tier", "expires_at", "signing")}),)
    fields = (
        *(("name", "public_id"), "state", "use", "limits", ("key_list", "signing_key_list")),
        *(("created", "expires"),),
    )
    actions_detail = ("rotate", "revoke")
    change_form_outer_after_template = TABLES

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Requires the permission to add clients."""
        return request.user.has_perm("access.add_apiclient")

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Requires the permission to change clients."""
        return request.user.has_perm("access.change_apiclient")

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """The buttons; none for a revoked client, which stays so."""
        is_revoked = ApiClient.objects.filter(pk=object_id, revoked_at__isnull=False).exists()
        return [] if is_revoked else super().get_actions_detail(request, object_id)  # type: ignore[misc]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Adds what the client may do and has done."""
        client: ApiClient | None = context["original"]
        if client is not None:
            context = {**context, "tables": tables_of(request, client)}
        return super().render_change_form(request, context, *args, **kwargs)

    def write(self, request: HttpRequest, obj: ApiClient, form: Any, formsets: list[Any], *, change: bool) -> None:
        """Creates the client."""
        made = services.create_api_client(**form.cleaned_data, by=caller_in_admin(request))
        obj.pk = made.client.pk
        show_once(request, made)

    def response_add(self, request: HttpRequest, obj: ApiClient, post_url_continue: Any = None) -> HttpResponse:
        """Redirects to the client's page."""
        return HttpResponseRedirect(_page(obj))

    @action(
        description=gettext_lazy("Revoke"), url_path="revoke", permissions=["revoke"], icon="block", variant="danger"
    )
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Revokes the client after a confirmation."""
        client: ApiClient = self.get_or_404(request, object_id)
        return self.confirmed(
            request,
            lambda: services.revoke_api_client(client_id=client.public_id),
            success=_("%(client)s is revoked: its keys are refused from now on.") % {"client": client},
            title=_("Revoke %(client)s") % {"client": client},
            note=_("Its keys are refused from now on, for good. A new client gets a new key."),
            button=_("Revoke"),
            button_variant="danger",
            back=_page(client),
        )

    @action(description=gettext_lazy("New key"), url_path="rotate", permissions=["revoke"], icon="autorenew")
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
            title=_("A new key for %(client)s") % {"client": client},
            note=_("The new key is shown once. Give it to the program before the present one ends."),
            button=_("Make a new key"),
            back=_page(client),
        )

    @display(description=gettext_lazy("State"), label=STATE_LABELS)
    def shown_state(self, client: ApiClient) -> tuple[str, Any]:
        """Active, expires soon, expired or revoked."""
        return label_of(client)

    @display(description=gettext_lazy("State"))
    def state(self, client: ApiClient) -> str:
        """Whether its keys are accepted, in words."""
        return state_in_words(client)

    @display(description=gettext_lazy("Last use"))
    def use(self, client: ApiClient) -> str:
        """What it has asked for last, in words."""
        return use_in_words(client)

    @display(description=gettext_lazy("Limits"))
    def limits(self, client: ApiClient) -> str:
        """Its tier, and what that means."""
        return f"{client.tier}: {limits_in_words(client.tier)}"

    @display(description=gettext_lazy("Last used"), ordering="last_used_at")
    def last_used(self, client: ApiClient) -> SafeString:
        """The moment of the last request that was noted."""
        return moment(client.last_used_at)

    @display(description=gettext_lazy("Expires"), ordering="expires_at")
    def expires(self, client: ApiClient) -> SafeString:
        """Its end, if it has one."""
        return moment(client.expires_at)

    @display(description=gettext_lazy("Created"))
    def created(self, client: ApiClient) -> SafeString:
        """When it was made."""
        return moment(client.created_at)

    @display(description=gettext_lazy("Scopes"))
    def scope_list(self, client: ApiClient) -> str:
        """The client's scopes, which a narrow column breaks after their colon."""
        if set(client.scopes) == set(ALL_SCOPES):
            return _("all")
        return format_html_join(", ", "{}:<wbr>{}", (scope.split(":") for scope in client.scopes))

    @display(description=gettext_lazy("Keys"))
    def key_list(self, client: ApiClient) -> str:
        """The prefixes of the valid keys, and when they expire."""
        return _listed(client.keys.filter(revoked=False).order_by("-created"))

    @display(description=gettext_lazy("Signing keys"))
    def signing_key_list(self, client: ApiClient) -> str:
        """The valid signing keys; a client that has any must sign."""
        return _listed(client.signing_keys.order_by("-created"))


def show_once(request: HttpRequest, made: services.Credentials) -> None:
    """Shows a client's new secrets on the next page, once."""
    words = {"client": made.client.name, "key": made.signing_key_id}
    secret_message(request, _("The API key of %(client)s") % words, made.api_key)
    if made.signing_key is not None:
        secret_message(request, _("The signing key %(key)s of %(client)s") % words, made.signing_key)


def _listed(keys: Any) -> str:
    valid = [(str(key), key.expiry_date) for key in keys if not key.has_expired]
    until = _("%(key)s until %(moment)s")
    return ", ".join(
        until % {"key": key, "moment": localize(timezone.localtime(end))} if end else key for key, end in valid
    ) or _("none")


def _page(client: ApiClient) -> str:
    return reverse("admin:access_apiclient_change", args=[client.pk])
