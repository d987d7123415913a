"""The mapping of a connection's locations: ids that are typed, or chosen from what the PMS lists."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminSelectWidget

from pms_backend.api.exceptions import DomainError
from pms_backend.api.service_admin import ServiceForm, ServiceInline
from pms_integration import services
from pms_integration.connectors.outgoing import ExternalLocation
from pms_integration.models import PMSConnection, PMSLocation

_LISTED: Final = "pms.locations"
_NOTE: Final = "pms.locations_note"


def ask_for_locations(request: HttpRequest, connection: PMSConnection) -> None:
    """Asks the PMS once, before the transaction of the page, which then offers what the PMS lists."""
    try:
        listed = services.ask_for_locations(slug=connection.slug)
    except DomainError as error:
        request.META[_NOTE] = _("The locations of %(name)s are not known. %(detail)s Type their ids below.") % {
            "name": connection.name,
            "detail": error.detail,
        }
        return
    request.META[_LISTED] = listed
    request.META[_NOTE] = (
        ngettext(
            "%(name)s lists %(count)s location. Choose it below, for one of ours.",
            "%(name)s lists %(count)s locations. Choose from them below, for each of ours.",
            len(listed),
        )
        % {"name": connection.name, "count": len(listed)}
        if listed
        else _("%(name)s lists no locations. Type their ids below.") % {"name": connection.name}
    )


def add_note(request: HttpRequest) -> None:
    """Says on the page what there is to choose from, or why there is nothing."""
    if note := request.META.get(_NOTE):
        messages.add_message(request, messages.INFO if request.META.get(_LISTED) else messages.WARNING, note)


class PMSLocationForm(ServiceForm):
    """The id of a location in the PMS."""

    listed: ClassVar[Sequence[ExternalLocation]] = ()

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        # The location identifies the mapping; a change would create another mapping.
        if self.instance.pk and "location" in self.fields:
            self.fields["location"].disabled = True
        if self.listed and "external_id" in self.fields:
            choices = _choices(self.listed, self.instance.external_id)
            self.fields["external_id"].widget = UnfoldAdminSelectWidget(choices=choices)


class PMSLocationInline(ServiceInline):
    """The locations mapped by the connection."""

    model = PMSLocation
    form = PMSLocationForm
    fields = ("location", "external_id", "owns_stock")
    verbose_name_plural = gettext_lazy("Locations")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may change the connection."""
        return request.user.has_perm("pms_integration.change_pmsconnection")

    has_change_permission = has_add_permission

    def get_formset(self, request: HttpRequest, obj: Any = None, **more: Any) -> Any:
        """The formset, with the locations that the PMS was asked for."""
        formset: Any = super().get_formset(request, obj, **more)
        formset.form.listed = request.META.get(_LISTED) or ()
        return formset


def _choices(listed: Sequence[ExternalLocation], stored: str) -> list[tuple[str, str]]:
    """The PMS's names with the ids, and what is stored although the PMS does not list it."""
    choices = [("", "---------"), *((one.external_id, f"{one.name} ({one.external_id})") for one in listed)]
    if stored not in dict(choices):
        choices.append((stored, _("%(id)s (not listed by the PMS)") % {"id": stored}))
    return choices
