"""What a file changes and what it does not, in words and tables."""

from collections.abc import Sequence
from typing import Any, Final

from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inventory.admin.quantities import coloured_delta
from inventory.bulk_plan import Plan, PlannedRow, RefusedRow
from inventory.models import Location
from pms_backend.api.admin_tables import KEY, MAIN_NUMBER, NUMBER, TEXT, Table
from products.models import Variant
from products.skus import sku_key

# Rows of each kind on a page; the rest is counted.
SHOWN_ROWS: Final = 100


def summary_of_plan(plan: Plan) -> str:
    """How many rows change stock, find what is known, and cannot be applied."""
    changed = len(plan.changed)
    return summary(changed, len(plan.rows) - changed, len(plan.refused), is_done=False)


def summary(changed: int, unchanged: int, refused: int, *, is_done: bool) -> str:
    """The same of these numbers of rows; with `is_done` what was done."""
    if is_done:
        first = ngettext("%(count)s row changed stock", "%(count)s rows changed stock", changed)
        last = ngettext("%(count)s was not applied", "%(count)s were not applied", refused)
    else:
        first = ngettext("%(count)s row changes stock", "%(count)s rows change stock", changed)
        last = ngettext("%(count)s cannot be applied", "%(count)s cannot be applied", refused)
    middle = ngettext("%(count)s finds what is known", "%(count)s find what is known", unchanged)
    parts = [(first, changed), (middle, unchanged), (last, refused)]
    shown = [text % {"count": f"{count:,}"} for text, count in parts if count or text is first]
    return f"{', '.join(shown)}."


def warning_of(plan: Plan) -> str:
    """What there is to say about implausible quantities; empty if all are plausible."""
    count = sum(one.is_implausible for one in plan.rows)
    if not count:
        return ""
    text = ngettext(
        "%(count)s quantity is more than ten times what the level has ever had. Is it a barcode, or a slip?",
        "%(count)s quantities are more than ten times what their levels have ever had. Are they barcodes, or slips?",
        count,
    )
    return text % {"count": f"{count:,}"}


def changed_table(plan: Plan) -> Table:
    """The first rows that change stock."""
    # What is to be looked at comes first.
    changed = sorted(plan.changed, key=lambda one: not one.is_implausible)
    shown = changed[:SHOWN_ROWS]
    # By the key, which has an index.
    variants = Variant.objects.filter(sku_key__in={sku_key(one.row.sku) for one in shown})
    names = dict(variants.values_list("sku", "product__name"))
    places = dict(Location.objects.values_list("code", "name"))
    return Table(
        title=_("What changes"),
        columns={
            _("Line"): NUMBER,
            _("SKU"): KEY,
            _("Product"): TEXT,
            _("Location"): TEXT,
            _("On hand"): NUMBER,
            _("Afterwards"): MAIN_NUMBER,
            _("Change"): NUMBER,
        },
        rows=[
            (
                one.row.index,
                one.row.sku,
                names.get(one.row.sku),
                places.get(one.row.location, one.row.location),
                one.before,
                _afterwards(one),
                coloured_delta(one.after - one.before),
            )
            for one in shown
        ],
        empty=_("Nothing changes."),
        note=_more(len(changed)),
    )


def _afterwards(one: PlannedRow) -> Any:
    if not one.is_implausible:
        return one.after
    mark = '<span class="font-semibold text-orange-700 dark:text-orange-400">⚠ {}: {}</span>'
    return format_html(mark, _("unusually many"), number_format(one.after))


def refused_tables(refused: Sequence[RefusedRow]) -> list[Table]:
    """A table of the first refused rows, if there are any."""
    if not refused:
        return []
    table = Table(
        title=_("What cannot be applied"),
        columns={_("Line"): NUMBER, _("What the file says"): TEXT, _("Why it is not applied"): TEXT},
        rows=[(one.line, " · ".join(one.cells), one.reason) for one in refused[:SHOWN_ROWS]],
        note=_more(len(refused)),
    )
    return [table]


def _more(count: int) -> str:
    if count <= SHOWN_ROWS:
        return ""
    return _("The first %(shown)s of %(count)s.") % {"shown": SHOWN_ROWS, "count": f"{count:,}"}
