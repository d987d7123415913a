"""The page "Operations": open alerts, and requests, cache, sync and errors of the last hour, day and month."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pms_backend.api.admin_charts import Chart
from pms_backend.api.admin_tables import EXTRA, MAIN_NUMBER, NAME, NUMBER, SHORT, Table, link
from pms_backend.operations.alerts.words import open_alerts_in_words
from pms_backend.operations.business_metrics import charts
from pms_backend.operations.business_metrics.windows import Sums, last_hours, last_windows
from pms_backend.operations.sync_success import Share

PERMISSION: Final = "operations.view_metricincrease"
MAX_ERRORS: Final = 20

Cell = str | SafeString | None


@dataclass(frozen=True, slots=True)
class Part:
    """One of the four: its figure of the last hour and what it is of, its table, its chart, and where to look."""

    title: str
    figure: str
    of: str
    table: Table
    chart: Chart
    links: list[SafeString]


def show_operations(request: HttpRequest) -> TemplateResponse:
    """The open alerts, and the four parts of what was sampled; in three statements."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    windows = list(last_windows().values())
    context = {
        **admin.site.each_context(request),
        "title": _("Operations"),
        "is_fullwidth": "1",
        "alerts": open_alerts_in_words(request),
        "all_alerts": link(reverse("admin:operations_alert_changelist"), _("All alerts")),
        "parts": _parts(request, windows) if windows[-1].by_labels else [],
    }
    return TemplateResponse(request, "operations/operations.html", context)


def _parts(request: HttpRequest, windows: Sequence[Sums]) -> list[Part]:
    hour, *_longer = windows
    hours = last_hours()
    errors = hour.errors.total()
    return [
        Part(
            _("Requests"),
            number_format(hour.requests),
            ngettext("request in the last hour", "requests in the last hour", hour.requests),
            requests_table(windows),
            charts.requests_chart(hours),
            [],
        ),
        Part(
            _("Cache hit rate"),
            _percent(hour.cache) or "-",
            _of(hour.cache, _("reads")),
            cache_table(windows),
            charts.cache_chart(hours),
            [],
        ),
        Part(
            _("Sync success rate"),
            _percent(hour.sync) or "-",
            _of(hour.sync, _("PMS events and sync runs")),
            sync_table(windows),
            charts.sync_chart(hours),
            list(_places_of_sync(request)),
        ),
        Part(
            _("Errors"),
            number_format(errors),
            ngettext("error in the last hour", "errors in the last hour", errors),
            errors_table(windows),
            charts.errors_chart(hours),
            [],
        ),
    ]


def requests_table(windows: Sequence[Sums]) -> Table:
    """The requests, by the class of their answer and by tier."""

    def by(label: str, names: dict[str, str] | None = None) -> Iterator[tuple[Cell, ...]]:
        counted = [sums.by("pms_http_requests_total", label) for sums in windows]
        for (value,) in sorted(counted[-1]):
            yield (names or {}).get(value, value), *(number_format(counts[(value,)]) for counts in counted)

    classes = {
        "2xx": _("Answered (2xx)"),
        "3xx": _("Redirected or unchanged (3xx)"),
        "4xx": _("Refused (4xx)"),
        "5xx": _("Failed (5xx)"),
    }
    tiers = [(_("Tier %(tier)s") % {"tier": tier}, *counts) for tier, *counts in by("tier")]
    return _table([_counts(_("All"), windows, lambda sums: sums.requests), *by("status", classes), *tiers])


def cache_table(windows: Sequence[Sums]) -> Table:
    """How often the response cache answered; reads that skipped it or met an error are no part of the rate."""

    def reads(result: str) -> Callable[[Sums], int]:
        return lambda sums: sums.by("pms_response_cache_total", "result")[(result,)]

    return _table(
        [
            _shares(_("Hit rate"), windows, lambda sums: sums.cache),
            _counts(_("Hits"), windows, reads("hit")),
            _counts(_("Hits after a wait"), windows, reads("wait")),
            _counts(_("Misses"), windows, reads("miss")),
            _counts(_("Skipped, not in the rate"), windows, reads("skip")),
            _counts(_("Errors, not in the rate"), windows, reads("error")),
        ]
    )


def sync_table(windows: Sequence[Sums]) -> Table:
    """Which part of the events, runs and deliveries that are over has succeeded."""
    return _table(
        [
            _shares(_("PMS events applied"), windows, lambda sums: sums.events),
            _shares(_("Sync runs finished"), windows, lambda sums: sums.runs),
            _shares(_("Deliveries accepted"), windows, lambda sums: sums.deliveries),
        ]
    )


def errors_table(windows: Sequence[Sums]) -> Table:
    """The most frequent errors by layer and code, with bars that compare those of 24 hours."""
    _hour, day, month = counted = [sums.errors for sums in windows]
    kinds = sorted(month, key=lambda kind: (-day[kind], -month[kind], kind))
    most = max(day.values(), default=0)
    rows = [
        (f"{layer}: {code}", *(number_format(counts[layer, code]) for counts in counted), _bar(day[layer, code], most))
        for layer, code in kinds[:MAX_ERRORS]
    ]
    left_out = len(kinds) - len(rows)
    note = ngettext(
        "%(count)s rarer kind is left out.", "%(count)s rarer kinds are left out.", left_out
    ) % {"count": number_format(left_out)}  # fmt: skip
    return Table(
        columns={_("Layer and code"): NAME, **_columns(), _("Of 24 hours"): EXTRA},
        rows=rows,
        empty=_("There was no error in the last 30 days."),
        note=note if left_out else "",
    )


def _places_of_sync(request: HttpRequest) -> Iterator[SafeString]:
    """Links to what has failed, as far as the user may see it."""
    for model, filters, title in (
        ("pms_integration.pmsevent", {"status__exact": "dead"}, _("Dead PMS events")),
        ("pms_integration.syncrun", {"status__exact": "failed"}, _("Failed sync runs")),
        ("webhooks.delivery", {"status__exact": "failed"}, _("Failed deliveries")),
    ):
        app, name = model.split(".")
        if request.user.has_perm(f"{app}.view_{name}") or request.user.has_perm(f"{app}.change_{name}"):
            yield link(f"{reverse(f'admin:{app}_{name}_changelist')}?{urlencode(filters)}", title)


def _table(rows: Sequence[Sequence[Cell]]) -> Table:
    return Table(columns={_("What"): NAME, **_columns()}, rows=rows)


def _columns() -> dict[str, str]:
    return {_("1 hour"): MAIN_NUMBER, _("24 hours"): NUMBER, _("30 days"): NUMBER}


def _counts(title: str, windows: Sequence[Sums], count: Callable[[Sums], int]) -> tuple[Cell, ...]:
    return title, *(number_format(count(sums)) for sums in windows)


def _shares(title: str, windows: Sequence[Sums], share: Callable[[Sums], Share]) -> tuple[Cell, ...]:
    return title, *(_share(share(sums)) for sums in windows)


def _share(share: Share) -> SafeString | None:
    """The percentage and what it is of; None, which is shown as a dash, where there was nothing."""
    if (percent := _percent(share)) is None:
        return None
    of = _("of %(count)s") % {"count": number_format(share.whole)}
    return format_html('<span class="{}">{}</span> <span class="{}">{}</span>', SHORT, percent, SHORT, of)


def _percent(share: Share) -> str | None:
    return f"{number_format(share.percent, 1)} %" if share.whole else None


def _of(share: Share, things: str) -> str:
    words = _("of %(count)s %(things)s in the last hour") if share.whole else _("no %(things)s in the last hour")
    return words % {"count": number_format(share.whole), "things": things}


def _bar(count: int, most: int) -> SafeString | None:
    """A bar as long as this is of the most frequent."""
    if not count:
        return None
    return format_html('<span class="share-bar" style="width: {}%"></span>', max(1, 100 * count // most))
