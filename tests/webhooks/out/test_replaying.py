"""A delivery is sent again, or the events of a period are; old deliveries are pruned."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db.models import F
from django.utils import timezone

from pms_backend.access.models import AuditEntry
from pms_backend.events.exceptions import SequenceExpired
from pms_backend.events.models import Event
from pms_backend.events.services import prune_events
from tests.events.examples import OtherHappened
from tests.outbound.servers import LocalServer, saying
from tests.webhooks.out.delivering import (
    bodies,
    chain,
    make_due,
    make_endpoint,
    publish,
    send_all,
    sequences,
    statuses,
)
from webhooks import services
from webhooks.exceptions import EndpointIsDisabled, EventExpired
from webhooks.models import Delivery, DeliveryAttempt, unsettled
from webhooks.schedule import MAX_ATTEMPTS

pytestmark = pytest.mark.django_db(transaction=True)


def drain() -> None:
    while send_all():
        pass


def sequence_of(thing: str) -> int:
    return Event.objects.get(subject=f"thing:{thing}").sequence or 0


def test_events_are_replayed_between_two_sequences_in_their_order(subscriber: LocalServer):
    endpoint = make_endpoint(subscriber, types=["thing.*"])
    publish(*"abcdef")
    publish("other", kind=OtherHappened)
    drain()
    before = {body["sequence"]: body for body in bodies(subscriber.received)}
    subscriber.received.clear()

    count = services.replay_events(endpoint_id=endpoint.pk, since=sequence_of("b"), until=sequence_of("e"))
    drain()

    assert count == 4
    assert [body["subject"] for body in bodies(subscriber.received)] == [f"thing:{name}" for name in "bcde"]
    assert all(body == before[body["sequence"]] for body in bodies(subscriber.received))
    assert AuditEntry.objects.latest("id").detail["events"] == 4


def test_events_are_replayed_between_two_moments(subscriber: LocalServer):
    endpoint = make_endpoint(subscriber)
    publish(*"abcd")
    drain()
    for days, thing in enumerate("dcba"):
        moment = datetime(2026, 1, 20, tzinfo=UTC) - timedelta(days=days)
        Event.objects.filter(subject=f"thing:{thing}").update(occurred_at=moment)
    subscriber.received.clear()

    services.replay_events(
        endpoint_id=endpoint.pk, since=datetime(2026, 1, 18, tzinfo=UTC), until=datetime(2026, 1, 19, tzinfo=UTC)
    )
    drain()
    assert [body["subject"] for body in bodies(subscriber.received)] == ["thing:b", "thing:c"]

    subscriber.received.clear()
    services.replay_events(endpoint_id=endpoint.pk, since=sequence_of("c"), until=datetime(2026, 1, 19, tzinfo=UTC))
    services.replay_events(endpoint_id=endpoint.pk, since=datetime(2026, 1, 20, tzinfo=UTC))
    drain()
    assert [body["subject"] for body in bodies(subscriber.received)] == ["thing:c", "thing:d"]


def test_what_is_on_its_way_is_sent_once_and_in_order(subscriber: LocalServer):
    endpoint = make_endpoint(subscriber)
    publish(*(str(number) for number in range(15)))
    services.replay_events(endpoint_id=endpoint.pk, since=1)
    drain()

    assert sequences(subscriber.received) == [sequence for sequence, _ in chain(endpoint)]
    assert len(chain(endpoint)) == 15


def test_a_second_replay_begins_again(subscriber: LocalServer):
    endpoint = make_endpoint(subscriber)
    publish(*"abc")
    drain()
    for _ in range(2):
        services.replay_events(endpoint_id=endpoint.pk, since=1)

    assert unsettled().count() == 3


def test_a_period_that_is_not_kept_is_refused():
    endpoint = make_endpoint()
    publish("a", "b")
    Delivery.objects.update(status="delivered", next_attempt_at=None)
    Event.objects.update(occurred_at=F("occurred_at") - timedelta(days=settings.EVENT_RETENTION_DAYS + 1))
    publish("c")
    prune_events()

    old = timezone.now() - timedelta(days=settings.EVENT_RETENTION_DAYS + 2)
    for since in (1, old):
        with pytest.raises(SequenceExpired):
            services.replay_events(endpoint_id=endpoint.pk, since=since)
    assert unsettled().count() == 1
    assert services.replay_events(endpoint_id=endpoint.pk, since=sequence_of("c")) == 1
    assert services.replay_events(endpoint_id=endpoint.pk, since=timezone.now() - timedelta(days=1)) == 1


def test_nothing_is_replayed_or_sent_again_to_a_disabled_endpoint():
    endpoint = make_endpoint()
    publish("a")
    services.update_endpoint(endpoint_id=endpoint.pk, values={"is_active": False})

    with pytest.raises(EndpointIsDisabled):
        services.replay_events(endpoint_id=endpoint.pk, since=1)
    with pytest.raises(EndpointIsDisabled):
        services.redeliver(delivery_id=Delivery.objects.get().pk)
    with pytest.raises(EndpointIsDisabled):
        services.send_test(endpoint_id=endpoint.pk)
    assert unsettled().count() == 0


@pytest.mark.parametrize("status", [200, 500])
def test_a_delivery_is_sent_again_and_its_log_goes_on(subscriber: LocalServer, status: int):
    endpoint = make_endpoint(subscriber)
    subscriber.respond = saying(b"", status)
    publish("a")
    for _ in range(MAX_ATTEMPTS):
        make_due()
        send_all()
    made = DeliveryAttempt.objects.count()
    first = subscriber.received[0]

    services.redeliver(delivery_id=Delivery.objects.get().pk)
    make_due()
    subscriber.respond = saying(b"")
    send_all()

    assert statuses(endpoint) == ["delivered"]
    assert DeliveryAttempt.objects.count() == made + 1
    assert subscriber.received[-1].body == first.body
    assert subscriber.received[-1].headers["webhook-id"] == first.headers["webhook-id"]
    assert AuditEntry.objects.latest("id").action == "delivery.redelivered"


def test_what_is_on_its_way_by_another_delivery_is_sent_by_that_one(subscriber: LocalServer):
    endpoint = make_endpoint(subscriber)
    publish("a")
    send_all()
    [old] = Delivery.objects.all()
    services.replay_events(endpoint_id=endpoint.pk, since=1)

    sent = services.redeliver(delivery_id=old.pk)

    assert sent.pk != old.pk
    assert statuses(endpoint) == ["delivered", "pending"]


def test_an_event_that_is_not_kept_cannot_be_sent_again():
    make_endpoint()
    publish("a")
    Event.objects.all().delete()

    with pytest.raises(EventExpired):
        services.redeliver(delivery_id=Delivery.objects.get().pk)


def test_old_deliveries_are_pruned_with_their_attempts(subscriber: LocalServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pms_backend.api.batches.PRUNE_BATCH_SIZE", 2)
    endpoint = make_endpoint(subscriber)
    publish(*"abcde")
    send_all()
    subscriber.respond = saying(b"", 500)
    publish("waiting")
    send_all()
    Delivery.objects.update(created_at=F("created_at") - timedelta(days=settings.DELIVERY_RETENTION_DAYS, hours=1))
    publish("new")

    assert services.prune_deliveries() == 5

    assert statuses(endpoint) == ["pending", "pending"]
    assert DeliveryAttempt.objects.count() == 1
    assert services.prune_deliveries() == 0


def test_the_chain_goes_on_after_all_deliveries_are_pruned(subscriber: LocalServer):
    endpoint = make_endpoint(subscriber)
    publish("a")
    send_all()
    Delivery.objects.update(created_at=F("created_at") - timedelta(days=settings.DELIVERY_RETENTION_DAYS, hours=1))
    services.prune_deliveries()
    publish("b")

    assert chain(endpoint) == [(sequence_of("b"), sequence_of("a"))]


def test_with_an_endpoint_its_deliveries_are_deleted_and_nobody_elses(subscriber: LocalServer):
    deleted, kept = make_endpoint(subscriber), make_endpoint(subscriber)
    publish("a", "b")
    send_all()

    services.delete_endpoint(endpoint_id=deleted.pk)

    assert set(Delivery.objects.values_list("endpoint", flat=True)) == {kept.pk}
    assert set(DeliveryAttempt.objects.values_list("delivery__endpoint", flat=True)) == {kept.pk}
    assert DeliveryAttempt.objects.count() == 2
