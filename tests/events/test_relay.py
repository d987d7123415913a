"""The relay gives recorded events their sequence in the feed: gapless, in the order of recording."""

import threading
from collections.abc import Sequence

import pytest
from django.db import connections, transaction

from pms_backend.events import services
from pms_backend.events.models import Event, FeedHead, ParkedEvent, head_sequence
from pms_backend.events.services import relay
from pms_backend.events.tasks import relay_events
from tests.concurrency.threads import at_once
from tests.events.examples import Lost, ThingHappened, feed, happen, lose

pytestmark = pytest.mark.database


@pytest.mark.django_db
def test_nothing_is_published_before_the_relay_runs():
    happen("a")

    assert feed() == [(None, "thing:a")]
    assert head_sequence() == 0


@pytest.mark.django_db
def test_sequences_are_gapless_and_in_the_order_of_recording():
    happen("a", "b")
    assert services.relay_pending() == 2
    happen("c")
    assert relay_events() == 1

    assert feed() == [(1, "thing:a"), (2, "thing:b"), (3, "thing:c")]
    assert head_sequence() == 3


@pytest.mark.django_db
def test_where_nothing_is_recorded_nothing_is_done():
    assert services.relay_pending() == 0
    assert not FeedHead.objects.exists()


@pytest.mark.django_db
def test_batches_follow_each_other_until_none_is_left(monkeypatch, receive):
    monkeypatch.setattr(relay, "BATCH_SIZE", 2)
    batches = []
    receive("tests", lambda events: batches.append([event.sequence for event in events]))
    happen(*"abcde")

    assert services.relay_pending() == 5
    assert batches == [[1, 2], [3, 4], [5]]
    assert [sequence for sequence, _ in feed()] == [1, 2, 3, 4, 5]


@pytest.mark.django_db
def test_the_head_outlives_the_events():
    happen("a", "b")
    services.relay_pending()
    Event.objects.all().delete()
    happen("c")
    services.relay_pending()

    assert feed() == [(3, "thing:c")]


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_event_leaves_no_gap():
    happen("a")
    with pytest.raises(Lost):
        lose(lambda: services.record(ThingHappened(thing="lost")))
    happen("b")
    services.relay_pending()

    assert feed() == [(1, "thing:a"), (2, "thing:b")]


@pytest.mark.django_db(transaction=True)
def test_an_event_that_commits_late_comes_later_and_is_not_skipped():
    """Identities are given at the INSERT, so that a smaller one may become visible after a larger one."""
    inserted, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                services.record(ThingHappened(thing="slow"))
                inserted.set()
                assert go_on.wait(10)
        finally:
            connections.close_all()

    thread = threading.Thread(target=slow)
    thread.start()
    assert inserted.wait(10)
    happen("quick")
    assert services.relay_pending() == 1
    go_on.set()
    thread.join(10)
    assert services.relay_pending() == 1

    assert feed() == [(2, "thing:slow"), (1, "thing:quick")]


@pytest.mark.django_db(transaction=True)
def test_one_relay_works_and_another_leaves_at_once(receive):
    meanwhile = []

    def other() -> None:
        try:
            meanwhile.append(services.relay_pending())
        finally:
            connections.close_all()

    def during(_: Sequence[Event]) -> None:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(10)

    receive("tests", during)
    happen("a", "b")

    assert services.relay_pending() == 2
    assert meanwhile == [0]
    assert feed() == [(1, "thing:a"), (2, "thing:b")]


@pytest.mark.django_db(transaction=True)
def test_many_relays_at_once_publish_each_event_once(receive):
    seen: list[int | None] = []
    receive("tests", lambda events: seen.extend(event.sequence for event in events))
    happen(*(str(number) for number in range(50)))

    at_once([services.relay_pending] * 4)
    services.relay_pending()

    assert seen == list(range(1, 51))
    assert [sequence for sequence, _ in feed()] == list(range(1, 51))


@pytest.mark.django_db
def test_receivers_get_the_published_events_in_order(receive):
    received = []
    receive("tests", lambda events: received.extend((event.sequence, event.type, event.data) for event in events))
    happen("a", "b")
    services.relay_pending()

    assert received == [(1, "thing.happened", {"thing": "a"}), (2, "thing.happened", {"thing": "b"})]


@pytest.mark.django_db
def test_a_receiver_that_fails_stops_neither_the_others_nor_the_feed(receive, caplog):
    received = []

    def fail(_: Sequence[Event]) -> None:
        FeedHead.objects.create(id=2)  # refused by a constraint: the transaction would be lost with it

    receive("tests.before", lambda events: received.append("before"))
    receive("tests.broken", fail)
    receive("tests.after", lambda events: received.append("after"))
    happen("a")

    assert services.relay_batch() == 1
    assert received == ["before", "after"]
    assert feed() == [(1, "thing:a")]
    assert "The receiver tests.broken failed for the events up to 1" in caplog.text
    assert ParkedEvent.objects.get().receiver == "tests.broken"


@pytest.mark.django_db(transaction=True)
def test_what_a_receiver_writes_is_gone_when_it_fails(receive):
    def write_and_fail(_: Sequence[Event]) -> None:
        happen("written")
        raise RuntimeError

    receive("tests", write_and_fail)
    happen("a")
    services.relay_batch()

    assert feed() == [(1, "thing:a")]


@pytest.mark.django_db
def test_a_receiver_that_is_connected_twice_is_called_once(receive):
    received = []
    receive("tests", lambda events: received.append(1))
    receive("tests", lambda events: received.append(1))
    happen("a")
    services.relay_pending()

    assert received == [1]
