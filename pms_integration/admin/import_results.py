"""What an import has found and done, or a preview: a tab for each action with its count, and a page of its table."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from pms_backend.access.history_words import label_in_words
from pms_backend.access.visibility import sees_cost, sees_stock
from pms_backend.api.admin_tables import LINES, NAME, NUMBER, SHORT, Table, link
from pms_integration.files.limits import FILE_RETENTION_DAYS
from pms_integration.files.serializers import problems_of, shown_changes, shown_problem
from pms_integration.models import ImportAction, ImportJob, ImportResult
from pms_integration.services.product_fields import MONEY_FIELDS
from products.models import ProductStatus

ROWS_OF_A_PAGE: Final = 50
# Of a product, and of a value, in the table.
MAX_SHOWN_CHANGES: Final = 20
MAX_SHOWN_CHARACTERS: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """A tab: its count, and that of the preview if the import followed one; `action` is None for warnings."""

    name: str
    label: str
    count: int
    action: ImportAction | None = None
    previewed: int | None = None
    # Whether it is to be looked at.
    is_bad: bool = False


def tabs_of(job: ImportJob) -> list[Tab]:
    """The tabs of an import, or of a preview."""
    preview = job.preview

    def tab(name: str, label: str, counter: str, **more: Any) -> Tab:
        count = getattr(job, counter)
        previewed = getattr(preview, counter) if preview else None
        return Tab(name=name, label=label, count=count, previewed=previewed, **more)

    return [
        tab("new", _("New"), "created", action=ImportAction.CREATE),
        tab("changed", _("Changed"), "updated", action=ImportAction.UPDATE),
        tab("refused", _("Refused"), "failed", action=ImportAction.REFUSE, is_bad=job.failed > 0),
        tab("warnings", _("Warnings"), "warning_count"),
        tab("left-alone", _("Left alone"), "unchanged", action=ImportAction.NONE),
    ]


def open_tab(tabs: Sequence[Tab], name: str) -> Tab:
    """The tab of this name, else the first one that has something to show."""
    named = (tab for tab in tabs if tab.name == name)
    return next(named, next((tab for tab in tabs if tab.count), tabs[0]))


def page_of(job: ImportJob, tab: Tab, number: str) -> Page[Any]:
    """The rows of a page of the tab: results or problems."""
    rows: QuerySet[Any] = job.results.filter(action=tab.action)
    if tab.action in (None, ImportAction.REFUSE):
        rows = problems_of(job, is_warning=tab.action is None)
    return Paginator(rows, ROWS_OF_A_PAGE).get_page(number)


def table_of(request: HttpRequest, tab: Tab, page: Page[Any]) -> Table:
    """The table of a page."""
    columns, row = _columns_of(tab)
    count = page.paginator.count
    note = ""
    # A refused product may have several problems.
    if tab.action != ImportAction.REFUSE and 0 < count < tab.count:
        note = _("The first %(count)s are listed.") % {"count": number_format(count)}
    empty = _("There are none.")
    if tab.count and not count:
        empty = _("What became of each product is kept for %(days)s days.") % {"days": FILE_RETENTION_DAYS}
    return Table(columns=columns, rows=[row(request, one) for one in page], empty=empty, note=note)


def _columns_of(tab: Tab) -> tuple[dict[str, str], Any]:
    """The columns of a tab, and the function that makes a row of them."""
    product = {_("Line"): NUMBER, _("Product"): NAME, _("SKU"): SHORT}
    if tab.action in (None, ImportAction.REFUSE):
        return {_("Line"): NUMBER, _("Column"): f"{NAME} {SHORT}", _("What is wrong"): LINES}, _problem_row
    if tab.action == ImportAction.NONE:
        return product, _product_cells
    title = _("What changes") if tab.action == ImportAction.UPDATE else _("Values")
    return {**product, title: LINES}, _result_row


def _problem_row(request: HttpRequest, problem: Any) -> tuple[Any, ...]:
    shown = shown_problem(problem, with_cost=sees_cost(request))
    return number_format(shown["line"]), shown["column"] or None, shown["detail"]


def _product_cells(request: HttpRequest, result: ImportResult) -> tuple[Any, ...]:
    name: Any = result.handle or result.sku
    if result.product_id is not None and any(
        request.user.has_perm(f"products.{verb}_product") for verb in ("view", "change")
    ):
        name = link(reverse("admin:products_product_change", args=[result.product_id]), name)
    return number_format(result.line), name, result.sku or None


def _result_row(request: HttpRequest, result: ImportResult) -> tuple[Any, ...]:
    changes = shown_changes(result, with_cost=sees_cost(request), with_stock=sees_stock(request))
    more = result.change_count - len(result.changes) + len(changes[MAX_SHOWN_CHANGES:])
    lines = [_line(change, is_new=result.action == ImportAction.CREATE) for change in changes[:MAX_SHOWN_CHANGES]]
    if more:
        lines.append(format_html("<div>{}</div>", _("and %(count)s more") % {"count": number_format(more)}))
    cell = format_html_join("", "{}", ((line,) for line in lines)) if lines else None
    return (*_product_cells(request, result), cell)


def _line(change: dict[str, Any], *, is_new: bool) -> SafeString:
    """A change in a line of its own: the field, and its values."""
    _path, _dot, name = change["field"].rpartition(".")
    new = format_html('<span class="font-semibold text-important">{}</span>', _shown(name, change["to"]))
    if is_new:
        return format_html("<div>{}: {}</div>", _label(change["field"]), new)
    # A screen reader reads a word for the arrow.
    between = format_html('<span aria-hidden="true">→</span><span class="sr-only">{}</span>', _("becomes"))
    arrow = format_html("{} {} {}", _shown(name, change["from"]), between, new)
    return format_html("<div>{}: {}</div>", _label(change["field"]), arrow)


def _label(field: str) -> str:
    """The name of a field, with the SKU of its variant or the address of its picture."""
    path, _dot, name = field.rpartition("].")
    label = label_in_words(name)
    kind, _bracket, key = path.partition("[")
    if not kind:
        return label
    return f"{key} · {label}" if kind == "variants" else f"{_('Picture')} {key} · {label}"


def _shown(name: str, value: Any) -> SafeString | str:
    text = _as_text(name, value)
    if len(text) <= MAX_SHOWN_CHARACTERS:
        return text
    return format_html('<span title="{}">{}…</span>', text, text[:MAX_SHOWN_CHARACTERS])


def _as_text(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name in MONEY_FIELDS:
        return str(number_format(Decimal(value), 2))
    if name == "status":
        return str(ProductStatus(value).label)
    if isinstance(value, str):
        return value or _("(empty)")
    if isinstance(value, int):
        return str(number_format(value))
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value) or _("(empty)")
    return json.dumps(value, ensure_ascii=False)


def address_of(tab: Tab, page: int = 1) -> str:
    """The query of the address of a tab's page."""
    return f"?{urlencode({'show': tab.name, 'page': str(page)})}"
