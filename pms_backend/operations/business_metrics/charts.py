"""The last 24 hours as charts: requests, cache, sync and errors by the hour."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from pms_backend.api.admin_charts import STACKED, Chart, chart_data
from pms_backend.api.admin_tables import NUMBER, SHORT, Table
from pms_backend.operations.business_metrics.windows import Sums

# Of 24 hours.
MAX_HOUR_NAMES: Final = 8
GOOD: Final = "var(--color-green-600)"
PLAIN: Final = "var(--color-primary-500)"
ODD: Final = "var(--color-orange-500)"
BAD: Final = "var(--color-red-600)"
LAYERS: Final = {"route": PLAIN, "service": GOOD, "model": ODD, "integration": BAD}

# A set of bars: its title, its figure of an hour, and its colour.
Series = tuple[str, Callable[[Sums], int], str]


def requests_chart(hours: Mapping[datetime, Sums]) -> Chart:
    """The requests by the class of their answer."""

    def answered(*classes: str) -> Callable[[Sums], int]:
        return lambda sums: sum(
            count for (status,), count in sums.by("pms_http_requests_total", "status").items() if status in classes
        )

    series = [
        (_("Answered"), answered("1xx", "2xx", "3xx"), PLAIN),
        (_("Refused"), answered("4xx"), ODD),
        (_("Failed"), answered("5xx"), BAD),
    ]
    return _chart(_("Requests by the hour"), hours, series)


def cache_chart(hours: Mapping[datetime, Sums]) -> Chart:
    """The reads that the response cache answered, and those that the database did."""
    series: list[Series] = [
        (_("Hits"), lambda sums: sums.cache.succeeded, GOOD),
        (_("Misses"), lambda sums: sums.cache.whole - sums.cache.succeeded, ODD),
    ]
    return _chart(_("Reads by the hour"), hours, series)


def sync_chart(hours: Mapping[datetime, Sums]) -> Chart:
    """PMS events and sync runs that succeeded, and those that did not."""
    series: list[Series] = [
        (_("Succeeded"), lambda sums: sums.sync.succeeded, GOOD),
        (_("Failed"), lambda sums: sums.sync.whole - sums.sync.succeeded, BAD),
    ]
    return _chart(_("PMS events and sync runs by the hour"), hours, series)


def errors_chart(hours: Mapping[datetime, Sums]) -> Chart:
    """The errors by their layers."""

    def of(layer: str) -> Callable[[Sums], int]:
        return lambda sums: sum(count for (at, _code), count in sums.errors.items() if at == layer)

    return _chart(_("Errors by the hour"), hours, [(layer, of(layer), colour) for layer, colour in LAYERS.items()])


def _chart(title: str, hours: Mapping[datetime, Sums], series: Sequence[Series]) -> Chart:
    names = [f"{timezone.localtime(hour):%H:%M}" for hour in hours]
    figures = [(name, [figure(sums) for sums in hours.values()], colour) for name, figure, colour in series]
    in_words = ", ".join(f"{name} {number_format(sum(counts))}" for name, counts, _colour in figures)
    rows = [
        (names[number], *(number_format(counts[number]) for _name, counts, _colour in figures))
        for number in range(len(names))
    ]
    return Chart(
        title=title,
        kind="bar",
        options=STACKED,
        data=chart_data(names, figures, max_names=MAX_HOUR_NAMES),
        label=_("%(title)s, the last 24 hours: %(figures)s") % {"title": title, "figures": in_words},
        table=Table(
            columns={_("Hour"): SHORT, **{name: NUMBER for name, _counts, _colour in figures}},
            rows=rows[::-1],
        ),
    )
