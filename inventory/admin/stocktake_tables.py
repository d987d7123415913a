"""The tables of a count sheet: its lines, and what posting it changes and leaves."""

from typing import Any, Final

from django.db.models import F
from django.db.models.functions import Abs
from django.utils.formats import localize
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inventory.admin.quantities import coloured_delta
from inventory.models import Stocktake
from inventory.queries import with_variance
from pms_backend.api.admin_tables import KEY, MAIN_NUMBER, NUMBER, SHORT, TEXT, Table
from pms_backend.api.service_admin import moment

# The API shows the rest of a longer sheet.
SHOWN_LINES: Final = 500
# Of the lines that differ, and of those that are not counted, before the sheet is posted.
REVIEWED_LINES: Final = 50


def lines_of(stocktake: Stocktake, count: int, *, shows_expected: bool) -> Table:
    """All lines; what is expected and what differs only for those who may see it."""
    lines: Any = stocktake.lines.select_related("variant__product").order_by("pk")
    if shows_expected:
        lines = with_variance(lines)
    expected = {_("Expected"): NUMBER} if shows_expected else {}
    variance = {_("Variance"): NUMBER} if shows_expected else {}
    return Table(
        title=_("Lines"),
        columns={
            _("SKU"): KEY,
            _("Product"): TEXT,
            **expected,
            _("Counted"): MAIN_NUMBER,
            _("When"): SHORT,
            **variance,
        },
        rows=[
            (
                line.variant.sku,
                line.variant.product.name,
                *((line.expected,) if shows_expected else ()),
                line.counted,
                moment(line.counted_at),
                *((coloured_delta(line.variance) if line.variance else line.variance,) if shows_expected else ()),
            )
            for line in lines[:SHOWN_LINES]
        ],
        empty=_("Nothing is expected here. Count what you find: it is added to the sheet."),
        note=_of_all(SHOWN_LINES, count),
    )


def differing_lines(stocktake: Stocktake, count: int) -> Table:
    """The lines that posting changes, the largest variance first."""
    lines: Any = with_variance(stocktake.lines.select_related("variant__product"))
    largest = (
        lines.exclude(variance=0)
        .filter(variance__isnull=False)
        .order_by(Abs(F("variance")).desc(), "pk")[:REVIEWED_LINES]
    )
    return Table(
        title=_("What posting changes"),
        columns={
            _("SKU"): KEY,
            _("Product"): TEXT,
            _("Expected"): NUMBER,
            _("Counted"): MAIN_NUMBER,
            _("Variance"): NUMBER,
        },
        rows=[
            (line.variant.sku, line.variant.product.name, line.expected, line.counted, coloured_delta(line.variance))
            for line in largest
        ],
        empty=_("Nothing: all counts are what was known."),
        note=_of_all(REVIEWED_LINES, count),
    )


def uncounted_lines(stocktake: Stocktake, count: int) -> Table:
    """The lines that posting leaves as they are."""
    lines = stocktake.lines.filter(counted=None).select_related("variant__product").order_by("pk")
    title = ngettext(
        "%(count)s line was not counted: posting does not change it",
        "%(count)s lines were not counted: posting does not change them",
        count,
    )
    return Table(
        title=title % {"count": localize(count)},
        columns={_("SKU"): KEY, _("Product"): TEXT, _("Expected"): NUMBER},
        rows=[(line.variant.sku, line.variant.product.name, line.expected) for line in lines[:REVIEWED_LINES]],
        note=_of_all(REVIEWED_LINES, count),
    )


def _of_all(shown: int, count: int) -> str:
    if count <= shown:
        return ""
    return _("The first %(shown)s of %(count)s lines; the API shows all.") % {
        "shown": localize(shown),
        "count": localize(count),
    }
