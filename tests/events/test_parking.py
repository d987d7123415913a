"""A receiver that fails for an event blocks nobody: the event is parked, seen, and replayed once it is mended."""

import io
import time
from collections.abc import Sequence

import pytest
from django.core.management import call_command
from django.db import InterfaceError, OperationalError, connection, transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from pms_backend.api.exceptions import NotFound
from pms_backend.events import services
from pms_backend.events.models import Event, ParkedEvent
from pms_backend.events.services import receiving
from pms_backend.events.services.relay import MAX_BATCH_DEATHS, MAX_SINGLE_DEATHS
from tests.events.examples import feed, happen
from tests.events.receivers import Receive
from tests.staff import said, staff_with, superuser

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


class Moody:
    """A receiver that does not like some things, until it is mended."""

    def __init__(self, *disliked: str) -> None:
        self.disliked = {f"thing:{thing}" for thing in disliked}
        self.calls: list[list[str]] = []
        self.taken: list[str] = []

    def __call__(self, events: Sequence[Event]) -> None:
        subjects = [event.subject for event in events]
        self.calls.append(subjects)
        if bad := self.disliked.intersection(subjects):
            raise ValueError(f"no {min(bad)}")
        self.taken += subjects


def parked() -> list[tuple[int | None, str, int, str, bool]]:
    rows = ParkedEvent.objects.select_related("event").order_by("id")
    return [(r.event.sequence, r.receiver, r.attempts, r.last_error, r.resolved_at is not None) for r in rows]


def replay(*arguments: str) -> tuple[str, str, int]:
    out, err = io.StringIO(), io.StringIO()
    code = 0
    try:
        call_command("replay_events", *arguments, stdout=out, stderr=err)
    except SystemExit as end:
        code = int(str(end.code))
    return out.getvalue(), err.getvalue(), code


@pytest.fixture
def moody(receive: Receive) -> Moody:
    """One that does not like b; it is connected between two that like everything."""
    receiver = Moody("b")
    receive("tests.moody", receiver)
    return receiver


def test_a_receiver_without_a_savepoint_blocks_nobody_either(receive: Receive):
    receivers = Moody("b"), Moody()
    for number, receiver in enumerate(receivers):
        receive(f"tests.{number}", receiver, uses_database=False)
    happen("a", "b", "c")

    assert services.relay_pending() == 3

    assert [receiver.taken for receiver in receivers] == [["thing:a", "thing:c"], ["thing:a", "thing:b", "thing:c"]]
    assert [pair[:3] for pair in parked()] == [(2, "tests.0", 1)]


@pytest.mark.parametrize(
    "name",
    [
        "inventory.wake_sockets",
        "operations.note_batch",
        "pms_integration.wake_deferred",
        "products.replace_generations",
    ],
)
def test_a_receiver_without_a_savepoint_does_not_use_the_database(name: str, django_assert_num_queries):
    events = [
        Event(sequence=1, type="stock.changed", subject="level:main/A-1"),
        Event(sequence=2, type="product.created", subject="product:1"),
    ]

    with transaction.atomic():
        with django_assert_num_queries(0):
            receiving.receivers[name](events)
        transaction.set_rollback(True)  # what it registered for after the commit is dropped


def test_only_the_event_that_fails_is_parked_and_only_for_that_receiver(receive: Receive, moody: Moody, caplog):
    other = Moody()
    receive("tests.other", other)
    happen("a", "b", "c")

    assert services.relay_pending() == 3

    assert moody.calls == [["thing:a", "thing:b", "thing:c"], ["thing:a"], ["thing:b"], ["thing:c"]]
    assert moody.taken == ["thing:a", "thing:c"]
    assert other.calls == [["thing:a", "thing:b", "thing:c"]]
    assert feed() == [(1, "thing:a"), (2, "thing:b"), (3, "thing:c")]
    assert parked() == [(2, "tests.moody", 1, "ValueError: no thing:b", False)]
    assert "Parked for the receiver tests.moody: 1 of the events from 2 to 2" in caplog.text


def test_a_parked_event_is_not_tried_again_by_itself(moody: Moody):
    happen("b")
    services.relay_pending()
    calls = len(moody.calls)
    happen("a")
    services.relay_pending()
    services.relay_pending()

    assert moody.calls[calls:] == [["thing:a"]]


def test_what_fails_once_only_is_not_parked(receive: Receive):
    calls = []

    def fail_once(events: Sequence[Event]) -> None:
        calls.append(len(events))
        if len(calls) == 1:
            raise TimeoutError

    receive("tests.shaky", fail_once)
    happen("a", "b")
    services.relay_pending()

    assert calls == [2, 1, 1]
    assert parked() == []


def test_one_that_fails_for_too_long_is_left_until_the_feed_has_gone_on(receive: Receive, monkeypatch):
    monkeypatch.setattr(receiving, "ONE_BY_ONE_SECONDS", -1.0)
    moody = Moody("b")
    receive("tests.slow", moody)
    happen("a", "b")
    assert services.relay_batch() == 2
    assert parked() == [
        (1, "tests.slow", 0, "Not dispatched to this receiver yet.", False),
        (2, "tests.slow", 0, "Not dispatched to this receiver yet.", False),
    ]

    services.relay_pending()

    assert moody.taken == ["thing:a"]
    assert parked() == [(1, "tests.slow", 1, "", True), (2, "tests.slow", 1, "ValueError: no thing:b", False)]


def test_once_mended_the_event_is_replayed_by_the_command(moody: Moody):
    happen("a", "b")
    services.relay_pending()
    event = Event.objects.get(sequence=2)

    assert replay() == (f"evt_{event.pk} for tests.moody: ValueError: no thing:b\n", "1 stay parked.\n", 1)
    moody.disliked.clear()
    assert replay("--receiver", "another") == ("", "", 0)
    assert replay("--event", "evt_0") == ("", "", 0)
    assert replay("--receiver", "tests.moody", "--event", event.public_id) == (
        f"evt_{event.pk} for tests.moody: replayed\n", "", 0,
    )  # fmt: skip

    assert moody.taken == ["thing:a", "thing:b"]
    assert parked() == [(2, "tests.moody", 3, "", True)]
    assert replay() == ("", "", 0)


def test_what_is_replayed_already_is_left_as_it_is(moody: Moody):
    happen("b")
    services.relay_pending()
    moody.disliked.clear()
    pair = ParkedEvent.objects.get()
    first = services.replay_parked(parked_id=pair.pk)

    again = services.replay_parked(parked_id=pair.pk)

    assert again.resolved_at == first.resolved_at is not None
    assert again.attempts == 2
    assert moody.taken == ["thing:b"]


def test_what_a_replay_writes_is_gone_when_it_fails(receive: Receive):
    def write_and_fail(_: Sequence[Event]) -> None:
        happen("written")
        raise RuntimeError

    receive("tests.writes", write_and_fail)
    happen("a")
    services.relay_batch()
    services.replay_parked(parked_id=ParkedEvent.objects.get().pk)

    assert feed() == [(1, "thing:a")]
    assert parked() == [(1, "tests.writes", 2, "RuntimeError: ", False)]


def test_the_error_of_a_replay_on_a_german_page_is_english(receive: Receive):
    def refuse(_: Sequence[Event]) -> None:
        raise ValueError(gettext("Enter a name."))

    receive("tests.refuses", refuse)
    happen("a")
    services.relay_batch()
    with translation.override("de"):
        assert gettext("Enter a name.") != "Enter a name."
        services.replay_parked(parked_id=ParkedEvent.objects.get().pk)

    assert parked() == [(1, "tests.refuses", 2, "ValueError: Enter a name.", False)]


def test_for_a_receiver_that_is_gone_it_stays_parked(moody: Moody):
    happen("b")
    services.relay_pending()
    del receiving.receivers["tests.moody"]

    services.replay_parked(parked_id=ParkedEvent.objects.get().pk)

    assert parked() == [(1, "tests.moody", 2, "UnknownReceiver: tests.moody is not connected.", False)]


def test_a_pair_that_is_not_there_is_not_found():
    with pytest.raises(NotFound):
        services.replay_parked(parked_id=1)


def test_it_is_seen_in_the_admin_and_replayed_there(moody: Moody):
    happen("b")
    services.relay_pending()
    pair = ParkedEvent.objects.get()
    client, listed = superuser(), reverse("admin:events_parkedevent_changelist")
    page = reverse("admin:events_parkedevent_replay", args=[pair.pk])
    identity = pair.event.public_id

    assert "no thing:b" in client.get(listed, {"state": "parked"}).content.decode()
    assert "no thing:b" in client.get(page).content.decode()
    refused = client.post(page, {"_": "1"}, follow=True)
    moody.disliked.clear()
    selected = {"action": "replay_selected", "_selected_action": [pair.pk]}
    replayed = client.post(listed, selected, follow=True)

    assert said(refused) == [f"{identity} for tests.moody stays parked: ValueError: no thing:b"]
    assert said(replayed) == [f"{identity} for tests.moody is replayed."]
    assert moody.taken == ["thing:b"]
    assert "no thing:b" not in client.get(listed, {"state": "parked"}).content.decode()


def test_staff_with_view_permission_only_may_not_replay(moody: Moody):
    happen("b")
    services.relay_pending()
    pair = ParkedEvent.objects.get()
    client = staff_with("events.view_parkedevent")

    assert client.get(reverse("admin:events_parkedevent_changelist")).status_code == 200
    assert client.post(reverse("admin:events_parkedevent_replay", args=[pair.pk]), {"_": "1"}).status_code == 403
    assert ParkedEvent.objects.get().attempts == 1


def test_a_receiver_whose_statement_takes_too_long_is_parked_for(receive: Receive, monkeypatch):
    def dawdle(_: Sequence[Event]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(10)")

    monkeypatch.setattr(receiving, "RELAY_TIMEOUT", "50ms")
    receive("tests.dawdles", dawdle)
    happen("a")

    assert services.relay_pending() == 1
    (found,) = parked()
    assert found[:3] == (1, "tests.dawdles", 1)
    assert "statement timeout" in found[3]


def test_a_receiver_that_sleeps_in_the_transaction_does_not_hold_the_feed_for_ever(receive: Receive, monkeypatch):
    """The server ends such a session, so that nothing is committed: the same as if the relay's process had died."""

    def sleep(events: Sequence[Event]) -> None:
        if events[0].subject == "thing:sleepy":
            time.sleep(0.4)

    monkeypatch.setattr(receiving, "RELAY_TIMEOUT", "50ms")
    receive("tests.sleeps", sleep)
    happen("sleepy", "b")

    for _ in range(MAX_BATCH_DEATHS + MAX_SINGLE_DEATHS):
        with pytest.raises((OperationalError, InterfaceError)):
            services.relay_pending()
        connection.close()
    assert feed() == [(None, "thing:sleepy"), (None, "thing:b")]
    services.relay_batch()
    services.relay_batch()
    assert feed() == [(1, "thing:sleepy"), (2, "thing:b")]
    services.relay_pending()

    (found,) = [pair for pair in parked() if not pair[-1]]
    assert found[:3] == (1, "tests.sleeps", 1)
    assert "Error" in found[3]
