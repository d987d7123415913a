"""Why a movement was made: links to the document, the PMS's report or the ledger, where the user may see these."""

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import BigIntegerField, Case, OuterRef, Q, QuerySet, Subquery, When
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from inventory.models import Reason, ReservationLine, StockMovement, TransferLine
from pms_backend.api.admin_tables import link

LEDGER: Final = "admin:inventory_stockmovement_changelist"
# A page of the layer above, which finds what a PMS has told.
PMS_SOURCE: Final = "admin:pms_integration_pmsevent_source"
_TRANSFER, _STOCKTAKE = "transfer:", "stocktake:"
_TRANSFERS: Final = (Reason.TRANSFER_OUT, Reason.TRANSFER_IN)


def may_view(user: Any, model: str) -> bool:
    """Whether the user may see the pages of a model, named as in `inventory.transfer`."""
    app, name = model.split(".")
    return bool(user.has_perm(f"{app}.view_{name}") or user.has_perm(f"{app}.change_{name}"))


def with_documents(movements: QuerySet[StockMovement]) -> QuerySet[Any]:
    """Adds the ids of the reservation, and of the transfer with a reference of its own, that made each movement."""
    sold = ReservationLine.objects.filter(
        reservation__reference=OuterRef("reference"),
        reservation__created_at__lte=OuterRef("created_at"),
        level=OuterRef("level"),
        committed__gt=0,
    )
    # Several transfers may have one reference: the latest before the movement.
    moved = TransferLine.objects.filter(
        transfer__reference=OuterRef("reference"),
        transfer__created_at__lte=OuterRef("created_at"),
        variant=OuterRef("level__variant"),
    )
    has_reference = ~Q(reference="")
    return movements.annotate(
        reservation_id=Case(
            When(has_reference & Q(reason=Reason.SALE, source=""), then=_first(sold, "reservation")),
            output_field=BigIntegerField(),
        ),
        transfer_id=Case(
            When(has_reference & Q(reason__in=_TRANSFERS), then=_first(moved, "transfer")),
            output_field=BigIntegerField(),
        ),
    )


def _first(rows: QuerySet[Any], name: str) -> Subquery:
    return Subquery(rows.order_by("-id").values(name)[:1])


@dataclass(frozen=True, slots=True)
class Explanations:
    """The cells of movements, read by `with_documents`, for one user."""

    user: Any

    def document(self, movement: Any) -> SafeString | str | None:
        """The transfer, the count sheet or the reservation that made the movement."""
        reference: str = movement.reference
        number = reference.partition(":")[2]
        if movement.reason in _TRANSFERS:
            key = movement.transfer_id or (int(number) if _is_of(reference, _TRANSFER) else None)
            return self._page("transfer", key, _("Transfer %(number)s") % {"number": key}) if key else None
        if movement.reason == Reason.COUNT and _is_of(reference, _STOCKTAKE):
            return self._page("stocktake", int(number), _("Count sheet %(number)s") % {"number": number})
        if movement.reservation_id:
            text = _("Reservation %(reference)s") % {"reference": reference}
            return self._page("reservation", movement.reservation_id, text)
        return None

    def reference(self, movement: Any) -> SafeString | str | None:
        """The document that made the movement, else the reference, which leads to all movements that have it."""
        return self.document(movement) or self.reference_alone(movement)

    def reference_alone(self, movement: Any) -> SafeString | str | None:
        """The reference, which leads to all movements that have it."""
        if not movement.reference or not may_view(self.user, "inventory.stockmovement"):
            return movement.reference or None
        return link(f"{reverse(LEDGER)}?{urlencode({'reference': movement.reference})}", movement.reference)

    def note(self, movement: Any) -> SafeString | str | None:
        """The note; that of a movement which a PMS has caused leads to what the PMS has told."""
        source = source_of(movement)
        if not source:
            return movement.note or None
        text = movement.note or _("Reported by %(connection)s") % {"connection": source.partition(":")[0]}
        if not may_view(self.user, "pms_integration.pmsevent"):
            return text
        return link(f"{reverse(PMS_SOURCE)}?{urlencode({'source': source})}", text)

    def product(self, movement: Any, text: str) -> SafeString | str:
        """The text, which leads to the product."""
        if not may_view(self.user, "products.product"):
            return text
        return link(reverse("admin:products_product_change", args=[movement.level.variant.product_id]), text)

    def level(self, movement: Any, text: str) -> SafeString | str:
        """The text, which leads to the level."""
        return self._page("stocklevel", movement.level_id, text)

    def other(self, key: int | None) -> SafeString | str | None:
        """The movement with this id, if there is one."""
        return self._page("stockmovement", key, _("Movement %(number)s") % {"number": key}) if key else None

    def movement(self, movement: StockMovement, text: str) -> SafeString | str:
        """The text, which leads to the movement."""
        return self._page("stockmovement", movement.pk, text)

    def _page(self, model: str, key: int, text: str) -> SafeString | str:
        if not may_view(self.user, f"inventory.{model}"):
            return text
        return link(reverse(f"admin:inventory_{model}_change", args=[key]), text)


def source_of(movement: StockMovement) -> str:
    """The name of the report that made the movement, `connection:name:line`; empty if no PMS did.

    One that keeps a count after a late report is ours, without a source, but has the report's name as its request id.
    """
    if movement.source or not movement.reporter or not movement.request_id:
        return movement.source
    return f"{movement.reporter}:{movement.request_id}:0"


def who(movement: StockMovement) -> str:
    """Who made the movement, and through which door, in words."""
    kind, _colon, name = movement.actor.partition(":")
    words = {
        "user": _("%(name)s, a member of staff"),
        "client": _("%(name)s, a client of the API"),
        "pms": _("The PMS of the connection %(name)s"),
        "system": _("The system itself"),
    }
    return words.get(kind, movement.actor) % {"name": name}


def _is_of(reference: str, prefix: str) -> bool:
    number = reference.removeprefix(prefix)
    return number != reference and number.isascii() and number.isdigit() and len(number) <= 18
