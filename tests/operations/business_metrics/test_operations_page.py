"""The page "Operations" shows requests, cache, sync and errors of the last hour, day and month."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from pms_backend.operations.models import Alert
from tests.operations.business_metrics.increases import add, add_a_day
from tests.staff import staff_with, superuser

pytestmark = pytest.mark.django_db

MAX_QUERIES = 12
PERMISSION = "operations.view_metricincrease"


def page(client: Client | None = None) -> Any:
    return (client or superuser()).get(reverse("admin:operations"))


def text(cell: object) -> str:
    return "-" if cell is None else re.sub(r"\s+", " ", strip_tags(str(cell)))


def rows(response: Any, title: str) -> dict[str, list[str]]:
    """The cells of a part's table, by the first of each row."""
    (part,) = (part for part in response.context["parts"] if part.title == title)
    return {str(row[0]): [text(cell) for cell in row[1:4]] for row in part.table.rows}


def test_each_figure_is_shown_for_an_hour_a_day_and_a_month() -> None:
    add_a_day()

    response = page()

    assert rows(response, "Requests") == {
        "All": ["3", "3,003", "63,003"],
        "Answered (2xx)": ["1", "1,001", "21,001"],
        "Refused (4xx)": ["1", "1,001", "21,001"],
        "Failed (5xx)": ["1", "1,001", "21,001"],
        "Tier staff": ["1", "1,001", "21,001"],
        "Tier standard": ["2", "2,002", "42,002"],
    }
    assert rows(response, "Cache hit rate")["Hit rate"] == ["66.6 % of 3", "66.6 % of 3,003", "66.6 % of 63,003"]
    assert rows(response, "Cache hit rate")["Skipped, not in the rate"] == ["1", "1,001", "21,001"]
    assert rows(response, "Sync success rate") == {
        "PMS events applied": ["66.6 % of 3", "66.6 % of 3,003", "66.6 % of 63,003"],
        "Sync runs finished": ["33.3 % of 3", "33.3 % of 3,003", "33.3 % of 63,003"],
        "Deliveries accepted": ["50.0 % of 2", "50.0 % of 2,002", "50.0 % of 42,002"],
    }
    assert rows(response, "Errors") == {
        "integration: timeout": ["3", "3,003", "63,003"],
        "route: not_found": ["1", "1,001", "21,001"],
    }


def test_the_tiles_show_the_last_hour() -> None:
    add_a_day()

    shown = [(part.figure, part.of) for part in page().context["parts"]]

    assert shown == [
        ("3", "requests in the last hour"),
        ("66.6 %", "of 3 reads in the last hour"),
        ("50.0 %", "of 6 PMS events and sync runs in the last hour"),
        ("4", "errors in the last hour"),
    ]


def test_a_rate_of_nothing_is_a_dash() -> None:
    add("http_requests", 1, status="2xx", tier="staff")

    response = page()

    assert [part.figure for part in response.context["parts"]] == ["1", "-", "-", "0"]
    assert response.context["parts"][1].of == "no reads in the last hour"
    assert rows(response, "Sync success rate")["Sync runs finished"] == ["-", "-", "-"]
    assert "There was no error in the last 30 days." in response.content.decode()


def test_before_the_first_minute_the_page_says_when_figures_come() -> None:
    assert "No figures yet: they come a minute after the start." in page().content.decode()


def test_a_chart_has_the_last_hours_with_the_figures_as_texts() -> None:
    add_a_day()

    charts = [part.chart for part in page().context["parts"]]

    data = json.loads(charts[0].data)
    assert [(one["label"], one["data"]) for one in data["datasets"]] == [
        (label, [*[0] * 21, 1_000, 0, 1]) for label in ("Answered", "Refused", "Failed")
    ]
    assert [row[1:] for row in charts[1].table.rows[:3]] == [("2", "1"), ("0", "0"), ("2,000", "1,000")]
    assert charts[2].label.endswith("the last 24 hours: Succeeded 3,003, Failed 3,003")
    assert [one["label"] for one in json.loads(charts[3].data)["datasets"]] == [
        "route", "service", "model", "integration",
    ]  # fmt: skip


def test_errors_are_in_the_order_of_their_number_and_the_rarest_are_left_out() -> None:
    for number in range(1, 23):
        add("errors", number, layer="route", code=f"code_{number}")

    response = page()

    assert list(rows(response, "Errors"))[::19] == ["route: code_22", "route: code_3"]
    assert "2 rarer kinds are left out." in response.content.decode()
    widths = re.findall(r'class="share-bar" style="width: (\d+)%"', response.content.decode())
    assert widths[::10] == ["100", "54"]


def test_open_alerts_are_at_the_top_for_those_who_may_see_them() -> None:
    client = superuser()
    calm = page(client).content.decode()
    Alert.objects.create(name="redis", severity="critical", detail="no answer for 9 s", began_at=timezone.now())

    alarmed = page(client).content.decode()

    assert "No alert is open." in calm
    assert "No alert is open." not in alarmed
    assert 0 < alarmed.index("no answer for 9 s") < alarmed.index("No figures yet")
    assert 'href="/admin/operations/alert/"' in alarmed
    assert "no answer for 9 s" not in page(staff_with(PERMISSION)).content.decode()


def test_links_lead_to_what_failed_as_far_as_one_may_see_it() -> None:
    add("http_requests", 1, status="2xx", tier="staff")

    everything = page().content.decode()
    alone = page(staff_with(PERMISSION)).content.decode()

    links = ("pmsevent/?status__exact=dead", "syncrun/?status__exact=failed", "delivery/?status__exact=failed")
    assert [link in everything for link in links] == [True] * 3
    assert [link in alone for link in links] == [False] * 3


def test_numbers_have_the_format_of_the_language() -> None:
    add("http_requests", 12_345, status="2xx", tier="staff")
    add("response_cache", 1, result="hit")
    client = superuser()
    client.cookies["django_language"] = "de"

    assert [part.figure for part in page(client).context["parts"]][:2] == ["12.345", "100,0 %"]


def test_the_page_needs_few_statements_however_much_there_is() -> None:
    add_a_day()
    for code in range(100):
        add("errors", 1, ago=timedelta(hours=3), layer="model", code=str(code))
    client = superuser()
    page(client)

    with CaptureQueriesContext(connection) as statements:
        page(client)

    assert len(statements) <= MAX_QUERIES
