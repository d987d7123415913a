"""The newest movements of a level: a chart of what was on hand, and a table with what made each."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import localize, number_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inventory.admin.explanations import LEDGER, Explanations, with_documents
from inventory.admin.quantities import coloured_delta
from inventory.models import StockLevel, StockMovement
from pms_backend.api.admin_tables import MAIN_NUMBER, NUMBER, SHORT, TEXT, Table
from pms_backend.api.service_admin import moment

LAST_MOVEMENTS: Final = 50
# Labels on the axis; more would overlap on a tablet.
SHOWN_MOMENTS: Final = 6


@dataclass(frozen=True, slots=True)
class LevelHistory:
    """What the page of a level shows of its ledger; `chart` is empty while there is no movement."""

    table: Table
    ledger_url: str
    chart: str = ""
    chart_label: str = ""


def history_of(level: StockLevel, user: Any) -> LevelHistory:
    """The history of a level, for a user who may see movements."""
    newest = list(with_documents(level.movements.select_related("level")).order_by("-level_version")[:LAST_MOVEMENTS])
    ledger = f"{reverse(LEDGER)}?{urlencode({'level': level.pk})}"
    table = _table(newest, Explanations(user))
    if not newest:
        return LevelHistory(table, ledger)
    return LevelHistory(table, ledger, _chart(newest[::-1]), _label(newest))


def _table(newest: Sequence[Any], links: Explanations) -> Table:
    return Table(
        title=_("Last movements"),
        columns={
            _("When"): SHORT,
            _("Reason"): SHORT,
            _("Change"): NUMBER,
            _("On hand after"): MAIN_NUMBER,
            _("Who"): TEXT,
            _("Reference"): TEXT,
            _("Note"): TEXT,
        },
        rows=[
            (
                links.movement(movement, moment(movement.occurred_at)),
                movement.get_reason_display(),
                coloured_delta(movement.delta),
                movement.on_hand_after,
                movement.actor,
                links.reference(movement),
                links.note(movement),
            )
            for movement in newest
        ],
        empty=_("Nothing has moved here yet."),
    )


def _chart(movements: Sequence[StockMovement]) -> str:
    """The data of the line for chart.js: what was on hand after each movement, as the ledger has them one by one."""
    first = movements[0]
    figures = [first.on_hand_after - first.delta, *(movement.on_hand_after for movement in movements)]
    moments = [localize(timezone.localtime(movement.occurred_at)) for movement in movements]
    # The last figure lasts until now.
    figures, labels = [*figures, figures[-1]], ["", *moments, _("now")]
    line = {
        "label": _("On hand"),
        "data": figures,
        "stepped": True,
        "borderColor": "var(--color-primary-600)",
        "displayYAxis": True,
        "maxTicksXLimit": SHOWN_MOMENTS,
    }
    return json.dumps({"labels": labels, "datasets": [line]})


def _label(newest: Sequence[StockMovement]) -> str:
    figures = [movement.on_hand_after for movement in newest]
    text = ngettext(
        "On hand after the last %(count)s movement: from %(least)s to %(most)s, now %(now)s.",
        "On hand after the last %(count)s movements: from %(least)s to %(most)s, now %(now)s.",
        len(figures),
    )
    shown = {"least": min(figures), "most": max(figures), "now": figures[0]}
    return text % {"count": len(figures), **{name: number_format(figure) for name, figure in shown.items()}}
