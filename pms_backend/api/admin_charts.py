"""Charts on pages of the admin: `service_admin/chart.html` shows one, with its figures as a table."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pms_backend.api.admin_tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart: its data for chart.js (`chart_data`), what it says in words, and its figures as a table."""

    title: str
    kind: str
    data: str
    label: str
    table: Table
    options: str = ""


# Bars on top of each other, with the names of their colours; the rest is as Unfold's own options have it.
STACKED: Final = json.dumps(
    {
        "animation": False,
        "responsive": True,
        "maintainAspectRatio": False,
        "maxBarThickness": 16,
        "scales": {
            "x": {"stacked": True, "grid": {"display": False}, "ticks": {"color": "#9ca3af", "maxTicksLimit": 8}},
            "y": {"stacked": True, "grid": {"tickWidth": 0}, "ticks": {"color": "#9ca3af", "precision": 0}},
        },
        "plugins": {"legend": {"align": "end", "labels": {"color": "#9ca3af", "boxWidth": 12, "boxHeight": 12}}},
    }
)


def chart_data(names: Sequence[str], figures: Sequence[tuple[str, Sequence[float], str]], *, max_names: int) -> str:
    """The data of a chart: the names of its points, and for each line or set of bars a title, figures and a colour.

    Of the names `max_names` are shown at most, so that they do not overlap on a phone.
    """
    datasets: list[dict[str, Any]] = [
        {
            "label": title,
            "data": list(values),
            "borderColor": colour,
            "backgroundColor": colour,
            "maxTicksXLimit": max_names,
            "displayYAxis": True,
        }
        for title, values, colour in figures
    ]
    return json.dumps({"labels": list(names), "datasets": datasets})
