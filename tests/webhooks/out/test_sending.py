"""Events reach their endpoints."""

import json

import pytest
from standardwebhooks import Webhook

from pms_backend.events.services import relay_pending
from tests.factories import make_product
from tests.outbound.servers import LocalServer
from webhooks import services
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_event_is_sent_signed(subscriber: LocalServer):
    endpoint = services.create_endpoint(url=f"http://127.0.0.1:{subscriber.port}/hook/", event_types=["product.*"])
    make_product("A-1")
    make_product("B-1")
    relay_pending()

    assert services.send_due_deliveries() == 2

    first, second = sorted(subscriber.received, key=lambda one: json.loads(one.body)["sequence"])
    body = Webhook(endpoint.secret).verify(second.body, dict(second.headers))
    assert body["previous_sequence"] == json.loads(first.body)["sequence"]
    assert json.loads(first.body)["previous_sequence"] is None
    assert set(Delivery.objects.values_list("status", "tries")) == {("delivered", 1)}
