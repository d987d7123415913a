"""Staff see what is wrong: the open alerts on the dashboard, and all of them in a list, with links."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pms_backend.operations.alerts.words import SHOWN
from pms_backend.operations.models import Alert
from tests.staff import member_of, staff_with, superuser

pytestmark = pytest.mark.django_db

DASHBOARD, LIST = "/admin/", "/admin/operations/alert/"


def make_alert(name: str, subject: str = "", *, age: float = 5, lasted: float | None = None, **more: Any) -> Alert:
    """An alert that began `age` minutes ago, and ended if it `lasted` some."""
    began_at = timezone.now() - timedelta(minutes=age)
    ended = None if lasted is None else began_at + timedelta(minutes=lasted)
    values = {"severity": "critical", "detail": "2 events", **more}
    return Alert.objects.create(name=name, subject=subject, began_at=began_at, resolved_at=ended, **values)


def shown(client: Client) -> list[tuple[str, str, str, bool]]:
    alerts = client.get(DASHBOARD).context["alerts"]
    return [(alert.text, alert.detail, alert.began_at, alert.is_critical) for alert in alerts]


def test_the_dashboard_shows_open_alerts_the_oldest_first():
    make_alert("redis", lasted=1, age=60)
    make_alert("dead_pms_events", "shop", severity="warning")
    make_alert("relay", age=65, detail="")
    client = superuser()

    assert shown(client) == [
        ("The relay has failed or is late", "", "for 1 hour, 5 minutes", True),
        ("PMS events cannot be applied: shop", "2 events", "for 5 minutes", False),
    ]
    page = client.get(DASHBOARD).content.decode()
    assert page.index('id="alerts"') < page.index('id="to-do"')


def test_the_dashboard_shows_a_few_and_leads_to_the_others():
    for number in range(SHOWN + 1):
        make_alert("dead_pms_events", str(number))
    client = superuser()

    with CaptureQueriesContext(connection) as statements:
        last = client.get(DASHBOARD).context["alerts"][-1]
        costs = [one for one in statements if "operations_alert" in one["sql"]]

    assert (last.text, last.url) == ("There are more alerts.", f"{LIST}?state=open")
    assert len(client.get(last.url).context["cl"].result_list) == SHOWN + 1
    assert len(costs) == 1


def test_who_may_not_see_alerts_sees_none():
    make_alert("redis")
    client = staff_with("inventory.view_stocklevel")

    assert client.get(DASHBOARD).context["alerts"] is None
    assert client.get(LIST).status_code == 403


def test_the_list_has_open_alerts_first():
    make_alert("redis", age=60, lasted=1)
    make_alert("relay", age=30)
    make_alert("beat", age=20, lasted=19)
    client = member_of("Viewer")

    listed = client.get(LIST).context["cl"].result_list

    assert [alert.name for alert in listed] == ["relay", "beat", "redis"]
    page = client.get(LIST).content.decode()
    assert "30 minutes" in page
    assert "The relay has failed or is late" in page


@pytest.mark.parametrize("name", ["redis", "failing_endpoints", "of_an_older_version"])
def test_an_alert_has_a_page(name: str):
    client = superuser()
    subject = "7" if name == "failing_endpoints" else "shop"

    response = client.get(f"{LIST}{make_alert(name, subject).pk}/change/")

    assert response.status_code == 200
    assert "2 events" in response.content.decode()


@pytest.mark.parametrize(
    ("name", "subject", "address"),
    [
        ("parked_events", "tests", "/admin/events/parkedevent/?state=parked"),
        ("dead_pms_events", "shop", "/admin/pms_integration/pmsevent/?status__exact=dead"),
        ("failing_endpoints", "7", "/admin/webhooks/webhookendpoint/7/change/"),
        ("circuits", "shop", "/admin/pms_integration/pmsconnection/"),
        ("circuits", "endpoint 7", "/admin/webhooks/webhookendpoint/7/change/"),
        ("failed_syncs", "shop", "/admin/pms_integration/syncrun/"),
        ("stock_differences", "shop", "/admin/pms_integration/pmsstock/?differs=1"),
    ],
)
def test_an_alert_leads_to_what_it_is_about_for_those_who_may_see_that(name: str, subject: str, address: str):
    make_alert(name, subject)

    assert f'href="{address}"' in superuser().get(LIST).content.decode()
    assert f'href="{address}"' not in staff_with("operations.view_alert").get(LIST).content.decode()


@pytest.mark.parametrize(("language", "words"), [("en", ("Critical", "Over")), ("de", ("Kritisch", "Beendet"))])
def test_a_state_has_its_colour_and_its_words_in_every_language(language: str, words: tuple[str, str]):
    alerts = make_alert("redis"), make_alert("relay", lasted=1)
    client = superuser()

    listed = client.get(LIST, headers={"Accept-Language": language}).content.decode()
    pages = [
        client.get(f"{LIST}{alert.pk}/change/", headers={"Accept-Language": language}).content.decode()
        for alert in alerts
    ]

    for word, colour, page in zip(words, ("red", "green"), pages, strict=True):
        assert re.search(rf'<span class="[^"]*bg-{colour}-100[^"]*"[^>]*>\s*{word}\s*</span>', listed)
        assert word in page
        assert "(&#x27;" not in page
