"""PMS events: the received webhooks, what they are about, what they have made, and the action that retries them."""

from typing import Any, ClassVar, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import BinaryField, Case, F, QuerySet, When
from django.db.models.functions import Length
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from inventory.admin.quantities import signed
from pms_backend.access.visibility import sees_cost
from pms_backend.api.admin_tables import EXTRA, EXTRA_NUMBER, MAIN, NAME, SENTENCE, link
from pms_backend.api.exact_json import exact_json
from pms_backend.api.exceptions import DomainError
from pms_backend.api.service_admin import GrowingTableAdmin, json_block, moment
from pms_backend.api.typed_unfold import action, display
from pms_integration import services
from pms_integration.admin.event_contents import (
    MAX_LISTED_BYTES,
    contents_of,
    movements_of,
    pms_products_of,
    reason_in_words,
    variants_of,
)
from pms_integration.admin.movement_sources import origin_of
from pms_integration.models import PMSConnection, PMSEvent, PMSEventStatus

STATUS_LABELS: Final = {
    PMSEventStatus.RECEIVED.value: "info",
    PMSEventStatus.PROCESSING.value: "info",
    PMSEventStatus.PROCESSED.value: "success",
    PMSEventStatus.IGNORED.value: "default",
    PMSEventStatus.DEFERRED.value: "warning",
    PMSEventStatus.FAILED.value: "warning",
    PMSEventStatus.DEAD.value: "danger",
}
# The filter offers the types of so many recent events.
RECENT_EVENTS: Final = 1_000
# Of a body, in an event's page.
MAX_SHOWN_CHARACTERS: Final = 100_000


class TypeFilter(admin.SimpleListFilter):
    """Filters by the type of the event."""

    title = gettext_lazy("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The types of recent events."""
        newest = PMSEvent.objects.order_by("-id").values_list("type", flat=True)[:RECENT_EVENTS]
        return [(kind, kind) for kind in sorted(set(newest)) if kind]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The events of the chosen type."""
        return queryset.filter(type=self.value()) if self.value() else queryset


@admin.register(PMSEvent)
class PMSEventAdmin(GrowingTableAdmin):
    """Webhooks of the PMS, newest first; staff can only retry them."""

    list_display = ("webhook_id", "about", "type", "status_label", "why", "connection", "attempts", "received")
    column_kinds: ClassVar = {
        "webhook_id": NAME,
        "status_label": MAIN,
        "why": SENTENCE,
        "type": EXTRA,
        "connection": EXTRA,
        "attempts": EXTRA_NUMBER,
    }
    empty_text = gettext_lazy(
        "Nothing has come from a PMS yet. The page of a connection has the address for its webhooks."
    )
    list_filter = ("status", TypeFilter, "connection")
    list_select_related = ("connection",)
    search_fields = ("webhook_id__startswith",)
    search_help_text = gettext_lazy("webhook-id, or its beginning")
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        *(("status", "type"), "why", ("subjects", "movements"), ("webhook_id", "connection")),
        ("attempts", "crashes"),
        *(("received_at", "processed_at"), ("due_at", "awaited_variant"), "headers_received", "message"),
    )
    actions = ("retry_selected",)
    actions_detail = ("retry",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """The fields; the body may contain costs and is shown only to users who may see these."""
        return [name for name in self.fields if name != "message" or sees_cost(request)]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Refuses filters on the body, which could reveal its content."""
        return not lookup.startswith("body") and super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PMSEvent]:
        """The events without their bodies, which may be long; of short ones the list reads what they are about."""
        events: QuerySet[PMSEvent] = super().get_queryset(request)
        is_short = When(has_body=True, size__lte=MAX_LISTED_BYTES, then=F("body"))
        short = Case(is_short, output_field=BinaryField(null=True))
        return events.alias(size=Length("body")).annotate(short_body=short).defer("body")

    def get_urls(self) -> list[Any]:
        """The list, the pages, and the address that finds what made a movement."""
        page = path("source/", self.admin_site.admin_view(self.source), name="pms_integration_pmsevent_source")
        return [page, *super().get_urls()]

    def source(self, request: HttpRequest) -> HttpResponse:
        """Leads to what a movement's `?source=` names, or says what became of it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        events = reverse("admin:pms_integration_pmsevent_changelist")
        source = request.GET.get("source", "")
        origin = origin_of(source)
        if not source or origin.page:
            return HttpResponseRedirect(origin.page or events)
        connection_url = ""
        if origin.connection and self.admin_site.get_model_admin(PMSConnection).has_view_permission(request):
            connection_url = reverse("admin:pms_integration_pmsconnection_change", args=[origin.connection.pk])
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("What made the movement"),
            "origin": origin,
            "connection_url": connection_url,
            "list_url": events,
        }
        return TemplateResponse(request, "pms_integration/movement_source.html", context, status=404)

    def has_retry_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the user may change events."""
        return request.user.has_perm("pms_integration.change_pmsevent")

    @action(description=gettext_lazy("Try again"), url_path="retry", permissions=["retry"], icon="replay")
    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Retries the event after a confirmation."""
        event: PMSEvent = self.get_or_404(request, object_id)
        page = reverse("admin:pms_integration_pmsevent_change", args=[event.pk])
        return self.confirmed(
            request,
            lambda: services.retry_event(event_id=event.pk),
            success=_("%(webhook_id)s is tried again now.") % {"webhook_id": event.webhook_id},
            title=_("Try %(webhook_id)s again") % {"webhook_id": event.webhook_id},
            note=f"{_('Status')}: {event.get_status_display()}. {reason_in_words(event)}",
            button=_("Try again"),
            original=event,
            back=page,
        )

    @action(description=gettext_lazy("Try again"), permissions=["retry"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[PMSEvent]) -> None:
        """Makes the failed, deferred and dead events due now."""
        count = 0
        for event in queryset:
            try:
                services.retry_event(event_id=event.pk)
                count += 1
            except DomainError as error:
                messages.warning(
                    request,
                    _("%(webhook_id)s is not tried again: %(detail)s")
                    % {"webhook_id": event.webhook_id, "detail": error.detail},
                )
        if count:
            done = ngettext("%(count)s event is tried again now.", "%(count)s events are tried again now.", count)
            messages.success(request, done % {"count": number_format(count)})

    @display(description=gettext_lazy("Status"), label=STATUS_LABELS)
    def status_label(self, event: PMSEvent) -> tuple[str, str]:
        """The status as a coloured label."""
        return event.status, event.get_status_display()

    @display(description=gettext_lazy("SKU or product"))
    def about(self, event: Any) -> str:
        """The SKU, or the PMS's id of the product; nothing for a long body, which the list does not read."""
        found = contents_of(event, bytes(event.short_body or b""))
        named = [*found.skus, *found.products]
        if len(named) > 1:
            return _("%(first)s and %(count)s more") % {"first": named[0], "count": len(named) - 1}
        return "".join(named)

    @display(description=gettext_lazy("Reason"))
    def why(self, event: PMSEvent) -> str:
        """The reason in words."""
        return reason_in_words(event)

    @display(description=gettext_lazy("Is about"))
    def subjects(self, event: PMSEvent) -> SafeString | None:
        """Our products, and the products of the PMS, that the body names."""
        found = contents_of(event, bytes(event.body) if event.has_body else b"")
        ours = [
            link(_page("products_product", one.product_id), f"{one.sku}: {one.product.name}")
            for one in variants_of(found)
        ]
        theirs = [
            link(
                _page("pms_integration_pmsproduct", one.pk),
                f"{one.external_id}: {one.product.name if one.product else _('not linked')}",
            )
            for one in pms_products_of(event, found)
        ]
        return _lines([*ours, *theirs])

    @display(description=gettext_lazy("Movements"))
    def movements(self, event: PMSEvent) -> SafeString | None:
        """The movements that it has made."""
        return _lines(
            [
                link(
                    _page("inventory_stockmovement", one.pk),
                    _("%(sku)s at %(location)s: %(delta)s")
                    % {"sku": one.level.variant.sku, "location": one.level.location.name, "delta": signed(one.delta)},
                )
                for one in movements_of(event)
            ]
        )

    @display(description=gettext_lazy("Received"))
    def received(self, event: PMSEvent) -> SafeString:
        """The time of receipt."""
        return moment(event.received_at)

    @display(description=gettext_lazy("Waits for"))
    def awaited_variant(self, event: PMSEvent) -> str:
        """The SKU, or the PMS's id of a variant, that a deferred event waits for."""
        return event.waits_for_sku_key or event.waits_for_external_id

    @display(description=gettext_lazy("Headers"))
    def headers_received(self, event: PMSEvent) -> SafeString | None:
        """The headers that the connector needs."""
        return json_block(event.headers) if event.headers else None

    @display(description=gettext_lazy("Body"))
    def message(self, event: PMSEvent) -> SafeString:
        """The body, formatted if it is JSON, and the beginning of a long one: megabytes would stop the browser."""
        text = bytes(event.body).decode(errors="replace")
        if len(text) > MAX_SHOWN_CHARACTERS:
            note = _("These are the first %(count)s of %(all)s characters; the API has all of them.") % {
                "count": number_format(MAX_SHOWN_CHARACTERS),
                "all": number_format(len(text)),
            }
            return format_html("<p>{}</p>{}", note, json_block(text[:MAX_SHOWN_CHARACTERS]))
        try:
            return json_block(exact_json(text))
        except (ValueError, RecursionError):
            return json_block(text)


def _page(model: str, key: int) -> str:
    return reverse(f"admin:{model}_change", args=[key])


def _lines(links: list[SafeString]) -> SafeString | None:
    return format_html_join("", "<div>{}</div>", ((one,) for one in links)) if links else None
