"""The log of deliveries: each with its request, its attempts and their answers."""

from functools import partial
from typing import Any, ClassVar, Final

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from pms_backend.api.admin_tables import EXTRA, EXTRA_NUMBER, KEY, MAIN, NUMBER
from pms_backend.api.exceptions import DomainError
from pms_backend.api.service_admin import GrowingTableAdmin, moment
from pms_backend.api.typed_unfold import action, display
from webhooks import services
from webhooks.admin.delivery_page import page_content
from webhooks.delivery_words import next_try_in_words
from webhooks.models import Delivery, DeliveryStatus

STATUS_LABELS: Final = {
    DeliveryStatus.PENDING.value: "info",
    DeliveryStatus.SENDING.value: "info",
    DeliveryStatus.DELIVERED.value: "success",
    DeliveryStatus.FAILED.value: "danger",
    DeliveryStatus.CANCELLED.value: "default",
}


@admin.register(Delivery)
class DeliveryAdmin(GrowingTableAdmin):
    """Events on their way to endpoints, newest first; staff can only send them again."""

    list_display = ("type", "status_label", "endpoint", "tries_shown", "next_try", "created", "sequence_shown")
    column_kinds: ClassVar = {
        "type": KEY,
        "status_label": MAIN,
        "tries_shown": NUMBER,
        "created": EXTRA,
        "sequence_shown": EXTRA_NUMBER,
    }
    list_filter = ("status", "endpoint")
    list_select_related = ("endpoint",)
    search_fields = ("=sequence",)
    search_help_text = gettext_lazy("Sequence of the event")
    empty_text = gettext_lazy("Events are sent to endpoints: add one, and send it a test.")
    ordering = ("-id",)
    sortable_by = ()
    fields = (("status", "type"), ("sequence_shown", "previous"), ("tries_shown", "created"), "number")
    actions = ("redeliver_selected",)
    actions_detail = ("redeliver",)
    change_form_outer_before_template = "webhooks/delivery_state.html"
    change_form_outer_after_template = "webhooks/delivery.html"

    def has_redeliver_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the user may change deliveries."""
        return request.user.has_perm("webhooks.change_delivery")

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Adds what was sent, and what was answered."""
        content = page_content(request, context["original"])
        return super().render_change_form(request, {**context, **content}, *args, **kwargs)

    @action(
        description=gettext_lazy("Send again"),
        url_path="redeliver",
        permissions=["redeliver"],
        icon="replay",
        variant="primary",
    )
    def redeliver(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Sends the delivery again after a confirmation."""
        delivery: Delivery = self.get_or_404(request, object_id)
        return self.confirmed(
            request,
            partial(services.redeliver, delivery_id=delivery.pk),
            success=_("%(delivery)s is sent again now. Open this page again in a moment to see what was answered.")
            % {"delivery": delivery},
            title=_("Send %(delivery)s again") % {"delivery": delivery},
            note=_("It is sent now, with the same id, and tried as often as a new one."),
            button=_("Send again"),
            original=delivery,
            back=reverse("admin:webhooks_delivery_change", args=[delivery.pk]),
        )

    @action(description=gettext_lazy("Send again"), permissions=["redeliver"])
    def redeliver_selected(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Sends the chosen deliveries again."""
        count = 0
        for delivery in queryset.order_by("sequence"):
            try:
                services.redeliver(delivery_id=delivery.pk)
                count += 1
            except DomainError as error:
                words = {"delivery": delivery, "why": error.detail}
                messages.warning(request, _("%(delivery)s is not sent again: %(why)s") % words)
        if count:
            said = ngettext("%(count)s delivery is sent again now.", "%(count)s deliveries are sent again now.", count)
            messages.success(request, said % {"count": number_format(count)})

    @display(description=gettext_lazy("Number"))
    def number(self, delivery: Delivery) -> int:
        """Its number, as in the API."""
        return delivery.pk

    @display(description=gettext_lazy("Status"), label=STATUS_LABELS)
    def status_label(self, delivery: Delivery) -> tuple[str, str]:
        """The status as a coloured label."""
        return delivery.status, delivery.get_status_display()

    @display(description=gettext_lazy("Attempts"))
    def tries_shown(self, delivery: Delivery) -> str:
        """How many were made, since it was made or sent again."""
        return number_format(delivery.tries)

    @display(description=gettext_lazy("Next try"))
    def next_try(self, delivery: Delivery) -> str | None:
        """When it is sent, in words."""
        return next_try_in_words(delivery) or None

    @display(description=gettext_lazy("Sequence"))
    def sequence_shown(self, delivery: Delivery) -> str:
        """The place of its event in the feed."""
        return number_format(delivery.sequence)

    @display(description=gettext_lazy("Sequence before"))
    def previous(self, delivery: Delivery) -> str | None:
        """The sequence of the event that this endpoint got before."""
        return None if delivery.previous_sequence is None else number_format(delivery.previous_sequence)

    @display(description=gettext_lazy("Created"))
    def created(self, delivery: Delivery) -> SafeString:
        """When it was made."""
        return moment(delivery.created_at)
