"""One id of a PMS's webhook: in the answer, the movement, the event, and the wake-up of the worker."""

import orjson
import pytest
from celery import Celery
from celery.app.trace import trace_task
from django.conf import settings
from django.db import transaction
from redis import Redis

from inventory.models import StockMovement
from pms_backend.api import context, task_context
from pms_backend.celery import app
from pms_backend.events.models import Event
from pms_backend.events.wakeups import WakeUp
from pms_integration import services
from pms_integration.models import PMSEvent
from tests.factories import make_connection, make_location, make_product
from tests.webhooks.test_inbound import post

pytestmark = pytest.mark.django_db(transaction=True)

CHANGED = orjson.dumps({
    "type": "inventory.updated", "timestamp": "2026-01-01T00:00:00Z",
    "data": {"sku": "A-1", "location": "W1", "on_hand": 7, "version": 1, "updated_at": "2026-01-01T00:00:00Z"},
})  # fmt: skip


def test_a_webhook_its_movement_and_its_event_have_one_id() -> None:
    pms = make_connection("demo")
    make_product("A-1")
    services.map_location(connection=pms, location=make_location("main"), external_id="W1", owns_stock=True)

    answer = post(CHANGED, pms.secret, webhook_id="msg_1")
    services.apply_due_events()

    movement, event = StockMovement.objects.get(), Event.objects.filter(type="stock.changed").get()
    assert (answer["X-Request-Id"], movement.request_id, event.request_id) == ("msg_1",) * 3
    assert PMSEvent.objects.get().headers == {}


def test_the_request_id_that_a_pms_sends_is_stored_with_the_webhook() -> None:
    pms = make_connection("demo")

    answer = post(CHANGED, pms.secret, **{"X-Request-Id": "of-the-pms"})

    assert answer["X-Request-Id"] == "of-the-pms"
    assert PMSEvent.objects.get().headers == {"x-request-id": "of-the-pms"}


def test_a_forged_webhook_does_not_choose_the_request_id() -> None:
    make_connection("demo")

    answer = post(CHANGED, "whsec_" + "A" * 32, webhook_id="msg_1")

    assert answer.status_code == 401
    assert answer["X-Request-Id"] != "msg_1"


def test_a_wake_up_carries_the_request_id_of_the_first_that_sends_it() -> None:
    redis = Redis.from_url(settings.CELERY_BROKER_URL)
    wake_up = WakeUp(task="tests.nothing")
    wake_up.acknowledge()

    for request_id in ("r-1", "r-2"):
        with context.bind(request_id=request_id), transaction.atomic():
            wake_up.send_after_commit()

    messages = [orjson.loads(one) for one in redis.lrange("default", 0, -1)]
    sent = [one["headers"] for one in messages if one["headers"]["task"] == "tests.nothing"]
    redis.delete("default")
    wake_up.acknowledge()
    assert [one[task_context.HEADER] for one in sent] == ["r-1"]


# Of an application of its own, since tests look at all tasks of ours.
@Celery("tests", set_as_current=False).task(name="tests.request_id", shared=False)
def look() -> str:
    """The request id of the task."""
    return context.current().request_id


@pytest.mark.parametrize(("headers", "expected"), [({task_context.HEADER: "r-1"}, "r-1"), ({}, "the-task")])
def test_a_task_runs_with_the_request_id_of_its_message(headers: dict[str, str], expected: str) -> None:
    with context.bind(request_id="outside"):
        found = trace_task(look, "the-task", (), {}, {"id": "the-task", **headers}, app=app).retval
        after = context.current().request_id

    assert (found, after) == (expected, "outside")
