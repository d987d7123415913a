"""A PMS that answers 401, nonsense or not at all: API, admin, health and feed say which, what is wrong, what next."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from pms_backend.api.moments import parse_moment
from pms_backend.events import services as events
from pms_backend.operations.tasks import record_heartbeat
from pms_backend.outbound.circuit import OPENS_AFTER
from pms_integration.models import PMSConnection
from pms_integration.services import pms_client
from tests.conftest import JSONClient
from tests.factories import make_connection
from tests.pms_integration.outgoing.calling import connect_simulator, refused
from tests.pms_integration.simulator.calling import SimulatorHere
from tests.staff import superuser

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/pms/connections/"
LIST = "admin:pms_integration_pmsconnection_changelist"
# Of each fault, how its error begins.
FAULTS = {
    "wrong_json": ("The PMS's answer ", "The answer of the PMS "),
    "half_answer": ("The PMS does not answer: ",),
    "timeout_before": ("The PMS does not answer: ",),
    "500": ("The PMS answered 500: ",),
}


@pytest.fixture
def pms(simulator: SimulatorHere, monkeypatch: pytest.MonkeyPatch) -> PMSConnection:
    """A connection to it, and another to the same that works; calls are given up soon."""
    monkeypatch.setattr(pms_client, "BOUNDS", replace(pms_client.BOUNDS, read_seconds=0.3))
    connect_simulator(make_connection("sound"), simulator)
    return connect_simulator(make_connection("broken"), simulator)


def ask(api: JSONClient, slug: str = "broken") -> dict[str, Any]:
    """The answer of a test of the connection, which is always a success of ours."""
    answer = api.post(f"{URL}{slug}/test/")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def fail(api: JSONClient, simulator: SimulatorHere, fault: str) -> list[str]:
    """Opens the circuit by calls of people and of workers; returns the errors."""
    simulator.set_faults({fault: 1})
    pms = PMSConnection.objects.get(slug="broken")
    found = [ask(api)["detail"] if number % 2 else str(refused(pms)) for number in range(OPENS_AFTER)]
    simulator.set_faults({})
    return found


def state(api: JSONClient, slug: str = "broken") -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"{URL}{slug}/").json()["state"]
    return found


def announced(api: JSONClient) -> list[dict[str, Any]]:
    events.relay_pending()
    return [event["data"] for event in api.get("/api/v1/events/", {"types": "pms.unreachable"}).json()["results"]]


def circuits() -> tuple[str, str]:
    """What `/health/ready` says of the circuits; everything else works."""
    for name in ("beat", "monitor", *settings.QUEUES):
        record_heartbeat(name)
    answer = Client().get("/health/ready")
    checks = answer.json()["checks"]
    found = checks.pop("circuits")
    assert (answer.status_code, {check["status"] for check in checks.values()}) == (200, {"ok"})
    return found["status"], found["detail"]


def to_do(client: Client) -> list[str]:
    """What the dashboard says is to be done."""
    return [item.text for item in client.get(reverse("admin:index")).context["to_do"]]


def listed(client: Client, calls: str) -> list[str]:
    """The connections in the admin's list of what is wrong."""
    return [row.slug for row in client.get(reverse(LIST), {"calls": calls}).context["cl"].result_list]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_pms_without_usable_answers_is_named_with_its_error_and_the_next_try(
    api: JSONClient, pms: PMSConnection, simulator: SimulatorHere, fault: str
):
    errors, client = fail(api, simulator, fault), superuser()

    pms.refresh_from_db()
    shown = state(api)
    assert all(error.startswith(FAULTS[fault]) for error in errors)
    assert (shown["circuit"], shown["last_error"], shown["last_contact_at"]) == ("open", errors[-1], None)
    assert parse_moment(shown["next_try_at"]) == pms.next_try_at
    assert announced(api) == [
        {
            "connection": "broken",
            "detail": errors[-1],
            "failures": OPENS_AFTER,
            "next_try_at": pms.next_try_at.isoformat(),
        }
    ]
    moment = f"{timezone.localtime(pms.next_try_at):%H:%M:%S}"
    page = client.get(reverse("admin:pms_integration_pmsconnection_change", args=[pms.pk])).content.decode()
    assert f"{OPENS_AFTER} calls in a row have failed. It is not called until {moment}" in page
    assert escape(errors[-1]) in page
    assert f"{escape(errors[-1])[:100]}" in client.get(reverse(LIST)).content.decode()
    assert f"It is not called until {moment}" in client.get(reverse(LIST)).content.decode()
    assert (listed(client, "unreachable"), listed(client, "failed")) == (["broken"], [])
    assert to_do(client) == ["1 PMS cannot be reached"]
    assert circuits() == ("degraded", "unreachable PMSs: 1; endpoints that fail: 0")


def test_nobody_waits_for_it_meanwhile(api: JSONClient, pms: PMSConnection, simulator: SimulatorHere):
    fail(api, simulator, "timeout_before")
    requests = simulator.counters()["requests"]

    assert [ask(api)["ok"] for _ in range(3)] == [False] * 3
    assert "Its circuit is open." in ask(api)["detail"]
    assert simulator.counters()["requests"] == requests
    # The other connection is called as before.
    assert ask(api, "sound")["ok"] is True
    assert (state(api, "sound")["circuit"], state(api, "sound")["last_error"]) == ("closed", "")


def test_one_trial_finds_out_that_it_works_again(api: JSONClient, pms: PMSConnection, simulator: SimulatorHere):
    fail(api, simulator, "wrong_json")
    PMSConnection.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))

    assert ask(api)["ok"] is True

    shown = state(api)
    assert (shown["circuit"], shown["last_error"], shown["next_try_at"]) == ("closed", "", None)
    assert shown["last_contact_at"] is not None
    assert len(announced(api)) == 1
    assert to_do(superuser()) == []
    assert circuits() == ("ok", "unreachable PMSs: 0; endpoints that fail: 0")


def test_a_wrong_token_is_a_refusal_that_opens_nothing(api: JSONClient, pms: PMSConnection, simulator: SimulatorHere):
    connect_simulator(pms, simulator, token="another-token-0123")
    client = superuser()

    errors = {ask(api)["detail"] for _ in range(OPENS_AFTER + 1)}

    [error] = errors
    assert error.startswith("The PMS answered 401: ")
    shown = state(api)
    assert (shown["circuit"], shown["last_error"], shown["next_try_at"]) == ("closed", error, None)
    assert shown["last_contact_at"] is not None
    assert announced(api) == []
    page = client.get(reverse("admin:pms_integration_pmsconnection_change", args=[pms.pk])).content.decode()
    assert "It has refused the last call." in page
    assert escape(error) in page
    assert escape(error)[:100] in client.get(reverse(LIST)).content.decode()
    assert (listed(client, "unreachable"), listed(client, "failed")) == ([], ["broken"])
    assert circuits() == ("ok", "unreachable PMSs: 0; endpoints that fail: 0")
