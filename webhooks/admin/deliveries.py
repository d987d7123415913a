"""The log of deliveries: each with its request, its attempts and their answers."""

from functools import partial
from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from pms_backend.access.visibility import sees_cost
from pms_backend.api.admin_tables import NUMBER, SHORT, TEXT, Table
from pms_backend.api.exact_json import exact_json
from pms_backend.api.exceptions import DomainError
from pms_backend.api.service_admin import GrowingTableAdmin, json_block, moment
from pms_backend.api.typed_unfold import action, display
from webhooks import services
from webhooks.models import Delivery, DeliveryStatus
from webhooks.services.messages import body_as_sent

STATUS_LABELS: Final = {
    DeliveryStatus.PENDING.label: "info",
    DeliveryStatus.SENDING.label: "info",
    DeliveryStatus.DELIVERED.label: "success",
    DeliveryStatus.FAILED.label: "danger",
    DeliveryStatus.CANCELLED.label: "default",
}


@admin.register(Delivery)
class DeliveryAdmin(GrowingTableAdmin):
    """Events on their way to endpoints, newest first; staff can only send them again."""

    list_display = ("number", "status_label", "type", "sequence", "endpoint", "tries", "created", "next_attempt")
    list_filter = ("status", "endpoint")
    list_select_related = ("endpoint",)
    search_fields = ("=sequence",)
    search_help_text = "Sequence of the event"
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        *("endpoint", "status_label", "event_shown", "type", "sequence", "previous_sequence", "tries"),
        *("created_at", "next_attempt_at", "request_shown"),
    )
    actions = ("redeliver_selected",)
    actions_detail = ("redeliver",)
    change_form_outer_after_template = "webhooks/delivery.html"

    def has_redeliver_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the user may change deliveries."""
        return request.user.has_perm("webhooks.change_delivery")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """The fields, with the request, which may contain cost, only for users that may see cost."""
        return [name for name in super().get_fields(request, obj) if name != "request_shown" or sees_cost(request)]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Adds the attempts with their answers."""
        return super().render_change_form(
            request, {**context, "attempts": _attempts(context["original"])}, *args, **kwargs
        )

    @action(description="Send again", url_path="redeliver", permissions=["redeliver"], icon="replay")
    def redeliver(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Sends the delivery again after a confirmation."""
        delivery: Delivery = self.get_or_404(request, object_id)
        return self.confirmed(
            request,
            partial(services.redeliver, delivery_id=delivery.pk),
            success=f"{delivery} is sent again now.",
            title=f"Send {delivery} again",
            note="It is sent now, with the same id, and tried as often as a new one.",
            button="Send again",
            original=delivery,
            back=reverse("admin:webhooks_delivery_change", args=[delivery.pk]),
        )

    @action(description="Send again", permissions=["redeliver"])
    def redeliver_selected(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Sends the chosen deliveries again."""
        count = 0
        for delivery in queryset.order_by("sequence"):
            try:
                services.redeliver(delivery_id=delivery.pk)
                count += 1
            except DomainError as error:
                messages.warning(request, f"{delivery} is not sent again: {error.detail}")
        if count:
            messages.success(request, f"{count} {'delivery is' if count == 1 else 'deliveries are'} sent again now.")

    @display(description="Delivery")
    def number(self, delivery: Delivery) -> int:
        """Its number, as in the API."""
        return delivery.pk

    @display(description="Status", label=STATUS_LABELS)
    def status_label(self, delivery: Delivery) -> str:
        """The status as a coloured label."""
        return delivery.get_status_display()

    @display(description="Event")
    def event_shown(self, delivery: Delivery) -> str:
        """Its id in the feed."""
        return delivery.event_public_id

    @display(description="Created")
    def created(self, delivery: Delivery) -> SafeString:
        """When it was made."""
        return moment(delivery.created_at)

    @display(description="Next attempt")
    def next_attempt(self, delivery: Delivery) -> SafeString:
        """When it is sent, or the end of its lease."""
        return moment(delivery.next_attempt_at)

    @display(description="Body")
    def request_shown(self, delivery: Delivery) -> SafeString:
        """What is sent."""
        body = body_as_sent(delivery)
        if body is None:
            return format_html("<p>{}</p>", "The event is not kept any more.")
        return json_block(exact_json(body))


def _attempts(delivery: Delivery) -> Table:
    rows = [
        (moment(one.at), one.status, one.ms, one.error or None, one.answer or None) for one in delivery.attempts.all()
    ]
    return Table(
        title="Attempts",
        columns={"At": SHORT, "Status": NUMBER, "ms": NUMBER, "Error": TEXT, "Answer": TEXT},
        rows=rows,
        empty="It was not tried yet.",
    )
