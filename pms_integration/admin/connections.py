"""PMS connections: their secrets, shown once, how the PMS is called, and whether it answers."""

from datetime import timedelta
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import flatten
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.formats import localize
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget, UnfoldBooleanSwitchWidget

from pms_backend.access.history_pages import HistoryPages
from pms_backend.api.admin_tables import EXTRA, MAIN, NAME, SENTENCE
from pms_backend.api.service_admin import RefusalsAsFormErrors, ServiceForm, secret_message
from pms_backend.api.typed_unfold import action, display
from pms_integration import services
from pms_integration.admin.categories import PMSCategoryInline, names_in
from pms_integration.admin.connection_actions import ConnectionActions, page_of, webhook_address
from pms_integration.admin.connection_links import links_of
from pms_integration.admin.connection_settings import (
    SETTINGS,
    ConnectionSettingsForm,
    owners_in_words,
    publishes_in_words,
)
from pms_integration.admin.connection_words import MAX_LISTED_CHARACTERS, state_in_words
from pms_integration.admin.locations import PMSLocationInline, add_note
from pms_integration.admin.outgoing import (
    CIRCUIT_LABELS,
    CallsFilter,
    OutgoingForm,
    circuit_label,
)
from pms_integration.admin.refused_webhooks import RefusedFilter, refused_in_words
from pms_integration.admin.starting_syncs import SYNC_BUTTON, SyncStarts
from pms_integration.connectors import CONNECTORS
from pms_integration.models import PMSCategory, PMSConnection
from pms_integration.queries import with_waiting
from pms_integration.services.connections import PREVIOUS_SECRET_VALID_FOR

SHOWN_CHARACTERS: Final = 4
STATE_LABELS: Final = {"active": "success", "paused": "warning", "off": "default"}
_PREFIX: Final = "whsec_"


def _secret_field() -> forms.CharField:
    return forms.CharField(
        required=False,
        label=gettext_lazy("Secret of the PMS"),
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy(
            "If the PMS makes the secret of its webhooks, as Shopify does; without it a new one is made."
        ),
    )


class SecretForm(forms.Form):
    """The rotation of a secret."""

    secret = _secret_field()
    at_once = forms.BooleanField(
        required=False,
        label=gettext_lazy("Refuse the current secret at once"),
        widget=UnfoldBooleanSwitchWidget(),
        help_text=gettext_lazy("If somebody else may know it: webhooks that it signs are refused from now on."),
    )


class PMSConnectionForm(ServiceForm):
    """A new connection, of one of the kinds that have a connector."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        if "kind" in self.fields:
            kinds = [(kind, kind.capitalize()) for kind in CONNECTORS]
            self.fields["kind"] = forms.ChoiceField(choices=kinds, widget=UnfoldAdminSelectWidget())
        if "secret" in self.fields:
            self.fields["secret"] = _secret_field()


@admin.register(PMSConnection)
class PMSConnectionAdmin(HistoryPages, SyncStarts, ConnectionActions):
    """The configured PMSs."""

    history_kind, history_key = "pms_connection", "slug"
    actor_kind, actor_key = "pms", "slug"
    form = PMSConnectionForm
    list_display = ("name", "slug", "state", "circuit_status", "words")
    column_kinds: ClassVar = {
        "name": NAME,
        "slug": EXTRA,
        "state": MAIN,
        "circuit_status": EXTRA,
        "words": SENTENCE,
    }
    empty_text = gettext_lazy("A PMS sends its products and stock here, and is told of ours: connect the first one.")
    list_filter = ("is_active", CallsFilter, RefusedFilter)
    search_fields = ("name", "slug")
    search_help_text = gettext_lazy("Name or slug")
    fields = (
        *(("name", "slug"), ("kind", "state_in_a_word"), ("masked_secret", "previous_secret_end"), "created_at"),
        *(("base_url", "credentials_set"), ("circuit_in_a_word", "last_contact_at"), "clock_offset"),
    )
    # For staff who may not change them.
    settings_in_words = ("owners", "made_there")
    add_fieldsets = ((None, {"fields": ("name", "slug", "kind", "secret")}),)
    inlines = (PMSLocationInline, PMSCategoryInline)
    actions_detail = (*ConnectionActions.actions_detail, SYNC_BUTTON)
    change_form_outer_before_template = "pms_integration/connection.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[PMSConnection]:
        """The connections with what waits to be pushed."""
        return with_waiting(super().get_queryset(request))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, with the refused webhooks of its connections."""
        changelist: Any = super().get_changelist_instance(request)
        refused = services.refused_webhooks()
        for connection in changelist.result_list:
            connection.refused = refused.get(connection.slug)
        return changelist

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Of an existing connection also the settings, or what they are in words."""
        if obj is None:
            return super().get_fieldsets(request, obj)
        may_change = self.has_change_permission(request, obj)
        settings = SETTINGS if may_change else ((_("Products"), {"fields": self.settings_in_words}),)
        return ((None, {"fields": self.fields}), *settings)

    def get_form(self, request: HttpRequest, obj: Any = None, change: Any = False, **kwargs: Any) -> Any:  # noqa: FBT002 - Django's
        """The form of a new connection, or of the settings of one that exists."""
        if obj is not None and self.has_change_permission(request, obj):
            kwargs["form"] = ConnectionSettingsForm
        return super().get_form(request, obj, change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """All but the settings of an existing connection; its slug is part of URLs and of recorded events."""
        return (*flatten(self.fields), *self.settings_in_words) if obj else ()

    def get_inlines(self, request: HttpRequest, obj: Any) -> tuple[Any, ...]:
        """The locations and the names of categories, once the connection exists."""
        return self.inlines if obj else ()

    def write(self, request: HttpRequest, obj: PMSConnection, form: Any, formsets: list[Any], *, change: bool) -> None:
        """Creates the connection, or changes its settings, locations and names of categories."""
        if not change:
            created = services.create_connection(**form.cleaned_data)
            obj.pk = created.pk
            if not form.cleaned_data["secret"]:
                secret_message(request, _("The webhook secret of %(name)s") % {"name": created.name}, created.secret)
        elif form.changes:
            services.update_connection(slug=obj.slug, values=form.changes)
        for formset in formsets:
            if formset.model is PMSCategory:
                _name_categories(obj, formset)
            else:
                _map_locations(obj, formset)

    def response_add(self, request: HttpRequest, obj: PMSConnection, post_url_continue: Any = None) -> HttpResponse:
        """Redirects to the page of the connection, where its locations are mapped."""
        return HttpResponseRedirect(page_of(obj))

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Adds the state in words, the links to what belongs to the connection, and its webhook URL."""
        connection: PMSConnection | None = context["original"]
        if connection is not None:
            context |= {
                "state_in_words": state_in_words(connection),
                "refused_in_words": refused_in_words(services.refused_webhooks().get(connection.slug)),
                "links": links_of(request, connection),
                "webhook_address": webhook_address(request, connection),
            }
            add_note(request)
        return super().render_change_form(request, context, *args, **kwargs)

    @action(description=gettext_lazy("Rotate secret"), url_path="rotate-secret", permissions=["change"], icon="key")
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Rotates the secret after a confirmation."""
        connection: PMSConnection = self.get_or_404(request, object_id)
        form = SecretForm(request.POST or None)
        if form.is_valid():
            given = form.cleaned_data["secret"]
            with RefusalsAsFormErrors(form):
                secret = services.rotate_secret(
                    connection_id=connection.pk, secret=given, at_once=form.cleaned_data["at_once"]
                )
                if not given:
                    secret_message(request, _("The new webhook secret of %(name)s") % {"name": connection.name}, secret)
                return HttpResponseRedirect(page_of(connection))
        return self.form_page(
            request,
            form,
            title=_("Rotate the secret of %(name)s") % {"name": connection.name},
            note=_(
                "The connection gets a new secret, which is shown once. The current one stays valid for "
                "%(hours)s hours, so that the PMS can be updated; the one before it "
                "is refused from now on."
            )
            % {"hours": PREVIOUS_SECRET_VALID_FOR // timedelta(hours=1)},
            button=_("Rotate secret"),
            original=connection,
            back=page_of(connection),
        )

    @action(description=gettext_lazy("Outgoing calls"), url_path="outgoing", permissions=["change"], icon="call_made")
    def outgoing(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Sets the base URL and the credentials; the check of the URL comes before the transaction."""
        connection: PMSConnection = self.get_or_404(request, object_id)
        form = OutgoingForm(connection, request.POST or None)
        if form.is_valid():
            given = form.cleaned_data["base_url"]
            with RefusalsAsFormErrors(form):
                url = services.check_base_url(given) if given else None
                services.set_outgoing(connection_id=connection.pk, base_url=url, credentials=form.credentials)
                return HttpResponseRedirect(page_of(connection))
        return self.form_page(
            request,
            form,
            title=_("Calls to %(name)s") % {"name": connection.name},
            note=_("Where the PMS is called, and with which credentials. They are stored encrypted and never shown."),
            button=_("Save"),
            original=connection,
            back=page_of(connection),
        )

    @display(description=gettext_lazy("State"), ordering="is_active", label=STATE_LABELS)
    def state(self, connection: PMSConnection) -> tuple[str, str]:
        """Whether it is switched on, and whether changes are pushed."""
        if not connection.is_active:
            return "off", _("Off")
        return ("paused", _("Paused")) if connection.is_paused else ("active", _("Active"))

    @display(description=gettext_lazy("Calls"), label=CIRCUIT_LABELS)
    def circuit_status(self, connection: PMSConnection) -> tuple[str, str]:
        """Whether the PMS is reachable."""
        return circuit_label(connection)

    @display(description=gettext_lazy("State"))
    def state_in_a_word(self, connection: PMSConnection) -> str:
        """Whether it is switched on, and whether changes are pushed."""
        return self.state(connection)[1]

    @display(description=gettext_lazy("Calls"))
    def circuit_in_a_word(self, connection: PMSConnection) -> str:
        """Whether the PMS is reachable."""
        return self.circuit_status(connection)[1]

    @display(description=gettext_lazy("What happens"))
    def words(self, connection: PMSConnection) -> str:
        """The state of the calls, of what waits to be pushed and of refused webhooks, in words."""
        words = state_in_words(connection, error_characters=MAX_LISTED_CHARACTERS)
        return f"{words} {refused_in_words(getattr(connection, 'refused', None))}".strip()

    @display(description=gettext_lazy("Owners of values"))
    def owners(self, connection: PMSConnection) -> str:
        """Who owns each group of values, in words."""
        return owners_in_words(connection)

    @display(description=gettext_lazy("Products made there"))
    def made_there(self, connection: PMSConnection) -> str:
        """Which products are made in the PMS, in words."""
        return publishes_in_words(connection)

    @display(description=gettext_lazy("Credentials"))
    def credentials_set(self, connection: PMSConnection) -> str:
        """The names of those that are stored."""
        return ", ".join(_("%(name)s: set") % {"name": name} for name in sorted(connection.credential_values)) or _(
            "none"
        )

    @display(description=gettext_lazy("Webhook secret"))
    def masked_secret(self, connection: PMSConnection) -> str:
        """The last characters of the secret, by which it can be recognised."""
        prefix = _PREFIX if connection.secret.startswith(_PREFIX) else ""
        return f"{prefix}{'•' * 12}{connection.secret[-SHOWN_CHARACTERS:]}"

    @display(description=gettext_lazy("Previous secret"))
    def previous_secret_end(self, connection: PMSConnection) -> str:
        """Until when the secret before the last rotation is still accepted."""
        until = connection.previous_secret_until if connection.previous_is_valid else None
        return _("valid until %(moment)s") % {"moment": localize(timezone.localtime(until))} if until else _("refused")


def _map_locations(connection: PMSConnection, formset: Any) -> None:
    for row in formset.forms:
        if row.has_changed():
            mapped = {name: row.cleaned_data[name] for name in ("location", "external_id", "owns_stock")}
            services.map_location(connection=connection, **mapped)


def _name_categories(connection: PMSConnection, formset: Any) -> None:
    if names := names_in(formset):
        services.name_categories(connection=connection, names=names)
