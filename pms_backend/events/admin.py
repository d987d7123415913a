"""Admin pages of the feed and of parked events, which are replayed there."""

from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from pms_backend.access.visibility import sees_cost
from pms_backend.api.service_admin import GrowingTableAdmin, moment
from pms_backend.api.typed_unfold import action, display
from pms_backend.events import services
from pms_backend.events.models import Event, ParkedEvent

PARKED_LABELS: Final = {"parked": "danger", "replayed": "success"}


@admin.register(Event)
class EventAdmin(GrowingTableAdmin):
    """The feed, newest first, read-only."""

    list_display = ("published_as", "type", "subject", "actor", "occurred")
    search_fields = ("type__startswith", "subject__startswith")
    search_help_text = "A type or a subject, or its beginning"
    ordering = ("-id",)
    sortable_by = ()
    fields = ("published_as", "public_id", "type", "subject", "actor", "request_id", "occurred_at", "data")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """The fields, with the payload, which may contain cost, only for users that may see cost."""
        return [name for name in super().get_fields(request, obj) if name != "data" or sees_cost(request)]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Refuses filters on the payload, which could reveal its content."""
        return not lookup.startswith("data") and super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        """Defers the payloads, which only the detail page shows."""
        events: QuerySet[Event] = super().get_queryset(request)
        return events.defer("data")

    @display(description="When")
    def occurred(self, event: Event) -> SafeString:
        """The moment of the event."""
        return moment(event.occurred_at)

    @display(description="Sequence")
    def published_as(self, event: Event) -> str:
        """The sequence, once the relay has published the event."""
        return "not published yet" if event.sequence is None else str(event.sequence)


class ResolvedFilter(admin.SimpleListFilter):
    """Filters by whether the event is replayed."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The two states."""
        return [("parked", "Parked"), ("replayed", "Replayed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Parked events in the chosen state."""
        return queryset.filter(resolved_at__isnull=self.value() == "parked") if self.value() else queryset


@admin.register(ParkedEvent)
class ParkedEventAdmin(GrowingTableAdmin):
    """Events for which a receiver failed, newest first; staff replay them once the cause is corrected."""

    list_display = ("sequence", "state", "type", "subject", "receiver", "attempts", "last_error", "parked_since")
    list_filter = (ResolvedFilter,)
    list_select_related = ("event",)
    search_fields = ("receiver__startswith",)
    search_help_text = "A receiver, or its beginning"
    ordering = ("-id",)
    sortable_by = ()
    fields = ("event", "state", "receiver", "attempts", "last_error", "parked_at", "resolved_at")
    actions = ("replay_selected",)
    actions_detail = ("replay",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ParkedEvent]:
        """Defers the events' payloads."""
        parked: QuerySet[ParkedEvent] = super().get_queryset(request)
        return parked.defer("event__data")

    def has_replay_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Requires the permission to change parked events."""
        return request.user.has_perm("events.change_parkedevent")

    @action(description="Replay", url_path="replay", permissions=["replay"], icon="replay")
    def replay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Replays the event after a confirmation."""
        parked: ParkedEvent = self.get_or_404(request, object_id)
        page = reverse("admin:events_parkedevent_change", args=[parked.pk])
        return self.confirmed(
            request,
            lambda: self._report(request, services.replay_parked(parked_id=parked.pk)),
            title=f"Replay {parked.event.public_id} for {parked.receiver}",
            note=parked.last_error,
            button="Replay",
            original=parked,
            back=page,
        )

    @action(description="Replay", permissions=["replay"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[ParkedEvent]) -> None:
        """Replays each in a transaction of its own, oldest first."""
        for parked_id in queryset.order_by("id").values_list("pk", flat=True):
            self._report(request, services.replay_parked(parked_id=parked_id))

    def _report(self, request: HttpRequest, parked: ParkedEvent) -> None:
        name = f"{parked.event.public_id} for {parked.receiver}"
        if parked.resolved_at is None:
            messages.error(request, f"{name} stays parked: {parked.last_error}")
        else:
            messages.success(request, f"{name} is replayed.")

    @display(description="Sequence")
    def sequence(self, parked: ParkedEvent) -> int | None:
        """The event's sequence."""
        return parked.event.sequence

    @display(description="Type")
    def type(self, parked: ParkedEvent) -> str:
        """The event's type."""
        return parked.event.type

    @display(description="Subject")
    def subject(self, parked: ParkedEvent) -> str:
        """The event's subject."""
        return parked.event.subject

    @display(description="State", label=PARKED_LABELS)
    def state(self, parked: ParkedEvent) -> str:
        """Parked or replayed, as a badge."""
        return "parked" if parked.resolved_at is None else "replayed"

    @display(description="Parked")
    def parked_since(self, parked: ParkedEvent) -> SafeString:
        """The moment of parking."""
        return moment(parked.parked_at)
