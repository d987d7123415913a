"""The admin's list of stock pushes."""

import pytest
from django.urls import reverse

from pms_integration.models import PMSStockPush
from tests.pms_integration.stock_pushes.two_systems import Pair
from tests.staff import staff_with

pytestmark = pytest.mark.django_db(transaction=True)

LIST = reverse("admin:pms_integration_pmsstockpush_changelist")


def test_pushes_are_listed_with_what_became_of_them(both: Pair) -> None:
    for delta in (-3, 4):
        both.move_here("outlet", delta)
    both.relay()
    rejected, pending = PMSStockPush.objects.order_by("pk")
    PMSStockPush.objects.filter(pk=rejected.pk).update(status="rejected", error="closed_for_stocktake")
    staff = staff_with("pms_integration.view_pmsstockpush")

    listed = staff.get(LIST).content.decode()
    of_rejected = staff.get(LIST, {"status__exact": "rejected"}).content.decode()
    shown = staff.get(reverse("admin:pms_integration_pmsstockpush_change", args=[pending.pk])).content.decode()

    assert "closed_for_stocktake" in listed
    assert "+4" in listed
    assert "+4" not in of_rejected
    assert f"/admin/inventory/stockmovement/{pending.movement_id}/change/" in shown
    assert staff.get(LIST, {"q": "a-1"}).content.decode().count("closed_for_stocktake") == 1
    assert "closed_for_stocktake" not in staff.get(LIST, {"q": "B-1"}).content.decode()
