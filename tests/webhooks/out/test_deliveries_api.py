"""`/api/v1/webhooks/deliveries/`: each event on its way, with its attempts, and sent again."""

from typing import Any

import pytest

from pms_backend.events.models import Event
from tests.conftest import JSONClient
from tests.outbound.servers import LocalServer, hanging_up, saying
from tests.webhooks.out.delivering import make_due, make_endpoint, publish, send_all
from webhooks.models import Delivery, DeliveryAttempt, WebhookEndpoint

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/webhooks/deliveries/"


def shown(client: JSONClient, **filters: Any) -> list[int]:
    response = client.get(URL, filters)
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


def test_a_delivery_has_its_attempts(api: JSONClient, subscriber: LocalServer):
    endpoint = make_endpoint(subscriber)
    subscriber.respond = saying(b"no", 500)
    publish("a")
    send_all()

    delivery = Delivery.objects.get()
    [attempt] = DeliveryAttempt.objects.all()
    event = Event.objects.get()
    expected = {
        "id": delivery.pk, "endpoint": endpoint.pk, "event": event.public_id, "type": "thing.happened",
        "sequence": event.sequence, "status": "pending",
        "attempts": [
            {
                "at": attempt.at.isoformat().replace("+00:00", "Z"), "status": 500, "ms": attempt.ms, "answer": "no",
                "error": "",
            }
        ],
        "next_attempt_at": delivery.next_attempt_at.isoformat().replace("+00:00", "Z"),
    }  # fmt: skip
    assert api.get(f"{URL}{delivery.pk}/").json() == expected
    assert api.get(URL).json()["results"] == [expected]

    subscriber.respond = hanging_up
    make_due()
    send_all()
    last = api.get(f"{URL}{delivery.pk}/").json()["attempts"][1]
    assert (last["status"], last["answer"]) == (None, "")
    assert last["error"] != ""


def test_deliveries_are_filtered(api: JSONClient, subscriber: LocalServer):
    first, second = make_endpoint(subscriber), make_endpoint(subscriber)
    publish("a", "b")
    send_all()
    last = Delivery.objects.filter(endpoint=second).latest("id")
    Delivery.objects.filter(pk=last.pk).update(status="failed")
    of_first = list(Delivery.objects.filter(endpoint=first).order_by("-id").values_list("pk", flat=True))

    assert shown(api, endpoint=first.pk) == of_first
    assert shown(api, status="failed") == [last.pk]
    assert set(shown(api, event=last.event_public_id)) == set(
        Delivery.objects.filter(event_id=last.event_id).values_list("pk", flat=True)
    )
    assert shown(api, event=last.event_public_id, endpoint=second.pk, status="failed") == [last.pk]
    for unknown in ("evt_", "evt_0", "evt_x", "1", "evt_" + 30 * "9"):
        assert shown(api, event=unknown) == []
    assert api.get(URL, {"status": "lost"}).status_code == 422
    assert api.get(URL, {"endpoint": "x"}).status_code == 422


def test_one_is_sent_again(api: JSONClient, subscriber: LocalServer):
    make_endpoint(subscriber)
    publish("a")
    send_all()
    url = f"{URL}{Delivery.objects.get().pk}/redeliver/"

    again = api.post(url)

    assert (again.status_code, again.json()["status"], len(again.json()["attempts"])) == (202, "pending", 1)
    send_all()
    assert len(subscriber.received) == 2

    WebhookEndpoint.objects.update(is_active=False, disabled_at="2026-01-01T00:00:00Z", resume_after=0)
    refused = api.post(url)
    assert (refused.status_code, refused.json()["code"]) == (409, "endpoint_disabled")
    WebhookEndpoint.objects.update(is_active=True, disabled_at=None, resume_after=None)
    Event.objects.all().delete()
    gone = api.post(url)
    assert (gone.status_code, gone.json()["code"]) == (410, "event_expired")
    assert api.post(f"{URL}999999/redeliver/").status_code == 404
    assert Delivery.objects.get().status == "delivered"
