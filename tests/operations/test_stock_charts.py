"""The dashboard shows the stock of the last 30 days as charts, with their figures as texts."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django.utils.formats import number_format

from inventory import services as inventory
from inventory.models import StockDay
from pms_backend.access.staff_scopes import PERMISSIONS_OF_SCOPE
from tests.factories import make_location, make_product, set_stock
from tests.staff import staff_with, superuser

pytestmark = pytest.mark.django_db

DASHBOARD = "/admin/"


@pytest.fixture(autouse=True)
def _thirty_days() -> None:
    """Yesterday there were 1,500 units, worth 3,750; today five more have come."""
    make_product("A-1", cost="2.50")
    make_location("main")
    inventory.record_stock_days()
    set_stock("A-1", "main", 5)
    yesterday = timezone.localdate() - timedelta(days=1)
    # In the first minutes of a day the one before is not recorded yet.
    StockDay.objects.update_or_create(day=yesterday, defaults={"units": 1_500, "value": "3750.00", "movements": 12})


def charts(response: Any) -> dict[str, tuple[str, str]]:
    return {chart.title: (chart.newest, chart.at) for chart in response.context["charts"]}


def test_each_chart_has_its_newest_figure_and_all_figures_as_texts() -> None:
    yesterday = (timezone.localdate() - timedelta(days=1)).isoformat()

    response = superuser().get(DASHBOARD)

    assert charts(response) == {
        "Units on hand": ("1,505", "now"),
        "Value at cost, USD": ("3,750.00", f"at the end of {yesterday}"),
        "Movements a day": ("1", "today so far"),
    }
    units = response.context["charts"][0]
    assert json.loads(units.data)["datasets"][0]["data"][-2:] == [1_500, 1_505]
    assert units.table.rows[1] == (yesterday, number_format(1_500))
    assert len(units.table.rows) == 30
    assert 'role="img" aria-label="Units on hand: 1,505 now, between 0 and 1,505 in' in response.content.decode()


def test_cost_is_for_staff_who_may_see_it() -> None:
    stock = ("inventory.view_stocklevel",)

    without = staff_with(*stock).get(DASHBOARD)
    within = staff_with(*stock, *PERMISSIONS_OF_SCOPE["products:write"], name="eva").get(DASHBOARD)

    assert set(charts(without)) == {"Units on hand"}
    assert "3,750" not in without.content.decode()
    assert charts(within)["Value at cost, USD"][0] == "3,750.00"


def test_staff_who_see_only_movements_see_no_stock() -> None:
    assert set(charts(staff_with("inventory.view_stockmovement").get(DASHBOARD))) == {"Movements a day"}


def test_before_a_day_is_recorded_there_are_no_charts() -> None:
    StockDay.objects.all().delete()

    assert charts(superuser().get(DASHBOARD)) == {}
