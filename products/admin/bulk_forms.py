"""The forms of bulk changes of products."""

from decimal import Decimal
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from pms_backend.api.forms import DecimalField
from products.bulk_plans import PRICES, BulkPlan, StatusChange, plan_prices, plan_status
from products.models import PRICE_DECIMALS, PRICE_DIGITS, Product
from products.price_changes import PriceChange, PriceChangeKind

BOTH: Final = "both"
ENDINGS: Final = ("0.99", "0.90")


def _roundings() -> list[tuple[str, str]]:
    text = _("To the nearest price with the decimals %s")
    return [("", _("To two decimals")), *((ending, text % ending[2:]) for ending in ENDINGS)]


class PricesForm(forms.Form):
    """What is done to which prices."""

    prices = forms.ChoiceField(
        label=gettext_lazy("Which prices"),
        choices=[*PRICES.items(), (BOTH, gettext_lazy("Both"))],
        widget=UnfoldAdminSelectWidget,
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("What to do"), choices=PriceChangeKind.choices, widget=UnfoldAdminSelectWidget
    )
    amount = DecimalField(
        label=gettext_lazy("Amount or percent"),
        min_value=0,
        max_digits=PRICE_DIGITS,
        decimal_places=PRICE_DECIMALS,
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True}),
        help_text=gettext_lazy("In the currency of each variant, or percent."),
    )
    ending = forms.ChoiceField(
        label=gettext_lazy("Rounding"),
        required=False,
        choices=_roundings,
        widget=UnfoldAdminSelectWidget,
    )

    def clean(self) -> dict[str, Any]:
        """Refuses a change of nothing, and one by more than all of a price."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        kind, amount = cleaned.get("kind"), cleaned.get("amount")
        if amount == 0 and kind != PriceChangeKind.SET and not cleaned.get("ending"):
            self.add_error("amount", _("That changes nothing."))
        if kind == PriceChangeKind.DECREASE_PERCENT and amount is not None and amount > 100:
            self.add_error("amount", _("A price decreases by 100 percent at most."))
        return cleaned

    def plan(self, products: list[Product]) -> BulkPlan:
        """What the form, which is valid, would do to these products."""
        values = self.cleaned_data
        fields = list(PRICES) if values["prices"] == BOTH else [values["prices"]]
        ending = Decimal(values["ending"]) if values["ending"] else None
        return plan_prices(products, fields, PriceChange(PriceChangeKind(values["kind"]), values["amount"], ending))


class StatusForm(forms.Form):
    """What is done to the status."""

    status = forms.ChoiceField(
        label=gettext_lazy("What to do"),
        choices=StatusChange.choices,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("A change of the status cancels what is scheduled. Stock and history stay."),
    )

    def plan(self, products: list[Product]) -> BulkPlan:
        """What the form, which is valid, would do to these products."""
        return plan_status(products, StatusChange(self.cleaned_data["status"]))
