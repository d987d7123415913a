"""The states of a PMS event, its retries and its end."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from inventory.models import StockLevel, StockMovement
from pms_backend.events import services as outbox
from pms_backend.events.models import Event
from pms_integration import services
from pms_integration.exceptions import NotRetriable
from pms_integration.models import PMSConnection, PMSEvent
from pms_integration.services.leases import lease_batch, lease_crashed
from pms_integration.services.retries import MAX_CRASHES, RETRY_DELAYS
from tests.factories import make_connection, make_location, make_product, set_stock, store_webhook
from tests.pms_integration.reports import apply, at, delta, figure, product, receive

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def pms() -> PMSConnection:
    return make_connection(owns=make_location("main"))


def make_due() -> None:
    PMSEvent.objects.filter(due_at__isnull=False).update(due_at=timezone.now())


def on_hand() -> int:
    return StockLevel.objects.get().on_hand


def test_a_change_of_stock_is_a_movement_that_says_where_it_comes_from(pms: PMSConnection) -> None:
    make_product("A-1")

    event = apply(pms, "inventory.adjusted", delta(5, minute=-1, reason="receipt", reference="PO-7"), webhook_id="m-1")

    assert (event.status, event.attempts, event.due_at) == ("processed", 1, None)
    assert event.processed_at is not None
    movement = StockMovement.objects.get()
    assert (movement.delta, movement.reason, movement.reference) == (5, "receipt", "PO-7")
    assert (movement.source, movement.actor, movement.request_id) == ("demo:m-1:0", "pms:demo", "m-1")
    announced = Event.objects.get(type="stock.changed")
    assert (announced.actor, announced.data["level"]["on_hand"]) == ("pms:demo", 5)


@pytest.mark.parametrize(("word", "note"), [("shrinkage", "shrinkage"), (None, ""), ("count", "count")])
def test_an_unknown_reason_is_a_correction_with_the_reason_as_note(
    pms: PMSConnection, word: str | None, note: str
) -> None:
    make_product("A-1")

    apply(pms, "inventory.adjusted", delta(5, minute=-1, reason=word))

    movement = StockMovement.objects.get()
    assert (movement.reason, movement.note) == ("correction", note)


def test_facts_apply_below_zero_with_an_event(pms: PMSConnection) -> None:
    make_product("A-1")

    apply(pms, "inventory.adjusted", delta(-2, minute=-1, reason="sale"))

    level = StockLevel.objects.get()
    assert (level.on_hand, level.is_oversold) == (-2, True)
    assert Event.objects.filter(type="stock.oversold").count() == 1

    apply(pms, "inventory.adjusted", delta(-1, minute=-0.9, reason="sale"))
    assert Event.objects.filter(type="stock.oversold").count() == 1

    apply(pms, "inventory.adjusted", delta(5, minute=-0.8, reason="receipt"))
    level.refresh_from_db()
    assert (level.on_hand, level.is_oversold) == (2, False)


def test_an_unknown_type_is_ignored(pms: PMSConnection) -> None:
    event = apply(pms, "weather.changed", {"rain": True})

    assert (event.status, event.reason) == ("ignored", "unknown_type")


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("inventory.adjusted", {"sku": "A-1", "location": "main", "delta": "many"}),
        ("inventory.adjusted", {"sku": "A-1", "location": "main", "delta": 0}),
        ("inventory.adjusted", {"sku": "A-1", "location": "main"}),
        ("inventory.adjusted", {"sku": "", "location": "main", "delta": 1}),
        ("inventory.adjusted", {"sku": "A-1", "location": "main", "delta": 10**12}),
        ("inventory.adjusted", {"sku": "A-1", "location": "main", "delta": 1, "occurred_at": "yesterday"}),
        ("inventory.adjusted", {"sku": "A-1", "location": "main", "delta": 1, "occurred_at": "2026-01-01T00:00:00"}),
        ("inventory.adjusted", {"sku": "A-1", "location": "main", "delta": 1, "occurred_at": "2026-13-41T00:00:00Z"}),
        ("inventory.updated", {"sku": "A-1", "location": "main", "on_hand": None}),
        ("product.updated", {"id": "1", "version": 1}),
        ("product.updated", {"id": "1", "version": -1, "name": "X", "variants": [{"sku": "B-1"}]}),
        ("product.updated", {"id": "1", "version": 1, "name": "X", "variants": []}),
        ("product.updated", {"id": "1", "version": 1, "name": "X", "variants": [{"sku": "B-1"}, {"sku": "b-1"}]}),
        ("product.deleted", {"id": "1"}),
    ],
)
def test_an_event_with_unusable_data_is_dead_at_once_with_the_reason(
    pms: PMSConnection, kind: str, data: dict[str, Any]
) -> None:
    make_product("A-1")
    before = Event.objects.count()

    event = apply(pms, kind, data)

    assert (event.status, event.attempts, event.due_at) == ("dead", 1, None)
    assert event.reason
    assert (StockMovement.objects.count(), Event.objects.count()) == (0, before)


def test_an_event_whose_data_is_not_an_object_is_dead(pms: PMSConnection) -> None:
    body = b'{"type": "inventory.adjusted", "timestamp": "2026-01-01T00:00:00Z", "data": [1]}'
    store_webhook(connection=pms, webhook_id="m-1", type="inventory.adjusted", body=body)
    services.apply_due_events()

    assert PMSEvent.objects.get().status == "dead"


def test_a_moment_just_ahead_is_accepted_and_one_far_ahead_is_unusable(pms: PMSConnection) -> None:
    make_product("A-1")

    assert apply(pms, "inventory.adjusted", delta(1, minute=4.9)).status == "processed"
    assert apply(pms, "inventory.adjusted", delta(1, minute=5.1)).status == "dead"
    assert on_hand() == 1


def test_the_envelope_s_timestamp_is_the_moment_of_data_without_one(pms: PMSConnection) -> None:
    make_product("A-1")
    moment = timezone.now() - timedelta(hours=3)

    apply(pms, "inventory.adjusted", {"sku": "A-1", "location": "main", "delta": 1}, timestamp=moment)

    assert StockMovement.objects.get().occurred_at == moment


def test_an_older_figure_is_stale_and_a_change_that_a_figure_includes_is_superseded(pms: PMSConnection) -> None:
    make_product("A-1")
    apply(pms, "inventory.updated", figure(10, minute=-2))

    stale = apply(pms, "inventory.updated", figure(99, minute=-3))
    superseded = apply(pms, "inventory.adjusted", delta(-1, minute=-2.5))

    assert (stale.status, stale.reason) == ("ignored", "stale")
    assert (superseded.status, superseded.reason) == ("ignored", "superseded")
    assert on_hand() == 10


def test_a_figure_includes_a_change_of_its_own_moment(pms: PMSConnection) -> None:
    make_product("A-1")
    moment = {"sku": "A-1", "location": "main", "occurred_at": at(-1)}
    apply(pms, "inventory.updated", {**moment, "on_hand": 7})

    assert apply(pms, "inventory.adjusted", {**moment, "delta": -1}).reason == "superseded"
    assert StockMovement.objects.count() == 1


def test_of_two_figures_of_a_moment_the_version_decides_and_then_the_webhook_id(pms: PMSConnection) -> None:
    make_product("A-1")
    moment = {"sku": "A-1", "location": "main", "occurred_at": at(-1)}

    apply(pms, "inventory.updated", {**moment, "on_hand": 7, "version": 2}, webhook_id="b")
    assert apply(pms, "inventory.updated", {**moment, "on_hand": 8, "version": 1}, webhook_id="c").reason == "stale"
    assert apply(pms, "inventory.updated", {**moment, "on_hand": 9, "version": 2}, webhook_id="a").reason == "stale"
    assert on_hand() == 7
    apply(pms, "inventory.updated", {**moment, "on_hand": 5, "version": 2}, webhook_id="d")
    assert on_hand() == 5


def test_a_figure_equal_to_ours_makes_no_movement(pms: PMSConnection) -> None:
    make_product("A-1")
    set_stock("A-1", "main", 4)

    event = apply(pms, "inventory.updated", figure(4, minute=0.1))

    assert event.status == "processed"
    assert StockMovement.objects.count() == 1


def test_where_the_stock_is_ours_a_figure_is_for_comparison_and_a_change_is_a_fact() -> None:
    make_location("main")
    pms = make_connection()
    make_product("A-1")
    set_stock("A-1", "main", 4)

    compared = apply(pms, "inventory.updated", figure(99, minute=1))
    changed = apply(pms, "inventory.adjusted", delta(-1, minute=0.5))

    assert (compared.status, changed.status) == ("processed", "processed")
    assert "comparison" in compared.reason
    assert pms.stock.get().on_hand == 99
    assert on_hand() == 3


def test_the_connection_s_name_for_a_location_is_understood(pms: PMSConnection) -> None:
    make_product("A-1")
    east = make_location("east")
    services.map_location(connection=pms, location=east, external_id="Lager Ost", owns_stock=False)

    apply(pms, "inventory.adjusted", {**delta(3, minute=-1), "location": "Lager Ost"})

    assert StockLevel.objects.get().location == east


def test_an_unknown_location_fails_is_retried_with_growing_pauses_and_is_dead_in_the_end(pms: PMSConnection) -> None:
    make_product("A-1")

    event = apply(pms, "inventory.adjusted", {**delta(3, minute=-1), "location": "moon"})
    pauses = []
    while event.status == "failed":
        assert "unknown_location" in event.reason
        pauses.append(event.due_at - timezone.now())
        make_due()
        services.apply_due_events()
        event.refresh_from_db()

    assert pauses == sorted(pauses)
    assert (event.status, event.attempts) == ("dead", len(RETRY_DELAYS) + 1)
    assert not StockMovement.objects.exists()


def test_a_retry_succeeds_once_the_location_exists(pms: PMSConnection) -> None:
    make_product("A-1")
    event = apply(pms, "inventory.adjusted", {**delta(3, minute=-1), "location": "moon"})

    make_location("moon")
    make_due()
    services.apply_due_events()

    event.refresh_from_db()
    assert event.status == "processed"
    assert on_hand() == 3


def test_a_deferred_event_is_applied_once_its_sku_exists(pms: PMSConnection) -> None:
    event = apply(pms, "inventory.adjusted", delta(3, minute=-1, sku="later-1"))
    assert (event.status, event.waits_for_sku_key) == ("deferred", "later-1")
    assert event.due_at > timezone.now()

    make_product("Later-1")
    services.apply_due_events()

    event.refresh_from_db()
    assert event.status == "processed"
    assert on_hand() == 3


def test_a_task_out_of_time_sends_the_next_wake_up(pms: PMSConnection, monkeypatch) -> None:
    sent = []
    monkeypatch.setattr("pms_backend.events.wakeups.WakeUp.send", lambda wake_up: sent.append(wake_up.task))
    monkeypatch.setattr("pms_integration.services.applying.DRAIN_SECONDS", 0)
    make_product("A-1")

    event = apply(pms, "inventory.adjusted", delta(3, minute=-1))

    assert event.status == "received"
    assert "pms_integration.tasks.apply_pms_events" in sent


@pytest.mark.django_db(transaction=True)
def test_the_relay_sends_the_wake_up_of_deferred_events(pms: PMSConnection, monkeypatch) -> None:
    sent = []
    monkeypatch.setattr("pms_backend.events.wakeups.WakeUp.send", lambda wake_up: sent.append(wake_up.task))
    make_product("A-1")

    outbox.relay_pending()

    assert "pms_integration.tasks.apply_pms_events" in sent


def test_waiting_for_a_sku_does_not_count_as_a_failure(pms: PMSConnection) -> None:
    event = apply(pms, "inventory.adjusted", {**delta(3, minute=-1), "location": "moon"})
    for _ in range(len(RETRY_DELAYS) + 3):
        make_due()
        services.apply_due_events()

    make_product("A-1")
    services.apply_due_events()

    event.refresh_from_db()
    assert (event.status, event.failures) == ("failed", 1)


def test_an_event_that_waited_a_day_for_its_sku_is_dead(pms: PMSConnection) -> None:
    event = apply(pms, "inventory.adjusted", delta(3, minute=-26 * 60, sku="never"))
    PMSEvent.objects.update(received_at=timezone.now() - timedelta(hours=25))
    make_due()

    services.apply_due_events()

    event.refresh_from_db()
    assert event.status == "dead"
    assert "It did not become known within a day" in event.reason


def test_an_event_whose_worker_died_is_applied_later_and_the_crash_counted(pms: PMSConnection) -> None:
    make_product("A-1")
    event = receive(pms, "inventory.adjusted", delta(3, minute=-1))
    lease_batch()  # and then its worker dies

    services.apply_due_events()
    event.refresh_from_db()
    assert event.status == "processing"  # the lease is still valid

    make_due()
    services.apply_due_events()
    event.refresh_from_db()
    assert (event.status, event.attempts, event.crashes) == ("processed", 2, 1)
    assert on_hand() == 3


def test_an_event_that_kills_every_worker_is_dead_after_five(pms: PMSConnection) -> None:
    make_product("A-1")
    event = receive(pms, "inventory.adjusted", delta(3, minute=-1))
    lease_batch()
    for _ in range(MAX_CRASHES - 1):
        make_due()
        assert lease_crashed() != []

    make_due()
    services.apply_due_events()

    event.refresh_from_db()
    assert (event.status, event.crashes) == ("dead", 5)
    assert not StockMovement.objects.exists()


def test_a_lost_lease_writes_nothing(pms: PMSConnection) -> None:
    make_product("A-1")
    receive(pms, "inventory.adjusted", delta(3, minute=-1))
    slow = lease_batch()
    make_due()
    services.apply_due_events()

    services.apply_events(slow)

    assert StockMovement.objects.count() == 1


def test_an_unexpected_error_is_a_failure_and_is_retried(pms: PMSConnection, monkeypatch) -> None:
    make_product("A-1")
    with monkeypatch.context() as broken:
        broken.setattr("pms_integration.services.applying._apply_reports", lambda pms, reported: 1 / 0)
        event = apply(pms, "inventory.adjusted", delta(3, minute=-1))
    assert (event.status, event.reason) == ("failed", "ZeroDivisionError: division by zero")

    make_due()
    services.apply_due_events()

    event.refresh_from_db()
    assert event.status == "processed"


def test_a_dead_event_can_be_retried_and_a_processed_one_cannot(pms: PMSConnection) -> None:
    make_product("A-1")
    dead = apply(pms, "inventory.adjusted", delta(1, minute=9))
    PMSEvent.objects.update(received_at=timezone.now() + timedelta(minutes=6))

    services.retry_event(event_id=dead.pk)
    services.apply_due_events()

    dead.refresh_from_db()
    assert dead.status == "processed"
    with pytest.raises(NotRetriable):
        services.retry_event(event_id=dead.pk)


def test_events_and_their_summary_are_listed(pms: PMSConnection, api) -> None:
    make_product("A-1")
    apply(pms, "inventory.adjusted", delta(1, minute=-1), webhook_id="m-1")
    apply(pms, "weather.changed", {}, webhook_id="m-2")

    rows = api.get("/api/v1/pms/events/").json()["results"]
    assert [(row["webhook_id"], row["connection"], row["status"]) for row in rows] == [
        ("m-2", "demo", "ignored"), ("m-1", "demo", "processed"),
    ]  # fmt: skip
    assert api.get("/api/v1/pms/events/?status=ignored").json()["results"] == rows[:1]
    one = api.get(f"/api/v1/pms/events/{rows[0]['id']}/").json()
    assert one == rows[0] | {"headers": {}, "body": bytes(PMSEvent.objects.get(pk=one["id"]).body).decode()}
    assert api.get("/api/v1/pms/events/summary/").json() == {"ignored": 1, "processed": 1}
    refused = api.post(f"/api/v1/pms/events/{rows[0]['id']}/retry/")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_retriable")


def test_a_product_of_the_pms_becomes_ours_and_follows_its_versions(pms: PMSConnection) -> None:
    apply(pms, "product.created", product("7", 1, name="Lamp"))
    apply(pms, "product.updated", product("7", 3, name="Lamp three"))
    stale = apply(pms, "product.updated", product("7", 2, name="Lamp two"))

    ours = pms.products.get().product
    assert (ours.name, ours.status, stale.reason) == ("Lamp three", "active", "stale")
