"""What is wrong with the business, as the database and the counters say it."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pms_backend.events.models import Event, ParkedEvent
from pms_backend.operations.alerts.catalogue import KINDS
from pms_backend.operations.alerts.conditions import read_conditions, read_stock_differences
from pms_backend.operations.alerts.server_errors import ServerErrors
from pms_backend.operations.alerts.tracker import TrackedAlert, Tracker
from pms_integration.models import PMSConnection, PMSEvent, PMSStock, SyncRun
from tests.factories import make_connection, make_location, make_product, set_stock, store_webhook
from tests.operations.alerts.timeline import DOWN, at
from webhooks.models import SWITCHED_OFF, WebhookEndpoint
from webhooks.schedule import BREAKS_AFTER

pytestmark = pytest.mark.django_db


def told(name: str) -> dict[str, tuple[str, str]]:
    found = read_conditions()[name]
    return {subject: (str(finding.severity), finding.detail) for subject, finding in found.items()}


def make_endpoint(description: str = "", **state: object) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(
        url="https://shop.example/", event_types=["*"], secret="s", description=description, **state
    )


def make_run(connection_: PMSConnection, status: str, **more: object) -> SyncRun:
    finished = {} if status == "held" else {"finished_at": timezone.now()}
    return SyncRun.objects.create(
        connection=connection_, mode="full", resources=["stock"], actor="system", status=status, **finished, **more
    )


def test_nothing_is_wrong_with_an_empty_system():
    assert {name: found for name, found in read_conditions().items() if found} == {}
    assert read_stock_differences() == {}


def test_each_condition_has_an_alert():
    assert {*read_conditions(), "stock_differences", "server_errors"} <= set(KINDS)


def test_each_pms_and_endpoint_that_cannot_be_reached_is_told_by_itself():
    make_connection("well")
    make_connection("away")
    state = {"circuit": "open", "next_try_at": timezone.now(), "last_error": "The PMS does not answer."}
    PMSConnection.objects.update(base_url="https://pms.example")
    PMSConnection.objects.filter(slug="away").update(**state)
    make_endpoint(failures=BREAKS_AFTER - 1)
    paused = make_endpoint("Shop", failures=BREAKS_AFTER + 2)

    assert told("circuits") == {
        "away": ("warning", "The PMS does not answer."),
        f"endpoint {paused.pk}": ("warning", f"Shop: {BREAKS_AFTER + 2} failures in a row"),
    }


def test_parked_events_are_told_by_their_receiver():
    make_product("A-1")
    set_stock("A-1", make_location("main"), 5)
    first, second, *_ = Event.objects.order_by("id")
    since = datetime.fromisoformat("2026-11-29T14:00:00+00:00")
    ParkedEvent.objects.create(event=first, receiver="tests", parked_at=since)
    ParkedEvent.objects.create(event=second, receiver="tests", parked_at=since + timedelta(hours=1))
    ParkedEvent.objects.create(event=second, receiver="other", resolved_at=timezone.now())

    assert told("parked_events") == {"tests": ("critical", "2 events, the first at 2026-11-29 14:00:00 UTC")}


def test_dead_events_are_told_for_a_day_by_their_connection():
    north, south = make_connection("north"), make_connection("south")
    now = timezone.now()
    for number, (pms, age) in enumerate([(north, 1), (north, 23), (north, 25), (south, 25)]):
        store_webhook(connection=pms, webhook_id=str(number), type="x", body=b"{}")
        dead = {"status": "dead", "due_at": None, "processed_at": now - timedelta(hours=age)}
        PMSEvent.objects.filter(webhook_id=str(number)).update(**dead)

    assert told("dead_pms_events") == {"north": ("warning", "2 events of the last day")}


def test_endpoints_are_told_that_fail_for_a_day_or_were_disabled_by_us():
    now = timezone.now()
    make_endpoint(failing_since=now - timedelta(hours=23))
    failing = make_endpoint("Shop", failing_since=now - timedelta(hours=25))
    disabled = {"is_active": False, "disabled_at": now, "resume_after": 0}
    given_up = make_endpoint(**disabled, disabled_reason="It has answered 410 Gone.")
    make_endpoint(**disabled, disabled_reason=SWITCHED_OFF)

    assert told("failing_endpoints") == {
        str(failing.pk): (
            "warning",
            f"Shop: no delivery has succeeded since {now - timedelta(hours=25):%Y-%m-%d %H:%M:%S} UTC",
        ),
        str(given_up.pk): ("critical", "it is disabled. It has answered 410 Gone."),
    }


def test_syncs_are_told_that_are_held_or_of_which_the_last_has_failed():
    recovered, failed, held, off = (make_connection(slug) for slug in ("recovered", "failed", "held", "off"))
    for pms, status in ((recovered, "failed"), (recovered, "finished"), (failed, "finished"), (off, "failed")):
        make_run(pms, status)
    run = make_run(failed, "failed")
    make_run(failed, "cancelled")
    stopped = make_run(held, "held", held_because="It would archive 30 of 40 products.")
    PMSConnection.objects.filter(slug="off").update(is_active=False)

    assert told("failed_syncs") == {
        "failed": ("warning", f"Run {run.pk}, the last one, has failed"),
        "held": ("warning", f"Run {stopped.pk} is held: It would archive 30 of 40 products."),
    }


def test_stock_is_told_that_differs_from_that_of_an_active_pms():
    main = make_location("main")
    product = make_product("A-1")
    set_stock("A-1", main, 5)
    for slug in ("north", "off"):
        PMSStock.objects.create(
            connection=make_connection(slug),
            variant=product.variants.get(),
            location=main,
            on_hand=4,
            reported_at=timezone.now(),
            webhook_id="m",
        )
    PMSConnection.objects.filter(slug="off").update(is_active=False)

    found = read_stock_differences()

    assert {slug: finding.detail for slug, finding in found.items()} == {"north": "1 level of another quantity"}


def test_all_conditions_cost_a_statement_each():
    with CaptureQueriesContext(connection) as statements:
        read_conditions()

    # The savepoint and its release, the time limit, and two statements each for circuits, endpoints and runs.
    assert len(statements) == 2 + 1 + 8


class TestServerErrors:
    """Internal errors of the last five minutes, from counters that only rise."""

    def test_errors_before_the_first_reading_are_not_told(self):
        assert ServerErrors().findings(Counter(route=7), at(0)) is None

    def test_an_alert_of_a_monitor_before_stays_open_until_no_error_has_come_for_five_minutes(self):
        errors, tracker = ServerErrors(), Tracker()
        tracker.take_up(TrackedAlert(("server_errors", "route"), DOWN, began_at=at(-60), is_open=True, told_at=at(-57)))

        polled = [
            tracker.observe({"server_errors": errors.findings(Counter(route=7), at(seconds))}, at(seconds))
            for seconds in (0, 10, 20, 290, 300)
        ]
        (over,) = tracker.observe({"server_errors": errors.findings(Counter(route=7), at(310))}, at(310))

        assert polled == [[]] * 5
        assert over.resolved_at == at(300)

    def test_errors_are_told_by_their_layer_for_five_minutes(self):
        errors = ServerErrors()
        errors.findings(Counter(route=7), at(0))

        found = errors.findings(Counter(route=8, integration=2), at(10))
        later = errors.findings(Counter(route=8, integration=2), at(309))
        over = errors.findings(Counter(route=8, integration=2), at(310))

        assert found is not None
        assert later is not None
        assert {layer: finding.detail.partition(";")[0] for layer, finding in found.items()} == {
            "route": "1 error in the last 5 minutes",
            "integration": "2 errors in the last 5 minutes",
        }
        assert set(later) == {"route", "integration"}
        assert over == {}

    def test_counters_that_begin_anew_count_from_nothing(self):
        errors = ServerErrors()
        errors.findings(Counter(route=7), at(0))

        found = errors.findings(Counter(route=2), at(10))

        assert found is not None
        assert found["route"].detail.startswith("2 errors")
