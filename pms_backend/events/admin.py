"""The feed, to be read by people."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from pms_backend.api.service_admin import GrowingTableAdmin, moment
from pms_backend.api.typed_unfold import display
from pms_backend.events.models import Event


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
