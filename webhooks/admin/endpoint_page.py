"""What the page of an endpoint shows below its fields: the last 24 hours as a chart, and the last attempts."""

from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from pms_backend.api.admin_charts import STACKED, Chart, chart_data
from pms_backend.api.admin_tables import KEY, MAIN, NUMBER, SHORT, Table, link
from pms_backend.api.service_admin import moment
from webhooks.health_report import last_hours
from webhooks.models import DeliveryAttempt, WebhookEndpoint

LAST_ATTEMPTS: Final = 10
# Of 24 hours.
MAX_HOUR_NAMES: Final = 8
DELIVERED_COLOUR: Final = "var(--color-green-600)"
FAILED_COLOUR: Final = "var(--color-red-600)"


def page_content(request: HttpRequest, endpoint: WebhookEndpoint) -> dict[str, Any]:
    """The chart, and for users who may see deliveries the last attempts."""
    content: dict[str, Any] = {"chart": chart_of(endpoint)}
    if any(request.user.has_perm(f"webhooks.{verb}_delivery") for verb in ("view", "change")):
        content["last_attempts"] = last_attempts(endpoint)
    return content


def chart_of(endpoint: WebhookEndpoint) -> Chart | None:
    """The attempts by hour; None without one in the last 24 hours."""
    hours = last_hours(endpoint)
    delivered, failed = sum(hour.succeeded for hour in hours), sum(hour.failed for hour in hours)
    if not delivered and not failed:
        return None
    title = _("Attempts of the last 24 hours")
    series: list[tuple[str, list[float], str]] = [
        (_("Delivered"), [hour.succeeded for hour in hours], DELIVERED_COLOUR),
        (_("Failed"), [hour.failed for hour in hours], FAILED_COLOUR),
    ]
    names = [f"{timezone.localtime(hour.begins_at):%H:%M}" for hour in hours]
    return Chart(
        title=title,
        kind="bar",
        options=STACKED,
        data=chart_data(names, series, max_names=MAX_HOUR_NAMES),
        label=_("%(title)s: %(delivered)s delivered, %(failed)s failed")
        % {"title": title, "delivered": number_format(delivered), "failed": number_format(failed)},
        table=Table(
            columns={_("Hour"): SHORT, _("Delivered"): NUMBER, _("Failed"): NUMBER, _("Median ms"): NUMBER},
            rows=[
                (moment(hour.begins_at), number_format(hour.succeeded), number_format(hour.failed), _ms(hour.median_ms))
                for hour in reversed(hours)
            ],
        ),
    )


def last_attempts(endpoint: WebhookEndpoint) -> Table:
    """The newest attempts, which lead to their deliveries."""
    newest = DeliveryAttempt.objects.filter(endpoint=endpoint).order_by("-at").select_related("delivery")
    deliveries = reverse("admin:webhooks_delivery_changelist")
    query = urlencode({"endpoint__id__exact": endpoint.pk})
    return Table(
        title=_("Last attempts"),
        columns={_("Event"): KEY, _("Result"): MAIN, _("When"): SHORT, _("ms"): NUMBER},
        rows=[
            (
                link(reverse("admin:webhooks_delivery_change", args=[attempt.delivery_id]), str(attempt.delivery)),
                attempt.status or attempt.error or _("no answer"),
                moment(attempt.at),
                number_format(attempt.ms),
            )
            for attempt in newest[:LAST_ATTEMPTS]
        ],
        empty=_("Nothing was sent yet: send a test.") if endpoint.is_active else _("Nothing was sent yet."),
        note=link(f"{deliveries}?{query}", _("All its deliveries")),
    )


def _ms(value: int | None) -> str | None:
    return None if value is None else number_format(value)
