"""The circuit of a connection: in the database, one for all processes, changed by one call at a time."""

import threading
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils import timezone

from pms_backend.events.models import Event
from pms_backend.outbound.circuit import OPENS_AFTER, Circuit, CircuitStatus
from pms_integration import services
from pms_integration.connectors.contract import ConnectorError, NotCalled
from pms_integration.models import PMSConnection
from pms_integration.services import circuits, pms_client
from tests.concurrency.threads import at_once
from tests.outbound.servers import LocalServer, hanging_up
from tests.pms_integration.outgoing.calling import answering, call, refused


def state(pms: PMSConnection) -> Circuit:
    pms.refresh_from_db()
    return pms.circuit_state


def announced() -> list[dict[str, Any]]:
    return [event.data for event in Event.objects.filter(type="pms.unreachable").order_by("id")]


def fail(pms: PMSConnection, server: LocalServer, times: int = 1) -> ConnectorError:
    server.respond = answering({"detail": "Broken."}, 500)
    errors = [refused(pms) for _ in range(times)]
    return errors[-1]


def open_circuit(pms: PMSConnection, server: LocalServer) -> None:
    fail(pms, server, OPENS_AFTER)
    assert state(pms).status == CircuitStatus.OPEN


def make_due(pms: PMSConnection) -> None:
    PMSConnection.objects.filter(pk=pms.pk).update(next_try_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.django_db
def test_a_success_is_a_contact(server: LocalServer, pms: PMSConnection):
    call(pms, "check")

    assert state(pms) == Circuit()
    assert pms.last_contact_at is not None
    assert pms.last_error == ""
    assert announced() == []


@pytest.mark.django_db
def test_contacts_are_written_once_in_a_while(server: LocalServer, pms: PMSConnection, django_assert_num_queries: Any):
    call(pms, "check")
    pms.refresh_from_db()
    first = pms.last_contact_at

    # The connection, the state before the call, and the state after it.
    with django_assert_num_queries(3):
        call(pms, "check")
    pms.refresh_from_db()
    assert pms.last_contact_at == first

    PMSConnection.objects.update(last_contact_at=timezone.now() - circuits.CONTACT_INTERVAL)
    call(pms, "check")
    pms.refresh_from_db()
    assert pms.last_contact_at >= first


@pytest.mark.django_db
def test_it_opens_after_failures_in_a_row_and_announces_it_once(server: LocalServer, pms: PMSConnection):
    fail(pms, server, OPENS_AFTER - 1)
    assert state(pms) == Circuit(failures=OPENS_AFTER - 1)
    assert announced() == []

    fail(pms, server)

    circuit = state(pms)
    assert (circuit.status, circuit.failures) == (CircuitStatus.OPEN, OPENS_AFTER)
    assert pms.last_error == 'The PMS answered 500: {"detail": "Broken."}'
    assert pms.last_contact_at is None
    assert announced() == [
        {
            "connection": "demo",
            "detail": pms.last_error,
            "failures": OPENS_AFTER,
            "next_try_at": pms.next_try_at.isoformat(),
        }
    ]
    assert Event.objects.get(type="pms.unreachable").subject == "pms_connection:demo"


@pytest.mark.django_db
def test_an_open_circuit_calls_nobody(server: LocalServer, pms: PMSConnection):
    open_circuit(pms, server)
    before = len(server.received)

    error = refused(pms)

    assert isinstance(error, NotCalled)
    assert (error.permanent, error.status) == (False, None)
    assert error.retry_after is not None
    assert 0 < error.retry_after <= 15
    assert "Its circuit is open" in str(error)
    assert len(server.received) == before
    assert state(pms).failures == OPENS_AFTER


@pytest.mark.django_db
def test_a_trial_that_succeeds_closes_it(server: LocalServer, pms: PMSConnection):
    open_circuit(pms, server)
    make_due(pms)
    seen = []

    def respond(handler) -> None:
        seen.append("asked")
        answering({"name": "Shop"})(handler)

    server.respond = respond

    assert call(pms, "check") == "Shop"

    assert state(pms) == Circuit()
    assert (pms.last_error, seen) == ("", ["asked"])
    assert pms.last_contact_at is not None
    call(pms, "check")


@pytest.mark.django_db
def test_a_trial_that_fails_opens_it_again_and_announces_nothing(server: LocalServer, pms: PMSConnection):
    open_circuit(pms, server)
    first = announced()
    for failures in (OPENS_AFTER + 1, OPENS_AFTER + 2):
        make_due(pms)
        fail(pms, server)
        assert (state(pms).status, pms.failures) == (CircuitStatus.OPEN, failures)
        assert isinstance(refused(pms), NotCalled)

    assert announced() == first


@pytest.mark.django_db
def test_it_is_announced_again_after_it_was_closed(server: LocalServer, pms: PMSConnection):
    open_circuit(pms, server)
    make_due(pms)
    server.respond = answering({"name": "Shop"})
    call(pms, "check")

    open_circuit(pms, server)

    assert len(announced()) == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "respond",
    [answering({}), answering({}, 503), answering({}, 302), hanging_up],
    ids=["nonsense", "503", "redirect", "no answer"],
)
def test_what_is_no_usable_answer_is_a_failure(server: LocalServer, pms: PMSConnection, respond):
    server.respond = respond

    refused(pms)

    assert state(pms) == Circuit(failures=1)
    assert pms.last_contact_at is None


@pytest.mark.django_db
@pytest.mark.parametrize("status", [401, 404, 409, 422, 429])
def test_a_refusal_is_a_contact_and_ends_the_failures(server: LocalServer, pms: PMSConnection, status: int):
    fail(pms, server, OPENS_AFTER - 1)
    server.respond = answering({}, status)

    for _ in range(OPENS_AFTER):
        error = refused(pms)

    assert state(pms) == Circuit()
    assert pms.last_contact_at is not None
    assert pms.last_error == str(error)


@pytest.mark.django_db
@pytest.mark.parametrize("status", [429, 503])
def test_all_processes_wait_as_long_as_the_pms_asks_for(server: LocalServer, pms: PMSConnection, status: int):
    server.respond = answering({}, status, Retry_After="20")
    refused(pms)

    error = refused(pms)

    assert isinstance(error, NotCalled)
    assert error.retry_after is not None
    assert 10 < error.retry_after <= 20
    assert "It has asked us to wait" in str(error)
    assert (state(pms).status, len(server.received)) == (CircuitStatus.CLOSED, 1)
    assert announced() == []


@pytest.mark.django_db
@pytest.mark.parametrize("status", [429, 503])
def test_a_longer_wait_than_half_a_minute_opens_it(server: LocalServer, pms: PMSConnection, status: int):
    server.respond = answering({}, status, Retry_After="3600")
    refused(pms)

    circuit = state(pms)

    assert circuit.status == CircuitStatus.OPEN
    assert circuit.next_try_at is not None
    assert circuit.next_try_at - timezone.now() > timedelta(minutes=59)
    assert len(announced()) == 1


@pytest.mark.django_db
def test_what_was_never_sent_changes_nothing(server: LocalServer, pms: PMSConnection, monkeypatch):
    monkeypatch.setattr(pms_client, "MAX_RESPONSE_BYTES", 1)
    pms_client.close_clients()
    monkeypatch.setattr(pms_client, "BURST", 1)
    monkeypatch.setattr(pms_client, "CALLS_PER_SECOND", 0.01)
    call(pms, "check")

    error = refused(pms)

    assert isinstance(error, NotCalled)
    assert error.retry_after is not None
    assert error.retry_after > 30
    assert state(pms) == Circuit()
    assert len(server.received) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"base_url": None}, "only sends webhooks"),
        ({"is_active": False}, "not active"),
        ({"kind": "gone"}, "connector"),
    ],
)
def test_a_connection_that_may_not_call_does_not(server: LocalServer, pms: PMSConnection, change, words: str):
    PMSConnection.objects.update(**change)

    error = refused(pms)

    assert isinstance(error, NotCalled)
    assert words in str(error)
    assert error.permanent == (words != "connector")
    assert server.received == []


@pytest.mark.django_db
def test_an_error_of_ours_is_not_the_pmss(server: LocalServer, pms: PMSConnection):
    def operation(*_: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        services.call_pms(connection_id=pms.pk, operation=operation)

    assert state(pms) == Circuit()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_called_in_a_transaction(server: LocalServer, pms: PMSConnection):
    with transaction.atomic(), pytest.raises(transaction.TransactionManagementError):
        call(pms, "check")

    assert server.received == []
    assert state(pms) == Circuit()


@pytest.mark.django_db(transaction=True)
@pytest.mark.database
def test_two_workers_at_once_make_one_trial(server: LocalServer, pms: PMSConnection):
    open_circuit(pms, server)
    make_due(pms)
    before = len(server.received)
    other_is_refused = threading.Event()

    def respond(handler) -> None:
        assert other_is_refused.wait(10)
        answering({"name": "Shop"})(handler)

    server.respond = respond

    def check() -> str:
        try:
            return call(pms, "check")
        except NotCalled:
            other_is_refused.set()
            raise

    results = at_once([check, check])

    assert sorted(map(str, results), key=len)[0] == "Shop"
    [refusal] = [result for result in results if isinstance(result, Exception)]
    assert isinstance(refusal, NotCalled)
    assert "half-open" in str(refusal)
    assert len(server.received) == before + 1
    assert state(pms) == Circuit()


def swap_blindly(connection: PMSConnection, circuit: Circuit) -> bool:
    """What the compare-and-swap would be without the comparison."""
    changed = {"circuit": circuit.status, "failures": circuit.failures, "next_try_at": circuit.next_try_at}
    return bool(PMSConnection.objects.filter(pk=connection.pk).update(**changed))


@pytest.mark.django_db(transaction=True)
@pytest.mark.database
@pytest.mark.parametrize(("is_guarded", "trials"), [(True, 1), (False, 2)])
def test_the_comparison_is_what_lets_one_through(server, pms, monkeypatch, is_guarded: bool, trials: int):
    open_circuit(pms, server)
    make_due(pms)
    both_have_read, read, seen = threading.Barrier(2, timeout=10), circuits._read, threading.local()

    def read_with_the_other(connection_id: int) -> Any:
        found = read(connection_id)
        if not hasattr(seen, "once"):
            seen.once = True
            both_have_read.wait()
        return found

    monkeypatch.setattr(circuits, "_read", read_with_the_other)
    if not is_guarded:
        monkeypatch.setattr(circuits, "_swap", swap_blindly)

    results = at_once([partial(circuits.admit_call, connection_id=pms.pk)] * 2)

    assert [result for result in results if result is True] == [True] * trials


@pytest.mark.django_db(transaction=True)
@pytest.mark.database
@pytest.mark.parametrize("workers", [8])
def test_of_many_workers_one_gets_the_trial(server: LocalServer, pms: PMSConnection, workers: int):
    open_circuit(pms, server)
    for _ in range(5):
        make_due(pms)

        results = at_once([partial(circuits.admit_call, connection_id=pms.pk)] * workers)

        assert [result for result in results if result is True] == [True]
        assert sum(isinstance(result, NotCalled) for result in results) == workers - 1
        PMSConnection.objects.update(circuit=CircuitStatus.OPEN)


@pytest.mark.django_db(transaction=True)
@pytest.mark.database
def test_failures_of_many_workers_are_all_counted_and_announced_once(server: LocalServer, pms: PMSConnection):
    failure = ConnectorError("The PMS does not answer.")
    record = partial(circuits.record_error, connection_id=pms.pk, is_trial=False, error=failure)

    at_once([record] * (OPENS_AFTER - 1))
    assert state(pms) == Circuit(failures=OPENS_AFTER - 1)
    at_once([record] * 4)

    assert (state(pms).status, pms.failures) == (CircuitStatus.OPEN, OPENS_AFTER)
    assert len(announced()) == 1


@pytest.mark.django_db(transaction=True)
def test_the_announcement_and_the_state_are_one_transaction(server: LocalServer, pms: PMSConnection, monkeypatch):
    fail(pms, server, OPENS_AFTER - 1)
    monkeypatch.setattr(circuits.outbox, "record", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        call(pms, "check")

    assert state(pms) == Circuit(failures=OPENS_AFTER - 1)
    assert announced() == []


@pytest.mark.django_db(transaction=True)
def test_a_new_process_finds_the_state(server: LocalServer, pms: PMSConnection):
    open_circuit(pms, server)
    before = len(server.received)
    # What a process has in memory is gone.
    pms_client.close_clients()
    connections.close_all()

    assert isinstance(refused(pms), NotCalled)
    assert len(server.received) == before


@pytest.mark.django_db(transaction=True)
def test_a_trial_whose_worker_died_is_made_again(server: LocalServer, pms: PMSConnection):
    open_circuit(pms, server)
    make_due(pms)
    assert circuits.admit_call(connection_id=pms.pk) is True
    server.respond = answering({"name": "Shop"})
    assert isinstance(refused(pms), NotCalled)

    make_due(pms)

    assert call(pms, "check") == "Shop"
    assert state(pms) == Circuit()
