"""The relay makes a delivery of each event to each endpoint that gets it, and its chain of sequences has no hole."""

import threading
from collections.abc import Sequence

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from pms_backend.events import services as events
from pms_backend.events.models import Event, head_sequence
from pms_backend.events.services import relay, relay_pending
from tests.concurrency.threads import DEADLINE_SECONDS
from tests.events.examples import OtherHappened, ThingMoved, happen
from tests.events.receivers import Receive
from tests.webhooks.out.delivering import chain, make_endpoint, publish
from webhooks import services
from webhooks.models import Delivery, EndpointCursor, WebhookEndpoint
from webhooks.services import recording

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


def subjects_of(endpoint: WebhookEndpoint) -> list[str]:
    rows = Delivery.objects.filter(endpoint=endpoint).order_by("sequence").values_list("event_id", flat=True)
    subjects = dict(Event.objects.values_list("pk", "subject"))
    return [subjects[pk] for pk in rows]


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        (["*"], ["a", "b", "c"]),
        (["thing.*"], ["a", "b"]),
        (["thing.moved"], ["b"]),
        (["thing.m*", "other.*"], ["b", "c"]),
        (["thing.moved", "thing.*"], ["a", "b"]),
        (["thing"], []),
        (["%"], []),
        (["thing_*"], []),
    ],
)
def test_an_endpoint_gets_the_types_that_its_patterns_match(types: list[str], expected: list[str]):
    endpoint = make_endpoint(types=types)

    publish("a")
    publish("b", kind=ThingMoved)
    publish("c", kind=OtherHappened)

    assert subjects_of(endpoint) == [f"thing:{name}" for name in expected]


def test_the_chain_has_no_hole_over_batches(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(relay, "BATCH_SIZE", 3)
    everything, some = make_endpoint(), make_endpoint(types=["thing.moved"])
    for number in range(8):
        happen(str(number), kind=ThingMoved if number % 3 == 0 else OtherHappened)
    relay_pending()

    first = Event.objects.earliest("sequence").sequence or 0
    every = list(range(first, first + 8))
    assert chain(everything) == list(zip(every, [None, *every[:-1]], strict=True))
    assert chain(some) == [(first, None), (first + 3, first), (first + 6, first + 3)]


def test_another_receiver_that_fails_makes_no_second_delivery(receive: Receive):
    def fail(events: Sequence[Event]) -> None:
        raise ValueError("no")

    receive("tests.failing", fail)
    endpoint = make_endpoint()
    publish("a", "b")

    assert len(chain(endpoint)) == 2


def test_called_again_it_changes_nothing():
    endpoint = make_endpoint()
    publish("a", "b", "c")
    before = chain(endpoint)

    again = list(Event.objects.order_by("sequence"))
    recording.record_deliveries(again)
    recording.record_deliveries(again[:1])

    assert chain(endpoint) == before
    assert EndpointCursor.objects.get().last_sequence == before[-1][0]


def test_a_late_event_takes_its_place_in_the_chain(monkeypatch: pytest.MonkeyPatch):
    endpoint = make_endpoint()
    publish("a")
    with monkeypatch.context() as patch:
        patch.setattr(recording, "_RECORD_NEXT", "SELECT 1 / 0")
        publish("b")
    publish("c")
    first = Event.objects.earliest("sequence").sequence or 0
    assert [sequence for sequence, _ in chain(endpoint)] == [first, first + 2]

    parked = Event.objects.get(subject="thing:b").parked.get()
    events.replay_parked(parked_id=parked.pk)

    assert chain(endpoint) == [(first, None), (first + 1, first), (first + 2, first)]
    assert EndpointCursor.objects.get().last_sequence == first + 2


def test_a_disabled_endpoint_gets_nothing_and_sees_afterwards_that_it_missed_something():
    endpoint = make_endpoint(types=["thing.*"])
    publish("a")
    services.update_endpoint(endpoint_id=endpoint.pk, values={"is_active": False})
    publish("b", "c")
    services.enable_endpoint(endpoint_id=endpoint.pk)
    publish("d")

    first = Event.objects.get(subject="thing:a").sequence or 0
    last, missed = (Event.objects.get(subject=f"thing:{name}").sequence for name in ("d", "c"))
    assert chain(endpoint) == [(first, None), (last, missed)]


def test_other_types_go_on_from_what_it_got_before():
    endpoint = make_endpoint(types=["thing.happened"])
    publish("a")
    WebhookEndpoint.objects.update(event_types=["other.*"])
    publish("b")
    publish("c", kind=OtherHappened)

    first = Event.objects.get(subject="thing:a").sequence or 0
    assert chain(endpoint) == [(first, None), (first + 2, first)]


def test_a_new_endpoint_gets_what_is_published_from_then_on():
    publish("a")
    endpoint = make_endpoint()
    publish("b")

    assert subjects_of(endpoint) == ["thing:b"]
    assert chain(endpoint)[0][1] is None


def test_a_test_is_for_its_endpoint_alone_whatever_that_gets():
    tried, other = make_endpoint(types=["thing.*"]), make_endpoint()
    services.send_test(endpoint_id=tried.pk)
    relay_pending()

    assert list(Delivery.objects.values_list("endpoint", "type")) == [(tried.pk, "webhook.test")]
    assert chain(other) == []


def test_ten_endpoints_cost_the_relay_no_more_statements_than_one():
    def statements() -> int:
        happen("a", "b", "c")
        with CaptureQueriesContext(connection) as captured:
            relay_pending()
        return len(captured)

    make_endpoint()
    statements()
    one = statements()
    for _ in range(9):
        make_endpoint()

    assert statements() == one
    assert Delivery.objects.count() == 3 + 3 + 30


def test_an_endpoint_deleted_during_a_batch_stops_no_relay(receive: Receive):
    publish("before")
    deleted, kept = make_endpoint(), make_endpoint()

    def delete() -> None:
        services.delete_endpoint(endpoint_id=deleted.pk)
        connections.close_all()

    deleting = threading.Thread(target=delete)

    def begin(_: Sequence[Event]) -> None:
        deleting.start()
        # It waits for the relay: without that it would be over, and the deliveries without their endpoint.
        deleting.join(0.3)

    receive("tests.deleting", begin)
    publish("a")
    deleting.join(DEADLINE_SECONDS)

    assert list(WebhookEndpoint.objects.values_list("pk", flat=True)) == [kept.pk]
    assert list(Delivery.objects.values_list("endpoint", flat=True)) == [kept.pk]


def test_after_a_restore_a_subscriber_sees_that_it_has_missed_something():
    endpoint, new = make_endpoint(types=["thing.*"]), make_endpoint(types=["other.*"])
    publish("a")
    call_command("continue_after_restore", "--skip", "100")
    restored = head_sequence()

    publish("b")
    publish("c")

    assert chain(endpoint)[1:] == [(restored + 1, restored), (restored + 2, restored + 1)]
    assert chain(new) == []
