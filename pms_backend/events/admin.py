"""Admin pages of the feed and of parked events, which are replayed there."""

from typing import Any, ClassVar, Final

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.formats import localize, number_format
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from pms_backend.access.visibility import sees_cost
from pms_backend.api.admin_subjects import LinkedSubjects
from pms_backend.api.admin_tables import EXTRA, EXTRA_NUMBER, KEY, MAIN, MAIN_NUMBER, link
from pms_backend.api.service_admin import GrowingTableAdmin, json_block, moment
from pms_backend.api.typed_unfold import action, display
from pms_backend.events import services
from pms_backend.events.models import Event, ParkedEvent

PARKED_LABELS: Final = {"parked": "danger", "replayed": "success"}
_STATES: Final = {"parked": gettext_lazy("Parked"), "replayed": gettext_lazy("Replayed")}
# What does not happen as long as the event is parked.
_RECEIVERS: Final[dict[str, Any]] = {
    "webhooks.record_deliveries": gettext_lazy("Until it is replayed, no webhook is sent for it."),
    "pms_integration.push_products": gettext_lazy("Until it is replayed, no PMS is told of it."),
    "pms_integration.push_stock": gettext_lazy("Until it is replayed, no PMS is told of it."),
    "pms_integration.wake_deferred": gettext_lazy("Until it is replayed, PMS events that wait for it go on waiting."),
    "inventory.wake_sockets": gettext_lazy("Until it is replayed, open pages may not show it."),
    "inventory.replace_generations": gettext_lazy(
        "Until it is replayed, the API may answer as before it for some seconds."
    ),
}


@admin.register(Event)
class EventAdmin(LinkedSubjects, GrowingTableAdmin):
    """The feed, newest first, read-only."""

    list_display = ("type", "linked_subject", "actor", "occurred", "published_as")
    column_kinds: ClassVar = {"type": KEY, "published_as": MAIN_NUMBER, "actor": EXTRA}
    search_fields = ("type__startswith", "subject__startswith")
    search_help_text = gettext_lazy("A type or a subject, or its beginning")
    empty_text = gettext_lazy("Each change of a product, of stock or of a setting is an event. There is none yet.")
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        *(("type", "linked_subject"), ("published_as", "public_id"), ("actor", "occurred"), "request_id"),
        "payload",
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """The fields, with the payload, which may contain cost, only for users that may see cost."""
        return [name for name in super().get_fields(request, obj) if name != "payload" or sees_cost(request)]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Refuses filters on the payload, which could reveal its content."""
        return not lookup.startswith("data") and super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        """Defers the payloads, which only the detail page shows."""
        events: QuerySet[Event] = super().get_queryset(request)
        return events.defer("data")

    @display(description=gettext_lazy("When"))
    def occurred(self, event: Event) -> SafeString:
        """The moment of the event."""
        return moment(event.occurred_at)

    @display(description=gettext_lazy("Sequence"))
    def published_as(self, event: Event) -> str:
        """The sequence, once the relay has published the event."""
        return _("not published yet") if event.sequence is None else number_format(event.sequence)

    @display(description=gettext_lazy("Id"))
    def public_id(self, event: Event) -> str:
        """Its id in the feed, and the `webhook-id`."""
        return event.public_id

    @display(description=gettext_lazy("Payload"))
    def payload(self, event: Event) -> SafeString:
        """What was recorded with it."""
        return json_block(event.data)


class ResolvedFilter(admin.SimpleListFilter):
    """Filters by whether the event is replayed."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The two states."""
        return list(_STATES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Parked events in the chosen state."""
        return queryset.filter(resolved_at__isnull=self.value() == "parked") if self.value() else queryset


@admin.register(ParkedEvent)
class ParkedEventAdmin(LinkedSubjects, GrowingTableAdmin):
    """Events for which a receiver failed, newest first; staff replay them once the cause is corrected."""

    list_display = ("type", "state", "linked_subject", "receiver", "last_error", "tries", "parked_since", "sequence")
    column_kinds: ClassVar = {
        "type": KEY,
        "state": MAIN,
        "receiver": EXTRA,
        "last_error": EXTRA,
        "tries": EXTRA_NUMBER,
        "sequence": EXTRA_NUMBER,
    }
    list_filter = (ResolvedFilter,)
    list_select_related = ("event",)
    search_fields = ("receiver__startswith",)
    search_help_text = gettext_lazy("A receiver, or its beginning")
    empty_text = gettext_lazy(
        "Events that a part of the system could not process come here. There is none: all is well."
    )
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        *("explained", ("event_shown", "linked_subject"), ("receiver", "tries"), "last_error"),
        *(("parked_since", "resolved"),),
    )
    actions = ("replay_selected",)
    actions_detail = ("replay",)

    def subject_of(self, row: ParkedEvent) -> str:
        """That of its event."""
        return row.event.subject

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The parked event, with the link to the event in the feed."""
        found: Any = super().get_object(request, object_id, from_field)
        if found is not None:
            page = reverse("admin:events_event_change", args=[found.event_id])
            name = found.event.public_id
            found.event_link = link(page, name) if request.user.has_perm("events.view_event") else name
        return found

    def get_queryset(self, request: HttpRequest) -> QuerySet[ParkedEvent]:
        """Defers the events' payloads."""
        parked: QuerySet[ParkedEvent] = super().get_queryset(request)
        return parked.select_related("event").defer("event__data")

    def has_replay_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Requires the permission to change parked events."""
        return request.user.has_perm("events.change_parkedevent")

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """The button, as long as the event is parked."""
        is_parked = ParkedEvent.objects.filter(pk=object_id, resolved_at=None).exists()
        return super().get_actions_detail(request, object_id) if is_parked else []  # type: ignore[misc]

    @action(
        description=gettext_lazy("Replay"),
        url_path="replay",
        permissions=["replay"],
        icon="replay",
        variant="primary",
    )
    def replay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Replays the event after a confirmation."""
        parked: ParkedEvent = self.get_or_404(request, object_id)
        page = reverse("admin:events_parkedevent_change", args=[parked.pk])
        return self.confirmed(
            request,
            lambda: self._report(request, services.replay_parked(parked_id=parked.pk)),
            title=_("Replay %(event)s for %(receiver)s")
            % {"event": parked.event.public_id, "receiver": parked.receiver},
            note=_("The receiver gets the event once more. The last time it failed: %(error)s")
            % {"error": parked.last_error},
            button=_("Replay"),
            original=parked,
            back=page,
        )

    @action(description=gettext_lazy("Replay"), permissions=["replay"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[ParkedEvent]) -> None:
        """Replays each in a transaction of its own, oldest first."""
        for parked_id in queryset.order_by("id").values_list("pk", flat=True):
            self._report(request, services.replay_parked(parked_id=parked_id))

    def _report(self, request: HttpRequest, parked: ParkedEvent) -> None:
        words = {"event": parked.event.public_id, "receiver": parked.receiver, "error": parked.last_error}
        if parked.resolved_at is None:
            messages.error(request, _("%(event)s for %(receiver)s stays parked: %(error)s") % words)
        else:
            messages.success(request, _("%(event)s for %(receiver)s is replayed.") % words)

    @display(description=gettext_lazy("What it means"))
    def explained(self, parked: ParkedEvent) -> str:
        """What has happened, what is missing meanwhile, and what to do."""
        if parked.resolved_at is not None:
            resolved = localize(localtime(parked.resolved_at))
            return _("The event was parked, and processed at %(moment)s: nothing is missing.") % {"moment": resolved}
        failed = ngettext(
            "The event is published, but one part of the system (%(receiver)s) has failed with it %(count)s time.",
            "The event is published, but one part of the system (%(receiver)s) has failed with it %(count)s times.",
            parked.attempts,
        ) % {"receiver": parked.receiver, "count": number_format(parked.attempts)}
        meanwhile = str(_RECEIVERS.get(parked.receiver, ""))
        todo = _("Correct the cause that the error names, and replay it.")
        return " ".join(filter(None, (failed, meanwhile, todo)))

    @display(description=gettext_lazy("Event"))
    def event_shown(self, parked: Any) -> Any:
        """The event in the feed."""
        return parked.event_link

    @display(description=gettext_lazy("Sequence"))
    def sequence(self, parked: ParkedEvent) -> str | None:
        """The event's sequence."""
        return None if parked.event.sequence is None else number_format(parked.event.sequence)

    @display(description=gettext_lazy("Attempts"))
    def tries(self, parked: ParkedEvent) -> str:
        """How often it was tried alone."""
        return number_format(parked.attempts)

    @display(description=gettext_lazy("Type"))
    def type(self, parked: ParkedEvent) -> str:
        """The event's type."""
        return parked.event.type

    @display(description=gettext_lazy("State"), label=PARKED_LABELS)
    def state(self, parked: ParkedEvent) -> tuple[str, Any]:
        """Parked or replayed, as a badge."""
        state = "parked" if parked.resolved_at is None else "replayed"
        return state, _STATES[state]

    @display(description=gettext_lazy("Parked"))
    def parked_since(self, parked: ParkedEvent) -> SafeString:
        """The moment of parking."""
        return moment(parked.parked_at)

    @display(description=gettext_lazy("Replayed"))
    def resolved(self, parked: ParkedEvent) -> SafeString:
        """When it was replayed."""
        return moment(parked.resolved_at)
