"""Reversing a movement from the pages of the ledger."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inventory import services
from inventory.admin.fields import note_field
from inventory.admin.quantities import before_and_after, signed
from inventory.models import StockMovement
from inventory.services.reversals import require_reversible
from pms_backend.api.exceptions import DomainError
from pms_backend.api.service_admin import ReadOnlyAdmin, RefusalsAsFormErrors
from pms_backend.api.typed_unfold import action


class ReversalForm(forms.Form):
    """Why a movement is reversed."""

    note = note_field()


class ReversingAdmin(ReadOnlyAdmin):
    """Adds a button to movements that can be reversed; its page says why another one cannot."""

    actions_detail = ("reverse_movement",)

    def has_reverse_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the user may change stock."""
        return request.user.has_perm("inventory.change_stocklevel")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The movements with what reverses them."""
        movements: Any = super().get_queryset(request)
        return movements.as_shown()  # type: ignore[no-any-return]

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """No button where the movement cannot be reversed."""
        buttons: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        movement = StockMovement.objects.as_shown().filter(pk=object_id).first()
        return buttons if movement is not None and not refusal_of(movement) else []

    @action(description=gettext_lazy("Reverse"), url_path="reverse", permissions=["reverse"], icon="undo")
    def reverse_movement(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for confirmation first."""
        movement: StockMovement = self.get_or_404(request, object_id)
        back = reverse("admin:inventory_stockmovement_change", args=[movement.pk])
        if reason := refusal_of(movement):
            messages.error(request, _("It cannot be reversed. %(reason)s") % {"reason": reason})
            return HttpResponseRedirect(back)
        form = ReversalForm(request.POST or None)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                change = services.reverse_movement(movement_id=movement.pk, **form.cleaned_data)
                names = {"location": movement.level.location.name, "product": movement.level.variant.product.name}
                messages.success(request, before_and_after(change, **names))
                return HttpResponseRedirect(back)
        note = _("%(sku)s at %(location)s: one more movement, of %(delta)s, takes this one back.") % {
            "sku": movement.level.variant.sku,
            "location": movement.level.location.name,
            "delta": signed(-movement.delta),
        }
        page = {"note": note, "button": _("Reverse"), "original": movement, "back": back}
        return self.form_page(request, form, title=_("Reverse movement"), **page)


def refusal_of(movement: StockMovement) -> str:
    """Why the movement, read by `as_shown()`, cannot be reversed; empty where it can."""
    try:
        require_reversible(movement)
    except DomainError as error:
        return error.detail
    return ""
