"""What a bulk change of products does and what it does not, in words and tables."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pms_backend.api.admin_tables import MAIN, MAIN_NUMBER, NAME, NUMBER, SHORT, TEXT, Table, link
from products.bulk_plans import PRICES, BulkPlan, PlannedChange, Unchanged
from products.models import PRICE_DECIMALS, Product

# Rows of each table; the rest is counted.
SHOWN_ROWS: Final = 100
_TENTH: Final = Decimal("0.1")


def summary_of(plan: BulkPlan) -> str:
    """How many products change, and how many values stay."""
    changed, unchanged = len(plan.rows), len(plan.unchanged)
    sentences = [ngettext("%(count)s product changes.", "%(count)s products change.", changed) % _count(changed)]
    if any(one.variant for one in plan.changes):
        prices = len(plan.changes)
        sentences.append(ngettext("%(count)s price changes.", "%(count)s prices change.", prices) % _count(prices))
    if unchanged:
        text = ngettext("%(count)s stays as it is.", "%(count)s stay as they are.", unchanged)
        sentences.append(text % _count(unchanged))
    return " ".join(sentences)


def tables_of(plan: BulkPlan) -> list[Table]:
    """What changes, large changes first, and what does not."""
    # What is to be looked at comes first.
    changes = sorted(plan.changes, key=lambda one: not one.is_large)
    table = _price_table(changes) if any(one.variant for one in changes) else _status_table(changes)
    return [table, *unchanged_tables(plan.unchanged, title=_("What stays as it is"))]


def unchanged_tables(unchanged: Sequence[Unchanged], *, title: str) -> list[Table]:
    """A table of what does not change, if there is anything."""
    if not unchanged:
        return []
    has_prices = any(one.variant for one in unchanged)
    of_prices = {_("SKU"): SHORT, _("Which price"): TEXT} if has_prices else {}
    columns = {_("Product"): NAME, **of_prices, _("Why"): TEXT}
    rows = [
        (_link(one.product), *(_price_cells(one) if has_prices else ()), one.reason) for one in unchanged[:SHOWN_ROWS]
    ]
    return [Table(title=title, columns=columns, rows=rows, note=_more(len(unchanged)))]


def large_changes(plan: BulkPlan) -> str:
    """What is to be confirmed about large changes; empty if there are none."""
    count = sum(one.is_large for one in plan.changes)
    if not count:
        return ""
    text = ngettext(
        "%(count)s price changes by more than half. Change it nevertheless.",
        "%(count)s prices change by more than half. Change them nevertheless.",
        count,
    )
    return text % _count(count)


def _price_table(changes: Sequence[PlannedChange]) -> Table:
    return Table(
        title=_("What changes"),
        columns={
            _("Product"): NAME,
            _("SKU"): SHORT,
            _("Which price"): TEXT,
            _("Now"): NUMBER,
            _("Afterwards"): MAIN_NUMBER,
            _("Change"): NUMBER,
        },
        rows=[_price_row(one) for one in changes[:SHOWN_ROWS]],
        empty=_("Nothing changes."),
        note=_more(len(changes)),
    )


def _price_row(one: PlannedChange) -> tuple[Any, ...]:
    currency = one.variant.currency if one.variant else ""
    after: Any = _amount(one.after, currency)
    if one.is_large:
        mark = '<span class="font-semibold text-orange-700 dark:text-orange-400">⚠ {}</span>'
        after = format_html(mark, after)
    before = None if one.before is None else _amount(one.before, currency)
    return _link(one.product), *_price_cells(one), before, after, _percent(one.before, one.after)


def _price_cells(one: PlannedChange | Unchanged) -> tuple[Any, Any]:
    """The SKU and the name of a price; dashes for what is of a product."""
    return (one.variant.sku, PRICES[one.field]) if one.variant else (None, None)


def _status_table(changes: Sequence[PlannedChange]) -> Table:
    return Table(
        title=_("What changes"),
        columns={_("Product"): NAME, _("Now"): TEXT, _("Afterwards"): MAIN},
        rows=[(_link(one.product), one.before, one.after) for one in changes[:SHOWN_ROWS]],
        empty=_("Nothing changes."),
        note=_more(len(changes)),
    )


def _link(product: Product) -> SafeString:
    return link(reverse("admin:products_product_change", args=[product.pk]), product.name)


def _amount(amount: Decimal, currency: str) -> str:
    return f"{number_format(amount, PRICE_DECIMALS, force_grouping=True)} {currency}"


def _percent(before: Decimal | None, after: Decimal) -> str | None:
    if not before:
        return None
    change = ((after - before) * 100 / before).quantize(_TENTH, ROUND_HALF_UP)
    return f"{'+' if change > 0 else ''}{number_format(change, 1)} %".replace("-", "\N{MINUS SIGN}")


def _more(count: int) -> str:
    if count <= SHOWN_ROWS:
        return ""
    return _("The first %(shown)s of %(count)s.") % {"shown": SHOWN_ROWS, **_count(count)}


def _count(count: int) -> dict[str, str]:
    return {"count": number_format(count, force_grouping=True)}
