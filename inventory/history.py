"""What was on hand at a moment of the past, from the ledger."""

from datetime import datetime
from typing import Any

from django.db.models import Q, Sum

from inventory.models import StockLevel
from products.models import Variant


def on_hand_at(variant: Variant, moment: datetime) -> dict[str, Any]:
    """What was on hand of a SKU at `moment`, place by place and in all, by what is known now about then.

    That is the sum of the movements which happened by then, whenever they were written: a sale that was told late
    counts from its own moment. What was reserved and what was on its way then is not kept.
    """
    sums = StockLevel.objects.filter(variant=variant).order_by("location__code").values_list("location__code")
    then = sums.annotate(sum=Sum("movements__delta", filter=Q(movements__occurred_at__lte=moment), default=0))
    levels = [{"location": code, "on_hand": int(on_hand)} for code, on_hand in then]
    total = sum(level["on_hand"] for level in levels)
    return {"sku": variant.sku, "at": moment, "levels": levels, "totals": {"on_hand": total}}
