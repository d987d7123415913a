"""The feed, to be read by people; and what a receiver could not take, to be replayed by them."""

from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString

from pms_backend.api.service_admin import EmptyForm, GrowingTableAdmin, RefusalsIn, moment
from pms_backend.api.typed_unfold import action, display
from pms_backend.events import services
from pms_backend.events.models import Event, ParkedEvent

PARKED_LABELS: Final = {"parked": "danger", "replayed": "success"}


@admin.register(Event)
class EventAdmin(GrowingTableAdmin):
    """Everything that happened, newest first."""

    list_display = ("published_as", "type", "subject", "actor", "occurred")
    search_fields = ("type__startswith", "subject__startswith")
    search_help_text = "A type or a subject, or its beginning"
    ordering = ("-id",)
    sortable_by = ()
    fields = ("published_as", "public_id", "type", "subject", "actor", "request_id", "occurred_at", "data")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        """Without the payloads; a page reads its own."""
        events: QuerySet[Event] = super().get_queryset(request)
        return events.defer("data")

    @display(description="When")
    def occurred(self, event: Event) -> SafeString:
        """When it happened."""
        return moment(event.occurred_at)

    @display(description="Sequence")
    def published_as(self, event: Event) -> str:
        """Its place in the feed, once the relay has given it one."""
        return "not published yet" if event.sequence is None else str(event.sequence)


class ResolvedFilter(admin.SimpleListFilter):
    """By whether something is still to be done."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Parked or replayed."""
        return [("parked", "Parked"), ("replayed", "Replayed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of the chosen one."""
        return queryset.filter(resolved_at__isnull=self.value() == "parked") if self.value() else queryset


@admin.register(ParkedEvent)
class ParkedEventAdmin(GrowingTableAdmin):
    """Events that a receiver could not take, newest first; once it is mended, they are replayed here."""

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
        """Without the events' payloads; their own page has them."""
        parked: QuerySet[ParkedEvent] = super().get_queryset(request)
        return parked.defer("event__data")

    def has_replay_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Those whom Django's permissions let change parked events."""
        return request.user.has_perm("events.change_parkedevent")

    @action(description="Replay", url_path="replay", permissions=["replay"], icon="replay")
    def replay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks first."""
        parked: ParkedEvent = self.get_or_404(request, object_id)
        page = reverse("admin:events_parkedevent_change", args=[parked.pk])
        form = EmptyForm(request.POST or None)
        if form.is_valid():
            with RefusalsIn(form):
                self._say(request, services.replay_parked(parked_id=parked.pk))
                return HttpResponseRedirect(page)
        return self.form_page(
            request,
            form,
            title=f"Replay {parked.event.public_id} for {parked.receiver}",
            note=parked.last_error,
            button="Replay",
            original=parked,
            back=page,
        )

    @action(description="Replay", permissions=["replay"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[ParkedEvent]) -> None:
        """Each in a transaction of its own, oldest first."""
        for parked_id in queryset.order_by("id").values_list("pk", flat=True):
            self._say(request, services.replay_parked(parked_id=parked_id))

    def _say(self, request: HttpRequest, parked: ParkedEvent) -> None:
        name = f"{parked.event.public_id} for {parked.receiver}"
        if parked.resolved_at is None:
            messages.error(request, f"{name} stays parked: {parked.last_error}")
        else:
            messages.success(request, f"{name} is replayed.")

    @display(description="Sequence")
    def sequence(self, parked: ParkedEvent) -> int | None:
        """The event's place in the feed, which it keeps."""
        return parked.event.sequence

    @display(description="Type")
    def type(self, parked: ParkedEvent) -> str:
        """The event's."""
        return parked.event.type

    @display(description="Subject")
    def subject(self, parked: ParkedEvent) -> str:
        """The event's."""
        return parked.event.subject

    @display(description="State", label=PARKED_LABELS)
    def state(self, parked: ParkedEvent) -> str:
        """A badge."""
        return "parked" if parked.resolved_at is None else "replayed"

    @display(description="Parked")
    def parked_since(self, parked: ParkedEvent) -> SafeString:
        """When it was put aside."""
        return moment(parked.parked_at)
