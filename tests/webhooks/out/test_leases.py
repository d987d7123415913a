"""Which deliveries are sent next, and by which worker."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from tests.concurrency.threads import at_once
from tests.outbound.servers import LocalServer
from tests.webhooks.out.delivering import make_due, make_endpoint, publish, send_all, sequences, statuses
from webhooks import services
from webhooks.models import Delivery, WebhookEndpoint, unsettled
from webhooks.services.endpoint_limits import (
    FIRST_AT_ONCE,
    MAX_AT_ONCE,
    SLOW_AT_ONCE,
    SLOW_MS,
    EndpointLimits,
)
from webhooks.services.leases import LEASE_SECONDS, MAX_IN_ORDER, LeasedDelivery, lease_deliveries

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


def lease(limit: int = 1_000, limits: EndpointLimits | None = None) -> list[LeasedDelivery]:
    return list(lease_deliveries(limit, EndpointLimits() if limits is None else limits))


def publish_many(count: int) -> None:
    publish(*(str(number) for number in range(count)))


def replay(endpoint: WebhookEndpoint) -> None:
    services.replay_events(endpoint_id=endpoint.pk, since=1)


def test_of_each_endpoint_so_many_are_sent_at_once():
    endpoints = [make_endpoint() for _ in range(4)]
    new, quick, slow, failing = (endpoint.pk for endpoint in endpoints)
    WebhookEndpoint.objects.filter(pk=failing).update(failures=1)
    publish_many(30)

    leased = lease(limits=EndpointLimits(quick={quick}, slow={slow}))

    counts = {pk: sum(each.endpoint_id == pk for each in leased) for pk in (new, quick, slow, failing)}
    assert counts == {new: FIRST_AT_ONCE, quick: MAX_AT_ONCE, slow: MAX_AT_ONCE, failing: 1}
    assert lease(limits=EndpointLimits(quick={quick}, slow={slow})) == []


def test_slow_endpoints_share_their_threads_and_each_has_one():
    limits = EndpointLimits()
    for endpoint_id in range(6):
        limits.learn(endpoint_id, SLOW_MS)
    assert limits.slow_at_once == SLOW_AT_ONCE // 6
    limits.learn(0, SLOW_MS - 1)
    assert (limits.quick, len(limits.slow)) == ({0}, 5)

    for endpoint_id in range(100):
        limits.learn(endpoint_id, SLOW_MS)
    assert limits.slow_at_once == 1


def test_endpoints_take_turns_when_there_is_not_room_for_all():
    endpoints = [make_endpoint() for _ in range(5)]
    publish_many(10)

    leased = lease(10, EndpointLimits(quick={endpoint.pk for endpoint in endpoints}))

    assert sorted(each.endpoint_id for each in leased) == sorted(2 * [endpoint.pk for endpoint in endpoints])


def test_what_is_not_due_and_what_is_held_up_is_not_leased():
    waiting, held_up, disabled, good = (make_endpoint() for _ in range(4))
    publish("a")
    later = timezone.now() + timedelta(minutes=1)
    unsettled(endpoint=waiting).update(next_attempt_at=later)
    WebhookEndpoint.objects.filter(pk=held_up.pk).update(next_try_at=later)
    services.update_endpoint(endpoint_id=disabled.pk, values={"is_active": False})

    assert [each.endpoint_id for each in lease()] == [good.pk]


def test_the_lease_of_a_killed_worker_is_taken_over_when_it_ends():
    make_endpoint()
    publish("a")
    [first] = lease()
    assert (first.leased_until - timezone.now()).total_seconds() == pytest.approx(LEASE_SECONDS, abs=20)
    assert lease() == []

    Delivery.objects.update(next_attempt_at=timezone.now())

    [second] = lease()
    assert (second.id, second.tries) == (first.id, 0)
    assert second.leased_until > first.leased_until


def test_those_in_order_are_sent_by_one_worker_and_nothing_passes_one_that_waits():
    endpoint = make_endpoint()
    publish_many(MAX_IN_ORDER + 5)
    replay(endpoint)

    leased = lease()
    assert [each.is_in_order for each in leased] == [True] * MAX_IN_ORDER
    assert [each.sequence for each in leased] == sorted(each.sequence for each in leased)
    assert lease() == []

    unsettled().update(status="pending", next_attempt_at=timezone.now())
    third = unsettled().order_by("sequence")[2]
    Delivery.objects.filter(pk=third.pk).update(next_attempt_at=timezone.now() + timedelta(minutes=1))
    assert [each.sequence for each in lease()] == [third.sequence - 2, third.sequence - 1]


def test_a_lease_waits_for_nobody_and_those_in_order_do_not_pass_one_that_is_locked():
    endpoint = make_endpoint()
    publish_many(3)
    first, second, third = unsettled().order_by("sequence")

    def leased_while_locked() -> list[int]:
        with transaction.atomic():
            Delivery.objects.select_for_update().get(pk=second.pk)
            [leased] = at_once([lease])
        assert isinstance(leased, list)
        unsettled().update(status="pending", next_attempt_at=timezone.now())
        return [each.id for each in leased]

    assert leased_while_locked() == [first.pk, third.pk]
    replay(endpoint)
    assert leased_while_locked() == [first.pk]


def test_new_events_are_not_held_up_by_those_in_order():
    endpoint = make_endpoint()
    publish("a")
    replay(endpoint)
    unsettled().update(next_attempt_at=timezone.now() + timedelta(minutes=1))
    publish("b")

    assert [each.is_in_order for each in lease()] == [False]


def test_of_a_failing_endpoint_one_in_order_is_tried():
    endpoint = make_endpoint()
    publish_many(5)
    replay(endpoint)
    WebhookEndpoint.objects.update(failures=1)

    assert len(lease()) == 1


def test_two_workers_lease_each_delivery_once():
    endpoints = {make_endpoint().pk for _ in range(3)}
    publish_many(30)
    jobs: list[Callable[[], list[LeasedDelivery]]] = [
        lambda: lease(25, EndpointLimits(quick=set(endpoints))) for _ in range(4)
    ]

    found = [each for leased in at_once(jobs) if isinstance(leased, list) for each in leased]

    assert len(found) == 3 * MAX_AT_ONCE
    assert len({each.id for each in found}) == len(found)


def test_two_workers_send_each_delivery_once_and_a_replay_in_its_order(subscriber: LocalServer):
    endpoint = make_endpoint(subscriber)
    publish_many(40)
    jobs = [send_all, send_all]

    assert sum(count for count in at_once(jobs) if isinstance(count, int)) == 40
    assert len(set(sequences(subscriber.received))) == len(subscriber.received) == 40

    subscriber.received.clear()
    replay(endpoint)
    make_due()
    assert sum(count for count in at_once(jobs) if isinstance(count, int)) == 40
    found = sequences(subscriber.received)
    assert (found, len(found)) == (sorted(set(found)), 40)
    assert set(statuses(endpoint)) == {"delivered"}
