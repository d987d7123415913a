"""The products that PMSs have to be told, and the button that sends them now."""

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

from pms_backend.access.visibility import sees_cost
from pms_backend.api.admin_tables import EXTRA, EXTRA_NUMBER, MAIN, NAME, SENTENCE, link
from pms_backend.api.service_admin import GrowingTableAdmin, json_block, moment
from pms_backend.api.typed_unfold import action, display
from pms_integration import services
from pms_integration.models import PMSProduct, PMSProductPush

LIST: Final = "admin:pms_integration_pmsproductpush_changelist"
STATE_LABELS: Final = {"waits": "info", "retried": "warning", "refused": "danger"}
_STATES: Final = {
    "waits": gettext_lazy("Waits"),
    "retried": gettext_lazy("Failed, is tried again"),
    "refused": gettext_lazy("Refused"),
}


class PushStateFilter(admin.SimpleListFilter):
    """Filters by whether the PMS has refused the push."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Waiting or refused."""
        return [("waiting", _STATES["waits"]), ("refused", _STATES["refused"])]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The pushes in the chosen state."""
        chosen = {"waiting": False, "refused": True}.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(due_at__isnull=chosen)


@admin.register(PMSProductPush)
class PMSProductPushAdmin(GrowingTableAdmin):
    """What waits to be pushed: one row for a product, however often it has changed."""

    list_display = ("product", "connection", "state_label", "requested", "due", "failures", "error")
    column_kinds: ClassVar = {
        "product": NAME,
        "connection": EXTRA,
        "state_label": MAIN,
        "error": SENTENCE,
        "due": EXTRA,
        "failures": EXTRA_NUMBER,
    }
    empty_text = gettext_lazy("Nothing waits: every PMS knows what it has to know.")
    list_filter = (PushStateFilter, "pms_product__connection")
    list_select_related = ("pms_product__product", "pms_product__connection")
    search_fields = ("pms_product__product__name", "pms_product__external_id")
    search_help_text = gettext_lazy("Our product's name, or the PMS's id")
    ordering = ("due_at", "id")
    sortable_by = ()
    fields = (
        *(("pms_product_link", "our_product"), ("connection", "state_in_words"), ("requested_at", "due_at")),
        *(("failures", "attempts"), "error", ("idempotency_key", "sent_fields"), "content"),
    )
    actions = ("push_selected",)
    actions_detail = ("push_now",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PMSProductPush]:
        """The pushes without what is sent, which may be long."""
        pushes: QuerySet[PMSProductPush] = super().get_queryset(request)
        return pushes.select_related("pms_product__product", "pms_product__connection").defer(
            *("payload", "sent", "pms_product__payload", "pms_product__reported", "pms_product__agreed"),
            *("pms_product__conflict", "pms_product__product__description", "pms_product__product__attributes"),
        )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """The fields; what is sent may contain costs and is shown only to users who may see these."""
        return [name for name in self.fields if name != "content" or sees_cost(request)]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Refuses filters on what is sent and on the values of products, which could reveal costs."""
        return lookup in ("state", "pms_product__connection__id__exact")

    def has_push_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the user may change product pushes."""
        return request.user.has_perm("pms_integration.change_pmsproductpush")

    @action(description=gettext_lazy("Push now"), url_path="push-now", permissions=["push"], icon="upload")
    def push_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Makes the push due now, after a confirmation."""
        push: PMSProductPush = self.get_or_404(request, object_id)
        return self.confirmed(
            request,
            partial(services.push_products_now, push_ids=[push.pk]),
            success=_("%(product)s is pushed now.") % {"product": name_of(push)} + held_by(push.pms_product),
            title=_("Push %(product)s now") % {"product": name_of(push)},
            note=_("What has changed is sent to %(connection)s at once.") % {"connection": push.pms_product.connection}
            + held_by(push.pms_product),
            button=_("Push now"),
            original=push,
            back=page_of_push(push),
            leads_to=reverse(LIST),
        )

    @action(description=gettext_lazy("Push now"), permissions=["push"])
    def push_selected(self, request: HttpRequest, queryset: QuerySet[PMSProductPush]) -> None:
        """Makes the selected pushes due now."""
        pushes = list(queryset)
        count = services.push_products_now(push_ids=[push.pk for push in pushes])
        held = dict.fromkeys(held_by(push.pms_product) for push in pushes)
        done = ngettext("%(count)s product is pushed now.", "%(count)s products are pushed now.", count)
        messages.success(request, "".join((done % {"count": number_format(count)}, *held)))

    @display(description=gettext_lazy("Product"))
    def product(self, push: PMSProductPush) -> str:
        """The name of our product."""
        return name_of(push)

    @display(description=gettext_lazy("Connection"))
    def connection(self, push: PMSProductPush) -> str:
        """The connection of the PMS."""
        return str(push.pms_product.connection)

    @display(description=gettext_lazy("State"), label=STATE_LABELS)
    def state_label(self, push: PMSProductPush) -> tuple[str, str]:
        """Whether it waits, is tried again or was refused, as a coloured label."""
        state = _state_of(push)
        return state, str(_STATES[state])

    @display(description=gettext_lazy("State"))
    def state_in_words(self, push: PMSProductPush) -> str:
        """Whether it waits, is tried again or was refused."""
        return self.state_label(push)[1]

    @display(description=gettext_lazy("Since"))
    def requested(self, push: PMSProductPush) -> SafeString:
        """When the product has changed last."""
        return moment(push.requested_at)

    @display(description=gettext_lazy("Next try"))
    def due(self, push: PMSProductPush) -> SafeString:
        """When it is sent; a refused push waits for the next change."""
        return moment(push.due_at)

    @display(description=gettext_lazy("PMS product"))
    def pms_product_link(self, push: PMSProductPush) -> SafeString:
        """The product of the PMS, with what both sides agree on."""
        row = push.pms_product
        page = reverse("admin:pms_integration_pmsproduct_change", args=[row.pk])
        return link(page, row.external_id or _("Not made there yet"))

    @display(description=gettext_lazy("Our product"))
    def our_product(self, push: PMSProductPush) -> SafeString | None:
        """Our product."""
        product = push.pms_product.product
        return link(reverse("admin:products_product_change", args=[product.pk]), product.name) if product else None

    @display(description=gettext_lazy("Sent and not answered"))
    def sent_fields(self, push: PMSProductPush) -> str:
        """The fields of a request whose answer is not known yet."""
        return ", ".join(push.sent) or "-"

    @display(description=gettext_lazy("Content"))
    def content(self, push: PMSProductPush) -> SafeString | None:
        """The request whose answer is not known yet."""
        return None if push.payload is None else json_block(push.payload)


def page_of_push(push: PMSProductPush) -> str:
    """The page of a push."""
    return reverse("admin:pms_integration_pmsproductpush_change", args=[push.pk])


def name_of(push: PMSProductPush) -> str:
    """The name of our product, or the PMS's id of one that is not linked any more."""
    row = push.pms_product
    return row.product.name if row.product else str(row)


def _state_of(push: PMSProductPush) -> str:
    if push.due_at is None:
        return "refused"
    return "retried" if push.failures else "waits"


def held_by(row: PMSProduct) -> str:
    """Why nothing is sent of a product at the moment; empty if it is."""
    pms = row.connection
    if pms.is_called and not pms.is_paused:
        return ""
    if pms.is_called:
        held = _("%(connection)s is paused: nothing is sent to it until that ends.")
    else:
        held = _("%(connection)s is not called: nothing is sent to it until that ends.")
    return " " + held % {"connection": pms}
