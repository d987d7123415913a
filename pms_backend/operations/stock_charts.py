"""The stock of the last days as charts with their figures: a part of the dashboard."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from inventory.stock_days import Day, last_days
from pms_backend.access.visibility import sees_cost
from pms_backend.api.admin_charts import Chart, chart_data
from pms_backend.api.admin_tables import NUMBER, SHORT, Table

COLOUR: Final = "var(--color-primary-500)"
# Of thirty days, that their names do not overlap on a phone.
MAX_DAY_NAMES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyChart(Chart):
    """A chart of a figure by day, with its newest figure in words."""

    newest: str
    at: str


def stock_charts(request: HttpRequest) -> list[DailyChart]:
    """The charts that this user may see, in two statements; none before the first day is recorded."""
    may_see_stock = request.user.has_perm("inventory.view_stocklevel")
    may_see_movements = request.user.has_perm("inventory.view_stockmovement")
    days = last_days() if may_see_stock or may_see_movements else []
    if not days:
        return []
    charts = []
    if may_see_stock:
        charts.append(_chart(_("Units on hand"), "line", days, lambda day: day.units, today=_("now")))
    if may_see_stock and sees_cost(request):
        title = _("Value at cost, %(currency)s") % {"currency": settings.DEFAULT_CURRENCY}
        charts.append(_chart(title, "line", [day for day in days if day.value is not None], lambda day: day.value))
    if may_see_movements:
        charts.append(_chart(_("Movements a day"), "bar", days, lambda day: day.movements, today=_("today so far")))
    return charts


def _chart(
    title: str, kind: str, days: Sequence[Day], figure: Callable[[Day], int | Decimal | None], *, today: str = ""
) -> DailyChart:
    figures = [figure(day) or 0 for day in days]
    names = [date_format(day.day, "MONTH_DAY_FORMAT") for day in days]
    newest, last = number_format(figures[-1]), days[-1].day
    at = today if last == timezone.localdate() else _("at the end of %(day)s") % {"day": date_format(last)}
    words = {"title": title, "newest": newest, "at": at, "least": number_format(min(figures))}
    return DailyChart(
        title=title,
        newest=newest,
        at=at,
        kind=kind,
        data=chart_data(names, [(title, [float(value) for value in figures], COLOUR)], max_names=MAX_DAY_NAMES),
        label=_("%(title)s: %(newest)s %(at)s, between %(least)s and %(most)s in the days shown")
        % {**words, "most": number_format(max(figures))},
        table=Table(
            columns={_("Day"): SHORT, title: NUMBER},
            rows=[
                (date_format(day.day), number_format(value))
                for day, value in reversed(list(zip(days, figures, strict=True)))
            ],
        ),
    )
