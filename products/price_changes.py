"""The same change of many prices, with its rounding."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Final

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy

from products.models import PRICE_DECIMALS

_CENT: Final = Decimal(10) ** -PRICE_DECIMALS
_HALF: Final = Decimal("0.5")


class PriceChangeKind(TextChoices):
    """What an amount does to a price."""

    SET = "set", gettext_lazy("Set to an amount")
    INCREASE = "increase", gettext_lazy("Increase by an amount")
    DECREASE = "decrease", gettext_lazy("Decrease by an amount")
    INCREASE_PERCENT = "increase_percent", gettext_lazy("Increase by percent")
    DECREASE_PERCENT = "decrease_percent", gettext_lazy("Decrease by percent")


_RESULTS: Final[dict[PriceChangeKind, Callable[[Decimal, Decimal], Decimal]]] = {
    PriceChangeKind.SET: lambda _price, amount: amount,
    PriceChangeKind.INCREASE: lambda price, amount: price + amount,
    PriceChangeKind.DECREASE: lambda price, amount: price - amount,
    PriceChangeKind.INCREASE_PERCENT: lambda price, amount: price * (100 + amount) / 100,
    PriceChangeKind.DECREASE_PERCENT: lambda price, amount: price * (100 - amount) / 100,
}


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A change of prices; with `ending` (0.99) each becomes the nearest price with these decimals."""

    kind: PriceChangeKind
    amount: Decimal
    ending: Decimal | None = None

    def applied_to(self, price: Decimal | None) -> Decimal | None:
        """The new price, rounded half up, which may be below zero; None without a price, unless one is set."""
        if price is None and self.kind != PriceChangeKind.SET:
            return None
        result = _RESULTS[self.kind](price or Decimal(0), self.amount)
        if self.ending is not None and result > 0:
            whole = (result - self.ending + _HALF).to_integral_value(ROUND_FLOOR)
            return max(whole, Decimal(0)) + self.ending
        return result.quantize(_CENT, ROUND_HALF_UP)
