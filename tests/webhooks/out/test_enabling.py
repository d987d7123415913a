"""A disabled endpoint goes on from where it was, or sees that it does not."""

import threading
from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connections
from django.db.models import F

from pms_backend.api.exceptions import problem_of
from pms_backend.events.exceptions import SequenceExpired
from pms_backend.events.models import Event, head_sequence
from pms_backend.events.services import prune_events
from tests.concurrency.threads import DEADLINE_SECONDS
from tests.events.examples import OtherHappened
from tests.events.receivers import Receive
from tests.outbound.servers import LocalServer, saying
from tests.webhooks.out.delivering import (
    bodies,
    chain,
    make_due,
    make_endpoint,
    move_back,
    publish,
    read,
    send_all,
    sequences,
    statuses,
)
from webhooks import services
from webhooks.models import Delivery, WebhookEndpoint
from webhooks.services.endpoints import SWITCHED_OFF

pytestmark = pytest.mark.django_db(transaction=True)


def switch_off(endpoint: WebhookEndpoint) -> None:
    services.update_endpoint(endpoint_id=endpoint.pk, values={"is_active": False})


def age_events(days: int) -> None:
    Event.objects.update(occurred_at=F("occurred_at") - timedelta(days=days))


def assert_chain_without_hole(subscriber: LocalServer) -> None:
    found = {body["sequence"]: body["previous_sequence"] for body in bodies(subscriber.received)}
    ordered = sorted(found)
    assert [found[sequence] for sequence in ordered[1:]] == ordered[:-1]


def test_a_disabled_endpoint_keeps_the_sequence_that_it_has_reached(subscriber: LocalServer):
    endpoint = make_endpoint(subscriber)
    publish("a", "b")
    send_all()
    publish("c", "d")
    switch_off(endpoint)

    found = read(endpoint)
    assert (found.disabled_reason, found.resume_after) == (SWITCHED_OFF, Delivery.objects.all()[2].sequence)
    assert statuses(endpoint) == ["delivered", "delivered", "cancelled", "cancelled"]
    assert send_all() == 0


def test_one_that_has_everything_goes_on_after_the_newest_event():
    publish("before")
    new, rare = make_endpoint(), make_endpoint(types=["other.*"])
    publish("a", "b")
    Delivery.objects.all().update(status="delivered", next_attempt_at=None)
    head = head_sequence()
    switch_off(new)
    switch_off(rare)

    assert (read(new).resume_after, read(rare).resume_after) == (head, head)
    age_events(settings.EVENT_RETENTION_DAYS + 1)
    prune_events()
    for endpoint in (new, rare):
        services.enable_endpoint(endpoint_id=endpoint.pk, replay=True)
    publish("c")
    assert (len(chain(new)), chain(rare)) == (3 + 2, [])


def test_enabled_with_replay_it_gets_everything_in_order(subscriber: LocalServer):
    endpoint = make_endpoint(subscriber, types=["thing.*"])
    publish("a")
    send_all()
    publish("b")
    switch_off(endpoint)
    publish("c")
    publish("other", kind=OtherHappened)
    publish("d")

    services.enable_endpoint(endpoint_id=endpoint.pk, replay=True)
    publish("e")
    while send_all():
        pass

    found = sorted(bodies(subscriber.received), key=lambda body: body["sequence"])
    assert [body["subject"] for body in found] == [f"thing:{name}" for name in "abcde"]
    assert_chain_without_hole(subscriber)
    replayed = [body["subject"] for body in bodies(subscriber.received) if body["subject"] in ("thing:b", "thing:c")]
    assert replayed == ["thing:b", "thing:c"]
    found_endpoint = read(endpoint)
    assert (found_endpoint.is_active, found_endpoint.resume_after, found_endpoint.disabled_at) == (True, None, None)


def test_a_replay_stops_at_a_failure_and_goes_on_from_there(subscriber: LocalServer):
    endpoint = make_endpoint(subscriber, types=["thing.*"])
    switch_off(endpoint)
    publish(*(str(number) for number in range(25)))
    services.enable_endpoint(endpoint_id=endpoint.pk, replay=True)
    subscriber.respond = lambda handler: saying(b"", 500 if len(subscriber.received) == 15 else 200)(handler)

    send_all()
    assert len(subscriber.received) == 15
    assert statuses(endpoint) == ["delivered"] * 14 + ["pending"] * 11
    make_due()
    send_all()

    received = sequences(subscriber.received)
    assert received == sorted(received)
    assert len(received) == 26
    assert len(set(received)) == 25


def test_without_replay_the_gap_shows(subscriber: LocalServer):
    endpoint = make_endpoint(subscriber)
    publish("a")
    switch_off(endpoint)
    publish("b")
    services.update_endpoint(endpoint_id=endpoint.pk, values={"is_active": True})
    publish("c")
    send_all()

    [body] = bodies(subscriber.received)
    assert body["subject"] == "thing:c"
    assert body["previous_sequence"] == Event.objects.get(subject="thing:b").sequence


def test_beyond_the_retention_it_is_refused_and_stays_disabled():
    endpoint = make_endpoint()
    publish("a")
    switch_off(endpoint)
    publish("b")
    age_events(settings.EVENT_RETENTION_DAYS + 1)
    publish("c")
    prune_events()

    with pytest.raises(SequenceExpired) as refused:
        services.enable_endpoint(endpoint_id=endpoint.pk, replay=True)

    assert problem_of(refused.value).status == 410
    assert not read(endpoint).is_active
    assert statuses(endpoint) == ["cancelled"]
    services.enable_endpoint(endpoint_id=endpoint.pk)
    assert read(endpoint).is_active


def test_nothing_is_lost_between_a_replay_and_a_relay_that_saw_a_disabled_endpoint(receive: Receive):
    publish("before")
    endpoint = make_endpoint(types=["thing.*"])
    switch_off(endpoint)
    publish("missed")

    def enable() -> None:
        services.enable_endpoint(endpoint_id=endpoint.pk, replay=True)
        connections.close_all()

    enabling = threading.Thread(target=enable)

    def begin(_: Sequence[Event]) -> None:
        enabling.start()
        # It waits for the relay: without that it would be over, and this batch belong to nobody.
        enabling.join(0.3)

    receive("tests.enabling", begin)
    publish("meanwhile")
    enabling.join(DEADLINE_SECONDS)

    expected = Event.objects.filter(subject__in=["thing:missed", "thing:meanwhile"]).order_by("sequence")
    assert [sequence for sequence, _ in chain(endpoint)] == list(expected.values_list("sequence", flat=True))


def test_an_endpoint_down_for_a_week_is_warned_disabled_and_complete_after_a_replay(subscriber: LocalServer):
    endpoint = make_endpoint(subscriber, types=["thing.*"])
    publish("before")
    send_all()
    subscriber.respond = saying(b"", 500)
    # Every two hours, for a week: what is tried, and the upkeep. Twice a day something happens.
    for hours in range(0, 7 * 24, 2):
        if hours % 12 == 0:
            publish(f"day-{hours // 12}")
        send_all()
        services.check_failing_endpoints()
        move_back(endpoint, timedelta(hours=2))

    kinds = Event.objects.filter(type__startswith="endpoint.").order_by("id")
    assert list(kinds.values_list("type", flat=True)) == ["endpoint.failing", "endpoint.failing", "endpoint.disabled"]
    assert [row.data.get("days") for row in kinds] == [1, 3, None]
    assert not read(endpoint).is_active
    # The schedule of the first ones was over before it was disabled.
    assert {"failed", "cancelled"} < set(statuses(endpoint))

    subscriber.respond = saying(b"")
    subscriber.received.clear()
    services.enable_endpoint(endpoint_id=endpoint.pk, replay=True)
    publish("after")
    while send_all():
        pass

    subjects = [body["subject"] for body in sorted(bodies(subscriber.received), key=lambda body: body["sequence"])]
    assert subjects == [*(f"thing:day-{number}" for number in range(14)), "thing:after"]
    assert_chain_without_hole(subscriber)
    assert read(endpoint).failing_since is None
