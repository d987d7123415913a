"""A real worker of the relay: its session outlives its runs, and its runs outlive their session."""

import pytest
from django.db import connection

from pms_backend.events.models import Event
from pms_backend.events.services import relay_wake_up
from tests.events.examples import happen
from tests.faults.celery_processes import CeleryProcess
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

RELAY = "pms relay of the test"


def publish(thing: str) -> int:
    """Has an event published by the worker; returns the worker's session."""
    happen(thing)
    relay_wake_up.send()
    wait_until(lambda: not Event.objects.pending().exists(), thing)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE application_name = %s", [RELAY])
        ((session,),) = cursor.fetchall()
    return session


def test_a_session_is_kept_until_postgresql_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROGRAM", RELAY.removeprefix("pms "))
    worker = CeleryProcess("worker", "--queues=relay", "--pool=solo", "--without-gossip", "--without-mingle")
    with worker:
        first = publish("a")
        assert publish("b") == first

        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
        second = publish("c")
        assert second != first
        assert publish("d") == second
